"""The units of a corpus one by one and two by two: the sections on them of a report."""

import numpy as np

from units.report.clusters import alternations, by_best_phone, closest_pairs, durations, overlap, phone_shares
from units.report.figures import bars, heat_map, scatter
from units.report.page import figure
from units.report.tables import Column, sortable_table

MOST_KEPT = 2048  # units; what is known of each two of them takes memory
MOST_DRAWN = 300  # in a map: of more, a cell is smaller than a pixel
MOST_PAIRS = 500
LONGEST_RUN = 100  # that is drawn, in frames; longer ones are counted there


def _most(seconds, count):
    """Return which units are the most frequent, in their own order."""
    return np.sort(np.argsort(-seconds, kind="stable")[:count])


class Inventory:
    """What is known of each unit of a corpus of units.metrics.phones; its methods give HTML."""

    def __init__(self, corpus):
        runs, codes = durations(corpus.records, corpus.units)
        seconds = np.bincount(codes, runs, len(corpus.units))
        kept = _most(seconds, MOST_KEPT)
        self.runs, self.all_seconds, self.all_units = runs, runs.sum(), len(corpus.units)
        self.units, self.seconds = corpus.units[kept], seconds[kept]
        self.mean_ms = 1000 * self.seconds / np.bincount(codes, minlength=len(seconds))[kept]
        self.labels = list(corpus.labels) or [""]
        self.shares = phone_shares(corpus.joint()[:, kept]) if corpus.labels else np.zeros((len(kept), 1))
        self.common = overlap(self.shares)
        self.changes = alternations(corpus.records, self.units)
        drawn = _most(self.seconds, MOST_DRAWN)
        self.order = drawn[by_best_phone(self.shares[drawn])]

    def _less(self):
        left = self.all_units - len(self.order)
        return f" Drawn are the {len(self.order)} most frequent units; {left:,} are not." if left else ""

    def phones(self):
        """Return the map of units by phones."""
        labels = self.units[self.order]
        picture = heat_map(self.shares[self.order], labels, self.labels, "unit", "phone")
        alt = f"Map of {len(labels)} units by {len(self.labels)} phones: shares of the units' frames"
        words = (
            "<p>A row is a unit; its colours tell how its frames are shared out over phones. Rows stand in "
            f"order of their commonest phone, the purest first: good units make steps.{self._less()}</p>\n"
        )
        return words + figure(picture, alt, wide="map")

    def durations(self):
        """Return how long runs are, and how often each unit comes."""
        quarter, half, most = 1000 * np.percentile(self.runs, [25, 50, 90])
        alt = f"{len(self.runs):,} runs: a quarter up to {quarter:.0f} ms, half up to {half:.0f} ms, "
        share = 100 * self.seconds / self.all_seconds
        pictures = (
            (self._run_lengths(), f"{alt}nine in ten up to {most:.0f} ms"),
            (
                scatter(share, self.mean_ms, self.units, "share of frames, %", "mean run, ms"),
                f"{len(self.units)} units by share of frames and mean run, as in the table of units",
            ),
        )
        return f'<div class="pair">\n{"".join(figure(*picture) for picture in pictures)}</div>'

    def _run_lengths(self):
        step = self.runs.min()  # one frame, where any run is that short
        lengths = np.minimum(np.rint(self.runs / step), LONGEST_RUN).astype(np.int64)
        counts = np.bincount(lengths)
        shown = np.flatnonzero(counts)
        shares = 100 * counts[shown] / len(lengths)
        return bars(1000 * step * shown, shares, 1000 * step, "length of a run, ms", "% of runs")

    def confusion(self):
        """Return which units stand for the same phones, and which alternate within one phone."""
        labels, order = self.units[self.order], np.ix_(self.order, self.order)
        dice = self._dice()
        same = heat_map(self.common[order], labels, labels, "unit", "phones in common")
        swap = heat_map(dice[order], labels, labels, "unit", "alternations", top=max(float(dice.max()), 0.01))
        maps = (
            figure(same, "Map of the share of phones that each two units have in common", wide="map"),
            figure(swap, "Map of how often each two units alternate within a phone", wide="map"),
        )
        return (
            "<p>The first map tells how much of their phones two units have in common: blocks are units that "
            "stand for the same. The second tells how often one gives way to the other within a phone, as a "
            f"share of all such changes of the two: they might be one unit.{self._less()}</p>\n"
            f'<div class="pair">{"".join(maps)}</div>\n{self._pairs(dice)}'
        )

    def _dice(self):
        total = self.changes.sum(axis=1)
        return 2 * self.changes / np.maximum(total[:, None] + total[None, :], 1)

    def _pairs(self, dice):
        rows = [self._pair(a, b, dice) for a, b in closest_pairs(self.changes, MOST_PAIRS)]
        columns = (
            Column("Units"),
            Column("times", 0, "Changes from one to the other within a phone"),
            Column("% of changes", 1, "Share of all changes of the two within a phone"),
            Column("% in common", 0, "Share of phones in common"),
            Column("first is"),
            Column("second is"),
        )
        if not rows:
            return "<p>No two units alternate within a phone.</p>"
        return sortable_table("pairs", "Units that alternate within a phone, most often first", columns, rows)

    def _pair(self, a, b, dice):
        shares = 100 * dice[a, b], 100 * self.common[a, b]
        names = f"{self.units[a]} and {self.units[b]}"
        return [names, int(self.changes[a, b]), *shares, self._best(a), self._best(b)]

    def _best(self, code):
        share = self.shares[code]
        best = int(share.argmax())
        return f"{self.labels[best]} {share[best]:.0%}" if share[best] > 0 else ""

    def table(self):
        """Return the table of all units."""
        columns = (
            Column("Unit"),
            Column("% of frames", 2),
            Column("mean run, ms", 0),
            Column("phone", None, "The commonest phone"),
            Column("% of it", 0, "Share of the unit's frames with that phone"),
            Column("next", None, "The second commonest phone"),
            Column("like", None, "The unit that has most phones in common"),
            Column("% in common", 0),
            Column("alternates with", None, "The unit it changes with most within a phone"),
        )
        rows = [self._row(code) for code in range(len(self.units))]
        return sortable_table("each", "Units", columns, rows)

    def _row(self, code):
        share, common = self.shares[code], self.common[code].copy()
        common[code] = 0
        first, *others = np.argsort(-share, kind="stable")[:2]
        like, other = common.argmax(), self.changes[code].argmax()
        return [
            str(self.units[code]),
            100 * self.seconds[code] / self.all_seconds,
            self.mean_ms[code],
            *((self.labels[first], 100 * share[first]) if share[first] > 0 else ("", None)),
            " ".join(self.labels[n] for n in others if share[n] > 0),
            *((str(self.units[like]), 100 * common[like]) if common[like] > 0 else ("", None)),
            str(self.units[other]) if self.changes[code, other] else "",
        ]
