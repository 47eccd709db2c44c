"""Pictures of a report, drawn to SVG. The home of matplotlib.

A picture is (SVG, width, height), the last two in CSS pixels. Ink and the colours of series are drawn in
stand-ins that become CSS variables of the SVG, so that one drawing suits light and dark pages.
"""

import io
import logging
import re
import warnings
from contextlib import contextmanager

import numpy as np

from units.report.page import visible

logging.getLogger("matplotlib").setLevel(logging.ERROR)  # success is silent, also where no cache can be kept

import matplotlib  # noqa: E402
import matplotlib.colors  # noqa: E402
import matplotlib.style  # noqa: E402
import matplotlib.ticker  # noqa: E402
from matplotlib.figure import Figure  # noqa: E402

_DPI = 96  # CSS pixels an inch
_INK, _FAINT, _FIRST, _SECOND = "#010203", "#040506", "#070809", "#0a0b0c"
# stand-in: (light, dark), both of contrast above 4.5 to the page but for faint lines
_COLOURS = {_INK: ("#24292f", "#d7dde4"), _FAINT: ("#d5dae0", "#3a424d"),
            _FIRST: ("#1f5fbf", "#79b0ff"), _SECOND: ("#b8480b", "#ffa45c")}  # fmt: skip
_STYLE = {
    "svg.fonttype": "none",
    "svg.hashsalt": "units",
    "image.composite_image": False,
    "font.family": "sans-serif",
    "font.size": 8.25,
    "text.color": _INK,
    "text.parse_math": False,
    "axes.edgecolor": _INK,
    "axes.labelcolor": _INK,
    "axes.facecolor": "none",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": _INK,
    "ytick.color": _INK,
    "figure.facecolor": "none",
    "savefig.facecolor": "none",
}
_LEVELS = matplotlib.colormaps["magma"].resampled(32)  # few colours: the PNG is a third of its size
_SHARES = matplotlib.colors.LinearSegmentedColormap.from_list(  # from nothing: on a light page and a dark one
    "shares", [(0.18, 0.48, 0.92, 0.0), (0.18, 0.48, 0.92, 0.8), (0.80, 0.26, 0.05, 1.0)], 64
)
_HALF, _HALF_BOX = (440, 270), (0.12, 0.17, 0.85, 0.79)


@contextmanager
def _drawing(width, height):
    """Give a Figure of so many CSS pixels, and the list that then holds its picture.

    A style of the user's own (matplotlibrc) is set aside.
    """
    picture = []
    with warnings.catch_warnings(), matplotlib.style.context(["default", _STYLE], after_reset=True):
        warnings.simplefilter("ignore")  # of letters that the font to measure with lacks
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
    """Return the distribution of values, (N,): counts in bins, a dash for each value where they are few.

    interval: {"mean", "low", "high"}, drawn over it; size: in CSS pixels.
    """
    with _drawing(*size) as (figure, picture):
        axes = figure.add_axes((0.13, 40 / size[1], 0.84, 1 - 48 / size[1]))
        axes.hist(values, bins=min(40, max(5, round(2 * len(values) ** 0.5))), color=_FIRST, alpha=0.55)
        if len(values) <= 300:
            axes.plot(values, np.zeros(len(values)), "|", color=_FIRST, markersize=7, clip_on=False)
        if interval:
            axes.axvspan(interval["low"], interval["high"], color=_SECOND, alpha=0.25, linewidth=0)
            axes.axvline(interval["mean"], color=_SECOND, linewidth=1.5)
        axes.set_xlabel(label)
        axes.locator_params(axis="x", nbins=6)
        axes.yaxis.set_major_locator(matplotlib.ticker.MaxNLocator(3, integer=True))
    return tuple(picture)


def bars(x, heights, width, x_name, y_name):
    """Return bars of shares, in %, at x, on a logarithmic axis: the rare are seen beside the common."""
    with _drawing(*_HALF) as (figure, picture):
        axes = figure.add_axes(_HALF_BOX)
        axes.bar(x, heights, width=0.8 * width, color=_FIRST, alpha=0.55)
        axes.set(xlabel=x_name, ylabel=y_name, yscale="log")
        axes.yaxis.set_major_formatter("{x:g}")  # the usual one writes powers in TeX
        axes.yaxis.set_minor_formatter(matplotlib.ticker.NullFormatter())
    return tuple(picture)


def spectrogram_db(samples, hop=160, size=400, bins=512):
    """Return the levels of a waveform, (bins // 2 + 1, N) float32 dB: Hann windows of 25 ms each 10 ms."""
    if len(samples) < size:
        samples = np.pad(samples, (0, size - len(samples)))
    frames = np.lib.stride_tricks.sliding_window_view(samples, size)[::hop]
    spectra = np.fft.rfft(frames * np.hanning(size).astype(np.float32), bins)
    return 20 * np.log10(np.abs(spectra).T + 1e-5).astype(np.float32)


