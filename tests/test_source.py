"""Reference code that a page prints brings along what it needs to run."""

import pytest

from chainrule_site.source import SourceError, snippets

ONE = '''"""Module."""

import math
import os
from typing import NamedTuple

LIMIT, STEP = 3, 1
HALF: float = 0.5


class Pair(NamedTuple):
    """Two."""

    a: float
    b: float


def half(x):
    """Halve."""
    return x * HALF


def both(x):
    """Do both.

    At length.
    """
    return Pair(half(x), math.floor(min(x, LIMIT)))
'''
TWO = '''"""Module."""

from functools import cache

from chainrule.one import Pair


@cache
def swap(x):
    """Swap."""
    return Pair(x.b, x.a)
'''


@pytest.fixture(autouse=True)
def package(tmp_path, monkeypatch):
    folder = tmp_path / "src" / "chainrule"
    folder.mkdir(parents=True)
    (folder / "one.py").write_text(ONE)
    (folder / "two.py").write_text(TWO)
    monkeypatch.chdir(tmp_path)


def test_a_definition_comes_with_what_it_uses_and_without_docstrings():
    ((snippet,),) = snippets(["from chainrule.one import both"])
    assert snippet.file == "src/chainrule/one.py"
    assert snippet.names == ["both"]
    assert snippet.text == (
        "import math\nfrom typing import NamedTuple\n\n\n"
        "LIMIT, STEP = 3, 1\nHALF: float = 0.5\n\n\n"
        "class Pair(NamedTuple):\n    a: float\n    b: float\n\n\n"
        "def half(x):\n    return x * HALF\n\n\n"
        "def both(x):\n    return Pair(half(x), math.floor(min(x, LIMIT)))"
    )
    space = {}
    exec(snippet.text, space)
    assert space["both"](5.0) == (2.5, 3)


def test_what_a_page_has_printed_is_not_printed_again():
    (first,), (second,) = snippets(
        ["from chainrule.one import half", "from chainrule.one import both"]
    )
    assert "def half" in first.text
    assert "def half" not in second.text


def test_a_definition_of_another_module_stands_under_its_own_file():
    ((one, two),) = snippets(["from chainrule.two import swap"])
    assert (one.module, one.names) == ("chainrule.one", [])
    assert (two.module, two.names) == ("chainrule.two", ["swap"])
    assert two.text == (
        "from functools import cache\n\n\n@cache\ndef swap(x):\n    return Pair(x.b, x.a)"
    )


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("from chainrule.one import nope", "src/chainrule/one.py defines no nope"),
        (
            "from chainrule.three import x",
            "there is no module chainrule.three: expected src/chainrule/three.py",
        ),
    ],
)
def test_what_does_not_exist_is_named(code, said):
    with pytest.raises(SourceError) as caught:
        snippets([code])
    assert str(caught.value) == said
