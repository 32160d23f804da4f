"""Measured slopes against formulas, autograd and themselves; and how they are compared."""

import math
import re

import pytest
import torch
from torch.nn.functional import mse_loss

from chainrule.differences import (
    central_difference,
    one_sided_difference,
    relative_error,
)

BOTH = pytest.mark.parametrize("measure", [one_sided_difference, central_difference])
EPS = torch.finfo(torch.float64).eps


def double(*values):
    return torch.tensor(values, dtype=torch.float64)


def network():
    torch.manual_seed(0)
    model = torch.nn.Sequential(
        torch.nn.Linear(3, 4), torch.nn.Tanh(), torch.nn.Linear(4, 2)
    ).double()
    target = torch.randn(5, 2, dtype=torch.float64)
    x = torch.randn(5, 3, dtype=torch.float64)
    return (lambda x: mse_loss(model(x), target)), x


def test_a_step_of_one_half_on_a_cube_is_off_by_what_the_formulas_say():
    x, h = double(1.0, 2.0), 0.5
    central = central_difference(lambda x: (x**3).sum(), x, h)
    one_sided = one_sided_difference(lambda x: (x**3).sum(), x, h)
    assert central.tolist() == (3 * x**2 + h**2).tolist()
    assert one_sided.tolist() == (3 * x**2 + 3 * x * h + h**2).tolist()


def test_a_parabola_has_no_central_error():
    assert central_difference(lambda x: x**2, torch.tensor(3.0), h=4.0).item() == 6.0


@pytest.mark.parametrize(
    ("measure", "h", "tolerance"),
    [
        (central_difference, EPS ** (1 / 3), 1e-9),
        (one_sided_difference, EPS ** (1 / 2), 1e-6),
    ],
)
def test_the_gradient_of_a_network_equals_autograd(measure, h, tolerance):
    function, x = network()
    leaf = x.clone().requires_grad_()
    function(leaf).backward()
    assert relative_error(measure(function, x, h), leaf.grad) < tolerance


@BOTH
def test_every_element_is_measured_where_it_stands(measure):
    factors = torch.arange(24.0, dtype=torch.float64).reshape(2, 3, 4)
    x = torch.ones(2, 3, 4, dtype=torch.float64)
    found = measure(lambda x: (factors * x).sum(), x, h=0.5)
    assert torch.equal(found, factors)


@BOTH
def test_overlapping_and_transposed_inputs_are_measured_element_by_element(measure):
    factors = double(1.0, 2.0, 3.0)
    found = measure(lambda x: (factors * x).sum(), double(1.0).expand(3), h=0.5)
    assert torch.equal(found, factors)
    table = torch.arange(6.0, dtype=torch.float64).reshape(2, 3)
    found = measure(lambda x: (table * x).sum(), torch.ones_like(table.T).T, h=0.5)
    assert torch.equal(found, table)


def test_only_the_central_difference_looks_at_both_sides_of_a_kink():
    x = torch.tensor(0.0)
    assert one_sided_difference(torch.relu, x, h=0.25).item() == 1.0
    assert central_difference(torch.relu, x, h=0.25).item() == 0.5


@BOTH
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_the_result_has_the_shape_and_type_of_the_input(measure, dtype):
    x = torch.ones(2, 1, dtype=dtype)
    found = measure(lambda x: x.sum(), x, h=0.5)
    assert (found.shape, found.dtype) == (x.shape, dtype)


@BOTH
def test_a_scalar_gives_a_scalar(measure):
    assert measure(lambda x: 3 * x, torch.tensor(1.0), h=0.5).shape == ()


@BOTH
def test_input_and_weights_are_left_as_they_were(measure):
    w = torch.tensor([2.0], requires_grad=True)
    x = torch.tensor([1.0], requires_grad=True)
    found = measure(lambda x: (w * x).sum(), x, h=0.5)
    assert found.item() == 2.0
    assert not found.requires_grad
    assert (x.item(), x._version, x.grad, w.grad) == (1.0, 0, None, None)


