# %% [markdown] lang="en" needs="descent/linear-regression.py"
# # A loss that falls while nothing is learned {#nothing-to-learn}
#
# In fifty epochs the loss of $ax + b$ falls from `{python} f"{losses[0]:.2f}"` to `{python} f"{losses[50]:.4f}"`.
# Always answering `{python} f"{y.mean():.1f}"`, without looking at $x$, gives `{python} f"{constant:.4f}"`: inputs
# and targets were drawn independently, and all that descent did was to undo part of a
# bad start.

# %% [markdown] lang="zh"
# # 损失在降，却什么也没学到 {#nothing-to-learn}
#
# 五十轮之后，$ax + b$ 的损失从 `{python} f"{losses[0]:.2f}"` 降到 `{python} f"{losses[50]:.4f}"`。可是不看 $x$、一律回答
# `{python} f"{y.mean():.1f}"`，损失就只有 `{python} f"{constant:.4f}"`：输入与目标是各自独立抽取的，梯度下降不过是把
# 糟糕的起点纠正了一部分。

# %% [markdown] lang="en"
# ## Fifty epochs {#run}
#
# The program is from a tutorial on autograd. It draws twenty inputs from 1 to 4, then,
# in the same way, twenty targets. `dtype=float` is Python's own type, which torch takes
# to mean float64; its own `torch.float` is float32. The draws are the same:

# %% [markdown] lang="zh"
# ## 五十轮 {#run}
#
# 程序出自一篇讲 autograd 的教程：先从 1 到 4 抽取二十个输入，再用同样的办法抽取
# 二十个目标。`dtype=float` 是 Python 的类型，torch 把它当作 float64；torch 自己的
# `torch.float` 则是 float32。两者抽到的数相同：

# %%
import torch

for dtype in (torch.float, float):
    torch.manual_seed(21)
    x = torch.randint(1, 5, (1, 20), dtype=dtype)  # (1, N)
    y = torch.randint(1, 5, (1, 20), dtype=dtype)  # (1, N)
    print(x.dtype, x[0, :8].int().tolist(), y[0, :8].int().tolist())

# %% [markdown] lang="en"
# A line through them, by descent, from $a = 1$, $b = 2$ with a learning rate of 0.01.
# Each row shows $a$, $b$ and the loss they give:

# %% [markdown] lang="zh"
# 用梯度下降拟合一条直线，从 $a = 1$、$b = 2$ 出发，学习率 0.01。每一行是 $a$、$b$ 以及
# 它们给出的损失：

# %%
a, b = (torch.tensor(p, dtype=float, requires_grad=True) for p in (1.0, 2.0))
losses = []
for epoch in range(50):
    a.grad = b.grad = None
    loss = ((y - (a * x + b)) ** 2).mean()
    losses.append(loss.item())
    if epoch in (0, 1, 2, 5, 10, 20, 49):
        print(f"epoch {epoch:>2}   loss {loss:.4f}   a {a:.4f}   b {b:.4f}")
    loss.backward()
    with torch.no_grad():
        a -= 0.01 * a.grad
        b -= 0.01 * b.grad

# %% [markdown] lang="en"
# The tutorial ends by printing "a: …, b: …", as the result of the fit. What it prints
# are the gradients of the last epoch. First those, then the parameters:

# %% [markdown] lang="zh"
# 那篇教程最后打印“a: …, b: …”，当作拟合的结果，其实打印的是最后一轮的梯度。
# 先看梯度，再看参数：

# %%
print(f"a: {a.grad:.4f}, b: {b.grad:.4f}")
print(f"a: {a:.4f}, b: {b:.4f}")

# %% [markdown] lang="en"
# ## Above the best line {#best}
#
# For a line the smallest possible loss is known without descent. It should be seen next
# to a second one: that of a constant, the mean of the targets.

# %% [markdown] lang="zh"
# ## 高于最优直线 {#best}
#
# 直线能达到的最小损失，不用梯度下降也能算出。旁边还应当放上另一个损失：一律回答目标的
# 平均值，也就是一个常数。

# %% tags=["source"]
from chainrule.line import Line, least_squares, mean_loss

# %%
x, y = x[0], y[0]  # (N,) each
fitted = Line(a.detach(), b.detach())
best = least_squares(x, y)
flat = Line(torch.zeros_like(y[0]), y.mean())
losses.append(mean_loss(fitted, x, y).item())
constant = mean_loss(flat, x, y).item()
for name, line in (("50 epochs", fitted), ("best line", best), ("constant", flat)):
    print(f"{name:<9}   a {line.a:.4f}   b {line.b:.4f}   ", end="")
    print(f"loss {mean_loss(line, x, y):.6f}")

# %% [markdown] lang="en"
# Descent ends above both. The best line is nearly flat, and better than the constant by
# `{python} f"{constant - mean_loss(best, x, y):.6f}"`. There was no more than that to learn. The whole fall of the loss comes
# from the start at $x + 2$, too high and too steep for these targets.

