# %% [markdown] lang="en" needs="descent/autograd.py"
# # Gradients add up {#accumulation}
#
# `backward` adds to `.grad`, and nothing clears it. Leave `zero_grad` out and plain SGD
# becomes SGD with momentum 1, bit for bit in all `{python} len(forgotten)` updates. Ten
# epochs then end at a loss of `{python} f"{ends[1]:.4f}"`, above the
# `{python} f"{start:.1f}"` they began with, not at `{python} f"{ends[0]:.5f}"`.

# %% [markdown] lang="zh"
# # 梯度会累加 {#accumulation}
#
# `backward` 总是往 `.grad` 上加，从不清零。漏写 `zero_grad`，普通 SGD 就成了动量为 1 的
# SGD，`{python} len(forgotten)` 次更新逐位相同。十轮之后损失是
# `{python} f"{ends[1]:.4f}"`，比出发时的 `{python} f"{start:.1f}"` 还高；不漏写则降到
# `{python} f"{ends[0]:.5f}"`。

# %% [markdown] lang="en"
# ## Why it adds {#adds}
#
# The derivative of $w^2$ at 3 is 6, each time. `.grad` is `None` before the first call;
# the later ones add to it in place:

# %% [markdown] lang="zh"
# ## 为什么是累加 {#adds}
#
# $w^2$ 在 3 处的导数每次都是 6。第一次调用之前 `.grad` 是 `None`，之后每次都在原处
# 加上 6：

# %%
import torch

w = torch.tensor(3.0, requires_grad=True)
for _ in range(3):
    (w**2).backward()
    print(w.grad)
kept = w.grad
(w**2).backward()
print("kept", kept)

# %% [markdown] lang="en"
# `kept` has changed too: it is no copy. A tensor used twice needs a sum anyway. In
# $w^2 + 4w$ one path brings 6, the other 4. A hook sees what one call brings, `.grad`
# what all calls have brought:

# %% [markdown] lang="zh"
# `kept` 也变了：它不是副本。一个张量用了两次，本来就要求和：$w^2 + 4w$ 里
# 一条路径送来 6，另一条送来 4。钩子看到的是一次调用送来的梯度，`.grad` 里则是历次之和：

# %%
w = torch.tensor(3.0, requires_grad=True)
w.register_hook(lambda gradient: print("this call", gradient))
for _ in range(2):
    (w**2 + 4 * w).backward()
    print("    .grad", w.grad)

# %% [markdown] lang="en"
# Since derivatives add, two losses may go backward one after the other or as their sum.
# They share $w^2$ here, whose saved input the first call would free without
# `retain_graph`:

# %% [markdown] lang="zh"
# 导数可加，所以两个损失既可以先后反向传播，也可以先求和再反向传播。这里两者共用 $w^2$；
# 不加 `retain_graph`，第一次调用就会释放它保存的输入：

# %%
w = torch.tensor(3.0, requires_grad=True)
square = w**2
(2 * square).backward(retain_graph=True)
(5 * square).backward()
print("one by one", w.grad)
w.grad = None
(2 * w**2 + 5 * w**2).backward()
print("their sum ", w.grad)

# %% [markdown] lang="en"
# ## Where zeroing may stand {#where}
#
# Old posts say that it must come before `backward`. To try every place, `train` fits
# $y = wx$ with the calls in any order:

# %% [markdown] lang="zh"
# ## 清零可以放在哪里 {#where}
#
# 旧文章说清零必须在 `backward` 之前。为了试遍每个位置，`train` 拟合 $y = wx$，其中各个
# 调用的先后由参数决定：

# %% tags=["source"]
from chainrule.accumulation import train

# %% [markdown] lang="en"
# The four samples and the learning rate are those of
# [the descent by hand](../descent/by-hand.py), and so are the first weights:

# %% [markdown] lang="zh"
# 四个样本和学习率都与[手写梯度下降](../descent/by-hand.py)相同，开头几个权重也相同：

