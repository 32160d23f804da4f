# %% [markdown] lang="en" needs="descent/by-hand.py"
# # Gradient descent with autograd {#autograd}
#
# Leave the derivative in [the loop written by hand](by-hand.py) to PyTorch: in float64
# all `{python} len(double)` weights equal the hand-computed ones to the last bit. In float32
# they part at update `{python} parted` and meet again at update `{python} met`; only
# `{python} off.count(0)` of `{python} len(off)` are the float32 number nearest to the weight by hand.

# %% [markdown] lang="zh"
# # 用自动求导做梯度下降 {#autograd}
#
# 把[手写循环](by-hand.py)里的求导交给 PyTorch：用 float64 时，`{python} len(double)` 个
# 权重与手算的逐位相同。用 float32 时，第 `{python} parted` 次更新开始不同，第
# `{python} met` 次又重合；`{python} len(off)` 个权重里只有 `{python} off.count(0)` 个
# 是 float32 能给出的最接近的值。

# %% [markdown] lang="en"
# ## Where the gradient comes from {#graph}
#
# The loss is the function of the lesson before. `gradient`, the derivative by hand, is
# here only to check.

# %% [markdown] lang="zh"
# ## 梯度从哪里来 {#graph}
#
# 损失函数就是上一课的那个。`gradient` 是手工推导的导数，在这里只用来核对。

# %% tags=["source"]
from chainrule.descent import gradient, loss

# %% [markdown] lang="en"
# Given a tensor with `requires_grad=True`, PyTorch records what the same function does.
# The record is the *graph*; it hangs on the result as `grad_fn`. A node's
# `next_functions` holds a pair for each input; the pair starts with the node that
# produced that input:

# %% [markdown] lang="zh"
# 传入 `requires_grad=True` 的张量，PyTorch 会记下同一个函数做的每一步运算，这就是
# *计算图*。它挂在结果的 `grad_fn` 上。节点的 `next_functions` 为每个输入存一个二元组，
# 第一项是产生这个输入的节点：

# %%
import torch

w = torch.tensor(1.0, requires_grad=True)
error = loss(w, 3.0, 6.0)
power = error.grad_fn
minus = power.next_functions[0][0]
times = minus.next_functions[0][0]
leaf = times.next_functions[0][0]
for node in (power, minus, times, leaf):
    print(node.name())

# %% [markdown] lang="en"
# Read upwards, that is $wx$, minus $y$, squared. [`backward`][torch.Tensor.backward]
# goes down the list: each node multiplies what it receives by its own derivative, and
# the last one adds the product to `w.grad`. A hook on each node prints both:

# %% [markdown] lang="zh"
# 从下往上读，就是先算 $wx$，再减 $y$，再平方。[`backward`][torch.Tensor.backward]
# 则从上往下走：每个节点把收到的梯度乘以自己的导数再传下去，最后一个节点把结果累加到
# `w.grad`。给每个节点挂一个钩子，打印收到的和传下去的梯度：


# %%
def show(passed, received):
    print(f"received {received[0]:.0f}, passes on {passed[0]:.0f}")


for node in (power, minus, times):
    node.register_hook(show)
error.backward()
print("w.grad ", w.grad.item())
print("by hand", gradient(1.0, 3.0, 6.0))

# %% [markdown] lang="en"
# ## The loop in old listings {#old-style}
#
# Code from before PyTorch 0.4.0 (April 2018) wraps the weight in a `Variable` and
# updates it through `.data`. It still runs:

# %% [markdown] lang="zh"
# ## 旧代码里的写法 {#old-style}
#
# PyTorch 0.4.0（2018 年 4 月）之前的代码把权重包进 `Variable`，通过 `.data` 更新。
# 今天仍能运行：

# %%
from torch.autograd import Variable

xs = [1.0, 2.0, 3.0, 4.0]
ys = [2.0, 4.0, 6.0, 8.0]
w = Variable(torch.Tensor([1.0]), requires_grad=True)
old = []
for _ in range(10):
    for x, y in zip(xs, ys, strict=True):
        loss(w, x, y).backward()
        w.data = w.data - 0.01 * w.grad.data
        w.grad.data.zero_()
        old.append(w.item())
print(type(w), f"{w.item():.4f}")

# %% [markdown] lang="en"
# `Variable` returns a plain `Tensor`. The danger is in `.data`: [autograd does not
# track a write through it](https://pytorch.org/blog/pytorch-0_4_0-migration-guide/). Here `backward` is over by then;
# a `backward` that still needs the old value [gives a wrong gradient and no
# error](../autograd/inplace.py#version).

