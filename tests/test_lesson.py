"""A lesson file that is not as it must be is refused, with file, line and cell."""

import pytest

from chainrule_site.lesson import LessonError, read

GOOD = """# %% [markdown] lang="en"
# # Title {#title}

# %% [markdown] lang="zh"
# # 标题 {#title}

# %%
1 + 1
"""


@pytest.fixture
def complaint(tmp_path, monkeypatch):
    """Return a function that says what is wrong with a file."""
    monkeypatch.chdir(tmp_path)

    def complain(text):
        path = tmp_path / "lesson.py"
        path.write_text(text, encoding="utf-8")
        with pytest.raises(LessonError) as caught:
            read(path.relative_to(tmp_path))
        return str(caught.value)

    return complain


def test_a_good_lesson_is_read(tmp_path):
    path = tmp_path / "lesson.py"
    path.write_text(GOOD, encoding="utf-8")
    lesson = read(path)
    assert [(c.number, c.line, c.kind, c.lang) for c in lesson.cells] == [
        (1, 1, "markdown", "en"),
        (2, 4, "markdown", "zh"),
        (3, 7, "code", None),
    ]


def test_a_head_names_the_lessons_to_read_first(tmp_path):
    path = tmp_path / "lesson.py"
    path.write_text(
        GOOD.replace('"en"', '"en" needs="a/b.py, c/d.py"', 1), encoding="utf-8"
    )
    assert read(path).needs == ("a/b.py", "c/d.py")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            ' lang="en"',
            "",
            'lesson.py:1, cell 1: a text cell needs lang="en" or lang="zh", got None: '
            "'# Title {#title}'",
        ),
        (
            'lang="en"',
            'lang="fr"',
            'lesson.py:1, cell 1: a text cell needs lang="en" or lang="zh", got \'fr\'',
        ),
        (
            '# %% [markdown] lang="zh"\n# # 标题 {#title}\n',
            "",
            'lesson.py:1, cell 1: expected its twin lang="zh" beside it, with the same tags',
        ),
        (
            "标题 {#title}",
            "标题 {#other}",
            "lesson.py:4, cell 2: heading ids differ from the English: "
            "expected ['title'], got ['other']",
        ),
        (
            "# Title {#title}",
            "# Title",
            "lesson.py:1, cell 1: a heading needs an id, the same in each language: "
            "'# Title'",
        ),
        (
            "# # Title {#title}",
            "# Title",
            "lesson.py:1, cell 1: expected a text cell that starts with `# Title {#id}`",
        ),
        (
            "# # Title {#title}",
            "# # Title {#title}\n# ## Again {#title}",
            "lesson.py:1, cell 1: the id 'title' is taken by cell 1",
        ),
        (
            "# # Title {#title}",
            "# # Title {#title}\n#\n# It is `{python} 1 + 1`.",
            "lesson.py:6, cell 2: inline expressions differ from the English: "
            "expected ['1 + 1'], got []",
        ),
        (
            "# # Title {#title}",
            "# # Title {#title}\n#\n# It is `{python} 1 +`.",
            "lesson.py:1, cell 1: '1 +' is not a Python expression: invalid syntax",
        ),
        (
            "# # Title {#title}",
            "# # Title {#title}\n#\n# [See](other.py).",
            "lesson.py:6, cell 2: links differ from the English: "
            "expected ['other.py'], got []",
        ),
        ("1 + 1", "1 +", "lesson.py:7, cell 3: line 8 is not Python: invalid syntax"),
        (
            "1 + 1",
            "'\t'",
            "lesson.py:7, cell 3: line 8 holds a tab, or spaces only, which a page "
            "cannot keep: \"'\\t'\"",
        ),
        (
            "1 + 1",
            "'''a\n  \nb'''",
            "lesson.py:7, cell 3: line 9 holds a tab, or spaces only",
        ),
        (
            "# %%\n",
            '# %% tags=["sauce"]\n',
            "lesson.py:7, cell 3: expected a tag among source, caption, answer, beside, "
            "door, got 'sauce'",
        ),
        (
            "# %%\n",
            "# %% need=1\n",
            "lesson.py:7, cell 3: expected lang, tags, raises, and in the first cell needs and limits, "
            "got need",
        ),
        (
            "# %%\n",
            '# %% raises="ValueError"\n',
            'lesson.py:7, cell 3: expected raises="Type: part of the message", '
            "got 'ValueError'",
        ),
        (
            "1 + 1",
            "from chainrule.descent import loss",
            "lesson.py:7, cell 3: chainrule is imported in cells tagged source only, "
            "so that it is shown",
        ),
        (
            "# %%\n1 + 1",
            '# %% tags=["source"]\nfrom chainrule.descent import loss as l',
            "lesson.py:7, cell 3: a source cell holds `from chainrule.module import name` "
            "and nothing else",
        ),
        (
            '# %% [markdown] lang="en"',
            'import torch\n# %% [markdown] lang="en"',
            "lesson.py:1: expected a first line `# %% …`, got 'import torch'",
        ),
    ],
)
def test_a_mistake_is_named_with_its_place(complaint, old, new, said):
    assert old in GOOD
    assert said in complaint(GOOD.replace(old, new, 1))


def test_all_mistakes_of_a_file_are_named_at_once(complaint):
    text = GOOD.replace("标题 {#title}", "标题 {#other}").replace("1 + 1", "1 +")
    assert complaint(text).count("lesson.py:") == 2
