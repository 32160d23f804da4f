# %% [markdown] lang="en"
# # Chain Rule {#home}
#
# Gradients in PyTorch, by example. Every number, plot and error message on this site was
# computed when the site was built, by the code printed above it. One step of descent,
# with the derivative written by hand and with autograd:

# %% [markdown] lang="zh"
# # 链式法则 {#home}
#
# PyTorch 梯度实例。本站的每个数字、每张图、每条报错信息，都是建站时由它上方的代码算出来的。
# 同一个下降过程，一边手写导数，一边用自动求导：

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
