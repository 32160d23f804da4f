"""The one table: messages, old and new wordings, and the causes of each."""

import json
from functools import cache
from importlib.resources import files
from typing import NamedTuple

from chainrule.explain.text import squeezed


class Row(NamedTuple):
    """One page of the table, ready to be looked for."""

    said: dict
    """The row as it is written."""
    pieces: tuple[tuple[list[str], int], ...]
    """The parts of each piece of its message, and the number of the cause it tells of.

    Between two parts stands `…`; the number is -1 for what any cause may say.
    """
    hints: tuple[list[str], ...]
    """What speaks for each cause."""


@cache
def table() -> tuple[Row, ...]:
    """Read the table.

    Returns:
        A row for each page, those that most people need first.

    Raises:
        Nothing: The table is part of the package.

    Examples:
        >>> from chainrule.explain.table import table
        >>> table()[0].said["page"]
        'errors/modified-by-inplace.py'
    """
    text = files("chainrule.explain").joinpath("causes.json").read_text("utf-8")
    return tuple(row(said) for said in json.loads(text))


def row(said: dict) -> Row:
    """Prepare one page of the table.

    Args:
        said: The row as it is written.

    Returns:
        The same with its pieces and hints squeezed.

    Raises:
        KeyError: If the row lacks one of its parts.

    Examples:
        >>> from chainrule.explain.table import row
        >>> row({"says": ["Expected … on"], "causes": []}).pieces
        ((['expected', 'on'], -1),)
    """
    says = [(piece, -1) for piece in said["says"]]
    for number, cause in enumerate(said["causes"]):
        says += [(piece, number) for piece in cause.get("says", ())]
    pieces = [([squeezed(part) for part in s.split("…")], n) for s, n in says]
    hints = [[squeezed(hint) for hint in cause["hints"]] for cause in said["causes"]]
    return Row(said, tuple(pieces), tuple(hints))
