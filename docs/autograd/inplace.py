# %% [markdown] lang="en" needs="descent/autograd.py"
# # When in-place operations break backward {#inplace}
#
# After a sigmoid `ReLU(inplace=True)` changes `{python} changed["Sigmoid"]` numbers and
# backward raises; after a linear layer it changes `{python} changed["Linear"]` and the
# gradient is right. What counts is who saved the tensor. Bytes kept for backward:
# `{python} sizes["ReLU"][0]` without the flag, `{python} sizes["ReLU"][1]` with it.

# %% [markdown] lang="zh"
# # 原地操作何时会破坏反向传播 {#inplace}
#
# sigmoid 之后的 `ReLU(inplace=True)` 改动了 `{python} changed["Sigmoid"]` 个数，
# 反向传播报错；线性层之后的改动了 `{python} changed["Linear"]` 个数，梯度却是对的。
# 关键在于之前谁保存了这个张量。至于为反向传播占用的内存：普通 ReLU 是
# `{python} sizes["ReLU"][0]` 字节，原地版是 `{python} sizes["ReLU"][1]` 字节。

# %% [markdown] lang="en"
# ## One ReLU, two outcomes {#outcomes}
#
# A sigmoid returns positive numbers only, so a ReLU after it has nothing to do. This is
# the case that fails:

# %% [markdown] lang="zh"
# ## 同一个 ReLU，两种结果 {#outcomes}
#
# sigmoid 的输出全是正数，后面的 ReLU 什么也不用改。报错的偏偏是这一种：

# %%
import torch
from torch import nn

torch.manual_seed(0)
x0 = torch.randn(3, 4, requires_grad=True)
outputs = {"Linear": nn.Linear(4, 4)(x0), "Sigmoid": nn.Sigmoid()(x0)}
changed = {}
for name, h in outputs.items():
    before = h.detach().clone()
    nn.ReLU(inplace=True)(h)
    changed[name] = (h != before).sum().item()
    print(f"{name:<9}{changed[name]} of {h.numel()} numbers changed")

# %%
for name, h in outputs.items():
    try:
        h.sum().backward()
        print(f"{name:<9}backward runs")
    except RuntimeError:
        print(f"{name:<9}backward raises")

# %% [markdown] lang="en"
# ## Writes are counted, values are not compared {#version}
#
# Each tensor has a version counter, `_version`, and a write in place raises it. Views
# and what `detach()` returns share the counter of their source. `.data` and NumPy write
# past it:

# %% [markdown] lang="zh"
# ## 数的是写入次数，不比较数值 {#version}
#
# 每个张量都有一个版本计数器 `_version`，原地写入会让它增加。视图和 `detach()` 的结果与
# 原张量共用计数器；经由 `.data` 和 NumPy 的写入则绕过了它：

# %%
h = torch.zeros(3)
print("new              ", h._version)
h += 1
print("h += 1           ", h._version)
h.view(3, 1).mul_(2)
print("a view           ", h._version)
h.detach()[0] = 5
print("h.detach()[0] = 5", h._version)
h.data += 1
h.numpy()[0] = 9
print(".data and NumPy  ", h._version)

# %% [markdown] lang="en"
# An operation that saves a tensor saves its version too, and backward compares the two.
# So an uncounted write goes through. Sigmoid's derivative is $s(1 - s)$, and here
# backward takes the overwritten value for $s$:

# %% [markdown] lang="zh"
# 操作保存张量时连同版本号一起保存，反向传播时再比较两者。没被计数的写入因此畅通无阻。
# sigmoid 的导数是 $s(1 - s)$，这里反向传播拿被改写过的值当作 $s$：

# %%
x = torch.tensor(0.0, requires_grad=True)
right = torch.autograd.grad(torch.sigmoid(x) + 1, x)[0]
s = torch.sigmoid(x)
s.data += 1
wrong = torch.autograd.grad(s, x)[0]
print("right  0.5 * (1 - 0.5) =", right.item())
print(".data  1.5 * (1 - 1.5) =", wrong.item())

