"""Finish a page that the theme made: say what is on it, and load only what it uses."""

import re
from collections.abc import Callable
from html import unescape
from unicodedata import east_asian_width

from .page import HAN

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
BLOCK = re.compile(r"<(p|h[1-4])\b((?: [^>]*)?)>(.*?)</\1>", re.S)
STRESSED = re.compile(rf"<em>(?=[^<]*[A-Za-z])((?:(?!{HAN})[^<])*)</em>")
STORED = re.compile(r'<script>var palette=__md_get\("__palette"\).*?</script>', re.S)
"""What the theme runs at the start of a page, to show the scheme that it has stored."""
SYSTEM = (
    '<script>__md_get("chosen")||document.body.setAttribute("data-md-color-scheme",'
    'matchMedia("(prefers-color-scheme: dark)").matches?"slate":"default")</script>'
)
"""What follows the system where the reader chose no scheme; `site.js` does so later."""


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
    return outside(page, lambda part: re.sub(r"\s*\n\s*", "\n", part))


def outside(page: str, change: Callable[[str], str]) -> str:
    """Change a page, but for its code, scripts and drawings.

    >>> outside("<p>a</p><pre>a</pre>a", str.upper)
    '<P>A</P><pre>a</pre>A'
    """
    parts = EXACT.split(page)
    parts[::2] = map(change, parts[::2])
    return "".join(parts)


def mended(page: str) -> str:
    """Mend what the theme gets wrong.

    That is an empty `tabindex`, a logo without a size, and on a first visit in a dark
    system, a page that is light until all scripts are there.
    """
    page = page.replace(' tabindex=""', "")
    page = page.replace(' alt="logo">', ' alt="logo" width="24" height="24">')
    return STORED.sub(lambda match: match[0] + SYSTEM, page, count=1)


def spoken(page: str) -> str:
    """Mark on a Chinese page what is in English as such: titles, paragraphs, stresses.

    They are read aloud, broken into lines, spaced and stressed as English. A block is
    English if it has two words outside of code, and no Chinese character.

    >>> spoken('<html lang="zh"><p>Two words</p><p>一 word</p><h2><code>f</code></h2>')
    '<html lang="zh"><p lang="en">Two words</p><p>一 word</p><h2><code>f</code></h2>'
    """
    if '<html lang="zh"' not in page:
        return page
    emphasis = r'<em lang="en">\1</em>'
    return outside(page, lambda part: BLOCK.sub(_tongue, STRESSED.sub(emphasis, part)))


def _tongue(block):
    tag, attributes, content = block.groups()
    words = re.sub(r"<code>.*?</code>|<[^>]+>|&\w+;", " ", content)
    if re.search(HAN, words) or not re.search(r"[A-Za-z]{2,} +[A-Za-z]{2,}", words):
        return block[0]
    return f'<{tag}{attributes} lang="en">{content}</{tag}>'
