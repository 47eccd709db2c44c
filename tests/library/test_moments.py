"""A moment of a recording that several records name counts once, in motifs, in terms and in what is found."""

import itertools
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_bpe import WORD, corpus, model
from test_discovery import CONFIG, PLACES, K, corpus_with
from test_discovery import WORD as TERM

from units.patterns.corpus import Recording, of_runs
from units.patterns.discovery.find import discover
from units.patterns.moments import owned
from units.patterns.motifs import describe_motif, find_motifs
from units.patterns.search import find as searching
from units.patterns.search import index

pytestmark = pytest.mark.filterwarnings("ignore::units.records.InputWarning")


def span(start, end, name="a", path="a.wav", channel=None, shift=0.1):
    edges = start + shift * np.arange(round((end - start) / shift) + 1)
    return Recording(np.arange(len(edges) - 1), edges, name, path, end=end, channel=channel)


def shares(*recordings):
    return [round(float(mine.mean()), 2) if len(mine) else None for mine in owned(recordings)]


def test_what_two_records_have_belongs_to_the_longer_whatever_their_order():
    phrase, half, other = span(0, 2), span(0, 1, "b", "./a.wav"), span(1, 2, "c", ".//a.wav")
    for order in itertools.permutations([phrase, half, other]):
        assert [share for share in shares(*order) if share] == [1.0]
    assert shares(span(0, 2), span(1.5, 3, "b")) == [1.0, 0.67]
    assert shares(span(0, 1, "b"), span(0, 1, "a")) == [0.0, 1.0]
    assert shares(span(0, 1), span(0, 1, path="b.wav"), span(1, 2)) == [1.0] * 3
    assert shares(span(0, 1, "a", None), span(0, 1, "b", None)) == [1.0, 1.0]


def test_two_channels_are_two_moments_if_both_records_name_one():
    assert shares(span(0, 1, channel=0), span(0, 1, "b", channel=1)) == [1.0, 1.0]
    assert shares(span(0, 1, channel=0), span(0, 1, "b", channel=0)) == [1.0, 0.0]
    assert shares(span(0, 2, channel=None), span(0, 1, "b", channel=1)) == [1.0, 0.0]
    assert shares(span(0, 2, channel=1), span(0, 2, "c", channel=0), span(0, 1, "b")) == [1.0, 1.0, 0.0]


@given(
    st.lists(
        st.tuples(st.integers(0, 30), st.integers(1, 15), st.sampled_from([None, 0, 1])),
        min_size=1,
        max_size=9,
    )
)
def test_each_moment_belongs_to_exactly_one_record_of_its_channel(spans):
    recordings = [
        span(start / 10, (start + length) / 10, f"{i}", channel=channel)
        for i, (start, length, channel) in enumerate(spans)
    ]
    own = owned(recordings)
    for channel in (0, 1):
        times = np.zeros(50, int)
        for (start, length, named), mine in zip(spans, own, strict=True):
            if named == channel:
                times[start : start + length] += mine
        assert times.max() <= 1
    everything = {t for start, length, _ in spans for t in range(start, start + length)}
    held = {
        start + int(t) for (start, _, _), mine in zip(spans, own, strict=True) for t in np.flatnonzero(mine)
    }
    assert held == everything


def test_a_motif_of_a_phrase_and_of_its_half_is_one_occurrence_with_one_score():
    def segments(units, name, path, first=0):
        edges = 0.02 * (first + np.arange(len(units) + 1))
        return Recording(np.array(units, np.int32), edges, name, path, None, float(edges[-1]))

    def motifs(recordings):
        pieces = [model().encode(recording.units) for recording in recordings]
        return find_motifs(recordings, pieces, model())

    rows = corpus(seed=5)
    once = [segments(units, f"s{i}", f"{i}.wav") for i, units in enumerate(rows)]
    halves = [
        segments(units[part], f"s{i}-half", f"./{i}.wav", part.start or 0)
        for i, units in enumerate(rows)
        for part in (slice(None, len(units) // 2), slice(len(units) // 2, None))
    ]
    alone, both = motifs(once), motifs([*halves, *once])
    wanted = [describe_motif(m, once) for m in alone]
    assert [describe_motif(m, [*halves, *once]) for m in both] == wanted
    assert WORD in [m.units for m in alone]


def test_a_term_of_a_phrase_and_of_its_half_is_said_once():
    recordings = corpus_with(TERM, PLACES)
    halves = [
        Recording(r.units[part], r.edges[part.start : part.stop + 1], f"{r.id}-half", f"./{r.audio_filepath}")
        for r in recordings
        for part in (slice(0, 75), slice(75, 150))
    ]
    (alone,), (both,) = (
        discover(recordings, K, None, CONFIG),
        discover([*recordings, *halves], K, None, CONFIG),
    )
    assert alone.score == both.score and alone.where.tolist() == both.where.tolist()
    assert not discover([recordings[0], *halves[:2]], K, None, CONFIG)


def test_a_moment_is_found_once_and_in_the_longest_record_that_has_it():
    row = np.random.default_rng(3).permutation(40).tolist()
    records = [
        ({"id": "half", "audio_filepath": "./a.wav", "offset": 0.4}, row[20:], [1] * 20),
        ({"id": "phrase", "audio_filepath": "a.wav"}, row, [1] * 40),
        ({"id": "other", "audio_filepath": "b.wav"}, row, [1] * 40),
    ]
    for order in itertools.permutations(records):
        made = index.make_index([of_runs(*each) for each in order])
        hits = list(itertools.islice(searching.Finder(made).find(row[25:32]), 2))
        assert sorted(made.records[hit.recording]["id"] for hit in hits) == ["other", "phrase"]
        assert [hit.score for hit in hits] == [1.0, 1.0]
    apart = [of_runs({**fields, "channel": i}, *runs) for i, (fields, *runs) in enumerate(records)]
    hits = list(itertools.islice(searching.Finder(index.make_index(apart)).find(row[25:32]), 3))
    assert [hit.score for hit in hits] == [1.0, 1.0, 1.0]


def test_that_records_overlap_is_said_once(run):
    units = np.random.default_rng(0).integers(0, 9, 200).tolist()
    lines = [
        {"id": name, "audio_filepath": f"{name[0]}.wav", "units": units[: 100 if "h" in name else 200]}
        for name in ("a", "ah", "b", "bh")
    ]
    result = run("su-discover", stdin=b"".join(json.dumps(line).encode() + b"\n" for line in lines))
    assert result.status == 0
    said = (
        "su-discover: 2 records share moments of their recordings with longer ones; each moment counts once\n"
    )
    assert result.stderr == said
    assert all(len({each["audio_filepath"] for each in term["occurrences"]}) == 2 for term in result.records)


def test_many_records_take_little_time():
    import time

    many = [span(t, t + 2, f"{t}", f"{t % 7}.wav", shift=0.5) for t in range(0, 20_000)]
    began = time.process_time()
    owned([*many, *(span(t, t + 1, f"h{t}", f"{t % 7}.wav", shift=0.5) for t in range(0, 20_000))])
    assert time.process_time() - began < 20
