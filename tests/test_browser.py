"""Every page, as a reader sees and uses it: in Chromium, in both languages.

What is true of every page is asked of every page, with one load of each; what a reader
does is done on pages that hold what it takes.
"""

import doctest
import json
import os
import re
import subprocess
import sys
import time
from itertools import pairwise, product

import pytest
from conftest import ROOT, mkdocs_build, served

from chainrule_site.lesson import LANGUAGES, read
from chainrule_site.source import snippets

FOLDERS = {lang: "" if lang == LANGUAGES[0] else f"{lang}/" for lang in LANGUAGES}
SCHEMES = {"light": "default", "dark": "slate"}
CLIPBOARD = {"permissions": ["clipboard-read", "clipboard-write"]}
PHONE = 390
LATE = 0.15
"""Seconds for what a script asks for once the page stands."""


def urls(site):
    return sorted(
        p.parent.relative_to(site).as_posix() + "/" for p in site.rglob("index.html")
    )


@pytest.mark.parametrize("ci", [False, True])
def test_without_chromium_tests_are_skipped_with_a_reason_and_fail_in_ci(tmp_path, ci):
    one = "tests/test_browser.py::test_88_columns_of_code_fit_at_1280_pixels"
    left_out = ("CI", "PYTEST_XDIST_WORKER", "PYTEST_ADDOPTS")
    env = {k: v for k, v in os.environ.items() if k not in left_out}
    nothing = {"PATH": str(tmp_path), "PLAYWRIGHT_BROWSERS_PATH": str(tmp_path)}
    finished = subprocess.run(
        [sys.executable, "-m", "pytest", "-rs", "-p", "no:cacheprovider", one],
        cwd=ROOT,
        env=env | nothing | ({"CI": "true"} if ci else {}),
        capture_output=True,
        text=True,
    )
    assert finished.returncode == (1 if ci else 0), finished.stdout
    said = "1 error" if ci else "1 skipped"
    assert said in finished.stdout.splitlines()[-1]
    assert ci or "no Chromium on this machine; CI installs it" in finished.stdout


def test_every_page_loads_from_one_host_without_an_error_and_fits(
    site, open_page, address
):
    page, pages = open_page("404.html"), urls(site)
    assert len(pages) > 100
    for url in ["404.html", *pages]:
        page.wrongs.clear()
        page.goto(f"{address}/{url}", wait_until="load")
        late = time.monotonic() + LATE
        look(page, url)
        page.wait_for_timeout(1000 * max(0, late - time.monotonic()))
        assert page.wrongs == [], url


def look(page, url):
    """Look at a page in two widths and two schemes."""
    assert page.locator("h1").count() == 1, url
    desk, phone = ({"width": width, "height": 900} for width in (1280, PHONE))
    around = (("light", desk), ("dark", desk), ("dark", phone), ("light", phone))
    for scheme, size in around:  # one thing changes at a time
        page.set_viewport_size(size)
        page.emulate_media(color_scheme=scheme)
        wait_for_scheme(page, scheme)
        if width_of(page) > size["width"]:  # parts of the theme slide to their places
            page.wait_for_timeout(1000)
        assert width_of(page) <= size["width"], (url, size, scheme)
    page.set_viewport_size(desk)


def scheme_of(page):
    return page.evaluate("document.body.dataset.mdColorScheme")


def wait_for_scheme(page, scheme):
    """Give the page a moment to hear of the scheme of the system."""
    page.wait_for_function(
        "name => document.body.dataset.mdColorScheme === name", arg=SCHEMES[scheme]
    )


def width_of(page):
    return page.evaluate("document.documentElement.scrollWidth")


def test_no_way_in_is_wider_than_its_column(open_page):
    wide = """() => [...document.querySelectorAll(".door > div")].map((column) =>
        [...column.querySelectorAll("a")].filter((link) =>
            link.getBoundingClientRect().right > column.getBoundingClientRect().right))"""
    for url, width in product(("", "zh/"), (965, 1280, PHONE)):
        assert open_page(url, width).evaluate(wide) == [[], [], []], (url, width)


