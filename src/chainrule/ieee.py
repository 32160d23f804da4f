r"""Arithmetic that answers `inf` or `nan` where Python raises.

Python stops at $1/0$, $\log 0$, $0^{-1}$, $(-1)^{1/2}$ and $e^{1000}$. The standard for
floating point, IEEE 754, has an answer for each, and PyTorch gives it.
"""

import math


def divide(x: float, y: float) -> float:
    """Divide, also by zero.

    $$x / y$$

    Args:
        x: (), the numerator.
        y: (), the denominator.

    Returns:
        (), `inf` with the sign of both if only `y` is zero, `nan` if both are.

    Raises:
        Nothing: Every pair of floats has an answer.

    Examples:
        >>> from chainrule.ieee import divide
        >>> divide(1.0, 4.0), divide(-1.0, 0.0), divide(0.0, 0.0)
        (0.25, -inf, nan)
    """
    return x / y if y else x * math.copysign(math.inf, y)


def power(x: float, y: float) -> float:
    """Raise one number to the power of another.

    $$x^y$$

    Args:
        x: (), the base.
        y: (), the exponent.

    Returns:
        (), `nan` for a fraction as the power of a negative number, and 1 for $0^0$.

    Raises:
        Nothing: Every pair of floats has an answer.

    Examples:
        >>> from chainrule.ieee import power
        >>> power(2.0, 3.0), power(0.0, -1.0), power(-1.0, 0.5), power(0.0, 0.0)
        (8.0, inf, nan, 1.0)
    """
    try:
        return math.pow(x, y)
    except (OverflowError, ValueError):
        if x < 0 and y % 1:
            return math.nan
        return math.copysign(math.inf, x) if y % 2 == 1 else math.inf


def exp(x: float) -> float:
    """Raise $e$ to a power.

    $$e^x$$

    Args:
        x: (), the exponent.

    Returns:
        (), `inf` from $x = 709.79$ on.

    Raises:
        Nothing: Every float has an answer.

    Examples:
        >>> from chainrule.ieee import exp
        >>> exp(0.0), exp(1000.0)
        (1.0, inf)
    """
    try:
        return math.exp(x)
    except OverflowError:
        return math.inf


def log(x: float) -> float:
    r"""Take the natural logarithm.

    $$\ln x$$

    Args:
        x: (), what to take it of.

    Returns:
        (), `-inf` for zero and `nan` for what is negative.

    Raises:
        Nothing: Every float has an answer.

    Examples:
        >>> from chainrule.ieee import log
        >>> log(1.0), log(0.0), log(-1.0)
        (0.0, -inf, nan)
    """
    if x == 0:
        return -math.inf
    return math.nan if x < 0 else math.log(x)