@BOTH
def test_the_function_sees_tensors_without_history(measure):
    seen = []
    x = torch.ones(2, requires_grad=True)
    measure(lambda x: seen.append(x.requires_grad) or x.sum(), x, h=0.5)
    assert set(seen) == {False}


@BOTH
def test_a_function_may_change_its_argument_in_place(measure):
    x = double(1.0, 1.0)
    found = measure(lambda x: x.mul_(3).sum(), x, h=0.5)
    assert (found.tolist(), x.tolist()) == ([3.0, 3.0], [1.0, 1.0])


def test_a_derivative_by_autograd_can_be_differentiated_again():
    def slope(x):
        x.requires_grad_()
        return torch.autograd.grad(x**3, x)[0]

    assert central_difference(slope, double(2.0)[0], h=0.5).item() == 12.0


@pytest.mark.parametrize(
    ("measure", "calls"), [(one_sided_difference, 5), (central_difference, 8)]
)
def test_the_cost_is_one_or_two_calls_for_each_element(measure, calls):
    seen = []
    measure(lambda x: seen.append(x) or x.sum(), torch.ones(4), h=0.5)
    assert len(seen) == calls


@BOTH
def test_a_step_below_the_gap_between_floats_measures_nothing(measure):
    assert measure(lambda x: x, torch.tensor(1.0), h=1e-8).item() == 0.0


@BOTH
@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (
            (torch.sum, torch.tensor([1, 2]), 0.5),
            TypeError,
            "x must be of a real floating-point type, got torch.int64",
        ),
        (
            (torch.sum, torch.tensor([1j]), 0.5),
            TypeError,
            "x must be of a real floating-point type, got torch.complex64",
        ),
        (
            (torch.exp, torch.ones(3), 0.5),
            ValueError,
            "function must return (), got (3,)",
        ),
        (
            (torch.exp, torch.ones(1), 0.5),
            ValueError,
            "function must return (), got (1,)",
        ),
        *(
            (
                (torch.sum, torch.ones(2), h),
                ValueError,
                f"h must be above 0 and x not empty, got {h}, (2,)",
            )
            for h in (0, -0.5, math.inf, math.nan)
        ),
        (
            (torch.sum, torch.ones(0), 0.5),
            ValueError,
            "h must be above 0 and x not empty, got 0.5, (0,)",
        ),
    ],
)
def test_what_cannot_be_measured_is_refused(measure, arguments, error, message):
    with pytest.raises(error, match=f"^{re.escape(message)}$"):
        measure(*arguments)


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ([3.0, 4.0], [6.0, 8.0], 0.5),
        ([1.0, -2.0], [1.0, -2.0], 0.0),
        ([0.0, 0.0], [0.0, 0.0], 0.0),
        ([0.0, 0.0], [0.0, 1e-30], 1.0),
        ([1.0, 2.0], [-1.0, -2.0], 2.0),
        ([4.0, 0.0], [4.0, 1.0], 0.25),
    ],
)
def test_relative_error_is_a_share_of_the_largest_slope(a, b, expected):
    assert relative_error(torch.tensor(a), torch.tensor(b)) == expected
    assert relative_error(torch.tensor(b), torch.tensor(a)) == expected


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_relative_error_hides_no_nan(bad):
    for other in (0.0, 1.0, bad):
        for pair in ([bad], [other]), ([other], [bad]):
            assert math.isnan(relative_error(*map(torch.tensor, pair)))


def test_relative_error_compares_across_types():
    assert relative_error(torch.tensor([1.0]), double(2.0)) == 0.5


@pytest.mark.parametrize(
    ("shapes", "got"),
    [(((2,), (2, 1)), "(2,) and (2, 1)"), (((0,), (0,)), "(0,) and (0,)")],
)
def test_shapes_that_differ_are_not_compared(shapes, got):
    message = f"a and b must have one shape, not empty, got {got}"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        relative_error(*map(torch.ones, shapes))