def test_88_columns_of_code_fit_at_1280_pixels(open_page):
    page = open_page("descent/by-hand/")
    assert page.evaluate(
        """() => {
            const code = document.querySelector(".highlight code");
            code.textContent = "x".repeat(88);
            return code.scrollWidth <= code.clientWidth;
        }"""
    )


# The home page, and what all pages look like


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_home_page_is_two_programs_that_print_the_same_and_three_doors(
    open_page, lang
):
    page = open_page(FOLDERS[lang])
    by_hand, autograd = page.locator(".beside .highlight:not(.output) code").all()
    assert "backward()" not in by_hand.inner_text()
    assert "backward()" in autograd.inner_text()
    outputs = page.locator(".beside .output code").all_inner_texts()
    assert len(outputs) == 2
    assert outputs[0] == outputs[1]
    assert len(re.findall(r"\d\.\d{4}", outputs[0])) == 6
    doors = page.locator(".door > div")
    assert doors.locator("h2").evaluate_all("es => es.map(e => e.id)") == [
        "learn",
        "errors",
        "reference",
    ]
    assert doors.nth(1).locator("[data-explain] textarea").is_visible()
    for pair in ([by_hand, autograd], doors.all()):
        boxes = [part.bounding_box() for part in pair]
        assert len({round(box["y"]) for box in boxes}) == 1
        for left, right in pairwise(boxes):
            assert left["x"] + left["width"] < right["x"]


COLOURS = """() => {
    const found = new Set();
    for (const e of document.querySelectorAll("body *:not(figure *)")) {
        const {width, height} = e.getBoundingClientRect();
        if (!width || !height) continue;
        const style = getComputedStyle(e);
        const kinds = ["color", "backgroundColor", "borderLeftColor", "outlineColor"];
        for (const kind of kinds) found.add(style[kind]);
    }
    const ours = getComputedStyle(document.body);
    const names = ["--accent", "--error", "--plot-2", "--md-accent-fg-color"];
    return [[...found], ...names.map((name) => ours.getPropertyValue(name))];
}"""


def rgb(colour):
    if colour.startswith("#"):
        return tuple(bytes.fromhex(colour[1:]))
    return tuple(int(float(value)) for value in re.findall(r"[\d.]+", colour)[:3])


@pytest.mark.parametrize("url", ["", "zh/descent/by-hand/", "reference/mlp/"])
def test_there_is_one_accent_and_headings_are_not_bold(open_page, url):
    page = open_page(url)
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme)
        wait_for_scheme(page, scheme)
        page.wait_for_timeout(300)  # colours change slowly
        found, accent, error, strings, theme = page.evaluate(COLOURS)
        assert rgb(theme) == rgb(accent)
        coloured = {c for c in map(rgb, found) if max(c) - min(c) > 40}
        assert rgb(accent) in coloured
        assert coloured <= set(map(rgb, (accent, error, strings))), scheme
    weight = "es => [...new Set(es.map(e => getComputedStyle(e).fontWeight))]"
    heads = page.locator(".md-content :is(h1, h2, h3, h4)")
    assert heads.evaluate_all(weight) == ["400"]


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_mark_of_the_site_is_its_own(open_page, lang):
    page = open_page(FOLDERS[lang])
    for mark, name in {".md-logo:visible img": "src", "link[rel=icon]": "href"}.items():
        address = page.locator(mark).first.evaluate(f"e => e.{name}")
        drawn = page.request.get(address).text()
        assert drawn == (ROOT / "docs" / "assets" / "mark.svg").read_text()


# The other language


def by_menu(page, lang, **options):
    page.locator(".md-select > button").hover()
    page.wait_for_timeout(400)  # it opens slowly
    page.locator(f".md-select__link[hreflang={lang}]").click(**options)


def by_line(page, lang, **options):
    page.locator(f".lesson-links a[hreflang={lang}]").click(**options)


