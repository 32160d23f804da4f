# %% [markdown] lang="en" needs="backprop/mlp-by-hand.py"
# # Momentum, checked to the last bit {#momentum}
#
# Two hand-written lines equal `optim.SGD` in every bit of all `{python} exact` updates.
# "A large learning rate gets the result quickly" is false here: at 0.5 the first step
# takes the loss from `{python} f"{high[0]:.4f}"` to `{python} f"{high[1]:.4f}"`, `{python} silent(fast[-1])` of 10 ReLUs die,
# and at 0.1 it ends `{python} f"{high[-1] / low[-1]:.0f}"` times lower.

# %% [markdown] lang="zh"
# # 动量：逐位核对 {#momentum}
#
# 手写的两行与 `optim.SGD` 在 `{python} exact` 次更新中逐位相同。“学习率大，
# 很快就能得到结果”在这里不成立：取 0.5，第一步就让损失从 `{python} f"{high[0]:.4f}"` 升到 `{python} f"{high[1]:.4f}"`，
# 10 个 ReLU 死掉 `{python} silent(fast[-1])` 个；取 0.1，最终损失只有前者的 `{python} f"{high[-1] / low[-1]:.0f}"` 分之一。

# %% [markdown] lang="en"
# ## The rule {#rule}
#
# The network, the ten points and the seed are those of [the lesson
# before](mlp-by-hand.py), where each gradient was taken by hand. Here autograd takes
# them.

# %% [markdown] lang="zh"
# ## 规则 {#rule}
#
# 网络、十个点和种子都与[上一课](mlp-by-hand.py)相同。那里每个梯度都是手算的，这里
# 交给自动求导。

# %%
import torch
from torch import nn

torch.manual_seed(666)
x = torch.linspace(-1, 1, 10).unsqueeze(1)  # (N, D)
target = x**2 + 0.2 * torch.rand(10, 1)  # (N, K)
net = nn.Sequential(nn.Linear(1, 10), nn.ReLU(), nn.Linear(10, 1))
start = [p.detach().clone() for p in net.parameters()]
[tuple(p.shape) for p in start]


# %%
def loss(params):
    w1, b1, w2, b2 = params
    h = torch.relu(x @ w1.T + b1)  # (N, H)
    return ((h @ w2.T + b2 - target) ** 2).mean()


def gradients(params):
    leaves = [p.detach().requires_grad_() for p in params]
    return torch.autograd.grad(loss(leaves), leaves)


print(f"{loss(start):.4f}")

# %% [markdown] lang="en"
# With $g$ the gradient, $v$ the velocity, $w$ the weight, $\eta$ the learning rate and
# $\mu$ the momentum, each step updates first the velocity, then the weight:
#
# $$v \leftarrow \mu v + g \qquad w \leftarrow w - \eta v$$

# %% [markdown] lang="zh"
# 记梯度为 $g$，速度为 $v$，权重为 $w$，学习率为 $\eta$，动量系数为 $\mu$，每一步先更新速度，再更新权重：
#
# $$v \leftarrow \mu v + g \qquad w \leftarrow w - \eta v$$

# %% tags=["source"]
from chainrule.optim import momentum

# %% [markdown] lang="en"
# The velocity starts at 0, so after one step it is the gradient and the step is that of
# plain SGD:

# %% [markdown] lang="zh"
# 速度从 0 开始，所以走完一步它就是梯度，这一步也就是普通 SGD 的一步：

# %%
zeros = [torch.zeros_like(p) for p in start]
g = gradients(start)
moved, velocity = momentum(start, g, zeros, lr=0.5, mu=0.9)
plain = [p.clone().requires_grad_() for p in start]
loss(plain).backward()
torch.optim.SGD(plain, lr=0.5).step()
print("velocity is the gradient", all(map(torch.equal, velocity, g)))
print("step is plain SGD       ", all(map(torch.equal, moved, plain)))

# %% [markdown] lang="en"
# ## Equal to the last bit {#equal}
#
# `compare` trains twice, by a rule of ours and by an optimizer, and counts the steps
# after which [`torch.equal`][] holds for all four tensors.

