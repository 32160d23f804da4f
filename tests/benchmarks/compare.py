"""Time this site's engine against others, on the same lessons, in one run.

    python tests/benchmarks/compare.py [LESSONS] [--ours]

All build LESSONS small lessons (12) that import torch and matplotlib, half of which use
a module of the project and one of which reads a data file. Ours builds two languages;
stock mkdocs-jupyter, and markdown-exec where it is installed, one. After each edit the
table says how long the build took and whether the page shows what the code would now
print. The floor is what no build can do without: one import of torch and matplotlib, the
lessons' own time spread over the processors, and MkDocs rendering the same pages as
Markdown. With --ours only ours is timed, for many lessons. Machines differ and are noisy:
read the ratios.
"""

import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from importlib.util import find_spec
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
USES = "\n# %%{tags}\nfrom chainrule.shared import shared\n\n# %%\nprint(shared())\n"
READS = "\n# %%\nprint(open({path!r}).read())\n"
STOCK = """\
site_name: Stock
theme: {name: material, font: false}
plugins:
  - mkdocs-jupyter: {execute: true, include: ["*.py"], ignore: ["*.md"], cache: true}
"""
EXEC = """\
site_name: Exec
theme: {name: material, font: false}
plugins: [markdown-exec]
markdown_extensions: [attr_list, pymdownx.superfences]
"""
OURS = """\
INHERIT: {root}/mkdocs.yml
nav: {nav}
validation: {{nav: {{omitted_files: ignore}}}}
"""


class Project:
    """The same lessons for one of them: `ours`, `stock` or `exec`."""

    def __init__(self, folder, count, kind):
        self.folder, self.kind = folder, kind
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
            self.page(name).write_text(self.lesson(n), encoding="utf-8")
        if kind == "ours":
            (docs / "assets").symlink_to(ROOT / "docs" / "assets")
            shutil.copy(docs / "lesson00.py", docs / "index.py")
            pages = ", ".join(["index.py", *(f"{name}.py" for name in names)])
            settings = OURS.format(root=ROOT, nav=f"[{pages}]")
        else:
            (docs / "index.md").write_text("# Start\n")
            settings = STOCK if kind == "stock" else EXEC
        (folder / "mkdocs.yml").write_text(settings)

    @property
    def environment(self):
        paths = [str(self.folder / "src"), os.environ.get("PYTHONPATH", "")]
        quiet = {"NO_MKDOCS_2_WARNING": "1", "MPLBACKEND": "agg"}
        return os.environ | {"PYTHONPATH": os.pathsep.join(paths)} | quiet

    def page(self, name):
        return self.folder / "docs" / f"{name}.{'md' if self.kind == 'exec' else 'py'}"

    def lesson(self, n):
        text = HEAD.format(n=n) + CELLS.format(n=n) + CAPTION
        if n % 2:
            text += USES.format(tags=' tags=["source"]' if self.kind == "ours" else "")
        if n == 0:
            text += READS.format(path=str(self.data))
        if self.kind != "ours":
            text = re.sub(r'(# %% \[markdown\]) lang="\w+"( tags=\S+)?', r"\1", text)
        return fenced(text, n) if self.kind == "exec" else text

    def build(self):
        """Return the seconds and the megabytes of one build, in a process of its own."""
        started = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, "-m", "mkdocs", "build", "--no-strict"],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        _, status, usage = os.wait4(process.pid, 0)
        took = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        assert process.returncode == 0, f"{self.kind} failed"
        return took, usage.ru_maxrss // 1024

    def edit(self, path, old, new):
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new), encoding="utf-8")

    def shows(self, lesson, text):
        page = self.folder / "site" / lesson / "index.html"
        return text in re.sub(r"<[^>]+>", "", page.read_text(encoding="utf-8"))


def fenced(text, n):
    """Write a lesson as Markdown whose fences markdown-exec runs, all in one process."""
    blocks = []
    for cell in text.split("# %%")[1:]:
        head, _, body = cell.partition("\n")
        if "[markdown]" in head:
            blocks.append(re.sub("^# ?", "", body.strip(), flags=re.M))
        else:
            fence = f'```python exec="1" source="above" session="{n}"'
            blocks.append(f"{fence}\n{body.strip()}\n```")
    return "\n\n".join(blocks) + "\n"