def by_keyboard(page, lang):
    page.locator(".md-select > button").focus()
    for _ in range(1 + LANGUAGES.index(lang)):
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")


def test_the_escape_key_closes_the_menu_of_languages(open_page):
    page = open_page("")
    menu = page.locator(".md-select__inner").element_handle()
    page.locator(".md-select > button").focus()
    page.keyboard.press("Tab")
    page.wait_for_function("e => e.clientHeight > 50", arg=menu)
    page.keyboard.press("Escape")
    page.wait_for_function("e => e.clientHeight === 0", arg=menu)
    page.keyboard.press("Tab")  # goes on from where one was
    assert page.evaluate("e => e.contains(document.activeElement)", menu)


def on_screen(page, selector):
    return page.locator(selector).evaluate(
        "e => { const box = e.getBoundingClientRect();"
        " return box.top >= 0 && box.bottom <= innerHeight; }"
    )


@pytest.mark.parametrize("switch", [by_menu, by_line, by_keyboard])
def test_the_other_language_is_the_same_place_on_the_same_page_and_back(
    open_page, address, switch
):
    for url in ("descent/by-hand/", "descent/by-hand/#samples"):
        page = open_page(url)
        switch(page, "zh")
        page.wait_for_url(f"{address}/zh/{url}")
        assert page.locator("html").get_attribute("lang") == "zh"
        assert "#" not in url or on_screen(page, "h2#samples")
        switch(page, "en")
        page.wait_for_url(f"{address}/{url}")
        assert "#" not in url or on_screen(page, "h2#samples")


def test_a_reader_who_scrolled_on_stays_in_the_section_that_is_read(open_page, address):
    for start in ("", "#samples"):
        page = open_page(f"zh/descent/by-hand/{start}")
        page.locator("h2#mistake").evaluate("e => scrollTo(0, e.offsetTop + 300)")
        assert not on_screen(page, "h2#mistake")
        by_menu(page, "en")
        page.wait_for_url(f"{address}/descent/by-hand/#mistake")


def test_the_other_language_has_the_anchor_of_a_page_with_a_query(open_page, address):
    page = open_page("descent/by-hand/?from=mail#samples")
    by_menu(page, "zh")
    page.wait_for_url(f"{address}/zh/descent/by-hand/#samples")


def test_the_other_language_opens_at_the_same_place_in_a_new_tab(open_page, address):
    page = open_page("descent/by-hand/#samples")
    for options in ({"button": "middle"}, {"modifiers": ["Control"]}):
        with page.context.expect_page() as opened:
            by_menu(page, "zh", **options)
        opened.value.wait_for_url(f"{address}/zh/descent/by-hand/#samples")


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_search_finds_a_lesson_and_enter_goes_to_a_section(open_page, lang):
    page = open_page(f"{FOLDERS[lang]}cost/")
    page.keyboard.press("/")
    page.keyboard.type({"en": "momentum", "zh": "动量"}[lang], delay=20)
    page.keyboard.press(
        "End"
    )  # the theme listens to keys, and not to what an IME enters
    found = page.locator(".md-search-result__link[href*='backprop/momentum/']")
    found.first.wait_for()
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(rf"/{FOLDERS[lang]}(?!cost).*"))
    assert page.locator("html").get_attribute("lang") == lang
    assert page.wrongs == []


# What a reader takes along

LESSON = '''# %% [markdown] lang="en"
# # Kinds of code {#title}

# %% [markdown] lang="zh"
# # 各种代码 {#title}

# %%


import math

text = """<b title='q'>&amp; "x" &lt;</b> 链式法则，é 😀 ∂
\\t</code></pre>

    <!-- `a` ``b`` ~~~
```python
{{ page }} $x^2$ \\\\(y\\\\) [`z`][torch.no_grad] *w* _v_ #u
"""
if math.pi:

    print(
        text,
    )



# %% tags=["source"]
from chainrule.descent import loss

# %% tags=["source"]
from chainrule.checkpoint import load

# %% [markdown] lang="en" tags=["answer"]
# Folded.

# %% [markdown] lang="zh" tags=["answer"]
# 折叠。

# %% tags=["answer"]
print(*("</details>" for _ in range(60)), sep="\\n")
'''


