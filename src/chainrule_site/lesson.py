"""Read a lesson: a percent-format file whose text cells say their language."""

import ast
import re
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import jupytext

LANGUAGES = ("en", "zh")
TAGS = {
    "source": "a code cell that imports reference code, to show it",
    "caption": "a text cell that describes the figure above it",
    "answer": "a cell folded away under the question above it",
    "beside": "a cell set beside its neighbour with the same tag",
    "door": "a text cell that is one of the ways in, beside the others",
}
MARKER = "# %%"
INLINE = re.compile(r"`\{python\} ([^`\n]+)`")
HEADING = re.compile(r"^#{1,6} .*$", re.M)
HEADING_ID = re.compile(r"\{#([\w-]+)\}\s*$")
LINK = re.compile(r"\]\(([^)\s]+)\)|\]\[([^\]\s]+)\]|\[`([^`]+)`\]\[\]")
FENCE = re.compile(r"^```.*?^```", re.M | re.S)


class LessonError(Exception):
    """Something in a lesson is not as it must be; the message names file and cell."""


@dataclass(frozen=True)
class Cell:
    """One cell, as the author wrote it."""

    number: int
    """Its place in the file, from 1."""
    line: int
    """The line of its marker."""
    kind: str
    """`code` or `markdown`."""
    text: str
    lang: str | None = None
    """Which reader a text cell is for; None for code, which every reader sees."""
    tags: frozenset[str] = frozenset()
    raises: str | None = None
    """`Type: part of the message`, if the cell must raise."""

    @property
    def expressions(self) -> tuple[str, ...]:
        """The Python expressions in the text, in order."""
        return tuple(INLINE.findall(self.text)) if self.kind == "markdown" else ()


class Limits(NamedTuple):
    """What a lesson may use; its first cell may name others."""

    seconds: float = 60
    megabytes: int = 2048
    """Of memory, besides what its imports hold."""
    kilobytes: int = 200
    """Of output."""


@dataclass(frozen=True)
class Lesson:
    """A whole file."""

    path: Path
    cells: tuple[Cell, ...]
    needs: tuple[str, ...] = ()
    """The lessons to have read before, as paths below docs."""
    limits: Limits = field(default_factory=Limits)

    @property
    def code(self) -> tuple[Cell, ...]:
        """The cells to run, in order."""
        return tuple(cell for cell in self.cells if cell.kind == "code")

    def at(self, cell: Cell, line: int = 0) -> str:
        """Say where a cell stands, or a line of its text, for a message."""
        return f"{self.path}:{cell.line + line}, cell {cell.number}"


def read(path: Path) -> Lesson:
    """Read one lesson.

    Raises:
        LessonError: With every mistake of the file, one a line.
    """
    return _read(path, path.read_text(encoding="utf-8"))


@lru_cache(maxsize=512)
def _read(path, text):
    lines = [n for n, s in enumerate(text.splitlines(), 1) if s.startswith(MARKER)]
    nodes = jupytext.reads(text, fmt="py:percent").cells
    if not lines or len(lines) != len(nodes) or lines[0] != 1:
        first = text.splitlines()[0] if text else ""
        raise LessonError(
            f"{path}:1: expected a first line `{MARKER} …`, got {first!r}"
        )
    cells, mistakes = [], []
    head = nodes[0].metadata
    needs = head.pop("needs", "").replace(",", " ").split()
    limits = {name: head.pop(name) for name in Limits._fields if name in head}
    for number, (line, node) in enumerate(zip(lines, nodes, strict=True), 1):
        extra = dict(node.metadata)
        extra.pop("lines_to_next_cell", None)  # jupytext's own note of blank lines
        cell = Cell(
            number,
            line,
            node.cell_type,
            node.source,
            extra.pop("lang", None),
            frozenset(extra.pop("tags", ())),
            extra.pop("raises", None),
        )
        cells.append(cell)
        if extra:
            known = "lang, tags, raises, and in the first cell needs and limits"
            mistakes.append((cell, f"expected {known}, got {', '.join(extra)}"))
    wrong = {
        n: v for n, v in limits.items() if not isinstance(v, (int, float)) or v <= 0
    }
    mistakes += (
        (cells[0], f"expected {n}=a number, got {v!r}") for n, v in wrong.items()
    )
    lesson = Lesson(path, tuple(cells), tuple(needs), Limits(**limits))
    mistakes += [*_cell_mistakes(lesson), *_pair_mistakes(lesson)]
    if mistakes:
        mistakes.sort(key=lambda mistake: mistake[0].number)
        raise LessonError("\n".join(f"{lesson.at(c)}: {what}" for c, what in mistakes))
    return lesson