# %% [markdown] lang="zh"
# `Variable` 返回的就是普通的 `Tensor`。危险的是 `.data`：[通过它写入的改动，autograd
# 不会跟踪](https://pytorch.org/blog/pytorch-0_4_0-migration-guide/)。这里写入时反向传播
# 已经结束；如果还有反向传播要用被覆盖的值，[梯度就会算错，而且不报错](../autograd/inplace.py#version)。

# %% [markdown] lang="en"
# ## The loop today {#today}
#
# `torch.tensor(…, requires_grad=True)` replaces `Variable`. Under [`torch.no_grad`][]
# the update is [not recorded](../autograd/no-grad.py). `backward` [adds to what is
# there](../autograd/accumulation.py), so the gradient is cleared after each use; setting
# it to `None` is enough.

# %% [markdown] lang="zh"
# ## 今天的写法 {#today}
#
# `torch.tensor(…, requires_grad=True)` 取代 `Variable`；更新放在 [`torch.no_grad`][]
# 里，[不进入计算图](../autograd/no-grad.py)；`backward` 会[累加到已有的
# 梯度上](../autograd/accumulation.py)，所以每次用完都要清掉，设为 `None` 即可。

# %% tags=["source"]
from chainrule.autograd_descent import descend_with_autograd

# %%
single = descend_with_autograd(1.0, xs, ys, lr=0.01, epochs=10)
print("updates               ", len(single))
print("same weights as before", [step.w for step in single] == old)

# %% [markdown] lang="en"
# ## Line by line against the hand version {#lines}
#
# The hand version once more. It computes in Python floats, which [are float64 on almost
# all machines](https://docs.python.org/3/tutorial/floatingpoint.html).

# %% [markdown] lang="zh"
# ## 与手算逐行对照 {#lines}
#
# 再看一眼手写版。它用 Python 浮点数计算，[在几乎所有机器上就是
# float64](https://docs.python.org/3/tutorial/floatingpoint.html)。

# %% tags=["source"]
from chainrule.descent import descend

# %% [markdown] lang="en"
# float64 is compared with `==`. float32 cannot hold even the first weight exactly, so it
# is compared with the float32 nearest to the hand weight. From 1 to 2 neighbouring
# float32 numbers are `eps` apart. How many of these the first six weights are off:

# %% [markdown] lang="zh"
# float64 直接用 `==` 比较。float32 连第一个权重都无法精确表示，所以改为与离手算权重最近的
# float32 数比较。从 1 到 2，相邻的 float32 数相差 `eps`。前六个权重各差几个 `eps`：

# %%
hand = descend(1.0, xs, ys, lr=0.01, epochs=10)
double = descend_with_autograd(1.0, xs, ys, lr=0.01, epochs=10, dtype=torch.float64)
nearest = torch.tensor([step.w for step in hand])  # (40,) float32
weights = torch.tensor([step.w for step in single])  # (40,) float32
eps = torch.finfo(torch.float32).eps
off = ((weights - nearest) / eps).int().tolist()
off[:6]

# %% [markdown] lang="en"
# All forty lines. `+1` and `-1` mark the next float32 number above or below:

# %% [markdown] lang="zh"
# 全部四十行。`+1`、`-1` 表示是上面或下面相邻的那个 float32 数：

# %%
print(f"      {'by hand':<14}{'float64':<12}        float32")
for n, (a, b, c) in enumerate(zip(hand, double, single, strict=True), start=1):
    same = "equal" if a.w == b.w else "-----"
    mark = f"{off[n - 1]:+d}" if off[n - 1] else "nearest"
    print(f"{n:>4}  {a.w:.10f}  {b.w:.10f} {same}  {c.w:.10f} {mark}")

# %% [markdown] lang="en"
# Counted, and the first line on which float32 differs:

# %% [markdown] lang="zh"
# 统计一下，再看 float32 从哪一行开始不同：

# %%
print("float64 equal  ", sum(a.w == b.w for a, b in zip(hand, double, strict=True)))
print("float32 nearest", off.count(0))
print("float32 at most", max(map(abs, off)), "away")
parted = min(off.index(1), off.index(-1)) + 1
met = off.index(0, parted) + 1
print(f"update {parted}: {hand[parted - 1].w:.7f} by hand")
print(f"update {parted}: {single[parted - 1].w:.7f} float32")

# %% [markdown] lang="en"
# They part in the seventh decimal. Printed to four, this many lines are the same in all
# three columns:

# %% [markdown] lang="zh"
# 分歧出现在小数点后第七位。若只打印四位小数，三列完全相同的行数是：

# %%
same = 0
for a, b, c in zip(hand, double, single, strict=True):
    same += f"{a.w:.4f}" == f"{b.w:.4f}" == f"{c.w:.4f}"
print(same, "of", len(hand))

