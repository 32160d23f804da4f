# %% [markdown] lang="en"
# # Silent bugs: no message at all {#silent-bugs}
#
# `{python} len({row[0] for row in rows})` bugs that run to the end without a word. A
# gradient of `{python} found[".data"][0]` that should be `{python} found[".data"][1]`,
# a best weight of `{python} found["best"][0]` that was `{python} found["best"][1]`:
# each is run beside its repair, and [one table](#all) holds all numbers.

# %% [markdown] lang="zh"
# # 没有报错的错误 {#silent-bugs}
#
# `{python} len({row[0] for row in rows})` 种错误，程序一声不吭地跑完。梯度算成
# `{python} found[".data"][0]`，本该是 `{python} found[".data"][1]`；“最好的权重”存成
# `{python} found["best"][0]`，当时其实是 `{python} found["best"][1]`。
# 每种都与改好的写法并排运行，所有数字汇总在[一张表](#all)里。

# %% [markdown] lang="en"
# - **Loss**: [shapes](#broadcast) · [softmax](#softmax) · [accumulation](#accumulation) · [labels](#shuffled)
# - **Gradient**: [`zero_grad`](#zero-grad) · [`.data`](#data) · [`where`](#where) · [`h + relu_(h)`](#residual)
# - **Weights**: [new head](#old-head) · [list](#list) · [BatchNorm](#frozen-norm) · [drift](#drift) · [best](#best)
# - **Modes, memory**: [`eval` and `no_grad`](#modes) · [`train()` forgotten](#train) · [`total += loss`](#total)

# %% [markdown] lang="zh"
# - **损失**：[形状](#broadcast) · [softmax](#softmax) · [梯度累积](#accumulation) · [标签](#shuffled)
# - **梯度**：[`zero_grad`](#zero-grad) · [`.data`](#data) · [`where`](#where) · [`h + relu_(h)`](#residual)
# - **权重**：[新换的头](#old-head) · [列表](#list) · [BatchNorm](#frozen-norm) · [漂移](#drift) · [最好的权重](#best)
# - **模式与内存**：[`eval` 和 `no_grad`](#modes) · [忘了 `train()`](#train) · [`total += loss`](#total)

# %% [markdown] lang="en"
# Each section needs the next two cells and no other section. `compare` prints the wrong
# number beside the right one and keeps both for the table; `count_nodes` measures a
# graph. The data are $y = 2x$.

# %% [markdown] lang="zh"
# 每一节只需要先运行下面两个单元，各节互不依赖。`compare` 把错的和对的数字并排打印，
# 并记下来留给最后的表；`count_nodes` 数计算图的节点。数据满足 $y = 2x$。

# %%
from copy import deepcopy

import torch
from torch import nn

x = torch.tensor([[1.0], [2.0], [3.0], [4.0]])  # (N, 1)
y = 2 * x  # (N, 1)
rows, found = [], {}


def compare(bug, measured, wrong, right):
    pair = [f"{v:.4f}" if isinstance(v, float) else str(v) for v in (wrong, right)]
    rows.append((bug, measured, *pair))
    found.setdefault(bug, pair)
    print(f"{measured}: wrong {pair[0]}, right {pair[1]}")


# %% tags=["source"]
from chainrule.recording import count_nodes

# %% [markdown] lang="en"
# ## (N,) against (N, 1) {#broadcast}
#
# Predictions of shape (N, 1), targets of shape (N,), and a squared error written by
# hand:

# %% [markdown] lang="zh"
# ## (N,) 对 (N, 1) {#broadcast}
#
# 预测值的形状是 (N, 1)，目标是 (N,)，平方误差是自己手写的：


# %%
def fit(target):
    w = torch.zeros(1, 1, requires_grad=True)
    sgd = torch.optim.SGD([w], lr=0.05)
    for _ in range(100):
        sgd.zero_grad()
        ((x @ w - target) ** 2).mean().backward()
        sgd.step()
    return w.item()


compare("(N, 1) - (N,)", "w, should be 2", fit(y.flatten()), fit(y))
print("shape of the difference", tuple((x - y.flatten()).shape))

