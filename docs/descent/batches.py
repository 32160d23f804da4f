# %% [markdown] lang="en" needs="descent/by-hand.py, descent/autograd.py"
# # One sample, some samples, all samples {#batches}
#
# After five epochs, batches of one sample are `{python} f"{table[1][1]:.4f}"` above the smallest loss,
# batches of all 50 still `{python} f"{table[50][1]:.4f}"`; after a hundred the first are `{python} f"{table[1][3]:.4f}"`
# above it, for they never settle. And one short batch makes the mean of the batch
# losses `{python} f"{of_means:.2f}"` where the loss is `{python} f"{whole:.2f}"`.

# %% [markdown] lang="zh"
# # 一个样本、一批样本、全部样本 {#batches}
#
# 五轮之后，批大小为 1 时损失只比最小值高 `{python} f"{table[1][1]:.4f}"`，50 个样本一整批时还高
# `{python} f"{table[50][1]:.4f}"`；可是到一百轮，前者又高出 `{python} f"{table[1][3]:.4f}"`，它停不下来。
# 另外，只要有一批不满，各批损失的平均就成了 `{python} f"{of_means:.2f}"`，而真正的损失是
# `{python} f"{whole:.2f}"`。

# %% [markdown] lang="en"
# ## The gradient of a batch {#gradient}
#
# Fifty points around the line $3x + 0.8$. The loss of a batch is the mean over its
# samples, and so is the gradient:

# %% [markdown] lang="zh"
# ## 一批的梯度 {#gradient}
#
# 五十个点，散布在直线 $3x + 0.8$ 附近。一批的损失是批内各样本的平均，梯度也是：

# %% tags=["source"]
from chainrule.line import Line
from chainrule.batches import batch_gradient, mean_loss

# %%
import torch

torch.manual_seed(0)
x = torch.rand(50, dtype=torch.float64)  # (N,)
y = 3 * x + 0.8 + torch.rand(50, dtype=torch.float64) - 0.5  # (N,)
start = Line(*torch.zeros(2, dtype=torch.float64))
full = batch_gradient(start, x, y)
a, b = (torch.zeros_like(zero, requires_grad=True) for zero in start)
mean_loss(Line(a, b), x, y).backward()
print("            by hand   autograd  difference")
for name, hand, slope in (("dL/da", full.a, a.grad), ("dL/db", full.b, b.grad)):
    print(f"{name:<9}{hand:>10.6f}{slope:>11.6f}{hand - slope:>12.6f}")

# %% [markdown] lang="en"
# ## Each batch is an estimate {#estimate}
#
# A batch of one gives one of 50 gradients, a batch of two one of 1225. They differ
# widely, but their mean is the gradient of all 50: the estimate is *unbiased*.

# %% [markdown] lang="zh"
# ## 每一批都是一个估计 {#estimate}
#
# 批大小为 1，得到的是 50 个梯度之一；批大小为 2，是 1225 个之一。它们相差很大，平均却
# 正好是全部 50 个样本的梯度：这个估计是*无偏*的。

# %%
print("samples  batches    lowest   highest      mean")
every = torch.arange(50)
for places in (every[:, None], torch.combinations(every), every[None]):
    da = batch_gradient(start, x[places], y[places]).a
    row = f"{da.min():>10.4f}{da.max():>10.4f}{da.mean():>10.4f}"
    print(f"{places.shape[1]:>7}{len(da):>9}{row}")

# %% [markdown] lang="en"
# ## The variance falls as 1/n {#variance}
#
# How far a batch strays follows from the variance of the 50 gradients alone. Drawn
# without replacement, as from a shuffled list, a batch of all samples cannot stray:

# %% [markdown] lang="zh"
# ## 方差按 1/n 下降 {#variance}
#
# 一批会偏多远，由 50 个梯度的方差就能算出。若是不放回抽样（打乱之后依次取就是如此），
# 取满全部样本的一批不会有任何偏差：

