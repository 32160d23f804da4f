# %% [markdown] lang="en"
# # Advice, tested {#advice}
#
# Ten pieces of advice, listed by the advice and not by the error. `strict=False` loads
# `{python} found["strict=False"][0]` of `{python} found["strict=False"][1]` tensors,
# `.long()` teaches `{python} found[".long()"][0]` instead of
# `{python} found[".long()"][1]`, and none of it says so. [One table](#all) has them all.

# %% [markdown] lang="zh"
# # 常见建议，逐条实测 {#advice}
#
# 十条建议，按建议而不是按报错排列。`strict=False` 加载了
# `{python} found["strict=False"][1]` 个张量中的 `{python} found["strict=False"][0]` 个，
# `.long()` 让模型学到 `{python} found[".long()"][0]`，而不是
# `{python} found[".long()"][1]`，都没有任何提示。所有数字汇总在[一张表](#all)里。

# %% [markdown] lang="en"
# - **Graph**: [`retain_graph=True`](#retain-graph) · [`loss.requires_grad = True`](#requires-grad)
# - **Tensors**: [`detach()`](#detach) · [`.data`](#data) · [`.long()`](#long)
# - **Files, DDP**: [`strict=False`](#strict) · [`weights_only=False`](#weights-only) · [`find_unused_parameters`](#find-unused)
# - **Symptoms**: [`clip_grad_norm_`](#clip-grad) · [ignore the warning](#ignore-warning)

# %% [markdown] lang="zh"
# - **计算图**：[`retain_graph=True`](#retain-graph) · [`loss.requires_grad = True`](#requires-grad)
# - **张量**：[`detach()`](#detach) · [`.data`](#data) · [`.long()`](#long)
# - **文件与 DDP**：[`strict=False`](#strict) · [`weights_only=False`](#weights-only) · [`find_unused_parameters`](#find-unused)
# - **症状**：[`clip_grad_norm_`](#clip-grad) · [忽略警告](#ignore-warning)

# %% [markdown] lang="en"
# Each section needs the next cell and no other section. `compare` prints what the advice
# leads to beside what is right, and keeps both for the table.

# %% [markdown] lang="zh"
# 每一节只需要先运行下面这个单元，各节互不依赖。`compare` 把照建议做的结果和正确的结果
# 并排打印，并记下来留给最后的表。

# %%
import torch
from torch import nn

x = torch.tensor([[1.0], [2.0], [3.0], [4.0]])  # (N, 1)
y = 2 * x  # (N, 1)
rows, found = [], {}


def compare(advice, measured, wrong, right):
    pair = [f"{v:.4f}" if isinstance(v, float) else str(v) for v in (wrong, right)]
    rows.append((advice, measured, *pair))
    found.setdefault(advice, pair)
    print(f"{measured}: with the advice {pair[0]}, right {pair[1]}")


# %% [markdown] lang="en"
# ## retain_graph=True {#retain-graph}
#
# The usual answer to [Trying to backward through the graph a second
# time](backward-twice.py). Here a running total of two losses raises it:

# %% [markdown] lang="zh"
# ## retain_graph=True {#retain-graph}
#
# 用来应付 [Trying to backward through the graph a second
# time](backward-twice.py)。下面对两个损失的累计值反向传播，就会这样报错：


# %%
def gradient(read, **options):
    w = torch.ones(1, 1, requires_grad=True)
    total = 0.0
    for inputs, targets in zip(x.split(2), y.split(2), strict=True):
        loss = ((inputs @ w - targets) ** 2).mean()
        total = total + loss
        read(total, loss).backward(**options)
    return w.grad.item()


# %%
try:
    gradient(lambda total, loss: total)
except RuntimeError as error:
    print(str(error).split(" (")[0])
wrong = gradient(lambda total, loss: total, retain_graph=True)
compare("retain_graph=True", "gradient", wrong, gradient(lambda total, loss: loss))

# %% [markdown] lang="en"
# The gradient is `{python} found["retain_graph=True"][0]`: the first loss counts twice.
# With a [hidden state](backward-twice.py#hidden-state) the graph grows with every step
# instead. It is right for two losses that [share a graph](../autograd/accumulation.py#adds)
# and are both wanted, with no `step()` [in between](modified-by-inplace.py#step-between).

