"""A page says what its lesson says, and nothing in it is taken for anything else."""

import re
from pathlib import Path

import pytest

from chainrule_site.lesson import Cell, Lesson
from chainrule_site.page import Surroundings, markdown, prose, unbroken
from chainrule_site.run import Run
from chainrule_site.source import Snippet


@pytest.fixture
def page(tmp_path):
    """Return a function that prints a lesson of one code cell with given outputs."""

    def page(outputs, code="1", lang="en", **around):
        heads = [
            Cell(1, 1, "markdown", "# T {#t}", "en"),
            Cell(2, 2, "markdown", "# 题 {#t}", "zh"),
        ]
        lesson = Lesson(tmp_path / "a.py", (*heads, Cell(3, 3, "code", code)))
        return markdown(lesson, Run({3: outputs}, {}), lang, Surroundings(**around))

    return page


def stream(text, name="stdout"):
    return {"output_type": "stream", "name": name, "text": text}


def result(text, **data):
    return {"output_type": "execute_result", "data": {"text/plain": text} | data}


def test_output_stands_under_its_code(page):
    assert (
        "``` { .python }\n1\n```\n\n``` { .text .output .no-copy }\na\n2\n```"
        in page([stream("a\n"), result("2")])
    )


def test_warnings_and_errors_are_told_from_output(page):
    error = {
        "output_type": "error",
        "ename": "E",
        "evalue": "",
        "traceback": ["T", "E"],
    }
    text = page([stream("w\n", "stderr"), error])
    assert "{ .text .output .stderr .no-copy }\nw\n" in text
    assert "{ .text .output .error .no-copy }\nT\nE\n" in text


@pytest.mark.parametrize("lines", [24, 25, 120])
def test_long_output_is_folded_and_loses_no_line(page, lines):
    text = page([stream("".join(f"line {n}\n" for n in range(lines)))])
    assert re.findall(r"line \d+", text) == [f"line {n}" for n in range(lines)]
    assert ('<details class="fold"' in text) == (lines > 24)
    assert (f"<summary>{lines - 12} more lines</summary>" in text) == (lines > 24)


def test_a_fence_in_the_output_does_not_end_the_block(page):
    assert "```` { .text .output .no-copy }\n```\n<b>\n````" in page(
        [stream("```\n<b>\n")]
    )


def test_a_value_in_the_prose_is_text_and_not_markup():
    cell = Cell(1, 1, "markdown", "It is `{python} x`.", "en")
    assert prose(cell, Run({}, {1: {"x": "<b> *a* [1](2) `c` $d$"}})) == (
        r"It is &lt;b&gt; \*a\* \[1\](2) \`c\` \$d\$."
    )


def test_lines_of_chinese_are_joined_and_others_are_not():
    joined = [
        "第一行",
        "第二行。",
        "“引号”",
        "Latin，",
        "`code`、",
        "[链接](a.md)",
        "行",
    ]
    apart = [
        "行 `a`",
        "行",
        "Latin",
        "",
        "- 一。",
        "- 二。",
        "",
        "1. 三。",
        "2. 四。",
        "",
        "段。",
    ]
    text = "\n".join([*joined, *apart])
    cell = Cell(1, 1, "markdown", text, "zh")
    expected = "".join(joined[:4]) + "".join(joined[4:]) + "".join(apart[:1])
    assert prose(cell, Run({}, {})) == "\n".join([expected, *apart[1:]])


def test_of_html_only_a_plain_table_is_kept(page):
    html = (
        '<style>p{}</style><div onclick="x()"><table class="a"><tr><th style="b">A</th></tr>'
        "<tr><td><a href='javascript:x()'>1 &lt; 2</a><script>x()</script></td></tr></table></div>"
    )
    text = page([result("T", **{"text/html": html})])
    assert "<table><tr><th>A</th></tr><tr><td>1 &lt; 2</td></tr></table>" in text
    assert not re.search("onclick|javascript|script|style", text)


def test_html_without_a_table_is_shown_as_text(page):
    text = page(
        [
            result(
                "plain", **{"text/html": "<img src=x onerror=y>", "text/markdown": "*"}
            )
        ]
    )
    assert "plain" in text
    assert "onerror" not in text


def test_the_line_under_the_lead_names_what_to_take_and_where_to_go(page):
    text = page(
        [],
        lang="zh",
        needs={"../a.py": "甲", "b.py": "乙"},
        edit="https://example.org/e",
        other={"en": "../../a/"},
    )
    assert (
        '先读：[甲](../a.py)、[乙](b.py)\N{NO-BREAK SPACE}· <a href="a.ipynb" download>笔记本</a>\N{NO-BREAK SPACE}· '
        '<a href="a.py" download>Python 文件</a>\N{NO-BREAK SPACE}· [编辑](https://example.org/e)\N{NO-BREAK SPACE}· '
        '<a href="../../a/" hreflang="en" lang="en">English</a>\n{ .lesson-links }'
    ) in text


def test_the_stamp_names_version_and_seeds(page):
    code = "import torch\ntorch.manual_seed(666)\ntorch.manual_seed(1)"
    assert "Printed by torch 2.13.0, CPU, seed 666, 1." in page([], code)
    assert "以上输出来自 torch 2.13.0、CPU、随机种子 666、1。" in page(
        [], code, lang="zh"
    )
    assert "Printed by Python 3." in page([])


@pytest.mark.parametrize("lines", [45, 46])
def test_long_reference_code_is_folded_under_the_name_of_its_file(lines, monkeypatch):
    text = "\n".join(f"x{n} = {n}" for n in range(lines))
    snippet = Snippet("chainrule.m", ["x1"], text)
    monkeypatch.setattr("chainrule_site.page.snippets", lambda _: [[snippet]])
    heads = [
        Cell(n, n, "markdown", "# T {#t}", lang) for n, lang in ((1, "en"), (2, "zh"))
    ]
    cell = Cell(3, 3, "code", "from chainrule.m import x1", tags=frozenset({"source"}))
    lesson = Lesson(Path("a.py"), (*heads, cell))
    shown = markdown(lesson, Run({3: []}, {}), "en", Surroundings())
    folded = f"<summary>src/chainrule/m.py, {lines} lines</summary>"
    assert (folded in shown) == (lines > 45)
    assert text in shown


def test_lines_of_a_chinese_list_are_joined_and_those_of_code_are_not():
    code = "```text\n前一行…\n后一行\n```"
    text = f"- [保存的\n  张量](a.md)，\n  和别的\n- 另一项\n\n{code}\n"
    expected = f"- [保存的张量](a.md)，和别的\n- 另一项\n\n{code}\n"
    assert unbroken(text) == expected
