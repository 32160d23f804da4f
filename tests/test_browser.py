"""Every page, as a reader sees it: in Chromium, in both languages, light and dark."""

import pytest


def urls(site):
    return sorted(
        p.parent.relative_to(site).as_posix() + "/" for p in site.rglob("index.html")
    )


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_every_page_loads_from_one_host_without_an_error_and_fits(
    site, open_page, width, scheme
):
    assert len(urls(site)) >= 28
    for url in urls(site):
        page = open_page(url, width, scheme)
        assert page.wrongs == [], url
        assert page.evaluate("document.documentElement.scrollWidth") <= width, url
        assert page.locator("h1").count() == 1, url
        expected = {"light": "default", "dark": "slate"}[scheme]
        assert page.locator("body").get_attribute("data-md-color-scheme") == expected
        page.context.close()


def test_88_columns_of_code_fit_at_1280_pixels(open_page):
    page = open_page("descent/by-hand/")
    assert page.evaluate(
        """() => {
            const code = document.querySelector(".highlight code");
            code.textContent = "x".repeat(88);
            return code.scrollWidth <= code.clientWidth;
        }"""
    )


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("descent/by-hand/", "zh/descent/by-hand/"),
        ("zh/descent/by-hand/", "descent/by-hand/"),
    ],
)
def test_the_other_language_is_the_same_place_on_the_same_page(
    open_page, address, start, end
):
    page = open_page(f"{start}#samples")
    page.locator(".lesson-links a[hreflang]").click()
    page.wait_for_url(f"{address}/{end}#samples")
    assert page.locator("h2#samples").is_visible()


def test_the_menu_of_languages_leads_to_the_same_page(open_page, address):
    page = open_page("zh/autograd/inplace/#mistake")
    menu = page.locator(".md-select__link[hreflang=en]")
    page.locator(".md-select > button").hover()
    menu.click()
    page.wait_for_url(f"{address}/autograd/inplace/#mistake")


def test_the_copy_button_copies_the_code_and_nothing_else(open_page):
    page = open_page(
        "descent/by-hand/", permissions=["clipboard-read", "clipboard-write"]
    )
    block = page.locator(".highlight:not(.output)").nth(1)
    block.hover()
    block.locator("button[data-md-type=copy], .md-clipboard").first.click()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.strip() == block.locator("code").inner_text().strip()
    assert page.locator(".output .md-clipboard, .output button").count() == 0


@pytest.mark.parametrize("kind", ["py", "ipynb"])
@pytest.mark.parametrize("lang", ["", "zh/"])
def test_a_lesson_can_be_downloaded(site, open_page, kind, lang, tmp_path):
    page = open_page(f"{lang}descent/by-hand/")
    with page.expect_download() as waiting:
        page.locator(f'.lesson-links a[href$=".{kind}"]').click()
    waiting.value.save_as(tmp_path / "file")
    built = site / lang / "descent" / "by-hand" / f"by-hand.{kind}"
    assert (tmp_path / "file").read_bytes() == built.read_bytes()


def test_folds_and_answers_open(open_page):
    page = open_page("descent/by-hand/")
    for kind in ("fold", "answer"):
        block = page.locator(f"details.{kind}").first
        assert not block.locator("pre").first.is_visible()
        block.locator("summary").first.click()
        assert block.locator("pre").first.is_visible()


def test_a_page_can_be_read_without_javascript(open_page):
    page = open_page("zh/descent/by-hand/", java_script_enabled=False)
    assert page.locator("h2#samples").is_visible()
    assert page.locator(".katex").first.is_visible()
    assert page.locator("figure svg").first.is_visible()
    page.locator("details.answer summary").first.click()
    assert page.locator("details.answer pre").first.is_visible()


def test_figures_take_the_colours_of_the_page_and_say_what_is_to_be_seen(open_page):
    colours = set()
    for scheme in ("light", "dark"):
        page = open_page("descent/by-hand/", scheme=scheme)
        figure = page.locator("figure svg").first
        assert len(figure.get_attribute("aria-label")) > 40
        colours.add(
            figure.locator("text").first.evaluate("e => getComputedStyle(e).fill")
        )
    assert len(colours) == 2