# %% [markdown] lang="zh"
# 梯度是 `{python} found["retain_graph=True"][0]`：第一个损失算了两遍。如果跨步带着
# [隐藏状态](backward-twice.py#hidden-state)，计算图会一步比一步长。只有两个损失
# [共用一段图](../autograd/accumulation.py#adds)、两个梯度都要，而且
# [中间没有 `step()`](modified-by-inplace.py#step-between)，用它才是对的。

# %% [markdown] lang="en"
# ## loss.requires_grad = True {#requires-grad}
#
# The usual answer to [element 0 of tensors does not require grad](does-not-require-grad.py). The
# prediction here was cut off the graph by `detach()`:

# %% [markdown] lang="zh"
# ## loss.requires_grad = True {#requires-grad}
#
# 用来应付 [element 0 of tensors does not require grad](does-not-require-grad.py)。
# 下面的预测值被 `detach()` 从计算图上切了下来：


# %%
def fit(cut):
    w = torch.zeros(1, 1, requires_grad=True)
    sgd = torch.optim.SGD([w], lr=0.05)
    for _ in range(100):
        prediction = (x @ w).detach() if cut else x @ w
        loss = nn.functional.mse_loss(prediction, y)
        if cut:
            loss.requires_grad = True
        sgd.zero_grad()
        loss.backward()
        sgd.step()
    return w


# %%
w = fit(True)
compare("loss.requires_grad = True", "w, should be 2", w.item(), fit(False).item())
print("w.grad", w.grad)

# %% [markdown] lang="en"
# The weight stays at `{python} found["loss.requires_grad = True"][0]`: the loss is now a
# leaf itself, and `backward` ends there. [Find the cut](does-not-require-grad.py#cut).
# The flag is right on a tensor made by hand whose gradient is wanted, before the forward
# pass; on a loss, never.

# %% [markdown] lang="zh"
# 权重停在 `{python} found["loss.requires_grad = True"][0]`：损失自己成了叶子张量，反向传播
# 到它就结束了。应当[找到切断的地方](does-not-require-grad.py#cut)。
# 这个开关该在前向传播之前设在自己创建、要求梯度的张量上，绝不该设在损失上。

# %% [markdown] lang="en"
# ## detach() {#detach}
#
# The usual answer to [modified by an inplace operation](modified-by-inplace.py), and to
# [Can't call numpy()](numpy-requires-grad.py) with the remark that it makes a copy:

# %% [markdown] lang="zh"
# ## detach() {#detach}
#
# 用来应付 [modified by an inplace operation](modified-by-inplace.py)，也用来应付
# [Can't call numpy()](numpy-requires-grad.py)，还说它得到的是一份副本：

# %%
z = torch.tensor(1.0, requires_grad=True)
h = torch.relu(3 * z).detach()
h += z
(wrong,) = torch.autograd.grad(h, z)
(right,) = torch.autograd.grad(torch.relu(3 * z) + z, z)
compare("detach()", "gradient", wrong.item(), right.item())
w = torch.tensor([2.0, 4.0], requires_grad=True)
for_plot = w.detach().numpy()
for_plot /= for_plot.max()
compare("detach() as a copy", "weight after scaling a plot", w[1].item(), 4.0)

# %% [markdown] lang="en"
# The gradient is `{python} found["detach()"][0]`, without the path through the ReLU, and
# scaling the numbers of a plot rescaled the weight. It is right for what is only looked
# at or must be constant, such as a hidden state between two steps; `.clone()` after it
# makes the copy.

# %% [markdown] lang="zh"
# 梯度是 `{python} found["detach()"][0]`，经过 ReLU 的那条路径丢了；为画图缩放一下数字，连权重
# 也被缩放。只用来查看的值，或者本该当作常数的值（例如两步之间的隐藏状态），
# 用它才是对的；要副本，再接一个 `.clone()`。

