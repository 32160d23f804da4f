# %% [markdown] lang="en" needs="descent/autograd.py"
# # Checkpoints between one GPU and many {#one-gpu-many-gpus}
#
# Weights saved from a model in `DistributedDataParallel` do not load into the bare
# model: each name starts with `module.`. A popular fix is `strict=False`. It raises no
# error, loads `{python} len(many) - len(result.missing_keys)` of `{python} len(many)` tensors, and leaves the loss at
# `{python} f"{silent:.4f}"` instead of `{python} f"{trained:.4f}"`.

# %% [markdown] lang="zh"
# # 单卡与多卡之间的检查点 {#one-gpu-many-gpus}
#
# 从 `DistributedDataParallel` 包装的模型保存的权重，没有包装的模型加载不了：每个名字都以
# `module.` 开头。流行的办法是 `strict=False`：它不报错，`{python} len(many)` 个张量却只加载了
# `{python} len(many) - len(result.missing_keys)` 个，损失停在 `{python} f"{silent:.4f}"`，而不是 `{python} f"{trained:.4f}"`。

# %% [markdown] lang="en"
# ## Two processes, one model {#train}
#
# A network with four parameter tensors is to learn $y = x^2$ from 16 samples. The
# training loop does not know how many processes run it.

# %% [markdown] lang="zh"
# ## 两个进程，一个模型 {#train}
#
# 一个有四个参数张量的网络，用 16 个样本学习 $y = x^2$。
# 训练循环并不知道有几个进程在跑它。

# %%
import torch
from torch import nn

x = torch.linspace(-1, 1, 16).reshape(16, 1)  # (N, 1)
y = x**2  # (N, 1)


def fit(model, x, y):
    optimizer = torch.optim.SGD(model.parameters(), lr=0.2)
    for _ in range(300):
        optimizer.zero_grad()
        nn.functional.mse_loss(model(x), y).backward()
        optimizer.step()


# %%
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden = nn.Linear(1, 8)
        self.out = nn.Linear(8, 1)

    def forward(self, x):
        return self.out(torch.tanh(self.hidden(x)))  # (N, 1)


Net()

# %% [markdown] lang="en"
# Two processes are to run it, here on the CPU and over the gloo backend, so no GPU is
# needed. They meet through the file `store`. Each uses one thread: a forked child can
# wait forever for threads that only its parent had.

# %% [markdown] lang="zh"
# 现在让两个进程来跑它。这里用 CPU 和 gloo 后端，不需要 GPU。两个进程通过文件 `store`
# 找到彼此。每个进程只用一个线程：父进程的其他线程不会跟到 fork 出来的子进程里，
# 子进程可能会一直等它们。

# %%
import torch.distributed as dist


def meet(rank, store, work):
    torch.set_num_threads(1)
    group = dist.FileStore(store, 2)
    dist.init_process_group("gloo", store=group, rank=rank, world_size=2)
    work(rank)
    dist.barrier()
    dist.destroy_process_group()


# %% [markdown] lang="en"
# [`DistributedDataParallel`][torch.nn.parallel.DistributedDataParallel] wraps the model
# in each process and averages the gradients of all of them in every `backward()`.
# Process `rank` gets every second sample; process 0 saves. The wrapper ends with the
# function: one that outlives its process group can wait for it forever.

# %% [markdown] lang="zh"
# [`DistributedDataParallel`][torch.nn.parallel.DistributedDataParallel] 在每个进程里
# 包住模型，每次 `backward()` 都对各进程的梯度取平均。两个进程各分到一半样本，
# 由 0 号进程保存。包装器随函数结束而销毁：它若比进程组活得久，退出时可能永远等下去。

# %%
from torch.nn.parallel import DistributedDataParallel


def train_many(rank):
    torch.manual_seed(0)
    ddp = DistributedDataParallel(Net())
    fit(ddp, x[rank::2], y[rank::2])  # (N/2, 1)
    replicas = [None, None]
    dist.all_gather_object(replicas, ddp.module.state_dict())
    if rank == 0:
        torch.save(ddp.state_dict(), "many.pt")
        torch.save(replicas, "replicas.pt")


# %% [markdown] lang="en"
# On Linux `fork` takes these functions along. Windows and macOS have
# [no fork or an unsafe one](https://docs.python.org/3/library/multiprocessing.html#contexts-and-start-methods):
# there, and for real training, write them into a file, start it with
# `torchrun --nproc-per-node=2`, and `init_process_group("gloo")` needs nothing else.

