"""Write a lesson as the file a reader takes away: one language, nothing but torch."""

import textwrap

import jupytext
from nbformat import v4

from .lesson import Lesson
from .page import prose
from .run import Run
from .source import snippets

FORMATS = {"py": "py:percent", "ipynb": "ipynb"}


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
                cells.append(v4.new_markdown_cell(prose(cell, run)))
        elif "source" in cell.tags:
            cells += [v4.new_code_cell(snippet.text) for snippet in next(sources)]
        elif cell.raises and suffix == "py":
            cells.append(v4.new_code_cell(_caught(cell)))
        else:
            tags = {"tags": ["raises-exception"]} if cell.raises else {}
            cells.append(
                v4.new_code_cell(cell.text, metadata=tags, outputs=_outputs(cell, run))
            )
    for number, cell in enumerate(cells, 1):
        cell["id"] = f"cell-{number}"
        if cell.cell_type == "code" and suffix == "ipynb":
            cell.execution_count = number
    language = {"name": "python", "file_extension": ".py", "mimetype": "text/x-python"}
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook = v4.new_notebook(
        cells=cells, metadata={"kernelspec": kernel, "language_info": language}
    )
    return jupytext.writes(notebook, FORMATS[suffix])


def _caught(cell):
    kind = cell.raises.partition(":")[0]
    body = textwrap.indent(cell.text, "    ")
    return f'try:\n{body}\nexcept {kind} as error:\n    print(f"{kind}: {{error}}")'


def _outputs(cell, run):
    return [
        v4.output_from_msg({"header": {"msg_type": o["output_type"]}, "content": o})
        for o in run.outputs.get(cell.number, ())
    ]