# %% tags=["source"]
from chainrule.batches import variance_of_mean

# %%
each = batch_gradient(start, x[:, None], y[:, None])  # (N,) both
print("             with replacement   without replacement")
print("samples    predicted  measured    predicted  measured")
for n in (1, 4, 16, 50):
    drawn = torch.randint(50, (10000, n))
    dealt = torch.rand(10000, 50, dtype=torch.float64).argsort(dim=1)[:, :n]
    row = f"{n:>7}"
    for places, replacement in ((drawn, True), (dealt, False)):
        expected = variance_of_mean(each.a, n, replacement=replacement)
        found = batch_gradient(start, x[places], y[places]).a.var()
        row += f"{expected:>13.4f}{found:>10.4f}"
    print(row)

# %% [markdown] lang="en"
# Four times the samples give a quarter of the variance and half the standard deviation.
# Without replacement, 16 of 50 have a variance that is smaller still, by the factor
# $(50 - 1) / (50 - 16)$, which is `{python} f"{49 / 34:.2f}"`.

# %% [markdown] lang="zh"
# 样本增加到四倍，方差降到四分之一，标准差减半。不放回时，50 个里取 16 个，方差还要除以
# $(50 - 1) / (50 - 16)$，即 `{python} f"{49 / 34:.2f}"`。

# %% [markdown] lang="en"
# ## The paths {#paths}
#
# An epoch is one pass over all samples: 50 updates of one sample, or one update of all
# 50. They are shuffled for each epoch, as a data loader does with `shuffle=True`:

# %% [markdown] lang="zh"
# ## 走过的路 {#paths}
#
# 一轮就是把所有样本过一遍：可以是一次一个样本，更新 50 次；也可以 50 个样本一起，更新一次。
# 每一轮都重新打乱，数据加载器设了
# `shuffle=True` 也是这样：

# %% tags=["source"]
from chainrule.batches import descend_batches


# %%
def run(size, epochs, lr):
    torch.manual_seed(1)
    lines = [start]
    for batches in (torch.randperm(50).split(size) for _ in range(epochs)):
        lines += descend_batches(lines[-1], x, y, batches, lr=lr)
    return lines


columns = torch.stack((x, torch.ones_like(x)), dim=1)  # (N, 2)
best = Line(*torch.linalg.lstsq(columns, y[:, None]).solution.flatten())
lowest = mean_loss(best, x, y)
print(f"least squares: a {best.a:.4f}, b {best.b:.4f}, loss {lowest:.4f}")
curvature = torch.linalg.eigvalsh(2 * columns.T @ columns / 50)
print(f"curvature: {curvature[0]:.4f} and {curvature[1]:.4f}")

# %% [markdown] lang="en"
# What is left of the loss above that smallest one, at a learning rate of 0.1:

# %% [markdown] lang="zh"
# 学习率 0.1，损失比这个最小值还高出多少：

