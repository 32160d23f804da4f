"""The house rules that a program can check."""

import ast
import io
import re
import tokenize
from pathlib import Path

import pytest

from chainrule_site.lesson import FENCE, INLINE

ERRORS = [path.stem for path in Path("docs/errors").glob("*.py")]
CATALOGUES = {"index", "changes", "inplace-map", "silent-bugs", "advice"}
"""Pages that hold many short pieces: they have other parts than a lesson."""
MODULES = sorted(Path("src/chainrule").rglob("*.py"))
SHAPE_OR_UNIT = re.compile(r"# (\(|(bytes|seconds)$)")
SECTIONS = ("Returns:", "Raises:", "Examples:")


def comments(source):
    return [
        token.string
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type == tokenize.COMMENT
    ]


def functions(path):
    tree = ast.parse(path.read_text())
    return [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]


def lines_of_code(node, source):
    """Count the lines of a function below its docstring that hold code."""
    body = node.body[1:] if ast.get_docstring(node) else node.body
    if not body:
        return 0
    lines = source.splitlines()[body[0].lineno - 1 : node.end_lineno]
    return sum(bool(line.split("#")[0].strip()) for line in lines)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_a_reference_module_is_short_and_its_functions_are_shorter(path):
    source = path.read_text()
    assert len(source.splitlines()) <= 150
    for node in functions(path):
        assert lines_of_code(node, source) <= 15, node.name


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_reference_code_prints_nothing(path):
    calls = [
        n for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.Call)
    ]
    assert "print" not in {ast.unparse(call.func) for call in calls}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_every_public_function_says_what_it_returns_raises_and_shows(path):
    module = ast.parse(path.read_text())
    for node in module.body:
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            text = ast.get_docstring(node) or ""
            for section in SECTIONS:
                assert f"\n{section}\n" in text, f"{node.name}: no {section}"
            if node.args.args or node.args.kwonlyargs:
                assert "\nArgs:\n" in text, f"{node.name}: no Args:"
            first = text.partition("Examples:\n")[2].strip()
            assert first.startswith((">>> from ", ">>> import ")), node.name


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_comments_in_reference_code_are_shapes_and_units(path):
    assert [c for c in comments(path.read_text()) if not SHAPE_OR_UNIT.match(c)] == []


def test_a_text_cell_has_four_lines_and_88_columns(lessons):
    for lesson in lessons.values():
        for cell in lesson.cells:
            if cell.kind == "markdown":
                lines = [line for line in cell.text.splitlines() if line.strip()]
                prose = [line for line in lines if not line.startswith("#")]
                assert len(prose) <= 4, lesson.at(cell)
                # what an expression comes to is shorter, and an address has no words
                plain = [
                    re.sub(r"\]\(\S+\)", "]", INLINE.sub("", line)) for line in lines
                ]
                if lesson.path.parent.name == "errors" and cell.number <= 2:
                    plain[0] = ""  # the message, as torch writes it
                assert max(map(len, plain)) <= 88, lesson.at(cell)


def test_a_code_cell_has_twelve_lines_and_88_columns(lessons):
    for lesson in lessons.values():
        for cell in lesson.code:
            lines = [line for line in cell.text.splitlines() if line.strip()]
            assert len(lines) <= 12, lesson.at(cell)
            assert max(map(len, lines)) <= 88, lesson.at(cell)


def test_comments_in_lessons_are_shapes_and_units(lessons):
    for lesson in lessons.values():
        for cell in lesson.code:
            for comment in comments(cell.text + "\n"):
                assert SHAPE_OR_UNIT.match(comment), f"{lesson.at(cell)}: {comment}"


def test_every_lesson_has_the_parts_of_a_lesson(lessons):
    for path, lesson in lessons.items():
        if path.stem in CATALOGUES or path.stem in ERRORS:
            continue
        text = "\n".join(cell.text for cell in lesson.cells if cell.lang == "en")
        for part in ("{#mistake}", "{#exercises}", "{#sources}"):
            assert part in text, f"{path} has no {part}"
        assert any(
            "answer" in cell.tags and cell.kind == "code" for cell in lesson.cells
        )
        assert any(cell.raises for cell in lesson.cells), f"{path} shows no error"


def test_every_error_page_has_the_parts_of_an_error_page(lessons):
    for path, lesson in lessons.items():
        if path.stem in CATALOGUES or path.stem not in ERRORS:
            continue
        text = "\n".join(cell.text for cell in lesson.cells if cell.lang == "en")
        for part in ("why", "fix", "causes", "advice", "looks-like", "read-on"):
            assert f"{{#{part}}}" in text, f"{path} has no {{#{part}}}"
        heads = [cell.text.splitlines()[0] for cell in lesson.cells[:2]]
        assert heads[0] == heads[1], f"{path}: the message is the heading in both"


def test_chinese_text_is_chinese(lessons):
    for lesson in lessons.values():
        for cell in lesson.cells:
            text = re.sub(
                r"`[^`]*`|\$[^$]*\$|\]\([^)]*\)", "", FENCE.sub("", cell.text)
            )
            if cell.lang == "zh":
                assert re.search("[\u4e00-\u9fff]", text), lesson.at(cell)
                assert not re.search(r"[\u4e00-\u9fff][,;:?!]", text), lesson.at(cell)
            elif cell.lang == "en":
                assert not re.search("[\uff00-\uffef\u3002]", text), lesson.at(cell)


def test_nothing_in_the_project_names_the_machine_it_was_made_on():
    found = []
    for folder in ("docs", "src", "tests"):
        for path in sorted(Path(folder).rglob("*")):
            if path.suffix in {".py", ".md", ".css", ".js"}:
                text = path.read_text()
                found += [path] * bool(re.search(r"/(home|root|work|Users)/\w", text))
    assert found == []
