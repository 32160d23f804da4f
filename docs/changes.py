# %% [markdown] lang="en" needs="descent/autograd.py"
# # What changed since your tutorial {#changes}
#
# `{python} len(answers)` claims of tutorials and of the documentation, each run on PyTorch
# `{python} torch.__version__.split("+")[0]`. `{python} errors` stop with an exception and `{python} warned` brings a
# warning. The other `{python} answers.count(None)` run without a word, right or wrong.

# %% [markdown] lang="zh"
# # 旧教程里的说法，今天还对吗 {#changes}
#
# 教程和文档里的 `{python} len(answers)` 个说法，逐条在 PyTorch
# `{python} torch.__version__.split("+")[0]` 上运行。`{python} errors` 条抛出异常，`{python} warned` 条
# 引出警告，其余 `{python} answers.count(None)` 条不论对错，都一声不吭地运行完。

# %% [markdown] lang="en"
# Inside `claim` stands what a tutorial does, or what it says cannot work. `claim` keeps
# the exception or warning and prints its beginning. Outside it stands today's code or a
# check. To run one of the entries, run the next three cells first; no entry needs
# another.

# %% [markdown] lang="zh"
# `claim` 下面是教程的写法，或者教程认为行不通的写法；它记下异常或警告，并打印开头部分。`claim`
# 之外是今天的写法或核对。运行任何一条之前，只需先运行下面三个单元，各条之间互不依赖。

# %%
import sys
import warnings
from collections import Counter
from contextlib import contextmanager
from textwrap import shorten

import numpy as np
import torch
from torch import nn
from torch.autograd import Variable
from torch.autograd.graph import saved_tensors_hooks

answers = []


# %%
@contextmanager
def claim():
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        try:
            yield
            said = heard[-1].message if heard else None
        except (Exception, SystemExit) as error:
            said = error
    answers.append(said)
    if said is not None:
        print(shorten(f"{type(said).__name__}: {said}", 72, placeholder=" …"))


# %%
def train(model, params, x, y, steps, **options):
    sgd, losses = torch.optim.SGD(params, **options), []
    for _ in range(steps + 1):
        losses.append(nn.functional.mse_loss(model(x), y))
        sgd.zero_grad()
        losses[-1].backward()
        sgd.step()
    return losses


# %% [markdown] lang="en"
# ## Writing the loop {#loop}
#
# **It says**: wrap the weight, `Variable(torch.Tensor([1.0]), requires_grad=True)`.
# **Today**, since [0.4.0](https://pytorch.org/blog/pytorch-0_4_0-migration-guide/),
# that is a plain tensor, and `torch.tensor([1.0], requires_grad=True)` will do: [the
# old loop and the new](descent/autograd.py#old-style).

# %% [markdown] lang="zh"
# ## 循环怎么写 {#loop}
#
# **原文**：权重要包一层，`Variable(torch.Tensor([1.0]), requires_grad=True)`。
# **今天**：[0.4.0](https://pytorch.org/blog/pytorch-0_4_0-migration-guide/) 以来，它返回的就是
# 普通张量，写 `torch.tensor([1.0], requires_grad=True)` 即可，
# 见[新旧两种循环](descent/autograd.py#old-style)。

# %%
with claim():
    w = Variable(torch.Tensor([1.0]), requires_grad=True)
print(type(w) is torch.Tensor, w)

# %% [markdown] lang="en"
# **It says**: update by `w.data = w.data - …`. **Today** write `w -= …` under
# [`torch.no_grad`][]. The number is the same; what `.data` hides is [a write that
# backward needed to see](autograd/inplace.py#version).

# %% [markdown] lang="zh"
# **原文**：用 `w.data = w.data - …` 更新。**今天**：在 [`torch.no_grad`][] 里写
# `w -= …`。结果相同，但 `.data` 会[瞒过反向传播本该察觉的写入](autograd/inplace.py#version)。

# %%
old, new = (torch.tensor(1.0, requires_grad=True) for _ in range(2))
((3 * old - 6) ** 2 + (3 * new - 6) ** 2).backward()
with claim():
    old.data = old.data - 0.01 * old.grad.data
with torch.no_grad():
    new -= 0.01 * new.grad
print(f"{old:.4f} {new:.4f}")

# %% [markdown] lang="en"
# **It says**: `x`, `y` and the loss, on one line after the update. **Today** that is
# the loss *after* the update; the one that caused it is larger: [every update
# printed](descent/by-hand.py#trace).

# %% [markdown] lang="zh"
# **原文**：更新之后，把 `x`、`y` 和损失打印在同一行。**今天**：那是更新*之后*的
# 损失，引起这次更新的损失要更大，见[逐次打印](descent/by-hand.py#trace)。

