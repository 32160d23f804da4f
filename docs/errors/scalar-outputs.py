# %% [markdown] lang="en"
# # grad can be implicitly created only for scalar outputs {#scalar-outputs}
#
# `backward()` was called on several numbers at once. With
# `backward(torch.ones_like(loss))` it runs and gives the gradient of the sum:
# `{python} f"{of_sum:.4f}"`, where that of the mean is `{python} f"{of_mean:.4f}"`. At
# the same learning rate the mean converges and the sum diverges.

# %% [markdown] lang="zh"
# # grad can be implicitly created only for scalar outputs {#scalar-outputs}
#
# 不是对一个数，而是对一组数调用了 `backward()`。写成 `backward(torch.ones_like(loss))` 就能跑，
# 得到的却是总和的梯度 `{python} f"{of_sum:.4f}"`，而平均值的梯度是
# `{python} f"{of_mean:.4f}"`。同样的学习率，取平均收敛，求和发散。

# %% raises="RuntimeError: grad can be implicitly created only for scalar outputs"
import torch

x = torch.tensor([1.0, 2.0, 3.0])  # (N,)
y = 2 * x
w = torch.tensor(1.0, requires_grad=True)
loss = (w * x - y) ** 2  # (N,)
loss.backward()

# %% [markdown] lang="en"
# ## Why {#why}
#
# `backward(v)` computes the derivative of $v_1 L_1 + \dots + v_n L_n$. For one number
# $v = 1$ goes without saying, and torch fills it in. For several it does not guess: all
# ones would make it the sum, $1/n$ each the mean. What counts is the number of elements,
# not of dimensions, so a batch of one can hide it:

# %% [markdown] lang="zh"
# ## 原因 {#why}
#
# `backward(v)` 求的是 $v_1 L_1 + \dots + v_n L_n$ 的导数。只有一个数时，$v = 1$ 不言自明，
# torch 会自己补上。有好几个数时它不猜：全取 1 是总和，都取 $1/n$ 是平均值。
# 看的是元素个数，不是维数，所以批大小为一的时候，问题可能藏着不露：

# %%
for shape in ((), (1,), (1, 1), (2,), (0,)):
    try:
        torch.ones(shape, requires_grad=True).mul(2).backward()
        print(f"{shape!s:<7} runs")
    except RuntimeError:
        print(f"{shape!s:<7} raises")

# %% [markdown] lang="en"
# ## Fix {#fix}
#
# Say which number is to become small. For a loss of N samples it is nearly always the
# mean:

# %% [markdown] lang="zh"
# ## 解决 {#fix}
#
# 说清楚要让哪个数变小。N 个样本的损失，几乎总是取平均：

# %%
loss = ((w * x - y) ** 2).mean()
loss.backward()
of_mean = w.grad.item()
print(f"backward {of_mean:.4f}")
print(f"by hand  {(2 * (1.0 * x - y) * x).mean().item():.4f}")

# %% [markdown] lang="en"
# ## Which one is yours? {#causes}
#
# - [Vector loss](#vector-loss): the loss has one number for each sample.
# - [DataParallel](#data-parallel): one GPU runs, two raise.
# - [Shape mismatch](#shape-mismatch): `backward` got an argument of another shape, and
#   the message is `Mismatch in shape: grad_output[0] …`.

# %% [markdown] lang="zh"
# ## 你属于哪一种？ {#causes}
#
# - [损失是向量](#vector-loss)：每个样本一个数。
# - [DataParallel](#data-parallel)：一块 GPU 能跑，两块就报错。
# - [形状不符](#shape-mismatch)：给 `backward` 的参数形状不对，
#   报错信息是 `Mismatch in shape: grad_output[0] …`。

# %% [markdown] lang="en"
# ### The loss is a vector {#vector-loss}
#
# The program at the top is this case ([why](#why), [fix](#fix)). The other way to it is
# `reduction="none"`, mostly for weights or a mask:

# %% [markdown] lang="zh"
# ### 损失是向量 {#vector-loss}
#
# 页首的程序就是这一种（[原因](#why)、[解决](#fix)）。另一条路是 `reduction="none"`，
# 多半是为了加权或者遮掉一部分：

# %% raises="RuntimeError: grad can be implicitly created only for scalar outputs"
from torch import nn

mask = torch.tensor([1.0, 1.0, 0.0])  # (N,)
each = nn.functional.mse_loss(w * x, y, reduction="none")  # (N,)
(mask * each).backward()

# %% [markdown] lang="en"
# Divide by what was counted. A plain mean also divides by the places that are masked:

# %% [markdown] lang="zh"
# 除以实际计入的个数。直接取平均，会把遮掉的位置也除进去：

# %%
each = nn.functional.mse_loss(w * x, y, reduction="none")
masked, plain = (mask * each).sum() / mask.sum(), (mask * each).mean()
by_hand = (2 * (1.0 * x - y) * x)[:2].mean()
print(f"sum / mask.sum()  {torch.autograd.grad(masked, w, retain_graph=True)[0]:.4f}")
print(f"mean()            {torch.autograd.grad(plain, w)[0]:.4f}")
print(f"first two by hand {by_hand:.4f}")

# %% [markdown] lang="en"
# ### DataParallel gathers one loss from each replica {#data-parallel}
#
# [`DataParallel`][torch.nn.DataParallel] splits the batch, one part for each GPU. If the
# loss is computed inside, each replica returns a scalar, and these are joined to a
# vector. On a CPU it makes no replicas, and its `gather` refuses:

# %% [markdown] lang="zh"
# ### DataParallel 从每个副本收回一个损失 {#data-parallel}
#
# [`DataParallel`][torch.nn.DataParallel] 把一批数据切开，每块 GPU 分一份。如果损失在模型
# 里面计算，每个副本就返回一个标量，再拼成一个向量。在 CPU 上它不建副本，
# 其中的 `gather` 直接报错：


# %%
class WithLoss(nn.Module):
    def __init__(self):
        super().__init__()
        self.w = nn.Parameter(torch.tensor(1.0))

    def forward(self, x, y):
        return ((self.w * x - y) ** 2).mean()


model = nn.DataParallel(WithLoss())
print("replicas", len(model.device_ids), " loss", model(x, y).shape)
try:
    nn.parallel.gather([model(x, y), model(x, y)], "cpu")
except AssertionError as error:
    print(error)

# %% [markdown] lang="en"
# So what follows was **not run with GPUs**. It does by hand what the source of `gather`
# says: the batch in two parts, each scalar reshaped to `(1,)`, and the pieces joined.
# On GPUs there is a warning too, read here from that source:

# %% [markdown] lang="zh"
# 所以下面的程序**没有在 GPU 上运行**，而是照 `gather` 的源码手工做一遍：
# 一批切成两份，每个标量变成 `(1,)`，再拼起来。在 GPU 上还会有一条警告，
# 这里直接从源码里读出来：

# %%
texts = nn.parallel._functions.Gather.forward.__code__.co_consts
print(*(text for text in texts if "Was asked to gather" in str(text)))


# %% raises="RuntimeError: grad can be implicitly created only for scalar outputs"
def two_replicas(module):
    parts = zip(x.chunk(2), y.chunk(2), strict=True)
    return torch.cat([module(*part).view(1) for part in parts])  # (replicas,)


model = WithLoss()
loss = two_replicas(model)
print("loss", loss.tolist())
loss.backward()

# %% [markdown] lang="en"
# `loss.mean()` is what is usually written, and it is right only if the parts are equally
# large. Three samples on two replicas are two and one. Let the replicas return what
# they predict and compute the loss outside, on the whole batch:

# %% [markdown] lang="zh"
# 通常的写法是 `loss.mean()`，它只在每份一样大时才对。三个样本分给两个副本，
# 是两个和一个。让副本返回预测值，损失放到外面，在整批上计算：


# %%
class Predicts(nn.Module):
    def __init__(self):
        super().__init__()
        self.w = nn.Parameter(torch.tensor(1.0))

    def forward(self, x):
        return self.w * x


# %%
two_replicas(model).mean().backward()
outside = Predicts()
prediction = torch.cat([outside(part) for part in x.chunk(2)])  # (N,)
nn.functional.mse_loss(prediction, y).backward()
print(f"mean over the replicas   {model.w.grad.item():.4f}")
print(f"loss outside             {outside.w.grad.item():.4f}")
print(f"whole batch, one replica {of_mean:.4f}")

# %% [markdown] lang="en"
# ### The argument has another shape {#shape-mismatch}
#
# `v` must have the shape of the loss, one number for one number. A `v` of ones written
# for two GPUs fails with three; and a vector does not fit a loss that is already a mean:

# %% [markdown] lang="zh"
# ### 参数的形状不符 {#shape-mismatch}
#
# `v` 的形状必须与损失相同，一个数对一个数。为两块 GPU 写死的两个 1，换成三块就错了；
# 已经取过平均的损失，也配不上一个向量：

# %% raises="RuntimeError: Mismatch in shape: grad_output[0] has a shape of torch.Size([2])"
loss = (w * x - y) ** 2  # (N,)
loss.backward(torch.tensor([1.0, 1.0]))

# %% [markdown] lang="en"
# If the loss is a mean, call `backward()` without an argument. Where you do need a
# weighted sum, write the sum; the gradient is the same and the formula can be read. The
# last line gives a vector to a mean:

# %% [markdown] lang="zh"
# 损失已经取过平均，就调用不带参数的 `backward()`。确实需要加权和，就把和写出来：
# 梯度相同，公式也一目了然。最后一行则是把向量传给平均值：

# %%
v = torch.tensor([0.5, 0.25, 0.25])
w.grad = None
((w * x - y) ** 2).backward(v)
print(f"backward(v)           {w.grad.item():.4f}")
w.grad = None
(v * (w * x - y) ** 2).sum().backward()
print(f"(v * loss).sum()      {w.grad.item():.4f}")
try:
    ((w * x - y) ** 2).mean().backward(v)
except RuntimeError as error:
    print("mean().backward(v)   ", error)

# %% [markdown] lang="en"
# ## Advice that does not work {#advice}
#
# ### "backward(torch.ones_like(loss))" {#advice-ones}
#
# It raises no more. But ones mean the sum, `{python} len(x)` times the mean here, and
# with every batch size another factor. At the same learning rate:

# %% [markdown] lang="zh"
# ## 不管用的建议 {#advice}
#
# ### “backward(torch.ones_like(loss))” {#advice-ones}
#
# 不再报错了。可是全取 1 就是求和，在这里是平均值的 `{python} len(x)` 倍，
# 批大小一变，倍数也跟着变。同样的学习率：


# %%
def train(ones):
    w, path, slopes = torch.tensor(1.0, requires_grad=True), [], []
    optimizer = torch.optim.SGD([w], lr=0.1)
    for _ in range(4):
        optimizer.zero_grad()
        loss = (w * x - y) ** 2
        loss.backward(torch.ones_like(loss)) if ones else loss.mean().backward()
        slopes.append(w.grad.item())
        optimizer.step()
        path.append(f"{w.item():8.4f}")
    return slopes[0], path


# %%
of_sum, path = train(ones=True)
print(f"ones  gradient {of_sum:8.4f}  w", *path)
of_mean, path = train(ones=False)
print(f"mean  gradient {of_mean:8.4f}  w", *path)

# %% [markdown] lang="en"
# Ones are right where no loss is meant, but the slope at each point, as in a PINN: each
# $u_n$ depends on its own $t_n$ alone, so that nothing mixes in the sum. If the slope
# goes into a loss, add `create_graph=True`.