# %% [markdown] lang="zh"
# 梯度下降停在两者之上。最优直线几乎是平的，只比常数好 `{python} f"{constant - mean_loss(best, x, y):.6f}"`，能学到的
# 总共就这么多。损失的下降全都来自起点：$x + 2$ 对这些目标来说又高又陡。

# %%
import matplotlib.pyplot as plt

plt.figure(figsize=(6.4, 3.2))
plt.plot(losses, color="C0", label="descent")
plt.axhline(constant, color="C1", linestyle="--", label="constant")
plt.ylim(0, 6)
plt.legend()
plt.xlabel("epoch")
plt.ylabel("loss")

# %% [markdown] lang="en" tags=["caption"]
# The loss over fifty epochs looks like learning: a steep fall, then a flat end. The
# dashed line, the loss of a constant, lies just below that end and is never reached.

# %% [markdown] lang="zh" tags=["caption"]
# 五十轮的损失看上去像是在学习：先陡降，再变平。虚线是常数的损失，就在末端的下方，
# 曲线始终没有碰到它。

# %% [markdown] lang="en"
# ## Notice it beforehand {#correlation}
#
# The best line removes the share $r^2$ of the constant's loss, where $r$ is the
# *correlation* of inputs and targets. It needs no training:

# %% [markdown] lang="zh"
# ## 训练之前就能察觉 {#correlation}
#
# 常数的损失里，最优直线能消去的比例是 $r^2$，其中 $r$ 是输入与目标的*相关系数*。
# 算它不需要训练：

# %%
r = torch.corrcoef(torch.stack([x, y]))[0, 1]
print(f"correlation    {r:.4f}")
print(f"best loss      {mean_loss(best, x, y):.6f}")
print(f"from r alone   {constant * (1 - r**2):.6f}")

# %% [markdown] lang="en"
# How large is "small"? Independent samples have a correlation too, of mean 0 and a
# standard deviation of $1/\sqrt{N - 1}$. Four thousand draws of twenty such pairs:

# %% [markdown] lang="zh"
# 多小才算“小”？独立的样本也有相关系数，平均为 0，标准差为 $1/\sqrt{N - 1}$。
# 这样的二十对数，抽四千次：

# %%
torch.manual_seed(0)
u, v = torch.randint(1, 5, (2, 4000, 20), dtype=float)  # (4000, N) each
u = u - u.mean(1, keepdim=True)
v = v - v.mean(1, keepdim=True)
drawn = (u * v).sum(1) / (u.norm(dim=1) * v.norm(dim=1))  # (4000,)
print(f"expected size     {1 / 19**0.5:.4f}")
print(f"size found        {drawn.square().mean().sqrt():.4f}")
print(f"draws above 0.4   {(drawn.abs() > 0.4).double().mean():.1%}")
print(f"largest           {drawn.abs().max():.4f}")

# %%
plt.figure(figsize=(6.4, 3.2))
plt.hist(drawn, bins=40, color="C0", alpha=0.6)
plt.axvline(r, color="C1", label="this data")
for side in (-1, 1):
    plt.axvline(side / 19**0.5, color="C1", linestyle=":")
plt.legend()
plt.xlabel("correlation of 20 independent pairs")
plt.ylabel("draws")

# %% [markdown] lang="en" tags=["caption"]
# A bell around 0. The correlation of this data (solid) sits in its middle; the dotted
# lines mark the standard deviation, to either side.

# %% [markdown] lang="zh" tags=["caption"]
# 以 0 为中心的钟形。本例数据的相关系数（实线）就在正中；两侧的虚线标出标准差。

# %% [markdown] lang="en"
# With twenty samples chance alone goes beyond 0.4 that often. With two thousand, 0.4
# would be `{python} f"{0.4 * 1999**0.5:.0f}"` standard deviations. And 0.0043 is nothing, with either.

# %% [markdown] lang="zh"
# 样本只有二十个时，单凭偶然就有这么多次超过 0.4；有两千个时，0.4 就是 `{python} f"{0.4 * 1999**0.5:.0f}"` 个
# 标准差了。而 0.0043，不论二十个还是两千个，都等于什么也没有。

# %% [markdown] lang="en"
# ## Cannot, or not yet {#not-yet}
#
# A high loss alone does not tell a fit that cannot work from one that has not worked yet.
# The same inputs, once with these targets and once with $3x + 0.8$:

# %% [markdown] lang="zh"
# ## 学不到，还是没学完 {#not-yet}
#
# 只看损失高低，分不出是学不到，还是还没学完。同样的输入，一次用这些目标，一次用
# $3x + 0.8$：

# %% tags=["source"]
from chainrule.line import gradient

