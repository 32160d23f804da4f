"""A network with one hidden layer, differentiated by hand.

Shape letters: N examples, D inputs, H hidden units, K outputs. The gradient of `z`
is written `dz` and has the shape of `z`.
"""

from typing import NamedTuple

from torch import Tensor


class Params(NamedTuple):
    """What the network learns, or the gradient of the loss with respect to it.

    Attributes:
        w1: (H, D), the weights into the hidden layer.
        b1: (H,), its biases.
        w2: (K, H), the weights into the output.
        b2: (K,), its biases.
    """

    w1: Tensor
    b1: Tensor
    w2: Tensor
    b2: Tensor


class Trace(NamedTuple):
    """What the forward pass computes, or the gradient of the loss with respect to it.

    Attributes:
        x: (N, D), the input.
        z: (N, H), the hidden layer before ReLU.
        h: (N, H), the hidden layer after ReLU.
        y: (N, K), the prediction.
    """

    x: Tensor
    z: Tensor
    h: Tensor
    y: Tensor


def forward(params: Params, x: Tensor) -> Trace:
    r"""Run the network and keep every intermediate value.

    $$z = xW_1^\top + b_1 \qquad h = \max(z, 0) \qquad y = hW_2^\top + b_2$$

    Args:
        params: The network, in PyTorch's layout (out, in).
        x: (N, D), one example a row.

    Returns:
        Everything that `backward` needs; its `y` is the prediction.

    Raises:
        ValueError: If `x` is not (N, D).

    Examples:
        >>> from torch import ones, tensor
        >>> from chainrule.mlp import Params, forward
        >>> params = Params(2 * ones(1, 1), ones(1), 3 * ones(1, 1), ones(1))
        >>> forward(params, tensor([[1.0], [-1.0]])).y
        tensor([[10.],
                [ 1.]])
    """
    if x.ndim != 2 or x.shape[1] != params.w1.shape[1]:
        raise ValueError(f"x must be (N, {params.w1.shape[1]}), got {tuple(x.shape)}")
    z = x @ params.w1.T + params.b1  # (N, H)
    h = z.clamp(min=0)  # (N, H)
    y = h @ params.w2.T + params.b2  # (N, K)
    return Trace(x, z, h, y)


def loss(y: Tensor, target: Tensor) -> Tensor:
    r"""Average the squared distance between prediction and target.

    $$L = \frac{1}{NK} \sum_{n,k} (y_{nk} - t_{nk})^2$$

    Args:
        y: (N, K), the prediction.
        target: (N, K), what it should have been.

    Returns:
        (), one number.

    Raises:
        ValueError: If the shapes differ, which broadcasting would hide.

    Examples:
        >>> from torch import tensor
        >>> from chainrule.mlp import loss
        >>> loss(tensor([[9.0], [1.0]]), tensor([[7.0], [1.0]]))
        tensor(2.)
    """
    if y.shape != target.shape:
        raise ValueError(f"target must be {tuple(y.shape)}, got {tuple(target.shape)}")
    return (y - target).square().mean()


def backward(params: Params, trace: Trace, target: Tensor) -> tuple[Params, Trace]:
    r"""Differentiate the loss by the chain rule, from the output to the input.

    $$dy = \tfrac{2}{NK}(y - t) \qquad dW_2 = dy^\top h \qquad dh = dy\,W_2$$

    $$dz = dh \odot [z > 0] \qquad dW_1 = dz^\top x \qquad dx = dz\,W_1$$

    Args:
        params: The network.
        trace: What `forward(params, x)` returned.
        target: (N, K), what the prediction should have been.

    Returns:
        The gradient of each parameter, and that of each value in the trace.

    Raises:
        ValueError: If `target` does not have the shape of the prediction.

    Examples:
        >>> from torch import ones
        >>> from chainrule.mlp import Params, backward, forward
        >>> params = Params(2 * ones(1, 1), ones(1), 3 * ones(1, 1), ones(1))
        >>> trace = forward(params, ones(1, 1))
        >>> gradients, _ = backward(params, trace, target=8 * ones(1, 1))
        >>> gradients.w2, gradients.w1
        (tensor([[12.]]), tensor([[12.]]))
    """
    y = trace.y
    if y.shape != target.shape:
        raise ValueError(f"target must be {tuple(y.shape)}, got {tuple(target.shape)}")
    dy = 2 * (y - target) / y.numel()  # (N, K)
    dw2 = dy.T @ trace.h  # (K, H)
    db2 = dy.sum(dim=0)  # (K,)
    dh = dy @ params.w2  # (N, H)
    dz = dh.where(trace.z > 0, 0)  # (N, H)
    dw1 = dz.T @ trace.x  # (H, D)
    db1 = dz.sum(dim=0)  # (H,)
    dx = dz @ params.w1  # (N, D)
    return Params(dw1, db1, dw2, db2), Trace(dx, dz, dh, dy)
