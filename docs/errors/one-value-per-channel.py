# %% [markdown] lang="en"
# # Expected more than 1 value per channel when training {#one-value-per-channel}
#
# A BatchNorm in training mode was given a single value for a channel. The batch size is
# 4 here and the first two batches pass: nine samples leave a last batch of one, so the
# error comes at the end of the epoch.

# %% [markdown] lang="zh"
# # Expected more than 1 value per channel when training {#one-value-per-channel}
#
# 处于训练模式的 BatchNorm，某个通道只拿到一个值。这里的批大小是 4，前两批都顺利通过；
# 但九个样本的最后一批只剩一个，所以错误出现在一轮的末尾。

# %% raises="ValueError: Expected more than 1 value per channel when training"
import torch
from torch import nn
from torch.utils.data import DataLoader

data = torch.arange(1.0, 10.0).reshape(9, 1)  # (N, D)
norm = nn.BatchNorm1d(1)
for x in DataLoader(data, batch_size=4):
    print("batch of", len(x))
    norm(x)

# %% [markdown] lang="en"
# ## Why {#why}
#
# In training BatchNorm takes mean and variance of a channel from the batch itself:
# $(x - \mu) / \sqrt{\sigma^2 + \epsilon}$. With one value $\mu = x$, so the result is
# zero for every input, no gradient passes, and the running variance divides by
# $n - 1 = 0$. `torch.batch_norm`, below the check, shows it:

# %% [markdown] lang="zh"
# ## 原因 {#why}
#
# 训练时 BatchNorm 用这一批自己的均值和方差：$(x - \mu) / \sqrt{\sigma^2 + \epsilon}$。
# 只有一个值时 $\mu = x$，不管输入什么，结果都是零，梯度也传不过去，
# 而滑动方差要除以 $n - 1 = 0$。绕过这项检查，直接调用底层的 `torch.batch_norm` 就能看到：

# %%
for value in (2.0, 8.0):
    x = torch.tensor([[value]], requires_grad=True)
    mean, var = torch.zeros(1), torch.ones(1)
    y = torch.batch_norm(x, None, None, mean, var, True, 0.1, 1e-5, False)
    (slope,) = torch.autograd.grad(y, x)
    print(f"x {value}  y {abs(y.item()):.1f}  gradient {abs(slope.item()):.1f}", end="")
    print(f"  running variance {var.item()}")

# %% [markdown] lang="en"
# What counts is batch times positions, on each GPU by itself under `DataParallel`. One
# image is enough, unless it has shrunk to a single pixel, as after global pooling:

# %% [markdown] lang="zh"
# 数的是“批大小 × 位置数”，用 `DataParallel` 时每块 GPU 各算各的。单独一张图片也够用，
# 除非它已经缩成一个像素，例如全局池化之后：

# %%
for shape in ((2, 3), (1, 3), (1, 3, 5), (1, 3, 8, 8), (1, 3, 1, 1)):
    layer = {2: nn.BatchNorm1d, 3: nn.BatchNorm1d, 4: nn.BatchNorm2d}[len(shape)](3)
    try:
        layer(torch.ones(shape))
        print(f"{shape!s:<14}passes")
    except ValueError as error:
        print(f"{shape!s:<14}{str(error).split(',')[0]}")

# %% [markdown] lang="en"
# ## Fix {#fix}
#
# While training leave the short batch out, with `drop_last=True`; for anything but
# training call `eval()`. Over many shuffled epochs no sample is lost: the running mean
# comes near the mean of all nine, `{python} f"{data.mean():.1f}"`.

# %% [markdown] lang="zh"
# ## 解决 {#fix}
#
# 训练时用 `drop_last=True` 舍去不满的那一批；训练以外的场合先调用 `eval()`。
# 打乱顺序、多走几轮，就不会有样本总被漏掉：滑动均值接近全部九个数的均值
# `{python} f"{data.mean():.1f}"`。

# %%
torch.manual_seed(0)
norm = nn.BatchNorm1d(1)
loader = DataLoader(data, batch_size=4, shuffle=True, drop_last=True)
for _ in range(50):
    for x in loader:
        norm(x)
print(len(loader), "batches an epoch, running mean", f"{norm.running_mean.item():.1f}")
norm.eval()
print("one sample, eval:", f"{norm(data[:1]).item():.2f}")

# %% [markdown] lang="en"
# ## Which one is yours? {#causes}
#
# - It happens in the training loop: [a last batch of one](#last-batch), or a batch size
#   of one by design.
# - It happens in validation or with one sample: [eval forgotten](#eval-forgotten).

# %% [markdown] lang="zh"
# ## 你属于哪一种？ {#causes}
#
# - 出现在训练循环里：[最后一批只有一个](#last-batch)，或者本来就是一次一个样本。
# - 出现在验证时，或者只输入一个样本时：[忘了 eval](#eval-forgotten)。

# %% [markdown] lang="en"
# ### A last batch of one {#last-batch}
#
# The first program of this page is this case, see [why](#why) and the [fix](#fix). Whether
# it fails is the remainder of a division, so one sample more or less decides:

# %% [markdown] lang="zh"
# ### 最后一批只有一个 {#last-batch}
#
# 本页开头的程序就是这一种，见[原因](#why)和[解决](#fix)。会不会报错，取决于除法的余数，
# 所以多一个样本、少一个样本，结果就不同：

# %%
for count in (8, 9, 10):
    last = {size: count % size or size for size in range(2, 8)}
    fails = [size for size, left in last.items() if left == 1]
    print(f"{count} samples: batch sizes that fail {fails}")

# %% raises="ValueError: Expected more than 1 value per channel when training"
norm = nn.BatchNorm1d(1)
for x in DataLoader(data[:7], batch_size=3):
    norm(x)

# %% [markdown] lang="en"
# `drop_last=True` has a trap of its own: with fewer samples than one batch there is no
# batch at all, and the loop trains nothing without a word:

# %% [markdown] lang="zh"
# `drop_last=True` 自己也有一个陷阱：样本不够一批时，一批也没有，
# 循环什么也没训练，也没有任何提示：

# %%
for size in (4, 8, 16):
    loader = DataLoader(data, batch_size=size, drop_last=True)
    print(f"batch size {size:>2}: {len(loader)} batches of {len(data)} samples")

# %% [markdown] lang="en"
# If batches of one are the plan, take a layer that does not look at the batch:
# [`GroupNorm`][torch.nn.GroupNorm] or [`LayerNorm`][torch.nn.LayerNorm]. A sample
# comes out the same alone and among others:

# %% [markdown] lang="zh"
# 如果本来就打算一次一个样本，就换用不看整批的层：
# [`GroupNorm`][torch.nn.GroupNorm] 或 [`LayerNorm`][torch.nn.LayerNorm]。
# 同一个样本，单独算和放在一批里算，结果相同：

# %%
x = torch.tensor([[1.0, 2.0, 6.0], [4.0, 5.0, 60.0]])  # (N, D)
for layer in (nn.GroupNorm(1, 3), nn.LayerNorm(3)):
    alone, among = layer(x[:1])[0], layer(x)[0]
    same = torch.allclose(alone, among, atol=1e-4)
    print(f"{type(layer).__name__:<10}{[f'{v:.2f}' for v in alone]} same: {same}")

# %% [markdown] lang="en"
# ### Eval forgotten {#eval-forgotten}
#
# A single sample at prediction, after training. `no_grad` is another switch, and does
# not help:

# %% [markdown] lang="zh"
# ### 忘了 eval {#eval-forgotten}
#
# 训练完，预测时输入一个样本。`no_grad` 是另一个开关，在这里不起作用：

# %% raises="ValueError: Expected more than 1 value per channel when training"
norm = nn.BatchNorm1d(1)
for _ in range(200):
    norm(data)
with torch.no_grad():
    norm(data[6:7])

# %% [markdown] lang="en"
# `eval()` takes the running statistics instead. Seven lies above the mean of five, so
# the right answer is positive. The error was a favour: with a second sample beside it
# training mode answers, and the answer depends on the neighbour:

# %% [markdown] lang="zh"
# `eval()` 改用滑动统计量。七大于均值五，所以正确答案是正数。报错其实是帮了忙：
# 旁边再放一个样本，训练模式就给出答案，而答案取决于旁边是谁：

# %%
norm.eval()
print(f"eval, 7 alone           {norm(data[6:7])[0].item():5.2f}")
norm.train()
for other in (1, 9):
    pair = torch.tensor([[7.0], [float(other)]])
    print(f"train, 7 beside {other}       {norm(pair)[0].item():5.2f}")

# %% [markdown] lang="en"
# Call `train()` again before the next epoch, and `eval()` together with `no_grad` for
# [evaluation](../autograd/no-grad.py#eval).

# %% [markdown] lang="zh"
# 下一轮训练之前再调用 `train()`；[评估](../autograd/no-grad.py#eval)时
# `eval()` 和 `no_grad` 都要。

# %% [markdown] lang="en"
# ## Advice that does not work {#advice}
#
# ### A batch size above 1 {#advice-size}
#
# The last batch fails all the same, as at the top. And two values are hardly better than
# one: only their order survives.

# %% [markdown] lang="zh"
# ## 不管用的建议 {#advice}
#
# ### 把批大小设成大于 1 {#advice-size}
#
# 最后一批照样报错，本页开头就是。而且两个值比一个好不了多少：留下来的只有谁大谁小。

# %%
for size in (2, 4, 8):
    done = 0
    try:
        for x in DataLoader(data, batch_size=size):
            nn.BatchNorm1d(1)(x)
            done += len(x)
    except ValueError as error:
        print(f"size {size}: {done} samples, then {str(error).split(',')[0]}")
for pair in ([[1.0], [2.0]], [[1.0], [900.0]]):
    y = nn.BatchNorm1d(1)(torch.tensor(pair))
    print(pair, [f"{value:.2f}" for value in y.flatten()])

# %% [markdown] lang="en"
# ### The sample twice {#advice-twice}
#
# `torch.cat([x, x])` satisfies the check. The result is zero for every input, with no
# gradient: the layer before learns nothing.