# %% [markdown] lang="en"
# The weight ends at `{python} found["(N, 1) - (N,)"][0]`, because every prediction is
# compared with every target. Print the shape of the difference: (N, 1), not (N, N).
# [`mse_loss`][torch.nn.functional.mse_loss] at least [warns](advice.py#ignore-warning).

# %% [markdown] lang="zh"
# 权重停在 `{python} found["(N, 1) - (N,)"][0]`：每个预测值都与每个目标比了一遍。
# 打印差的形状就能发现：应当是 (N, 1)，而不是 (N, N)。用
# [`mse_loss`][torch.nn.functional.mse_loss] 至少还有一条[警告](advice.py#ignore-warning)。

# %% [markdown] lang="en"
# ## Softmax before cross entropy {#softmax}
#
# The network ends in a softmax, and the loss is
# [`cross_entropy`][torch.nn.functional.cross_entropy], which applies one of its own:

# %% [markdown] lang="zh"
# ## 交叉熵之前多做一次 softmax {#softmax}
#
# 网络最后一层是 softmax，损失用
# [`cross_entropy`][torch.nn.functional.cross_entropy]，而它内部还会再做一次：

# %%
entropy = nn.functional.cross_entropy
scores = torch.tensor([[5.0, 0.0, 0.0]], requires_grad=True)  # (N, K)
label = torch.tensor([1])  # (N,)
(twice,) = torch.autograd.grad(entropy(scores.softmax(1), label), scores)
(once,) = torch.autograd.grad(entropy(scores, label), scores)
compare("softmax twice", "gradient", twice[0, 1].item(), once[0, 1].item())
sure, labels = 100 * torch.eye(3), torch.arange(3)
floors = entropy(sure.softmax(1), labels), entropy(sure, labels)
compare("softmax twice", "loss when all is right", *(f.item() for f in floors))

# %% [markdown] lang="en"
# A confident mistake gets a gradient of `{python} found["softmax twice"][0]`, and with
# three classes the loss cannot fall below `{python} rows[-1][2]`. A loss that stays there
# while the accuracy is high gives it away. Hand over the raw scores.

# %% [markdown] lang="zh"
# 信心十足地猜错了，梯度却只有 `{python} found["softmax twice"][0]`；三个类别时，损失
# 再怎么训练也降不到 `{python} rows[-1][2]` 以下。准确率很高、损失却停在这个值上，
# 就是这个错误。应当把未经 softmax 的原始分数交给它。

# %% [markdown] lang="en"
# ## Accumulated, not divided {#accumulation}
#
# A batch goes through in parts, and each part adds its mean to the gradient:

# %% [markdown] lang="zh"
# ## 梯度累积忘了除 {#accumulation}
#
# 一个批次分几份算，每一份都把自己的平均损失的梯度加进去：


# %%
def accumulated(sizes, shares):
    w = torch.ones(1, 1, requires_grad=True)
    parts = zip(x.split(sizes), y.split(sizes), shares, strict=True)
    for inputs, targets, share in parts:
        (share * ((inputs @ w - targets) ** 2).mean()).backward()
    return w.grad.item()


whole = accumulated([4], [1])
compare("not divided", "gradient of 2 + 2", accumulated([2, 2], [1, 1]), whole)
compare("1 / k", "gradient of 3 + 1", accumulated([3, 1], [1 / 2, 1 / 2]), whole)
print(f"3 + 1 with shares n / N: {accumulated([3, 1], [3 / 4, 1 / 4]):.4f}")

# %% [markdown] lang="en"
# Undivided, the gradient is `{python} found["not divided"][0]`, the sum of two means.
# Dividing by the number of parts is right for equal parts only: the share is $n / N$.
# Compare once with the gradient of the whole batch.
# [More on parts](../autograd/accumulation.py#parts).

# %% [markdown] lang="zh"
# 不除时梯度是 `{python} found["not divided"][0]`，即两个平均值之和。除以份数，只有各份
# 大小相等时才对；每一份的权重应当是 $n / N$。与整批的梯度对比一次就能发现，
# 详见[分成几份](../autograd/accumulation.py#parts)。

