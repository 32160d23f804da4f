"""The copy for readers without a network works from the files alone."""

import os
import re
import subprocess
import sys
import zipfile
from html import unescape
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

import pytest
from conftest import PUBLISHED, ROOT, makefile, mkdocs_build, program
from test_site import traces

OFFLINE = {"OFFLINE": "true", "SITE_URL": ""}


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """Build the copy once."""
    folder = tmp_path_factory.mktemp("offline") / "site"
    finished = mkdocs_build(ROOT, folder, "--strict", **OFFLINE)
    assert finished.returncode == 0, finished.stderr
    return folder


@pytest.fixture
def open_file(copy, browser):
    """Return a function that opens a file and notes whatever goes wrong with it."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.wrongs = []
    page.on("pageerror", lambda error: page.wrongs.append(str(error)))
    page.on("requestfailed", lambda request: page.wrongs.append(request.url))
    page.on(
        "console", lambda m: page.wrongs.append(m.text) if m.type == "error" else None
    )
    page.on(
        "request",
        lambda r: (
            page.wrongs.append(r.url) if not r.url.startswith(("file:", "data:")) else 0
        ),
    )

    def open_file(path):
        page.goto(f"{copy.as_uri()}/{path}")
        return page

    yield open_file
    context.close()
    assert page.wrongs == []


LINK = re.compile(r'<[a-z][^>]*? (?:href|src)="([^"]*)"')


def test_every_link_leads_to_a_file_or_away(copy):
    pages = {p: p.read_text(encoding="utf-8") for p in sorted(copy.rglob("*.html"))}
    ids = {p: set(re.findall(r' id="([^"]*)"', page)) for p, page in pages.items()}
    assert len(pages) >= 100
    for path, page in pages.items():
        for link in set(map(unescape, LINK.findall(page))):
            target = urlsplit(urljoin(path.as_uri(), link))
            if target.scheme != "file":
                assert target.scheme in ("https", "data"), f"{path}: {link}"
                continue
            file = Path(unquote(target.path))
            assert file.is_file(), f"{path}: {link}"
            if target.fragment and file in pages:
                assert unquote(target.fragment) in ids[file], f"{path}: {link}"


def test_nothing_of_the_machine_that_built_it_is_in_it(copy):
    assert traces(copy) == {}


def test_make_offline_packs_all_of_it_and_says_how_large_it_is(copy, tmp_path):
    tools = makefile(tmp_path)
    (tools / "python").symlink_to(sys.executable)
    asked = 'test "$OFFLINE,$SITE_URL,$1,$2" = "true,,build,--site-dir"'
    program(tools / "mkdocs", f'{asked} && cp -r {copy} "$3"')
    (tmp_path / "chain-rule-offline.zip").write_text("an old one")
    finished = subprocess.run(
        ["make", "offline"],
        cwd=tmp_path,
        env=os.environ | {"SITE_URL": PUBLISHED},  # as it is where sites are published
        capture_output=True,
        text=True,
    )
    assert finished.returncode == 0, finished.stderr
    for name in ("site-offline", "chain-rule-offline.zip"):
        assert re.search(rf"^[\d.]+M\s+{name}$", finished.stdout, re.M), name
    with zipfile.ZipFile(tmp_path / "chain-rule-offline.zip") as packed:
        packed.extractall(tmp_path / "unpacked")
    same = ["diff", "-r", copy, tmp_path / "unpacked" / "site-offline"]
    assert subprocess.run(same, capture_output=True, text=True).stdout == ""


def test_nothing_in_it_knows_an_address(copy):
    assert not list(copy.rglob("sitemap.xml*"))
    assert not list(copy.rglob("404.html"))
    for path in copy.rglob("*.html"):
        head = path.read_text(encoding="utf-8").partition("</head>")[0]
        assert not re.search(r'rel="canonical"|hreflang|og:url|og:image', head), path


@pytest.mark.parametrize(
    ("folder", "words", "found"),
    [("", "momentum", "backprop/momentum"), ("zh/", "动量", "zh/backprop/momentum")],
)
def test_the_search_works_from_a_file(open_file, copy, folder, words, found):
    page = open_file(f"{folder}descent/by-hand.html")
    page.locator(".md-search__input").fill(words)
    page.locator(".md-search__input").press("End")  # the theme listens to keys
    first = page.locator(".md-search-result__link").first
    first.wait_for()
    assert first.get_attribute("href").startswith(f"{copy.as_uri()}/{found}.html")
    page = open_file(f"{folder}index.html?q={words}")
    page.locator(".md-search-result__link").first.wait_for()


@pytest.mark.parametrize(
    ("start", "lang", "end"),
    [
        ("descent/by-hand.html", "zh", "zh/descent/by-hand.html"),
        ("zh/descent/by-hand.html", "en", "descent/by-hand.html"),
        ("zh/index.html", "en", "index.html"),
    ],
)
def test_the_other_language_is_the_same_place_from_a_file(
    open_file, copy, start, lang, end
):
    page = open_file(f"{start}#samples")
    page.locator(".md-select > button").hover()
    page.locator(f".md-select__link[hreflang={lang}]").click()
    page.wait_for_url(f"{copy.as_uri()}/{end}#samples")


@pytest.mark.parametrize("start", ["index.html", "zh/errors/index.html"])
def test_the_paste_box_leads_to_files(open_file, copy, start):
    page = open_file(start)
    page.locator("textarea").fill("RuntimeError: mat1 and mat2 shapes cannot be")
    page.locator(".explain button").click()
    links = page.locator(".explain-result a")
    hrefs = links.evaluate_all("links => links.map((link) => link.href)")
    assert len(hrefs) > 2
    for href in hrefs:
        assert Path(unquote(urlsplit(href).path)).is_file(), href
    links.first.click()
    page.wait_for_url(f"{copy.as_uri()}/**/matmul-shapes.html#*")


@pytest.mark.parametrize("folder", ["", "zh/"])
def test_downloads_formulas_and_the_dark_scheme_work_from_a_file(
    open_file, copy, folder
):
    page = open_file(f"{folder}descent/by-hand.html")
    for kind in ("py", "ipynb"):
        link = page.locator(f'.lesson-links a[href$=".{kind}"]').get_attribute("href")
        assert (copy / folder / "descent" / link).stat().st_size > 1000
    assert page.locator(".katex").first.is_visible()
    loaded = "[...document.fonts].some(f => f.family.includes('KaTeX') && f.status == 'loaded')"
    page.wait_for_function(loaded)
    body = page.locator("body")
    assert body.get_attribute("data-md-color-scheme") == "default"
    page.locator("label.md-header__button[for^=__palette]:visible").click()
    assert body.get_attribute("data-md-color-scheme") == "slate"
    page = open_file(f"{folder}errors/index.html")
    page.wait_for_load_state()
    assert page.locator("body").get_attribute("data-md-color-scheme") == "slate"
