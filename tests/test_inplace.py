"""Who saves what, and what a write in place does to it."""

import re

import pytest
import torch
from torch import nn

from chainrule.inplace import kept, saved, verdict

X = torch.tensor([[-1.5, -0.5, 0.25, 2.0], [1.0, -2.0, 0.5, -0.25]])
IMAGES = torch.linspace(-1, 1, 96).sin().view(2, 3, 4, 4)  # (N, C, H, W)
SAVE_OUTPUT = {
    "relu": torch.relu,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "exp": torch.exp,
    "sqrt": lambda x: x.abs().sqrt(),
    "softmax": nn.Softmax(dim=1),
}
SAVE_NO_OUTPUT = {
    "linear": (nn.Linear(4, 3), X),
    "conv": (nn.Conv2d(3, 2, 2), IMAGES),
    "batch norm": (nn.BatchNorm2d(3), IMAGES),
    "max pool": (nn.MaxPool2d(2), IMAGES),
    "dropout": (nn.Dropout(), X),
    "gelu": (nn.GELU(), X),
}


def add_one(h):
    h += 1


def add_one_to_data(h):
    h.data += 1


def recorded(x):
    return x.clone().requires_grad_()


def in_the_middle(activation):
    return nn.Sequential(nn.Linear(4, 4), activation, nn.Linear(4, 4))


@pytest.mark.parametrize("name", SAVE_OUTPUT)
def test_an_operation_that_saved_its_output_says_so(name):
    assert saved(SAVE_OUTPUT[name](recorded(X))) == {"result": True}


@pytest.mark.parametrize("name", SAVE_NO_OUTPUT)
def test_an_operation_that_saved_something_else_says_so(name):
    produce, x = SAVE_NO_OUTPUT[name]
    found = saved(produce(recorded(x)))
    assert found
    assert not any(found.values())


def test_addition_saves_nothing():
    assert saved(recorded(X) + recorded(X)) == {}


def test_relu_in_place_saves_what_it_wrote():
    h = nn.Linear(4, 4)(X)
    assert saved(h.relu_()) == {"result": True}
    assert h._version == 1


def test_a_leaf_saved_nothing_and_the_error_says_so():
    message = "y must have a grad_fn, got a tensor with grad_fn None"
    with pytest.raises(ValueError, match=f"^{message}$"):
        saved(recorded(X))


def test_an_overwritten_output_cannot_be_listed():
    y = torch.sigmoid(recorded(X))
    node = y.grad_fn
    y += 1
    message = "output 0 of Sigmoid, is at version 1; expected version 0 instead"
    with pytest.raises(RuntimeError, match=re.escape(message)):
        _ = node._saved_result


@pytest.mark.parametrize("name", SAVE_OUTPUT)
@pytest.mark.parametrize("overwrite", [torch.relu_, add_one])
def test_writing_into_a_saved_output_raises(name, overwrite):
    assert verdict(SAVE_OUTPUT[name], overwrite, X) == "raises"


@pytest.mark.parametrize("name", SAVE_NO_OUTPUT)
@pytest.mark.parametrize("overwrite", [torch.relu_, add_one, add_one_to_data])
def test_writing_into_an_unsaved_output_is_fine(name, overwrite):
    produce, x = SAVE_NO_OUTPUT[name]
    assert verdict(produce, overwrite, x) == "fine"


@pytest.mark.parametrize("name", SAVE_OUTPUT)
def test_writing_past_the_counter_into_a_saved_output_is_wrong(name):
    assert verdict(SAVE_OUTPUT[name], add_one_to_data, X) == "wrong"


@pytest.mark.parametrize("name", SAVE_NO_OUTPUT)
def test_a_residual_sum_with_relu_in_place_is_wrong(name):
    produce, x = SAVE_NO_OUTPUT[name]
    assert verdict(produce, torch.relu_, x, merge=torch.add) == "wrong"


def test_a_leaf_and_one_of_several_views_refuse_any_write():
    assert verdict(lambda x: x, torch.relu_, X) == "raises"
    assert verdict(lambda x: (2 * x).chunk(2)[0], torch.relu_, X) == "raises"


def test_a_wrong_value_is_enough_to_be_wrong():
    def total(before, after):
        return before.detach() + after

    assert verdict(torch.neg, add_one, X, merge=total) == "wrong"


def test_a_wrong_gradient_is_enough_to_be_wrong():
    s = torch.sigmoid(recorded(X))
    add_one_to_data(s)
    assert torch.equal(s, torch.sigmoid(X) + 1)
    assert verdict(torch.sigmoid, add_one_to_data, X) == "wrong"


def test_a_gradient_that_is_wrong_only_in_parts_is_found():
    def reverse(h):
        h.data.copy_(h.data.flip(1))

    assert verdict(nn.Softmax(dim=1), reverse, X.double()) == "wrong"


