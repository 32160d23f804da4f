"""What `read` finds in the graph that autograd recorded."""

import pytest
import torch

from chainrule.graph import Node, read


class Twice(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x, 2 * x)
        return 2 * x

    @staticmethod
    def backward(ctx, dy):
        return 2 * dy


def scalar(value, dtype=torch.float32):
    return torch.tensor(value, dtype=dtype, requires_grad=True)


def one_sample(w, x=3.0, y=6.0):
    """Return the steps of $(wx - y)^2$, each of which keeps its gradient."""
    p = w * x
    d = p - y
    steps = {"w": w, "p": p, "d": d, "L": d**2}
    for tensor in steps.values():
        tensor.retain_grad()
    return steps


def test_before_backward_the_graph_holds_values_and_saved_tensors():
    steps = one_sample(scalar(1.0))
    assert read(steps["L"], **steps) == (
        Node("PowBackward0", (1,), {"self": "-3"}, {"L": "9"}, {}),
        Node("SubBackward0", (2, None), {}, {"d": "-3"}, {}),
        Node("MulBackward0", (3, None), {"other": "3"}, {"p": "3"}, {}),
        Node("AccumulateGrad", (), {}, {"w": "1"}, {}),
    )


def test_after_backward_it_holds_gradients_and_what_was_saved_is_freed():
    steps = one_sample(scalar(1.0))
    steps["L"].backward()
    nodes = read(steps["L"], **steps)
    assert [node.gradients for node in nodes] == [
        {"L": "1"},
        {"d": "-6"},
        {"p": "-6"},
        {"w": "-18"},
    ]
    assert [node.saved for node in nodes] == [
        {"self": "freed"},
        {},
        {"other": "freed"},
        {},
    ]


def test_with_retain_graph_nothing_is_freed():
    steps = one_sample(scalar(1.0))
    steps["L"].backward(retain_graph=True)
    assert [node.saved for node in read(steps["L"])] == [
        {"self": "-3"},
        {},
        {"other": "3"},
        {},
    ]


def test_the_sample_of_the_old_slides_has_the_gradient_they_print():
    steps = one_sample(scalar(1.0), x=2.0, y=4.0)
    steps["L"].backward()
    assert read(steps["L"], **steps)[-1].gradients == {"w": "-8"}


def test_the_gradients_read_equal_central_differences():
    h = 1e-6
    for w in (-1.5, 0.25, 3.0):
        steps = one_sample(scalar(w, torch.float64))
        steps["L"].backward()
        found = [float(*n.gradients.values()) for n in read(steps["L"], **steps)]
        up, down = (one_sample(scalar(w + s, torch.float64))["L"] for s in (h, -h))
        assert found[-1] == pytest.approx(((up - down) / (2 * h)).item(), rel=1e-4)
        d = steps["d"].item()
        assert found[1] == pytest.approx(((d + h) ** 2 - (d - h) ** 2) / (2 * h), 1e-3)


def test_the_upstream_gradient_is_all_that_a_product_needs_to_know():
    x, y = scalar(2.0), scalar(3.0)
    z = x * y
    z.backward(gradient=torch.tensor(5.0))
    _, left, right = read(z, x=x, y=y)
    assert (left.gradients, right.gradients) == ({"x": "15"}, {"y": "10"})


def test_what_was_read_does_not_change_with_the_graph():
    steps = one_sample(scalar(1.0))
    before = read(steps["L"], **steps)
    shown = repr(before)
    steps["L"].backward()
    assert repr(before) == shown


def test_reading_changes_nothing():
    steps = one_sample(scalar(1.0))
    read(steps["L"], **steps)
    assert [tensor._version for tensor in steps.values()] == [0, 0, 0, 0]
    assert steps["w"].grad is None
    steps["L"].backward()
    assert steps["w"].grad.item() == -18


def test_a_tensor_used_twice_is_one_node_with_two_ways_to_it():
    d = scalar(1.0) - 4
    nodes = read(d * d, d=d)
    assert [node.name for node in nodes] == [
        "MulBackward0",
        "SubBackward0",
        "AccumulateGrad",
    ]
    assert nodes[0].next_nodes == (1, 1)
    assert nodes[0].saved == {"other": "-3", "self": "-3"}