# %% [markdown] lang="en"
# ## .data {#data}
#
# The usual answer to [a leaf Variable that requires grad](leaf-inplace.py). The weight is halved
# while a loss still waits for its backward pass:

# %% [markdown] lang="zh"
# ## .data {#data}
#
# 用来应付 [a leaf Variable that requires grad](leaf-inplace.py)。
# 下面的权重减半时，还有一个损失没有反向传播：

# %%
w = torch.tensor(3.0, requires_grad=True)
loss = w**2
w.data *= 0.5
(wrong,) = torch.autograd.grad(loss, w)
w = torch.tensor(3.0, requires_grad=True)
loss = w**2
with torch.no_grad():
    w *= 0.5
try:
    loss.backward()
except RuntimeError as error:
    print("with no_grad:", str(error).partition(": [")[0])

# %%
w = torch.tensor(3.0, requires_grad=True)
(right,) = torch.autograd.grad(w**2, w)
compare(".data", "gradient of w**2 at 3", wrong.item(), right.item())

# %% [markdown] lang="en"
# The gradient is `{python} found[".data"][0]`, that of the halved weight. The same write
# under `no_grad` [is counted](../autograd/inplace.py#version), and backward refuses. The
# number is right when no backward pass waits, but then `no_grad` gives it too, and it
# stays safe when the code changes.

# %% [markdown] lang="zh"
# 梯度是 `{python} found[".data"][0]`，用的是减半之后的权重。同样的写入放在 `no_grad` 里，
# [版本计数器会数到](../autograd/inplace.py#version)，反向传播拒绝执行。没有反向传播在等着时，
# `.data` 的结果也对，但 `no_grad` 结果相同，代码改动之后也不会出错。

# %% [markdown] lang="en"
# ## .long() {#long}
#
# The usual answer to [expected target dtype to be Long](cross-entropy-target.py). The targets here
# are probabilities of class 1:

# %% [markdown] lang="zh"
# ## .long() {#long}
#
# 用来应付 [expected target dtype to be Long](cross-entropy-target.py)。
# 下面的目标是类别 1 的概率：

# %%
p = torch.tensor([0.9, 0.8])  # (N,)
print("p.long()", p.long().tolist())


def learned(target):
    scores = torch.zeros(2, 2, requires_grad=True)  # (N, K)
    sgd = torch.optim.SGD([scores], lr=1.0)
    for _ in range(200):
        sgd.zero_grad()
        nn.functional.cross_entropy(scores, target).backward()
        sgd.step()
    return scores.softmax(1)[0, 1].item()


# %%
both = torch.stack((1 - p, p), dim=1)  # (N, K)
compare(".long()", "probability learned for 0.9", learned(p.long()), learned(both))

# %% [markdown] lang="en"
# It learns `{python} found[".long()"][0]`: `.long()` cuts the fraction off, and all
# targets became class 0. Give [one probability for each class](cross-entropy-target.py#float-target),
# (N, K). `.long()` is right for whole numbers that are stored as floats.

# %% [markdown] lang="zh"
# 学到的是 `{python} found[".long()"][0]`：`.long()` 把小数部分截掉，所有目标都成了类别 0。
# 应当[给出每个类别的概率](cross-entropy-target.py#float-target)，形状 (N, K)。
# 如果目标本是整数，只是存成了浮点数，用 `.long()` 才是对的。

# %% [markdown] lang="en"
# ## strict=False {#strict}
#
# The usual answer to [Missing key(s) in state_dict](state-dict-keys.py). The file was saved through
# a wrapper, so every name starts with `module.`:

# %% [markdown] lang="zh"
# ## strict=False {#strict}
#
# 用来应付 [Missing key(s) in state_dict](state-dict-keys.py)。
# 下面的文件是隔着包装器保存的，每个名字都以 `module.` 开头：

# %%
torch.manual_seed(0)
model, saved = nn.Linear(1, 1), nn.Linear(1, 1)
state = {f"module.{name}": value for name, value in saved.state_dict().items()}
result = model.load_state_dict(state, strict=False)
wrong = model.weight.item()
print("missing", result.missing_keys, "unexpected", result.unexpected_keys)
loaded = len(state) - len(result.unexpected_keys)
nn.modules.utils.consume_prefix_in_state_dict_if_present(state, "module.")
model.load_state_dict(state)
compare("strict=False", "tensors loaded", loaded, len(state))
compare("strict=False", "weight", wrong, model.weight.item())

