"""The built site keeps its promises, and a build that would break one fails."""

import gzip
import html
import json
import re
import runpy
import socket
import subprocess
import zlib
from html.parser import HTMLParser
from pathlib import Path

import pytest
from conftest import BUILDER, LESSONS, ROOT, mkdocs_build

from chainrule_site.lesson import LANGUAGES

LIMIT = 25_000
"""Bytes of a lesson page after gzip; stock mkdocs-jupyter needs 141 KB."""


class Blocks(HTMLParser):
    """Reads the code and the output of a page, as a reader sees and copies them."""

    def __init__(self, page):
        super().__init__()
        self.found, self.kind, self.inside = [], None, False
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        classes = (dict(attrs).get("class") or "").split()
        if tag == "div" and "highlight" in classes:
            kinds = ("stderr", "error", "output", "language-python")
            self.kind = next((kind for kind in kinds if kind in classes), None)
            self.kind = "code" if self.kind == "language-python" else self.kind
        elif tag == "code" and self.kind and self.kind != "table":
            self.found.append([self.kind, ""])
            self.inside = True
        elif tag in {"figure", "table"}:
            self.found.append([tag, ""])
        elif tag in {"td", "th"} and self.found:
            self.kind = "table" if self.found[-1][0] == "table" else None
            self.inside = bool(self.kind)

    def handle_endtag(self, tag):
        if tag in {"td", "th"} and self.kind == "table":
            self.found[-1][1] += "\n"
        if (tag == "code" and self.kind != "table") or tag in {"td", "th"}:
            self.inside, self.kind = False, None

    def handle_data(self, data):
        if self.inside:
            self.found[-1][1] += data


def page_of(site, lesson, lang):
    url = Path(lesson).relative_to("docs").with_suffix("")
    url = url.parent if url.name == "index" else url
    return Path(site, "" if lang == "en" else lang, url, "index.html")


def output_lines(site, lesson, lang):
    blocks = Blocks(page_of(site, lesson, lang).read_text(encoding="utf-8")).found
    shown = [text for kind, text in blocks if kind == "output"]
    return [line for text in shown for line in text.splitlines()]


PAGES = [(path, lang) for path in LESSONS for lang in LANGUAGES]


@pytest.mark.parametrize("path", LESSONS, ids=str)
def test_what_a_reader_copies_from_the_page_prints_what_the_page_shows(
    path, site, clean_room, tmp_path
):
    found, other = (
        Blocks(page_of(site, path, lang).read_text(encoding="utf-8")).found
        for lang in LANGUAGES
    )
    assert found == other, "the languages show different code or output"
    groups = []
    for kind, text in found:
        if kind == "code":
            groups.append((text, {}))
        else:
            shown = groups[-1][1]
            shown[kind] = shown.get(kind, "") + text
    assert groups, "the page has no code"
    blocks = tmp_path / "blocks.json"
    blocks.write_text(json.dumps([code for code, _ in groups]), encoding="utf-8")
    finished = clean_room("cells", blocks)
    assert finished.returncode == 0, finished.stderr
    for (code, shown), printed in zip(groups, json.loads(finished.stdout), strict=True):
        if "figure" in shown:
            continue  # an interpreter shows a window, and the name of an object
        if "table" in shown and printed and not shown.keys() & {"output", "error"}:
            cells = shown["table"].split("\n")
            assert [cell for cell in cells if cell not in printed] == [], code
            continue
        last = shown.get("error", "").strip().splitlines()[-1:]
        expected = shown.get("output", "").splitlines() + last
        # Markdown has no tabs
        got = re.sub(r"\b0x[0-9a-f]{6,}\b", "0x…", printed.expandtabs(4)).splitlines()
        if last:
            got = got[: len(expected) - 1] + got[-1:]
        assert [line.rstrip() for line in got] == [
            line.rstrip() for line in expected
        ], code


@pytest.mark.parametrize(("path", "lang"), PAGES, ids=str)
def test_a_lesson_page_is_small(path, lang, site):
    assert len(gzip.compress(page_of(site, path, lang).read_bytes(), 9)) <= LIMIT


def test_the_trace_of_the_first_lesson_has_120_lines(site):
    for lang in LANGUAGES:
        lines = output_lines(site, "docs/descent/by-hand.py", lang)
        assert sum(bool(re.match(r"x \d  y \d  w\*x ", line)) for line in lines) == 120


def test_the_second_lesson_compares_forty_updates_line_by_line(site):
    for lang in LANGUAGES:
        lines = output_lines(site, "docs/descent/autograd.py", lang)
        numbers = [
            int(m[1])
            for line in lines
            if (m := re.match(r" *(\d+) +\d\.\d+ +\d\.\d+ .*equal", line))
        ]
        assert numbers == list(range(1, 41))


