# %% [markdown] lang="en"
# # Missing key(s) in state_dict, Unexpected key(s) in state_dict {#state-dict-keys}
#
# The names in the file are not the names of the model. Usually all of them differ in
# one prefix. With the popular `strict=False` the error is gone and
# `{python} by_strict` of `{python} len(saved)` tensors are loaded; with the prefix
# taken off, `{python} by_prefix`.

# %% [markdown] lang="zh"
# # Missing key(s) in state_dict, Unexpected key(s) in state_dict {#state-dict-keys}
#
# 文件里的名字和模型里的名字对不上，通常全都只差一个前缀。流行的 `strict=False` 让报错
# 消失，`{python} len(saved)` 个张量却只加载了 `{python} by_strict` 个；去掉前缀，
# 加载了 `{python} by_prefix` 个。

# %%
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden = nn.Linear(1, 8)
        self.out = nn.Linear(8, 1)


# %% raises="RuntimeError: Missing key(s) in state_dict"
torch.manual_seed(0)
net = Net()
saved = net.state_dict()
torch.save(nn.DataParallel(net).state_dict(), "wrapped.pt")

Net().load_state_dict(torch.load("wrapped.pt"))

# %% [markdown] lang="en"
# ## Why {#why}
#
# A name in a state dict is the path of attributes from the model to the tensor. A
# wrapper is a module too, and its child is an attribute, here `module`. *Missing*: the
# model has the name, the file does not. *Unexpected*: the other way round.

# %% [markdown] lang="zh"
# ## 原因 {#why}
#
# state dict 里的名字，就是从模型走到张量的属性路径。包装器也是一个模块，被包住的模型是
# 它的一个属性，这里叫 `module`。*Missing*：模型有这个名字，文件没有。
# *Unexpected*：文件有，模型没有。

# %%
missing = saved.keys() - torch.load("wrapped.pt").keys()
unexpected = torch.load("wrapped.pt").keys() - saved.keys()
print("missing   ", sorted(missing))
print("unexpected", sorted(unexpected))

# %% [markdown] lang="en"
# ## Fix {#fix}
#
# For a file that exists, torch has a function. It takes the prefix off the front of
# every name, in place. `arrived` counts the tensors that equal the saved ones:

# %% [markdown] lang="zh"
# ## 解决 {#fix}
#
# 文件已经在手，torch 自带一个函数：它就地去掉每个名字开头的前缀。`arrived` 数出与保存时
# 相同的张量：

# %%
from torch.nn.modules.utils import consume_prefix_in_state_dict_if_present


def arrived(model):
    pairs = zip(model.state_dict().values(), saved.values(), strict=True)
    return sum(torch.equal(a, b) for a, b in pairs)


state = torch.load("wrapped.pt")
consume_prefix_in_state_dict_if_present(state, "module.")
net = Net()
print(net.load_state_dict(state), arrived(net), "of", len(saved))

# %% [markdown] lang="en"
# For the next file, save the names of the model and not those of the wrapper. To load
# such a file into a wrapped model, go through `module` as well:

# %% [markdown] lang="zh"
# 下一个文件，保存模型自己的名字，而不是包装器的。把这样的文件加载进包装过的模型，
# 同样经由 `module`：

# %%
wrapped = nn.DataParallel(net)
torch.save(wrapped.module.state_dict(), "plain.pt")
print(*torch.load("plain.pt"))
print(wrapped.module.load_state_dict(torch.load("plain.pt")))

# %% [markdown] lang="en"
# ## Which one is yours? {#causes}
#
# - The names differ [in `module.`](#wrapper-prefix), or in another attribute's name.
# - They differ [in `_orig_mod.`](#compiled), which comes from `torch.compile`.

# %% [markdown] lang="zh"
# ## 你属于哪一种？ {#causes}
#
# - 名字[差一个 `module.`](#wrapper-prefix)，或者别的属性名。
# - 名字[差一个 `_orig_mod.`](#compiled)，它来自 `torch.compile`。

# %% [markdown] lang="en"
# - The unexpected keys are [`model`, `optimizer`, `epoch`](#whole-checkpoint): the file
#   holds more than a state dict.
# - [Some names fit, others do not](#architecture): another architecture.

# %% [markdown] lang="zh"
# - 多出来的键是 [`model`、`optimizer`、`epoch`](#whole-checkpoint)：文件里不只有
#   state dict。
# - [有的名字对得上，有的对不上](#architecture)：结构不同。

