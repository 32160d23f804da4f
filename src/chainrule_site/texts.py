"""Write what the search box reads: the texts of all sections, without their tags."""

import json
import re
from collections.abc import Iterable
from html import unescape

INLINE = re.compile(r"</?(?:code|sub|sup)>")
TAG = re.compile(r"<[^>]*>")


def texts(sections: Iterable[dict], also: dict[str, str]) -> str:
    """Return the places, names and texts of sections as JSON.

    `also` holds other names by place; they are found and not shown.
    """
    kept = []
    for section in sections:
        place = section["location"]
        kept.append(
            {
                "location": place,
                "title": plain(section["title"]),
                "text": plain(section["text"]),
                **({"also": also[place]} if place in also else {}),
            }
        )
    # Chinese as it is: escaped, a character would take six bytes instead of three
    return json.dumps(kept, ensure_ascii=False, separators=(",", ":"))


def plain(html: str) -> str:
    """Return a text without tags, with one blank between words.

    >>> plain("<p>Call <code>f()</code>.</p><p>1 &lt; 2</p>")
    'Call f(). 1 < 2'
    """
    return " ".join(unescape(TAG.sub(" ", INLINE.sub("", html))).split())
