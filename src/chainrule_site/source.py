"""Read the reference package as text, to print it in a lesson.

A lesson shows reference code with a cell `from chainrule.module import name`. What is
printed there must run when a reader pastes it, so each definition brings along the
imports and the definitions it uses, unless the page has printed them already.
"""

import ast
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

PACKAGE = "chainrule"
DEFINITIONS = (ast.FunctionDef, ast.ClassDef, ast.Assign, ast.AnnAssign)


class SourceError(Exception):
    """The reference package does not define what a lesson asks for."""


@dataclass
class Snippet:
    """What one source cell prints of one module."""

    module: str
    names: list[str] = field(default_factory=list)
    """What the lesson asked for; each has an entry in the reference."""
    text: str = ""

    @property
    def file(self) -> str:
        """The file of the module, as a reader of the repository knows it."""
        return f"src/{self.module.replace('.', '/')}.py"


def snippets(cells: Iterable[str]) -> list[list[Snippet]]:
    """Return what each source cell of a lesson prints, in the order of the lesson.

    Raises:
        SourceError: If a cell asks for a module or a name that does not exist.
    """
    printed = set()
    return [_snippets(imported(code), printed) for code in cells]


def imported(code: str) -> list[tuple[str, str]]:
    """Return (module, name) for each name that a source cell imports."""
    return [
        (node.module, alias.name)
        for node in ast.parse(code).body
        for alias in node.names
    ]


def _snippets(wanted, printed):
    nodes, imports = {}, {}
    for module, name in wanted:
        _collect(module, name, printed, nodes, imports)
    found = []
    for module, chosen in nodes.items():
        names = [name for asked, name in wanted if asked == module]
        head = [
            line for line in _import_lines(module) if line in imports.get(module, ())
        ]
        body, was_assigned = "", False
        for node in sorted(chosen, key=lambda node: node.lineno):
            assigns = isinstance(node, (ast.Assign, ast.AnnAssign))
            gap = "\n" if assigns and was_assigned else "\n\n\n"
            body += gap * bool(body) + _bare(module, node)
            was_assigned = assigns
        text = "\n".join(_merged(head)) + "\n\n\n" * bool(head) + body
        found.append(Snippet(module, names, text))
    return found


def _collect(module, name, printed, nodes, imports):
    """Find a definition and all it uses; those of other modules come first."""
    if (module, name) in printed:
        return
    printed.add((module, name))
    node = _bindings(module).get(name)
    if node is None:
        raise SourceError(f"{Snippet(module).file} defines no {name}")
    if isinstance(node, ast.ImportFrom) and _is_ours(node):
        _collect(node.module, name, printed, nodes, imports)
    elif isinstance(node, DEFINITIONS):
        used = {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
        for other in sorted(used & _bindings(module).keys()):
            _collect(module, other, printed, nodes, imports)
        if node not in nodes.setdefault(module, []):  # one line may bind two names
            nodes[module].append(node)
    else:
        imports.setdefault(module, set()).add(_import_line(node, name))


def _is_ours(node):
    return (node.module or "").split(".")[0] == PACKAGE


@cache
def _parsed(module, stamp):
    text = _path(module).read_text(encoding="utf-8")
    return text, ast.parse(text)


def _module(module):
    path = _path(module)
    if not path.is_file():
        raise SourceError(f"there is no module {module}: expected {path}")
    return _parsed(module, path.stat().st_mtime_ns)


def _path(module):
    return Path("src", *module.split(".")).with_suffix(".py")


def _bindings(module):
    """Return the node that binds each name at the top of a module."""
    found = {}
    for node in _module(module)[1].body:
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            found |= {
                alias.asname or alias.name.split(".")[0]: node for alias in node.names
            }
        elif isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            found[node.name] = node
        elif isinstance(node, (ast.Assign, ast.AnnAssign)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names = [n for target in targets for n in ast.walk(target)]
            found |= {n.id: node for n in names if isinstance(n, ast.Name)}
    return found


def _import_line(node, name):
    for alias in node.names:
        if (alias.asname or alias.name.split(".")[0]) == name:
            renamed = f" as {alias.asname}" if alias.asname else ""
            start = (
                f"from {node.module} import"
                if isinstance(node, ast.ImportFrom)
                else "import"
            )
            return f"{start} {alias.name}{renamed}"
    raise SourceError(f"{name} is not imported by {ast.unparse(node)!r}")


def _import_lines(module):
    """Return the imports of a module one name a line, in its order."""
    return [
        _import_line(node, name)
        for name, node in _bindings(module).items()
        if isinstance(node, (ast.Import, ast.ImportFrom))
        and not (isinstance(node, ast.ImportFrom) and _is_ours(node))
    ]


def _merged(lines):
    """Put the names that come from one module on one line again."""
    merged = {}
    for line in lines:
        start, _, name = line.rpartition("import ")
        merged.setdefault(start or line, []).append(name)
    return [
        f"{start}import {', '.join(names)}" if start.startswith("from") else start
        for start, names in merged.items()
    ]


def _bare(module, node):
    """Return the source of a definition without docstrings: the lesson is its prose."""
    lines = _module(module)[0].splitlines()
    first = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", ()))])
    dropped = set()
    for inner in ast.walk(node):
        if isinstance(inner, (ast.ClassDef, ast.FunctionDef)) and ast.get_docstring(
            inner
        ):
            text = inner.body[0]
            dropped |= set(range(text.lineno, text.end_lineno + 1))
            if lines[text.end_lineno : text.end_lineno + 1] == [""]:
                dropped.add(text.end_lineno + 1)
    return "\n".join(
        lines[number - 1]
        for number in range(first, node.end_lineno + 1)
        if number not in dropped
    )