# %%
w, x, y = 1.0, 1.0, 2.0
print(f"{'the loss that made the step':<30}{(w * x - y) ** 2:.4f}")
with claim():
    w = w - 0.01 * 2 * x * (w * x - y)
    print(f"{'the loss that is printed':<30}{(w * x - y) ** 2:.4f}")

# %% [markdown] lang="en"
# **It says**: `model = model()`, after `class model`. **Today** the class has lost its
# name, and a second model cannot be made. `w2` needs two names as well: there it is
# both the [second layer and the second step](backprop/mlp-by-hand.py#steps).

# %% [markdown] lang="zh"
# **原文**：先定义 `class model`，再写 `model = model()`。**今天**：类名被实例
# 覆盖，再也建不出第二个模型。同样该分开的还有 `w2`，原文里它既是第二层，
# 又是[第二步](backprop/mlp-by-hand.py#steps)。


# %%
class model(nn.Linear):
    pass


with claim():
    model = model(1, 1)
    model = model(1, 1)

# %% [markdown] lang="en"
# **It says**: compute the loss inside `forward`, with a global `mse`. **Today** such a
# model cannot predict without the answer. [`forward` returns the
# prediction](backprop/mlp-by-hand.py#forward), and the loop computes the loss.

# %% [markdown] lang="zh"
# **原文**：在 `forward` 里用全局变量 `mse` 算损失。**今天**：这种模型没有答案就
# 无法预测。应当让 [`forward` 返回预测值](backprop/mlp-by-hand.py#forward)，损失在循环里算。

# %%
mse = nn.MSELoss()


class Net(nn.Linear):
    def forward(self, x, y):
        return mse(super().forward(x), y)


with claim():
    Net(1, 1)(torch.ones(1, 1))

# %% [markdown] lang="en"
# **It says**: `exit()` in the loop, to stop after two steps. **Today** [it
# raises](https://docs.python.org/3/library/constants.html#exit) `SystemExit`, here by
# way of `sys.exit`, and what stands below the loop never runs. Write `break`.

# %% [markdown] lang="zh"
# **原文**：循环里写 `exit()`，走两步就停。**今天**：[它抛出](https://docs.python.org/3/library/constants.html#exit)
# `SystemExit`（这里用 `sys.exit`，效果相同），循环下面的代码都不会执行。应当写 `break`。

# %%
with claim():
    for step in range(10):
        if step == 2:
            sys.exit(0)
    print("below the loop")

# %% [markdown] lang="en"
# **It says**: `w * x` is a matrix multiplication. **Today** `*` goes element by element
# and `@` is the matrix product: [the same samples](descent/learning-rate.py#predict).

# %% [markdown] lang="zh"
# **原文**：`w * x` 是矩阵乘法。**今天**：`*` 是逐元素相乘，`@` 才是矩阵乘法，
# 见[同一组样本](descent/learning-rate.py#predict)。

# %%
w, x = torch.tensor([2.0, 2.0, 2.0]), torch.tensor([1.0, 2.0, 3.0])
with claim():
    print("w * x", w * x)
print("w @ x", w @ x)

# %% [markdown] lang="en"
# **It says**: `step` updates the gradient. **Today** it updates the weight and leaves
# the gradient: [what a step changes](descent/learning-rate.py#predict).

# %% [markdown] lang="zh"
# **原文**：`step` 更新梯度。**今天**：它更新的是权重，梯度原样不动，
# 见[更新改变的是什么](descent/learning-rate.py#predict)。

# %%
w = torch.tensor(1.0, requires_grad=True)
((3 * w - 6) ** 2).backward()
print(f"before  gradient {w.grad:.2f}  weight {w:.2f}")
with claim():
    torch.optim.SGD([w], lr=0.01).step()
print(f"after   gradient {w.grad:.2f}  weight {w:.2f}")

# %% [markdown] lang="en"
# **It says**: only dropout and batch normalisation differ between training and
# evaluation. **Today** others do too. [`RReLU`][torch.nn.RReLU] draws its slope in
# training: [two switches](autograd/no-grad.py#eval).

# %% [markdown] lang="zh"
# **原文**：训练与评估只差在 dropout 和批归一化。**今天**：还有别的模块，例如
# [`RReLU`][torch.nn.RReLU] 在训练时随机抽取斜率，见[两个开关](autograd/no-grad.py#eval)。

# %%
layer, x = nn.RReLU(), -torch.ones(100)
with claim():
    print("same twice in training  ", torch.equal(layer(x), layer(x)))
layer.eval()
print("same twice in evaluation", torch.equal(layer(x), layer(x)))

# %% [markdown] lang="en"
# **It says**: to evaluate, call `eval()`. **Today** everything is still recorded; that
# is stopped by [`torch.no_grad`][]: [one table of the
# switches](autograd/no-grad.py#table).

