"""What many tests need: the lessons, what they showed, and the built site."""

import contextlib
import functools
import http.server
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest
from clean_room import furnish
from filelock import FileLock
from playwright.sync_api import sync_playwright

from chainrule_site.lesson import read
from chainrule_site.run import Runner, as_text

ROOT = Path(__file__).parent.parent
LESSONS = sorted(Path("docs").rglob("*.py"))
EPOCH = "1767225600"
PUBLISHED = "https://chainrule.example/"
"""The address that the tests' site is built for."""
BUILDER = "builder-of-this-site"
"""The user who builds it."""
WORKER = os.environ.get("PYTEST_XDIST_WORKER")
if WORKER:  # tests look at what others leave in the folder for temporary files
    os.environ["TMPDIR"] = tempfile.tempdir = tempfile.mkdtemp(prefix=f"{WORKER}-")
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")


def mkdocs_build(project, site, *options, **env):
    """Build a site in a process of its own and return how that went."""
    return subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "-d", str(site), *options],
        cwd=project,
        env=os.environ
        | {"SOURCE_DATE_EPOCH": EPOCH, "NO_MKDOCS_2_WARNING": "1"}
        | {"SITE_URL": PUBLISHED, "USER": BUILDER, "LOGNAME": BUILDER}
        | env,
        capture_output=True,
        text=True,
        timeout=300,
    )


def program(path, text):
    """Write a program that a script calls."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def makefile(folder):
    """Copy the Makefile where all seems installed; return where it looks for tools."""
    tools = folder / ".venv" / "bin"
    tools.mkdir(parents=True)
    shutil.copy(ROOT / "Makefile", folder)
    for name in ("pyproject.toml", "constraints.txt", ".venv/installed"):
        (folder / name).touch()
    return tools


@pytest.fixture(scope="session")
def lessons():
    """Return every lesson by its path."""
    return {path: read(path) for path in LESSONS}


@pytest.fixture(scope="session")
def runs(lessons):
    """Return what every lesson showed, by its path."""
    runner = Runner()
    runs, failures = runner.run(lessons.values())
    assert failures == {}
    yield runs
    runner.close()


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    """Build the whole site once, for all processes that run tests."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if WORKER else base) / "built" / "site"
    folder.parent.mkdir(exist_ok=True)
    with FileLock(folder.with_suffix(".lock")):
        if not folder.exists():
            finished = mkdocs_build(ROOT, folder, "--strict")
            assert finished.returncode == 0, finished.stderr
    return folder


@pytest.fixture(scope="session")
def clean_room(tmp_path_factory):
    """Return a function that runs a file with torch and matplotlib and nothing else."""
    packages = tmp_path_factory.mktemp("packages")
    furnish(packages, "torch", "matplotlib")
    room = subprocess.Popen(
        [
            sys.executable,
            "-I",
            "-S",
            Path(__file__).with_name("clean_room.py"),
            packages,
        ],
        env=os.environ | {"MPLBACKEND": "agg", "OMP_NUM_THREADS": "1"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )

    def run(mode, path):
        room.stdin.write(f"{mode} {path}\n")
        room.stdin.flush()
        return SimpleNamespace(**json.loads(room.stdout.readline()))

    yield run
    room.stdin.close()
    room.wait()
    room.stdout.close()


HEAD = """# %% [markdown] lang="en"
# # Title {#title}

# %% [markdown] lang="zh"
# # 标题 {#title}

"""


@pytest.fixture(scope="session")
def runner():
    runner = Runner()
    yield runner
    runner.close()


@pytest.fixture
def write(tmp_path):
    """Return a function that makes a lesson of some cells."""

    def write(*cells, name="lesson.py", head=""):
        path = tmp_path / name
        start = HEAD.replace('"en"', f'"en" {head}')
        path.write_text(start + "\n\n".join(cells) + "\n", encoding="utf-8")
        return read(path)

    return write


@pytest.fixture
def show(runner, write):
    """Return a function that runs code cells and returns their outputs."""

    def show(*cells):
        lesson = write(*(f"# %%\n{cell}" for cell in cells))
        return list(shown(runner, lesson).outputs.values())

    return show


@pytest.fixture
def complaint(runner, write, tmp_path):
    """Return a function that says why a lesson was refused, without its folder."""

    def complain(*cells, head=""):
        runs, failures = runner.run([write(*cells, head=head)])
        assert runs == {}
        (text,) = failures.values()
        return text.replace(f"{tmp_path}{os.sep}", "")

    return complain


def shown(runner, lesson):
    runs, failures = runner.run([lesson])
    assert failures == {}
    return runs[lesson.path]


def text(outputs):
    return [as_text(output) for output in outputs]


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@contextlib.contextmanager
def served(folder):
    """Serve a folder on this machine, and say where."""
    handler = functools.partial(Quiet, directory=folder)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="session")
def address(site):
    """Serve the site on this machine."""
    with served(site) as address:
        yield address


@pytest.fixture(scope="session")
def browser():
    """Start Chromium once for all tests."""
    if not CHROMIUM and "CI" not in os.environ:
        pytest.skip("no Chromium on this machine; CI installs it")
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
    quiet = [
        "--disable-gpu",
        "--disable-background-networking",
        "--disable-component-update",
    ]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=sandbox + quiet
        )
        yield browser
        browser.close()


def watched(page, address):
    """Note in `page.wrongs` whatever goes wrong on a page."""
    page.wrongs = []

    def note(wrong, text):
        if wrong:
            page.wrongs.append(text)

    page.on("console", lambda m: note(m.type == "error", m.text))
    page.on("pageerror", lambda error: note(True, str(error)))
    page.on("response", lambda r: note(r.status >= 400, r.url))
    ours = (address, "data:", "blob:")
    page.on("request", lambda r: note(not r.url.startswith(ours), r.url))
    return page


@pytest.fixture
def open_page(browser, address):
    """Return a function that opens a page and notes whatever goes wrong on it."""
    contexts = []

    def open_page(url, width=1280, scheme="light", address=address, **options):
        size = {"width": width, "height": 900}
        context = browser.new_context(viewport=size, color_scheme=scheme, **options)
        contexts.append(context)
        page = watched(context.new_page(), address)
        page.goto(f"{address}/{url}", wait_until="load")
        page.wait_for_timeout(150)  # for what a script asks for once the page stands
        return page

    yield open_page
    for context in contexts:
        context.close()
