# %% [markdown] lang="en" needs="descent/autograd.py"
# # no_grad, inference_mode, detach and eval, measured {#no-grad}
#
# A network in `eval()` still saves `{python} f"{rows['net.eval()(x)'].saved:,}"` bytes
# for a backward pass that nobody will run. `net(x).detach()` saves
# `{python} f"{rows['net(x).detach()'].saved:,}"` and throws them away. `no_grad` and
# `inference_mode` save none, but training refuses most uses of what the second returns.

# %% [markdown] lang="zh"
# # 逐个测量：no_grad、inference_mode、detach、eval {#no-grad}
#
# 处于 `eval()` 的网络仍会保存 `{python} f"{rows['net.eval()(x)'].saved:,}"` 字节，
# 留给一次根本不会发生的反向传播。`net(x).detach()` 先保存
# `{python} f"{rows['net(x).detach()'].saved:,}"` 字节，再全部扔掉。`no_grad` 和
# `inference_mode` 都不保存，但后者的结果拿去训练，多半会被拒绝。

# %% [markdown] lang="en"
# ## What a forward pass leaves behind {#count}
#
# When an input requires grad, a differentiable operation adds a node to the graph, and
# the node saves the tensors its derivative needs. Nodes are reached from `grad_fn`;
# [`saved_tensors_hooks`][torch.autograd.graph.saved_tensors_hooks] sees what they save.

# %% [markdown] lang="zh"
# ## 前向传播留下了什么 {#count}
#
# 只要有一个输入需要梯度，可导的运算就往计算图里加一个节点，节点保存求导要用的张量。
# 节点可以从 `grad_fn` 找到，保存的张量都经过
# [`saved_tensors_hooks`][torch.autograd.graph.saved_tensors_hooks]，所以两样都能数。

# %% tags=["source"]
from chainrule.recording import count_bytes, count_nodes

# %%
import torch
from torch import nn

