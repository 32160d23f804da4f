"""Every page is valid HTML, by the standard set of html-validate."""

import os
import shutil
import subprocess

import pytest
from conftest import ROOT

HTML_VALIDATE = ROOT / "node_modules" / ".bin" / "html-validate"


def validate(*paths):
    """Return what html-validate says about some pages."""
    if "CI" not in os.environ and not (shutil.which("node") and HTML_VALIDATE.exists()):
        pytest.skip("no html-validate on this machine: npm install; CI installs it")
    config = ROOT / ".htmlvalidate.mjs"
    command = [HTML_VALIDATE, "--config", config, "--formatter", "text", *paths]
    return subprocess.run(command, capture_output=True, text=True, timeout=300)


def test_every_page_is_valid(site):
    finished = validate(site)
    assert finished.stdout == ""
    assert finished.returncode == 0, finished.stderr


def test_an_invalid_page_is_noticed(tmp_path):
    page = tmp_path / "page.html"
    page.write_text("<!doctype html><title>Title</title><p><div>Text</div></p>\n")
    finished = validate(tmp_path)
    assert finished.returncode == 1
    assert "close-order" in finished.stdout
