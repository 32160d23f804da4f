# %% [markdown] lang="en"
# # Trying to backward through the graph a second time {#backward-twice}
#
# A second `backward()` came to a part of the graph that the first one had used up.
# `retain_graph=True` removes the message. In a recurrent loop the fifth step then runs
# `{python} retained[-1][0]` nodes instead of `{python} detached[-1][0]`; with an
# optimizer in the loop, the second step ends in another error.

# %% [markdown] lang="zh"
# # Trying to backward through the graph a second time {#backward-twice}
#
# 第二次 `backward()` 走到了一段已经被第一次用掉的计算图。`retain_graph=True` 能让报错消失，
# 但在循环网络里，第五步就要执行 `{python} retained[-1][0]` 个节点，本来
# `{python} detached[-1][0]` 个就够；循环里要是还有优化器，第二步会换成另一个错误。

# %% raises="RuntimeError: Trying to backward through the graph a second time"
import torch

w = torch.tensor(3.0, requires_grad=True)
loss = w**2
loss.backward()
loss.backward()

# %% [markdown] lang="en"
# ## Why {#why}
#
# An operation saves what its derivative needs; `backward()` and `autograd.grad()` free
# it on their way. The second call raises where something had been saved, even if only a
# factor of three. An addition saves nothing: there it runs, and adds its gradient once
# more.

# %% [markdown] lang="zh"
# ## 原因 {#why}
#
# 运算会保存求导要用的东西，`backward()` 和 `autograd.grad()` 边走边把它释放。
# 第二次调用，就在保存过东西的地方报错，哪怕保存的只是一个系数 3。
# 加法什么也不保存，第二次照样能跑，只是梯度又加了一遍。

# %%
results = {"w**2": w**2, "3 * w": 3 * w, "w + 1": w + 1, "w.sum()": w.sum()}
for name, result in results.items():
    w.grad = None
    result.backward()
    try:
        result.backward()
        print(f"{name:<8} runs    gradient {w.grad.item():.0f}, should be 1")
    except RuntimeError:
        print(f"{name:<8} raises")

# %% [markdown] lang="en"
# ## Fix {#fix}
#
# One `backward()` for one forward pass. If you need another, compute the loss again:

# %% [markdown] lang="zh"
# ## 解决 {#fix}
#
# 一次前向传播只做一次 `backward()`。还要再求一次，就把损失重新算一遍：

# %%
for _ in range(2):
    w.grad = None
    loss = w**2
    loss.backward()
    print(f"backward {w.grad.item():.0f}  by hand {2 * w.item():.0f}")

# %% [markdown] lang="en"
# ## Which one is yours? {#causes}
#
# - [Two calls](#two-calls): two losses share a part, or a part was computed only once,
#   before the loop.
# - [Hidden state](#hidden-state): a state goes from one step into the next. The first
#   step runs, the second raises.

# %% [markdown] lang="zh"
# ## 你属于哪一种？ {#causes}
#
# - [两次调用](#two-calls)：两个损失有公共的部分，或者某一部分只在循环之前算过一次。
# - [隐藏状态](#hidden-state)：状态从这一步带进下一步。第一步能跑，第二步报错。

# %% [markdown] lang="en"
# ### Two calls on a shared part {#two-calls}
#
# At the top it is the same loss twice. More often two losses share a trunk, here `h`,
# and the first `backward()` uses it up:

# %% [markdown] lang="zh"
# ### 两次调用，有公共部分 {#two-calls}
#
# 页首是同一个损失调用两次。更常见的是两个损失共用一段主干，这里是 `h`，
# 第一次 `backward()` 就把它用掉了：

# %% raises="RuntimeError: Trying to backward through the graph a second time"
w = torch.tensor(2.0, requires_grad=True)
h = w**2
first, second = 3 * h, 5 * h
first.backward()
second.backward()

# %% [markdown] lang="en"
# Add the losses and call `backward()` once; the gradient of a sum is the sum of the
# gradients. If the first loss must not reach the trunk, as the discriminator of a GAN
# must not train the generator, cut it off with `detach()`:

# %% [markdown] lang="zh"
# 把损失加起来，只调用一次 `backward()`：和的梯度就是梯度的和。如果第一个损失不该传到
# 主干，就像 GAN 的判别器不该训练生成器，用 `detach()` 把它隔开：

# %%
w.grad, h = None, w**2
(3 * h + 5 * h).backward()
print(f"sum     {w.grad.item():.0f}  by hand {(3 + 5) * 2 * 2}")
w.grad, h = None, w**2
head = torch.tensor(3.0, requires_grad=True)
(head * h.detach()).backward()
(5 * h).backward()
print(f"detach  {w.grad.item():.0f}  by hand {5 * 2 * 2}  head {head.grad.item():.0f}")

# %% [markdown] lang="en"
# The shared part may also be a line that stands before the loop, or
# [a running total](../autograd/accumulation.py#mistake) of losses:

# %% [markdown] lang="zh"
# 公共部分也可能是循环之前的一行，或者损失的
# [累计总和](../autograd/accumulation.py#mistake)：

