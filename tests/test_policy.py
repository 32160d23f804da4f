"""A page says what it may load and run; under that everything on it works."""

import base64
import hashlib
import re
from html.parser import HTMLParser
from urllib.parse import unquote

import pytest

from chainrule_site.policy import guarded, policy

KINDS = ["", "descent/by-hand/", "errors/modified-by-inplace/", "reference/optim/"]
LISTEN = """document.addEventListener("securitypolicyviolation", event =>
    violated(`${event.effectiveDirective} ${event.blockedURI} ${event.sample}`));"""
RULES = {
    "default-src",
    "script-src",
    "img-src",
    "object-src",
    "base-uri",
    "form-action",
}
HEADERS = (
    "Content-Security-Policy: frame-ancestors 'none'\n",
    "X-Content-Type-Options: nosniff\n",
    "Referrer-Policy: strict-origin-when-cross-origin\n",
)
PAGE = '<head><meta charset="utf-8"><script>one()</script></head><p>Text</p>'


class Parts(HTMLParser):
    """Reads the policy of a page, and what it is about."""

    def __init__(self, page):
        super().__init__()
        self.policies, self.scripts, self.late, self.styled = [], [], False, False
        self.inside = None
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.styled |= "style" in attrs
        assert tag != "style"
        assert not [name for name in attrs if name.startswith("on")], attrs
        assert "javascript:" not in attrs.get("href", "")
        if attrs.get("http-equiv") == "Content-Security-Policy":
            self.policies.append(attrs["content"])
            self.late |= bool(self.loads)
        self.loads = getattr(self, "loads", 0) + (tag in {"script", "link"})
        if tag == "script" and "src" not in attrs and "json" not in str(attrs):
            self.scripts.append("")
            self.inside = True

    def handle_endtag(self, tag):
        self.inside = None

    def handle_data(self, data):
        if self.inside:
            self.scripts[-1] += data

    @property
    def rules(self):
        (text,) = self.policies
        return {name: values for name, *values in map(str.split, text.split(";"))}


