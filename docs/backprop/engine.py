# %% [markdown] lang="en" needs="backprop/chain-rule.py"
# # An autograd engine in 100 lines {#engine}
#
# The usual toy engine is right only the first time. After three `backward` calls
# through ten additions its gradient is `{python} f"{repeated(Value, backward, 10, 3):.0f}"`; PyTorch's is `{python} f"{repeated(tensor, run_torch, 10, 3):.0f}"`. The
# engine built here stores no gradients, so none can be stale; on `{python} agreed` of
# `{python} graphs` random expressions it agrees with PyTorch.

# %% [markdown] lang="zh"
# # 一百行的自动求导引擎 {#engine}
#
# 常见的玩具引擎只有第一次是对的。对一串十个加法调用三次 `backward`，它的梯度是
# `{python} f"{repeated(Value, backward, 10, 3):.0f}"`，PyTorch 是 `{python} f"{repeated(tensor, run_torch, 10, 3):.0f}"`。这里写的引擎不保存梯度，也就不会有过期的梯度；`{python} graphs` 个随机
# 表达式中，`{python} agreed` 个与 PyTorch 一致。

# %% [markdown] lang="en"
# ## A toy that is right once {#toy}
#
# An operation keeps its operands and its derivative with respect to each, here called
# `slopes`. A sum has the slopes 1 and 1; in a product the slope of each factor is the
# other factor.

# %% [markdown] lang="zh"
# ## 只对一次的玩具 {#toy}
#
# 每个运算记下操作数，以及对每个操作数的局部导数，代码里叫 `slopes`。加法的局部导数
# 是 1 和 1；乘法对一个因子的局部导数就是另一个因子。


# %%
class Value:
    def __init__(self, value, operands=(), slopes=()):
        self.value, self.operands, self.slopes = value, operands, slopes
        self.grad = 0.0

    def __add__(self, other):
        return Value(self.value + other.value, (self, other), (1.0, 1.0))

    def __mul__(self, other):
        slopes = (other.value, self.value)
        return Value(self.value * other.value, (self, other), slopes)


(Value(3.0) * Value(2.0)).slopes

# %% [markdown] lang="en"
# A node's gradient is complete only after every node made of it has added a share. So
# the nodes are put in order, operands in front, and `backward` takes them in reverse.
# For $L = (wx - y)^2$ with $w = 1$, $x = 3$, $y = 6$; $e$ is used twice and gets two
# shares:

# %% [markdown] lang="zh"
# 一个节点可能用在好几处；每一处都把自己那一份加上之后，它的梯度才完整。所以先给节点
# 排序，操作数在前，`backward` 再按相反的次序处理。以 $L = (wx - y)^2$ 为例，取
# $w = 1$，$x = 3$，$y = 6$，其中 $e$ 用了两次，得到两份：


# %%
def walk(node, found):
    if node not in found:
        for operand in node.operands:
            walk(operand, found)
        found[node] = None
    return found


w = Value(1.0)
e = w * Value(3.0) + Value(-6.0)
L = e * e
print(*(node.value for node in walk(L, {})))


# %%
def backward(output):
    output.grad = 1.0
    for node in reversed(walk(output, {})):
        for operand, slope in zip(node.operands, node.slopes, strict=True):
            operand.grad += node.grad * slope


backward(L)
print("L", L.grad, " e", e.grad, " w", w.grad)

# %% [markdown] lang="en"
# ## Wrong the second time {#twice}
#
# In PyTorch repeated calls [add up](../autograd/accumulation.py) in the leaf:

# %% [markdown] lang="zh"
# ## 第二次就错 {#twice}
#
# 在 PyTorch 里，多次调用的结果在叶子张量上[累加](../autograd/accumulation.py)：

# %%
import torch


def tensor(value):
    return torch.tensor(value, requires_grad=True)


