"""Take a picture of the home page in both schemes, for a README or a link to show.

    python tests/screenshot.py [SITE]

Writes SITE/assets/home-light.png and home-dark.png (`site` by default), so that they are
published with the site and need not be committed.
"""

import functools
import http.server
import shutil
import sys
import threading
from pathlib import Path

from playwright.sync_api import sync_playwright

WIDTH, HEIGHT = 1120, 570
SCHEMES = ("light", "dark")


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves files and says nothing."""

    def log_message(self, *_):
        pass


def main(site):
    """Serve the site, open its home page and write the pictures."""
    handler = functools.partial(Quiet, directory=site)
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    with (
        http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server,
        sync_playwright() as playwright,
    ):
        threading.Thread(target=server.serve_forever, daemon=True).start()
        chromium = playwright.chromium.launch(executable_path=browser)
        for scheme in SCHEMES:
            page = chromium.new_page(
                viewport={"width": WIDTH, "height": HEIGHT},
                color_scheme=scheme,
                device_scale_factor=2,
                reduced_motion="reduce",
            )
            page.goto(f"http://127.0.0.1:{server.server_port}/", wait_until="load")
            page.screenshot(path=site / "assets" / f"home-{scheme}.png")
        chromium.close()
        server.shutdown()


if __name__ == "__main__":
    site = Path(sys.argv[1] if sys.argv[1:] else "site")
    if not (site / "index.html").is_file():
        sys.exit(f"expected a built site in {site}: make build")
    main(site)
