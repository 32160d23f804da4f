"""A lesson shows what Jupyter would show, and fails loudly when it is not true."""

from pathlib import Path

import pytest
from conftest import LESSONS, shown, text

from chainrule_site.__main__ import AGAIN
from chainrule_site.lesson import read
from chainrule_site.run import Runner, steps


def test_prints_and_the_last_expression_are_shown_in_order(show):
    assert [text(o) for o in show("print('a')\n'b'", "x = 1", "x + 1;", "x + 1")] == [
        ["a\n", "'b'"],
        [],
        [],
        ["2"],
    ]


def test_output_below_python_keeps_its_place(show):
    (outputs,) = show(
        "import os\nprint('a')\nos.system('echo b')\nprint('c')\nos.write(1, b'd')"
    )
    assert text(outputs) == ["a\nb\nc\nd", "1"]


def test_a_forked_child_is_heard(show):
    code = "import os\npid = os.fork()\nif pid == 0:\n    print('child')\n    os._exit(0)\n"
    (outputs,) = show(code + "_ = os.waitpid(pid, 0)\nprint('parent')")
    assert text(outputs) == ["child\nparent\n"]


def test_warnings_and_logging_are_stderr_without_paths(show):
    (outputs,) = show(
        "import logging, warnings\nwarnings.warn('look')\nlogging.warning('hear')"
    )
    assert [o["name"] for o in outputs] == ["stderr"]
    assert text(outputs) == ["UserWarning: look\nWARNING:root:hear\n"]


def test_addresses_escape_codes_and_folders_are_removed(show):
    (outputs,) = show(
        "import os\nprint(object())\nprint('\\x1b[1mbold\\x1b[0m')\nprint(os.getcwd() + '/f')"
    )
    assert text(outputs) == ["<object object at 0x…>\nbold\nf\n"]


def test_a_lesson_runs_in_an_empty_folder_with_no_input(show):
    (outputs,) = show("import os, sys\nos.listdir(), os.read(0, 1)")
    assert text(outputs) == ["([], b'')"]


def test_one_lesson_leaves_nothing_behind_for_the_next(show):
    show("import builtins, os, random\nbuiltins.left = 1\nos.environ['LEFT'] = '1'")
    (outputs,) = show(
        "import builtins, os\nhasattr(builtins, 'left'), 'LEFT' in os.environ"
    )
    assert text(outputs) == ["(False, False)"]


def test_every_figure_is_an_svg_that_names_no_machine(show, runner, write):
    figure = "# %%\nimport matplotlib.pyplot as plt\n_ = plt.plot([1, 2])"
    captions = [
        f'# %% [markdown] lang="{lang}" tags=["caption"]\n# {word}'
        for lang, word in (("en", "A line."), ("zh", "一条线。"))
    ]
    lesson = write(figure, *captions)
    ((output,),) = shown(runner, lesson).outputs.values()
    svg = output["data"]["image/svg+xml"]
    assert svg.startswith("<svg ")
    assert "<metadata" not in svg
    assert "<style" not in svg


def test_a_table_is_kept_as_html(show):
    (outputs,) = show(
        "class T:\n    def _repr_html_(self):\n        return '<table></table>'\n\n\nT()"
    )
    assert outputs[0]["data"]["text/html"] == "<table></table>"


def test_an_error_shows_the_readers_own_lines_only(runner, write):
    lesson = write(
        "# %%\nimport json\n\n\ndef parse(text):\n    return json.loads(text)",
        '# %% raises="JSONDecodeError: Expecting value"\nparse("")',
    )
    error = list(shown(runner, lesson).outputs.values())[-1][-1]
    assert error["traceback"] == [
        "Traceback (most recent call last):",
        '  parse("")',
        "  in parse: return json.loads(text)",
        "json.decoder.JSONDecodeError: Expecting value: line 1 column 1 (char 0)",
    ]


