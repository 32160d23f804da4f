# %% [markdown] lang="en" needs="descent/autograd.py, backprop/chain-rule.py"
# # Every gradient of a network by hand {#mlp-by-hand}
#
# All `{python} count` gradients of a 1-10-1 network follow from seven lines, and
# `{python} zeros` of them are 0. Forget one transpose: with ten points and ten units no
# shape objects, the gradient is `{python} f"{off:.0%}"` off, and training ends at a loss
# of `{python} f"{wrong[0]:.4f}"`, *below* the `{python} f"{right[0]:.4f}"` of the right one.

# %% [markdown] lang="zh"
# # 手算一个网络的全部梯度 {#mlp-by-hand}
#
# 1-10-1 网络的 `{python} count` 个梯度七行代码就能全部算出，其中 `{python} zeros` 个是 0。
# 漏掉一个转置会怎样？十个点配十个单元，形状检查全部通过，梯度偏了
# `{python} f"{off:.0%}"`，训练结束时的损失却是 `{python} f"{wrong[0]:.4f}"`，比正确梯度的
# `{python} f"{right[0]:.4f}"` *还低*。

# %% [markdown] lang="en"
# ## Ten points {#data}
#
# The targets lie near $x^2$. Noise and weights come from one generator, so the order
# counts: first the seed, then the noise, then the network.

# %% [markdown] lang="zh"
# ## 十个点 {#data}
#
# 目标值在 $x^2$ 附近。噪声和权重出自同一个随机数生成器，所以先后次序不能乱：先设种子，
# 再生成噪声，最后建网络。

# %%
import torch
from torch import nn

torch.manual_seed(666)
x = torch.linspace(-1, 1, 10).unsqueeze(1)  # (N, D)
target = x**2 + 0.2 * torch.rand(10, 1)  # (N, K)
net = nn.Sequential(nn.Linear(1, 10), nn.ReLU(), nn.Linear(10, 1))
net

# %% [markdown] lang="en"
# `show` prints any tensor with its shape, ten numbers a line:

# %% [markdown] lang="zh"
# `show` 打印任意张量及其形状，每行十个数：


# %%
def show(name, tensor):
    print(name, tuple(tensor.shape))
    for row in (tensor.round(decimals=4) + 0.0).flatten().split(10):
        print(" ".join(f"{value:7.4f}" for value in row.tolist()))


show("x", x)
show("target", target)

# %% [markdown] lang="en"
# ## Forward: keep every value {#forward}
#
# Backward will need what forward computes, so all of it is returned. The letters of the
# shapes: N points, D inputs, H hidden units, K outputs. [`torch.nn.Linear`][] stores its
# weight as (out, in), hence the `.T`.

# %% [markdown] lang="zh"
# ## 前向：保留每个中间值 {#forward}
#
# 反向传播要用到前向算出的值，所以全部返回。形状用四个字母表示：N 个点、D 个输入、
# H 个隐藏单元、K 个输出。[`torch.nn.Linear`][] 的权重按 (out, in) 存放，所以有 `.T`。

# %% tags=["source"]
from chainrule.mlp import Params, forward, loss

# %% [markdown] lang="en"
# The weights PyTorch drew, cloned, so that nothing below can change them:

# %% [markdown] lang="zh"
# PyTorch 抽取的初始权重。这里存的是克隆，后面怎样更新都不会改动它们：

# %%
params = Params(*(p.detach().clone() for p in net.parameters()))
for name, p in params._asdict().items():
    show(name, p)
count = sum(p.numel() for p in params)
print("numbers to learn:", count)

# %% [markdown] lang="en"
# In `z` and `h` a line is a point and a column is a unit. ReLU keeps the positive
# numbers:

# %% [markdown] lang="zh"
# `z` 和 `h` 中，一行是一个点，一列是一个单元。ReLU 只保留正数：

# %%
trace = forward(params, x)
show("z, before ReLU", trace.z)
show("h, after ReLU", trace.h)

# %%
show("y", trace.y)
print(f"loss {loss(trace.y, target):.4f}")
print("equal to the network:", torch.allclose(trace.y, net(x)))