# %% [markdown] lang="zh"
# **原文**：评估时调用 `eval()`。**今天**：计算过程照样会被记录；不想记录，用
# [`torch.no_grad`][]，见[各种开关的对照表](autograd/no-grad.py#table)。

# %%
net, x = nn.Linear(1, 1), torch.ones(1, 1)
with claim():
    print("recorded in eval()       ", net.eval()(x).requires_grad)
with torch.no_grad():
    print("recorded under no_grad() ", net(x).requires_grad)

# %% [markdown] lang="en"
# ## Gradients and the graph {#graph}
#
# **It says**: the gradient of $(wx - y)^2$ is $2w(wx - y)$. **Today** with respect to
# $w$ it is $2x(wx - y)$: [descent with the wrong one](descent/by-hand.py#mistake).

# %% [markdown] lang="zh"
# ## 梯度与计算图 {#graph}
#
# **原文**：$(wx - y)^2$ 的梯度是 $2w(wx - y)$。**今天**：对 $w$ 求导是
# $2x(wx - y)$，见[用错误的梯度下降](descent/by-hand.py#mistake)。

# %%
w, x, y = torch.tensor(1.0, requires_grad=True), 3.0, 6.0
((w * x - y) ** 2).backward()
with claim():
    print("2w(wx - y)", (2 * w * (w * x - y)).item())
print("2x(wx - y)", (2 * x * (w * x - y)).item())
print("autograd  ", w.grad.item())

# %% [markdown] lang="en"
# **It says**: the gradient is the direction in which to learn. **Today** it points
# uphill, and the step goes against it: [the sign](descent/gradient.py#sign).

# %% [markdown] lang="zh"
# **原文**：梯度就是学习的方向。**今天**：梯度指向上坡，更新要逆着它走，
# 见[步子的方向](descent/gradient.py#sign)。

# %%
w = torch.tensor(1.0, requires_grad=True)
((3 * w - 6) ** 2).backward()
print(f"at w     {(3 * w - 6) ** 2:.4f}")
with claim():
    print(f"along    {(3 * (w + 0.01 * w.grad) - 6) ** 2:.4f}")
print(f"against  {(3 * (w - 0.01 * w.grad) - 6) ** 2:.4f}")

# %% [markdown] lang="en"
# **It says**: `requires_grad=True` means that the tensor will be updated. **Today** it
# only gets a gradient. What is updated is what the optimizer was given, or what [your
# own loop](descent/autograd.py#today) changes.

# %% [markdown] lang="zh"
# **原文**：`requires_grad=True` 表示这个张量会被更新。**今天**：它只是会得到梯度。
# 更新的是交给优化器的张量，或者[你自己的循环](descent/autograd.py#today)改写的张量。

# %%
w, b = (torch.tensor(1.0, requires_grad=True) for _ in range(2))
with claim():
    (w + b).backward()
    torch.optim.SGD([w], lr=0.1).step()
print(f"w {w:.2f}  gradient {w.grad:.0f}")
print(f"b {b:.2f}  gradient {b.grad:.0f}")

# %% [markdown] lang="en"
# **It says**: `x.grad_fn` changes with every operation on `x`. **Today** it is the
# *result* that gets one; that of a leaf stays `None`: [reading the
# graph](descent/autograd.py#graph).

# %% [markdown] lang="zh"
# **原文**：对 `x` 每做一次运算，`x.grad_fn` 就变一次。**今天**：得到 `grad_fn`
# 的是运算的*结果*，叶子张量的一直是 `None`，见[读计算图](descent/autograd.py#graph)。

# %%
x = torch.tensor(1.0, requires_grad=True)
with claim():
    y = x.exp().sin()
print(x.grad_fn, y.grad_fn.name())

# %% [markdown] lang="en"
# **It says**: a tensor that requires grad must be float. **Today** it may be [complex,
# too](https://docs.pytorch.org/docs/stable/notes/autograd.html#autograd-for-complex-numbers);
# the gradient of $|z|$ is $z / |z|$.

# %% [markdown] lang="zh"
# **原文**：需要梯度的张量必须是浮点数。**今天**：[复数也可以](https://docs.pytorch.org/docs/stable/notes/autograd.html#autograd-for-complex-numbers)，
# $|z|$ 的梯度是 $z / |z|$。

# %%
with claim():
    z = torch.tensor(3 + 4j, requires_grad=True)
    z.abs().backward()
    print(z.grad, z.detach() / 5)

# %% [markdown] lang="en"
# **It says**: a leaf is what the user made with `requires_grad=True`. **Today** any
# tensor that does not require grad is one too, computed or not:
# [`is_leaf`][torch.Tensor.is_leaf].

