"""Whatever a lesson does, the build says which cell did it, and nothing is left over."""

import ast
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import ROOT, shown, text

from chainrule_site.run import Runner


def lesson_folders():
    return set(Path("/tmp").glob("lesson-*"))


def processes(word):
    """Return the processes whose command line has a word."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = path.read_bytes()
        except OSError:
            continue
        if word.encode() in command:
            found.append(int(path.parent.name))
    return found


def wait_for(condition, seconds=20):
    """Return what a condition comes to once it is true."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if found := condition():
            return found
        time.sleep(0.05)
    pytest.fail("it did not come true")


FAULTS = {
    "sys.exit(0)": (
        "import sys\nsys.exit(0)",
        "lesson.py:9, cell 3: raised\nTraceback (most recent call last):\n"
        "  sys.exit(0)\nSystemExit: 0",
    ),
    "os._exit": (
        "import os\nos._exit(0)",
        "lesson.py:7, cell 3: its process ended by itself with status 0, "
        "before the lesson did",
    ),
    "killed": (
        "import os\nos.kill(os.getpid(), 9)",
        "lesson.py:7, cell 3: its process was ended by SIGKILL",
    ),
    "crashed in C": (
        "import ctypes\n\nctypes.string_at(0)",
        "lesson.py:10, cell 3: its process was ended by SIGSEGV",
    ),
    "hangs asleep": (
        "import time\n\n\ndef wait():\n    time.sleep(99)\n\n\nwait()",
        "lesson.py:12, cell 3: did not end within 1 s",
    ),
    "hangs busy": (
        "while True:\n    pass",
        "did not end within 1 s",
    ),
    "hangs deaf": (
        "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\ntime.sleep(99)",
        "lesson.py:10, cell 3: did not end within 1 s",
    ),
    "asks": (
        "input('name? ')",
        "lesson.py:8, cell 3: raised\nTraceback (most recent call last):\n"
        "  input('name? ')\n"
        "RuntimeError: a page has no reader to answer: input('name? ')",
    ),
    "recurses": (
        "def f(n):\n    return f(n + 1)\n\n\nf(0)",
        "RecursionError: maximum recursion depth exceeded",
    ),
    "allocates": (
        "kept = []\nwhile True:\n    kept.append(bytearray(10**8))",
        "lesson.py:10, cell 3: raised\nTraceback (most recent call last):\n"
        "  kept.append(bytearray(10**8))\nMemoryError",
    ),
    "prints 10 MB": (
        "print('x' * 10**7)",
        "lesson.py:7, cell 3: showed more than 200 KB",
    ),
    "prints without end": (
        "while True:\n    print('x', end='')",
        "lesson.py:7, cell 3: showed more than 200 KB",
    ),
    "prints without end and catches all": (
        "while True:\n    try:\n        print('line')\n    except BaseException:\n        pass",
        "lesson.py:7, cell 3: showed more than 200 KB",
    ),
    "prints without end in C": (
        "import os\nos.system('head -c 1000000 /dev/zero')",
        "lesson.py:7, cell 3: showed more than 200 KB",
    ),
    "leaves a thread": (
        "import threading, time\n\n"
        "threading.Thread(target=time.sleep, args=[99], name='late', daemon=True).start()",
        "lesson.py:7, cell 3: left a thread running: late",
    ),
    "leaves a process": (
        "import subprocess\n\n_ = subprocess.Popen(['sleep', '98765'])",
        "lesson.py:7, cell 3: left a process running: process 1",
    ),
    "writes outside": (
        "open('../out.txt', 'w')",
        "PermissionError: a lesson writes in its own folder only: ",
    ),
    "removes outside": (
        "import os\n\nos.remove('/etc/hostname')",
        "PermissionError: a lesson writes in its own folder only: /etc/hostname",
    ),
    "swaps stdout": (
        "import io, sys\n\nsys.stdout = io.StringIO()",
        "lesson.py:7, cell 3: left sys.stdout or sys.stderr replaced, so nothing shows",
    ),
    "reads the network": (
        "import socket\n\nsocket.create_connection(('127.0.0.1', 9))",
        "PermissionError: a lesson has no network: socket.getaddrinfo",
    ),
    "draws a missing glyph": (
        "import matplotlib.pyplot as plt\n\n_ = plt.title('\u6807')",
        "lesson.py:7, cell 3: a figure has a sign that no font has: "
        "UserWarning: Glyph 26631",
    ),
    "runs away in a child": (
        "import os, time\nif os.fork() == 0:\n    time.sleep(98765)\nos._exit(3)",
        "lesson.py:7, cell 3: its process ended by itself with status 3",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_named_with_its_place_and_the_next_lesson_runs(
    fault, complaint, runner, write
):
    code, said = FAULTS[fault]
    before = lesson_folders()
    head = ("seconds=1 " if "hangs" in fault else "") + "megabytes=500"
    assert said in complaint(f"# %%\n{code}", head=head)
    assert lesson_folders() == before
    assert processes("98765") == []
    outputs = shown(runner, write("# %%\n'alive'", name="next.py")).outputs
    assert text(outputs[3]) == ["'alive'"]


def test_a_deep_traceback_is_short(complaint):
    said = complaint("# %%\ndef f(n):\n    return f(n + 1)\n\n\nf(0)")
    assert "more calls" in said
    assert len(said.splitlines()) < 20


def test_limits_are_those_of_the_head(runner, write, complaint):
    cell = "# %%\nprint('x' * 300_000)"
    assert "showed more than 200 KB" in complaint(cell)
    assert shown(runner, write(cell, head="kilobytes=400")).outputs[3]


def test_a_limit_that_is_no_number_is_named(tmp_path, write):
    with pytest.raises(
        Exception, match=r"cell 1: expected seconds=a number, got 'long'"
    ):
        write("# %%\n1", head='seconds="long"')


LEAKS = {
    "folder": ("import os\nos.chdir('/')", "import os\nos.listdir()", "[]"),
    "seed": (
        "import torch\ntorch.manual_seed(1).get_state().sum()",
        "import torch\ntorch.initial_seed() == 1",
        "False",
    ),
    "grad mode": (
        "import torch\n_ = torch.set_grad_enabled(False)",
        "import torch\ntorch.is_grad_enabled()",
        "True",
    ),
    "default dtype": (
        "import torch\ntorch.set_default_dtype(torch.float64)",
        "import torch\ntorch.get_default_dtype()",
        "torch.float32",
    ),
    "style": (
        "import matplotlib\nmatplotlib.rcParams['lines.linewidth'] = 9",
        "import matplotlib.pyplot as plt\nplt.rcParams['lines.linewidth'] == 9",
        "False",
    ),
    "print options": (
        "import torch\ntorch.set_printoptions(precision=1)",
        "import torch\ntorch.tensor(0.1234)",
        "tensor(0.1234)",
    ),
    "file": (
        "_ = open('left', 'w').write('x')",
        "import os\nos.path.exists('left')",
        "False",
    ),
}


@pytest.mark.parametrize("leak", LEAKS)
def test_what_one_lesson_changes_the_next_does_not_see(leak, runner, write):
    first, second, expected = LEAKS[leak]
    shown(runner, write(f"# %%\n{first}"))
    outputs = shown(runner, write(f"# %%\n{second}", name="next.py")).outputs[3]
    assert text(outputs) == [expected]


SIGNS = {
    "html": ("print('<b>&amp;</b>')", "<b>&amp;</b>\n"),
    "ansi": ("print('\\x1b[31mred\\x1b[0m\\x1b]0;title\\x07!')", "red!\n"),
    "bell and null": ("print('a\\x07b\\x00c')", "abc\n"),
    "progress": ("print('10%\\r20%\\rdone')", "done\n"),
    "right to left": ("print('a\\u202eb')", "a\\u202eb\n"),
    "surrogate": ("print('a\\ud800b')", "a\ufffdb\n"),
    "bytes": ("import os\n_ = os.write(1, b'\\xff\\n')", "\ufffd\n"),
    "time": (
        "import sys\nprint('[W1121 03:12:45.123456 f.cpp:9] look', file=sys.stderr)",
        "[W] look\n",
    ),
}


@pytest.mark.parametrize("sign", SIGNS)
def test_signs_that_a_page_must_not_obey_are_kept_out(sign, runner, write):
    code, expected = SIGNS[sign]
    assert text(shown(runner, write(f"# %%\n{code}")).outputs[3]) == [expected]


@pytest.mark.parametrize("command", ["chainrule_site run", "mkdocs build"])
def test_interrupting_a_build_ends_all_of_it_at_once(tmp_path, command):
    (tmp_path / "docs").mkdir()
    lesson = tmp_path / "docs" / "index.py"
    lesson.write_text(
        '# %% [markdown] lang="en"\n# # T {#t}\n\n# %% [markdown] lang="zh"\n# # 题 {#t}\n\n'
        "# %%\nimport os, time\n\nprint('started', file=open('started', 'w'))\n"
        "time.sleep(50)\n"
    )
    (tmp_path / "docs" / "assets").symlink_to(ROOT / "docs" / "assets")
    settings = f"INHERIT: {ROOT / 'mkdocs.yml'}\nnav: [index.py]\n"
    (tmp_path / "mkdocs.yml").write_text(settings)
    before = lesson_folders()
    build = subprocess.Popen(
        [sys.executable, "-m", *command.split()],
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    wait_for(
        lambda: any(
            (f / "lesson" / "started").exists() for f in lesson_folders() - before
        )
    )
    time.sleep(1)  # the other language is built in a process that has started by now
    os.killpg(build.pid, signal.SIGINT)  # as a terminal does
    interrupted = time.monotonic()
    assert build.wait(timeout=10) != 0
    assert time.monotonic() - interrupted < 2
    wait_for(lambda: lesson_folders() == before, seconds=2)
    wait_for(lambda: not group_lives(build.pid), seconds=2)
    assert not list((tmp_path / ".cache").rglob("*.new"))
    assert sorted(p.name for p in tmp_path.iterdir() if "site" in p.name) == []


def group_lives(number):
    """Say whether a process group has a process that has not ended."""
    try:
        os.killpg(number, 0)
    except ProcessLookupError:
        return False
    return True


def test_nothing_is_written_in_the_readers_home(tmp_path):
    (tmp_path / "docs").mkdir()
    (tmp_path / "home").mkdir()
    (tmp_path / "docs" / "plain.py").write_text(
        '# %% [markdown] lang="en"\n# # T {#t}\n\n# %% [markdown] lang="zh"\n# # 题 {#t}\n\n'
        "# %%\nimport matplotlib.pyplot\nimport torch\n"
    )
    fonts = {"MPLCONFIGDIR": str(tmp_path / "fonts")}  # matplotlib's own cache
    finished = subprocess.run(
        [sys.executable, "-m", "chainrule_site", "run"],
        cwd=tmp_path,
        env=os.environ | {"HOME": str(tmp_path / "home")} | fonts,
        capture_output=True,
        text=True,
    )
    assert finished.returncode == 0, finished.stdout
    assert list((tmp_path / "home").iterdir()) == []


def test_a_warm_process_that_is_killed_takes_its_lessons_along(write):
    runner = Runner()
    before = lesson_folders()
    code = (
        "import os, time\n_ = open('pid', 'w').write(str(os.getpid()))\ntime.sleep(50)"
    )
    runner._ask(write(f"# %%\n{code}"))
    note = wait_for(
        lambda: next(
            (
                p
                for f in lesson_folders() - before
                for p in f.glob("lesson/pid")
                if p.read_text()
            ),
            None,
        )
    )
    pid = int(note.read_text())
    runner.process.kill()
    assert wait_for(
        lambda: (
            not Path(f"/proc/{pid}").exists()
            or "Z" in Path(f"/proc/{pid}/stat").read_text().split()[2]
        )
    )
    runner.close()
    shutil.rmtree(note.parent.parent)


def test_outputs_that_differ_from_run_to_run_are_named(tmp_path):
    (tmp_path / "docs").mkdir()
    cells = {
        "random": "import random\n\nrandom.random()",
        "time": "import time\n\nprint(time.time())",
        "order": "print({str(n) for n in range(50)})",
        "fine": "object()",
    }
    for name, code in cells.items():
        (tmp_path / "docs" / f"{name}.py").write_text(
            '# %% [markdown] lang="en"\n# # T {#t}\n\n'
            f'# %% [markdown] lang="zh"\n# # 题 {{#t}}\n\n# %%\n{code}\n'
        )
    finished = subprocess.run(
        [sys.executable, "-m", "chainrule_site", "check"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert finished.returncode == 1
    for name in ("random", "time", "order"):
        assert (
            f"docs/{name}.py:7, cell 3: shows something else when it runs again: "
            in finished.stdout
        )
    assert "fine.py" not in finished.stdout


def test_what_ipython_shows_is_what_a_fresh_kernel_shows(runner, write, tmp_path):
    import nbformat
    from nbclient import NotebookClient

    cells = [
        "print('out')\n'value'",
        "import sys\n\nprint('err', file=sys.stderr)",
        "import warnings\n\nx = 1",
        "x;",
        "from IPython.display import HTML, Markdown, display\n\ndisplay(HTML('<i>i</i>'))",
        "display(Markdown('*m*'))\nHTML('<b>b</b>')",
        "class T:\n    def _repr_html_(self):\n        return '<table></table>'\n\n"
        "    def __repr__(self):\n        return 'T'\n\n\nT()",
        "[1, 2, 3]\n{'a': 1}",
        "_",
        "display({'text/plain': 'p', 'application/json': {'a': 1}}, raw=True)",
    ]
    ours = shown(runner, write(*(f"# %%\n{cell}" for cell in cells))).outputs
    notebook = nbformat.v4.new_notebook(
        cells=list(map(nbformat.v4.new_code_cell, cells))
    )
    place = {"metadata": {"path": str(tmp_path)}}
    NotebookClient(notebook, kernel_name="python3", resources=place).execute()
    theirs = [cell.outputs for cell in notebook.cells]
    assert json.loads(json.dumps(list(ours.values()))) == json.loads(json.dumps(theirs))


def test_the_command_line_lists_runs_and_cleans(tmp_path):
    def call(*words):
        return subprocess.run(
            [sys.executable, "-m", "chainrule_site", *words],
            cwd=tmp_path,
            capture_output=True,
            text=True,
        )

    (tmp_path / "docs").mkdir()
    text = '# %% [markdown] lang="en"\n# # T {#t}\n\n# %% [markdown] lang="zh"\n# # 题 {#t}\n\n'
    for name, code in {"good": "1", "bad": "1 / 0"}.items():
        (tmp_path / "docs" / f"{name}.py").write_text(f"{text}# %%\n{code}\n")
    assert call("list").stdout == "docs/bad.py  to run\ndocs/good.py  to run\n"
    run = call("run", "--jobs", "1")
    assert run.returncode == 1
    assert "docs/bad.py:8, cell 3: raised" in run.stdout
    assert "ZeroDivisionError" in run.stdout
    assert call("list").stdout == "docs/bad.py  to run\ndocs/good.py  cached\n"
    assert call("run", "--only", "*good*").returncode == 0
    assert call("run", "docs/nowhere.py").returncode == 2
    assert call("clean").returncode == 0
    assert not (tmp_path / ".cache").exists()


def test_the_engine_has_less_than_900_lines_of_code():
    names = ("cache", "clean", "execute", "fence", "run", "warm")
    total = 0
    for name in names:
        source = (ROOT / "src" / "chainrule_site" / f"{name}.py").read_text()
        told = set()
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
                told |= set(range(node.lineno, node.end_lineno + 1))
        for number, line in enumerate(source.splitlines(), 1):
            code = line.strip() and not line.strip().startswith("#")
            total += bool(code and number not in told)
    assert total < 900


def test_the_environment_of_a_lesson_is_restored(runner, write):
    shown(runner, write("# %%\nimport os\n\nos.environ['PATH'] = ''"))
    assert os.environ["PATH"]
