# %% [markdown] lang="en"
# # … appears to not have been used in the graph {#unused-in-graph}
#
# You asked for the derivative with respect to a tensor from which no recorded path leads
# to the output. If it is really not used, the derivative is zero. If a *copy* was used,
# the two usual remedies give `{python} silenced` and `{python} zero.tolist()` where
# `{python} slope.tolist()` is right.

# %% [markdown] lang="zh"
# # … appears to not have been used in the graph {#unused-in-graph}
#
# 你对某个张量求导，可是从它到输出没有任何被记录的路径。要是真的没用到它，导数就是零。
# 要是用到的是它的*副本*，常见的两个办法就会给出 `{python} silenced` 和
# `{python} zero.tolist()`，而正确的是 `{python} slope.tolist()`。

# %% raises="RuntimeError: The differentiated Tensor at index 1 appears to not have been used in the graph."
import torch

a = torch.tensor(2.0, requires_grad=True)
b = torch.tensor(3.0, requires_grad=True)
torch.autograd.grad(a**2, [a, b])

# %% [markdown] lang="en"
# ## Why {#why}
#
# [`torch.autograd.grad`][] walks from the output back to the inputs it was given, and it
# did not meet this one. `index 1` counts the inputs from 0. Zero may be right, or a sign
# that something was cut; so it raises. `backward()` does not: it leaves `.grad` at None.
# Older versions say `One of the differentiated Tensors` and not which.

# %% [markdown] lang="zh"
# ## 原因 {#why}
#
# [`torch.autograd.grad`][] 从输出往回走，去找给它的那些输入，这一个没有遇到。`index 1` 从 0
# 数起。零也许是对的，也许说明哪里断了，所以它报错。`backward()` 不报，只让 `.grad` 停在 None。
# 旧版写的是 `One of the differentiated Tensors`，不说是哪一个。

# %% [markdown] lang="en"
# ## Fix {#fix}
#
# If the output does not depend on it, leave it out, or ask for zeros. (The derivative of
# $a^2$ at 2 is 4, that of a constant 0.)

# %% [markdown] lang="zh"
# ## 解决 {#fix}
#
# 输出与它无关，就别求它的导数，或者要求补零。（$a^2$ 在 2 处的导数是 4，常数的导数是 0。）

# %%
print("left out", torch.autograd.grad(a**2, [a]))
print("zeros   ", torch.autograd.grad(a**2, [a, b], materialize_grads=True))

# %% [markdown] lang="en"
# ## Which one is yours? {#causes}
#
# - [Not used](#unused-input): the output does not depend on this input. Zero is right.
# - [Another tensor was used](#another-tensor): a copy, a slice or a view. Zero is wrong.
# - [The path is cut](#cut): it was used, but not recorded. Zero is wrong here too.

# %% [markdown] lang="zh"
# ## 你属于哪一种？ {#causes}
#
# - [没有用到](#unused-input)：输出与这个输入无关，导数就是零。
# - [用的是另一个张量](#another-tensor)：副本、切片或视图，给零就错了。
# - [路径被切断](#cut)：用到了，但没有记录，给零也是错的。

# %% [markdown] lang="en"
# ### The input is not used {#unused-input}
#
# The program at the top ([why](#why), [fix](#fix)). In practice it is a layer that the
# forward pass leaves out, and the index says which parameter:

# %% [markdown] lang="zh"
# ### 没有用到这个输入 {#unused-input}
#
# 就是页首的程序（[原因](#why)、[解决](#fix)）。实际中往往是前向传播没走到的一层，
# 由序号可以查到是哪个参数：

# %% raises="RuntimeError: The differentiated Tensor at index 2 appears to not have been used in the graph."
net = torch.nn.ModuleDict(
    {"body": torch.nn.Linear(2, 1), "spare": torch.nn.Linear(2, 1)}
)
names = [name for name, _ in net.named_parameters()]
print("index 2 is", names[2])
loss = net["body"](torch.ones(4, 2)).square().mean()  # (N, D)
torch.autograd.grad(loss, list(net.parameters()))

# %% [markdown] lang="en"
# The index is the first one found. To see all, run forward again (the failed call has
# freed the graph) and list what comes back as None with `allow_unused=True`. Then drop
# the layer, use it, or take zeros:

# %% [markdown] lang="zh"
# 序号只是找到的第一个。想看全部，就重新前向传播（失败的那次调用已经释放了计算图），
# 带 `allow_unused=True` 求一次，列出结果为 None 的。然后删掉那一层，或者用上它，或者补零：

# %%
parameters = list(net.parameters())
loss = net["body"](torch.ones(4, 2)).square().mean()
slopes = torch.autograd.grad(loss, parameters, retain_graph=True, allow_unused=True)
pairs = list(zip(names, slopes, strict=True))
print("unused", [name for name, slope in pairs if slope is None])
slopes = torch.autograd.grad(loss, parameters, materialize_grads=True)
for name, slope in zip(names, slopes, strict=True):
    print(f"{name:<13}{tuple(slope.shape)!s:<7} all zero {not slope.any()}")

