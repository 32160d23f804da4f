# %% [markdown] lang="en"
# # one of the variables needed for gradient computation has been modified by an inplace operation {#modified-by-inplace}
#
# Backward needs a tensor as it was, and a line of yours has written into it since;
# [a tool below](#detective) names both lines. If that line is a step of `SGD(fused=True)`,
# nothing raises: the gradient comes out as `{python} f"{stale:.4f}"`, where
# `{python} f"{before:.4f}"` is right before the step and `{python} f"{again:.4f}"` after it.

# %% [markdown] lang="zh"
# # one of the variables needed for gradient computation has been modified by an inplace operation {#modified-by-inplace}
#
# 反向传播需要某个张量原来的值，而你的代码后来改写了它。报错只说是哪个张量；
# [下文的工具](#detective)能把两行代码都指出来。要是中间更新权重的是 `SGD(fused=True)`，
# 就连报错也没有，梯度算成 `{python} f"{stale:.4f}"`：更新前应为
# `{python} f"{before:.4f}"`，更新后应为 `{python} f"{again:.4f}"`，两边都不是。

# %% raises="RuntimeError: modified by an inplace operation: [torch.FloatTensor [2]], which"
import torch
from torch import nn

x = torch.tensor([-1.0, 2.0], requires_grad=True)
y = torch.sigmoid(x)
y += 1
y.sum().backward()

# %% [markdown] lang="en"
# ## Why {#why}
#
# The derivative of the sigmoid is $s(1 - s)$, so it saved its output $s$. `y += 1` wrote
# into the same memory, and the tensor's counter went from version 0 to 1. With the new
# numbers the gradient would be wrong. `output 0 of Sigmoid` (once `SigmoidBackward0`)
# says which operation made the tensor, or wrote into it last.

# %% [markdown] lang="zh"
# ## 原因 {#why}
#
# sigmoid 的导数是 $s(1 - s)$，所以它保存了自己的输出 $s$。`y += 1` 改写了同一块内存，
# 张量的版本计数器从 0 变成 1。拿改写后的数去算，梯度就错了。
# `output 0 of Sigmoid`（旧版写作 `SigmoidBackward0`）说的是：
# 这个张量由哪个操作产生，或者最后一次由谁写入。

# %%
s = torch.sigmoid(x).detach()
print("needed ", [f"{slope:.4f}" for slope in (s * (1 - s)).tolist()])
s += 1
print("written", [f"{slope:.4f}" for slope in (s * (1 - s)).tolist()])

# %% [markdown] lang="en"
# ## Fix {#fix}
#
# Make a new tensor instead, or write into a clone. Both give what is needed:

# %% [markdown] lang="zh"
# ## 解决 {#fix}
#
# 让结果成为新的张量，或者写进一份克隆。两种写法的梯度都对：


# %%
def slopes(y):
    (dx,) = torch.autograd.grad(y.sum(), x)
    return [f"{slope:.4f}" for slope in dx.tolist()]


print("out of place", slopes(torch.sigmoid(x) + 1))
y = torch.sigmoid(x).clone()
y += 1
print("clone       ", slopes(y))

# %% [markdown] lang="en"
# ## Which one is yours? {#causes}
#
# - [A saved tensor](#saved-output): `+=`, `y[mask] = …` or `h[t] = …` in your own code.
# - [A flag](#relu-inplace): `ReLU(inplace=True)` after a layer that saved its output.
# - [A step in between](#step-between): the second `backward()` raises, and names a tensor
#   of the shape of a weight, for `Linear` transposed. Usual in GANs and actor–critic.

# %% [markdown] lang="zh"
# ## 你属于哪一种？ {#causes}
#
# - [写进了已保存的张量](#saved-output)：你自己代码里的 `+=`、`y[mask] = …` 或 `h[t] = …`。
# - [一个开关](#relu-inplace)：前一层保存了输出，后面接了 `ReLU(inplace=True)`。
# - [中间更新过权重](#step-between)：报错的是第二次 `backward()`，张量形状与某个权重
#   一致（`Linear` 则是权重的转置）。GAN 和 actor–critic 里最常见。

