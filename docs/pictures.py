"""Write the pictures that the README shows, of the pages that `make demo` made: docs/pictures.py FOLDER."""

import base64
import io
import sys
from pathlib import Path

from PIL import Image

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "tests" / "support"))
import chromium  # noqa: E402

# What is seen of each page: its width, and the first and last thing in the picture
PICTURES = {
    "report": (1000, "#listen-head", "#example-0"),
    "motifs": (1000, "#motifs-head", "#motif-4"),
}
MARGIN = 10
COLOURS = 128  # more cannot be told apart in the spectrograms, and each picture stays well below 150 KB


def picture(browser, page, width, first, last):
    """Return what stands in a page from one element to another, an image of few colours."""
    browser.call("Emulation.setScrollbarsHidden", hidden=True)
    browser.open(page, width=width, height=1000)
    edges = "[{}, {}].map(s => document.querySelector(s).getBoundingClientRect())"
    top, bottom = browser.evaluate(
        f"(([a, b]) => [a.top + scrollY, b.bottom + scrollY])({edges.format(repr(first), repr(last))})"
    )
    y, height = max(0, top - MARGIN), bottom - top + 2 * MARGIN
    clip = {"x": 0, "y": y, "width": width, "height": height, "scale": 1}
    shot = browser.call("Page.captureScreenshot", format="png", captureBeyondViewport=True, clip=clip)
    return Image.open(io.BytesIO(base64.b64decode(shot["data"]))).convert("RGB").quantize(COLOURS, dither=0)


def main(folder):
    """Write the picture of each page in a folder."""
    browser = chromium.Chromium(chromium.find() or sys.exit("docs/pictures.py: no Chromium"))
    try:
        for name, view in PICTURES.items():
            image = picture(browser, Path(folder, f"{name}.html").resolve(), *view)
            image.save(HERE / f"{name}.png", optimize=True)
    finally:
        browser.close()


main(sys.argv[1])
