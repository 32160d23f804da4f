# %% [markdown] lang="en"
# # Detected call of `lr_scheduler.step()` before `optimizer.step()` {#scheduler-order}
#
# A warning, not an error: training goes on, but the first learning rate of the schedule
# is never used. In the wrong order the rates below begin with `{python} f"{swapped[0]:.4f}"`
# instead of `{python} f"{ordered[0]:.4f}"`. With a `GradScaler` the warning can come even
# though the order is right.

# %% [markdown] lang="zh"
# # Detected call of `lr_scheduler.step()` before `optimizer.step()` {#scheduler-order}
#
# 这是警告，不是错误：训练照常进行，只是学习率计划里的第一个值从未用过。顺序反了，
# 下面的学习率从 `{python} f"{swapped[0]:.4f}"` 开始，而不是 `{python} f"{ordered[0]:.4f}"`。
# 用了 `GradScaler`，顺序没错也可能出现这个警告。

# %%
import warnings
from textwrap import fill

import torch

w = torch.tensor(0.0, requires_grad=True)
optimizer = torch.optim.SGD([w], lr=0.1)
scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=1, gamma=0.5)
with warnings.catch_warnings(record=True) as seen:
    warnings.simplefilter("always")
    scheduler.step()
    optimizer.step()


# %%
def say(warning):
    text = f"{warning.category.__name__}: {warning.message}"
    print(fill(text, 84, break_on_hyphens=False))


say(seen[0])

# %% [markdown] lang="en"
# ## Why {#why}
#
# A scheduler sets the first learning rate when it is made; each `scheduler.step()` sets
# the next. To check the order it wraps `optimizer.step`, and its own first `step()` asks
# whether the wrapper was called. It asks once: whatever goes wrong later is not noticed.

# %% [markdown] lang="zh"
# ## 原因 {#why}
#
# 调度器一创建就设好第一个学习率，每次 `scheduler.step()` 再设下一个。为了检查顺序，
# 它把 `optimizer.step` 包了一层，自己第一次 `step()` 时，查看那一层有没有被调用过。
# 只查这一次：以后再出什么差错，它都不会发现。

# %% [markdown] lang="en"
# ## Fix {#fix}
#
# First `optimizer.step()`, then `scheduler.step()`. Below, `train` takes four steps in a
# given order; `measure` prints the learning rate of each, the weight and the warnings:

# %% [markdown] lang="zh"
# ## 解决 {#fix}
#
# 先 `optimizer.step()`，后 `scheduler.step()`。下面的 `train` 按给定的顺序走四步，
# `measure` 打印每一步的学习率、最后的权重和警告的条数：


# %%
def record(optimizer):
    rates, (group,) = [], optimizer.param_groups
    optimizer.register_step_pre_hook(lambda *_: rates.append(group["lr"]))
    return rates


def start():
    w = torch.tensor(0.0, requires_grad=True)
    optimizer = torch.optim.SGD([w], lr=0.1)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 1, gamma=0.5)
    return w, optimizer, scheduler, record(optimizer)


# %%
def train(order):
    w, optimizer, scheduler, rates = start()
    steps = {"optimizer": optimizer.step, "scheduler": scheduler.step}
    for _ in range(4):
        optimizer.zero_grad()
        (w - 1).square().backward()
        for which in order:
            steps[which]()
    return w, rates


# %%
def measure(name, run, *options):
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        w, rates = run(*options)
    numbers = " ".join(f"{rate:.4f}" for rate in rates)
    print(f"{name:<18} rates {numbers}  w {w.item():.4f}  warnings {len(seen)}")
    return rates, seen


ordered, _ = measure("optimizer first", train, ["optimizer", "scheduler"])
swapped, _ = measure("scheduler first", train, ["scheduler", "optimizer"])

# %% [markdown] lang="en"
# ## Which one is yours? {#causes}
#
# - [Really swapped](#swapped): the scheduler steps first, or more often than the
#   optimizer, as in gradient accumulation.
# - [Right order, skipped step](#scaler-skipped): mixed precision with a `GradScaler`.

# %% [markdown] lang="zh"
# ## 你属于哪一种？ {#causes}
#
# - [顺序真的反了](#swapped)：调度器先走，或者走得比优化器勤，例如梯度累积。
# - [顺序没错，优化器那一步被跳过](#scaler-skipped)：混合精度，用了 `GradScaler`。

# %% [markdown] lang="en"
# ### The order is really wrong {#swapped}
#
# The program at the top ([why](#why), [fix](#fix)). It also happens with the lines in the
# right order, if only the optimizer stands under `if`: with gradients accumulated over
# two batches the scheduler steps twice as often, and its first step comes too early:

# %% [markdown] lang="zh"
# ### 顺序真的反了 {#swapped}
#
# 就是页首的程序（[原因](#why)、[解决](#fix)）。两行的先后没错、只有优化器在 `if` 里面，
# 也会这样：梯度累积两个批次时，调度器走的次数是两倍，而且第一步走得太早：


