"""Every page, for readers without a mouse, without sight, without scripts, or with paper."""

import os
import re
from itertools import product

import pytest
from conftest import ROOT

AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
WIDTHS = (1280, 390)
LANGUAGES = ("", "zh/")
LESSON = "descent/by-hand/"
HAN = re.compile("[\u4e00-\u9fff]")
SAMPLE = [f"{lang}{url}" for lang in LANGUAGES for url in ("", LESSON)]
LOOKED_AT = pytest.mark.parametrize(("url", "width"), list(product(SAMPLE, WIDTHS)))

JUDGE = """
for (const fold of document.querySelectorAll("details")) fold.open = true;
// thousands of tokens have the few colours of their kinds: one of each kind in a block will do
for (const code of document.querySelectorAll("code")) {
  const seen = new Set();
  for (const token of code.querySelectorAll("span[class]"))
    if (seen.has(token.className)) token.replaceWith(...token.childNodes);
    else seen.add(token.className);
}
async function judge() {
  const found = [];
  // the scripts of the page have yet to hear that it is narrower now
  await new Promise((done) => requestAnimationFrame(() => setTimeout(done, 100)));
  for (const scheme of ["default", "slate"]) {
    document.querySelector(`.md-option[data-md-color-scheme=${scheme}]`).click();
    while (document.body.dataset.mdColorScheme !== scheme)
      await new Promise((done) => setTimeout(done));
    // all other rules read what the scheme leaves as it is
    const rules = scheme === "slate" ? {runOnly: ["color-contrast", "link-in-text-block"]} : {};
    const {violations} = await axe.run({resultTypes: ["violations"], preload: false, ...rules});
    for (const {id, nodes} of violations)
      for (const {target, failureSummary} of nodes)
        found.push([scheme, id, target.join(" "), failureSummary]);
  }
  return found;
}
"""


def urls(site):
    return sorted(
        page.parent.relative_to(site).as_posix() + "/"
        for page in site.rglob("index.html")
    )


@pytest.fixture(scope="module")
def axe():
    """Return the script of axe-core."""
    if not AXE.exists() and "CI" not in os.environ:
        pytest.skip("no axe-core on this machine: npm install; CI installs it")
    return AXE.read_text(encoding="utf-8")


@pytest.fixture
def judges(browser, address, axe):
    """Return a function that has axe-core look at a page, in each language.

    The languages are two tabs, whose processes work at the same time.
    """
    contexts = [browser.new_context(reduced_motion="reduce") for _ in LANGUAGES]
    tabs = dict(zip(LANGUAGES, [c.new_page() for c in contexts], strict=True))

    def judge(url, before=""):
        found = []
        for width in WIDTHS:
            for lang, tab in tabs.items():
                tab.set_viewport_size({"width": width, "height": 900})
                if width == WIDTHS[0]:
                    tab.goto(f"{address}/{lang}{url}", wait_until="load")
                    tab.evaluate(f"{before};{axe};{JUDGE}; null")
                tab.evaluate("window.judged = judge(); null")
            for lang, tab in tabs.items():
                found += [(lang + url, width, *each) for each in tab.evaluate("judged")]
        return found

    yield judge
    for context in contexts:
        context.close()


def test_axe_finds_nothing_on_any_page(site, judges):
    english = [url for url in urls(site) if not url.startswith("zh/")]
    assert 2 * len(english) == len(urls(site))
    english.append("404.html")
    assert [violation for url in english for violation in judges(url)] == []


def test_axe_finds_what_is_wrong(judges):
    faint = "document.querySelector('h1').style.color = 'rgb(127 127 127 / 30%)'"
    found = judges("./", before=faint)
    assert {violation[:4] for violation in found} == set(
        product(("./", "zh/./"), WIDTHS, ("default", "slate"), ["color-contrast"])
    )


FOCUS = """() => {
  const element = document.activeElement;
  if (element === document.body) return null;
  // a radio button is drawn by its label
  const drawn = element.matches(".md-option") ? element.nextElementSibling : element;
  const {left, right, top, bottom, width, height} = drawn.getClientRects()[0];
  const style = getComputedStyle(drawn);
  const over = document.elementFromPoint(left + Math.min(width, 20) / 2, top + height / 2);
  element.dataset.reached = "";
  return {
    html: element.outerHTML.slice(0, 120),
    box: [left, top, right, bottom],
    outlined: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2,
    inside: left > -1 && right < innerWidth + 1 && top > -2 && bottom < innerHeight + 2,
    seen: drawn.contains(over),
  };
}"""
MISSED = """() => [...document.querySelectorAll("a[href], button, input, textarea, summary")]
  .filter((e) => e.checkVisibility({visibilityProperty: true}) && e.tabIndex >= 0)
  .filter((e) => e.type !== "radio" && !("reached" in e.dataset))
  .map((e) => e.outerHTML.slice(0, 120))"""