# %% [markdown] lang="en"
# ### A saved tensor, written into {#saved-output}
#
# The first program was one. Cutting off large values is another. `exp` saved its output,
# as do `sigmoid`, `tanh`, `relu`, `sqrt` and `softmax`:

# %% [markdown] lang="zh"
# ### 写进了已保存的张量 {#saved-output}
#
# 页首的程序就是一例。把大的值截断是另一例。`exp` 保存了自己的输出，`sigmoid`、`tanh`、
# `relu`、`sqrt`、`softmax` 也都如此：

# %% raises="RuntimeError: modified by an inplace operation: [torch.FloatTensor [2]], which"
y = torch.exp(x)
y[y > 1] = 1
y.sum().backward()

# %% [markdown] lang="en"
# `clamp` makes a new tensor. Where it cut off, the gradient is zero:

# %% [markdown] lang="zh"
# `clamp` 会产生新的张量。被截断的地方梯度为零：

# %%
print("by hand", [f"{slope:.4f}" for slope in (torch.exp(x[0]).item(), 0)])
print("clamp  ", slopes(torch.exp(x).clamp(max=1)))

# %% [markdown] lang="en"
# An operation that saved its *input* is hurt as well, here `square`. The message then
# names the last writer, and nothing says `square`:

# %% [markdown] lang="zh"
# 保存了*输入*的操作同样会受害，例如这里的 `square`。这时报错里写的是最后一次写入，
# 全文不提 `square`：

# %%
h = 3 * x
y = h.square()
h.tanh_()
try:
    y.sum().backward()
except RuntimeError as error:
    print(str(error).split("which is ")[1].split(" instead")[0])

# %% [markdown] lang="en"
# A buffer filled in a loop does this too: each row is computed from the one before, and
# the next write goes into the same tensor. Collect a list and `torch.stack` it:

# %% [markdown] lang="zh"
# 在循环里逐行填写一个张量，也属于这一种：每一行由前一行算出，而下一次写入改的是同一个张量。
# 改成先收集到列表，再用 `torch.stack` 合并：

# %%
rows = [x[1]]
h = torch.zeros(3)
h[0] = x[1]
for t in (1, 2):
    rows.append(rows[-1].square())
    h[t] = h[t - 1].square()
try:
    h.sum().backward()
except RuntimeError as error:
    print(str(error).split("which is ")[1].split(" instead")[0])
print("stack", slopes(torch.stack(rows)), "by hand", 1 + 2 * 2 + 4 * 2**3)

# %% [markdown] lang="en"
# ### `inplace=True` in a layer {#relu-inplace}
#
# A block that starts with `ReLU(inplace=True)` overwrites what it is given. Here that is
# the output of `Tanh`, which `Tanh` had saved:

# %% [markdown] lang="zh"
# ### 某一层的 `inplace=True` {#relu-inplace}
#
# 以 `ReLU(inplace=True)` 开头的模块会改写传给它的张量。这里传进来的是 `Tanh` 的输出，
# 而 `Tanh` 已经把它保存了：

# %% raises="RuntimeError: modified by an inplace operation: [torch.FloatTensor [2]], which"
torch.manual_seed(0)
block = nn.Sequential(nn.ReLU(inplace=True), nn.Linear(2, 1))
model = nn.Sequential(nn.Linear(2, 2), nn.Tanh(), block)
model(x).sum().backward()

# %% [markdown] lang="en"
# One flag is enough, and the message points to it: the layer *after* `Tanh`.
# After `Linear`, convolutions and normalisations the flag is fine:
# [the map](inplace-map.py) has them all.

# %% [markdown] lang="zh"
# 只要关掉一个开关，报错已经告诉你是哪个：`Tanh` *后面*的那一层。放在 `Linear`、卷积、
# 归一化之后，这个开关没有问题：各层的情况见[这张表](inplace-map.py)。

