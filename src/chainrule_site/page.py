"""Write a lesson as Markdown, in one language."""

import ast
import html
import re
import sys
from dataclasses import dataclass, field
from html.parser import HTMLParser
from importlib.metadata import version
from itertools import groupby

from .figure import themed
from .lesson import FENCE, INLINE, Cell, Lesson
from .run import Run, as_text
from .source import snippets

WORDS = {
    "en": {
        "needs": "Read first: ",
        "comma": ", ",
        "ipynb": "Notebook",
        "py": "Python file",
        "edit": "Edit",
        "source": "Reference: ",
        "answer": "Answer",
        "more": "{} more lines",
        "lines": "{}, {} lines",
        "stamp": "Printed by {}.",
        "seed": "seed {}",
    },
    "zh": {
        "needs": "先读：",
        "comma": "、",
        "ipynb": "笔记本",
        "py": "Python 文件",
        "edit": "编辑",
        "source": "参考：",
        "answer": "答案",
        "more": "还有 {} 行",
        "lines": "{}，{} 行",
        "stamp": "以上输出来自 {}。",
        "seed": "随机种子 {}",
    },
}
NAMES = {"en": "English", "zh": "简体中文"}
LONG, HEAD, TAIL = 24, 8, 4
"""An output of more than LONG lines is folded, but for its first and last lines."""
SOURCE = 45
"""Reference code of more lines than this is folded away under the name of its file."""
FULL_WIDTH = "\u2018-\u201d\u2026\u3000-\u303f\uff00-\uffef"
HAN = f"[{FULL_WIDTH}\u4e00-\u9fff]"
# A line break shows as a space, which does not belong between two Chinese characters,
# be one of them in a link, nor beside Chinese punctuation; a list item stays a line.
JOINT = re.compile(
    rf"(?<={HAN})\n *(?=[\[*]{{0,3}}{HAN})|(?<=\))\n *(?={HAN})"
    rf"|(?<=[{FULL_WIDTH}])\n *(?![-+#>|\s]|\*\s|\d+\.)"
)


@dataclass(frozen=True)
class Surroundings:
    """What a page must know of the site around it."""

    needs: dict[str, str] = field(default_factory=dict)
    """Link to title, for each lesson to read before."""
    edit: str = ""
    other: dict[str, str] = field(default_factory=dict)
    """Language to link, for the same page in the other languages."""


def markdown(lesson: Lesson, run: Run, lang: str, around: Surroundings | None) -> str:
    """Return the whole page; without surroundings it is no lesson but the home page."""
    words = WORDS[lang]
    sources = iter(snippets(cell.text for cell in lesson.code if "source" in cell.tags))
    blocks, figures = [], 0
    shown = [cell for cell in lesson.cells if cell.lang in (None, lang)]
    for group, cells in groupby(shown, key=_group):
        inside = []
        for cell in cells:
            if cell.kind == "markdown" and "caption" in cell.tags:
                figures += 1
                inside[-1] = _captioned(inside[-1], prose(cell, run), figures)
            elif cell.kind == "markdown":
                inside.append(prose(cell, run))
            elif "source" in cell.tags:
                inside += [_source(snippet, words) for snippet in next(sources)]
            else:
                inside.append(_fence("python", cell.text))
                inside += _outputs(run.outputs[cell.number], words)
        blocks += _grouped(group, inside, words)
    if around:
        blocks.insert(1, _links(lesson, words, around))
    else:
        blocks.insert(0, "---\nhide: [navigation, toc]\n---")
    blocks.append(f"{words['stamp'].format(_stamp(lesson, words))}\n{{ .stamp }}")
    return "\n\n".join(blocks) + "\n"


def failed(name: str, reason: str) -> str:
    """Return a page for a lesson that cannot be shown, which says why."""
    return f"# {name} {{#failed}}\n\n{_fence('text .output .error .no-copy', reason)}\n"


def title(lesson: Lesson, lang: str) -> str:
    """Return the heading of the page."""
    first = next(cell for cell in lesson.cells if cell.lang == lang)
    return re.sub(r"^# | \{#[\w-]+\}$", "", first.text.splitlines()[0])


def _group(cell: Cell) -> str:
    return next(iter(cell.tags & {"answer", "beside", "door"}), "")


def _grouped(group, blocks, words):
    """Wrap cells that belong together."""
    if group == "answer":
        summary = f"<summary>{words['answer']}</summary>"
        return ['<details class="answer" markdown>', summary, *blocks, "</details>"]
    if group in ("beside", "door"):
        columns = []
        for block in blocks:
            if _begins_column(group, block):
                columns += ["</div>"] * bool(columns) + ["<div markdown>"]
            columns.append(block)
        return [f'<div class="{group}" markdown>', *columns, "</div>", "</div>"]
    return blocks


def _begins_column(group, block):
    if group == "door":
        return block.startswith("#")
    return not block.startswith(("```", "<", "{"))


def prose(cell: Cell, run: Run) -> str:
    """Return a text cell with its numbers, and without gaps between Chinese lines."""
    values = run.values.get(cell.number, {})
    text = INLINE.sub(lambda match: _escaped(values[match[1]]), cell.text)
    return unbroken(text) if cell.lang == "zh" else text


def unbroken(text: str) -> str:
    """Join the lines of Chinese text, but not those of code."""
    parts = re.split(rf"({FENCE.pattern})", text, flags=FENCE.flags)
    return "".join(p if p.startswith("```") else JOINT.sub("", p) for p in parts)


def _escaped(value):
    """Keep Markdown from reading a value as anything but text."""
    return html.escape(re.sub(r"([\\`*_{}\[\]#|~^$])", r"\\\1", value), quote=False)