# %% [markdown] lang="zh"
# **原文**：叶子张量就是用户用 `requires_grad=True` 创建的张量。**今天**：凡是不需要
# 梯度的张量也都是叶子，哪怕是算出来的，见 [`is_leaf`][torch.Tensor.is_leaf]。

# %%
with claim():
    y = 2 * torch.ones(2)
print("is_leaf", y.is_leaf, " requires_grad", y.requires_grad)

# %% [markdown] lang="en"
# **It says**: a tensor made by the user, like `w`, is a leaf. **Today** `.to` another
# dtype is recorded, `w` is its result, and its `.grad` stays `None`. Give the dtype at
# creation: [what else makes a non-leaf](descent/autograd.py#mistake).

# %% [markdown] lang="zh"
# **原文**：用户创建的张量，例如这里的 `w`，就是叶子。**今天**：转成别的 dtype 的 `.to`
# 也会被记录，`w` 是它的结果，`.grad` 一直是 `None`。应当在创建时就给出 dtype，
# 见[还有什么会造出非叶子](descent/autograd.py#mistake)。

# %%
w = torch.tensor(1.0, requires_grad=True).to(torch.float64)
w.backward()
with claim():
    print("is_leaf", w.is_leaf, " grad", w.grad)

# %% [markdown] lang="en"
# **It says**: tensors are the nodes of the graph, operations its edges. **Today** the
# nodes are Functions; an `AccumulateGrad` stands for the leaf: [the graph,
# drawn](backprop/chain-rule.py#graph).

# %% [markdown] lang="zh"
# **原文**：计算图里张量是节点，运算是边。**今天**：节点是 Function，叶子张量由一个
# `AccumulateGrad` 代表，见[画出来的计算图](backprop/chain-rule.py#graph)。

# %%
w = torch.tensor(1.0, requires_grad=True)
node = (3 * w).grad_fn
with claim():
    print("node is a tensor:", isinstance(node, torch.Tensor))
print(node.name(), "->", node.next_functions[0][0].name())

# %% [markdown] lang="en"
# **It says**: after backward the non-leaf tensors are deleted. **Today** they are still
# there; what the *nodes* had saved is gone: [what backward
# frees](backprop/chain-rule.py#freed).

# %% [markdown] lang="zh"
# **原文**：反向传播之后，非叶子张量会被删除。**今天**：张量都还在，释放的是*节点*
# 保存的东西，见[反向传播释放了什么](backprop/chain-rule.py#freed)。

# %%
d = torch.tensor(3.0, requires_grad=True) - 6
L = d**2
L.backward()
with claim():
    print("still there:", d.item(), d.grad_fn.name())

# %% [markdown] lang="en"
# **It says**: `y.mean().backward()` does the same as `y.backward(ones)`. **Today** the
# mean divides by the number of elements: [what is passed to
# backward](backprop/chain-rule.py#local).

# %% [markdown] lang="zh"
# **原文**：`y.mean().backward()` 与 `y.backward(ones)` 等价。**今天**：平均要除以
# 元素个数，见[传给 backward 的是什么](backprop/chain-rule.py#local)。

# %%
x = torch.zeros(4, requires_grad=True)
with claim():
    print("mean", *torch.autograd.grad((3 * x).mean(), x))
print("ones", *torch.autograd.grad(3 * x, x, torch.ones(4)))

# %% [markdown] lang="en"
# ## Zeroing and stepping {#zeroing}
#
# **It says**: `w.grad.data.zero_()` after each step. **Today** `w.grad = None` does it,
# also before the first backward: [None or zeros](autograd/accumulation.py#none).

# %% [markdown] lang="zh"
# ## 清零与更新 {#zeroing}
#
# **原文**：每步之后写 `w.grad.data.zero_()`。**今天**：写 `w.grad = None` 即可，第一次反向传播
# 之前也能用，见 [None 还是零](autograd/accumulation.py#none)。

# %%
w = torch.tensor(1.0, requires_grad=True)
(3 * w).backward()
with claim():
    w.grad.data.zero_()
print(w.grad)

# %% [markdown] lang="en"
# **It says**: `optimizer.zero_grad()` leaves zeros. **Today**, since
# [2.0](https://github.com/pytorch/pytorch/pull/92731), it leaves `None`, and code that
# reads the gradient next fails: [None or zeros](autograd/accumulation.py#none).

# %% [markdown] lang="zh"
# **原文**：`optimizer.zero_grad()` 之后梯度是零。**今天**：
# [2.0](https://github.com/pytorch/pytorch/pull/92731) 以来是 `None`，接着读梯度的代码
# 就会报错，见 [None 还是零](autograd/accumulation.py#none)。

