"""Ask Lighthouse about the site: `python tests/benchmarks/lighthouse.py [SITE]`.

It builds the site, unless a built one is named, serves it compressed, and opens it in
Chromium as a phone on a slow network. Needs node; npx fetches Lighthouse. The scores
for speed move with the machine, so no test reads them.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from conftest import CHROMIUM, ROOT, mkdocs_build
from serving import served

VERSION = "13.5.0"
KINDS = ["", "backprop/momentum/", "errors/", "errors/modified-by-inplace/"]
KINDS += ["reference/optim/"]
SCORES = ["performance", "accessibility", "best-practices", "seo"]
FLAGS = "--headless --no-sandbox --disable-gpu"


def report(url):
    """Return what Lighthouse says about a page."""
    command = ["npx", "--yes", f"lighthouse@{VERSION}", url, "--output=json", "--quiet"]
    finished = subprocess.run(
        [*command, f"--chrome-flags={FLAGS}", f"--only-categories={','.join(SCORES)}"],
        env=os.environ | {"CHROME_PATH": CHROMIUM},
        capture_output=True,
        text=True,
        timeout=300,
    )
    if finished.returncode:
        raise SystemExit(finished.stderr)
    return json.loads(finished.stdout)


def failed(found):
    """Yield what cost points, but for the times."""
    for category in SCORES[1:]:
        for reference in found["categories"][category]["auditRefs"]:
            audit = found["audits"][reference["id"]]
            if reference["weight"] and audit["score"] not in (None, 1):
                yield f"{category}: {audit['title']}"


def main(site):
    """Print a line for each page, and what is wrong with it."""
    if not (site / "zh").is_dir():
        raise SystemExit(f"expected a built site, got {site}")
    print(*SCORES)
    with served(site) as host:
        for url in (f"{lang}{kind}" for lang in ("", "zh/") for kind in KINDS):
            found = report(f"{host.address}/{url}")
            for name in SCORES:
                score = 100 * (found["categories"][name]["score"] or 0)
                print(f"{score:{len(name)}.0f}", end=" ")
            print(f"/{url}", flush=True)
            for wrong in failed(found):
                print("   ", wrong)


if __name__ == "__main__":
    if not (CHROMIUM and shutil.which("npx")):
        raise SystemExit("expected Chromium and npx on this machine")
    if sys.argv[1:]:
        main(Path(sys.argv[1]))
    else:
        with tempfile.TemporaryDirectory() as folder:
            built = mkdocs_build(ROOT, Path(folder, "site"), "--strict")
            if built.returncode:
                raise SystemExit(built.stderr)
            main(Path(folder, "site"))
