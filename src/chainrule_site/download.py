"""Write a lesson as the file a reader takes away: one language, nothing but torch."""

import builtins
import json
import textwrap

from .lesson import Lesson
from .page import prose
from .run import Run
from .source import snippets

FORMATS = ("py", "ipynb")
SHOWN = ("output_type", "name", "text", "data", "metadata", "execution_count")
FAILED = ("output_type", "ename", "evalue", "traceback")
"""The fields of an output that a notebook knows."""


def download(lesson: Lesson, run: Run, lang: str, suffix: str) -> str:
    """Return the lesson as a `py` or an executed `ipynb` file.

    Both carry the reference code that the page shows, so that nobody has to install
    the package. In the `py` file a cell that must raise catches what it raises, so
    that the file runs to its end.
    """
    sources = iter(snippets(cell.text for cell in lesson.code if "source" in cell.tags))
    cells = []
    for cell in lesson.cells:
        if cell.kind == "markdown":
            if cell.lang == lang:
                cells.append(("markdown", prose(cell, run), None))
        elif "source" in cell.tags:
            cells += [("code", snippet.text, None) for snippet in next(sources)]
        elif cell.raises and suffix == "py":
            cells.append(("code", _caught(cell), cell))
        else:
            cells.append(("code", cell.text, cell))
    return _script(cells) if suffix == "py" else _notebook(cells, run)


def _script(cells):
    """Write the percent format, which editors show as a notebook."""
    blocks = []
    for kind, text, _ in cells:
        if kind == "code":
            blocks.append(f"# %%\n{text}\n")
        else:
            lines = [f"# {line}".rstrip() for line in text.splitlines()]
            blocks.append("\n".join(["# %% [markdown]", *lines, ""]))
    return "\n".join(blocks)


def _notebook(cells, run):
    nodes = []
    for number, (kind, text, cell) in enumerate(cells, 1):
        node = {
            "id": f"cell-{number}",
            "cell_type": kind,
            "metadata": {},
            "source": text,
        }
        if kind == "code":
            node["execution_count"] = number
            node["outputs"] = (
                [_output(o) for o in run.outputs[cell.number]] if cell else []
            )
            if cell and cell.raises:
                node["metadata"] = {"tags": ["raises-exception"]}
        nodes.append(node)
    language = {"name": "python", "file_extension": ".py", "mimetype": "text/x-python"}
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook = {
        "cells": nodes,
        "metadata": {"kernelspec": kernel, "language_info": language},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return json.dumps(notebook, ensure_ascii=False, indent=1) + "\n"


def _output(output):
    fields = FAILED if output["output_type"] == "error" else SHOWN
    return {name: output[name] for name in fields if name in output}


def _caught(cell):
    kind = cell.raises.partition(":")[0]
    caught = kind if hasattr(builtins, kind) else "Exception"  # it has no name here
    body = textwrap.indent(cell.text, "    ")
    told = f'    print(f"{kind}: {{_raised_here}}")'
    return f"try:\n{body}\nexcept {caught} as _raised_here:\n{told}"