# %% [markdown] lang="en"
# ## Backward: undo it line by line {#backward}
#
# `dy` stands for $\partial L / \partial y$ and has the shape of `y`. Read the lines from
# `dy` to `dx` beside `forward`, from its last line to its first: each product there
# becomes two here, one for the weight and one to pass back.

# %% [markdown] lang="zh"
# ## 反向：逐行倒推 {#backward}
#
# `dy` 表示 $\partial L / \partial y$，形状与 `y` 相同。从 `dy` 到 `dx` 的各行，要对照着
# `forward` 从最后一行往前读：那边的一个乘积，这边变成两个，一个求权重的梯度，一个继续
# 往回传。

# %% tags=["source"]
from chainrule.mlp import backward

# %%
gradients, d = backward(params, trace, target)
show("dy", d.y)
show("dw2", gradients.w2)
show("db2", gradients.b2)

# %% [markdown] lang="en"
# `dh` is `dy` times `w2`. Where ReLU cut off, `dz` is 0; elsewhere it is `dh`:

# %% [markdown] lang="zh"
# `dh` 是 `dy` 乘 `w2`。被 ReLU 截断的位置上 `dz` 为 0，其余位置与 `dh` 相同：

# %%
show("dh", d.h)
show("dz", d.z)

# %% [markdown] lang="en"
# Four hidden units get nothing, neither for their weight nor for their bias:

# %% [markdown] lang="zh"
# 有四个隐藏单元什么也没分到，权重和偏置的梯度都是 0：

# %%
show("dw1", gradients.w1)
show("db1", gradients.b1)

# %% [markdown] lang="en"
# ## Why each transpose is where it is {#shapes}
#
# A product sums over its inner size. A weight is used at every point, so its gradient
# sums over N. A value feeds every unit of the next layer, so its gradient sums over
# those: over K for `h`, over H for `x`. Seven points, to tell N from H:

# %% [markdown] lang="zh"
# ## 每个转置为什么在那里 {#shapes}
#
# 矩阵乘积对内侧那一维求和。一个权重在每个点上都用到，所以它的梯度对 N 求和；一个值通向
# 下一层的每个单元，所以它的梯度对那些单元求和：`h` 对 K，`x` 对 H。只取七个点，N 和 H
# 就不会混淆：

# %%
few = forward(params, x[:7])
_, part = backward(params, few, target[:7])
for name, left, right in (
    ("dw2 = dy.T @ h", part.y.T, few.h),
    ("dh = dy @ w2", part.y, params.w2),
    ("dw1 = dz.T @ x", part.z.T, few.x),
    ("dx = dz @ w1", part.z, params.w1),
):
    shapes = [tuple(tensor.shape) for tensor in (left, right, left @ right)]
    print(f"{name:<16}{shapes[0]!s:>8} @ {shapes[1]!s:<8} = {shapes[2]}")

# %% [markdown] lang="en"
# A bias is broadcast over the points on the way forward; on the way back its gradient
# is summed over them, `sum(dim=0)`.

# %% [markdown] lang="zh"
# 偏置在前向时广播到每个点，反向时梯度就对所有点求和，即 `sum(dim=0)`。

# %% [markdown] lang="en"
# ## The same from autograd {#autograd}
#
# [`torch.autograd.grad`][] gives the gradient with respect to any value, hidden ones
# too. It may add the terms of a product in another order, so the last bits are not
# compared.

# %% [markdown] lang="zh"
# ## 与自动求导对照 {#autograd}
#
# [`torch.autograd.grad`][] 能给出对任意值的梯度，中间值也行。它做矩阵乘法时的求和次序
# 可能不同，所以不比较末几位。

# %%
z = net[0](x)
h = net[1](z)
y = net[2](h)
error = nn.functional.mse_loss(y, target)
found = torch.autograd.grad(error, [*net.parameters(), z, h, y])
names = ["dw1", "db1", "dw2", "db2", "dz", "dh", "dy"]
for name, hand, auto in zip(names, [*gradients, d.z, d.h, d.y], found, strict=True):
    same = torch.allclose(hand, auto, atol=1e-7)
    print(f"{name:<5}{tuple(hand.shape)!s:<10}{tuple(auto.shape)!s:<10}{same}")

# %% [markdown] lang="en"
# ## Four units are dead {#dead}
#
# They are negative on all ten points, so `h` is 0 there and `dz` too: nothing that
# leads into such a unit, or out of it, gets a gradient.

