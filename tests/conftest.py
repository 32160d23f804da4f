"""What many tests need: the lessons, what they showed, and the built site."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from clean_room import furnish

from chainrule_site.lesson import read
from chainrule_site.run import Runner

ROOT = Path(__file__).parent.parent
LESSONS = sorted(Path("docs").rglob("*.py"))
EPOCH = "1767225600"


def mkdocs_build(project, site, *options, **env):
    """Build a site in a process of its own and return how that went."""
    return subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "-d", str(site), *options],
        cwd=project,
        env=os.environ | {"SOURCE_DATE_EPOCH": EPOCH, "NO_MKDOCS_2_WARNING": "1"} | env,
        capture_output=True,
        text=True,
        timeout=300,
    )


@pytest.fixture(scope="session")
def lessons():
    """Return every lesson by its path."""
    return {path: read(path) for path in LESSONS}


@pytest.fixture(scope="session")
def runs(lessons):
    """Return what every lesson showed, by its path."""
    runner = Runner()
    yield runner.run(lessons.values())
    runner.close()


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    """Build the whole site once."""
    folder = tmp_path_factory.mktemp("built") / "site"
    finished = mkdocs_build(ROOT, folder, "--strict")
    assert finished.returncode == 0, finished.stderr
    return folder


@pytest.fixture(scope="session")
def clean_room(tmp_path_factory):
    """Return a function that runs a file with torch and matplotlib and nothing else."""
    packages = tmp_path_factory.mktemp("packages")
    furnish(packages, "torch", "matplotlib")
    room = Path(__file__).with_name("clean_room.py").resolve()

    def run(mode, path):
        return subprocess.run(
            [sys.executable, "-I", "-S", str(room), str(packages), mode, str(path)],
            cwd=path.parent,
            env=os.environ | {"MPLBACKEND": "agg", "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            timeout=120,
        )

    return run
