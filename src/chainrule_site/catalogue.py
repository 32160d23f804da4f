"""Write the table of error messages as a box to paste a traceback in, and as a list.

The table belongs to the reference package, which nothing here imports: it is read as a
file, as the sources of that package are.
"""

import json
import re
from html import escape
from pathlib import Path

BOX = "<!-- paste box -->"
LIST = "<!-- list of messages -->"
"""Where a page wants them."""
PACKAGE = Path("src/chainrule/explain")
BOXED = ("colon", "what", "cause", "fix", "causes", "others", "none", "near", "more")
"""The words that the script of the box shows."""


def entries(lang: str) -> list[dict]:
    """Return the rows of the table with the texts of one language."""
    rows = json.loads((PACKAGE / "causes.json").read_text(encoding="utf-8"))
    return [
        {
            "page": row["page"].removesuffix(".py"),
            "says": row["says"],
            **row[lang],
            "causes": [_spoken(cause, lang) for cause in row["causes"]],
        }
        for row in rows
    ]


def _spoken(cause, lang):
    kept = {name: cause[name] for name in ("at", "says", "hints") if name in cause}
    return kept | cause[lang]


def box(lang: str, root: str, ending: str = "/") -> str:
    """Return the paste box as HTML, which `docs/assets/explain.js` brings to life.

    The table comes with it as data that no browser runs, so a page may forbid scripts
    of its own. No line is blank, so that Markdown takes all of it for one block.

    Args:
        lang: The language of the page.
        root: The relative address of the home page of that language, such as `../`.
        ending: What follows the name of a page in its address.
    """
    words = _words(lang)
    data = {"words": {name: words[name] for name in BOXED}, "entries": entries(lang)}
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    text = text.replace("<", "\\u003c")  # an end tag in it would end the block
    said = {name: escape(word) for name, word in words.items()}
    return f"""\
<div class="explain" data-explain="{escape(root)}" data-ending="{ending}">
<form hidden>
<label for="traceback">{said["label"]}</label>
<textarea id="traceback" rows="8" spellcheck="false" autocomplete="off" \
autocapitalize="off" aria-describedby="traceback-stays"></textarea>
<button type="submit">{said["button"]}</button>
<span id="traceback-stays">{said["private"]}</span>
</form>
<div class="explain-result" aria-live="polite"></div>
<noscript><p>{said["script"]}</p></noscript>
<script src="{escape(root)}assets/explain.js" defer></script>
<script type="application/json" id="causes">{text}</script>
</div>"""


def _words(lang):
    return json.loads((PACKAGE / "words.json").read_text(encoding="utf-8"))[lang]


def listing(lang: str, folder: str = "") -> str:
    """Return a Markdown list of all messages, each with its causes below it.

    Args:
        lang: The language of the page.
        folder: The way from the page to the pages of messages, such as `errors/`.
    """
    colon, lines = _words(lang)["colon"], []
    for entry in entries(lang):
        page = f"{folder}{Path(entry['page']).name}.py"
        lines.append(f"- [{_escaped(entry['title'])}]({page})")
        for cause in entry["causes"]:
            title, fix = _escaped(cause["title"]), _escaped(cause["fix"])
            lines.append(f"    - [{title}]({page}#{cause['at']}){colon}{fix}")
    return "\n".join(lines)


def _escaped(text):
    """Keep Markdown from reading more than code spans in a text."""
    parts = text.split("`")
    parts[::2] = [re.sub(r"([\\*_\[\]<>#|$])", r"\\\1", part) for part in parts[::2]]
    return "`".join(parts)
