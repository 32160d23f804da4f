# %% [markdown] lang="en"
# # element 0 of tensors does not require grad and does not have a grad_fn {#does-not-require-grad}
#
# `backward()` was called on a loss that autograd has not recorded. With
# `loss.requires_grad = True` the error is gone, and so is the training: after four
# updates the loss is still `{python} f"{flagged[-1]:.4f}"`. It should be
# `{python} f"{trained[-1]:.4f}"`.

# %% [markdown] lang="zh"
# # element 0 of tensors does not require grad and does not have a grad_fn {#does-not-require-grad}
#
# 对一个没有被自动求导记录的损失调用了 `backward()`。加上 `loss.requires_grad = True`，
# 错误没了，训练也没了：更新四次之后，损失仍是 `{python} f"{flagged[-1]:.4f}"`，
# 本该是 `{python} f"{trained[-1]:.4f}"`。

# %% raises="RuntimeError: element 0 of tensors does not require grad and does not have a grad_fn"
import torch

x = torch.tensor([1.0, 2.0, 3.0])  # (N,)
y = 2 * x
w = torch.tensor(1.0)
loss = ((w * x - y) ** 2).mean()
loss.backward()

# %% [markdown] lang="en"
# ## Why {#why}
#
# An operation is recorded if one of its inputs requires grad and grad mode is on. Its
# result then has a `grad_fn`, and there `backward()` starts. This loss has none, so no
# path leads to any weight. `element 0` counts the tensors handed to `backward`, not the
# numbers in them; if two are given, it may be the second:

# %% [markdown] lang="zh"
# ## 原因 {#why}
#
# 一个运算，只有在某个输入需要梯度、并且梯度模式打开时才被记录；记录之后，结果带有
# `grad_fn`，`backward()` 从那里出发。这个损失没有 `grad_fn`，也就没有通向任何权重的路径。
# `element 0` 数的是交给 `backward` 的张量，不是张量里的数。交给它两个，出错的也可能是第二个：

# %%
recorded = torch.tensor(1.0, requires_grad=True) * 3
try:
    torch.autograd.backward([recorded, loss])
except RuntimeError as error:
    print(error)

# %% [markdown] lang="en"
# ## Fix {#fix}
#
# Find the cut. Print `requires_grad` along the way from the weights to the loss: the
# first `False` after a `True` marks the place, and if there is no `True` at all, the
# flag `requires_grad` was forgotten. Repair it there, before the forward pass:

# %% [markdown] lang="zh"
# ## 解决 {#fix}
#
# 找到断点。从权重到损失，沿途打印 `requires_grad`：`True` 之后的第一个 `False` 就是断开的
# 地方；要是一个 `True` 也没有，就是忘了设 `requires_grad`。在那里改，而且要在前向传播之前：

# %%
for name, value in {"w": w, "w * x": w * x, "loss": loss}.items():
    print(f"{name:<6} requires_grad {value.requires_grad}")
w = torch.tensor(1.0, requires_grad=True)
loss = ((w * x - y) ** 2).mean()
loss.backward()
print(f"backward {w.grad.item():.4f}")
print(f"by hand  {(2 * (1.0 * x - y) * x).mean().item():.4f}")

# %% [markdown] lang="en"
# ## Which one is yours? {#causes}
#
# - [`requires_grad` forgotten](#flag-forgotten): no weight requires grad, or all are frozen.
# - [Rebound](#rebound): the first step runs, the second raises.
# - [Cut on the way](#cut): `argmax`, `item`, `detach`, `no_grad`, LoRA with checkpointing.
# - [Second derivative](#second-order): a gradient is differentiated once more.

# %% [markdown] lang="zh"
# ## 你属于哪一种？ {#causes}
#
# - [忘了设 `requires_grad`](#flag-forgotten)：没有一个权重需要梯度，或者全被冻结了。
# - [变量被重新绑定](#rebound)：第一步能跑，第二步报错。
# - [半路被切断](#cut)：`argmax`、`item`、`detach`、`no_grad`、梯度检查点（LoRA 微调）。
# - [二阶导数](#second-order)：对梯度再求一次导。

# %% [markdown] lang="en"
# ### `requires_grad` was forgotten {#flag-forgotten}
#
# The program at the top is this case ([why](#why), [fix](#fix)). The parameters of a
# network require grad from the start; there the flag is lost when everything is frozen:

# %% [markdown] lang="zh"
# ### 忘了设 `requires_grad` {#flag-forgotten}
#
# 页首的程序就是这一种（[原因](#why)、[解决](#fix)）。网络的参数一创建就需要梯度，
# 如果不需要，那是因为全被冻结了：

