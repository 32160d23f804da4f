# %% [markdown] lang="en"
# # What a gradient is {#gradient}
#
# The gradient points uphill: one step along it takes a loss of 1 to `{python} f"{loss(along):.2f}"`, the
# same step against it to `{python} f"{loss(against):.2f}"`. Nine common derivatives are checked below, by
# autograd and by measuring, and all agree. Only at the kink of ReLU does it matter how
# the function is written: PyTorch says `{python} f"{at_zero[0]:.1f}"`, `{python} f"{at_zero[1]:.1f}"` or `{python} f"{at_zero[2]:.1f}"`.

# %% [markdown] lang="zh"
# # 梯度是什么 {#gradient}
#
# 梯度指向上坡：沿着它走一步，损失从 1 变成 `{python} f"{loss(along):.2f}"`；同样一步逆着它走，损失是
# `{python} f"{loss(against):.2f}"`。下面把九个常用导数各核对两遍，一遍用自动求导，一遍靠实测，
# 全部吻合。只有在 ReLU 的折点上，写法不同，PyTorch 的答案也不同：
# `{python} f"{at_zero[0]:.1f}"`、`{python} f"{at_zero[1]:.1f}"` 或 `{python} f"{at_zero[2]:.1f}"`。

# %% [markdown] lang="en"
# ## The slope at a point {#slope}
#
# The *derivative* of $f$ at $x$ says how much $f$ changes per unit of $x$: it is the
# slope of the curve there. To measure it, take a small step $h$ and divide. For
# $f(x) = x^2$ at 3, with a step to one side and with one to each side:

# %% [markdown] lang="zh"
# ## 一点处的斜率 {#slope}
#
# $f$ 在 $x$ 处的*导数*，就是 $x$ 每变化一个单位、$f$ 变化多少，也就是曲线在该点的斜率。
# 要测量它，走一小步 $h$，再相除。以 $f(x) = x^2$ 在 3 处为例，分别只走一侧和两侧各走
# 一步：


# %%
def f(x):
    return x**2


for h in (1.0, 0.1, 0.01):
    one_side = (f(3 + h) - f(3)) / h
    each_side = (f(3 + h) - f(3 - h)) / (2 * h)
    print(f"h {h:<4}  one side {one_side:.2f}  each side {each_side:.2f}")

# %% [markdown] lang="en"
# The smaller the step, the nearer to 6; the *central* difference, with its two steps, is
# there at once, as on any parabola. Autograd takes no step: it records what `f` does and
# knows the derivative of each operation ([how](autograd.py#graph)):

# %% [markdown] lang="zh"
# 步长越小越接近 6；两侧各走一步的*中心差分*一开始就是 6，对抛物线总是如此。自动求导则
# 一步也不走：它记录 `f` 做了哪些运算，而每种运算的导数它都知道
# （[原理](autograd.py#graph)）：

# %%
import torch

x = torch.tensor(3.0, requires_grad=True)
f(x).backward()
x.grad

# %% [markdown] lang="en"
# ## The step goes the other way {#sign}
#
# Some posts call the gradient the direction of learning. Take the loss $(w - 2)^2$ at
# $w = 1$ and walk 0.2 times the gradient, once with either sign:

# %% [markdown] lang="zh"
# ## 步子要往反方向迈 {#sign}
#
# 有些文章说梯度就是学习的方向。取损失 $(w - 2)^2$，从 $w = 1$ 出发，走梯度的 0.2 倍，
# 正负号各试一次：


# %%
def loss(w):
    return (w - 2) ** 2


w = torch.tensor(1.0, requires_grad=True)
loss(w).backward()
along, against = w.item() + 0.2 * w.grad.item(), w.item() - 0.2 * w.grad.item()
print(f"gradient {w.grad.item():.2f}")
for name, place in (("start", w.item()), ("along", along), ("against", against)):
    print(f"{name:<8} w {place:.2f}  loss {loss(place):.2f}")

# %% [markdown] lang="en"
# The gradient is the direction of *ascent*. Learning subtracts it,
# $w \leftarrow w - \eta\,dL/dw$, with a step size $\eta$ called the learning rate;
# [the next lesson](by-hand.py) does nothing else.