@pytest.fixture(scope="module")
def kinds(tmp_path_factory):
    """Build a site of one lesson with code that is hard to copy; return its code."""
    project = tmp_path_factory.mktemp("kinds")
    (project / "src").symlink_to(ROOT / "src")
    docs = project / "docs"
    docs.mkdir()
    for folder in ("assets", "reference"):
        (docs / folder).symlink_to(ROOT / "docs" / folder)
    (docs / "index.py").write_text(LESSON, encoding="utf-8")
    pages = ["index.py", *(f"reference/{p.name}" for p in docs.glob("reference/*"))]
    (project / "mkdocs.yml").write_text(
        f"INHERIT: {ROOT / 'mkdocs.yml'}\nnav: {json.dumps(pages)}\n"
    )
    finished = mkdocs_build(project, project / "site")
    assert finished.returncode == 0, finished.stderr
    with served(project / "site") as address:
        yield address, code_of(docs / "index.py")


def code_of(path):
    """Return the code that the page of a lesson prints, block by block."""
    blocks = []
    sources = [cell.text for cell in read(path).code if "source" in cell.tags]
    shown = iter(snippets(sources))
    for cell in read(path).code:
        source = "source" in cell.tags
        blocks += [s.text for s in next(shown)] if source else [cell.text]
    return [block.strip("\n") for block in blocks]


def copies(page, blocks=None):
    """Press the copy button of blocks, or of all, and return what each copied."""
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    copied = []
    for block in blocks or page.locator(".md-typeset .highlight:not(.output)").all():
        page.evaluate("navigator.clipboard.writeText('nothing')")
        block.hover()
        block.locator("button[data-clipboard-target]").click()
        copied.append(page.evaluate("navigator.clipboard.readText()"))
    return copied


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_copy_button_copies_exactly_the_code_that_ran(open_page, kinds, lang):
    address, code = kinds
    page = open_page(FOLDERS[lang], address=address, **CLIPBOARD)
    assert page.locator("details.long, details.answer, details.fold").count() == 3
    assert page.locator(".highlight .filename").count() == 1
    assert copies(page) == code
    assert page.locator(".output button, .output .md-clipboard").count() == 0


@pytest.mark.parametrize("url", ["autograd/inplace", "zh/descent/by-hand"])
def test_the_copy_button_copies_exactly_the_code_of_a_lesson(open_page, url):
    page = open_page(f"{url}/", **CLIPBOARD)
    assert copies(page) == code_of(ROOT / "docs" / f"{url.removeprefix('zh/')}.py")
    assert page.locator(".output").count() > 0
    assert page.locator(".output button, .output .md-clipboard").count() == 0


def test_the_copy_button_copies_of_an_example_with_prompts_what_runs(open_page):
    page = open_page("reference/descent/", **CLIPBOARD)
    told = page.locator(".highlight.language-pycon code").all_inner_texts()
    examples = [doctest.DocTestParser().get_examples(text) for text in told]
    assert any(example.want for each in examples for example in each)
    sources = ["".join(example.source for example in each) for each in examples]
    blocks = page.locator(".highlight.language-pycon").all()
    copied = copies(page, blocks)
    assert ["".join(re.split(r"(?<=\n)\n+", c)) + "\n" for c in copied] == sources
    assert page.locator(".highlight.language-pycon code").all_inner_texts() == told


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_lesson_is_downloaded_under_its_name_in_the_language_of_the_page(
    open_page, lang, tmp_path
):
    page = open_page(f"{FOLDERS[lang]}descent/by-hand/")
    files = {}
    for kind in ("py", "ipynb"):
        with page.expect_download() as waiting:
            page.locator(f'.lesson-links a[href$=".{kind}"]').click()
        assert waiting.value.suggested_filename == f"by-hand.{kind}"
        waiting.value.save_as(tmp_path / kind)
        files[kind] = (tmp_path / kind).read_text(encoding="utf-8")
    title = page.locator("h1").evaluate("e => e.firstChild.textContent")
    compile(files["py"], "by-hand.py", "exec")
    notebook = json.loads(files["ipynb"])
    assert notebook["nbformat"] == 4
    text = "".join("".join(cell["source"]) for cell in notebook["cells"])
    for content in (files["py"], text):
        assert f"# {title}" in content
        assert bool(re.search("[\u4e00-\u9fff]", content)) == (lang == "zh")
    assert page.wrongs == []


