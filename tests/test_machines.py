"""What machines read of the site is there, is whole, and leads where it says."""

import functools
import html
import io
import json
import re
import struct
import subprocess
import sys
import threading
from http.server import ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urljoin
from xml.etree import ElementTree

import pytest
from conftest import PUBLISHED, ROOT, Quiet, mkdocs_build
from PIL import Image, ImageChops
from test_site import Blocks

from chainrule_site import metadata, preview
from chainrule_site.export import bare
from chainrule_site.lesson import LANGUAGES
from chainrule_site.preview import Previews, Text

ATTRIBUTE = re.compile(r'([\w:-]+)="([^"]*)"')
MAPS = {
    "s": "http://www.sitemaps.org/schemas/sitemap/0.9",
    "x": "http://www.w3.org/1999/xhtml",
}


def address_of(page, site):
    path = page.parent.relative_to(site).as_posix()
    return urljoin(PUBLISHED, "" if path == "." else f"{path}/")


@pytest.fixture(scope="module")
def pages(site):
    """Return the text of every page by its address."""
    return {
        address_of(page, site): page.read_text(encoding="utf-8")
        for page in sorted(site.rglob("index.html"))
    }


def head(page):
    """Return the attributes of all links and metas in the head of a page."""
    tags = re.findall(r"<(?:link|meta) [^>]*>", page.partition("</head>")[0])
    return [
        {k: html.unescape(v) for k, v in ATTRIBUTE.findall(tag)} | {"tag": tag}
        for tag in tags
    ]


def linked(page):
    """Return the address of the same page for each language that its head names."""
    links = [tag for tag in head(page) if "hreflang" in tag]
    assert all(tag["rel"].strip() == "alternate" for tag in links)
    assert len({tag["hreflang"] for tag in links}) == len(links)
    return {tag["hreflang"]: tag["href"] for tag in links}


def cards(page):
    return {
        tag.get("property", tag.get("name")): tag["content"]
        for tag in head(page)
        if re.match(r"(og|twitter):", tag.get("property", tag.get("name", "")))
    }


def built(site, address):
    """Return the file that a host serves at an address."""
    assert address.startswith(PUBLISHED), address
    path = site / address.removeprefix(PUBLISHED).partition("#")[0]
    return path / "index.html" if path.is_dir() else path


def test_every_page_names_itself_and_its_other_languages(pages):
    assert len(pages) >= 100
    for address, page in pages.items():
        (canonical,) = (tag for tag in head(page) if tag.get("rel") == "canonical")
        assert canonical["href"] == address
        known = linked(page)
        assert known.keys() == {*LANGUAGES, "x-default"}
        assert known["x-default"] == known["en"]
        assert address == known[re.search(r'<html lang="(\w+)"', page)[1]]
        for other in known.values():
            assert linked(pages[other]) == known  # the others say the same


def test_the_map_lists_every_page_once_with_its_other_languages(site, pages):
    entries = ElementTree.parse(site / "sitemap.xml").findall("s:url", MAPS)
    addresses = [entry.findtext("s:loc", namespaces=MAPS) for entry in entries]
    assert sorted(addresses) == sorted(pages)
    for address, entry in zip(addresses, entries, strict=True):
        links = {
            link.get("hreflang"): link.get("href")
            for link in entry.findall("x:link", MAPS)
        }
        assert links == linked(pages[address])
        assert entry.findtext("s:lastmod", namespaces=MAPS) == "2026-01-01"
    assert not (site / "zh" / "sitemap.xml").exists()


def test_robots_are_told_where_the_map_is(site):
    text = (site / "robots.txt").read_text()
    assert text == f"User-agent: *\nAllow: /\n\nSitemap: {PUBLISHED}sitemap.xml\n"
    assert not (site / "zh" / "robots.txt").exists()


def test_every_page_has_a_picture_of_the_size_that_is_asked_for(site, pages):
    for address in pages:
        data = built(site, address).with_name("preview.png").read_bytes()
        assert struct.unpack(">II", data[16:24]) == (1200, 630), address
        assert len(data) < 40_000, address


