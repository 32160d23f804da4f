# %% [markdown] lang="en" needs="descent/autograd.py"
# # Fit a line, and know when it has arrived {#linear-regression}
#
# After 3000 steps the fit of $y = 3x + 0.8$ is `{python} f"{lines[3000].a:.4f}"` $x$ +
# `{python} f"{lines[3000].b:.4f}"`, with a loss of only `{python} f"{losses[3000]:.5f}"`. The curvature
# of the loss gives this line before the run, and the step at which the slope is right to
# four decimals, `{python} arrival`. At this learning rate float32 never gets there.

# %% [markdown] lang="zh"
# # 拟合直线：何时才算到达 {#linear-regression}
#
# 拟合 $y = 3x + 0.8$，3000 步之后得到 `{python} f"{lines[3000].a:.4f}"` $x$ +
# `{python} f"{lines[3000].b:.4f}"`，而损失已经只有 `{python} f"{losses[3000]:.5f}"`。这条直线在运行之前就能由
# 损失的曲率算出；斜率何时精确到四位小数也能算出：第 `{python} arrival` 步。而用 float32，
# 在这个学习率下永远到不了。

# %% [markdown] lang="en"
# ## Two parameters, two derivatives {#gradient}
#
# The loss is the mean of the squared distances. Its derivative with respect to
# $a$ has a factor $x$ inside the mean, the one with respect to $b$ has not:

# %% [markdown] lang="zh"
# ## 两个参数，两个导数 {#gradient}
#
# 损失是距离平方的平均。对 $a$ 的导数在求平均时多一个因子 $x$，对 $b$ 的没有：

# %% tags=["source"]
from chainrule.line import Line, gradient, mean_loss

# %% [markdown] lang="en"
# Fifty points exactly on the line, without noise, and a flat line at 0 to start from:

# %% [markdown] lang="zh"
# 五十个点，没有噪声，都恰好在直线上；从高度为 0 的水平线出发：

# %%
import torch

torch.manual_seed(0)
x = torch.rand(50)  # (N,)
y = 3 * x + 0.8  # (N,)
a = torch.tensor(0.0, requires_grad=True)
b = torch.tensor(0.0, requires_grad=True)
mean_loss(Line(a, b), x, y).backward()
hand = gradient(Line(0.0, 0.0), x, y)
print("         by hand   autograd  difference")
for name, slope, grad in (("dL/da", hand.a, a.grad), ("dL/db", hand.b, b.grad)):
    print(f"{name}{slope:>11.4f}{grad:>11.4f}{abs(slope - grad):>12.4f}")

# %% [markdown] lang="en"
# ## Three thousand steps {#run}
#
# The learning rate is 0.01, and each step uses all fifty points. Each row shows $a$, $b$
# and the loss *they* give; the update comes after:

# %% [markdown] lang="zh"
# ## 三千步 {#run}
#
# 学习率 0.01，每一步都用全部五十个点。每一行打印 $a$、$b$ 以及*它们*给出的损失，
# 之后才更新：

# %%
lines, losses = {}, {}
for step in range(3001):
    loss = mean_loss(Line(a, b), x, y)
    if step % 500 == 0:
        lines[step], losses[step] = Line(a.item(), b.item()), loss.item()
        print(f"step {step:>4}   loss {loss:.5f}   a {a:.4f}   b {b:.4f}")
    a.grad = b.grad = None
    loss.backward()
    with torch.no_grad():
        a -= 0.01 * a.grad
        b -= 0.01 * b.grad

# %%
import matplotlib.pyplot as plt

plt.figure(figsize=(6.4, 3.2))
plt.scatter(x, y, s=14, color="C0", label="data")
ends = torch.tensor([0.0, 1.0])
for step, style in ((500, ":"), (1000, "--"), (3000, "-")):
    line = lines[step]
    plt.plot(ends, line.a * ends + line.b, style, color="C1", label=f"step {step}")
plt.legend()
plt.xlabel("x")
plt.ylabel("y")

# %% [markdown] lang="en" tags=["caption"]
# The points and the line after 500, 1000 and 3000 steps. It turns about the middle of
# the points; the last one passes through all of them, as far as an eye can tell.

# %% [markdown] lang="zh" tags=["caption"]
# 数据点，以及 500、1000、3000 步之后的直线。直线绕着数据的中部转动；最后一条看上去已经
# 穿过所有的点。