# %%
xs = torch.tensor([1.0, 2.0, 3.0, 4.0])
ys = 2 * xs
usual = "zero_grad forward backward step"
for weight in train(usual, 1.0, xs, ys, epochs=1, lr=0.01):
    print(f"{weight:.4f}")

# %% [markdown] lang="en"
# Ten epochs in five orders. `equal` compares all weights with those of the first:

# %% [markdown] lang="zh"
# 五种顺序各跑十轮。`equal` 表示所有权重都与第一种相同：

# %%
paths = {}
for order in (
    "zero_grad forward backward step",
    "forward zero_grad backward step",
    "forward backward step zero_grad",
    "forward backward zero_grad step",
    "forward backward step",
):
    paths[order] = train(order, 1.0, xs, ys, epochs=10, lr=0.01)
    same = paths[order] == paths[usual]
    print(f"{order:<33}{paths[order][-1]:.4f}  {'equal' if same else '-----'}")

# %% [markdown] lang="en"
# Anywhere after `step` and before the next `backward`: in three places, all
# `{python} len(paths[usual])` weights are equal to the last bit. Between `backward` and
# `step` the gradient is gone before it is used, and `step` skips a `None` in silence.

# %% [markdown] lang="zh"
# 只要在 `step` 之后、下一次 `backward` 之前就行：三个位置，`{python} len(paths[usual])`
# 个权重逐位相同。放在 `backward` 和 `step` 之间，梯度还没用就没了；`step` 遇到 `None`
# 直接跳过，也不报错。

# %% [markdown] lang="en"
# ## Forgetting it is momentum 1 {#forgetting}
#
# [`torch.optim.SGD`][] keeps $v \leftarrow \mu v + g$ and steps by $-\eta v$. A `.grad`
# that is never cleared is that $v$ with $\mu = 1$:

# %% [markdown] lang="zh"
# ## 忘记清零就是动量为 1 {#forgetting}
#
# [`torch.optim.SGD`][] 维护 $v \leftarrow \mu v + g$，每步走 $-\eta v$。从不清零的
# `.grad` 正是 $\mu = 1$ 时的 $v$：

# %%
cleared, forgotten = paths[usual], paths["forward backward step"]
momentum = train(usual, 1.0, xs, ys, epochs=10, lr=0.01, momentum=1.0)
print("equal in", sum(a == b for a, b in zip(forgotten, momentum, strict=True)))
later = train("forward backward step", 1.0, xs, ys, epochs=250, lr=0.01)[-40:]
for name, path in (("epochs 1 to 10", forgotten), ("epochs 241 to 250", later)):
    print(f"{name:<18} w from {min(path):.2f} to {max(path):.2f}")

# %% [markdown] lang="en"
# Nothing slows it down: at epoch 250 the weight still swings. The mean loss over all
# four samples:

# %% [markdown] lang="zh"
# 没有任何阻力：到第 250 轮，权重仍在摆动。四个样本上的平均损失：


# %%
def loss(w, x, y):
    return ((w * x - y) ** 2).mean()


start = loss(1.0, xs, ys)
ends = [loss(path[-1], xs, ys) for path in (cleared, forgotten)]
print(f"start        {start:.5f}")
print(f"zero_grad    {ends[0]:.5f}")
print(f"no zero_grad {ends[1]:.5f}")

# %%
import matplotlib.pyplot as plt

plt.figure(figsize=(6.4, 3.2), layout="constrained")
for path, label in ((cleared, "zero_grad"), (forgotten, "no zero_grad")):
    plt.plot([loss(w, xs, ys) for w in [1.0, *path]], label=label)
plt.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=2)
plt.xlabel("update")
plt.ylabel("loss")

# %% [markdown] lang="en" tags=["caption"]
# Loss over forty updates. Cleared, it is near zero after fifteen. Not cleared, it falls
# close to zero, climbs above its start, and repeats that every eight updates.