def test_both_languages_have_the_same_pages_anchors_and_code(site):
    english = {p.relative_to(site) for p in site.rglob("*.html")}
    english = {p for p in english if p.parts[0] != "zh"}
    chinese = {p.relative_to(site / "zh") for p in (site / "zh").rglob("*.html")}
    assert english == chinese
    for path in english:
        pages = [
            Path(site, folder, path).read_text(encoding="utf-8")
            for folder in ("", "zh")
        ]
        anchors = [re.findall(r'<h[1-6] id="([^"]+)"', page) for page in pages]
        assert anchors[0] == anchors[1], path
        code = [
            [text for kind, text in Blocks(page).found if kind == "code"]
            for page in pages
        ]
        assert code[0] == code[1], path


def test_every_lesson_says_where_its_code_is_documented_and_back(site):
    for path in LESSONS:
        for module, name in re.findall(
            r"^from (chainrule\.\w+) import (\w+)", path.read_text(), re.M
        ):
            entry = site / "reference" / module.rpartition(".")[2] / "index.html"
            assert f'id="{module}.{name}"' in entry.read_text(), f"{module}.{name}"
            page = page_of(site, path, "en").parent.relative_to(site)
            assert f'href="../../{page}/#' in entry.read_text(), (
                f"no way back to {path}"
            )


def test_the_home_page_names_errors_that_the_pages_it_links_raise(site):
    for lang in ("", "zh"):
        home = Path(site, lang, "index.html").read_text(encoding="utf-8")
        links = re.findall(r'<a href="(errors/[\w-]+/)"><code>(.*?)</code>', home)
        assert len(links) >= 4
        for url, message in links:
            page = Path(site, lang, url, "index.html").read_text(encoding="utf-8")
            errors = [text for kind, text in Blocks(page).found if kind == "error"]
            assert any(html.unescape(message) in error for error in errors), message


def unpacked(path):
    """Return what a file holds, whichever way it is packed."""
    content = path.read_bytes()
    if path.name == "preview.png":  # what it says of itself can be read as it is
        assert not re.search(b"[iz]TXt|eXIf", content[:400]), path
    if path.suffix == ".gz":
        return gzip.decompress(content)
    if path.suffix == ".inv":  # four lines, then what Sphinx packs
        return zlib.decompress(content.split(b"\n", 4)[4])
    return content


def traces(site):
    """Return the files of a site that say who built it, or where."""
    secrets = [str(ROOT), str(Path.home()) + "/", str(site.parent), BUILDER]
    if len(socket.gethostname()) > 5:
        secrets.append(socket.gethostname())
    files = [path for path in site.rglob("*") if path.is_file()]
    assert len(files) > 500
    return {
        path: found
        for path in files
        if (found := [s for s in secrets if s.encode() in unpacked(path)])
    }


def test_nothing_of_the_machine_that_built_it_is_on_the_site(site):
    assert traces(site) == {}


def test_nothing_is_loaded_from_another_host(site):
    loads = re.compile(
        r"<(?!a\b|link rel=[\"'](?:canonical|alternate|prev|next)\b)[a-z]\w*\b[^>]*"
        r"\s(?:src|srcset|href|poster|data|action|style)="
        r"""(?:"[^">]*|'[^'>]*)?(?<![\w:])(?:https?:)?//"""
    )
    for path in site.rglob("*.html"):
        assert not loads.search(path.read_text(encoding="utf-8")), path
    styles = [path for path in site.rglob("*") if path.suffix in {".css", ".svg"}]
    assert len(styles) >= 5
    for path in styles:
        text = re.sub(r"/\*.*?\*/", "", path.read_text(encoding="utf-8"), flags=re.S)
        hosts = set(re.findall(r"//([\w-]+(?:\.[\w-]+)+)", text))
        # a vocabulary, and whose icons they are: nothing fetches them
        assert hosts <= {"www.w3.org", "fontawesome.com"}, path


def test_two_builds_are_the_same(site, tmp_path):
    again = tmp_path / "site"
    assert mkdocs_build(ROOT, again, "--strict").returncode == 0
    compared = subprocess.run(
        ["diff", "-r", site, again], capture_output=True, text=True
    )
    assert compared.stdout == ""
    assert compared.returncode == 0


LESSON = """# %% [markdown] lang="en"
# # Title {#title}
#
# [Here](#title), [`sum`][chainrule.descent.loss], [`torch.no_grad`][], $x^2$.

# %% [markdown] lang="zh"
# # 标题 {#title}
#
# [这里](#title)，[`sum`][chainrule.descent.loss]，[`torch.no_grad`][]，$x^2$。

# %%
1 + 1
"""


