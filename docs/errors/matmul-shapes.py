# %% [markdown] lang="en"
# # mat1 and mat2 shapes cannot be multiplied {#matmul-shapes}
#
# A linear layer was given another number of features than it was made for. Here two
# images come in and the message says 48: that is no batch size, but 2 images × 4
# channels × 6 rows.

# %% [markdown] lang="zh"
# # mat1 and mat2 shapes cannot be multiplied {#matmul-shapes}
#
# 线性层收到的特征数，与创建时指定的不一样。这里输入的是两张图片，报错里却写着 48：
# 它不是批大小，而是 2 张图片 × 4 个通道 × 6 行。

# %% raises="RuntimeError: mat1 and mat2 shapes cannot be multiplied (48x6 and 144x10)"
import torch
from torch import nn

images = torch.ones(2, 1, 8, 8)  # (N, C, H, W)
model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Linear(144, 10))
model(images)

# %% [markdown] lang="en"
# ## Why {#why}
#
# A linear layer multiplies the *last* dimension. `mat1` is its input, with all dimensions
# before the last folded into one; `mat2` is the transposed weight, `in_features` ×
# `out_features`. In `(48x6 and 144x10)` the two inner numbers must agree: the layer wants
# 144 features and got 6, the width of the image.

# %% [markdown] lang="zh"
# ## 原因 {#why}
#
# 线性层乘的是*最后一维*。`mat1` 是它的输入，最后一维之前的各维合成一维；`mat2` 是转置后的
# 权重，`in_features` × `out_features`。`(48x6 and 144x10)` 里，中间的两个数必须相等：
# 这一层要 144 个特征，拿到的是 6，也就是图片的宽度。

# %%
h = model[:2](images)
print("into the layer", tuple(h.shape), "folded", tuple(h.reshape(-1, 6).shape))
print("weight        ", tuple(model[2].weight.shape), "features", 4 * 6 * 6)

# %% [markdown] lang="en"
# ## Fix {#fix}
#
# Make one row of each image, and keep the first dimension:
# [`nn.Flatten`][torch.nn.Flatten], or `x.flatten(1)` in a `forward`.

# %% [markdown] lang="zh"
# ## 解决 {#fix}
#
# 把每张图片变成一行，第一维保持不动：
# 用 [`nn.Flatten`][torch.nn.Flatten]，或者在 `forward` 里写 `x.flatten(1)`。

# %%
layers = [nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 10)]
model = nn.Sequential(*layers)
print("flattened", tuple(h.flatten(1).shape))
print("result   ", tuple(model(images).shape))

# %% [markdown] lang="en"
# ## Which one is yours? {#causes}
#
# - The first number is not your batch size: [flatten forgotten](#flatten-forgotten).
# - It is, or batch × steps for sequences: [wrong `in_features`](#in-features).
# - `expected input[…] to have 3 channels`: [channels](#conv-channels).
# - `must be Tensor, not tuple`: [an LSTM in a Sequential](#lstm-in-sequential).

# %% [markdown] lang="zh"
# ## 你属于哪一种？ {#causes}
#
# - 第一个数不是批大小：[忘了展平](#flatten-forgotten)。
# - 第一个数就是批大小，序列则是批大小 × 步数：[`in_features` 不对](#in-features)。
# - `expected input[…] to have 3 channels`：[通道](#conv-channels)。
# - `must be Tensor, not tuple`：[Sequential 里放了 LSTM](#lstm-in-sequential)。

# %% [markdown] lang="en"
# To see where it happens, print the shape that each layer gets:

# %% [markdown] lang="zh"
# 想知道错在哪一层，就打印每一层收到的形状：


# %%
def trace(model, x):
    for layer in model:
        print(f"{type(layer).__name__:<8}{tuple(x.shape)}")
        x = layer(x)


try:
    trace(nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Linear(144, 10)), images)
except RuntimeError as error:
    print(error)

# %% [markdown] lang="en"
# ### Flatten forgotten {#flatten-forgotten}
#
# The first program of this page, see [why](#why) and the [fix](#fix). `flatten()` without
# the 1 takes the batch as well, and the first number is 1:

# %% [markdown] lang="zh"
# ### 忘了展平 {#flatten-forgotten}
#
# 就是本页开头的程序，见[原因](#why)和[解决](#fix)。`flatten()` 如果不写 1，
# 会把批也一起展平，第一个数就成了 1：

# %% raises="RuntimeError: mat1 and mat2 shapes cannot be multiplied (1x288 and 144x10)"
h = model[:2](images)
model[3](h.flatten())

# %% [markdown] lang="en"
# The error is luck. A layer made for 6 features takes the image row by row and says
# nothing: 24 predictions an image.

# %% [markdown] lang="zh"
# 能报错还算幸运。如果这一层恰好是为 6 个特征建的，它就逐行处理图片，什么也不说：
# 每张图片 24 组预测。

# %%
print("flatten(1) ", tuple(model[3](h.flatten(1)).shape))
print("no flatten ", tuple(nn.Linear(6, 10)(h).shape))

# %% [markdown] lang="en"
# ### Wrong `in_features` {#in-features}
#
# The input is flat and the count is off. A kernel of 3 without padding takes 8 pixels
# to 6, and 4 × 8 × 8 forgot that:

# %% [markdown] lang="zh"
# ### `in_features` 不对 {#in-features}
#
# 输入已经展平，只是数目不对。大小为 3 的卷积核不加填充，会把 8 个像素变成 6 个，
# 而 4 × 8 × 8 没有算进这一点：

# %% raises="RuntimeError: mat1 and mat2 shapes cannot be multiplied (2x144 and 256x10)"
nn.Sequential(*layers[:3], nn.Linear(4 * 8 * 8, 10))(images)

# %% [markdown] lang="en"
# Let the program count: send one image through the layers before, or take
# [`nn.LazyLinear`][torch.nn.LazyLinear], which counts at its first call:

# %% [markdown] lang="zh"
# 让程序去数：先送一张图片通过前面的层；或者用
# [`nn.LazyLinear`][torch.nn.LazyLinear]，它在第一次调用时自己数：

# %%
features = nn.Sequential(*layers[:3])
count = features(torch.zeros(1, 1, 8, 8)).shape[1]
print("counted", count, tuple(nn.Linear(count, 10)(features(images)).shape))
lazy = nn.LazyLinear(10)
lazy(features(images))
print("lazy   ", lazy.in_features)

# %% [markdown] lang="en"
# Neither helps with images of another size: the weight is made. A pooling to a fixed
# size before the flattening does:

# %% [markdown] lang="zh"
# 图片换了尺寸，这两种办法都帮不上忙，因为权重已经建好了。展平之前先池化到固定大小才行：

# %%
large = torch.ones(2, 1, 10, 10)
pooled = nn.Sequential(*layers[:2], nn.AdaptiveAvgPool2d(6), *layers[2:])
try:
    model(large)
except RuntimeError as error:
    print(error)
for x in (images, large):
    print("pooled", tuple(x.shape), "to", tuple(pooled(x).shape))

# %% [markdown] lang="en"
# ### Channels of a convolution {#conv-channels}
#
# A convolution counts in the second dimension, and has its own message. Grey images into
# a layer for colour:

# %% [markdown] lang="zh"
# ### 卷积的通道 {#conv-channels}
#
# 卷积看的是第二维，报的是另一条信息。把灰度图片送进为彩色建的层：

# %% raises="RuntimeError: to have 3 channels, but got 1 channels instead"
nn.Conv2d(3, 4, 3)(images)

# %% [markdown] lang="en"
# Read on which side the mistake is. Grey images want `Conv2d(1, …)`, or three equal
# channels for a trained network. If the number it got is a *height*, the channels come
# last, as in NumPy and Pillow: `permute` them.

# %% [markdown] lang="zh"
# 看清楚错在哪一边。灰度图片该用 `Conv2d(1, …)`；网络已经训练好的话，就把一个通道重复成三个。
# 如果它拿到的数其实是*高度*，说明通道在最后一维，NumPy 和 Pillow 就是这样：
# 用 `permute` 换过来。

# %%
layer = nn.Conv2d(3, 4, 3)
last = torch.arange(2.0 * 8 * 8 * 3).reshape(2, 8, 8, 3)  # (N, H, W, C)
try:
    layer(last)
