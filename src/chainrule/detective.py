"""Name the line that saved an overwritten tensor, and the lines that overwrote it.

A hook sees each tensor that an operation saves, and again when backward asks for it. A
dispatch mode sees each operator, whose schema says which arguments it writes into.
"""

import linecache
import os
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from traceback import walk_stack
from weakref import WeakKeyDictionary, WeakSet

import torch
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks
from torch.utils._python_dispatch import TorchDispatchMode

TORCH = os.path.dirname(torch.__file__) + os.sep
MODIFIED = "one of the variables needed for gradient computation has been modified"


@contextmanager
def detective() -> Iterator[Counter[str]]:
    """Let backward name who saved an overwritten tensor, and who overwrote it.

    Forward, writes and backward belong inside, on one thread. Gradients stay the same,
    up to rounding in rare cases such as `prod`. `torch.func` does not run inside.

    Returns:
        A context manager that counts `operators`, `saved` tensors and `writes`.

    Raises:
        RuntimeError: In backward, if a tensor it needs was written since it was saved;
            a write that is not counted, as through `.data`, must have changed it.

    Examples:
        >>> import torch
        >>> from chainrule.detective import detective
        >>> y = torch.ones(2, requires_grad=True)
        >>> with detective():
        ...     y = y.exp()
        ...     y += 1
        ...     try:
        ...         y.sum().backward()
        ...     except RuntimeError as error:
        ...         print(*str(error).splitlines()[1:], sep=chr(10))
          saved by ExpBackward0 at line 2: y = y.exp()
          overwritten by add_ at line 3: y += 1
    """
    watch = _Watch()
    with saved_tensors_hooks(watch.pack, _unpack), watch:
        yield watch.seen


class _Saved:
    """A tensor as it was saved, and the writes into its memory since then."""

    def __init__(self, tensor, where):
        self.tensor, self.where = tensor.detach(), where
        self.version, self.before, self.writes = tensor._version, None, []


class _Watch(TorchDispatchMode):
    """Tells each saved tensor that is still alive who writes into its memory."""

    def __init__(self):
        super().__init__()
        self.seen, self.saved = Counter(), WeakKeyDictionary()

    def pack(self, tensor):
        saved = _Saved(tensor, _here())
        self.seen.update(saved=1, operators=-1)
        saved.operator = self.seen["operators"] + 1
        if tensor.layout is torch.strided:
            saved.storage = tensor.untyped_storage()
            self.saved.setdefault(saved.storage, WeakSet()).add(saved)
        return saved

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        written = _written(func._schema, args, kwargs or {})
        self.seen.update(operators=1, writes=bool(written))
        hit = {saved for storage in written for saved in self.saved.get(storage, ())}
        for saved in hit:
            if saved.before is None and saved.operator != self.seen["operators"]:
                saved.before = saved.tensor.clone()
        result = func(*args, **kwargs or {})
        write = hit and (func._schema.name.split("::")[1], _here())
        for saved in hit:
            saved.writes.append(write)
        return result


def _written(schema, args, kwargs):
    """Return the memory that a call of an operator writes into."""
    if not schema.is_mutable:
        return set()
    given = dict(zip((a.name for a in schema.arguments), args, strict=False)) | kwargs
    values = [given.get(a.name) for a in schema.arguments if a.is_write]
    flat = [t for v in values for t in (v if isinstance(v, (list, tuple)) else [v])]
    tensors = [t for t in flat if isinstance(t, Tensor) and t.layout is torch.strided]
    return {t.untyped_storage() for t in tensors}


def _here():
    """Return the user's file and line, and the modules running, outermost first."""
    line, modules = ("", 0), []
    for frame, number in walk_stack(sys._getframe(2)):
        if not line[0] and not frame.f_code.co_filename.startswith(TORCH):
            line = frame.f_code.co_filename, number
        if frame.f_code.co_name == "forward":
            module = frame.f_locals.get("self")
            modules = [module] * isinstance(module, nn.Module) + modules
    return *line, modules


def _unpack(saved):
    """Return a saved tensor, unless somebody wrote into it."""
    old, new = saved.version, saved.tensor._version
    changed = saved.before is not None and not torch.equal(saved.before, saved.tensor)
    if new == old and not changed:
        return saved.tensor
    what = f"[{saved.tensor.type()} {list(saved.tensor.shape)}]"
    counted = f"is at version {new}; expected version {old} instead"
    how = counted if new > old else f"is still at version {old}, with other numbers"
    node = torch._C._current_autograd_node()
    lines = [f"{MODIFIED} by an inplace operation: {what} {how}."]
    lines += [f"saved by {node.name() if node else 'a node'}{_place(*saved.where)}"]
    raise RuntimeError("\n  ".join(lines + _overwritten(saved.writes)))


def _overwritten(writes):
    """Return a line for each different write, in the order of the first of each."""
    lines = Counter(f"overwritten by {name}{_place(*where)}" for name, where in writes)
    unseen = "overwritten outside the detective, or not by an operator of PyTorch"
    return [f"{k} ({n} times)" if n > 1 else k for k, n in lines.items()] or [unseen]


def _place(file, number, modules):
    """Return a module's dotted name, file and line, and the text of the line."""
    names = [type(m).__name__ for m in modules[:1]]
    for outer, inner in pairwise(modules):
        found = (name for name, m in outer.named_modules() if m is inner)
        names.append(next(found, type(inner).__name__))
    inside = f" in {'.'.join(filter(None, names))}" if names else ""
    line = f"{file}:{number}" if os.path.exists(file) else f"line {number}"
    return f"{inside} at {line}: {linecache.getline(file, number).strip()}"