# %% [markdown] lang="en"
# The sign is wrong and nothing is said. PyTorch's
# [notes](https://docs.pytorch.org/docs/stable/notes/autograd.html#in-place-correctness-checks)
# promise correct gradients wherever in-place code raises no error. That holds for the
# writes it counts.

# %% [markdown] lang="zh"
# 符号反了，却没有任何提示。PyTorch
# [文档](https://docs.pytorch.org/docs/stable/notes/autograd.html#in-place-correctness-checks)
# 说，用了原地操作而没有报错，梯度就一定正确。这只对被计数的写入成立。

# %% [markdown] lang="en"
# ## Who saves what {#saved}
#
# The graph can be asked. Every built-in node has its saved tensors as attributes that
# start with `_saved_`. [`saved`][chainrule.inplace.saved] lists them and says which one
# is the output, marked here with a star:

# %% [markdown] lang="zh"
# ## 谁保存了什么 {#saved}
#
# 直接问计算图就行：每个内置节点保存的张量都是以 `_saved_` 开头的属性。
# [`saved`][chainrule.inplace.saved] 把它们列出来，并指出哪一个是输出（下面标了星号）：

# %% tags=["source"]
from chainrule.inplace import saved

# %%
a, b = torch.randn(3, 4), torch.randn(2, 3, 4, 4)
cases = [(layer, a) for layer in (nn.Linear(4, 4), nn.Dropout(), nn.GELU())]
cases += [(layer, b) for layer in (nn.Conv2d(3, 3, 3), nn.BatchNorm2d(3))]
cases += [(layer, a) for layer in (nn.ReLU(), nn.Sigmoid(), nn.Tanh(), nn.Softmax(1))]
cases += [(torch.exp, a), (torch.sqrt, a.abs())]


def label(produce):
    return getattr(produce, "__name__", type(produce).__name__)


# %%
for produce, x in cases:
    found = saved(produce(x.clone().requires_grad_()))
    names = [f"{name}*" if own else name for name, own in found.items()]
    print(f"{label(produce):<13}{' '.join(names)}")

# %% [markdown] lang="en"
# ReLU saves its output: where that is zero, no gradient passes. In place it writes and
# then saves, at version 1, so it never spoils its own backward. The one it can spoil
# belongs to whoever saved the tensor before:

# %% [markdown] lang="zh"
# ReLU 保存的是输出：输出为零的地方，梯度不通过。原地版先写入、后保存，
# 存下的已经是版本 1，所以不会破坏自己的反向传播。受害的只可能是在它之前保存了
# 这个张量的操作：

# %%
h = nn.Linear(4, 4)(a)
y = h.relu_()
print(y is h, saved(y), "version", y._version)

# %% [markdown] lang="en"
# ## The rule, and the table it predicts {#rule}
#
# Backward raises exactly when a counted write hit a tensor that it needs and that was
# saved before the write. [`verdict`][chainrule.inplace.verdict] tests this: it runs the
# write once in place and once into a clone, and compares values and gradients.

# %% [markdown] lang="zh"
# ## 规则，以及由它推出的表 {#rule}
#
# 张量先被保存、后被写入（且写入被计数），而反向传播又要用到它：恰好在这时报错。
# 用 [`verdict`][chainrule.inplace.verdict] 检验：同一个写入，原地做一次，对克隆做一次，
# 再比较数值和梯度。

# %% tags=["source"]
from chainrule.inplace import verdict


# %%
def leaf(x):
    return x


writes = [torch.relu_, lambda h: h.add_(1), lambda h: h.data.add_(1)]
print(f"{'':<13}{'relu_(h)':>10}{'h += 1':>10}{'h.data += 1':>14}{'h + relu_(h)':>15}")
for produce, x in [(leaf, a), *cases]:
    relu, add, data = (verdict(produce, write, x) for write in writes)
    residual = verdict(produce, torch.relu_, x, merge=torch.add)
    print(f"{label(produce):<13}{relu:>10}{add:>10}{data:>14}{residual:>15}")