def test_every_title_has_a_picture_of_its_own(site, pages):
    for lang in LANGUAGES:
        drawn, titles = set(), set()
        for address, page in pages.items():
            if ("/zh/" in address) == (lang == "zh"):
                titles.add(cards(page)["og:title"])
                drawn.add(built(site, address).with_name("preview.png").read_bytes())
        assert len(drawn) == len(titles) > 50


def test_every_page_has_a_card(site, pages):
    for address, page in pages.items():
        told = cards(page)
        lang = "zh" if "/zh/" in address else "en"
        heading = re.search(r"<h1[^>]*>(.*?)(<a class=\"headerlink|</h1>)", page, re.S)
        text = html.unescape(re.sub("<[^>]*>", "", heading[1])).strip()
        assert told["og:title"].split(".")[-1] in text, address
        assert told["og:description"]
        assert told["og:url"] == address
        assert told["og:locale"] == {"en": "en_US", "zh": "zh_CN"}[lang]
        assert built(site, told["og:image"]) == site.joinpath(
            built(site, address).with_name("preview.png")
        )
        assert told["og:image:alt"].startswith(f"{told['og:title']} · ")
        assert told["twitter:card"] == "summary_large_image"


KINDS = {"WebSite", "TechArticle", "LearningResource", "APIReference"}
"""Of what schema.org knows."""


def test_what_a_page_is_can_be_read_as_data(pages):
    for address, page in pages.items():
        (text,) = re.findall(
            r'<script type="application/ld\+json">(.*?)</script>', page
        )
        data = json.loads(text)
        assert data["@context"] == "https://schema.org"
        assert data["url"] == address
        assert data["inLanguage"] == ("zh" if "/zh/" in address else "en")
        assert data["name"] == cards(page)["og:title"]
        assert data["description"] == cards(page)["og:description"]
        kinds = data["@type"] if isinstance(data["@type"], list) else [data["@type"]]
        assert {*kinds} <= KINDS, address
        assert data["image"] == cards(page)["og:image"]
        assert data["license"].startswith("https://")
        if data["@type"] != "WebSite":
            assert data["isPartOf"]["url"] in pages


def test_the_list_for_language_models_names_every_twin_once(site, pages):
    for folder in ("", "zh"):
        text = Path(site, folder, "llms.txt").read_text(encoding="utf-8")
        lines = text.splitlines()
        assert lines[0] in ("# Chain Rule", "# 链式法则")
        assert lines[2].startswith("> ")
        links = re.findall(r"^- \[[^\]]+\]\(([^)\s]+)\)(?::|$)", text, re.M)
        assert len(links) == sum(line.startswith("- ") for line in lines)
        assert all(built(site, link).is_file() for link in links)
        wanted = [a for a in pages if "/zh/" in a or not folder]
        assert sorted(links) == sorted(f"{address}index.md" for address in wanted)


def test_a_twin_has_all_code_and_all_outputs_of_its_page(site, pages):
    for address, page in pages.items():
        (link,) = (t for t in head(page) if t.get("type") == "text/markdown")
        path = built(site, urljoin(address, link["href"]))
        twin = path.read_text(encoding="utf-8")
        assert twin.startswith("# "), address
        if "/reference/" in address:
            continue  # its text is that of the docstrings
        for kind, text in Blocks(page).found:
            # a table of prose is written with bars, and its code with ticks
            parts = re.findall(r"\w+", text) if kind == "table" else [stripped(text)]
            missing = [part for part in parts if part not in stripped(twin)]
            assert kind == "figure" or missing == [], address
        assert page.count("<figcaption>") == twin.count("<figcaption>")
        assert not re.search("^<svg", twin, re.M), address


def stripped(text):
    """Return text without the indents of lists, and with tabs as Markdown shows them."""
    return "\n".join(line.strip() for line in text.expandtabs(4).strip().splitlines())


def test_every_link_of_a_twin_leads_to_a_file(site):
    for twin in site.rglob("*.md"):
        text = re.sub(r"^```.*?^```", "", twin.read_text("utf-8"), flags=re.M | re.S)
        for link in re.findall(r'\]\(([^)\s]+)\)|href="([^"]+)"', text):
            target = "".join(link).partition("#")[0]
            if target and not re.match(r"https?:", target):
                assert (twin.parent / target).exists(), f"{twin}: {target}"


