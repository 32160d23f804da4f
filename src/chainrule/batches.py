r"""A line fitted in batches, with the gradient of each batch written by hand.

The model is $ax + b$, the loss of a batch the mean of $(ax + b - y)^2$ over it. Shape
letters: N samples, n of them in a batch. Where a batch is (n,), R batches may be (R, n)
with R lines of (R, 1), for R results at once.
"""

from collections.abc import Sequence

from torch import Tensor

from chainrule.line import Line


def mean_loss(line: Line, x: Tensor, y: Tensor) -> Tensor:
    r"""Average the squared distance between line and targets.

    $$L = \frac1n \sum_{i=1}^{n} (a x_i + b - y_i)^2$$

    Args:
        line: The line.
        x: (n,), the inputs of the batch.
        y: (n,), the targets.

    Returns:
        (), the mean.

    Raises:
        ValueError: If `x` and `y` differ in shape, or the batch is empty.

    Examples:
        >>> import torch
        >>> from chainrule.line import Line
        >>> from chainrule.batches import mean_loss
        >>> line = Line(torch.tensor(1.0), torch.tensor(0.0))
        >>> mean_loss(line, torch.tensor([1.0, 2.0]), torch.tensor([2.0, 5.0]))
        tensor(5.)
    """
    return (_distance(line, x, y) ** 2).mean(-1)


def batch_gradient(line: Line, x: Tensor, y: Tensor) -> Line:
    r"""Differentiate the mean loss of a batch with respect to the line.

    $$\frac{\partial L}{\partial a} = \frac1n \sum_{i=1}^{n} 2 (a x_i + b - y_i) x_i
    \qquad \frac{\partial L}{\partial b} = \frac1n \sum_{i=1}^{n} 2 (a x_i + b - y_i)$$

    Args:
        line: The line.
        x: (n,), the inputs of the batch.
        y: (n,), the targets.

    Returns:
        (), both derivatives.

    Raises:
        ValueError: If `x` and `y` differ in shape, or the batch is empty.

    Examples:
        >>> import torch
        >>> from chainrule.line import Line
        >>> from chainrule.batches import batch_gradient
        >>> line = Line(torch.tensor(1.0), torch.tensor(0.0))
        >>> batch_gradient(line, torch.tensor([1.0, 2.0]), torch.tensor([2.0, 5.0]))
        Line(a=tensor(-7.), b=tensor(-4.))
    """
    distance = _distance(line, x, y)  # (…, n)
    return Line((2 * distance * x).mean(-1), (2 * distance).mean(-1))


def _distance(line: Line, x: Tensor, y: Tensor) -> Tensor:
    if x.shape != y.shape or x.shape[-1:] in ((), (0,)):
        shapes = f"{tuple(x.shape)} and {tuple(y.shape)}"
        raise ValueError(f"x and y must be (n,) both, n above 0, got {shapes}")
    return line.a * x + line.b - y


def descend_batches(
    line: Line, x: Tensor, y: Tensor, batches: Sequence[Tensor], *, lr: float
) -> list[Line]:
    r"""Update the line once for every batch: $a$ by $-\eta\,\partial L/\partial a$.

    Args:
        line: The line to start from.
        x: (N,), all inputs.
        y: (N,), all targets.
        batches: (n,) each, where the samples of a batch stand in `x` and `y`.
        lr: (), the learning rate $\eta$.

    Returns:
        One line for each batch, after its update.

    Raises:
        ValueError: If `x` and `y` differ in shape, or a batch is empty.
        IndexError: If a batch names a place that `x` does not have.

    Examples:
        >>> import torch
        >>> from chainrule.line import Line
        >>> from chainrule.batches import descend_batches
        >>> line, one = Line(torch.tensor(0.0), torch.tensor(0.0)), torch.ones(2)
        >>> descend_batches(line, one, 2 * one, [torch.tensor([0, 1])], lr=0.25)
        [Line(a=tensor(1.), b=tensor(1.))]
    """
    lines = []
    for batch in batches:
        slope = batch_gradient(line, x[batch], y[batch])
        line = Line(line.a - lr * slope.a, line.b - lr * slope.b)
        lines.append(line)
    return lines


def variance_of_mean(values: Tensor, n: int, *, replacement: bool) -> Tensor:
    r"""Predict how much the mean of a random batch varies from batch to batch.

    $$\frac{\sigma^2}{n} \quad\text{with replacement,}\qquad
    \frac{\sigma^2}{n} \cdot \frac{N - n}{N - 1} \quad\text{without}$$

    Args:
        values: (N,), all values, with the variance $\sigma^2$ around their mean.
        n: How many of them a batch holds.
        replacement: Whether a batch may hold the same sample twice.

    Returns:
        (), the variance of the mean over all batches of that size.

    Raises:
        ValueError: If there is no such batch, or N is below 2.

    Examples:
        >>> import torch
        >>> from chainrule.batches import variance_of_mean
        >>> variance_of_mean(torch.tensor([0.0, 0.0, 3.0]), 2, replacement=False)
        tensor(0.5000)
    """
    total = len(values)
    if total < 2 or n < 1 or (n > total and not replacement):
        raise ValueError(f"n must be a size of batches from {total} samples, got {n}")
    factor = 1.0 if replacement else (total - n) / (total - 1)
    return values.var(correction=0) / n * factor