# %% [markdown] lang="en"
# ## Shuffled without the labels {#shuffled}
#
# The inputs get a new order in every epoch, the targets keep theirs:

# %% [markdown] lang="zh"
# ## 打乱了样本，没打乱标签 {#shuffled}
#
# 每一轮都重新打乱输入，目标却还是原来的顺序：


# %%
def slope(together):
    torch.manual_seed(0)
    model = nn.Linear(1, 1)
    sgd = torch.optim.SGD(model.parameters(), lr=0.02)
    for _ in range(2000):
        order = torch.randperm(4)
        targets = y[order] if together else y
        sgd.zero_grad()
        nn.functional.mse_loss(model(x[order]), targets).backward()
        sgd.step()
    return model.weight.item()


compare("x[order], y", "slope, should be 2", slope(False), slope(True))

# %% [markdown] lang="en"
# A slope of `{python} found["x[order], y"][0]`, scattered around zero: a label drawn at
# random has nothing to do with its input. Try to overfit a single batch: the loss does
# not come near zero. Index both with the same `order`.

# %% [markdown] lang="zh"
# 斜率是 `{python} found["x[order], y"][0]`，在零附近波动：标签等于随机抽的，与输入无关。
# 试着在一小批数据上过拟合，损失怎么也接近不了零，就能发现。
# 输入和目标要用同一个 `order` 取下标。

# %% [markdown] lang="en"
# ## No zero_grad {#zero-grad}
#
# `backward` adds to `.grad`, and here nothing clears it:

# %% [markdown] lang="zh"
# ## 没有 zero_grad {#zero-grad}
#
# `backward` 总是往 `.grad` 上加，而这里没有人清零：


# %%
def train(clear):
    w = torch.zeros(1, 1, requires_grad=True)
    sgd = torch.optim.SGD([w], lr=0.01)
    for _ in range(40):
        if clear:
            sgd.zero_grad()
        ((x @ w - y) ** 2).mean().backward()
        sgd.step()
    return w.item()


compare("no zero_grad", "w, should be 2", train(False), train(True))

# %% [markdown] lang="en"
# After 40 steps the weight is `{python} found["no zero_grad"][0]`: each step repeats all
# gradients before it, which is [momentum 1](../autograd/accumulation.py#forgetting), and
# swings past 2 and back. Print `.grad` before `backward`: it must be `None`.

# %% [markdown] lang="zh"
# 走 40 步之后权重是 `{python} found["no zero_grad"][0]`：每一步都把以前的梯度又走一遍，
# 等于[动量为 1](../autograd/accumulation.py#forgetting)，权重在 2 的两侧来回摆动。
# 在 `backward` 之前打印 `.grad`，应当是 `None`。

# %% [markdown] lang="en"
# ## .data edited after it was saved {#data}
#
# `tanh` saves its output, because its derivative is $1 - \tanh^2$. Then the output is
# doubled through `.data`, which hides the write from autograd:

# %% [markdown] lang="zh"
# ## 张量保存之后又改了 .data {#data}
#
# `tanh` 的导数是 $1 - \tanh^2$，所以它保存了自己的输出。随后输出经由 `.data` 乘以 2，
# 自动求导看不到这次写入：

# %%
z = torch.tensor(1.0, requires_grad=True)
h = torch.tanh(z)
h.data *= 2
(wrong,) = torch.autograd.grad(h, z)
(right,) = torch.autograd.grad(2 * torch.tanh(z), z)
compare(".data", "gradient", wrong.item(), right.item())
h = torch.tanh(z)
h *= 2
try:
    h.backward()
except RuntimeError as error:
    print("without .data:", str(error).partition(": [")[0])

# %% [markdown] lang="en"
# The gradient `{python} found[".data"][0]` is $1 - (2\tanh 1)^2$: even the sign is wrong.
# To find such a write, take `.data` away: then the version counter sees it, and backward
# [raises](modified-by-inplace.py). To repair it, compute out of place.