# %% [markdown] lang="en"
# It loaded `{python} found["strict=False"][0]` tensors, and the weight is the random one.
# [Take the prefix off](state-dict-keys.py#wrapper-prefix). It is right for a part of a
# model, such as a body for a new head, if the returned lists are compared with the names
# that you expect.

# %% [markdown] lang="zh"
# 加载了 `{python} found["strict=False"][0]` 个张量，权重还是随机的那个。
# 应当[去掉前缀](state-dict-keys.py#wrapper-prefix)。如果本来就只加载一部分，例如给旧的主干
# 换新的头，用它才是对的，但要把返回的两个列表与预期的名字核对。

# %% [markdown] lang="en"
# ## weights_only=False {#weights-only}
#
# The usual answer to [Weights only load failed](weights-only.py). A pickle may name any function to
# be called while it loads. This file names two harmless ones:

# %% [markdown] lang="zh"
# ## weights_only=False {#weights-only}
#
# 用来应付 [Weights only load failed](weights-only.py)。pickle 文件可以指定加载时调用的任何
# 函数。下面这个文件指定了两个无害的：


# %%
class Call:
    def __init__(self, *call):
        self.call = call

    def __reduce__(self):
        return self.call


talk = Call(print, ("this line was printed by the file",))
switch = Call(torch.set_grad_enabled, (False,))
torch.save({"weight": torch.ones(1), "a": talk, "b": switch}, "given.pt")

# %%
import pickle

try:
    torch.load("given.pt")
except pickle.UnpicklingError as error:
    print(str(error).split(". ")[0])
right = torch.is_grad_enabled()
torch.load("given.pt", weights_only=False)
wrong = torch.is_grad_enabled()
torch.set_grad_enabled(True)
compare("weights_only=False", "gradients recorded after loading", wrong, right)

# %% [markdown] lang="en"
# The file printed a line and switched autograd off; it could as well have deleted your
# files. Save tensors, not objects, or allow the one class you know in
# [`safe_globals`][torch.serialization.safe_globals]; then no file of yours needs the
# flag, and one from elsewhere must not get it. [A Git LFS pointer](weights-only.py#lfs-pointer) fails all the same:

# %% [markdown] lang="zh"
# 这个文件打印了一行字，还关掉了自动求导；它同样可以删光你的文件。应当保存张量，不要保存
# 对象，或者用 [`safe_globals`][torch.serialization.safe_globals] 只放行你了解的那个类。
# 这样，自己的文件用不着这个开关，别人的文件则绝不能开。
# 拿到的若是 [Git LFS 指针](weights-only.py#lfs-pointer)，开了照样失败：

# %%
from pathlib import Path

Path("pointer.pt").write_text("version https://git-lfs.github.com/spec/v1\n")
try:
    torch.load("pointer.pt", weights_only=False)
except pickle.UnpicklingError as error:
    print(error)

# %% [markdown] lang="en"
# ## find_unused_parameters=True {#find-unused}
#
# The usual answer to *Expected to have finished reduction in the prior iteration* of
# [`DistributedDataParallel`][torch.nn.parallel.DistributedDataParallel]. One process is
# enough to see it. The layer `spare` is forgotten in `forward`:

# %% [markdown] lang="zh"
# ## find_unused_parameters=True {#find-unused}
#
# 用来应付 [`DistributedDataParallel`][torch.nn.parallel.DistributedDataParallel] 的
# *Expected to have finished reduction in the prior iteration*。
# 一个进程就足以看到它。下面的 `forward` 忘了用 `spare` 这一层：

# %%
import torch.distributed as dist
from torch.nn.parallel import DistributedDataParallel


class Net(nn.Module):
    def __init__(self, forgotten):
        super().__init__()
        self.used, self.spare = nn.Linear(1, 1), nn.Linear(1, 1)
        self.forgotten = forgotten

    def forward(self, x):
        return self.used(x) + (0 if self.forgotten else self.spare(x))


