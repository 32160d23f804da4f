"""Hand lessons to the warm process and judge what comes back."""

import contextlib
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NamedTuple

from .cache import Cache
from .lesson import INLINE, Lesson, LessonError
from .source import SourceError, snippets

HEAVY = {
    r"^\s*(?:import|from) torch\b": ["torch"],
    # the first optimizer imports this, and takes as long for it as for all of torch
    r"\boptim\b|\bcompile\b|\bcheckpoint\b": ["torch", "torch._dynamo"],
    r"^\s*(?:import|from) matplotlib\b": [
        "matplotlib.pyplot",
        "matplotlib_inline.backend_inline",
    ],
}
"""What a lesson imports, by what its code says."""
DECIMAL = re.compile(r"(?<![\w.])\d+\.\d+(?!\w|\.\d)")
ADDRESS = re.compile(r"https?://\S+")


@dataclass(frozen=True)
class Run:
    """What one lesson showed."""

    outputs: dict[int, list[dict]]
    """For the number of a code cell what it showed, as Jupyter output types."""
    values: dict[int, dict[str, str]]
    """For the number of a text cell what each inline expression came to."""


class Cost(NamedTuple):
    """What it took to run a lesson."""

    seconds: float
    megabytes: int
    """The most memory its process held, that of the imports included."""
    cached: bool


class Outcome(NamedTuple):
    """How it went with one lesson: there is a run, or a reason why there is none."""

    path: Path
    run: Run | None
    failure: str
    cost: Cost | None


class Difference(NamedTuple):
    """A cell that two runs disagree on; where both texts are one, in what it draws."""

    at: str
    one: str
    other: str


class Runner:
    """Runs lessons. One of these serves many builds; its process stays warm."""

    def __init__(
        self,
        cache: Cache | None = None,
        jobs: int | None = None,
        progress: Callable[[str], None] = lambda line: None,
        **environment: str,
    ):
        """Make a runner that has run nothing yet.

        Args:
            cache: Where to look before running, and to keep what ran; by default
                what this process remembers.
            jobs: How many lessons run at once; by default one a processor.
            progress: Is told what runs, how many are left and how long each took.
            environment: Variables that the lessons see besides those of this process.
        """
        self.cache = cache or Cache()
        self.jobs = jobs or len(os.sched_getaffinity(0))
        self.progress = progress
        self.environment = {"OMP_NUM_THREADS": "1"} | os.environ | environment
        self.process = None
        self.batch = None
        self.costs = {}

    def run(self, lessons: Iterable[Lesson]) -> tuple[dict[Path, Run], dict[Path, str]]:
        """Return what every lesson showed, and for those that failed why."""
        batch = self.start(lessons)
        batch.finish()
        return batch.runs, batch.failures

    def start(self, lessons: Iterable[Lesson]) -> "Batch":
        """Take what is known of the lessons and let the others run meanwhile."""
        if self.batch:
            self.batch.finish()  # a build that failed has not heard of all its lessons
        batch, pending = Batch(self), []
        self.batch = batch
        for lesson in lessons:
            if mistakes := list(_unsourced(lesson)):
                batch.take(Outcome(lesson.path, None, "\n".join(mistakes), None))
            elif answer := self.known(lesson):
                batch.take(self._outcome(lesson, answer, cached=True))
            else:
                pending.append(lesson)
        # those that need few imports run while the others wait for theirs
        for lesson in sorted(pending, key=lambda each: len(heavy_imports(each))):
            batch.asked[lesson.path] = lesson, time.time()
            self._ask(lesson)
        return batch

    def known(self, lesson: Lesson) -> dict | None:
        """Return what a lesson showed before, if it would show the same now."""
        return self.cache.get(_name(lesson), program(lesson))

    def answer(self, asked: dict[Path, tuple[Lesson, float]]) -> Outcome:
        """Wait for the next lesson that ends, of those that were asked for."""
        try:
            while "seconds" not in (answer := self._read()):
                self.progress(f"{answer['name']} runs")
        except BaseException:
            self.close()
            raise
        lesson, when = asked[Path(answer["name"])]
        left = len(asked) - 1
        took = f"{answer['name']} took {answer['seconds']:.1f} s"
        self.progress(f"{took}, {left} left" if left else took)
        outcome = self._outcome(lesson, answer, cached=False)
        if outcome.run:
            self.cache.put(_name(lesson), program(lesson), answer, when)
        return outcome

    def close(self) -> None:
        """End the warm process, and with it every lesson that still runs."""
        process, self.process = self.process, None
        if process:
            with contextlib.suppress(OSError):
                process.stdin.close()
            process.wait()
            process.stdout.close()
        self.batch = None

    def _outcome(self, lesson, answer, cached):
        if not (cached and lesson.path in self.costs):
            cost = Cost(answer["seconds"], answer["megabytes"], cached)
            self.costs[lesson.path] = cost
        try:
            run, failure = judge(lesson, answer), ""
        except LessonError as error:
            run, failure = None, str(error)
        return Outcome(lesson.path, run, failure, self.costs[lesson.path])

    def _read(self):
        line = self.process.stdout.readline()
        if not line:
            code = self.process.wait()
            raise RuntimeError(f"the process that runs lessons ended: {code}")
        return json.loads(line)

    def _ask(self, lesson):
        if self.process is None:
            command = [sys.executable, "-m", "chainrule_site.warm", str(self.jobs)]
            pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
            self.process = subprocess.Popen(
                command, env=self.environment, pipesize=1 << 20, **pipes
            )
        request = {"name": _name(lesson), "imports": heavy_imports(lesson)}
        line = json.dumps(request | program(lesson)) + "\n"
        self.process.stdin.write(line.encode())
        self.process.stdin.flush()