# %%
w = torch.tensor(1.0, requires_grad=True)
(3 * w).backward()
torch.optim.SGD([w], lr=0.01).zero_grad()
with claim():
    print(w.grad.abs().sum())

# %% [markdown] lang="en"
# **It says**: zeroing must come before `backward`. **Today** after `step` works too:
# one epoch ends where [the one by hand](descent/by-hand.py#samples) does. [All the
# places](autograd/accumulation.py#where).

# %% [markdown] lang="zh"
# **原文**：清零必须放在 `backward` 之前。**今天**：放在 `step` 之后也行，一轮的终点
# 与[手算的](descent/by-hand.py#samples)相同，见[可以放在哪里](autograd/accumulation.py#where)。

# %%
w = torch.tensor(1.0, requires_grad=True)
sgd = torch.optim.SGD([w], lr=0.01)
with claim():
    for x in (1.0, 2.0, 3.0, 4.0):
        ((w * x - 2 * x) ** 2).backward()
        sgd.step()
        sgd.zero_grad()
print(f"{w:.4f}  by hand {2 - 0.98 * 0.92 * 0.82 * 0.68:.4f}")

# %% [markdown] lang="en"
# **It says**: test `(a.grad and b.grad) is not None` before zeroing. **Today** `and`
# asks a tensor whether it is true, which only a single number can tell: [works by
# luck](autograd/accumulation.py#none).

# %% [markdown] lang="zh"
# **原文**：清零前先判断 `(a.grad and b.grad) is not None`。**今天**：`and` 要问
# 张量是真是假，只有单个数才答得上来，见[碰巧能用](autograd/accumulation.py#none)。

# %%
with claim():
    for size in (1, 2):
        a, b = (torch.ones(size, requires_grad=True) for _ in range(2))
        (a * b).sum().backward()
        print(size, (a.grad and b.grad) is not None)

# %% [markdown] lang="en"
# **It says**: `print("a:", a.grad, "b:", b.grad)` shows the result of the fit.
# **Today** that prints the last gradients; the result is `a` and `b`: [that
# run](descent/nothing-to-learn.py#run).

# %% [markdown] lang="zh"
# **原文**：用 `print("a:", a.grad, "b:", b.grad)` 显示拟合结果。**今天**：打印的是最后一次的
# 梯度，结果是 `a` 和 `b` 本身，见[那个例子](descent/nothing-to-learn.py#run)。

# %%
a, b = torch.tensor(1.0, requires_grad=True), torch.tensor(2.0, requires_grad=True)
((3 * a + b - 7) ** 2).backward()
with claim():
    print("a:", a.grad.item(), "b:", b.grad.item())
print("a:", a.item(), " b:", b.item())

# %% [markdown] lang="en"
# ## Memory and copies {#memory}
#
# **It says**: read a tensor by `x.data`. **Today** read it by `x.detach()`. It shares
# the memory and also the counter by which backward [notices a
# write](autograd/inplace.py#version); `.data` does not.

# %% [markdown] lang="zh"
# ## 内存与副本 {#memory}
#
# **原文**：用 `x.data` 读取张量。**今天**：用 `x.detach()`。它不仅共用内存，也共用计数器，
# 反向传播靠它[察觉写入](autograd/inplace.py#version)；`.data` 则不共用。

# %%
x = torch.ones(3)
with claim():
    x.data.add_(1)
print("writes counted:", x._version, x)
x.detach().add_(1)
print("writes counted:", x._version, x)

# %% [markdown] lang="en"
# **It says**: `x.detach().numpy()` is a deep copy. **Today** neither call copies: a
# write into the array is a write into `x`, and [not
# counted](autograd/inplace.py#version). Add `.copy()`.

# %% [markdown] lang="zh"
# **原文**：`x.detach().numpy()` 是深拷贝。**今天**：这两步都不复制，写数组就是写 `x`，
# 而且[不计数](autograd/inplace.py#version)。要副本就再加 `.copy()`。

# %%
x = torch.zeros(2, requires_grad=True)
with claim():
    array = x.detach().numpy()
array[0] = 5
x.detach().numpy().copy()[1] = 7
print(x.tolist())

# %% [markdown] lang="en"
# **It says**: `res1 = list(net.parameters())` keeps the weights from before training.
# **Today** it keeps the same objects, which training changes. Clone them: [what a list
# keeps](backprop/mlp-by-hand.py#sgd).

# %% [markdown] lang="zh"
# **原文**：`res1 = list(net.parameters())` 存下训练前的权重。**今天**：存的是同一批对象，
# 训练会改变它们。应当克隆，见[列表里存了什么](backprop/mlp-by-hand.py#sgd)。