t = tensor(1.0)
loss = (t * 3 - 6) ** 2
loss.backward(retain_graph=True)
print(f"call 1  toy {w.grad:6.0f}  torch {t.grad:6.0f}")
for call in (2, 3):
    backward(L)
    loss.backward(retain_graph=True)
    print(f"call {call}  toy {w.grad:6.0f}  torch {t.grad:6.0f}")

# %% [markdown] lang="en"
# The toy adds up in the nodes between too, and passes on again what they had passed on
# before. In a chain of additions all slopes are 1, and every call should bring 1 more:

# %% [markdown] lang="zh"
# 玩具在中间节点上也累加，于是把已经传过的梯度又传了一遍。在一串加法里，所有局部导数
# 都是 1，每次调用应当只多送来 1：


# %%
def repeated(make, run, additions, calls):
    leaf = total = make(1.0)
    for _ in range(additions):
        total = total + make(1.0)
    for _ in range(calls):
        run(total)
    return leaf.grad


run_torch = torch.Tensor.backward
rows = [(f"toy, {n} additions", Value, backward, n) for n in (1, 2, 3, 10)]
for name, make, run, n in [*rows, ("torch, 10 additions", tensor, run_torch, 10)]:
    print(f"{name:<22}", *(f"{repeated(make, run, n, k):5.0f}" for k in range(1, 6)))

# %% [markdown] lang="en"
# That is Pascal's triangle: $\binom{n + k - 1}{n}$ after call $k$ through $n$ additions.
# [micrograd](https://github.com/karpathy/micrograd/blob/master/micrograd/engine.py), the
# model of this toy, adds up in every node in the same way. Both walk the graph by
# recursion, which Python limits:

# %% [markdown] lang="zh"
# 这是杨辉三角：$n$ 个加法，第 $k$ 次调用之后是 $\binom{n + k - 1}{n}$。这个玩具仿照的
# [micrograd](https://github.com/karpathy/micrograd/blob/master/micrograd/engine.py) 也是
# 这样，在每个节点上都累加。两者都用递归遍历计算图，而 Python 限制递归的深度：

# %%
import math

for k in (2, 3):
    print(f"{repeated(Value, backward, 10, k):.0f} is {math.comb(10 + k - 1, 10)}")
try:
    repeated(Value, backward, 10_000, 1)
except RecursionError as error:
    print("toy  ", type(error).__name__)
print("torch", repeated(tensor, run_torch, 10_000, 1).item())

# %% [markdown] lang="en"
# ## A node that never changes {#node}
#
# First the numbers. At $1/0$ or $\log 0$ Python raises; PyTorch returns `inf` or `nan`,
# as the standard IEEE 754 says. An engine that is to agree needs the same answers:

# %% [markdown] lang="zh"
# ## 不变的节点 {#node}
#
# 先说数值。遇到 $1/0$ 或 $\log 0$，Python 抛出异常，PyTorch 则按 IEEE 754 标准返回
# `inf` 或 `nan`。引擎要与 PyTorch 一致，就得给出同样的答案：

# %% tags=["source"]
from chainrule.ieee import divide, exp, log, power

# %%
zero, minus, big = torch.tensor([0.0, -1.0, 1000.0])
print("here ", divide(1.0, 0.0), log(0.0), power(-1.0, 0.5), exp(1000.0))
print("torch", *(z.item() for z in (1 / zero, zero.log(), minus**0.5, big.exp())))

# %% [markdown] lang="en"
# A node is a value and its edges, pairs of operand and slope; numbers get no edge. It
# is frozen and has no `.grad`. It can only be made of older nodes, so there are no
# cycles. The slope `None` lets nothing pass, not even `inf`. The methods in `__r…__`
# are for a number on the left, as in `3 * w`.

# %% [markdown] lang="zh"
# 节点只有值和边，一条边是一对：操作数和局部导数；普通的数没有边。节点是冻结的，没有
# `.grad`，而且只能由更早的节点算出，所以不会有环。局部导数为 `None` 时什么都不往下传，
# `inf` 也不传。`__r…__` 那几个方法用于数写在左边的情形，如 `3 * w`。

