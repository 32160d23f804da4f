"""The factors of the error against the run, autograd and measured slopes."""

import math
import re

import pytest
import torch

from chainrule.contraction import epoch_factor, factor, largest_rate, predict
from chainrule.descent import descend, loss

XS = [1.0, 2.0, 3.0]
YS = [2.0, 4.0, 6.0]


@pytest.mark.parametrize("w", [-3.0, 1.0, 2.5])
def test_factor_is_what_one_update_leaves_of_the_error(w):
    for x, lr in ((1.0, 0.01), (3.0, 0.01), (3.0, 0.2), (-2.0, 0.1)):
        (step,) = descend(w, [x], [2 * x], lr=lr, epochs=1)
        assert (step.w - 2) / (w - 2) == pytest.approx(factor(x, lr))


def test_factor_is_the_derivative_of_the_update_by_autograd():
    w = torch.tensor(1.0, dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(loss(w, 3.0, 6.0), [w], create_graph=True)
    (found,) = torch.autograd.grad(w - 0.05 * slope, [w])
    assert found.item() == pytest.approx(factor(3.0, 0.05))


def test_factor_is_the_measured_change_of_the_update():
    w, h, x, lr = 1.0, 1e-4, 3.0, 0.05

    def update(w):
        measured = (loss(w + h, x, 2 * x) - loss(w - h, x, 2 * x)) / (2 * h)
        return w - lr * measured

    assert (update(w + h) - update(w - h)) / (2 * h) == pytest.approx(
        factor(x, lr), abs=1e-5
    )


def test_epoch_factor_of_the_article_is_known_by_hand():
    assert epoch_factor(XS, lr=0.01) == pytest.approx(0.98 * 0.92 * 0.82)


def test_an_epoch_of_nothing_leaves_the_error_as_it_is():
    assert epoch_factor([], lr=0.01) == 1


@pytest.mark.parametrize("lr", [0.0001, 0.01, 0.1, 0.2, 0.21, 0.5])
def test_prediction_equals_the_run_to_twelve_decimals(lr):
    predicted = predict(1.0, 2.0, XS, lr=lr, epochs=100)
    steps = descend(1.0, XS, YS, lr=lr, epochs=100)
    assert len(predicted) == len(steps) == 300
    assert predicted == pytest.approx([s.w for s in steps], rel=1e-12, abs=1e-12)


def test_prediction_holds_from_any_start_to_any_goal():
    steps = descend(7.0, XS, [-3 * x for x in XS], lr=0.02, epochs=20)
    predicted = predict(7.0, -3.0, XS, lr=0.02, epochs=20)
    assert predicted == pytest.approx([s.w for s in steps], abs=1e-12)


def test_float32_ends_where_the_article_printed_it():
    end = descend(torch.tensor(1.0), XS, YS, lr=0.01, epochs=100)[-1]
    assert (end.w * 4).item() == 7.999998569488525
    assert end.loss.item() == 9.094947017729282e-13


def test_float32_moves_last_in_epoch_fifty():
    steps = descend(torch.tensor(1.0), XS, YS, lr=0.01, epochs=100)
    weights = [step.w.item() for step in steps]
    assert weights[148] != weights[149]
    assert len(set(weights[149:])) == 1


@pytest.mark.parametrize("x", [0.1, 1.0, -3.0, 40.0])
def test_largest_rate_of_one_sample_is_one_over_its_square(x):
    assert largest_rate([x]) == pytest.approx(1 / x**2)


@pytest.mark.parametrize(
    "xs", [XS, [1.0, 10.0], [2.0, 2.0], [1.0, 1.1, 1.2, 5.0], [0.0, -1.0, 4.0]]
)
def test_every_smaller_rate_converges_and_the_largest_does_not(xs):
    bound = largest_rate(xs)
    rates = [bound * n / 1000 for n in range(1, 1000)]
    assert all(abs(epoch_factor(xs, lr)) < 1 for lr in rates)
    assert abs(epoch_factor(xs, bound)) == pytest.approx(1)
    assert abs(epoch_factor(xs, bound * 1.001)) > 1


def test_largest_rate_of_the_article_is_the_root_found_on_paper():
    # (1 - 2r)(1 - 8r)(1 - 18r) = 1 without r = 0: 288 r^2 - 196 r + 28 = 0
    assert largest_rate(XS) == pytest.approx(
        (196 - math.sqrt(196**2 - 4 * 288 * 28)) / (2 * 288)
    )


def test_ten_times_the_input_is_a_hundredth_of_the_rate():
    tenfold = largest_rate([10 * x for x in XS])
    assert tenfold == pytest.approx(largest_rate(XS) / 100)


def test_order_of_the_samples_does_not_matter():
    assert largest_rate(XS[::-1]) == pytest.approx(largest_rate(XS))


@pytest.mark.parametrize("xs", [[], [0.0], [0.0, 0.0]])
def test_inputs_without_a_slope_are_refused(xs):
    message = f"xs must hold a number other than 0, got {xs}"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        largest_rate(xs)


def test_an_input_too_large_to_square_overflows():
    with pytest.raises(OverflowError):
        factor(1e155, lr=0.01)