except RuntimeError as error:
    print(str(error).split(", expected ")[1])
print("permuted", tuple(layer(last.permute(0, 3, 1, 2)).shape))
print("expanded", tuple(layer(images.expand(-1, 3, -1, -1)).shape))
print("one     ", tuple(nn.Conv2d(1, 4, 3)(images).shape))

# %% [markdown] lang="en"
# ### An LSTM in a Sequential {#lstm-in-sequential}
#
# `nn.LSTM`, `nn.GRU` and `nn.RNN` return two things: the outputs of all steps and the
# last state. `nn.Sequential` hands the pair on:

# %% [markdown] lang="zh"
# ### Sequential 里放了 LSTM {#lstm-in-sequential}
#
# `nn.LSTM`、`nn.GRU`、`nn.RNN` 返回两样东西：每一步的输出，和最后的状态。
# `nn.Sequential` 把这一对原样传给下一层：

# %% raises="TypeError: linear(): argument 'input' (position 1) must be Tensor, not tuple"
steps = torch.ones(2, 5, 4)  # (N, T, D)
nn.Sequential(nn.LSTM(4, 8, batch_first=True), nn.Linear(8, 3))(steps)

# %% [markdown] lang="en"
# A second LSTM in the place of the linear layer says it differently. Put a module between
# that takes the first of the pair; `[:, -1]` is then the last step:

# %% [markdown] lang="zh"
# 后面如果还是 LSTM，说法又不一样。中间加一个模块，取这一对里的第一个就行；
# 最后一步则是 `[:, -1]`：


# %%
class Output(nn.Module):
    def forward(self, pair):
        return pair[0]


lstm = nn.LSTM(4, 8, batch_first=True)
try:
    nn.Sequential(lstm, nn.LSTM(8, 3))(steps)
except AttributeError as error:
    print(f"AttributeError: {error}")
model = nn.Sequential(lstm, Output(), nn.Linear(8, 3))
print("each step", tuple(model(steps).shape), "last", tuple(model(steps)[:, -1].shape))

# %% [markdown] lang="en"
# ## Advice that does not work {#advice}
#
# ### `x.view(-1, in_features)` {#advice-view}
#
# It fits wherever the division comes out even, because -1 changes the batch. Three images
# become six halves, or one and a half become a row; the next message is the loss's:

# %% [markdown] lang="zh"
# ## 不管用的建议 {#advice}
#
# ### `x.view(-1, in_features)` {#advice-view}
#
# 只要除得尽，它就能凑上，因为 -1 会去改批大小。三张图片成了六个半张，
# 或者一张半凑成一行；下一个报错就来自损失函数：

# %%
h = torch.ones(3, 4, 6, 6)
labels = torch.tensor([0, 1, 2])  # (N,)
for count in (144, 72, 216):
    y = nn.Linear(count, 10)(h.view(-1, count))
    try:
        nn.functional.cross_entropy(y, labels)
        print(f"{count}: 3 images, {len(y)} rows, right")
    except ValueError as error:
        print(f"{count}: 3 images, {len(y)} rows. {error}")

# %% [markdown] lang="en"
# Where nothing counts the rows, as in prediction, it goes on in silence. Two images of 72
# numbers become one row, which holds both:

# %% [markdown] lang="zh"
# 没有人核对行数的时候，比如预测时，就一路错下去，什么也不说。
# 两张各 72 个数的图片合成一行，这一行里两张都有：

# %%
small = torch.stack([torch.full((72,), 1.0), torch.full((72,), 2.0)])  # (N, D)
row = small.view(-1, 144)
print("values in the first row", row[0].unique().tolist())
classes = nn.Linear(144, 10)(row).argmax(dim=1)
print(f"{len(small)} images, {len(classes)} prediction")

# %% [markdown] lang="en"
# ### `in_features` as the message has it {#advice-number}
#
# "It got 6, so write 6": that fits rows of pixels, as [above](#flatten-forgotten), and
# moves the error to the loss. Right only once the first number is the batch size.

