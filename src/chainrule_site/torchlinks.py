"""Finds where the documentation of PyTorch describes a name, by rule and offline."""

import contextlib
import inspect
import json
import pydoc
from collections.abc import Iterable
from functools import cache
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path

SITE = "https://docs.pytorch.org/docs"
OWN = "generated/{}"
"""The page that Sphinx makes for a single name: the rule for most of PyTorch."""
OTHER_NAMES = {
    "torch.autograd.gradcheck": "torch.autograd.gradcheck.gradcheck",
    "torch.inference_mode": "torch.autograd.grad_mode.inference_mode",
    "torch.multiprocessing.spawn": "torch.multiprocessing.spawn.spawn",
    "torch.nn.Flatten": "torch.nn.modules.flatten.Flatten",
    "torch.nn.Parameter": "torch.nn.parameter.Parameter",
    "torch.relu": "torch.nn.functional.relu",  # does the same, and is described
    "torch.set_grad_enabled": "torch.autograd.grad_mode.set_grad_enabled",
}
"""The name under which something is described, if it is another one."""
PAGES = {
    "torch.Tensor": "tensors",
    "torch.Tensor.": OWN,
    "torch.Tensor.grad_fn": "autograd#autograd-graph",  # described in passing
    "torch.amp.": "amp",
    "torch.amp.GradScaler": "amp#gradient-scaling",  # described in passing
    "torch.autocast": "amp",
    "torch.autograd.Function": "autograd",
    "torch.autograd.Function.": OWN,
    "torch.autograd.detect_anomaly": "autograd",
    "torch.autograd.function.FunctionCtx": "autograd",
    "torch.autograd.function.FunctionCtx.": OWN,
    "torch.autograd.graph.": "autograd",
    "torch.autograd.graph.Node": "autograd#autograd-graph",  # described in passing
    "torch.autograd.graph.Node.": OWN,
    "torch.autograd.graph.increment_version": OWN,
    "torch.autograd.set_detect_anomaly": "autograd",
    "torch.device": "tensor_attributes",
    "torch.distributed.": "distributed",
    "torch.dtype": "tensor_attributes",
    "torch.multiprocessing.": "multiprocessing",
    "torch.nn.functional": "nn.functional",
    "torch.nn.init.": "nn.init",
    "torch.nn.modules.utils.": "nn.aliases",
    "torch.optim.Optimizer": "optim",
    "torch.optim.Optimizer.": OWN,
    "torch.random.": "random",
    "torch.serialization.": "notes/serialization",
    "torch.utils.checkpoint.": "checkpoint",
    "torch.utils.data.": "data",
}
"""The page of a name or, where a dot ends it, of all below it; the longest counts."""


@cache
def url(name: str) -> str | None:
    """Return the address for a full name, or None if this PyTorch has no such name.

    >>> from chainrule_site.torchlinks import url
    >>> url("torch.save")
    'https://docs.pytorch.org/docs/2.13/generated/torch.save.html#torch.save'
    >>> url("torch.svae") is None
    True
    """
    parts = name.split(".")
    if parts[0] != "torch" or not all(part.isidentifier() for part in parts):
        return None
    try:
        found = pydoc.locate(name)
    except pydoc.ErrorDuringImport:  # this part of PyTorch wants another package
        return None
    if found is None:
        return None
    import torch

    docs = f"{SITE}/{'.'.join(torch.__version__.split('.')[:2])}"
    if inspect.ismodule(found):
        return f"{docs}/{_listed(name) or (parts[1:] or parts)[0]}.html"
    if isinstance(found, torch.dtype):
        name = "torch.dtype"
    name = OTHER_NAMES.get(name, name)
    owner, _, member = name.rpartition(".")
    if not inspect.isclass(pydoc.locate(owner)):
        owner = name
    elif found is getattr(torch.nn.Module, member, None):  # layers do not repeat it
        owner, name = "torch.nn.Module", f"torch.nn.Module.{member}"
    page, _, section = (_listed(name) or OWN.format(owner)).partition("#")
    return f"{docs}/{page}.html#{section or name}"


def urls(names: Iterable[str], file: Path) -> dict[str, str]:
    """Return the address for each name that this PyTorch has.

    Looking names up means importing PyTorch, so what was found is kept in a file, for
    as long as the installed version and the rule of this module are the same.
    """
    made_by = [version("torch"), sha256(Path(__file__).read_bytes()).hexdigest()]
    try:
        kept = json.loads(file.read_text())
        known = kept["urls"] if kept["made_by"] == made_by else {}
    except (OSError, ValueError, KeyError, TypeError):
        known = {}
    if new := {
        name: found for name in names if name not in known and (found := url(name))
    }:
        known = dict(sorted((known | new).items()))
        with contextlib.suppress(OSError):
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(json.dumps({"made_by": made_by, "urls": known}))
    return {name: known[name] for name in names if name in known}


def _listed(name):
    parts = name.split(".")
    above = [".".join(parts[:n]) + "." for n in range(len(parts), 1, -1)]
    pages = [PAGES[key] for key in [name, *above] if key in PAGES]
    return pages[0].format(name) if pages else None