# Folds


def test_folds_and_answers_open_and_close_with_mouse_and_keyboard(open_page):
    for url in ("descent/by-hand/", "zh/checkpoints/one-gpu-many-gpus/"):
        page = open_page(url)
        for block in page.locator("details").all():
            code, summary = block.locator("pre").first, block.locator("summary").first
            assert not code.is_visible()
            summary.click()
            assert code.is_visible()
            summary.click()
            assert not code.is_visible()
            for key in ("Enter", "Space"):
                summary.press(key)
                assert code.is_visible() == (key == "Enter")


def test_an_address_opens_the_folds_that_hide_its_place(open_page, address):
    page = open_page("descent/by-hand/")
    inner = '<details><summary>?</summary><h3 id="deep">!</h3></details>'
    mark = '<details class="answer"'

    def hide(route):
        body = route.fetch().text()
        assert mark in body
        whole = f"{mark}><summary>!</summary>{inner}</details>{mark}"
        route.fulfill(body=body.replace(mark, whole, 1), content_type="text/html")

    page.route(f"{address}/descent/by-hand/*", hide)
    page.goto(f"{address}/descent/by-hand/?new#deep")
    assert on_screen(page, "#deep")
    page.evaluate(
        "document.querySelectorAll('details').forEach(d => d.open = false);"
        "document.querySelector('.md-content').insertAdjacentHTML("
        "'afterbegin', '<a id=there href=#deep>there</a>')"
    )
    page.locator("#there").click()
    page.wait_for_timeout(100)
    assert page.locator("#deep").is_visible()
    assert on_screen(page, "#deep")


# Light and dark


def toggle(page):
    page.locator("[data-md-component=palette] label:visible").click()


def test_the_scheme_that_is_chosen_holds_on_other_pages_and_in_the_other_language(
    open_page, address
):
    page = open_page("descent/by-hand/")
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    toggle(page)
    assert scheme_of(page) == "slate"
    assert background != page.evaluate(
        "getComputedStyle(document.body).backgroundColor"
    )
    for url in ("descent/autograd/", "zh/descent/autograd/", "errors/", ""):
        page.goto(f"{address}/{url}")
        assert scheme_of(page) == "slate", url
    toggle(page)
    page.goto(f"{address}/zh/")
    assert scheme_of(page) == "default"


def test_the_site_follows_the_system_until_a_scheme_is_chosen(open_page, address):
    page = open_page("", scheme="dark")
    wait_for_scheme(page, "dark")
    page.emulate_media(color_scheme="light")
    wait_for_scheme(page, "light")
    page.goto(f"{address}/cost/")
    assert scheme_of(page) == "default"
    page.goto("about:blank")
    page.emulate_media(color_scheme="dark")
    page.goto(f"{address}/zh/cost/")
    assert scheme_of(page) == "slate"
    toggle(page)
    assert scheme_of(page) == "default"
    page.emulate_media(color_scheme="light")
    page.emulate_media(color_scheme="dark")
    page.wait_for_timeout(100)
    assert scheme_of(page) == "default"
    page.reload()
    assert scheme_of(page) == "default"


def test_a_reader_who_goes_back_to_the_scheme_of_the_system_follows_it_again(open_page):
    page = open_page("")
    toggle(page)
    toggle(page)
    page.reload()
    page.emulate_media(color_scheme="dark")
    wait_for_scheme(page, "dark")


