"""The terms of a corpus: stretches of speech that recur."""

import functools
import math
from dataclasses import dataclass

import numpy as np

from units.parallel import ordered_map
from units.patterns.discovery import chance, text
from units.patterns.discovery.clusters import stars
from units.patterns.discovery.pauses import find_pauses
from units.patterns.discovery.scan import column_blocks, scan
from units.patterns.discovery.scores import substitution
from units.patterns.discovery.trace import trace
from units.patterns.moments import owned
from units.patterns.occurrences import describe_occurrences
from units.records import warn


@dataclass(frozen=True)
class Term:
    """Similar fragments: the indices of their recordings, starts and ends (s in the audio file), (C,) each.

    units: the runs of the first fragment, the reference that the others resemble. score: how unlikely that is
    by chance: the sum, over the others, of minus the natural logarithm of the number of alignments at least
    as good that chance would produce.
    """

    units: list
    where: np.ndarray
    starts: np.ndarray
    ends: np.ndarray
    score: float


def discover(recordings, size, centroids, config, jobs=1, log=lambda message: None):
    """Return the Terms of a list of units.patterns.corpus.Recording, the best first.

    size: number of units; centroids: (size, R) float or None; config: units.config.DiscoverConfig; log: a
    function that gets a line about each step.
    """
    corpus = prepare(recordings, size, config)
    scores = substitution(size, centroids, config.near)
    found, worth = self_alignments(corpus, scores, config, jobs, log)
    clusters = stars(found, worth, len(corpus.units), config.min_count)
    terms = [_term(corpus, cluster) for cluster in clusters]
    return sorted(terms, key=lambda term: -term.score)


def prepare(recordings, size, config):
    """Return the Text of recordings, without pauses unless they are kept.

    A moment that several recordings share is in it once; see units.patterns.moments.
    """
    own = owned(recordings)
    left_out = [~mine for mine in own]
    if not config.keep_pauses:
        rows = [recording.units[mine] for recording, mine in zip(recordings, own, strict=True)]
        for out, mine, pause in zip(left_out, own, find_pauses(rows, size), strict=True):
            out[mine] = pause
    return text.join_recordings(recordings, left_out, size)


def self_alignments(corpus, scores, config, jobs=1, log=lambda message: None):
    """Return ((A, 4) alignments of a Text with itself, (A,) their scores), the best ones.

    Both sides of each last at least config.min_duration and do not overlap. In the whole text, chance would
    produce config.false_alarms alignments as good as the worst of them.
    """
    units = corpus.units
    tail = chance.measure(units, scores)
    pairs = len(units) ** 2 / 2
    least = max(1, tail.threshold(config.false_alarms, pairs))
    # more per block than are kept in all, to notice if some are dropped
    work = functools.partial(
        scan, rows=units, columns=units, scores=scores, least=least, most=2 * config.max_alignments
    )
    parts = [future.result() for _, future in ordered_map(work, column_blocks(len(units), len(scores)), jobs)]
    cells = limit(np.concatenate(parts), config.max_alignments)
    if sum(map(len, parts)) > len(cells):
        most = config.max_alignments
        warn(f"more than {most} alignments: only the best are kept; a longer --min-duration gives fewer")
    log(f"{len(units)} runs, lowest score {least}, {len(cells)} ends of alignments")
    found = trace(cells, units, units, scores)
    found, scored = _keep(corpus, found, config.min_duration)
    good = scored >= least
    found, scored = found[good], scored[good]
    return found[:, :4], -tail.expected(scored, pairs) + max(0.0, math.log(config.false_alarms)) + 1e-9


def limit(cells, most):
    """Return the best cells, at most `most`. If equal ones would exceed that, none of these are kept."""
    if len(cells) <= most:
        return cells
    least = np.partition(cells[:, 2], len(cells) - most - 1)[len(cells) - most - 1] + 1
    return cells[cells[:, 2] >= least]


def _keep(corpus, found, min_duration):
    """Return the alignments whose sides last long enough and do not overlap, and their scores.

    The score is reduced by the ratio of the two durations.
    """
    first = corpus.durations(found[:, 0], found[:, 1])
    second = corpus.durations(found[:, 2], found[:, 3])
    shorter = np.minimum(first, second)
    kept = (shorter >= min_duration - 1e-9) & (found[:, 2] >= found[:, 1])
    share = shorter / np.maximum(np.maximum(first, second), 1e-9)
    return found[kept], (found[:, 4] * share)[kept]


def _term(corpus, cluster):
    first = slice(cluster.starts[0], cluster.stops[0])
    return Term(
        corpus.units[first].tolist(),
        corpus.recording[cluster.starts],
        corpus.begins[cluster.starts],
        corpus.ends[cluster.stops - 1],
        float(cluster.scores[1:].sum()),
    )


def describe_term(term, recordings):
    """Return a Term as the fields of a record; durations in s, its occurrences objects."""
    return describe_occurrences(term, recordings, score=term.score)
