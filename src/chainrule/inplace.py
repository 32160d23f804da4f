"""What an operation saves for backward, and what writing in place does to it.

An operation may save its inputs, its output or nothing for its own backward. Writing
into a saved tensor raises in backward, if PyTorch counts the write. Writing into one
that nobody saved does no harm, unless later code still counts on the old values.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks

from chainrule.detective import detective as detective


def saved(y: Tensor) -> dict[str, bool]:
    """List the tensors that the operation behind a tensor saved for its backward.

    Args:
        y: (...), any shape, the output of a recorded operation.

    Returns:
        For each saved tensor, by PyTorch's name for it, whether it is `y` itself.

    Raises:
        ValueError: If `y` was not made by a recorded operation.
        RuntimeError: If a saved tensor has been overwritten or freed since.

    Examples:
        >>> import torch
        >>> from chainrule.inplace import saved
        >>> x = torch.zeros(2, requires_grad=True)
        >>> saved(x.exp()), saved(x.square()), saved(x + 1)
        ({'result': True}, {'self': False}, {})
    """
    if y.grad_fn is None:
        raise ValueError("y must have a grad_fn, got a tensor with grad_fn None")
    found = {}
    for name in dir(y.grad_fn):
        if name.startswith("_saved_"):
            value = getattr(y.grad_fn, name)
            if isinstance(value, Tensor):
                found[name.removeprefix("_saved_")] = value.is_set_to(y)
    return found


def verdict(
    produce: Callable[[Tensor], Tensor],
    overwrite: Callable[[Tensor], object],
    x: Tensor,
    merge: Callable[[Tensor, Tensor], Tensor] = lambda before, after: after,
) -> str:
    """Judge a write in place by comparing it with the same write into a clone.

    Args:
        produce: Makes a tensor from `x`, as a layer does.
        overwrite: Writes into the tensor it gets; what it returns is ignored.
        x: (...), the input; it is copied and keeps its values.
        merge: Computes the result from the tensor before and after the write, which
            are the same tensor if the write was in place.

    Returns:
        `"fine"` if the value and the gradient with respect to `x` agree, `"raises"` if
        autograd refuses, `"wrong"` if it accepts and one of the two differs.

    Raises:
        RuntimeError: If the write into the clone fails too.

    Examples:
        >>> import torch
        >>> from chainrule.inplace import verdict
        >>> x = torch.tensor([-1.0, 2.0])
        >>> verdict(torch.sigmoid, torch.relu_, x), verdict(torch.neg, torch.relu_, x)
        ('raises', 'fine')
    """
    right = _run(produce, overwrite, x, merge, torch.clone)
    try:
        ours = _run(produce, overwrite, x, merge, lambda h: h)
    except RuntimeError:
        return "raises"
    pairs = zip(right, ours, strict=True)
    same = all(torch.allclose(a, b, equal_nan=True) for a, b in pairs)
    return "fine" if same else "wrong"


def _run(produce, overwrite, x, merge, copy):
    """Return the result and the gradient of its weighted sum."""
    x = x.detach().clone().requires_grad_()
    with torch.random.fork_rng(devices=[]):
        before = produce(x)
    after = copy(before)
    overwrite(after)
    y = merge(before, after)
    dy = torch.linspace(1, 2, y.numel(), dtype=y.dtype, device=y.device).view_as(y)
    return y.detach(), torch.autograd.grad(y, x, dy)[0]


def kept(layers: nn.Module, x: Tensor) -> int:
    """Count the bytes that a forward pass keeps for backward.

    The input, the parameters and the buffers exist anyway and do not count. A piece of
    memory that two operations saved counts once.

    Args:
        layers: The layers to run.
        x: (N, ...), the input; it is copied and keeps its values.

    Returns:
        Bytes.

    Raises:
        RuntimeError: If `layers` cannot take an input of this shape.

    Examples:
        >>> import torch
        >>> from chainrule.inplace import kept
        >>> kept(torch.nn.Sigmoid(), torch.zeros(5, 2))
        40
    """
    x = x.detach().clone().requires_grad_()
    held = []

    def pack(t: Tensor) -> Tensor:
        held.append(t)
        return t

    with saved_tensors_hooks(pack, lambda t: t):
        layers(x)
    given = {_memory(t) for t in (x, *layers.parameters(), *layers.buffers())}
    sizes = {_memory(t): t.untyped_storage().nbytes() for t in held}
    return sum(size for pointer, size in sizes.items() if pointer not in given)


def _memory(t):
    """Return the address of the memory behind a tensor or a view of it."""
    return t.untyped_storage().data_ptr()
