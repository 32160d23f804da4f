"""The reference package knows nothing of the site, nor the site of the package."""

import ast
import sys
from pathlib import Path

import pytest


def imported(path):
    """Yield the top-level name of everything a file imports from outside its package."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield node.module.split(".")[0]


@pytest.mark.parametrize("path", sorted(Path("src/chainrule").rglob("*.py")), ids=str)
def test_reference_code_needs_torch_and_nothing_else(path):
    assert set(imported(path)) <= {"chainrule", "torch"} | sys.stdlib_module_names


@pytest.mark.parametrize(
    "path", sorted(Path("src/chainrule_site").rglob("*.py")), ids=str
)
def test_the_engine_knows_neither_the_reference_code_nor_mkdocs(path):
    names = set(imported(path))
    assert "chainrule" not in names
    if path.parent.name != "plugins":
        assert not {name for name in names if name.startswith(("mkdocs", "material"))}
