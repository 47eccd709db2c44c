"""Write the pictures of the README from the pages that `make demo` makes: docs/pictures.py FOLDER."""

import base64
import io
import sys
from pathlib import Path

import chromium
from PIL import Image

HERE = Path(__file__).resolve().parent

# page: (its width in pixels, the first and the last element in the picture)
PICTURES = {
    "report": (1000, "#listen-head", "#example-0"),
    "motifs": (1000, "#patterns-head", "#motif-4"),
}
MARGIN = 10
COLOURS = 128  # more make no visible difference, and each picture must stay below 150 KB


def picture(browser, page, width, first, last):
    """Return the part of a page from one element to another as an image of few colours."""
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
    browser = chromium.Chromium(chromium.find() or sys.exit("docs/pictures.py: Chromium is not installed"))
    try:
        for name, view in PICTURES.items():
            image = picture(browser, Path(folder, f"{name}.html").resolve(), *view)
            image.save(HERE / f"{name}.png", optimize=True)
    finally:
        browser.close()


main(sys.argv[1])
