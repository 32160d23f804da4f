"""Gradients of batches against autograd, measured slopes and all possible batches."""

import re
from itertools import combinations, product

import pytest
import torch

from chainrule.batches import (
    Line,
    batch_gradient,
    descend_batches,
    mean_loss,
    variance_of_mean,
)


def points(n=12, dtype=torch.float64):
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(n, generator=generator, dtype=dtype)
    return x, 3 * x + 0.8 + torch.rand(n, generator=generator, dtype=dtype)


def line(a=0.5, b=-1.0):
    return Line(*torch.tensor([a, b], dtype=torch.float64))


@pytest.mark.parametrize("n", [1, 2, 12])
def test_gradient_by_hand_equals_autograd(n):
    x, y = points(n)
    a, b = (value.clone().requires_grad_() for value in line())
    expected = torch.autograd.grad(mean_loss(Line(a, b), x, y), [a, b])
    torch.testing.assert_close(tuple(batch_gradient(line(), x, y)), expected)


def test_gradient_by_hand_equals_central_differences():
    x, y = points()
    h, (a, b) = 1e-6, line()
    found = batch_gradient(line(), x, y)
    da = mean_loss(Line(a + h, b), x, y) - mean_loss(Line(a - h, b), x, y)
    db = mean_loss(Line(a, b + h), x, y) - mean_loss(Line(a, b - h), x, y)
    torch.testing.assert_close(found.a, da / (2 * h), rtol=1e-7, atol=1e-8)
    torch.testing.assert_close(found.b, db / (2 * h), rtol=1e-7, atol=1e-8)


def test_loss_equals_that_of_torch():
    x, y = points()
    expected = torch.nn.functional.mse_loss(line().a * x + line().b, y)
    torch.testing.assert_close(mean_loss(line(), x, y), expected)


@pytest.mark.parametrize("n", [1, 2, 3, 11, 12])
def test_mean_over_all_batches_of_a_size_is_the_full_gradient(n):
    x, y = points()
    places = torch.tensor(list(combinations(range(12), n)))  # (batches, n)
    found = batch_gradient(line(), x[places], y[places])
    full = batch_gradient(line(), x, y)
    torch.testing.assert_close(found.a.mean(), full.a)
    torch.testing.assert_close(found.b.mean(), full.b)


@pytest.mark.parametrize("n", [1, 2, 4, 7])
def test_variance_without_replacement_is_that_over_all_batches(n):
    values = points(7)[1]
    means = values[torch.tensor(list(combinations(range(7), n)))].mean(-1)
    torch.testing.assert_close(
        variance_of_mean(values, n, replacement=False), means.var(correction=0)
    )


@pytest.mark.parametrize("n", [1, 2, 3, 5])
def test_variance_with_replacement_is_that_over_all_batches(n):
    values = points(4)[1]
    means = values[torch.tensor(list(product(range(4), repeat=n)))].mean(-1)
    torch.testing.assert_close(
        variance_of_mean(values, n, replacement=True), means.var(correction=0)
    )


def test_a_batch_of_all_samples_does_not_vary():
    values = points(7)[1]
    assert variance_of_mean(values, 7, replacement=False) == 0
    assert variance_of_mean(values, 7, replacement=True) > 0


def test_many_batches_at_once_equal_one_after_the_other():
    x, y = points()
    a, b = torch.tensor([[0.0], [1.0]]).double(), torch.tensor([[2.0], [3.0]]).double()
    rows = Line(a, b)
    found = batch_gradient(rows, x.reshape(2, 6), y.reshape(2, 6))
    for row, (px, py) in enumerate(zip(x.split(6), y.split(6), strict=True)):
        single = Line(a[row, 0], b[row, 0])
        expected = batch_gradient(single, px, py)
        torch.testing.assert_close((found.a[row], found.b[row]), tuple(expected))
        torch.testing.assert_close(
            mean_loss(rows, x.reshape(2, 6), y.reshape(2, 6))[row],
            mean_loss(single, px, py),
        )


@pytest.mark.parametrize("size", [1, 5, 12])
def test_descent_equals_torch_sgd(size):
    x, y = points()
    batches = torch.randperm(12, generator=torch.Generator().manual_seed(1)).split(size)
    params = [value.clone().requires_grad_() for value in line()]
    optimizer = torch.optim.SGD(params, lr=0.1)
    lines = descend_batches(line(), x, y, batches, lr=0.1)
    assert len(lines) == len(batches)
    for batch, after in zip(batches, lines, strict=True):
        optimizer.zero_grad()
        mean_loss(Line(*params), x[batch], y[batch]).backward()
        optimizer.step()
        torch.testing.assert_close(tuple(after), tuple(p.detach() for p in params))


def test_full_batches_end_at_least_squares():
    x, y = points()
    columns = torch.stack((x, torch.ones_like(x)), dim=1)
    best = torch.linalg.lstsq(columns, y[:, None]).solution.flatten()
    end = descend_batches(line(), x, y, [torch.arange(12)] * 2000, lr=0.7)[-1]
    torch.testing.assert_close(torch.stack(end), best, rtol=1e-8, atol=1e-8)


def test_arguments_are_left_as_they_were():
    x, y = points()
    first, copies = line(), (x.clone(), y.clone())
    descend_batches(first, x, y, [torch.arange(12)], lr=0.1)
    assert (first.a, first.b) == (0.5, -1.0)
    assert torch.equal(x, copies[0])
    assert torch.equal(y, copies[1])


def test_no_batches_give_no_lines():
    assert descend_batches(line(), *points(), [], lr=0.1) == []


@pytest.mark.parametrize(
    ("x_shape", "y_shape", "got"),
    [
        ((3,), (3, 1), "(3,) and (3, 1)"),
        ((3,), (2,), "(3,) and (2,)"),
        ((0,), (0,), "(0,) and (0,)"),
        ((), (), "() and ()"),
    ],
)
@pytest.mark.parametrize("function", [mean_loss, batch_gradient])
def test_batches_of_other_shapes_are_refused(function, x_shape, y_shape, got):
    message = f"x and y must be (n,) both, n above 0, got {got}"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        function(line(), torch.zeros(x_shape), torch.zeros(y_shape))


def test_a_place_past_the_end_is_refused():
    message = "index 12 is out of bounds for dimension 0 with size 12"
    with pytest.raises(IndexError, match=f"^{message}$"):
        descend_batches(line(), *points(), [torch.arange(10, 13)], lr=0.1)


@pytest.mark.parametrize(
    ("total", "n", "replacement"),
    [(3, 4, False), (3, 0, True), (1, 1, True), (0, 1, True)],
)
def test_variance_of_impossible_batches_is_refused(total, n, replacement):
    message = f"n must be a size of batches from {total} samples, got {n}"
    with pytest.raises(ValueError, match=f"^{message}$"):
        variance_of_mean(torch.zeros(total), n, replacement=replacement)
