"""Stochastic gradient descent on one weight, with the derivative written by hand.

The model is $y = wx$ and the loss of one sample is $(wx - y)^2$. Every function
takes plain numbers, so that nothing stands between the formula and the code.
"""

from collections.abc import Sequence
from typing import NamedTuple


class Step(NamedTuple):
    """One line of the trace: a sample, and where the weight stands after it.

    Attributes:
        x: (), the input.
        y: (), what the model should have said.
        prediction: (), $wx$ with the new weight.
        loss: (), $(wx - y)^2$ with the new weight.
        w: (), the new weight.
    """

    x: float
    y: float
    prediction: float
    loss: float
    w: float


def loss(w: float, x: float, y: float) -> float:
    r"""Square the distance between prediction and target.

    $$L = (wx - y)^2$$

    Args:
        w: (), the weight.
        x: (), the input.
        y: (), the target.

    Returns:
        (), the loss of this one sample.

    Raises:
        OverflowError: If the distance is above $10^{154}$, which a float cannot square.

    Examples:
        >>> from chainrule.descent import loss
        >>> loss(1.0, x=3.0, y=6.0)
        9.0
    """
    return (w * x - y) ** 2


def gradient(w: float, x: float, y: float) -> float:
    r"""Differentiate the loss with respect to the weight.

    $$\frac{dL}{dw} = 2x(wx - y)$$

    Args:
        w: (), the weight.
        x: (), the input.
        y: (), the target.

    Returns:
        (), how fast the loss grows as `w` grows.

    Raises:
        Nothing: A number too large for a float becomes `inf`.

    Examples:
        >>> from chainrule.descent import gradient
        >>> gradient(1.0, x=3.0, y=6.0)
        -18.0
    """
    return 2 * x * (w * x - y)


def descend(
    w: float, xs: Sequence[float], ys: Sequence[float], *, lr: float, epochs: int
) -> list[Step]:
    r"""Update the weight after every sample, and write down each update.

    $$w \leftarrow w - \eta \frac{dL}{dw}$$

    Args:
        w: (), the weight to start from.
        xs: (N,), the inputs.
        ys: (N,), the targets.
        lr: (), the learning rate $\eta$, in units of weight per unit of gradient.
        epochs: How many times to go through all N samples.

    Returns:
        `N * epochs` steps, in order.

    Raises:
        ValueError: If `xs` and `ys` differ in length.

    Examples:
        >>> from chainrule.descent import descend
        >>> descend(1.0, [1.0], [2.0], lr=0.25, epochs=1)
        [Step(x=1.0, y=2.0, prediction=1.5, loss=0.25, w=1.5)]
    """
    if len(xs) != len(ys):
        raise ValueError(f"xs and ys must be (N,) both, got {len(xs)} and {len(ys)}")
    steps = []
    for _ in range(epochs):
        for x, y in zip(xs, ys, strict=True):
            w = w - lr * gradient(w, x, y)
            steps.append(Step(x, y, w * x, loss(w, x, y), w))
    return steps
