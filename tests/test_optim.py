"""The optimizers by hand against torch.optim, bit for bit, and against sums."""

import re

import pytest
import torch
from torch import nn

from chainrule.optim import Moments, adam, momentum

STEPS = 200


def network(dtype=torch.float32):
    torch.manual_seed(666)
    x = torch.linspace(-1, 1, 10, dtype=dtype).unsqueeze(1)
    target = x**2 + 0.2 * torch.rand(10, 1, dtype=dtype)
    net = nn.Sequential(nn.Linear(1, 10), nn.ReLU(), nn.Linear(10, 1)).to(dtype)
    return [p.detach() for p in net.parameters()], x, target


def gradients(params, x, target):
    w1, b1, w2, b2 = leaves = [p.detach().requires_grad_() for p in params]
    y = torch.relu(x @ w1.T + b1) @ w2.T + b2
    return torch.autograd.grad(nn.functional.mse_loss(y, target), leaves)


def zeros(params):
    return [torch.zeros_like(p) for p in params]


def differing(step, state, make, dtype=torch.float32):
    """Run both on the same problem; return the numbers of the steps that differ."""
    params, x, target = network(dtype)
    theirs = [p.clone().requires_grad_() for p in params]
    optimizer = make(theirs)
    found = []
    for number in range(STEPS):
        params, state = step(params, gradients(params, x, target), state)
        for p, g in zip(theirs, gradients(theirs, x, target), strict=True):
            p.grad = g
        optimizer.step()
        if not all(map(torch.equal, params, theirs)):
            found.append(number)
    assert not torch.equal(params[0], network(dtype)[0][0])
    return found


@pytest.mark.parametrize("foreach", [False, True])
@pytest.mark.parametrize("nesterov", [False, True])
@pytest.mark.parametrize("lr", [0.5, 0.1])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_momentum_is_torch_sgd_to_the_last_bit(lr, nesterov, foreach, dtype):
    options = {"lr": lr, "nesterov": nesterov}
    different = differing(
        lambda w, g, v: momentum(w, g, v, mu=0.9, **options),
        zeros(network(dtype)[0]),
        lambda w: torch.optim.SGD(w, momentum=0.9, foreach=foreach, **options),
        dtype,
    )
    assert different == []


@pytest.mark.parametrize("foreach", [False, True])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_adam_is_torch_adam_to_the_last_bit(foreach, dtype):
    state = Moments(zeros(network(dtype)[0]), zeros(network(dtype)[0]), 0)
    different = differing(
        lambda w, g, s: adam(w, g, s, lr=0.05),
        state,
        lambda w: torch.optim.Adam(w, lr=0.05, foreach=foreach),
        dtype,
    )
    assert different == []


def test_adam_takes_its_three_constants_as_torch_does():
    state = Moments(zeros(network()[0]), zeros(network()[0]), 0)
    options = {"lr": 0.02, "eps": 1e-3}
    different = differing(
        lambda w, g, s: adam(w, g, s, beta1=0.7, beta2=0.95, **options),
        state,
        lambda w: torch.optim.Adam(w, betas=(0.7, 0.95), **options),
    )
    assert different == []


def test_without_momentum_it_is_plain_sgd_to_the_last_bit():
    different = differing(
        lambda w, g, v: momentum(w, g, v, lr=0.1, mu=0.0),
        zeros(network()[0]),
        lambda w: torch.optim.SGD(w, lr=0.1),
    )
    assert different == []


def test_the_velocity_is_the_decayed_sum_of_all_gradients():
    grads = [2.0, -3.0, 5.0]
    w, v = [torch.tensor(1.0)], [torch.tensor(0.0)]
    for g in grads:
        w, v = momentum(w, [torch.tensor(g)], v, lr=0.25, mu=0.5)
    velocities = [2.0, -3.0 + 0.5 * 2, 5.0 - 0.5 * 3 + 0.25 * 2]
    assert v[0].item() == velocities[-1]
    assert w[0].item() == 1 - 0.25 * sum(velocities)


