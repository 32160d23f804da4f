"""What a visit costs, over the wire, from a host that compresses and lets browsers keep."""

import gzip
import re

import pytest
from serving import served

FIRST, REQUESTS, NEXT = 200_000, 14, 30_000
"""Bytes of the first visit, its requests, and the bytes of the lesson read next."""
INDEX = "search/sections.json"


@pytest.fixture(scope="module")
def host(site):
    with served(site) as server:
        yield server


@pytest.fixture
def visit(browser, host):
    """Return a function that opens a page in one browser and says what was sent."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()

    def visit(url):
        host.sent.clear()
        page.goto(f"{host.address}/{url}", wait_until="networkidle")
        page.wait_for_timeout(300)  # for what a script asks for once the page stands
        return dict(host.sent)

    visit.page = page
    yield visit
    context.close()


def heaviest(site, lang):
    """Return the largest page of a language."""
    sizes = {
        len(gzip.compress(page.read_bytes())): page.parent.relative_to(site).as_posix()
        for page in (site / lang).rglob("index.html")
        if lang or not page.is_relative_to(site / "zh")
    }
    return sizes[max(sizes)] + "/"


@pytest.mark.parametrize("lang", ["", "zh/"])
@pytest.mark.parametrize("first", ["", "descent/by-hand/", "heaviest"])
def test_a_first_visit_is_light_and_the_next_lesson_lighter(site, visit, lang, first):
    url = heaviest(site, lang) if first == "heaviest" else lang + first
    sent = visit(url)
    assert f"/{url}" in sent
    assert sum(sent.values()) <= FIRST, sent
    assert len(sent) <= REQUESTS, sent
    if not first:  # the fonts of formulas come with the first lesson
        visit(f"{lang}descent/by-hand/")
    again = visit(f"{lang}backprop/momentum/")
    assert sum(again.values()) <= NEXT, again


@pytest.mark.parametrize("lang", ["", "zh/"])
def test_the_search_is_fetched_when_somebody_types(host, visit, lang):
    assert f"/{lang}{INDEX}" not in visit(f"{lang}descent/by-hand/")
    box = visit.page.locator(".md-search__input")
    with visit.page.expect_response(f"**/{INDEX}"):
        box.fill("momentum")
        box.press("End")  # the theme listens to keys
    visit.page.locator(".md-search-result__link").first.wait_for(timeout=90_000)


def test_a_link_to_a_search_searches(visit):
    visit("descent/by-hand/?q=momentum")
    visit.page.locator(".md-search-result__link").first.wait_for(timeout=90_000)


def test_a_page_loads_only_the_style_sheets_it_uses(site):
    used = {
        "descent/by-hand": ["katex.css", "site.css"],
        "contribute": ["site.css"],
        "reference/optim": ["_mkdocstrings.css", "katex.css", "site.css"],
    }
    for url, expected in used.items():
        page = (site / url / "index.html").read_text(encoding="utf-8")
        sheets = r'href="[^"]*?((?:katex|_mkdocstrings|site)\.css)"'
        assert re.findall(sheets, page) == expected, url
