"""Slow plain versions, one position after the other, that the fast search for motifs is held against."""

import itertools

from scipy.stats import poisson


def count(string, sequences):
    """How often a string of units stands in the sequences, overlaps counted."""
    string = list(string)
    return sum(
        list(sequence[i : i + len(string)]) == string for sequence in sequences for i in range(len(sequence))
    )


def association(string, observed, sequences):
    """Twice what a Poisson count gains in log likelihood over a chain of pairs; negative below it."""
    expected = sum(unit == string[0] for sequence in sequences for unit in sequence)
    for one, next_one in itertools.pairwise(string):
        followed = sum(unit == one for sequence in sequences for unit in sequence[:-1])
        expected *= count([one, next_one], sequences) / followed
    ratio = 2 * (poisson.logpmf(observed, observed) - poisson.logpmf(observed, expected))
    return ratio if observed >= expected else -ratio


def occurrences(recordings, model):
    """{piece: [(segment index, start, end)]} with times in s, of every piece."""
    found = {}
    for index, recording in enumerate(recordings):
        run = 0
        for piece in model.encode(recording.units).tolist():
            end = run + len(model.units_of(piece))
            found.setdefault(piece, []).append((index, recording.edges[run], recording.edges[end]))
            run = end
    return found