# %% [markdown] lang="zh"
# ### 把样本复制一份 {#advice-twice}
#
# `torch.cat([x, x])` 能通过检查。但不管输入什么，结果都是零，也没有梯度：
# 前面的层什么也学不到。

# %%
for value in (2.0, 8.0):
    x = torch.tensor([[value]], requires_grad=True)
    y = nn.BatchNorm1d(1)(torch.cat([x, x]))
    (slope,) = torch.autograd.grad(y[0, 0], x)
    print(f"x {value}  y {abs(y[0, 0].item()):.1f}  gradient {abs(slope.item()):.1f}")

# %% [markdown] lang="en"
# ### `eval()` while training {#advice-eval}
#
# No error, and no statistics: a new layer keeps mean 0 and variance 1, so it
# normalises nothing. That is right only for statistics that were trained before.

# %% [markdown] lang="zh"
# ### 训练时也用 `eval()` {#advice-eval}
#
# 不报错，也不统计：新建的层一直是均值 0、方差 1，等于没有归一化。
# 只有统计量事先训练好了，才可以这样做。

# %%
for mode in (False, True):
    norm = nn.BatchNorm1d(1).train(mode)
    for _ in range(100):
        norm(data)
    y = norm.eval()(data)
    mean, var = norm.running_mean.item(), norm.running_var.item()
    print(f"{'train' if mode else 'eval':<6}mean {mean:.2f} variance {var:.2f}", end="")
    print(f"  output from {y.min().item():.2f} to {y.max().item():.2f}")

# %% [markdown] lang="en"
# ### `track_running_stats=False` {#advice-track}
#
# Now there is nothing for `eval()` to use, and the same error comes at prediction:

# %% [markdown] lang="zh"
# ### `track_running_stats=False` {#advice-track}
#
# 这样 `eval()` 就没有统计量可用，预测时还是同样的错误：

# %% raises="ValueError: Expected more than 1 value per channel when training"
nn.BatchNorm1d(1, track_running_stats=False).eval()(data[:1])

# %% [markdown] lang="en"
# ### A GroupNorm of one channel a group {#advice-groups}
#
# `GroupNorm(C, C)` on `(N, C)` has one value in each group. For one sample it says the
# same words; for two it returns zeros without any:

# %% [markdown] lang="zh"
# ### 每组一个通道的 GroupNorm {#advice-groups}
#
# `GroupNorm(C, C)` 用在 `(N, C)` 上，每组只有一个值。一个样本时报同样的错；
# 两个样本时不报错，直接返回全零：

# %%
x = torch.tensor([[1.0, 2.0, 6.0], [4.0, 5.0, 60.0]])  # (N, D)
for groups in (3, 1):
    try:
        nn.GroupNorm(groups, 3)(x[:1])
    except ValueError as error:
        print(error)
    largest = nn.GroupNorm(groups, 3)(x).abs().max().item()
    print(f"groups {groups}: largest of two outputs {largest:.1f}")

# %% [markdown] lang="en"
# ## Looks like it, is not {#looks-like}
#
# InstanceNorm normalises each sample by itself, so a larger batch cannot help it. A
# sample without a batch dimension is refused by its shape; `unsqueeze(0)` on it leads to
# this page. Groups must divide the channels:

# %% [markdown] lang="zh"
# ## 看着像，其实不是 {#looks-like}
#
# InstanceNorm 对每个样本单独归一化，批再大也没用。没有批维度的样本，因为形状不对被拒绝；
# 给它 `unsqueeze(0)` 之后就会来到本页。分组数必须整除通道数：

# %%
tries = {
    "InstanceNorm1d": lambda: nn.InstanceNorm1d(3)(torch.ones(4, 3, 1)),
    "BatchNorm1d": lambda: nn.BatchNorm1d(3)(torch.ones(3)),
    "GroupNorm": lambda: nn.GroupNorm(2, 3),
}
for name, run in tries.items():
    try:
        run()
    except ValueError as error:
        print(f"{name}: {error}")

# %% [markdown] lang="en"
# ## Read on {#read-on}
#
# On this site: [BatchNorm sees the parts](../autograd/accumulation.py#batch-norm),
# [eval and no_grad](../autograd/no-grad.py#eval). PyTorch: [`torch.nn.BatchNorm1d`][],
# [`torch.utils.data.DataLoader`][]. Why batches: S. Ioffe and C. Szegedy,
# [Batch Normalization](https://arxiv.org/abs/1502.03167), 2015.

# %% [markdown] lang="zh"
# ## 延伸阅读 {#read-on}
#
# 本站：[BatchNorm 只看到一份](../autograd/accumulation.py#batch-norm)、
# [eval 与 no_grad](../autograd/no-grad.py#eval)。PyTorch：[`torch.nn.BatchNorm1d`][]、
# [`torch.utils.data.DataLoader`][]。为什么用整批统计：S. Ioffe、C. Szegedy，
# [Batch Normalization](https://arxiv.org/abs/1502.03167)，2015。