# %% [markdown] lang="en"
# The first two columns raise at the leaf and where the output has a star. The third
# writes past the counter: the starred rows come out wrong. Many more layers are in
# [the map](../errors/inplace-map.py). Stars against verdicts:

# %% [markdown] lang="zh"
# 前两列报错的，是叶子张量和输出带星号的那些行。第三列绕过计数器写入，带星号的那些行
# 就成了 wrong。更多的层见[这张表](../errors/inplace-map.py)。拿星号与判定对照：

# %%
hits = 0
for produce, x in cases:
    star = any(saved(produce(x.clone().requires_grad_())).values())
    raises = verdict(produce, torch.relu_, x) == "raises"
    hits += star == raises
print(hits, "of", len(cases), "predicted")

# %% [markdown] lang="en"
# Some tensors are refused at the write itself, saved or not: leaves that require grad,
# views of such leaves, and the outputs of functions that return several views. Weights
# are such leaves; an update writes into them [under `no_grad`](no-grad.py).

# %% [markdown] lang="zh"
# 有些张量不管是否被保存，写入的当场就被拒绝：需要梯度的叶子张量、这种叶子的视图，
# 以及一次返回多个视图的函数的输出。权重就是这样的叶子，
# 更新时要[在 `no_grad` 之下](no-grad.py)写入。

# %%
for h in (x0, x0.view(12), (2 * x0).chunk(2)[0]):
    try:
        h.relu_()
    except RuntimeError as error:
        print(str(error).split(". ")[0])

# %% [markdown] lang="en"
# ## Wrong without an error {#residual}
#
# The last column is a residual connection. Python evaluates `h + relu_(h)` from left to
# right, but the left `h` is the tensor and not its numbers: they are read only after
# `relu_` has replaced them. Addition saves nothing, so nothing is checked.

# %% [markdown] lang="zh"
# ## 错了，但不报错 {#residual}
#
# 最后一列是残差连接。Python 从左到右求值 `h + relu_(h)`，但左边的 `h` 只是那个张量，
# 不是它的数值；真正读数时，`relu_` 已经改写完毕。加法什么也不保存，所以也无从检查。


# %%
def gradient(y):
    return torch.autograd.grad(y.sum(), x)[0].tolist()


x = torch.tensor([-1.0, 2.0], requires_grad=True)
h = 3 * x
y = h + torch.relu(h)
print("h + relu(h)   value", y.tolist(), "gradient", gradient(y))
h = 3 * x
y = h + torch.relu_(h)
print("h + relu_(h)  value", y.tolist(), " gradient", gradient(y))

# %% [markdown] lang="en"
# In both the gradient belongs to what was computed. What was computed is not the same:

# %% [markdown] lang="zh"
# 两边的梯度都与各自算出的函数相符，只是算的不是同一个函数：

# %%
import matplotlib.pyplot as plt

h = torch.linspace(-2, 2, 41)
same = h.clone()
plt.figure(figsize=(6.4, 3.2))
plt.plot(h, h + torch.relu(h), label="h + relu(h)")
plt.plot(h, same + torch.relu_(same), linestyle="--", label="h + relu_(h)")
plt.legend()
plt.xlabel("h")

# %% [markdown] lang="en" tags=["caption"]
# For positive `h` the two lines coincide. For negative `h` the out-of-place sum keeps
# slope one; the in-place sum (dashed) lies flat at zero: the skip connection is gone.

# %% [markdown] lang="zh" tags=["caption"]
# `h` 为正时两条线重合。`h` 为负时，非原地的和仍是斜率为一的直线，原地的和（虚线）
# 恒为零：跳跃连接不复存在。

# %% [markdown] lang="en"
# ## What the flag saves {#memory}
#
# Hooks on saved tensors see everything a forward pass keeps for backward. Here each
# activation stands between two linear layers:

# %% [markdown] lang="zh"
# ## 这个开关省下什么 {#memory}
#
# 在保存张量的时机挂上钩子，就能看到前向传播为反向传播留下的一切。
# 下面把每种激活函数夹在两个线性层之间：

# %% tags=["source"]
from chainrule.inplace import kept