def floor(project):
    """Return the seconds that nothing can save: imports, lessons, rendering, one edit."""
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

    def run(paths):
        started = time.perf_counter()
        ran = subprocess.run(
            [sys.executable, "-c", code, *paths],
            env=project.environment,
            check=True,
            capture_output=True,
            text=True,
        )
        return float(ran.stdout.split()[-1]), time.perf_counter() - started

    own = run(lessons)[0] / len(os.sched_getaffinity(0))
    edit = min(run(lessons[2:3])[1] for _ in range(3))
    return imports, own, rendering(project), edit


def rendering(project):
    """Return how long MkDocs takes to render the same pages, in both languages."""
    out = project.folder / "tree"
    subprocess.run(
        [sys.executable, "-m", "chainrule_site", "export", str(out)],
        cwd=project.folder,
        env=project.environment,
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


def serving(project):
    """Return the seconds until `mkdocs serve` shows an edit in both languages."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "mkdocs",
            "serve",
            "--no-strict",
            "-a",
            f"localhost:{port}",
        ],
        cwd=project.folder,
        env=project.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )

    def wait(text):
        started = time.perf_counter()
        for folder in ("", "zh/"):
            url = f"http://localhost:{port}/{folder}lesson02/"
            while not shows(url, text):
                assert time.perf_counter() - started < 60, f"{url} never shows {text!r}"
                time.sleep(0.02)
        return time.perf_counter() - started

    path, prose, code = project.page("lesson02"), [], []
    try:
        wait("2")
        for n in range(4):
            project.edit(path, "{#lesson-2}\n#\n# ", f"{{#lesson-2}}\n#\n# Told {n}. ")
            project.edit(path, "课的文字", f"课的文字 Told {n}. ")
            prose.append(wait(f"Told {n}. "))
            project.edit(path, 'print(f"', f'print(f"Run {n}. ')
            code.append(wait(f"Run {n}. "))
    finally:
        server.terminate()
        server.wait()
    return prose, code


def shows(url, text):
    try:
        page = urllib.request.urlopen(url, timeout=60).read().decode()
    except OSError:  # not there yet
        return False
    return text in re.sub(r"<[^>]+>", "", page)


STEPS = {
    "cold": (None, "lesson00", "lesson 0: "),
    "unchanged": (None, "lesson00", "lesson 0: "),
    "prose edit": (
        lambda p: p.edit(p.page("lesson02"), "The prose", "Other prose"),
        "lesson02",
        "Other prose",
    ),
    "code edit": (
        lambda p: p.edit(p.page("lesson02"), 'f"lesson', 'f"LESSON'),
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


def main(count, kinds):
    """Print the tables."""
    with tempfile.TemporaryDirectory() as folder:
        projects = [Project(Path(folder, kind), count, kind) for kind in kinds]
        print(f"{count} lessons", *(f"{kind:>7}    MB" for kind in kinds), " stale")
        ours = {}
        for name, (change, lesson, text) in STEPS.items():
            cells, stale = [], []
            for project in projects:
                if change:
                    change(project)
                seconds, megabytes = project.build()
                ours.setdefault(name, seconds)
                ratio = f"{seconds / ours[name]:.1f}x"
                cells.append(f"{seconds:6.2f}s {megabytes:4}  {ratio:>5}")
                if not project.shows(lesson, text):
                    stale.append(project.kind)
            print(f"{name:<12}", *cells, "", ", ".join(stale) or "-", flush=True)
        imports, own, rendered, edit = floor(projects[0])
        least = imports + own + rendered
        print(
            f"floor {least:.2f} s = imports {imports:.2f} + lessons {own:.2f}"
            f" + rendering {rendered:.2f}; one lesson by itself {edit:.2f} s"
        )
        print(f"cold       {ours['cold'] / least:.2f} x the floor")
        print(f"unchanged  {ours['unchanged'] / rendered:.2f} x rendering alone")
        print(f"code edit  {ours['code edit'] / edit:.2f} x that lesson by itself")
        prose, code = serving(projects[0])
        print("serve      prose edit", *(f"{s:.2f}" for s in prose), "s;", end=" ")
        print("code edit", *(f"{s:.2f}" for s in code), "s")


if __name__ == "__main__":
    words = sys.argv[1:]
    others = [] if "--ours" in words else ["stock"]
    if others and find_spec("markdown_exec"):
        others.append("exec")
    numbers = [int(word) for word in words if word.isdigit()]
    main(numbers[0] if numbers else 12, ["ours", *others])