# %% [markdown] lang="zh"
# 在 Linux 上，`fork` 会把这些函数原样带进子进程。Windows 和 macOS 上[没有 fork，或者 fork
# 不安全](https://docs.python.org/3/library/multiprocessing.html#contexts-and-start-methods)：在这两个系统上，以及真正训练时，应把函数写进文件，用
# `torchrun --nproc-per-node=2` 启动，此时 `init_process_group("gloo")` 不需要别的参数。

# %%
import tempfile

import torch.multiprocessing as mp


def two_processes(work):
    with tempfile.TemporaryDirectory() as folder:
        args = (f"{folder}/store", work)
        mp.start_processes(meet, args, nprocs=2, start_method="fork")


two_processes(train_many)
many = torch.load("many.pt")
print(*many, sep="\n")

# %% [markdown] lang="en"
# ## Where the prefix comes from {#prefix}
#
# One process with all 16 samples gets the same weights, up to rounding: the mean of the
# gradients of two equal halves is the gradient of the whole (of [unequal
# parts](../autograd/accumulation.py) it is not). Only the names differ. First value of
# each tensor from one process, from two, and the largest difference:

# %% [markdown] lang="zh"
# ## 前缀从哪里来 {#prefix}
#
# 同一个网络在单进程里用全部 16 个样本训练，得到的权重除舍入外相同：两半大小相等，梯度的平均就是
# 整批的梯度（[大小不等](../autograd/accumulation.py)时不成立）。不同的只有名字。
# 下面是单进程和双进程得到的各张量的第一个值，以及各张量最大的差：

# %%
torch.manual_seed(0)
net = Net()
fit(net, x, y)
torch.save(net.state_dict(), "one.pt")
one = torch.load("one.pt")
for name, longer in zip(one, many, strict=True):
    a, b = one[name].flatten(), many[longer].flatten()
    largest = (a - b).abs().max()
    print(f"{name:<15}{longer:<21}{a[0]:8.4f}{b[0]:8.4f}{largest:8.4f}")

# %% [markdown] lang="en"
# A name in a state dict is the path of attributes that leads to the tensor. The wrapper
# is a module whose only child is called `module`, so any class with such an attribute
# puts the same prefix on, with or without processes and on any device:

# %% [markdown] lang="zh"
# state dict 里的名字，就是从模型走到张量所经过的属性路径。包装器也是一个模块，
# 唯一的子模块名叫 `module`。所以任何一个类，只要有这样一个属性，就会带上同样的前缀，
# 与进程数和设备都无关：


# %%
class Wrapper(nn.Module):
    def __init__(self, module):
        super().__init__()
        self.module = module


print(list(Wrapper(Net()).state_dict()) == list(many))

# %% [markdown] lang="en"
# ## Four cases {#four}
#
# `attempt` loads a file into an untrained model and compares every tensor with the
# file.

# %% [markdown] lang="zh"
# ## 四种情形 {#four}
#
# `attempt` 把文件加载进一个未经训练的模型，再逐个张量与文件比较。


# %%
def attempt(model, file):
    state = torch.load(file)
    try:
        model.load_state_dict(state)
        outcome = "loads"
    except RuntimeError:
        outcome = "raises"
    pairs = zip(model.state_dict().values(), state.values(), strict=True)
    return outcome, all(torch.equal(a, b) for a, b in pairs)


# %% [markdown] lang="en"
# Loading into many needs two processes again. They leave their answers in a file,
# because the order in which two processes print is up to chance.

# %% [markdown] lang="zh"
# “加载进多进程”仍然需要两个进程。结果写进文件，因为两个进程谁先打印并不确定。


# %%
def load_many(rank):
    files = ("one.pt", "many.pt")
    answers = [attempt(DistributedDataParallel(Net()), file) for file in files]
    answers.append(attempt(DistributedDataParallel(Net()).module, "one.pt"))
    if rank == 0:
        torch.save(answers, "answers.pt")


# %%
two_processes(load_many)
into_many = torch.load("answers.pt")
into_one = [attempt(Net(), file) for file in ("one.pt", "many.pt")]
print("saved by  loaded into  outcome  weights arrived")
for i, saved in enumerate(("one", "many")):
    for target, answers in (("one", into_one), ("many", into_many)):
        outcome, arrived = answers[i]
        print(f"{saved:<10}{target:<13}{outcome:<9}{arrived}")

# %% [markdown] lang="en"
# ## The right fix {#fix}
#
# When saving, reach through the wrapper: `ddp.module.state_dict()` has the plain names
# (`replicas.pt` holds that of each process). Such a file loads into one process as it
# is, and into many through `ddp.module.load_state_dict(…)`, as `load_many` tried last.