def test_a_twin_keeps_what_stands_under_a_drawing_and_in_a_box():
    page = (
        '``` { .python title="a.py" }\n1\n```\n\n<figure class="plot">\n<svg>x</svg>\n'
        '<figcaption>Of <span class="arithmatex">\\(w < 1\\)</span> and <code>b</code>'
        '</figcaption>\n</figure>\n\n<div class="door" markdown>\n\nText.\n{ .stamp }\n'
        "\n</div>\n"
    )
    assert bare(page) == (
        "```python\n1\n```\n\n<figure>\n<figcaption>Of $w < 1$ and `b`</figcaption>\n"
        "</figure>\n\nText.\n\n"
    )


@pytest.fixture(scope="module")
def lost(site):
    """Serve the site as hosts do: one page for every address that leads nowhere."""

    class Host(Quiet):
        def send_error(self, code, *_):
            self.send_response(code)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write((site / "404.html").read_bytes())

    handler = functools.partial(Host, directory=site)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize(
    ("path", "lang", "words"),
    [
        ("/descent/by-hnd.html", "en", "descent by hnd"),
        ("/zh/autograd/in_place/index.html", "zh", "autograd in_place"),
        ("/zh/%E5%8A%A8%E9%87%8F/", "zh", "动量"),
        ("/a/%FF/momentum/", "en", "a FF momentum"),
    ],
)
def test_a_wrong_address_is_searched_for_in_its_language(
    browser, lost, path, lang, words
):
    page = browser.new_page()
    wrongs = []
    page.on("pageerror", lambda error: wrongs.append(str(error)))
    page.on("response", lambda r: wrongs.append(r.url) if r.status >= 400 else None)
    page.goto(lost + path)
    first = page.locator(".lost").first
    assert first.get_attribute("lang") == lang
    assert first.locator("input").input_value() == words.replace("_", " ")
    assert wrongs == [lost + path]  # all that the page needs is found from anywhere
    first.locator("button").click()
    page.locator(".md-search-result__link").first.wait_for()
    home = f"{lost}/" if lang == "en" else f"{lost}/zh/"
    assert page.url.startswith(f"{home}?q=")
    page.close()


def test_a_wrong_address_offers_ways_on_without_a_script(browser, lost):
    page = browser.new_page(java_script_enabled=False)
    page.goto(f"{lost}/zh/no/where")
    assert page.locator(".lost form:visible").count() == 0
    for link in page.locator(".lost a").all():
        assert link.is_visible()
        answer = page.request.get(urljoin(lost, link.get_attribute("href")))
        assert answer.ok
        anchor = link.get_attribute("href").partition("#")[2]
        assert f'id="{anchor}"' in answer.text()
    page.close()


@pytest.fixture
def small(tmp_path):
    """Make a project of one page with the settings of this one."""
    docs = tmp_path / "docs"
    docs.mkdir()
    (tmp_path / "src").symlink_to(ROOT / "src")
    (docs / "assets").symlink_to(ROOT / "docs" / "assets")
    head = "---\ndescription: A &quot;b&quot; & &lt;c>\n---\n"
    (docs / "index.md").write_text(f"{head}# `a` < b </script> {{#a}}\n")
    (docs / "index.zh.md").write_text(f"{head}# 标题 {{#a}}\n", encoding="utf-8")
    (tmp_path / "mkdocs.yml").write_text(
        f"INHERIT: {ROOT / 'mkdocs.yml'}\nnav: [index.md]\n"
    )
    return tmp_path


