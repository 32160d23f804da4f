# %% [markdown] lang="en"
# # Expected all tensors to be on the same device {#same-device}
#
# One operation was given tensors on two devices, most often a GPU and the CPU. There is
# no GPU here: what a GPU prints is quoted and marked *not run here*. The rest is run,
# with *fake* tensors, which have a shape and a device and no numbers.

# %% [markdown] lang="zh"
# # Expected all tensors to be on the same device {#same-device}
#
# 同一个操作收到了两个设备上的张量，多半是一个在 GPU，一个在 CPU。这里没有 GPU：
# GPU 上的信息只作引用，并标明*未在此运行*。其余的都实际运行，用的是*假*张量（fake tensor）：
# 有形状，有设备，没有数值。

# %% [markdown] lang="en"
# ## On a GPU: not run here {#quoted}
#
# ```text
# Expected all tensors to be on the same device, but got mat1 is on cpu, different
# from other tensors on cuda:0 (when checking argument in method wrapper_CUDA_addmm)
# ```

# %% [markdown] lang="zh"
# ## 在 GPU 上：未在此运行 {#quoted}
#
# ```text
# Expected all tensors to be on the same device, but got mat1 is on cpu, different
# from other tensors on cuda:0 (when checking argument in method wrapper_CUDA_addmm)
# ```

# %% [markdown] lang="en"
# ### The same in older versions: not run here {#quoted-old}
#
# ```text
# Expected all tensors to be on the same device, but found at least two devices, cuda:0
# and cpu! (when checking argument for argument mat1 in method wrapper_CUDA_addmm)
# ```

# %% [markdown] lang="zh"
# ### 旧版本的写法：未在此运行 {#quoted-old}
#
# ```text
# Expected all tensors to be on the same device, but found at least two devices, cuda:0
# and cpu! (when checking argument for argument mat1 in method wrapper_CUDA_addmm)
# ```

# %% [markdown] lang="en"
# ## With fake tensors: run {#fake}
#
# `torch.compile` runs a program on fake tensors first. Their device check raises the same
# sentence, as a kind of `RuntimeError`. In this mode every new tensor is fake, and
# `cuda:0` needs no GPU:

# %% [markdown] lang="zh"
# ## 用假张量：实际运行 {#fake}
#
# `torch.compile` 先用假张量把程序走一遍，其中的设备检查报的是同一句话，
# 异常类型是 `RuntimeError` 的一种。在这个模式下，新建的张量都是假的，
# 写 `cuda:0` 也不需要 GPU：

# %% raises="FakeTensorDeviceMismatchError: Expected all tensors to be on the same device"
import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode

fake = FakeTensorMode()
with fake, torch.no_grad():
    model = nn.Linear(3, 2)
    x = torch.ones(5, 3).to("cuda:0")  # (N, D)
    print("x", x.device, " weight", model.weight.device)
    model(x)

# %% [markdown] lang="en"
# ## Why {#why}
#
# An operation runs on one device, and torch never copies to another one by itself. Two
# may stay on the CPU: a single number, that is a tensor without dimensions, and an index.
# `.to` returns a *new* tensor; a module moves in place, but only parameters and buffers.

# %% [markdown] lang="zh"
# ## 原因 {#why}
#
# 一个操作只在一个设备上运行，torch 从不自作主张把数据搬到别的设备。例外是单个数
# （没有维度的张量）和用作下标的张量，它们可以留在 CPU 上。张量的 `.to` 返回一个*新*张量；
# 模块是就地搬动，但只搬参数和缓冲区。

# %%
with fake:
    x = torch.ones(5, 3).to("cuda:0")
    print("a number on the CPU:", (x * torch.tensor(2.0)).device)

# %% [markdown] lang="en"
# ## Fix {#fix}
#
# Name the device once. Move the model before the loop, each batch inside it, and create
# new tensors on `x.device`. These lines run on any machine:

# %% [markdown] lang="zh"
# ## 解决 {#fix}
#
# 设备只在一处指定。模型在循环之前搬，每批数据在循环里搬，新建的张量放在 `x.device` 上。
# 下面的代码在任何机器上都能运行：

