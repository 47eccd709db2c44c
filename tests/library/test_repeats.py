"""Strings of units that occur again, against a search one string after the other."""

from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from units.patterns.repeats import repeats

SEQUENCES = st.lists(st.lists(st.integers(0, 2), max_size=25), max_size=4)


def every_repeat(sequences, longest):
    """Strings of 2 to longest units that occur twice or more, but for those that one unit always follows."""
    spans = [
        (tuple(s[i : i + n]), tuple(s[i : i + n + 1]))
        for s in sequences
        for n in range(2, longest + 1)
        for i in range(len(s) - n + 1)
    ]
    counts = Counter(string for string, _ in spans)
    longer = Counter(pair for pair in spans if len(pair[1]) > len(pair[0]))
    said = {string for (string, _), n in longer.items() if n == counts[string] and len(string) < longest}
    return {string: n for string, n in counts.items() if n > 1 and string not in said}


def joined(sequences):
    return np.array([unit for s in sequences for unit in [*s, -1]], np.int64)


@given(SEQUENCES, st.integers(2, 8))
def test_repeats_are_those_found_one_by_one(sequences, longest):
    units = joined(sequences)
    found = repeats(units, longest, 10_000).tolist()
    strings = {tuple(units[start : start + length].tolist()): n for start, length, n in found}
    assert len(strings) == len(found)
    assert strings == every_repeat(sequences, longest)


def test_those_that_hold_the_most_units_come_first_and_no_more_than_asked():
    units = joined([[1, 2, 3, 4, 5]] * 3 + [[7, 8]] * 5)
    assert repeats(units, 9, 2)[:, 1:].tolist() == [[5, 3], [4, 3]]
