"""The engine against autograd, on expressions nobody chose, and where toys go wrong."""

import ast
import dataclasses
import math
import operator
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from chainrule.engine import Node, gradients, order

BINARY = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "**": operator.pow,
}
UNARY = {
    "neg": operator.neg,
    "exp": operator.methodcaller("exp"),
    "log": operator.methodcaller("log"),
    "tanh": operator.methodcaller("tanh"),
    "relu": operator.methodcaller("relu"),
}
SMOOTH = st.floats(0.25, 4.0) | st.floats(-4.0, -0.25)
CORNERS = st.sampled_from([0.0, 1.0, -1.0, 2.0, -2.0, 0.5])
PLACES = st.integers(0, 100)
STEPS = st.lists(
    st.tuples(st.sampled_from([*BINARY]), PLACES, PLACES, st.none() | CORNERS)
    | st.tuples(st.sampled_from([*UNARY]), PLACES),
    min_size=1,
    max_size=8,
)
runs = settings(
    database=None,
    deadline=None,
    derandomize=True,
    max_examples=300,
    suppress_health_check=[HealthCheck.filter_too_much],
)


def build(make, numbers, steps):
    """Make the leaves, all values and the sum of all values of an expression."""
    pool = leaves = [make(x) for x in numbers]
    for name, a, *rest in steps:
        operand = pool[a % len(pool)]
        if name in UNARY:
            pool = [*pool, UNARY[name](operand)]
        else:
            b, constant = rest
            other = pool[b % len(pool)] if constant is None else constant
            swap = constant is not None and b % 2
            pair = (other, operand) if swap else (operand, other)
            pool = [*pool, BINARY[name](*pair)]
    return leaves, pool, sum(pool)


def double(x):
    return torch.tensor(x, dtype=torch.float64, requires_grad=True)


def assert_equal(ours, theirs):
    for a, b in zip(ours, theirs, strict=True):
        assert a == pytest.approx(b, rel=1e-7, abs=1e-7, nan_ok=True)


def compare(numbers, steps):
    leaves, pool, output = build(Node, numbers, steps)
    tensors, values, result = build(double, numbers, steps)
    assert_equal([z.value for z in pool], [z.item() for z in values])
    found = torch.autograd.grad(result, tensors)
    assert_equal(gradients(output, leaves), [d.item() for d in found])
    return pool


def moderate(pool):
    """Say whether rounding errors stay small: no huge number, and none close to 0."""
    return all(1e-3 < abs(z.value) < 1e3 for z in pool)


@given(st.lists(SMOOTH, min_size=1, max_size=3), STEPS)
@runs
def test_value_and_gradients_of_any_expression_are_those_of_autograd(numbers, steps):
    assume(moderate(build(Node, numbers, steps)[1]))
    compare(numbers, steps)


@given(CORNERS, st.lists(CORNERS, max_size=2), STEPS.filter(lambda s: len(s) <= 3))
@example(0.0, [], [("log", 0), ("relu", 1)])
@example(-1.0, [], [("relu", 0), ("log", 1)])
@example(0.0, [], [("**", 0, 0, None)])
@example(0.0, [], [("**", 0, 1, 0.0)])
@example(2.0, [], [("exp", 0), ("exp", 1), ("exp", 2)])
@runs
def test_zeros_infinities_and_nans_come_out_where_autograd_has_them(x, more, steps):
    compare([x, *more], steps)


@given(st.lists(SMOOTH, min_size=1, max_size=3), STEPS)
@runs
def test_gradients_equal_central_differences(numbers, steps):
    steps = [step for step in steps if step[0] != "relu"]
    leaves, pool, output = build(Node, numbers, steps)
    assume(moderate(pool))
    found = gradients(output, leaves)
    assume(all(abs(d) < 1e3 for d in found))
    h = 1e-5
    for i, d in enumerate(found):
        ends, slopes = [], []
        for sign in (1, -1):
            moved = [x + sign * h * (i == j) for j, x in enumerate(numbers)]
            leaves, _, output = build(Node, moved, steps)
            ends.append(output.value)
            slopes.append(gradients(output, leaves)[i])
        assume(abs(slopes[0] - slopes[1]) < 1e-2)
        assert (ends[0] - ends[1]) / (2 * h) == pytest.approx(d, rel=1e-3, abs=1e-3)


def test_the_numbers_that_micrograd_prints_in_its_readme():
    a, b = Node(-4.0), Node(2.0)
    c, d = a + b, a * b + b**3
    c += c + 1
    c += 1 + c + (-a)
    d += d * 2 + (b + a).relu()
    d += 3 * d + (b - a).relu()
    f = (c - d) ** 2
    g = f / 2.0
    g += 10.0 / f
    assert f"{g.value:.4f}" == "24.7041"
    assert [f"{x:.4f}" for x in gradients(g, [a, b])] == ["138.8338", "645.5773"]


def test_a_second_call_finds_what_the_first_found():
    w = Node(1.0)
    loss = (w * 3 - 6) ** 2
    assert gradients(loss, [w]) == gradients(loss, [w]) == [-18.0]