class Timeline:
    """Rows of one recording over a common time, drawn one under the other.

    seconds: s that all rows span. The time axis begins at LEFT and ends at 1 - RIGHT pixels of the width.
    """

    LEFT, RIGHT, _FOOT = 54, 12, 40

    def __init__(self, seconds, pixels_a_second=190, least=860):
        self.seconds = max(seconds, 0.1)
        self.width = max(least, round(self.seconds * pixels_a_second) + self.LEFT + self.RIGHT)
        self._rows = []  # (height, gap above, function that draws on axes)

    def spectrogram(self, samples, label, top_db):
        """Add the spectrogram of a waveform; the colours span the 70 dB below top_db."""

        def draw(axes):
            levels = spectrogram_db(samples)
            end = levels.shape[1] * 0.01
            axes.imshow(levels, _LEVELS, aspect="auto", origin="lower", interpolation="none",
                        extent=(0.0075, end + 0.0075, 0, 8), vmin=top_db - 70, vmax=top_db)  # fmt: skip
            axes.set_yticks([0, 4, 8], ["0", "4", "8 kHz"])
            self._named(axes, label)

        self._rows.append((130, 22, draw))

    def phones(self, spans):
        """Add phones with their labels: [(start, end, label)], s."""
        self._rows.append((18, 3, lambda axes: self._strip(axes, spans, "phones", "none", _INK, 0)))

    def units(self, spans):
        """Add runs of units, each in a colour of its own, with their numbers: [(start, end, unit)], s."""
        fills = [_unit_colour(unit) for _, _, unit in spans]
        self._rows.append((24, 3, lambda axes: self._strip(axes, spans, "units", fills, "#101010", 90)))

    def _strip(self, axes, spans, name, fills, ink, rotation):
        bars = [(start, end - start) for start, end, _ in spans]
        axes.broken_barh(bars, (0, 1), facecolors=fills, edgecolors=_FAINT, linewidths=0.5)
        pixels = (self.width - self.LEFT - self.RIGHT) / self.seconds
        for start, end, label in spans:
            label = visible(label)
            room = 9 if rotation else 5.5 * len(label) + 1
            if room <= (end - start) * pixels and start < self.seconds and len(label) < 8:
                axes.text((start + end) / 2, 0.5, label, color=ink, ha="center", va="center", clip_on=True,
                          fontsize=6.5 if rotation else 7.5, rotation=rotation)  # fmt: skip
        axes.set_ylim(0, 1)
        axes.set_yticks([0.5], [name])
        axes.tick_params(left=False)

    def pitch(self, tracks, step):
        """Add F0 tracks over each other, two of (N,) Hz, 0 where unvoiced, one value each `step` s."""

        def draw(axes):
            for track, colour, name in zip(
                tracks, (_FIRST, _SECOND), ("original", "resynthesis"), strict=True
            ):
                track = np.where(track > 0, track, np.nan)
                axes.plot(np.arange(len(track)) * step, track, color=colour, linewidth=1.8, label=name)
            axes.set_ylabel("F0, Hz", labelpad=1)
            axes.grid(axis="y", color=_FAINT, linewidth=0.6)
            axes.legend(loc="upper left", bbox_to_anchor=(0, 1.25), ncols=2, frameon=False, borderaxespad=0)

        self._rows.append((110, 26, draw))

    @staticmethod
    def _named(axes, label):
        axes.text(0, 1.03, label, transform=axes.transAxes, va="bottom", fontweight="bold")

    def picture(self):
        """Return the picture of all rows."""
        height = sum(row + gap for row, gap, _ in self._rows) + self._FOOT
        with _drawing(self.width, height) as (figure, picture):
            top = height
            for row, gap, draw in self._rows:
                top -= row + gap
                box = (self.LEFT, top, self.width - self.LEFT - self.RIGHT, row)
                axes = figure.add_axes(tuple(np.divide(box, (self.width, height) * 2)))
                draw(axes)
                axes.set_xlim(0, self.seconds)
                axes.tick_params(labelbottom=top <= self._FOOT, bottom=top <= self._FOOT)
            axes.set_xlabel("seconds", loc="right", labelpad=0)
        return tuple(picture)


def _unit_colour(unit):
    """Return a light colour of a unit, neighbours in number far apart in hue."""
    return tuple(matplotlib.colors.hsv_to_rgb((unit * 0.618034 % 1, 0.25 + 0.2 * (unit % 3) / 2, 0.95)))


def scatter(x, y, labels, x_name, y_name):
    """Return points, (N,) and (N,), those with a label that find room for it, the outermost first."""
    with _drawing(*_HALF) as (figure, picture):
        axes = figure.add_axes(_HALF_BOX)
        axes.set(xlabel=x_name, ylabel=y_name)
        axes.grid(color=_FAINT, linewidth=0.6)
        axes.plot(x, y, "o", markersize=3.5, color=_FIRST, alpha=0.6)
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

    values: (R, C); rows, columns: their labels, shown as far as there is room.
    """
    square = len(rows) == len(columns)
    down, across = (max(2, min(12, (620 if square else 1300) // len(n))) for n in (rows, columns))
    left, top_margin, foot, right = 48, 44, 12, 66
    width, height = across * len(columns) + left + right, max(140, down * len(rows)) + top_margin + foot
    with _drawing(width, height) as (figure, picture):
        box = left / width, foot / height, 1 - (left + right) / width, 1 - (top_margin + foot) / height
        axes = figure.add_axes(box)
        norm = matplotlib.colors.PowerNorm(0.75, 0, top)
        image = axes.imshow(values, _SHARES, norm, aspect="auto", interpolation="none")
        axes.xaxis.tick_top()
        axes.xaxis.set_label_position("top")
        axes.set(xlabel=column_name, ylabel=row_name)
        _ticks(axes.set_xticks, columns, across, 14)
        _ticks(axes.set_yticks, rows, down, 11)
        axes.spines[:].set(visible=True, color=_FAINT)
        axes.tick_params(length=0, pad=2, labelsize=7)
        bar = (1 - (right - 12) / width, box[1] + box[3] - 110 / height, 9 / width, 110 / height)
        figure.colorbar(image, cax=figure.add_axes(bar)).outline.set_visible(False)
    return tuple(picture)


def _ticks(set_ticks, labels, pixels, room):
    """Label every cell, or each 2nd, 5th, 10th ... where cells are smaller than a label needs."""
    step = next(
        step for step in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, len(labels) + 1) if step * pixels >= room
    )
    set_ticks(range(0, len(labels), step), [visible(label) for label in labels[::step]])
