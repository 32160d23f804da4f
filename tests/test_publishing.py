"""What publishes the site is pinned, may do little, and names only what there is."""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib

import pytest
import screenshot
import yaml
from conftest import ROOT, makefile, program
from PIL import Image
from screenshot import PICTURES, shown

from chainrule_site import metadata
from chainrule_site.__main__ import main
from chainrule_site.lesson import LANGUAGES

GITHUB = ROOT / ".github"
WORKFLOWS = sorted(GITHUB.glob("workflows/*.yml"))
ACTIONS = sorted(GITHUB.glob("actions/*/action.yml"))
TARGETS = set(re.findall(r"^([\w.-]+):", (ROOT / "Makefile").read_text(), re.M))
README = (ROOT / "README.md").read_text(encoding="utf-8")
PROJECT = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
PINNED = re.compile(r"[\w-]+/[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")


def load(path):
    """Read a file of GitHub's; YAML takes its `on` for true."""
    text = path.read_text(encoding="utf-8")
    return yaml.safe_load(re.sub(r"^on:", '"on":', text, flags=re.M))


def jobs(path):
    return load(path).get("jobs", {})


def steps(path):
    """Return all steps of a workflow or of an action."""
    found = load(path)
    runs = found.get("jobs", {"action": found.get("runs", {})})
    return [step for job in runs.values() for step in job.get("steps", ())]


def scripts():
    """Yield all that workflows and actions run, with the file."""
    for path in WORKFLOWS + ACTIONS:
        for step in steps(path):
            if "run" in step:
                yield path, step["run"]


def test_what_is_looked_at_is_there():
    assert {path.stem for path in WORKFLOWS} == {"newest", "pages", "test"}
    assert ACTIONS
    assert len(list(scripts())) >= 6


def test_everything_used_is_ours_or_pinned_to_a_commit_with_its_version():
    pins = {}
    for path in WORKFLOWS + ACTIONS:
        uses = re.findall(r"\buses: *(.+)", path.read_text(encoding="utf-8"))
        for used in uses:
            if used.startswith("./"):
                assert list(ROOT.glob(f"{used}/action.yml")) or (ROOT / used).is_file()
                continue
            assert PINNED.fullmatch(used), f"{path}: {used}"
            name, _, pin = used.partition("@")
            assert pins.setdefault(name, pin) == pin, f"{name} is pinned twice"
    assert len(pins) == 6


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_may_do_nothing_and_each_job_what_it_says(path):
    workflow = load(path)
    assert workflow["permissions"] == {}
    assert "pull_request_target" not in path.read_text(encoding="utf-8")
    assert "group" in workflow["concurrency"]
    for name, job in jobs(path).items():
        writes = {p for p, may in job["permissions"].items() if may != "read"}
        deploys = path.stem == "pages" and name == "deploy"
        assert writes == ({"pages", "id-token"} if deploys else set()), name
        assert "uses" in job or job["timeout-minutes"] <= 30, name
        for step in job.get("steps", ()):
            if step.get("uses", "").startswith("actions/checkout@"):
                assert step["with"]["persist-credentials"] is False


def test_no_script_has_words_of_others_put_into_it():
    for path, script in scripts():
        assert "${{" not in script, f"{path}: pass it in env:"


def test_scripts_are_bash_and_call_what_there_is():
    called = set()
    for path, script in scripts():
        parsed = subprocess.run(["bash", "-n"], input=script, text=True)
        assert parsed.returncode == 0, path
        for words in re.findall(r"^\s*make (.+)", script, re.M):
            assert set(words.split()) <= TARGETS, f"{path}: make {words}"
            called |= set(words.split())
        for file in re.findall(r"(?:bash|python) ([\w.-]+/\S+|\.\S+)", script):
            assert (ROOT / file).is_file(), f"{path}: {file}"
            called.add(file)
        for command in re.findall(r"-m chainrule_site (\w+)", script):
            with pytest.raises(SystemExit, match="0"):
                main([command, "--help"])
            called.add(command)
    wanted = {"cpu", "install", "build", ".ci/run"}
    assert called == wanted | {"outputs", "compare"}
    assert "make test" in (ROOT / ".ci" / "run").read_text()


def test_nothing_is_published_before_the_tests_have_passed():
    pages = jobs(GITHUB / "workflows" / "pages.yml")
    assert set(pages["deploy"]["needs"]) == {"test", "build"}
    assert pages["test"]["uses"] == "./.github/workflows/test.yml"
    tests = steps(GITHUB / "workflows" / "test.yml")
    assert tests[-1]["run"] == "bash .ci/run"
    # `if: always()` would publish what has failed, and another would leave out a test
    for path in WORKFLOWS + ACTIONS:
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"^[ -]*(if|continue-on-error):", text, re.M), path


