# %% [markdown] lang="en" needs="descent/by-hand.py, descent/autograd.py"
# # Why backpropagation needs the chain rule {#chain-rule}
#
# To place the `{python} n` weights of a small network to four decimals, a grid search
# needs a number of tries that has `{python} len(str(40001**n))` digits. Finite differences need
# `{python} 2 * n` forward passes for one step. `backward` gives all `{python} n`
# derivatives for `{python} f"{ratio:.1f}"` times the matrix arithmetic of one such pass.

# %% [markdown] lang="zh"
# # 反向传播为什么需要链式法则 {#chain-rule}
#
# 要把一个小网络的 `{python} n` 个权重都定到四位小数，网格搜索的次数是一个
# `{python} len(str(40001**n))` 位数。有限差分每走一步要 `{python} 2 * n` 次前向传播。
# 而 `backward` 一次给出全部 `{python} n` 个导数，矩阵运算量只是一次前向传播的
# `{python} f"{ratio:.1f}"` 倍。

# %% [markdown] lang="en"
# ## Try every weight {#search}
#
# One weight, three samples near $y = 2x$. The plainest method knows nothing of slopes:
# it computes the loss at every point of a grid from 0 to 4 and keeps the best.

# %% [markdown] lang="zh"
# ## 把权重逐个试一遍 {#search}
#
# 一个权重，三个样本，都在 $y = 2x$ 附近。最朴素的办法完全不管斜率：在 0 到 4 的网格上
# 逐点计算损失，留下最好的。

# %%
xs, ys = [1.0, 2.0, 3.0], [2.1, 3.9, 6.2]


def loss(w):
    return sum((w * x - y) ** 2 for x, y in zip(xs, ys, strict=True)) / 3


for digits in (1, 2, 3, 4):
    grid = [i / 10**digits for i in range(4 * 10**digits + 1)]
    print(f"{min(grid, key=loss):<8}{len(grid):>6} evaluations")
products = sum(x * y for x, y in zip(xs, ys, strict=True))
print(f"{products / sum(x * x for x in xs):.4f}  exact")

# %% [markdown] lang="en"
# More frugal: start with 41 points, then for each digit lay a grid ten times as fine
# around the best so far, 21 points. With $n$ weights each of these counts is raised to
# the power $n$, and the 1-10-1 network below has 31:

# %% [markdown] lang="zh"
# 省一点的办法：先试 41 个点，之后每多一位，就在当前最好的点附近铺一层细十倍的网格，
# 21 个点。有 $n$ 个权重时，这些数目都要取 $n$ 次方，而下文的 1-10-1 网络有 31 个权重：

# %%
best, tries = min((i / 10 for i in range(41)), key=loss), 41
for digits in (2, 3, 4):
    near = [best + i / 10**digits for i in range(-10, 11)]
    best, tries = min(near, key=loss), tries + len(near)
print(f"{best:.4f}  {tries} evaluations\n")
print("weights   one grid   finer and finer")
for n in (1, 2, 31):
    print(f"{n:>7}{float(40001**n):>11.1e}{float(41**n + 3 * 21**n):>18.1e}")

# %% [markdown] lang="en"
# ## Follow the slope {#slope}
#
# Two evaluations, a little to each side, say which way is down.
# [Descent](../descent/by-hand.py) needs no grid. It stops here once a step no longer
# reaches the fourth decimal:

# %% [markdown] lang="zh"
# ## 顺着斜率走 {#slope}
#
# 在两侧各算一次损失，就知道哪边是下坡。[梯度下降](../descent/by-hand.py)用不着网格。
# 这里走到一步已影响不了第四位小数为止：

# %%
w, h, lr, evaluations, step = 1.0, 1e-6, 0.1, 0, 1.0
while abs(step) > 0.00005:
    step = lr * (loss(w + h) - loss(w - h)) / (2 * h)
    w -= step
    evaluations += 2
print(f"{w:.4f} after {evaluations} evaluations")

# %% [markdown] lang="en"
# With $n$ weights it is $2n$ evaluations a step: the exponent is gone, the factor is
# not. Each of them runs the whole model to learn about one weight, and repeats nearly
# everything that the others have computed.

# %% [markdown] lang="zh"
# $n$ 个权重时，每步要算 $2n$ 次：指数没有了，倍数还在。每一次都把整个模型跑一遍，
# 却只了解到一个权重，其中绝大部分计算与别的几次重复。

