"""Run lessons, and print their pages, without MkDocs."""

import argparse
import logging
import shutil
import sys
from collections.abc import Sequence
from fnmatch import fnmatch
from pathlib import Path

from . import drift
from .cache import FOLDER, Cache
from .export import export
from .lesson import LANGUAGES, Lesson, LessonError, read
from .page import Surroundings, markdown
from .run import Runner

AGAIN = {
    "ATEN_CPU_CAPABILITY": "default",
    "MKL_ENABLE_INSTRUCTIONS": "SSE4_2",
    "OMP_NUM_THREADS": "2",
    "PYTHONHASHSEED": "1",
}
"""Another processor, so to speak: what a page prints must not depend on these."""


def main(words: Sequence[str]) -> int:
    """Do what the command line says and return the exit status."""
    parser = _parser()
    options = parser.parse_args(words)
    if options.command == "clean":
        shutil.rmtree(FOLDER, ignore_errors=True)
        return 0
    files = options.files or sorted(Path("docs").rglob("*.py"))
    if missing := [str(path) for path in files if not path.is_file()]:
        parser.error(f"no such file: {', '.join(missing)}")
    lessons, wrong = _read([p for p in files if fnmatch(str(p), options.only)])
    # what is compared with what was shown before is not taken from what was kept
    cache = None if options.command == "compare" else Cache(FOLDER / "lessons")
    runner = Runner(cache, options.jobs, _say)
    try:
        if options.command == "list":
            _list(runner, lessons)
        else:
            runs, failures = runner.run(lessons)
            wrong += failures.values()
            wrong += AFTERWARDS[options.command](options, lessons, runs, bool(wrong))
    finally:
        runner.close()
    print(*wrong, sep="\n", end="\n" if wrong else "")
    if options.command in {"run", "check", "compare"}:
        print(f"{len(lessons)} lessons, {len(wrong)} wrong")
    return bool(wrong)


def _parser():
    parser = argparse.ArgumentParser(
        prog="python -m chainrule_site", description=__doc__
    )
    parser.set_defaults(files=[], only="*", jobs=None)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, does in {
        "list": "say which lessons there are, and which would run",
        "run": "run the lessons that changed, and say what is wrong",
        "check": "run each twice, and say what is wrong or differs",
    }.items():
        command = commands.add_parser(name, help=does)
        command.add_argument("files", nargs="*", type=Path, help="default: all in docs")
        command.add_argument("--only", metavar="PATTERN", default="*")
        command.add_argument("--jobs", type=int, help="default: one a processor")
    show = commands.add_parser("show", help="print a page as Markdown")
    show.add_argument("files", nargs=1, type=Path)
    show.add_argument("lang", nargs="?", choices=LANGUAGES, default=LANGUAGES[0])
    tree = commands.add_parser("export", help="write all pages as Markdown files")
    tree.add_argument("out", type=Path)
    outputs = commands.add_parser("outputs", help="write what all lessons show as JSON")
    outputs.add_argument("out", type=Path)
    compare = commands.add_parser("compare", help="say what has changed since then")
    compare.add_argument("old", type=_shown, help="what `outputs` wrote")
    commands.add_parser("clean", help="forget what lessons showed")
    return parser


def _shown(name):
    try:
        return drift.read(Path(name))
    except (OSError, ValueError) as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _read(paths):
    lessons, wrong = [], []
    for path in paths:
        try:
            lessons.append(read(path))
        except LessonError as error:
            wrong.append(str(error))
    return lessons, wrong


def _say(line):
    print(line, file=sys.stderr)


def _list(runner, lessons: Sequence[Lesson]):
    for lesson in lessons:
        state = "cached" if runner.known(lesson) else "to run"
        print(f"{lesson.path}  {state}")


def _run(options, lessons, runs, wrong):
    """Do nothing more: the lessons have run."""
    return []


def _check(options, lessons, runs, wrong):
    """Return what is wrong with lessons when they run again, and what differs."""
    other = Runner(None, options.jobs, **AGAIN)
    try:
        again, failed = other.run(each for each in lessons if each.path in runs)
    finally:
        other.close()
    found = list(failed.values())
    for lesson in lessons:
        if lesson.path in again:
            found += drift.again(lesson, runs[lesson.path], again[lesson.path])
    return found


def _show(options, lessons, runs, wrong):
    """Print the page of a lesson that runs."""
    for lesson in lessons if runs else ():
        print(markdown(lesson, runs[lesson.path], options.lang, Surroundings()))
    return []


def _export(options, lessons, runs, wrong):
    """Write all pages, if all lessons run."""
    if not wrong:
        export(lessons, runs, Path("docs"), options.out)
    return []


def _outputs(options, lessons, runs, wrong):
    """Write what all lessons show, if all of them run."""
    if not wrong:
        drift.write(options.out, runs)
    return []


def _compare(options, lessons, runs, wrong):
    """Return what is no longer shown, or shown for the first time."""
    new = drift.Shown(drift.versions(), runs)
    print(drift.changed_versions(options.old.versions, new.versions))
    failed = {lesson.path for lesson in lessons} - runs.keys()
    return list(drift.changes(options.old, new, lessons, failed))


AFTERWARDS = {
    "run": _run,
    "check": _check,
    "show": _show,
    "export": _export,
    "outputs": _outputs,
    "compare": _compare,
}
"""What each command does once the lessons have run; it returns what is wrong."""


if __name__ == "__main__":
    logging.basicConfig(format="%(message)s")
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
