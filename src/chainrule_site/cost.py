"""Say what it took to make the pages."""

import sys
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path

from .lesson import Lesson
from .page import title
from .run import Cost, Run, as_text

COST = "<!-- what it cost -->"
"""Where a page wants the table."""
HEADS = {
    "en": (
        "lesson",
        "cells",
        "lines shown",
        "figures",
        "seconds",
        "MB",
        "from the cache",
    ),
    "zh": ("课程", "单元", "输出行数", "图", "秒", "MB", "来自缓存"),
}
YES = {"en": ("no", "yes"), "zh": ("否", "是")}


def cost_table(
    lessons: Iterable[Lesson], runs: dict[Path, Run], costs: dict[Path, Cost], lang: str
) -> str:
    """Return a Markdown table with a row for each lesson that ran.

    Time and memory differ from build to build: without `costs` the table says only what
    is the same in every build, so that two builds are the same.
    """
    rows = []
    for lesson in lessons:
        if lesson.path not in runs:
            continue
        outputs = [o for shown in runs[lesson.path].outputs.values() for o in shown]
        lines = sum(len(as_text(output).splitlines()) for output in outputs)
        figures = sum("image/svg+xml" in o.get("data", {}) for o in outputs)
        row = [title(lesson, lang), len(lesson.code), lines, figures]
        if cost := costs.get(lesson.path):
            row += [f"{cost.seconds:.1f}", cost.megabytes, YES[lang][cost.cached]]
        rows.append(row)
    columns = max(map(len, rows), default=4)
    lines = [HEADS[lang][:columns], ["---", *["--:"] * (columns - 1)], *rows]
    used = ["torch", "numpy", "matplotlib", "ipython"]
    versions = [f"Python {sys.version.split()[0]}"]
    versions += [f"{name} {version(name).split('+')[0]}" for name in used]
    table = "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)
    return f"{table}\n\n{', '.join(versions)}"
