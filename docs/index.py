# %% [markdown] lang="en"
# # Chain Rule {#home}
#
# Gradients in PyTorch, by example. Every number, plot and error message in a lesson was
# computed when the site was built, by the code on its page. The same three updates, with
# the derivative written by hand and with autograd:

# %% [markdown] lang="zh"
# # 链式法则 {#home}
#
# 用例子讲 PyTorch 里的梯度。课程里的每个数字、每张图、每条报错信息，都是建站时由同一页上的
# 代码算出来的。同样的三次更新，一边手写导数，一边用自动求导：

# %% [markdown] lang="en" tags=["beside"]
# **By hand**

# %% [markdown] lang="zh" tags=["beside"]
# **手写**

# %% tags=["beside"]
w = 1.0
for x, y in [(1.0, 2.0), (2.0, 4.0), (3.0, 6.0)]:
    gradient = 2 * x * (w * x - y)
    w = w - 0.01 * gradient
    print(f"gradient {gradient:8.4f}   w {w:.4f}")

# %% [markdown] lang="en" tags=["beside"]
# **With autograd**

# %% [markdown] lang="zh" tags=["beside"]
# **自动求导**

# %% tags=["beside"]
import torch

w = torch.tensor(1.0, requires_grad=True)
for x, y in [(1.0, 2.0), (2.0, 4.0), (3.0, 6.0)]:
    loss = (w * x - y) ** 2
    loss.backward()
    with torch.no_grad():
        w -= 0.01 * w.grad
    print(f"gradient {w.grad:8.4f}   w {w:.4f}")
    w.grad = None

# %% [markdown] lang="en"
# ## Learn {#learn}
#
# - [Gradient descent by hand](descent/by-hand.py), then [with autograd](descent/autograd.py)
# - [What no_grad, inference_mode, detach and eval each cost](autograd/no-grad.py)
# - [Gradients add up](autograd/accumulation.py), [writing in place](autograd/inplace.py)
# - [Checkpoints between one GPU and many](checkpoints/one-gpu-many-gpus.py)

# %% [markdown] lang="zh"
# ## 学习 {#learn}
#
# - [手写梯度下降](descent/by-hand.py)，再[用自动求导](descent/autograd.py)
# - [no_grad、inference_mode、detach、eval 各自的代价](autograd/no-grad.py)
# - [梯度会累加](autograd/accumulation.py)，[原地操作](autograd/inplace.py)
# - [单卡与多卡之间的检查点](checkpoints/one-gpu-many-gpus.py)

# %% [markdown] lang="en"
# ## I have an error {#errors}
#
# - [`modified by an inplace operation`](autograd/inplace.py#mistake): a saved tensor was overwritten
# - [`Trying to backward through the graph a second time`](autograd/accumulation.py#mistake): what it saved is freed
# - [`'NoneType' object has no attribute 'zero_'`](descent/autograd.py#mistake): there is no `.grad`
# - [`Missing key(s) in state_dict`](checkpoints/one-gpu-many-gpus.py#mistake): names begin with `module.`

# %% [markdown] lang="zh"
# ## 遇到报错 {#errors}
#
# - [`modified by an inplace operation`](autograd/inplace.py#mistake)：保存的张量被改写了
# - [`Trying to backward through the graph a second time`](autograd/accumulation.py#mistake)：保存的张量已经释放
# - [`'NoneType' object has no attribute 'zero_'`](descent/autograd.py#mistake)：`.grad` 是 `None`
# - [`Missing key(s) in state_dict`](checkpoints/one-gpu-many-gpus.py#mistake)：名字多了 `module.` 前缀

# %% [markdown] lang="en"
# ## Look up {#reference}
#
# The code the lessons print is a package that needs torch and nothing else:
# [descent](reference/descent.md), [autograd](reference/autograd_descent.md),
# [recording](reference/recording.md), [accumulation](reference/accumulation.md),
# [in place](reference/inplace.md), [checkpoints](reference/checkpoint.md).

# %% [markdown] lang="zh"
# ## 查接口 {#reference}
#
# 课程里的代码是一个只依赖 torch 的包：
# [梯度下降](reference/descent.md)、[自动求导](reference/autograd_descent.md)、
# [计算图的记录](reference/recording.md)、[梯度累积](reference/accumulation.md)、
# [原地操作](reference/inplace.md)、[检查点](reference/checkpoint.md)。
