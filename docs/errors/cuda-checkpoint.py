# %% [markdown] lang="en"
# # Attempting to deserialize object on a CUDA device but torch.cuda.is_available() is False {#cuda-checkpoint}
#
# The file was saved on a GPU, and the machine that loads it has none it can use. The
# numbers are all there: with `map_location="cpu"`, `{python} arrived` of
# `{python} len(saved)` tensors arrive as they were. Nothing has to be installed.

# %% [markdown] lang="zh"
# # Attempting to deserialize object on a CUDA device but torch.cuda.is_available() is False {#cuda-checkpoint}
#
# 文件是在 GPU 上保存的，加载它的机器却没有可用的 GPU。数据一个也没少：加上
# `map_location="cpu"`，`{python} len(saved)` 个张量中有 `{python} arrived` 个原样加载。
# 不需要安装任何东西。

# %% [markdown] lang="en"
# This page was made without a GPU, so one word in the file is forged:
# `register_package` tells `torch.save` to note `cuda:0` as the device of every tensor
# while `pretend` says so. The message that follows is real.

# %% [markdown] lang="zh"
# 制作本页的机器没有 GPU，所以这个文件有一个词是伪造的：通过 `register_package`，让
# `torch.save` 在 `pretend` 有值时，把每个张量的设备都记成 `cuda:0`。随后的报错是真的。

# %%
import torch
from torch import nn

pretend = "cuda:0"
torch.serialization.register_package(
    0, lambda storage: pretend, lambda storage, device: None
)
torch.manual_seed(0)
net = nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 1))
saved = net.state_dict()
torch.save(saved, "gpu.pt")
pretend = None

# %% raises="RuntimeError: Attempting to deserialize object on a CUDA device"
torch.load("gpu.pt")

# %% [markdown] lang="en"
# ## Why {#why}
#
# A checkpoint notes for each storage the device it was on, and [`torch.load`][] puts it
# back there unless told otherwise. `map_location` may be a function; this one prints
# what was noted and keeps the tensors where they were read, on the CPU:

# %% [markdown] lang="zh"
# ## 原因 {#why}
#
# 检查点记着每块存储原来所在的设备，除非另外指定，[`torch.load`][] 就把它放回那里。
# `map_location` 可以是函数；下面这个打印出所记的设备，并让张量留在读入的地方，也就是 CPU：


# %%
def show(storage, device):
    print(f"noted {device}, {storage.nbytes():>2} bytes, read on {storage.device}")
    return storage


torch.load("gpu.pt", map_location=show)
print("a GPU to put them on:", torch.cuda.is_available())

# %% [markdown] lang="en"
# ## Fix {#fix}
#
# Load to the CPU, always: `load_state_dict` copies the numbers to wherever the model
# is, so the same lines are right on a machine with a GPU.

# %% [markdown] lang="zh"
# ## 解决 {#fix}
#
# 一律加载到 CPU：`load_state_dict` 会把数值复制到模型所在的设备，
# 所以同样几行在有 GPU 的机器上也对。

# %%
device = "cuda" if torch.cuda.is_available() else "cpu"
net = nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 1)).to(device)
state = torch.load("gpu.pt", map_location="cpu")
print(net.load_state_dict(state))
arrived = sum(torch.equal(state[name], saved[name]) for name in saved)
print(f"{arrived} of {len(saved)} tensors as they were saved")

# %% [markdown] lang="en"
# Spare others the error when you save: what `cpu()` returns is noted as `cpu` (here the
# tensors were there all along).

# %% [markdown] lang="zh"
# 保存的一方可以让别人不碰上这个错误：`cpu()` 的结果，记下的就是 `cpu`（这里的张量其实
# 一直在 CPU 上）。

# %%
torch.save({name: tensor.cpu() for name, tensor in saved.items()}, "cpu.pt")
torch.load("cpu.pt", map_location=show)
print("without map_location:", len(torch.load("cpu.pt")), "tensors")

# %% [markdown] lang="en"
# ## Which one is yours? {#causes}
#
# - [You call `torch.load`](#map-location), or can pass `map_location` on to it.
# - [`pickle.load` or joblib](#plain-pickle) stands in the traceback above `torch.load`:
#   there is no `map_location` to give.

# %% [markdown] lang="zh"
# ## 你属于哪一种？ {#causes}
#
# - [你自己调用 `torch.load`](#map-location)，或者可以把 `map_location` 传给它。
# - [`pickle.load` 或 joblib](#plain-pickle)，在 traceback 里位于 `torch.load` 之上：
#   没有地方可以写 `map_location`。