# %% [markdown] lang="zh"
# 梯度是*上升*的方向，学习时要减去它：$w \leftarrow w - \eta\,dL/dw$，其中步长 $\eta$
# 叫作学习率。[下一课](by-hand.py)从头到尾只做这一件事。

# %% [markdown] lang="en"
# ## Nine derivatives, checked twice {#table}
#
# The central difference as a function. It moves one element of `x` at a time, so it
# works for several variables too:

# %% [markdown] lang="zh"
# ## 九个导数，各核对两遍 {#table}
#
# 先把中心差分写成函数。它每次只移动 `x` 的一个元素，所以多个变量也能用：

# %% tags=["source"]
from chainrule.differences import central_difference

# %% [markdown] lang="en"
# Each row is a function with its derivative, first as a formula and then as code; $s$
# and $t$ stand for the value of sigmoid and tanh themselves:

# %% [markdown] lang="zh"
# 每一行是一个函数和它的导数，先写成公式，再写成代码；$s$ 和 $t$ 分别代表 sigmoid 和 tanh
# 本身的值：

# %%
sigmoid = torch.sigmoid
rows = [
    ("x^2", "2x", lambda x: x**2, lambda x: 2 * x),
    ("x^n, n=5", "n x^(n-1)", lambda x: x**5, lambda x: 5 * x**4),
    ("e^x", "e^x", torch.exp, torch.exp),
    ("ln x", "1/x", torch.log, lambda x: 1 / x),
    ("sin x", "cos x", torch.sin, torch.cos),
    ("cos x", "-sin x", torch.cos, lambda x: -torch.sin(x)),
    ("sigmoid", "s (1 - s)", sigmoid, lambda x: sigmoid(x) * (1 - sigmoid(x))),
    ("tanh", "1 - t^2", torch.tanh, lambda x: 1 - torch.tanh(x) ** 2),
    ("ReLU", "1 if x > 0", torch.relu, lambda x: (x > 0).to(x)),
]

# %% [markdown] lang="en"
# `check` returns the three slopes. Autograd has to agree with the formula to twelve
# digits, the measured slope to seven. All of it in float64, for [a reason that has its
# own lesson](../backprop/gradcheck.py#step).

# %% [markdown] lang="zh"
# `check` 返回三个斜率。自动求导须与公式吻合到十二位，实测的斜率须吻合到七位。全部用
# float64 计算，原因[另有一课](../backprop/gradcheck.py#step)。

# %%
from math import isclose


def check(f, df, at):
    x = torch.tensor(at, dtype=torch.float64, requires_grad=True)
    f(x).backward()
    return df(x).item(), x.grad.item(), central_difference(f, x, h=1e-6).item()


def agree(formula, autograd, measured):
    close = isclose(measured, formula, rel_tol=1e-7, abs_tol=1e-8)
    return close and isclose(autograd, formula, rel_tol=1e-12, abs_tol=1e-12)


# %%
print("f         f'           f(2)    f'(2) autograd measured  agree")
for name, formula, f, df in rows:
    slopes = check(f, df, 2.0)
    value = f(torch.tensor(2.0, dtype=torch.float64))
    numbers = "".join(f"{number:>9.4f}" for number in (value, *slopes))
    print(f"{name:<10}{formula:<11}{numbers[2:]}  {agree(*slopes)}")

# %% [markdown] lang="en"
# One point may be luck. A hundred points from 0.05 to 5, for every row:

# %% [markdown] lang="zh"
# 只看一个点可能是碰巧。每一行再取 0.05 到 5 之间的一百个点：

# %%
points = [0.05 * n for n in range(1, 101)]
checks = [agree(*check(f, df, at)) for _, _, f, df in rows for at in points]
print(sum(checks), "of", len(checks), "agree")

# %% [markdown] lang="en"
# ## Where there is no derivative {#kink}
#
# ReLU is $\max(x, 0)$: left of 0 its slope is 0, right of it 1, and at 0 it has a kink
# and no derivative. The central difference takes the mean of the two sides. What
# autograd says depends on how the function is written:

# %% [markdown] lang="zh"
# ## 没有导数的地方 {#kink}
#
# ReLU 就是 $\max(x, 0)$：原点左边斜率是 0，右边是 1，原点处是个折点，没有导数。
# 中心差分给出两侧的平均。自动求导给出什么，要看函数是怎么写的：