# %% [markdown] lang="en"
# ## Why float64 is equal to the last bit {#double}
#
# Both do the same operations; only one order differs: by hand $(2x)(wx - y)$, in the
# graph $x \cdot 2(wx - y)$. Doubling is exact in binary, so each rounds the same
# product once. With a cube the factor is 3, and multiplying by 3 rounds. The gradients
# of a thousand random samples, against the formula in either order:

# %% [markdown] lang="zh"
# ## 为什么 float64 逐位相同 {#double}
#
# 两边的运算都一样，只有一处顺序不同：手算是 $(2x)(wx - y)$，计算图是
# $x \cdot 2(wx - y)$。二进制里乘 2 没有舍入误差，所以两边都只对同一个乘积舍入一次。
# 换成立方，系数是 3，乘 3 就有舍入了。取一千个随机样本的梯度，与两种顺序的公式比较：

# %%
torch.manual_seed(0)
u, x, y = torch.rand(3, 1000, dtype=torch.float64)  # (1000,) each
u.requires_grad_()
for power in (2, 3):
    d = u * x - y
    (d**power).sum().backward()
    hand_order = power * x * d ** (power - 1)
    graph_order = x * (power * d ** (power - 1))
    for name, order in ("by hand", hand_order), ("graph", graph_order):
        print(f"power {power}  {name:<8}{(u.grad == order).sum():>5} equal")
    u.grad = None

# %% [markdown] lang="en"
# ## Why float32 comes back {#single}
#
# A rounding error in `w` is an error like any other: [the factors that shrink
# $w - 2$](by-hand.py#samples) shrink it too. What is left comes from the latest
# roundings:

# %% [markdown] lang="zh"
# ## 为什么 float32 又会重合 {#single}
#
# `w` 里的舍入误差也是误差：[使 $w - 2$ 缩小的那些因子](by-hand.py#samples)也会把它一并
# 缩小。留下来的只是最近几次的舍入：

# %%
import matplotlib.pyplot as plt

distance = [(c.w - a.w) / eps for a, c in zip(hand, single, strict=True)]
plt.plot(range(1, 41), distance, "o-", markersize=4)
plt.axhspan(-0.5, 0.5, alpha=0.2)
plt.xlabel("update")
plt.ylabel("float32 − by hand, in float32 gaps")

# %% [markdown] lang="en" tags=["caption"]
# Distance of the float32 weight from the hand weight, in gaps between neighbouring
# float32 numbers. In the shaded band no float32 is nearer. The curve leaves the band to
# either side, by less than one gap, and keeps coming back.

# %% [markdown] lang="zh" tags=["caption"]
# float32 权重与手算权重之差，以相邻 float32 数的间距为单位。落在阴影带内，就没有更近的
# float32 数。曲线向上、向下都会越出阴影带，但越出不到一个间距，而且总会回来。

# %% [markdown] lang="en"
# ## A mistake to make once {#mistake}
#
# The formula $w \leftarrow w - \eta\,dL/dw$, typed as it stands, makes a new tensor and
# calls it `w`. A recorded operation made it, so it is no *leaf*, and `backward` by
# default fills the `.grad` of leaves only:

# %% [markdown] lang="zh"
# ## 值得犯一次的错误 {#mistake}
#
# 把公式 $w \leftarrow w - \eta\,dL/dw$ 原样敲进去，会得到一个也叫 `w` 的新张量。
# 它是有记录的运算的结果，不是*叶子张量*，而 `backward` 默认只给叶子张量填 `.grad`：

# %%
w = start = torch.tensor(1.0, requires_grad=True)
loss(w, 1.0, 2.0).backward()
w = w - 0.01 * w.grad
print("start", start.is_leaf, start)
print("w    ", w.is_leaf, w)

# %% raises="AttributeError: 'NoneType' object has no attribute 'zero_'"
import warnings

with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    w.grad.zero_()

# %% [markdown] lang="en"
# PyTorch had warned just before. The gradients still flow: through the subtraction to
# the old leaf, which is neither updated nor cleared any more. The repair is `w -= …`
# under `torch.no_grad()`, which keeps the same tensor, a leaf.

# %% [markdown] lang="zh"
# 报错之前 PyTorch 先给过警告。梯度也没有消失：它穿过减法回到原来的叶子张量，而后者
# 既不再更新，也不再清零。正确的写法是在 `torch.no_grad()` 里用 `w -= …`：张量还是
# 原来那个，也仍是叶子。

# %%
print(str(caught[0].message).split(". ")[0])
first = start.grad.item()
loss(w, 2.0, 4.0).backward()
print(f"start.grad, first sample  {first:.4f}")
print(f"start.grad, second added  {start.grad:.4f}")
print(f"second sample by hand     {gradient(w.item(), 2.0, 4.0):.4f}")

# %% [markdown] lang="en"
# ## Try it {#exercises}
#
# 1. Repair only half of it: write `w -= …` without `no_grad`, or put the old line
#    under `no_grad`. What does PyTorch say to each?

