"""The units of a corpus, one by one and in pairs: pictures and tables for the page of su-eval units."""

import numpy as np

from units.report.clusters import alternations, by_best_phone, closest_pairs, durations, overlap, phone_shares
from units.report.figures import bars, heat_map, scatter
from units.report.page import picture_of
from units.report.tables import Column, SortableTable

MOST_KEPT = 2048  # units; the tables of pairs take memory
MOST_DRAWN = 300  # units in a map; with more, a cell is smaller than a pixel
MOST_PAIRS = 500
LONGEST_RUN = 100  # frames; longer runs are drawn as this long


def _most(seconds, count):
    """Return the indices of the most frequent units, ascending."""
    return np.sort(np.argsort(-seconds, kind="stable")[:count])


class Inventory:
    """The units of an AlignedCorpus, one by one, as pictures and tables."""

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

    @property
    def left_out(self):
        """The sentence about units that are not drawn; "" if all are."""
        left = self.all_units - len(self.order)
        return f" Only the {len(self.order)} most frequent units are drawn; {left:,} are not." if left else ""

    def phones(self):
        """Return the map of units by phones, a Picture."""
        labels = self.units[self.order]
        drawing = heat_map(self.shares[self.order], labels, self.labels, "unit", "phone")
        alt = f"Map of {len(labels)} units by {len(self.labels)} phones: shares of the units' frames"
        return picture_of(drawing, alt)

    def durations(self):
        """Return how long runs are, and how frequent each unit is: [Picture]."""
        quarter, half, most = 1000 * np.percentile(self.runs, [25, 50, 90])
        runs = (
            f"{len(self.runs):,} runs: a quarter last at most {quarter:.0f} ms, half at most {half:.0f} ms, "
        )
        share = 100 * self.seconds / self.all_seconds
        return [
            picture_of(self._run_lengths(), f"{runs}nine in ten at most {most:.0f} ms"),
            picture_of(
                scatter(share, self.mean_ms, self.units, "share of frames, %", "mean run, ms"),
                f"{len(self.units)} units by share of frames and mean run, as in the table of units",
            ),
        ]

    def _run_lengths(self):
        step = self.runs.min()  # one frame, if any run is that short
        lengths = np.minimum(np.rint(self.runs / step), LONGEST_RUN).astype(np.int64)
        counts = np.bincount(lengths)
        shown = np.flatnonzero(counts)
        shares = 100 * counts[shown] / len(lengths)
        return bars(1000 * step * shown, shares, 1000 * step, "length of a run, ms", "% of runs")

    def confusion(self):
        """Return the maps of phones that units share, and of alternations within a phone: [Picture]."""
        labels, order = self.units[self.order], np.ix_(self.order, self.order)
        dice = self._dice()
        same = heat_map(self.common[order], labels, labels, "unit", "phones in common")
        swap = heat_map(dice[order], labels, labels, "unit", "alternations", top=max(float(dice.max()), 0.01))
        return [
            picture_of(same, "Map of the share of phones that two units have in common"),
            picture_of(swap, "Map of how often two units alternate within a phone"),
        ]

    def _dice(self):
        total = self.changes.sum(axis=1)
        return 2 * self.changes / np.maximum(total[:, None] + total[None, :], 1)

    def pairs(self):
        """Return the SortableTable of units that alternate within a phone."""
        dice = self._dice()
        rows = [self._pair(a, b, dice) for a, b in closest_pairs(self.changes, MOST_PAIRS)]
        columns = [
            Column("Units"),
            Column("changes", 0, "Number of changes from one to the other within a phone"),
            Column("% of changes", 1, "Share of all changes of the two within a phone"),
            Column("% in common", 0, "Share of phones in common"),
            Column("phone of first", None, "Most frequent phone of the first unit"),
            Column("phone of second", None, "Most frequent phone of the second unit"),
        ]
        caption = "Units that alternate within a phone, most frequent first"
        return SortableTable("pairs", caption, columns, rows)

    def _pair(self, a, b, dice):
        shares = 100 * dice[a, b], 100 * self.common[a, b]
        names = f"{self.units[a]} and {self.units[b]}"
        return [names, int(self.changes[a, b]), *shares, self._best(a), self._best(b)]

    def _best(self, code):
        share = self.shares[code]
        best = int(share.argmax())
        return f"{self.labels[best]} {share[best]:.0%}" if share[best] > 0 else ""

    def table(self):
        """Return the SortableTable of all units."""
        columns = [
            Column("Unit"),
            Column("% of frames", 2, "Share of all frames"),
            Column("mean run, ms", 0, "Mean duration of a run"),
            Column("phone", None, "Most frequent phone"),
            Column("% phone", 0, "Share of the unit's frames with that phone"),
            Column("second phone", None, "Second most frequent phone"),
            Column("similar to", None, "Unit with the most phones in common"),
            Column("% in common", 0, "Share of phones in common with that unit"),
            Column("alternates with", None, "Unit with the most changes to and from this one within a phone"),
        ]
        rows = [self._row(code) for code in range(len(self.units))]
        return SortableTable("each", "Units", columns, rows)

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
