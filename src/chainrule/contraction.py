r"""How far one weight moves towards its goal, known before it moves.

The data lie on $y = w^* x$, the loss of one sample is $(wx - y)^2$ and the weight is
updated after every sample, as in `chainrule.descent`. Then each update multiplies the
error $w - w^*$ by a factor in which $w$ does not occur.
"""

import math
from collections.abc import Sequence
from itertools import accumulate, pairwise
from operator import mul


def factor(x: float, lr: float) -> float:
    r"""Tell what one update on the sample `x` multiplies the error by.

    $$w - \eta \cdot 2x(wx - w^* x) - w^* = (1 - 2 \eta x^2)(w - w^*)$$

    Args:
        x: (), the input of the sample.
        lr: (), the learning rate $\eta$.

    Returns:
        (), the factor; below 0 if the update goes past the goal.

    Raises:
        OverflowError: If `x` is above $10^{154}$, which a float cannot square.

    Examples:
        >>> from chainrule.contraction import factor
        >>> factor(2.0, lr=0.25)
        -1.0
    """
    return 1 - 2 * lr * x**2


def epoch_factor(xs: Sequence[float], lr: float) -> float:
    r"""Tell what one epoch, an update for each sample, multiplies the error by.

    $$\prod_i (1 - 2 \eta x_i^2)$$

    Args:
        xs: (N,), the inputs, in any order.
        lr: (), the learning rate $\eta$.

    Returns:
        (), the factor; the error shrinks if it is between -1 and 1.

    Raises:
        OverflowError: If an input is above $10^{154}$.

    Examples:
        >>> from chainrule.contraction import epoch_factor
        >>> epoch_factor([1.0, 2.0], lr=0.25)
        -0.5
    """
    return math.prod(factor(x, lr) for x in xs)


def predict(
    w: float, goal: float, xs: Sequence[float], *, lr: float, epochs: int
) -> list[float]:
    r"""Compute every weight of a run from the factors alone.

    $$w_n = w^* + (w_0 - w^*) \prod_{k=1}^{n} (1 - 2 \eta x_k^2)$$

    Args:
        w: (), the weight $w_0$ to start from.
        goal: (), the weight $w^*$ that fits every sample.
        xs: (N,), the inputs, in the order of the updates of one epoch.
        lr: (), the learning rate $\eta$.
        epochs: How many times to go through all N samples.

    Returns:
        `N * epochs` weights, each after its update.

    Raises:
        OverflowError: If an input is above $10^{154}$.

    Examples:
        >>> from chainrule.contraction import predict
        >>> predict(1.0, 2.0, [1.0], lr=0.25, epochs=2)
        [1.5, 1.75]
    """
    factors = [factor(x, lr) for x in xs] * epochs
    return [goal + (w - goal) * product for product in accumulate(factors, mul)]


def largest_rate(xs: Sequence[float]) -> float:
    r"""Find the first learning rate at which an epoch no longer shrinks the error.

    Between two zeros of the epoch's factor its size rises to one peak and falls again.
    So the first peak above 1 is found, and the place where the way up to it passes 1.

    Args:
        xs: (N,), the inputs, in any order.

    Returns:
        (), the rate up to which every smaller one converges; $1 / x^2$ for one sample.

    Raises:
        ValueError: If no input differs from 0.
        OverflowError: If an input is above $10^{154}$.

    Examples:
        >>> from chainrule.contraction import largest_rate
        >>> largest_rate([2.0])
        0.25
    """
    zeros = sorted({1 / (2 * x**2) for x in xs if x})
    if not zeros:
        raise ValueError(f"xs must hold a number other than 0, got {list(xs)}")
    for low, high in pairwise(zeros):
        peak = _peak(xs, low, high)
        if abs(epoch_factor(xs, peak)) > 1:
            return _crossing(xs, low, peak)
    return _crossing(xs, zeros[-1], 2 * zeros[-1])


def _peak(xs: Sequence[float], low: float, high: float) -> float:
    for _ in range(100):
        left, right = (2 * low + high) / 3, (low + 2 * high) / 3
        if abs(epoch_factor(xs, left)) < abs(epoch_factor(xs, right)):
            low = left
        else:
            high = right
    return high


def _crossing(xs: Sequence[float], low: float, high: float) -> float:
    for _ in range(100):
        middle = (low + high) / 2
        if abs(epoch_factor(xs, middle)) < 1:
            low = middle
        else:
            high = middle
    return high
