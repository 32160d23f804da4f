"""Take the pictures in the README: the home page in both schemes.

    python tests/screenshot.py [SITE]

Writes .github/home-light.png and home-dark.png from a built site (`site` by default).
Each holds the text that it shows, by which a test knows an old picture.
"""

import io
import sys
from pathlib import Path

from conftest import CHROMIUM, ROOT
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from playwright.sync_api import sync_playwright
from serving import served

PICTURES = {scheme: f"home-{scheme}.png" for scheme in ("light", "dark")}
WIDTH, HEIGHT, DENSITY = 980, 570, 2
COLOURS = 64  # of text on two papers: more make the file larger, and look the same


def shown(site):
    """Return the text of the home page above its first section."""
    return (site / "index.md").read_text(encoding="utf-8").partition("\n## ")[0]


def take(chromium, site, folder):
    """Open the home page of a site and write a picture of it in each scheme."""
    info = PngInfo()
    info.add_itxt("Description", shown(site), lang="en")
    with served(site) as host:
        for scheme, name in PICTURES.items():
            page = chromium.new_page(
                viewport={"width": WIDTH, "height": HEIGHT},
                color_scheme=scheme,
                device_scale_factor=DENSITY,
                reduced_motion="reduce",
            )
            page.goto(host.address, wait_until="load")
            picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
            picture = picture.quantize(COLOURS, dither=Image.Dither.NONE)
            picture.save(folder / name, optimize=True, pnginfo=info)
            page.close()


if __name__ == "__main__":
    site = Path(sys.argv[1] if sys.argv[1:] else "site")
    if not (site / "index.md").is_file():
        sys.exit(f"expected a built site in {site}: make build")
    if not CHROMIUM:
        sys.exit("expected Chromium on this machine")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM)
        take(chromium, site, ROOT / ".github")