# %% [markdown] lang="en"
# ### A prefix from a wrapper {#wrapper-prefix}
#
# `DataParallel`, [above](#why), and `DistributedDataParallel` both call it `module`. A
# training class of your own adds whatever its attribute is called:

# %% [markdown] lang="zh"
# ### 包装器带来的前缀 {#wrapper-prefix}
#
# [上面](#why)的 `DataParallel` 和 `DistributedDataParallel` 都叫它 `module`。你自己写的
# 训练类，属性叫什么，前缀就是什么：


# %% raises="RuntimeError: Unexpected key(s) in state_dict"
class Training(nn.Module):
    def __init__(self):
        super().__init__()
        self.model = Net()
        self.loss = nn.MSELoss()


training = Training()
training.model.load_state_dict(saved)
torch.save(training.state_dict(), "training.pt")
Net().load_state_dict(torch.load("training.pt"))

# %% [markdown] lang="en"
# The same function takes any prefix. `loads` is used from here on: it makes a new
# model, loads the names and says how many tensors arrived.

# %% [markdown] lang="zh"
# 同一个函数可以去掉任何前缀。后面都用 `loads`：它新建一个模型，加载这些名字，
# 并说出有几个张量到了。


# %%
def loads(state, **options):
    model = Net()
    result = model.load_state_dict(state, **options)
    return f"{result}, {arrived(model)} of {len(saved)}"


state = torch.load("training.pt")
consume_prefix_in_state_dict_if_present(state, "model.")
print(loads(state))

# %% [markdown] lang="en"
# `DistributedDataParallel` needs a process group, here of one process. With two,
# [the lesson](../checkpoints/one-gpu-many-gpus.py) tries saving and loading both ways.

# %% [markdown] lang="zh"
# `DistributedDataParallel` 需要进程组，这里只有一个进程。两个进程时，保存和加载的各种组合
# 见[这一课](../checkpoints/one-gpu-many-gpus.py)。

# %%
import torch.distributed as dist
from torch.nn.parallel import DistributedDataParallel

dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1)
names = list(DistributedDataParallel(Net()).state_dict())
dist.destroy_process_group()
print(*names)

# %% [markdown] lang="en"
# ### torch.compile {#compiled}
#
# `torch.compile` returns a wrapper as well, and its attribute is `_orig_mod`. Nothing
# is compiled before the first call; the names change at once:

# %% [markdown] lang="zh"
# ### torch.compile {#compiled}
#
# `torch.compile` 返回的也是包装器，它的属性叫 `_orig_mod`。第一次调用之前什么也不会编译，
# 但名字立刻就变了：

# %% raises="RuntimeError: Unexpected key(s) in state_dict"
net = Net()
net.load_state_dict(saved)
fast = torch.compile(net)
torch.save(fast.state_dict(), "compiled.pt")
Net().load_state_dict(torch.load("compiled.pt"))

# %% [markdown] lang="en"
# Keep the model you compiled and save that: it holds the same tensors. Or compile in
# place, which adds no name:

# %% [markdown] lang="zh"
# 留着被编译的模型，保存它：两者的张量是同一批。或者就地编译，不增加任何名字：

# %%
print("same tensors:", net.out.weight is fast.out.weight)
print("net         ", *net.state_dict())
in_place = Net()
in_place.compile()
print("compile()   ", *in_place.state_dict())

# %% [markdown] lang="en"
# In files with both prefixes the outer wrapper's stands in front: take it off first.

# %% [markdown] lang="zh"
# 两种前缀都有的文件，外层的在前面，先去掉它：

# %%
for model in (nn.DataParallel(torch.compile(net)), torch.compile(nn.DataParallel(net))):
    state = model.state_dict()
    first = next(iter(state))
    for prefix in first.split(".")[:2]:
        consume_prefix_in_state_dict_if_present(state, f"{prefix}.")
    print(f"{first:<32}{loads(state)}")

# %% [markdown] lang="en"
# If it is the model that is wrapped and not the file, the two lists change places. Load
# first, wrap afterwards:

# %% [markdown] lang="zh"
# 反过来，模型包装过、文件没有，报错里的两个列表就对调。先加载，再包装：

# %%
try:
    torch.compile(Net()).load_state_dict(saved)
except RuntimeError as error:
    print(str(error).split(", ")[0])
net = Net()
print(net.load_state_dict(saved))
fast = torch.compile(net)
print(arrived(fast), "of", len(saved))

