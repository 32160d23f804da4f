"""Under `mkdocs serve` an edit shows in both languages, and only what must run runs."""

import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request

import pytest
from conftest import ROOT

LESSON = """# %% [markdown] lang="en"
# # Lesson {name} {{#title}}
#
# English prose. [`loss`][chainrule.descent.loss]

# %% [markdown] lang="zh"
# # 课程 {name} {{#title}}
#
# 中文文字。[`loss`][chainrule.descent.loss]

{cells}
"""
USES = """# %% tags=["source"]
from chainrule.descent import loss

# %%
loss(1.0, 2.0, 3.0)
"""


class Served:
    """A small project that `mkdocs serve` shows."""

    def __init__(self, folder):
        self.folder = folder
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.address = f"127.0.0.1:{free.getsockname()[1]}"
        self.log = folder / "log"
        command = [sys.executable, "-m", "mkdocs", "serve", "--no-strict", "-a"]
        paths = [str(folder / "src"), os.environ.get("PYTHONPATH", "")]
        quiet = {"NO_MKDOCS_2_WARNING": "1", "PYTHONPATH": os.pathsep.join(paths)}
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [*command, self.address],
                cwd=folder,
                env=os.environ | quiet,
                stdout=log,
                stderr=log,
            )

    def page(self, url):
        """Return the text of a page, or nothing while the server is not up."""
        try:
            with urllib.request.urlopen(f"http://{self.address}/{url}") as answer:
                return re.sub(r"<[^>]+>", "", answer.read().decode())
        except OSError:
            return ""

    def wait(self, **shown):
        """Wait until the page of a lesson shows a text, in each language."""
        until = time.monotonic() + 60
        for lesson, text in shown.items():
            for lang in ("", "zh/"):
                while text not in self.page(f"{lang}{lesson}/"):
                    assert self.process.poll() is None, self.log.read_text()
                    assert time.monotonic() < until, f"{lang}{lesson}: no {text!r}"
                    time.sleep(0.05)

    def edit(self, file, *pairs, **shown):
        """Edit a file; return which lessons ran until its page showed what it must."""
        path, before = self.folder / file, len(self.log.read_text())
        text = path.read_text(encoding="utf-8")
        for old, new in pairs:
            assert old in text
            text = text.replace(old, new)
        path.write_text(text, encoding="utf-8")
        self.wait(**shown)
        log = self.log.read_text()[before:]
        self.full = "Building documentation" in log
        return re.findall(r"docs/(\w+)\.py took", log)


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    folder = tmp_path_factory.mktemp("served")
    docs = folder / "docs"
    (docs / "reference").mkdir(parents=True)
    (docs / "assets").symlink_to(ROOT / "docs" / "assets")
    shutil.copytree(ROOT / "src" / "chainrule", folder / "src" / "chainrule")
    for name, cells in {
        "index": "# %%\n1",
        "plain": "# %%\n1 + 1",
        "uses": USES,
    }.items():
        text = LESSON.format(name=name, cells=cells)
        (docs / f"{name}.py").write_text(text, encoding="utf-8")
    (docs / "text.md").write_text("# Text {#text}\n\nEnglish words.\n")
    (docs / "text.zh.md").write_text("# 文字 {#text}\n\n中文词句。\n")
    (docs / "reference" / "descent.md").write_text("::: chainrule.descent\n")
    (folder / "mkdocs.yml").write_text(
        f"INHERIT: {ROOT / 'mkdocs.yml'}\n"
        "nav: [index.py, plain.py, uses.py, text.md, reference/descent.md]\n"
    )
    server = Served(folder)
    server.wait(plain="1 + 1", uses="loss")
    yield server
    server.process.terminate()
    server.process.wait()


def test_an_edit_to_prose_shows_and_runs_nothing(served):
    pairs = ("English prose", "Prose 1"), ("中文文字", "文字 Prose 1")
    assert served.edit("docs/plain.py", *pairs, plain="Prose 1") == []
    assert not served.full


def test_an_edit_to_code_runs_that_lesson(served):
    pair = "1 + 1", "'forty' + ' two'"
    assert served.edit("docs/plain.py", pair, plain="forty two") == ["plain"]
    assert not served.full


def test_what_an_edit_changed_can_be_downloaded_and_found(served):
    served.edit("docs/plain.py", ("'forty' + ' two'", "'needle'"), plain="needle")
    for lang in ("", "zh/"):
        assert "needle" in served.page(f"{lang}plain/plain.ipynb")
        found = served.page(f"{lang}search/sections.json")
        assert found.count('"location":"plain/"') == 1
        assert "needle" in found


def test_an_edit_to_a_text_shows(served):
    assert served.edit("docs/text.md", ("English words", "Words 1")) == []
    assert (
        served.edit("docs/text.zh.md", ("中文词句", "词句 Words 1"), text="Words 1")
        == []
    )
    assert not served.full


def test_an_edit_to_a_heading_shows_on_the_other_pages(served):
    pairs = ("# Lesson uses", "# Heading 1"), ("# 课程 uses", "# 标题 Heading 1")
    assert (
        served.edit("docs/uses.py", *pairs, plain="Heading 1", uses="Heading 1") == []
    )
    assert served.full


def test_an_edit_to_a_reference_module_runs_the_lessons_that_imported_it(served):
    pair = "return (w * x - y) ** 2", "return 1000 + (w * x - y) ** 2"
    assert served.edit("src/chainrule/descent.py", pair, uses="1001.0") == ["uses"]
    assert served.full


def test_a_lesson_that_fails_says_so_on_its_page_and_the_server_lives(served):
    ran = served.edit("docs/plain.py", ("'needle'", "1 / 0"), plain="division by zero")
    assert ran == ["plain"]
    assert "A lesson fails, and its page says so" in served.log.read_text()
    assert not served.full
    assert served.edit("docs/plain.py", ("1 / 0", "'well'"), plain="well") == ["plain"]
    assert not served.full


def test_a_lesson_that_cannot_be_read_says_so_on_its_page(served):
    broken = ('# %% [markdown] lang="zh"', '# %% [markdown] lang="xx"')
    assert served.edit("docs/plain.py", broken, plain="expected its twin") == []
    assert served.edit("docs/plain.py", broken[::-1], plain="well") == []


def test_a_new_page_shows(served):
    text = LESSON.format(name="new", cells="# %%\n'fresh'")
    (served.folder / "docs" / "new.py").write_text(text, encoding="utf-8")
    served.wait(new="fresh")


def test_a_build_that_breaks_is_followed_by_a_whole_one(served):
    nav = ("text.md,", "text.md, : ,")
    before = len(served.log.read_text())
    path = served.folder / "mkdocs.yml"
    good = path.read_text()
    path.write_text(good.replace(*nav))
    while "An error happened during the rebuild" not in served.log.read_text()[before:]:
        time.sleep(0.1)
    path.write_text(good)
    pairs = ("Prose 1", "Prose 2"), ("文字 Prose 1", "文字 Prose 2")
    served.edit("docs/plain.py", pairs[0], plain="Prose 2")
