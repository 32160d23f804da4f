"""The graph that autograd recorded, read from its own nodes.

The nodes are Functions. A tensor is what one of them computed; in backward the
gradient of that tensor is what reaches the Function. `chainrule.drawing` draws them.
"""

from typing import NamedTuple

from torch import Tensor
from torch.autograd.graph import get_gradient_edge


class Node(NamedTuple):
    """One Function as it stood when it was read. Larger tensors show their shape.

    Attributes:
        name: The class of the Function; `AccumulateGrad` stands for a leaf.
        next_nodes: For each input, which node its gradient goes to, or None.
        saved: What it saved for backward, or `freed`, by PyTorch's names.
        values: The tensors it computed, by the reader's names.
        gradients: Their `.grad`.
    """

    name: str
    next_nodes: tuple[int | None, ...]
    saved: dict[str, str]
    values: dict[str, str]
    gradients: dict[str, str]


def read(y: Tensor, /, **named: Tensor) -> tuple[Node, ...]:
    """Read the nodes that backward from a tensor visits, and leave them as they are.

    Args:
        y: (...), any shape, where backward starts.
        **named: Tensors of the graph to show, under these names. Those that are no
            leaves need `retain_grad` before backward to have a gradient.

    Returns:
        The nodes, each before those it sends gradients to.

    Raises:
        RuntimeError: If `y` does not require a gradient.
        ValueError: If a named tensor is not in the graph.

    Examples:
        >>> import torch
        >>> from chainrule.graph import read
        >>> w = torch.tensor(2.0, requires_grad=True)
        >>> [(node.name, node.saved) for node in read(w**2)]
        [('PowBackward0', {'self': '2'}), ('AccumulateGrad', {})]
    """
    functions = _in_order(get_gradient_edge(y).node)
    place = {function: i for i, function in enumerate(functions)}
    shown = [{} for _ in functions]
    for name, t in named.items():
        function = get_gradient_edge(t).node if t.requires_grad else None
        if function not in place:
            raise ValueError(f"{name} must be in the graph, got a tensor outside it")
        shown[place[function]][name] = t
    return tuple(map(_node, functions, shown, [place] * len(functions)))


def _in_order(root):
    """Return all Functions below one, each before those it points to."""
    order, seen, stack = [], set(), [(root, False)]
    while stack:
        function, done = stack.pop()
        if done:
            order.append(function)
        elif function not in seen:
            seen.add(function)
            stack.append((function, True))
            stack += [(other, False) for other, _ in function.next_functions if other]
    return order[::-1]


def _node(function, named, place):
    """Write down one Function, the tensors it computed and their gradients."""
    name = type(function).__name__
    if name == "AccumulateGrad" and not named:
        named = {"leaf": function.variable}
    nexts = tuple(place.get(other) for other, _ in function.next_functions)
    values = {n: _text(t) for n, t in named.items()}
    kept = {n: t.grad for n, t in named.items() if t.is_leaf or t.retains_grad}
    gradients = {n: _text(g) for n, g in kept.items() if g is not None}
    return Node(name, nexts, _saved(function), values, gradients)


def _saved(function):
    """Return the saved tensors as text, by PyTorch's names without the prefix."""
    found = {}
    for name in dir(function):
        if name.startswith("_saved_") or name == "saved_tensors":
            short = name.removeprefix("_saved_")
            try:
                value = getattr(function, name)
            except RuntimeError as error:
                found[short] = "freed" if "second time" in str(error) else "overwritten"
            else:
                parts = value if isinstance(value, tuple) else (value,)
                texts = [_text(t) for t in parts if isinstance(t, Tensor)]
                found |= {short: " ".join(texts)} if texts else {}
    return found


def _text(t):
    return f"{t.item():.4g}" if t.numel() == 1 else str(tuple(t.shape))
