"""Finish a page that the theme made: say what is on it, and load only what it uses."""

import re
from html import unescape
from unicodedata import east_asian_width

LEAD = re.compile(
    r'</h1>(?:\s|<div class="doc doc-contents first">)*<p>(.*?)</p>', re.S
)
SENTENCE = re.compile(r".+?(?:[.!?](?=\s|$)|[。！？]|$)\s*")
ROOM = 160
"""Columns that search engines show of a description; a Chinese character takes two."""
USES = {"katex/katex.css": ' class="katex', "_mkdocstrings.css": ' class="doc'}
"""What stands on each page that needs a style sheet."""
EXACT = re.compile(
    r"(<(?:pre|script|svg|textarea)\b.*?</(?:pre|script|svg|textarea)>)", re.S
)
"""Where blanks may matter."""


def description(content: str) -> str | None:
    """Return in one line what a page says below its title, or None if it says nothing.

    >>> description("<h1>Sums</h1> <p>One <b>sum</b> of 1.5. These are two:</p>")
    'One sum of 1.5. These are two.'
    """
    lead = LEAD.search(content)
    text = unescape(re.sub(r"<[^>]+>|\\[()]", "", lead[1])) if lead else ""
    text = re.sub(r"：$", "。", re.sub(r":$", ".", " ".join(text.split())))
    said = ""
    for sentence in SENTENCE.findall(text):
        if _columns(said + sentence.rstrip()) > ROOM:
            break
        said += sentence
    return (said.rstrip() if _columns(said) > ROOM / 2 else _cut(text)) or None


def _columns(text):
    return sum(2 if east_asian_width(letter) in "WF" else 1 for letter in text)


def _cut(text):
    """Shorten a text that is too long, between two words or Chinese characters."""
    if _columns(text) <= ROOM:
        return text
    while _columns(text) > ROOM - 2:
        text = re.sub(r"(\s*[\x21-\u2e7f]+|.)$", "", text)
    return text.rstrip(" .,;:，；：、。") + "…"


def lean(page: str) -> str:
    """Drop the style sheets that a page does not use, and its indentation."""
    for sheet, use in USES.items():
        if use not in page:
            page = re.sub(rf'<link rel="stylesheet" href="[^"]*{sheet}">', "", page)
    parts = EXACT.split(page)
    parts[::2] = [re.sub(r"\s*\n\s*", "\n", part) for part in parts[::2]]
    return "".join(parts)


def mended(page: str) -> str:
    """Mend what the theme gets wrong: empty `tabindex`, and a logo without a size."""
    page = page.replace(' tabindex=""', "")
    return page.replace(' alt="logo">', ' alt="logo" width="24" height="24">')