def test_expressions_see_the_cells_above_and_those_of_the_lead_the_end(
    tmp_path, runner
):
    path = tmp_path / "lesson.py"
    pair = '# %% [markdown] lang="en"\n{0}\n\n# %% [markdown] lang="zh"\n{0}\n\n'
    path.write_text(
        pair.format("# # T {#t}\n#\n# Ends at `{python} x`.")
        + "# %%\nx = 1\n\n"
        + pair.format("# Now it is `{python} x`.")
        + "# %%\nx = 2\n"
    )
    lesson = read(path)
    values = shown(runner, lesson).values
    assert values == {1: {"x": "2"}, 2: {"x": "2"}, 4: {"x": "1"}, 5: {"x": "1"}}


def test_a_cell_that_raises_unasked_is_named(complaint):
    assert complaint("# %%\nx = 1", "# %%\n1 / 0") == (
        "lesson.py:11, cell 4: raised\n"
        "Traceback (most recent call last):\n"
        "  1 / 0\n"
        "ZeroDivisionError: division by zero"
    )


def test_a_cell_that_should_raise_and_does_not_is_named(complaint):
    assert complaint('# %% raises="ValueError: no"\n1') == (
        "lesson.py:7, cell 3: expected 'ValueError: no' to be raised, got no error"
    )


@pytest.mark.parametrize("error", ["TypeError('no')", "ValueError('yes')"])
def test_a_cell_that_raises_something_else_is_named(complaint, error):
    kind, word = error[:-2].split("('")
    assert complaint(f'# %% raises="ValueError: no"\nraise {error}') == (
        "lesson.py:7, cell 3: expected 'ValueError: no' to be raised, "
        f"got '{kind}: {word}'"
    )


def test_a_number_that_nothing_shows_is_named(complaint):
    pair = '# %% [markdown] lang="{}"\n# {} 0.25 0.5'
    said = complaint("# %%\n0.25", pair.format("en", "See"), pair.format("zh", "见"))
    assert said == "\n".join(
        f"lesson.py:{line}, cell {cell}: 0.5 is in the prose, "
        "but no code and no output shows it"
        for line, cell in ((10, 4), (13, 5))
    )


def test_an_expression_that_fails_is_named(complaint):
    pair = '# %% [markdown] lang="{}"\n# {} `{{python}} nope`'
    said = complaint(pair.format("en", "See"), pair.format("zh", "见"))
    assert (
        said
        == "lesson.py:7, cell 3: 'nope' raised NameError: name 'nope' is not defined"
    )


def test_a_figure_without_a_caption_is_named(complaint):
    said = complaint("# %%\nimport matplotlib.pyplot as plt\n_ = plt.plot([1, 2])")
    assert said == (
        "lesson.py:7, cell 3: expected a caption cell after the figure, got 1 figures"
    )


def test_a_name_that_the_reference_does_not_define_is_named(complaint):
    said = complaint('# %% tags=["source"]\nfrom chainrule.descent import nope')
    assert said == "lesson.py:7, cell 3: src/chainrule/descent.py defines no nope"


def test_one_failing_lesson_does_not_hide_another(runner, write):
    lessons = [write("# %%\n1 / 0", name=f"{n}.py") for n in "ab"]
    lessons.append(write("# %%\n1", name="c.py"))
    runs, failures = runner.run(lessons)
    assert [path.name for path in runs] == ["c.py"]
    assert sorted(path.name for path in failures) == ["a.py", "b.py"]


def test_the_warm_process_ends_with_its_owner(write):
    runner = Runner()
    shown(runner, write("# %%\n1"))
    process = runner.process
    runner.close()
    assert process.returncode == 0


def test_lessons_show_the_same_on_another_processor(lessons, runs):
    """Floats differ between machines in their last bits; what a page prints must not."""
    other = Runner(**AGAIN)
    again, failures = other.run(lessons.values())
    other.close()
    assert failures == {}
    assert again.keys() == runs.keys()
    for path, run in runs.items():
        for number, group in run.outputs.items():
            assert again[path].outputs[number] == group, f"{path}, cell {number}"
        assert again[path].values == run.values, path


def test_every_code_cell_and_every_expression_is_a_step(lessons):
    for lesson in lessons.values():
        numbers = {step["cell"] for step in steps(lesson)}
        expected = {c.number for c in lesson.cells if c.kind == "code" or c.expressions}
        assert numbers == expected


def test_lessons_are_found():
    assert Path("docs/descent/by-hand.py") in LESSONS