# %% tags=["source"]
from chainrule.engine import Node

# %% [markdown] lang="en"
# ## Gradients are returned, not stored {#gradients}
#
# [`order`][chainrule.engine.order] keeps a list of what is still to do instead of
# recursing. [`gradients`][chainrule.engine.gradients] adds up in a dictionary of its
# own, from zero in each call; `d[z]` is $dL/dz$.

# %% [markdown] lang="zh"
# ## 梯度是返回值，不是状态 {#gradients}
#
# [`order`][chainrule.engine.order] 不用递归，而用一个待办列表。
# [`gradients`][chainrule.engine.gradients] 在自己的字典里累加，每次调用都从零开始；
# `d[z]` 就是 $dL/dz$。

# %% tags=["source"]
from chainrule.engine import gradients, order

# %% [markdown] lang="en"
# The same loss, from $w$ to $L$. PyTorch's graph has as many nodes, counting the one
# that accumulates in the leaf:

# %% [markdown] lang="zh"
# 同一个损失，从 $w$ 到 $L$。把叶子上负责累加的那个也算上，PyTorch 的计算图节点数相同：

# %%
w, x, y = Node(1.0), 3.0, 6.0
L = (w * x - y) ** 2
functions = [loss.grad_fn]
while functions[-1].next_functions:
    functions.append(functions[-1].next_functions[0][0])
nodes = order(L)
print("value  slope  gradient  PyTorch's node")
for z, d, f in zip(nodes, gradients(L, nodes), reversed(functions), strict=True):
    slope = f"{z.edges[0][1]:.0f}" if z.edges else "-"
    print(f"{z.value:5.0f}{slope:>7}{d:>10.0f}  {type(f).__name__}")

# %% [markdown] lang="en"
# A second call finds what the first found. To accumulate is to add what is returned.
# The long chain works, here with one leaf in all 10,001 places:

# %% [markdown] lang="zh"
# 第二次调用得到的与第一次相同。想累加，把返回值加起来就行。那串长长的加法也没问题，
# 这里 10001 个位置上都是同一个叶子：

# %%
grad = 0.0
for call in (1, 2, 3):
    grad += gradients(L, [w])[0]
    print(f"call {call}  sum {grad:6.0f}")
total = w
for _ in range(10_000):
    total = total + w
print("chain", gradients(total, [w])[0])

# %% [markdown] lang="en"
# ## Against PyTorch {#torch}
#
# The same operators work on nodes and on tensors, so one function grows a random
# expression of either: twelve operations on any of three leaves and the results so far,
# then the sum of all. Some divide by zero; `inf` and `nan` must come out in the same
# places.

# %% [markdown] lang="zh"
# ## 与 PyTorch 对照 {#torch}
#
# 同样的运算符，节点和张量都能用，所以一个函数就能生成两种随机表达式：做十二次运算，
# 每次从三个叶子和已有的结果里任选操作数，最后把全部加起来。有些会除以零，这时 `inf` 和
# `nan` 也必须出现在相同的位置。

# %%
import operator
import random

pairs = [operator.add, operator.sub, operator.mul, operator.truediv]
singles = [lambda a, b: -a, lambda a, b: a.tanh(), lambda a, b: a.relu()]


def grow(make, seed):
    rng = random.Random(seed)
    pool = leaves = [make(rng.uniform(-2, 2)) for _ in range(3)]
    for _ in range(12):
        apply = rng.choice(pairs + singles)
        pool = [*pool, apply(rng.choice(pool), rng.choice(pool))]
    return leaves, sum(pool)


print(len(order(grow(Node, 0)[1])), "nodes, value", f"{grow(Node, 0)[1].value:.6f}")


# %%
def double(value):
    return torch.tensor(value, dtype=torch.float64, requires_grad=True)


