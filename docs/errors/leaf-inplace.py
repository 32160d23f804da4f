# %% [markdown] lang="en"
# # a leaf Variable that requires grad is being used in an in-place operation {#leaf-inplace}
#
# A weight was written to while autograd was recording. Replace `-=` by `w = w - …` and
# the message is gone, but the next line finds no gradient. In a loop over
# `net.parameters()` nothing raises any more, and the weights move by
# `{python} f"{moved:.1f}"`.

# %% [markdown] lang="zh"
# # a leaf Variable that requires grad is being used in an in-place operation {#leaf-inplace}
#
# 在自动求导记录的时候改写了权重。把 `-=` 换成 `w = w - …`，报错是没了，下一行却找不到梯度；
# 要是在 `net.parameters()` 的循环里这样写，什么都不报错，
# 而权重移动了 `{python} f"{moved:.1f}"`。

# %% raises="RuntimeError: a leaf Variable that requires grad is being used in an in-place operation."
import torch

x = torch.tensor([1.0, 2.0, 3.0])  # (N,)
y = 2 * x
w = torch.tensor(1.0, requires_grad=True)
loss = ((w * x - y) ** 2).mean()
loss.backward()
w -= 0.1 * w.grad

# %% [markdown] lang="en"
# ## Why {#why}
#
# `backward()` fills the `.grad` of leaves: tensors that no recorded operation made. A
# recorded write would make `w` the result of a subtraction, a leaf no more, and its
# `.grad` would stay empty from then on. So torch refuses at the write, not in `backward`.
# A tensor without the flag is let through, and this is what becomes of it:

# %% [markdown] lang="zh"
# ## 原因 {#why}
#
# `backward()` 只填叶子张量的 `.grad`，叶子就是不由任何有记录的运算产生的张量。写入一旦被
# 记录，`w` 就成了减法的结果，不再是叶子，此后它的 `.grad` 就一直是空的。所以 torch 在写入
# 的当场就拒绝，不等到 `backward`。没有标志的张量则会放行，结果就是这样：

# %%
plain = torch.zeros(3)
print("before  is_leaf", plain.is_leaf)
plain += w * x
print("after   is_leaf", plain.is_leaf, "", plain.grad_fn.name())

# %% [markdown] lang="en"
# ## Fix {#fix}
#
# An update is not a part of the function, so do not record it. `w` stays the same tensor
# and a leaf:

# %% [markdown] lang="zh"
# ## 解决 {#fix}
#
# 更新不是函数的一部分，不要记录它。`w` 还是原来的张量，仍然是叶子：

# %%
by_hand = 1.0 - 0.1 * (2 * (1.0 * x - y) * x).mean()
with torch.no_grad():
    w -= 0.1 * w.grad
w.grad = None
print(f"w {w.item():.4f}  by hand {by_hand.item():.4f}")
print("is_leaf", w.is_leaf, " requires_grad", w.requires_grad)

# %% [markdown] lang="en"
# If the change does belong to the function, say a mask on an input whose gradient you
# want, compute it out of place. An in-place layer on such an input is refused as well:

# %% [markdown] lang="zh"
# 如果改动确实是函数的一部分，比如要对输入求梯度，又要给它加掩码，就不要原地做。
# 直接作用于这种输入的原地层同样会被拒绝：

# %%
image = torch.tensor([-1.0, 2.0], requires_grad=True)
writes = {
    "image[image < 0] = 0": lambda: image.__setitem__(image < 0, 0.0),
    "ReLU(inplace=True)(image)": lambda: torch.nn.ReLU(inplace=True)(image),
}
for name, write in writes.items():
    try:
        write()
    except RuntimeError as error:
        print(f"{name}\n    {error}")
image.masked_fill(image < 0, 0.0).square().sum().backward()
print("masked_fill  gradient", image.grad.tolist())

# %% [markdown] lang="en"
# ## Which one is yours? {#causes}
#
# - [Manual update](#manual-update): `w -= lr * w.grad` in your own training step.
# - [Initialisation](#init-code): `fill_`, `zero_`, `uniform_`, `copy_` on a weight.
# - [View of a leaf](#view-of-leaf): a row, a slice or a `view` of a weight is written,
#   and the message begins with `a view of a leaf Variable`.

# %% [markdown] lang="zh"
# ## 你属于哪一种？ {#causes}
#
# - [手动更新](#manual-update)：自己写的训练步骤里有 `w -= lr * w.grad`。
# - [初始化](#init-code)：对权重调用 `fill_`、`zero_`、`uniform_`、`copy_`。
# - [叶子的视图](#view-of-leaf)：写的是权重的一行、一个切片或一个 `view`，
#   报错以 `a view of a leaf Variable` 开头。

# %% [markdown] lang="en"
# ### A manual update {#manual-update}
#
# The program at the top is this case ([why](#why), [fix](#fix)). With a network it is
# the loop over its parameters:

# %% [markdown] lang="zh"
# ### 手动更新 {#manual-update}
#
# 页首的程序就是这一种（[原因](#why)、[解决](#fix)）。换成网络，就是遍历参数的循环：

# %% raises="RuntimeError: a leaf Variable that requires grad is being used in an in-place operation."
from torch import nn


def loss_of(net):
    return nn.functional.mse_loss(net(x.unsqueeze(1)), y.unsqueeze(1))


torch.manual_seed(0)
net = nn.Linear(1, 1)
loss_of(net).backward()
for parameter in net.parameters():
    parameter -= 0.1 * parameter.grad

# %% [markdown] lang="en"
# Under `no_grad` the loop does what an optimizer does:

# %% [markdown] lang="zh"
# 放进 `no_grad`，这个循环做的就与优化器相同：

# %%
from copy import deepcopy

twin = deepcopy(net)
optimizer = torch.optim.SGD(twin.parameters(), lr=0.1)
loss_of(twin).backward()
optimizer.step()
with torch.no_grad():
    for parameter in net.parameters():
        parameter -= 0.1 * parameter.grad
for (name, ours), theirs in zip(net.named_parameters(), twin.parameters(), strict=True):
    print(f"{name:<6} by hand {ours.item():.4f}  SGD {theirs.item():.4f}")

# %% [markdown] lang="en"
# ### Code that initialises weights {#init-code}
#
# `fill_` and its kin, with the underscore at the end, write in place:

# %% [markdown] lang="zh"
# ### 初始化权重的代码 {#init-code}
#
# `fill_` 这类名字以下划线结尾的方法，都是原地写入：

# %% raises="RuntimeError: a leaf Variable that requires grad is being used in an in-place operation."
layer = nn.Linear(2, 2)
layer.weight.fill_(0.5)

# %% [markdown] lang="en"
# The functions of [`torch.nn.init`][] turn recording off themselves. For the rest,
# `no_grad`:

# %% [markdown] lang="zh"
# [`torch.nn.init`][] 里的函数自己会关掉记录。其余的放进 `no_grad`：

# %%
nn.init.constant_(layer.weight, 0.5)
with torch.no_grad():
    layer.bias.copy_(torch.tensor([1.0, 2.0]))
print(layer.weight.tolist(), layer.bias.tolist())
print("is_leaf", layer.weight.is_leaf, layer.bias.is_leaf)

# %% [markdown] lang="en"
# ### A view of a leaf {#view-of-leaf}
#
# A row or a slice shares the memory of the weight, and so does `view`. Typical are the
# biases of a detection head, a row of an embedding, a table of positions:

# %% [markdown] lang="zh"
# ### 叶子的视图 {#view-of-leaf}
#
# 一行、一个切片、一个 `view` 都与权重共用内存。典型的例子：检测头的偏置、
# 词嵌入的一行、位置编码表：

# %% raises="RuntimeError: a view of a leaf Variable that requires grad is being used in an in-place operation."
head = nn.Linear(8, 6)
nn.init.zeros_(head.bias)
bias = head.bias.view(3, 2)
bias[:, 1] += 4.5

# %% [markdown] lang="en"
# Put the write under `no_grad`; it goes through the view into the weight:

# %% [markdown] lang="zh"
# 把写入放进 `no_grad`，它会穿过视图写进权重：

# %%
with torch.no_grad():
    bias[:, 1] += 4.5
print(head.bias.tolist())

# %% [markdown] lang="en"
# A view *made* and written under `no_grad` must not be used after the block. Wrapped as a
# parameter, say, it raises, and the message blames a write with grad mode enabled,
# although the write was under `no_grad`. After the block use the weight itself:

# %% [markdown] lang="zh"
# 在代码块里*创建*并写过的视图，只能在块里用。出了代码块再用，比如接着把它包装成参数，
# 就会报错；报错说是在梯度模式打开时写入的，其实写入就在 `no_grad` 里。
# 到了外面，用权重本身：

# %%
with torch.no_grad():
    inner = head.bias.view(3, 2)
    inner[:, 1] += 4.5
try:
    nn.Parameter(inner.view(-1))
except RuntimeError as error:
    print(str(error).split(". ")[0])
print(head.bias.tolist())

# %% [markdown] lang="en"
# ## Advice that does not work {#advice}
#
# ### "Write w = w - lr * w.grad" {#advice-rebind}
#
# That makes a new tensor, which is no leaf and has no `.grad`:

# %% [markdown] lang="zh"
# ## 不管用的建议 {#advice}
#
# ### “写成 w = w - lr * w.grad” {#advice-rebind}
#
# 这会造出一个新张量，它不是叶子，也没有 `.grad`：

# %% raises="AttributeError: 'NoneType' object has no attribute 'zero_'"
import warnings

loss = ((w * x - y) ** 2).mean()
loss.backward()
w = w - 0.1 * w.grad
print("is_leaf", w.is_leaf)
with warnings.catch_warnings(record=True) as seen:
    warnings.simplefilter("always")
    w.grad.zero_()

# %% [markdown] lang="en"
# Just before, torch had warned:

# %% [markdown] lang="zh"
# 就在这之前，torch 警告过：

# %%
print(str(seen[0].message).split(". ")[0])

# %% [markdown] lang="en"
# In a loop over parameters the new tensor only takes the name of the loop variable. No
# error, no warning, and the network is as it was:

# %% [markdown] lang="zh"
# 在遍历参数的循环里，新张量只是占用了循环变量的名字。没有报错，没有警告，网络原封不动：

# %%
before = [parameter.detach().clone() for parameter in net.parameters()]
for parameter in net.parameters():
    parameter = parameter - 0.1 * parameter.grad
after = list(net.parameters())
moved = max((new - old).abs().item() for new, old in zip(after, before, strict=True))
print(f"moved {moved}  gradient {net.weight.grad.item():.4f}")

# %% [markdown] lang="en"
# With `no_grad` around it, `w` comes out without the flag, and the next `backward()`
# [has nothing to walk](does-not-require-grad.py#rebound).

# %% [markdown] lang="zh"
# 如果外面套着 `no_grad`，得到的 `w` 就没有标志，下一次 `backward()`
# [无路可走](does-not-require-grad.py#rebound)。

# %% [markdown] lang="en"
# ### "Use .data" {#advice-data}
#
# For the update alone it gives the same number. But it writes past the
# [version counter](../autograd/inplace.py#version): if the graph still needs the old
# value, `no_grad` raises and `.data` gives a wrong gradient. By hand, for $(w^2 - 4)^2$:

# %% [markdown] lang="zh"
# ### “用 .data” {#advice-data}
#
# 单看更新，得到的数相同。但它绕过[版本计数器](../autograd/inplace.py#version)写入：
# 如果计算图还要用旧值，`no_grad` 会报错，`.data` 则给出错误的梯度。
# 以 $(w^2 - 4)^2$ 为例，与手算对照：

# %%
for way in ("no_grad", ".data"):
    w = torch.tensor(1.0, requires_grad=True)
    loss = (w**2 - 4) ** 2
    with torch.no_grad():
        target = w.data if way == ".data" else w
        target -= 0.5
    try:
        loss.backward()
        print(f"{way:<8} w {w.item()}  gradient {w.grad.item():.0f}")
    except RuntimeError as error:
        print(f"{way:<8} w {w.item()}  {str(error).split(': ')[0]}")
print(f"by hand  w {1.0 - 0.5}  gradient {2 * (1.0**2 - 4) * 2 * 1.0:.0f}")

# %% [markdown] lang="en"
# ### "Clone it first" {#advice-clone}
#
# The clone is changed and the weight is not. Put in its place, it is refused:

# %% [markdown] lang="zh"
# ### “先 clone 一份” {#advice-clone}
#
# 改的是那份拷贝，权重没变。把它放回原处，又会被拒绝：

# %%
copied = head.bias.clone()
copied.view(3, 2)[:, 0] += 1.0
print("clone ", copied.tolist())
print("weight", head.bias.tolist())
try:
    head.bias = copied
except TypeError as error:
    print(error)

# %% [markdown] lang="en"
# ## Looks like it, is not {#looks-like}
#
# A tensor that *was* computed may be written to; if something had saved it,
# [`backward()` raises](modified-by-inplace.py), and not the write. Functions that return
# several views, `out=` and optimizers have words of their own:

# %% [markdown] lang="zh"
# ## 看着像，其实不是 {#looks-like}
#
# 算出来的张量可以写；要是有谁保存过它，报错的是
# [`backward()`](modified-by-inplace.py)，不是写入。一次返回多个视图的函数、`out=`、
# 优化器，各有各的报错：

# %%
table = torch.zeros(2, 2, requires_grad=True)
calls = {
    "chunk": lambda: table.chunk(2)[0].add_(1),
    "for row in table": lambda: next(iter(table)).add_(1),
    "out=table": lambda: torch.add(table, 1, out=table),
    "SGD([2 * table])": lambda: torch.optim.SGD([2 * table]),
}
for name, call in calls.items():
    try:
        call()
    except (RuntimeError, ValueError) as error:
        print(f"{name}\n    {str(error).split('. This')[0]}")

# %% [markdown] lang="en"
# ## Read on {#read-on}
#
# - [The loop today](../descent/autograd.py#today): update, then `grad = None`
# - [When in-place operations break backward](../autograd/inplace.py#rule)
# - PyTorch: [in-place operations with
#   autograd](https://docs.pytorch.org/docs/stable/notes/autograd.html#in-place-operations-with-autograd)

# %% [markdown] lang="zh"
# ## 延伸阅读 {#read-on}
#
# - [今天的循环](../descent/autograd.py#today)：先更新，再 `grad = None`
# - [原地操作何时会破坏反向传播](../autograd/inplace.py#rule)
# - PyTorch：[原地操作与自动
#   求导](https://docs.pytorch.org/docs/stable/notes/autograd.html#in-place-operations-with-autograd)
