# %% [markdown] lang="en"
# # The .grad attribute of a Tensor that is not a leaf Tensor is being accessed {#grad-is-none}
#
# You read `.grad` and it is `None`. On a computed tensor a warning says why; otherwise
# nothing is said until `.grad.zero_()` stops with
# `'NoneType' object has no attribute 'zero_'`. The gradient is in another tensor, or it
# is not computed yet.

# %% [markdown] lang="zh"
# # The .grad attribute of a Tensor that is not a leaf Tensor is being accessed {#grad-is-none}
#
# 去读 `.grad`，得到的是 `None`。如果这个张量是算出来的，会有一条警告说明原因；
# 否则没有任何提示，到 `.grad.zero_()` 才报错：
# `'NoneType' object has no attribute 'zero_'`。
# 梯度在另一个张量里，或者还没有算。

# %%
import textwrap
import warnings

import torch

w = torch.tensor([1.0, 2.0], requires_grad=True)
h = 2 * w
(h**2).sum().backward()
with warnings.catch_warnings(record=True) as seen:
    warnings.simplefilter("always")
    print("h.grad", h.grad)
text = f"{seen[0].category.__name__}: {seen[0].message}".split(" (Triggered")[0]
print(textwrap.fill(text, 88))

# %% [markdown] lang="en"
# A program that goes on with that `None` gets the second message:

# %% [markdown] lang="zh"
# 程序拿着这个 `None` 继续往下走，就会遇到第二条信息：

# %% raises="AttributeError: 'NoneType' object has no attribute 'zero_'"
h.grad.zero_()

# %% [markdown] lang="en"
# ## Why {#why}
#
# `backward` writes `.grad` only on *leaves* that require grad: tensors you made, not
# results of a recorded operation. `2 * w`, `.to(…)` and `w - lr * g` give results; their
# gradients are passed on and dropped. And a leaf holds `None` too until the first
# `backward`, and again after `zero_grad()`.

# %% [markdown] lang="zh"
# ## 原因 {#why}
#
# `backward` 只给需要梯度的*叶子张量*写 `.grad`。叶子张量是你自己创建的，而不是某个被记录的
# 操作算出来的。`2 * w`、`.to(…)`、`w - lr * g` 得到的都是结果，它们的梯度传下去之后就丢掉。
# 叶子张量在第一次 `backward` 之前也是 `None`，`zero_grad()` 之后又变回 `None`。

# %% [markdown] lang="en"
# ## Fix {#fix}
#
# Read the leaf. If you do want the gradient of a result, call
# [`retain_grad()`][torch.Tensor.retain_grad] on it before `backward`, or ask
# [`torch.autograd.grad`][] for it:

# %% [markdown] lang="zh"
# ## 解决 {#fix}
#
# 去读叶子张量。如果要的就是中间结果的梯度，在 `backward` 之前对它调用
# [`retain_grad()`][torch.Tensor.retain_grad]，或者直接用
# [`torch.autograd.grad`][] 要：

# %%
w = torch.tensor([1.0, 2.0], requires_grad=True)
h = 2 * w
h.retain_grad()
(h**2).sum().backward()
print("w.grad", w.grad)
print("h.grad", h.grad)
h = 2 * w
print("grad()", torch.autograd.grad((h**2).sum(), h)[0])

# %% [markdown] lang="en"
# The sum is $4w^2$, so its gradient is $8w$ in `w` and $2h = 4w$ in `h`.

# %% [markdown] lang="zh"
# 总和是 $4w^2$，所以对 `w` 的梯度是 $8w$，对 `h` 的梯度是 $2h = 4w$。

# %% [markdown] lang="en"
# ## Which one is yours? {#causes}
#
# - The tensor was computed, if only scaled: [not a leaf](#non-leaf).
# - `.to(device)` or `.cuda()` came after `requires_grad=True`: [moved](#to-device).
# - No `backward` yet, or `zero_grad()` just before: [no gradient yet](#before-backward).
# - The update reads `w = w - …`: [another tensor has the name](#rebound-weight).