def test_a_site_in_a_folder_of_its_host_with_titles_that_are_only_text(small):
    finished = mkdocs_build(small, small / "site", SITE_URL="https://a.example/rule/")
    assert finished.returncode == 0, finished.stderr
    built = {
        path.relative_to(small / "site").as_posix(): path.read_text(encoding="utf-8")
        for path in (small / "site").rglob("*")
        if path.suffix in (".html", ".txt")
    }
    assert linked(built["zh/index.html"]) == {
        "en": "https://a.example/rule/",
        "zh": "https://a.example/rule/zh/",
        "x-default": "https://a.example/rule/",
    }
    assert 'action="/rule/"' in built["404.html"]
    assert 'href="/rule/zh/#learn"' in built["404.html"]
    assert 'src="/rule/assets/lost.js"' in built["404.html"]
    assert "Sitemap: https://a.example/rule/sitemap.xml" in built["robots.txt"]
    told = cards(built["index.html"])
    assert told["og:title"] == "a < b"
    assert told["og:description"] == 'A "b" & <c>'
    (data,) = re.findall(r"ld\+json\">(.*?)</script>", built["index.html"])
    assert json.loads(data)["description"] == 'A "b" & <c>'
    assert "<" not in data
    line = '- [a < b](https://a.example/rule/index.md): A "b" & <c>\n'
    assert line in built["llms.txt"]


def test_a_site_that_only_its_maker_reaches_names_no_picture(small):
    local = "http://127.0.0.1:8000/"
    assert mkdocs_build(small, small / "site", SITE_URL=local).returncode == 0
    told = cards((small / "site" / "index.html").read_text(encoding="utf-8"))
    assert "og:image" not in told
    assert told["twitter:card"] == "summary"


SERVE = """\
import sys
from mkdocs.commands.build import build
from mkdocs.config import load_config

config = load_config(site_dir="site")
config.plugins.on_startup(command="serve", dirty=False)
build(config, serve_url="http://127.0.0.1:8000/")
print("matplotlib" in sys.modules)
"""


def test_a_preview_while_writing_draws_no_pictures(small):
    command = [sys.executable, "-c", SERVE]
    finished = subprocess.run(command, cwd=small, capture_output=True, text=True)
    assert finished.stdout == "False\n", finished.stderr
    assert (small / "site" / "zh" / "index.md").exists()
    assert list(small.rglob("preview.png")) == []


MARK = (ROOT / "docs" / "assets" / "mark.svg").read_text(encoding="utf-8")
ARC = re.sub(r' d="M', r' d="A1 1 0 1 1 2 2M', MARK)
ENGLISH = Text("A title of some length", "Chain Rule", "en", MARK)
CHINESE = Text("标题，以及（括号）", "链式法则", "zh", MARK)


@pytest.fixture
def drawn(monkeypatch):
    """Return a list that notes what is drawn."""
    seen, draw = [], preview._draw

    def noting(text, font):
        seen.append(text)
        return draw(text, font)

    monkeypatch.setattr(preview, "_draw", noting)
    return seen


def test_a_picture_is_drawn_once_and_again_when_its_text_changes(tmp_path, drawn):
    first = Previews(tmp_path, print).get({"a/": ENGLISH})
    assert Previews(tmp_path, print).get({"a/": ENGLISH}) == first
    assert drawn == [ENGLISH]
    other = ENGLISH._replace(title="Another")
    assert Previews(tmp_path, print).get({"a/": other}) != first
    assert drawn == [ENGLISH, other]


def test_a_picture_shows_the_mark_of_the_site(tmp_path):
    bare = ENGLISH._replace(mark=re.sub("<path.*/>", "", MARK))
    with_mark, without = (
        Image.open(io.BytesIO(Previews(tmp_path, print).get({"a/": text})["a/"]))
        for text in (ENGLISH, bare)
    )
    drawn = ImageChops.difference(with_mark.convert("RGB"), without.convert("RGB"))
    left, top, right, bottom = drawn.point(lambda v: 255 * (v > 40)).getbbox()
    assert 45 < right - left < 62
    assert 45 < bottom - top < 62
    with pytest.raises(ValueError, match="expected M and C in the mark, got A"):
        Previews(tmp_path, print).get({"a/": ENGLISH._replace(mark=ARC)})


@pytest.mark.parametrize(
    "damage", [lambda data: data[:-20], lambda _: b"", lambda data: data[300:]]
)
def test_a_damaged_picture_is_drawn_again(tmp_path, drawn, damage):
    first = Previews(tmp_path, print).get({"a/": ENGLISH})
    (path,) = tmp_path.iterdir()
    path.write_bytes(damage(path.read_bytes()))
    assert Previews(tmp_path, print).get({"a/": ENGLISH}) == first
    assert len(drawn) == 2