def test_nesterov_steps_by_the_gradient_and_the_velocity_to_come():
    w, v = momentum(
        [torch.tensor(1.0)],
        [torch.tensor(2.0)],
        [torch.tensor(4.0)],
        lr=0.25,
        mu=0.5,
        nesterov=True,
    )
    assert v[0].item() == 0.5 * 4 + 2
    assert w[0].item() == 1 - 0.25 * (2 + 0.5 * 4)


def test_nesterov_is_the_look_ahead_of_sutskever():
    """The paper's slope is taken at w + mu v; PyTorch keeps that point instead of w."""
    slope, lr, mu = torch.tensor([0.2, 4.0], dtype=torch.float64), 0.1, 0.9
    point = torch.tensor([-5.0, -2.0], dtype=torch.float64)
    ahead, velocity = [point], [torch.zeros_like(point)]
    theta, v = point, torch.zeros_like(point)
    for _ in range(20):
        ahead, velocity = momentum(
            ahead, [slope * ahead[0]], velocity, lr=lr, mu=mu, nesterov=True
        )
        v = mu * v - lr * slope * (theta + mu * v)
        theta = theta + v
        torch.testing.assert_close(ahead[0], theta + mu * v)


def test_the_first_step_of_adam_is_the_learning_rate_whatever_the_gradient():
    w, g = torch.zeros(4), torch.tensor([1e-3, -2.0, 1e6, 0.0])
    (moved,), moments = adam([w], [g], Moments([w], [w], 0), lr=0.25)
    assert moved.tolist() == pytest.approx([-0.25, 0.25, -0.25, 0.0], abs=1e-5)
    assert moments.t == 1


def test_adam_follows_its_formula():
    w, m, v = (torch.tensor(n, dtype=torch.float64) for n in (1.0, 0.5, 2.0))
    (moved,), moments = adam(
        [w], [torch.full_like(w, 3.0)], Moments([m], [v], 4), lr=0.1
    )
    mean, square = 0.9 * 0.5 + 0.1 * 3, 0.999 * 2 + 0.001 * 9
    step = mean / (1 - 0.9**5) / ((square / (1 - 0.999**5)) ** 0.5 + 1e-8)
    assert moments.m[0].item() == pytest.approx(mean)
    assert moments.v[0].item() == pytest.approx(square)
    assert moved.item() == pytest.approx(1 - 0.1 * step)
    assert moments.t == 5


def test_what_is_given_stays_as_it_was():
    params, x, target = network()
    grads = gradients(params, x, target)
    velocity = [torch.ones_like(p) for p in params]
    given = [*params, *grads, *velocity]
    before = [tensor.clone() for tensor in given]
    momentum(params, grads, velocity, lr=0.5, mu=0.9, nesterov=True)
    adam(params, grads, Moments(velocity, velocity, 0), lr=0.5)
    assert all(map(torch.equal, given, before))


@pytest.mark.parametrize("shapes", [[], [(2, 1)], [(1, 2), (3,)], [(2, 1), (3,), (1,)]])
def test_tensors_that_do_not_match_are_refused(shapes):
    params = [torch.zeros(2, 1), torch.zeros(3)]
    other = [torch.zeros(shape) for shape in shapes]
    text = f"must have the shapes [(2, 1), (3,)], got {shapes}"
    for name, call in {
        "grads": lambda: momentum(params, other, params, lr=1, mu=0),
        "velocity": lambda: momentum(params, params, other, lr=1, mu=0),
        "m": lambda: adam(params, params, Moments(other, params, 0), lr=1),
        "v": lambda: adam(params, params, Moments(params, other, 0), lr=1),
    }.items():
        with pytest.raises(ValueError, match=f"^{re.escape(f'{name} {text}')}$"):
            call()
    with pytest.raises(ValueError, match=f"^{re.escape(f'grads {text}')}$"):
        adam(params, other, Moments(params, params, 0), lr=1)