# %%
def network(middle):
    return nn.Sequential(nn.Linear(8, 8), middle, nn.Linear(8, 8))


x = torch.randn(64, 8)  # (N, D), 2048 bytes
sizes = {}
for layer in (nn.ReLU, nn.ReLU6, nn.SiLU, nn.LeakyReLU, nn.ELU):
    plain = kept(network(layer()), x)
    flagged = kept(network(layer(inplace=True)), x)
    sizes[layer.__name__] = plain, flagged
    print(f"{layer.__name__:<10} plain {plain}  inplace {flagged}  bytes")

# %% [markdown] lang="en"
# ReLU saves its output either way, and the next layer saves the same memory as its
# input. What ReLU may overwrite is a tensor that nobody saved: it was not kept anyway.
# ReLU6 and SiLU need their input in backward, so in place they save a copy first:

# %% [markdown] lang="zh"
# 不管原地与否，ReLU 都保存输出，下一层再把同一块内存作为输入保存。ReLU 可以覆盖的张量
# 本来就没人保存，不会留到反向传播。ReLU6 和 SiLU 的反向传播需要输入，
# 原地执行时要先存一份副本：

# %%
for function in (nn.functional.relu6, nn.functional.silu, nn.functional.leaky_relu):
    h = nn.Linear(8, 8)(x)
    y = function(h, inplace=True)
    print(f"{function.__name__:<11} y is h: {y is h}  saved {saved(y)}")

# %% [markdown] lang="en"
# LeakyReLU and ELU do gain: in place they save their output, which the next layer saves
# anyway. For ReLU what remains is one buffer fewer at that point of the forward pass.
# [PyTorch](https://docs.pytorch.org/docs/stable/notes/autograd.html#in-place-operations-with-autograd) discourages in-place code unless memory is very
# short.

# %% [markdown] lang="zh"
# LeakyReLU 和 ELU 确有收益：原地版改为保存输出，而输出下一层本来就要保存。
# 对 ReLU 来说，省下的只是前向传播经过这里时的一块缓冲区。除非内存非常紧张，
# [文档](https://docs.pytorch.org/docs/stable/notes/autograd.html#in-place-operations-with-autograd)
# 不建议使用原地操作。

# %% [markdown] lang="en"
# ## A mistake to make once {#mistake}
#
# The output of a ReLU, and the input added to it with `+=`. There is no `inplace=True`
# to switch off:

# %% [markdown] lang="zh"
# ## 值得犯一次的错误 {#mistake}
#
# ReLU 的输出，再用 `+=` 加上输入。这里没有可以关掉的 `inplace=True`：

# %% raises="RuntimeError: output 0 of Relu, is at version 1; expected version 0"
x = torch.tensor([-1.0, 2.0], requires_grad=True)
h = torch.relu(3 * x)
h += x
h.sum().backward()

# %% [markdown] lang="en"
# - `torch.FloatTensor [2]`: type and shape of the overwritten tensor.
# - `output 0 of Relu`, formerly `ReluBackward0`: who made it and saved it, the victim.
# - `is at version 1; expected version 0`: it was written once since it was saved.
# - `Hint`: anomaly mode. It shows the line that saved the tensor, and says of the write:

# %% [markdown] lang="zh"
# - `torch.FloatTensor [2]`：被改写的张量的类型和形状。
# - `output 0 of Relu`（旧版写作 `ReluBackward0`）：谁产生并保存了它，即受害者。
# - `is at version 1; expected version 0`：保存之后又被写过一次。
# - `Hint`：打开异常检测。它会指出张量是哪一行保存的，关于写入则只说：

# %%
import warnings

with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    with torch.autograd.set_detect_anomaly(True):
        h = torch.relu(3 * x)
        h += x
        try:
            h.sum().backward()
        except RuntimeError as error:
            print(str(caught[-1].message).split(".")[0])
            print(str(error).split("gradient. ")[-1])

# %% [markdown] lang="en"
# The culprit is found by printing the counter from line to line. Here `+=` raises it:

# %% [markdown] lang="zh"
# 要找到肇事者，就逐行打印计数器。在这里，让它增加的是 `+=`：

# %%
h = torch.relu(3 * x)
print("after relu", h._version)
h += x
print("after +=  ", h._version)

# %% [markdown] lang="en"
# A write after a linear operation fails too, if another one saved the tensor as its
# *input*, as `square` does here. Then the message names the last writer instead:

# %% [markdown] lang="zh"
# 线性运算之后的写入也可能报错：只要有别的操作（这里是 `square`）已经把这个张量作为
# *输入*保存了下来。这时报错里写的是最后一次写入：

# %%
h = 3 * x
y = h.square()
h += x
try:
    y.sum().backward()
except RuntimeError as error:
    print(str(error).split("which is ")[1].split(" instead")[0])

# %% [markdown] lang="en"
# ### Both lines by name {#detective}
#
# In a large model one would print for long. [`detective`][chainrule.detective.detective]
# keeps the line of every save and of every write into what was saved:

# %% [markdown] lang="zh"
# ### 指出是哪两行 {#detective}
#
# 模型一大，就打印不过来了。[`detective`][chainrule.detective.detective] 会记下每次保存
# 在哪一行，以及之后是哪一行写了进去：

# %% tags=["source"]
from chainrule.detective import detective

# %% raises="RuntimeError: overwritten by add_ at line 3: h += x"
with detective():
    h = torch.relu(3 * x)
    h += x
    h.sum().backward()

# %% [markdown] lang="en"
# It sees the uncounted write of [the sigmoid](#version) too, by comparing numbers. The
# three causes of the error, seen through `detective`: [modified by an inplace
# operation](../errors/modified-by-inplace.py#detective).

# %% [markdown] lang="zh"
# [上面那个 sigmoid](#version) 没被计数的写入，`detective` 靠比较数值也能发现。用 `detective`
# 查这个报错的三种原因，见 [modified by an inplace operation](../errors/modified-by-inplace.py#detective)。

# %%
try:
    with detective():
        s = torch.sigmoid(x)
        s.data += 1
        s.sum().backward()
except RuntimeError as error:
    print(*str(error).split("operation: ")[1].splitlines(), sep="\n")

# %% [markdown] lang="en"
# ### What repairs it {#repairs}
#
# Compute out of place, or write into a clone, or write into the other operand, if that
# one was not saved. All give the same gradient:

# %% [markdown] lang="zh"
# ### 怎么修 {#repairs}
#
# 不用原地操作；或者写进一份克隆；或者换一边，写进没人保存的另一个加数。
# 三种写法梯度相同：

# %%
h = torch.relu(3 * x)
print("out of place  ", gradient(h + x))
h = torch.relu(3 * x).clone()
h += x
print("clone first   ", gradient(h))
h = 1 * x
h += torch.relu(3 * x)
print("the other side", gradient(h))

# %% [markdown] lang="en"
# ### What does not {#advice}
#
# Three common answers. The first leaves the error as it was. The other two silence it
# and keep the values right, but the gradient should be
# `{python} gradient(torch.relu(3 * x) + x)`:

# %% [markdown] lang="zh"
# ### 修不好的办法 {#advice}
#
# 三个常见的回答。第一个毫无作用；后两个让错误消失，数值也对，
# 可是梯度本该是 `{python} gradient(torch.relu(3 * x) + x)`：

# %%
h = torch.relu(3 * x)
h += x
try:
    h.sum().backward(retain_graph=True)
except RuntimeError as error:
    print("retain_graph=True", str(error).split("which ")[1].split(" instead")[0])
h = torch.relu(3 * x).detach()
h += x
print("detach()  value", h.tolist(), "gradient", gradient(h))
h = torch.relu(3 * x)
h.data += x.data
print(".data     value", h.tolist(), "gradient", gradient(h))

# %% [markdown] lang="en"
# `detach()` lost the path through the ReLU, `.data` the one through the addition.

# %% [markdown] lang="zh"
# `detach()` 丢了经过 ReLU 的路径，`.data` 丢了经过加法的路径。

