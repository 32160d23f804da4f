"""Time this site's engine against stock mkdocs-jupyter, on the same lessons, in one run.

    python tests/benchmarks/compare.py [LESSONS]

Both build LESSONS small lessons (12) that import torch and matplotlib, half of which use
a module of the project and one of which reads a data file. Ours builds two languages,
stock mkdocs-jupyter one. After each edit the table says how long the build took and
whether the page shows what the code would now print. The floor is what no build can do
without: one import of torch and matplotlib, the lessons' own time spread over the
processors, and MkDocs rendering the same pages as Markdown. Machines differ and are
noisy: read the ratios.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
CELLS = """\
# %%
import torch
import matplotlib.pyplot as plt

torch.manual_seed({n})
x = torch.linspace(-1, 1, 10).reshape(10, 1)
net = torch.nn.Sequential(torch.nn.Linear(1, 10), torch.nn.ReLU(), torch.nn.Linear(10, 1))
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
losses = []

# %%
for _ in range(100):
    loss = (net(x) - x**2).square().mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    losses.append(loss.item())
print(f"lesson {n}: {{losses[-1]:.4f}}")

# %%
_ = plt.plot(losses)
"""
CAPTION = """
# %% [markdown] lang="en" tags=["caption"]
# The loss.

# %% [markdown] lang="zh" tags=["caption"]
# 损失。
"""
HEAD = """\
# %% [markdown] lang="en"
# # Lesson {n} {{#lesson-{n}}}
#
# The prose of lesson {n}.

# %% [markdown] lang="zh"
# # 第 {n} 课 {{#lesson-{n}}}
#
# 第 {n} 课的文字。

"""
USES = "\n# %%{tags}\nfrom chainrule.shared import shared\n\n# %%\nshared()\n"
READS = "\n# %%\nprint(open({path!r}).read())\n"
STOCK = """\
site_name: Stock
theme: {{name: material, font: false}}
plugins:
  - mkdocs-jupyter: {{execute: true, include: ["*.py"], ignore: ["*.md"], cache: {cache}}}
