"""Say what lessons show that they did not show before, or with other libraries."""

import json
import sys
from collections.abc import Iterable, Iterator
from difflib import unified_diff
from importlib.metadata import version
from itertools import zip_longest
from pathlib import Path
from typing import NamedTuple

from .lesson import Lesson
from .run import Run, differences

LIBRARIES = ("torch", "numpy", "matplotlib")
"""What decides, besides Python, what a lesson shows."""


class Shown(NamedTuple):
    """What all lessons showed, and what with."""

    versions: dict[str, str]
    runs: dict[Path, Run]


def versions() -> dict[str, str]:
    """Return the versions that what is run now is run with."""
    installed = {name: version(name) for name in LIBRARIES}
    return {"Python": sys.version.split()[0]} | installed


def write(path: Path, runs: dict[Path, Run]) -> None:
    """Keep what lessons showed, cell by cell, for `read` in another environment."""
    lessons = {name.as_posix(): vars(run) for name, run in sorted(runs.items())}
    shown = Shown(versions(), lessons)._asdict()
    path.write_text(json.dumps(shown, indent=1, ensure_ascii=False), encoding="utf-8")


def read(path: Path) -> Shown:
    """Return what `write` kept.

    Raises:
        ValueError: If this is not such a file.
    """
    try:
        shown = Shown(**json.loads(path.read_text(encoding="utf-8")))
        runs = {
            Path(name): Run(**{part: _numbered(cells) for part, cells in run.items()})
            for name, run in shown.runs.items()
        }
    except (AttributeError, TypeError, ValueError) as error:
        what = "expected what `outputs` wrote"
        raise ValueError(f"{path}: {what}, got {error}") from error
    return Shown(shown.versions, runs)


def _numbered(cells):
    """Return the cells by number again: JSON has no numbers as keys."""
    return {int(number): cell for number, cell in cells.items()}


def again(lesson: Lesson, one: Run, other: Run) -> Iterator[str]:
    """Yield a line for each cell that does not show the same twice."""
    for at, *said in differences(lesson, one, other):
        if said[0] == said[1]:
            yield f"{at}: draws something else when it runs again"
            continue
        lines = zip_longest(*(text.split("\n") for text in said), fillvalue="")
        first, then = next(pair for pair in lines if pair[0] != pair[1])
        what = "shows something else when it runs again"
        yield f"{at}: {what}: {first!r}, then {then!r}"


def changes(
    old: Shown, new: Shown, lessons: Iterable[Lesson], failed: Iterable[Path]
) -> Iterator[str]:
    """Yield what is no longer shown, and what is shown instead, as unified diffs.

    Args:
        old: What was shown.
        new: What is shown now.
        lessons: The lessons there are now.
        failed: Those that show nothing now, of which something else tells why.
    """
    for path in sorted(old.runs.keys() - new.runs.keys() - set(failed)):
        yield f"{path}: is no more"
    for lesson in lessons:
        if lesson.path not in new.runs:
            continue
        if lesson.path not in old.runs:
            yield f"{lesson.path}: is new"
            continue
        runs = old.runs[lesson.path], new.runs[lesson.path]
        for at, one, other in differences(lesson, *runs):
            if one == other:
                yield f"{at}: draws something else"
            else:
                yield f"{at}: shows something else\n{_diff(one, other)}"
        cells = {cell.number for cell in lesson.cells}
        for number in sorted(runs[0].outputs.keys() - cells):
            yield f"{lesson.path}, cell {number}: is no more"


def _diff(one, other):
    lines = unified_diff(one.split("\n"), other.split("\n"), lineterm="")
    return "\n".join([*lines][2:])  # there are no files to name


def changed_versions(old: dict[str, str], new: dict[str, str]) -> str:
    """Say in a line what was run with and what is run with now."""
    return ", ".join(
        f"{name} {new[name]}"
        if old.get(name) == new[name]
        else f"{name} {old.get(name)} → {new[name]}"
        for name in new
    )