# %%
zero = torch.tensor(0.0)
ways = {
    "torch.relu(x)": torch.relu,
    "torch.maximum(x, zero)": lambda x: torch.maximum(x, zero),
    "torch.clamp(x, min=0)": lambda x: torch.clamp(x, min=0),
}
at_zero = []
for name, f in ways.items():
    x = torch.tensor(0.0, requires_grad=True)
    f(x).backward()
    at_zero.append(x.grad.item())
    print(f"{name:<24}{x.grad:.1f}  measured {central_difference(f, x, h=0.001):.1f}")

# %% [markdown] lang="en"
# The [PyTorch notes](https://docs.pytorch.org/docs/stable/notes/autograd.html#gradients-for-non-differentiable-functions) give a rule for convex functions: of all
# slopes between the two sides, the one nearest to 0. `relu` follows it. So does
# `maximum`, whose two inputs count together as one vector: (0.5, 0.5) is shorter than
# (1, 0) and (0, 1).

# %% [markdown] lang="zh"
# [PyTorch 文档](https://docs.pytorch.org/docs/stable/notes/autograd.html#gradients-for-non-differentiable-functions)
# 对凸函数的规定是：在两侧斜率之间的所有值里，取绝对值最小的。`relu` 遵守了；`maximum`
# 也遵守了，只是两个输入要合起来算：(0.5, 0.5) 比 (1, 0) 和 (0, 1) 都短。

# %%
x = torch.tensor(0.0, requires_grad=True)
y = torch.tensor(0.0, requires_grad=True)
torch.maximum(x, y).backward()
print("gradient", (x.grad.item(), y.grad.item()))
print(f"length   {torch.hypot(x.grad, y.grad):.4f}")

# %% [markdown] lang="en"
# `clamp` takes the largest, against the rule. At a kink the answer is a convention that
# no measurement can confirm, so a check has to use other points. The choice matters:
# [experiments with image classifiers](https://arxiv.org/abs/2106.12915) in float32 saw
# backpropagation change with it about half of the time.

# %% [markdown] lang="zh"
# `clamp` 取的是最大的，违反了规定。折点处的答案只是约定，测量无法证实，核对时要避开。
# 这个约定并非小事：[图像分类器的实验](https://arxiv.org/abs/2106.12915)发现，在 float32 下，
# 大约有一半的情况，反向传播的结果会随这个约定而变。

# %% [markdown] lang="en"
# ## Two variables {#partial}
#
# Let $g(w, z) = z\,(w^2 + 2)$. Hold $z$ still and move $w$ alone, and you get the
# *partial derivative* $\partial g/\partial w = 2wz$; hold $w$ still, and $\partial
# g/\partial z = w^2 + 2$. The *gradient* is the vector of both, here at $(1, 2)$:

# %% [markdown] lang="zh"
# ## 两个变量 {#partial}
#
# 设 $g(w, z) = z\,(w^2 + 2)$。固定 $z$、只动 $w$，得到*偏导数*
# $\partial g/\partial w = 2wz$；固定 $w$，得到 $\partial g/\partial z = w^2 + 2$。
# 把两者排成向量，就是*梯度*。在 $(1, 2)$ 处：


# %%
def g(point):
    w, z = point
    return z * (w**2 + 2)


point = torch.tensor([1.0, 2.0], dtype=torch.float64, requires_grad=True)
g(point).backward()
w, z = point.tolist()
print("formula ", [2 * w * z, w**2 + 2])
print("autograd", point.grad.tolist())
measured = central_difference(g, point, h=1e-6)
print("measured", [round(slope, 6) for slope in measured.tolist()])

# %% [markdown] lang="en"
# ## Steepest, measured around the circle {#steepest}
#
# From the same point one can walk in any direction. `slope_along` measures the slope in
# the direction `u`; 360 of them go once around, a degree apart:

# %% [markdown] lang="zh"
# ## 绕一圈，量出最陡的方向 {#steepest}
#
# 从这一点出发可以朝任何方向走。`slope_along` 测量沿方向 `u` 的斜率；每隔一度取一个方向，
# 绕一圈共 360 个：

# %%
start = point.detach()
here = torch.zeros((), dtype=torch.float64)


def slope_along(u):
    return central_difference(lambda t: g(start + t * u), here, h=1e-6)