# %% [markdown] lang="en"
# ### More than a state dict {#whole-checkpoint}
#
# A training script saves several things in one dict. Its own keys are then the
# unexpected ones, and every name of the model is missing:

# %% [markdown] lang="zh"
# ### 不只是 state dict {#whole-checkpoint}
#
# 训练脚本把好几样东西存进一个字典。这时多出来的是这个字典自己的键，模型的名字则一个也没有：

# %% raises="RuntimeError: Unexpected key(s) in state_dict"
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
checkpoint = {"model": saved, "optimizer": optimizer.state_dict(), "epoch": 3}
torch.save(checkpoint, "checkpoint.pt")
Net().load_state_dict(torch.load("checkpoint.pt"))

# %% [markdown] lang="en"
# Look at the keys and go one level down. `model`, `state_dict` and `model_state_dict`
# are usual names for it:

# %% [markdown] lang="zh"
# 看看有哪些键，再往里走一层。常见的名字是 `model`、`state_dict` 和 `model_state_dict`：

# %%
checkpoint = torch.load("checkpoint.pt")
print(*checkpoint)
print(loads(checkpoint["model"]))

# %% [markdown] lang="en"
# ### Another architecture {#architecture}
#
# After the file was saved, the code got one more layer, and `out` became `head`. Some
# names fit; the message lists those that do not:

# %% [markdown] lang="zh"
# ### 另一个结构 {#architecture}
#
# 文件保存之后，代码里加了一层，`out` 又改成了 `head`。有的名字对得上，报错列出的是
# 对不上的：