# %%
def accumulate(together):
    w, optimizer, scheduler, rates = start()
    for batch in range(8):
        ((w - 1).square() / 2).backward()
        if batch % 2:
            optimizer.step()
            optimizer.zero_grad()
        if batch % 2 or not together:
            scheduler.step()
    return w, rates


# %%
_, seen = measure("only the optimizer", accumulate, False)
say(seen[0])

# %% [markdown] lang="en"
# Put both under the `if`; then the rates are those of the right order:

# %% [markdown] lang="zh"
# 两个都放进 `if`，学习率就与正确的顺序一样了：

# %%
measure("both under if", accumulate, True)
_ = measure("optimizer first", train, ["optimizer", "scheduler"])

# %% [markdown] lang="en"
# ### Right order, but the scaler skipped the step {#scaler-skipped}
#
# `scaler.step(optimizer)` calls `optimizer.step()` only if all gradients are finite. The
# scale begins at 65536; here the gradient is -1, and 65536 is more than float16 holds
# (`{python} f"{torch.finfo(torch.float16).max:.0f}"`). So the first step is skipped:

# %% [markdown] lang="zh"
# ### 顺序没错，但 scaler 跳过了那一步 {#scaler-skipped}
#
# 只有梯度全部有限，`scaler.step(optimizer)` 才会调用 `optimizer.step()`。缩放因子从 65536
# 开始；这里的梯度是 -1，而 65536 超出了 float16 的上限
# （`{python} f"{torch.finfo(torch.float16).max:.0f}"`）。于是第一步被跳过：


# %%
def backward(scaler, layer, optimizer):
    x = torch.ones(4, 1)  # (N, D)
    optimizer.zero_grad()
    with torch.autocast("cpu", dtype=torch.float16):
        loss = (layer(x) - 0.5).square().mean()
    scaler.scale(loss).backward()


# %%
def start_scaled(scale=65536.0):
    layer = torch.nn.Linear(1, 1, bias=False)
    torch.nn.init.zeros_(layer.weight)
    optimizer = torch.optim.SGD(layer.parameters(), lr=0.1)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 1, gamma=0.5)
    scaler = torch.amp.GradScaler("cpu", init_scale=scale)
    return layer, optimizer, scheduler, scaler, record(optimizer)


# %%
layer, optimizer, scheduler, scaler, _ = start_scaled()
with warnings.catch_warnings(record=True) as seen:
    warnings.simplefilter("always")
    backward(scaler, layer, optimizer)
    scaler.step(optimizer)
    scaler.update()
    scheduler.step()
print("gradient", layer.weight.grad.item(), " weight", layer.weight.item())
print("scale", scaler.get_scale(), " next rate", optimizer.param_groups[0]["lr"])
say(seen[0])

# %% [markdown] lang="en"
# A skipped step halves the scale. So step the scheduler only if the scale did not drop;
# this also covers the skips of which no warning tells. Four steps, of which the first
# is skipped, leave three rates:

# %% [markdown] lang="zh"
# 跳过一步，缩放因子就减半。所以只在缩放因子没有变小时才让调度器走一步；
# 以后再被跳过（那时不会有警告），也照样管用。一共四步，第一步被跳过，剩下三个学习率：


# %%
def train_scaled(when):
    layer, optimizer, scheduler, scaler, rates = start_scaled()
    for _ in range(4):
        backward(scaler, layer, optimizer)
        if when == "before":
            scheduler.step()
        scale = scaler.get_scale()
        scaler.step(optimizer)
        scaler.update()
        if when == "after" or (when == "if taken" and scaler.get_scale() >= scale):
            scheduler.step()
    return layer.weight, rates


# %%
measure("after every step", train_scaled, "after")
_ = measure("if not skipped", train_scaled, "if taken")

# %% [markdown] lang="en"
# ## Advice that does not work {#advice}
#
# ### "Ignore it" {#advice-ignore}
#
# What is lost is one value of the schedule. Of four that is much, of a thousand little.
# Learning rates of a cosine schedule, added up:

# %% [markdown] lang="zh"
# ## 不管用的建议 {#advice}
#
# ### “不用管它” {#advice-ignore}
#
# 丢掉的是学习率计划里的一个值。总共四个，丢一个很多；总共一千个，就微不足道。
# 余弦计划的学习率，加起来是：


# %%
def total(length, order):
    _, optimizer, _, rates = start()
    cosine = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, length)
    steps = {"optimizer": optimizer.step, "scheduler": cosine.step}
    for _ in range(length):
        for which in order:
            steps[which]()
    return sum(rates)


# %%
with warnings.catch_warnings(record=True):
    warnings.simplefilter("always")
    for length in (4, 1000):
        right = total(length, ["optimizer", "scheduler"])
        wrong = total(length, ["scheduler", "optimizer"])
        print(f"{length:>4} values: {wrong:.2f} instead of {right:.2f}")

# %% [markdown] lang="en"
# So count the values: if the scheduler steps once an epoch, the first value is a whole
# epoch. And do not filter the warning away before you know its cause: a third one,
# [below](#looks-like), means that the learning rate never changes at all.

