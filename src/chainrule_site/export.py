"""Write the pages of all languages as plain Markdown files, for any other generator."""

import ast
import re
import shutil
from collections.abc import Iterable
from pathlib import Path

from . import torchlinks
from .download import FORMATS, download
from .lesson import LANGUAGES, Lesson
from .page import Surroundings, markdown
from .run import Run

REFERENCE = re.compile(r"\[(`?)([^\]`]+)\1\]\[([\w.]*)\]")


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
                place.write_text(
                    _plain(_documented(text), path, docs), encoding="utf-8"
                )
        for lesson in lessons:
            run, place = runs[lesson.path], target / lesson.path.relative_to(docs)
            place.parent.mkdir(parents=True, exist_ok=True)
            text = markdown(lesson, run, lang, Surroundings())
            text = _plain(text, lesson.path, docs)
            place.with_suffix(".md").write_text(text, encoding="utf-8")
            for suffix in FORMATS:
                text = download(lesson, run, lang, suffix)
                place.with_suffix(f".{suffix}").write_text(text, encoding="utf-8")


def _plain(text, path, docs):
    """Turn links to lessons and to names into links that any generator follows."""
    text = re.sub(r"\]\(([^)\s:]+)\.py(#[\w-]+)?\)", r"](\1.md\2)", text)
    up = "../" * (len(path.relative_to(docs).parts) - 1)

    def link(match):
        tick, word, name = match.groups()
        name = name or word
        if name.startswith("torch."):
            return f"[{tick}{word}{tick}]({torchlinks.url(name)})"
        if name.startswith("chainrule."):
            module = ".".join(name.split(".")[:2])
            page = f"{up}reference/{module.split('.')[1]}.md"
            anchor = "" if name == module else f"#{name.rpartition('.')[2]}"
            return f"[{tick}{word}{tick}]({page}{anchor})"
        return match[0]

    return REFERENCE.sub(link, text)


def _documented(text):
    """Write out the docstrings of a module where a page only names it."""
    named = re.match(r"::: ([\w.]+)", text)
    if not named:
        return text
    source = Path("src", *named[1].split(".")).with_suffix(".py")
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