# %%
paths = {size: run(size, epochs=100, lr=0.1) for size in (1, 4, 16, 50)}
table = {}
print("         updates               after epoch")
print("samples  an epoch       1         5        20       100")
for size, lines in paths.items():
    each_epoch = lines[:: len(lines) // 100]
    table[size] = [
        (mean_loss(each_epoch[n], x, y) - lowest).item() for n in (1, 5, 20, 100)
    ]
    row = "".join(f"{excess:>10.4f}" for excess in table[size])
    print(f"{size:>7}{len(lines) // 100:>10}{row}")

# %% [markdown] lang="en"
# In the direction of the larger [curvature](linear-regression.py#curvature) the error goes
# fast. In the other one an update with all 50 removes only 0.1 times `{python} f"{curvature[0]:.4f}"`, or
# `{python} f"{0.1 * curvature[0]:.1%}"`, of it; there the number of updates decides:

# %% [markdown] lang="zh"
# [曲率](linear-regression.py#curvature)大的方向上误差消得快；另一个方向上，整批更新一次只消去 0.1
# 乘以 `{python} f"{curvature[0]:.4f}"`，即 `{python} f"{0.1 * curvature[0]:.1%}"`，这时起作用的是更新次数：

# %%
import matplotlib.pyplot as plt

side, up = [n / 10 for n in range(-2, 43)], [n / 10 for n in range(-2, 31)]
places = torch.cartesian_prod(torch.tensor(up), torch.tensor(side)).double()
height = mean_loss(Line(places[:, 1:], places[:, :1]), x, y).round(decimals=6)
height = height.reshape(len(up), len(side))
plt.subplots(layout="constrained", subplot_kw={"xlabel": "a", "ylabel": "b"})
plt.contour(side, up, height, [0.1, 0.5, 2, 4], colors="C5", linewidths=0.6)
for size, lines in paths.items():
    a, b = zip(*lines[: 5 * (len(lines) // 100) + 1], strict=True)
    plt.plot(a, b, label=size, linewidth=1)
plt.plot(best.a, best.b, "C4x", ms=9, mew=2, zorder=9)
plt.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=4)

# %% [markdown] lang="en" tags=["caption"]
# Five epochs from (0, 0), a piece for each update, by samples per batch; the cross is
# the best line, the curves are lines of equal loss. All 50: five pieces of a curve, not
# yet in the valley. One sample: a tangle, all along the valley and nearly at the cross.

# %% [markdown] lang="zh" tags=["caption"]
# 从 (0, 0) 出发的五轮，每一段是一次更新，图例是每批的样本数；叉号是最佳直线，曲线是等损失
# 线。50 个一批：五段连成光滑的曲线，还没走进谷底。一个一批：乱成一团，但已沿谷底走到
# 叉号附近。

# %% [markdown] lang="en"
# ## The noise floor {#floor}
#
# Start at the best line. The gradient of all samples is zero there, those of batches
# are not, and at a constant rate each of them moves the line. With batches of $n$, to
# first order in $\eta$, the loss hovers $\eta \operatorname{tr} C / 4n$ above its
# minimum; $\operatorname{tr} C$ adds the variances of the 50 gradients in $a$ and $b$.

# %% [markdown] lang="zh"
# ## 噪声基底 {#floor}
#
# 直接从最佳直线出发。那里全部样本的梯度是零，每一批的却不是；学习率恒定，
# 每一批都会把直线推开。精确到 $\eta$ 的一次项，每批 $n$ 个样本时，损失徘徊在最小值之上
# $\eta \operatorname{tr} C / 4n$ 处，$\operatorname{tr} C$ 是 50 个梯度在该处的方差，取 $a$、
# $b$ 两个分量之和。

# %%
at_best = batch_gradient(best, x[:, None], y[:, None])  # (N,) both
trace = sum(variance_of_mean(g, 1, replacement=True) for g in at_best)


def hover(n, lr):
    (a, b), excess = (best.a.expand(300, 1), best.b.expand(300, 1)), []
    for _ in range(int(80 / lr)):
        places = torch.randint(50, (300, n))  # (R, n)
        slope = batch_gradient(Line(a, b), x[places], y[places])  # (R,) both
        a, b = a - lr * slope.a[:, None], b - lr * slope.b[:, None]
        excess.append(mean_loss(Line(a, b), x, y).mean() - lowest)
    return sum(excess[len(excess) // 2 :]) / (len(excess) // 2)


print(f"tr C = {trace:.4f}")

# %%
print("  lr   samples   predicted   measured")
for lr in (0.1, 0.05):
    for n in (1, 4, 16):
        print(f"{lr:>4}{n:>10}{lr * trace / 4 / n:>12.4f}{hover(n, lr):>11.4f}")

# %% [markdown] lang="en"
# Twice the samples or half the rate: the floor is half as high. The measured values are
# the mean of 300 runs, and come closer to the prediction as the rate falls.

# %% [markdown] lang="zh"
# 样本加倍，或者学习率减半，噪声基底都降低一半。测得的值是 300 次运行的平均；学习率越小，
# 与预测越接近。

# %%
plt.figure(figsize=(6.4, 3.2), layout="constrained")
for size, lines in paths.items():
    each_epoch = lines[:: len(lines) // 100]
    plt.semilogy([mean_loss(p, x, y) - lowest for p in each_epoch], label=size)
plt.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=4)
plt.xlabel("epoch")
plt.ylabel("loss above the smallest")

# %% [markdown] lang="en" tags=["caption"]
# Loss above its minimum after each epoch, by samples per batch. One sample is down
# first and then jumps about highest; four are later and lower. All 50 fall slowly on a
# smooth curve, with no floor to reach.

# %% [markdown] lang="zh" tags=["caption"]
# 每轮之后损失高出最小值多少，图例是每批的样本数。一个一批最先降下来，随后跳得最高；
# 四个一批晚一些，也低一些。50 个一批沿光滑曲线慢慢下降，没有噪声基底。

# %% [markdown] lang="en"
# ## What an epoch costs {#cost}
#
# Every update is a fixed number of calls into PyTorch, whatever the size of the batch.
# A [dispatch
# mode](https://docs.pytorch.org/docs/stable/notes/extending.html#extending-all-torch-api-with-modes)
# sees each of them pass:

# %% [markdown] lang="zh"
# ## 一轮的代价 {#cost}
#
# 不论一批多大，一次更新对 PyTorch 的调用次数都是固定的。用 [dispatch
# mode](https://docs.pytorch.org/docs/stable/notes/extending.html#extending-all-torch-api-with-modes) 可以看到每一次调用：

# %%
from torch.utils._python_dispatch import TorchDispatchMode


class Counter(TorchDispatchMode):
    calls = numbers = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        self.calls += 1
        self.numbers += result.numel()
        return result


with Counter() as update:
    descend_batches(start, x, y, [every], lr=0.1)
print("calls for one update:", update.calls)

# %%
print("samples  updates  calls  numbers computed")
counted = {}
for size in (1, 4, 16, 50):
    batches = every.split(size)
    with Counter() as counted[size]:
        descend_batches(start, x, y, batches, lr=0.1)
    calls, numbers = counted[size].calls, counted[size].numbers
    print(f"{size:>7}{len(batches):>9}{calls:>7}{numbers:>10}")

# %% [markdown] lang="en"
# The single batch saves `{python} f"{1 - counted[50].calls / counted[1].calls:.0%}"` of the
# calls, but only `{python} f"{1 - counted[50].numbers / counted[1].numbers:.0%}"` of the numbers.
# With tensors this small the time goes with the calls. Seconds differ from machine to
# machine, so only a comparison is printed:

# %% [markdown] lang="zh"
# 合成一大批，调用省掉 `{python} f"{1 - counted[50].calls / counted[1].calls:.0%}"`，算出的数却只少
# `{python} f"{1 - counted[50].numbers / counted[1].numbers:.0%}"`。张量这么小，时间主要随调用次数走。
# 秒数因机器而异，这里只打印一个比较：


# %%
import time


def fastest(size):
    batches, seconds = every.split(size), []
    for _ in range(5):
        began = time.perf_counter()
        descend_batches(start, x, y, batches, lr=0.1)
        seconds.append(time.perf_counter() - began)
    return min(seconds)


print("an epoch of ones takes over 5 times as long:", fastest(1) > 5 * fastest(50))

# %% [markdown] lang="en"
# Where one sample already keeps the device busy, little is gained. A table that has been
# copied for years compares 2700 images on a GPU, one by one and in fives, and gives the
# first row as 2700 × 0.0117 s = 318 s:

# %% [markdown] lang="zh"
# 如果一个样本就已经让设备忙不过来，加大批次便得不到多少好处。有一张流传多年的表，在 GPU 上
# 处理 2700 张图片，比较一张一批和五张一批，第一行写着 2700 × 0.0117 s = 318 s：

# %%
images = 2700
print(f"0.0117 s x 2700     {0.0117 * images:>7.2f} s")
print(f"0.117 s x 2700      {0.117 * images:>7.2f} s")
print(f"318 s / 2700        {318 / images:>7.4f} s")
print(f"0.516 s x 2700 / 5  {0.516 * images / 5:>7.2f} s")
print(f"ones / fives        {0.117 / (0.516 / 5):>7.2f}")

# %% [markdown] lang="en"
# A zero too many: 318 s needs 0.1178 s an image, and 0.117 s is that, truncated.
# Batches of five took 0.516 s each, so that an epoch of them is `{python} f"{0.117 / (0.516 / 5) - 1:.0%}"` faster,
# not ten or twenty times, and has a fifth of the updates.

# %% [markdown] lang="zh"
# 多写了一个零：要得到 318 s，每张需要 0.1178 s，0.117 s 是它截短的结果。五张一批，每批
# 0.516 s，所以每轮只快 `{python} f"{0.117 / (0.516 / 5) - 1:.0%}"`，不是十倍二十倍，而且更新次数
# 只有五分之一。

# %% [markdown] lang="en"
# ## A mistake to make once {#mistake}
#
# Fifty is not a multiple of 16. Indexing past the end raises an error:

# %% [markdown] lang="zh"
# ## 值得犯一次的错误 {#mistake}
#
# 50 不是 16 的倍数。下标数过了头，会报错：

# %% raises="IndexError: index 50 is out of bounds for dimension 0 with size 50"
for first in range(0, 50, 16):
    places = torch.arange(first, first + 16)
    print(first, len(x[places]))

# %% [markdown] lang="en"
# A slice raises nothing: `x[48:64]` holds two samples. [`torch.utils.data.DataLoader`][]
# hands out the short batch too, unless told to drop it. The mean of the batch means is
# then no longer the mean:

# %% [markdown] lang="zh"
# 切片则不报错：`x[48:64]` 只有两个样本。[`torch.utils.data.DataLoader`][] 默认也会给出这个
# 不满的批，除非让它丢掉。这时各批平均的平均就不再是总平均：

# %%
data = torch.utils.data.TensorDataset(x, y)
for drop in (False, True):
    loader = torch.utils.data.DataLoader(data, batch_size=16, drop_last=drop)
    sizes = [len(targets) for _, targets in loader]
    losses = [mean_loss(start, *batch).item() for batch in loader]
    print(sizes, f"mean of means {sum(losses) / len(losses):.4f}")
    if not drop:
        of_means = sum(losses) / len(losses)
        weighted = sum(n * loss for n, loss in zip(sizes, losses, strict=True)) / 50
whole = mean_loss(start, x, y)
print(f"weighted by size {weighted:.4f}, all 50 {whole:.4f}")

# %% [markdown] lang="en"
# The two samples of the last batch carry a quarter of the sum, each of them as much as
# eight of the others. Weigh each batch by its size. `drop_last=True` repairs nothing:
# it leaves two out. For gradients, see [parts](../autograd/accumulation.py#parts).

# %% [markdown] lang="zh"
# 最后一批的两个样本占了总和的四分之一，一个顶八个。应当按批的大小加权。`drop_last=True`
# 无济于事：它漏掉两个样本。梯度的情形见[分成几份](../autograd/accumulation.py#parts)。

# %% [markdown] lang="en"
# ## Try it {#exercises}
#
# 1. Let the learning rate grow with the batch: 0.01 for each sample in it. How do the
#    four runs compare then, epoch by epoch?

# %% [markdown] lang="zh"
# ## 练习 {#exercises}
#
# 1. 让学习率随批大小增长，每个样本 0.01。这时逐轮比较，四种批大小有什么差别？

# %% [markdown] lang="en" tags=["answer"]
# They keep together. Fifty small steps in almost the same direction are one step fifty
# times as long, and the floor depends only on $\eta / n$. It ends where the large rate
# diverges: at 2 over the largest curvature, here `{python} f"{2 / curvature[1]:.2f}"`.

# %% [markdown] lang="zh" tags=["answer"]
# 几乎齐头并进。方向差不多的五十小步，就是一个五十倍长的大步，而噪声基底只取决于 $\eta / n$。
# 到大学习率发散为止：界限是 2 除以最大曲率，这里是 `{python} f"{2 / curvature[1]:.2f}"`。

# %% tags=["answer"]
for size in (1, 4, 16, 50):
    lines = run(size, epochs=20, lr=0.01 * size)
    ends = lines[:: len(lines) // 20]
    row = [f"{mean_loss(ends[n], x, y) - lowest:>9.4f}" for n in (1, 2, 5, 10, 20)]
    print(f"{size:>2}  lr {0.01 * size:.2f}", *row)

# %% [markdown] lang="en"
# 2. What lets batches of one settle after all?

# %% [markdown] lang="zh"
# 2. 有什么办法让批大小为 1 也能稳定下来？

# %% [markdown] lang="en" tags=["answer"]
# A rate that falls. The floor falls with it, as Robbins and Monro required in 1951.

# %% [markdown] lang="zh" tags=["answer"]
# 让学习率逐渐减小，噪声基底也随之降低。Robbins 和 Monro 在 1951 年就提出了这个要求。

# %% tags=["answer"]
for name, falls in (("constant", 0.0), ("falling", 0.2)):
    torch.manual_seed(1)
    line, excess = start, []
    for epoch in range(100):
        rate = 0.1 / (1 + falls * epoch)
        line = descend_batches(line, x, y, torch.randperm(50).split(1), lr=rate)[-1]
        excess.append(mean_loss(line, x, y) - lowest)
    print(f"{name:<10} last 20 epochs: {sum(excess[-20:]) / 20:.5f} above")

# %% [markdown] lang="en"
# 3. Draw 50 samples with replacement instead of shuffling. How many of the 50 does an
#    epoch miss?

# %% [markdown] lang="zh"
# 3. 不打乱，而是有放回地抽 50 次。一轮会漏掉 50 个样本中的几个？

# %% [markdown] lang="en" tags=["answer"]
# A sample escapes one draw with probability 49/50, all 50 draws with its 50th power.

# %% [markdown] lang="zh" tags=["answer"]
# 一个样本躲过一次抽取的概率是 49/50，躲过全部 50 次就是它的 50 次方。

# %% tags=["answer"]
drawn = torch.randint(50, (10000, 50))
seen = torch.zeros(10000, 50).scatter(1, drawn, 1.0).sum(dim=1)  # (10000,)
print(f"predicted {50 * (49 / 50) ** 50:.2f}, measured {50 - seen.mean():.2f}")

# %% [markdown] lang="en"
# ## Sources {#sources}
#
# The floor of a constant rate: L. Bottou, F. Curtis and J. Nocedal, [Optimization
# Methods for Large-Scale Machine Learning](https://arxiv.org/abs/1606.04838), 2018. Rate
# and batch size: P. Goyal et al., [Accurate, Large Minibatch
# SGD](https://arxiv.org/abs/1706.02677), 2017.

# %% [markdown] lang="zh"
# ## 参考资料 {#sources}
#
# 恒定学习率的噪声基底：L. Bottou、F. Curtis、J. Nocedal，[Optimization Methods for
# Large-Scale Machine Learning](https://arxiv.org/abs/1606.04838)，2018。学习率与批大小：P. Goyal 等，
# [Accurate, Large Minibatch SGD](https://arxiv.org/abs/1706.02677)，2017。