# %% [markdown] lang="zh"
# ## 四个死掉的单元 {#dead}
#
# 这些单元在十个点上全是负数，`h` 为 0，`dz` 也为 0：进入它的权重和偏置、从它出去的权重，
# 都得不到梯度。

# %%
silent = (trace.z <= 0).all(dim=0)  # (H,)
zeros = sum((gradient == 0).sum().item() for gradient in gradients)
print("dead units   ", silent.nonzero().flatten().tolist())
print("zero in dw1  ", (gradients.w1 == 0).sum().item())
print("zero in db1  ", (gradients.b1 == 0).sum().item())
print("zero in dw2  ", (gradients.w2 == 0).sum().item())
print("zero in all  ", zeros, "of", count)

# %% [markdown] lang="en"
# A unit changes sign at $x = -b_1 / w_1$. For the dead ones that is outside the data,
# for unit 6 only just:

# %% [markdown] lang="zh"
# 一个单元在 $x = -b_1 / w_1$ 处变号。死掉的几个，这一点都落在数据范围之外，其中 6 号只差
# 一点点：

# %%
for unit in silent.nonzero().flatten().tolist():
    w, b = params.w1[unit, 0], params.b1[unit]
    side = "above" if w > 0 else "below"
    print(f"unit {unit} is positive {side} x = {-b / w:6.2f}")

# %% [markdown] lang="en"
# ## Two steps with momentum {#steps}
#
# The rule is $v \leftarrow \mu v + g$, then $w \leftarrow w - \eta v$, here with
# $\eta = 0.5$ and $\mu = 0.9$. [The next lesson](momentum.py) is about it.

# %% [markdown] lang="zh"
# ## 带动量走两步 {#steps}
#
# 规则是先 $v \leftarrow \mu v + g$，再 $w \leftarrow w - \eta v$，这里 $\eta = 0.5$，
# $\mu = 0.9$。[下一课](momentum.py)专门讲它。

# %% tags=["source"]
from chainrule.optim import momentum

# %% [markdown] lang="en"
# The velocity starts at zero, so after step one it is the gradient, and the step is
# half of it. All new weights:

# %% [markdown] lang="zh"
# 速度从零开始，所以第一步之后它就等于梯度，这一步走的是梯度的一半。更新后的全部权重：

# %%
start = [torch.zeros_like(p) for p in params]
moved, velocity1 = momentum(params, gradients, start, lr=0.5, mu=0.9)
after1 = Params(*moved)
for name, v in zip(Params._fields, velocity1, strict=True):
    show(f"v of {name} after step 1", v)
for name, p in after1._asdict().items():
    show(f"{name} after step 1", p)

# %% [markdown] lang="en"
# Forward and backward with these weights. The loss has almost doubled:

# %% [markdown] lang="zh"
# 用这组权重再做一遍前向和反向。损失几乎翻了一倍：

# %%
trace2 = forward(after1, x)
gradients2, d2 = backward(after1, trace2, target)
for name in ("z", "h", "y"):
    show(name, getattr(trace2, name))
for name in ("y", "h", "z"):
    show(f"d{name}", getattr(d2, name))
for name, gradient in gradients2._asdict().items():
    show(f"d{name}", gradient)
print(f"loss {loss(trace2.y, target):.4f}, before {loss(trace.y, target):.4f}")

# %%
moved, velocity2 = momentum(after1, gradients2, velocity1, lr=0.5, mu=0.9)
after2 = Params(*moved)
for name, v in zip(Params._fields, velocity2, strict=True):
    show(f"v of {name} after step 2", v)
for name, p in after2._asdict().items():
    show(f"{name} after step 2", p)
print(f"loss {loss(forward(after2, x).y, target):.4f}")

# %% [markdown] lang="en"
# Two more units died in step one. In step two their gradients are 0, and still they
# move: nine tenths of the old velocity is left.

# %% [markdown] lang="zh"
# 第一步又死了两个单元。第二步它们的梯度为 0，却照样移动：原来的速度还剩九成。

# %%
silent2 = (trace2.z <= 0).all(dim=0)
zero2 = moving = 0
for g, old, new in zip(gradients2, after1, after2, strict=True):
    zero2 += (g == 0).sum().item()
    moving += ((g == 0) & (old != new)).sum().item()