# %% [markdown] lang="zh"
# 梯度 `{python} found[".data"][0]` 就是 $1 - (2\tanh 1)^2$，连符号都错了。去掉 `.data` 就能
# 抓住这种写入：版本计数器会数到它，反向传播就会[报错](modified-by-inplace.py)。
# 改法是不用原地操作。

# %% [markdown] lang="en"
# ## where() with a nan branch {#where}
#
# [`torch.where`][] is to guard a square root against zero. The values are right:

# %% [markdown] lang="zh"
# ## where() 里有一支是 nan {#where}
#
# 用 [`torch.where`][] 防止对零开方。值是对的：

# %%
a = torch.tensor([0.0, 4.0], requires_grad=True)
outside = torch.where(a > 0, a.sqrt(), 0.0)
safe = torch.where(a > 0, a, 1.0)
inside = torch.where(a > 0, safe.sqrt(), 0.0)
print("values", outside.tolist(), inside.tolist())
(wrong,) = torch.autograd.grad(outside.sum(), a)
(right,) = torch.autograd.grad(inside.sum(), a)
compare("where", "gradient at 0", wrong[0].item(), right[0].item())

# %% [markdown] lang="en"
# The gradient is `{python} found["where"][0]`: the branch not taken gets zero, and zero
# times the infinite slope of the root is no number. Replace the argument before the root
# too. Check `grad.isfinite().all()`; [clipping](advice.py#clip-grad) spreads the nan.

# %% [markdown] lang="zh"
# 梯度是 `{python} found["where"][0]`：没选中的一支分到零，零再乘以开方在该处无穷大的斜率。
# 开方之前就要把自变量也换掉。反向传播之后检查 `grad.isfinite().all()` 就能发现；
# [梯度裁剪](advice.py#clip-grad)只会让 nan 扩散。

# %% [markdown] lang="en"
# ## h + relu_(h) {#residual}
#
# A residual connection around a ReLU that works in place:

# %% [markdown] lang="zh"
# ## h + relu_(h) {#residual}
#
# 残差连接，里面的 ReLU 是原地的：

# %%
z = torch.tensor([-1.0, 2.0], requires_grad=True)
h = 3 * z
wrong = h + torch.relu_(h)
h = 3 * z
right = h + torch.relu(h)
print("values", wrong.tolist(), right.tolist())
gradients = [torch.autograd.grad(out.sum(), z)[0][0].item() for out in (wrong, right)]
compare("h + relu_(h)", "gradient at -1", *gradients)

# %% [markdown] lang="en"
# The gradient is `{python} found["h + relu_(h)"][0]`: the left `h` is read after `relu_`
# has overwritten it, and where it was negative nothing is left. Addition saves nothing,
# so [nothing is checked](../autograd/inplace.py#residual). Compare with `relu`.

# %% [markdown] lang="zh"
# 梯度是 `{python} found["h + relu_(h)"][0]`：读左边的 `h` 时，`relu_` 已经把它改写了，负的
# 部分一点不剩。加法什么也不保存，[也就无从检查](../autograd/inplace.py#residual)。
# 换成 `relu` 再算一遍，对比结果就能发现。

# %% [markdown] lang="en"
# ## The optimizer came before the new head {#old-head}
#
# The last layer is replaced, but the optimizer has already been given the old one:

# %% [markdown] lang="zh"
# ## 先建优化器，后换头 {#old-head}
#
# 最后一层换成了新的，优化器手里的却还是旧的：


# %%
def moved(again):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(1, 4), nn.Tanh(), nn.Linear(4, 1))
    sgd = torch.optim.SGD(model.parameters(), lr=0.1)
    model[2] = nn.Linear(4, 1)
    if again:
        sgd = torch.optim.SGD(model.parameters(), lr=0.1)
    before = model[2].bias.item()
    nn.functional.mse_loss(model(x), y).backward()
    sgd.step()
    return model[2].bias.item() - before


compare("new head", "bias of the head moved by", moved(False), moved(True))

# %% [markdown] lang="en"
# The new bias moved by `{python} found["new head"][0]`: the optimizer holds the old
# tensors, which get no gradient any more, and skips them. Build it when the model is
# final, and compare every weight before and after the first step.