# %% [markdown] lang="en"
# ### A training checkpoint {#map-location}
#
# Usually the file holds the optimizer's state as well, whose tensors were on the GPU
# like the weights:

# %% [markdown] lang="zh"
# ### 训练检查点 {#map-location}
#
# 文件里通常还有优化器的状态，其中的张量和权重一样在 GPU 上：

# %% raises="RuntimeError: Attempting to deserialize object on a CUDA device"
optimizer = torch.optim.Adam(net.parameters())
net(torch.ones(4, 2)).sum().backward()
optimizer.step()
pretend = "cuda:0"
moments = optimizer.state_dict()
torch.save({"model": saved, "optimizer": moments, "epoch": 3}, "training.pt")
pretend = None
torch.load("training.pt")

# %% [markdown] lang="en"
# One `map_location` covers the whole file:

# %% [markdown] lang="zh"
# 一个 `map_location` 管整个文件：

# %%
checkpoint = torch.load("training.pt", map_location="cpu")
net.load_state_dict(checkpoint["model"])
optimizer = torch.optim.Adam(net.parameters())
optimizer.load_state_dict(checkpoint["optimizer"])
print("weights as saved:", torch.equal(net[0].weight, saved["0.weight"]))
before, after = (s["state"][0]["exp_avg"] for s in (moments, optimizer.state_dict()))
print("moments as saved:", torch.equal(before, after))

# %% [markdown] lang="en"
# ### A tensor inside a pickle {#plain-pickle}
#
# `pickle.dump` wraps each tensor in a file of torch's own, and `pickle.load` calls
# `torch.load` for it:

# %% [markdown] lang="zh"
# ### pickle 里的张量 {#plain-pickle}
#
# `pickle.dump` 把每个张量包成一个 torch 自己的文件，`pickle.load` 再替你调用 `torch.load`：

# %% raises="RuntimeError: Attempting to deserialize object on a CUDA device"
import pickle
from pathlib import Path

pretend = "cuda:0"
Path("gpu.pkl").write_bytes(pickle.dumps(saved))
pretend = None
with open("gpu.pkl", "rb") as file:
    pickle.load(file)

# %% [markdown] lang="en"
# An unpickler of your own can put the argument in. Use it once and save the result with
# `torch.save`: like every unpickler, this one
# [runs what the file says](weights-only.py#advice-off), so only for files you trust.

# %% [markdown] lang="zh"
# 自己写一个 unpickler，把参数加进去。用它读一次，再用 `torch.save` 另存：它和别的 unpickler
# 一样，[文件让运行什么就运行什么](weights-only.py#advice-off)，所以只能用于信得过的文件。

# %%
import io


class CpuUnpickler(pickle.Unpickler):
    def find_class(self, module, name):
        if (module, name) == ("torch.storage", "_load_from_bytes"):
            return lambda data: torch.load(io.BytesIO(data), map_location="cpu")
        return super().find_class(module, name)


with open("gpu.pkl", "rb") as file:
    state = CpuUnpickler(file).load()
print(sum(torch.equal(state[name], saved[name]) for name in saved), "of", len(saved))

# %% [markdown] lang="en"
# ## Advice that does not work {#advice}
#
# Each attempt below loads `gpu.pt`, and `attempt` prints what comes of it.

# %% [markdown] lang="zh"
# ## 不管用的建议 {#advice}
#
# 下面每次都是加载 `gpu.pt`，由 `attempt` 打印结果。


# %%
def attempt(name, load):
    try:
        load()
        print(f"{name:<30}loads")
    except RuntimeError as error:
        print(f"{name:<30}{str(error).split('. ')[0]}")


attempt('map_location="cpu"', lambda: torch.load("gpu.pt", map_location="cpu"))

# %% [markdown] lang="en"
# ### Install the GPU build {#advice-gpu-build}
#
# Without a GPU in the machine no build makes `is_available()` true (installing one was
# *not run here*). Suppose it did; the next check counts the GPUs:

# %% [markdown] lang="zh"
# ### 安装 GPU 版 {#advice-gpu-build}
#
# 机器里没有 GPU，装哪个版本 `is_available()` 都不会返回 True（安装这一步在这里*没有运行*）。
# 假设它返回了 True，下一项检查就是数 GPU：

# %%
from unittest import mock

with mock.patch("torch.cuda.is_available", return_value=True):
    attempt("is_available() forced to True", lambda: torch.load("gpu.pt"))

# %% [markdown] lang="en"
# The GPU build is right where there is a GPU and `is_available()` says False. Then it
# is the installation that needs repair, and not the file.

