"""One recording over time: rows of spectrograms, phones, units and pitch."""

import numpy as np

from units.files.text import visible
from units.report.figures import FAINT, FIRST, INK, LEVELS, SECOND, drawing, unit_colour
from units.report.spectrogram import spectrogram_db


class Timeline:
    """Rows of one recording on a common time axis.

    seconds: s that all rows span. The time axis begins LEFT pixels from the left edge and ends RIGHT pixels
    before the right one.
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
            axes.imshow(levels, LEVELS, aspect="auto", origin="lower", interpolation="none",
                        extent=(0.0075, end + 0.0075, 0, 8), vmin=top_db - 70, vmax=top_db)  # fmt: skip
            axes.set_yticks([0, 4, 8], ["0", "4", "8 kHz"])
            self._named(axes, label)

        self._rows.append((130, 22, draw))

    def phones(self, spans):
        """Add phones with their labels: [(start, end, label)], s."""
        self._rows.append((18, 3, lambda axes: self._strip(axes, spans, "phones", "none", INK, 0)))

    def units(self, spans):
        """Add runs of units, each in its own colour and with its number: [(start, end, unit)], s."""
        fills = [unit_colour(unit) for _, _, unit in spans]
        self._rows.append((24, 3, lambda axes: self._strip(axes, spans, "units", fills, "#101010", 90)))

    def _strip(self, axes, spans, name, fills, ink, rotation):
        bars = [(start, end - start) for start, end, _ in spans]
        axes.broken_barh(bars, (0, 1), facecolors=fills, edgecolors=FAINT, linewidths=0.5)
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
        """Add two F0 tracks in one plot, (N,) Hz each, 0 if unvoiced, one value every `step` s."""

        def draw(axes):
            for track, colour, name in zip(tracks, (FIRST, SECOND), ("original", "resynthesis"), strict=True):
                track = np.where(track > 0, track, np.nan)
                axes.plot(np.arange(len(track)) * step, track, color=colour, linewidth=1.8, label=name)
            self._named(axes, "F0, Hz")
            axes.grid(axis="y", color=FAINT, linewidth=0.6)
            axes.legend(
                loc="upper left",
                bbox_to_anchor=(60 / self.width, 1.22),
                ncols=2,
                frameon=False,
                borderaxespad=0,
            )

        self._rows.append((110, 26, draw))

    @staticmethod
    def _named(axes, label):
        axes.text(0, 1.03, label, transform=axes.transAxes, va="bottom", fontweight="bold")

    def picture(self):
        """Return the picture of all rows."""
        height = sum(row + gap for row, gap, _ in self._rows) + self._FOOT
        with drawing(self.width, height) as (figure, picture):
            top = height
            for row, gap, draw in self._rows:
                top -= row + gap
                box = (self.LEFT, top, self.width - self.LEFT - self.RIGHT, row)
                axes = figure.add_axes(tuple(np.divide(box, (self.width, height) * 2)))
                draw(axes)
                axes.set_xlim(0, self.seconds)
                axes.set_xticks(np.arange(0, self.seconds, 1.0 if self.seconds > 2 else 0.2))
                axes.tick_params(labelbottom=top <= self._FOOT, bottom=top <= self._FOOT)
            axes.set_xlabel("seconds", loc="right", labelpad=0)
        return tuple(picture)