OTHERS = [(url, 1280) for url in ("404.html", "zh/errors/", "reference/optim/")]


@pytest.mark.parametrize(("url", "width"), [*product(SAMPLE, WIDTHS), *OTHERS])
def test_the_tab_key_reaches_everything_and_shows_where_it_is(open_page, url, width):
    page = open_page(url, width, reduced_motion="reduce")
    stops = 0
    while True:
        page.keyboard.press("Tab")
        for _ in range(10):  # the theme opens and closes the search a little later
            at = page.evaluate(FOCUS)
            if at is None or (fine := at["outlined"] and at["inside"] and at["seen"]):
                break
            page.wait_for_timeout(50)
        if at is None:
            break
        assert fine, at
        stops += 1
    assert stops > 15
    assert page.evaluate(MISSED) == []


def test_whoever_comes_to_a_result_of_the_search_by_keyboard_sees_it(open_page):
    page = open_page(LESSON, reduced_motion="reduce")
    page.keyboard.press("/")
    page.keyboard.type("momentum", delay=20)
    page.locator(".md-search-result__link").first.wait_for()
    for _ in range(2):
        page.keyboard.press("ArrowDown")
        at = page.evaluate(FOCUS)
        assert "md-search-result__link" in at["html"]
        assert at["outlined"], at
        assert at["inside"], at
        assert at["seen"], at


@LOOKED_AT
def test_the_first_stop_leads_past_the_menus(open_page, url, width):
    page = open_page(url, width)
    page.keyboard.press("Tab")
    assert page.locator(".md-skip").evaluate("e => e === document.activeElement")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("!!document.activeElement.closest('.md-content')")


@pytest.mark.parametrize("scripts", [True, False])
def test_the_menu_of_a_phone_opens_by_keyboard(open_page, scripts):
    page = open_page(LESSON, 390, java_script_enabled=scripts, reduced_motion="reduce")
    link = page.locator(".md-nav--primary a[href$='learning-rate/']")
    assert not link.is_visible()
    page.keyboard.press("Tab")
    if scripts:  # without, the check box behind the button comes first
        page.keyboard.press("Tab")
    page.keyboard.press("Enter" if scripts else "Space")
    if scripts:
        link = page.locator(".md-nav--primary label[for^=__nav]").first
    link.wait_for()
    assert page.locator(".md-sidebar--primary").bounding_box()["x"] == 0


def attributes(page, *names):
    """Return what the attributes of a page say to those who do not see it."""
    found = re.findall(rf'\s({"|".join(names)})="([^"]*)"', page)
    return {text for _, text in found if text}


def test_what_is_read_aloud_is_in_the_language_of_the_page(site):
    names = {"English", "简体中文", "logo"}  # of languages; a link around it is read
    for url in urls(site):
        page = (site / url / "index.html").read_text(encoding="utf-8")
        # names in code, and headings once more
        page = re.sub(
            r'<(a [^>]*autorefs|span title|nav class="md-nav")[^>]*>', "", page
        )
        said = attributes(page, "alt", "title", "aria-label", "placeholder") - names
        if url.startswith("zh/"):
            assert {text for text in said if not HAN.search(text)} == set(), url
        else:
            assert {text for text in said if HAN.search(text)} == set(), url


def test_every_picture_has_words_for_it(site):
    pictures = 0
    for url in urls(site):
        page = (site / url / "index.html").read_text(encoding="utf-8")
        for figure in re.findall(r"<figure.*?</figure>", page, re.S):
            pictures += 1
            label = re.search(r'<svg [^>]*role="img" aria-label="([^"]{20,})"', figure)
            assert label, url
            assert "<figcaption>" in figure, url
        assert not re.search(r"<img(?![^>]*\balt=)[^>]*>", page), url
    assert pictures >= 30


MOVING = """() => [...document.querySelectorAll("*")].flatMap((e) =>
  [null, "::before", "::after"].map((part) => [e, part, getComputedStyle(e, part)]))
  .filter(([, , s]) => /[1-9]/.test(s.transitionDuration + s.animationDuration)
    && (s.animationName !== "none" || /[1-9]/.test(s.transitionDuration))
    || s.scrollBehavior === "smooth")
  .map(([e, part]) => e.outerHTML.slice(0, 80) + part)"""


@LOOKED_AT
def test_nothing_moves_for_readers_who_asked_for_that(open_page, url, width):
    assert open_page(url, width, reduced_motion="reduce").evaluate(MOVING) == []