# %%
net = nn.Linear(1, 1)
with claim():
    res1 = list(net.parameters())
kept = [p.detach().clone() for p in net.parameters()]
net(torch.ones(1, 1)).backward()
torch.optim.SGD(net.parameters(), lr=0.1).step()
print("res1 is as before:", torch.equal(res1[0], kept[0]))

# %% [markdown] lang="en"
# **It says**: `ReLU(inplace=True)` sometimes fails. **Today** the rule is known: a leaf
# that requires grad must not be overwritten, nor a tensor saved for backward, as
# sigmoid saves its output. After a linear layer it is fine: [the rule and a
# table](autograd/inplace.py#rule).

# %% [markdown] lang="zh"
# **原文**：`ReLU(inplace=True)` 有时会报错。**今天**：规则是明确的：需要梯度的叶子张量不能覆盖，
# 已为反向传播保存的张量也不能，例如 sigmoid 会保存自己的输出；线性层之后则没有问题，
# 见[规则与对照表](autograd/inplace.py#rule)。

# %%
relu, x = nn.ReLU(inplace=True), torch.zeros(1, 1, requires_grad=True)
relu(nn.Linear(1, 1)(x)).backward()
print("after a linear layer: no error")
with claim():
    relu(torch.sigmoid(x)).backward()

# %% [markdown] lang="en"
# **It says**: `ReLU(inplace=True)` saves memory. **Today** what is kept for backward is
# the same; what is saved is one buffer while the layer runs: [bytes
# counted](autograd/inplace.py#memory).

# %% [markdown] lang="zh"
# **原文**：`ReLU(inplace=True)` 节省内存。**今天**：为反向传播保存的一样多，
# 省下的只是前向经过这一层时的一块缓冲区，见[逐字节统计](autograd/inplace.py#memory)。


# %%
def kept(relu):
    found = []
    with saved_tensors_hooks(found.append, lambda t: t):
        nn.Sequential(nn.Linear(8, 8), relu, nn.Linear(8, 8))(torch.ones(64, 8))
    return sum({t.data_ptr(): t.nbytes for t in found}.values())  # bytes


with claim():
    print(kept(nn.ReLU(inplace=True)), "bytes in place,", kept(nn.ReLU()), "otherwise")

# %% [markdown] lang="en"
# **It says**: where `inplace=True` does harm, there is an error. **Today** a residual
# connection is wrong in silence: `h` is read after it was overwritten. [Wrong without
# an error](autograd/inplace.py#residual).

# %% [markdown] lang="zh"
# **原文**：`inplace=True` 出了问题就会报错。**今天**：用在残差连接里就会悄悄算错，因为读 `h` 时
# 它已被改写，见[错了，但不报错](autograd/inplace.py#residual)。

# %%
h = torch.tensor([-1.0, 2.0])
print("h + relu(h) ", h + torch.relu(h))
with claim():
    print("h + relu_(h)", h + torch.relu_(h))

# %% [markdown] lang="en"
# **It says**: the shape of `np.array([2, 2])` is (1, 2), and twice it prints as
# `[4,4]`. **Today** one pair of brackets is one axis, and NumPy prints [no
# commas](https://numpy.org/doc/stable/reference/generated/numpy.array2string.html).

# %% [markdown] lang="zh"
# **原文**：`np.array([2, 2])` 的形状是 (1, 2)，两个相加打印出 `[4,4]`。**今天**：一层括号就是一个
# 维度，NumPy 打印时[不加逗号](https://numpy.org/doc/stable/reference/generated/numpy.array2string.html)。

# %%
a = np.array([2, 2])
with claim():
    print(a.shape, a + a)
print(np.array([[2, 2]]).shape)

# %% [markdown] lang="en"
# ## Learning rates and fits {#fits}
#
# **It says**: a large learning rate, 0.5 with momentum 0.9, gets the result quickly.
# **Today** the loss of its network rises in the first step, and 0.1 ends far lower:
# [ReLUs die](backprop/momentum.py#large).

# %% [markdown] lang="zh"
# ## 学习率与拟合 {#fits}
#
# **原文**：学习率大，很快就能得到结果，取 0.5，动量 0.9。**今天**：原文那个网络第一步损失就上升，
# 取 0.1 的最终损失要低得多，见 [ReLU 是怎么死掉的](backprop/momentum.py#large)。

# %%
with claim():
    for lr in (0.5, 0.1):
        torch.manual_seed(666)
        x = torch.linspace(-1, 1, 10).unsqueeze(1)  # (N, D)
        y = x**2 + 0.2 * torch.rand(10, 1)
        net = nn.Sequential(nn.Linear(1, 10), nn.ReLU(), nn.Linear(10, 1))
        losses = train(net, net.parameters(), x, y, 200, lr=lr, momentum=0.9)
        print(f"lr {lr}", *(f"{losses[n]:8.4f}" for n in (0, 1, 200)))