# %% raises="RuntimeError: element 0 of tensors does not require grad and does not have a grad_fn"
from torch import nn

torch.manual_seed(0)
net = nn.Sequential(nn.Linear(1, 4), nn.Tanh(), nn.Linear(4, 1))
net.requires_grad_(False)
loss = nn.functional.mse_loss(net(x.unsqueeze(1)), y.unsqueeze(1))
loss.backward()

# %% [markdown] lang="en"
# Unfreeze what is to be trained. A loss computed before that stays unrecorded, so run
# forward again:

# %% [markdown] lang="zh"
# 把要训练的部分解冻。在此之前算出的损失仍然没有记录，所以要重新做一次前向传播：

# %%
net[2].requires_grad_(True)
print("computed before", loss.requires_grad)
loss = nn.functional.mse_loss(net(x.unsqueeze(1)), y.unsqueeze(1))
print("computed after ", loss.requires_grad)
loss.backward()
for name, parameter in net.named_parameters():
    print(f"{name:<9} gradient", "None" if parameter.grad is None else "there")

# %% [markdown] lang="en"
# ### The name was bound to another tensor {#rebound}
#
# `w = w - …` makes a new tensor and calls it `w`. Under `no_grad` it is not recorded and
# has no flag, so the next loss has no graph. (Without `no_grad` the next step stops at a
# gradient that [is None](grad-is-none.py#rebound-weight).)

# %% [markdown] lang="zh"
# ### 变量被重新绑定 {#rebound}
#
# `w = w - …` 造出一个新张量，再把名字 `w` 给它。在 `no_grad` 里，新张量没有记录，
# 也没有标志，于是下一步的损失没有计算图。（不用 `no_grad` 时，下一步会因为梯度
# [是 None](grad-is-none.py#rebound-weight) 而停下。）

# %% raises="RuntimeError: element 0 of tensors does not require grad and does not have a grad_fn"
w = torch.tensor(1.0, requires_grad=True)
for step in range(5):
    loss = ((w * x - y) ** 2).mean()
    print(f"step {step}  loss {loss.item():.4f}  w.requires_grad {w.requires_grad}")
    loss.backward()
    with torch.no_grad():
        w = w - 0.05 * w.grad

# %% [markdown] lang="en"
# Write into the same tensor with `-=`, and clear its gradient:

# %% [markdown] lang="zh"
# 用 `-=` 写进原来的张量，再清掉它的梯度：

# %%
w = torch.tensor(1.0, requires_grad=True)
trained = []
for _ in range(5):
    loss = ((w * x - y) ** 2).mean()
    trained.append(loss.item())
    loss.backward()
    with torch.no_grad():
        w -= 0.05 * w.grad
    w.grad = None
print("loss", *(f"{value:.4f}" for value in trained))

# %% [markdown] lang="en"
# ### Something on the way cuts the graph {#cut}
#
# The weights require grad and the loss does not. Here the error rate itself is used as
# the loss, and `argmax` returns integers, which have no derivative:

# %% [markdown] lang="zh"
# ### 半路被切断 {#cut}
#
# 权重需要梯度，损失却没有。这里直接拿错误率当损失，而 `argmax` 返回的是整数，
# 整数没有导数：

# %% raises="RuntimeError: element 0 of tensors does not require grad and does not have a grad_fn"
scores = torch.tensor([[2.0, 1.0], [0.5, 1.5], [1.0, 3.0]], requires_grad=True)
labels = torch.tensor([0, 0, 1])  # (N,)
error_rate = (scores.argmax(dim=1) != labels).float().mean()
error_rate.backward()

# %% [markdown] lang="en"
# Train on a loss of the scores themselves, and keep the error rate for the log:

# %% [markdown] lang="zh"
# 训练用由分数直接算出的损失，错误率只用来打印：

# %%
loss = nn.functional.cross_entropy(scores, labels)
loss.backward()
print(f"error rate {error_rate.item():.4f}  loss {loss.item():.4f}")
print(scores.grad)

# %% [markdown] lang="en"
# The usual cuts, each applied to the same recorded tensor:

# %% [markdown] lang="zh"
# 常见的断点，逐个用在同一个有记录的张量上：

# %%
h = 2 * scores  # (N, K)
cuts = {"h.argmax(dim=1)": h.argmax(dim=1), "h > 0": h > 0, "h.long()": h.long()}
cuts["torch.tensor(h.tolist())"] = torch.tensor(h.tolist())
cuts["torch.tensor(h.sum().item())"] = torch.tensor(h.sum().item())
cuts["from_numpy(h.detach().numpy())"] = torch.from_numpy(h.detach().numpy())
cuts["h.data"] = h.data
with torch.no_grad():
    cuts["h + 1 under no_grad"] = h + 1