angles = torch.deg2rad(torch.arange(360, dtype=torch.float64))
directions = torch.stack((angles.cos(), angles.sin()), dim=1)  # (360, 2)
slopes = torch.stack([slope_along(u) for u in directions])  # (360,)
print(f"steepest up    {slopes.argmax()} degrees, slope {slopes.max():.4f}")
print(f"steepest down {slopes.argmin()} degrees, slope {slopes.min():.4f}")

# %% [markdown] lang="en"
# Direction and length of the gradient say the same. The slope along $u$ is
# $\nabla g \cdot u = \lVert \nabla g \rVert \cos\varphi$, where $\varphi$ is the angle
# between them: largest for 0 degrees, zero for 90, and most negative the opposite way.

# %% [markdown] lang="zh"
# 梯度的方向和长度说的是同一件事。沿 $u$ 的斜率是
# $\nabla g \cdot u = \lVert \nabla g \rVert \cos\varphi$，$\varphi$ 是两者的夹角：0 度时
# 最大，90 度时为零，反方向最小。

# %%
gw, gz = point.grad
length, angle = torch.hypot(gw, gz), torch.atan2(gz, gw)
print(f"gradient: {torch.rad2deg(angle):.2f} degrees, length {length:.4f}")
predicted = length * torch.cos(angles - angle)
print(f"largest difference of 360: {(slopes - predicted).abs().max():.6f}")

# %%
import matplotlib.pyplot as plt

figure, (left, right) = plt.subplots(1, 2, figsize=(6.4, 3.2), layout="constrained")
w, z = torch.linspace(0, 2, 50), torch.linspace(1, 3, 50)
left.contour(w, z, g((w, z.unsqueeze(1))), levels=12, colors="C0", linewidths=0.8)
left.arrow(1, 2, 0.1 * gw.item(), 0.1 * gz.item(), color="C1", head_width=0.06)
left.set(xlabel="w", ylabel="z", aspect="equal")
right.plot(slopes)
right.axvline(torch.rad2deg(angle).item(), color="C1")
right.axhline(0, linestyle=":")
right.set(xlabel="direction in degrees", ylabel="slope", xticks=range(0, 361, 90))

# %% [markdown] lang="en" tags=["caption"]
# Left: lines on which $g$ is constant, and the gradient (a tenth of its length) at
# $(1, 2)$, at a right angle to the line through that point. Right: the measured slope in
# every direction; its maximum is at the direction of the gradient, its minimum opposite.

# %% [markdown] lang="zh" tags=["caption"]
# 左：$g$ 的等值线，以及 $(1, 2)$ 处的梯度（按十分之一长度画出），它垂直于过该点的等值线。
# 右：各个方向上实测的斜率；最大值正在梯度的方向，最小值在相反的方向。

# %% [markdown] lang="en"
# ## A mistake to make once {#mistake}
#
# Write 3 instead of 3.0. A gradient is a limit of ever smaller steps, and between whole
# numbers there are none:

# %% [markdown] lang="zh"
# ## 值得犯一次的错误 {#mistake}
#
# 把 3.0 写成 3。梯度是步长越来越小时的极限，而整数之间没有更小的步子：

# %% raises="RuntimeError: Only Tensors of floating point and complex dtype can require"
torch.tensor(3, requires_grad=True)

# %% [markdown] lang="en"
# It is often said that a tensor "must be float" to have a gradient. That leaves out the
# complex types. PyTorch's own message from the method `requires_grad_` says it too,
# though the method accepts them:

# %% [markdown] lang="zh"
# 常有人说只有 float 张量才能求梯度，这漏掉了复数类型。PyTorch 自己给 `requires_grad_`
# 方法写的报错也是这么说的，其实这个方法同样接受复数：

# %% raises="RuntimeError: only Tensors of floating point dtype can require gradients"
torch.tensor([1, 2, 3]).requires_grad_()

# %%
c = torch.tensor(1 + 2j).requires_grad_()
(c.real**2 + c.imag**2).backward()
print("complex ", c.grad)
x = torch.tensor([1, 2, 3]).float().requires_grad_()
(x**2).sum().backward()
print("repaired", x.grad)

