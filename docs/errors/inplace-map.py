# %% [markdown] lang="en"
# # Where a write in place is safe {#inplace-map}
#
# What made a tensor decides what may overwrite it. Of `{python} len(rows)` layers and
# functions, `{python} refused` do not tolerate a `ReLU(inplace=True)` on their output, nor
# a `+= 1`. In a residual sum, `{python} silent` others give a wrong number and no error.

# %% [markdown] lang="zh"
# # 哪里可以原地写 {#inplace-map}
#
# 张量能不能改写，取决于它由谁产生。下面 `{python} len(rows)` 种层和函数里，
# `{python} refused` 种的输出一遇到 `ReLU(inplace=True)` 就报错，遇到 `+= 1` 也一样；
# 用在残差和里，另有 `{python} silent` 种不报错，数却算错了。

# %% [markdown] lang="en"
# ## The columns {#columns}
#
# - `relu_(h)`: the output `h` goes through `ReLU(inplace=True)`.
# - `h += 1`: any other write that PyTorch counts.
# - `h + relu_(h)`: a block that starts with that ReLU, and a skip connection around it.

# %% [markdown] lang="zh"
# ## 各列的含义 {#columns}
#
# - `relu_(h)`：输出 `h` 经过 `ReLU(inplace=True)`。
# - `h += 1`：任何一种被 PyTorch 计数的写入。
# - `h + relu_(h)`：以这个 ReLU 开头的模块，外面再加一条跳跃连接。

# %% [markdown] lang="en"
# *fine*: value and gradient are those of the same write into a clone. *raises*: at the
# write or in backward. *wrong*: neither; with the sum over the result as it came out,
# and as it should be. [`verdict`][chainrule.inplace.verdict] runs both and compares.

# %% [markdown] lang="zh"
# *fine*：数值和梯度都与对克隆做同样写入时一致。*raises*：写入的当场或反向传播时报错。
# *wrong*：不报错，但结果不对；后面是算出来的总和，以及应有的总和。
# [`verdict`][chainrule.inplace.verdict] 把两边各跑一遍再比较。

# %% tags=["source"]
from chainrule.inplace import verdict

# %%
import torch
from torch import nn
from torch.nn import functional as F


def residual(produce, x):
    word = verdict(produce, torch.relu_, x, merge=torch.add)
    if word != "wrong":
        return word
    with torch.no_grad():
        h = produce(x.clone())
        right = h + torch.relu(h)
        return f"wrong: {h.add(torch.relu_(h)).sum():.2f}, not {right.sum():.2f}"


# %%
class Table:
    def __init__(self, rows):
        self.lines = [("made by", "relu_(h)", "h += 1", "h + relu_(h)"), *rows]

    def __repr__(self):
        return "\n".join(f"{a:<28}{b:<10}{c:<10}{d}" for a, b, c, d in self.lines)

    def _repr_html_(self):
        marks = ["th"] + ["td"] * (len(self.lines) - 1)
        rows = zip(marks, self.lines, strict=True)
        lines = ["".join(f"<{m}>{cell}</{m}>" for cell in line) for m, line in rows]
        return f"<table><tr>{'</tr><tr>'.join(lines)}</tr></table>"


# %%
rows, every = [], {}


def judge(makers):
    every.update(makers)
    found = []
    for name, (produce, x) in makers.items():
        relu = verdict(produce, torch.relu_, x)
        add = verdict(produce, lambda h: h.add_(1), x)
        found.append((name, relu, add, residual(produce, x)))
    rows.extend(found)
    return Table(found)


# %% [markdown] lang="en"
# ## Layers {#layers}
#
# All but the output of the LSTM may be overwritten, and none in a residual sum. The
# inputs of all tables:

# %% [markdown] lang="zh"
# ## 层 {#layers}
#
# 除了 LSTM 的输出，都可以改写；但没有一种能用在残差和里。各表用到的输入：

# %%
torch.manual_seed(0)
flat = torch.randn(4, 6)  # (N, D)
series = torch.randn(2, 4, 6)  # (N, C, T)
images = torch.randn(2, 4, 6, 6)  # (N, C, H, W)
lstm, gru = nn.LSTM(6, 3), nn.GRU(6, 3)
attention = nn.MultiheadAttention(6, 2)


def named(layers, x):
    return {type(layer).__name__: (layer, x) for layer in layers}


# %%
many = [nn.Conv2d(4, 3, 2), nn.ConvTranspose2d(4, 3, 2), nn.BatchNorm2d(4)]
many += [nn.GroupNorm(2, 4), nn.InstanceNorm2d(4), nn.MaxPool2d(2), nn.AvgPool2d(2)]
judge(
    named([nn.Linear(6, 5), nn.LayerNorm(6), nn.Dropout()], flat)
    | named([nn.Conv1d(4, 3, 2), nn.TransformerEncoderLayer(6, 2, 8)], series)
    | named([*many, nn.Upsample(scale_factor=2)], images)
    | {"Embedding": (lambda w: F.embedding(torch.tensor([0, 2, 2]), w), flat)}
    | {"LSTM, output": (lambda x: lstm(x)[0], series)}
    | {"LSTM, last state": (lambda x: lstm(x)[1][0], series)}
    | {"GRU, output": (lambda x: gru(x)[0], series)}
    | {"MultiheadAttention": (lambda x: attention(x, x, x)[0], series)}
)

# %% [markdown] lang="en"
# `LSTM` saved the output that it returns; `GRU` returns a stacked copy.

# %% [markdown] lang="zh"
# `LSTM` 保存的就是它返回的输出；`GRU` 返回的是堆叠出来的一份副本。