# %% [markdown] lang="en"
# ## The loss hides it {#loss}
#
# For a line there is a closed form, which needs no descent and no learning rate:

# %% [markdown] lang="zh"
# ## 损失看不出来 {#loss}
#
# 直线的最优解有现成的公式，不用梯度下降，也不用学习率：

# %% tags=["source"]
from chainrule.line import least_squares

# %%
best = least_squares(x, y)
print(f"best line: a {best.a:.4f}   b {best.b:.4f}")
print("step   loss left   error of a left   error of b left")
for step in (500, 1000, 2000, 3000):
    a_left = 1 - lines[step].a / best.a
    b_left = 1 - lines[step].b / best.b
    loss_left = losses[step] / losses[0]
    print(f"{step:>4}{loss_left:>12.3%}{a_left:>18.3%}{b_left:>18.3%}")

# %% [markdown] lang="en"
# From step 500 to 3000 the errors shrink `{python} f"{(3 - lines[500].a) / (3 - lines[3000].a):.0f}"` times, the loss
# `{python} f"{losses[500] / losses[3000]:.0f}"` times: it goes with the *square*. That is one reason. The
# other shows in the signs: $a$ is too small and $b$ too large. Too flat a line stays near
# the points by lying too high at 0.

# %% [markdown] lang="zh"
# 从第 500 步到第 3000 步，误差缩小到 `{python} f"{(3 - lines[500].a) / (3 - lines[3000].a):.0f}"` 分之一，损失缩小到
# `{python} f"{losses[500] / losses[3000]:.0f}"` 分之一：损失按误差的*平方*走，这是一个原因。另一个原因看符号：
# $a$ 偏小而 $b$ 偏大。斜率偏小的直线，只要在 0 处抬高一些，照样离各点不远。

# %% [markdown] lang="en"
# ## One slow direction {#curvature}
#
# The gradient is linear in $a$ and $b$. The matrix of its derivatives, the *Hessian*, is
# therefore the same everywhere. From here on everything is float64:

# %% [markdown] lang="zh"
# ## 一个慢方向 {#curvature}
#
# 梯度是 $a$、$b$ 的线性函数，所以由它的导数组成的矩阵，也就是*海森矩阵*（Hessian），
# 处处相同。从这里开始一律用 float64：

# %% tags=["source"]
from chainrule.line import curvature

# %%
from torch.autograd.functional import hessian

x = x.double()
y = 3 * x + 0.8
H = curvature(x)
both = hessian(lambda a, b: mean_loss(Line(a, b), x, y), tuple(best))
print("by hand", H)
print("the same by autograd", torch.allclose(H, torch.tensor(both).double()))

# %% [markdown] lang="en"
# Along an eigenvector of $H$ with eigenvalue $\lambda$ a step multiplies the error by
# $1 - \eta\lambda$, whatever the error in the other direction. [One
# weight](learning-rate.py) had one such factor; two parameters have two.
# [`torch.linalg.eigh`][] finds them:

# %% [markdown] lang="zh"
# 沿着 $H$ 的一个特征向量，设特征值为 $\lambda$，每一步把误差乘以 $1 - \eta\lambda$，与另一个
# 方向互不相干。[一个权重](learning-rate.py)时只有一个这样的因子，两个参数就有两个。
# 用 [`torch.linalg.eigh`][] 求出：

# %%
import math

values, vectors = torch.linalg.eigh(H)  # (2,), (2, 2)
for name, value, (da, db) in zip(("slow", "fast"), values, vectors.T, strict=True):
    half = math.log(0.5) / math.log(1 - 0.01 * value)
    print(f"{name}: curvature {value:.4f}, halved in {half:.1f} steps,")
    print(f"      b changes by {db / da:.4f} for every 1 of a")
print(f"fast / slow {values[1] / values[0]:.2f}")

# %% [markdown] lang="en"
# In the slow direction $b$ falls while $a$ rises: the line turns about
# $x =$ `{python} f"{-vectors[1, 0] / vectors[0, 0]:.2f}"`, amid the points, and comes little closer to them.
# An error $c$ along it costs $\lambda c^2/2$, so the small eigenvalue that makes the
# error last also makes it cheap:

# %% [markdown] lang="zh"
# 在慢方向上，$a$ 增大而 $b$ 减小：直线绕着 $x =$ `{python} f"{-vectors[1, 0] / vectors[0, 0]:.2f}"` 转动，
# 这里正是数据的中部，所以离各点近不了多少。沿这个方向的误差 $c$ 只让损失增加 $\lambda c^2/2$：
# 特征值小，误差消得慢，在损失里也不显眼：