@pytest.fixture
def project(tmp_path):
    """Make a small project with the settings of this one."""
    (tmp_path / "src").symlink_to(ROOT / "src")
    docs = tmp_path / "docs"
    (docs / "reference").mkdir(parents=True)
    (docs / "assets").symlink_to(ROOT / "docs" / "assets")
    (docs / "reference" / "descent.md").write_text("::: chainrule.descent\n")
    (docs / "index.py").write_text(LESSON.replace("#title", "#home"), encoding="utf-8")
    (docs / "lesson.py").write_text(LESSON, encoding="utf-8")
    (docs / "text.md").write_text("# Text {#text}\n\n[Lesson](lesson.py#title)\n")
    (docs / "text.zh.md").write_text("# 文字 {#text}\n\n[课程](lesson.py#title)\n")
    (tmp_path / "mkdocs.yml").write_text(
        f"INHERIT: {ROOT / 'mkdocs.yml'}\n"
        "nav: [index.py, lesson.py, text.md, reference/descent.md]\n"
    )
    return tmp_path


def test_the_small_project_is_built(project):
    finished = mkdocs_build(project, project / "site", "--strict")
    assert finished.returncode == 0, finished.stderr
    page = (project / "site" / "zh" / "lesson" / "index.html").read_text()
    assert "generated/torch.no_grad.html#torch.no_grad" in page
    assert 'class="katex"' in page


ENGLISH, CHINESE = "[Here](#title)", "[这里](#title)"


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        ("text.md", "lesson.py#title", "nowhere.md", "nowhere.md"),
        ("text.zh.md", "lesson.py#title", "nowhere.md", "nowhere.md"),
        ("text.md", "#title", "#nowhere", "lesson.py#nowhere"),
        ("text.zh.md", "#title", "#nowhere", "lesson.py#nowhere"),
        ("lesson.py", "(#title)", "(#nowhere)", "'#nowhere'"),
        (
            "lesson.py",
            "chainrule.descent.loss",
            "chainrule.descent.lose",
            "chainrule.descent.lose",
        ),
        ("lesson.py", "`torch.no_grad`", "`torch.no_gard`", "torch.no_gard"),
        ("lesson.py", "$x^2$", r"$\frac{x$", r"lesson.py: not a formula: '\\frac{x'"),
        ("lesson.py", '# %% [markdown] lang="zh"', '# %% [markdown] lang="en"', "twin"),
        ("lesson.py", "1 + 1", "1 / 0", "docs/lesson.py:12, cell 3: raised"),
        (
            "lesson.py",
            '"en"',
            '"en" needs="no.py"',
            "docs/lesson.py:1: needs='no.py' is not a lesson",
        ),
        ("text.zh.md", None, None, "text.md has no translation: expected text.zh.md"),
        ("text.md", None, None, "text.zh.md translates text.md, which does not exist"),
        ("mkdocs.yml", "lesson.py, ", "", 'not included in the "nav"'),
    ],
)
def test_a_strict_build_fails_and_leaves_the_last_site_alone(
    project, file, old, new, said
):
    site = project / "site"
    site.mkdir()
    (site / "last.html").write_text("good")
    path = project / (file if file == "mkdocs.yml" else f"docs/{file}")
    if old is None:
        path.unlink()
        nav = project / "mkdocs.yml"
        nav.write_text(
            nav.read_text().replace(
                "text.md, ", "" if file == "text.md" else "text.md, "
            )
        )
    else:
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new), encoding="utf-8")
    finished = mkdocs_build(project, site, "--strict")
    assert finished.returncode != 0
    assert said in finished.stderr
    assert [p.name for p in site.iterdir()] == ["last.html"]
    assert not list(project.glob(".site*"))


def test_a_good_build_replaces_the_last_site(project):
    site = project / "site"
    site.mkdir()
    (site / "last.html").write_text("old")
    assert mkdocs_build(project, site, "--strict").returncode == 0
    assert (site / "index.html").exists()
    assert not (site / "last.html").exists()


def test_a_build_from_another_folder_says_where_to_run_it(project, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    finished = mkdocs_build(
        elsewhere, elsewhere / "site", "-f", str(project / "mkdocs.yml")
    )
    assert finished.returncode != 0
    assert f"expected to run in {project}, beside mkdocs.yml" in finished.stderr


def test_the_project_that_the_benchmark_times_is_built(tmp_path):
    benchmark = runpy.run_path(str(ROOT / "tests" / "benchmarks" / "compare.py"))
    project = benchmark["Project"](tmp_path, 1, "ours")
    project.build()
    assert project.shows("lesson00", "data 1")
    assert not project.shows("lesson00", "data 2")