graphs, agreed, finite = 300, 0, 0
for seed in range(graphs):
    leaves, output = grow(Node, seed)
    ours = torch.tensor(gradients(output, leaves), dtype=torch.float64)  # (3,)
    leaves, output = grow(double, seed)
    theirs = torch.stack(torch.autograd.grad(output, leaves))  # (3,)
    agreed += torch.allclose(ours, theirs, rtol=1e-9, equal_nan=True)
    finite += theirs.isfinite().all().item()
print(agreed, "of", graphs, "agree,", finite, "of them finite")

# %% [markdown] lang="en"
# At the edge of a domain or at a kink an engine has to choose. `equal` says that value
# and gradient are those of PyTorch:

# %% [markdown] lang="zh"
# 在定义域的边界或折点上，引擎必须作出选择。`equal` 表示值和梯度都与 PyTorch 相同：

# %%
cases = {
    "1 / x": (0.0, lambda x: 1 / x),
    "x / x": (0.0, lambda x: x / x),
    "x * x.log()": (0.0, lambda x: x * x.log()),
    "x.relu()": (0.0, lambda x: x.relu()),
    "x.relu().log()": (-1.0, lambda x: x.relu().log()),
    "x ** 0": (0.0, lambda x: x**0),
    "0 ** x": (0.0, lambda x: 0**x),
    "x ** 0.5": (0.0, lambda x: x**0.5),
    "(-2) ** x": (2.0, lambda x: (-2) ** x),
}

# %%
print(f"{'':<16}{'x':>3}{'value':>8}{'gradient':>10}")
for name, (at, f) in cases.items():
    x, t = Node(at), double(at)
    y, z = f(x), f(t)
    z.backward()
    ours = f"{y.value:>8}{gradients(y, [x])[0]:>10}"
    same = "equal" if ours == f"{z.item():>8}{t.grad.item():>10}" else "-----"
    print(f"{name:<16}{at:>3.0f}{ours}  {same}")

# %% [markdown] lang="en"
# $0 \log 0$ is `nan` in both, though its limit is 0. `x.relu().log()` at -1 is why there
# is `None`: the logarithm sends `inf` down, and times a slope of 0 that would be `nan`.

# %% [markdown] lang="zh"
# $0 \log 0$ 的极限是 0，但两边都给出 `nan`。`x.relu().log()` 在 -1 处说明了 `None` 的
# 用处：对数传下来的是 `inf`，乘以局部导数 0 就成了 `nan`。

# %% [markdown] lang="en"
# ## A network {#network}
#
# Four tanh units fit $y = x^2$ at five points. PyTorch draws the weights, the engine
# copies them, one node for each:

# %% [markdown] lang="zh"
# ## 一个网络 {#network}
#
# 用四个 tanh 单元在五个点上拟合 $y = x^2$。权重由 PyTorch 抽取，引擎照抄，每个权重
# 一个节点：

# %%
torch.manual_seed(0)
hidden, last = torch.nn.Linear(1, 4), torch.nn.Linear(4, 1)
model = torch.nn.Sequential(hidden, torch.nn.Tanh(), last).double()
params = [Node(v) for p in model.parameters() for v in p.flatten().tolist()]  # (13,)
xs = [-1.0, -0.5, 0.0, 0.5, 1.0]


def predict(params, x):
    w1, b1, w2, b2 = params[:4], params[4:8], params[8:12], params[12]
    h = [(w * x + b).tanh() for w, b in zip(w1, b1, strict=True)]  # (H,)
    return sum((w * a for w, a in zip(w2, h, strict=True)), b2)


def misfit(params):
    return sum((predict(params, x) - x * x) ** 2 for x in xs) / len(xs)


# %% [markdown] lang="en"
# A step of gradient descent makes new nodes. PyTorch changes its weights in place, and
# the losses are the same to ten decimals:

# %% [markdown] lang="zh"
# 梯度下降的每一步都生成新节点，PyTorch 则原地修改权重。两边的损失到十位小数都相同：