@pytest.mark.parametrize("url", SAMPLE)
def test_without_scripts_a_page_shows_all_but_what_needs_them(open_page, url):
    page = open_page(url, java_script_enabled=False)
    for shown in ("h1", ".highlight code", ".output code", ".md-footer__link"):
        assert page.locator(shown).first.is_visible(), shown
    if url.endswith(LESSON):
        for shown in (".md-nav--primary .md-nav__link", ".katex", "figure svg"):
            assert page.locator(shown).first.is_visible(), shown
    for needy in (".md-search", "[data-md-component=palette]", ".md-top"):
        assert not page.locator(needy).is_visible(), needy


@pytest.mark.parametrize("url", [*SAMPLE, "errors/inplace-map/", "reference/mlp/"])
def test_paper_gets_the_page_and_nothing_around_it(open_page, url):
    page = open_page(url, 480, "dark")  # about as wide as a small sheet
    page.emulate_media(media="print")
    menus = ("header", "footer", ".md-sidebar", ".md-code__nav", ".headerlink")
    for menu in (*menus, ".lesson-links", ".explain", ".md-skip"):
        for part in page.locator(menu).all():
            assert not part.is_visible(), menu
    cut = """() => [...document.querySelectorAll(".md-content *")]
        .filter((e) => getComputedStyle(e).overflowX !== "visible")
        .filter((e) => !e.closest("svg, .katex") && e.scrollWidth > e.clientWidth)
        .map((e) => e.outerHTML.slice(0, 80))"""
    assert page.evaluate(cut) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 480
    folded = page.locator("details:not([open]) pre")
    for block in folded.all():
        assert block.evaluate("e => e.checkVisibility() && e.clientHeight > 0")
        fold = block.locator("xpath=ancestor::details[1]")
        breaks = fold.evaluate("e => getComputedStyle(e).breakInside")
        assert breaks == "auto"  # or the sheet before a long one is left empty
    if url.endswith(LESSON):
        assert folded.count() > 2
    style = "(es, name) => [...new Set(es.map((e) => getComputedStyle(e)[name]))]"
    for whole in ("figure", "tr"):
        broken = page.locator(f".md-content {whole}").evaluate_all(style, "breakInside")
        assert set(broken) <= {"avoid"}, whole
    heads = page.locator(".md-content :is(h1, h2, h3, summary)")
    assert heads.evaluate_all(style, "breakAfter") == ["avoid"]
    ink, paper = page.evaluate(
        "[...document.body.querySelectorAll('h1')].map(e => getComputedStyle(e).color)"
        ".concat(getComputedStyle(document.body).backgroundColor)"
    )
    assert max(map(int, re.findall(r"\d+", ink)[:3])) < 60
    assert min(map(int, re.findall(r"\d+", paper)[:3])) > 240


@pytest.mark.parametrize("scripts", [True, False])
def test_paper_says_where_links_lead(open_page, address, scripts):
    page = open_page(LESSON, java_script_enabled=scripts)
    page.emulate_media(media="print")

    def printed(link):
        link = page.locator(f".md-content p a[href$='{link}']").last
        return link.evaluate("e => getComputedStyle(e, '::after').content")

    away = page.locator(".md-content p a[href^=https]").first.get_attribute("href")
    assert away in printed(away)
    if scripts:
        assert f"{address}/descent/autograd/" in printed("../autograd/")


MARKS = """() => ["background-color", "border-top-width", "border-top-style"].map((name) =>
  getComputedStyle(document.querySelector("%s"), "%s").getPropertyValue(name))"""


def test_edges_and_marks_remain_where_the_system_has_the_colours(open_page):
    page = open_page("errors/", forced_colors="active")
    for part in (".md-search__form", ".explain button"):
        assert page.evaluate(MARKS % (part, ""))[1:] == ["1px", "solid"], part
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    for part, mark in ((".md-nav__link--active", "before"), (".md-nav__icon", "after")):
        assert page.evaluate(MARKS % (part, f"::{mark}"))[0] != ground, part


def test_a_word_left_in_english_has_no_dots_and_keeps_its_letters_together(open_page):
    page = open_page("zh/errors/inplace-map/")
    styles = "es => es.map(e => [getComputedStyle(e).fontStyle, getComputedStyle(e).textEmphasisStyle])"
    english = page.locator(".md-content em[lang=en]")
    assert english.count() == 3
    assert english.evaluate_all(styles) == [["italic", "none"]] * 3
    page = open_page("zh/descent/by-hand/")
    chinese = page.locator(".md-content em:not([lang])")
    assert chinese.count() > 0
    assert {style for style, _ in chinese.evaluate_all(styles)} == {"normal"}
    justified = "e => [getComputedStyle(e).textAlign, getComputedStyle(e).textJustify]"
    assert page.locator("h1 + p").evaluate(justified) == ["justify", "auto"]