# %% [markdown] lang="zh"
# ## 逐位相同 {#equal}
#
# `compare` 训练两遍，一遍用我们的规则，一遍用优化器，数出有多少步之后四个张量全都满足
# [`torch.equal`][]。

# %%
from functools import partial


def compare(rule, state, make):
    ours, theirs = start, [p.clone().requires_grad_() for p in start]
    optimizer, equal = make(theirs), 0
    for _ in range(200):
        ours, state = rule(ours, gradients(ours), state)
        optimizer.zero_grad()
        loss(theirs).backward()
        optimizer.step()
        equal += all(map(torch.equal, ours, theirs))
    return equal


# %%
for lr in (0.5, 0.1):
    rule = partial(momentum, lr=lr, mu=0.9)
    exact = compare(rule, zeros, partial(torch.optim.SGD, lr=lr, momentum=0.9))
    print(f"lr {lr}: {exact} of 200 steps equal")

# %% [markdown] lang="en"
# [PyTorch's page](https://docs.pytorch.org/docs/stable/generated/torch.optim.SGD.html) says that it starts from the first gradient
# where others start from zeros. Without its option `dampening` that makes no
# difference: $\mu \cdot 0 + g$ is $g$. Why `alpha=lr` stands there and not
# `w - lr * v`: exercise 1.

# %% [markdown] lang="zh"
# [PyTorch 文档](https://docs.pytorch.org/docs/stable/generated/torch.optim.SGD.html)说，它的速度从第一个梯度开始，别的框架从零开始。不用
# `dampening` 选项时两者是一回事：$\mu \cdot 0 + g$ 就是 $g$。为什么写 `alpha=lr` 而不写
# `w - lr * v`，见练习 1。

# %% [markdown] lang="en"
# ## What the velocity adds up to {#speed}
#
# On a constant slope of 1, $v$ grows to $1 / (1 - \mu)$, which is 10 for $\mu = 0.9$: a
# rate of 0.5 ends in steps of 5. When the slope is gone, the weight coasts on, nine
# times its last step. With $\mu = 1$ it would never stop, which is what [forgetting
# `zero_grad`](../autograd/accumulation.py#forgetting) amounts to.

# %% [markdown] lang="zh"
# ## 速度会累积到多少 {#speed}
#
# 在斜率恒为 1 的坡上，$v$ 会增长到 $1 / (1 - \mu)$，$\mu = 0.9$ 时是 10：学习率 0.5，
# 最后每步走 5。坡没有了，权重还会滑行，总共再走最后一步的九倍。$\mu = 1$ 则永远停不下来，
# [忘记 `zero_grad`](../autograd/accumulation.py#forgetting) 就是这种情形。

# %%
v = w = 0.0
for step, slope in enumerate([1.0] * 60 + [0.0] * 140, start=1):
    v = 0.9 * v + slope
    w = w - 0.5 * v
    if step in (1, 2, 10, 60, 61, 70, 200):
        print(f"step {step:>3}  slope {slope:.0f}  moved by {0.5 * v:.4f}  w {w:9.4f}")

# %% [markdown] lang="en"
# ## Too large a rate {#large}
#
# A unit is dead when it is negative at all ten points: it adds nothing there, and its
# gradients are 0. The losses and the dead units of two runs:

# %% [markdown] lang="zh"
# ## 学习率太大 {#large}
#
# 一个单元在十个点上全为负，就是死掉了：它不起作用，梯度也全是 0。两次训练的损失和死掉
# 的单元数：


# %%
def silent(params):
    return (x @ params[0].T + params[1] <= 0).all(dim=0).sum().item()


def run(lr, mu=0.9, nesterov=False):
    path, velocity = [start], zeros
    for _ in range(200):
        g = gradients(path[-1])
        moved, velocity = momentum(
            path[-1], g, velocity, lr=lr, mu=mu, nesterov=nesterov
        )
        path.append(moved)
    return path