# %%
print("targets   steps      loss   best line   constant   to go   to learn")
for name, t in (("drawn", y), ("3x+0.8", 3 * x + 0.8)):
    line = Line(torch.tensor(1.0, dtype=float), torch.tensor(2.0, dtype=float))
    low, high = mean_loss(least_squares(x, t), x, t), t.var(correction=0)
    for step in range(5001):
        if step in (50, 500, 5000):
            now = mean_loss(line, x, t)
            print(f"{name:<8}{step:>7}{now:>10.4f}{low:>12.4f}{high:>11.4f}", end="")
            print(f"{(now - low) / high:>8.2%}{1 - low / high:>11.2%}")
        da, db = gradient(line, x, t)
        line = Line(line.a - 0.01 * da, line.b - 0.01 * db)

# %% [markdown] lang="en"
# Two numbers tell them apart, both as shares of the constant's loss. *To go* is the
# distance to the best line: more steps or [a better rate](linear-regression.py#when)
# help. *To learn*, $r^2$, is what the best line gains: more steps cannot change it.

# %% [markdown] lang="zh"
# 要分清，看两个数，都以常数的损失为单位。*to go* 是离最优直线还有多远：多走几步，或者
# [换个学习率](linear-regression.py#when)，就能缩小。*to learn* 即 $r^2$，是最优直线能带来的
# 好处：走多少步也改变不了。

# %% [markdown] lang="en"
# ## A condition that works by luck {#luck}
#
# The tutorial clears its gradients under `if (a.grad and b.grad) is not None:`. Python's
# `and` gives its first operand if that counts as false, as `None` and a tensor of 0.0
# do, else the second. What it clears and what there is to clear:

# %% [markdown] lang="zh"
# ## 碰巧能用的条件 {#luck}
#
# 那篇教程清零梯度的条件是 `if (a.grad and b.grad) is not None:`。Python 的 `and`：第一个
# 操作数算作假，就返回第一个，否则返回第二个；`None` 和值为 0.0 的张量都算作假。逐一列出
# 它会清零哪些梯度（clears），实际又有哪些梯度（has）：

# %%
cases = [(None, None), (0.5, 0.2), (0.0, 0.2), (0.5, None), (None, 0.2), (0.0, None)]
print("a.grad   b.grad   a.grad and b.grad   clears   has")
for case in cases:
    p, q = (None if g is None else torch.tensor(g) for g in case)
    value = p and q
    shown = "None" if value is None else f"tensor({value.item():.1f})"
    clears = "none" if value is None else "a b"
    has = " ".join(n for n, g in (("a", p), ("b", q)) if g is not None) or "none"
    verdict = "right" if clears == has else "wrong"
    print(f"{case[0]!s:<9}{case[1]!s:<9}{shown:<20}{clears:<9}{has:<7}{verdict}")

# %% [markdown] lang="en"
# With both gradients there, or neither, the condition is right, even at 0.0. With only
# one it is wrong: either that one [adds up](../autograd/accumulation.py) in silence, or
# `b.grad.zero_()` meets `None`. Each parameter needs a condition of its own.

# %% [markdown] lang="zh"
# 两个梯度都在，或者都不在，结论就是对的，连 0.0 也不例外。只有一个在就错了：要么剩下的
# 那个梯度不声不响地[累加](../autograd/accumulation.py)，要么 `b.grad.zero_()` 碰上
# `None`。每个参数应当各有各的条件。

# %% [markdown] lang="en"
# ## A mistake to make once {#mistake}
#
# Carry that condition over to vectors. The first epoch passes, since there are no
# gradients yet. In the second, `and` wants to know whether a vector is true:

# %% [markdown] lang="zh"
# ## 值得犯一次的错误 {#mistake}
#
# 把这个条件搬到向量上。第一轮还没有梯度，顺利通过；到第二轮，`and` 要判断一个向量是真
# 是假：

# %% raises="RuntimeError: Boolean value of Tensor with more than one value is ambiguous"
a = torch.ones(3, requires_grad=True)
b = torch.ones(3, requires_grad=True)
for epoch in range(2):
    print("epoch", epoch)
    if (a.grad and b.grad) is not None:
        a.grad.zero_()
        b.grad.zero_()
    (a * b).sum().backward()

# %% [markdown] lang="en"
# `any()` and `all()` would ask whether the numbers are 0. The question was whether there
# is a gradient. Setting it to `None` works either way, as does `zero_grad`:

# %% [markdown] lang="zh"
# 看到这种报错容易想到 `any()` 或 `all()`，但它们问的是数值是不是 0，而这里要问的是有没有
# 梯度。直接设为 `None`，或者用 `zero_grad`，有没有都行：

# %%
for epoch in range(2):
    a.grad = b.grad = None
    (a * b).sum().backward()
    print("epoch", epoch, a.grad)
