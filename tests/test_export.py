"""The pages can move to another generator: plain Markdown, every link in place."""

import re
import subprocess
import sys

import pytest
from conftest import LESSONS, ROOT

from chainrule_site.lesson import LANGUAGES

SETTINGS = """\
site_name: Chain Rule
docs_dir: docs
theme: {{name: material, language: {lang}}}
markdown_extensions:
  - attr_list
  - md_in_html
  - pymdownx.arithmatex: {{ generic: true }}
  - pymdownx.highlight
  - pymdownx.superfences
  - tables
"""


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """Write the Markdown of all pages."""
    out = tmp_path_factory.mktemp("tree")
    command = [sys.executable, "-m", "chainrule_site", "export", str(out)]
    finished = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert finished.returncode == 0, finished.stdout
    return out


def test_every_page_and_every_download_is_written(tree):
    for lang in LANGUAGES:
        for path in LESSONS:
            place = tree / lang / path
            assert place.with_suffix(".md").exists()
            assert place.with_suffix(".ipynb").exists()
        sources = [p for p in (ROOT / "docs").rglob("*.md") if ".zh." not in p.name]
        for path in sources:
            text = (tree / lang / path.relative_to(ROOT)).read_text(encoding="utf-8")
            if path.parent.name == "reference":
                assert text.startswith("# chainrule.")
                assert "\n```text\n" in text
            else:
                heading = re.search("^# .*", text, re.M)[0]
                chinese = bool(re.search("[\u4e00-\u9fff]", heading))
                assert chinese == (lang == "zh"), path


@pytest.mark.parametrize("lang", LANGUAGES)
def test_zensical_builds_the_tree_without_a_warning(tree, lang):
    settings = tree / lang / "mkdocs.yml"
    settings.write_text(SETTINGS.format(lang=lang))
    command = [
        sys.executable,
        "-m",
        "zensical",
        "build",
        "-f",
        str(settings),
        "--strict",
    ]
    finished = subprocess.run(command, capture_output=True, text=True, cwd=tree / lang)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    page = tree / lang / "site" / "descent" / "by-hand" / "index.html"
    assert 'id="samples"' in page.read_text(encoding="utf-8")