# %%
fast, slow = run(0.5), run(0.1)
high, low = ([loss(params).item() for params in path] for path in (fast, slow))
print(f"{'':<5}{'lr 0.5':>8}{'dead':>6}{'lr 0.1':>10}{'dead':>6}")
for n in (*range(11), 20, 50, 100, 200):
    left = f"{high[n]:>8.4f}{silent(fast[n]):>6}"
    print(f"{n:<5}{left}{low[n]:>10.4f}{silent(slow[n]):>6}")

# %%
import matplotlib.pyplot as plt

figure, (left, right) = plt.subplots(1, 2, figsize=(6.4, 3.2), layout="constrained")
for path, losses, label in ((fast, high, "lr 0.5"), (slow, low, "lr 0.1")):
    left.semilogy([float(f"{value:.3g}") for value in losses], label=label)
    right.step(range(201), [silent(params) for params in path], where="post")
left.set_ylabel("loss")
right.set_ylabel("dead units")
right.set_ylim(0, 10)
for axes in (left, right):
    axes.set_xlabel("step")
figure.legend(loc="outside upper center", ncols=2)

# %% [markdown] lang="en" tags=["caption"]
# Left, the loss on a logarithmic axis: at 0.5 it hardly falls after step 20, at 0.1 it
# falls by two orders. Right, the dead units: from four to nine at 0.5, to six at 0.1.

# %% [markdown] lang="zh" tags=["caption"]
# 左图是损失，纵轴取对数：学习率 0.5 时 20 步之后几乎不再下降，0.1 时下降了两个数量级。
# 右图是死掉的单元：从四个起，0.5 时到九个，0.1 时到六个。

# %% [markdown] lang="en"
# A gradient says which way is down, not how far. One step from the start, at several
# rates:

# %% [markdown] lang="zh"
# 梯度只说哪边是下坡，不说该走多远。从起点出发，用几种学习率各走一步：

# %%
for lr in (0.05, 0.1, 0.2, 0.3, 0.4, 0.5):
    moved, _ = momentum(start, gradients(start), zeros, lr=lr, mu=0.9)
    print(f"lr {lr:<5} loss {loss(moved):.4f}  dead {silent(moved)}")

# %% [markdown] lang="en"
# At 0.4 it already ends above the `{python} f"{high[0]:.4f}"` it began with. That alone
# is not fatal: without momentum 0.5 rises further and recovers. With it, later steps
# grow up to ten times as long.

# %% [markdown] lang="zh"
# 到 0.4，走一步之后已经比出发时的 `{python} f"{high[0]:.4f}"` 还高。单凭这一点
# 还不致命：不用动量，0.5 会升得更高，之后却能恢复。用了动量，后面的步子最多可以长到十倍。

# %%
print("  lr    mu  lr/(1-mu)  highest     end  dead")
for lr, mu in ((0.5, 0.9), (0.5, 0.0), (0.1, 0.9), (0.05, 0.9), (0.05, 0.0)):
    path = run(lr, mu)
    losses = [loss(params).item() for params in path]
    print(f"{lr:>4}{mu:>6}{lr / (1 - mu):>11.1f}{max(losses):>9.4f}", end="")
    print(f"{losses[-1]:>8.4f}{silent(path[-1]):>6}")

# %% [markdown] lang="en"
# A dead unit is not at rest either. Unit 3 dies at step 5 of the fast run; from then on
# its gradient is 0 and its bias coasts nine times its last step, further below zero:

# %% [markdown] lang="zh"
# 死掉的单元也不是静止的。学习率 0.5 时，3 号单元在第 5 步死掉，此后梯度为 0，偏置却还要
# 滑行最后一步的九倍，在零以下越陷越深：

# %%
before, at, end = (fast[n][1][3].item() for n in (4, 5, 200))
print(f"bias at step 4    {before:8.4f}")
print(f"bias at step 5    {at:8.4f}")
print(f"predicted at 200  {at + 9 * (at - before):8.4f}")
print(f"bias at step 200  {end:8.4f}")

