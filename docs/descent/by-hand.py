# %% [markdown] lang="en"
# # Gradient descent by hand {#by-hand}
#
# One weight, four samples, no library: `{python} len(steps)` updates take `w` from 1 to
# `{python} f"{steps[-1].w:.4f}"`, and every one of them is printed below. The samples contribute
# unequally: in one pass `x = 4` removes `{python} f"{1 - shrink(4.0):.0%}"` of the error it finds, `x = 1`
# only `{python} f"{1 - shrink(1.0):.0%}"`.

# %% [markdown] lang="zh"
# # 手写梯度下降 {#by-hand}
#
# 一个权重、四个样本、不用任何库：`{python} len(steps)` 次更新把 `w` 从 1 带到
# `{python} f"{steps[-1].w:.4f}"`，每一次都打印在下面。各个样本的贡献并不相等：一轮之中，
# `x = 4` 消去当时误差的 `{python} f"{1 - shrink(4.0):.0%}"`，`x = 1` 只消去
# `{python} f"{1 - shrink(1.0):.0%}"`。

# %% [markdown] lang="en"
# ## The loss and its slope {#slope}
#
# The model says $wx$ where the data say $y$. Squaring the difference gives the loss, and
# the chain rule gives its derivative with respect to $w$: the outer square contributes
# $2(wx - y)$, the inner product contributes $x$.

# %% [markdown] lang="zh"
# ## 损失与斜率 {#slope}
#
# 模型给出 $wx$，数据给出 $y$，两者之差的平方就是损失。对 $w$ 求导用链式法则：
# 外层平方给出 $2(wx - y)$，内层乘积给出 $x$。

# %% tags=["source"]
from chainrule.descent import gradient, loss

# %% [markdown] lang="en"
# The data lie on $y = 2x$ and the weight starts at 1. For the first sample:

# %% [markdown] lang="zh"
# 数据都在 $y = 2x$ 上，权重从 1 开始。先看第一个样本：

# %%
xs = [1.0, 2.0, 3.0, 4.0]
ys = [2.0, 4.0, 6.0, 8.0]
w = 1.0
print("loss    ", loss(w, xs[0], ys[0]))
print("gradient", gradient(w, xs[0], ys[0]))

# %% [markdown] lang="en"
# A gradient of `{python} gradient(1.0, 1.0, 2.0)` says that the loss falls as `w` grows. The
# update $w \leftarrow w - \eta\,dL/dw$ goes *against* the gradient. With a *learning
# rate* of $\eta = 0.01$, `w` grows by 0.01 times 2:

# %% [markdown] lang="zh"
# 梯度是 `{python} gradient(1.0, 1.0, 2.0)`，也就是说 `w` 变大时损失变小。更新公式
# $w \leftarrow w - \eta\,dL/dw$ *逆着*梯度走。取*学习率* $\eta = 0.01$，`w` 就增加
# 0.01 乘以 2：

# %%
change = 0.01 * gradient(w, xs[0], ys[0])
print(f"uphill   {loss(w + change, xs[0], ys[0]):.4f}")
print(f"downhill {loss(w - change, xs[0], ys[0]):.4f}")

# %% [markdown] lang="en"
# ## Thirty epochs, every update {#trace}
#
# An *epoch* is one pass over the four samples. One update after each sample is
# *stochastic* gradient descent with a batch size of one. Samples are usually shuffled;
# here they keep their order, so that the lines can be compared.

# %% [markdown] lang="zh"
# ## 三十轮，每次更新都打印 {#trace}
#
# 四个样本过一遍，称为一*轮*（epoch）。每看一个样本就更新一次，这就是批大小为 1 的
# *随机*梯度下降。样本通常要打乱，这里保持原来的顺序，方便逐行比较。

# %% tags=["source"]
from chainrule.descent import descend

# %%
steps = descend(1.0, xs, ys, lr=0.01, epochs=30)
for x, y, prediction, error, w in steps:
    print(f"x {x:.0f}  y {y:.0f}  w*x {prediction:.6f}  loss {error:.1e}  w {w:.9f}")

