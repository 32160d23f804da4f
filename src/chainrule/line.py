r"""A line fitted to N points: loss, gradient, curvature, and where descent will be.

The loss is quadratic, so that its curvature tells every step of descent beforehand.
"""

from typing import NamedTuple

import torch


class Line(NamedTuple):
    """The line $ax + b$; or two derivatives or errors, one for each of its numbers."""

    a: torch.Tensor  # ()
    b: torch.Tensor  # ()


def mean_loss(line: Line, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    r"""Average the squared distance between prediction and target.

    $$L = \frac1N \sum_i (a x_i + b - y_i)^2$$

    Args:
        line: () each, the line.
        x: (N,), the inputs.
        y: (N,), the targets.

    Returns:
        (), the mean.

    Raises:
        ValueError: If `x` and `y` are not (N,) both.

    Examples:
        >>> from torch import tensor
        >>> from chainrule.line import Line, mean_loss
        >>> mean_loss(Line(1, 0), tensor([1.0, 2.0]), tensor([2.0, 5.0]))
        tensor(5.)
    """
    return (_residual(line, x, y) ** 2).mean()


def gradient(line: Line, x: torch.Tensor, y: torch.Tensor) -> Line:
    r"""Differentiate the mean loss with respect to the line.

    $$\frac{\partial L}{\partial(a, b)} = \frac2N \sum_i (a x_i + b - y_i)\,(x_i, 1)$$

    Args:
        line: () each, the line.
        x: (N,), the inputs.
        y: (N,), the targets.

    Returns:
        () each, the two derivatives.

    Raises:
        ValueError: If `x` and `y` are not (N,) both.

    Examples:
        >>> from torch import tensor
        >>> from chainrule.line import Line, gradient
        >>> gradient(Line(1, 0), tensor([1.0, 2.0]), tensor([2.0, 5.0]))
        Line(a=tensor(-7.), b=tensor(-4.))
    """
    error = _residual(line, x, y)  # (N,)
    return Line(2 * (error * x).mean(), 2 * error.mean())


def least_squares(x: torch.Tensor, y: torch.Tensor) -> Line:
    r"""Compute the line with the smallest mean loss, without descent.

    $$a = \operatorname{cov}(x, y) / \operatorname{var}(x), \quad b = \bar y - a\bar x$$

    Args:
        x: (N,), the inputs.
        y: (N,), the targets.

    Returns:
        () each, the line; `nan` if the inputs are all equal and no slope is best.

    Raises:
        RuntimeError: If `x` and `y` are not (N,) both.

    Examples:
        >>> from torch import tensor
        >>> from chainrule.line import least_squares
        >>> least_squares(tensor([1.0, 3.0]), tensor([2.0, 6.0]))
        Line(a=tensor(2.), b=tensor(0.))
    """
    (var, cov), _ = torch.cov(torch.stack([x, y]))  # (2, 2)
    return Line(cov / var, y.mean() - cov / var * x.mean())


def curvature(x: torch.Tensor) -> torch.Tensor:
    r"""Differentiate the mean loss twice; neither line nor targets are left in it.

    $$H = \frac2N \sum_i \begin{pmatrix} x_i^2 & x_i \\ x_i & 1 \end{pmatrix}$$

    Args:
        x: (N,), the inputs.

    Returns:
        (2, 2), the Hessian, in the order $a$, $b$.

    Raises:
        Nothing: A number too large for its type becomes `inf`.

    Examples:
        >>> from torch import tensor
        >>> from chainrule.line import curvature
        >>> curvature(tensor([1.0, 3.0])).tolist()
        [[10.0, 4.0], [4.0, 2.0]]
    """
    square, mean = (x**2).mean(), x.mean()
    return 2 * torch.stack([square, mean, mean, torch.ones_like(mean)]).view(2, 2)


def error_after(steps: int, error: Line, x: torch.Tensor, *, lr: float) -> Line:
    r"""Compute what descent on all N points leaves of an error, without descending.

    $$e_n = \sum_k (1 - \eta \lambda_k)^n (v_k \cdot e_0)\,v_k$$

    Args:
        steps: The number $n$ of updates.
        error: () each, the line at the start minus the best line, $e_0$.
        x: (N,), the inputs; $\lambda_k$, $v_k$ are those of their `curvature`.
        lr: (), the learning rate $\eta$.

    Returns:
        () each, the line after the updates minus the best line.

    Raises:
        Nothing: If descent diverges, the error grows, up to `inf` or `nan`.

    Examples:
        >>> from torch import tensor
        >>> from chainrule.line import Line, error_after
        >>> error_after(1, Line(tensor(4.0), tensor(8.0)), tensor([-1.0, 1.0]), lr=0.25)
        Line(a=tensor(2.), b=tensor(4.))
    """
    values, vectors = torch.linalg.eigh(curvature(x))  # (2,), (2, 2)
    kept = (1 - lr * values) ** steps  # (2,)
    return Line(*(vectors @ (kept * (vectors.T @ torch.stack(error)))))


def _residual(line: Line, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    if x.dim() != 1 or x.shape != y.shape:
        got = f"{tuple(x.shape)} and {tuple(y.shape)}"
        raise ValueError(f"x and y must be (N,) both, got {got}")
    return line.a * x + line.b - y
