"""Run code as a reader does who has installed torch and matplotlib, and nothing else.

    python -I -S clean_room.py PACKAGES cells FILE    the blocks of a JSON list, in order
    python -I -S clean_room.py PACKAGES script FILE   a Python file

PACKAGES is a folder that `furnish` made. For `cells` the answer is a JSON list of what
each block showed.
"""

import ast
import contextlib
import io
import json
import linecache
import re
import runpy
import sys
import traceback
import types
from pathlib import Path


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


def main(packages, mode, path):
    """Do what the command line says."""
    sys.path.insert(0, packages)
    if mode == "script":
        runpy.run_path(path, run_name="__main__")
        return
    blocks = json.loads(Path(path).read_text(encoding="utf-8"))
    typed = sys.modules["__main__"] = types.ModuleType("__main__")
    names = (f"<cell {number}>" for number in range(1, 1 + len(blocks)))
    shown = [
        run_block(*pair, typed.__dict__) for pair in zip(names, blocks, strict=True)
    ]
    sys.__stdout__.write(json.dumps(shown))


if __name__ == "__main__":
    main(*sys.argv[1:])