# %%
for step in (0, 100, 500, 3000):
    kept = (1 - 0.01 * values) ** step  # (2,)
    c = kept * (vectors.T @ torch.tensor([-3.0, -0.8]).double())  # (2,)
    slow, fast = values * c**2 / 2
    print(f"step {step:>4}   slow {slow:.5f} + fast {fast:.5f} = {slow + fast:.5f}")

# %% [markdown] lang="en"
# ## The line, before the run {#predict}
#
# The two factors give the line after any number of steps, without taking them:

# %% [markdown] lang="zh"
# ## 先算出直线，再运行 {#predict}
#
# 有了这两个因子，任意多步之后的直线都可以一次算出：

# %% tags=["source"]
from chainrule.line import error_after


# %%
start = Line(*torch.tensor([-3.0, -0.8], dtype=torch.float64))
predicted = {}
for step in (1, 10, 100, 1000, 3000):
    left = error_after(step, start, x, lr=0.01)
    predicted[step] = Line(3 + left.a, 0.8 + left.b)
    print(f"step {step:>4}   a {predicted[step].a:.6f}   b {predicted[step].b:.6f}")

# %% [markdown] lang="en"
# Now the run, with the gradient by hand:

# %% [markdown] lang="zh"
# 现在运行，梯度用手算的：


# %%
def descend(line, x, y, lr, steps):
    trace = [line]
    for _ in range(steps):
        da, db = gradient(line, x, y)
        line = Line(line.a - lr * da, line.b - lr * db)
        trace.append(line)
    return trace


zero = Line(*torch.zeros(2, dtype=torch.float64))
trace = descend(zero, x, y, lr=0.01, steps=8500)
for step, (p, q) in predicted.items():
    a, b = trace[step]
    print(f"step {step:>4}   a {a:.6f}   b {b:.6f}   off {abs(p - a) + abs(q - b):.6f}")

# %% [markdown] lang="en"
# Seen from above, the loss is a long valley. The fast direction is finished after some
# 200 steps; all later steps go along the floor.

# %% [markdown] lang="zh"
# 从上面看，损失是一条狭长的山谷。快方向在大约 200 步之后就走完了，其余的步子都沿着谷底。

# %%
sides = torch.linspace(-0.4, 3.6, 41), torch.linspace(-0.4, 2.4, 41)
grid_a, grid_b = torch.meshgrid(*sides, indexing="xy")
error = torch.stack([grid_a - 3, grid_b - 0.8], -1).double()  # (41, 41, 2)
height = (error @ H * error).sum(-1) / 2  # (41, 41)
plt.figure(figsize=(6.4, 3.2))
levels = [0.02, 0.1, 0.3, 1, 2, 4]
plt.contour(grid_a, grid_b, height, levels=levels, colors="C0", linewidths=0.8)
path = torch.tensor(trace[:3001:20])  # (151, 2)
plt.plot(path[:, 0], path[:, 1], "o-", color="C1", markersize=3)
plt.plot(3, 0.8, "x", color="C0", markersize=9)
plt.xlabel("a")
plt.ylabel("b")

# %% [markdown] lang="en" tags=["caption"]
# Lines of equal loss and the path of 3000 steps, a dot every 20. Some ten dots lead from
# (0, 0) straight into the valley; the others crowd along its floor and stop just short
# of the cross at (3, 0.8).

# %% [markdown] lang="zh" tags=["caption"]
# 等高线与 3000 步的路径，每 20 步一个点。从 (0, 0) 出发，十来个点就径直落入谷底，其余的
# 密密地排在谷底，最后差一点到达 (3, 0.8) 处的叉号。

# %% [markdown] lang="en"
# ## When it does arrive {#when}
#
# The slope prints as 3.0000 once its error is below half of the last digit. The fast part
# is gone long before, so the slow factor alone says when. Solved for the step, then run:

# %% [markdown] lang="zh"
# ## 什么时候到 {#when}
#
# 误差小于末位的一半，斜率就打印成 3.0000。快方向的误差早已消失，只需看慢方向的因子。
# 先解出步数，再看实际运行：

