"""Run code as a reader does who has installed torch and matplotlib, and nothing else.

    python -I -S clean_room.py PACKAGES

PACKAGES is a folder that `furnish` made. Both packages are imported once; then each line
`MODE FILE` of standard input runs a file in a process forked for it, in the folder of the
file, and is answered by a line of JSON: `returncode`, `stdout` and `stderr`. MODE is
`script` for a Python file, or `cells` for a JSON list of blocks, which are run in order;
`stdout` is then a JSON list of what each block showed.
"""

import ast
import contextlib
import io
import json
import linecache
import os
import re
import runpy
import signal
import sys
import tempfile
import traceback
import types
from pathlib import Path

LIMIT = 120
"""Seconds for one file."""


def furnish(folder, *packages):
    """Link into a folder what comes with some packages, these included."""
    import importlib.metadata

    done, pending = set(), list(packages)
    while pending:
        name = re.split(r"[^\w.-]", pending.pop())[0].lower().replace("_", "-")
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found = importlib.metadata.distribution(name)
            if name not in done:
                done.add(name)
                pending += [n for n in found.requires or [] if "extra ==" not in n]
                for top in {file.parts[0] for file in found.files} - {
                    "..",
                    "__pycache__",
                }:
                    link = Path(folder, top)
                    if not link.exists():
                        link.symlink_to(found.locate_file(top))


def run_block(name, source, namespace):
    """Run one block as a notebook does: show its last value, print its error."""
    linecache.cache[name] = len(source), None, source.splitlines(True), name
    tree = ast.parse(source)
    ends_in_value = tree.body and isinstance(tree.body[-1], ast.Expr)
    last = ast.Expression(tree.body.pop().value) if ends_in_value else None
    written = io.StringIO()
    with contextlib.redirect_stdout(written), contextlib.redirect_stderr(io.StringIO()):
        try:
            exec(compile(tree, name, "exec"), namespace)
            value = last and eval(compile(last, name, "eval"), namespace)
            if value is not None:
                print(repr(value))
        except Exception as error:
            print("".join(traceback.format_exception_only(error)).strip())
    return written.getvalue()


def run(mode, path):
    """Be the reader's interpreter."""
    if mode == "script":
        sys.argv = [path]
        runpy.run_path(path, run_name="__main__")
        return
    blocks = json.loads(Path(path).read_text(encoding="utf-8"))
    typed = sys.modules["__main__"] = types.ModuleType("__main__")
    names = (f"<cell {number}>" for number in range(1, 1 + len(blocks)))
    shown = [
        run_block(*pair, typed.__dict__) for pair in zip(names, blocks, strict=True)
    ]
    sys.__stdout__.write(json.dumps(shown))


def answer(mode, path):
    """Run a file in a process of its own, and return how that went."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        status = forked(mode, path, out, err)
        told = []
        for file in (out, err):
            file.seek(0)
            told.append(file.read().decode(errors="replace"))
    code = os.waitstatus_to_exitcode(status)
    return {"returncode": code, "stdout": told[0], "stderr": told[1]}


def forked(mode, path, *files):
    """Run a file in a process of its own that writes to files; return its status."""
    child = os.fork()
    if child == 0:
        signal.alarm(LIMIT)
        for number, file in enumerate(files, 1):
            os.dup2(file.fileno(), number)
        os.chdir(Path(path).parent)
        status = 1
        try:
            run(mode, path)
            status = 0
        except SystemExit as end:
            status = end.code or 0
        except BaseException:
            traceback.print_exc()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
    return os.waitpid(child, 0)[1]


def main(packages):
    """Answer until there are no more requests."""
    sys.path.insert(0, packages)
    import torch
    import torch._dynamo  # noqa: F401

    answers = os.fdopen(os.dup(1), "w")
    for line in sys.stdin:
        mode, _, path = line.rstrip("\n").partition(" ")
        print(json.dumps(answer(mode, path)), file=answers, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
