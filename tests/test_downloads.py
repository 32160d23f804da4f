"""A reader can take a lesson away and run it with torch and matplotlib alone."""

import json

import nbformat
import pytest
from conftest import LESSONS

from chainrule_site.download import download
from chainrule_site.lesson import INLINE, LANGUAGES
from chainrule_site.run import as_text


def test_the_clean_room_has_what_a_reader_has_and_no_more(clean_room, tmp_path):
    script = tmp_path / "script.py"
    script.write_text("import torch, matplotlib.pyplot, numpy")
    assert clean_room("script", script).returncode == 0
    for package in ("chainrule", "IPython", "jupytext", "hypothesis"):
        script.write_text(f"import {package}")
        assert f"No module named '{package}'" in clean_room("script", script).stderr


@pytest.mark.parametrize("path", LESSONS, ids=str)
def test_the_python_file_runs_to_its_end(path, lessons, runs, clean_room, tmp_path):
    script = tmp_path / "lesson.py"
    for lang in LANGUAGES:
        script.write_text(
            download(lessons[path], runs[path], lang, "py"), encoding="utf-8"
        )
    finished = clean_room("script", script)
    assert finished.returncode == 0, finished.stderr


@pytest.mark.parametrize("path", LESSONS, ids=str)
def test_the_notebook_is_valid_and_holds_what_the_lesson_showed(path, lessons, runs):
    for lang in LANGUAGES:
        text = download(lessons[path], runs[path], lang, "ipynb")
        notebook = nbformat.reads(text, as_version=4)
        nbformat.validate(notebook)
        kept = [cell.outputs for cell in notebook.cells if cell.cell_type == "code"]
        shown = [
            [{k: v for k, v in output.items() if k != "line"} for output in outputs]
            for outputs in runs[path].outputs.values()
            if outputs
        ]
        assert [outputs for outputs in kept if outputs] == shown


@pytest.mark.parametrize("path", LESSONS, ids=str)
def test_a_download_is_in_one_language(path, lessons, runs):
    other = {"en": "zh", "zh": "en"}
    for lang in LANGUAGES:
        text = download(lessons[path], runs[path], lang, "py")
        lines = {lang: set() for lang in LANGUAGES}
        for cell in lessons[path].cells:
            if cell.kind == "markdown":
                lines[cell.lang] |= set(INLINE.sub("", cell.text).splitlines())
        foreign = lines[other[lang]] - lines[lang]
        assert len(foreign) > 5
        assert (
            foreign & {line.removeprefix("# ") for line in text.splitlines()} == set()
        )


@pytest.mark.parametrize("path", LESSONS, ids=str)
def test_the_notebook_shows_the_same_in_a_clean_interpreter(
    path, lessons, runs, clean_room, tmp_path
):
    notebook = json.loads(download(lessons[path], runs[path], "en", "ipynb"))
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    blocks = tmp_path / "blocks.json"
    blocks.write_text(json.dumps(["".join(cell["source"]) for cell in cells]))
    finished = clean_room("cells", blocks)
    assert finished.returncode == 0, finished.stderr
    for cell, shown in zip(cells, json.loads(finished.stdout), strict=True):
        if any("image/svg+xml" in o.get("data", {}) for o in cell["outputs"]):
            continue  # its text is the name of an object, with an address
        expected = [
            "\n".join(o["traceback"][-1:])
            if o["output_type"] == "error"
            else text_of(o)
            for o in cell["outputs"]
            if o.get("name") != "stderr"
        ]
        for text in expected:
            assert text.strip() in shown, f"{path}: {cell['source']}"
        assert bool(shown) == bool(expected), f"{path}: {cell['source']}"


def text_of(output):
    """Return an output's text; nbformat keeps long texts as lists of lines."""
    joined = {k: "".join(v) if isinstance(v, list) else v for k, v in output.items()}
    if "data" in joined:
        joined["data"] = {k: "".join(v) for k, v in joined["data"].items()}
    return as_text(joined)
