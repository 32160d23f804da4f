# %% [markdown] lang="en" needs="descent/gradient.py, descent/autograd.py"
# # Gradcheck, and what it cannot see {#gradcheck}
#
# In float32 `gradcheck` refuses the right derivative of $x^3$: slopes measured with its
# step of 1e-6 are off by `{python} f"{error(torch.float32, 1e-6, 2):.1%}"`, in float64 by `{python} f"{error(torch.float64, 1e-6, 2):.0e}"`. In float64 it
# passes a derivative that is a third too small, if the gradient itself is small enough,
# and it never looks at an input it is not given.

# %% [markdown] lang="zh"
# # gradcheck，以及它看不见的错误 {#gradcheck}
#
# 在 float32 下，`gradcheck` 会拒绝 $x^3$ 的正确导数：用它默认的步长 1e-6 实测斜率，误差达
# `{python} f"{error(torch.float32, 1e-6, 2):.1%}"`，而 float64 只有 `{python} f"{error(torch.float64, 1e-6, 2):.0e}"`。
# 但在 float64 下，只要梯度本身够小，导数小了三分之一它也放行；没有交给它的，它根本不查。

# %% [markdown] lang="en"
# ## One step or two {#differences}
#
# A gradient can be checked without knowing a derivative: move each input a little, and
# see how the output moves. These are the two usual ways:

# %% [markdown] lang="zh"
# ## 走一步还是两步 {#differences}
#
# 不会求导也能核对梯度：把每个输入稍微动一下，看输出动了多少。常用的做法有两种：

# %% tags=["source"]
from chainrule.differences import central_difference, one_sided_difference

# %% [markdown] lang="en"
# For $x^3$, with derivative $3x^2$, algebra tells what they get wrong: one-sided
# $3xh + h^2$, central only $h^2$. At 1 and at 2, measured:

# %% [markdown] lang="zh"
# 对 $x^3$（导数是 $3x^2$），展开就知道误差有多大：单侧差分差 $3xh + h^2$，中心差分
# 只差 $h^2$。在 1 和 2 两处实测：

# %%
import torch


def total(x):
    return (x**3).sum()


x = torch.tensor([1.0, 2.0], dtype=torch.float64)
print("h      one-sided             central")
for h in (0.1, 0.01, 0.001):
    both = (one_sided_difference(total, x, h), central_difference(total, x, h))
    print(f"{h:<5}", *(f"{off:10.6f}" for d in both for off in d - 3 * x**2))

# %% [markdown] lang="en"
# ## Smaller is not better {#step}
#
# By that rule $h$ should be as small as can be. But there are gaps between floats, and
# `x + h` is rounded to a float. The mean relative error of a thousand slopes from 1 to 2,
# with the formulas typed out to do all points at once:

# %% [markdown] lang="zh"
# ## 步长不是越小越好 {#step}
#
# 照这个规律，$h$ 应当越小越好。可是浮点数之间有间隙，`x + h` 只能落在某个浮点数上。
# 在 1 到 2 之间取一千个点，看斜率的平均相对误差（公式直接写出来，好一次算完所有的点）：

# %%
points = 1 + torch.arange(1000, dtype=torch.float64) / 1000  # (1000,)


def error(dtype, h, sides):
    x = points.to(dtype)
    left = x - h if sides == 2 else x
    slope = ((x + h) ** 3 - left**3) / (sides * h)
    return ((slope - 3 * x**2) / (3 * x**2)).abs().mean().item()


print("central  float32  float64")
for h in (1e-2, 1e-4, 1e-6, 1e-8, 1e-10, 1e-12):
    single, double = (error(dtype, h, 2) for dtype in (torch.float32, torch.float64))
    print(f"h {h:.0e}  {single:.1e}  {double:.1e}")

# %% [markdown] lang="en"
# At 1e-8 float32 misses by 100 %: `x + h` is `x`, and the slope comes out as 0. Before
# that the step taken is not the one asked for, and the values lose digits when they are
# subtracted:

# %% [markdown] lang="zh"
# 步长 1e-8 时，float32 的误差是 100%：`x + h` 就等于 `x`，斜率算出来是 0。在此之前，实际
# 迈出的步子已经不是要求的那么长；两个函数值相减，又会丢掉有效数字：

# %%
one = torch.tensor(1.0)
print(f"gap above 1     {torch.finfo(torch.float32).eps:.3e}")
print(f"step asked for  {1e-6:.3e}")
print(f"step taken      {(one + 1e-6 - one).item():.3e}")

# %% [markdown] lang="en"
# Rounding adds an error of about $\varepsilon/h$, with $\varepsilon$ the relative gap
# of the floats. The one-sided formula adds $h$, the central one $h^2$. The sum is least
# about where both are equal: near $\varepsilon^{1/2}$ and $\varepsilon^{1/3}$.
# Measured:

# %% [markdown] lang="zh"
# 舍入带来的误差约为 $\varepsilon/h$，$\varepsilon$ 是浮点数的相对间隙；公式本身的误差，
# 单侧约为 $h$，中心约为 $h^2$。两者大致相等时总和最小，也就是在 $\varepsilon^{1/2}$ 和
# $\varepsilon^{1/3}$ 附近。实测：

# %%
steps = [10 ** (-n / 4) for n in range(57)]
curves = {}
print("                    best h   rule     error")
for dtype in (torch.float32, torch.float64):
    for sides, name in ((1, "one-sided"), (2, "central")):
        curve = [error(dtype, h, sides) for h in steps]
        curves[f"{str(dtype)[6:]} {name}"] = curve
        best = steps[curve.index(min(curve))]
        rule = torch.finfo(dtype).eps ** (1 / (sides + 1))
        print(f"{str(dtype)[6:]} {name:<9}  {best:.1e}  {rule:.1e}  {min(curve):.1e}")

# %%
import matplotlib.pyplot as plt

plt.figure(figsize=(6.4, 3.2), layout="constrained")
for n, (name, curve) in enumerate(curves.items()):
    plt.loglog(steps, curve, f"C{n // 2}{':-'[n % 2]}", label=name)
plt.axvline(1e-6, color="C2", linewidth=0.8)
plt.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=2)
plt.xlabel("step h")
plt.ylabel("relative error")

# %% [markdown] lang="en" tags=["caption"]
# Relative error against the step, both logarithmic. Each of the four curves is a V: from
# the right it falls with the step, then rounding lifts it again. At the vertical line,
# the step of `gradcheck`, float64 central is near its lowest; float32 has long risen.

# %% [markdown] lang="zh" tags=["caption"]
# 相对误差与步长的关系，两轴都取对数。四条曲线都呈 V 形：从右往左，误差先随步长减小，然后
# 因舍入而回升。竖线是 `gradcheck` 的步长：在这里，float64 的中心差分已接近谷底，而 float32
# 早已回升。

# %% [markdown] lang="en"
# ## gradcheck in float64 {#float64}
#
# [`gradcheck`][torch.autograd.gradcheck] compares every entry of the *Jacobian*, the
# derivatives of each output by each input: by backward ($a$), and by central
# differences with the step `eps` ($n$). It demands
# $|a - n| \le \mathrm{atol} + \mathrm{rtol}\,|n|$. Its step suits float64 only:

# %% [markdown] lang="zh"
# ## float64 下的 gradcheck {#float64}
#
# [`gradcheck`][torch.autograd.gradcheck] 逐项比较*雅可比矩阵*，即每个输出对每个输入的导数：
# 一份由反向传播算出（$a$），一份由步长为 `eps` 的中心差分测出（$n$），要求
# $|a - n| \le \mathrm{atol} + \mathrm{rtol}\,|n|$。它的默认步长只适合 float64：