# %% raises="RuntimeError: Trying to backward through the graph a second time"
log_scale = torch.tensor(0.0, requires_grad=True)
scale = log_scale.exp()
for x in (1.0, 2.0):
    loss = (scale * x - 3) ** 2
    loss.backward()

# %% [markdown] lang="en"
# Move the line into the loop:

# %% [markdown] lang="zh"
# 把这一行移进循环：

# %%
log_scale.grad = None
for x in (1.0, 2.0):
    scale = log_scale.exp()
    loss = (scale * x - 3) ** 2
    loss.backward()
by_hand = sum(2 * (x - 3) * x for x in (1.0, 2.0))
print(f"backward {log_scale.grad.item():.0f}  by hand {by_hand:.0f}")

# %% [markdown] lang="en"
# ### Hidden state carried across steps {#hidden-state}
#
# A sine wave in five pieces, to be predicted one value ahead. `state` remembers the
# graph of its piece, so the second `backward()` runs into the first piece:

# %% [markdown] lang="zh"
# ### 隐藏状态带到了下一步 {#hidden-state}
#
# 一条正弦曲线切成五段，每次预测下一个值。`state` 还连着自己那一段的计算图，
# 所以第二次 `backward()` 会走进第一段：

# %%
from torch import nn

signal = torch.sin(torch.arange(41) / 2)
inputs = signal[:-1].view(5, 8, 1, 1)  # (pieces, T, N, D)
targets = signal[1:].view(5, 8, 1, 1)  # (pieces, T, N, H)
torch.manual_seed(0)
gru = nn.GRU(1, 1)
optimizer = torch.optim.SGD(gru.parameters(), lr=0.1)
print(len(inputs), "pieces", sum(each.numel() for each in gru.parameters()), "weights")

# %% raises="RuntimeError: Trying to backward through the graph a second time"
state = None
for step, (piece, target) in enumerate(zip(inputs, targets, strict=True)):
    output, state = gru(piece, state)
    loss = nn.functional.mse_loss(output, target)
    print(f"step {step}  loss {loss.item():.4f}")
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()

# %% [markdown] lang="en"
# Detach the state: its numbers go on, its graph does not. This is truncated
# backpropagation through time.

# %% [markdown] lang="zh"
# 对状态调用 `detach()`：数值往下传，计算图不往下传。这就是截断的随时间反向传播。

# %%
state = None
for step, (piece, target) in enumerate(zip(inputs, targets, strict=True)):
    output, state = gru(piece, state)
    state = state.detach()
    loss = nn.functional.mse_loss(output, target)
    print(f"step {step}  loss {loss.item():.4f}")
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()

# %% [markdown] lang="en"
# The state of an LSTM is a tuple; detach both parts:

# %% [markdown] lang="zh"
# LSTM 的状态是一个元组，两部分都要 `detach()`：

# %%
output, state = nn.LSTM(1, 1)(inputs[0])
try:
    state.detach()
except AttributeError as error:
    print(error)
state = tuple(part.detach() for part in state)
print([part.requires_grad for part in state])

# %% [markdown] lang="en"
# ## Advice that does not work {#advice}
#
# ### "Set retain_graph=True" {#advice-retain-graph}
#
# The message itself proposes it. `count` calls `backward()` and counts the nodes that it
# runs; `alive` holds the saved tensors that are still kept:

# %% [markdown] lang="zh"
# ## 不管用的建议 {#advice}
#
# ### “加上 retain_graph=True” {#advice-retain-graph}
#
# 报错信息自己就这么建议。下面的 `count` 调用 `backward()`，数它执行了多少节点；
# `alive` 里是仍然留着的保存张量：


# %%
def count(loss, retain):
    ran, found, waiting = [], set(), [loss.grad_fn]
    while waiting:
        node = waiting.pop()
        if node is not None and node not in found:
            found.add(node)
            waiting += [parent for parent, _ in node.next_functions]
    hooks = [node.register_hook(lambda *_: ran.append(1)) for node in found]
    loss.backward(retain_graph=retain)
    for hook in hooks:
        hook.remove()
    return len(ran)


# %%
from weakref import WeakSet

alive = WeakSet()


class Saved:
    def __init__(self, tensor):
        self.tensor = tensor
        alive.add(self)


def unpack(saved):
    return saved.tensor


# %%
def measure(retain):
    rows, state = [], None
    with torch.autograd.graph.saved_tensors_hooks(Saved, unpack):
        for piece, target in zip(inputs, targets, strict=True):
            output, state = gru(piece, state)
            loss = nn.functional.mse_loss(output, target)
            nodes = count(loss, retain)
            if not retain:
                state = state.detach()
            rows.append((nodes, len(alive)))
    return rows


# %%
detached, retained = measure(retain=False), measure(retain=True)
print(f"{'':<7}{'detach()':>14}{'retain_graph=True':>19}")
print(f"{'step':<7}{'nodes':>7}{'kept':>7}{'nodes':>12}{'kept':>7}")
for step in range(5):
    (nodes, kept), (more, grown) = detached[step], retained[step]
    print(f"{step:<7}{nodes:>7}{kept:>7}{more:>12}{grown:>7}")

