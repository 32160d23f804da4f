# %% [markdown] lang="en"
# # Can't call numpy() on Tensor that requires grad {#numpy-requires-grad}
#
# You gave NumPy or matplotlib a tensor that a gradient can flow through. The remedy in
# the message is right, but it copies nothing: one write into the array, and a gradient
# of `{python} f"{right:.0f}"` comes out as `{python} f"{wrong:.0f}"`, without an error.

# %% [markdown] lang="zh"
# # Can't call numpy() on Tensor that requires grad {#numpy-requires-grad}
#
# 你把一个还要回传梯度的张量交给了 NumPy 或 matplotlib。报错里给的办法没错，但它什么也
# 不复制：往数组里写一个数，本该是 `{python} f"{right:.0f}"` 的梯度就成了 `{python} f"{wrong:.0f}"`，
# 而且不报错。

# %% raises="RuntimeError: Can't call numpy() on Tensor that requires grad"
import torch

w = torch.tensor([2.0, 3.0], requires_grad=True)
h = w * w
h.numpy()

# %% [markdown] lang="en"
# ## Why {#why}
#
# An array has no graph: what NumPy computes with it has no gradient. PyTorch refuses
# rather than drop the graph unasked, and wants you to say it. The check looks at two
# things only, the tensor's `requires_grad` and whether gradients are being recorded:

# %% [markdown] lang="zh"
# ## 原因 {#why}
#
# 数组没有计算图，NumPy 用它算出来的东西也就没有梯度。PyTorch 不会悄悄丢掉计算图，而是
# 拒绝转换，要你自己写明。它只看两件事：张量的 `requires_grad`，以及此刻是否在记录梯度：

# %%
with torch.no_grad():
    print(h.requires_grad, h.numpy())

# %% [markdown] lang="en"
# ## Fix {#fix}
#
# `detach()` leaves the graph, `cpu()` leaves the GPU (on the CPU it does nothing),
# `copy()` makes the array your own. Without `copy()` you may read it; write into it,
# and you [write into the tensor](#advice-copy).

# %% [markdown] lang="zh"
# ## 解决 {#fix}
#
# `detach()` 离开计算图，`cpu()` 离开 GPU（本来就在 CPU 上时什么也不做），`copy()` 让数组
# 归你所有。没有 `copy()` 就只应读；往里写，就是[写进那个张量](#advice-copy)。

# %%
import numpy as np

memory = h.detach().numpy()
ways = {
    "h.detach().cpu().numpy()": h.detach().cpu().numpy(),
    "h.numpy(force=True)": h.numpy(force=True),
    "h.detach().cpu().numpy().copy()": h.detach().cpu().numpy().copy(),
}
for way, array in ways.items():
    print(f"{way:<33}{array}  shared: {np.shares_memory(array, memory)}")

# %% [markdown] lang="en"
# `numpy(force=True)` is the first two calls in one, for any device. It copies only if
# the tensor was elsewhere. For one number, `item()` needs none of this, and `tolist()`
# gives Python numbers:

# %% [markdown] lang="zh"
# `numpy(force=True)` 是前两步合成一步，任何设备都能用；张量本来就在 CPU 上时，它也不复制。
# 只要一个数，用 `item()` 就行，上面的都不需要；`tolist()` 得到的是 Python 的数：

# %%
print(h.sum().item(), h.tolist())

# %% [markdown] lang="en"
# ## Which one is yours? {#causes}
#
# - [A curve or a list of losses](#plotting): `plot`, `np.array` or a metric got the
#   tensor, and called `numpy()` for you.
# - [A tensor on a GPU](#on-device): after the complaint about the device you added
#   `.cpu()`, and now this one comes.

# %% [markdown] lang="zh"
# ## 你属于哪一种？ {#causes}
#
# - [画曲线，或者一串损失](#plotting)：`plot`、`np.array` 或某个评价指标收到了张量，
#   替你调用了 `numpy()`。
# - [GPU 上的张量](#on-device)：先报设备不对，加上 `.cpu()` 之后，就轮到这个错误。

# %% [markdown] lang="en"
# ### Plots and metrics {#plotting}
#
# Your code need not say `numpy()` anywhere. matplotlib does when it is given a tensor,
# and a model's output requires grad because its weights do.

# %% [markdown] lang="zh"
# ### 画图和指标 {#plotting}
#
# 你的代码里不必出现 `numpy()`：matplotlib 收到张量时会自己调用。模型的输出之所以需要
# 梯度，是因为它的权重需要。

# %% raises="RuntimeError: Can't call numpy() on Tensor that requires grad"
import matplotlib.pyplot as plt

x = torch.linspace(-1, 1, 21)
curve = w[0] * x**2 + w[1] * x
plt.Figure().subplots().plot(x, curve)

