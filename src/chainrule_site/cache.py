"""Keep what lessons showed on disk, and notice when it may no longer be so.

There is one entry a lesson. Its key names the code, the limits, the versions and this
engine; the entry itself lists the files of the project that the run read or looked for,
with their digests. An entry is used only if all of that is as it was. Whatever is wrong
with an entry, or with the disk, costs time and never the build.
"""

import contextlib
import json
import logging
import os
import sys
import sysconfig
import tempfile
from functools import cache
from hashlib import sha256
from pathlib import Path

log = logging.getLogger("chainrule")
FOLDER = Path(".cache")
"""What a build may keep for the next one; all of it can be made again."""
ENGINE = ("clean", "execute", "fence", "figure", "warm")
VARIABLES = (
    "ATEN_CPU_CAPABILITY",
    "CUDA_VISIBLE_DEVICES",
    "LANG",
    "LC_ALL",
    "MKL_ENABLE_INSTRUCTIONS",
    "OMP_NUM_THREADS",
    "PYTHONHASHSEED",
    "TZ",
)


class Cache:
    """The entries this process has seen, and those below a folder, if there is one."""

    def __init__(self, folder: Path | None = None):
        self.folder = folder
        self.known = {}

    def get(self, name: str, program: dict) -> dict | None:
        """Return the answer that running a program would give, if it is known."""
        kept = self.known.get(name) or self._load(name)
        if not kept or kept["key"] != _key(name, program):
            return None
        if kept["reads"] != _digests(kept["reads"]):
            return None
        self.known[name] = kept
        return kept["answer"]

    def put(self, name: str, program: dict, answer: dict, asked: float) -> None:
        """Keep an answer, unless a file it is made from has changed since."""
        reads = answer.pop("reads")
        if any(_changed_since(path, asked) for path in reads):
            return
        kept = {"key": _key(name, program), "reads": _digests(reads), "answer": answer}
        self.known[name] = kept
        body = json.dumps(kept)
        if self.folder:
            self._save(name, f"{sha256(body.encode()).hexdigest()}\n{body}")

    def keep_only(self, names: set[str]) -> None:
        """Remove the entries of lessons that are no more."""
        if not self.folder:
            return
        wanted = {self._path(name) for name in names}
        with contextlib.suppress(OSError):  # `_save` has warned of this disk
            for path in set(self.folder.glob("*.json")) - wanted:
                path.unlink()

    def _path(self, name):
        return self.folder / f"{name.replace('/', '.')}.json"

    def _load(self, name):
        """Return the entry on disk, if there is one and it is whole."""
        if not self.folder:
            return None
        path = self._path(name)
        try:
            digest, _, body = path.read_text(encoding="utf-8").partition("\n")
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError) as error:
            log.warning("%s cannot be read and is made again: %s", path, error)
            return None
        if digest != sha256(body.encode()).hexdigest():
            log.warning("%s is damaged and is made again", path)
            return None
        return json.loads(body)

    def _save(self, name, text):
        try:
            replace(self._path(name), text.encode())
        except OSError as error:
            log.warning("%s cannot be written: %s", self.folder, error)
            self.folder = None  # one warning is enough


def replace(path: Path, data: bytes) -> None:
    """Write a file all at once: another build sees the old one or the new one."""
    new = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        number, new = tempfile.mkstemp(dir=path.parent, suffix=".new")
        with os.fdopen(number, "wb") as file:
            file.write(data)
        os.replace(new, path)
    except OSError:
        if new:
            Path(new).unlink(missing_ok=True)
        raise


def _key(name, program):
    environment = {name: os.environ.get(name) for name in VARIABLES}
    known = [name, program, environment, sys.version, _libraries(), _engine()]
    return sha256(json.dumps(known).encode()).hexdigest()


@cache
def _libraries():
    """Return name and version of all that is installed, as their folders are called."""
    folders = {sysconfig.get_path(kind) for kind in ("purelib", "platlib")}
    return sorted(
        {n for f in folders for n in os.listdir(f) if n.endswith(".dist-info")}
    )


@cache
def _engine():
    here = Path(__file__).parent
    code = b"".join((here / f"{name}.py").read_bytes() for name in ENGINE)
    return sha256(code).hexdigest()


def _digests(paths):
    return {path: _digest(Path(path)) for path in paths}


def _digest(path):
    """Return the digest of a file, or None where there is none."""
    try:
        return sha256(path.read_bytes()).hexdigest()
    except OSError:
        return None


def _changed_since(path, started):
    try:
        return os.stat(path).st_mtime >= started
    except OSError:
        return False
