# %% [markdown] lang="en" needs="descent/by-hand.py"
# # What a learning rate will do, computed before the run {#learning-rate}
#
# All `{python} len(predicted)` updates of the run below are computed before the first is
# made. The same product says that a rate of 0.2 converges, 0.3 overflows and 0.5 arrives
# in one update. What it cannot foresee is float32, which stops for good at update
# `{python} stopped`, at `{python} f"{weights[-1]:.7f}"` instead of 2.

# %% [markdown] lang="zh"
# # 学习率会带来什么，运行之前就能算出 {#learning-rate}
#
# 下面的 `{python} len(predicted)` 次更新，在第一次更新之前就已全部算出。同一个乘积还说：
# 学习率 0.2 收敛，0.3 溢出，0.5 一次更新就到位。它唯一预见不到的是 float32：第
# `{python} stopped` 次更新之后再也不动，停在 `{python} f"{weights[-1]:.7f}"`，而不是 2。

# %% [markdown] lang="en"
# ## One factor per sample {#factor}
#
# The model is $wx$, the data lie on $y = 2x$, and each sample gives one update. It
# multiplies the error $w - 2$ [by a number in which $w$ does not
# occur](by-hand.py#samples):

# %% [markdown] lang="zh"
# ## 每个样本一个因子 {#factor}
#
# 模型是 $wx$，数据都在 $y = 2x$ 上，每个样本更新一次。每次更新都把误差 $w - 2$
# [乘以一个与 $w$ 无关的数](by-hand.py#samples)：

# %% tags=["source"]
from chainrule.contraction import epoch_factor, factor

# %%
xs = [1.0, 2.0, 3.0]
ys = [2.0, 4.0, 6.0]
for x in xs:
    print(f"x = {x:.0f}   {factor(x, lr=0.01):.2f}")
print(f"epoch   {epoch_factor(xs, lr=0.01):.6f}")

# %% [markdown] lang="en"
# ## The whole trace, then the run {#predict}
#
# The product of the first $n$ factors is what is left of the error after $n$ updates.
# No gradient is needed for that:

# %% [markdown] lang="zh"
# ## 先有整条轨迹，再运行 {#predict}
#
# 前 $n$ 个因子的乘积，就是 $n$ 次更新之后误差剩下的比例。这一步不需要梯度：

# %% tags=["source"]
from chainrule.contraction import predict

# %%
predicted = predict(1.0, 2.0, xs, lr=0.01, epochs=100)
for epoch in (1, 10, 100):
    print(f"w after epoch {epoch:>3}: {predicted[3 * epoch - 1]:.12f}")

# %% [markdown] lang="en"
# Now the run. What an update changes is the weight; old listings speak of "updating the
# gradient", but that is computed anew for every sample.

# %% [markdown] lang="zh"
# 现在运行。更新改变的是权重；旧文章常说“更新梯度”，其实梯度对每个样本都是重新计算的。

# %% tags=["source"]
from chainrule.descent import descend

# %%
steps = descend(1.0, xs, ys, lr=0.01, epochs=100)
print("update     predicted           run                 difference")
for n in (1, 2, 3, 30, 150, 300):
    p, w = predicted[n - 1], steps[n - 1].w
    print(f"{n:>6}     {p:.14f}    {w:.14f}    {w - p:.14f}")
largest = max(abs(s.w - p) for s, p in zip(steps, predicted, strict=True))
print(f"largest of all {len(steps)}:                          {largest:.14f}")

# %% [markdown] lang="en"
# For $x = 4$, which is not among the data, the model says 4 before the run. A tutorial
# with this very setup calls its $wx$ a matrix multiplication (`*` goes element by
# element, `@` is the matrix product) and says that the prediction ends at 8. Nearly:

# %% [markdown] lang="zh"
# $x = 4$ 不在数据里，运行之前模型对它的预测是 4。有一篇教程用的正是这套设置，它把 $wx$
# 叫作矩阵乘法（`*` 是逐元素相乘，`@` 才是矩阵乘法），还说预测最后等于 8。其实只是接近：