for name, result in cuts.items():
    print(f"{name:<32}requires_grad {result.requires_grad}")

# %% [markdown] lang="en"
# Stay in torch: `torch.stack` instead of `torch.tensor` of a list, a sigmoid instead of
# `>`. Leave `detach`, `.data` and `no_grad` to what must not learn.

# %% [markdown] lang="zh"
# 留在 torch 里：列表用 `torch.stack` 而不是 `torch.tensor` 合并，`>` 换成 sigmoid；
# `detach`、`.data`、`no_grad` 只留给不该学习的部分。

# %% [markdown] lang="en"
# One more cut is gradient checkpointing. The reentrant kind looks at the input of a layer
# alone, not at its weights, and in LoRA training the input comes from a frozen embedding.
# Take `use_reentrant=False`, or let the input require grad: in Transformers
# `model.enable_input_require_grads()` (not run here).

# %% [markdown] lang="zh"
# 还有一个断点是梯度检查点（gradient checkpointing）。可重入（reentrant）的那种只看一层的输入，
# 不管权重；而 LoRA 微调时，输入来自冻结的嵌入层，不需要梯度。改用 `use_reentrant=False`，
# 或者让输入需要梯度：在 Transformers 里是 `model.enable_input_require_grads()`（未在此运行）。

# %%
import warnings

from torch.utils.checkpoint import checkpoint

parts = [h.mean(), h.std()]
print("torch.stack  ", torch.stack(parts).sum().requires_grad)
print("sigmoid      ", torch.sigmoid(h).requires_grad)
with warnings.catch_warnings(record=True) as seen:
    warnings.simplefilter("always")
    for reentrant in (True, False):
        result = checkpoint(net[2], torch.ones(3, 4), use_reentrant=reentrant)
        print("use_reentrant", reentrant, "requires_grad", result.requires_grad)
print("warning:", seen[0].message)

# %% [markdown] lang="en"
# ### A gradient is differentiated again {#second-order}
#
# `autograd.grad` and `backward` do not record what they compute, unless asked:

# %% [markdown] lang="zh"
# ### 对梯度再求一次导 {#second-order}
#
# `autograd.grad` 和 `backward` 默认不记录自己的计算：

# %% raises="RuntimeError: element 0 of tensors does not require grad and does not have a grad_fn"
w = torch.tensor(3.0, requires_grad=True)
(slope,) = torch.autograd.grad(w**3, w)
torch.autograd.grad(slope, w)

# %% [markdown] lang="en"
# `create_graph=True` records the first derivative. Beside another term that has a graph,
# forgetting it raises nothing: in $w^3 + (3w^2)^2$ the penalty is then a constant.

# %% [markdown] lang="zh"
# `create_graph=True` 会记录一阶导数的计算。如果旁边还有一项带计算图，忘了它也不报错：
# $w^3 + (3w^2)^2$ 里的惩罚项就成了常数。

# %%
(slope,) = torch.autograd.grad(w**3, w, create_graph=True)
(curvature,) = torch.autograd.grad(slope, w)
print(f"3w² = {slope.item():.0f}, 6w = {curvature.item():.0f}")
for create in (True, False):
    (slope,) = torch.autograd.grad(w**3, w, create_graph=create)
    (total,) = torch.autograd.grad(w**3 + slope**2, w)
    print(f"create_graph={create!s:<6} gradient with penalty {total.item():.0f}")

# %% [markdown] lang="en"
# ## Advice that does not work {#advice}
#
# ### "Set loss.requires_grad = True" {#advice-loss-flag}
#
# The loss becomes a leaf: its derivative with respect to itself is one, the path to `w`
# is still missing. The training loop from [above](#rebound), with a cut and the flag:

# %% [markdown] lang="zh"
# ## 不管用的建议 {#advice}
#
# ### “加上 loss.requires_grad = True” {#advice-loss-flag}
#
# 损失自己成了叶子张量：它对自己的导数是一，通向 `w` 的路径仍然不存在。
# 用[上面](#rebound)的训练循环，加一个断点和这个标志：

# %%
w = torch.tensor(1.0, requires_grad=True)
optimizer = torch.optim.SGD([w], lr=0.05)
flagged = []
for _ in range(5):
    loss = ((w * x - y) ** 2).mean().detach()
    loss.requires_grad = True
    loss.backward()
    optimizer.step()
    flagged.append(loss.item())
print("trained", *(f"{value:.4f}" for value in trained))
print("flagged", *(f"{value:.4f}" for value in flagged))
print("w.grad ", w.grad, "  loss.grad", loss.grad.item())