# %% [markdown] lang="en"
# ## Try it {#exercises}
#
# 1. Your own code writes through NumPy, past the counter. How can backward be told?

# %% [markdown] lang="zh"
# ## 练习 {#exercises}
#
# 1. 你自己的代码通过 NumPy 写入，绕过了计数器。怎样让反向传播知道？

# %% [markdown] lang="en" tags=["answer"]
# Raise the counter yourself: [`torch.autograd.graph.increment_version`][].

# %% [markdown] lang="zh" tags=["answer"]
# 自己增加计数：[`torch.autograd.graph.increment_version`][]。

# %% tags=["answer"]
for told in (False, True):
    s = torch.sigmoid(x)
    s.detach().numpy()[:] += 1
    if told:
        torch.autograd.graph.increment_version(s)
    try:
        print("told", told, "wrong gradient", f"{gradient(s)[0]:.4f}")
    except RuntimeError as error:
        print("told", told, str(error).split("which ")[1].split(" instead")[0])

# %% [markdown] lang="en"
# 2. A residual block starts with `ReLU(inplace=True)`. Does `block(h) + h` instead of
#    `h + block(h)` help?

# %% [markdown] lang="zh"
# 2. 残差块的第一层是 `ReLU(inplace=True)`。把 `h + block(h)` 改成 `block(h) + h`
#    有用吗？

# %% [markdown] lang="en" tags=["answer"]
# No. The block overwrites its input, and the addition reads it afterwards in either
# order. A clone for the block helps, and so does `inplace=False` in its first layer.

# %% [markdown] lang="zh" tags=["answer"]
# 没用。残差块改写了输入，不管哪种次序，加法都在那之后才读它。给残差块一份克隆，
# 或者第一层用 `inplace=False`，都可以。

# %% tags=["answer"]
block = nn.Sequential(nn.ReLU(inplace=True), nn.Linear(4, 4))
h = nn.Linear(4, 4)(a).detach()
right = h + block(h.clone())
first = h.clone()
print("h + block(h)", torch.equal(first + block(first), right))
second = h.clone()
print("block(h) + h", torch.equal(block(second) + second, right))
block[0].inplace = False
print("inplace=False", torch.equal(block(h) + h, right))

# %% [markdown] lang="en"
# 3. Two backward passes over one graph, and between them an update writes into the
#    weights. Which tensor does the error name?

# %% [markdown] lang="zh"
# 3. 对同一个计算图做两次反向传播，中间原地更新了一次权重。报错里说的是哪个张量？

# %% [markdown] lang="en" tags=["answer"]
# The second layer's weight, transposed: the layer saved it to pass the gradient down.
# Version 1 was its initialization. The repair is a new forward pass after the step.

# %% [markdown] lang="zh" tags=["answer"]
# 第二层的权重（转置之后）：线性层保存了它，用来把梯度传给前一层。版本 1 来自初始化。
# 修法是更新之后重新做一次前向传播。

# %% tags=["answer"]
model = nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 1))
total = model(a).sum()
total.backward(retain_graph=True)
with torch.no_grad():
    for p in model.parameters():
        p -= 0.1 * p.grad
try:
    total.backward()
except RuntimeError as error:
    tensor, rest = str(error).split(": ")[1].split(", which ")
    print(tensor, rest.split(". ")[0], sep="\n")

# %% [markdown] lang="en"
# ## Sources {#sources}
#
# Version counters and saved tensors: PyTorch's notes on
# [autograd](https://docs.pytorch.org/docs/stable/notes/autograd.html). The flag:
# [`torch.nn.ReLU`][]. The mode in the hint: [`torch.autograd.set_detect_anomaly`][].

# %% [markdown] lang="zh"
# ## 参考资料 {#sources}
#
# 版本计数器与保存的张量：PyTorch 文档
# [autograd](https://docs.pytorch.org/docs/stable/notes/autograd.html)。开关本身：
# [`torch.nn.ReLU`][]。提示里的异常检测：[`torch.autograd.set_detect_anomaly`][]。