def test_changes_are_tested_main_is_published_and_mondays_try_the_newest_torch():
    when = {path.stem: load(path)["on"] for path in WORKFLOWS}
    assert when["test"].keys() == {"pull_request", "workflow_call"}
    assert when["pages"].keys() == {"push", "workflow_dispatch"}
    assert when["pages"]["push"] == {"branches": ["main"]}
    assert when["newest"].keys() == {"schedule", "workflow_dispatch"}
    (day,) = when["newest"]["schedule"]
    assert re.fullmatch(r"\d+ \d+ \* \* 1", day["cron"])


TESTS = [
    "ruff check",
    "ruff format --check",
    "pytest --numprocesses auto --dist loadfile",
]


@pytest.mark.parametrize("fails", [*TESTS, "nothing"])
def test_make_test_runs_all_and_fails_when_one_of_them_fails(tmp_path, fails):
    tools = makefile(tmp_path)
    for name in ("ruff", "pytest"):
        called = f'echo "{name} $*" >> called; test "{name} $*" != "{fails}"'
        program(tools / name, called)
    finished = subprocess.run(["make", "test"], cwd=tmp_path, capture_output=True)
    assert (finished.returncode == 0) == (fails == "nothing")
    called = (tmp_path / "called").read_text().splitlines()
    assert called == TESTS[: len(called)]
    assert called[-1] == (TESTS[-1] if fails == "nothing" else fails)