"""
OURS = """\
INHERIT: {root}/mkdocs.yml
nav: {nav}
validation: {{nav: {{omitted_files: ignore}}}}
"""


class Project:
    """The same lessons for one of the two."""

    def __init__(self, folder, count, ours):
        self.folder, self.ours = folder, ours
        package = folder / "src" / "chainrule"
        package.mkdir(parents=True)
        (package / "__init__.py").write_text("")
        self.shared = package / "shared.py"
        self.shared.write_text("def shared():\n    return 'shared 1'\n")
        self.data = folder / "data.txt"
        self.data.write_text("data 1")
        docs = folder / "docs"
        docs.mkdir()
        names = [f"lesson{n:02}" for n in range(count)]
        for n, name in enumerate(names):
            text = HEAD.format(n=n) + CELLS.format(n=n) + CAPTION
            if n % 2:
                text += USES.format(tags=' tags=["source"]' if ours else "")
            if n == 0:
                text += READS.format(path=str(self.data))
            if not ours:
                text = re.sub(
                    r'(# %% \[markdown\]) lang="\w+"( tags=\S+)?', r"\1", text
                )
            (docs / f"{name}.py").write_text(text, encoding="utf-8")
        if ours:
            (docs / "assets").symlink_to(ROOT / "docs" / "assets")
            shutil.copy(docs / "lesson00.py", docs / "index.py")
            pages = ", ".join(["index.py", *(f"{name}.py" for name in names)])
            settings = OURS.format(root=ROOT, nav=f"[{pages}]")
        else:
            (docs / "index.md").write_text("# Stock\n")
            settings = STOCK.format(cache="true")
        (folder / "mkdocs.yml").write_text(settings)

    def build(self):
        """Return how long one build took, in a process of its own."""
        environment = os.environ | {
            "PYTHONPATH": str(self.folder / "src"),
            "NO_MKDOCS_2_WARNING": "1",
        }
        started = time.perf_counter()
        subprocess.run(
            [sys.executable, "-m", "mkdocs", "build", "--no-strict"],
            cwd=self.folder,
            env=environment,
            check=True,
            capture_output=True,
        )
        return time.perf_counter() - started

    def edit(self, path, old, new):
        text = path.read_text(encoding="utf-8")
        path.write_text(text.replace(old, new), encoding="utf-8")

    def shows(self, lesson, text):
        page = self.folder / "site" / lesson / "index.html"
        return text in re.sub(r"<[^>]+>", "", page.read_text(encoding="utf-8"))


def floor(project):
    """Return the seconds that nothing can save, measured now."""
    script = "import torch, torch._dynamo, matplotlib.pyplot"
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", script], check=True)
    imports = time.perf_counter() - started
    code = (
        "import sys, time, torch, torch._dynamo, matplotlib\n"
        "matplotlib.use('agg')\nimport matplotlib.pyplot\n"
        "torch.set_num_threads(1)\nstarted = time.perf_counter()\n"
        "for path in sys.argv[1:]:\n"
        "    exec(open(path).read(), {'__name__': 'lesson'})\n"
        "    matplotlib.pyplot.close('all')\n"
        "print(time.perf_counter() - started)\n"
    )
    lessons = sorted(map(str, (project.folder / "docs").glob("lesson*.py")))
    environment = os.environ | {"PYTHONPATH": str(project.folder / "src")}
    ran = subprocess.run(
        [sys.executable, "-c", code, *lessons],
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    )
    own = float(ran.stdout.split()[-1]) / len(os.sched_getaffinity(0))
    return imports, own, rendering(project)


def rendering(project):
    """Return how long MkDocs takes to render the same pages, in both languages."""
    out = project.folder / "tree"
    environment = os.environ | {"PYTHONPATH": str(project.folder / "src")}
    subprocess.run(
        [sys.executable, "-m", "chainrule_site", "export", str(out)],
        cwd=project.folder,
        env=environment,
        check=True,
        capture_output=True,
    )
    seconds = 0
    for lang in ("en", "zh"):
        (out / lang / "mkdocs.yml").write_text(
            f"site_name: Plain\ntheme: {{name: material, font: false, language: {lang}}}\n"
            "markdown_extensions: [attr_list, md_in_html, tables, pymdownx.highlight, "
            "pymdownx.superfences, {pymdownx.arithmatex: {generic: true}}]\n"
        )
        command = [sys.executable, "-m", "mkdocs", "build", "-q"]
        started = time.perf_counter()
        subprocess.run(command, cwd=out / lang, check=True, capture_output=True)
        seconds += time.perf_counter() - started
    return seconds


def main(count):
    """Print the table."""
    with tempfile.TemporaryDirectory() as folder:
        ours = Project(Path(folder, "ours"), count, ours=True)
        stock = Project(Path(folder, "stock"), count, ours=False)
        steps = {
            "cold": (None, "lesson00", "lesson 0: "),
            "unchanged": (None, "lesson00", "lesson 0: "),
            "prose edit": (
                lambda p: p.edit(
                    p.folder / "docs/lesson02.py", "The prose", "Other prose"
                ),
                "lesson02",
                "Other prose",
            ),
            "code edit": (
                lambda p: p.edit(p.folder / "docs/lesson02.py", 'f"lesson', 'f"LESSON'),
                "lesson02",
                "LESSON 2: ",
            ),
            "package edit": (
                lambda p: p.edit(p.shared, "shared 1", "shared 2"),
                "lesson01",
                "shared 2",
            ),
            "data edit": (lambda p: p.data.write_text("data 2"), "lesson00", "data 2"),
        }
        print(f"{count} lessons  {'ours':>8}  {'stock':>8}  {'ratio':>6}  stale pages")
        for name, (change, lesson, text) in steps.items():
            row, stale = [], []
            for project in (ours, stock):
                if change:
                    change(project)
                row.append(project.build())
                if not project.shows(lesson, text):
                    stale.append("ours" if project.ours else "stock")
            ratio = f"{row[1] / row[0]:.1f}x"
            times = f"{row[0]:7.1f}s  {row[1]:7.1f}s"
            print(
                f"{name:<12}{times}  {ratio:>6}  {', '.join(stale) or '-'}", flush=True
            )
        imports, own, rendered = floor(ours)
        print(
            f"floor: {imports + own + rendered:.1f} s = imports {imports:.1f}"
            f" + lessons {own:.1f} + rendering {rendered:.1f}"
        )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 12)