# %% [markdown] lang="zh"
# ## 正确的做法 {#fix}
#
# 保存时绕过包装器：`ddp.module.state_dict()` 里是原来的名字（`replicas.pt` 里每个进程
# 各有一份）。这样的文件单进程可以直接加载，多进程用 `ddp.module.load_state_dict(…)`
# 加载，`load_many` 最后试的就是它。

# %%
first, second = torch.load("replicas.pt")
print("names without prefix:", list(first) == list(one))
print("into ddp.module:", *into_many[2])
print("process 0 and 1 hold the same weights:", end=" ")
print(all(torch.equal(first[name], second[name]) for name in first))

# %% [markdown] lang="en"
# For a file that already has the prefix, torch has a function. It renames in place, and
# only at the front of a name:

# %% [markdown] lang="zh"
# 如果文件里已经有前缀，torch 自带一个函数。它就地改名，并且只动名字的开头：

# %%
from torch.nn.modules.utils import consume_prefix_in_state_dict_if_present

state = torch.load("many.pt")
consume_prefix_in_state_dict_if_present(state, "module.")
net = Net()
print(net.load_state_dict(state))
trained = nn.functional.mse_loss(net(x), y).item()
print(f"loss {trained:.4f}")

# %% [markdown] lang="en"
# `load` below takes either form of file, for either kind of model, and compares all
# names and shapes before it copies a number. It renames the entries of `_metadata` as
# well, where torch keeps the format version of each layer.

# %% [markdown] lang="zh"
# 下面的 `load` 不论文件和模型带不带前缀都能用，并且先核对全部名字和形状，再复制数值。
# `_metadata` 里的键也一并改名：torch 在那里记录每一层的格式版本。

# %% tags=["source"]
from chainrule.checkpoint import load

# %%
for file in ("one.pt", "many.pt"):
    for model in (Net(), Wrapper(Net())):
        load(model, file)
        inner = getattr(model, "module", model)
        loss = nn.functional.mse_loss(inner(x), y).item()
        print(f"{file:<9}into {type(model).__name__:<9}loss {loss:.4f}")

# %% [markdown] lang="en"
# ## Three popular fixes that fail {#wrong}
#
# **`strict=False`** skips every name that does not match. Here none does: the returned
# lists name all `{python} len(many)` tensors twice, and a script that does not look at
# them goes on with random weights.

# %% [markdown] lang="zh"
# ## 三个流行却不管用的办法 {#wrong}
#
# **`strict=False`** 跳过所有对不上的名字，而这里一个也对不上：返回的两个列表把
# `{python} len(many)` 个张量各列了一遍。不看返回值的脚本，会带着随机权重继续跑下去。

# %%
torch.manual_seed(3)
net = Net()
before = nn.functional.mse_loss(net(x), y).item()
result = net.load_state_dict(many, strict=False)
silent = nn.functional.mse_loss(net(x), y).item()
print("missing   ", *result.missing_keys)
print("unexpected", *result.unexpected_keys, sep="\n  ")
print(f"loss before {before:.4f}, after {silent:.4f}, should be {trained:.4f}")

# %%
import matplotlib.pyplot as plt

right = Net()
load(right, "many.pt")
plt.figure(figsize=(6.4, 3.2))
plt.plot(x, y, "o", label="data")
plt.plot(x, right(x).detach(), label="prefix removed")
plt.plot(x, net(x).detach(), "--", label="strict=False")
plt.xlabel("x")
plt.ylabel("prediction")
plt.legend()

# %% [markdown] lang="en" tags=["caption"]
# Predictions after loading the same file. With the prefix removed they follow the
# parabola of the data. With `strict=False` they are those of an untrained network: a
# dashed line that falls from left to right, below every sample.

# %% [markdown] lang="zh" tags=["caption"]
# 加载同一个文件之后的预测。去掉前缀后，曲线沿着数据的抛物线；用 `strict=False` 的还是
# 未经训练的网络：一条从左到右下降的虚线，低于所有样本。

# %% [markdown] lang="en"
# **Editing the key as text.** `replace` also cuts inside `submodule.`. `lstrip` takes a
# set of characters and eats into `out`. `[7:]` also cuts a name that has no prefix. Use
# `removeprefix`.

# %% [markdown] lang="zh"
# **修改键的文字。** `replace` 会切到 `submodule.` 里面；`lstrip` 去掉的是一组字符，连 `out`
# 也被啃掉；`[7:]` 不看切掉的是什么，没有前缀的名字也照切。该用的是 `removeprefix`。

