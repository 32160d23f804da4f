"""Weights that fit a model whether or not either of them carries a prefix.

`DistributedDataParallel` keeps the model it wraps in an attribute called `module`, so
every name in its state dict starts with `module.`; `torch.compile` does the same with
`_orig_mod.`. A *state dict* maps names to tensors.
"""

from collections import OrderedDict
from collections.abc import Callable, Mapping
from os import PathLike
from typing import Any

import torch
from torch import nn


def add_prefix(state: Mapping[str, Any], prefix: str = "module.") -> dict[str, Any]:
    """Put a prefix before every name, as wrapping the model would.

    Args:
        state: Names to tensors, of any shapes. It is left as it is.
        prefix: What to put in front, with its dot.

    Returns:
        The same tensors, not copied, under their longer names.

    Raises:
        Nothing: A name that starts with the prefix gets a second one.

    Examples:
        >>> from chainrule.checkpoint import add_prefix
        >>> dict(add_prefix({"out.bias": 0.5}))
        {'module.out.bias': 0.5}
    """
    return _rename(state, lambda key: prefix + key)


def strip_prefix(state: Mapping[str, Any], prefix: str = "module.") -> dict[str, Any]:
    """Take a prefix off the front of every name, once, and nowhere else.

    Args:
        state: Names to tensors, of any shapes. It is left as it is.
        prefix: What to take away, with its dot.

    Returns:
        The same tensors, not copied, under their shorter names.

    Raises:
        ValueError: If a name does not start with the prefix.

    Examples:
        >>> from chainrule.checkpoint import strip_prefix
        >>> dict(strip_prefix({"module.submodule.bias": 0.5}))
        {'submodule.bias': 0.5}
    """
    bare = [key for key in state if not key.startswith(prefix)]
    if bare:
        raise ValueError(f"every name must start with {prefix}, got {', '.join(bare)}")
    return _rename(state, lambda key: key.removeprefix(prefix))


def load(model: nn.Module, path: str | PathLike[str], prefix: str = "module.") -> None:
    """Copy the weights in a file into a model, with or without the prefix on either.

    Names and shapes are compared before the first number is copied.
    `torch.nn.Module.load_state_dict` compares shapes while it copies, and a model it
    refuses is left half changed.

    Args:
        model: Receives the weights in place, on the device where it is.
        path: A file written by `torch.save(model.state_dict(), path)`.
        prefix: What one of the two may have in front of every name.

    Returns:
        Nothing. The model has changed.

    Raises:
        TypeError: If the file holds something other than a dict.
        ValueError: If names or shapes differ, with all of them named.

    Examples:
        >>> from tempfile import TemporaryDirectory
        >>> import torch
        >>> from chainrule.checkpoint import load
        >>> model = torch.nn.Linear(1, 1, bias=False)
        >>> with TemporaryDirectory() as folder:
        ...     torch.save({"module.weight": torch.ones(1, 1)}, f"{folder}/many.pt")
        ...     load(model, f"{folder}/many.pt")
        >>> model(torch.tensor([2.0])).item()
        2.0
    """
    state = torch.load(path, map_location="cpu", weights_only=True)
    if not isinstance(state, dict):
        raise TypeError(f"{path} must hold a dict, got {type(state).__name__}")
    own = model.state_dict()
    forms = [state, add_prefix(state, prefix)]
    if all(key.startswith(prefix) for key in state):
        forms.append(strip_prefix(state, prefix))
    nearest = min(forms, key=lambda form: len(form.keys() ^ own.keys()))
    if misfits := _misfits(nearest, own):
        name = type(model).__name__
        raise ValueError(f"{path} does not fit {name}: {', '.join(misfits)}")
    model.load_state_dict(nearest)


def _misfits(state: Mapping[str, Any], own: Mapping[str, Any]) -> list[str]:
    """Say what keeps a state dict from fitting the model's own."""
    shared = [key for key in own if key in state]
    wanted = [(key, _shape(own[key]), _shape(state[key])) for key in shared]
    return [
        *(f"unknown {key}" for key in state if key not in own),
        *(f"missing {key}" for key in own if key not in state),
        *(f"{key} must be {a}, got {b}" for key, a, b in wanted if a != b),
    ]


def _shape(value: Any) -> tuple[int, ...] | str:
    """Return the shape of a tensor, the type of anything else."""
    return tuple(value.shape) if torch.is_tensor(value) else type(value).__name__


def _rename(state: Mapping[str, Any], new: Callable[[str], str]) -> dict[str, Any]:
    """Rename the tensors, and the layers whose format versions torch keeps beside."""
    renamed = OrderedDict((new(key), value) for key, value in state.items())
    layers = getattr(state, "_metadata", {})
    renamed._metadata = {
        new(f"{layer}." if layer else "")[:-1]: about for layer, about in layers.items()
    }
    return renamed