# %%
device = "cuda" if torch.cuda.is_available() else "cpu"
model = nn.Linear(1, 1, bias=False).to(device)
sgd = torch.optim.SGD(model.parameters(), lr=0.1)
xs = torch.tensor([[1.0], [2.0]])  # (N, D)
for _ in range(50):
    x = xs.to(device)
    y = x * torch.tensor([3.0], device=x.device)
    loss = ((model(x) - y) ** 2).mean()
    sgd.zero_grad()
    loss.backward()
    sgd.step()
print(f"weight {model.weight.item():.3f}, target 3")

# %% [markdown] lang="en"
# The same with fake tensors. `model.to` cannot swap fake parameters, so `moved` moves
# what it would move, the parameters and buffers, and
# [`functional_call`][torch.func.functional_call] runs the model with them:

# %% [markdown] lang="zh"
# 再用假张量试一遍。`model.to` 换不了假参数，所以由 `moved` 搬动它本该搬的东西，
# 也就是参数和缓冲区，再用 [`functional_call`][torch.func.functional_call]
# 带着它们运行模型：

# %%
from torch.func import functional_call


def moved(model):
    return {name: value.to("cuda:0") for name, value in model.state_dict().items()}


with fake, torch.no_grad():
    model = nn.Linear(3, 2)
    y = functional_call(model, moved(model), torch.ones(5, 3).to("cuda:0"))
    print("result", tuple(y.shape), y.device)

# %% [markdown] lang="en"
# ## Which one is yours? {#causes}
#
# - `mat1 is on cuda:0, different from … cpu`: [the model](#model-not-moved) was not moved.
# - `mat1 is on cpu, different from … cuda:0`: [the batch](#batch-not-moved) was not moved.
# - No argument is named, or one that is neither input nor weight: a tensor was
#   [made inside the model](#created-inside).

# %% [markdown] lang="zh"
# ## 你属于哪一种？ {#causes}
#
# - `mat1 is on cuda:0, different from … cpu`：[模型](#model-not-moved)没搬。
# - `mat1 is on cpu, different from … cuda:0`：[数据](#batch-not-moved)没搬。
# - 没有指出参数名，或者指的既不是输入也不是权重：
#   有张量是[在模型里新建的](#created-inside)。

# %% [markdown] lang="en"
# - In `optimizer.step()`: the model was moved after the optimizer had its state. Move it
#   first, then make the optimizer and load its state.
# - `cuda:0 and cuda:1`: the model is spread over several GPUs. Send the input to the
#   device of its first layer, the labels to that of its output.

# %% [markdown] lang="zh"
# - 出现在 `optimizer.step()` 里：优化器有了状态之后，模型才搬走。
#   先搬模型，再建优化器、加载优化器的状态。
# - `cuda:0 and cuda:1`：模型分布在几块 GPU 上。
#   输入送到第一层所在的设备，标签送到输出所在的设备。

# %% [markdown] lang="en"
# All these are quoted, *not run here*: `mat1` is the input of a linear layer, `index`
# that of an embedding, and `mat2` the weight of a layer without bias. Or print where all
# is. Half of this model was moved to `meta`, a device every machine has, which keeps
# shapes and no numbers:

# %% [markdown] lang="zh"
# 以上都是 GPU 上的措辞，*未在此运行*：`mat1` 是线性层的输入，`index` 是嵌入层的输入，
# `mat2` 是没有偏置的层的权重。也可以把各个张量的位置都打印出来。下面的模型有一半搬到了
# `meta`，这是每台机器都有的设备，只记形状，不存数值：


# %%
def where(model):
    places = {}
    for name, value in model.state_dict().items():
        places.setdefault(str(value.device), []).append(name)
    return places


model = nn.Sequential(nn.Linear(3, 4), nn.PReLU(), nn.Linear(4, 2))
model[2].to("meta")
for place, names in where(model).items():
    print(f"{place:<5}{', '.join(names)}")