# %%
edits = {
    'replace("module.", "")': lambda key: key.replace("module.", ""),
    'lstrip("module.")': lambda key: key.lstrip("module."),
    "[7:]": lambda key: key[7:],
    'removeprefix("module.")': lambda key: key.removeprefix("module."),
}
keys = ("module.submodule.bias", "module.out.bias", "out.bias")
print(f"{'':<24}" + "".join(f"{key:<22}" for key in keys).rstrip())
for edit, change in edits.items():
    print(f"{edit:<24}" + "".join(f"{change(key):<22}" for key in keys).rstrip())

# %% [markdown] lang="en"
# **Renaming while iterating** stops after the first name and leaves a dict that fits
# neither model; `load` says so. Iterate over `list(state)` instead.

# %% [markdown] lang="zh"
# **一边遍历一边改名**，改完第一个名字就中断，留下的字典两边都对不上，`load` 会指出来。
# 应当遍历 `list(state)`。

# %%
state = torch.load("many.pt")
try:
    for key in state:
        state[key.removeprefix("module.")] = state.pop(key)
except RuntimeError as error:
    print(error)
torch.save(state, "mixed.pt")
try:
    load(Net(), "mixed.pt")
except ValueError as error:
    print(*str(error).split(", "), sep="\n  ")

# %% [markdown] lang="en"
# ## One writes, all read {#rank}
#
# One process saves because all hold the same weights. The others must wait at a
# [`barrier`][torch.distributed.barrier] before they load, like the one in `meet`:
# whoever comes early finds no file, or half of one. Loading half a file says:

# %% [markdown] lang="zh"
# ## 一个进程写，所有进程读 {#rank}
#
# 各进程的权重相同，所以只由一个进程保存。其余进程要先像 `meet` 里那样在
# [`barrier`][torch.distributed.barrier] 处等待，再去加载：来早了，文件还不存在，
# 或者只写了一半。加载半个文件的报错是：

# %%
from pathlib import Path