# %% raises="RuntimeError: Missing key(s) in state_dict"
class Newer(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden = nn.Linear(1, 8)
        self.norm = nn.LayerNorm(8)
        self.head = nn.Linear(8, 1)


newer = Newer()
newer.load_state_dict(saved)

# %% [markdown] lang="en"
# Although it raised, the names that fit were copied: the model now holds some tensors of
# the file and some random ones. Do not catch this error and go on.

# %% [markdown] lang="zh"
# 虽然报了错，对得上的那些已经复制过去：模型里现在一部分来自文件，一部分是随机初始化的。
# 不要捕获这个错误然后继续。

# %%
for name, tensor in newer.state_dict().items():
    print(f"{name:<14}", name in saved and torch.equal(tensor, saved[name]))

# %% [markdown] lang="en"
# Build the model the file was saved from if you can. If the change is meant, rename
# what was renamed, and let `strict=False` excuse the list you expect and no other:

# %% [markdown] lang="zh"
# 能重建保存时的模型，就用那个模型。如果改动是有意的，就把改过的名字对上，并且只允许
# `strict=False` 放过你预料中的那几个：

# %%
newer, state = Newer(), saved.copy()
for name in ("weight", "bias"):
    state[f"head.{name}"] = state.pop(f"out.{name}")
result = newer.load_state_dict(state, strict=False)
assert result.missing_keys == ["norm.weight", "norm.bias"], result.missing_keys
assert result.unexpected_keys == [], result.unexpected_keys
print("head loaded:", torch.equal(newer.head.weight, saved["out.weight"]))
print("norm starts at:", newer.norm.weight.mean().item(), newer.norm.bias.sum().item())

# %% [markdown] lang="en"
# ## Advice that does not work {#advice}
#
# ### strict=False {#advice-strict}
#
# It skips each name that does not fit, and with a prefix none does. The return value
# lists all of them; a script that ignores it goes on with random weights.

# %% [markdown] lang="zh"
# ## 不管用的建议 {#advice}
#
# ### strict=False {#advice-strict}
#
# 它跳过每个对不上的名字；差一个前缀时，一个也对不上。返回值里全列着，
# 不看返回值的脚本就带着随机权重继续跑。

# %%
net = Net()
before = [tensor.clone() for tensor in net.state_dict().values()]
result = net.load_state_dict(torch.load("wrapped.pt"), strict=False)
after = net.state_dict().values()
same = sum(torch.equal(a, b) for a, b in zip(before, after, strict=True))
by_strict = arrived(net)
print("missing:", len(result.missing_keys), "unexpected:", len(result.unexpected_keys))
print(f"unchanged: {same} of {len(saved)}, loaded: {by_strict}")

# %%
state = torch.load("wrapped.pt")
consume_prefix_in_state_dict_if_present(state, "module.")
net.load_state_dict(state)
by_prefix = arrived(net)
print(f"prefix taken off: {by_prefix} of {len(saved)} loaded")

# %% [markdown] lang="en"
# ### replace("module.", "") {#advice-replace}
#
# It cuts wherever the letters stand, in `submodule.` too, and the next load fails on a
# name that nobody wrote. `removeprefix` cuts at the front and once:

# %% [markdown] lang="zh"
# ### replace("module.", "") {#advice-replace}
#
# 这几个字母出现在哪里它就切到哪里，`submodule.` 也不放过，下一次加载就败在一个谁也没写过的
# 名字上。`removeprefix` 只切开头，只切一次：

# %%
pair = nn.ModuleDict({"submodule": nn.Linear(1, 1), "out": nn.Linear(1, 1)})
state = nn.DataParallel(pair).state_dict()
right = {key.removeprefix("module."): value for key, value in state.items()}
print("removeprefix:", *right, pair.load_state_dict(right))
cut = {key.replace("module.", ""): value for key, value in state.items()}
print("replace:     ", *cut)

# %% raises="RuntimeError: Missing key(s) in state_dict"
pair.load_state_dict(cut)

# %% [markdown] lang="en"
# How `lstrip` and `[7:]` fail, two more edits of this kind, is
# [in the lesson](../checkpoints/one-gpu-many-gpus.py#wrong).

# %% [markdown] lang="zh"
# `lstrip` 和 `[7:]` 是另外两种这样的改法，怎么出错见
# [那一课](../checkpoints/one-gpu-many-gpus.py#wrong)。

# %% [markdown] lang="en"
# ### Rename while iterating {#advice-pop}
#
# The loop stops after its first name, and the dict it leaves fits neither the wrapped
# model nor the plain one. Over `list(state)` it runs to the end:

# %% [markdown] lang="zh"
# ### 一边遍历一边改名 {#advice-pop}
#
# 循环改完第一个名字就中断，留下的字典既对不上包装过的模型，也对不上原来的模型。
# 改成遍历 `list(state)`，就能走完：

# %% raises="RuntimeError: OrderedDict mutated during iteration"
state = torch.load("wrapped.pt")
for key in state:
    state[key.removeprefix("module.")] = state.pop(key)

# %%
full = torch.load("wrapped.pt")
print("names of the plain model:", len(state.keys() & saved.keys()), "of", len(saved))
print("names of the wrapped one:", len(state.keys() & full.keys()), "of", len(full))
state = full
for key in list(state):
    state[key.removeprefix("module.")] = state.pop(key)
print("over list(state):", loads(state))

# %% [markdown] lang="en"
# ## Looks like it, is not {#looks-like}
#
# The same first line, then *size mismatch*: the names fit and the shapes do not, for
# instance because the number of classes changed. `strict=False` does not help there:

# %% [markdown] lang="zh"
# ## 看着像，其实不是 {#looks-like}
#
# 开头一样，后面却是 *size mismatch*：名字对得上，形状对不上，例如类别数变了。
# 这时 `strict=False` 也没用：

# %% raises="RuntimeError: size mismatch for out.weight"
three_classes = dict(saved) | {"out.weight": torch.zeros(3, 8)}
Net().load_state_dict(three_classes, strict=False)

# %% [markdown] lang="en"
# Two more that come while loading. The first was given a model and not its state dict;
# the second was given the state of an optimizer for other parameters:

# %% [markdown] lang="zh"
# 加载时还会遇到另外两个。前一个是给了模型本身，而不是它的 state dict；
# 后一个是给了别的参数的优化器状态：

# %%
other = torch.optim.SGD(nn.Linear(1, 1).parameters(), lr=0.1)
for target, given in ((net, Net()), (optimizer, other.state_dict())):
    try:
        target.load_state_dict(given)
    except (TypeError, ValueError) as error:
        print(f"{type(error).__name__}: {error}")

# %% [markdown] lang="en"
# ## Read on {#read-on}
#
# [Checkpoints between one GPU and many](../checkpoints/one-gpu-many-gpus.py), with a
# loader that checks all names and shapes first. A file that does not even open:
# [Weights only load failed](weights-only.py). PyTorch:
# [saving and loading](https://docs.pytorch.org/tutorials/beginner/saving_loading_models.html).

# %% [markdown] lang="zh"
# ## 延伸阅读 {#read-on}
#
# [单卡与多卡之间的检查点](../checkpoints/one-gpu-many-gpus.py)，其中的加载函数会先核对全部
# 名字和形状。文件根本打不开的，见 [Weights only load failed](weights-only.py)。PyTorch：
# [保存与加载](https://docs.pytorch.org/tutorials/beginner/saving_loading_models.html)。
