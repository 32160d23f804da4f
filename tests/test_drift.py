"""What lessons show is compared with what they showed under other libraries."""

import json
import os
import re
import subprocess
import sys

import pytest
import yaml
from conftest import HEAD, ROOT

ERROR = """# %%
import json

# %% raises="JSONDecodeError: Expecting value"
json.loads("")
"""
LINES = """# %%
for n in range(6):
    print(f"line {n}")
"""
VALUE = """# %% [markdown] lang="en"
# It is `{python} x`.

# %% [markdown] lang="zh"
# 它是 `{python} x`。

# %%
x = 7
"""
PLOT = """# %%
import matplotlib.pyplot as plt

_ = plt.plot([1, 2])

# %% [markdown] lang="en" tags=["caption"]
# A line.

# %% [markdown] lang="zh" tags=["caption"]
# 一条线。
"""


def call(folder, *words):
    """Run the command line in a project."""
    return subprocess.run(
        [sys.executable, "-m", "chainrule_site", *words],
        cwd=folder,
        capture_output=True,
        text=True,
    )


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """Make a small project, and keep what its lessons show in `old.json`."""
    project = tmp_path_factory.mktemp("project")
    (project / "docs").mkdir()
    lessons = {"error": ERROR, "lines": LINES, "value": "# %%\nx = 7\n\n" + VALUE}
    for name, cells in (lessons | {"plot": PLOT}).items():
        text = (HEAD + cells).replace("# # Title", f"# # The {name}")
        (project / "docs" / f"{name}.py").write_text(text, encoding="utf-8")
    assert call(project, "outputs", "old.json").returncode == 0
    return project


@pytest.fixture
def doctored(kept, tmp_path):
    """Return a function that compares with other outputs than those that were kept."""

    def compare(old, new):
        text = (kept / "old.json").read_text(encoding="utf-8")
        assert old in text
        path = tmp_path / "doctored.json"
        path.write_text(text.replace(old, new), encoding="utf-8")
        finished = call(kept, "compare", str(path))
        assert finished.stderr.count(" took ") == 4, "they run, whatever was kept"
        return finished.returncode, finished.stdout

    return compare


def test_lessons_that_show_the_same_have_not_changed(kept):
    finished = call(kept, "compare", "old.json")
    assert finished.returncode == 0, finished.stdout
    first, last = finished.stdout.splitlines()
    assert re.fullmatch(r"Python 3\.\S+, torch \S+, numpy \S+, matplotlib \S+", first)
    assert last == "4 lessons, 0 wrong"


def test_what_is_kept_names_lesson_cell_and_versions(kept):
    shown = json.loads((kept / "old.json").read_text(encoding="utf-8"))
    assert shown["versions"].keys() == {"Python", "torch", "numpy", "matplotlib"}
    run = shown["runs"]["docs/lines.py"]
    assert run["outputs"]["3"][0]["text"].splitlines()[3] == "line 3"
    assert shown["runs"]["docs/value.py"]["values"]["4"] == {"x": "7"}


def test_an_output_that_changed_is_shown_as_a_diff_with_its_place(doctored):
    code, said = doctored("line 3", "line three")
    assert code == 1
    assert "docs/lines.py:7, cell 3: shows something else\n" in said
    assert "\n line 2\n-line three\n+line 3\n line 4\n" in said
    assert said.endswith("\n4 lessons, 1 wrong\n")


def test_a_number_in_the_prose_that_changed_is_shown(doctored):
    code, said = doctored('"x": "7"', '"x": "8"')
    assert code == 1
    assert re.search(r"docs/value\.py:\d+, cell 4: shows .*\n@@.*\n-8\n\+7\n", said), (
        said
    )


def test_a_figure_that_changed_is_named(doctored):
    code, said = doctored("<svg ", '<svg class=\\"old\\" ')
    assert code == 1
    assert "docs/plot.py:7, cell 3: draws something else\n" in said


def test_the_words_of_an_expected_error_that_changed_are_shown(doctored):
    code, said = doctored(
        "Expecting value: line 1 column 1 (char 0)", "Expecting value, got nothing"
    )
    assert code == 1
    assert "\n-json.decoder.JSONDecodeError: Expecting value, got nothing\n" in said
    assert "\n+json.decoder.JSONDecodeError: Expecting value: line 1 column 1" in said