# %% [markdown] lang="en"
# ### "Wrap it again" {#advice-wrap}
#
# `Variable` and `torch.tensor` make a leaf in the same way. They even cut a loss that was
# recorded well, as this one is. Setting the flag on predictions moves the cut forward:

# %% [markdown] lang="zh"
# ### “重新包装一下” {#advice-wrap}
#
# `Variable` 和 `torch.tensor` 造出的同样是叶子张量，连本来记录得好好的损失也会被切断，
# 这里就是。给预测值设标志，只是把断点往前挪：

# %%
optimizer.zero_grad()
loss = ((w * x - y) ** 2).mean()
torch.autograd.Variable(loss, requires_grad=True).backward()
print("Variable(loss, requires_grad=True)            w.grad", w.grad)
torch.tensor(loss.item(), requires_grad=True).backward()
print("torch.tensor(loss.item(), requires_grad=True) w.grad", w.grad)
scores.grad = None
guess = scores.argmax(dim=1).float().requires_grad_()  # (N,)
nn.functional.mse_loss(guess, labels.float()).backward()
print("argmax(…).float().requires_grad_()       scores.grad", scores.grad)
loss.backward()
print(f"loss.backward()                               w.grad {w.grad.item():.4f}")

# %% [markdown] lang="en"
# ### "Call backward inside enable_grad" {#advice-enable-grad}
#
# Grad mode matters while the forward pass runs. Afterwards it is too late; `enable_grad`
# has to stand around the forward pass:

# %% [markdown] lang="zh"
# ### “在 enable_grad 里调用 backward” {#advice-enable-grad}
#
# 梯度模式只在前向传播时起作用，事后打开没有用；`enable_grad` 要套在前向传播外面：

# %%
with torch.no_grad():
    loss = ((w * x - y) ** 2).mean()
    with torch.enable_grad():
        inside = ((w * x - y) ** 2).mean()
try:
    with torch.enable_grad():
        loss.backward()
except RuntimeError as error:
    print(error)
print("forward inside enable_grad:", inside.requires_grad)

# %% [markdown] lang="en"
# ## Looks like it, is not {#looks-like}
#
# The first two speak of the input that the derivative is taken for, not of the loss; the
# second has [its own page](unused-in-graph.py). The third is a Python number after
# `item()`, the fourth a flag set on a tensor that was computed:

# %% [markdown] lang="zh"
# ## 看着像，其实不是 {#looks-like}
#
# 前两条说的是对谁求导的那个输入，不是损失，第二条有[单独一页](unused-in-graph.py)。
# 第三条是因为 `item()` 之后只剩一个 Python 数；第四条是在算出来的张量上改标志：

# %%
calls = {
    "grad(w**2, x)": lambda: torch.autograd.grad(w**2, x),
    "grad(w**2, scores)": lambda: torch.autograd.grad(w**2, scores),
    "item().backward()": lambda: (w**2).item().backward(),
    "requires_grad_(False)": lambda: (w**2).requires_grad_(False),
}
for name, call in calls.items():
    try:
        call()
    except (RuntimeError, AttributeError) as error:
        print(f"{name}\n    {str(error).split('. ')[0]}")

# %% [markdown] lang="en"
# Rounding is worse than a cut: it is recorded, with the derivative zero. Nothing raises
# and nothing is learned.

# %% [markdown] lang="zh"
# 取整比切断更糟：它有记录，导数却是零。什么都不报错，也什么都学不到。

# %%
for function in (torch.round, torch.sign, torch.floor):
    value = function(1.7 * w)
    (slope,) = torch.autograd.grad(value, w)
    print(f"{function.__name__:<6} {value.requires_grad}  gradient {slope.item():.0f}")

# %% [markdown] lang="en"
# ## Read on {#read-on}
#
# - [`no_grad`, `detach` and `eval`, measured](../autograd/no-grad.py)
# - [Why `w = w - …` is no update](../descent/autograd.py#mistake)
# - PyTorch: [what is recorded](https://docs.pytorch.org/docs/stable/notes/autograd.html),
#   [`torch.autograd.grad`][], [`checkpoint`][torch.utils.checkpoint.checkpoint]

# %% [markdown] lang="zh"
# ## 延伸阅读 {#read-on}
#
# - [逐个测量：`no_grad`、`detach`、`eval`](../autograd/no-grad.py)
# - [为什么 `w = w - …` 不是更新](../descent/autograd.py#mistake)
# - PyTorch：[哪些运算会被记录](https://docs.pytorch.org/docs/stable/notes/autograd.html)、
#   [`torch.autograd.grad`][]、[`checkpoint`][torch.utils.checkpoint.checkpoint]