def test_a_page_has_its_scheme_before_any_script_has_arrived(open_page, address):
    page = open_page("404.html", scheme="dark")
    toggle(page)  # the reader chooses light
    page.context.route("**/*.js", lambda route: route.abort())
    for chosen, scheme in ((True, "default"), (False, "slate")):
        if not chosen:
            page.evaluate("localStorage.clear()")
        page.reload()
        assert scheme_of(page) == scheme
        page.goto(f"{address}/zh/descent/batches/")
        assert scheme_of(page) == scheme


CONTRAST = """
() => {
    const canvas = document.createElement("canvas").getContext("2d");
    const rgba = (colour, opacity = 1) => {
        canvas.clearRect(0, 0, 1, 1);
        canvas.fillStyle = colour;
        canvas.fillRect(0, 0, 1, 1);
        const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
        return [r, g, b, (a / 255) * opacity];
    };
    const over = (top, below) =>
        [0, 1, 2].map((i) => top[i] * top[3] + below[i] * (1 - top[3]));
    const light = (colour) => {
        const [r, g, b] = colour.map((v) =>
            v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const contrast = (a, b) => {
        const [low, high] = [light(a), light(b)].sort((x, y) => x - y);
        return (high + 0.05) / (low + 0.05);
    };
    const opacity = (element) => {
        let product = 1;
        for (let e = element; e && e.localName !== "figure"; e = e.parentElement)
            product *= getComputedStyle(e).opacity;
        return product;
    };
    const paper = (element) => {
        for (let e = element; e; e = e.parentElement) {
            const colour = rgba(getComputedStyle(e).backgroundColor);
            if (colour[3] === 1) return colour.slice(0, 3);
        }
        return [255, 255, 255];
    };
    const fill = (e) => {
        const style = getComputedStyle(e);
        if (style.fill === "none") return null;
        return rgba(style.fill, style.fillOpacity * opacity(e));
    };
    const inside = (point, box) =>
        point.x >= box.left && point.x <= box.right &&
        point.y >= box.top && point.y <= box.bottom;
    // what is painted before something, where its middle is, is behind it
    const behind = (element, svg) => {
        const box = element.getBoundingClientRect();
        const middle = {x: (box.left + box.right) / 2, y: (box.top + box.bottom) / 2};
        let colour = paper(svg);
        for (const shape of svg.querySelectorAll("rect, circle, ellipse, polygon, path")) {
            const before = shape.compareDocumentPosition(element) & 4;
            const own = fill(shape);
            if (!before || !own || shape.closest("defs, clipPath")) continue;
            if (inside(middle, shape.getBoundingClientRect())) colour = over(own, colour);
        }
        return colour;
    };
    const found = [];
    for (const svg of document.querySelectorAll("figure svg")) {
        for (const text of svg.querySelectorAll("text")) {
            if (!text.textContent.trim()) continue;
            const below = behind(text, svg);
            const said = text.textContent.trim();
            found.push(["text", said, contrast(over(fill(text), below), below)]);
        }
        const lines = "path, line, polyline, polygon, rect, circle, ellipse, use";
        for (const line of svg.querySelectorAll(lines)) {
            const style = getComputedStyle(line);
            if (style.stroke === "none" || line.closest("defs, clipPath")) continue;
            const colour = rgba(style.stroke, style.strokeOpacity * opacity(line));
            const below = paper(svg);
            found.push(["line", style.stroke, contrast(over(colour, below), below)]);
        }
    }
    return found;
}
"""


@pytest.mark.parametrize("url", ["descent/learning-rate/", "zh/backprop/chain-rule/"])
def test_text_and_lines_of_figures_stand_out_in_both_schemes(open_page, url):
    page = open_page(url)
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme)
        page.wait_for_timeout(300)  # colours change slowly
        found = page.evaluate(CONTRAST)
        assert {kind for kind, _, _ in found} == {"text", "line"}
        limits = {"text": 4.5, "line": 3}
        assert [one for one in found if one[2] < limits[one[0]]] == [], scheme