class Batch:
    """Lessons that were asked for: some are known, others are on their way."""

    def __init__(self, runner: Runner):
        """Make a batch of no lessons yet."""
        self.runs: dict[Path, Run] = {}
        self.failures: dict[Path, str] = {}
        self.costs = runner.costs
        self.asked: dict[Path, tuple[Lesson, float]] = {}
        self._next = lambda: runner.answer(self.asked)
        self._listeners: list[Connection] = []

    def take(self, outcome: Outcome) -> None:
        """Note how it went with one lesson."""
        self.asked.pop(outcome.path, None)
        if outcome.run:
            self.runs[outcome.path] = outcome.run
        else:
            self.failures[outcome.path] = outcome.failure
        if outcome.cost:
            self.costs[outcome.path] = outcome.cost

    def wait(self, path: Path) -> Run:
        """Return what a lesson showed, once it has ended.

        Raises:
            LessonError: If it failed.
        """
        while path in self.asked:
            outcome = self._next()
            self.take(outcome)
            for listener in self._listeners:
                with contextlib.suppress(BrokenPipeError):  # it failed, and said so
                    listener.send(outcome)
        if path in self.failures:
            raise LessonError(self.failures[path])
        return self.runs[path]

    def add(self, other: "Batch") -> None:
        """Let the outcomes of a finished batch replace those of this one."""
        for path in other.runs.keys() | other.failures.keys():
            self.runs.pop(path, None)
            self.failures.pop(path, None)
        self.runs |= other.runs
        self.failures |= other.failures

    def finish(self) -> None:
        """Wait for every lesson."""
        for path in list(self.asked):
            with contextlib.suppress(LessonError):
                self.wait(path)

    def tell(self, connection: Connection) -> None:
        """Pass on what is still to come, to a process forked now; see `follow`."""
        self._listeners.append(connection)

    def follow(self, connection: Connection) -> None:
        """Hear from the process that this one was forked from what is still to come."""
        self._next = connection.recv


def _name(lesson):
    return lesson.path.as_posix()


def program(lesson: Lesson) -> dict:
    """Return all of a lesson that decides what it shows."""
    return {"steps": steps(lesson), **lesson.limits._asdict()}


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
    found = [names for said, names in HEAVY.items() if re.search(said, code, re.M)]
    return list(dict.fromkeys(name for names in found for name in names))