optimizer = torch.optim.SGD([a, b], lr=0.01)
optimizer.zero_grad()
print("after zero_grad:", a.grad)

# %% [markdown] lang="en"
# ## Try it {#exercises}
#
# 1. Start at the constant, $a = 0$ and $b = \bar y$. What do fifty epochs show now?

# %% [markdown] lang="zh"
# ## 练习 {#exercises}
#
# 1. 从常数出发，即 $a = 0$、$b = \bar y$。五十轮之后能看到什么？

# %% [markdown] lang="en" tags=["answer"]
# A loss that stands still. Starting the last bias at the mean of the targets makes a
# falling loss mean something.

# %% [markdown] lang="zh" tags=["answer"]
# 损失纹丝不动。把最后一层的偏置初始化为目标的平均值，损失的下降才有意义。

# %% tags=["answer"]
line = flat
for epoch in range(51):
    if epoch % 25 == 0:
        print(f"epoch {epoch:>2}   loss {mean_loss(line, x, y):.5f}")
    da, db = gradient(line, x, y)
    line = Line(line.a - 0.01 * da, line.b - 0.01 * db)

# %% [markdown] lang="en"
# 2. The $1/\sqrt{N - 1}$ holds whatever numbers are drawn, if independently. Test it by
#    shuffling: how often is a shuffled $y$ correlated with $x$ at least as much?

# %% [markdown] lang="zh"
# 2. 只要独立抽取，不论抽的是什么数，$1/\sqrt{N - 1}$ 都成立。用打乱来检验：把 $y$ 打乱之后，与 $x$
#    的相关系数有多少次不小于原来的？

# %% [markdown] lang="en" tags=["answer"]
# This is a *permutation test*. Here every shuffle does it: $\sum xy$ is a whole number,
# independence would make it on average `{python} f"{20 * x.mean() * y.mean():.1f}"`, and it is `{python} f"{(x * y).sum():.0f}"`, the nearest one.
# For $3x + 0.8$ no shuffle does.

# %% [markdown] lang="zh" tags=["answer"]
# 这叫*置换检验*。这里每次打乱都不小于原来的：$\sum xy$ 是整数，独立时平均为
# `{python} f"{20 * x.mean() * y.mean():.1f}"`，实际是 `{python} f"{(x * y).sum():.0f}"`，已经是最近的整数。换成 $3x + 0.8$，
# 则一次也没有。

# %% tags=["answer"]
torch.manual_seed(0)
order = torch.rand(2000, 20).argsort(1)  # (2000, N)
for name, t in (("drawn", y), ("3x+0.8", 3 * x + 0.8)):
    rows = torch.cat([t[None], t[order]])  # (2001, N)
    found = torch.corrcoef(torch.cat([x[None], rows]))[0, 1:].abs()  # (2001,)
    more = (found[1:] > found[0] - 1e-9).sum()
    size = found[1:].square().mean().sqrt()
    print(f"{name:<8}r {found[0]:.4f}   as large: {more} of 2000   size {size:.4f}")

# %% [markdown] lang="en"
# 3. A correlation of 0: is there never anything to learn?

# %% [markdown] lang="zh"
# 3. 相关系数为 0，就一定没有可学的吗？

# %% [markdown] lang="en" tags=["answer"]
# Not by a line *in x*. Here $y$ follows exactly from $x$; give the same line the square
# as its input, and it finds it.

# %% [markdown] lang="zh" tags=["answer"]
# 只是说*以 x 为输入的*直线学不到。这里 $y$ 完全由 $x$ 决定；同样是直线，把平方作为输入，
# 就学到了。

# %% tags=["answer"]
s = torch.tensor([1.0, 2.0, 3.0, 4.0] * 5)  # (N,)
t = (s - 2.5) ** 2
for name, inputs in (("s", s), ("(s-2.5)**2", t)):
    r = torch.corrcoef(torch.stack([inputs, t]))[0, 1]
    least = mean_loss(least_squares(inputs, t), inputs, t)
    print(f"{name:<11} correlation {abs(r):.4f}   best loss {least:.4f}")

# %% [markdown] lang="en"
# ## Sources {#sources}
#
# `and` and `or`: [Python reference, Boolean
# operations](https://docs.python.org/3/reference/expressions.html#boolean-operations).
# Shuffling as a test: E. J. G. Pitman, [Significance Tests Which May Be Applied to
# Samples from Any Populations II](https://doi.org/10.2307/2983647), 1937.

# %% [markdown] lang="zh"
# ## 参考资料 {#sources}
#
# `and` 与 `or`：[Python 语言参考，Boolean
# operations](https://docs.python.org/3/reference/expressions.html#boolean-operations)。
# 用打乱来检验：E. J. G. Pitman，[Significance Tests Which May Be Applied to
# Samples from Any Populations II](https://doi.org/10.2307/2983647)，1937。