# %% [markdown] lang="zh"
# 如果要的不是损失的梯度，而是每个点上的导数（例如 PINN），全取 1 才是对的：
# 每个 $u_n$ 只依赖自己的 $t_n$，求和不会把它们混在一起。
# 导数还要进入损失的话，再加 `create_graph=True`。

# %%
t = torch.tensor([0.0, 1.0, 2.0], requires_grad=True)  # (N,)
u = t**3  # (N,)
(du,) = torch.autograd.grad(u, t, torch.ones_like(u))
print("du/dt  ", du.tolist())
print("by hand", (3 * t**2).tolist())

# %% [markdown] lang="en"
# ### "Take loss[0]" {#advice-first}
#
# Then one sample is trained on and the others are not: their part of the gradient is
# zero, whatever they are.

# %% [markdown] lang="zh"
# ### “取 loss[0]” {#advice-first}
#
# 那就只用一个样本训练，其余的都不算：不管它们是什么，对梯度的贡献都是零。

# %%
for targets in (y, torch.tensor([2.0, 40.0, -60.0])):
    loss = (w * x - targets) ** 2
    (first,) = torch.autograd.grad(loss[0], w, retain_graph=True)
    (mean,) = torch.autograd.grad(loss.mean(), w)
    print(f"targets {targets.tolist()!s:<19} loss[0] {first:.4f}  mean {mean:.4f}")

# %% [markdown] lang="en"
# ### "Add retain_graph=True" {#advice-retain-graph}
#
# The graph is not what is missing; the message stays the same:

# %% [markdown] lang="zh"
# ### “加上 retain_graph=True” {#advice-retain-graph}
#
# 缺的不是计算图，报错也还是那一条：

# %%
loss = (w * x - y) ** 2
try:
    loss.backward(retain_graph=True)
except RuntimeError as error:
    print(error)

# %% [markdown] lang="en"
# ## Looks like it, is not {#looks-like}
#
# A complex number counts as no scalar either: take `abs()` or the real part. `item()`
# leaves a Python number, `1.0` is no tensor, and two losses need a list of two, in which
# a loss that is a scalar may have `None`:

# %% [markdown] lang="zh"
# ## 看着像，其实不是 {#looks-like}
#
# 一个复数也不行，要取 `abs()` 或实部。`item()` 之后只剩一个 Python 数；`1.0` 不是张量；
# 两个损失要配一个两项的列表，其中标量损失的那一项可以是 `None`：

# %%
z = torch.tensor(3.0 + 4.0j, requires_grad=True)
calls = {
    "complex": lambda: (z**2).backward(),
    "item().backward()": lambda: loss.mean().item().backward(),
    "backward(1.0)": lambda: loss.backward(1.0),
    "two losses": lambda: torch.autograd.backward([loss, loss], [torch.ones(3)]),
}
for name, call in calls.items():
    try:
        call()
    except (RuntimeError, AttributeError, TypeError) as error:
        print(f"{name}\n    {error}")

# %% [markdown] lang="en"
# ## Read on {#read-on}
#
# - [What is passed to `backward`](../backprop/chain-rule.py#local)
# - [The gradient of a batch](../descent/batches.py#gradient); [a large batch in
#   parts](../autograd/accumulation.py#parts), where means of unequal parts go wrong too
# - PyTorch: [`torch.Tensor.backward`][], [`torch.nn.DataParallel`][]

# %% [markdown] lang="zh"
# ## 延伸阅读 {#read-on}
#
# - [传给 `backward` 的是什么](../backprop/chain-rule.py#local)
# - [一批数据的梯度](../descent/batches.py#gradient)；[大批次拆成
#   几份](../autograd/accumulation.py#parts)：各份不等时，平均的平均同样会错
# - PyTorch：[`torch.Tensor.backward`][]、[`torch.nn.DataParallel`][]
