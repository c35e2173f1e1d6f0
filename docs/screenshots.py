"""Pictures of the pages for README and docs: ``make screenshots`` serves the demonstration and takes them.

``python docs/screenshots.py RUN`` needs Debian's chromium; RUN is what `make demo` left (``demo-run/run``).
"""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

from PIL import Image
from playwright.sync_api import sync_playwright

IMAGES: Final = Path(__file__).parent / "images"
SIZE: Final = {"width": 1280, "height": 800}
COLOURS: Final = 128
"""Of the palette of a picture: a third of the bytes, and no eye sees it."""

VIEWS: Final = {
    "pages-table": "/candidates?type=B&flag=none&snr_r_min=20",
    "pages-gallery": "/candidates?show=gallery&sort=double",
    "pages-sky": "/sky?all=1",
}


def shoot(page: Any, name: str) -> None:
    """Take a picture of what is seen of a page."""
    page.wait_for_timeout(800)
    picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    picture.quantize(COLOURS).save(IMAGES / f"{name}.png", optimize=True)


def main(run: str) -> None:
    """Serve a run and take all pictures."""
    options = ["--port", "0", "--title", "Emission-line stars", "--label"]
    command = [sys.executable, "-m", "service", run, *options]
    with (
        subprocess.Popen(  # noqa: S603 - our own program
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        ) as process,
        sync_playwright() as playwright,
    ):
        try:
            url = process.stdout.readline().strip() if process.stdout else ""
            browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
            page = browser.new_page(viewport=SIZE)
            for name, path in VIEWS.items():
                page.goto(url + path)
                shoot(page, name)
            page.goto(f"{url}/candidates?label=double-peak&sort=snr")
            page.click("a[data-row] >> nth=0")
            page.wait_for_selector("#plot canvas")
            shoot(page, "pages-candidate")
            page.goto(f"{url}/label")
            page.check("input[value=mixed]")
            page.click("text=Make it")
            page.wait_for_selector("#spectrum canvas")
            page.keyboard.press("2")
            shoot(page, "labelling")
            browser.close()
        finally:
            process.terminate()


if __name__ == "__main__":
    main(sys.argv[1])