# %%
import inspect
from torch.autograd.gradcheck import GradcheckError, gradcheck

for name in ("eps", "atol", "rtol"):
    print(name, inspect.signature(gradcheck).parameters[name].default)
x = torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64, requires_grad=True)
gradcheck(lambda x: x**3, x)

# %% [markdown] lang="en"
# ## A wrong backward is caught {#wrong}
#
# Autograd believes what a [`torch.autograd.Function`][] says about its derivative. This
# one should say $3x^2$:

# %% [markdown] lang="zh"
# ## 抓住写错的反向传播 {#wrong}
#
# [`torch.autograd.Function`][] 说自己的导数是多少，autograd 就信多少。下面这个本该是
# $3x^2$：


# %%
class Cube(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    def backward(ctx, dy):
        (x,) = ctx.saved_tensors
        return dy * 2 * x**2


torch.autograd.grad(Cube.apply(x).sum(), x)

# %% [markdown] lang="en"
# No error so far. `gradcheck` finds it; the numbers on the diagonal say by which factor:

# %% [markdown] lang="zh"
# 到这里没有任何报错。`gradcheck` 能发现，看对角线上的数就知道差了几倍：

# %% raises="GradcheckError: Jacobian mismatch for output 0 with respect to input 0"
gradcheck(Cube.apply, x)

# %% [markdown] lang="en"
# ## What it passes although it is wrong {#blind}
#
# Where the gradient is small, `atol` alone lets a wrong one through. The same wrong
# backward, ever nearer to 0; the *relative* error is a third everywhere:

# %% [markdown] lang="zh"
# ## 明明错了却放行 {#blind}
#
# 梯度很小时，光是 `atol` 就足以放行。还是那个写错的反向传播，让 $x$ 越来越接近 0；
# *相对*误差始终是三分之一：

# %% tags=["source"]
from chainrule.differences import relative_error

# %%
print("x      right    wrong    relative  gradcheck  atol=1e-9")
for value in (1.0, 0.1, 0.01, 0.001):
    at = torch.tensor([value], dtype=torch.float64, requires_grad=True)
    right = 3 * at.detach() ** 2
    (wrong,) = torch.autograd.grad(Cube.apply(at).sum(), at)
    passed = gradcheck(Cube.apply, at, raise_exception=False)
    strict = gradcheck(Cube.apply, at, atol=1e-9, raise_exception=False)
    off = relative_error(right, wrong)
    numbers = f"{right.item():.1e}  {wrong.item():.1e}  {off:.4f}"
    print(f"{value:<5}  {numbers}    {passed!s:<9}  {strict}")

# %% [markdown] lang="en"
# Choose inputs with gradients of about 1. And hand over all that should be checked:
# what the function takes from outside, such as the weights of a module, is a constant
# to `gradcheck`. Here the gradient of `w` is twice what it should be:

# %% [markdown] lang="zh"
# 所以要选梯度在 1 左右的输入，还要把该查的张量都交给它：函数从外部取用的东西，比如模块的
# 权重，对 `gradcheck` 来说只是常数。下面 `w` 的梯度大了一倍：


# %%
class Product(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, w):
        ctx.save_for_backward(x, w)
        return x * w

    @staticmethod
    def backward(ctx, dy):
        x, w = ctx.saved_tensors
        return dy * w, 2 * dy * x


# %%
w = torch.tensor([4.0, 5.0, 6.0], dtype=torch.float64, requires_grad=True)
print("x alone", gradcheck(lambda x: Product.apply(x, w), x, raise_exception=False))
print("x and w", gradcheck(Product.apply, (x, w), raise_exception=False))

# %% [markdown] lang="en"
# ## What it refuses although nothing is wrong {#kinks}
#
# At a kink autograd follows [a convention](../descent/gradient.py#kink) and the central
# difference takes the mean of both sides. The kink need not be hit: at 1e-7 it lies
# within the step. `maximum` and `abs` pass at 0, as their convention is that mean.

# %% [markdown] lang="zh"
# ## 没有错却拒绝 {#kinks}
#
# 在折点上，autograd 遵循[约定](../descent/gradient.py#kink)，中心差分则取两侧的平均。
# 不必正好落在折点上：1e-7 处，折点就在一步之内。`maximum` 和 `abs` 在 0 处能通过，
# 因为它们的约定正好是平均值。

# %%
functions = {
    "relu": torch.relu,
    "maximum": lambda x: torch.maximum(x, torch.zeros_like(x)),
    "abs": torch.abs,
}
print("x          0.0  1e-07  1e-05")
for name, function in functions.items():
    passed = []
    for value in (0.0, 1e-7, 1e-5):
        at = torch.tensor([value], dtype=torch.float64, requires_grad=True)
        passed.append(gradcheck(function, at, raise_exception=False))
    print(f"{name:<7}", *(f"{result!s:>6}" for result in passed))

# %% [markdown] lang="en"
# A function that draws random numbers is another one at every call, and the difference of
# two calls is no slope. The option `nondet_tol` does not help: it is about two backward
# passes of one call. With the seed set inside, dropout is a function like any other:

# %% [markdown] lang="zh"
# 函数里有随机数，每次调用就是不同的函数，两次调用之差算不出斜率。选项 `nondet_tol` 帮不上
# 忙，它管的是同一次调用的两遍反向传播。把种子设在函数里面，dropout 就和普通函数一样了：


# %%
def seeded(x):
    torch.manual_seed(0)
    return torch.nn.functional.dropout(x)


many = torch.ones(100, dtype=torch.float64, requires_grad=True)
try:
    gradcheck(torch.nn.functional.dropout, many, nondet_tol=1.0)
except GradcheckError as refusal:
    print(str(refusal).splitlines()[0])
print("seeded", gradcheck(seeded, many))

# %% [markdown] lang="en"
# ## A mistake to make once {#mistake}
#
# Forget `dtype=torch.float64`. Autograd's numbers are right to the last digit, and the
# measured ones are not:

# %% [markdown] lang="zh"
# ## 值得犯一次的错误 {#mistake}
#
# 忘写 `dtype=torch.float64`。自动求导的数字一位不差，错的是实测的那些：

# %% raises="GradcheckError: Jacobian mismatch for output 0 with respect to input 0"
import warnings

single = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    gradcheck(lambda x: x**3, single)

# %% [markdown] lang="en"
# A warning came before the error. The repair is `.double()`, for a module's weights as
# well. Only if the function cannot do float64, give it the step of float32 and tolerances
# to match:

# %% [markdown] lang="zh"
# 报错之前有过一条警告。改法是加上 `.double()`，模块的权重也要转换。只有函数算不了
# float64 时，才换成适合 float32 的步长，并相应放宽容差：

# %%
print(str(caught[0].message).split(". ")[0])
print(gradcheck(lambda x: x**3, single.detach().double().requires_grad_()))
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    print(gradcheck(lambda x: x**3, single, eps=5e-3, atol=1e-3))

# %% [markdown] lang="en"
# ## Try it {#exercises}
#
# 1. Pass one number three times over, as `expand(3)`. What does `gradcheck` say?

# %% [markdown] lang="zh"
# ## 练习 {#exercises}
#
# 1. 用 `expand(3)` 把一个数当三个用，传给 `gradcheck`，会怎样？

# %% [markdown] lang="en" tags=["answer"]
# It would move three elements when it means one. The documentation says that such a check
# "will likely fail"; in fact it is not made at all:

# %% [markdown] lang="zh" tags=["answer"]
# 它想动一个元素，却会一次动三个。文档说这种检查“很可能失败”，其实它根本不做：

# %% tags=["answer"] raises="RuntimeError: The 0th input has a dimension with stride 0"
shared = torch.tensor([2.0], dtype=torch.float64, requires_grad=True)
gradcheck(lambda x: x**3, shared.expand(3))

# %% [markdown] lang="en" tags=["answer"]
# Only a stride of 0 is noticed. Other overlaps get through, and the measured Jacobian is
# wrong; here the second and the third element are one number. `clone` parts them:

# %% [markdown] lang="zh" tags=["answer"]
# 它只看步幅是否为 0。别的重叠照样进得去，测出来的雅可比矩阵是错的；下面第二个和第三个
# 元素是同一个数。用 `clone` 把它们分开就好：

# %% tags=["answer"]
print(gradcheck(lambda x: x**3, shared.expand(3).contiguous()))
overlap = torch.arange(1.0, 4.0).double().as_strided((2, 2), (1, 1))
print(overlap.tolist())
for at in (overlap.requires_grad_(), overlap.detach().clone().requires_grad_()):
    print(gradcheck(lambda x: x**3, at, raise_exception=False))

# %% [markdown] lang="en"
# 2. Divide by the distance of the two points instead of $2h$. How much of the error in
#    float32 goes away?

# %% [markdown] lang="zh"
# 2. 不除以 $2h$，改为除以两个点的实际距离。float32 的误差能去掉多少？

# %% [markdown] lang="en" tags=["answer"]
# Most of it, wherever `x + h` is rounded: then only the rounding of the two values is
# left. For large steps it changes nothing.

# %% [markdown] lang="zh" tags=["answer"]
# 凡是 `x + h` 有舍入的地方，大部分都能去掉，只剩两个函数值的舍入。步长大时没有区别。

# %% tags=["answer"]
x = points.float()
print("h      by 2h    by distance")
for h in (1e-1, 1e-3, 1e-4, 1e-5, 1e-6):
    right, left = x + h, x - h
    slope = (right**3 - left**3) / (right - left)
    off = ((slope - 3 * x**2) / (3 * x**2)).abs().mean().item()
    print(f"{h:.0e}  {error(torch.float32, h, 2):.1e}  {off:.1e}")

# %% [markdown] lang="en"
# 3. How often does `gradcheck` call a function of $N$ numbers? And with `fast_mode`?

# %% [markdown] lang="zh"
# 3. 对有 $N$ 个输入的函数，`gradcheck` 要调用它多少次？加上 `fast_mode` 呢？

# %% [markdown] lang="en" tags=["answer"]
# $2N + 2$ times, so take small tensors. In fast mode four times, whatever $N$ is: it
# moves all inputs together in one random direction and compares a single number.

# %% [markdown] lang="zh" tags=["answer"]
# $2N + 2$ 次，所以张量要取小一点。`fast_mode` 不论 $N$ 多大都是四次：它让所有输入沿一个
# 随机方向一起动，只比较一个数。


# %% tags=["answer"]
def calls(size, fast):
    seen = []
    at = torch.ones(size, dtype=torch.float64, requires_grad=True)
    gradcheck(lambda x: seen.append(x) or total(x), at, fast_mode=fast)
    return len(seen)


for size in (10, 100):
    print(f"N {size:<4}{calls(size, False):>4} calls, {calls(size, True)} in fast mode")

# %% [markdown] lang="en"
# ## Sources {#sources}
#
# [Gradcheck mechanics](https://docs.pytorch.org/docs/stable/notes/gradcheck.html) in the
# PyTorch documentation, with the derivation of the fast mode. Practical advice: [CS231n,
# Gradient checks](https://cs231n.github.io/neural-networks-3/#gradcheck).

# %% [markdown] lang="zh"
# ## 参考资料 {#sources}
#
# PyTorch 文档中的 [Gradcheck
# mechanics](https://docs.pytorch.org/docs/stable/notes/gradcheck.html)，其中有快速模式的
# 推导。实用建议见 [CS231n，Gradient
# checks](https://cs231n.github.io/neural-networks-3/#gradcheck)。
