"""How the graph looks as a table and as a drawing."""

import re
from itertools import combinations, pairwise
from xml.etree import ElementTree

import pytest
import torch

from chainrule.drawing import Graph
from chainrule.graph import Node, read

SVG = "{http://www.w3.org/2000/svg}"
COLOURS = {"#1f2329", "#1d6fa5", "#bb5217", "#5f6672", "none"}


def chain():
    """Return a graph without branches, after backward."""
    w = torch.tensor(1.0, requires_grad=True)
    d = w * 3.0 - 6.0
    d.retain_grad()
    y = d**2
    y.backward()
    return Graph(read(y, w=w, d=d, y=y))


def branches():
    """Return a graph with wires that pass one layer and two."""
    w = torch.tensor(2.0, requires_grad=True)
    return Graph(read(torch.relu(w) * w + w))


def network():
    layers = [torch.nn.Linear(1, 3), torch.nn.ReLU(), torch.nn.Linear(3, 1)]
    return Graph(read(torch.nn.Sequential(*layers)(torch.ones(5, 1)).sum()))


def wide():
    leaves = [torch.ones(1, requires_grad=True) for _ in range(7)]
    return Graph(read(torch.stack(leaves)))


def uneven():
    """Return a graph whose last sender to the leaf is not the deepest."""
    w = torch.tensor(2.0, requires_grad=True)
    return Graph(read(torch.relu(torch.relu(w)) + w.exp()))


GRAPHS = [chain, branches, network, wide, uneven]


def drawn(graph):
    return ElementTree.fromstring(graph._repr_svg_())


def boxes(svg):
    """Return left, top, right and bottom of every box."""
    found = []
    for rect in svg.iter(f"{SVG}rect"):
        x, y, w, h = (float(rect.get(k)) for k in ("x", "y", "width", "height"))
        found.append((x, y, x + w, y + h))
    return found


def wires(svg):
    """Return each wire as points, one a curve in sixteen, without the arrow."""
    for path in svg.iter(f"{SVG}path"):
        text = path.get("d").split("m")[0]
        (x, y), *curves = (
            [float(n) for n in re.findall(r"-?[\d.]+", part)]
            for part in re.split("[CV]", text.replace("M", ""))
            if len(part.split()) > 1
        )
        points = [(x, y)]
        for x1, y1, x2, y2, x3, y3 in curves:
            for t in (i / 16 for i in range(1, 17)):
                a, b, c, d = (
                    (1 - t) ** 3,
                    3 * t * (1 - t) ** 2,
                    3 * t * t * (1 - t),
                    t**3,
                )
                points.append(
                    (a * x + b * x1 + c * x2 + d * x3, a * y + b * y1 + c * y2 + d * y3)
                )
            x, y = x3, y3
        points.append((x, float(text.rpartition("V")[2])))
        yield points


def test_the_table_has_a_line_for_each_node():
    assert str(chain()).splitlines() == [
        "   node            value   gradient      saved         next",
        "0  PowBackward0    y = 9                 self: freed   1",
        "1  SubBackward0    d = -3  d.grad = -6                 2 -",
        "2  MulBackward0                          other: freed  3 -",
        "3  AccumulateGrad  w = 1   w.grad = -18",
    ]


def test_the_drawing_says_what_the_table_says():
    texts = [text.text for text in drawn(chain()).iter(f"{SVG}text")]
    table = str(chain())
    assert all(text in table for text in texts if text != "saves nothing")
    assert texts.count("saves nothing") == 2
    assert {"y = 9", "d = -3", "d.grad = -6", "w.grad = -18", "self: freed"} <= {*texts}


def test_values_are_blue_gradients_brown_and_what_is_freed_grey():
    colours = {t.text: t.get("fill") for t in drawn(chain()).iter(f"{SVG}text")}
    assert colours["d = -3"] == "#1d6fa5"
    assert colours["d.grad = -6"] == "#bb5217"
    assert colours["self: freed"] == "#5f6672"
    assert colours["PowBackward0"] == colours["saves nothing"] == "#1f2329"


@pytest.mark.parametrize("make", GRAPHS)
def test_the_drawing_uses_only_what_a_page_can_show(make):
    svg = drawn(make())
    tags = {element.tag.removeprefix(SVG) for element in svg.iter()}
    assert tags == {"svg", "rect", "path", "text"}
    for element in svg.iter():
        assert not {"id", "style", "class", "href"} & element.attrib.keys()
        assert {element.get("fill", "none"), element.get("stroke", "none")} <= COLOURS
    assert int(svg.get("width")) <= 640
    assert 11 <= int(svg.get("font-size")) <= 13


@pytest.mark.parametrize("make", GRAPHS)
def test_all_boxes_lie_inside_and_no_two_overlap(make):
    svg = drawn(make())
    _, _, width, height = map(float, svg.get("viewBox").split())
    found = boxes(svg)
    assert len(found) == len(make().nodes)
    for left, top, right, bottom in found:
        assert 0 <= left < right <= width
        assert 0 <= top < bottom <= height
    for a, b in combinations(found, 2):
        assert a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1]


@pytest.mark.parametrize("make", GRAPHS)
def test_each_wire_runs_down_from_its_box_to_its_box_and_through_no_other(make):
    graph = make()
    svg = drawn(graph)
    found = boxes(svg)
    ends = [(i, j) for i, n in enumerate(graph.nodes) for j in n.next_nodes if j]
    for (i, j), points in zip(ends, wires(svg), strict=True):
        left, _, right, bottom = found[i]
        assert left < points[0][0] < right
        assert points[0][1] == bottom
        assert points[-1] == pytest.approx(
            ((found[j][0] + found[j][2]) / 2, found[j][1])
        )
        assert all(y < y2 for (_, y), (_, y2) in pairwise(points))
        for x, y in points:
            assert not any(a < x < c and b < y < d for a, b, c, d in found)


def test_two_wires_to_the_same_node_start_apart():
    d = torch.tensor(2.0, requires_grad=True) - 1
    starts = [points[0] for points in wires(drawn(Graph(read(d * d))))]
    assert starts[0] != starts[1]


def test_a_graph_wider_than_the_page_is_drawn_smaller():
    svg = drawn(wide())
    assert svg.get("width") == "640"
    assert svg.get("viewBox").split()[2] == str(7 * 180)


def test_names_cannot_break_out_of_the_drawing():
    name = "<script>&"
    svg = drawn(Graph((Node("N", (), {}, {name: "1"}, {}),)))
    assert f"{name} = 1" in [text.text for text in svg.iter(f"{SVG}text")]