# %% [markdown] lang="en"
# Each line is printed *after* its update. Old listings often print the loss there and let
# you take it for the loss that caused the step, which is larger:

# %% [markdown] lang="zh"
# 每一行都是更新*之后*的值。不少旧文章也在这里打印损失，却让人误以为它就是引起这次更新的
# 那个损失。后者要大一些：

# %%
print(f"before the first update  {loss(1.0, xs[0], ys[0]):.4f}")
print(f"after it                 {steps[0].loss:.4f}")

# %% [markdown] lang="en"
# ## Who does the work {#samples}
#
# Since $y = 2x$, the gradient is $2x^2 e$, where $e = w - 2$ is the error of the weight.
# One update therefore multiplies $e$ by $1 - 2\eta x^2$, whatever $w$ is, and the trace
# can be predicted without running it:

# %% [markdown] lang="zh"
# ## 谁在出力 {#samples}
#
# 记权重的误差为 $e = w - 2$。因为 $y = 2x$，梯度就是 $2x^2 e$。所以不论 $w$ 是多少，
# 一次更新都把 $e$ 乘以 $1 - 2\eta x^2$，不用运行就能预测整条轨迹：


# %%
def shrink(x, lr=0.01):
    return 1 - 2 * lr * x**2


epoch = 1.0
for x in xs:
    epoch *= shrink(x)
    print(f"x = {x:.0f}: the error is multiplied by {shrink(x):.2f}")
print(f"a whole epoch: by {epoch:.4f}")
print(f"w after epoch 30: {2 - epoch**30:.10f} predicted, {steps[-1].w:.10f} run")

# %% [markdown] lang="en"
# The error is about halved in every epoch. In the plot the update for $x = 1$ hardly
# shows, and the one for $x = 4$ is the highest step.

# %% [markdown] lang="zh"
# 每一轮误差大约减半。画出来是一段段台阶：$x = 1$ 处几乎是平的，$x = 4$ 处一下子抬高。

# %%
import matplotlib.pyplot as plt

plt.plot([1.0] + [step.w for step in steps[:24]], drawstyle="steps-post")
plt.axhline(2.0, linestyle=":")
plt.xlabel("update")
plt.ylabel("w")

# %% [markdown] lang="en" tags=["caption"]
# The weight over the first six epochs: it climbs from 1 towards 2 (dotted) in stairs of
# four updates, the last of which is always the highest.

# %% [markdown] lang="zh" tags=["caption"]
# 前六轮中的权重：从 1 走向 2（虚线），每四次更新一组台阶，每组最后一级总是最高。

# %% [markdown] lang="en"
# ## A mistake to make once {#mistake}
#
# Differentiate with respect to $x$ by mistake, and you get $2w(wx - y)$. From $w = 1$
# descent still arrives, since $w$ and $x$ are both positive and the sign is right. Start
# on the other side:

# %% [markdown] lang="zh"
# ## 值得犯一次的错误 {#mistake}
#
# 如果误对 $x$ 求导，得到的就是 $2w(wx - y)$。从 $w = 1$ 出发居然也能收敛，因为 $w$ 和
# $x$ 都是正数，方向没有错。换到另一边出发：


# %%
def wrong_gradient(w, x, y):
    return 2 * w * (w * x - y)


def run_wrong(w, epochs):
    for _ in range(epochs):
        for x, y in zip(xs, ys, strict=True):
            w = w - 0.01 * wrong_gradient(w, x, y)
            error = loss(w, x, y)
        print(f"w {w:.3g}  loss {error:.3g}")


run_wrong(1.0, epochs=12)

# %% raises="OverflowError: Numerical result out of range"
run_wrong(-1.0, epochs=10)

# %% [markdown] lang="en"
# The weight runs away from 2 until the square in the loss no longer fits in a float. A
# *central difference*, taken from the loss a little to each side of $w$, would have
# caught the mistake before any training:

# %% [markdown] lang="zh"
# 权重离 2 越来越远，直到损失里的平方超出浮点数的范围。其实训练之前用*中心差分*检查
# 一次，即在 $w$ 两侧各算一次损失，就能发现错误：

# %%
w, x, y, h = -1.0, 3.0, 6.0, 1e-6
measured = (loss(w + h, x, y) - loss(w - h, x, y)) / (2 * h)
print(f"measured {measured:.4f}")
print(f"right    {gradient(w, x, y):.4f}")
print(f"wrong    {wrong_gradient(w, x, y):.4f}")

# %% [markdown] lang="en"
# ## Try it {#exercises}
#
# 1. Go through the samples from 4 down to 1. Where does each epoch end?

# %% [markdown] lang="zh"
# ## 练习 {#exercises}
#
# 1. 把样本的顺序倒过来，从 4 到 1。每一轮结束时走到哪里？

# %% [markdown] lang="en" tags=["answer"]
# At the same place: a product does not depend on the order of its factors. Only the
# rounding differs.

# %% [markdown] lang="zh" tags=["answer"]
# 同一个地方：乘积与因子的顺序无关，只有舍入不同。

# %% tags=["answer"]
backwards = descend(1.0, xs[::-1], ys[::-1], lr=0.01, epochs=30)
for epoch in (1, 2, 3):
    print(f"{steps[4 * epoch - 1].w:.6f}  {backwards[4 * epoch - 1].w:.6f}")

# %% [markdown] lang="en"
# 2. Find a learning rate that arrives at exactly 2 within the first epoch.

# %% [markdown] lang="zh"
# 2. 学习率取多少，第一轮之内就能恰好走到 2？

# %% [markdown] lang="en" tags=["answer"]
# One that makes a factor zero: $2\eta x^2 = 1$. With $\eta = 0.125$ that is $x = 2$. The
# updates after it find nothing left to correct.

# %% [markdown] lang="zh" tags=["answer"]
# 让某个因子等于零就行：$2\eta x^2 = 1$。取 $\eta = 0.125$，对应 $x = 2$。
# 之后的更新已经没有误差可改。

# %% tags=["answer"]
for x, _, _, error, w in descend(1.0, xs, ys, lr=0.125, epochs=1):
    print(f"x {x:.0f}  w {w}  loss {error}")

# %% [markdown] lang="en"
# 3. At 0.07 the sample $x = 4$ alone overshoots further each time. Does descent diverge?

# %% [markdown] lang="zh"
# 3. 学习率 0.07 时，单看 $x = 4$，每次都越冲越远。整个下降过程会发散吗？

# %% [markdown] lang="en" tags=["answer"]
# No. What counts is the product over an epoch; the three other samples pull back more
# than $x = 4$ throws out. At 0.16 they no longer do.

# %% [markdown] lang="zh" tags=["answer"]
# 不会。起作用的是一整轮的乘积：$x = 4$ 甩出去的，另外三个样本拉回来更多。
# 到 0.16 就拉不回来了。

# %% tags=["answer"]
import math

for lr in (0.07, 0.15, 0.16):
    factors = [shrink(x, lr) for x in xs]
    print(f"lr {lr}  x = 4: {factors[3]:.2f}  epoch: {math.prod(factors):.2f}")

# %% [markdown] lang="en"
# ## Sources {#sources}
#
# Updating after each observation goes back to H. Robbins and S. Monro, [A Stochastic
# Approximation Method](https://doi.org/10.1214/aoms/1177729586), 1951. The same loop with
# the derivative left to PyTorch: [Gradient descent with autograd](autograd.py).

# %% [markdown] lang="zh"
# ## 参考资料 {#sources}
#
# 每得到一个观测就更新一次的做法出自 H. Robbins、S. Monro，[A Stochastic
# Approximation Method](https://doi.org/10.1214/aoms/1177729586)，1951。把求导交给
# PyTorch 的同一个循环：[用自动求导做梯度下降](autograd.py)。