# %% [markdown] lang="zh" tags=["caption"]
# 四十次更新中的损失。清零时，十五次之后已接近零。不清零时，也会降到接近零，随后又升到
# 起点之上，每八次更新重复一遍。

# %% [markdown] lang="en"
# ## None or zeros {#none}
#
# [`zero_grad`][torch.optim.Optimizer.zero_grad] no longer writes zeros: [since PyTorch
# 2.0](https://github.com/pytorch/pytorch/pull/92731) it drops the tensor.

# %% [markdown] lang="zh"
# ## None 还是零 {#none}
#
# [`zero_grad`][torch.optim.Optimizer.zero_grad] 已经不再填零：[从 PyTorch
# 2.0 起](https://github.com/pytorch/pytorch/pull/92731)，它直接丢掉梯度张量。

# %%
w = torch.tensor(1.0, requires_grad=True)
optimizer = torch.optim.SGD([w], lr=0.01)
loss(w, xs, ys).backward()
print("backward ", w.grad)
optimizer.zero_grad(set_to_none=False)
print("zeros    ", w.grad)
optimizer.zero_grad()
print("default  ", w.grad)

# %% [markdown] lang="en"
# So the `zero_()` of old listings fails after `zero_grad`, as it always has before the
# first `backward`:

# %% [markdown] lang="zh"
# 所以旧代码里的 `zero_()` 放在 `zero_grad` 之后会报错，就像它在第一次 `backward` 之前
# 一直会报错一样：

# %% raises="AttributeError: 'NoneType' object has no attribute 'zero_'"
w.grad.zero_()

# %% [markdown] lang="en"
# Some guard it with `(a.grad and b.grad) is not None`, which works by luck: `and` asks
# a gradient whether it is true, and only a single number can answer.

# %% [markdown] lang="zh"
# 有的代码先判断 `(a.grad and b.grad) is not None`，能用只是碰巧：`and` 要问梯度
# 是真是假，只有单个数才答得上来。


# %%
def guarded(size):
    a = torch.ones(size, requires_grad=True)
    b = torch.ones(size, requires_grad=True)
    for _ in range(2):
        if (a.grad and b.grad) is not None:
            a.grad.zero_()
            b.grad.zero_()
        (a * b).sum().backward()
    print(a.grad, b.grad)


guarded(1)

# %% raises="RuntimeError: Boolean value of Tensor with more than one value"
guarded(2)

# %% [markdown] lang="en"
# `a.grad = None` needs no guard. To an optimizer `None` and a gradient of zero are not
# the same: it skips the one and steps with the other. Here a weight gets one gradient,
# is frozen, and then sees twenty more updates:

# %% [markdown] lang="zh"
# 写 `a.grad = None` 就不必判断。对优化器来说，`None` 与值为零的梯度并不相同：前者跳过，
# 后者照样更新一步。下面的权重先得到一次梯度，然后被冻结，再经历二十次更新：


# %%
def drift(make, set_to_none, **options):
    w = torch.tensor(1.0, requires_grad=True)
    optimizer = make([w], lr=0.01, **options)
    loss(w, xs, ys).backward()
    optimizer.step()
    frozen = w.requires_grad_(False).item()
    for _ in range(20):
        optimizer.zero_grad(set_to_none=set_to_none)
        optimizer.step()
    return w.item() - frozen


print(f"moved {drift(torch.optim.SGD, False, momentum=0.9):.4f}")

# %% [markdown] lang="en"
# The momentum of its one step, 0.01 times 15, carries the frozen weight on. Weight
# decay and Adam move it as well:

# %% [markdown] lang="zh"
# 冻结前只走了一步，即 0.01 乘以 15；这一步留下的动量推着冻结的权重继续走。权重衰减和
# Adam 也会让它移动：