# %% [markdown] lang="zh"
# 机器里有 GPU，`is_available()` 却返回 False，这时才该装 GPU 版：要修的是安装，不是文件。

# %% [markdown] lang="en"
# ### num_workers=0 {#advice-workers}
#
# Workers only repeat the message from another process. Without them a dataset that
# loads the file raises just the same:

# %% [markdown] lang="zh"
# ### num_workers=0 {#advice-workers}
#
# 工作进程只是把同一个错误从另一个进程里报出来。不用工作进程，加载这个文件的数据集照样报错：


# %%
class Features(torch.utils.data.Dataset):
    def __len__(self):
        return 1

    def __getitem__(self, index):
        return torch.load("gpu.pt")


loader = torch.utils.data.DataLoader(Features(), num_workers=0)
attempt("num_workers=0", lambda: next(iter(loader)))

# %% [markdown] lang="en"
# ### Move it to the CPU afterwards {#advice-afterwards}
#
# The error comes before there is anything to move. A default device is for new tensors,
# and `torch.load` does not ask for it:

# %% [markdown] lang="zh"
# ### 加载之后再移到 CPU {#advice-afterwards}
#
# 报错时还没有任何东西可移。默认设备只管新建的张量，`torch.load` 并不看它：

# %%
attempt("load(…)['2.bias'].cpu()", lambda: torch.load("gpu.pt")["2.bias"].cpu())
with torch.device("cpu"):
    attempt('with torch.device("cpu")', lambda: torch.load("gpu.pt"))
attempt('map_location="cuda"', lambda: torch.load("gpu.pt", map_location="cuda"))

# %% [markdown] lang="en"
# ### A dict for map_location {#advice-dict}
#
# `{"cuda:0": "cpu"}` moves what was on the device it names and nothing else. For a file
# from the second GPU it does nothing:

# %% [markdown] lang="zh"
# ### map_location 写成字典 {#advice-dict}
#
# `{"cuda:0": "cpu"}` 只管它写到的设备。文件若来自第二块 GPU，它就不起作用：

# %%
pretend = "cuda:1"
torch.save(saved, "second.pt")
pretend = None
moved = {"cuda:0": "cpu"}
attempt("dict, file of cuda:0", lambda: torch.load("gpu.pt", map_location=moved))
attempt("dict, file of cuda:1", lambda: torch.load("second.pt", map_location=moved))

# %% [markdown] lang="en"
# ## Looks like it, is not {#looks-like}
#
# With one GPU, a file from the second GPU of another machine gets another message and
# the same remedy. Here the two answers of a machine with one GPU are put in by hand:

# %% [markdown] lang="zh"
# ## 看着像，其实不是 {#looks-like}
#
# 机器只有一块 GPU，文件却来自别的机器的第二块：报错不同，办法一样。
# 下面手工填入只有一块 GPU 的机器会给出的两个回答：

# %%
with (
    mock.patch("torch.cuda.is_available", return_value=True),
    mock.patch("torch.cuda.device_count", return_value=1),
):
    attempt("one GPU, file of cuda:1", lambda: torch.load("second.pt"))

# %% [markdown] lang="en"
# *Torch not compiled with CUDA enabled* comes from a `.cuda()` in the code and not from a
# file: [devices](same-device.py). Files from other accelerators have their own wording,
# for which `map_location="cpu"` is the remedy too:

# %% [markdown] lang="zh"
# *Torch not compiled with CUDA enabled* 来自代码里写死的 `.cuda()`，与文件无关，见
# [设备](same-device.py)。来自其他加速器的文件，报错的措辞各不相同，
# 办法同样是 `map_location="cpu"`：

# %%
for pretend in ("xpu:0", "npu:0"):
    torch.save(saved, "other.pt")
    attempt(pretend, lambda: torch.load("other.pt"))
    attempt("", lambda: torch.load("other.pt", map_location="cpu"))
pretend = None

# %% [markdown] lang="en"
# ## Read on {#read-on}
#
# [One process saves, many load](../checkpoints/one-gpu-many-gpus.py#rank), where `cuda:0`
# fills up for the same reason. In the PyTorch documentation: [`torch.load`][],
# [`torch.cuda.is_available`][].

# %% [markdown] lang="zh"
# ## 延伸阅读 {#read-on}
#
# [一个进程保存，多个进程加载](../checkpoints/one-gpu-many-gpus.py#rank)，`cuda:0` 被占满是
# 同一个原因。PyTorch 文档：[`torch.load`][]、[`torch.cuda.is_available`][]。