# %% [markdown] lang="zh"
# 所以要看计划里一共有几个值：调度器每轮才走一次的话，第一个值丢掉的是整整一轮。没弄清原因
# 之前，也别把警告过滤掉：[下面](#looks-like)还有第三种原因，那意味着学习率根本不变。

# %% [markdown] lang="en"
# ### "Swap the two lines" {#advice-swap}
#
# Right if they [are swapped](#swapped). If a [scaler skipped the step](#scaler-skipped),
# they are in order; swapped, the warning stays, and two learning rates are lost, not one:

# %% [markdown] lang="zh"
# ### “把两行对调” {#advice-swap}
#
# [顺序真的反了](#swapped)，就该对调。如果是 [scaler 跳过了一步](#scaler-skipped)，顺序本来
# 没错，对调之后警告还在，丢的学习率却从一个变成两个：

# %%
measure("swapped", train_scaled, "before")
_ = measure("as it was", train_scaled, "after")

# %% [markdown] lang="en"
# ### "Call optimizer.step() once before the loop" {#advice-dummy}
#
# Without gradients that step changes no weight, but it satisfies the check. The warning
# is gone, the first learning rate as well:

# %% [markdown] lang="zh"
# ### “循环之前先调用一次 optimizer.step()” {#advice-dummy}
#
# 没有梯度，这一步不改动任何权重，检查却就此满足。警告没了，第一个学习率还是丢了：


# %%
def one_step_before():
    w, optimizer, scheduler, rates = start()
    optimizer.step()
    rates.clear()
    for _ in range(4):
        optimizer.zero_grad()
        (w - 1).square().backward()
        scheduler.step()
        optimizer.step()
    return w, rates


_ = measure("one step before", one_step_before)

# %% [markdown] lang="en"
# ## Looks like it, is not {#looks-like}
#
# The same words, but nothing is out of order: the scheduler belongs to an optimizer that
# was replaced after it was made. It sets the rate of the old one, the new one keeps its
# own to the end. Make the scheduler after the optimizer that trains:

# %% [markdown] lang="zh"
# ## 看着像，其实不是 {#looks-like}
#
# 字面一样，顺序却没有问题：调度器建好之后，优化器换成了新的。调度器改的是旧优化器的学习率，
# 新的那个从头到尾不变。要训练用的优化器先建好，再建调度器：


# %%
def replaced():
    w, _, scheduler, _ = start()
    optimizer = torch.optim.SGD([w], lr=0.1)
    rates = record(optimizer)
    for _ in range(4):
        optimizer.zero_grad()
        (w - 1).square().backward()
        optimizer.step()
        scheduler.step()
    return w, rates


_, seen = measure("new optimizer", replaced)
print(str(seen[0].message).split(". ")[0])

# %% [markdown] lang="en"
# Another library may put its own function in place of `optimizer.step`; then the check
# cannot see anything and says so. And `scheduler.step(epoch)` is an old form that has a
# warning of its own:

# %% [markdown] lang="zh"
# 别的库可能用自己的函数替换 `optimizer.step`，检查就什么也看不到，警告也会这么说。
# `scheduler.step(epoch)` 则是旧写法，另有一条警告：

# %%
with warnings.catch_warnings(record=True) as seen:
    warnings.simplefilter("always")
    _, optimizer, scheduler, _ = start()
    inner = optimizer.step
    optimizer.step = lambda: inner()
    optimizer.step()
    scheduler.step()
    _, optimizer, scheduler, _ = start()
    optimizer.step()
    scheduler.step(1)
for each in seen:
    print(fill(str(each.message).split(". ")[0], 84))

# %% [markdown] lang="en"
# A step that the scaler skips later brings no warning and loses its learning rate in the
# same way. Here the second of three has an infinite gradient; the [fix](#scaler-skipped)
# is the same:

# %% [markdown] lang="zh"
# 后来才被 scaler 跳过的一步，不出警告，学习率照样丢一个。下面三步里，第二步的梯度是无穷大；
# [解决办法](#scaler-skipped)相同：


# %%
def second_skipped():
    layer, optimizer, scheduler, scaler, rates = start_scaled(scale=1024.0)
    for step in range(3):
        backward(scaler, layer, optimizer)
        if step == 1:
            layer.weight.grad.fill_(float("inf"))
        scaler.step(optimizer)
        scaler.update()
        scheduler.step()
    return layer.weight, rates


_ = measure("second skipped", second_skipped)

# %% [markdown] lang="en"
# ## Read on {#read-on}
#
# - [What a learning rate will do](../descent/learning-rate.py) ·
#   [Gradients add up](../autograd/accumulation.py#parts)
# - [Advice, tested](advice.py) · [Silent bugs](silent-bugs.py)
# - PyTorch: [`torch.optim`][], [`torch.amp.GradScaler`][]

# %% [markdown] lang="zh"
# ## 延伸阅读 {#read-on}
#
# - [学习率会带来什么](../descent/learning-rate.py) ·
#   [梯度会累加](../autograd/accumulation.py#parts)
# - [常见建议，逐条实测](advice.py) · [没有报错的错误](silent-bugs.py)
# - PyTorch：[`torch.optim`][]、[`torch.amp.GradScaler`][]