# %%
block[0].inplace = False
print("flag off    ", slopes(model(x)))
hidden = torch.relu(torch.tanh(model[0](x)))
print("step by step", slopes(block[1](hidden)))

# %% [markdown] lang="en"
# ### A step between forward and backward {#step-between}
#
# Two losses from one forward pass, and an update between their backward passes. The
# update writes into the weights, and the second layer had saved its own, to pass the
# gradient down. With weights 3 and 2 all can be checked by hand:

# %% [markdown] lang="zh"
# ### 前向与反向之间更新了权重 {#step-between}
#
# 一次前向传播得到两个损失，两次反向传播之间更新了权重。更新就是写进权重，而第二层保存了
# 自己的权重，要用它把梯度传给前一层。取权重为 3 和 2，一切都能手算：


# %%
def pair(**options):
    model = nn.Sequential(nn.Linear(1, 1, bias=False), nn.Linear(1, 1, bias=False))
    with torch.no_grad():
        for layer, weight in zip(model, (3, 2), strict=True):
            layer.weight.fill_(weight)
    return model, torch.optim.SGD(model.parameters(), lr=0.1, **options)


def second_slope(model, y):
    model.zero_grad()
    y.square().sum().backward()
    return model[0].weight.grad.item()


# %% raises="RuntimeError: modified by an inplace operation: [torch.FloatTensor [1, 1]], which"
model, optimizer = pair()
y = model(torch.ones(1, 1))
y.sum().backward(retain_graph=True)
optimizer.step()
second_slope(model, y)

# %% [markdown] lang="en"
# `FloatTensor [1, 1]` is $w_2$, as a view (`AsStrided`): `Linear` saves the transpose.
# Setting it up took 2 versions. Go forward again after the step, or finish both backward
# passes before it. The slope of $y^2$ is $2 y w_2$; the step leads from 3 and 2 to 2.8
# and 1.7:

# %% [markdown] lang="zh"
# `FloatTensor [1, 1]` 就是 $w_2$；`Linear` 保存的是它的转置，也就是一个视图（`AsStrided`）。
# 之前的 2 次写入来自初始化。更新之后重新做一次前向传播，或者两次反向传播都做完再更新。
# $y^2$ 的斜率是 $2 y w_2$，而这一步把权重从 3 和 2 变成 2.8 和 1.7：

# %%
model, optimizer = pair()
y = model(torch.ones(1, 1))
y.sum().backward(retain_graph=True)
before = second_slope(model, y)
print(f"both, then step  {before:.4f}  by hand {2 * (3 * 2) * 2:.4f}")
model, optimizer = pair()
model(torch.ones(1, 1)).sum().backward()
optimizer.step()
again = second_slope(model, model(torch.ones(1, 1)))
print(f"forward again    {again:.4f}  by hand {2 * (2.8 * 1.7) * 1.7:.4f}")

# %% [markdown] lang="en"
# Optimizers with `fused=True` write past the counter (on the CPU, as run here). Nothing
# is raised, and the old $y$ meets the new $w_2$ in a gradient of neither:

# %% [markdown] lang="zh"
# `fused=True` 的优化器写入时绕过了计数器（这里跑的是 CPU）。于是什么也不报，旧的 $y$
# 乘上新的 $w_2$，得到的梯度既不属于更新前，也不属于更新后：

# %%
model, optimizer = pair(fused=True)
y = model(torch.ones(1, 1))
y.sum().backward(retain_graph=True)
optimizer.step()
stale = second_slope(model, y)
print(f"fused=True       {stale:.4f}  by hand {2 * (3 * 2) * 1.7:.4f}")

# %% [markdown] lang="en"
# ## Which lines was it? {#detective}
#
# Anomaly mode shows the line that saved the tensor, and not the one that wrote.
# [`detective`][chainrule.detective.detective] names both: it notes the line of every
# save, looks for writes in every operator, and raises in backward.

