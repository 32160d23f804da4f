"""Say in a page what it may load and run, so that a browser refuses everything else.

A host may say the same in a header; the page says it on any host. "Host it" in
`docs/contribute.md` has what only a header can say.
"""

import re
from base64 import b64encode
from hashlib import sha256

SCRIPT = re.compile(r"<script(?P<attributes>[^>]*)>(?P<code>.*?)</script>", re.S)
DATA = re.compile(r'\btype="(?!module"|text/javascript")')
CHARSET = '<meta charset="utf-8">'


def guarded(page: str) -> str:
    """Return a page with its policy, before anything that the policy is about."""
    head, mark, rest = page.partition(CHARSET)
    if not mark:
        raise ValueError(f"expected {CHARSET} in the page, to put the policy after it")
    said = f'<meta http-equiv="Content-Security-Policy" content="{policy(page)}">'
    return f"{head}{mark}\n{said}{rest}"


def policy(page: str) -> str:
    """Return the narrowest policy under which a page works."""
    rules = {
        "default-src": ["'self'"],
        "script-src": ["'self'", *hashes(page)],
        "img-src": ["'self'", "data:"],  # the theme's style sheet holds its icons
        "object-src": ["'none'"],
        "base-uri": ["'none'"],
        "form-action": ["'none'"],
    }
    if ' style="' in page:  # formulas and figures; a <style> stays forbidden
        rules["style-src-attr"] = ["'unsafe-inline'"]
    return "; ".join(" ".join([name, *values]) for name, values in rules.items())


def hashes(page: str) -> list[str]:
    """Return the hash of each script that stands in a page, in their order."""
    codes = [
        match["code"]
        for match in SCRIPT.finditer(page)
        if " src=" not in match["attributes"] and not DATA.search(match["attributes"])
    ]
    digests = [sha256(code.encode()).digest() for code in codes]
    return list(dict.fromkeys(f"'sha256-{b64encode(d).decode()}'" for d in digests))