# %% [markdown] lang="en"
# ## Try it {#exercises}
#
# 1. How large may $\eta$ be, in a step against the gradient of $(w - 2)^2$, before the
#    loss rises all the same?

# %% [markdown] lang="zh"
# ## 练习 {#exercises}
#
# 1. 对 $(w - 2)^2$ 逆着梯度走，步长多大时损失反而会上升？

# %% [markdown] lang="en" tags=["answer"]
# Up to $\eta = 1$. One step multiplies $w - 2$ by $1 - 2\eta$; at 0.5 it arrives, at 1
# it lands as far on the other side. The slope describes the curve near the point, and a
# long step leaves that neighbourhood. More in [Learning rate](learning-rate.py).

# %% [markdown] lang="zh" tags=["answer"]
# $\eta$ 超过 1 就会。一步把 $w - 2$ 乘以 $1 - 2\eta$：取 0.5 正好到达，取 1
# 就落到对面同样远的地方。斜率只描述这一点附近的曲线，步子太大就走出了附近。
# 详见[学习率](learning-rate.py)一课。

# %% tags=["answer"]
for lr in (0.2, 0.5, 1.0, 1.1):
    print(f"lr {lr}  loss {loss(1.0 - lr * 2 * (1.0 - 2)):.2f}")

# %% [markdown] lang="en"
# 2. $\mathrm{relu}(x) - \mathrm{relu}(-x)$ is just $x$. What is its slope at 0, measured
#    and by autograd?

# %% [markdown] lang="zh"
# 2. $\mathrm{relu}(x) - \mathrm{relu}(-x)$ 其实就是 $x$。它在 0 处的斜率，实测是多少，
#    自动求导又是多少？

# %% [markdown] lang="en" tags=["answer"]
# Measured 1, by autograd 0, which is wrong: this function has a derivative. Autograd
# goes through the operations one by one, and each ReLU contributes its conventional 0.

# %% [markdown] lang="zh" tags=["answer"]
# 实测是 1，自动求导得 0，而这是错的，因为这个函数在 0 处有导数。自动求导逐个运算地走，
# 两个 ReLU 各按约定给出 0。

# %% tags=["answer"]
x = torch.tensor(0.0, requires_grad=True)
line = torch.relu(x) - torch.relu(-x)
line.backward()
slope = central_difference(lambda x: torch.relu(x) - torch.relu(-x), x, h=0.001)
print(f"autograd {x.grad:.1f}  measured {slope:.1f}")

# %% [markdown] lang="en"
# 3. From $(1, 2)$, walk at right angles to the gradient of $g$. Make the step ten times
#    shorter: what becomes of the change in $g$?

# %% [markdown] lang="zh"
# 3. 从 $(1, 2)$ 出发，沿与 $g$ 的梯度垂直的方向走。步长缩到十分之一，$g$ 的变化缩到
#    多少？

# %% [markdown] lang="en" tags=["answer"]
# It shrinks to about a hundredth: the slope is zero there, and only the curvature is
# left, which enters with the square of the step. Along the gradient it is about a
# tenth.

# %% [markdown] lang="zh" tags=["answer"]
# 约百分之一：这个方向上斜率为零，只剩下曲率的作用，它与步长的平方成正比。沿着梯度走则
# 约为十分之一。

# %% tags=["answer"]
for name, u in (("across", (-0.6, 0.8)), ("along", (0.8, 0.6))):
    u = torch.tensor(u, dtype=torch.float64)
    changes = [(g(start + t * u) - g(start)).item() for t in (0.1, 0.01)]
    print(f"{name:<7}{changes[0]:>10.6f}{changes[1]:>10.6f}")

# %% [markdown] lang="en"
# ## Sources {#sources}
#
# In the PyTorch documentation: [`torch.Tensor.backward`][],
# [`torch.Tensor.requires_grad_`][]. On the kink: D. Bertoin and others, [Numerical
# influence of ReLU'(0) on backpropagation](https://arxiv.org/abs/2106.12915), 2021.

# %% [markdown] lang="zh"
# ## 参考资料 {#sources}
#
# PyTorch 文档：[`torch.Tensor.backward`][]、[`torch.Tensor.requires_grad_`][]。
# 关于折点：D. Bertoin 等，[Numerical influence of ReLU'(0) on
# backpropagation](https://arxiv.org/abs/2106.12915)，2021。
