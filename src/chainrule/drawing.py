"""The nodes of an autograd graph as a table and as a drawing in layers.

Backward runs down: it starts at the top, and each node stands below all that send it
a gradient. Forward runs up. A wire is one entry of `next_functions`.
"""

from html import escape
from itertools import pairwise
from typing import NamedTuple

from chainrule.graph import Node

XMLNS = "http://www.w3.org/2000/svg"
INK = "#1f2329"
BLUE = "#1d6fa5"
BROWN = "#bb5217"
GREY = "#5f6672"


class Graph(NamedTuple):
    """Nodes that `print` writes as a table and a notebook draws.

    Attributes:
        nodes: What `chainrule.graph.read` returned.

    Examples:
        >>> import torch
        >>> from chainrule.drawing import Graph
        >>> from chainrule.graph import read
        >>> w = torch.tensor(2.0, requires_grad=True)
        >>> print(Graph(read(w**2)))
           node            value     gradient  saved    next
        0  PowBackward0                        self: 2  1
        1  AccumulateGrad  leaf = 2
    """

    nodes: tuple[Node, ...]

    def __str__(self) -> str:
        rows = [("", "node", "value", "gradient", "saved", "next")]
        for i, node in enumerate(self.nodes):
            texts = (", ".join(pair) for pair in _pairs(node))
            nexts = " ".join("-" if j is None else str(j) for j in node.next_nodes)
            rows.append((str(i), node.name, *texts, nexts))
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = ("  ".join(map(str.ljust, row, widths)) for row in rows)
        return "\n".join(map(str.rstrip, lines))

    def _repr_svg_(self) -> str:
        ends = [[j for j in node.next_nodes if j is not None] for node in self.nodes]
        wires = [(i, k, j) for i, js in enumerate(ends) for k, j in enumerate(js)]
        tall = 24 + 14 * max(1, *(len(node.saved) for node in self.nodes))
        places, width = _places(len(ends), wires, tall + 46)
        parts = [_box(node, *places[i,][0], tall) for i, node in enumerate(self.nodes)]
        for i, k, j in wires:
            x, y = places[i,][0]
            start = x - 72 + 72 * (2 * k + 1) / len(ends[i]), y + tall
            bends = ((x, y + tall / 2) for x, y in places.get((i, k, j), ()))
            parts.append(_wire([start, *bends, places[j,][0]]))
        height = max(y for spots in places.values() for _, y in spots) + tall + 4
        head = (
            f'width="{min(width, 640)}" viewBox="0 0 {width} {height}" font-size="12"'
        )
        return f'<svg xmlns="{XMLNS}" {head}>{"".join(parts)}</svg>'


def _pairs(node):
    """Return the texts of the values, the gradients and the saved tensors."""
    return (
        [f"{name} = {text}" for name, text in node.values.items()],
        [f"{name}.grad = {text}" for name, text in node.gradients.items()],
        [f"{name}: {text}" for name, text in node.saved.items()],
    )


def _places(count, wires, pitch):
    """Put each node a layer below all that send to it.

    A wire that passes a layer takes a place in it, as a node does, and runs through it.
    """
    depth = [0] * count
    for i, _, j in wires:
        depth[j] = max(depth[j], depth[i] + 1)
    layers = [[] for _ in range(max(depth) + 1)]
    for i in range(count):
        layers[depth[i]].append((i,))
    for wire in wires:
        for d in range(depth[wire[0]] + 1, depth[wire[2]]):
            layers[d].append(wire)
    width, places = max(480, *(180 * len(layer) for layer in layers)), {}
    for d, layer in enumerate(layers):
        for n, key in enumerate(layer):
            x = width * (2 * n + 1) / (2 * len(layer))
            places.setdefault(key, []).append((x, 32 + pitch * d))
    return places, width


def _wire(points):
    """Draw a wire from the bottom of one box to an arrow at the top of another."""
    x, y = points[0]
    path = f"M{x:g} {y:g}"
    for (x, y), (x2, y2) in pairwise(points):
        middle, end = (y + y2) / 2 - 11, y2 - 22
        path += f"C{x:g} {middle:g} {x2:g} {middle:g} {x2:g} {end:g}V{y2:g}"
    return f'<path d="{path}m-4-7 4 7 4-7" fill="none" stroke="{INK}"/>'


def _box(node, x, y, tall):
    """Draw a node: its name, what it saved, and above it its tensors and gradients."""
    values, gradients, saved = _pairs(node)
    parts = [
        f'<rect x="{x - 75:g}" y="{y:g}" width="150" height="{tall}" rx="4" '
        f'fill="none" stroke="{INK}"/>',
        _label(x - 8, y - 9, "end", BLUE, ", ".join(values)),
        _label(x + 8, y - 9, "start", BROWN, ", ".join(gradients)),
        _label(x, y + 17, "middle", INK, node.name),
    ]
    for n, text in enumerate(saved or ["saves nothing"]):
        colour = GREY if text.endswith(": freed") else INK
        parts.append(_label(x, y + 33 + 14 * n, "middle", colour, text))
    return "".join(parts)


def _label(x, y, anchor, colour, text):
    place = f'x="{x:g}" y="{y:g}" text-anchor="{anchor}" fill="{colour}"'
    return f"<text {place}>{escape(text)}</text>" if text else ""