def test_figures_take_the_colours_of_the_page_and_say_what_is_to_be_seen(open_page):
    page = open_page("descent/by-hand/")
    figure = page.locator("figure svg").first
    assert len(figure.get_attribute("aria-label")) > 40
    colours = set()
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme)
        page.wait_for_timeout(300)
        style = "e => getComputedStyle(e).fill"
        colours.add(figure.locator("text").first.evaluate(style))
    assert len(colours) == 2


# Less than a screen, a script or a desk


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_page_can_be_read_and_left_without_javascript(open_page, address, lang):
    start = f"{FOLDERS[lang]}descent/by-hand/"
    page = open_page(start, java_script_enabled=False)
    for selector in ("h2#samples", ".katex", "figure svg", ".highlight pre", ".output"):
        assert page.locator(selector).first.is_visible(), selector
    page.locator("details.answer summary").first.click()
    assert page.locator("details.answer pre").first.is_visible()
    # another section of the menu is a link to its first page
    page.locator(".md-nav--primary a[href$='autograd/no-grad/']").click()
    page.wait_for_url(f"{address}/{FOLDERS[lang]}autograd/no-grad/")
    page.locator(".md-nav--primary a[href$='inplace/']").click()
    page.wait_for_url(f"{address}/{FOLDERS[lang]}autograd/inplace/")
    page.locator(".md-footer__link--prev").click()
    page.wait_for_url(f"{address}/{FOLDERS[lang]}autograd/accumulation/")
    for other, switch in product(LANGUAGES, (by_menu, by_line)):
        if other != lang:
            page.goto(f"{address}/{start}")
            switch(page, other)
            page.wait_for_url(f"{address}/{FOLDERS[other]}descent/by-hand/")
    assert page.wrongs == []


@pytest.mark.parametrize("url", ["cost/", "zh/errors/inplace-map/"])
def test_nothing_scrolls_sideways_without_javascript(open_page, url):
    page = open_page(url, PHONE, java_script_enabled=False)
    assert page.locator("table").count() > 0
    assert width_of(page) <= PHONE


MENUS = (
    ".md-header",
    ".md-sidebar--primary",
    ".md-sidebar--secondary",
    ".md-search",
    ".md-footer__inner",
    ".md-code__nav",
    ".md-top",
    ".headerlink",
)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_printed_page_holds_the_lesson_in_ink_on_paper_and_no_menus(
    open_page, scheme
):
    page = open_page("descent/by-hand/", scheme=scheme)
    page.emulate_media(media="print", color_scheme=scheme)
    page.wait_for_timeout(300)
    shown = (
        "h1",
        "h2#samples",
        ".katex",
        ".highlight pre",
        ".output pre",
        "figure svg",
    )
    for selector in shown:
        assert page.locator(f".md-content {selector}").first.is_visible(), selector
    for selector in MENUS:
        assert page.locator(f"{selector}:visible").count() == 0, selector
    # paper is white, whatever the screen was
    for selector in ("p", "h1", ".output code", "figure svg text", "figcaption"):
        colour = page.locator(f".md-content {selector}").first.evaluate(
            "e => getComputedStyle(e)[e.closest('svg') ? 'fill' : 'color']"
        )
        assert contrast_with_white(colour) >= 4.5, (selector, colour)