def _cell_mistakes(lesson):
    """Yield what is wrong with single cells."""
    for cell in lesson.cells:
        for tag in cell.tags - TAGS.keys():
            yield cell, f"expected a tag among {', '.join(TAGS)}, got {tag!r}"
        if cell.kind == "code":
            yield from ((cell, what) for what in _code_mistakes(cell))
        else:
            yield from ((cell, what) for what in _text_mistakes(cell))
    first = lesson.cells[0]
    if first.kind != "markdown" or not first.text.startswith("# "):
        yield first, "expected a text cell that starts with `# Title {#id}`"


def _code_mistakes(cell):
    try:
        tree = ast.parse(cell.text)
    except SyntaxError as error:
        line = cell.line + (error.lineno or 1)
        yield f"line {line} is not Python: {error.msg}"
        return
    ours = [
        isinstance(node, ast.ImportFrom)
        and (node.module or "").split(".")[0] == "chainrule"
        and not any(alias.asname or alias.name == "*" for alias in node.names)
        for node in tree.body
    ]
    if "source" in cell.tags and not (ours and all(ours)):
        yield "a source cell holds `from chainrule.module import name` and nothing else"
    if "source" not in cell.tags and re.search(
        r"^\s*(from|import) chainrule\b", cell.text, re.M
    ):
        yield "chainrule is imported in cells tagged source only, so that it is shown"
    for number, line in enumerate(cell.text.splitlines(), 1):
        if "\t" in line or line.isspace():
            yield (
                f"line {cell.line + number} holds a tab, or spaces only, which a page "
                f"cannot keep: {line!r}"
            )
    if cell.raises is not None and not re.fullmatch(r"\w+: .+", cell.raises):
        yield f'expected raises="Type: part of the message", got {cell.raises!r}'


def _text_mistakes(cell):
    if cell.lang not in LANGUAGES:
        expected = " or ".join(f'lang="{lang}"' for lang in LANGUAGES)
        yield f"a text cell needs {expected}, got {cell.lang!r}: {cell.text[:30]!r}"
    for heading in HEADING.findall(FENCE.sub("", cell.text)):
        if not HEADING_ID.search(heading):
            yield f"a heading needs an id, the same in each language: {heading!r}"
    for expression in cell.expressions:
        try:
            ast.parse(expression, mode="eval")
        except SyntaxError as error:
            yield f"{expression!r} is not a Python expression: {error.msg}"


def _pair_mistakes(lesson):
    """Yield where the languages do not stand side by side, or mark different things."""
    cells, seen = list(lesson.cells), {}
    while cells:
        cell = cells.pop(0)
        if cell.kind == "code":
            continue
        for heading in _ids(cell):
            if heading in seen:
                yield cell, f"the id {heading!r} is taken by cell {seen[heading]}"
            seen[heading] = cell.number
        twin = cells[0] if cells else None
        pair = (cell.lang, twin and twin.lang, twin and twin.tags)
        if pair != (*LANGUAGES, cell.tags):
            other = (
                LANGUAGES[1 - LANGUAGES.index(cell.lang)]
                if cell.lang in LANGUAGES
                else "?"
            )
            yield (
                cell,
                f'expected its twin lang="{other}" beside it, with the same tags',
            )
            continue
        cells.pop(0)
        for what, marks in {
            "heading ids": _ids,
            "inline expressions": lambda c: sorted(c.expressions),
            "links": lambda c: sorted(
                "".join(groups) for groups in LINK.findall(c.text)
            ),
        }.items():
            if marks(cell) != marks(twin):
                yield (
                    twin,
                    f"{what} differ from the English: "
                    f"expected {marks(cell)}, got {marks(twin)}",
                )


def _ids(cell):
    headings = HEADING.findall(FENCE.sub("", cell.text))
    return [m[1] for heading in headings if (m := HEADING_ID.search(heading))]