torch.manual_seed(666)
x = torch.rand(100, 8)  # (N, D)
net = nn.Sequential(
    nn.Linear(8, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Dropout(0.5), nn.Linear(32, 1)
)
given = [x, *net.parameters(), *net.buffers()]
print("nodes of one forward pass     ", count_nodes(net(x)))
print("bytes of the input and weights", count_bytes(given))

# %% [markdown] lang="en"
# `measure` runs a computation once and counts the bytes `saved` while it runs and those
# `kept` when only the result is left. Then it tries the result out: may a recorded
# product save it (`reusable`), and may it be changed in place (`writable`)? The nodes
# are five layers, two transposed weights and six parameters.

# %% [markdown] lang="zh"
# `measure` 把计算运行一次，数出运行期间保存的字节（`saved`）和只剩结果时还留着的字节
# （`kept`）。然后拿结果试两件事：能否被一次有记录的乘法保存（`reusable`），
# 能否原地修改（`writable`）。上面数到的节点是五个层、两个权重的转置和六个参数。

# %% tags=["source"]
from chainrule.recording import measure

# %%
measure(lambda: net(x), given)

# %% [markdown] lang="en"
# The input and the weights exist anyway and are left out. The rest can be predicted. On
# a CPU: four float32 arrays of (N, H), which are the input of BatchNorm, the output of
# ReLU, the mask of Dropout and its output, and two statistics for each of the H units.

# %% [markdown] lang="zh"
# 输入和权重本来就在，不计入。其余的可以预测：在 CPU 上是四个 (N, H) 的 float32 数组，即
# BatchNorm 的输入、ReLU 的输出、Dropout 的掩码和输出；再加上 H 个隐藏单元各两个统计量。

# %%
predicted = 4 * 100 * 32 * 4 + 2 * 32 * 4  # bytes
measured = measure(lambda: net(x), given).saved
print(f"predicted {predicted}  measured {measured}  difference {measured - predicted}")

# %% [markdown] lang="en"
# ## One table {#table}
#
# The same network and input, called in eight ways. `inside` opens the given blocks, each
# within the one before: `no_grad > enable_grad` is a block of [`torch.enable_grad`][]
# in one of [`torch.no_grad`][].

# %% [markdown] lang="zh"
# ## 一张表 {#table}
#
# 同一个网络、同一个输入，八种调用方式。`inside` 把给定的代码块依次层层嵌套：
# `no_grad > enable_grad` 指在 [`torch.no_grad`][] 的代码块里再套一层
# [`torch.enable_grad`][]。

# %%
from contextlib import ExitStack


def inside(module, *modes):
    with ExitStack() as stack:
        for mode in modes:
            stack.enter_context(mode)
        return module(x)


# %%
calls = {
    "net(x)": lambda: net(x),
    "net.eval()(x)": lambda: net.eval()(x),
    "net(x).detach()": lambda: net(x).detach(),
    "no_grad": lambda: inside(net, torch.no_grad()),
    "no_grad > enable_grad": lambda: inside(net, torch.no_grad(), torch.enable_grad()),
    "set_grad_enabled(False)": lambda: inside(net, torch.set_grad_enabled(False)),
    "inference_mode": lambda: inside(net, torch.inference_mode()),
    "inference_mode > enable_grad": lambda: inside(
        net, torch.inference_mode(), torch.enable_grad()
    ),
}

# %%
rows = {}
print(f"{'':<28}{'nodes':>6}{'saved':>8}{'kept':>8}{'reusable':>10}{'writable':>10}")
for name, call in calls.items():
    net.train()
    row = rows[name] = measure(call, given)
    print(f"{name:<28}{row.nodes:>6}{row.saved:>8}{row.kept:>8}", end="")
    print(f"{row.reusable!s:>10}{row.writable!s:>10}")

# %% [markdown] lang="en"
# Only a result with nodes can send a gradient to the weights. `enable_grad` undoes
# `no_grad` but not [`inference_mode`][torch.autograd.grad_mode.inference_mode], where
# [`is_grad_enabled`][torch.is_grad_enabled] then says the opposite of what happens:

# %% [markdown] lang="zh"
# 只有带节点的结果才能把梯度传回权重。`enable_grad` 能撤销 `no_grad`，却撤销不了
# [`inference_mode`][torch.autograd.grad_mode.inference_mode]，而此时
# [`is_grad_enabled`][torch.is_grad_enabled] 说的与实际相反：

# %%
with torch.inference_mode(), torch.enable_grad():
    print("is_grad_enabled", torch.is_grad_enabled(), " recorded", net(x).requires_grad)

# %% [markdown] lang="en"
# ## eval and no_grad are two switches {#eval}
#
# [`eval()`][torch.nn.Module.eval] tells the modules how to compute; the grad mode
# decides whether that is recorded. The four combinations, with two passes each:

# %% [markdown] lang="zh"
# ## eval 与 no_grad 是两个开关 {#eval}
#
# [`eval()`][torch.nn.Module.eval] 决定各个模块怎么算，梯度模式决定算的过程要不要记录。
# 四种组合，各做两次前向：

# %%
print(f"{'module':<8}{'grad':<7}{'saved':>6}{'same twice':>12}{'BatchNorm moved':>17}")
for training in (True, False):
    for recording in (True, False):
        net.train(training)
        with torch.set_grad_enabled(recording):
            saved = measure(lambda: net(x), given).saved
            net[1].reset_running_stats()
            same = torch.equal(net(x), net(x))
        updates = int(net[1].num_batches_tracked)
        label = "train" if training else "eval"
        print(f"{label:<8}{recording!s:<7}{saved:>6}{same!s:>12}{updates:>17}")

# %% [markdown] lang="en"
# Under `no_grad` alone Dropout still draws, so two passes differ, and BatchNorm updates
# its running statistics, which during evaluation means with the validation data. Under
# `eval()` alone only the mask and output of Dropout and the batch statistics are not
# saved any more. Evaluation needs both.

# %% [markdown] lang="zh"
# 只用 `no_grad`，Dropout 照样随机丢弃，两次结果不同，BatchNorm 也照样更新滑动统计量，
# 评估时就等于用验证数据去更新。只用 `eval()`，少保存的只是 Dropout 的掩码和输出，
# 以及批统计量，其余照旧。评估时两个都要。

# %% [markdown] lang="en"
# ## detach cuts a graph already built {#detach}
#
# The [tutorial for
# beginners](https://docs.pytorch.org/tutorials/beginner/basics/autogradqs_tutorial.html)
# has [`detach()`][torch.Tensor.detach] "achieve the same result" as `no_grad`. The flag
# on the result is the same, the work is not. How much is saved depends on the cut:

# %% [markdown] lang="zh"
# ## detach 切断的是已经建好的图 {#detach}
#
# [官方入门教程](https://docs.pytorch.org/tutorials/beginner/basics/autogradqs_tutorial.html)
# 说，用 [`detach()`][torch.Tensor.detach] 能得到与 `no_grad` 同样的结果。
# 结果上的 `requires_grad` 确实一样，过程却不一样。保存多少，要看切在哪里：

# %%
net.train()
body, head = net[:4], net[4:]
cuts = {
    "net(x.detach())": lambda: net(x.detach()),
    "head(body(x).detach())": lambda: head(body(x).detach()),
    "net(x).detach()": lambda: net(x).detach(),
    "head(no_grad: body(x))": lambda: head(inside(body, torch.no_grad())),
}
print(f"{'':<24}{'nodes':>6}{'saved':>8}{'kept':>8}")
for name, call in cuts.items():
    row = measure(call, given)
    print(f"{name:<24}{row.nodes:>6}{row.saved:>8}{row.kept:>8}")

# %% [markdown] lang="en"
# With `detach()` everything is saved first. On the input it drops nothing, because it
# is the weights that require grad. In the middle it stops the gradient: the head learns
# and the body does not. `no_grad` around the body does the same without saving first.

# %% [markdown] lang="zh"
# 用 `detach()`，总是先全部保存。对输入调用，什么也扔不掉，因为需要梯度的是权重。
# 放在中间，它截断梯度：`head` 学习，`body` 不学。把 `body` 放进 `no_grad` 效果相同，
# 却不必先保存一遍。

# %% [markdown] lang="en"
# ## How far each switch reaches {#reach}
#
# `no_grad` is a block or a decorator, today also without parentheses. Called on a line
# of its own it does nothing, while
# [`set_grad_enabled`][torch.autograd.grad_mode.set_grad_enabled] acts at once:

# %% [markdown] lang="zh"
# ## 每个开关管到哪里 {#reach}
#
# `no_grad` 可以作代码块，也可以作装饰器，如今不带括号也行。单独写一行，它什么都不做；
# [`set_grad_enabled`][torch.autograd.grad_mode.set_grad_enabled] 则一调用就生效：


# %%
@torch.no_grad
def decorated():
    return torch.is_grad_enabled()


print("in a decorated function       ", decorated())
torch.no_grad()
print("after no_grad()               ", torch.is_grad_enabled())
torch.set_grad_enabled(False)
print("after set_grad_enabled(False) ", torch.is_grad_enabled())
torch.set_grad_enabled(True)
print("after set_grad_enabled(True)  ", torch.is_grad_enabled())

# %% [markdown] lang="en"
# Three things escape a `no_grad` block: other threads, tensors made with
# `requires_grad=True`, and so the parameters of layers built inside. What is computed
# from these tensors in the block is still not recorded.

# %% [markdown] lang="zh"
# 有三样东西不受 `no_grad` 代码块管：别的线程、用 `requires_grad=True` 新建的张量，
# 以及由此在块内构建的层的参数。不过，块内用这些张量做的运算仍然不被记录。

# %%
from concurrent.futures import ThreadPoolExecutor

with torch.no_grad(), ThreadPoolExecutor(1) as pool:
    leaf = torch.ones(2, requires_grad=True)
    double = leaf * 2
    layer = nn.Linear(2, 1)
    print("recording in another thread", pool.submit(torch.is_grad_enabled).result())
print("leaf requires grad         ", leaf.requires_grad)
print("layer.weight requires grad ", layer.weight.requires_grad)
print("leaf * 2 requires grad     ", double.requires_grad)

# %% [markdown] lang="en"
# ## What it is for {#use}
#
# The update step is [one use](../descent/autograd.py), evaluation is another. There,
# `total += loss` without `no_grad` keeps the graph of every batch alive, and no error
# says so. With the network in `eval()`:

# %% [markdown] lang="zh"
# ## 用在哪里 {#use}
#
# 一处是[更新参数](../descent/autograd.py)，另一处是评估。评估时不用 `no_grad` 而写
# `total += loss`，每一批的计算图都会一直留着，也不报任何错。下面网络处于 `eval()`：

# %%
net.eval()
y = torch.rand(100, 1)  # (N, K)


def evaluate(batches, item):
    total = torch.zeros(())
    for _ in range(batches):
        loss = nn.functional.mse_loss(net(x), y)
        total += loss.item() if item else loss
    return total


# %%
from functools import partial

sizes = range(1, 21)
whole = [measure(partial(evaluate, n, item=False), [*given, y]) for n in sizes]
items = [measure(partial(evaluate, n, item=True), [*given, y]) for n in sizes]
print(f"{'batches':>7}{'nodes':>7}{'kept':>9}{'predicted':>11}{'with item()':>13}")
for n in (1, 2, 10, 20):
    row, predicted = whole[n - 1], n * whole[0].kept
    print(f"{n:>7}{row.nodes:>7}{row.kept:>9}{predicted:>11}{items[n - 1].kept:>13}")

# %%
import matplotlib.pyplot as plt

plt.plot(sizes, [row.kept / 1000 for row in whole], "o-", label="total += loss")
plt.plot(sizes, [row.kept / 1000 for row in items], "s-", label="total += loss.item()")
plt.xticks(range(0, 21, 5))
plt.xlabel("batches")
plt.ylabel("kilobytes kept")
plt.legend()

# %% [markdown] lang="en" tags=["caption"]
# What the running total keeps alive after each batch: with `total += loss` the same
# amount more every time, a straight line; with `loss.item()` nothing.

# %% [markdown] lang="zh" tags=["caption"]
# 每一批之后累计值所占用的内存：`total += loss` 每次多出同样的量，是一条直线；
# 用 `loss.item()` 则始终为零。

# %% [markdown] lang="en"
# `item()` stops the growth, yet each pass still saves
# `{python} f"{items[0].saved:,}"` bytes and drops them. Under `no_grad` it saves none.

# %% [markdown] lang="zh"
# `item()` 止住了增长，但每次前向仍要保存 `{python} f"{items[0].saved:,}"` 字节再扔掉。
# 在 `no_grad` 里则一个字节也不保存。

# %% [markdown] lang="en"
# ## A mistake to make once {#mistake}
#
# The features of a fixed body are computed once and the head is trained on them. In the
# table `inference_mode` is no cheaper than `no_grad`. What it also leaves out are
# version counters and the tracking of views, and here the first is missed:

# %% [markdown] lang="zh"
# ## 值得犯一次的错误 {#mistake}
#
# 固定 `body`，先把特征算好存起来，之后只训练 `head`。从表里看，`inference_mode` 并不比
# `no_grad` 少存一个字节；它另外省掉的是版本计数器和视图跟踪，这里缺的正是前者：

# %%
with torch.inference_mode():
    features = body(x)  # (N, H)

# %% raises="RuntimeError: Inference tensors cannot be saved for backward."
head(features)

# %% [markdown] lang="en"
# The gradient of a weight contains its input, so `head` must save `features`. A saved
# tensor is guarded by its [version counter](inplace.py), and an inference tensor [has
# none](https://github.com/pytorch/rfcs/blob/master/RFC-0011-InferenceMode.md).
# Two ways out:

# %% [markdown] lang="zh"
# 权重的梯度里含有它的输入，所以 `head` 必须保存 `features`。保存的张量由
# [版本计数器](inplace.py)防止被改动，而推理张量
# [没有版本计数器](https://github.com/pytorch/rfcs/blob/master/RFC-0011-InferenceMode.md)。两条出路：

# %%
with torch.no_grad():
    recomputed = body(x)  # (N, H)
gradients = []
for hidden in (recomputed, features.clone()):
    head.zero_grad()
    nn.functional.mse_loss(head(hidden), y).backward()
    gradients.append(head[0].weight.grad)
torch.equal(*gradients)

# %% [markdown] lang="en"
# [The manual][torch.autograd.grad_mode.inference_mode] says that such tensors cannot be
# used in computations that autograd records. In fact it refuses to save them and to
# write into them, and an addition does neither. A new tensor computed from them outside
# is normal, a view is not:

# %% [markdown] lang="zh"
# [文档][torch.autograd.grad_mode.inference_mode]说，这种张量不能用于被自动求导记录的
# 计算。其实被拒绝的是保存和原地修改，而加法两样都不做，可以用。在代码块外由它算出的
# 新张量是普通张量，它的视图却不是：

# %%
shift = torch.zeros(32, requires_grad=True)  # (H,)
(features + shift).sum().backward()
print("gradient of the shift     ", shift.grad[:4])
print("features * 1 is_inference ", (features * 1).is_inference())
print("features[0]  is_inference ", features[0].is_inference())

# %% [markdown] lang="en"
# ## Try it {#exercises}
#
# 1. Freeze the body with `requires_grad_(False)` instead. What does a plain call of the
#    network save, and what if all of it is frozen?

# %% [markdown] lang="zh"
# ## 练习 {#exercises}
#
# 1. 换一种办法：用 `requires_grad_(False)` 冻结 `body`。直接调用网络会保存多少？
#    全部冻结呢？

# %% [markdown] lang="en" tags=["answer"]
# Recording starts at the first operation with an input that requires grad. With the
# body frozen, only the input of the head is saved; with all frozen, nothing. A frozen
# BatchNorm in `train()` still updates its statistics.

# %% [markdown] lang="zh" tags=["answer"]
# 从第一个有输入需要梯度的运算起才开始记录：冻结 `body` 时只保存 `head` 的输入，全部冻结
# 时什么都不保存。不过在 `train()` 下，冻结了的 BatchNorm 仍会更新统计量。

# %% tags=["answer"]
net.train()
net[1].reset_running_stats()
body.requires_grad_(False)
print("body frozen      ", measure(lambda: net(x), given).saved)
net.requires_grad_(False)
print("all frozen       ", measure(lambda: net(x), given).saved)
net.requires_grad_(True)
print("BatchNorm updates", int(net[1].num_batches_tracked))

# %% [markdown] lang="en"
# 2. A function decorated with `no_grad` calls the network under
#    `torch.inference_mode(fast)`. What does it save with `fast=False`?

# %% [markdown] lang="zh"
# 2. 一个用 `no_grad` 装饰的函数，在 `torch.inference_mode(fast)` 里调用网络。
#    `fast=False` 时保存多少？

# %% [markdown] lang="en" tags=["answer"]
# All of it. `inference_mode(False)` is not an empty block: it switches recording on,
# whatever was set outside. The empty block is `nullcontext()`.

# %% [markdown] lang="zh" tags=["answer"]
# 全部。`inference_mode(False)` 不等于什么都不做：不论外面怎么设，它都会打开记录。
# 什么都不做的是 `nullcontext()`。

# %% tags=["answer"]
from contextlib import nullcontext


@torch.no_grad
def predict(mode):
    with mode:
        return net(x)


modes = {
    "inference_mode(True)": torch.inference_mode(True),
    "inference_mode(False)": torch.inference_mode(False),
    "nullcontext()": nullcontext(),
}
for name, mode in modes.items():
    print(f"{name:<22}", measure(partial(predict, mode), given).saved)

# %% [markdown] lang="en"
# 3. A generator of batches yields inside `with torch.no_grad():`. What happens to the
#    training loop that consumes it? And with the decorator?

# %% [markdown] lang="zh"
# 3. 一个逐批产出数据的生成器，在 `with torch.no_grad():` 里面 `yield`。使用它的训练循环
#    会怎样？换成装饰器呢？

# %% [markdown] lang="en" tags=["answer"]
# Between two batches the generator still stands inside its block, so the loop body is
# not recorded either. The decorator leaves the mode at each `yield`.

# %% [markdown] lang="zh" tags=["answer"]
# 两批之间，生成器仍停在代码块里面，所以循环体也不被记录。装饰器则在每次 `yield` 时
# 恢复原来的模式。


# %% tags=["answer"]
def with_block():
    with torch.no_grad():
        yield from x.split(50)


@torch.no_grad
def with_decorator():
    yield from x.split(50)


print("block    ", [net(part).requires_grad for part in with_block()])
print("decorator", [net(part).requires_grad for part in with_decorator()])

# %% [markdown] lang="en"
# ## Sources {#sources}
#
# PyTorch: [the modes compared](https://docs.pytorch.org/docs/stable/notes/autograd.html),
# [history kept by a running total](https://docs.pytorch.org/docs/stable/notes/faq.html),
# [the design of inference mode](https://github.com/pytorch/rfcs/blob/master/RFC-0011-InferenceMode.md).

# %% [markdown] lang="zh"
# ## 参考资料 {#sources}
#
# PyTorch：[各种模式的比较](https://docs.pytorch.org/docs/stable/notes/autograd.html)，
# [累计值留住历史](https://docs.pytorch.org/docs/stable/notes/faq.html)，
# [推理模式的设计](https://github.com/pytorch/rfcs/blob/master/RFC-0011-InferenceMode.md)。