# %% [markdown] lang="zh"
# 新的偏置移动了 `{python} found["new head"][0]`：优化器手里是旧张量，它们不再得到梯度，
# 于是被跳过。模型定下来之后再建优化器；走完第一步，把每个权重与之前的比一比。

# %% [markdown] lang="en"
# ## Layers in a Python list {#list}
#
# The layers work, but the module does not know them:

# %% [markdown] lang="zh"
# ## 层放在 Python 列表里 {#list}
#
# 这些层照常计算，模块却不知道有它们：


# %%
class Net(nn.Module):
    def __init__(self, container):
        super().__init__()
        self.hidden = container([nn.Linear(4, 4), nn.Linear(4, 4)])
        self.out = nn.Linear(4, 1)


def count(container):
    return sum(p.numel() for p in Net(container).parameters())


compare("list of layers", "numbers to learn", count(list), count(nn.ModuleList))
print("saved", *Net(list).state_dict())

# %% [markdown] lang="en"
# The optimizer gets `{python} found["list of layers"][0]` numbers: only `out` is trained,
# saved and moved to the GPU. Print the names in the state dict, and use
# [`nn.ModuleList`][torch.nn.ModuleList]. With no other layer the optimizer would raise.

# %% [markdown] lang="zh"
# 优化器只拿到 `{python} found["list of layers"][0]` 个数：训练、保存、搬到 GPU 的都只有
# `out`。打印 state dict 里的名字就能发现，改用 [`nn.ModuleList`][torch.nn.ModuleList]。
# 要是没有别的层，优化器一个参数也拿不到，反而会报错。

# %% [markdown] lang="en"
# ## Frozen BatchNorm goes on counting {#frozen-norm}
#
# `requires_grad_(False)` freezes the weights of a layer. Its running statistics are not
# weights:

# %% [markdown] lang="zh"
# ## 冻结的 BatchNorm 还在更新统计量 {#frozen-norm}
#
# `requires_grad_(False)` 冻结的是权重，而滑动统计量不是权重：


# %%
def running_mean(training):
    norm = nn.BatchNorm1d(1).requires_grad_(False).train(training)
    for _ in range(10):
        norm(x)
    return norm.running_mean.item()


compare("frozen BatchNorm", "running mean", running_mean(True), running_mean(False))

# %% [markdown] lang="en"
# After ten passes the mean is `{python} found["frozen BatchNorm"][0]`: in training mode
# each one moves it towards the mean of the batch. Put the layer into `eval()`, again
# after every `model.train()`. Compare `model.buffers()` before and after an epoch.

# %% [markdown] lang="zh"
# 十次前向传播之后，均值变成了 `{python} found["frozen BatchNorm"][0]`：训练模式下，
# 每次都把它往批均值推一步。要让这一层处于 `eval()`，每次 `model.train()` 之后都要再设。
# 比较一轮前后的 `model.buffers()` 就能发现。

# %% [markdown] lang="en"
# ## A frozen weight drifts {#drift}
#
# After one step with momentum the weight is frozen. `zero_grad(set_to_none=False)`
# leaves zeros in its `.grad`:

# %% [markdown] lang="zh"
# ## 冻结的权重在漂移 {#drift}
#
# 带动量走一步之后，把权重冻结。`zero_grad(set_to_none=False)` 在它的 `.grad` 里留下零：


# %%
def drift(set_to_none):
    w = torch.tensor(1.0, requires_grad=True)
    sgd = torch.optim.SGD([w], lr=0.1, momentum=0.9)
    (w**2).backward()
    sgd.step()
    before = w.requires_grad_(False).item()
    for _ in range(20):
        sgd.zero_grad(set_to_none=set_to_none)
        sgd.step()
    return w.item() - before


compare("set_to_none=False", "frozen weight moved by", drift(False), drift(True))

# %% [markdown] lang="en"
# It moved by `{python} found["set_to_none=False"][0]`: with a gradient of zero the
# optimizer still steps, and momentum carries the weight on; a gradient of `None` it
# [skips](../autograd/accumulation.py#none). Keep the default, `True`, and compare the
# frozen weights before and after an epoch.