# %%
import torch

x, two = torch.tensor(xs), torch.tensor([2.0, 2.0, 2.0])
print("two * x", two * x)
print("two @ x", two @ x)
print("before ", 1.0 * 4)
print(f"after   {steps[-1].w * 4:.13f}")

# %% [markdown] lang="en"
# ## float32 stops {#stall}
#
# The tutorial used tensors, which are float32 by default. The same function, started
# from a tensor:

# %% [markdown] lang="zh"
# ## float32 停住了 {#stall}
#
# 那篇教程用的是张量，默认是 float32。同一个函数，换成从张量出发：


# %%
def last_change(weights):
    return max(n for n in range(1, len(weights)) if weights[n] != weights[n - 1])


single = descend(torch.tensor(1.0), xs, ys, lr=0.01, epochs=100)
weights = [1.0] + [step.w.item() for step in single]
stopped = last_change(weights)
gap = torch.finfo(torch.float32).eps  # (1 <= w < 2)
print(f"w moved last at update {stopped}, in epoch {(stopped + 2) // 3}")
print(f"prediction for 4: {4 * weights[-1]:.7f}")
print(f"below 2 by {(2 - weights[-1]) / gap:.0f} gaps between float32 numbers")

# %% [markdown] lang="en"
# Between 1 and 2, float32 numbers lie $2^{-23}$ apart. A result is rounded to the nearest
# of them, so an update below half a gap changes nothing. Everything in gaps, at the
# place where it stopped:

# %% [markdown] lang="zh"
# 在 1 与 2 之间，相邻 float32 数的间距是 $2^{-23}$。结果要舍入到最近的那个数，所以不到
# 半个间距的更新什么也改变不了。停住的地方，各量以间距为单位：

# %%
w = single[-1].w
print("x   w*x - y exact   in float32    update")
for x, y in zip(xs, ys, strict=True):
    exact = w.item() * x - y
    rounded = (w * x - y).item()
    update = 0.01 * 2 * x * rounded
    print(f"{x:.0f}{exact / gap:>14.0f}{rounded / gap:>13.0f}{update / gap:>13.2f}")

# %% [markdown] lang="en"
# The exact error of $x = 3$ would have moved the weight:
# `{python} f"{0.18 * 3:.2f}"` of a gap is more than half. But $3w$ lies between 4 and 8,
# where the gaps are four times as wide, so -9 becomes -8 and the update
# `{python} f"{-update / gap:.2f}"`. In float64 the error goes on shrinking:

# %% [markdown] lang="zh"
# 若按精确误差，$x = 3$ 本来推得动权重：`{python} f"{0.18 * 3:.2f}"` 个间距，超过一半。
# 但 $3w$ 落在 4 与 8 之间，那里的间距是四倍，-9 被舍入成 -8，更新只剩
# `{python} f"{-update / gap:.2f}"` 个间距。在 float64 里误差继续缩小：

# %%
print("              2 - w                    loss")
print("epoch   float32    float64      float32    float64")
for epoch in (10, 40, 50, 60, 80, 100):
    a, b = single[3 * epoch - 1], steps[3 * epoch - 1]
    errors = f"{2 - a.w.item():.1e}    {2 - b.w:.1e}"
    print(f"{epoch:>5}   {errors}      {a.loss.item():.1e}    {b.loss:.1e}")

# %% [markdown] lang="en"
# The loss stops with the weight, and a loss that no longer changes looks like an
# arrival. float64 has the same end, later: its gaps are $2^{-52}$.

# %% [markdown] lang="zh"
# 权重停住，损失也跟着停住；而损失不再变化，看上去就像已经收敛。float64 的结局相同，
# 只是来得晚：它的间距是 $2^{-52}$。