# %% [markdown] lang="en"
# **It says**: after 100 epochs at 0.01 the prediction for 4 is 8. **Today** float32
# stops before: an update below half the gap between two numbers changes nothing.
# [float64 goes on](descent/learning-rate.py#stall).

# %% [markdown] lang="zh"
# **原文**：学习率 0.01，100 轮之后对 4 的预测是 8。**今天**：float32 提前停住，更新量不到相邻两数
# 间距的一半时，什么也改变不了；[float64 会继续](descent/learning-rate.py#stall)。

# %%
with claim():
    for dtype in (torch.float32, torch.float64):
        w = torch.tensor(1.0, dtype=dtype)
        for x in (1.0, 2.0, 3.0) * 100:
            w = w - 0.01 * 2 * x * (w * x - 2 * x)
        print(f"{dtype}  {4 * w.item():.7f}")

# %% [markdown] lang="en"
# **It says**: 2700 images, one by one at 0.0117 s, take 318 s an epoch. **Today** do
# the sum: there is a zero too many. In fives, at 0.516 s a batch, an epoch is
# `{python} f"{0.117 / (0.516 / 5) - 1:.0%}"` faster and no more: [what an epoch costs](descent/batches.py#cost).

# %% [markdown] lang="zh"
# **原文**：2700 张图片一张一批，每张 0.0117 s，一轮 318 s。**今天**：算一算，多写了一个零。五张一批，
# 每批 0.516 s，一轮只快 `{python} f"{0.117 / (0.516 / 5) - 1:.0%}"`，
# 见[一轮的代价](descent/batches.py#cost)。

# %%
with claim():
    print(f"0.0117 s x 2700     {0.0117 * 2700:6.1f} s")
print(f"0.117 s x 2700      {0.117 * 2700:6.1f} s")
print(f"0.516 s x 2700 / 5  {0.516 * 2700 / 5:6.1f} s")

# %% [markdown] lang="en"
# **It says**: 50 epochs fit $y = ax + b$. **Today** its `x` and `y` are drawn
# independently: there is nothing to learn, and 50 epochs end above [the closed
# form](descent/nothing-to-learn.py#best), which gains nothing over a constant.

# %% [markdown] lang="zh"
# **原文**：50 轮拟合出 $y = ax + b$。**今天**：它的 `x` 和 `y` 是各自独立抽取的，没有东西可学；拟合的
# 终点高于[闭式解](descent/nothing-to-learn.py#best)，而闭式解也并不比一个常数好。

# %%
torch.manual_seed(21)
x, y = (torch.randint(1, 5, (1, 20), dtype=float) for _ in range(2))
a, b = (torch.tensor(v, dtype=float, requires_grad=True) for v in (1.0, 2.0))
with claim():
    losses = train(lambda x: a * x + b, (a, b), x, y, 50, lr=0.01)
r = torch.corrcoef(torch.cat((x, y)))[0, 1]
print(f"after 50 epochs {losses[50]:.4f}")
print(f"least squares   {y.var(correction=0) * (1 - r**2):.4f}")
print(f"a constant      {y.var(correction=0):.4f}")

# %% [markdown] lang="en"
# ## What the documentation says {#documentation}
#
# **It says**: [`backward` once on a given
# graph](https://docs.pytorch.org/tutorials/beginner/basics/autogradqs_tutorial.html).
# **Today** a second one runs where nothing was saved, as in an addition: [what backward
# frees](backprop/chain-rule.py#freed).

# %% [markdown] lang="zh"
# ## 文档怎么说 {#documentation}
#
# **原文**：[同一张计算图只能 `backward`
# 一次](https://docs.pytorch.org/tutorials/beginner/basics/autogradqs_tutorial.html)。
# **今天**：没有保存过东西就可以再来一次，例如加法，
# 见[反向传播释放了什么](backprop/chain-rule.py#freed)。

# %%
a, b = (torch.tensor(1.0, requires_grad=True) for _ in range(2))
total = a + b
total.backward()
with claim():
    total.backward()
print(a.grad.item(), b.grad.item())

# %% [markdown] lang="en"
# **It says**: `detach()` [achieves the same
# result](https://docs.pytorch.org/tutorials/beginner/basics/autogradqs_tutorial.html)
# as `no_grad`. **Today** with `detach()` everything is recorded and saved first:
# [detach cuts a graph already built](autograd/no-grad.py#detach).

# %% [markdown] lang="zh"
# **原文**：`detach()` 与 `no_grad`
# [结果相同](https://docs.pytorch.org/tutorials/beginner/basics/autogradqs_tutorial.html)。
# **今天**：用 `detach()` 时先要全部记录、保存一遍，
# 见 [detach 切断的是已经建好的图](autograd/no-grad.py#detach)。