def _links(lesson, words, around):
    """Return the small line under the lead."""
    stem = lesson.path.stem
    links = [f"[{text}]({link})" for link, text in around.needs.items()]
    parts = [words["needs"] + words["comma"].join(links)] if links else []
    parts += [
        f'<a href="{stem}.{kind}" download>{words[kind]}</a>'
        for kind in ("ipynb", "py")
    ]
    parts += [f"[{words['edit']}]({around.edit})"] if around.edit else []
    parts += [
        f'<a href="{link}" hreflang="{lang}" lang="{lang}">{NAMES[lang]}</a>'
        for lang, link in around.other.items()
    ]
    # a dot ends a line, and begins none
    return "\N{NO-BREAK SPACE}· ".join(parts) + "\n{ .lesson-links }"


def _stamp(lesson, words):
    """Say what a reader needs to get the same output."""
    code = "\n".join(cell.text for cell in lesson.code)
    if not re.search(r"^\s*(import|from) torch\b", code, re.M):
        return f"Python {sys.version_info.major}.{sys.version_info.minor}"
    parts = [f"torch {version('torch').split('+')[0]}", "CPU"]
    seeds = dict.fromkeys(
        node.args[0].value
        for node in ast.walk(ast.parse(code))
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) == "torch.manual_seed"
        and isinstance(node.args[0], ast.Constant)
    )
    if seeds:
        parts.append(words["seed"].format(words["comma"].join(map(str, seeds))))
    return words["comma"].join(parts)


def _source(snippet, words):
    lines = len(snippet.text.splitlines())
    if lines > SOURCE:
        summary = f"<summary>{words['lines'].format(snippet.file, lines)}</summary>"
        code = _fence("python", snippet.text)
        shown = f'<details class="long" markdown>\n{summary}\n\n{code}\n\n</details>'
    else:
        shown = _fence(f'python title="{snippet.file}"', snippet.text)
    if not snippet.names:
        return shown
    links = [f"[`{name}`][{snippet.module}.{name}]" for name in snippet.names]
    return f"{shown}\n\n{words['source']}{words['comma'].join(links)}\n{{ .source }}"


def _outputs(outputs, words):
    """Return the blocks that stand under a code cell."""
    figures = [
        o["data"]["image/svg+xml"]
        for o in outputs
        if "image/svg+xml" in o.get("data", {})
    ]
    blocks, kind, text = [], "", ""
    for output in outputs:
        data = output.get("data", {})
        if figures and data:
            continue  # a cell that draws ends in an object nobody wants to see named
        now = {"error": "error", "stream": output.get("name")}.get(
            output["output_type"], "stdout"
        )
        table = _table(data["text/html"]) if "text/html" in data else ""
        if text and (table or now != kind):
            blocks += _folded(text, kind, words)
            text = ""
        if table:
            blocks.append(table)
        else:
            text += "\n" * bool(text and not text.endswith("\n")) + as_text(output)
            kind = now
    if text.strip():
        blocks += _folded(text, kind, words)
    return blocks + figures


def _folded(text, kind, words):
    """Return output as a block, or if it is long as its head, the fold and its tail."""
    lines = text.rstrip("\n").splitlines()
    name = {"stdout": "", "stderr": " .stderr", "error": " .error"}[kind]
    if len(lines) <= LONG:
        return [_fence(f"text .output{name} .no-copy", "\n".join(lines))]
    parts = lines[:HEAD], lines[HEAD:-TAIL], lines[-TAIL:]
    head, middle, tail = (
        _fence(f"text .output{name} .no-copy", "\n".join(part)) for part in parts
    )
    more = words["more"].format(len(parts[1]))
    summary = f"<summary>{more}</summary>"
    return [
        head,
        '<details class="fold" markdown>',
        summary,
        middle,
        "</details>",
        tail,
    ]


def _fence(info, text):
    ticks = "`" * max(3, 1 + max(map(len, re.findall("`+", text)), default=0))
    return f"{ticks} {{ .{info} }}\n{text}\n{ticks}"


def _captioned(svg, text, number):
    """Set a figure with its caption, which also stands for it where it is not seen."""
    plain = html.escape(re.sub(r"[`*$\\]", "", text).replace("\n", " "))
    shown = html.escape(text, quote=False)
    shown = re.sub(r"`([^`]+)`", r"<code>\1</code>", shown)
    shown = re.sub(r"\$([^$]+)\$", r'<span class="arithmatex">\\(\1\\)</span>', shown)
    svg = themed(svg, number, plain)
    return f'<figure class="plot">\n{svg}\n<figcaption>{shown}</figcaption>\n</figure>'


class _Table(HTMLParser):
    """Keeps the cells of a table and drops whatever else its HTML would do."""

    KEPT = frozenset({"table", "thead", "tbody", "tr", "th", "td"})
    HIDDEN = frozenset({"script", "style"})

    def __init__(self):
        super().__init__()
        self.kept, self.hidden = "", 0

    def handle_starttag(self, tag, attrs):
        self.hidden += tag in self.HIDDEN
        self.kept += f"<{tag}>" * (tag in self.KEPT)

    def handle_endtag(self, tag):
        self.hidden -= tag in self.HIDDEN
        self.kept += f"</{tag}>" * (tag in self.KEPT)

    def handle_data(self, data):
        self.kept += html.escape(" ".join(data.split()), quote=False) * (
            not self.hidden
        )


def _table(source):
    """Return the table in some HTML, or nothing if it holds none."""
    parser = _Table()
    parser.feed(source)
    parser.close()
    found = re.search("<table>.*</table>", parser.kept, re.S)
    return found[0] if found else ""