print("dead units", silent2.nonzero().flatten().tolist())
print("zero gradients in step 2:", zero2)
print("moved all the same:", moving)

# %% [markdown] lang="en"
# ## The same from `optim.SGD`, and what a list keeps {#sgd}
#
# An old listing saves the weights before as `res1 = list(net.parameters())` and those
# after as `res3`. Both lists hold the same objects. Only the clone is a record:

# %% [markdown] lang="zh"
# ## 与 `optim.SGD` 对照，以及列表里存了什么 {#sgd}
#
# 有一份旧代码用 `res1 = list(net.parameters())` 保存更新前的权重，用 `res3` 保存更新后的。
# 两个列表里是同一批对象，只有克隆才留得住旧值：

# %%
optimizer = torch.optim.SGD(net.parameters(), lr=0.5, momentum=0.9)
res1 = list(net.parameters())
kept = [p.detach().clone() for p in net.parameters()]
for mine in (after1, after2):
    optimizer.zero_grad()
    nn.functional.mse_loss(net(x), target).backward()
    optimizer.step()
    pairs = zip(mine, net.parameters(), strict=True)
    print("by hand:", all(torch.allclose(a, b, atol=1e-6) for a, b in pairs))
res3 = list(net.parameters())

# %%
print("same objects:", all(a is b for a, b in zip(res1, res3, strict=True)))
print(f"res1, w1[9]  {res1[0][9].item():.4f}")
print(f"res3, w1[9]  {res3[0][9].item():.4f}")
print(f"kept, w1[9]  {kept[0][9].item():.4f}")

# %% [markdown] lang="en"
# ## A mistake to make once {#mistake}
#
# Write `dz @ x` for `dz.T @ x`. N and H are both ten, so the product has the shape of
# `w1` and nothing complains. Two hundred steps at a rate of 0.1, with either:

# %% [markdown] lang="zh"
# ## 值得犯一次的错误 {#mistake}
#
# 把 `dz.T @ x` 写成 `dz @ x`。N 和 H 都是十，乘积的形状与 `w1` 一样，谁也不报错。
# 学习率取 0.1，两种写法各走两百步：


# %%
def train(slope):
    state, velocity = params, start
    for _ in range(200):
        trace = forward(state, x)
        gradients, d = backward(state, trace, target)
        gradients = gradients._replace(w1=slope(d.z, x))
        moved, velocity = momentum(state, gradients, velocity, lr=0.1, mu=0.9)
        state = Params(*moved)
    trace = forward(state, x)
    return loss(trace.y, target).item(), (trace.z <= 0).all(dim=0).sum().item()


# %%
bad = d.z @ x
off = ((bad - gradients.w1).norm() / gradients.w1.norm()).item()
print(f"shapes {tuple(bad.shape)} {tuple(gradients.w1.shape)}, off by {off:.0%}")
right = train(lambda dz, x: dz.T @ x)
wrong = train(lambda dz, x: dz @ x)
print(f"dz.T @ x  loss {right[0]:.4f}  dead units {right[1]}")
print(f"dz @ x    loss {wrong[0]:.4f}  dead units {wrong[1]}")

# %% [markdown] lang="en"
# The wrong numbers move the dead units, and some come alive. A falling loss is no proof
# of a gradient. One point fewer, and the product is refused:

# %% [markdown] lang="zh"
# 错误的数值推动了死掉的单元，有几个活了过来。损失下降并不能证明梯度正确。少取一个点，
# 这个乘积就算不出来了：

# %% raises="RuntimeError: mat1 and mat2 shapes cannot be multiplied (9x10 and 9x1)"
nine = forward(params, x[:9])
_, d9 = backward(params, nine, target[:9])
d9.z @ nine.x

# %% [markdown] lang="en"
# So try a new backward pass on sizes that all differ, and compare values, not only
# shapes.

# %% [markdown] lang="zh"
# 所以，新写的反向传播要用各不相同的尺寸来试，而且要比较数值，不能只看形状。

# %% [markdown] lang="en"
# ## Try it {#exercises}
#
# 1. Measure all gradients without any calculus: nudge each number both ways.

