# %% [markdown] lang="en"
# # expected target dtype to be Long or Byte, but got Float {#cross-entropy-target}
#
# You gave cross entropy one float per sample, and it wants class numbers there.
# `.long()` is right if the floats are class numbers. If they are probabilities, it turns
# them all to zero and trains every sample towards class 0: loss
# `{python} f"{wrong.item():.4f}"` instead of `{python} f"{right.item():.4f}"`.

# %% [markdown] lang="zh"
# # expected target dtype to be Long or Byte, but got Float {#cross-entropy-target}
#
# 你给交叉熵的目标是每个样本一个浮点数，而它在这里要的是类别编号。浮点数本来就是编号，
# 用 `.long()` 没错；如果是概率，`.long()` 会把它们全变成零，每个样本都朝第 0 类训练：
# 损失 `{python} f"{wrong.item():.4f}"`，本该是 `{python} f"{right.item():.4f}"`。

# %% raises="RuntimeError: expected target dtype to be Long or Byte, but got Float"
import torch
from torch.nn.functional import cross_entropy

scores = torch.tensor([[2.0, 0.0, 1.0], [0.0, 1.0, 3.0]])  # (N, K)
labels = torch.tensor([0.0, 2.0])  # (N,)
cross_entropy(scores, labels)

# %% [markdown] lang="en"
# ## Why {#why}
#
# Cross entropy takes two kinds of target and tells them apart by shape alone. A target
# of the shape of the scores holds probabilities and must be float. Any other holds class
# numbers from 0 to K - 1, one per sample, and must be int64 (`Long`) or uint8 (`Byte`).
# Only then does it look at the dtype, so the message may name the half you did right.

# %% [markdown] lang="zh"
# ## 原因 {#why}
#
# 交叉熵接受两种目标，只凭形状区分。形状与分数相同的，当作概率，必须是浮点数；其余的当作
# 类别编号，每个样本一个，从 0 到 K - 1，必须是 int64（`Long`）或 uint8（`Byte`）。
# 先看形状，后看类型，所以报错里指出的，未必是你真正弄错的那一半。

# %% [markdown] lang="en"
# ## Fix {#fix}
#
# Class numbers as int64, shape (N,), or probabilities as floats, shape (N, K). Here both
# say the same and give the same loss:

# %% [markdown] lang="zh"
# ## 解决 {#fix}
#
# 要么给 int64 的类别编号，形状 (N,)；要么给浮点数的概率，形状 (N, K)。
# 下面两种写法说的是一回事，损失也相同：

# %%
probabilities = torch.tensor([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])  # (N, K)
by_hand = -scores.log_softmax(dim=1)[[0, 1], [0, 2]].mean()
print(f"class numbers {cross_entropy(scores, labels.long()).item():.4f}")
print(f"probabilities {cross_entropy(scores, probabilities).item():.4f}")
print(f"by hand       {by_hand.item():.4f}")

# %% [markdown] lang="en"
# ## Which one is yours? {#causes}
#
# - `expected target dtype to be Long or Byte`: [class numbers of another dtype](#float-target)
# - `Expected floating point type for target`: [one-hot rows of integers](#one-hot)
# - `multi-target not supported`: [one dimension too many](#multi-target)
# - `Target 3 is out of bounds`: [a label outside 0 … K - 1](#out-of-bounds)

# %% [markdown] lang="zh"
# ## 你属于哪一种？ {#causes}
#
# - `expected target dtype to be Long or Byte`：[类别编号的类型不对](#float-target)
# - `Expected floating point type for target`：[整数的 one-hot](#one-hot)
# - `multi-target not supported`：[多了一维](#multi-target)
# - `Target 3 is out of bounds`：[标签不在 0 到 K - 1 之间](#out-of-bounds)

# %% [markdown] lang="en"
# - `Expected input batch_size (4) to match target batch_size (2)`:
#   [scores and target count samples differently](#batch-mismatch)

# %% [markdown] lang="zh"
# - `Expected input batch_size (4) to match target batch_size (2)`：
#   [分数和目标的样本数不同](#batch-mismatch)

# %% [markdown] lang="en"
# ### Class numbers of another dtype {#float-target}
#
# The program at the top ([why](#why), [fix](#fix)). Labels become floats on the way from
# a CSV file or NumPy. Of the integers only uint8 and int64 pass; int32 raises too:

# %% [markdown] lang="zh"
# ### 类别编号的类型不对 {#float-target}
#
# 就是页首的程序（[原因](#why)、[解决](#fix)）。标签从 CSV 文件或 NumPy 过来时变成了
# 浮点数。整数里只有 uint8 和 int64 能过，int32 同样报错：

