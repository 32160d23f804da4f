"""A batch in parts against the whole batch, and the order of the calls."""

import re

import pytest
import torch
from torch.nn.functional import cross_entropy

from chainrule.accumulation import accumulate, shares, train

XS = torch.tensor([1.0, 2.0, 3.0, 4.0])
YS = 2 * XS


def path(order="zero_grad forward backward step", epochs=10, lr=0.01, **options):
    return train(order, 1.0, XS, YS, epochs=epochs, lr=lr, **options)


def network(dtype=torch.float64):
    generator = torch.Generator().manual_seed(0)
    shapes = ((5, 3), (5,), (1, 5))
    w1, b1, w2 = (torch.randn(s, generator=generator, dtype=dtype) for s in shapes)
    x = torch.randn(10, 3, generator=generator, dtype=dtype)  # (N, D)
    y = torch.randn(10, 1, generator=generator, dtype=dtype)  # (N, K)
    params = [p.requires_grad_() for p in (w1, b1, w2)]
    return params, x, y


def network_loss(params, x, y):
    w1, b1, w2 = params
    return ((torch.tanh(x @ w1.T + b1) @ w2.T - y) ** 2).mean()


def parts(x, y, sizes):
    return list(zip(x.split(sizes), y.split(sizes), strict=True))


def on_a_line(w):
    return lambda x, y: ((w * x - y) ** 2).mean()


@pytest.mark.parametrize("sizes", [[10], [5, 5], [4, 4, 2], [1, 9], [1] * 10])
def test_parts_of_any_size_equal_one_backward_over_the_whole(sizes):
    params, x, y = network()
    whole = network_loss(params, x, y)
    expected = torch.autograd.grad(whole, params)
    result = accumulate(
        lambda x, y: network_loss(params, x, y), params, parts(x, y, sizes)
    )
    torch.testing.assert_close(result.gradients, expected)
    torch.testing.assert_close(result.loss, whole.detach())


def test_parts_equal_central_differences():
    params, x, y = network()
    found = accumulate(
        lambda x, y: network_loss(params, x, y), params, parts(x, y, [7, 3])
    ).gradients
    h = 1e-6
    for place, param in enumerate(params):
        for entry in range(param.numel()):
            bump = torch.zeros_like(param)
            bump.view(-1)[entry] = h
            with torch.no_grad():
                ends = [
                    network_loss(
                        [p + s * bump if p is param else p for p in params], x, y
                    )
                    for s in (1, -1)
                ]
            slope = (ends[0] - ends[1]) / (2 * h)
            torch.testing.assert_close(
                found[place].view(-1)[entry], slope, rtol=1e-6, atol=1e-8
            )


def test_three_and_one_samples_give_the_gradient_by_hand():
    w = torch.tensor(1.0, requires_grad=True)
    result = accumulate(on_a_line(w), [w], parts(XS, YS, [3, 1]))
    assert result.gradients[0].item() == pytest.approx((-2 - 8 - 18 - 32) / 4)
    assert result.loss.item() == pytest.approx((1 + 4 + 9 + 16) / 4)


def test_the_mean_of_unequal_means_is_another_number():
    w = torch.tensor(1.0, requires_grad=True)
    batches = parts(XS, YS, [3, 1])
    result = accumulate(on_a_line(w), [w], batches, size=lambda y: 1)
    assert result.gradients[0].item() == pytest.approx(((-2 - 8 - 18) / 3 - 32) / 2)


def test_grad_attributes_and_parameters_stay_as_they_were():
    w = torch.tensor(1.0, requires_grad=True)
    w.grad = torch.tensor(7.0)
    result = accumulate(on_a_line(w), [w], parts(XS, YS, [2, 2]))
    assert (w.item(), w.grad.item()) == (1.0, 7.0)
    assert not result.loss.requires_grad
    assert not result.gradients[0].requires_grad


def test_a_parameter_that_is_not_used_gets_zeros():
    w = torch.tensor(1.0, requires_grad=True)
    idle = torch.ones(2, requires_grad=True)
    result = accumulate(on_a_line(w), [w, idle], parts(XS, YS, [2, 2]))
    assert torch.equal(result.gradients[1], torch.zeros(2))