# %%
print(f"predicted {0.01 * 15 * sum(0.9**k for k in range(1, 21)):.4f}")
rows = [
    ("SGD", torch.optim.SGD, {}),
    ("SGD, momentum", torch.optim.SGD, {"momentum": 0.9}),
    ("SGD, weight decay", torch.optim.SGD, {"weight_decay": 0.1}),
    ("Adam", torch.optim.Adam, {}),
]
print(f"{'':<20}{'zeros':>8}{'None':>8}")
for name, make, options in rows:
    zeros, none = (drift(make, flag, **options) for flag in (False, True))
    print(f"{name:<20}{zeros:>8.4f}{none:>8.4f}")

# %% [markdown] lang="en"
# ## A large batch in parts {#parts}
#
# *Gradient accumulation* adds on purpose: `backward` on each part (micro-batch) of a
# batch too large for the memory, and one `step` at the end. Only the graph of one part
# must fit. [`saved_tensors_hooks`][torch.autograd.graph.saved_tensors_hooks] sees each
# tensor a graph keeps for `backward`; the numbers in them, for four samples and for two:

# %% [markdown] lang="zh"
# ## 把大批次分成几份 {#parts}
#
# *梯度累积*是有意为之：一批数据内存放不下，就分成几份（micro-batch），每份做一次
# `backward`，最后 `step` 一次，内存里只需放下一份的计算图。计算图为 `backward` 保存的
# 张量都经过 [`saved_tensors_hooks`][torch.autograd.graph.saved_tensors_hooks]，由此数出
# 四个样本和两个样本各保存多少个数：


# %%
def saved(x, y):
    sizes = []

    def pack(tensor):
        sizes.append(tensor.numel())
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        loss(w, x, y)
    return sum(sizes)


print(saved(xs, ys), saved(xs[:2], ys[:2]))

# %% [markdown] lang="en"
# The mean of the whole is in general not the mean of the means. A part of $n_i$ among
# $N$ samples has the weight $n_i / N$, which is $1 / k$ only if all $k$ parts are of
# one size.

# %% [markdown] lang="zh"
# 整体的平均一般不等于各份平均的平均。$N$ 个样本中占 $n_i$ 个的那一份，权重是 $n_i / N$；
# 只有 $k$ 份一样大时，它才等于 $1 / k$。

# %% tags=["source"]
from chainrule.accumulation import accumulate, shares

# %% [markdown] lang="en"
# The four samples have the gradients -2, -8, -18 and -32 at $w = 1$, with a mean of
# `{python} sum([-2, -8, -18, -32]) // 4`. Parts of three and one have the means -28/3
# and -32:

# %% [markdown] lang="zh"
# 在 $w = 1$ 处，四个样本的梯度是 -2、-8、-18 和 -32，平均是
# `{python} sum([-2, -8, -18, -32]) // 4`。分成三个和一个，两份的平均是 -28/3 和 -32：


# %%
def in_parts(sizes, weights):
    w = torch.tensor(1.0, requires_grad=True)
    for x, y, weight in zip(xs.split(sizes), ys.split(sizes), weights, strict=True):
        (weight * loss(w, x, y)).backward()
    return w.grad.item()


print(f"whole batch        {in_parts([4], [1]):9.4f}")
print(f"2 + 2, each / 2    {in_parts([2, 2], [1 / 2, 1 / 2]):9.4f}")
print(f"2 + 2, not divided {in_parts([2, 2], [1, 1]):9.4f}")
print(f"3 + 1, each / 2    {in_parts([3, 1], [1 / 2, 1 / 2]):9.4f}")
print(f"3 + 1, each n / N  {in_parts([3, 1], shares([3, 1])):9.4f}")

# %% [markdown] lang="en"
# [`accumulate`][chainrule.accumulation.accumulate] takes $n_i / N$. The [example in the
# PyTorch notes](https://docs.pytorch.org/docs/stable/notes/amp_examples.html#gradient-accumulation)
# takes $1 / k$, which is wrong as soon as one part is shorter. For a network and ten
# samples in parts of at most four:

# %% [markdown] lang="zh"
# [`accumulate`][chainrule.accumulation.accumulate] 用的是 $n_i / N$。[PyTorch
# 文档里的示例](https://docs.pytorch.org/docs/stable/notes/amp_examples.html#gradient-accumulation)
# 用的是 $1 / k$，只要有一份不满就错了。换成一个网络和十个样本，每份至多四个：

# %%
torch.manual_seed(1)
model = torch.nn.Sequential(
    torch.nn.Linear(3, 8), torch.nn.Tanh(), torch.nn.Linear(8, 1)
)
inputs, targets = torch.randn(10, 3), torch.randn(10, 1)  # (N, D), (N, 1)


def error(x, y):
    return torch.nn.functional.mse_loss(model(x), y)


parts = list(zip(inputs.split(4), targets.split(4), strict=True))
print("parts of", [len(x) for x, _ in parts])

# %% [markdown] lang="en"
# `parameters_to_vector` joins all gradients into one vector. With a `size` of 1 for each
# part, `accumulate` takes $1 / k$ as well:

# %% [markdown] lang="zh"
# `parameters_to_vector` 把所有梯度拼成一个向量。让每一份的 `size` 都是 1，`accumulate`
# 用的也就是 $1 / k$：

# %%
vector = torch.nn.utils.parameters_to_vector
params = list(model.parameters())
whole = vector(torch.autograd.grad(error(inputs, targets), params))
right = vector(accumulate(error, params, parts).gradients)
means = vector(accumulate(error, params, parts, size=lambda y: 1).gradients)
print("n / N equals the whole:", torch.allclose(right, whole, atol=1e-6))
print("1 / k equals the whole:", torch.allclose(means, whole, atol=1e-6))
print(f"1 / k is off by {(means - whole).norm() / whole.norm():.0%} of the gradient")

# %% [markdown] lang="en"
# Without any division the gradient is $k$ times too large. To SGD that is a learning
# rate $k$ times as large. Adam divides by the size of the gradient and hides it:

# %% [markdown] lang="zh"
# 完全不除，梯度就大了 $k$ 倍。对 SGD 来说等于学习率大了 $k$ 倍；Adam 会除以梯度
# 自身的大小，把这个错误盖住：


# %%
def after(make, factor, lr):
    w = torch.tensor(1.0, requires_grad=True)
    optimizer = make([w], lr=lr)
    for _ in range(20):
        optimizer.zero_grad()
        (factor * loss(w, xs, ys)).backward()
        optimizer.step()
    return w.item()


for factor, lr in ((1, 0.01), (2, 0.01), (1, 0.02)):
    sgd = after(torch.optim.SGD, factor, lr)
    adam = after(torch.optim.Adam, factor, lr)
    print(f"gradient x {factor}  lr {lr}  SGD {sgd:.4f}  Adam {adam:.4f}")

# %% [markdown] lang="en"
# ## BatchNorm sees the parts {#batch-norm}
#
# No weighting helps where samples meet inside the model.
# [`BatchNorm1d`][torch.nn.BatchNorm1d] normalises with the mean and the variance of the
# part it is given:

# %% [markdown] lang="zh"
# ## BatchNorm 只看到一份 {#batch-norm}
#
# 如果样本在模型内部就互相影响，怎么加权都没用。
# [`BatchNorm1d`][torch.nn.BatchNorm1d] 用手上这一份的均值和方差做归一化：

# %%
for batches in ([xs.unsqueeze(1)], xs.unsqueeze(1).split(2)):
    norm = torch.nn.BatchNorm1d(1)
    outputs = torch.cat([norm(x) for x in batches])  # (N, 1)
    print(*(f"{value:8.4f}" for value in outputs.flatten().tolist()))
    print(f"    running mean {norm.running_mean.item():.4f}")

# %% [markdown] lang="en"
# In parts of two, 1 and 3 come out as the same number, and the running mean is updated
# twice. With a second feature $x^2$, the gradient of the scale even changes its sign.
# [`LayerNorm`][torch.nn.LayerNorm] takes each sample alone:

# %% [markdown] lang="zh"
# 每份两个样本时，1 和 3 变成同一个数，滑动均值也更新了两次。再加一个特征 $x^2$，缩放
# 系数的梯度连符号都变了。[`LayerNorm`][torch.nn.LayerNorm] 对每个样本单独归一化，
# 不受影响：


# %%
def compare(norm):
    def error(x, y):
        return ((norm(x).sum(dim=1) - y) ** 2).mean()

    for name, size in (("whole", 4), ("parts", 2)):
        parts = list(zip(pairs.split(size), ys.split(size), strict=True))
        slopes = accumulate(error, [norm.weight], parts).gradients[0]
        values = "".join(f"{slope:8.3f}" for slope in slopes)
        print(f"{type(norm).__name__:<13}{name}{values}")


pairs = torch.stack((xs, xs**2), dim=1)  # (N, 2)
compare(torch.nn.BatchNorm1d(2))
compare(torch.nn.LayerNorm(2))

# %% [markdown] lang="en"
# ## A mistake to make once {#mistake}
#
# Keep a running total of the loss and call `backward` on that:

# %% [markdown] lang="zh"
# ## 值得犯一次的错误 {#mistake}
#
# 把损失累计成一个总和，再对总和调用 `backward`：


# %% raises="RuntimeError: Trying to backward through the graph a second time"
def running_total(**options):
    w = torch.tensor(1.0, requires_grad=True)
    total = 0.0
    for x, y in zip(xs.split(2), ys.split(2), strict=True):
        total = total + loss(w, x, y) / 2
        total.backward(**options)
        print(f"loss {total.item():.2f}  gradient {w.grad.item():.2f}")


running_total()

# %% [markdown] lang="en"
# The second total still hangs on the graph of the first part, whose saved tensors are
# freed. Do as the message says and the error is gone, but the first part counts twice:

# %% [markdown] lang="zh"
# 第二个总和仍连着第一份的计算图，而那里保存的张量已经释放。照报错信息说的加上参数，
# 错误没了，第一份却算了两遍：

# %%
running_total(retain_graph=True)

# %% [markdown] lang="en"
# Call `backward` on the part, and add up numbers that have no graph:

# %% [markdown] lang="zh"
# 应当对每一份调用 `backward`，累计时只加不带计算图的数：

# %%
w, total = torch.tensor(1.0, requires_grad=True), 0.0
for x, y in zip(xs.split(2), ys.split(2), strict=True):
    part = loss(w, x, y) / 2
    part.backward()
    total += part.item()
print(f"loss {total:.2f}  gradient {w.grad.item():.2f}")

# %% [markdown] lang="en"
# ## Try it {#exercises}
#
# 1. Let the last target be 9, in parts of three and one. Where does descent end with
#    the weights $n_i / N$, and where with one half each?

# %% [markdown] lang="zh"
# ## 练习 {#exercises}
#
# 1. 把最后一个目标改成 9，仍分成三个和一个。用权重 $n_i / N$ 下降到哪里？各取一半呢？

# %% [markdown] lang="en" tags=["answer"]
# Only the first ends at the least squares solution. The mean of means minimises another
# loss, in which the last sample counts three times as much as each of the others.

# %% [markdown] lang="zh" tags=["answer"]
# 只有前者走到四个样本的最小二乘解。平均的平均优化的是另一个损失，其中最后一个样本的分量
# 是其他每个样本的三倍。

# %% tags=["answer"]
noisy = torch.tensor([2.0, 4.0, 6.0, 9.0])
print(f"least squares {xs @ noisy / (xs @ xs):.4f}")
parts = list(zip(xs.split([3, 1]), noisy.split([3, 1]), strict=True))
for name, weights in (("n / N", shares([3, 1])), ("1 / 2", [0.5, 0.5])):
    w = torch.tensor(2.0, requires_grad=True)
    optimizer = torch.optim.SGD([w], lr=0.01)
    for _ in range(200):
        for (x, y), weight in zip(parts, weights, strict=True):
            (weight * loss(w, x, y)).backward()
        optimizer.step()
        optimizer.zero_grad()
    print(f"{name:<13} {w.item():.4f}")