# %%
net, x, found = nn.Linear(2, 1), torch.ones(1, 2), []
with saved_tensors_hooks(found.append, lambda t: t):
    with claim():
        net(x).detach()
    print("saved with detach() ", len(found))
    found.clear()
    with torch.no_grad():
        net(x)
    print("saved under no_grad ", len(found))

# %% [markdown] lang="en"
# **It says**: in-place code that raises no error has [correct
# gradients](https://docs.pytorch.org/docs/stable/notes/autograd.html#in-place-correctness-checks).
# **Today** that holds for the writes it counts, and one through `.data` is not: [the
# sign is wrong](autograd/inplace.py#version).

# %% [markdown] lang="zh"
# **原文**：原地操作只要不报错，[梯度就一定正确](https://docs.pytorch.org/docs/stable/notes/autograd.html#in-place-correctness-checks)。
# **今天**：这只对被计数的写入成立，经由 `.data` 的不在其内，
# 见[符号反了](autograd/inplace.py#version)。

# %%
x = torch.tensor(0.0, requires_grad=True)
print("right", torch.autograd.grad(torch.sigmoid(x) + 1, x)[0].item())
s = torch.sigmoid(x)
with claim():
    s.data.add_(1)
    print("wrong", torch.autograd.grad(s, x)[0].item())

# %% [markdown] lang="en"
# **It says**: tensors made in
# [`inference_mode`][torch.autograd.grad_mode.inference_mode] cannot be used where
# autograd records. **Today** what is refused is to save them and to write into them; a
# sum does neither: [what it refuses](autograd/no-grad.py#mistake).

# %% [markdown] lang="zh"
# **原文**：在 [`inference_mode`][torch.autograd.grad_mode.inference_mode] 里创建的张量不能用于
# 被记录的计算。**今天**：被拒绝的是保存和原地写入，加法两样都不做，
# 见[它拒绝什么](autograd/no-grad.py#mistake)。

# %%
with torch.inference_mode():
    features = torch.ones(2)
w = torch.zeros(2, requires_grad=True)
with claim():
    (w + features).sum().backward()
print(w.grad)

# %% [markdown] lang="en"
# **It says**: accumulating over $k$ parts, divide [each loss by
# $k$](https://docs.pytorch.org/docs/stable/notes/amp_examples.html#gradient-accumulation).
# **Today** that is wrong as soon as one part is shorter; a part of $n_i$ among $N$
# samples weighs $n_i / N$: [a large batch in parts](autograd/accumulation.py#parts).

# %% [markdown] lang="zh"
# **原文**：分 $k$ 份累积梯度时，[每份的损失除以
# $k$](https://docs.pytorch.org/docs/stable/notes/amp_examples.html#gradient-accumulation)。
# **今天**：只要有一份不满就错了，$N$ 个样本里占 $n_i$ 个的那份，权重应是 $n_i / N$，
# 见[大批次分成几份](autograd/accumulation.py#parts)。


# %%
def slope(x):
    return (2 * x * (x - 2 * x)).mean().item()


x = torch.tensor([1.0, 2.0, 3.0, 4.0])
with claim():
    print(f"1 / k  {sum(slope(part) / 2 for part in x.split(3)):.4f}")
print(f"n / N  {sum(slope(part) * len(part) / 4 for part in x.split(3)):.4f}")
print(f"whole  {slope(x):.4f}")

# %% [markdown] lang="en"
# ## The count {#count}
#
# What `claim` kept. `None` is silence:

# %% [markdown] lang="zh"
# ## 统计 {#count}
#
# `claim` 记下的结果，`None` 表示什么也没说：

# %%
warned = sum(isinstance(said, Warning) for said in answers)
errors = len(answers) - answers.count(None) - warned
for kind, count in Counter(type(said) for said in answers).most_common():
    print(f"{kind.__name__.removesuffix('Type'):<16}{count:>3}")

# %% [markdown] lang="en"
# ## Sources {#sources}
#
# What 0.4.0 changed: [the migration
# guide](https://pytorch.org/blog/pytorch-0_4_0-migration-guide/). How autograd works
# today: [Autograd mechanics](https://docs.pytorch.org/docs/stable/notes/autograd.html).

# %% [markdown] lang="zh"
# ## 参考资料 {#sources}
#
# 0.4.0 改了什么：[迁移指南](https://pytorch.org/blog/pytorch-0_4_0-migration-guide/)。今天的
# autograd 如何工作：[Autograd mechanics](https://docs.pytorch.org/docs/stable/notes/autograd.html)。
