"""Gradients that add up: the order of the calls, and a large batch in parts.

Shape letters: N is the number of samples of the whole batch, n of them in a part.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor


class Accumulated(NamedTuple):
    """What one backward pass over the whole batch would have given.

    Attributes:
        loss: (), the mean over the whole batch, cut from the graph.
        gradients: One per parameter, each of the shape of its parameter.
    """

    loss: Tensor
    gradients: tuple[Tensor, ...]


def train(
    order: str, w: float, xs: Tensor, ys: Tensor, *, epochs: int, **options: float
) -> list[float]:
    r"""Fit $y = wx$ by SGD, making the calls of every update in the order given.

    Args:
        order: Any of `zero_grad`, `forward`, `backward`, `step`, between spaces.
        w: (), the weight to start from.
        xs: (N,), the inputs.
        ys: (N,), the targets.
        epochs: How many times to go through all N samples, one sample an update.
        **options: `lr`, `momentum` and whatever else `torch.optim.SGD` takes.

    Returns:
        `N * epochs` weights, each after its update.

    Raises:
        ValueError: If `order` holds another word, or `xs` and `ys` differ in length.

    Examples:
        >>> import torch
        >>> from chainrule.accumulation import train
        >>> one, two = torch.tensor([1.0]), torch.tensor([2.0])
        >>> train("forward backward step", 1.0, one, two, lr=0.25, epochs=2)
        [1.5, 2.25]
    """
    if len(xs) != len(ys):
        raise ValueError(f"xs and ys must be (N,) both, got {len(xs)} and {len(ys)}")
    weight = torch.tensor(w, requires_grad=True)
    optimizer = torch.optim.SGD([weight], **options)
    path = []
    for x, y in list(zip(xs, ys, strict=True)) * epochs:
        for call in _calls(order):
            if call == "forward":
                loss = (weight * x - y) ** 2
            elif call == "backward":
                loss.backward()
            else:
                getattr(optimizer, call)()
        path.append(weight.item())
    return path


def _calls(order: str) -> list[str]:
    for word in order.split():
        if word not in ("zero_grad", "forward", "backward", "step"):
            raise ValueError(
                f"order must name zero_grad, forward, backward or step, got {word!r}"
            )
    return order.split()


def shares(sizes: Sequence[int]) -> list[float]:
    r"""Weigh the mean of each part so that the sum is the mean of the whole.

    $$\frac1N \sum_{j=1}^{N} L_j = \sum_i \frac{n_i}{N} \bar L_i$$

    Args:
        sizes: $n_i$, how many terms the mean of each part $\bar L_i$ is over.

    Returns:
        $n_i / N$ for each part; they sum to 1.

    Raises:
        ValueError: If the parts hold no term at all.

    Examples:
        >>> from chainrule.accumulation import shares
        >>> shares([3, 1])
        [0.75, 0.25]
    """
    total = sum(sizes)
    if total < 1:
        raise ValueError(f"sizes must sum to at least 1, got {list(sizes)}")
    return [size / total for size in sizes]


def accumulate(
    loss: Callable[[Tensor, Tensor], Tensor],
    params: Sequence[Tensor],
    batches: Sequence[tuple[Tensor, Tensor]],
    *,
    size: Callable[[Tensor], int] = len,
) -> Accumulated:
    r"""Add up the gradients of the parts of a batch; `.grad` stays as it was.

    $$\nabla L = \sum_i \frac{n_i}{N} \nabla \bar L_i$$

    Args:
        loss: Maps the (n, …) inputs and targets of a part to their mean loss, ().
        params: The tensors to differentiate with respect to.
        batches: The parts, each a pair of (n, …) inputs and (n, …) targets.
        size: Counts the terms of the mean from the targets. A part of none is skipped.

    Returns:
        The loss and the gradients of the whole batch.

    Raises:
        ValueError: If the parts hold no term at all, or a loss is not ().

    Examples:
        >>> import torch
        >>> from chainrule.accumulation import accumulate
        >>> w, one = torch.tensor(3.0, requires_grad=True), torch.ones(1)
        >>> parts = [(4 * one, one), (8 * one, one)]
        >>> accumulate(lambda x, y: (w * x * y).mean(), [w], parts)
        Accumulated(loss=tensor(18.), gradients=(tensor(6.),))
    """
    total = torch.zeros(())
    gradients = tuple(torch.zeros_like(param) for param in params)
    weights = shares([size(y) for _, y in batches])
    for (x, y), share in zip(batches, weights, strict=True):
        if share > 0:
            part = share * loss(x, y)
            if part.shape != ():
                raise ValueError(f"loss must be (), got {tuple(part.shape)}")
            added = torch.autograd.grad(part, params, materialize_grads=True)
            total = total + part.detach()
            gradients = tuple(g + d for g, d in zip(gradients, added, strict=True))
    return Accumulated(total, gradients)
