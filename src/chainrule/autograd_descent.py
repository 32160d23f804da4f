"""Stochastic gradient descent on one weight, with the derivative left to autograd.

Model, loss and order of the updates are those of `chainrule.descent`; only the
gradient comes from PyTorch, so that two traces can be compared step by step.
"""

from collections.abc import Sequence

import torch

from chainrule.descent import Step, loss


def descend_with_autograd(
    w: float,
    xs: Sequence[float],
    ys: Sequence[float],
    *,
    lr: float,
    epochs: int,
    dtype: torch.dtype = torch.float32,
) -> list[Step]:
    r"""Update the weight after every sample, by the gradient that `backward` finds.

    $$w \leftarrow w - \eta \frac{dL}{dw}$$

    Args:
        w: (), the weight to start from.
        xs: (N,), the inputs.
        ys: (N,), the targets.
        lr: (), the learning rate $\eta$, in units of weight per unit of gradient.
        epochs: How many times to go through all N samples.
        dtype: The real floating-point type of the weight, in which everything is
            computed. The steps hold Python floats, which show its values exactly.

    Returns:
        `N * epochs` steps, in order.

    Raises:
        ValueError: If `xs` and `ys` differ in length.
        RuntimeError: If `dtype` cannot hold a real gradient, or if autograd is
            switched off around the call.

    Examples:
        >>> from chainrule.autograd_descent import descend_with_autograd
        >>> descend_with_autograd(1.0, [1.0], [2.0], lr=0.25, epochs=1)
        [Step(x=1.0, y=2.0, prediction=1.5, loss=0.25, w=1.5)]
    """
    if len(xs) != len(ys):
        raise ValueError(f"xs and ys must be (N,) both, got {len(xs)} and {len(ys)}")
    weight = torch.tensor(w, dtype=dtype, requires_grad=True)  # ()
    steps = []
    for _ in range(epochs):
        for x, y in zip(xs, ys, strict=True):
            loss(weight, x, y).backward()
            with torch.no_grad():
                weight -= lr * weight.grad
                after = (weight * x, loss(weight, x, y), weight)
            weight.grad = None
            steps.append(Step(x, y, *(value.item() for value in after)))
    return steps