# %%
def moved(forgotten, **options):
    net = Net(forgotten)
    before = net.spare.bias.item()
    ddp = DistributedDataParallel(net, **options)
    sgd = torch.optim.SGD(net.parameters(), lr=0.01)
    for _ in range(2):
        sgd.zero_grad()
        nn.functional.mse_loss(ddp(x), y).backward()
        sgd.step()
    return net.spare.bias.item() - before


# %% [markdown] lang="en"
# The group has only this process. Each wrapper is gone when its function returns, before
# the group is destroyed:

# %% [markdown] lang="zh"
# 进程组里只有这一个进程。包装器随函数结束而销毁，先于进程组：

# %%
torch.manual_seed(0)
dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1)
try:
    moved(forgotten=True)
except RuntimeError as error:
    print(str(error).split(" before")[0])
wrong = moved(forgotten=True, find_unused_parameters=True)
right = moved(forgotten=False)
dist.destroy_process_group()
compare("find_unused_parameters=True", "spare bias moved by", wrong, right)

# %% [markdown] lang="en"
# The forgotten layer moved by `{python} found["find_unused_parameters=True"][0]`, now
# without a complaint, and every step searches the graph for it. Use the layer or remove
# it. The flag is right for branches that are really not taken in every step.

# %% [markdown] lang="zh"
# 忘掉的那一层移动了 `{python} found["find_unused_parameters=True"][0]`，现在却不再报错，而且
# 每一步都要在计算图里搜一遍。应当用上这一层，或者删掉它。
# 如果确实有分支不是每一步都走，开这个开关才是对的。

# %% [markdown] lang="en"
# ## clip_grad_norm_ {#clip-grad}
#
# The usual answer to a loss that turns nan. One gradient here is nan
# ([from `where`, for example](silent-bugs.py#where)), the other is fine:

# %% [markdown] lang="zh"
# ## clip_grad_norm_ {#clip-grad}
#
# 用来应付变成 nan 的损失。下面有一个梯度是 nan
# （[例如来自 `where`](silent-bugs.py#where)），另一个是好的：


# %%
def clipped(bad, **options):
    sound, broken = nn.Parameter(torch.ones(1)), nn.Parameter(torch.ones(1))
    sound.grad, broken.grad = torch.tensor([0.5]), torch.tensor([bad])
    nn.utils.clip_grad_norm_([sound, broken], 1.0, **options)
    return sound.grad.item()


compare("clip_grad_norm_, nan", "sound gradient of 0.5", clipped(float("nan")), 0.5)
compare("clip_grad_norm_, inf", "sound gradient of 0.5", clipped(float("inf")), 0.5)
try:
    clipped(float("nan"), error_if_nonfinite=True)
except RuntimeError as error:
    print(str(error).split(", so")[0])

# %% [markdown] lang="en"
# The sound gradient is `{python} found["clip_grad_norm_, nan"][0]` too: all are divided by
# one common norm. An infinite one turns it to `{python} found["clip_grad_norm_, inf"][0]`.
# Find where the nan is made. Clipping is right for gradients that are finite and
# sometimes large, with `error_if_nonfinite=True`.

# %% [markdown] lang="zh"
# 好的梯度也成了 `{python} found["clip_grad_norm_, nan"][0]`：所有梯度除以同一个范数。遇到
# 无穷大，它就变成 `{python} found["clip_grad_norm_, inf"][0]`。应当去找 nan 从哪里来。
# 梯度都有限、只是偶尔很大时，裁剪才是对的，并且要加上 `error_if_nonfinite=True`。

# %% [markdown] lang="en"
# ## Ignore the warning {#ignore-warning}
#
# Said because it is "only a warning". Two are more than that. The first: targets (N,)
# against predictions (N, 1):

# %% [markdown] lang="zh"
# ## 忽略警告 {#ignore-warning}
#
# 理由是“只是个警告而已”。有两个可不能忽略。第一个：目标是 (N,)，预测值是 (N, 1)：

# %%
import warnings