@pytest.mark.parametrize("fails", ["npm", "make", "nothing"])
def test_continuous_integration_fails_when_anything_in_it_fails(tmp_path, fails):
    (tmp_path / ".ci").mkdir()
    shutil.copy(ROOT / ".ci" / "run", tmp_path / ".ci")
    for name in ("chromium", "google-chrome", "fc-list", "npm", "make"):
        program(tmp_path / "bin" / name, f"echo {name} $*; test {name} != {fails}")
    finished = subprocess.run(
        ["bash", ".ci/run"],
        cwd=tmp_path,
        env=os.environ | {"PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
    )
    assert (finished.returncode == 0) == (fails == "nothing"), finished.stderr
    assert ("make test" in finished.stdout.splitlines()) == (fails != "npm")


def test_pages_are_built_for_the_address_where_they_will_be():
    build = steps(GITHUB / "workflows" / "pages.yml")
    (step,) = [step for step in build if step.get("run") == "make build"]
    settings = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    assert step["env"].keys() == {"SITE_URL", "EDIT_URL"}
    for name in step["env"]:
        assert f"!ENV [{name}," in settings
    assert step["env"]["SITE_URL"] == "${{ steps.pages.outputs.base_url }}"
    assert step["env"]["EDIT_URL"].endswith("/docs/{path}")
    uploads = [s["with"]["path"] for s in build if "upload" in s.get("uses", "")]
    assert uploads == ["site"]


def test_what_lessons_showed_is_kept_by_all_that_decides_it():
    (cache,) = [s for s in steps(ACTIONS[0]) if "cache@" in s.get("uses", "")]
    assert cache["with"]["path"] == ".cache"
    key = cache["with"]["key"]
    for name in re.findall(r"'([^']+)'", key):
        assert list(ROOT.glob(name)), name
    for name in ("constraints.txt", "pyproject.toml", "src/**", "docs/**"):
        assert f"'{name}'" in key
    assert key.startswith(cache["with"]["restore-keys"])


def test_the_newest_torch_is_of_the_kind_that_is_pinned():
    kept, installed, compared = (s for p, s in scripts() if p.stem == "newest")
    assert kept.endswith(" outputs pinned.json")
    index = '${TORCH_INDEX:+--index-url "$TORCH_INDEX"}'
    assert installed == f".venv/bin/pip install --upgrade {index} torch"
    assert " compare pinned.json " in compared
    assert '--index-url "$(TORCH_INDEX)" torch' in (ROOT / "Makefile").read_text()
    for path in WORKFLOWS:
        assert load(path)["env"] == {"TORCH_INDEX": "${{ vars.TORCH_INDEX }}"}, path


def test_updates_leave_torch_alone_and_look_where_versions_are():
    settings = load(GITHUB / "dependabot.yml")
    updates = {each["package-ecosystem"]: each for each in settings["updates"]}
    assert [each["dependency-name"] for each in updates["pip"]["ignore"]] == ["torch"]
    for kind, file in {"pip": "constraints.txt", "npm": "package.json"}.items():
        assert (ROOT / updates[kind]["directory"].strip("/") / file).exists()
    folders = {f"/{path.parent.relative_to(ROOT).as_posix()}" for path in ACTIONS}
    assert set(updates["github-actions"]["directories"]) == {"/"} | folders
    for each in updates.values():
        assert each["schedule"]["interval"] == "monthly"
        assert [group["patterns"] for group in each["groups"].values()] == [["*"]]


def test_the_container_is_set_up_as_the_readme_says_and_shows_the_site():
    text = (ROOT / ".devcontainer" / "devcontainer.json").read_text(encoding="utf-8")
    container = json.loads(text)
    python = re.search(r'requires-python = ">=([\d.]+)"', PROJECT)[1]
    assert container["image"].startswith(f"python:{python}-")
    command = container["postCreateCommand"]
    assert command in README
    assert set(command.removeprefix("make ").split()) <= TARGETS
    assert container["forwardPorts"] == [8000]
    assert "http://127.0.0.1:8000/" in README


def test_the_readme_names_what_there_is():
    for link in re.findall(r'\]\(([^):]+)\)|src="([^":]+)"', README):
        assert (ROOT / "".join(link).partition("#")[0]).exists(), link
    folders = re.findall(r"^\| `([\w./]+)` \|", README, re.M)
    assert len(folders) >= 4
    for folder in folders:
        assert list(ROOT.glob(re.sub(r"\b[A-Z]+\b", "*", folder))), folder
    for target in re.findall(r"(?:^ {4}|`)make ([\w ]+?)(?: +#|`|$)", README, re.M):
        assert set(target.split()) <= TARGETS, target
    for file in re.findall(r"python (tests/\S+\.py)", README):
        assert (ROOT / file).is_file(), file
    for command in re.findall(r"chainrule_site (\w+)", README):
        with pytest.raises(SystemExit, match="0"):
            main([command, "--help"])


def test_the_pictures_in_the_readme_show_the_home_page_as_it_is(site):
    assert set(PICTURES) == {"light", "dark"}
    assert re.search(r'<img src="[^"]+" width="\d+" alt="[^"]{50,}">', README)
    for name in PICTURES.values():
        assert f'".github/{name}"' in README
        picture = Image.open(GITHUB / name)
        retake = "it is old: make build, then python tests/screenshot.py"
        assert picture.text["Description"] == shown(site), f"{name}: {retake}"
        assert (GITHUB / name).stat().st_size < 100_000, name


def test_the_commands_of_the_readme_say_what_they_make_and_install():
    for folder in re.findall(r"http://127\.0\.0\.1:8000/(\S*)", README):
        assert folder in {"", *(f"{lang}/" for lang in LANGUAGES[1:])}
    zips = set(re.findall(r"[\w-]+\.zip", README))
    assert zips == set(re.findall(r"[\w-]+\.zip", (ROOT / "Makefile").read_text()))
    (extras,) = re.findall(r'-e "\.\[([\w,]+)\]"', README)
    known = tomllib.loads(PROJECT)["project"]["optional-dependencies"]
    assert set(extras.split(",")) == known.keys()
    (constraints,) = re.findall(r"pip install -c (\S+)", README)
    assert (ROOT / constraints).is_file()


def test_the_licence_is_the_same_wherever_it_is_named():
    assert (ROOT / "LICENSE").read_text().startswith("MIT License\n\nCopyright ")
    assert tomllib.loads(PROJECT)["project"]["license"] == "MIT"
    assert "\n## Licence\n\nMIT, see [LICENSE](LICENSE)." in README
    assert metadata.LICENSE == "https://spdx.org/licenses/MIT.html"
    for script in (ROOT / "src").rglob("*.js"):
        assert (script.parent / "LICENSE").is_file(), script
        assert script.parent.relative_to(ROOT).as_posix() in README


def test_a_picture_of_the_home_page_is_taken_in_each_scheme(browser, tmp_path):
    dark = "@media (prefers-color-scheme: dark) { body { background: #000 } }"
    (tmp_path / "index.html").write_text(f"<style>{dark}</style><body>Home</body>")
    (tmp_path / "index.md").write_text("# Home\n\n一\n\n## More\n")
    screenshot.take(browser, tmp_path, tmp_path)
    corners = {}
    for scheme, name in PICTURES.items():
        picture = Image.open(tmp_path / name)
        assert picture.size == (1960, 1140)
        assert picture.text["Description"] == "# Home\n\n一\n"
        corners[scheme] = picture.convert("RGB").getpixel((1900, 1100))
    assert corners == {"light": (255, 255, 255), "dark": (0, 0, 0)}
    script = [sys.executable, ROOT / "tests" / "screenshot.py"]
    nowhere = subprocess.run([*script, tmp_path / "no"], capture_output=True, text=True)
    assert nowhere.returncode == 1
    assert "expected a built site in" in nowhere.stderr