# %%
ours = []
for _ in range(200):
    L = misfit(params)
    ours.append(L.value)
    slopes = gradients(L, params)
    params = [Node(p.value - 0.2 * d) for p, d in zip(params, slopes, strict=True)]
print(f"loss {ours[0]:.6f} to {ours[-1]:.6f}")

# %%
inputs = torch.tensor(xs, dtype=torch.float64).unsqueeze(1)  # (N, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.2)
theirs = []
for _ in range(200):
    loss = torch.nn.functional.mse_loss(model(inputs), inputs**2)
    theirs.append(loss.item())
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
for n in (0, 1, 10, 100, 199):
    print(f"{n:>3}  engine {ours[n]:.10f}  torch {theirs[n]:.10f}")
print(sum(abs(a - b) < 1e-10 for a, b in zip(ours, theirs, strict=True)), "agree")

# %% [markdown] lang="en"
# What separates the two is how fine the nodes are. A node of ours is one number; one of
# PyTorch's is an operation on tensors, for all samples and units at once. Nodes for the
# same loss:

# %% [markdown] lang="zh"
# 两者的差别在于粒度。我们的一个节点是一个数；PyTorch 的一个节点是一次张量运算，所有
# 样本、所有单元一起算。同一个损失的节点数：

# %%
found, waiting = set(), [loss.grad_fn]
while waiting:
    f = waiting.pop()
    found.add(f)
    waiting += [g for g, _ in f.next_functions if g and g not in found]
print("engine", len(order(misfit(params))), " torch", len(found))

# %% [markdown] lang="en"
# ## A mistake to make once {#mistake}
#
# The last loss of the network has been through `backward`. Its operations had saved
# numbers for their slopes, and that call freed them:

# %% [markdown] lang="zh"
# ## 值得犯一次的错误 {#mistake}
#
# 网络的最后一个损失已经做过 `backward`。各个运算为局部导数保存了一些数，那次调用把
# 它们释放了：

# %% raises="RuntimeError: Trying to backward through the graph a second time"
loss.backward()

# %% [markdown] lang="en"
# The repair is a new forward pass. PyTorch's [tutorial](https://docs.pytorch.org/tutorials/beginner/basics/autogradqs_tutorial.html)
# allows one `backward` per graph without `retain_graph=True`. The additions above took
# five calls: they save nothing. Our edges keep their slopes while the output lives, and
# that is memory.

# %% [markdown] lang="zh"
# 修法是重新做一次前向传播。PyTorch 的[教程](https://docs.pytorch.org/tutorials/beginner/basics/autogradqs_tutorial.html)说，不加
# `retain_graph=True`，一个计算图只能 `backward` 一次。那串加法却做了五次，
# 因为加法什么都不保存。只要输出还在，我们的边就一直留着局部导数，代价是内存。

# %% [markdown] lang="en"
# What a node refuses is a tensor, whose history it would lose:

# %% [markdown] lang="zh"
# 节点拒绝的是张量，因为会丢掉张量的历史：

# %% raises="TypeError: expected a Node or a number, got Tensor"
w * torch.tensor(2.0)

# %% [markdown] lang="en"
# ## Try it {#exercises}
#
# 1. Add a sine, without touching `Node`.

# %% [markdown] lang="zh"
# ## 练习 {#exercises}
#
# 1. 不改 `Node`，加上正弦函数。

# %% [markdown] lang="en" tags=["answer"]
# A value and one edge with the slope $\cos a$:

# %% [markdown] lang="zh" tags=["answer"]
# 一个值，加一条局部导数为 $\cos a$ 的边：


# %% tags=["answer"]
def sin(a):
    return Node(math.sin(a.value), ((a, math.cos(a.value)),))


x, t = Node(0.5), double(0.5)
torch.sin(t * t).backward()
print(f"engine {gradients(sin(x * x), [x])[0]:.10f}")
print(f"torch  {t.grad:.10f}")