# %% [markdown] lang="zh"
# ## 练习 {#exercises}
#
# 1. 不用任何求导公式，量出全部梯度：把每个数往两边各推一点点。

# %% [markdown] lang="en" tags=["answer"]
# In float64, with a nudge of 1e-6. The largest difference, to six decimals:

# %% [markdown] lang="zh" tags=["answer"]
# 用 float64，每次推 1e-6。最大的差，保留六位小数：

# %% tags=["answer"]
wide = Params(*(p.double() for p in params))
flat = torch.cat([p.flatten() for p in wide])  # (31,)


def loss_of(flat):
    parts = flat.split([p.numel() for p in wide])
    shaped = (part.view(p.shape) for part, p in zip(parts, wide, strict=True))
    return loss(forward(Params(*shaped), x.double()).y, target.double())


# %% tags=["answer"]
nudges = 1e-6 * torch.eye(count, dtype=torch.float64)
measured = [(loss_of(flat + n) - loss_of(flat - n)).item() / 2e-6 for n in nudges]
exact, _ = backward(wide, forward(wide, x.double()), target.double())
exact = torch.cat([gradient.flatten() for gradient in exact]).tolist()
worst = max(abs(a - b) for a, b in zip(measured, exact, strict=True))
print(len(measured), "gradients, largest difference", f"{worst:.6f}")

# %% [markdown] lang="en"
# 2. Add an eleventh point at $x = 1.1$. Which dead unit gets a gradient?

# %% [markdown] lang="zh"
# 2. 在 $x = 1.1$ 处加第十一个点。哪个死掉的单元会得到梯度？

# %% [markdown] lang="en" tags=["answer"]
# Unit 6, the one that turns positive just above 1. A unit is dead on given data; other
# data can wake it.

# %% [markdown] lang="zh" tags=["answer"]
# 6 号，就是刚过 1 就变正的那个。单元是否死掉，要看用什么数据；换一批数据，它可能又活过来。

# %% tags=["answer"]
more = torch.cat([x, torch.tensor([[1.1]])])  # (11, 1)
goals = torch.cat([target, torch.tensor([[1.21]])])
awake, _ = backward(params, forward(params, more), goals)
print("zero in dw1:", (awake.w1[:, 0] == 0).nonzero().flatten().tolist())
print(f"dw1[6] {awake.w1[6, 0]:.6f}")

# %% [markdown] lang="en"
# 3. Give the network two outputs. Which lines of `backward` have to change?

# %% [markdown] lang="zh"
# 3. 给网络两个输出。`backward` 的哪几行要改？

# %% [markdown] lang="en" tags=["answer"]
# None. Against autograd, with sizes that all differ:

# %% [markdown] lang="zh" tags=["answer"]
# 一行也不用改。用各不相同的尺寸与自动求导对照：

# %% tags=["answer"]
wide_net = nn.Sequential(nn.Linear(3, 5), nn.ReLU(), nn.Linear(5, 2))
inputs, goals = torch.randn(7, 3), torch.randn(7, 2)  # (N, D), (N, K)
nn.functional.mse_loss(wide_net(inputs), goals).backward()
params2 = Params(*(p.detach() for p in wide_net.parameters()))
hand, _ = backward(params2, forward(params2, inputs), goals)
for name, g, p in zip(Params._fields, hand, wide_net.parameters(), strict=True):
    print(f"d{name}  {tuple(g.shape)!s:<7}{torch.allclose(g, p.grad, atol=1e-6)}")

# %% [markdown] lang="en"
# ## Sources {#sources}
#
# Backpropagation, with momentum: D. Rumelhart, G. Hinton and R. Williams, [Learning
# representations by back-propagating errors](https://doi.org/10.1038/323533a0), 1986.
# The layout (out, in): [PyTorch documentation,
# Linear](https://docs.pytorch.org/docs/stable/generated/torch.nn.Linear.html).

# %% [markdown] lang="zh"
# ## 参考资料 {#sources}
#
# 带动量的反向传播：D. Rumelhart、G. Hinton、R. Williams，[Learning
# representations by back-propagating errors](https://doi.org/10.1038/323533a0)，1986。
# (out, in) 的存放方式：[PyTorch 文档，
# Linear](https://docs.pytorch.org/docs/stable/generated/torch.nn.Linear.html)。