# %%
double = [1.0] + [step.w for step in descend(1.0, xs, ys, lr=0.01, epochs=200)]
print("moved last in epoch", (last_change(double) + 2) // 3)
print(f"below 2 by {(2 - double[-1]) / torch.finfo(torch.float64).eps:.0f} gaps")

# %% [markdown] lang="en"
# ## Too small, right, too large {#rates}
#
# The error after $n$ epochs is the factor of one epoch to the power of $n$. So the
# number of epochs until it is below 0.000001 is known too, for any rate:

# %% [markdown] lang="zh"
# ## 太小、合适、太大 {#rates}
#
# $n$ 轮之后的误差，就是一轮的因子的 $n$ 次方。所以不论学习率是多少，误差降到 0.000001
# 以下需要几轮也能事先知道：

# %%
import math

small = 0.000001
print("    lr   epoch factor   predicted     run")
for lr in (0.0001, 0.001, 0.01, 0.05, 0.1, 0.2, 0.21, 0.3, 0.5):
    f = abs(epoch_factor(xs, lr))
    needed = None if f >= 1 else 1 if f == 0 else math.ceil(math.log(small, f))
    ends = descend(1.0, xs, ys, lr=lr, epochs=needed or 300)[2::3]
    ran = next((n for n, s in enumerate(ends, 1) if abs(s.w - 2) < small), None)
    told = [("never" if n is None else n) for n in (needed, ran)]
    print(f"{lr:>6}{epoch_factor(xs, lr):>15.4f}{told[0]:>12}{told[1]:>8}")

# %% [markdown] lang="en"
# Each sample sets a scale of its own: at $\eta = 1 / (2x^2)$ its factor is 0, at twice
# that it is -1. So $x = 3$ alone diverges from `{python} f"{1 / 9:.4f}"` on. The two others
# pull it back, and only their product decides:

# %% [markdown] lang="zh"
# 每个样本都有自己的尺度：$\eta = 1 / (2x^2)$ 时它的因子是 0，再大一倍就是 -1。所以单独一个
# $x = 3$，从 `{python} f"{1 / 9:.4f}"` 起就发散。另外两个样本会把它拉回来，收敛与否只看
# 三者的乘积：

# %% tags=["source"]
from chainrule.contraction import largest_rate

# %%
import matplotlib.pyplot as plt

rates = [n / 1000 for n in range(531)]
plt.figure(figsize=(6.4, 3.2), layout="constrained")
plt.plot(rates, [abs(epoch_factor(xs, lr)) for lr in rates])
plt.axhline(1, linestyle=":")
plt.axvline(largest_rate(xs), linestyle=":")
plt.xlabel("learning rate")
plt.ylabel("|factor of one epoch|")
print(f"x = 3 alone: {largest_rate([3.0]):.4f}, all three: {largest_rate(xs):.4f}")

# %% [markdown] lang="en" tags=["caption"]
# What an epoch leaves of the error. Below the horizontal dotted line it shrinks, up to
# the vertical one at 0.2040. Beyond it the curve rises almost to 3 and dips once more,
# around 0.5.

# %% [markdown] lang="zh" tags=["caption"]
# 一轮之后误差剩下的比例。在水平虚线以下误差缩小，一直到 0.2040 处的竖直虚线。再往右，
# 曲线升到接近 3，在 0.5 附近又落下去一次。

# %% [markdown] lang="en"
# Do not choose a rate in the dip. At 0.5, $x = 1$ lands on 2 exactly and the others
# find nothing to correct, because all samples agree on 2. What noise in the data does
# instead is the subject of [the lesson on batches](batches.py#floor).

# %% [markdown] lang="zh"
# 这个低谷不能拿来用。0.5 时 $x = 1$ 恰好落在 2 上，其余样本无误差可改，只因为所有样本
# 的解都是 2。数据带噪声时会怎样，见[批次一课](batches.py#floor)。

# %% [markdown] lang="en"
# Four rates, predicted and run:

# %% [markdown] lang="zh"
# 四个学习率，预测与运行：

# %%
plt.figure(figsize=(6.4, 3.2), layout="constrained")
for color, lr in enumerate((0.01, 0.1, 0.2, 0.3)):
    path = [1.0] + [s.w for s in descend(1.0, xs, ys, lr=lr, epochs=12)]
    line = [1.0, *predict(1.0, 2.0, xs, lr=lr, epochs=12)]
    plt.semilogy([abs(w - 2) for w in path], f"C{color}.", label=f"lr {lr}")
    plt.semilogy([abs(w - 2) for w in line], f"C{color}-", linewidth=1)
plt.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=4)
plt.xlabel("update")
plt.ylabel("|w − 2|")