# %%
for dtype in (torch.float64, torch.int32, torch.uint8, torch.int64):
    try:
        print(f"{dtype!s:<14}{cross_entropy(scores, labels.to(dtype)).item():.4f}")
    except RuntimeError as error:
        print(f"{dtype!s:<14}{error}")

# %% [markdown] lang="en"
# Look before you write `.long()`: class numbers are whole, and few of them differ.

# %% [markdown] lang="zh"
# 写 `.long()` 之前先看一眼：类别编号都是整数，不同的值也没有几个。

# %% raises="RuntimeError: expected target dtype to be Long or Byte, but got Float"
print(labels.unique().tolist(), "whole:", torch.equal(labels, labels.round()))
cross_entropy(scores, labels)

# %%
labels = labels.long()
print(labels, f"{cross_entropy(scores, labels).item():.4f}")

# %% [markdown] lang="en"
# ### One-hot rows of integers {#one-hot}
#
# [`one_hot`][torch.nn.functional.one_hot] returns int64. The shape says probabilities,
# the dtype says class numbers:

# %% [markdown] lang="zh"
# ### 整数的 one-hot {#one-hot}
#
# [`one_hot`][torch.nn.functional.one_hot] 返回 int64。看形状是概率，看类型却是类别编号：

# %% raises="RuntimeError: Expected floating point type for target with class probabilities, got Long"
rows = torch.nn.functional.one_hot(labels, num_classes=3)  # (N, K)
cross_entropy(scores, rows)

# %% [markdown] lang="en"
# If you have the class numbers, pass them as they are. Otherwise `argmax` brings them
# back, or `float` makes probabilities of the rows:

# %% [markdown] lang="zh"
# 手头有类别编号就直接传。没有的话，用 `argmax` 取回编号，或者用 `float` 把每一行变成概率：

# %%
print(f"argmax {cross_entropy(scores, rows.argmax(dim=1)).item():.4f}")
print(f"float  {cross_entropy(scores, rows.float()).item():.4f}")

# %% [markdown] lang="en"
# ### One dimension too many {#multi-target}
#
# A column (N, 1), as data loaders and data frames deliver it, is not the shape of the
# scores. So it counts as class numbers, of which there must be one dimension:

# %% [markdown] lang="zh"
# ### 多了一维 {#multi-target}
#
# 数据加载器和 DataFrame 常给出一列 (N, 1)。它的形状与分数不同，于是被当作类别编号，
# 而类别编号只能有一维：

# %% raises="RuntimeError: 0D or 1D target tensor expected, multi-target not supported"
column = labels.unsqueeze(1)  # (N, 1)
cross_entropy(scores, column)

# %% [markdown] lang="en"
# Take that dimension away. Rows of another width than the scores raise the same message:
# then the network has the wrong number of outputs. For images it reads otherwise:

# %% [markdown] lang="zh"
# 去掉这一维。每行的宽度与分数不同，也报这一句，那是网络的输出个数不对。
# 换成图像，报错的说法又不一样：

# %%
print(f"squeeze(1) {cross_entropy(scores, column.squeeze(1)).item():.4f}")
image = torch.zeros(2, 3, 4, 4)  # (N, K, height, width)
mask = torch.zeros(2, 1, 4, 4, dtype=torch.int64)  # (N, 1, height, width)
for output, target in ((scores, torch.rand(2, 4)), (image, mask)):
    try:
        cross_entropy(output, target)
    except RuntimeError as error:
        print(tuple(output.shape), tuple(target.shape), error)
print(f"squeeze(1) {cross_entropy(image, mask.squeeze(1)).item():.4f}")

# %% [markdown] lang="en"
# ### A label outside 0 … K - 1 {#out-of-bounds}
#
# Three classes, numbered from 1:

# %% [markdown] lang="zh"
# ### 标签不在 0 到 K - 1 之间 {#out-of-bounds}
#
# 三个类别，编号从 1 开始：

# %% raises="IndexError: Target 3 is out of bounds."
from_one = torch.tensor([1, 3])  # (N,)
cross_entropy(scores, from_one)

# %% [markdown] lang="en"
# Print smallest and largest label and the width of the scores. If labels start at 1,
# subtract 1; if there are more classes, widen the last layer. A value that means "no
# label", such as 255 around segmented objects, goes into `ignore_index`:

# %% [markdown] lang="zh"
# 打印最小和最大的标签，再看分数有多宽。编号从 1 开始就减 1；类别确实更多，就加宽最后一层。
# 有的值表示“没有标签”，例如分割标注里物体边缘的 255，交给 `ignore_index`：

