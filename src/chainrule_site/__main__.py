"""Run lessons, and print their pages, without MkDocs."""

import argparse
import logging
import shutil
import sys
from collections.abc import Sequence
from fnmatch import fnmatch
from pathlib import Path

from .cache import FOLDER, Cache
from .export import export
from .lesson import LANGUAGES, Lesson, LessonError, read
from .page import Surroundings, markdown
from .run import Runner, differences

AGAIN = {
    "ATEN_CPU_CAPABILITY": "default",
    "MKL_ENABLE_INSTRUCTIONS": "SSE4_2",
    "OMP_NUM_THREADS": "2",
    "PYTHONHASHSEED": "1",
}
"""Another processor, so to speak: what a page prints must not depend on these."""


def main(words: Sequence[str]) -> int:
    """Do what the command line says and return the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m chainrule_site", description=__doc__
    )
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
    commands.add_parser("clean", help="forget what lessons showed")
    options = parser.parse_args(words)
    if options.command == "clean":
        shutil.rmtree(FOLDER, ignore_errors=True)
        return 0
    files = getattr(options, "files", None) or sorted(Path("docs").rglob("*.py"))
    if missing := [str(path) for path in files if not path.is_file()]:
        parser.error(f"no such file: {', '.join(missing)}")
    pattern = getattr(options, "only", "*")
    lessons, wrong = _read([path for path in files if fnmatch(str(path), pattern)])
    runner = Runner(Cache(FOLDER / "lessons"), getattr(options, "jobs", None), _say)
    try:
        if options.command == "list":
            _list(runner, lessons)
        elif options.command == "show":
            runs, failures = runner.run(lessons)
            wrong += failures.values()
            for lesson in lessons if runs else ():
                run = runs[lesson.path]
                print(markdown(lesson, run, options.lang, Surroundings()))
        elif options.command == "export":
            runs, failures = runner.run(lessons)
            wrong += failures.values()
            if not wrong:
                export(lessons, runs, Path("docs"), options.out)
        else:
            wrong += _run(runner, lessons, twice=options.command == "check")
    finally:
        runner.close()
    print(*wrong, sep="\n", end="\n" if wrong else "")
    return bool(wrong)


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


def _run(runner, lessons, twice):
    """Return what is wrong with lessons, and what differs when they run again."""
    runs, failures = runner.run(lessons)
    wrong = list(failures.values())
    if twice:
        other = Runner(None, runner.jobs, **AGAIN)
        try:
            again, failed = other.run(each for each in lessons if each.path in runs)
        finally:
            other.close()
        wrong += failed.values()
        for lesson in lessons:
            if lesson.path in again:
                wrong += differences(lesson, runs[lesson.path], again[lesson.path])
    print(f"{len(lessons)} lessons, {len(wrong)} wrong")
    return wrong


if __name__ == "__main__":
    logging.basicConfig(format="%(message)s")
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