# %% [markdown] lang="en"
# 2. Go forwards instead, from one input to the output. How many such runs do all
# derivatives of the network take, and how many runs of `gradients`?

# %% [markdown] lang="zh"
# 2. 换个方向，从一个输入正着走到输出。求出网络的全部导数，这样要走几次？用
# `gradients` 呢？

# %% [markdown] lang="en" tags=["answer"]
# One for each of the `{python} len(params)` parameters, against one for all. With one input and many
# outputs it is the other way round. `order` lists operands first, as this needs:

# %% [markdown] lang="zh" tags=["answer"]
# 正着走要 `{python} len(params)` 次，每个参数一次；`gradients` 一次求出全部。输入只有一个、输出很多时则
# 相反。`order` 把操作数排在前面，正好合用：


# %% tags=["answer"]
def tangent(output, x):
    d = {}
    for z in order(output):
        shares = [d[a] * slope for a, slope in z.edges if slope is not None]
        d[z] = float(z is x) + sum(shares)
    return d[output]


L = misfit(params)
forwards = [tangent(L, p) for p in params]
both = zip(forwards, gradients(L, params), strict=True)
print(sum(math.isclose(a, b, rel_tol=1e-9) for a, b in both), "derivatives agree")

# %% [markdown] lang="en"
# 3. `gradients` returns numbers, and numbers have no history. What must change to get
# the second derivative of $x^4$?

# %% [markdown] lang="zh"
# 3. `gradients` 返回的是数，数没有历史。要得到 $x^4$ 的二阶导数，该改什么？

# %% [markdown] lang="en" tags=["answer"]
# Make the slopes nodes. For sums and products they exist already: a constant, and the
# other factor. Then the derivative is made of nodes and can be differentiated again,
# as in PyTorch with `create_graph=True`. The last column is the price:

# %% [markdown] lang="zh" tags=["answer"]
# 让局部导数也成为节点。加法和乘法的局部导数本来就有现成的节点：常数，和另一个因子。
# 这样导数由节点组成，可以再次求导，PyTorch 的 `create_graph=True` 也是如此。最后一列是
# 代价：

# %% tags=["answer"]
zero, one = Node(0.0), Node(1.0)


def plus(a, b):
    return Node(a.value + b.value, ((a, one), (b, one)))


def times(a, b):
    return Node(a.value * b.value, ((a, b), (b, a)))


# %% tags=["answer"]
def derivative(output, x):
    d = dict.fromkeys(order(output), zero) | {output: one}
    for z in reversed(order(output)):
        for a, slope in z.edges:
            d[a] = plus(d[a], times(d[z], slope))
    return d[x]


# %% tags=["answer"]
x, t = Node(2.0), double(2.0)
y, z = times(times(x, x), times(x, x)), t**4
for n in range(5):
    print(f"order {n}  engine {y.value:4.0f}  torch {z:4.0f}  nodes {len(order(y)):>5}")
    if n < 4:
        y = derivative(y, x)
        z = torch.autograd.grad(z, t, create_graph=True)[0]

# %% [markdown] lang="en"
# ## Sources {#sources}
#
# A. Karpathy, [micrograd](https://github.com/karpathy/micrograd), and the second call
# [as a user met it](https://github.com/karpathy/micrograd/issues/53). A. G. Baydin and
# others, [Automatic Differentiation in Machine Learning: a
# Survey](https://www.jmlr.org/papers/v18/17-468.html), 2018, on both directions.

# %% [markdown] lang="zh"
# ## 参考资料 {#sources}
#
# A. Karpathy，[micrograd](https://github.com/karpathy/micrograd)，以及
# [用户遇到的第二次调用](https://github.com/karpathy/micrograd/issues/53)。两个方向的
# 求导：A. G. Baydin 等，[Automatic Differentiation in Machine Learning: a
# Survey](https://www.jmlr.org/papers/v18/17-468.html)，2018。