# %% [markdown] lang="en"
# ### Another tensor was used {#another-tensor}
#
# `x.view(3, 1)` is written twice and makes two tensors. The output was computed from the
# first; the second was made afterwards and leads nowhere:

# %% [markdown] lang="zh"
# ### 用的是另一个张量 {#another-tensor}
#
# `x.view(3, 1)` 写了两次，就是两个张量。输出由前一个算出；后一个是事后才建的，哪里也不通：

# %% raises="RuntimeError: The differentiated Tensor at index 0 appears to not have been used in the graph."
x = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
loss = x.view(3, 1).square().sum()
torch.autograd.grad(loss, x.view(3, 1))

# %% [markdown] lang="en"
# The same goes for `x[0]`, `x.double()`, `x.clone()`. Make the copy once, give it a name
# and use that name in both places; or ask for `x` and take the part of the result:

# %% [markdown] lang="zh"
# `x[0]`、`x.double()`、`x.clone()` 也是这样。副本只建一次，起个名字，计算用它，求导也对它；
# 或者对 `x` 求导，再从结果里取出那一部分：

# %%
column = x.view(3, 1)
(slope,) = torch.autograd.grad(column.square().sum(), column)
print("named ", slope.flatten().tolist())
(slope,) = torch.autograd.grad(x.view(3, 1).square().sum(), x)
print("from x", slope.tolist(), " x[0]:", slope[0].item())

# %% [markdown] lang="en"
# ### The path is cut {#cut}
#
# `w` was used, but `detach()` (or `item()`, NumPy, `no_grad`) left no record of it. The
# output has a graph through `u` alone; without that,
# [it would not require grad at all](does-not-require-grad.py#cut):

# %% [markdown] lang="zh"
# ### 路径被切断 {#cut}
#
# `w` 用到了，但 `detach()`（或 `item()`、NumPy、`no_grad`）没留下记录。输出还有计算图，
# 全靠 `u`；没有它，[输出自己就不需要梯度](does-not-require-grad.py#cut)：

# %% raises="RuntimeError: The differentiated Tensor at index 1 appears to not have been used in the graph."
u = torch.tensor(2.0, requires_grad=True)
w = torch.tensor(3.0, requires_grad=True)
h = (w * w).detach()
torch.autograd.grad(u * h, [u, w])

# %% [markdown] lang="en"
# Remove the cut. $u w^2$ has the derivatives $w^2 = 9$ and $2uw = 12$:

# %% [markdown] lang="zh"
# 去掉断点。$u w^2$ 的两个导数是 $w^2 = 9$ 和 $2uw = 12$：

# %%
right = torch.autograd.grad(u * (w * w), [u, w])
print([value.item() for value in right])

# %% [markdown] lang="en"
# ## Advice that does not work {#advice}
#
# ### "Set allow_unused=True" {#advice-allow-unused}
#
# It is what the message itself proposes. The gradient is then None, and the first line
# that computes with it raises:

# %% [markdown] lang="zh"
# ## 不管用的建议 {#advice}
#
# ### “设 allow_unused=True” {#advice-allow-unused}
#
# 报错信息自己就这么说。这样一来梯度是 None，第一行拿它计算的代码就报错：

# %% raises="TypeError: unsupported operand type(s) for *: 'float' and 'NoneType'"
slopes = torch.autograd.grad(a**2, [a, b], allow_unused=True)
print(slopes)
with torch.no_grad():
    for parameter, slope in zip([a, b], slopes, strict=True):
        parameter -= 0.1 * slope

# %% [markdown] lang="en"
# `a` was updated before the second one raised: it is `{python} f"{a.item():.4f}"` now, no
# longer 2. Where [another tensor](#another-tensor) was used, None hides a gradient that
# exists:

# %% [markdown] lang="zh"
# 报错之前 `a` 已经更新：现在是 `{python} f"{a.item():.4f}"`，不再是 2。如果用的是
# [另一个张量](#another-tensor)，None 掩盖的是一个存在的梯度：

# %%
loss = x.view(3, 1).square().sum()
copy = x.view(3, 1)
(silenced,) = torch.autograd.grad(loss, copy, retain_graph=True, allow_unused=True)
(slope,) = torch.autograd.grad(loss, x, retain_graph=True)
print("allow_unused", silenced, "  right", slope.tolist())

# %% [markdown] lang="en"
# ### "Set materialize_grads=True" {#advice-materialize}
#
# Right for an input that is [not used](#unused-input). In the other two cases it turns
# the error into a wrong number, and the weight is not trained:

# %% [markdown] lang="zh"
# ### “设 materialize_grads=True” {#advice-materialize}
#
# 输入[没有用到](#unused-input)时是对的。另外两种情况下，它把报错变成错误的数，
# 权重得不到训练：