def signed(code):
    digest = hashlib.sha256(code.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def test_every_page_allows_its_own_scripts_and_nothing_else(site):
    pages = sorted(site.rglob("*.html"))
    assert len(pages) >= 58
    for path in pages:
        parts = Parts(path.read_text(encoding="utf-8"))
        assert not parts.late, path
        rules = parts.rules
        attributes = {"style-src-attr"} if parts.styled else set()
        assert rules.keys() == RULES | attributes, path
        assert len(parts.scripts) >= 3, path
        assert set(rules["script-src"]) == {"'self'", *map(signed, parts.scripts)}, path
        assert rules["default-src"] == ["'self'"]
        assert rules["img-src"] == ["'self'", "data:"]
        assert "*" not in parts.policies[0]
        assert "http" not in parts.policies[0]


def test_the_policy_of_a_page_comes_before_its_scripts():
    assert guarded(PAGE).index(signed("one()")) < guarded(PAGE).index("<script>")
    with pytest.raises(ValueError, match="expected <meta charset"):
        guarded("<p>Text</p>")


@pytest.mark.parametrize(
    ("page", "rule"),
    [
        ("<script>one()</script><script>one()</script>", signed("one()")),
        ('<script type="module">two()</script>', signed("two()")),
        ('<script src="file.js"></script>', ""),
        ('<script type="application/json">{}</script>', ""),
        ('<script type="application/ld+json">{}</script>', ""),
    ],
)
def test_scripts_that_run_are_signed_once(page, rule):
    assert f"script-src {f''''self' {rule}'''.strip()};" in policy(page)


def test_style_attributes_are_allowed_only_where_there_are_some():
    assert "style" not in policy("<p>style=</p>")
    assert "style-src-attr 'unsafe-inline'" in policy('<p style="top: 0">Text</p>')


@pytest.fixture
def visit(browser, address):
    """Return a function that opens a page and notes what its policy refused."""
    contexts = []

    def visit(url, change=None):
        context = browser.new_context(viewport={"width": 1280, "height": 900})
        context.grant_permissions(["clipboard-read", "clipboard-write"])
        contexts.append(context)
        page = context.new_page()
        page.violations, page.errors = [], []
        page.expose_function("violated", lambda text: page.violations.append(text))
        page.add_init_script(LISTEN)
        page.on("pageerror", lambda error: page.errors.append(str(error)))
        if change:
            page.route(f"{address}/{url}", lambda route: changed(route, *change))
        page.goto(f"{address}/{url}")
        return page

    yield visit
    for context in contexts:
        context.close()


def changed(route, old, new):
    response = route.fetch()
    assert old in response.text()
    route.fulfill(response=response, body=response.text().replace(old, new))


def settled(page):
    page.wait_for_timeout(200)
    return page.violations + page.errors


def switch_colours(page):
    body = page.locator("body")
    before = body.get_attribute("data-md-color-scheme")
    page.locator("label[for^=__palette]:visible").click()
    assert body.get_attribute("data-md-color-scheme") != before
    page.reload()  # the script that keeps the choice stands in the page
    assert body.get_attribute("data-md-color-scheme") != before


def copy_and_unfold(page):
    copy = page.locator(".md-content .highlight button")
    if copy.count():
        copy.first.hover()
        copy.first.click()
        assert page.evaluate("navigator.clipboard.readText()")
    for fold in page.locator(".md-content details summary").all()[:3]:
        fold.click()


def search(page):
    page.locator(".md-search__input").fill("backward")
    page.locator(".md-search__input").press("End")  # the theme listens to keys
    result = page.locator(".md-search-result__link").first
    result.wait_for(timeout=90_000)  # the worker reads the whole site
    result.click()
    page.wait_for_load_state()


@pytest.mark.parametrize("lang", ["", "zh/"])
def test_everything_on_a_page_works_under_its_policy(visit, lang):
    for kind in [*KINDS, "404.html"]:
        page = visit(lang + kind)
        switch_colours(page)
        copy_and_unfold(page)
        page.locator(".md-search__input").click()
        assert settled(page) == [], kind
        if kind == KINDS[1]:
            search(page)
        else:
            page.keyboard.press("Escape")
        page.locator("a[href$='/gradient/'] >> visible=true").first.click()
        page.wait_for_load_state()
        assert page.locator("h1").is_visible()
        assert settled(page) == [], kind


def test_figures_and_formulas_look_the_same_under_the_policy(visit):
    for url in ("descent/by-hand/", "zh/backprop/mlp-by-hand/"):
        page = visit(url)
        free = visit(url, ("Content-Security-Policy", "nothing"))
        page.locator(".katex").first.wait_for()
        sizes = """() => [...document.querySelectorAll(".katex, .katex *, figure *")]
            .map(e => e.getBoundingClientRect()).map(r => [r.x, r.y, r.width, r.height])"""
        assert page.evaluate(sizes) == free.evaluate(sizes)


@pytest.mark.parametrize(
    ("old", "new", "refused"),
    [
        ("<script>var palette=", "<script>var palette =", "script-src-elem inline"),
        ("</title>", "</title><style>p { top: 0 }</style>", "style-src-elem inline"),
        ("<h1 ", '<h1 onclick="stop()" ', "script-src-attr inline"),
        ("</h1>", '</h1><img src="//192.0.2.1/pixel.png">', "img-src //192.0.2.1"),
        ("</title>", '</title><base href="/zh/">', "base-uri"),
        (" 'unsafe-inline'", " 'none'", "style-src-attr inline"),
    ],
)
def test_what_a_policy_refuses_is_noticed(visit, old, new, refused):
    page = visit("descent/by-hand/", (old, new))
    found = [unquote(text).replace("http:", "") for text in settled(page)]
    assert any(text.startswith(refused) for text in found), found


def test_hosts_are_told_the_headers_that_a_page_cannot_hold(site):
    for lang in ("", "zh"):
        told = (site / lang / "contribute" / "index.html").read_text(encoding="utf-8")
        text = re.sub("<[^>]+>", "", told).replace("&#39;", "'")
        for header in HEADERS:
            assert header in text, lang