# %% [markdown] lang="en"
# ## Activations {#activations}
#
# A ReLU after one that saved its output always raises, also where it would change
# nothing. Where no output is negative, the residual sum is fine, because `relu_` leaves
# it as it is:

# %% [markdown] lang="zh"
# ## 激活函数 {#activations}
#
# 前面的激活函数只要保存了输出，后面的 ReLU 就会报错，哪怕它一个数也不改。输出没有负数的，
# 残差和不会出错，因为 `relu_` 什么也没改：

# %%
layers = [nn.ReLU(), nn.ReLU6(), nn.LeakyReLU(), nn.PReLU(), nn.ELU(), nn.GELU()]
layers += [nn.SiLU(), nn.Mish(), nn.Hardswish(), nn.Hardtanh(), nn.Softplus()]
layers += [nn.Sigmoid(), nn.LogSigmoid(), nn.Tanh(), nn.Softmax(1), nn.LogSoftmax(1)]
flagged = [nn.LeakyReLU(inplace=True), nn.SiLU(inplace=True)]
judge(
    named(layers, flat)
    | {
        f"{type(layer).__name__}(inplace=True)": (lambda x, f=layer: f(2 * x), flat)
        for layer in flagged
    }
)

# %% [markdown] lang="en"
# With the flag, `LeakyReLU` saves its output, as it has overwritten its input: the
# verdict on the next layer changes. `SiLU` saves a copy of its input and stays fine.

# %% [markdown] lang="zh"
# 打开开关后，`LeakyReLU` 的输入已被覆盖，于是改为保存输出，后一层的判定也就变了。
# `SiLU` 会另存一份输入，所以仍是 fine。

# %% [markdown] lang="en"
# ## Functions and views {#functions}
#
# `x` is a leaf that requires grad. It refuses every write, as do its views, and the
# outputs of functions that return several views. Views of `2 * x` do not:

# %% [markdown] lang="zh"
# ## 函数与视图 {#functions}
#
# `x` 是需要梯度的叶子张量，任何写入都会被拒绝，它的视图、一次返回多个视图的函数的输出也
# 一样。`2 * x` 的视图则可以写：

# %%
programs = """x; x.view(-1); (2 * x).chunk(2)[0]; (2 * x).split(2)[0]; 2 * x;
(2 * x).view(-1); (2 * x).flatten(1); (2 * x).T; (2 * x)[0]; x.clone(); x + 1; x * x;
x / 2; 1 / x; x.reciprocal(); x.abs(); x**2; x**3; x.exp(); x.abs().log();
x.abs().sqrt(); x.sin(); x.tan(); x.clamp(-1, 1); x.sum(1); x.mean(1); x.amax(1);
x.norm(dim=1); x.std(1); x.logsumexp(1); x.cumsum(1); x.cumprod(1); x @ x.T;
torch.cat([x, x]); torch.where(x > 0, x, -x); torch.maximum(x, -x)"""
texts = [text.strip() for text in programs.split(";")]
judge({text: (eval(f"lambda x: {text}"), flat) for text in texts})

# %% [markdown] lang="en"
# ## The rule {#rule}
#
# A write raises if the tensor was saved before, or must not be written at all.
# [`saved`][chainrule.inplace.saved] asks the graph whether the operation that made it
# saved it, which predicts the first column but for:

# %% [markdown] lang="zh"
# ## 规则 {#rule}
#
# 张量之前已被保存，或者本来就不许写，写入才会报错。
# [`saved`][chainrule.inplace.saved] 直接问计算图：产生张量的操作有没有保存它。
# 由此预测第一列，除了下面几行全都对：

# %% tags=["source"]
from chainrule.inplace import saved

# %%
hits = 0
for name, relu, _, _ in rows:
    produce, x = every[name]
    y = produce(x.clone().requires_grad_())
    star = y.grad_fn is not None and any(saved(y).values())
    hits += star == (relu == "raises")
    if star != (relu == "raises"):
        print(f"{name:<20}", "leaf" if y.is_leaf else type(y.grad_fn).__name__)
print(hits, "of", len(rows), "predicted")

# %%
refused = sum(relu == "raises" for _, relu, _, _ in rows)
silent = sum(both.startswith("wrong") for _, _, _, both in rows)
same = sum(relu == add for _, relu, add, _ in rows)
print("raise        ", refused, "of", len(rows))
print("same for += 1", same, "of", len(rows))
print("silent       ", silent, "of", len(rows))

# %% [markdown] lang="en"
# Those are the tensors that refuse every write. A tensor may also have been saved by
# a *later* operation, as its input, before the write: then the map does not help, and
# [the detective](modified-by-inplace.py#detective) names the line.

# %% [markdown] lang="zh"
# 这几行正是任何写入都拒绝的张量。张量还可能在写入之前，被*后面*的操作当作输入保存：
# 这种情况表里看不出来，要靠[工具](modified-by-inplace.py#detective)指出是哪一行。

# %% [markdown] lang="en"
# ## Read on {#read-on}
#
# Why, with the version counter: [the lesson](../autograd/inplace.py). The error and its
# repairs: [modified by an inplace operation](modified-by-inplace.py). The silent column:
# [the residual](../autograd/inplace.py#residual).

# %% [markdown] lang="zh"
# ## 延伸阅读 {#read-on}
#
# 背后的道理和版本计数器：[课程](../autograd/inplace.py)。报错与修法：
# [modified by an inplace operation](modified-by-inplace.py)。不报错的那一列：
# [残差连接](../autograd/inplace.py#residual)。