# %%
(zero,) = torch.autograd.grad(loss, copy, retain_graph=True, materialize_grads=True)
zero = zero.flatten()
print("another tensor", zero.tolist(), "instead of", slope.tolist())
cut = torch.autograd.grad(u * h, [u, w], materialize_grads=True)
print("cut           ", cut[1].item(), "instead of", right[1].item())

# %% [markdown] lang="en"
# ### "Set requires_grad=True" {#advice-flag}
#
# After the forward pass it is too late: the flag only lets the next check fail, which is
# this page's. `retain_graph=True` keeps what is there, and adds nothing:

# %% [markdown] lang="zh"
# ### “设 requires_grad=True” {#advice-flag}
#
# 前向传播之后再设就晚了：有了标志，只是轮到下一项检查报错，也就是本页这一条。
# `retain_graph=True` 只保留已有的，不会添上什么：

# %%
c = torch.tensor(3.0)
output = (x * c).sum()
for flag in (False, True):
    c.requires_grad_(flag)
    try:
        torch.autograd.grad(output, c, retain_graph=True)
    except RuntimeError as error:
        print(f"requires_grad={flag!s:<6}", str(error).split(". ")[0])
(slope_c,) = torch.autograd.grad((x * c).sum(), c)
print("forward again:", slope_c.item())

# %% [markdown] lang="en"
# ### "Add 0 * b to the output" {#advice-zero-times}
#
# It puts `b` into the graph and the zero is right, as long as `b` is finite. If it is
# not, the output is nan, and with it every gradient that depends on its value:

# %% [markdown] lang="zh"
# ### “给输出加上 0 * b” {#advice-zero-times}
#
# `b` 进了计算图，零也是对的，只要 `b` 有限。否则输出是 nan，凡是要用到这个值的梯度也都是 nan：

# %%
a = torch.tensor(2.0, requires_grad=True)
for value in (3.0, float("inf")):
    b = torch.tensor(value, requires_grad=True)
    output = (a**2 + 0 * b).square()
    slopes = torch.autograd.grad(output, [a, b])
    print(f"b = {value}: output {output.item()}, slopes", [s.item() for s in slopes])
slopes = torch.autograd.grad((a**2).square(), [a, b], materialize_grads=True)
print("materialize_grads       slopes", [s.item() for s in slopes])

# %% [markdown] lang="en"
# ## Looks like it, is not {#looks-like}
#
# The input has no flag; the output was not recorded; two options contradict each other;
# and the strict mode of [`jacobian`][torch.autograd.functional.jacobian] asks the same
# question in other words:

# %% [markdown] lang="zh"
# ## 看着像，其实不是 {#looks-like}
#
# 输入没有标志；输出没有被记录；两个选项互相矛盾；
# 还有 [`jacobian`][torch.autograd.functional.jacobian] 的严格模式，问的是同一件事，说法不同：

# %%
plain, grad = torch.tensor(3.0), torch.autograd.grad
jacobian = torch.autograd.functional.jacobian
for call in (
    lambda: grad(a**2, plain),
    lambda: grad(plain**2, a),
    lambda: grad(a**2, b, allow_unused=False, materialize_grads=True),
    lambda: jacobian(lambda p, q: p**2, (plain, plain), strict=True),
):
    try:
        call()
    except (RuntimeError, ValueError) as error:
        print("-", str(error).split(". ")[0].split(", but")[0])

# %% [markdown] lang="en"
# `backward` and [`torch.func.grad`][] say nothing: the first leaves None, the second
# returns zero. [`.grad` is None](grad-is-none.py) has a page of its own.

# %% [markdown] lang="zh"
# `backward` 和 [`torch.func.grad`][] 什么也不说：前者留下 None，后者返回零。
# [`.grad` 为 None](grad-is-none.py) 另有一页。

# %%
b = torch.tensor(3.0, requires_grad=True)
(a**2).backward(inputs=[a, b])
print("backward       ", a.grad, b.grad)
both = torch.func.grad(lambda p, q: p**2, argnums=(0, 1))
print("torch.func.grad", *both(torch.tensor(2.0), torch.tensor(3.0)))

# %% [markdown] lang="en"
# ## Read on {#read-on}
#
# - [`no_grad`, `detach` and `eval`, measured](../autograd/no-grad.py#detach)
# - [What is a leaf, what is a copy](grad-is-none.py) · [Advice, tested](advice.py)
# - PyTorch: [`torch.autograd.grad`][], with `allow_unused` and `materialize_grads`

# %% [markdown] lang="zh"
# ## 延伸阅读 {#read-on}
#
# - [逐个测量：`no_grad`、`detach`、`eval`](../autograd/no-grad.py#detach)
# - [叶子张量和副本](grad-is-none.py) · [常见建议，逐条实测](advice.py)
# - PyTorch：[`torch.autograd.grad`][]，含 `allow_unused` 和 `materialize_grads`