# %% [markdown] lang="zh"
# ### 报错说是几，`in_features` 就写几 {#advice-number}
#
# “它拿到的是 6，那就写 6”：如[上文](#flatten-forgotten)所示，这样处理的是一行行像素，
# 错误只是挪到了损失函数。只有第一个数已经是批大小时，才可以照着改。

# %%
y = nn.Linear(6, 10)(h)
try:
    nn.functional.cross_entropy(y, labels)
except RuntimeError as error:
    print(tuple(y.shape), error)

# %% [markdown] lang="en"
# ### `reshape` to move the channels {#advice-reshape}
#
# The shape is right and the image is not: the first pixel has the values 0, 1, 2, and
# `reshape` takes its colours from three places.

# %% [markdown] lang="zh"
# ### 用 `reshape` 挪动通道 {#advice-reshape}
#
# 形状对了，图片却不对：第一个像素的值是 0、1、2，而 `reshape` 从三个不同的地方取来颜色。

# %%
print("permute", last.permute(0, 3, 1, 2)[0, :, 0, 0].tolist())
print("reshape", last.reshape(2, 3, 8, 8)[0, :, 0, 0].tolist())

# %% [markdown] lang="en"
# ### Transpose until it fits {#advice-transpose}
#
# Either side can be transposed, and both run. One result has a row for each sample, the
# other sums over the samples:

# %% [markdown] lang="zh"
# ### 转置到能乘为止 {#advice-transpose}
#
# 转置哪一边都能运行。一种结果是每个样本一行，另一种把各个样本加在了一起：

# %%
x = torch.ones(2, 3)  # (N, D)
w = torch.ones(2, 3)  # (K, D)
try:
    x @ w
except RuntimeError as error:
    print(error)
print("x @ w.T", tuple((x @ w.T).shape), "N x K")
print("x.T @ w", tuple((x.T @ w).shape), "D x D")

# %% [markdown] lang="en"
# ## Looks like it, is not {#looks-like}
#
# Other operations have other words for shapes that do not fit: stacks of matrices, a
# vector, a sum, a recurrent layer. The last one is about the type of the numbers:

# %% [markdown] lang="zh"
# ## 看着像，其实不是 {#looks-like}
#
# 形状不合，别的操作说法不同：成批的矩阵、向量、加法、循环层。
# 最后一条说的则是数值类型：

# %%
tries = {
    "a @ b, stacks": lambda: torch.ones(2, 3, 4) @ torch.ones(2, 3, 4),
    "a @ v": lambda: torch.ones(2, 3) @ torch.ones(4),
    "a + b": lambda: torch.ones(2, 3) + torch.ones(2, 4),
    "LSTM": lambda: nn.LSTM(4, 8)(torch.ones(5, 2, 3)),
    "float64": lambda: nn.Linear(3, 4)(torch.ones(2, 3).double()),
}
for name, run in tries.items():
    try:
        run()
    except RuntimeError as error:
        print(f"{name}:\n    {error}")

# %% [markdown] lang="en"
# `size mismatch for 3.weight` while a checkpoint is loaded is about
# [the state dict](state-dict-keys.py#architecture); `Expected input batch_size` belongs to
# [cross entropy](cross-entropy-target.py#batch-mismatch).

# %% [markdown] lang="zh"
# 加载检查点时出现的 `size mismatch for 3.weight`，说的是
# [state dict](state-dict-keys.py#architecture)；`Expected input batch_size` 则属于
# [交叉熵](cross-entropy-target.py#batch-mismatch)。

# %% [markdown] lang="en"
# ## Read on {#read-on}
#
# On this site:
# [why each transpose is where it is](../backprop/mlp-by-hand.py#shapes). PyTorch:
# [`torch.nn.Linear`][], [`torch.nn.Flatten`][], [`torch.nn.Conv2d`][],
# [`torch.nn.LSTM`][].

# %% [markdown] lang="zh"
# ## 延伸阅读 {#read-on}
#
# 本站：[每个转置为什么在那里](../backprop/mlp-by-hand.py#shapes)。PyTorch：
# [`torch.nn.Linear`][]、[`torch.nn.Flatten`][]、[`torch.nn.Conv2d`][]、
# [`torch.nn.LSTM`][]。