# %% [markdown] lang="en"
# A plot only reads, so `detach()` is enough:

# %% [markdown] lang="zh"
# 画图只是读，`detach()` 就够了：

# %%
plt.figure(figsize=(6.4, 2.4))
plt.plot(x, curve.detach())
plt.xlabel("x")
plt.ylabel("2 x² + 3 x")

# %% [markdown] lang="en" tags=["caption"]
# The curve, drawn after `detach()`: it falls a little from x = -1 to a flat minimum,
# and then rises to 5 at x = 1.

# %% [markdown] lang="zh" tags=["caption"]
# 加上 `detach()` 之后画出的曲线：从 x = -1 起略微下降，到达平缓的最低点，再升到 x = 1 处的 5。

# %% [markdown] lang="en"
# The losses of a training loop, collected and handed over at the end:

# %% [markdown] lang="zh"
# 训练循环里把损失收集起来，最后一起交出去：

# %% raises="RuntimeError: Can't call numpy() on Tensor that requires grad"
losses = [((scale * w - 1) ** 2).mean() for scale in (1.0, 0.5, 0.4)]
np.array(losses)

# %% [markdown] lang="en"
# Collect numbers instead. A list of such tensors also keeps every step's graph alive:

# %% [markdown] lang="zh"
# 应当收集数字。这样的张量攒成列表，还会让每一步的计算图都留在内存里：

# %%
print("graphs kept:", sum(loss.grad_fn is not None for loss in losses))
numbers = [loss.item() for loss in losses]
print(np.array(numbers).round(4))

# %% [markdown] lang="en"
# ### On a device {#on-device}
#
# The device comes first. On a GPU it says this (*not run here*: there is no GPU):
#
# ```text
# TypeError: can't convert cuda:0 device type tensor to numpy.
# ```

# %% [markdown] lang="zh"
# ### 在别的设备上 {#on-device}
#
# 先检查设备。在 GPU 上先看到的是这一条（这里没有 GPU，*没有运行*）：
#
# ```text
# TypeError: can't convert cuda:0 device type tensor to numpy.
# ```

# %% [markdown] lang="en"
# and goes on to ask for `Tensor.cpu()`, not a word about the gradient. The device `meta`,
# which holds shapes without numbers, shows the same order without a GPU:

# %% [markdown] lang="zh"
# 后面接着让你用 `Tensor.cpu()`，只字不提梯度。设备 `meta` 上的张量只有形状、没有数，
# 不用 GPU 也能看到同样的先后：

# %% raises="TypeError: can't convert meta device type tensor to numpy"
torch.ones(2, device="meta", requires_grad=True).numpy()

# %% [markdown] lang="en"
# Do as it says, and the copy on the CPU is still part of the graph. This half does run
# here:

# %% [markdown] lang="zh"
# 照它说的做，CPU 上的副本仍然连着计算图。这一半在这里可以运行：

# %% raises="RuntimeError: Can't call numpy() on Tensor that requires grad"
h.cpu().numpy()

# %% [markdown] lang="en"
# Write both, `detach()` first, so that the copy is not recorded:

# %% [markdown] lang="zh"
# 两个都写上。先 `detach()`，复制就不会被记录：

# %%
h.detach().cpu().numpy()

# %% [markdown] lang="en"
# ## Advice that does not work {#advice}
#
# ### "detach() makes a copy" {#advice-copy}
#
# Here each way exports a weight of 2, writes 10 into the array, and then calls
# `backward` on $w^2$. The right gradient is 4.

# %% [markdown] lang="zh"
# ## 不管用的建议 {#advice}
#
# ### “detach() 会复制” {#advice-copy}
#
# 下面每种写法都把值为 2 的权重导出，往数组里写 10，再对 $w^2$ 调用 `backward`。
# 正确的梯度是 4。


# %%
def gradient(name, export):
    w = torch.tensor([2.0], requires_grad=True)
    loss = (w**2).sum()
    with torch.no_grad():
        export(w)[0] = 10
    loss.backward()
    print(f"{name:<24}weight {w.item():3.0f}   gradient {w.grad.item():3.0f}")
    return w.grad.item()


# %%
wrong = gradient("detach().numpy()", lambda w: w.detach().numpy())
gradient("data.numpy()", lambda w: w.data.numpy())
gradient("numpy(force=True)", lambda w: w.numpy(force=True))
gradient("numpy() under no_grad", lambda w: w.numpy())
right = gradient("detach().numpy().copy()", lambda w: w.detach().numpy().copy())

# %% [markdown] lang="en"
# All but the last change the weight itself, and `backward` finds 10 where it saved 2.
# A write through the tensor would be counted and caught; NumPy
# [writes past the counter](../autograd/inplace.py#version):

