"""Keep a lesson in its own folder, and note what it reads of the project.

Python reports to an audit hook what a program is about to do. Code in C that opens a
file or a socket by itself is not seen: the lesson on many GPUs talks to itself so.
"""

import os
import sys
from importlib.util import source_from_cache
from pathlib import Path

WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
CHANGES = {
    "os.mkdir",
    "os.remove",
    "os.rename",
    "os.rmdir",
    "os.truncate",
    "os.symlink",
}
NETWORK = {"socket.connect", "socket.getaddrinfo", "socket.gethostbyname"}


class Fence:
    """Watches this process, and those it forks, from now to their end."""

    def __init__(self, root: Path, folder: Path):
        self.root = f"{root}{os.sep}"
        self.own = (
            f"{folder / 'lesson'}{os.sep}",
            f"{folder / 'tmp'}{os.sep}",
            "/dev/",
        )
        self.libraries = f"{Path(sys.prefix)}{os.sep}"
        self.notes = os.open(folder / "reads", os.O_RDWR | os.O_CREAT | os.O_APPEND)
        sys.addaudithook(self._watch)

    def reads(self) -> list[str]:
        """Return the files of the project that were read, or looked for in vain."""
        seen = set(os.pread(self.notes, 1 << 24, 0).decode().splitlines())
        for module in list(sys.modules.values()):
            if isinstance(path := getattr(module, "__file__", None), str):
                seen |= {path} if self._is_ours(path) else set()
        sources = {source_from_cache(p) if p.endswith(".pyc") else p for p in seen}
        return sorted(os.path.relpath(p, self.root) for p in sources)

    def _is_ours(self, path):
        return path.startswith(self.root) and not path.startswith(self.libraries)

    def _watch(self, event, args):
        if event == "open" and isinstance(args[0], (str, bytes, os.PathLike)):
            path = os.path.abspath(os.fsdecode(args[0]))
            if (args[2] or 0) & WRITING:
                self._refuse_outside(path)
            elif self._is_ours(path):
                os.write(self.notes, f"{path}\n".encode())
        elif event in CHANGES:
            for path in args[:2]:
                if isinstance(path, (str, bytes, os.PathLike)):
                    self._refuse_outside(os.path.abspath(os.fsdecode(path)))
        elif event in NETWORK and not isinstance(args[-1], (str, bytes)):
            raise PermissionError(f"a lesson has no network: {event} {args[1:]}")
        elif event == "builtins.input":
            raise RuntimeError(f"a page has no reader to answer: input({args[0]!r})")

    def _refuse_outside(self, path):
        if not f"{path}{os.sep}".startswith(self.own):
            raise PermissionError(f"a lesson writes in its own folder only: {path}")
