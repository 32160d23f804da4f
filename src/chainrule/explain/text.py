r"""One form for every text: what a message keeps however it was printed and pasted.

Blanks, line breaks and whatever is not ASCII go; letters become small. So a message is
found where a terminal broke its lines, with colours, from a notebook or in full-width
punctuation, by nothing but `str.find`.
"""

import re
import string
from contextlib import suppress

NOISE = re.compile(
    r"\x1b\][^\x07\x1b]{0,300}(?:\x07|\x1b\\)"
    r"|\x1b\[[0-9:;<=>?]{0,30}[ -/]{0,9}[@-~]"
    r"|(?:\^\[)?\[[0-9;]{1,20}m"
    r"|[\r\n][ \t]{0,99}(?:-{1,9}>[ \t]{0,9}[0-9]{0,6}|(?:[0-9]{1,6}[ \t]{0,9})?"
    r"[>|\u2500-\u257f][ \t>|\u2500-\u257f]{0,99}(?:[0-9]{1,6}[ \t]{0,9}[|\u2502])?)"
)
"""Terminal codes, also without their first character; quote marks, boxes and gutters.

Every repetition has a limit, so that no text makes the search slow.
"""
WIDE = {
    "\uff08": "(",
    "\uff09": ")",
    "\uff1a": ":",
    "\uff0c": ",",
    "\u2018": "'",
    "\u2019": "'",
}
"""What Chinese keyboards and word processors put for punctuation that messages hold."""
SMALL = bytes.maketrans(
    string.ascii_uppercase.encode(), string.ascii_lowercase.encode()
)
DROPPED = bytes(range(33)) + b"\\`\x7f"
HEAD, ERRORS, FOLLOWING, TAIL = 400_000, 1_000, 600, 1_000_000
"""What is read of a longer text: see `excerpt`."""


def decoded(data: bytes) -> str:
    r"""Read bytes as text, whoever wrote them.

    Args:
        data: UTF-8, UTF-16 with its mark as PowerShell writes it, GBK as a Chinese
            Windows writes it, or anything else.

    Returns:
        The text, with a replacement character for what is none.

    Raises:
        Nothing: Any bytes are some text.

    Examples:
        >>> from chainrule.explain.text import decoded
        >>> decoded("报错".encode("gbk")), decoded(b"grad\xff")
        ('报错', 'grad\ufffd')
    """
    marked = data[:2] in (b"\xff\xfe", b"\xfe\xff")
    whole = data[: len(data) // 2 * 2] if marked else data
    for encoding in ["utf-16"] if marked else ["utf-8", "gb18030"]:
        with suppress(UnicodeDecodeError):
            return whole.decode(encoding)
    return data.decode("utf-8", errors="replace")


def squeezed(text: str) -> str:
    r"""Keep the visible ASCII of a text, in small letters, without noise and blanks.

    Args:
        text: What a terminal, a notebook or a forum shows.

    Returns:
        The same without colours, quote marks, gutters, backticks and backslashes.

    Raises:
        Nothing: Any text can be squeezed.

    Examples:
        >>> from chainrule.explain.text import squeezed
        >>> squeezed("\x1b[31mRuntimeError\x1b[0m\uff1aTrying to\r\n> backw\u200bard")
        'runtimeerror:tryingtobackward'
    """
    text = NOISE.sub("", f"\n{text}")
    for wide, plain in WIDE.items():
        text = text.replace(wide, plain)
    return text.encode("ascii", "ignore").translate(SMALL, DROPPED).decode("ascii")


def excerpt(text: str) -> str:
    """Keep of a very long text what a message may be in, so that any is read in time.

    Args:
        text: Squeezed.

    Returns:
        Of more than two million characters the first 400,000, the last million, and of
        what is between what follows the last thousand names of errors.

    Raises:
        Nothing: A shorter text is returned as it is.

    Examples:
        >>> from chainrule.explain.text import excerpt
        >>> len(excerpt("x" * 10_000_000)), excerpt("short")
        (1400001, 'short')
    """
    if len(text) <= HEAD + ERRORS * FOLLOWING + TAIL:
        return text
    kept, at = [text[-TAIL:]], len(text) - TAIL
    while len(kept) <= ERRORS and (at := text.rfind("error:", HEAD, at)) >= 0:
        kept.append(text[at : min(at + FOLLOWING, len(text) - TAIL)])
    return " ".join([text[:HEAD], *reversed(kept)])