# %%
share = vectors[0, 0] * (vectors[:, 0] @ torch.stack(start))
target = (0.00005 / share.abs()).item()
foreseen = math.ceil(math.log(target) / math.log(1 - 0.01 * values[0]))
arrival = min(n for n, line in enumerate(trace) if f"{line.a:.4f}" == "3.0000")
print(f"predicted {foreseen}, run {arrival}")
print(f"step {arrival - 1}: {trace[arrival - 1].a:.9f}")
print(f"step {arrival}: {trace[arrival].a:.9f}")

# %% [markdown] lang="en"
# Or ask for the learning rate that arrives within 3000 steps. It may not exceed
# $2/\lambda$ of the fast direction, where the factor becomes $-1$:

# %% [markdown] lang="zh"
# 反过来，也可以问多大的学习率能在 3000 步之内到达。它不能超过快方向的 $2/\lambda$，
# 在那里因子变成 $-1$：

# %%
needed = (1 - target ** (1 / 3000)) / values[0]
print(f"needed {needed:.4f}, limit {2 / values[1]:.4f}")
for lr in (0.0275, 0.0276):
    end = descend(zero, x, y, lr, steps=3000)[-1]
    print(f"lr {lr}: a {end.a:.4f}   b {end.b:.4f}")

# %% [markdown] lang="en"
# In float32 waiting does not help. An update of less than half the gap between float32
# numbers [is rounded away](learning-rate.py#stall). In the slow direction the update of
# $a$ is $\eta\lambda$ times its error, so it stops at an error of about

# %% [markdown] lang="zh"
# 用 float32，等多久都没用。更新量不到相邻 float32 数间距的一半，[就会被舍入
# 抹掉](learning-rate.py#stall)。在慢方向上，$a$ 的更新量是 $\eta\lambda$ 乘以它的误差，
# 所以误差大约减到下面这么大就停住了：

# %%
half_gap = torch.finfo(torch.float32).eps  # (2 <= a < 4)
print(f"foreseen {half_gap / (0.01 * values[0]):.5f}")
zero32 = Line(*torch.zeros(2))
single = descend(zero32, x.float(), y.float(), lr=0.01, steps=8500)
print(f"run      {3 - single[-1].a:.5f}")
print(f"a {single[-1].a:.4f}   b {single[-1].b:.4f}")
print("moved in the last 500 steps:", single[-1] != single[-501])

# %% [markdown] lang="en"
# A step that changes nothing is followed by the same step again. What does help, besides
# float64, is a larger learning rate:

# %% [markdown] lang="zh"
# 一步之后毫无变化，以后每一步就都一样。除了 float64，提高学习率也有用：

# %%
for lr in (0.01, 0.5):
    end = descend(zero32, x.float(), y.float(), lr, steps=3000)[-1]
    print(f"float32, lr {lr}, 3000 steps: a {end.a:.4f}   b {end.b:.4f}")

# %% [markdown] lang="en"
# ## A mistake to make once {#mistake}
#
# Forget the `mean`. `backward` starts from the derivative of *one* number with respect
# to itself, which is 1; the fifty squares are fifty numbers:

# %% [markdown] lang="zh"
# ## 值得犯一次的错误 {#mistake}
#
# 忘了写 `mean`。`backward` 的起点是*一个*数对它自己的导数，也就是 1，而五十个平方不是一个数：

# %% raises="RuntimeError: grad can be implicitly created only for scalar outputs"
a = torch.tensor(0.0, requires_grad=True)
b = torch.tensor(0.0, requires_grad=True)
((a * x + b - y) ** 2).backward()

# %% [markdown] lang="en"
# `sum` silences the error as well. But the sum is $N$ times the mean, and so are its
# gradient and its curvature: 0.01 acts like $0.01\,N$. With fifty points that happens to
# be faster. With a hundred it is past the limit:

# %% [markdown] lang="zh"
# 改成 `sum` 也不报错了。可是和是平均的 $N$ 倍，梯度和曲率也都是 $N$ 倍，学习率 0.01 就相当于
# $0.01\,N$。五十个点时碰巧更快，一百个点就越过了极限：

# %%
for N in (50, 100):
    torch.manual_seed(0)
    u = torch.rand(N).double()  # (N,)
    a, b = (torch.zeros_like(u[0], requires_grad=True) for _ in range(2))
    for _ in range(200):
        a.grad = b.grad = None
        ((a * u + b - (3 * u + 0.8)) ** 2).sum().backward()
        with torch.no_grad():
            a -= 0.01 * a.grad
            b -= 0.01 * b.grad
    fast = 0.01 * N * torch.linalg.eigvalsh(curvature(u))[1]
    print(f"N {N:>3}   fast factor {1 - fast:.3f}   after 200 steps a {a:.4g}")