def test_another_version_is_named_beside_the_old_one(doctored):
    code, said = doctored('"numpy": "', '"numpy": "0.')
    assert code == 0
    assert re.match(r"Python \S+, torch \S+, numpy 0\.(\S+) → \1, matplotlib", said)


def test_a_lesson_that_is_new_and_one_that_is_no_more_are_named(doctored):
    code, said = doctored("docs/lines.py", "docs/gone.py")
    assert code == 1
    assert "docs/gone.py: is no more\n" in said
    assert "docs/lines.py: is new\n" in said


def test_a_cell_that_is_new_and_one_that_is_no_more_are_named(doctored):
    code, said = doctored('"outputs": {\n    "3":', '"outputs": {\n    "33":')
    assert code == 1
    assert "docs/lines.py:7, cell 3: shows something else\n" in said
    assert "\n+line 3\n" in said
    assert "docs/lines.py, cell 33: is no more\n" in said


def test_an_expected_error_of_another_type_is_shown(doctored):
    code, said = doctored("json.decoder.JSONDecodeError", "ValueError")
    assert code == 1
    assert "\n-ValueError: Expecting value" in said
    assert "\n+json.decoder.JSONDecodeError: Expecting value" in said


def test_a_lesson_that_fails_says_why_and_the_others_are_compared(kept):
    path = kept / "docs" / "error.py"
    text = path.read_text(encoding="utf-8")
    try:
        path.write_text(text.replace("Expecting value", "Nothing to read"))
        finished = call(kept, "compare", "old.json")
        written = call(kept, "outputs", "new.json")
    finally:
        path.write_text(text, encoding="utf-8")
    assert finished.returncode == 1
    expected = "expected 'JSONDecodeError: Nothing to read' to be raised, got"
    assert f"docs/error.py:10, cell 4: {expected}" in finished.stdout
    assert finished.stdout.endswith("\n4 lessons, 1 wrong\n")
    assert written.returncode == 1
    assert not (kept / "new.json").exists(), "outputs of some lessons are no outputs"


@pytest.mark.parametrize(
    "text", ["", "{}", "[1]", '{"versions": {}, "runs": {"a": 1}}']
)
def test_a_file_that_is_no_outputs_is_refused(kept, tmp_path, text):
    path = tmp_path / "other.json"
    path.write_text(text)
    finished = call(kept, "compare", str(path))
    assert finished.returncode == 2
    assert "other.json: expected what `outputs` wrote" in finished.stderr


@pytest.mark.parametrize("same", [True, False])
def test_the_workflow_reports_what_compare_says(kept, tmp_path, same):
    workflow = yaml.safe_load((ROOT / ".github/workflows/newest.yml").read_text())
    (job,) = workflow["jobs"].values()
    (script,) = [s["run"] for s in job["steps"] if " compare " in s.get("run", "")]
    project = tmp_path / "project"
    (project / ".venv" / "bin").mkdir(parents=True)
    (project / "docs").symlink_to(kept / "docs")
    python = project / ".venv" / "bin" / "python"
    python.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)
    old = (kept / "old.json").read_text(encoding="utf-8")
    (project / "pinned.json").write_text(old if same else old.replace("line 3", "no"))
    summary = tmp_path / "summary.md"
    named = job.get("defaults", {}).get("run", {}).get("shell")
    options = {None: ["-e"], "bash": ["-eo", "pipefail"]}[named]  # as GitHub runs it
    finished = subprocess.run(
        ["bash", "--noprofile", "--norc", *options, "-c", script],
        cwd=project,
        env=os.environ | {"GITHUB_STEP_SUMMARY": str(summary)},
        capture_output=True,
        text=True,
    )
    assert finished.returncode == (0 if same else 1), finished.stderr
    lines = summary.read_text(encoding="utf-8").splitlines()
    assert lines[0] == "````diff"
    assert lines[-1] == "````", "also where something changed"
    assert ("-no" in lines) is not same
    assert f"4 lessons, {0 if same else 1} wrong" in lines
    assert finished.stdout.splitlines() == lines[1:-1], "the log says it too"
