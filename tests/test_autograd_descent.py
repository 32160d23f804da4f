"""The trace of autograd against the trace by hand, and against measured slopes."""

import re

import pytest
import torch

from chainrule.autograd_descent import descend_with_autograd
from chainrule.descent import descend, loss

XS = [1.0, 2.0, 3.0, 4.0]
YS = [2.0, 4.0, 6.0, 8.0]
EPS = torch.finfo(torch.float32).eps


def run(**changes):
    return descend_with_autograd(
        **({"w": 1.0, "xs": XS, "ys": YS, "lr": 0.01, "epochs": 10} | changes)
    )


def by_hand():
    return descend(1.0, XS, YS, lr=0.01, epochs=10)


def steps_off():
    pairs = zip(by_hand(), run(), strict=True)
    nearest_and_run = torch.tensor([(hand.w, step.w) for hand, step in pairs])
    return ((nearest_and_run[:, 1] - nearest_and_run[:, 0]) / EPS).int().tolist()


def test_float64_equals_the_hand_version_bit_for_bit():
    double = run(dtype=torch.float64)
    assert len(double) == 40
    for hand, step in zip(by_hand(), double, strict=True):
        assert (hand.x, hand.y, hand.prediction, hand.w) == (
            step.x,
            step.y,
            step.prediction,
            step.w,
        )
        assert step.loss == pytest.approx(hand.loss, rel=1e-15)


def test_float32_parts_at_the_third_update_and_meets_again_at_the_fourth():
    assert steps_off()[:4] == [0, 0, 1, 0]


def test_float32_stays_within_one_step_of_the_hand_version():
    assert {abs(steps) for steps in steps_off()} == {0, 1}


def test_prediction_and_loss_belong_to_the_new_weight():
    for x, y, prediction, error, w in run(dtype=torch.float64):
        assert prediction == w * x
        assert error == pytest.approx((w * x - y) ** 2, rel=1e-15)


def test_each_update_follows_the_measured_slope():
    lr, h, w = 0.01, 1e-6, 1.0
    for step in run(dtype=torch.float64):
        x, y = step.x, step.y
        measured = (loss(w + h, x, y) - loss(w - h, x, y)) / (2 * h)
        assert (w - step.w) / lr == pytest.approx(measured, rel=1e-6, abs=1e-8)
        w = step.w


def test_old_style_gives_the_same_float32_weights():
    w = torch.autograd.Variable(torch.Tensor([1.0]), requires_grad=True)
    old = []
    for _ in range(10):
        for x, y in zip(XS, YS, strict=True):
            loss(w, x, y).backward()
            w.data = w.data - 0.01 * w.grad.data
            w.grad.data.zero_()
            old.append(w.item())
    assert type(w) is torch.Tensor
    assert old == [step.w for step in run()]


def test_default_type_is_float32():
    assert run() == run(dtype=torch.float32)
    assert run() != run(dtype=torch.float64)


def test_steps_hold_plain_floats():
    assert {type(value) for step in run() for value in step} == {float}


def test_no_epochs_give_no_steps():
    assert run(epochs=0) == []


def test_arguments_are_left_as_they_were():
    xs, ys = [1.0, 2.0], [2.0, 4.0]
    run(xs=xs, ys=ys)
    assert (xs, ys) == ([1.0, 2.0], [2.0, 4.0])


def test_unequal_lengths_are_refused():
    with pytest.raises(
        ValueError, match=r"^xs and ys must be \(N,\) both, got 4 and 1$"
    ):
        run(ys=[2.0])


@pytest.mark.parametrize(
    ("dtype", "message"),
    [
        (
            torch.int64,
            "Only Tensors of floating point and complex dtype can require gradients",
        ),
        (
            torch.complex64,
            "grad can be implicitly created only for real scalar outputs "
            "but got torch.complex64",
        ),
    ],
)
def test_types_without_a_real_gradient_are_refused(dtype, message):
    with pytest.raises(RuntimeError, match=f"^{re.escape(message)}$"):
        run(dtype=dtype)


def test_autograd_switched_off_is_refused():
    message = "element 0 of tensors does not require grad and does not have a grad_fn"
    with torch.no_grad(), pytest.raises(RuntimeError, match=f"^{message}$"):
        run()