# %% [markdown] lang="en"
# ## Try it {#exercises}
#
# 1. Subtract its mean from $x$ and divide by its standard deviation. How many steps does
#    the best learning rate need now?

# %% [markdown] lang="zh"
# ## 练习 {#exercises}
#
# 1. 把 $x$ 减去平均值，再除以标准差。现在用最好的学习率要几步？

# %% [markdown] lang="en" tags=["answer"]
# One. Both eigenvalues become 2, so $\eta = 0.5$ makes both factors 0. Subtracting the
# mean alone does little here.

# %% [markdown] lang="zh" tags=["answer"]
# 一步。两个特征值都变成 2，取 $\eta = 0.5$，两个因子都是 0。这里只减平均值作用不大。

# %% tags=["answer"]
centred = x - x.mean()
z = centred / x.std(correction=0)
for name, inputs in (("x", x), ("centred", centred), ("z", z)):
    slow, fast = torch.linalg.eigvalsh(curvature(inputs))
    print(f"{name:<9}slow {slow:.4f}   fast {fast:.4f}")
a, b = descend(zero, z, y, lr=0.5, steps=1)[-1]
a = a / x.std(correction=0)
print(f"one step: a {a:.4f}   b {b - a * x.mean():.4f}")

# %% [markdown] lang="en"
# 2. Is the limit of the learning rate, computed above, the real one?

# %% [markdown] lang="zh"
# 2. 上面算出的学习率极限是真的吗？

# %% [markdown] lang="en" tags=["answer"]
# Yes: 1 % below it the error shrinks, 1 % above it grows without bound.

# %% [markdown] lang="zh" tags=["answer"]
# 是的：低 1 %，误差不断减小；高 1 %，误差无限增大。

# %% tags=["answer"]
limit = 2 / values[1]
for part in (0.99, 1.01):
    end = descend(zero, x, y, part * limit, steps=1000)[-1]
    print(f"lr {part * limit:.4f}   error of a {abs(end.a - 3):.1e}")

# %% [markdown] lang="en"
# 3. Make $x$ a column of shape (50, 1) and leave $y$ as it is. Where does the loss, now
#    typed by hand, have its minimum?

# %% [markdown] lang="zh"
# 3. 把 $x$ 变成形状 (50, 1) 的一列，$y$ 不变。这时手写的损失在哪里最小？

# %% [markdown] lang="en" tags=["answer"]
# At slope 0. Broadcasting pairs every $x$ with every $y$, 2500 times, and says nothing;
# pairs of all with all have [nothing to learn](nothing-to-learn.py). `mean_loss` refuses:

# %% [markdown] lang="zh" tags=["answer"]
# 在斜率 0 处。广播把每个 $x$ 与每个 $y$ 都配了一次对，共 2500 对，而且不报错；既然所有的 $x$
# 与所有的 $y$ 两两配对，也就[没有可学的](nothing-to-learn.py)了。`mean_loss` 则拒绝：

# %% tags=["answer"] raises="ValueError: x and y must be (N,) both, got (50, 1) and (50,)"
column = x[:, None]  # (N, 1)
flat = least_squares(column.expand(50, 50).flatten(), y.expand(50, 50).flatten())
print(f"pairs {(column - y).numel()}   best a {abs(flat.a):.4f}   best b {flat.b:.4f}")
print(f"mean of y {y.mean():.4f}")
mean_loss(zero, column, y)

# %% [markdown] lang="en"
# ## Sources {#sources}
#
# Eigenvalues of the Hessian as speeds, and inputs brought to mean 0 and equal variance:
# Y. LeCun et al., [Efficient BackProp](https://doi.org/10.1007/3-540-49430-8_2), 1998. The same with
# momentum: G. Goh, [Why Momentum Really Works](https://distill.pub/2017/momentum/), 2017.

# %% [markdown] lang="zh"
# ## 参考资料 {#sources}
#
# 海森矩阵的特征值决定收敛快慢，以及输入为什么要减平均、统一方差：Y. LeCun 等，
# [Efficient BackProp](https://doi.org/10.1007/3-540-49430-8_2)，1998。加上动量之后：
# G. Goh，[Why Momentum Really Works](https://distill.pub/2017/momentum/)，2017。
