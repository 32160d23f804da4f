"""What an optimizer does with gradients: SGD with momentum, and Adam.

Each function takes tensors without history and returns new ones. On the CPU they equal
to the last bit what `torch.optim` writes over the old, unless it is told to be fused.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor


class Moments(NamedTuple):
    """What Adam remembers of the gradients so far.

    Attributes:
        m: Per parameter, in its shape, the running mean of the gradient.
        v: Per parameter, in its shape, the running mean of its square.
        t: (), how many steps were taken.
    """

    m: Sequence[Tensor]
    v: Sequence[Tensor]
    t: int


def momentum(
    params: Sequence[Tensor],
    grads: Sequence[Tensor],
    velocity: Sequence[Tensor],
    *,
    lr: float,
    mu: float,
    nesterov: bool = False,
) -> tuple[list[Tensor], list[Tensor]]:
    r"""Step downhill, carrying on the steps before.

    $$v \leftarrow \mu v + g \qquad w \leftarrow w - \eta v$$

    With Nesterov momentum the step is $\eta (g + \mu v)$.

    Args:
        params: The tensors $w$ to move, of any shapes.
        grads: The gradient of each, in its shape.
        velocity: What the last call returned, in the same shapes; zeros at first.
        lr: (), the learning rate $\eta$.
        mu: (), the share $\mu$ of the velocity that a step keeps; 0 is plain SGD.
        nesterov: Whether to step by the velocity that the next step would keep.

    Returns:
        The moved tensors and the new velocity.

    Raises:
        ValueError: If `grads` or `velocity` do not match `params`.

    Examples:
        >>> from torch import tensor
        >>> from chainrule.optim import momentum
        >>> w, v, g = [tensor(1.0)], [tensor(0.0)], [tensor(2.0)]
        >>> w, v = momentum(w, g, v, lr=0.25, mu=0.5)
        >>> momentum(w, g, v, lr=0.25, mu=0.5)
        ([tensor(-0.2500)], [tensor(3.)])
    """
    _match(params, grads=grads, velocity=velocity)
    velocity = [mu * v + g for v, g in zip(velocity, grads, strict=True)]
    steps = velocity
    if nesterov:
        steps = [
            torch.add(g, v, alpha=mu) for g, v in zip(grads, velocity, strict=True)
        ]
    moved = [torch.sub(w, s, alpha=lr) for w, s in zip(params, steps, strict=True)]
    return moved, velocity


def adam(
    params: Sequence[Tensor],
    grads: Sequence[Tensor],
    moments: Moments,
    *,
    lr: float,
    beta1: float = 0.9,
    beta2: float = 0.999,
    eps: float = 1e-8,
) -> tuple[list[Tensor], Moments]:
    r"""Step by the mean of the gradient over the root of its mean square.

    $$m \leftarrow \beta_1 m + (1 - \beta_1) g \qquad
      v \leftarrow \beta_2 v + (1 - \beta_2) g^2$$

    $$w \leftarrow w - \eta \, \frac{m / (1 - \beta_1^t)}
      {\sqrt{v / (1 - \beta_2^t)} + \epsilon}$$

    Args:
        params: The tensors $w$ to move, of any shapes.
        grads: The gradient of each, in its shape.
        moments: What the last call returned; zeros and a count of 0 at first.
        lr: (), the learning rate $\eta$, about the length of the first steps.
        beta1: (), the share of the mean that a step keeps.
        beta2: (), the share of the mean square that a step keeps.
        eps: (), what keeps the divisor from 0.

    Returns:
        The moved tensors and the new moments.

    Raises:
        ValueError: If `grads` or `moments` do not match `params`.

    Examples:
        >>> from torch import tensor, zeros
        >>> from chainrule.optim import Moments, adam
        >>> w, g = [tensor([1.0, 1.0])], [tensor([2.0, -1000.0])]
        >>> adam(w, g, Moments([zeros(2)], [zeros(2)], 0), lr=0.25)[0]
        [tensor([0.7500, 1.2500])]
    """
    _match(params, grads=grads, m=moments.m, v=moments.v)
    t = moments.t + 1
    m = [torch.lerp(m, g, 1 - beta1) for m, g in zip(moments.m, grads, strict=True)]
    v = [
        torch.addcmul(beta2 * v, g, g, value=1 - beta2)
        for v, g in zip(moments.v, grads, strict=True)
    ]
    size = -lr / (1 - beta1**t)
    roots = [square.sqrt() / (1 - beta2**t) ** 0.5 + eps for square in v]
    moved = [
        torch.addcdiv(w, mean, root, value=size)
        for w, mean, root in zip(params, m, roots, strict=True)
    ]
    return moved, Moments(m, v, t)


def _match(params: Sequence[Tensor], **groups: Sequence[Tensor]) -> None:
    expected = [tuple(w.shape) for w in params]
    for name, tensors in groups.items():
        shapes = [tuple(tensor.shape) for tensor in tensors]
        if shapes != expected:
            raise ValueError(f"{name} must have the shapes {expected}, got {shapes}")