# %% [markdown] lang="en"
# 2. A common loop steps `if (i + 1) % k == 0`. With `k = 3` and four samples one by
#    one, what becomes of the fourth?

# %% [markdown] lang="zh"
# 2. 常见的循环写 `if (i + 1) % k == 0` 才更新。`k = 3`，四个样本逐个来，第四个会怎样？

# %% [markdown] lang="en" tags=["answer"]
# Its gradient waits in `.grad` and joins the first group of the next epoch. A
# `zero_grad` at the start of each epoch would lose it.

# %% [markdown] lang="zh" tags=["answer"]
# 它的梯度留在 `.grad` 里，混进下一轮的第一组。要是每轮开头先 `zero_grad`，它就丢了。

# %% tags=["answer"]
w = torch.tensor(1.0, requires_grad=True)
optimizer = torch.optim.SGD([w], lr=0.01)
for i, (x, y) in enumerate(zip(xs, ys, strict=True)):
    (loss(w, x, y) / 3).backward()
    if (i + 1) % 3 == 0:
        optimizer.step()
        optimizer.zero_grad()
        print(f"sample {i + 1}: w {w.item():.4f}")
print(f"left over: {w.grad.item():.4f}")

# %% [markdown] lang="en"
# 3. [`cross_entropy`][torch.nn.functional.cross_entropy] leaves targets of -100 out of
#    its mean. What is $n_i$ for padded text?

# %% [markdown] lang="zh"
# 3. [`cross_entropy`][torch.nn.functional.cross_entropy] 求平均时不计目标为 -100 的
#    位置。文本补齐之后，$n_i$ 是什么？

# %% [markdown] lang="en" tags=["answer"]
# The number of tokens left: both parts have four places, but in the first only one
# counts. The Trainer of transformers [had this wrong until
# 2024](https://huggingface.co/blog/gradient_accumulation).

# %% [markdown] lang="zh" tags=["answer"]
# 是剩下的词元数：两份都有四个位置，但第一份里只有一个算数。transformers 的 Trainer
# [直到 2024 年才改对](https://huggingface.co/blog/gradient_accumulation)。

# %% tags=["answer"]
scores = torch.zeros(8, 3, requires_grad=True)  # (N, K)
tokens = torch.tensor([0, -100, -100, -100, 1, 1, 1, 2])  # (N,)
parts = list(zip(torch.arange(8).split(4), tokens.split(4), strict=True))


def entropy(places, y):
    return torch.nn.functional.cross_entropy(scores[places], y)


for size in (len, lambda y: int((y != -100).sum())):
    gradients = accumulate(entropy, [scores], parts, size=size).gradients
    print("parts", *(f"{slope:8.4f}" for slope in gradients[0].sum(dim=0)))
(whole,) = torch.autograd.grad(entropy(torch.arange(8), tokens), [scores])
print("whole", *(f"{slope:8.4f}" for slope in whole.sum(dim=0)))

# %% [markdown] lang="en"
# ## Sources {#sources}
#
# In the PyTorch documentation: [`torch.Tensor.backward`][],
# [`torch.optim.Optimizer.zero_grad`][]. Why the statistics come from the batch: S.
# Ioffe and C. Szegedy, [Batch Normalization](https://arxiv.org/abs/1502.03167), 2015.

# %% [markdown] lang="zh"
# ## 参考资料 {#sources}
#
# PyTorch 文档：[`torch.Tensor.backward`][]、[`torch.optim.Optimizer.zero_grad`][]。
# 统计量为什么取自一批数据：S. Ioffe、C. Szegedy，
# [Batch Normalization](https://arxiv.org/abs/1502.03167)，2015。