# %% [markdown] lang="en"
# ### The model was not moved {#model-not-moved}
#
# The run [above](#fake) is this case. A model that was moved can keep layers behind: in a
# plain list they are no part of the model, and neither `to` nor the optimizer sees them:

# %% [markdown] lang="zh"
# ### 模型没搬 {#model-not-moved}
#
# [上面](#fake)运行的就是这一种。模型搬过了，也可能有层落下：放在普通列表里的层不属于模型，
# `to` 和优化器都看不见它们：


# %%
class Net(nn.Module):
    def __init__(self, container):
        super().__init__()
        self.first = nn.Linear(3, 4)
        self.rest = container([nn.Linear(4, 2)])

    def forward(self, x):
        return self.rest[0](self.first(x))


# %% raises="FakeTensorDeviceMismatchError: Expected all tensors to be on the same device"
with fake, torch.no_grad():
    model = Net(list)
    functional_call(model, moved(model), torch.ones(5, 3).to("cuda:0"))

# %% [markdown] lang="en"
# Call `model.to(device)`, and keep layers in [`nn.ModuleList`][torch.nn.ModuleList]. On
# the real device `meta`, and with fake tensors:

# %% [markdown] lang="zh"
# 调用 `model.to(device)`，并把层放进 [`nn.ModuleList`][torch.nn.ModuleList]。
# 先看真实设备 `meta`，再用假张量：

# %%
for container in (list, nn.ModuleList):
    model = Net(container).to("meta")
    devices = model.first.weight.device, model.rest[0].weight.device
    print(f"{container.__name__:<11}first {devices[0]}  rest {devices[1]}")
with fake, torch.no_grad():
    model = Net(nn.ModuleList)
    y = functional_call(model, moved(model), torch.ones(5, 3).to("cuda:0"))
    print("result", tuple(y.shape), y.device)

# %% [markdown] lang="en"
# ### The batch was not moved {#batch-not-moved}
#
# `x.to(device)` alone on a line: it returns the moved tensor, and nobody takes it.

# %% [markdown] lang="zh"
# ### 数据没搬 {#batch-not-moved}
#
# 单独一行 `x.to(device)`：搬好的张量是返回值，却没有人接。

# %% raises="FakeTensorDeviceMismatchError: Expected all tensors to be on the same device"
with fake, torch.no_grad():
    model = nn.Linear(3, 2)
    x = torch.ones(5, 3)
    x.to("cuda:0")
    functional_call(model, moved(model), x)

# %% [markdown] lang="en"
# Assign it. The labels need it as well, or the loss raises the same:

# %% [markdown] lang="zh"
# 把返回值赋给变量。标签也要搬，否则到损失函数还是同样的错误：

# %%
with fake, torch.no_grad():
    x = x.to("cuda:0")
    y = functional_call(model, moved(model), x)
    labels = torch.zeros(5, dtype=torch.long)
    print("result", y.device)
    for place in ("cpu", "cuda:0"):
        try:
            loss = nn.functional.cross_entropy(y, labels.to(place))
            print(f"labels on {place}: loss on {loss.device}")
        except RuntimeError as error:
            print(f"labels on {place}: {str(error).split(', but')[0]}")

# %% [markdown] lang="en"
# ### Made inside the model {#created-inside}
#
# Tensors that `forward` creates are on the CPU unless told otherwise. A tensor that is a
# plain attribute stays where it was made, and the list above does not show it:

# %% [markdown] lang="zh"
# ### 在模型里新建的 {#created-inside}
#
# `forward` 里新建的张量，不指定就在 CPU 上；作为普通属性存着的张量，
# 在哪里建的就留在哪里，上面打印的清单里也没有它：


