"""The gradients by hand against autograd, central differences and an article."""

import re

import pytest
import torch
from torch import nn

from chainrule.mlp import Params, Trace, backward, forward, loss
from chainrule.optim import momentum


def article():
    """Build the 1-10-1 network and its ten points as the article seeds them."""
    torch.manual_seed(666)
    x = torch.linspace(-1, 1, 10).unsqueeze(1)
    target = x**2 + 0.2 * torch.rand(10, 1)
    net = nn.Sequential(nn.Linear(1, 10), nn.ReLU(), nn.Linear(10, 1))
    return net, x, target


def of(net):
    return Params(*(p.detach() for p in net.parameters()))


def sizes(n, d, h, k, dtype=torch.float64):
    """Build a network whose four sizes differ, so that no two shapes are alike."""
    generator = torch.Generator().manual_seed(0)
    shapes = ((h, d), (h,), (k, h), (k,), (n, d), (n, k))
    drawn = [torch.randn(s, generator=generator, dtype=dtype) for s in shapes]
    return Params(*drawn[:4]), *drawn[4:]


def by_autograd(params, x, target):
    """Differentiate PyTorch's own layers and loss with respect to every value."""
    leaves = [p.clone().requires_grad_() for p in (*params, x)]
    z = nn.functional.linear(leaves[4], leaves[0], leaves[1])
    h = torch.relu(z)
    y = nn.functional.linear(h, leaves[2], leaves[3])
    error = nn.functional.mse_loss(y, target)
    found = torch.autograd.grad(error, [*leaves, z, h, y])
    return Params(*found[:4]), Trace(*found[4:])


def test_forward_is_the_network_of_pytorch():
    net, x, _ = article()
    trace = forward(of(net), x)
    torch.testing.assert_close(trace.z, net[0](x).detach())
    torch.testing.assert_close(trace.h, net[:2](x).detach())
    torch.testing.assert_close(trace.y, net(x).detach())


def test_loss_is_the_mean_squared_error_of_pytorch():
    _, _, target = sizes(7, 3, 5, 2)
    y = target.flip(0)
    assert loss(y, target) == nn.functional.mse_loss(y, target)


@pytest.mark.parametrize("shape", [(7, 3, 5, 2), (1, 1, 1, 1), (10, 1, 10, 1)])
def test_every_gradient_equals_autograd(shape):
    params, x, target = sizes(*shape)
    found = backward(params, forward(params, x), target)
    torch.testing.assert_close(found, by_autograd(params, x, target))


def test_the_gradients_of_the_article_equal_autograd():
    net, x, target = article()
    found = backward(of(net), forward(of(net), x), target)
    torch.testing.assert_close(found, by_autograd(of(net), x, target))


def test_a_unit_at_exactly_zero_passes_nothing_back_as_in_pytorch():
    params, x, target = sizes(4, 1, 3, 1)
    params = params._replace(b1=-params.w1[:, 0] * x[0])
    trace = forward(params, x)
    assert torch.equal(trace.z[0], torch.zeros(3, dtype=torch.float64))
    found = backward(params, trace, target)
    assert torch.equal(found[1].z[0], torch.zeros(3, dtype=torch.float64))
    torch.testing.assert_close(found, by_autograd(params, x, target))


@pytest.mark.parametrize("name", [*Params._fields, "x"])
def test_every_gradient_equals_central_differences(name):
    params, x, target = sizes(7, 3, 5, 2)
    gradients, slopes = backward(params, forward(params, x), target)
    found = slopes.x if name == "x" else getattr(gradients, name)
    at = x if name == "x" else getattr(params, name)

    def loss_at(moved):
        if name == "x":
            return loss(forward(params, moved).y, target)
        return loss(forward(params._replace(**{name: moved}), x).y, target)

    step = 1e-6
    for entry in range(at.numel()):
        bump = torch.zeros_like(at)
        bump.view(-1)[entry] = step
        slope = (loss_at(at + bump) - loss_at(at - bump)) / (2 * step)
        torch.testing.assert_close(
            found.reshape(-1)[entry], slope, rtol=1e-6, atol=1e-8
        )


def test_the_numbers_are_those_the_article_prints():
    net, x, target = article()
    trace = forward(of(net), x)
    gradients, _ = backward(of(net), trace, target)
    assert trace.y[:3, 0].tolist() == pytest.approx([0.1421, 0.1106, 0.0757], abs=5e-5)
    assert gradients.w1[:4, 0].tolist() == pytest.approx(
        [-0.0272, 0, 0.0512, 0.0158], abs=5e-5
    )
    assert gradients.w2[0, 2:4].tolist() == pytest.approx(
        [-0.32279, -0.73368], abs=5e-6
    )


def test_two_steps_by_hand_are_two_steps_of_pytorch():
    net, x, target = article()
    params = Params(*(p.clone() for p in of(net)))
    velocity = [torch.zeros_like(p) for p in params]
    optimizer = torch.optim.SGD(net.parameters(), lr=0.5, momentum=0.9)
    for _ in range(2):
        gradients, _ = backward(params, forward(params, x), target)
        moved, velocity = momentum(params, gradients, velocity, lr=0.5, mu=0.9)
        params = Params(*moved)
        optimizer.zero_grad()
        nn.functional.mse_loss(net(x), target).backward()
        optimizer.step()
    torch.testing.assert_close(params, of(net))


def test_a_unit_that_no_point_reaches_has_no_gradient():
    net, x, target = article()
    trace = forward(of(net), x)
    gradients, _ = backward(of(net), trace, target)
    silent = (trace.z <= 0).all(dim=0)
    assert silent.nonzero().flatten().tolist() == [1, 4, 6, 7]
    for gradient in (gradients.w1[:, 0], gradients.b1, gradients.w2[0]):
        assert torch.equal(gradient == 0, silent)


def test_what_is_given_stays_as_it_was():
    params, x, target = sizes(7, 3, 5, 2)
    before = [p.clone() for p in (*params, x, target)]
    backward(params, forward(params, x), target)
    assert all(map(torch.equal, (*params, x, target), before))


@pytest.mark.parametrize("shape", [(10,), (10, 2), (1, 10, 1)])
def test_an_input_of_another_shape_is_refused(shape):
    params, _, _ = sizes(10, 1, 3, 1)
    message = re.escape(f"x must be (N, 1), got {shape}")
    with pytest.raises(ValueError, match=f"^{message}$"):
        forward(params, torch.zeros(shape, dtype=torch.float64))


def test_a_target_that_would_broadcast_is_refused():
    params, x, target = sizes(10, 1, 3, 1)
    trace = forward(params, x)
    message = re.escape("target must be (10, 1), got (10,)")
    with pytest.raises(ValueError, match=f"^{message}$"):
        loss(trace.y, target.flatten())
    with pytest.raises(ValueError, match=f"^{message}$"):
        backward(params, trace, target.flatten())