# %% [markdown] lang="en"
# ## Nesterov and Adam {#others}
#
# Nesterov steps by $g + \mu v$ with the new $v$. Adam keeps running means of $g$ and
# of its square:
#
# $$m \leftarrow \beta_1 m + (1 - \beta_1) g \qquad
#   v \leftarrow \beta_2 v + (1 - \beta_2) g^2$$

# %% [markdown] lang="zh"
# ## Nesterov 与 Adam {#others}
#
# Nesterov 每步走 $g + \mu v$，其中 $v$ 是新的速度。Adam 记录 $g$ 和 $g^2$ 的滑动平均：
#
# $$m \leftarrow \beta_1 m + (1 - \beta_1) g \qquad
#   v \leftarrow \beta_2 v + (1 - \beta_2) g^2$$

# %% [markdown] lang="en"
# Both start at zero; dividing by $1 - \beta_1^t$ and $1 - \beta_2^t$ in step $t$ makes
# up for that. The weight moves by the first divided by the square root of the second:
#
# $$w \leftarrow w - \eta \, \frac{m / (1 - \beta_1^t)}
#   {\sqrt{v / (1 - \beta_2^t)} + \epsilon}$$

# %% [markdown] lang="zh"
# 两者都从零开始，第 $t$ 步除以 $1 - \beta_1^t$ 和 $1 - \beta_2^t$ 来补偿。权重移动的是前者除以后者的平方根：
#
# $$w \leftarrow w - \eta \, \frac{m / (1 - \beta_1^t)}
#   {\sqrt{v / (1 - \beta_2^t)} + \epsilon}$$

# %% tags=["source"]
from chainrule.optim import Moments, adam

# %% [markdown] lang="en"
# [`lerp`][torch.lerp], [`addcmul`][torch.addcmul] and [`addcdiv`][torch.addcdiv] are
# the calls by which PyTorch computes the three parts of the formula, so both rules are
# equal to the last bit as well:

# %% [markdown] lang="zh"
# [`lerp`][torch.lerp]、[`addcmul`][torch.addcmul] 和 [`addcdiv`][torch.addcdiv] 就是公式的
# 三个部分，PyTorch 也是这样调用的，所以这两条规则同样逐位相同：

# %%
sgd = partial(torch.optim.SGD, lr=0.1, momentum=0.9, nesterov=True)
ahead = partial(momentum, lr=0.1, mu=0.9, nesterov=True)
print("Nesterov", compare(ahead, zeros, sgd), "of 200 steps equal")
nothing = Moments(zeros, zeros, 0)
make = partial(torch.optim.Adam, lr=0.01)
print("Adam    ", compare(partial(adam, lr=0.01), nothing, make), "of 200 steps equal")

# %% [markdown] lang="en"
# In Adam's first step the size of the gradient cancels: $g / \sqrt{g^2}$. Every weight
# with a gradient moves by the learning rate, whatever the loss is multiplied by:

# %% [markdown] lang="zh"
# Adam 的第一步里，梯度的大小被约掉了：$g / \sqrt{g^2}$。凡是有梯度的权重，移动的距离都
# 等于学习率，不论损失乘上多少倍：

# %%
for scale in (1, 1000):
    scaled = [scale * g for g in gradients(start)]
    by_sgd, _ = momentum(start, scaled, zeros, lr=0.01, mu=0.9)
    by_adam, _ = adam(start, scaled, nothing, lr=0.01)
    for name, moved in (("SGD", by_sgd), ("Adam", by_adam)):
        pairs = zip(moved, start, strict=True)
        moves = torch.cat([(a - b).flatten().abs() for a, b in pairs])
        least, most = moves[moves > 0].min(), moves.max()
        print(f"loss x {scale:<5} {name:<5} {least:.2g} to {most:.2g}")

# %% [markdown] lang="en"
# ## The learning rate inside or outside {#sutskever}
#
# The paper that Sutskever and others wrote in 2013 puts it inside:
# $u \leftarrow \mu u - \eta g$, then $w \leftarrow w + u$. While $\eta$ stays as it is
# that is the same. Divide it by ten, on a constant slope, at step 61:

# %% [markdown] lang="zh"
# ## 学习率放在里面还是外面 {#sutskever}
#
# Sutskever 等人 2013 年的论文把它放在里面：
# $u \leftarrow \mu u - \eta g$，再 $w \leftarrow w + u$。$\eta$ 不变时两者相同。坡度不变，
# 在第 61 步把 $\eta$ 除以十：

# %%
v = u = 0.0
print("step    lr  PyTorch  Sutskever")
for step in range(1, 101):
    lr = 0.1 if step <= 60 else 0.01
    v = 0.9 * v + 1.0
    u = 0.9 * u - lr * 1.0
    if step in (1, 2, 60, 61, 62, 70, 100):
        print(f"{step:>4}{lr:>6}{-lr * v:>9.4f}{u:>11.4f}")

# %% [markdown] lang="en"
# In PyTorch a smaller rate takes hold at once; in the other form the old speed has to
# die away first. The ten points, with the rate divided by ten after step 20:

# %% [markdown] lang="zh"
# PyTorch 里，学习率一降马上生效；另一种写法要等旧的速度慢慢衰减。回到那十个点，在第 20 步
# 之后把学习率除以十：

# %%
outside, inside, v, u = start, start, zeros, zeros
for step in range(1, 41):
    lr = 0.1 if step <= 20 else 0.01
    outside, v = momentum(outside, gradients(outside), v, lr=lr, mu=0.9)
    slopes = gradients(inside)
    u = [0.9 * a - lr * g for a, g in zip(u, slopes, strict=True)]
    inside = [p + a for p, a in zip(inside, u, strict=True)]
    if step in (10, 20, 21, 25, 30, 40):
        print(f"step {step}  outside {loss(outside):.4f}  inside {loss(inside):.4f}")

# %% [markdown] lang="en"
# ## A mistake to make once {#mistake}
#
# To run twice from one start, copy the weights. But `clone` is an operation like any
# other: autograd records it, the copy is a result, and an optimizer takes leaves only.

# %% [markdown] lang="zh"
# ## 值得犯一次的错误 {#mistake}
#
# 要从同一个起点跑两遍，就得复制权重。但 `clone` 和别的运算一样会进入计算图，副本是运算的
# 结果，而优化器只收叶子张量。

# %% raises="ValueError: can't optimize a non-leaf Tensor"
weights = [p.clone() for p in net.parameters()]
torch.optim.SGD(weights, lr=0.1)

# %% [markdown] lang="en"
# `detach` cuts the history, and `requires_grad_` makes the copy a leaf to be learned.
# With `detach().clone()` alone the optimizer is content, but no gradient ever comes:

# %% [markdown] lang="zh"
# `detach` 切断历史，`requires_grad_` 让副本成为要学习的叶子张量。只写 `detach().clone()`，
# 优化器不报错，但永远等不到梯度：

# %%
p = net[0].weight
for name, copy in (
    ("clone()", p.clone()),
    ("detach().clone()", p.detach().clone()),
    ("detach().clone().requires_grad_()", p.detach().clone().requires_grad_()),
):
    print(f"{name:<35}leaf {copy.is_leaf!s:<7}requires_grad {copy.requires_grad}")
accepted = torch.optim.SGD([p.detach().clone()], lr=0.1)
print("accepted without requires_grad:", len(accepted.param_groups[0]["params"]))

# %% [markdown] lang="en"
# ## Try it {#exercises}
#
# 1. Write `w - lr * v` instead of `torch.sub(w, v, alpha=lr)`. Same bits?

# %% [markdown] lang="zh"
# ## 练习 {#exercises}
#
# 1. 把 `torch.sub(w, v, alpha=lr)` 换成 `w - lr * v`。还是逐位相同吗？

# %% [markdown] lang="en" tags=["answer"]
# Not on every processor. `w - lr * v` rounds twice; with `alpha`, a processor that has
# a fused multiply-add rounds once. A thousand random pairs, both ways; times 0.5 is
# exact, so there the first rounding changes nothing:

# %% [markdown] lang="zh" tags=["answer"]
# 不是在所有处理器上都相同。`w - lr * v` 舍入两次；用 `alpha` 时，有融合乘加指令的处理器
# 只舍入一次。取一千对随机数，两种算法比较；乘 0.5 没有误差，第一次舍入什么也不改变：

# %% tags=["answer"]
generator = torch.Generator().manual_seed(0)
w, v = torch.rand(2, 1000, generator=generator)
for rate in (0.1, 0.5):
    lr = torch.tensor(rate)
    twice = w - lr * v
    once = (w.double() - lr.double() * v.double()).float()
    either = any(torch.equal(torch.sub(w, v, alpha=rate), a) for a in (once, twice))
    print(
        f"lr {rate}: {(once != twice).sum()} of 1000 differ; alpha is either: {either}"
    )

# %% [markdown] lang="en"
# 2. Run Nesterov at 0.5. What is left of the network?

# %% [markdown] lang="zh"
# 2. 用 Nesterov 跑学习率 0.5。网络还剩下什么？

# %% [markdown] lang="en" tags=["answer"]
# The last bias. All ten units are dead, the prediction is the same everywhere, and the
# best such prediction is the mean of the targets, with their variance as the loss:

# %% [markdown] lang="zh" tags=["answer"]
# 只剩最后那个偏置。十个单元全部死掉，预测处处相同；这样的预测最好也就是目标的平均值，
# 损失就是目标的方差：

# %% tags=["answer"]
path = run(0.5, nesterov=True)
print("dead    ", silent(path[-1]))
print(f"loss     {loss(path[-1]):.4f}  variance {target.var(correction=0):.4f}")
print(f"last b2  {path[-1][3].item():.4f}  mean     {target.mean():.4f}")

# %% [markdown] lang="en"
# 3. At 0.5 one unit is left, positive to the right of its kink. Is
#    `{python} f"{high[-1]:.4f}"` the best it can do?

# %% [markdown] lang="zh"
# 3. 学习率 0.5 时只剩一个单元，在折点右侧为正。`{python} f"{high[-1]:.4f}"` 是它能做到的
#    最好结果吗？

# %% [markdown] lang="en" tags=["answer"]
# Yes. For a kink at $c$ the best line is found by least squares, and no $c$ on a fine
# grid gives less:

# %% [markdown] lang="zh" tags=["answer"]
# 是的。折点固定在 $c$ 时，最好的直线由最小二乘给出；在细网格上逐个试 $c$，没有更低的：


# %% tags=["answer"]
def best(c):
    columns = torch.cat([torch.relu(x - c), torch.ones(10, 1)], dim=1).double()
    weights = torch.linalg.lstsq(columns, target.double()).solution
    return ((columns @ weights - target) ** 2).mean().item()


lowest, kink = min((best(c), c) for c in torch.linspace(-1, 0.99, 200).tolist())
unit = fast[-1][0].argmax()
print(f"by least squares {lowest:.4f} with the kink at {kink:.2f}")
print(f"by momentum      {high[-1]:.4f} with the kink at", end=" ")
print(f"{-fast[-1][1][unit] / fast[-1][0][unit, 0]:.2f}")

# %% [markdown] lang="en"
# ## Sources {#sources}
#
# I. Sutskever and others, [On the importance of initialization and momentum in deep
# learning](https://proceedings.mlr.press/v28/sutskever13.html), 2013. D. Kingma and
# J. Ba, [Adam](https://arxiv.org/abs/1412.6980), 2014. [PyTorch documentation,
# SGD](https://docs.pytorch.org/docs/stable/generated/torch.optim.SGD.html).

# %% [markdown] lang="zh"
# ## 参考资料 {#sources}
#
# I. Sutskever 等，[On the importance of initialization and momentum in deep
# learning](https://proceedings.mlr.press/v28/sutskever13.html)，2013。D. Kingma、
# J. Ba，[Adam](https://arxiv.org/abs/1412.6980)，2014。[PyTorch 文档，
# SGD](https://docs.pytorch.org/docs/stable/generated/torch.optim.SGD.html)。
