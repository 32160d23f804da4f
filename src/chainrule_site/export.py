"""Write pages as plain Markdown, for other generators and for machines that read."""

import ast
import html
import posixpath
import re
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

from . import torchlinks
from .catalogue import BOX, LIST, listing
from .download import FORMATS, download
from .lesson import LANGUAGES, Lesson
from .page import Surroundings, markdown
from .run import Run

REFERENCE = re.compile(r"\[(`?)([^\]`]+)\1\]\[([\w.]*)\]")
PAGE = re.compile(r"\]\(([^)\s:#]+\.(?:py|md))(#[\w-]+)?\)")
# what only our own style sheet understands
FIGURE = re.compile(r'<figure class="plot">.*?<figcaption>(.*?)</figcaption>', re.S)
FORMULA = re.compile(r'<span class="arithmatex">\\\((.*?)\\\)</span>')
INFO = re.compile(r"^(`{3,}) \{ \.(\w+)[^}\n]*\}$", re.M)
PASTE = re.compile(r'<div class="explain".*?</script>\n</div>\n*', re.S)
CLASS = re.compile(r"\n\{ \.[\w-]+ \}$", re.M)
AROUND = re.compile(r"^</?div\b[^>\n]*>\n+", re.M)


def export(
    lessons: Iterable[Lesson], runs: dict[Path, Run], docs: Path, out: Path
) -> None:
    """Write `out/LANG/docs/…` for each language: pages, downloads and assets.

    Args:
        lessons: What to write.
        runs: What the lessons showed, by their paths.
        docs: The folder of the sources.
        out: The folder to write to; what it holds is replaced.
    """
    for lang in LANGUAGES:
        target = out / lang / "docs"
        shutil.rmtree(target, ignore_errors=True)
        for path in sorted(docs.rglob("*")):
            place = target / path.relative_to(docs)
            if path.is_dir() or path.suffix == ".py":
                continue
            place.parent.mkdir(parents=True, exist_ok=True)
            if path.suffix != ".md":
                shutil.copy(path, place)
            elif path.suffixes[:-1] == []:
                twin = path.with_suffix(f".{lang}.md")
                text = (twin if twin.exists() else path).read_text(encoding="utf-8")
                text = text.replace(LIST, listing(lang)).replace(BOX, "")
                uri = path.relative_to(docs).as_posix()
                place.write_text(plain(text, uri, _beside), encoding="utf-8")
        for lesson in lessons:
            uri = lesson.path.relative_to(docs).as_posix()
            run, place = runs[lesson.path], target / uri
            place.parent.mkdir(parents=True, exist_ok=True)
            text = markdown(lesson, run, lang, Surroundings())
            text = plain(text.replace(BOX, ""), uri, _beside)
            place.with_suffix(".md").write_text(text, encoding="utf-8")
            for suffix in FORMATS:
                text = download(lesson, run, lang, suffix)
                place.with_suffix(f".{suffix}").write_text(text, encoding="utf-8")


def _beside(uri):
    """Return where the export puts a page: where its source is."""
    return str(Path(uri).with_suffix(".md"))


def plain(text: str, uri: str, place: Callable[[str], str]) -> str:
    """Turn links to pages and to names into links that anything follows.

    Args:
        text: A page as the plugins of this project read it.
        uri: The path of its source below docs.
        place: Where the Markdown of a page goes, from the path of its source.
    """
    text = _documented(text)
    here = posixpath.dirname(uri)

    def address(target):
        start = posixpath.dirname(place(uri)) or "."
        return posixpath.relpath(place(target), start)

    def page(match):
        target = posixpath.normpath(posixpath.join(here, match[1]))
        return f"]({address(target)}{match[2] or ''})"

    def name(match):
        tick, word, name = match.groups()
        name = name or word
        if name.startswith("torch."):
            return f"[{tick}{word}{tick}]({torchlinks.url(name)})"
        if name.startswith("chainrule."):
            module = ".".join(name.split(".")[:2])
            reference = address(f"reference/{module.split('.')[1]}.md")
            anchor = "" if name == module else f"#{name.rpartition('.')[2]}"
            return f"[{tick}{word}{tick}]({reference}{anchor})"
        return match[0]

    return REFERENCE.sub(name, PAGE.sub(page, text))


def bare(text: str) -> str:
    """Leave out of a page's Markdown its drawings and what only says how it looks."""

    def caption(match):
        told = re.sub("</?code>", "`", FORMULA.sub(r"$\1$", match[1]))
        return f"<figure>\n<figcaption>{html.unescape(told)}</figcaption>"

    text = AROUND.sub("", PASTE.sub("", FIGURE.sub(caption, text)))
    return CLASS.sub("", INFO.sub(r"\1\2", text))


def _documented(text):
    """Write out the docstrings of a module where a page only names it."""
    named = re.match(r"::: ([\w.]+)", text)
    if not named:
        return text
    package = Path("src", *named[1].split("."))
    source = package.with_suffix(".py")
    source = source if source.exists() else package / "__init__.py"
    tree = ast.parse(source.read_text(encoding="utf-8"))
    parts = [f"# {named[1]} {{#module}}", ast.get_docstring(tree) or ""]
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and node.name[0] != "_":
            parts.append(f"## {node.name} {{#{node.name}}}")
            if isinstance(node, ast.FunctionDef):
                returns = f" -> {ast.unparse(node.returns)}" if node.returns else ""
                signature = f"{node.name}({ast.unparse(node.args)}){returns}"
                parts.append(f"```python\n{signature}\n```")
            parts.append(f"```text\n{ast.get_docstring(node) or ''}\n```")
    return "\n\n".join(parts) + "\n"