def test_what_is_not_a_number_on_both_sides_agrees():
    assert verdict(lambda x: 2 * x.log(), torch.relu_, X) == "fine"


def test_a_write_that_fails_anywhere_is_not_called_a_verdict():
    with pytest.raises(RuntimeError, match=r"^The size of tensor a \(4\) must match"):
        verdict(torch.neg, lambda h: h.add_(torch.ones(3)), X)


def test_verdict_changes_neither_the_input_nor_the_random_numbers():
    x = X.clone()
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    verdict(nn.Dropout(), add_one, x)
    verdict(lambda x: x, add_one_to_data, x)
    assert torch.equal(torch.rand(3), expected)
    assert torch.equal(x, X)
    assert x._version == 0


def test_the_gradient_after_a_fine_write_equals_central_differences():
    layer = nn.Linear(4, 3).double()

    def value(x):
        return layer(x).relu_().square().sum()

    x = X.double().requires_grad_()
    value(x).backward()
    for i in range(x.numel()):
        step = torch.zeros(x.numel(), dtype=x.dtype)
        step[i] = 1e-6
        with torch.no_grad():
            up, down = value(x + step.view_as(x)), value(x - step.view_as(x))
        assert x.grad.view(-1)[i].item() == pytest.approx(
            ((up - down) / 2e-6).item(), abs=1e-6
        )


def test_the_gradient_after_an_uncounted_write_does_not():
    x = torch.tensor(0.0, dtype=torch.float64, requires_grad=True)
    s = torch.sigmoid(x)
    s.data += 1
    s.backward()
    slope = (torch.sigmoid(x + 1e-6) - torch.sigmoid(x - 1e-6)) / 2e-6
    assert slope.item() == pytest.approx(0.25)
    assert x.grad.item() == -0.75


def test_the_residual_sum_in_place_drops_the_negative_half():
    x = torch.tensor([-1.0, 2.0], requires_grad=True)
    h = 3 * x
    y = h + torch.relu_(h)
    y.sum().backward()
    assert y.tolist() == [0.0, 12.0]
    assert x.grad.tolist() == [0.0, 6.0]


@pytest.mark.parametrize(
    ("activation", "plain", "in_place"),
    [
        (nn.ReLU, 1, 1),
        (nn.ReLU6, 2, 2),
        (nn.SiLU, 2, 2),
        (nn.LeakyReLU, 2, 1),
        (nn.ELU, 2, 1),
    ],
)
def test_in_place_keeps_less_only_where_it_saves_its_output_instead(
    activation, plain, in_place
):
    one = X.numel() * X.element_size()
    assert kept(in_the_middle(activation()), X) == plain * one
    assert kept(in_the_middle(activation(inplace=True)), X) == in_place * one


def test_memory_that_two_operations_saved_counts_once():
    assert kept(nn.Sequential(nn.Tanh(), nn.Tanh()), X) == 2 * 32
    assert kept(nn.Sequential(nn.Tanh(), nn.Flatten(), nn.GELU()), X) == 32


def test_a_slice_of_saved_memory_does_not_count_again():
    class Tail(nn.Module):
        def forward(self, x):
            return x.tanh()[:, 1:].square()

    assert kept(Tail(), X) == 32


def test_input_parameters_and_buffers_do_not_count():
    assert kept(nn.Linear(4, 3), X) == 0
    assert kept(nn.BatchNorm1d(4).eval(), X) == 0


def test_kept_leaves_the_input_alone():
    x = X.clone()
    kept(nn.Sequential(nn.Tanh(), nn.ReLU()), x)
    kept(nn.Flatten(), x)
    assert torch.equal(x, X)
    assert not x.requires_grad


def test_the_message_of_the_lesson_is_what_torch_prints():
    x = torch.tensor([-1.0, 2.0], requires_grad=True)
    h = torch.relu(3 * x)
    h += x
    message = (
        "one of the variables needed for gradient computation has been modified by an "
        "inplace operation: [torch.FloatTensor [2]], which is output 0 of Relu, is at "
        "version 1; expected version 0 instead. Hint: enable anomaly detection to find "
        "the operation that failed to compute its gradient, with "
        "torch.autograd.set_detect_anomaly(True, check_nan=False)."
    )
    with pytest.raises(RuntimeError, match=f"^{re.escape(message)}$"):
        h.sum().backward()


def test_for_a_saved_input_the_message_names_the_last_writer():
    x = torch.tensor([-1.0, 2.0], requires_grad=True)
    h = 3 * x
    y = h.square()
    h += x
    h.tanh_()
    message = "which is output 0 of Tanh, is at version 2; expected version 0 instead"
    with pytest.raises(RuntimeError, match=re.escape(message)):
        y.sum().backward()
