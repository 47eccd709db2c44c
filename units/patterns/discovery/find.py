"""The terms of a corpus: what is said again in it."""

import functools
import math
from dataclasses import dataclass

import numpy as np

from units.parallel import ordered_map
from units.patterns.discovery import chance, text
from units.patterns.discovery.clusters import stars
from units.patterns.discovery.pauses import find_pauses
from units.patterns.discovery.scan import blocks, scan
from units.patterns.discovery.scores import substitution
from units.patterns.discovery.trace import trace
from units.patterns.moments import owned
from units.patterns.motifs import facts
from units.records import warn


@dataclass(frozen=True)
class Term:
    """Fragments that are alike: of which recordings, from when to when (s of the file), each (C,).

    units: the runs of the first, which all others are like. score: how unlikely that is by chance, the sum
    over the others of minus the natural logarithm of how many alignments as good chance would make.
    """

    units: list
    where: np.ndarray
    starts: np.ndarray
    ends: np.ndarray
    score: float


def discover(recordings, size, centroids, config, jobs=1, log=lambda message: None):
    """Return the Terms of a list of units.patterns.discovery.text.Recording, the best first.

    size: number of units; centroids: (size, R) float or None; config: units.config.DiscoverConfig; log: is
    told what was found on the way.
    """
    corpus = prepare(recordings, size, config)
    scores = substitution(size, centroids, config.near)
    found, worth = align(corpus, scores, config, jobs, log)
    clusters = stars(found, worth, len(corpus.units), config.min_count)
    terms = [_term(corpus, cluster) for cluster in clusters]
    return sorted(terms, key=lambda term: -term.score)


def prepare(recordings, size, config):
    """Return the Text of recordings, without pauses unless they are kept.

    A moment that several recordings have is in it once; see units.patterns.moments.
    """
    own = owned(recordings)
    left_out = [~mine for mine in own]
    if not config.keep_pauses:
        rows = [recording.units[mine] for recording, mine in zip(recordings, own, strict=True)]
        for out, mine, pause in zip(left_out, own, find_pauses(rows, size), strict=True):
            out[mine] = pause
    return text.join(recordings, left_out, size)


def align(corpus, scores, config, jobs=1, log=lambda message: None):
    """Return ((A, 4) alignments of a Text with itself, (A,) what each is worth), no more than config says.

    Both sides of each last at least config.min_duration, do not overlap, and are as good as chance makes
    config.false_alarms of in the whole text.
    """
    units = corpus.units
    tail = chance.measure(units, scores)
    pairs = len(units) ** 2 / 2
    least = max(1, tail.threshold(config.false_alarms, pairs))
    # of each block more than are kept, so that it shows if any are not
    work = functools.partial(
        scan, rows=units, columns=units, scores=scores, least=least, most=2 * config.max_alignments
    )
    parts = [future.result() for _, future in ordered_map(work, blocks(len(units), len(scores)), jobs)]
    cells = limit(np.concatenate(parts), config.max_alignments)
    if sum(map(len, parts)) > len(cells):
        most = config.max_alignments
        warn(f"more than {most} alignments: the best are kept; a longer --min-duration makes fewer")
    log(f"{len(units)} runs, least score {least}, {len(cells)} places where alignments end")
    found = trace(cells, units, units, scores)
    found, scored = _keep(corpus, found, config.min_duration)
    good = scored >= least
    found, scored = found[good], scored[good]
    return found[:, :4], -tail.expected(scored, pairs) + max(0.0, math.log(config.false_alarms)) + 1e-9


def limit(cells, most):
    """Return the best cells, no more than most: where equal ones would be too many, none of them."""
    if len(cells) <= most:
        return cells
    least = np.partition(cells[:, 2], len(cells) - most - 1)[len(cells) - most - 1] + 1
    return cells[cells[:, 2] >= least]


def _keep(corpus, found, min_duration):
    """Return the alignments whose sides last long enough and do not overlap, and what they score.

    That is less the more one side outlasts the other.
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


def describe(term, recordings):
    """Return a Term as the fields of a record; durations in s, its occurrences objects."""
    return facts(term, recordings, score=term.score)
