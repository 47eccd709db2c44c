"""Pictures of a report, drawn to SVG. The home of matplotlib.

A picture is (SVG, width, height), the last two in CSS pixels. Placeholder colours become CSS
variables of the SVG, so that one drawing fits light and dark pages.
"""

import io
import logging
import re
import warnings
from contextlib import contextmanager

import numpy as np

from units.files.text import visible

logging.getLogger("matplotlib").setLevel(logging.ERROR)  # success is silent, even if no cache can be written

import matplotlib  # noqa: E402
import matplotlib.colors  # noqa: E402
import matplotlib.style  # noqa: E402
import matplotlib.ticker  # noqa: E402
from matplotlib.figure import Figure  # noqa: E402

_DPI = 96  # CSS pixels per inch
INK, FAINT, FIRST, SECOND = "#010203", "#040506", "#070809", "#0a0b0c"
# placeholder: (light, dark); contrast with the page above 4.5, except faint lines
_COLOURS = {INK: ("#24292f", "#d7dde4"), FAINT: ("#d5dae0", "#3a424d"),
            FIRST: ("#1f5fbf", "#79b0ff"), SECOND: ("#b8480b", "#ffa45c")}  # fmt: skip
_STYLE = {
    "svg.fonttype": "none",
    "svg.hashsalt": "units",
    "image.composite_image": False,
    "font.family": "sans-serif",
    "font.size": 8.25,
    "text.color": INK,
    "text.parse_math": False,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.facecolor": "none",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": INK,
    "ytick.color": INK,
    "figure.facecolor": "none",
    "savefig.facecolor": "none",
}
LEVELS = matplotlib.colormaps["magma"].resampled(32)  # few colours: the PNG is a third of its size
_SHARES = matplotlib.colors.LinearSegmentedColormap.from_list(  # starts transparent, for light and dark pages
    "shares", [(0.18, 0.48, 0.92, 0.0), (0.18, 0.48, 0.92, 0.8), (0.80, 0.26, 0.05, 1.0)], 64
)
_HALF, _HALF_BOX = (440, 270), (0.15, 0.17, 0.82, 0.79)


@contextmanager
def drawing(width, height):
    """Give a Figure of a size in CSS pixels, and the list that gets its picture at the end.

    The user's own style (matplotlibrc) is ignored.
    """
    picture = []
    with warnings.catch_warnings(), matplotlib.style.context(["default", _STYLE], after_reset=True):
        warnings.simplefilter("ignore")  # about letters that the measuring font lacks
        figure = Figure((width / _DPI, height / _DPI), dpi=_DPI)
        yield figure, picture
        picture += [_svg(figure), width, height]


def _svg(figure):
    """Return the SVG of the figure, its colours those of a light or a dark page."""
    file = io.StringIO()
    figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    svg = re.sub(r"<\?xml.*?<svg", "<svg", file.getvalue(), count=1, flags=re.DOTALL)
    svg = re.sub(r"font: ([\d.]+px) [^;\"]*", r"font: \1 system-ui, sans-serif", svg)
    svg = re.sub(r"\n\s*", "\n", svg)
    for number, stand_in in enumerate(_COLOURS):
        svg = svg.replace(stand_in, f"var(--c{number})")
    schemes = [";".join(f"--c{n}:{pair[i]}" for n, pair in enumerate(_COLOURS.values())) for i in (0, 1)]
    style = f":root{{{schemes[0]}}}@media(prefers-color-scheme:dark){{:root{{{schemes[1]}}}}}"
    return re.sub(r"(<svg[^>]*>)", rf"\1<style>{style}</style>", svg, count=1)


def histogram(values, interval=None, label="", size=(300, 150)):
    """Return the distribution of values, (N,): counts in bins, and a mark per value if there are few.

    interval: {"mean", "low", "high"}, drawn over it; size: in CSS pixels.
    """
    with drawing(*size) as (figure, picture):
        axes = figure.add_axes((0.13, 40 / size[1], 0.84, 1 - 48 / size[1]))
        axes.hist(values, bins=min(40, max(5, round(2 * len(values) ** 0.5))), color=FIRST, alpha=0.55)
        if len(values) <= 300:
            axes.plot(values, np.zeros(len(values)), "|", color=FIRST, markersize=7, clip_on=False)
        if interval:
            axes.axvspan(interval["low"], interval["high"], color=SECOND, alpha=0.25, linewidth=0)
            axes.axvline(interval["mean"], color=SECOND, linewidth=1.5)
        axes.set_xlabel(label)
        axes.locator_params(axis="x", nbins=6)
        axes.yaxis.set_major_locator(matplotlib.ticker.MaxNLocator(3, integer=True))
    return tuple(picture)