# %%
print(f"labels {from_one.min()} to {from_one.max()}, K = {scores.shape[1]}")
print(f"minus 1          {cross_entropy(scores, from_one - 1).item():.4f}")
edge = torch.tensor([0, 255])  # (N,)
print(f"ignore_index=255 {cross_entropy(scores, edge, ignore_index=255).item():.4f}")
print(f"first row alone  {cross_entropy(scores[:1], edge[:1]).item():.4f}")

# %% [markdown] lang="en"
# A network with one output for two classes raises it as well: K is 1, and only label 0 is
# left. Two outputs, or one output and
# [`BCEWithLogitsLoss`][torch.nn.BCEWithLogitsLoss]:

# %% [markdown] lang="zh"
# 两个类别却只有一个输出，也报这一句：K 是 1，只剩标签 0 合法。要么用两个输出，
# 要么用一个输出加 [`BCEWithLogitsLoss`][torch.nn.BCEWithLogitsLoss]：

# %%
from torch.nn.functional import binary_cross_entropy_with_logits

one_output = torch.tensor([[-1.0], [2.0]])  # (N, 1)
answers = torch.tensor([0, 1])  # (N,)
try:
    cross_entropy(one_output, answers)
except IndexError as error:
    print(error)
loss = binary_cross_entropy_with_logits(one_output.squeeze(1), answers.float())
two_outputs = torch.cat([torch.zeros(2, 1), one_output], dim=1)  # (N, 2)
print(f"{loss.item():.4f} = {cross_entropy(two_outputs, answers).item():.4f}")

# %% [markdown] lang="en"
# ### Scores and target count samples differently {#batch-mismatch}
#
# Two samples of eight features; `view` with a wrong number makes four rows of them:

# %% [markdown] lang="zh"
# ### 分数和目标的样本数不同 {#batch-mismatch}
#
# 两个样本，各八个特征；`view` 里的数写错，成了四行：

# %% raises="ValueError: Expected input batch_size (4) to match target batch_size (2)."
torch.manual_seed(0)
features = torch.randn(2, 2, 2, 2)  # (N, channels, height, width)
narrow = torch.nn.Linear(4, 3)
cross_entropy(narrow(features.view(-1, 4)), labels)

# %% [markdown] lang="en"
# `flatten(1)` keeps the samples apart whatever the size of the image, and the layer must
# fit what is left. A wrong number then raises [in the layer](matmul-shapes.py) instead.

# %% [markdown] lang="zh"
# 不管图像多大，`flatten(1)` 都不会把样本拆开，线性层要与余下的维度相配。这样，
# 数写错时会[在那一层](matmul-shapes.py)报错。

# %%
flat = features.flatten(1)  # (N, D)
wide = torch.nn.Linear(8, 3)
print(tuple(flat.shape), "->", tuple(wide(flat).shape))
cross_entropy(wide(flat), labels).backward()
print("gradient", tuple(wide.weight.grad.shape))

# %% [markdown] lang="en"
# ## Advice that does not work {#advice}
#
# ### "Add .long()" {#advice-long}
#
# Three samples, two classes, the target is the probability of class 1. The scores are
# nearly right. Sign of the gradient at class 1: minus raises its score, plus lowers it.

# %% [markdown] lang="zh"
# ## 不管用的建议 {#advice}
#
# ### “加上 .long()” {#advice-long}
#
# 三个样本，两个类别，目标是第 1 类的概率，分数已经差不多对了。
# 看第 1 类的梯度：负号会抬高它的分数，正号会压低它的分数。

# %%
pairs = torch.tensor([[0.0, 2.0], [0.0, 1.0], [2.0, 0.0]], requires_grad=True)
ill = torch.tensor([0.9, 0.8, 0.1])  # (N,)
wrong = cross_entropy(pairs, ill.long())
right = cross_entropy(pairs, torch.stack([1 - ill, ill], dim=1))
print("target.long()", ill.long().tolist())
for name, loss in {"long() ": wrong, "(N, K) ": right}.items():
    (gradient,) = torch.autograd.grad(loss, pairs)
    print(name, f"loss {loss.item():.4f}  gradient at class 1", end="")
    print("".join(f"{value:9.4f}" for value in gradient[:, 1].tolist()))

# %% [markdown] lang="en"
# On probabilities of shape (N, K), `.long()` leads to the [one-hot](#one-hot) message, and
# what helps there goes wrong on zeros: with `float` loss and gradient are zero, with
# `argmax` every sample is class 0:

# %% [markdown] lang="zh"
# 概率的形状是 (N, K) 时，`.long()` 引出 [one-hot](#one-hot) 那条报错，而那里的办法对全零
# 都会出错：用 `float`，损失和梯度都是零；用 `argmax`，样本全成了第 0 类：

# %%
soft = torch.tensor([[0.1, 0.9], [0.2, 0.8], [0.9, 0.1]])  # (N, K)
try:
    cross_entropy(pairs, soft.long())
except RuntimeError as error:
    print(error)
loss = cross_entropy(pairs, soft.long().float())
(gradient,) = torch.autograd.grad(loss, pairs)
print(f"as float   loss {abs(loss.item()):.4f}  gradient {gradient.abs().max():.4f}")
print("as argmax ", soft.long().argmax(1).tolist(), "not", soft.argmax(1).tolist())

# %% [markdown] lang="en"
# A mask divided by 255, as `ToTensor` does, loses its classes in the same way. Read it
# without the division, or undo it:

# %% [markdown] lang="zh"
# 除以 255 的掩码也这样丢掉类别，`ToTensor` 就会除以 255。读取时别除，或者乘回来：

# %%
mask = torch.tensor([0, 1, 2], dtype=torch.uint8) / 255
print("long()           ", mask.long().tolist())
print("undo the division", (mask * 255).round().long().tolist())

# %% [markdown] lang="en"
# ### "Add .float()" {#advice-float}
#
# It silences the [one-hot](#one-hot) message, but a row that sums to 2 is no distribution:
# two labels are right here, the scores say so as clearly as they can, and the loss stays
# at $2 \ln 2$. Several labels per sample need a yes or no for each:

# %% [markdown] lang="zh"
# ### “加上 .float()” {#advice-float}
#
# 它能消掉 [one-hot](#one-hot) 的报错，可是和为 2 的一行不是概率分布：这里有两个标签成立，
# 分数已经说得再清楚不过，损失却停在 $2 \ln 2$。一个样本有多个标签，
# 就要对每个标签单独判断是或否：

# %%
sure = torch.tensor([[20.0, 20.0, -20.0]])  # (N, K)
several = torch.tensor([[1, 1, 0]])  # (N, K)
print(f"cross_entropy {cross_entropy(sure, several.float()).item():.4f}")
loss = binary_cross_entropy_with_logits(sure, several.float())
print(f"binary        {loss.item():.4f}")

# %% [markdown] lang="en"
# ### "Clamp the labels" {#advice-clamp}
#
# Against `out of bounds`, with labels from 1 to 3: `clamp` merges two classes and shifts
# the others, `ignore_index=3` drops every sample of the last class. Three samples, all
# scored rightly:

# %% [markdown] lang="zh"
# ### “把标签截断” {#advice-clamp}
#
# 针对 `out of bounds`，标签从 1 到 3：`clamp` 把两个类别并在一起，其余的错位；
# `ignore_index=3` 丢掉最后一类的全部样本。三个样本，分数都打对了：

# %%
good = 4 * torch.eye(3)  # (N, K)
from_one = torch.tensor([1, 2, 3])  # (N,)
ignoring = cross_entropy(good, from_one, ignore_index=3)
print(f"clamp(max=2)   {cross_entropy(good, from_one.clamp(max=2)).item():.4f}")
print(f"ignore_index=3 {ignoring.item():.4f}")
print(f"minus 1        {cross_entropy(good, from_one - 1).item():.4f}")

# %% [markdown] lang="en"
# ### "Cut to the same length" {#advice-cut}
#
# Against `batch_size`: of the four rows [above](#batch-mismatch), the first two both come
# from the first sample. The second label meets the wrong sample, the second sample gets
# no gradient:

# %% [markdown] lang="zh"
# ### “截成一样长” {#advice-cut}
#
# 针对 `batch_size`：[上面](#batch-mismatch)的四行里，前两行都来自第一个样本。
# 第二个标签配错了样本，第二个样本得不到梯度：

# %%
features.requires_grad_()
for name, output in {
    "cut": narrow(features.view(-1, 4))[:2],
    "flatten": wide(features.flatten(1)),
}.items():
    (gradient,) = torch.autograd.grad(cross_entropy(output, labels), features)
    reached = [bool(sample.abs().sum() > 0) for sample in gradient]
    print(f"{name:<8}gradient reaches the samples: {reached}")

# %% [markdown] lang="en"
# ### "Add .squeeze()" {#advice-squeeze}
#
# It removes every dimension of length one. In a last batch of one sample that is also
# the batch, and the [next message](#batch-mismatch) comes. Say which one: `squeeze(1)`.

