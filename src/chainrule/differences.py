r"""Gradients measured: move one element at a time and see how the value changes.

This needs no derivative at all, only the function. It costs one or two calls for each
element, and is as exact as the step $h$ and the rounding of the floats allow.
"""

from collections.abc import Callable

import torch
from torch import Tensor


def one_sided_difference(
    function: Callable[[Tensor], Tensor], x: Tensor, h: float
) -> Tensor:
    r"""Measure every partial derivative with one step forward.

    $$\frac{\partial f}{\partial x_i} \approx \frac{f(x + h e_i) - f(x)}{h}$$

    Here $e_i$ is 1 at element $i$ and 0 elsewhere.

    Args:
        function: Takes a tensor like `x` and returns (), a real number.
        x: (...), where to measure; it is left as it is.
        h: (), the step, in the units of `x`.

    Returns:
        (...), one slope for each element of `x`, without a graph.

    Raises:
        TypeError: If `x` is not of a real floating-point type.
        ValueError: If `h` is not positive and finite, if `x` is empty, or if the
            function returns anything but ().

    Examples:
        >>> from chainrule.differences import one_sided_difference, torch
        >>> x = torch.tensor([1.0, 2.0])
        >>> one_sided_difference(lambda x: (x**2).sum(), x, h=0.5)
        tensor([2.5000, 4.5000])
    """
    right = _moved(function, x, h)  # (N,)
    start = function(x.detach().clone()).detach()  # ()
    return ((right - start) / h).reshape(x.shape)


def central_difference(
    function: Callable[[Tensor], Tensor], x: Tensor, h: float
) -> Tensor:
    r"""Measure every partial derivative with a step to each side.

    $$\frac{\partial f}{\partial x_i} \approx \frac{f(x + h e_i) - f(x - h e_i)}{2h}$$

    Args:
        function: Takes a tensor like `x` and returns (), a real number.
        x: (...), where to measure; it is left as it is.
        h: (), the step, in the units of `x`.

    Returns:
        (...), one slope for each element of `x`, without a graph.

    Raises:
        TypeError: If `x` is not of a real floating-point type.
        ValueError: If `h` is not positive and finite, if `x` is empty, or if the
            function returns anything but ().

    Examples:
        >>> from chainrule.differences import central_difference, torch
        >>> x = torch.tensor([1.0, 2.0])
        >>> central_difference(lambda x: (x**2).sum(), x, h=0.5)
        tensor([2., 4.])
    """
    right, left = _moved(function, x, h), _moved(function, x, h, sign=-1)  # (N,)
    return ((right - left) / (2 * h)).reshape(x.shape)


def relative_error(a: Tensor, b: Tensor) -> float:
    r"""Compare two gradients: the largest difference as a share of the largest slope.

    $$\frac{\max_i |a_i - b_i|}{\max_i \max(|a_i|, |b_i|)}$$

    Args:
        a: (...), a gradient.
        b: (...), the other, of the same shape.

    Returns:
        (), 0 for equal gradients (also if both are zero), 1 if only one is zero, 2 if
        they are opposite, `nan` if one is not finite.

    Raises:
        ValueError: If the shapes differ, or there is nothing to compare.

    Examples:
        >>> from chainrule.differences import relative_error, torch
        >>> relative_error(torch.tensor([3.0, 4.0]), torch.tensor([6.0, 8.0]))
        0.5
    """
    if a.shape != b.shape or not a.numel():
        shapes = f"{tuple(a.shape)} and {tuple(b.shape)}"
        raise ValueError(f"a and b must have one shape, not empty, got {shapes}")
    distance = (a - b).abs().max()
    largest = torch.maximum(a.abs().max(), b.abs().max())
    return (distance / largest).item() if distance else 0.0


def _moved(function, x, h, sign=1):
    """Return (N,), the function with each of the N elements of x moved by sign * h."""
    if not x.is_floating_point():
        raise TypeError(f"x must be of a real floating-point type, got {x.dtype}")
    if not (0 < h < float("inf") and x.numel()):
        raise ValueError(
            f"h must be above 0 and x not empty, got {h}, {tuple(x.shape)}"
        )
    values = []
    for i in range(x.numel()):
        step = torch.zeros(x.numel(), dtype=x.dtype, device=x.device)  # (N,)
        step[i] = sign * h
        value = function(x.detach() + step.reshape(x.shape))
        if value.shape != ():
            raise ValueError(f"function must return (), got {tuple(value.shape)}")
        values.append(value.detach())
    return torch.stack(values)