def contrast_with_white(colour):
    values = [float(v) / 255 for v in re.findall(r"[\d.]+", colour)[:3]]
    linear = [
        v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in values
    ]
    light = sum(a * b for a, b in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
    return 1.05 / (light + 0.05)


def test_the_answers_are_printed_too(open_page):
    page = open_page("descent/by-hand/")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    closed = "document.querySelectorAll('details:not([open])').length"
    assert page.evaluate(closed) == 0
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.evaluate(closed) > 0


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_drawer_of_a_phone_opens_closes_and_leads_to_pages(
    open_page, address, lang
):
    page = open_page(f"{FOLDERS[lang]}descent/by-hand/", PHONE)
    drawer = page.locator(".md-sidebar--primary")
    assert not shown_on(drawer)
    button = page.locator(".md-header label[for=__drawer]")
    for close in (
        lambda: page.keyboard.press("Escape"),
        lambda: page.mouse.click(PHONE - 10, 450),
    ):
        button.click()
        page.wait_for_timeout(400)  # it slides
        assert shown_on(drawer)
        assert width_of(page) <= PHONE
        close()
        page.wait_for_timeout(400)
        assert not shown_on(drawer)
    button.click()
    drawer.locator("a[href$='../learning-rate/']").click()
    page.wait_for_url(f"{address}/{FOLDERS[lang]}descent/learning-rate/")
    assert not shown_on(page.locator(".md-sidebar--primary"))
    assert page.wrongs == []


def shown_on(drawer):
    return drawer.evaluate(
        "e => { const box = e.getBoundingClientRect();"
        " return e.checkVisibility({visibilityProperty: true}) && box.right > 0; }"
    )


def test_what_figures_say_can_be_read_on_a_phone(open_page):
    sizes = """() => [...document.querySelectorAll("figure text")].map((text) =>
        text.getScreenCTM().a * parseFloat(getComputedStyle(text).fontSize))"""
    for url in ("descent/gradient/", "backprop/chain-rule/"):
        found = open_page(url, PHONE).evaluate(sizes)
        assert len(found) > 10
        assert round(min(size for size in found if size)) >= 9, url


def test_a_message_that_is_quoted_is_read_without_scrolling(open_page):
    quoted = open_page("zh/errors/", PHONE).locator(".language-text code")
    assert quoted.count() == 3
    fits = "codes => codes.every(code => code.scrollWidth <= code.clientWidth)"
    assert quoted.evaluate_all(fits)


def test_the_words_that_head_a_chinese_table_are_not_broken(open_page):
    heads = open_page("zh/cost/").locator("th")
    assert heads.count() == 4
    heights = heads.evaluate_all("heads => heads.map(head => head.clientHeight)")
    assert max(heights) < 40


def test_columns_of_an_output_stay_columns_on_a_phone(open_page):
    printed = open_page("autograd/inplace/", PHONE).locator(".output:not(.error) code")
    wraps = "codes => codes.map(code => getComputedStyle(code).whiteSpaceCollapse + getComputedStyle(code).textWrapMode)"
    assert set(printed.evaluate_all(wraps)) == {"preservenowrap"}


@pytest.mark.parametrize(
    ("url", "wide"),
    [
        ("descent/by-hand/", ".highlight code"),
        ("zh/errors/advice/", "table"),
        ("reference/mlp/", ".katex-display"),
    ],
)
def test_wide_things_scroll_by_themselves_on_a_phone(open_page, url, wide):
    page = open_page(url, PHONE)
    middle = page.evaluate(
        """(wide) => {
            for (let box of document.querySelectorAll(wide)) {
                while (box && box.scrollWidth <= box.clientWidth) box = box.parentElement;
                if (!box || box === document.documentElement) continue;
                box.setAttribute("data-wide", "");
                box.scrollIntoView({block: "center", behavior: "instant"});
                const {top, bottom} = box.getBoundingClientRect();
                return (top + bottom) / 2;
            }
        }""",
        wide,
    )
    assert middle, "nothing on the page is wide"
    page.mouse.move(PHONE / 2, middle)
    page.mouse.wheel(80, 0)
    until = time.monotonic() + 5  # the page's policy lets nothing evaluate a string
    moved = "document.querySelector('[data-wide]').scrollLeft > 0"
    while not page.evaluate(moved) and time.monotonic() < until:
        page.wait_for_timeout(50)
    assert page.evaluate(moved)
    assert page.evaluate("scrollX") == 0
    assert width_of(page) <= PHONE