# %% [markdown] lang="en" tags=["caption"]
# Distance from 2 after each update: dots are the run, lines the prediction, and every
# dot lies on its line. 0.01 falls slowly and 0.1 by more than ten orders of magnitude;
# 0.2 swings and falls a little, 0.3 swings and climbs.

# %% [markdown] lang="zh" tags=["caption"]
# 每次更新之后与 2 的距离：点是运行结果，线是预测，每个点都在自己的线上。0.01 慢慢下降，
# 0.1 下降十个数量级以上；0.2 摆动着略有下降，0.3 摆动着上升。

# %% [markdown] lang="en"
# ## A mistake to make once {#mistake}
#
# A rate of 0.3 "to get there faster". In Python floats the square of the distance
# overflows; the factors say when, and the run agrees:

# %% [markdown] lang="zh"
# ## 值得犯一次的错误 {#mistake}
#
# 把学习率调到 0.3，“好快一点”。用 Python 浮点数，距离的平方会溢出；用因子就能
# 算出是哪一轮，运行结果正是如此：

# %%
import sys

limit = math.sqrt(sys.float_info.max)
ahead = predict(1.0, 2.0, xs, lr=0.3, epochs=500)
over = [abs(w * xs[n % 3] - ys[n % 3]) > limit for n, w in enumerate(ahead)]
burst = 1 + over.index(True) // 3
print("overflow predicted in epoch", burst)
safe = descend(1.0, xs, ys, lr=0.3, epochs=burst - 1)
print(f"loss one epoch earlier {safe[-1].loss:.1e}")

# %% raises="OverflowError: Numerical result out of range"
descend(1.0, xs, ys, lr=0.3, epochs=burst)

# %% [markdown] lang="en"
# A tensor raises nothing. Its loss becomes `inf`, its weight later `inf - inf`, which is
# `nan`, and the loop goes on to the end:

# %% [markdown] lang="zh"
# 张量什么错都不报。损失先变成 `inf`，后来权重成了 `inf - inf`，也就是 `nan`，循环照样
# 跑到底：

# %%
blown = descend(torch.tensor(1.0), xs, ys, lr=0.3, epochs=burst)
infinite = [bool(s.loss.isinf()) for s in blown].index(True)
lost = [bool(s.w.isnan()) for s in blown].index(True)
for n in (infinite - 1, infinite, lost - 1, lost, len(blown) - 1):
    print(f"update {n + 1:>4}   loss {blown[n].loss:<9.1e}  w {blown[n].w:.1e}")

# %% [markdown] lang="en"
# The silent one is worse: `{python} len(blown) - lost` of `{python} len(blown)` updates end in `nan`. A
# guard that asks whether the loss is too large is told no, because no number is below
# or above `nan`. Ask [`torch.isfinite`][] instead:

# %% [markdown] lang="zh"
# 不报错的更糟：`{python} len(blown)` 次更新里有 `{python} len(blown) - lost` 次得到的都是 `nan`。
# 拿“损失是否太大”来把关，得到的回答是“不大”，因为与 `nan` 作任何大小比较都是假。应当问
# [`torch.isfinite`][]：

# %%
for name, step in (("inf", blown[infinite]), ("nan", blown[-1])):
    big, finite = bool(step.loss > 1e6), bool(torch.isfinite(step.loss))
    print(f"loss {name}: loss > 1e6 is {big}, isfinite is {finite}")

# %% [markdown] lang="en"
# ## Try it {#exercises}
#
# 1. Measure $x$ in millimetres instead of centimetres: 10, 20, 30. What becomes of the
#    largest learning rate?