def test_masked_targets_are_weighted_by_what_is_left():
    logits = torch.zeros(8, 3, dtype=torch.float64, requires_grad=True)
    targets = torch.tensor([0, -100, -100, -100, 1, 1, 1, 2])
    rows = torch.arange(8)
    (whole,) = torch.autograd.grad(cross_entropy(logits, targets), [logits])
    result = accumulate(
        lambda x, y: cross_entropy(logits[x], y),
        [logits],
        parts(rows, targets, [4, 4]),
        size=lambda y: int((y != -100).sum()),
    )
    torch.testing.assert_close(result.gradients[0], whole)


def test_a_part_whose_targets_are_all_masked_is_skipped():
    logits = torch.zeros(4, 3, requires_grad=True)
    targets = torch.tensor([-100, -100, 1, 2])
    result = accumulate(
        lambda x, y: cross_entropy(logits[x], y),
        [logits],
        parts(torch.arange(4), targets, [2, 2]),
        size=lambda y: int((y != -100).sum()),
    )
    assert torch.isfinite(result.gradients[0]).all()
    assert result.loss.item() == pytest.approx(1.0986123)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_dtype_of_the_parameters_is_kept(dtype):
    w = torch.tensor(1.0, dtype=dtype, requires_grad=True)
    result = accumulate(on_a_line(w), [w], parts(XS.to(dtype), YS.to(dtype), [3, 1]))
    assert result.loss.dtype == dtype
    assert result.gradients[0].dtype == dtype


def test_a_loss_of_many_numbers_is_refused():
    w = torch.tensor(1.0, requires_grad=True)
    with pytest.raises(ValueError, match=re.escape("loss must be (), got (2,)")):
        accumulate(lambda x, y: (w * x - y) ** 2, [w], parts(XS, YS, [2, 2]))


@pytest.mark.parametrize("sizes", [[], [0], [0, 0]])
def test_shares_of_nothing_are_refused(sizes):
    message = re.escape(f"sizes must sum to at least 1, got {sizes}")
    with pytest.raises(ValueError, match=f"^{message}$"):
        shares(sizes)


def test_shares_sum_to_one():
    assert sum(shares([4, 4, 2])) == pytest.approx(1.0)
    assert shares([4, 4, 2]) == [0.4, 0.4, 0.2]


def test_zeroing_in_three_places_gives_the_same_weights_bit_for_bit():
    first = path("zero_grad forward backward step")
    assert len(first) == 40
    assert path("forward zero_grad backward step") == first
    assert path("forward backward step zero_grad") == first


def test_the_weights_are_those_of_the_rule_by_hand():
    w, expected = 1.0, []
    for _ in range(10):
        for x in (1.0, 2.0, 3.0, 4.0):
            w -= 0.01 * 2 * x * (w * x - 2 * x)
            expected.append(w)
    assert path() == pytest.approx(expected, abs=1e-6)


def test_zeroing_before_the_step_leaves_the_weight_where_it_was():
    assert path("forward backward zero_grad step") == [1.0] * 40


def test_forgetting_to_zero_is_momentum_one_bit_for_bit():
    forgotten = path("forward backward step")
    assert forgotten == path(momentum=1.0)
    assert forgotten != path()


def test_forgetting_to_zero_sums_all_gradients_so_far():
    w, total, expected = 1.0, 0.0, []
    for x in (1.0, 2.0, 3.0, 4.0):
        total += 2 * x * (w * x - 2 * x)
        w -= 0.01 * total
        expected.append(w)
    assert path("forward backward step", epochs=1) == pytest.approx(expected, abs=1e-6)


def test_an_unknown_call_is_refused():
    message = "order must name zero_grad, forward, backward or step, got 'stop'"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        path("forward stop")


def test_inputs_and_targets_of_different_length_are_refused():
    message = re.escape("xs and ys must be (N,) both, got 4 and 3")
    with pytest.raises(ValueError, match=f"^{message}$"):
        train("forward", 1.0, XS, YS[:3], lr=0.01, epochs=1)
