# %% [markdown] lang="en"
# # Chain Rule {#home}
#
# Gradients in PyTorch, by example: every number, plot and error message in a lesson was
# computed when the site was built, by the code on its page.

# %% [markdown] lang="zh"
# # 链式法则 {#home}
#
# 用例子讲 PyTorch 里的梯度：课程里的每个数字、每张图、每条报错，
# 都是构建网站时由同一页上的代码算出来的。

# %% [markdown] lang="en" tags=["beside"]
# The derivative by hand

# %% [markdown] lang="zh" tags=["beside"]
# 手写导数

# %% tags=["beside"]
w = 1.0
for x, y in [(1.0, 2.0), (2.0, 4.0), (3.0, 6.0)]:
    gradient = 2 * x * (w * x - y)
    w = w - 0.01 * gradient
    print(f"gradient {gradient:8.4f}   w {w:.4f}")

# %% [markdown] lang="en" tags=["beside"]
# The same with autograd

# %% [markdown] lang="zh" tags=["beside"]
# 同样的更新，用自动求导

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

# %% [markdown] lang="en" tags=["door"]
# ## Learn {#learn}
#
# - Descent: [the gradient](descent/gradient.py), [by hand](descent/by-hand.py), [autograd](descent/autograd.py), [learning rate](descent/learning-rate.py), [batches](descent/batches.py), [a line](descent/linear-regression.py)
# - Backpropagation: [the chain rule](backprop/chain-rule.py), [a network by hand](backprop/mlp-by-hand.py), [momentum](backprop/momentum.py), [an engine](backprop/engine.py)
# - Autograd: [what to record](autograd/no-grad.py), [adding up](autograd/accumulation.py), [in place](autograd/inplace.py); [checkpoints](checkpoints/one-gpu-many-gpus.py)
# - Learned it differently? [What changed since your tutorial](changes.py)

# %% [markdown] lang="zh" tags=["door"]
# ## 学习 {#learn}
#
# - 梯度下降：[梯度](descent/gradient.py)、[手写](descent/by-hand.py)、[自动求导](descent/autograd.py)、[学习率](descent/learning-rate.py)、[批大小](descent/batches.py)、[拟合直线](descent/linear-regression.py)
# - 反向传播：[链式法则](backprop/chain-rule.py)、[手算一个网络](backprop/mlp-by-hand.py)、[动量](backprop/momentum.py)、[自己写引擎](backprop/engine.py)
# - 自动求导：[记录什么](autograd/no-grad.py)、[梯度累加](autograd/accumulation.py)、[原地操作](autograd/inplace.py)；[检查点](checkpoints/one-gpu-many-gpus.py)
# - 和你以前看到的不一样？[旧教程里的说法，今天还对吗](changes.py)

# %% [markdown] lang="en" tags=["door"]
# ## I have an error {#errors}
#
# <!-- paste box -->
#
# See [all messages](errors/index.md), [the bugs that have none](errors/silent-bugs.py), or one of:

# %% [markdown] lang="zh" tags=["door"]
# ## 遇到报错 {#errors}
#
# <!-- paste box -->
#
# 可以看[所有报错](errors/index.md)、[不报错的错误](errors/silent-bugs.py)，或者直接点：

# %% [markdown] lang="en" tags=["door"]
# - [`modified by an inplace operation`](errors/modified-by-inplace.py): a saved tensor was overwritten
# - [`backward through the graph a second time`](errors/backward-twice.py): what it saved is freed
# - [`element 0 of tensors does not require grad`](errors/does-not-require-grad.py): nothing was recorded
# - [`Missing key(s) in state_dict`](errors/state-dict-keys.py): names begin with `module.`

# %% [markdown] lang="zh" tags=["door"]
# - [`modified by an inplace operation`](errors/modified-by-inplace.py)：保存的张量被改写了
# - [`backward through the graph a second time`](errors/backward-twice.py)：保存的张量已经释放
# - [`element 0 of tensors does not require grad`](errors/does-not-require-grad.py)：什么都没有记录
# - [`Missing key(s) in state_dict`](errors/state-dict-keys.py)：名字多了 `module.` 前缀

# %% [markdown] lang="en" tags=["door"]
# ## Look up {#reference}
#
# The code the lessons print is a package that needs torch and nothing else:
#
# - [descent](reference/descent.md), [a network](reference/mlp.md), [optimizers](reference/optim.md)
# - [the graph](reference/graph.md), [an engine](reference/engine.md), [dividing by zero](reference/ieee.md)
# - [who wrote into a tensor](reference/detective.md), [checkpoints](reference/checkpoint.md)

# %% [markdown] lang="zh" tags=["door"]
# ## 查接口 {#reference}
#
# 课程里打印的代码是一个只依赖 torch 的包：
#
# - [梯度下降](reference/descent.md)、[网络](reference/mlp.md)、[优化器](reference/optim.md)
# - [计算图](reference/graph.md)、[引擎](reference/engine.md)、[除以零](reference/ieee.md)
# - [谁改写了张量](reference/detective.md)、[检查点](reference/checkpoint.md)