# %% [markdown] lang="zh"
# ## 练习 {#exercises}
#
# 1. 把 $x$ 的单位从厘米换成毫米：10、20、30。能用的最大学习率变成多少？

# %% [markdown] lang="en" tags=["answer"]
# A hundredth of it: rate and input occur only as $\eta x^2$. This is one reason to
# normalise inputs before choosing a rate.

# %% [markdown] lang="zh" tags=["answer"]
# 变成百分之一：学习率与输入只以 $\eta x^2$ 的形式出现。这也是先归一化输入、
# 再选学习率的理由之一。

# %% tags=["answer"]
for scale in (1.0, 10.0):
    print(f"{scale:>4.0f}  {largest_rate([scale * x for x in xs]):.6f}")

# %% [markdown] lang="en"
# 2. Take one update per epoch, with the mean of the three gradients. Which rate arrives
#    in one update, and from which on does it diverge?

# %% [markdown] lang="zh"
# 2. 改成每轮只更新一次，用三个梯度的平均。学习率取多少一次就到？从多少起发散？

# %% [markdown] lang="en" tags=["answer"]
# The factor is $1 - 2\eta m$ with $m$ the mean of $x^2$, here 14/3: it is 0 at 3/28 and
# -1 at 3/14. At 3/14 the weight jumps from 1 to 3 and back.

# %% [markdown] lang="zh" tags=["answer"]
# 因子是 $1 - 2\eta m$，$m$ 是 $x^2$ 的平均，这里是 14/3：取 3/28 时因子为 0，取 3/14 时
# 为 -1。取 3/14，权重就在 1 与 3 之间来回跳。

# %% tags=["answer"]
for lr in (3 / 28, 3 / 14, 0.22):
    w, path = 1.0, []
    for _ in range(4):
        w = w - lr * sum(2 * x * (w * x - 2 * x) for x in xs) / 3
        path.append(f"{w:.4f}")
    print(f"lr {lr:.4f}  ", *path)

# %% [markdown] lang="en"
# 3. Would float32 come closer to 2 with a smaller rate and more epochs?

# %% [markdown] lang="zh"
# 3. 学习率小一些、轮数多一些，float32 会更接近 2 吗？

# %% [markdown] lang="en" tags=["answer"]
# It stops farther away. A tenth of the rate makes a tenth of the update, so half a gap
# is reached at about ten times the distance. At 0.1 it does arrive.

# %% [markdown] lang="zh" tags=["answer"]
# 反而停得更远。学习率是十分之一，更新也是十分之一，所以大约在十倍远处就已不到半个间距。
# 0.1 倒是走到了。

# %% tags=["answer"]
for lr, epochs in ((0.1, 100), (0.01, 100), (0.001, 1500)):
    end = descend(torch.tensor(1.0), xs, ys, lr=lr, epochs=epochs)[-1].w.item()
    print(f"lr {lr:<5}  w {end:.7f}  {(2 - end) / gap:>2.0f} gaps below 2")

# %% [markdown] lang="en"
# ## Sources {#sources}
#
# Why, with one update per epoch, rates up to twice the best one converge: Y. LeCun et
# al., [Efficient BackProp](https://doi.org/10.1007/3-540-49430-8_2), 1998. The gap
# between numbers: [`torch.finfo`][]. What PyTorch says on rounding: [Numerical
# accuracy](https://docs.pytorch.org/docs/stable/notes/numerical_accuracy.html).

# %% [markdown] lang="zh"
# ## 参考资料 {#sources}
#
# 每轮更新一次时，为什么学习率不到最佳值的两倍就收敛：Y. LeCun 等，[Efficient
# BackProp](https://doi.org/10.1007/3-540-49430-8_2)，1998。数的间距：
# [`torch.finfo`][]。PyTorch 对舍入的说明：[Numerical
# accuracy](https://docs.pytorch.org/docs/stable/notes/numerical_accuracy.html)。
