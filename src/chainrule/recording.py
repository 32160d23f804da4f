"""Count what a computation leaves behind for a backward pass.

While a forward pass runs, autograd builds a graph: nodes, and tensors saved with them.
Both are counted here and nothing is timed, so the numbers hold on every machine.
"""

import weakref
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.autograd.graph import saved_tensors_hooks


class Record(NamedTuple):
    """What one computation recorded, and what its result may be used for.

    Attributes:
        nodes: How many graph nodes can be reached from the result.
        saved: Bytes handed to the graph while the computation ran.
        kept: Bytes of these still held when only the result is left.
        reusable: Whether a recorded product may save the result afterwards.
        writable: Whether the result may be changed in place afterwards.
    """

    nodes: int
    saved: int
    kept: int
    reusable: bool
    writable: bool


def count_nodes(result: Tensor) -> int:
    """Count the graph nodes that can be reached from a tensor.

    Args:
        result: (...), any tensor.

    Returns:
        One for each operation and one for each leaf that requires grad, each once.

    Raises:
        Nothing: A tensor without `grad_fn` has 0 nodes.

    Examples:
        >>> import torch
        >>> from chainrule.recording import count_nodes
        >>> w = torch.ones(3, requires_grad=True)
        >>> count_nodes(w.exp() + 1)
        3
    """
    seen, waiting = set(), [result.grad_fn]
    while waiting:
        node = waiting.pop()
        if node is not None and node not in seen:
            seen.add(node)
            waiting.extend(parent for parent, _ in node.next_functions)
    return len(seen)


def count_bytes(tensors: Sequence[Tensor], given: Sequence[Tensor] = ()) -> int:
    """Add up the memory of tensors, each storage once.

    Args:
        tensors: (...) each; views of one tensor share its storage.
        given: (...) each, tensors whose storages are left out.

    Returns:
        Bytes.

    Raises:
        NotImplementedError: If a tensor has no storage (a sparse one).

    Examples:
        >>> import torch
        >>> from chainrule.recording import count_bytes
        >>> x = torch.zeros(3)
        >>> count_bytes([x, x[1:], torch.zeros(2)])
        20
    """
    known = {tensor.untyped_storage().data_ptr() for tensor in given}
    storages = [tensor.untyped_storage() for tensor in tensors]
    sizes = {storage.data_ptr(): storage.nbytes() for storage in storages}
    return sum(size for pointer, size in sizes.items() if pointer not in known)


def is_allowed(action: Callable[[], Tensor]) -> bool:
    """Try an action while autograd records.

    Args:
        action: What to try; what it returns is dropped.

    Returns:
        False if it ended in a `RuntimeError`, which is how autograd refuses.

    Raises:
        Exception: Any other error of `action`, as it came.

    Examples:
        >>> import torch
        >>> from chainrule.recording import is_allowed
        >>> w = torch.ones(3, requires_grad=True)
        >>> is_allowed(lambda: w + 1), is_allowed(lambda: w.add_(1))
        (True, False)
    """
    try:
        with torch.enable_grad():
            action()
    except RuntimeError:
        return False
    return True


def measure(compute: Callable[[], Tensor], given: Sequence[Tensor] = ()) -> Record:
    """Run a computation once and count what it records.

    Args:
        compute: Returns a tensor (...), which is multiplied by 1 in place at the end.
        given: (...) each, tensors alive anyway (weights, inputs), not counted.

    Returns:
        The counts, and what the result may be used for.

    Raises:
        NotImplementedError: If a saved tensor has no storage (a sparse one).

    Examples:
        >>> import torch
        >>> from chainrule.recording import measure
        >>> w = torch.ones(3, requires_grad=True)
        >>> measure(lambda: w.exp())
        Record(nodes=2, saved=12, kept=12, reusable=True, writable=True)
    """
    pairs = []

    def pack(tensor: Tensor) -> Tensor:
        copy = tensor.detach()
        pairs.append((tensor.detach(), weakref.ref(copy)))
        return copy

    with saved_tensors_hooks(pack, lambda copy: copy):
        result = compute()
    saved = count_bytes([tensor for tensor, _ in pairs], given)
    kept = count_bytes([tensor for tensor, copy in pairs if copy() is not None], given)
    nodes = count_nodes(result)
    reusable = is_allowed(lambda: torch.ones((), requires_grad=True) * result)
    writable = is_allowed(lambda: result.mul_(1))
    return Record(nodes, saved, kept, reusable, writable)