# %% [markdown] lang="zh"
# ## 你属于哪一种？ {#causes}
#
# - 张量是算出来的，哪怕只乘了一个系数：[不是叶子张量](#non-leaf)。
# - 写了 `requires_grad=True` 之后又 `.to(device)` 或 `.cuda()`：[搬动过](#to-device)。
# - 还没有 `backward`，或者刚刚 `zero_grad()`：[还没有梯度](#before-backward)。
# - 更新写成了 `w = w - …`：[变量被重新绑定](#rebound-weight)。

# %% [markdown] lang="en"
# Two flags tell them apart. Only the last row of these can ever hold a gradient by
# itself:

# %% [markdown] lang="zh"
# 看两个标志就能区分。下面只有最后一行的张量会自己得到梯度：

# %%
w = torch.ones(2, requires_grad=True)
rows = {"computed": 0.1 * w, "moved": w.to(torch.float64), "w = w - g": w - 0.1}
with torch.no_grad():
    rows["same, under no_grad"] = w - 0.1
rows["a leaf, no backward yet"] = w
for name, tensor in rows.items():
    flags = f"is_leaf {tensor.is_leaf!s:<6}requires_grad {tensor.requires_grad}"
    print(f"{name:<25}{flags}")

# %% [markdown] lang="en"
# ### The tensor was computed {#non-leaf}
#
# The first program of this page is this case, see [why](#why). It mostly happens by
# accident, when a weight is scaled after the flag was set:

# %% [markdown] lang="zh"
# ### 张量是算出来的 {#non-leaf}
#
# 本页开头的程序就是这一种，见[原因](#why)。多数时候是无意中造成的：
# 先设了标志，再去缩放权重：

# %% raises="AttributeError: 'NoneType' object has no attribute 'zero_'"
w = 0.1 * torch.ones(2, requires_grad=True)
(w**2).sum().backward()
w.grad.zero_()

# %% [markdown] lang="en"
# Scale first, set the flag last. For a real intermediate result see the [fix](#fix).

# %% [markdown] lang="zh"
# 先缩放，最后再设标志。如果确实是中间结果，见[解决](#fix)。

# %%
w = (0.1 * torch.ones(2)).requires_grad_()
(w**2).sum().backward()
print("w.grad", w.grad)

# %% [markdown] lang="en"
# ### Moved after the flag was set {#to-device}
#
# `.to(device)` and `.cuda()` are recorded like any operation. There is no GPU here, so
# `.to(torch.float64)` stands in: the rule is the same. Where there is nothing to do,
# `.to` returns the tensor itself, so the line works on a laptop and fails on a server:

# %% [markdown] lang="zh"
# ### 设好标志之后又搬动 {#to-device}
#
# `.to(device)` 和 `.cuda()` 与其他操作一样会被记录。这里没有 GPU，用 `.to(torch.float64)`
# 代替，规则是同一条。如果本来就不需要转换，`.to` 返回张量自己，
# 所以同一行代码在笔记本电脑上正常，到服务器上才出问题：

# %%
made = torch.ones(2, requires_grad=True)
print("nothing to do:", made.to("cpu") is made)
print("a conversion: ", made.to(torch.float64) is made)

# %% raises="AttributeError: 'NoneType' object has no attribute 'zero_'"
x = made.to(torch.float64)
(x**2).sum().backward()
x.grad.zero_()

# %% [markdown] lang="en"
# The gradient arrived at the tensor that was converted, and if you kept no name for it,
# nobody can read it. Make the tensor where it belongs, or set the flag after the move:

# %% [markdown] lang="zh"
# 梯度记在转换之前的那个张量上，如果没有变量指向它，就再也读不到了。
# 应当一开始就在目标设备上创建，或者搬完再设标志：

# %%
print("made.grad", made.grad)
x = torch.ones(2, dtype=torch.float64, requires_grad=True)
y = torch.ones(2).to(torch.float64).requires_grad_()
(x**2 + y**2).sum().backward()
print("x.grad", x.grad)
print("y.grad", y.grad)