written = Path("many.pt").read_bytes()
Path("half.pt").write_bytes(written[: len(written) // 2])
try:
    torch.load("half.pt")
except RuntimeError as error:
    print(str(error).split(". ")[0])

# %% [markdown] lang="en"
# A file records the device of each tensor, and [`torch.load`][] puts it back there:
# what process 0 saved on its GPU returns to `cuda:0`, once for every process that loads
# it. `map_location="cpu"` prevents that, and `load_state_dict` copies to where the
# model is. A function given as `map_location` sees what is recorded:

# %% [markdown] lang="zh"
# 文件记着每个张量所在的设备，[`torch.load`][] 会把它放回原处：0 号进程在 GPU 上保存的
# 张量回到 `cuda:0`，有几个进程加载就占几份。写上 `map_location="cpu"` 就能避免，之后
# `load_state_dict` 会复制到模型所在的设备。给 `map_location` 传一个函数，可以看到记录：


# %%
def show(storage, device):
    print(device, storage.nbytes(), "bytes")
    return storage


torch.load("many.pt", map_location=show)["module.hidden.weight"].shape

# %% [markdown] lang="en"
# Save names and tensors, not the model: by default (`weights_only=True`) `torch.load`
# refuses a pickled module, because a pickle can run any code while it loads.

# %% [markdown] lang="zh"
# 保存名字和张量，不要保存整个模型：`torch.load` 默认（`weights_only=True`）拒绝 pickle
# 保存的模块，因为 pickle 在加载时可以执行任意代码。

# %%
import pickle

torch.save(net.out, "whole.pt")
try:
    torch.load("whole.pt")
except pickle.UnpicklingError as error:
    print(str(error).split(". ")[0])

# %% [markdown] lang="en"
# ## A mistake to make once {#mistake}
#
# Load what many processes saved into one model. The message lists the names the model
# has and then those of the file:

# %% [markdown] lang="zh"
# ## 值得犯一次的错误 {#mistake}
#
# 把多进程保存的文件直接加载进单个模型。报错先列出模型里的名字，再列出文件里的名字：

# %% raises="RuntimeError: Missing key(s) in state_dict"
Net().load_state_dict(torch.load("many.pt"))

# %% [markdown] lang="en"
# Compare the two lists before choosing a fix. If they are the same up to a prefix, it
# is this page's case. If the names differ otherwise, the file belongs to another
# architecture, and taking a prefix off will not help.

# %% [markdown] lang="zh"
# 动手之前先比较这两个列表。只差一个前缀，就是本页的情形；如果名字本身不同，
# 那么文件属于另一个结构，去掉前缀也没有用。

# %%
print({name.removeprefix("module.") for name in many} == set(Net().state_dict()))

# %% [markdown] lang="en"
# ## Try it {#exercises}
#
# 1. `torch.compile` wraps a model as well. What are the names then, and in which order
#    when both wrap it? Is there a way without a prefix?

# %% [markdown] lang="zh"
# ## 练习 {#exercises}
#
# 1. `torch.compile` 也会包住模型。这时名字是什么？两种包装都用上时，谁在前面？
#    有没有不产生前缀的办法？

# %% [markdown] lang="en" tags=["answer"]
# `_orig_mod.`, and the outer wrapper comes first. `model.compile()` compiles in place
# and adds nothing. `load` takes the other prefix as an argument.

# %% [markdown] lang="zh" tags=["answer"]
# `_orig_mod.`，外层的包装排在前面。`model.compile()` 就地编译，什么也不加。
# `load` 的第三个参数可以换成别的前缀。

# %% tags=["answer"]
compiled = torch.compile(Net())
inside, outside = Wrapper(torch.compile(Net())), torch.compile(Wrapper(Net()))
in_place = Net()
in_place.compile()
for model in (compiled, inside, outside, in_place):
    print(list(model.state_dict())[-1])
torch.save(compiled.state_dict(), "compiled.pt")
load(Net(), "compiled.pt", "_orig_mod.")

# %% [markdown] lang="en"
# 2. A model has a layer that is itself called `module`. What does
#    `consume_prefix_in_state_dict_if_present` do to a file saved by one process?

# %% [markdown] lang="zh"
# 2. 某个模型自己就有一层叫 `module`。对单进程保存的文件调用
#    `consume_prefix_in_state_dict_if_present` 会怎样？

# %% [markdown] lang="en" tags=["answer"]
# It cuts the name of that layer off, for it knows nothing of the model. `load` compares
# with the names the model has, and keeps those that fit already.

# %% [markdown] lang="zh" tags=["answer"]
# 它会把这一层的名字切掉，因为它不知道模型是什么样。`load` 与模型自己的名字比较，
# 已经对得上的就保持原样。

# %% tags=["answer"]
pair = nn.ModuleDict({"module": nn.Linear(1, 1), "out": nn.Linear(1, 1)})
torch.save(pair.state_dict(), "pair.pt")
state = pair.state_dict()
consume_prefix_in_state_dict_if_present(state, "module.")
print(*pair.state_dict())
print(*state)
load(pair, "pair.pt")

# %% [markdown] lang="en"
# 3. A file fits except for the shape of one tensor. What is left in the model after
#    `load_state_dict` has raised, and after `load` has?

# %% [markdown] lang="zh"
# 3. 一个文件除了某个张量的形状之外都对得上。`load_state_dict` 报错之后模型里剩下什么？
#    `load` 报错之后呢？

# %% [markdown] lang="en" tags=["answer"]
# `load_state_dict` copies as it goes: the first layer is already that of the file.
# `load` has changed nothing.

# %% [markdown] lang="zh" tags=["answer"]
# `load_state_dict` 边检查边复制，报错时第一层已经换成了文件里的权重。
# `load` 什么也没有改。

# %% tags=["answer"]
torch.save(one | {"out.bias": torch.zeros(2)}, "wrong.pt")
given = one["hidden.weight"]
by_torch, by_load = Net(), Net()
try:
    by_torch.load_state_dict(torch.load("wrong.pt"))
except RuntimeError:
    print("copied by load_state_dict:", torch.equal(by_torch.hidden.weight, given))
try:
    load(by_load, "wrong.pt")
except ValueError as error:
    print("copied by load:", torch.equal(by_load.hidden.weight, given))
    print(error)

# %% [markdown] lang="en"
# ## Sources {#sources}
#
# The [saving tutorial](https://docs.pytorch.org/tutorials/beginner/saving_loading_models.html)
# recommends `model.module.state_dict()`. The
# [DDP one](https://docs.pytorch.org/tutorials/intermediate/ddp_tutorial.html) saves
# `ddp_model.state_dict()`, and is the source for the barrier and for `cuda:0`.

# %% [markdown] lang="zh"
# ## 参考资料 {#sources}
#
# PyTorch 的[保存教程](https://docs.pytorch.org/tutorials/beginner/saving_loading_models.html)
# 推荐 `model.module.state_dict()`。它的
# [DDP 教程](https://docs.pytorch.org/tutorials/intermediate/ddp_tutorial.html)保存的却是
# `ddp_model.state_dict()`；关于 barrier 和 `cuda:0` 的说法也出自这里。
