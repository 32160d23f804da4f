"""The line by hand against autograd, measured slopes, torch.linalg and real runs."""

import re

import pytest
import torch
from torch.autograd.functional import hessian

from chainrule.line import (
    Line,
    curvature,
    error_after,
    gradient,
    least_squares,
    mean_loss,
)


def points(n=50, seed=0):
    torch.manual_seed(seed)
    x = torch.rand(n, dtype=torch.float64)
    return x, 3 * x + 0.8


def scattered(seed=1):
    torch.manual_seed(seed)
    x, y = torch.randn(2, 12, dtype=torch.float64)
    return x, y


def descend(line, x, y, *, lr, steps):
    for _ in range(steps):
        slope = gradient(line, x, y)
        line = Line(line.a - lr * slope.a, line.b - lr * slope.b)
    return line


def from_vector(x, y):
    return lambda vector: mean_loss(Line(*vector), x, y)


WHERE = torch.tensor([0.7, -1.3], dtype=torch.float64)


def test_the_loss_is_the_mean_of_the_squares():
    x, y = torch.tensor([0.0, 2.0, 4.0]), torch.tensor([1.0, 1.0, 1.0])
    assert mean_loss(Line(1.0, 0.0), x, y).item() == pytest.approx((1 + 1 + 9) / 3)


def test_the_gradient_equals_that_of_autograd():
    x, y = scattered()
    a, b = (value.clone().requires_grad_() for value in WHERE)
    mean_loss(Line(a, b), x, y).backward()
    by_hand = gradient(Line(*WHERE), x, y)
    torch.testing.assert_close(torch.stack(by_hand), torch.stack([a.grad, b.grad]))


def test_the_gradient_equals_the_measured_slopes():
    x, y = scattered()
    loss, h = from_vector(x, y), 1e-6
    for axis, by_hand in zip(torch.eye(2), gradient(Line(*WHERE), x, y), strict=True):
        measured = (loss(WHERE + h * axis) - loss(WHERE - h * axis)) / (2 * h)
        assert by_hand.item() == pytest.approx(measured.item(), rel=1e-8)


def test_the_curvature_equals_the_hessian_of_autograd():
    x, y = scattered()
    by_autograd = hessian(from_vector(x, y), WHERE)
    torch.testing.assert_close(curvature(x), by_autograd)


def test_the_curvature_equals_the_measured_change_of_the_gradient():
    x, y = scattered()
    h = 1e-6
    for axis, row in zip(torch.eye(2), curvature(x), strict=True):
        ahead, behind = (
            torch.stack(gradient(Line(*(WHERE + step * axis)), x, y))
            for step in (h, -h)
        )
        torch.testing.assert_close(row, (ahead - behind) / (2 * h), rtol=1e-8, atol=0)


def test_the_curvature_is_the_same_wherever_the_targets_are():
    x, y = scattered()
    one, other = (hessian(from_vector(x, t), WHERE) for t in (y, 9 * y + 4))
    assert torch.equal(one, other)


def test_the_closed_form_finds_the_line_that_made_the_points():
    line = least_squares(*points())
    assert line.a.item() == pytest.approx(3, abs=1e-12)
    assert line.b.item() == pytest.approx(0.8, abs=1e-12)


def test_the_closed_form_equals_the_solver_of_torch():
    x, y = scattered()
    columns = torch.stack([x, torch.ones_like(x)], 1)
    expected = torch.linalg.lstsq(columns, y[:, None]).solution[:, 0]
    torch.testing.assert_close(torch.stack(least_squares(x, y)), expected)


def test_the_gradient_is_zero_at_the_closed_form_and_nowhere_near():
    x, y = scattered()
    best = least_squares(x, y)
    assert torch.stack(gradient(best, x, y)).abs().max() < 1e-14
    for a, b in ((1e-3, 0), (-1e-3, 0), (0, 1e-3), (0, -1e-3)):
        near = Line(best.a + a, best.b + b)
        assert mean_loss(near, x, y) > mean_loss(best, x, y)


def test_no_slope_is_best_for_equal_inputs():
    x = torch.ones(3, dtype=torch.float64)
    assert all(value.isnan() for value in least_squares(x, points(3)[1]))


@pytest.mark.parametrize("steps", [0, 1, 2, 500, 3000])
def test_the_error_after_any_number_of_steps_is_that_of_the_run(steps):
    x, y = scattered()
    start, best = Line(*WHERE), least_squares(x, y)
    error = Line(start.a - best.a, start.b - best.b)
    left = error_after(steps, error, x, lr=0.01)
    end = descend(start, x, y, lr=0.01, steps=steps)
    torch.testing.assert_close(left.a, end.a - best.a, rtol=0, atol=1e-12)
    torch.testing.assert_close(left.b, end.b - best.b, rtol=0, atol=1e-12)


def test_the_error_grows_above_two_over_the_largest_curvature_only():
    x, _ = points()
    limit = (2 / torch.linalg.eigvalsh(curvature(x))[-1]).item()
    error = Line(*WHERE)
    below = error_after(2000, error, x, lr=0.99 * limit)
    above = error_after(2000, error, x, lr=1.01 * limit)
    assert torch.stack(below).norm() < WHERE.norm() < torch.stack(above).norm()


def test_the_loss_of_an_error_is_half_its_curvature():
    x, y = points()
    loss = mean_loss(Line(3 + WHERE[0], 0.8 + WHERE[1]), x, y)
    torch.testing.assert_close(loss, WHERE @ curvature(x) @ WHERE / 2)


@pytest.mark.parametrize("function", [mean_loss, gradient])
def test_a_column_against_a_row_is_refused(function):
    x, y = points(5)
    message = "x and y must be (N,) both, got (5, 1) and (5,)"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        function(Line(1.0, 2.0), x[:, None], y)


@pytest.mark.parametrize("function", [mean_loss, gradient])
def test_one_target_for_many_inputs_is_refused(function):
    x, y = points(5)
    message = "x and y must be (N,) both, got (5,) and (1,)"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        function(Line(1.0, 2.0), x, y[:1])


@pytest.mark.parametrize("function", [mean_loss, gradient])
def test_two_axes_are_refused(function):
    x, y = points(5)
    message = "x and y must be (N,) both, got (1, 5) and (1, 5)"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        function(Line(1.0, 2.0), x[None], y[None])


def test_the_closed_form_refuses_what_it_cannot_pair():
    x, y = points(5)
    with pytest.raises(RuntimeError, match=r"got \[5, 1\] at entry 0 and \[5\] at"):
        least_squares(x[:, None], y)
    with pytest.raises(RuntimeError, match="two or fewer dimensions"):
        least_squares(x[None], y[None])


def test_arguments_are_left_as_they_were():
    x, y = scattered()
    before = x.clone(), y.clone(), WHERE.clone()
    line = Line(*WHERE)
    mean_loss(line, x, y), gradient(line, x, y), least_squares(x, y), curvature(x)
    error_after(3, line, x, lr=0.1)
    for now, then in zip((x, y, WHERE), before, strict=True):
        assert torch.equal(now, then)