# %% [markdown] lang="zh"
# ## 练习 {#exercises}
#
# 1. 只改对一半：写成 `w -= …` 却不加 `no_grad`，或者加上 `no_grad` 而那一行照旧。
#    PyTorch 分别会怎么说？

# %% [markdown] lang="en" tags=["answer"]
# A leaf that requires a gradient cannot be changed in place by a recorded operation.
# More in [the lesson on in-place operations](../autograd/inplace.py).

# %% [markdown] lang="zh" tags=["answer"]
# 需要梯度的叶子张量，不能被有记录的运算原地改写。
# 详见[原地操作一课](../autograd/inplace.py)。

# %% tags=["answer"] raises="RuntimeError: a leaf Variable that requires grad is being"
w = torch.tensor(1.0, requires_grad=True)
loss(w, 1.0, 2.0).backward()
w -= 0.01 * w.grad

# %% [markdown] lang="en" tags=["answer"]
# Under `no_grad` the new `w` has no history and does not ask for gradients. The update
# passes; the next `backward` finds nothing to follow:

# %% [markdown] lang="zh" tags=["answer"]
# 在 `no_grad` 里得到的新 `w` 没有历史，也不需要梯度。更新这一步能过去，下一次
# `backward` 却无路可走：

# %% tags=["answer"] raises="RuntimeError: element 0 of tensors does not require grad"
w = torch.tensor(1.0, requires_grad=True)
loss(w, 1.0, 2.0).backward()
with torch.no_grad():
    w = w - 0.01 * w.grad
print(w)
loss(w, 2.0, 4.0).backward()

# %% [markdown] lang="en"
# 2. Forget `w.grad = None`. Does the loss still fall?

# %% [markdown] lang="zh"
# 2. 忘掉 `w.grad = None`。损失还会下降吗？

# %% [markdown] lang="en" tags=["answer"]
# It falls and rises: every step repeats all gradients so far, and `w` swings around 2
# instead of settling. When adding up is wanted: [gradient
# accumulation](../autograd/accumulation.py).

# %% [markdown] lang="zh" tags=["answer"]
# 时降时升：每一步都把此前所有的梯度再走一遍，`w` 在 2 的两侧摆动，停不下来。什么时候
# 真的需要累加，见[梯度累积](../autograd/accumulation.py)。

# %% tags=["answer"]
w = torch.tensor(1.0, requires_grad=True)
for epoch in range(1, 11):
    for x, y in zip(xs, ys, strict=True):
        loss(w, x, y).backward()
        with torch.no_grad():
            w -= 0.01 * w.grad
    print(f"epoch {epoch:>2}  w {w:.4f}  loss {loss(w.item(), x, y):.4f}")

# %% [markdown] lang="en"
# 3. Divide the loss by 3, in float64. Do gradients and weights still equal those by
#    hand?

# %% [markdown] lang="zh"
# 3. 用 float64，把损失除以 3。梯度和权重还与手算相同吗？

# %% [markdown] lang="en" tags=["answer"]
# A third is not exact, and some gradients differ in their last bits. All weights are
# still equal: times 0.01, those bits are well below the last bit of `w`, and would show
# only where they tip its rounding.

# %% [markdown] lang="zh" tags=["answer"]
# 三分之一有舍入，部分梯度的末几位不同，权重却全部相同：乘以 0.01 之后，这几位远小于 `w`
# 的最低位，只有恰好改变它的舍入方向时才会显现。

# %% tags=["answer"]
v, u = 1.0, torch.tensor(1.0, dtype=torch.float64, requires_grad=True)
gradients = weights = 0
for x, y in list(zip(xs, ys, strict=True)) * 10:
    g = gradient(v, x, y) / 3
    (loss(u, x, y) / 3).backward()
    gradients += g == u.grad.item()
    v -= 0.01 * g
    with torch.no_grad():
        u -= 0.01 * u.grad
    u.grad = None
    weights += v == u.item()
print(f"equal gradients {gradients}, equal weights {weights}")

# %% [markdown] lang="en"
# ## Sources {#sources}
#
# What became of `Variable`: [PyTorch documentation, Variable
# (deprecated)](https://docs.pytorch.org/docs/stable/autograd.html#variable-deprecated).
# How the graph is recorded: [Autograd
# mechanics](https://docs.pytorch.org/docs/stable/notes/autograd.html).

# %% [markdown] lang="zh"
# ## 参考资料 {#sources}
#
# 关于已弃用的 `Variable`：[PyTorch 文档，Variable
# (deprecated)](https://docs.pytorch.org/docs/stable/autograd.html#variable-deprecated)。
# 计算图怎样记录：[Autograd
# mechanics](https://docs.pytorch.org/docs/stable/notes/autograd.html)。
