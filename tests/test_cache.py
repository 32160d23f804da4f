"""What must run again does, nothing else does, and a bad disk costs only time."""

import json
import logging
import os
import threading

import pytest

from chainrule_site import cache as cache_module
from chainrule_site.cache import Cache
from chainrule_site.lesson import read
from chainrule_site.run import Runner, as_text

LESSON = """# %% [markdown] lang="en"
# # Title {{#title}}
#
# Prose.

# %% [markdown] lang="zh"
# # 标题 {{#title}}
#
# 文字。

{cells}
"""
PLAIN = "# %%\n'plain'"
USES = '# %% tags=["source"]\nfrom chainrule.first import first\n\n# %%\nfirst()'
DATA = "# %%\nopen({path!r}).read()"


class Project:
    """Three lessons: one of its own, one that imports code, one that reads a file."""

    def __init__(self, folder):
        self.folder = folder
        package = folder / "src" / "chainrule"
        package.mkdir(parents=True)
        (folder / "docs").mkdir()
        (package / "__init__.py").write_text("")
        (package / "first.py").write_text(
            "from chainrule.second import second\n\n\ndef first():\n    return second()\n"
        )
        (package / "second.py").write_text("def second():\n    return 'code'\n")
        (folder / "data.txt").write_text("data")
        self.write("plain", PLAIN)
        self.write("uses", USES)
        self.write("data", DATA.format(path=str(folder / "data.txt")))

    def write(self, name, cells):
        path = self.folder / "docs" / f"{name}.py"
        path.write_text(LESSON.format(cells=cells), encoding="utf-8")

    def edit(self, file, old, new):
        path = self.folder / file
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new), encoding="utf-8")

    def build(self, runner=None):
        """Build as a new process would; return which lessons ran and what all showed."""
        ran = []
        own = runner or Runner(Cache(self.folder / ".cache"), **self.environment)
        own.progress = lambda line: (
            ran.append(line.split()[0][5:-3]) if " took " in line else None
        )
        lessons = [
            read(p.relative_to(self.folder)) for p in self.folder.glob("docs/*.py")
        ]
        runs, failures = own.run(lessons)
        if not runner:
            own.close()
        assert failures == {}
        shown = {
            path.stem: as_text(list(run.outputs.values())[-1][-1])
            for path, run in runs.items()
        }
        return sorted(ran), shown

    @property
    def environment(self):
        return {"PYTHONPATH": str(self.folder / "src")}

    @property
    def entries(self):
        return sorted((self.folder / ".cache").glob("*"))


ALL = ["data", "plain", "uses"]


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    project = Project(tmp_path)
    assert project.build() == (
        ALL,
        {"plain": "'plain'", "uses": "'code'", "data": "'data'"},
    )
    return project


def test_nothing_runs_when_nothing_changed(project):
    assert project.build()[0] == []


@pytest.mark.parametrize(
    ("file", "old", "new", "ran", "lesson", "shown"),
    [
        ("docs/plain.py", "Prose", "Other prose", [], "plain", "'plain'"),
        ("docs/plain.py", "文字", "别的文字", [], "plain", "'plain'"),
        ("docs/plain.py", "'plain'", "'other'", ["plain"], "plain", "'other'"),
        ("docs/plain.py", '"en"', '"en" seconds=9', ["plain"], "plain", "'plain'"),
        (
            "src/chainrule/first.py",
            "return second()",
            "return second() * 2",
            ["uses"],
            "uses",
            "'codecode'",
        ),
        ("src/chainrule/second.py", "'code'", "'new'", ["uses"], "uses", "'new'"),
        ("data.txt", "data", "new", ["data"], "data", "'new'"),
    ],
)
def test_an_edit_runs_what_it_must_and_no_more(
    project, file, old, new, ran, lesson, shown
):
    project.edit(file, old, new)
    again, outputs = project.build()
    assert again == ran
    assert outputs[lesson] == shown
    assert project.build()[0] == []


def test_a_new_version_of_a_library_runs_everything(project, monkeypatch):
    versions = cache_module._libraries()
    monkeypatch.setattr(
        cache_module, "_libraries", lambda: [*versions, "new-1.0.dist-info"]
    )
    assert project.build()[0] == ALL


def test_a_new_engine_runs_everything(project, monkeypatch):
    monkeypatch.setattr(cache_module, "_engine", lambda: "another")
    assert project.build()[0] == ALL