# %% [markdown] lang="zh"
# 移动了 `{python} found["set_to_none=False"][0]`：梯度为零，优化器照样更新，动量推着权重
# 继续走；梯度是 `None` 才会[跳过](../autograd/accumulation.py#none)。用默认值 `True` 就好；
# 跑完一轮，核对冻结的权重有没有变。

# %% [markdown] lang="en"
# ## best = model.state_dict() {#best}
#
# The weights with the lowest loss are to be kept. With momentum the descent runs past
# them:

# %% [markdown] lang="zh"
# ## best = model.state_dict() {#best}
#
# 想留下损失最低时的权重。带着动量，下降会冲过头：

# %%
model = nn.Linear(1, 1, bias=False)
nn.init.zeros_(model.weight)
sgd = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9)
lowest = float("inf")
for _ in range(7):
    loss = nn.functional.mse_loss(model(x), y)
    if loss.item() < lowest:
        lowest, alias = loss.item(), model.state_dict()
        best = deepcopy(alias)
    sgd.zero_grad()
    loss.backward()
    sgd.step()

# %%
compare("best", "best weight", alias["weight"].item(), best["weight"].item())
for state in (alias, best):
    model.load_state_dict(state)
    loss = nn.functional.mse_loss(model(x), y).item()
    print(f"noted loss {lowest:.4f}, loss of the kept weights {loss:.4f}")

# %% [markdown] lang="en"
# The weight kept is `{python} found["best"][0]`: a state dict holds the live tensors, and
# training went on writing into them. `dict(state)` copies the names only; take
# [`deepcopy`](https://docs.python.org/3/library/copy.html#copy.deepcopy), or save to a
# file. Load what was kept and compute its loss once more.

# %% [markdown] lang="zh"
# 留下的权重是 `{python} found["best"][0]`：state dict 里就是模型正在用的张量，
# 后面的训练继续往里写。`dict(state)` 只复制了名字，要用
# [`deepcopy`](https://docs.python.org/3/library/copy.html#copy.deepcopy)，或者存成文件。
# 把留下的权重加载回来，再算一遍损失，对不上就是这个错误。

# %% [markdown] lang="en"
# ## eval() records, no_grad drops {#modes}
#
# Two switches that are often taken for one: `eval()` says how modules compute,
# `no_grad` whether it is recorded:

# %% [markdown] lang="zh"
# ## eval() 照样记录，no_grad 照样丢弃 {#modes}
#
# 常被当成一个的两个开关：`eval()` 决定模块怎么算，`no_grad` 决定要不要记录：

# %%
torch.manual_seed(0)
net = nn.Sequential(nn.Linear(1, 32), nn.Dropout(0.5), nn.Linear(32, 1))
net.eval()
recorded = count_nodes(net(x))
with torch.no_grad():
    compare("eval() alone", "graph nodes", recorded, count_nodes(net(x)))
    clean = (net(x) - net(x)).abs().max().item()
    net.train()
    noisy = (net(x) - net(x)).abs().max().item()
compare("no_grad alone", "two passes differ by", noisy, clean)

# %% [markdown] lang="en"
# Without `no_grad`, `{python} found["eval() alone"][0]` nodes that nobody needs; without
# `eval()`, two predictions differ by `{python} found["no_grad alone"][0]`. Evaluation
# needs both: [the four cases](../autograd/no-grad.py#eval). To notice it, look at
# `out.requires_grad` and predict twice.

# %% [markdown] lang="zh"
# 少了 `no_grad`，多出 `{python} found["eval() alone"][0]` 个没人要的节点；少了 `eval()`，
# 两次预测相差 `{python} found["no_grad alone"][0]`。评估时两个都要，见
# [四种组合](../autograd/no-grad.py#eval)。看看 `out.requires_grad`，再预测两遍，就能发现。

# %% [markdown] lang="en"
# ## model.train() forgotten after validation {#train}
#
# Three epochs of four batches. Validation after each epoch switches to `eval()`:

# %% [markdown] lang="zh"
# ## 验证之后忘了 model.train() {#train}
#
# 三轮，每轮四批。每轮之后的验证切换到 `eval()`：


# %%
def batches_seen(back):
    norm = nn.BatchNorm1d(1)
    for _ in range(3):
        if back:
            norm.train()
        for _ in range(4):
            norm(x)
        norm.eval()
    return norm.num_batches_tracked.item()


wrong, right = batches_seen(False), batches_seen(True)
compare("train() forgotten", "batches BatchNorm saw", wrong, right)

# %% [markdown] lang="en"
# BatchNorm saw `{python} found["train() forgotten"][0]` of
# `{python} found["train() forgotten"][1]` batches: from the second epoch on it updates no
# statistics, and Dropout drops nothing. Put `model.train()` into the epoch, not before
# the loop over epochs, and print `model.training` beside the loss.

# %% [markdown] lang="zh"
# `{python} found["train() forgotten"][1]` 批里，BatchNorm 只统计了
# `{python} found["train() forgotten"][0]` 批：从第二轮起，它不再更新统计量，Dropout 也不再
# 丢弃。`model.train()` 要写在每一轮开头，而不是所有轮次之前；
# 打印损失时顺便打印 `model.training`，就能发现。

# %% [markdown] lang="en"
# ## total += loss {#total}
#
# The losses of an epoch are added up for the log:

# %% [markdown] lang="zh"
# ## total += loss {#total}
#
# 为了打日志，把一轮的损失加起来：


# %%
def nodes(read):
    w = torch.ones(1, 1, requires_grad=True)
    total = torch.zeros(())
    for _ in range(10):
        loss = ((x @ w - y) ** 2).mean()
        total += read(loss)
    return count_nodes(total)


compare("total += loss", "nodes alive", nodes(lambda v: v), nodes(lambda v: v.item()))

# %% [markdown] lang="en"
# After ten batches `{python} found["total += loss"][0]` nodes are alive, and more with
# every batch: the sum hangs on all their graphs. Print `total`: it must show no
# `grad_fn`. Add `loss.item()` instead. [In bytes](../autograd/no-grad.py#use).

# %% [markdown] lang="zh"
# 十批之后有 `{python} found["total += loss"][0]` 个节点无法释放，以后每批还要增加：
# 总和连着每一批的计算图。打印 `total`，里面不该有 `grad_fn`。应当加 `loss.item()`。
# 占多少字节，见[这里](../autograd/no-grad.py#use)。

# %% [markdown] lang="en"
# ## All of them {#all}
#
# What the sections have measured, in their order. None of the wrong programs raised an
# error or gave a warning.

# %% [markdown] lang="zh"
# ## 汇总 {#all}
#
# 上面各节测得的数字，按出现的顺序排列。这些错误的程序，没有一个报错，也没有一条警告。


# %%
class Table:
    def __repr__(self):
        return "\n".join(f"{a:<19}{b:<27}{c:>9}{d:>9}" for a, b, c, d in self.rows)

    def _repr_html_(self):
        lines = ("".join(f"<td>{cell}</td>" for cell in row) for row in self.rows)
        body = "".join(f"<tr>{line}</tr>" for line in lines)
        return f"<table>{body}</table>".replace("td>", "th>", 8)


table = Table()
table.rows = [("bug", "measured", "wrong", "right"), *rows]
table

# %% [markdown] lang="en"
# ## Read on {#read-on}
#
# [Advice, tested](advice.py): what the usual repairs do to the gradient.
# [Gradcheck](../backprop/gradcheck.py) finds a wrong derivative, and
# [a loss that falls while nothing is learned](../descent/nothing-to-learn.py) is one more.

# %% [markdown] lang="zh"
# ## 延伸阅读 {#read-on}
#
# [常见建议，逐条实测](advice.py)：流行的改法会把梯度变成什么。
# [gradcheck](../backprop/gradcheck.py) 能查出错误的导数。另一种没有报错的情形：
# [损失在降，却什么也没学到](../descent/nothing-to-learn.py)。