def test_added_calls_are_what_torch_accumulates():
    w, t = Node(1.0), double(1.0)
    ours, theirs = (w * 3 - 6) ** 2, (t * 3 - 6) ** 2
    total = 0.0
    for _ in range(3):
        total += gradients(ours, [w])[0]
        theirs.backward(retain_graph=True)
        assert total == t.grad.item()


def test_two_outputs_may_share_a_node_in_any_order():
    x = Node(3.0)
    square = x * x
    first, second = square + x, square * 2
    assert gradients(second, [x]) == [12.0]
    assert gradients(first, [x]) == [7.0]
    assert gradients(second, [x]) == [12.0]


def test_a_chain_of_ten_thousand_additions_works():
    leaf = total = Node(1.0)
    for _ in range(10_000):
        total = total + leaf
    assert total.value == 10_001.0
    assert gradients(total, [leaf]) == [10_001.0]
    assert len(order(total)) == 10_001


def test_sixty_doublings_visit_sixty_nodes_and_not_all_paths():
    leaf = total = Node(1.0)
    for _ in range(60):
        total = total + total
    assert gradients(total, [leaf]) == [2.0**60]
    assert len(order(total)) == 61


@given(st.lists(SMOOTH, min_size=1, max_size=3), STEPS)
@runs
def test_operands_come_before_what_is_made_of_them_and_each_once(numbers, steps):
    nodes = order(build(Node, numbers, steps)[2])
    place = {z: n for n, z in enumerate(nodes)}
    assert len(place) == len(nodes)
    assert all(place[a] < place[z] for z in nodes for a, _ in z.edges)


def test_constants_get_no_edge():
    w = Node(2.0)
    for z in (w + 1, 1 - w, w * 3, 3 / w, w**2, 2**w):
        assert [a for a, _ in z.edges] == [w]
        assert len(order(z)) == 2


def test_a_node_of_the_expression_has_a_gradient_too():
    w = Node(1.0)
    e = w * 3 - 6
    assert gradients(e**2, [e, w]) == [-6.0, -18.0]
    assert gradients(w, [w]) == [1.0]


def test_relu_at_zero_passes_nothing_as_in_torch():
    x, t = Node(0.0), double(0.0)
    t.relu().backward()
    assert gradients(x.relu(), [x]) == [t.grad.item()] == [0.0]


def test_no_gradient_stops_even_an_infinite_one():
    x = Node(-1.0)
    assert gradients(x.relu().log(), [x]) == [0.0]
    assert gradients((x**0 - 1).log(), [x]) == [0.0]


def test_division_by_zero_is_infinite():
    x = Node(0.0)
    assert (1 / x).value == math.inf
    assert gradients(1 / x, [x]) == [-math.inf]


def test_zero_times_the_logarithm_of_zero_is_not_a_number():
    x = Node(0.0)
    z = x * x.log()
    assert math.isnan(z.value)
    assert math.isnan(gradients(z, [x])[0])


def test_a_node_cannot_be_changed():
    x = Node(1.0)
    for name in ("value", "edges"):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(x, name, 2.0)
    with pytest.raises((AttributeError, TypeError)):
        x.grad = 0.0


@pytest.mark.parametrize("apply", BINARY.values(), ids=BINARY)
def test_what_is_no_number_is_refused_on_either_side(apply):
    for wrong in ("2", None, [1.0], torch.tensor(2.0)):
        message = f"^expected a Node or a number, got {type(wrong).__name__}$"
        with pytest.raises(TypeError, match=message):
            apply(Node(1.0), wrong)
        with pytest.raises(TypeError, match=message):
            apply(wrong, Node(1.0))


@pytest.mark.parametrize("apply", UNARY.values(), ids=UNARY)
def test_a_node_of_something_else_is_refused_when_it_is_used(apply):
    with pytest.raises(TypeError, match=r"^expected a Node or a number, got Tensor$"):
        apply(Node(torch.tensor(2.0)))
    assert isinstance(apply(Node(1)).value, float)


def test_an_output_that_is_no_node_is_refused():
    for function in (order, lambda output: gradients(output, [])):
        with pytest.raises(TypeError, match=r"^output must be a Node, got float$"):
            function(3.0)


def test_a_node_from_elsewhere_is_refused_as_a_tensor_is_by_torch():
    x, other = Node(1.0), Node(5.0)
    message = r"^wrt must be nodes that output is made of, got \[Node\(value=5.0\)\]$"
    with pytest.raises(ValueError, match=message):
        gradients(x * 2, [x, other])
    with pytest.raises(RuntimeError, match="appears to not have been used"):
        torch.autograd.grad(double(1.0) * 2, [double(5.0)])


def test_the_engine_and_its_numbers_are_less_than_a_hundred_lines_of_code():
    lines = 0
    for name in ("engine", "ieee"):
        source = Path(f"src/chainrule/{name}.py").read_text(encoding="utf-8")
        module = ast.parse(source)
        texts = [
            node.body[0]
            for node in ast.walk(module)
            if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef))
            and ast.get_docstring(node)
        ]
        prose = {n for t in texts for n in range(t.lineno, t.end_lineno + 1)}
        code = enumerate(source.splitlines(), start=1)
        lines += sum(bool(line.strip()) and n not in prose for n, line in code)
    assert 50 < lines < 100