def bars(x, heights, width, x_name, y_name):
    """Return bars of shares, in %, at x, on a logarithmic axis: so that rare values remain visible."""
    with drawing(*_HALF) as (figure, picture):
        axes = figure.add_axes(_HALF_BOX)
        axes.bar(x, heights, width=0.8 * width, color=FIRST, alpha=0.55)
        axes.set(xlabel=x_name, ylabel=y_name, yscale="log")
        axes.yaxis.set_major_formatter("{x:g}")  # the usual one writes powers in TeX
        axes.yaxis.set_minor_formatter(matplotlib.ticker.NullFormatter())
    return tuple(picture)


def scatter(x, y, labels, x_name, y_name):
    """Return points, (N,) and (N,), labelled if there is room, the outermost first."""
    with drawing(*_HALF) as (figure, picture):
        axes = figure.add_axes(_HALF_BOX)
        axes.set(xlabel=x_name, ylabel=y_name)
        axes.grid(color=FAINT, linewidth=0.6)
        axes.plot(x, y, "o", markersize=3.5, color=FIRST, alpha=0.6)
        axes.autoscale_view()
        at = axes.transData.transform(np.column_stack((x, y)))
        taken = []
        for index in np.argsort(-np.abs(at - np.median(at, axis=0)).max(axis=1), kind="stable"):
            if all(np.abs((at[index] - at[other]) / (20, 12)).max() > 1 for other in taken):
                taken.append(index)
                axes.annotate(visible(labels[index]), (x[index], y[index]), (3, 2), fontsize=7,
                              textcoords="offset points")  # fmt: skip
    return tuple(picture)


def heat_map(values, rows, columns, row_name, column_name, top=1.0):
    """Return a map of shares from 0 to `top`.

    values: (R, C); rows, columns: their labels, shown if there is room.
    """
    square = len(rows) == len(columns)
    down, across = (max(2, min(12, (620 if square else 1300) // len(n))) for n in (rows, columns))
    left, top_margin, foot, right = 48, 44, 12, 66
    width, height = across * len(columns) + left + right, max(140, down * len(rows)) + top_margin + foot
    with drawing(width, height) as (figure, picture):
        box = left / width, foot / height, 1 - (left + right) / width, 1 - (top_margin + foot) / height
        axes = figure.add_axes(box)
        norm = matplotlib.colors.PowerNorm(0.75, 0, top)
        image = axes.imshow(values, _SHARES, norm, aspect="auto", interpolation="none")
        axes.xaxis.tick_top()
        axes.xaxis.set_label_position("top")
        axes.set(xlabel=column_name, ylabel=row_name)
        _ticks(axes.set_xticks, columns, across, 14)
        _ticks(axes.set_yticks, rows, down, 11)
        axes.spines[:].set(visible=True, color=FAINT)
        axes.tick_params(length=0, pad=2, labelsize=7)
        bar = (1 - (right - 12) / width, box[1] + box[3] - 110 / height, 9 / width, 110 / height)
        figure.colorbar(image, cax=figure.add_axes(bar)).outline.set_visible(False)
    return tuple(picture)


def _ticks(set_ticks, labels, pixels, room):
    """Label every cell, or each 2nd, 5th, 10th ... if cells are smaller than labels."""
    step = next(
        step for step in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, len(labels) + 1) if step * pixels >= room
    )
    set_ticks(range(0, len(labels), step), [visible(label) for label in labels[::step]])


def unit_colour(unit):
    """Return a light colour of a unit, units with similar numbers differ in hue."""
    return tuple(matplotlib.colors.hsv_to_rgb((unit * 0.618034 % 1, 0.25 + 0.2 * (unit % 3) / 2, 0.95)))