# %% [markdown] lang="zh"
# ## 到底是哪两行？ {#detective}
#
# 异常检测模式只给出保存张量的那一行，不给出写入的那一行。
# [`detective`][chainrule.detective.detective] 两行都给：每次保存都记下行号，
# 在每个算子里留意写入，到反向传播时再报出来。

# %% tags=["source"]
from chainrule.detective import detective

# %% raises="RuntimeError: overwritten by add_ at line 3: y += 1"
with detective():
    y = torch.sigmoid(x)
    y += 1
    y.sum().backward()

# %% [markdown] lang="en"
# In a script it names the file as well, and for a module its place in the model. The
# three causes once more, and the fused step, which raises nothing by itself:

# %% [markdown] lang="zh"
# 在脚本里运行，还会带上文件名；模块则给出它在模型中的位置。把三种原因再跑一遍，
# 最后加上那个本身不报错的 `fused=True`：


# %%
def saved_output():
    y = torch.exp(x)
    y[y > 1] = 1
    y.sum().backward()


def relu_inplace():
    block = nn.Sequential(nn.ReLU(inplace=True), nn.Linear(2, 1))
    model = nn.Sequential(nn.Linear(2, 2), nn.Tanh(), block)
    y = model(x)
    y.sum().backward()


# %%
def step_between(**options):
    model, optimizer = pair(**options)
    y = model(torch.ones(1, 1))
    y.sum().backward(retain_graph=True)
    optimizer.step()
    return second_slope(model, y)


def step_fused():
    step_between(fused=True)


# %%
for cause in (saved_output, relu_inplace, step_between, step_fused):
    try:
        with detective():
            cause()
    except RuntimeError as error:
        print(cause.__name__, *str(error).splitlines()[1:], sep="\n")

# %% [markdown] lang="en"
# It is meant for one step, not for training: every operator passes through Python. It
# cannot see writes from outside PyTorch, such as NumPy's. In one correct step of the pair
# it counted:

# %% [markdown] lang="zh"
# 它是用来查一步的，不是用来训练的：每个算子都要经过一次 Python。来自 PyTorch 之外的
# 写入（例如 NumPy）它看不到。上面那对权重按正确的写法更新一步，它数到了：

# %%
with detective() as seen:
    model, optimizer = pair()
    model(torch.ones(1, 1)).sum().backward()
    optimizer.step()
for what, count in seen.items():
    print(f"{what:<10}{count:>3}")

# %% [markdown] lang="en"
# ## Advice that does not work {#advice}
#
# ### "Downgrade torch" {#advice-downgrade}
#
# Torch 1.4.0 is not run here, but what it did is: until 1.5.0 optimizers
# [wrote through `.data`](https://github.com/pytorch/pytorch/pull/34211), uncounted. The
# error goes, and the gradient is the wrong one of the fused step:

# %% [markdown] lang="zh"
# ## 不管用的建议 {#advice}
#
# ### “降级 torch” {#advice-downgrade}
#
# 这里没有运行 torch 1.4.0，但它的做法可以照样跑：1.5.0 之前，优化器
# [通过 `.data` 写入](https://github.com/pytorch/pytorch/pull/34211)，不计数。
# 错误没了，梯度却和 fused 那一步错得一模一样：

# %%
model, _ = pair()
y = model(torch.ones(1, 1))
y.sum().backward(retain_graph=True)
for p in model.parameters():
    p.data -= 0.1 * p.grad.data
print(f"through .data  {second_slope(model, y):.4f}")
print(f"right          {before:.4f} before the step, {again:.4f} after it")

# %% [markdown] lang="en"
# ### "Set every `inplace=False`" {#advice-inplace-false}
#
# It helps against [a flag](#relu-inplace), and there one flag is enough. `+=` has none:

# %% [markdown] lang="zh"
# ### “把所有 `inplace` 都改成 `False`” {#advice-inplace-false}
#
# 只对[开关](#relu-inplace)那一种有用，而那里关掉一个就够。`+=` 没有开关可关：

