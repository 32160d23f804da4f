"""Say what an error message of PyTorch means, which cause is likely, and what to do.

`python -m chainrule.explain` does it for a traceback on its standard input or for a
script that dies. Nothing of a text is run, no network is asked, and PyTorch is not
imported.
"""

import traceback
from typing import NamedTuple

from chainrule.explain.match import hits, nearness, order
from chainrule.explain.table import Row, table
from chainrule.explain.text import decoded, excerpt, squeezed

LANGUAGES = ("en", "zh")
NEAREST, NEAR = 3, 0.3
"""How many entries are named where none is found, and the least they share with it."""


class Cause(NamedTuple):
    """One way to get a message, and the way out.

    Attributes:
        at: The section of the page that runs it.
        title: In a few words.
        fix: In one sentence.
    """

    at: str
    title: str
    fix: str


class Entry(NamedTuple):
    """What a page says of its message.

    Attributes:
        page: Its path, without an ending.
        title: The message.
        what: What happened.
        causes: The likeliest first.
    """

    page: str
    title: str
    what: str
    causes: tuple[Cause, ...]


class Answer(NamedTuple):
    """What is known of a text.

    Attributes:
        found: The entries whose message is in it, the likeliest first.
        near: If there is none, the entries whose message is most like it.
    """

    found: tuple[Entry, ...]
    near: tuple[Entry, ...]


def explain(text_or_exception: str | bytes | BaseException, lang: str = "en") -> Answer:
    """Find the messages in a traceback.

    The last exception counts most, then the more specific of two messages. Old wordings
    are known, and a message may be cut off, broken into lines or quoted.

    Args:
        text_or_exception: What was printed, or what was caught.
        lang: Of the answer, `en` or `zh`.

    Returns:
        What is known of each message found; if none is, the nearest entries.

    Raises:
        ValueError: If there is no answer in the language.
        TypeError: If it is neither text nor an exception.

    Examples:
        >>> from chainrule.explain import explain
        >>> explain("grad can be implicitly created only for sca").found[0].page
        'errors/scalar-outputs'
    """
    if lang not in LANGUAGES:
        raise ValueError(f"lang must be {' or '.join(LANGUAGES)}, got {lang!r}")
    text = excerpt(squeezed(_as_text(text_or_exception)))
    found = [(found, row) for row in table() if (found := hits(text, row))]
    found.sort(key=lambda pair: max(pair[0])[:3], reverse=True)
    entries = [_entry(row, order(text, row, found), lang) for found, row in found]
    return Answer(tuple(entries), () if entries else _nearest(text, lang))


def _as_text(given: str | bytes | BaseException) -> str:
    if isinstance(given, BaseException):
        return "".join(traceback.format_exception(given))
    if not isinstance(given, (str, bytes)):
        got = type(given).__name__
        raise TypeError(f"expected str, bytes or an exception, got {got}")
    return decoded(given) if isinstance(given, bytes) else given


def _entry(row: Row, numbers: list[int], lang: str) -> Entry:
    said, causes = row.said, [row.said["causes"][number] for number in numbers]
    return Entry(
        said["page"].removesuffix(".py"),
        **said[lang],
        causes=tuple(Cause(cause["at"], **cause[lang]) for cause in causes),
    )


def _nearest(text: str, lang: str) -> tuple[Entry, ...]:
    ranked = sorted(table(), key=lambda row: nearness(text, row), reverse=True)
    near = [row for row in ranked[:NEAREST] if nearness(text, row) >= NEAR]
    return tuple(_entry(row, [*range(len(row.hints))], lang) for row in near)