# %% [markdown] lang="en"
# Each step walks back to the very first piece and nothing is freed: both numbers grow
# with every step. And that was without an optimizer. With one, the second step finds its
# weights overwritten, which is [the next error](modified-by-inplace.py#step-between):

# %% [markdown] lang="zh"
# 每一步都要一直走回第一段，什么也不释放：两个数都逐步增长。这还没有用优化器。
# 用上之后，第二步发现权重已被改写，于是出现[下一个错误](modified-by-inplace.py#step-between)：

# %% raises="RuntimeError: has been modified by an inplace operation"
state = None
for piece, target in zip(inputs, targets, strict=True):
    output, state = gru(piece, state)
    loss = nn.functional.mse_loss(output, target)
    optimizer.zero_grad()
    loss.backward(retain_graph=True)
    optimizer.step()

# %% [markdown] lang="en"
# Where the gradient through all pieces is wanted, or that of two losses on one trunk,
# `retain_graph=True` does give it, as long as nothing is written in between. One
# `backward()` on the sum gives the same with a single walk:

# %% [markdown] lang="zh"
# 如果确实要穿过所有段的梯度，或者两个损失共用一段主干，`retain_graph=True` 算得对，
# 前提是中间没有写入。而对总和调用一次 `backward()`，只走一遍，结果相同：


# %%
def through_all(together):
    optimizer.zero_grad()
    state, total, nodes = None, 0.0, 0
    for piece, target in zip(inputs, targets, strict=True):
        output, state = gru(piece, state)
        loss = nn.functional.mse_loss(output, target)
        if not together:
            nodes += count(loss, retain=True)
        total = total + loss
    nodes += count(total, retain=False) if together else 0
    return f"nodes {nodes:>5}  gradient {gru.weight_ih_l0.grad[2].item():.4f}"


# %%
print("each piece", through_all(together=False))
print("the sum   ", through_all(together=True))

# %% [markdown] lang="en"
# ### "Call zero_grad, or clone the state" {#advice-zero-grad}
#
# `zero_grad()` clears gradients and leaves the graph alone; the loop above had it. A
# clone is one more operation in the same graph:

# %% [markdown] lang="zh"
# ### “调用 zero_grad，或者 clone 状态” {#advice-zero-grad}
#
# `zero_grad()` 清的是梯度，不动计算图，上面的循环里就有它。`clone()` 只是同一张图里
# 又多一个运算：

# %%
output, state = gru(inputs[0])
output.mean().backward()
optimizer.zero_grad()
output, _ = gru(inputs[1], state.clone())
try:
    output.mean().backward()
except RuntimeError as error:
    print(str(error).split(" (")[0])

# %% [markdown] lang="en"
# ### "Detach the loss" {#advice-detach-loss}
#
# It is the state that has to be detached. A detached loss has no graph at all, which is
# [another error](does-not-require-grad.py#cut):

# %% [markdown] lang="zh"
# ### “对损失调用 detach” {#advice-detach-loss}
#
# 该 `detach` 的是状态。损失一旦 `detach`，就完全没有计算图了，
# 那是[另一个错误](does-not-require-grad.py#cut)：

# %% raises="RuntimeError: element 0 of tensors does not require grad"
output.mean().detach().backward()

# %% [markdown] lang="en"
# ## Looks like it, is not {#looks-like}
#
# The same words without a second `backward()`: a saved tensor of a node is read after it
# was freed. And [modified by an inplace operation](modified-by-inplace.py) says that a saved
# tensor is still there, but was written to:

# %% [markdown] lang="zh"
# ## 看着像，其实不是 {#looks-like}
#
# 同样的话，却没有第二次 `backward()`：节点保存的张量释放之后，又去读它。至于
# [modified by an inplace operation](modified-by-inplace.py)，
# 说的是保存的张量还在，但被改写过：

# %%
loss = w**2
loss.backward()
try:
    loss.grad_fn._saved_self
except RuntimeError as error:
    print(str(error).split(". ")[0])
h = torch.exp(w)
h += 1
try:
    h.backward()
except RuntimeError as error:
    print(str(error).split(": ")[0])

# %% [markdown] lang="en"
# ## Read on {#read-on}
#
# - [What backward frees](../backprop/chain-rule.py#freed)
# - [Gradients add up](../autograd/accumulation.py), with one backward for each part
# - PyTorch: [`torch.Tensor.backward`][], [saved
#   tensors](https://docs.pytorch.org/docs/stable/notes/autograd.html#saved-tensors)

# %% [markdown] lang="zh"
# ## 延伸阅读 {#read-on}
#
# - [反向传播释放了什么](../backprop/chain-rule.py#freed)
# - [梯度会累加](../autograd/accumulation.py)：每一份各做一次反向传播
# - PyTorch：[`torch.Tensor.backward`][]、[保存的
#   张量](https://docs.pytorch.org/docs/stable/notes/autograd.html#saved-tensors)