def test_another_environment_runs_everything(project, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    assert project.build()[0] == ALL


def test_a_variable_that_is_not_on_the_list_runs_nothing(project, monkeypatch):
    monkeypatch.setenv("SOMETHING", "else")
    assert project.build()[0] == []


def test_a_file_that_was_looked_for_in_vain_counts_when_it_appears(project):
    path = project.folder / "later.txt"
    project.write(
        "plain",
        f"# %%\nimport os\nos.path.exists('x')\ntry:\n    text = open({str(path)!r}).read()\nexcept FileNotFoundError:\n    text = 'none'\ntext",
    )
    assert project.build()[1]["plain"] == "'none'"
    path.write_text("there")
    assert project.build() == (["plain"], project.build()[1])
    assert project.build()[1]["plain"] == "'there'"


def test_a_file_read_in_a_forked_child_counts(project):
    code = f"import os\nif os.fork() == 0:\n    open({str(project.folder / 'data.txt')!r}).read()\n    os._exit(0)\n_ = os.wait()\n'done'"
    project.write("plain", f"# %%\n{code}")
    project.build()
    project.edit("data.txt", "data", "new")
    assert project.build()[0] == ["data", "plain"]


def test_a_file_that_changes_while_a_lesson_reads_it_is_not_trusted(project):
    path = str(project.folder / "data.txt")
    project.write(
        "data",
        f"# %%\nimport os\ntext = open({path!r}).read()\nos.utime({path!r})\ntext",
    )
    project.build()
    assert project.build()[0] == ["data"]


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.write_bytes(path.read_bytes()[:-20]),
        lambda path: path.write_text(path.read_text().replace("plain", "wrong")),
        lambda path: path.write_bytes(b"\xff\xfe"),
        lambda path: path.write_text(""),
        lambda path: path.write_text("nonsense\n{}"),
        lambda path: (path.unlink(), path.mkdir()),
    ],
    ids=["truncated", "edited", "not text", "empty", "foreign", "a folder"],
)
def test_a_damaged_entry_is_named_and_made_again(project, damage, caplog):
    (entry,) = (path for path in project.entries if "plain" in path.name)
    damage(entry)
    with caplog.at_level(logging.WARNING, "chainrule"):
        ran, shown = project.build()
    assert ran == ["plain"]
    assert shown["plain"] == "'plain'"
    assert entry.name in caplog.text


def test_an_entry_of_another_lesson_is_not_taken(project):
    plain, uses = (p for p in project.entries if "plain" in p.name or "uses" in p.name)
    plain.write_bytes(uses.read_bytes())
    assert project.build() == (["plain"], project.build()[1])


def test_entries_of_lessons_that_are_no_more_are_removed(project):
    cache = Cache(project.folder / ".cache")
    cache.keep_only({"docs/plain.py"})
    assert [path.name for path in project.entries] == ["docs.plain.py.json"]


def test_a_disk_that_cannot_be_written_costs_time_and_one_warning(
    project, caplog, monkeypatch
):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tempfile.mkstemp", full)
    project.edit("docs/plain.py", "'plain'", "'other'")
    project.edit("data.txt", "data", "new")
    with caplog.at_level(logging.WARNING, "chainrule"):
        ran, shown = project.build()
    assert ran == ["data", "plain"]
    assert shown["plain"] == "'other'"
    assert caplog.text.count("No space left on device") == 1


def test_a_half_written_entry_is_not_left_behind(project, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    project.edit("docs/plain.py", "'plain'", "'other'")
    project.build()
    assert [p for p in project.entries if p.suffix == ".new"] == []


def test_one_process_remembers_what_it_could_not_write(project):
    runner = Runner(Cache(None), **project.environment)
    assert project.build(runner)[0] == ALL
    assert project.build(runner)[0] == []
    project.edit("src/chainrule/second.py", "'code'", "'new'")
    assert project.build(runner) == (
        ["uses"],
        {"plain": "'plain'", "uses": "'new'", "data": "'data'"},
    )
    runner.close()


def test_two_builds_at_once_do_not_disturb_each_other(project):
    for path in project.entries:
        path.unlink()
    results = []
    threads = [
        threading.Thread(target=lambda: results.append(project.build()))
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results[0] == results[1]
    assert project.build()[0] == []


def test_an_entry_holds_no_path_of_this_machine(project):
    for path in project.entries:
        kept = json.loads(path.read_text().split("\n", 1)[1])
        assert not any(os.path.isabs(name) for name in kept["reads"])
