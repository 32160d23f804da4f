"""Reverse-mode differentiation of expressions, in nodes that never change.

Python's operators belong to types, hence a class; it is frozen, hence no state.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from chainrule.ieee import divide, exp, log, power


def _value(x):
    value = x.value if isinstance(x, Node) else x
    if not isinstance(value, (int, float)):
        raise TypeError(f"expected a Node or a number, got {type(value).__name__}")
    return float(value)


def _node(value, *edges):
    return Node(value, tuple(edge for edge in edges if isinstance(edge[0], Node)))


@dataclass(frozen=True, eq=False, slots=True)
class Node:
    r"""A number that knows its operands; `+ - * / **` with it make nodes.

    Attributes:
        value: (), the number.
        edges: For each operand that is a node, the operand and the local derivative,
            or `None` if nothing is to pass: through ReLU at $x \le 0$ and $x^0$.

    Raises:
        TypeError: In an operation, if an operand or its value is no number.

    Examples:
        >>> from chainrule.engine import Node
        >>> 3 * Node(2.0) + 1, (3 * Node(2.0)).edges
        (Node(value=7.0), ((Node(value=2.0), 3.0),))
    """

    value: float
    edges: tuple[tuple["Node", float | None], ...] = field(default=(), repr=False)

    def __add__(a, b):
        return _node(_value(a) + _value(b), (a, 1.0), (b, 1.0))

    def __sub__(a, b):
        return _node(_value(a) - _value(b), (a, 1.0), (b, -1.0))

    def __mul__(a, b):
        x, y = _value(a), _value(b)
        return _node(x * y, (a, y), (b, x))

    def __truediv__(a, b):
        x, y = _value(a), _value(b)
        z = divide(x, y)
        return _node(z, (a, divide(1.0, y)), (b, -divide(z, y)))

    def __pow__(a, b):
        x, y = _value(a), _value(b)
        z = power(x, y)
        by_x = y * power(x, y - 1) if y else None
        by_y = z * log(x) if x or y < 0 else None
        return _node(z, (a, by_x), (b, by_y))

    __radd__, __rsub__, __rmul__, __rtruediv__, __rpow__ = (
        lambda b, a, apply=apply: apply(a, b)
        for apply in (__add__, __sub__, __mul__, __truediv__, __pow__)
    )

    def __neg__(a):
        return _node(-_value(a), (a, -1.0))

    def exp(a) -> "Node":
        """Return $e^a$."""
        z = exp(_value(a))
        return _node(z, (a, z))

    def log(a) -> "Node":
        r"""Return $\ln a$."""
        return _node(log(_value(a)), (a, divide(1.0, _value(a))))

    def tanh(a) -> "Node":
        r"""Return $\tanh a$."""
        z = math.tanh(_value(a))
        return _node(z, (a, 1 - z * z))

    def relu(a) -> "Node":
        r"""Return $\max(a, 0)$."""
        return _node(max(_value(a), 0.0), (a, None if _value(a) <= 0 else 1.0))


def order(output: Node) -> list[Node]:
    """List the nodes of an expression, operands before what is made of them.

    Args:
        output: (), the end of the expression.

    Returns:
        Each node once; the last is `output`.

    Raises:
        TypeError: If `output` is no node.

    Examples:
        >>> from chainrule.engine import Node, order
        >>> order(Node(2.0) * 3 + 1)
        [Node(value=2.0), Node(value=6.0), Node(value=7.0)]
    """
    if not isinstance(output, Node):
        raise TypeError(f"output must be a Node, got {type(output).__name__}")
    found, stack = {}, [output]
    while stack:
        waiting = [x for x, _ in stack[-1].edges if x not in found]
        stack += waiting
        if not waiting:
            found[stack.pop()] = None
    return list(found)


def gradients(output: Node, wrt: Sequence[Node]) -> list[float]:
    r"""Differentiate an output with respect to some nodes.

    $$dx = \sum_{z \text{ made of } x} dz \cdot \frac{\partial z}{\partial x}$$

    Args:
        output: (), the end of the expression.
        wrt: (D,), nodes of the expression.

    Returns:
        (D,), the derivatives.

    Raises:
        TypeError: If `output` is no node.
        ValueError: If something in `wrt` is not part of the expression.

    Examples:
        >>> from chainrule.engine import Node, gradients
        >>> x, y = Node(3.0), Node(4.0)
        >>> gradients(x * x + x * y, [x, y])
        [10.0, 3.0]
    """
    d = dict.fromkeys(order(output), 0.0) | {output: 1.0}
    if others := [x for x in wrt if x not in d]:
        raise ValueError(f"wrt must be nodes that output is made of, got {others}")
    for z in reversed(d):
        for x, slope in z.edges:
            d[x] += 0.0 if slope is None else d[z] * slope
    return [d[x] for x in wrt]