def test_pictures_of_pages_that_are_no_more_are_removed(tmp_path):
    Previews(tmp_path, print).get({"a/": ENGLISH, "b/c/": ENGLISH})
    Previews(tmp_path, print).get({"b/c/": ENGLISH})
    assert len(list(tmp_path.iterdir())) == 1


def test_two_drawings_of_one_text_are_the_same(tmp_path):
    pictures = [Previews(tmp_path / name, print).get({"a/": ENGLISH}) for name in "ab"]
    assert pictures[0] == pictures[1]


UNCHANGED = """\
import sys
from pathlib import Path
from chainrule_site.preview import Previews, Text

text = Text("A title of some length", "Chain Rule", "en", sys.argv[1])
print(len(Previews(Path("."), print).get({"a/": text})))
print([name for name in ("matplotlib", "PIL", "numpy") if name in sys.modules])
"""


def test_a_build_that_changes_no_title_imports_no_matplotlib(tmp_path):
    Previews(tmp_path, print).get({"a/": ENGLISH})
    command = [sys.executable, "-c", UNCHANGED, MARK]
    finished = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert finished.stdout == "1\n[]\n", finished.stderr


def test_without_a_chinese_font_there_are_no_boxes_but_a_line_that_says_so(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(preview, "FAMILIES", preview.FAMILIES | {"zh": ("No Such",)})
    preview._font.cache_clear()
    said = []
    pictures = Previews(tmp_path, said.append).get({"a/": CHINESE, "b/": CHINESE})
    preview._font.cache_clear()
    assert pictures == {}
    (line,) = said
    assert line.endswith("needs one of: No Such")


def test_without_a_chinese_font_a_page_has_the_english_picture(small):
    (small / "sitecustomize.py").write_text(
        "from chainrule_site import preview\npreview.FAMILIES['zh'] = ('No Such',)\n"
    )
    path = f"{small}:{ROOT / 'src'}"
    finished = mkdocs_build(small, small / "site", PYTHONPATH=path)
    assert finished.returncode == 0, finished.stderr
    assert "no font for the preview images in 'zh'" in finished.stderr
    pictures = [
        (small / "site" / lang / "preview.png").read_bytes() for lang in ("", "zh")
    ]
    assert pictures[0] == pictures[1]


def test_a_font_that_is_found_has_every_letter_of_every_title(pages):
    from matplotlib.font_manager import findfont, get_font

    for lang in LANGUAGES:
        if font := preview._font(lang):
            face = get_font(findfont(font))
            for address, page in pages.items():
                if ("/zh/" in address) == (lang == "zh"):
                    title = cards(page)["og:title"]
                    missing = [c for c in title if not face.get_char_index(ord(c))]
                    assert missing == [], address


def test_a_line_of_a_picture_begins_with_no_closing_mark():
    title = "检查点，检查点。（检查点）“检查点” GPU，检查点"
    for wide in range(20, 400, 10):
        preview_lines = preview._lines(title, lambda text, wide=wide: len(text) * wide)
        assert "".join(preview_lines).replace(" ", "") == title.replace(" ", "")
        for line in preview_lines:
            assert line[0] not in "，。）”"
            assert line[-1] not in "（“"


@pytest.mark.parametrize(
    ("title", "lines"),
    [
        ("一个样本、一批样本、全部样本", ["一个样本、一批", "样本、全部样本"]),
        ("a title of words", ["a title", "of words"]),
        ("extraordinarily long", ["extraordinarily", "long"]),
    ],
)
def test_no_line_of_a_title_is_left_with_a_single_letter(title, lines):
    def width(text):
        return preview.ROOM / (len(title) - 1) * len(text)

    broken = preview._lines(title, width)
    assert len(broken) == 2
    assert preview._balanced(broken, title, width) == lines


def test_addresses_are_those_of_the_root_of_the_site():
    assert metadata.addresses("https://a.example/b/", "./") == {
        "en": "https://a.example/b/",
        "zh": "https://a.example/b/zh/",
    }