# %%
model = nn.Sequential(nn.Linear(2, 2), nn.ReLU(inplace=True))
for module in model.modules():
    if hasattr(module, "inplace"):
        module.inplace = False
h = model(x)
h += x
try:
    h.sum().backward()
except RuntimeError as error:
    print(str(error).split("which is ")[1].split(" instead")[0])

# %% [markdown] lang="en"
# ### `retain_graph=True` {#advice-retain-graph}
#
# It keeps the graph for one more pass. The tensor stays overwritten:

# %% [markdown] lang="zh"
# ### `retain_graph=True` {#advice-retain-graph}
#
# 它让计算图留着再用一次，被改写的张量还是被改写了：

# %%
y = torch.sigmoid(x)
y += 1
try:
    y.sum().backward(retain_graph=True)
except RuntimeError as error:
    print(str(error).split("which is ")[1].split(" instead")[0])

# %% [markdown] lang="en"
# ### `.detach()` {#advice-detach}
#
# The sum is right and the message gone, and so is every gradient through the sigmoid.
# If there is no other path, it leads to [the next error](does-not-require-grad.py):

# %% [markdown] lang="zh"
# ### `.detach()` {#advice-detach}
#
# 数值没错，报错也没了，但经过 sigmoid 的梯度全没了。如果没有别的路径，
# 就会遇到[下一个错误](does-not-require-grad.py)：

# %%
h = torch.sigmoid(x).detach()
h += x
print("detach", slopes(h))
print("right ", slopes(torch.sigmoid(x) + x))
y = torch.sigmoid(x).detach()
y += 1
try:
    y.sum().backward()
except RuntimeError as error:
    print(error)

# %% [markdown] lang="en"
# ## Looks like it, is not {#looks-like}
#
# - [A leaf](leaf-inplace.py) is refused at the write itself, before any backward.
# - So is one of several views, as `chunk` returns them:

# %% [markdown] lang="zh"
# ## 看着像，其实不是 {#looks-like}
#
# - [叶子张量](leaf-inplace.py)：写入的当场就被拒绝，轮不到反向传播。
# - 一次返回多个视图的函数（如 `chunk`）的输出也一样：

# %%
for h in (x, (2 * x).chunk(2)[0]):
    try:
        h += 1
    except RuntimeError as error:
        print(str(error).split(". ")[0])

# %% [markdown] lang="en"
# - [A second backward](backward-twice.py) finds its saved tensors freed, not changed.
# - `h + relu_(h)` raises nothing if nobody saved `h`; it [is wrong](../autograd/inplace.py#residual).
# - No such line in your code: [older](https://github.com/pytorch/pytorch/issues/66504) DDP raises
#   it if BatchNorm runs twice before `backward` (not run). Set `broadcast_buffers=False`.

# %% [markdown] lang="zh"
# - [第二次反向传播](backward-twice.py)：保存的张量是被释放了，不是被改写。
# - `h + relu_(h)`：没人保存 `h` 时不报错，但[结果是错的](../autograd/inplace.py#residual)。
# - 自己的代码里没有这样的写入：[旧版本](https://github.com/pytorch/pytorch/issues/66504)的 DDP，
#   `backward` 之前 BatchNorm 前向两次就会报错（未在此运行），设 `broadcast_buffers=False`。

# %% [markdown] lang="en"
# ## Read on {#read-on}
#
# Who saves what, and the rule: [the lesson](../autograd/inplace.py). What may write
# where: [the map](inplace-map.py). In the PyTorch notes: [in-place correctness
# checks](https://docs.pytorch.org/docs/stable/notes/autograd.html#in-place-correctness-checks).

# %% [markdown] lang="zh"
# ## 延伸阅读 {#read-on}
#
# 谁保存什么、规则是什么：[课程](../autograd/inplace.py)。哪里可以原地写：
# [这张表](inplace-map.py)。PyTorch 文档：[in-place correctness
# checks](https://docs.pytorch.org/docs/stable/notes/autograd.html#in-place-correctness-checks)。