def line(target):
    w = torch.zeros(1, 1, requires_grad=True)
    sgd = torch.optim.SGD([w], lr=0.05)
    for _ in range(100):
        sgd.zero_grad()
        nn.functional.mse_loss(x @ w, target).backward()
        sgd.step()
    return w.item()


# %%
with warnings.catch_warnings(record=True) as seen:
    warnings.simplefilter("always")
    wrong = line(y.flatten())
print(*str(seen[0].message).split(". ")[:2], sep="\n")
compare("ignored: target size", "w, should be 2", wrong, line(y))

# %% [markdown] lang="en"
# The weight ends at `{python} found["ignored: target size"][0]`, since
# [every prediction meets every target](silent-bugs.py#broadcast). The second: the
# scheduler steps before the optimizer.

# %% [markdown] lang="zh"
# 权重停在 `{python} found["ignored: target size"][0]`，因为
# [每个预测值都与每个目标比了一遍](silent-bugs.py#broadcast)。第二个：
# 调度器走在优化器前面。


# %%
def rates(first, second):
    sgd = torch.optim.SGD([nn.Parameter(torch.ones(1))], lr=0.4)
    plan = torch.optim.lr_scheduler.ExponentialLR(sgd, gamma=0.5)
    steps, used = {"optimizer": sgd.step, "scheduler": plan.step}, []
    for _ in range(3):
        for name in (first, second):
            if name == "optimizer":
                used.append(sgd.param_groups[0]["lr"])
            steps[name]()
    return used


# %%
with warnings.catch_warnings(record=True) as seen:
    warnings.simplefilter("always")
    wrong = rates("scheduler", "optimizer")
print(str(seen[0].message).split(". ")[0])
right = rates("optimizer", "scheduler")
print("used", wrong, "planned", right)
compare("ignored: scheduler", "first learning rate", wrong[0], right[0])

# %% [markdown] lang="en"
# The run starts with `{python} found["ignored: scheduler"][0]`; the first planned rate is
# [never used](scheduler-order.py#swapped). To ignore a warning is right when you have
# removed its cause once and measured that no number changes.

# %% [markdown] lang="zh"
# 训练从 `{python} found["ignored: scheduler"][0]` 开始，计划中的第一个学习率
# [从未用到](scheduler-order.py#swapped)。去掉警告所说的问题再跑一遍，
# 确认数字相同，这时忽略警告才是对的。

# %% [markdown] lang="en"
# ## All of them {#all}
#
# What the advice led to, and what is right, in the order of the sections:

# %% [markdown] lang="zh"
# ## 汇总 {#all}
#
# 照建议做的结果与正确的结果，按各节的顺序排列：


# %%
class Table:
    def __repr__(self):
        return "\n".join(f"{a:<28}{b:<33}{c:>9}{d:>9}" for a, b, c, d in self.rows)

    def _repr_html_(self):
        lines = ("".join(f"<td>{cell}</td>" for cell in row) for row in self.rows)
        body = "".join(f"<tr>{line}</tr>" for line in lines)
        return f"<table>{body}</table>".replace("td>", "th>", 8)


table = Table()
table.rows = [("advice", "measured", "with it", "right"), *rows]
table

# %% [markdown] lang="en"
# ## Read on {#read-on}
#
# [Silent bugs](silent-bugs.py) · [in-place operations](../autograd/inplace.py) ·
# [no_grad, detach, eval](../autograd/no-grad.py) · [checkpoints and
# prefixes](../checkpoints/one-gpu-many-gpus.py) · in the PyTorch documentation,
# [`find_unused_parameters`](https://docs.pytorch.org/docs/stable/notes/ddp.html).

# %% [markdown] lang="zh"
# ## 延伸阅读 {#read-on}
#
# [没有报错的错误](silent-bugs.py) · [原地操作](../autograd/inplace.py) ·
# [no_grad、detach、eval](../autograd/no-grad.py) ·
# [检查点与前缀](../checkpoints/one-gpu-many-gpus.py) · PyTorch 文档：
# [`find_unused_parameters`](https://docs.pytorch.org/docs/stable/notes/ddp.html)。