# %% [markdown] lang="en"
# ## One operation needs only its neighbours {#local}
#
# Let $z = xy$ be a step somewhere inside a model, with $x = 2$, $y = 3$, and let
# $\partial L / \partial z = 5$ be known already. What comes after $z$ matters through
# that 5 alone; the chain rule multiplies it by the step's own derivatives, $y$ and $x$:

# %% [markdown] lang="zh"
# ## 一个运算只需要知道前后 {#local}
#
# 设 $z = xy$ 是模型中间的一步，$x = 2$，$y = 3$，并且已经知道
# $\partial L / \partial z = 5$。$z$ 之后的一切，都只通过这个 5 起作用；链式法则拿它乘以
# 这一步自己的导数 $y$ 和 $x$：

# %%
import torch

x = torch.tensor(2.0, requires_grad=True)
y = torch.tensor(3.0, requires_grad=True)
z = x * y
z.backward(gradient=torch.tensor(5.0))
print("x.grad", x.grad.item(), "  by hand", 5 * y.item())
print("y.grad", y.grad.item(), "  by hand", 5 * x.item())

# %% [markdown] lang="en"
# There was no $L$ at all. Any $L$ with a slope of 5 at $z = 6$ gives the same:

# %% [markdown] lang="zh"
# 这里根本没有 $L$。任何在 $z = 6$ 处斜率为 5 的 $L$，结果都一样：

# %%
for function in (lambda z: 5 * z, lambda z: z**2 - 7 * z, lambda z: 30 * z.log()):
    print(*(d.item() for d in torch.autograd.grad(function(x * y), (x, y))))

# %% [markdown] lang="en"
# ## The graph of one sample {#graph}
#
# So each operation is recorded with what its derivative needs, and with where the
# product is to go. That record is the graph. [`read`][chainrule.graph.read] asks the
# nodes themselves:

# %% [markdown] lang="zh"
# ## 一个样本的计算图 {#graph}
#
# 所以每个运算都要记下两样东西：求导要用的数，以及乘积该送给谁。这份记录就是计算图。
# [`read`][chainrule.graph.read] 直接向各个节点查询：

# %% tags=["source"]
from chainrule.graph import read

# %% [markdown] lang="en"
# $L = (wx - y)^2$ at $w = 1$, $x = 3$, $y = 6$, one name for each step. The steps are
# not leaves; [`retain_grad`][torch.Tensor.retain_grad] asks for their gradients too. A
# line holds a Function, the tensor it computed, what it saved, and the numbers of the
# lines it will send gradients to:

# %% [markdown] lang="zh"
# $L = (wx - y)^2$，取 $w = 1$、$x = 3$、$y = 6$，每一步起一个名字。中间结果不是叶子张量，
# 用 [`retain_grad`][torch.Tensor.retain_grad] 让它们也留下梯度。每一行依次是：Function、
# 它算出的张量、它保存的数、梯度将送往第几行：

# %%
w, x, y = torch.tensor(1.0, requires_grad=True), 3.0, 6.0
p = w * x
d = p - y
L = d**2
for tensor in (p, d, L):
    tensor.retain_grad()
for i, node in enumerate(read(L, w=w, p=p, d=d, L=L)):
    print(i, f"{node.name:<16}{node.values!s:<14}{node.saved!s:<17}{node.next_nodes}")

# %% [markdown] lang="en"
# Some tutorials say that tensors are the nodes and operations the edges; PyTorch's own
# says that [the leaves are the input tensors](https://docs.pytorch.org/tutorials/beginner/basics/autogradqs_tutorial.html). All are
# Functions ([`Node`][torch.autograd.graph.Node]); an `AccumulateGrad` holds `w`:

# %% [markdown] lang="zh"
# 有的教程说张量是节点、运算是边；PyTorch 官方教程则说[叶子就是输入
# 张量](https://docs.pytorch.org/tutorials/beginner/basics/autogradqs_tutorial.html)。
# 其实节点全是 Function（[`Node`][torch.autograd.graph.Node]），`w` 由一个
# `AccumulateGrad` 持有：

# %%
square, subtract = L.grad_fn, d.grad_fn
leaf = p.grad_fn.next_functions[0][0]
for node in (square, subtract, leaf):
    print(isinstance(node, torch.autograd.graph.Node), isinstance(node, torch.Tensor))
print(square.next_functions[0][0] is subtract, leaf.variable is w)

# %% [markdown] lang="en"
# Subtraction saves nothing, since its derivatives are 1 and -1 everywhere. The product
# saves `x` but not `w`, which only the gradient of `x` would need, and `x` is a plain
# number. Now backward:

# %% [markdown] lang="zh"
# 减法什么也不保存，因为它的导数处处是 1 和 -1。乘法保存了 `x`，没有保存 `w`：`w` 只在
# 求 `x` 的梯度时才用得上，而 `x` 只是一个普通的数。现在做反向传播：

# %%
L.backward()
dL = 1.0
dd = 2 * d.item() * dL
dp = 1 * dd
dw = x * dp
for name, tensor, by_hand in (("d", d, dd), ("p", p, dp), ("w", w, dw)):
    print(f"{name}.grad {tensor.grad.item():>5}   by hand {by_hand:>5}")

# %% [markdown] lang="en"
# The same nodes drawn, forward values in blue, backward gradients in red-brown:

# %% [markdown] lang="zh"
# 把同样的节点画出来，前向的值用蓝色，反向的梯度用红褐色：

# %% tags=["source"]
from chainrule.drawing import Graph

# %%
Graph(read(L, w=w, p=p, d=d, L=L))

# %% [markdown] lang="en" tags=["caption"]
# The graph after backward: four Functions in a column, the square on top, the leaf
# below. Read upwards, the values are 1, 3, -3, 9; read downwards, the gradients are 1,
# -6, -6, -18. What the square and the product had saved is marked freed.

# %% [markdown] lang="zh" tags=["caption"]
# 反向传播之后的计算图：四个 Function 排成一列，平方在最上，叶子在最下。从下往上读，值是
# 1、3、-3、9；从上往下读，梯度是 1、-6、-6、-18。平方和乘法保存的数标为 freed（已释放）。

# %% [markdown] lang="en"
# ## What backward frees {#freed}
#
# "After backward the non-leaf tensors are deleted": they are all still there, with
# value, gradient and `grad_fn`. What is gone is the *nodes'* hold on what they saved.
# The square had saved `d` itself, which the name `d` still holds:

# %% [markdown] lang="zh"
# ## 反向传播释放了什么 {#freed}
#
# 常听说“反向传播之后非叶子张量会被删除”。其实它们都还在，值、梯度、`grad_fn` 一样不少；
# 没有了的，是*节点*对所存张量的引用。平方保存的正是 `d`，而变量 `d` 仍引用着它：

# %%
print(d.item(), d.grad.item(), d.grad_fn.name())
try:
    _ = L.grad_fn._saved_self
except RuntimeError as error:
    print(str(error).split(" (")[1].split(")")[0])

# %% [markdown] lang="en"
# Hence "[`backward` once on a given
# graph](https://docs.pytorch.org/tutorials/beginner/basics/autogradqs_tutorial.html)"
# is too strict: where nothing was saved, nothing is missing the second time.

# %% [markdown] lang="zh"
# 所以“[同一张计算图只能 `backward`
# 一次](https://docs.pytorch.org/tutorials/beginner/basics/autogradqs_tutorial.html)”
# 说得太绝对：没有保存过东西，第二次就什么也不缺。

# %%
a = torch.tensor(2.0, requires_grad=True)
b = torch.tensor(3.0, requires_grad=True)
for result in (a + b, a - b, -a, a.mean(), 2 * a, a * b, a**2, a.exp()):
    first = read(result)[0]
    result.backward()
    try:
        result.backward()
        again = "runs"
    except RuntimeError:
        again = "raises"
    print(f"{first.name:<15}{again:<8}{first.saved or 'saved nothing'}")

# %% [markdown] lang="en"
# ## A value used twice {#twice}
#
# Write the square as a product, $L = d \cdot d$. The node has two inputs, both lead to
# the same place, and the chain rule adds over paths: $d + d$ in place of $2d$.

# %% [markdown] lang="zh"
# ## 一个值用了两次 {#twice}
#
# 把平方写成乘积 $L = d \cdot d$。这个节点有两个输入，通往同一个地方；链式法则对各条路径
# 求和：$2d$ 变成了 $d + d$。

# %%
w = torch.tensor(1.0, requires_grad=True)
d = w * x - y
L = d * d
d.retain_grad()
for node in (L.grad_fn, d.grad_fn):
    node.register_hook(lambda sent, _: print("sent", *sent))
L.backward()
print("d.grad", d.grad.item(), "  w.grad", w.grad.item())
Graph(read(L, w=w, d=d, L=L))

# %% [markdown] lang="en" tags=["caption"]
# Two wires leave the upper product and meet at the subtraction. Each brings -3; their
# sum, -6, is what goes on. What the two products had saved is freed.