# %% [markdown] lang="zh"
# 除了最后一种，改掉的都是权重本身：`backward` 存下的是 2，读到的却是 10。经由张量的写入
# 会被计数、会被发现；NumPy 的写入则[绕过了计数器](../autograd/inplace.py#version)：

# %%
loss = (w**2).sum()
w.detach().numpy()[0] = 10
print("after NumPy wrote, version", w._version)
w.detach()[0] = 2
print("after the tensor was written, version", w._version)
try:
    loss.backward()
except RuntimeError as error:
    print(str(error).split(": ")[0])

# %% [markdown] lang="en"
# ### Detach in the middle of the loss {#advice-middle}
#
# `detach()` is for results. If the array goes on into the loss, the gradient ends there,
# and `backward` has [a complaint of its own](does-not-require-grad.py#cut):

# %% [markdown] lang="zh"
# ### 计算损失的中途 detach {#advice-middle}
#
# `detach()` 是给最终结果用的。如果数组还要参与计算损失，梯度就断在这里，轮到 `backward`
# [报另一个错](does-not-require-grad.py#cut)：

# %% raises="RuntimeError: element 0 of tensors does not require grad"
distance = np.square(w.detach().numpy() - 1)
torch.from_numpy(distance).sum().backward()

# %% [markdown] lang="en"
# Stay in torch until the loss is there. Most NumPy functions have a namesake in it:

# %% [markdown] lang="zh"
# 算出损失之前，一直用 torch。NumPy 的函数在这里大多有同名的：

# %%
torch.square(w - 1).sum().backward()
print(w.grad)

# %% [markdown] lang="en"
# ### requires_grad = False {#advice-flag}
#
# On a result it is refused. On a weight it is accepted, and the weight is out of the
# training from there on:

# %% [markdown] lang="zh"
# ### requires_grad = False {#advice-flag}
#
# 用在计算结果上，会被拒绝。用在权重上倒是可以，但从此这个权重就不再参加训练：

# %%
try:
    h.requires_grad_(False)
except RuntimeError as error:
    print(str(error).split(". ")[0])
frozen = torch.tensor([2.0], requires_grad=True)
other = torch.tensor([3.0], requires_grad=True)
frozen.requires_grad_(False).numpy()
(frozen * other).sum().backward()
print("gradients:", frozen.grad, other.grad)

# %% [markdown] lang="en"
# ## Looks like it, is not {#looks-like}
#
# Other reasons why `numpy()` refuses have nothing to do with gradients, and `detach()`
# changes nothing about them. The messages name the call to make first, all but the
# last: for bfloat16, a type that NumPy does not have, it is `float()`.

# %% [markdown] lang="zh"
# ## 看着像，其实不是 {#looks-like}
#
# `numpy()` 拒绝的其他理由与梯度无关，`detach()` 也帮不上忙。报错会说明该先调用什么；
# 最后一条只说 NumPy 没有 bfloat16 这种类型，要先调用 `float()`。

# %%
ones = torch.ones(2)
others = (ones.to_sparse(), ones.to(torch.complex64).conj(), ones.bfloat16())
for tensor in others:
    try:
        tensor.detach().numpy()
    except (TypeError, RuntimeError) as error:
        print(error)

# %% [markdown] lang="en"
# `float()` on such a tensor runs, but warns; `item()` does not. `copy.deepcopy` refuses
# results of an operation: take `detach().clone()`.

# %% [markdown] lang="zh"
# 对这样的张量用 `float()` 可以运行，但会有警告；`item()` 没有。`copy.deepcopy` 不接受
# 运算的结果：用 `detach().clone()`。

# %%
import copy
import warnings

with warnings.catch_warnings(record=True) as seen:
    warnings.simplefilter("always")
    print(float(h.sum()), h.sum().item())
print(*(str(warning.message).split("\n")[0] for warning in seen))
try:
    copy.deepcopy(h)
except RuntimeError as error:
    print(str(error).split("  ")[0])

# %% [markdown] lang="en"
# ## Read on {#read-on}
#
# [Who saved the tensor](../autograd/inplace.py), and [what `no_grad` stops and what it
# does not](../autograd/no-grad.py). In the PyTorch documentation:
# [`torch.Tensor.numpy`][], [`torch.Tensor.detach`][], [`torch.Tensor.item`][].

# %% [markdown] lang="zh"
# ## 延伸阅读 {#read-on}
#
# [谁保存了张量](../autograd/inplace.py)，以及 [`no_grad` 停掉了什么、没停掉什么](../autograd/no-grad.py)。
# PyTorch 文档：[`torch.Tensor.numpy`][]、[`torch.Tensor.detach`][]、[`torch.Tensor.item`][]。