def test_each_node_stands_before_those_it_sends_gradients_to():
    w = scalar(2.0)
    h = torch.relu(w)
    for y in (h * w + w, w + w * h, (w + h) * (h * h - w)):
        nodes = read(y)
        for i, node in enumerate(nodes):
            assert all(j is None or j > i for j in node.next_nodes)
        names = [node.name for node in nodes]
        assert names.count("AccumulateGrad") == names.count("ReluBackward0") == 1


def test_a_product_saves_a_factor_only_for_the_gradient_of_the_other():
    w, x = scalar(1.0), torch.tensor(3.0)
    assert read(w * x)[0].saved == {"other": "3"}
    assert read(w * x.requires_grad_())[0].saved == {"other": "3", "self": "1"}
    assert read(w.detach() * x)[0].saved == {"self": "1"}


def test_a_tensor_of_several_numbers_shows_its_shape():
    x = torch.ones(2, 3, requires_grad=True)
    y = x.exp()
    y.sum().backward()
    node = read(y, y=y)[0]
    assert (node.values, node.saved) == ({"y": "(2, 3)"}, {"result": "freed"})
    assert read(x.exp())[0].saved == {"result": "(2, 3)"}
    assert read(y, x=x)[1].gradients == {"x": "(2, 3)"}


def test_a_leaf_without_a_name_is_called_leaf():
    assert read(-scalar(2.5))[1].values == {"leaf": "2.5"}


def test_a_leaf_alone_is_a_graph_of_one_node():
    w = scalar(2.0)
    assert read(w, w=w) == (Node("AccumulateGrad", (), {}, {"w": "2"}, {}),)


def test_all_outputs_of_one_function_are_shown():
    first, second = torch.tensor([1.0, 2.0], requires_grad=True).unbind()
    node = read(first + second, a=first, b=second)[1]
    assert (node.name, node.values) == ("UnbindBackward0", {"a": "1", "b": "2"})


def test_a_step_that_does_not_retain_its_gradient_shows_none():
    p = scalar(1.0) * 3
    (p**2).backward()
    assert read(p, p=p)[0].gradients == {}


def test_an_overwritten_tensor_is_not_called_freed():
    y = torch.sigmoid(scalar(0.0))
    node = y.grad_fn
    y += 1
    assert node is y.grad_fn.next_functions[0][0]
    assert read(y)[1].saved == {"result": "overwritten"}


def test_a_function_of_ones_own_shows_what_it_saved():
    y = Twice.apply(scalar(3.0))
    assert read(y)[0].name == "TwiceBackward"
    assert read(y)[0].saved == {"saved_tensors": "3 6"}
    y.backward()
    assert read(y)[0].saved == {"saved_tensors": "freed"}


def test_a_list_of_saved_tensors_is_shown_and_its_gaps_are_left_out():
    x = torch.ones(3, 4, requires_grad=True)
    assert read(x[:, torch.tensor([0, 2])])[0].saved == {"indices": "(2,)"}


def test_a_graph_of_thousands_of_nodes_can_be_read():
    y = scalar(0.0)
    for _ in range(5000):
        y = y + 1
    assert len(read(y)) == 5001


@pytest.mark.parametrize("stranger", [torch.tensor(3.0), scalar(1.0), scalar(1.0) * 2])
def test_a_tensor_outside_the_graph_is_refused_by_name(stranger):
    message = "^x must be in the graph, got a tensor outside it$"
    with pytest.raises(ValueError, match=message):
        read(scalar(2.0) ** 2, x=stranger)


def test_a_tensor_that_needs_no_gradient_has_no_graph():
    message = (
        "It is not possible to get the gradient edge for a Tensor that does not require "
        "gradients"
    )
    with pytest.raises(RuntimeError, match=f"^{message}$"):
        read(torch.tensor(1.0))


def test_a_failed_second_backward_has_added_some_gradients():
    a, b = scalar(2.0), scalar(3.0)
    y = a + b * b
    y.backward()
    message = "^Trying to backward through the graph a second time "
    with pytest.raises(RuntimeError, match=message):
        y.backward()
    assert (a.grad.item(), b.grad.item()) == (2.0, 6.0)
