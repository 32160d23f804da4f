"""Find the messages of a row in a squeezed text, in a time linear in its length.

Each piece is looked for by `str.rfind`, hints only near a message that was found. The
script of the paste box, `docs/assets/explain.js`, does the same step by step.
"""

from typing import NamedTuple

from chainrule.explain.table import Row

GAP, CUT, MESSAGE, GRAM = 200, 20, 400, 5
"""Characters: what `…` may stand for, the least of a message cut off, and two more.

MESSAGE is the length of one that is not known, and GRAM of what it is compared by.
"""
BEFORE, AFTER, ABOVE = 20_000, 3_000, 100_000
"""How far from a message its hints may be, and how far above it the exception."""


class Hit(NamedTuple):
    """One piece found; the greater of two is the likelier."""

    raised: bool
    """Whether the name above it is that of an error; a warning ends no program."""
    header: int
    """Where that name stands; the last exception is the one the program died of."""
    length: int
    """The longer the piece, the more specific."""
    start: int
    cause: int
    """The number of the cause whose own message it is, or -1."""


def hits(text: str, row: Row) -> list[Hit]:
    """Find each piece of a row where it comes last.

    Args:
        text: Squeezed.
        row: The pieces to look for.

    Returns:
        The pieces found, whole or cut off by the end of the text.

    Raises:
        Nothing: Any text may be searched.

    Examples:
        >>> from chainrule.explain.match import hits
        >>> from chainrule.explain.table import row
        >>> shapes = row({"says": ["Given … but got"], "causes": []})
        >>> hits("error:given3butgot4", shapes)
        [Hit(raised=True, header=0, length=11, start=6, cause=-1)]
    """
    found = []
    for parts, cause in row.pieces:
        start, length = _last(text, parts), len("".join(parts))
        if start < 0:
            start, length = _cut(text, parts)
        if start >= 0:
            found.append(Hit(*_header(text, start), length, start, cause))
    return found


def _last(text: str, parts: list[str]) -> int:
    first, last = parts[0], parts[-1]
    at = text.rfind(last)
    while len(parts) > 1 and at >= 0:
        start = text.rfind(first, 0, at)
        end = start + len(first)
        if start < 0 or text.find(last, end, end + GAP + len(last)) >= 0:
            return start
        at = text.rfind(last, 0, start)
    return at


def _cut(text: str, parts: list[str]) -> tuple[int, int]:
    tail = text[-MESSAGE:].rstrip("-.,:;!?'\"()[]{}<>")
    end = max(0, len(text) - MESSAGE) + len(tail)
    for part in parts:
        for length in range(len(part), CUT - 1, -1):
            if tail.endswith(part[:length]):
                return end - length, length
    return -1, 0


def _header(text: str, at: int) -> tuple[bool, int]:
    names, low = ("error:", "exception:", "warning:"), max(0, at - ABOVE)
    error, exception, warning = (text.rfind(name, low, at) for name in names)
    return max(error, exception) > warning, max(error, exception, warning)


def order(text: str, row: Row, found: list[Hit]) -> list[int]:
    """Sort the causes of a row: its own message first, then the number of its hints.

    Args:
        text: Squeezed.
        row: The causes to sort.
        found: What `hits` returned.

    Returns:
        The numbers of the causes, the likeliest first; equals stay in order.

    Raises:
        ValueError: If nothing was found.

    Examples:
        >>> from chainrule.explain.match import Hit, order
        >>> from chainrule.explain.table import Row
        >>> two = Row({}, (), (["relu"], ["sigmoid"]))
        >>> order("sigmoid()error", two, [Hit(True, 0, 5, 9, -1)])
        [1, 0]
    """
    best = max(found)
    near = text[max(0, best.start - BEFORE) : best.start + best.length + AFTER]
    own = {hit.cause for hit in found if hit[:2] == best[:2]}
    scores = [
        (number in own, sum(hint in near for hint in hints))
        for number, hints in enumerate(row.hints)
    ]
    return sorted(range(len(scores)), key=scores.__getitem__, reverse=True)


def nearness(text: str, row: Row) -> float:
    """Measure how much of a message of a row is in the last message of a text.

    Args:
        text: Squeezed.
        row: The pieces to compare.

    Returns:
        The share of the short sequences of its nearest piece, 0 to 1.

    Raises:
        ValueError: If the row has no piece.

    Examples:
        >>> from chainrule.explain.match import nearness
        >>> from chainrule.explain.table import row
        >>> nearness("error:abcdefgh", row({"says": ["bcdefg….xyz"], "causes": []}))
        0.3333333333333333
    """
    header = _header(text, len(text))[1]
    start = header if header >= 0 else max(0, len(text) - MESSAGE)
    said = _grams(text[start : start + MESSAGE])
    pieces = [_grams("".join(parts)) for parts, _ in row.pieces]
    return max(len(piece & said) / max(1, len(piece)) for piece in pieces)


def _grams(text: str) -> set[str]:
    return {text[at : at + GRAM] for at in range(len(text) - GRAM + 1)}