def judge(lesson: Lesson, answer: dict) -> Run:
    """Turn the answer of the warm process into a run, if all went as the lesson says.

    Raises:
        LessonError: If a cell raised unasked, did not raise or raised something else,
            if a figure has no caption, or if the prose has a number that nothing shows.
    """
    cells = {cell.number: cell for cell in lesson.cells}
    if "died" in answer:
        cell = cells.get(answer.get("cell"))
        where = lesson.at(cell, answer.get("line", 0)) if cell else lesson.path
        raise LessonError(f"{where}: {answer['died']}")
    outputs, values, mistakes = {}, {}, []
    for step, result in zip(steps(lesson), answer["results"], strict=False):
        cell = cells[step["cell"]]
        if "code" in step:
            outputs[cell.number] = result
            mistakes += _wrong(lesson, cell, result)
        else:
            texts = dict(zip(step["values"], result, strict=True))
            failed = {e: v["error"] for e, v in texts.items() if isinstance(v, dict)}
            for expression, why in failed.items():
                mistakes.append(f"{lesson.at(cell)}: {expression!r} raised {why}")
            values[cell.number] = texts
    if not mistakes:
        mistakes = [*_uncaptioned(lesson, outputs), *_unshown(lesson, outputs)]
    if mistakes:
        raise LessonError("\n".join(mistakes))
    return Run(outputs, values)


def _wrong(lesson, cell, outputs):
    """Yield where a cell raised what it should not, or not what it should."""
    errors = [o for o in outputs if o["output_type"] == "error"]
    got = [f"{o['ename']}: {o['evalue']}" for o in errors]
    if cell.raises is None:
        for error in errors:
            trace = "\n".join(error["traceback"])
            yield f"{lesson.at(cell, error['line'])}: raised\n{trace}"
    elif not got:
        yield f"{lesson.at(cell)}: expected {cell.raises!r} to be raised, got no error"
    else:
        kind, _, part = cell.raises.partition(": ")
        if errors[0]["ename"] != kind or part not in errors[0]["evalue"]:
            expected = f"expected {cell.raises!r} to be raised, got {got[0]!r}"
            yield f"{lesson.at(cell)}: {expected}"
    for output in outputs:
        if "missing from font" in output.get("text", ""):
            sign = output["text"].strip()
            yield f"{lesson.at(cell)}: a figure has a sign that no font has: {sign}"


def differences(lesson: Lesson, one: Run, other: Run) -> Iterator[Difference]:
    """Yield the cells that two runs of a lesson disagree on."""
    for cell in lesson.cells:
        said = [
            "\n".join(map(as_text, run.outputs.get(cell.number, ())))
            + "\n".join(run.values.get(cell.number, {}).values())
            for run in (one, other)
        ]
        drawn = one.outputs.get(cell.number) != other.outputs.get(cell.number)
        if said[0] != said[1] or drawn:
            yield Difference(lesson.at(cell), *said)


def _uncaptioned(lesson, outputs):
    for cell, after in zip(lesson.cells, (*lesson.cells[1:], None), strict=True):
        figures = sum(
            "image/svg+xml" in o.get("data", {}) for o in outputs.get(cell.number, ())
        )
        captioned = after is not None and "caption" in after.tags
        if cell.kind == "code" and figures != captioned:
            expected = "one figure" if captioned else "a caption cell after the figure"
            yield f"{lesson.at(cell)}: expected {expected}, got {figures} figures"


def _unshown(lesson, outputs):
    """Yield decimals in the prose that neither code nor output shows."""
    shown = [cell.text for cell in lesson.code]
    shown += [as_text(output) for group in outputs.values() for output in group]
    known = set(re.findall(r"\d+\.\d+", "\n".join(shown)))
    for cell in lesson.cells:
        if cell.kind == "markdown":
            prose = ADDRESS.sub("", INLINE.sub("", cell.text))
            for number in sorted(set(DECIMAL.findall(prose)) - known):
                what = "is in the prose, but no code and no output shows it"
                yield f"{lesson.at(cell)}: {number} {what}"


def as_text(output: dict) -> str:
    """Return what an output says in plain text."""
    if output["output_type"] == "stream":
        return output["text"]
    if output["output_type"] == "error":
        return "\n".join(output["traceback"])
    return output["data"].get("text/plain", "")