# %% [markdown] lang="en"
# `module.to(…)` is another method: it moves the parameters in place and they stay leaves.
# Only a single `nn.Parameter` becomes a plain result:

# %% [markdown] lang="zh"
# `module.to(…)` 是另一个方法：它就地搬动参数，参数仍是叶子张量。
# 单独一个 `nn.Parameter` 则会变成普通的计算结果：

# %%
from torch import nn

layer = nn.Linear(2, 1).to(torch.float64)
print("module.to   ", type(layer.weight).__name__, layer.weight.is_leaf)
single = nn.Parameter(torch.ones(2)).to(torch.float64)
print("Parameter.to", type(single).__name__, single.is_leaf)

# %% [markdown] lang="en"
# ### No backward yet {#before-backward}
#
# This tensor is a leaf and everything is in order, only no gradient has been written.
# There is no warning:

# %% [markdown] lang="zh"
# ### 还没有 backward {#before-backward}
#
# 这个张量是叶子张量，一切正常，只是还没有人写入过梯度。这时没有警告：

# %% raises="AttributeError: 'NoneType' object has no attribute 'zero_'"
w = torch.tensor([1.0, 2.0], requires_grad=True)
for _ in range(2):
    w.grad.zero_()
    (w**2).sum().backward()

# %% [markdown] lang="en"
# `w.grad = None` needs no gradient to be there. It is also what an optimizer's
# [`zero_grad()`][torch.optim.Optimizer.zero_grad] does today, so `zero_()` right after
# that fails in every step:

# %% [markdown] lang="zh"
# 写 `w.grad = None`，有没有梯度都行。优化器的
# [`zero_grad()`][torch.optim.Optimizer.zero_grad] 如今也是这么做的，
# 所以紧跟在它后面的 `zero_()` 每一步都会报错：

# %%
for _ in range(2):
    w.grad = None
    (w**2).sum().backward()
    print("w.grad", w.grad)
torch.optim.SGD([w], lr=0.1).zero_grad()
print("after zero_grad()", w.grad)

# %% [markdown] lang="en"
# Still `None` after `backward`? Then no recorded path leads from the loss to this weight:
# it is [not used](unused-in-graph.py#unused-input), or [cut off](unused-in-graph.py#cut).

# %% [markdown] lang="zh"
# `backward` 之后还是 `None`？那说明从损失到这个权重没有一条被记录的路径：
# 要么[没有用到](unused-in-graph.py#unused-input)，要么[被切断了](unused-in-graph.py#cut)。

# %% [markdown] lang="en"
# ### The update gave the name to another tensor {#rebound-weight}
#
# `w = w - …` computes a new tensor and calls it `w`. The leaf with the gradient has
# lost its name:

# %% [markdown] lang="zh"
# ### 更新时变量被重新绑定 {#rebound-weight}
#
# `w = w - …` 算出一个新张量，再把它叫做 `w`。带着梯度的叶子张量已经没有名字了：

# %% raises="AttributeError: 'NoneType' object has no attribute 'zero_'"
w = torch.tensor([1.0, 2.0], requires_grad=True)
(w**2).sum().backward()
w = w - 0.1 * w.grad
w.grad.zero_()

# %% [markdown] lang="en"
# Under `no_grad` the same line is not recorded. The new `w` is a leaf that requires no
# grad, so the warning is gone and the error is not:

# %% [markdown] lang="zh"
# 放进 `no_grad`，这一行就不被记录。新的 `w` 是个不需要梯度的叶子张量，
# 警告没了，错误还在：

# %% raises="AttributeError: 'NoneType' object has no attribute 'zero_'"
w = torch.tensor([1.0, 2.0], requires_grad=True)
(w**2).sum().backward()
with torch.no_grad():
    w = w - 0.1 * w.grad
w.grad.zero_()

# %% [markdown] lang="en"
# Write into the tensor with `w -= …`, under `no_grad`, or the write itself is
# [refused](leaf-inplace.py#manual-update). Two steps from 1 and 2; each takes a fifth away:

# %% [markdown] lang="zh"
# 应当写进原来的张量：用 `w -= …`，并且放进 `no_grad`，否则这次写入
# 会[被拒绝](leaf-inplace.py#manual-update)。从 1 和 2 出发走两步，每步减去五分之一：

# %%
w = torch.tensor([1.0, 2.0], requires_grad=True)
for _ in range(2):
    (w**2).sum().backward()
    with torch.no_grad():
        w -= 0.1 * w.grad
    w.grad.zero_()
    print("w", [f"{value:.2f}" for value in w.tolist()], "grad", w.grad)

# %% [markdown] lang="en"
# ## Advice that does not work {#advice}
#
# The right gradients are those of the [fix](#fix): 8 and 16 in `w`, 4 and 8 in `h`.
#
# ### `x.grad.zeros_()` {#advice-zeros}
#
# There is no such method, with a gradient or without:

# %% [markdown] lang="zh"
# ## 不管用的建议 {#advice}
#
# 正确的梯度见[解决](#fix)：`w` 的是 8 和 16，`h` 的是 4 和 8。
#
# ### `x.grad.zeros_()` {#advice-zeros}
#
# 没有这个方法，有没有梯度都一样：

# %%
x = torch.ones(2, requires_grad=True)
for _ in range(2):
    try:
        x.grad.zeros_()
    except AttributeError as error:
        print(error)
    (x**2).sum().backward()

# %% [markdown] lang="en"
# ### `a.grad = 0.` {#advice-zero}
#
# A number is refused, a tensor of another shape too. A non-leaf takes zeros of the right
# shape, and then they stay: `backward` does not touch them, and your "gradient" is zero:

# %% [markdown] lang="zh"
# ### `a.grad = 0.` {#advice-zero}
#
# 数字不行，形状不同的张量也不行。形状对的零，非叶子张量倒是接受，然后就一直是零：
# `backward` 不碰它，你读到的“梯度”是 0：

# %%
w = torch.tensor([1.0, 2.0], requires_grad=True)
h = 2 * w
for zero in (0.0, torch.tensor(0.0), torch.zeros(2)):
    try:
        h.grad = zero
        print("accepted")
    except (TypeError, RuntimeError) as error:
        print(f"{type(error).__name__}: {str(error).split('. ')[0]}")
(h**2).sum().backward()
with warnings.catch_warnings(action="ignore"):
    print("h.grad", h.grad, "right", 4 * w.detach())

# %% [markdown] lang="en"
# ### `retain_grad()`, too late or for training {#advice-retain}
#
# After `backward` it changes nothing. Before it, it does fill `.grad`, and an optimizer
# that refuses other non-leaves takes the tensor. But it trains the copy: the leaf, which
# you would save, stays at 1, and its gradient piles up:

# %% [markdown] lang="zh"
# ### `retain_grad()` 用得太晚，或用来训练 {#advice-retain}
#
# 在 `backward` 之后调用，什么也不会变。在之前调用，`.grad` 确实有了，平时拒收非叶子张量的
# 优化器也收下了它。但训练的只是副本：你会去保存的那个叶子张量一直是 1，
# 它的梯度却越积越多：

# %%
h = 2 * w
(h**2).sum().backward()
h.retain_grad()
print("too late", h.grad)
made = torch.ones(2, requires_grad=True)
moved = made.to(torch.float64)
moved.retain_grad()
sgd = torch.optim.SGD([moved], lr=0.1)
for _ in range(3):
    sgd.zero_grad()
    (moved**2).sum().backward()
    sgd.step()

# %%
for name, tensor in {"moved": moved, "made": made}.items():
    values, slopes = tensor.tolist(), tensor.grad.tolist()
    print(f"{name:<6} value {values[0]:.3f}  grad {slopes[0]:.3f}")

# %% [markdown] lang="en"
# ### `.detach().requires_grad_()` {#advice-detach}
#
# This makes a leaf of the result, and it has a gradient. Everything before it has none
# any more. `requires_grad_()` alone changes nothing, since `h` requires grad already:

# %% [markdown] lang="zh"
# ### `.detach().requires_grad_()` {#advice-detach}
#
# 这样结果成了叶子张量，也有梯度了，但它之前的一切都不再有梯度。
# 单独的 `requires_grad_()` 毫无作用，因为 `h` 本来就需要梯度：

# %%
w = torch.tensor([1.0, 2.0], requires_grad=True)
h = (2 * w).detach().requires_grad_()
(h**2).sum().backward()
print("detach          h.grad", h.grad, " w.grad", w.grad)
h = (2 * w).requires_grad_()
(h**2).sum().backward()
print("requires_grad_  h.is_leaf", h.is_leaf, " w.grad", w.grad)

# %% [markdown] lang="en"
# ### `if w.grad is not None` and a filter for the warning {#advice-guard}
#
# No message any more, and no training: in three steps a weight that was
# [moved after the flag was set](#to-device) stays where it was. A leaf goes on:

# %% [markdown] lang="zh"
# ### 加 `if w.grad is not None`，再屏蔽警告 {#advice-guard}
#
# 提示没有了，训练也没有了：走了三步，[设好标志之后又搬动](#to-device)的权重一动不动，
# 叶子张量则正常更新：

# %%
for name in ("moved", "leaf"):
    w = torch.ones(2, requires_grad=True)
    w = w.to(torch.float64) if name == "moved" else w
    for _ in range(3):
        (w**2).sum().backward()
        with warnings.catch_warnings(action="ignore"), torch.no_grad():
            if w.grad is not None:
                w -= 0.1 * w.grad
                w.grad = None
    print(f"{name:<6}", [f"{value:.3f}" for value in w.tolist()])

# %% [markdown] lang="en"
# ## Looks like it, is not {#looks-like}
#
# The same `None` under other names. The first two are this page's error in other code,
# the third is a tensor that requires no grad, the fourth an optimizer that looked first:

# %% [markdown] lang="zh"
# ## 看着像，其实不是 {#looks-like}
#
# 同一个 `None` 的其他面目。前两条就是本页的错误，只是代码写法不同；第三条的张量
# 不需要梯度；第四条是优化器事先检查出来的：

# %%
w = torch.ones(2, requires_grad=True)
tries = {
    "w.grad.data.zero_()": lambda: w.grad.data.zero_(),
    "w - 0.1 * w.grad": lambda: w - 0.1 * w.grad,
    "torch.ones(2).retain_grad()": lambda: torch.ones(2).retain_grad(),
    "SGD([2 * w])": lambda: torch.optim.SGD([2 * w]),
}
for code, run in tries.items():
    try:
        run()
    except Exception as error:
        print(f"{code}\n    {type(error).__name__}: {error}")

# %% [markdown] lang="en"
# If `backward` itself stops with
# [element 0 of tensors does not require grad](does-not-require-grad.py), nothing at all
# was recorded: that is the page to read.

# %% [markdown] lang="zh"
# 如果报错的是 `backward` 自己，信息是
# [element 0 of tensors does not require grad](does-not-require-grad.py)，
# 那就是什么都没有被记录，请看那一页。

# %% [markdown] lang="en"
# ## Read on {#read-on}
#
# On this site: [the loop today](../descent/autograd.py#today),
# [`None` against zeros](../autograd/accumulation.py#none). PyTorch:
# [`torch.Tensor.is_leaf`][], [`torch.Tensor.grad`][], and
# [the change that brought the warning](https://github.com/pytorch/pytorch/pull/30531).

# %% [markdown] lang="zh"
# ## 延伸阅读 {#read-on}
#
# 本站：[今天的循环](../descent/autograd.py#today)、
# [`None` 与零的区别](../autograd/accumulation.py#none)。PyTorch：
# [`torch.Tensor.is_leaf`][]、[`torch.Tensor.grad`][]，以及
# [加入这条警告的改动](https://github.com/pytorch/pytorch/pull/30531)。