# %% [markdown] lang="zh"
# ### “加上 .squeeze()” {#advice-squeeze}
#
# 它会去掉所有长度为一的维度。最后一批只有一个样本时，批次维也没了，于是换成
# [另一条报错](#batch-mismatch)。写明是哪一维：`squeeze(1)`。

# %%
last = torch.tensor([[2]])  # (1, 1)
try:
    cross_entropy(scores[1:], last.squeeze())
except ValueError as error:
    print("squeeze() ", error)
print(f"squeeze(1) {cross_entropy(scores[1:], last.squeeze(1)).item():.4f}")

# %% [markdown] lang="en"
# ## Looks like it, is not {#looks-like}
#
# Recurrent networks and transformers return scores (N, L, K) for sequences of length L,
# and cross entropy wants the classes second. The loss that does want floats is the
# binary one, and its message is about the result:

# %% [markdown] lang="zh"
# ## 看着像，其实不是 {#looks-like}
#
# 长度为 L 的序列，分数是 (N, L, K)，循环网络和 Transformer 都这样输出，而交叉熵要求类别在第二维。
# 真正要浮点数目标的是二元交叉熵，它的报错说的是运算结果的类型：

# %%
words = torch.zeros(2, 5, 4)  # (N, L, K)
tokens = torch.zeros(2, 5, dtype=torch.int64)  # (N, L)
for call in (
    lambda: cross_entropy(words, tokens),
    lambda: binary_cross_entropy_with_logits(torch.zeros(2), torch.tensor([0, 1])),
):
    try:
        call()
    except RuntimeError as error:
        print(error)
print(f"transpose(1, 2) {cross_entropy(words.transpose(1, 2), tokens).item():.4f}")

# %% [markdown] lang="en"
# Worse is what raises nothing. One output and a float column have the same shape, so the
# column counts as probabilities of a single class. Softmax over one class is 1, so the
# loss is always zero and nothing is learned:

# %% [markdown] lang="zh"
# 更糟的是不报错的。一个输出配一列浮点数，形状相同，于是这一列被当作唯一一个类别的概率。
# 只有一个类别时 softmax 恒为 1，损失永远是零，什么也学不到：

# %%
output = one_output.clone().requires_grad_()
loss = cross_entropy(output, answers.float().unsqueeze(1))
loss.backward()
print(f"loss {abs(loss.item()):.4f}  gradient {output.grad.abs().max().item():.4f}")

# %% [markdown] lang="en"
# On a GPU a label out of bounds does not raise where it happens. It prints the line below
# (quoted, *not run here*), and a later call fails with `CUDA error: device-side assert
# triggered`. Run one batch on the CPU: there the message names the label.

# %% [markdown] lang="zh"
# 在 GPU 上，标签越界不会当场抛异常：先打印下面这一行（引用，*未在此运行*），随后某个调用才以
# `CUDA error: device-side assert triggered` 失败。拿一个批次到 CPU 上跑，
# 报错就会说出是哪个标签。

# %% [markdown] lang="en"
# Quoted:
#
# ```text
# Assertion `t >= 0 && t < n_classes` failed.
# ```

# %% [markdown] lang="zh"
# 引用：
#
# ```text
# Assertion `t >= 0 && t < n_classes` failed.
# ```

# %% [markdown] lang="en"
# Older versions of PyTorch write `Expected object of scalar type Long but got scalar type
# Float` or `expected scalar type Long but found Float`. Other functions that want integer
# indices said the same; look at the line of the traceback.

# %% [markdown] lang="zh"
# 旧版 PyTorch 写的是 `Expected object of scalar type Long but got scalar type Float`，或者
# `expected scalar type Long but found Float`。别的要整数下标的函数当时也这么报，
# 要看 traceback 停在哪一行。

# %% [markdown] lang="en"
# ## Read on {#read-on}
#
# - [Silent bugs](silent-bugs.py#softmax): softmax before cross entropy
# - [Advice, tested](advice.py) · [CUDA errors](index.md#cuda)
# - [Padding and the mean: targets of -100](../autograd/accumulation.py#exercises)
# - PyTorch: [`cross_entropy`][torch.nn.functional.cross_entropy], shapes included

# %% [markdown] lang="zh"
# ## 延伸阅读 {#read-on}
#
# - [没有报错的错误](silent-bugs.py#softmax)：交叉熵之前多做一次 softmax
# - [常见建议，逐条实测](advice.py) · [CUDA 报错](index.md#cuda)
# - [补齐与求平均：值为 -100 的目标](../autograd/accumulation.py#exercises)
# - PyTorch：[`cross_entropy`][torch.nn.functional.cross_entropy]，附各种形状的说明