# %% [markdown] lang="zh" tags=["caption"]
# 两条线从上面的乘法出发，在减法处会合。每条送来 -3，往下传的是两者之和 -6。两个乘法
# 保存的数都已释放。

# %% [markdown] lang="en"
# The subtraction waited for both before it ran. So each node runs once, however many
# paths lead through it.

# %% [markdown] lang="zh"
# 减法等两份都到齐才运行。所以不论有多少条路径经过，每个节点只运行一次。

# %% [markdown] lang="en"
# ## All derivatives at once {#all}
#
# The 1-10-1 network, with all its derivatives by central differences, in float64:

# %% [markdown] lang="zh"
# ## 一次得到全部导数 {#all}
#
# 回到 1-10-1 网络，用中心差分逐个求出全部导数，float64：

# %%
from torch import nn

torch.manual_seed(666)
inputs = torch.linspace(-1, 1, 10, dtype=torch.float64).unsqueeze(1)  # (N, 1)
targets = inputs**2 + 0.2 * torch.rand(inputs.shape)  # (N, 1)
net = nn.Sequential(nn.Linear(1, 10), nn.ReLU(), nn.Linear(10, 1)).double()
weights = nn.utils.parameters_to_vector(net.parameters()).detach()  # (31,)


def evaluate(weights):
    nn.utils.vector_to_parameters(weights, net.parameters())
    return nn.functional.mse_loss(net(inputs), targets)


# %%
count, measured = 0, []
for nudge in 1e-6 * torch.eye(len(weights), dtype=torch.float64):
    with torch.no_grad():
        rise = evaluate(weights + nudge) - evaluate(weights - nudge)
    count += 2
    measured.append(rise / 2e-6)
error = evaluate(weights)
nodes = read(error)
error.backward()
exact = nn.utils.parameters_to_vector([p.grad for p in net.parameters()])
print(f"{count} forward passes, or 1 and a backward through {len(nodes)} nodes")
print("agree:", torch.allclose(torch.stack(measured), exact, atol=1e-8))

# %% [markdown] lang="en"
# PyTorch can count the arithmetic. `FlopCounterMode` counts that of matrix products; an
# addition and a multiplication are two:

# %% [markdown] lang="zh"
# 计算量也可以让 PyTorch 来数。`FlopCounterMode` 统计矩阵乘法的运算次数，一次加法和一次
# 乘法算两次：

# %%
from torch.utils.flop_counter import FlopCounterMode

print("weights  forward  backward  ratio  differences")
for hidden in (10, 100, 1000):
    net = nn.Sequential(nn.Linear(1, hidden), nn.ReLU(), nn.Linear(hidden, 1)).double()
    with FlopCounterMode(display=False) as counter:
        error = nn.functional.mse_loss(net(inputs), targets)
        forward = counter.get_total_flops()
        error.backward()
    backward, size = counter.get_total_flops() - forward, 3 * hidden + 1
    ratio = backward / forward
    print(f"{size:>7}{forward:>9}{backward:>10}{ratio:>7}{2 * size * forward:>13}")

# %% [markdown] lang="en"
# Each product has two in backward, one for each factor, except that nobody asks for the
# gradient of the inputs: three products for two, however many weights there are.
# Differences grow with the square. At `{python} size` weights they would take
# `{python} round(2 * size / ratio)` times the arithmetic of `backward`.

# %% [markdown] lang="zh"
# 前向的每个乘积在反向中对应两个，每个因子一个；只有输入的梯度没人要，于是前向两个乘积，
# 反向三个，与权重个数无关。差分的计算量则按平方增长：`{python} size` 个权重时，是 `backward`
# 的 `{python} round(2 * size / ratio)` 倍。

# %% [markdown] lang="en"
# ## A mistake to make once {#mistake}
#
# A second backward through a graph that has a sum and a product:

# %% [markdown] lang="zh"
# ## 值得犯一次的错误 {#mistake}
#
# 计算图里既有加法又有乘法，再反向传播一次：

# %%
a = torch.tensor(2.0, requires_grad=True)
b = torch.tensor(3.0, requires_grad=True)
L = a + b * b
L.backward()
print(a.grad, b.grad)

# %% raises="RuntimeError: Trying to backward through the graph a second time"
L.backward()

# %% [markdown] lang="en"
# The sum passes and the product raises. In between, `a` had its turn:

# %% [markdown] lang="zh"
# 加法通过了，到乘法才报错。而在两者之间，`a` 已经收到了它的那一份：

# %%
print(a.grad, b.grad)

# %% [markdown] lang="en"
# The failed call has doubled one gradient and not the other; code that catches the error
# and goes on would train on that. Clear the gradients and run the forward pass again.
# `retain_graph=True`, which the message offers, doubles both. How a training loop gets
# into this: [the running total](../autograd/accumulation.py#mistake).

# %% [markdown] lang="zh"
# 失败的调用让一个梯度翻了倍，另一个没有；如果捕获异常继续训练，用的就是这样一组梯度。
# 应当清掉梯度，重新做前向传播。报错信息建议的 `retain_graph=True` 会让两个都翻倍。
# 训练循环里怎么会走到这一步，见[把损失累计起来](../autograd/accumulation.py#mistake)。

# %%
a.grad = b.grad = None
(a + b * b).backward()
print("forward again", a.grad.item(), b.grad.item())
a.grad = b.grad = None
L = a + b * b
L.backward(retain_graph=True)
L.backward()
print("retain_graph ", a.grad.item(), b.grad.item())

# %% [markdown] lang="en"
# ## Try it {#exercises}
#
# 1. Go through $(wx - y)^2$ by hand for the sample $x = 2$, $y = 4$ at $w = 1$.

# %% [markdown] lang="zh"
# ## 练习 {#exercises}
#
# 1. 换成样本 $x = 2$、$y = 4$，仍取 $w = 1$，手算 $(wx - y)^2$ 的每一步。

# %% [markdown] lang="en" tags=["answer"]
# Forward 2, -2, 4. Backward 1, then $2 \cdot (-2) = -4$, passed on by the subtraction,
# and $2 \cdot (-4) = -8$ for the weight.

# %% [markdown] lang="zh" tags=["answer"]
# 前向依次是 2、-2、4。反向从 1 开始，$2 \cdot (-2) = -4$，减法原样传下去，
# 权重得到 $2 \cdot (-4) = -8$。

# %% tags=["answer"]
w = torch.tensor(1.0, requires_grad=True)
p = w * 2
d = p - 4
L = d**2
for tensor in (p, d, L):
    tensor.retain_grad()
L.backward()
print(Graph(read(L, w=w, p=p, d=d, L=L)))

# %% [markdown] lang="en"
# 2. The chain rule can also be multiplied out from the side of the weights, during the
#    forward pass: [`torch.func.jvp`][]. How many passes for all derivatives?

# %% [markdown] lang="zh"
# 2. 链式法则的乘积也可以从权重一侧乘起，在前向传播中完成：[`torch.func.jvp`][]。
#    求出全部导数要几次？

# %% [markdown] lang="en" tags=["answer"]
# One for each weight. Backward starts from the single number at the other end, which is
# why it needs one, and why the values must be saved until it comes.

# %% [markdown] lang="zh" tags=["answer"]
# 每个权重一次。反向传播从另一端唯一的那个数出发，所以一次就够；代价是前向的值要一直
# 保存到那时。


# %% tags=["answer"]
def total(weights):
    w1, b1, w2, b2 = weights.split([10, 10, 10, 1])
    hidden = torch.relu(inputs * w1 + b1)  # (N, H)
    return ((hidden @ w2 + b2 - targets.squeeze(1)) ** 2).mean()


directions = torch.eye(len(weights), dtype=torch.float64)
slopes = [torch.func.jvp(total, (weights,), (v,))[1] for v in directions]
print(len(slopes), "passes, agree:", torch.allclose(torch.stack(slopes), exact))

# %% [markdown] lang="en"
# ## Sources {#sources}
#
# The method in networks: D. Rumelhart, G. Hinton and R. Williams, [Learning
# Representations by Back-propagating Errors](https://doi.org/10.1038/323533a0), 1986.
# Both directions of the chain rule and their cost: A. Baydin et al., [Automatic
# Differentiation in Machine Learning](https://jmlr.org/papers/v18/17-468.html), 2018.

# %% [markdown] lang="zh"
# ## 参考资料 {#sources}
#
# 神经网络中的反向传播：D. Rumelhart、G. Hinton、R. Williams，[Learning
# Representations by Back-propagating Errors](https://doi.org/10.1038/323533a0)，1986。
# 链式法则的两个方向及其代价：A. Baydin 等，[Automatic
# Differentiation in Machine Learning](https://jmlr.org/papers/v18/17-468.html)，2018。