# %%
class Scaled(nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = torch.ones(3)

    def forward(self, x):
        return x * self.scale + torch.zeros(3)


model = Scaled().to("meta")
print("attribute after to():", model.scale.device, where(model))

# %% raises="FakeTensorDeviceMismatchError: Expected all tensors to be on the same device"
with fake, torch.no_grad():
    Scaled()(torch.ones(5, 3).to("cuda:0"))

# %% [markdown] lang="en"
# Register the attribute as a buffer; create the other one on the device of the input:

# %% [markdown] lang="zh"
# 把属性注册为缓冲区；另一个张量建在输入所在的设备上：


# %%
class Scaled(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("scale", torch.ones(3))

    def forward(self, x):
        return x * self.scale + torch.zeros(3, device=x.device)


print("buffer after to():", Scaled().to("meta").scale.device)
with fake, torch.no_grad():
    model = Scaled()
    y = functional_call(model, moved(model), torch.ones(5, 3).to("cuda:0"))
    print("result", tuple(y.shape), y.device)

# %% [markdown] lang="en"
# ## Advice that does not work {#advice}
#
# ### `.cpu().detach()` {#advice-detach}
#
# The message goes, and with it the gradient of all that came before: here 5 in the first
# layer. `.cpu()` keeps it (and has nothing to move here); it is `detach()` that cuts:

# %% [markdown] lang="zh"
# ## 不管用的建议 {#advice}
#
# ### `.cpu().detach()` {#advice-detach}
#
# 报错没了，前面各层的梯度也没了；这里第一层的梯度本应是 5。
# `.cpu()` 保留梯度（在这里也没有什么要搬），切断梯度的是 `detach()`：

# %%
first, second = nn.Linear(3, 1, bias=False), nn.Linear(1, 1, bias=False)
for layer in (first, second):
    nn.init.ones_(layer.weight)
for name in ("cpu()", "cpu().detach()"):
    first.zero_grad()
    h = first(torch.ones(5, 3)).cpu()
    h = h.detach() if "detach" in name else h
    second(h).sum().backward()
    print(f"{name:<15}first layer", first.weight.grad)

# %% [markdown] lang="en"
# ### `.cuda()` on everything {#advice-cuda}
#
# The program then runs on machines with a GPU only. Here it stops at once:

# %% [markdown] lang="zh"
# ### 到处写 `.cuda()` {#advice-cuda}
#
# 这样程序就只能在有 GPU 的机器上运行。在这里当场就停：

# %% raises="AssertionError: Torch not compiled with CUDA enabled"
torch.ones(2).cuda()

# %% [markdown] lang="en"
# ### `torch.set_default_device` {#advice-default}
#
# It decides where *new* tensors go. What exists, what comes from NumPy, and a batch
# stacked from such tensors, stays. With `meta` in the place of a GPU:

# %% [markdown] lang="zh"
# ### `torch.set_default_device` {#advice-default}
#
# 它只决定*新建*的张量放在哪里。已有的张量、从 NumPy 转来的张量，
# 以及由这些张量堆叠成的一批数据，都不动。用 `meta` 代替 GPU：

# %%
import numpy as np

before = torch.ones(2)
torch.set_default_device("meta")
found = {"before": before, "from_numpy": torch.from_numpy(np.ones(2))}
found |= {"a batch": torch.utils.data.default_collate([before, before])}
found |= {"torch.ones": torch.ones(2), "nn.Linear": nn.Linear(2, 2).weight}
torch.set_default_device(None)
for name, value in found.items():
    print(f"{name:<12}{value.device}")

# %% [markdown] lang="en"
# ## Looks like it, is not {#looks-like}
#
# ### The device `meta` {#meta}
#
# `meta` is no stand-in for a GPU. It speaks of an *expected device*, and `mm` of a CPU
# tensor with a meta tensor does not even raise; the numbers it returns mean nothing:

# %% [markdown] lang="zh"
# ## 看着像，其实不是 {#looks-like}
#
# ### `meta` 设备 {#meta}
#
# `meta` 不能代替 GPU。它的信息说的是 *expected device*；而 CPU 张量与 meta 张量做 `mm`，
# 连错误都不报，返回的数值毫无意义：

# %%
on_cpu, on_meta = torch.ones(2, 2), torch.ones(2, 2, device="meta")
for name in ("add", "mm"):
    try:
        y = getattr(torch, name)(on_cpu, on_meta)
        print(f"{name:<4} no error, result on {y.device}")
    except RuntimeError as error:
        print(f"{name:<4} {error}")

# %% [markdown] lang="en"
# Fake tensors have a blind spot too: `conv2d` passes. So a fake run that raises proves
# the mistake, and one that passes proves nothing.

# %% [markdown] lang="zh"
# 假张量也有盲区：`conv2d` 就没有被发现。所以假张量报错，错误就确实存在；
# 不报错，则什么也证明不了。

# %%
with fake, torch.no_grad():
    image = torch.ones(1, 3, 8, 8).to("cuda:0")
    y = nn.Conv2d(3, 4, 3)(image)
    print("image on", image.device, "weight on cpu: no error,", tuple(y.shape))

# %% [markdown] lang="en"
# ### A convolution on a GPU: not run here {#conv}
#
# ```text
# Input type (torch.cuda.FloatTensor) and weight type (torch.FloatTensor) should be
# the same
# ```

# %% [markdown] lang="zh"
# ### GPU 上的卷积：未在此运行 {#conv}
#
# ```text
# Input type (torch.cuda.FloatTensor) and weight type (torch.FloatTensor) should be
# the same
# ```

# %% [markdown] lang="en"
# That is this page's mistake in other words: `cuda` stands on one side only. Without it,
# dtypes differ, not devices:

# %% [markdown] lang="zh"
# 这是本页的错误换了说法：只有一边写着 `cuda`。如果没有 `cuda`，
# 那么不同的是 dtype，不是设备：

# %%
tries = {
    "Conv2d": lambda x: nn.Conv2d(1, 1, 1)(x.reshape(1, 1, 1, 1)),
    "Linear": nn.Linear(1, 1),
}
for name, layer in tries.items():
    try:
        layer(torch.ones(1, 1, dtype=torch.float64))
    except RuntimeError as error:
        print(f"{name}: {error}")

# %% [markdown] lang="en"
# ### An index on a GPU: not run here {#index}
#
# ```text
# indices should be either on cpu or on the same device as the indexed tensor (cpu)
# ```
#
# In `table[i]` the table is still on the CPU: move it, not the index.

# %% [markdown] lang="zh"
# ### 下标在 GPU 上：未在此运行 {#index}
#
# ```text
# indices should be either on cpu or on the same device as the indexed tensor (cpu)
# ```
#
# `table[i]` 里的 `table` 还在 CPU 上：要搬的是 `table`，不是下标。

# %% [markdown] lang="en"
# - While a file is read: [Attempting to deserialize object on a CUDA
#   device](cuda-checkpoint.py).
# - While plotting: [can't convert cuda:0 device type tensor to
#   numpy](numpy-requires-grad.py#on-device).

# %% [markdown] lang="zh"
# - 读文件时：[Attempting to deserialize object on a CUDA
#   device](cuda-checkpoint.py)。
# - 画图时：[can't convert cuda:0 device type tensor to
#   numpy](numpy-requires-grad.py#on-device)。

# %% [markdown] lang="en"
# ## Read on {#read-on}
#
# On this site: [one GPU and many](../checkpoints/one-gpu-many-gpus.py),
# [what detach cuts](../autograd/no-grad.py#detach). PyTorch: [`torch.Tensor.to`][],
# [`torch.nn.Module.to`][], [`torch.nn.Module.register_buffer`][],
# [fake tensors](https://docs.pytorch.org/docs/stable/torch.compiler_fake_tensor.html).

# %% [markdown] lang="zh"
# ## 延伸阅读 {#read-on}
#
# 本站：[单 GPU 与多 GPU](../checkpoints/one-gpu-many-gpus.py)、
# [detach 切断什么](../autograd/no-grad.py#detach)。PyTorch：[`torch.Tensor.to`][]、
# [`torch.nn.Module.to`][]、[`torch.nn.Module.register_buffer`][]、
# [假张量](https://docs.pytorch.org/docs/stable/torch.compiler_fake_tensor.html)。
