"""Write formulas as HTML while the site is built, so that no browser has to."""

import json
import re
from functools import cache
from html import unescape
from pathlib import Path

import quickjs

KATEX = Path(__file__).with_name("katex")
MARK = re.compile(
    r'<(?P<tag>span|div) class="arithmatex">'
    r"(?:\\\((?P<inline>.*?)\\\)|\\\[(?P<display>.*?)\\\])"
    r"</(?P=tag)>",
    re.S,
)


class TexError(Exception):
    """A formula that KaTeX cannot read."""


def typeset(page: str) -> str:
    """Replace every formula in the HTML of a page.

    Raises:
        TexError: With every formula of the page that cannot be read.
    """
    mistakes = []

    def one(match):
        display = match["display"] is not None
        tex = unescape(match["display"] if display else match["inline"]).strip()
        answer = _render(tex, display)
        if "error" in answer:
            mistakes.append(f"{tex!r}: {answer['error']}")
        return answer.get("html", "")

    page = MARK.sub(one, page)
    if mistakes:
        raise TexError("\n".join(mistakes))
    return page


def assets() -> dict[str, bytes]:
    """Return the style sheet and the fonts, by their names below one folder."""
    css = (KATEX / "katex.min.css").read_text()
    css = re.sub(r',url\([^)]*\) format\("(?:woff|truetype)"\)', "", css)
    fonts = {f"fonts/{f.name}": f.read_bytes() for f in sorted(KATEX.glob("fonts/*"))}
    return {"katex.css": css.encode(), **fonts}


@cache
def _engine():
    context = quickjs.Context()
    context.eval((KATEX / "katex.min.js").read_text())
    context.eval(
        """
        function render(tex, display) {
          try {
            const options = {displayMode: display, strict: "error", throwOnError: true};
            return JSON.stringify({html: katex.renderToString(tex, options)});
          } catch (error) {
            return JSON.stringify({error: error.message});
          }
        }
        """
    )
    return context.get("render")


@cache
def _render(tex, display):
    return json.loads(_engine()(tex, display))
