"""Hand lessons to the warm process and judge what comes back."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from .lesson import INLINE, Lesson, LessonError
from .source import SourceError, snippets

SECONDS = 60
"""How long a lesson may run."""
HEAVY = {
    "torch": ["torch", "torch._dynamo"],  # which the first optimizer imports anyway
    "matplotlib": ["matplotlib.pyplot", "matplotlib_inline.backend_inline"],
}
DECIMAL = re.compile(r"(?<![\w.])\d+\.\d+(?!\w|\.\d)")
ADDRESS = re.compile(r"https?://\S+")


@dataclass(frozen=True)
class Run:
    """What one lesson showed."""

    outputs: dict[int, list[dict]]
    """For the number of a code cell what it showed, as Jupyter output types."""
    values: dict[int, dict[str, str]]
    """For the number of a text cell what each inline expression came to."""


class Runner:
    """Runs lessons. One of these serves many builds; its process stays warm."""

    def __init__(self, jobs: int | None = None):
        self.jobs = jobs or os.cpu_count() or 1
        self.process = None
        self.kept = {}

    def run(self, lessons: Iterable[Lesson]) -> dict[Path, Run]:
        """Run every lesson whose code or reference code changed since it last ran.

        Raises:
            LessonError: With every failure of every lesson, once all have run.
        """
        lessons = list(lessons)
        keys = {lesson.path: _key(lesson) for lesson in lessons}
        pending = {
            str(each.path): each for each in lessons if keys[each.path] not in self.kept
        }
        failures = [
            mistake for each in pending.values() for mistake in _unsourced(each)
        ]
        runnable = [each for each in pending.values() if not any(_unsourced(each))]
        for answer in self._answers(runnable):
            lesson = pending[answer["name"]]
            try:
                self.kept[keys[lesson.path]] = judge(lesson, answer)
            except LessonError as error:
                failures.append(str(error))
        if failures:
            raise LessonError("\n".join(sorted(failures)))
        return {path: self.kept[key] for path, key in keys.items()}

    def close(self) -> None:
        """End the warm process."""
        if self.process:
            self.process.stdin.close()
            self.process.wait()
            self.process.stdout.close()
            self.process = None

    def _answers(self, lessons: Iterable[Lesson]) -> Iterator[dict]:
        """Yield what each lesson showed, in the order they end."""
        waiting, running = list(lessons), 0
        while waiting or running:
            if self.process is None:
                command = [sys.executable, "-m", "chainrule_site.warm"]
                pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
                env = {
                    "OMP_NUM_THREADS": "1"
                } | os.environ  # the lessons share the cores
                self.process = subprocess.Popen(command, env=env, **pipes)
            while waiting and running < self.jobs:
                lesson, running = waiting.pop(0), running + 1
                request = {
                    "name": str(lesson.path),
                    "steps": steps(lesson),
                    "seconds": SECONDS,
                    "imports": heavy_imports(lesson),
                }
                self.process.stdin.write(json.dumps(request).encode() + b"\n")
                self.process.stdin.flush()
            line = self.process.stdout.readline()
            if not line:
                code = self.process.wait()
                self.process = None
                raise LessonError(f"the process that runs lessons ended: exit {code}")
            running -= 1
            yield json.loads(line)


def steps(lesson: Lesson) -> list[dict]:
    """Return what to run, in order: code cells, and the expressions between them.

    Those of the lead come last: it tells the result before the reader sees it computed.
    """
    lead, order = [], []
    for cell in lesson.cells:
        if cell.kind == "code":
            order.append(
                {"cell": cell.number, "code": cell.text, "raises": bool(cell.raises)}
            )
        elif cell.expressions:
            values = {"cell": cell.number, "values": list(cell.expressions)}
            (lead if cell.number <= 2 else order).append(values)
    return order + lead


def _unsourced(lesson):
    """Yield where a lesson wants to show reference code that does not exist."""
    for cell in lesson.code:
        if "source" in cell.tags:
            try:
                snippets([cell.text])
            except SourceError as error:
                yield f"{lesson.at(cell)}: {error}"


def heavy_imports(lesson: Lesson) -> list[str]:
    """Return the modules worth importing once for all the lessons that need them."""
    sources = snippets(cell.text for cell in lesson.code if "source" in cell.tags)
    shown = [snippet.text for group in sources for snippet in group]
    code = "\n".join([cell.text for cell in lesson.code] + shown)
    return [
        module
        for name, modules in HEAVY.items()
        if re.search(rf"^\s*(?:import|from) {name}\b", code, re.M)
        for module in modules
    ]


def judge(lesson: Lesson, answer: dict) -> Run:
    """Turn the answer of the warm process into a run, if all went as the lesson says.

    Raises:
        LessonError: If a cell raised unasked, did not raise or raised something else,
            if a figure has no caption, or if the prose has a number that nothing shows.
    """
    if "died" in answer:
        raise LessonError(f"{lesson.path}: {answer['died']}")
    cells = {cell.number: cell for cell in lesson.cells}
    outputs, values, mistakes = {}, {}, []
    for step, result in zip(steps(lesson), answer["results"], strict=False):
        cell = cells[step["cell"]]
        if "code" in step:
            outputs[cell.number] = result
            mistakes += ((cell, what) for what in _wrong(cell, result))
        else:
            texts = dict(zip(step["values"], result, strict=True))
            failed = {e: v["error"] for e, v in texts.items() if isinstance(v, dict)}
            mistakes += ((cell, f"{e!r} raised {why}") for e, why in failed.items())
            values[cell.number] = texts
    if not mistakes:
        mistakes = [*_uncaptioned(lesson, outputs), *_unshown(lesson, outputs)]
    if mistakes:
        raise LessonError("\n".join(f"{lesson.at(c)}: {what}" for c, what in mistakes))
    return Run(outputs, values)


def _wrong(cell, outputs):
    """Yield where a cell raised what it should not, or not what it should."""
    errors = [o for o in outputs if o["output_type"] == "error"]
    got = [f"{o['ename']}: {o['evalue']}" for o in errors]
    if cell.raises is None:
        yield from ("raised\n" + "\n".join(o["traceback"]) for o in errors)
    elif not got:
        yield f"expected {cell.raises!r} to be raised, and nothing was"
    else:
        kind, _, part = cell.raises.partition(": ")
        if errors[0]["ename"] != kind or part not in errors[0]["evalue"]:
            yield f"expected {cell.raises!r} to be raised, got {got[0]!r}"


def _uncaptioned(lesson, outputs):
    for cell, after in zip(lesson.cells, (*lesson.cells[1:], None), strict=True):
        figures = sum(
            "image/svg+xml" in o.get("data", {}) for o in outputs.get(cell.number, ())
        )
        captioned = after is not None and "caption" in after.tags
        if cell.kind == "code" and figures != captioned:
            expected = "one figure" if captioned else "a caption cell after the figure"
            yield cell, f"expected {expected}, got {figures} figures"


def _unshown(lesson, outputs):
    """Yield decimals in the prose that neither code nor output shows."""
    shown = [cell.text for cell in lesson.code]
    shown += [as_text(output) for group in outputs.values() for output in group]
    known = set(re.findall(r"\d+\.\d+", "\n".join(shown)))
    for cell in lesson.cells:
        if cell.kind == "markdown":
            prose = ADDRESS.sub("", INLINE.sub("", cell.text))
            for number in sorted(set(DECIMAL.findall(prose)) - known):
                yield (
                    cell,
                    f"{number} is in the prose, but no code and no output shows it",
                )


def as_text(output: dict) -> str:
    """Return what an output says in plain text."""
    if output["output_type"] == "stream":
        return output["text"]
    if output["output_type"] == "error":
        return "\n".join(output["traceback"])
    return output["data"].get("text/plain", "")


def _key(lesson):
    """Name all that decides what a lesson shows: its code and the reference package."""
    digest = sha256(json.dumps([str(lesson.path), steps(lesson)]).encode())
    for path in sorted(Path("src/chainrule").rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()
