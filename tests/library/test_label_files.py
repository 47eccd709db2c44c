"""Label files: our readers, Praat, praatio and pympi read what we write; overlaps are separated."""

import io
import itertools

import eaf_rules
import numpy as np
import parselmouth
import pympi
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from praatio import textgrid
from reference_labels import overlapping_most, runs

from units.files.text import visible
from units.labels.alignments import read_tiers
from units.labels.ctm import read_ctm, write_ctm
from units.labels.elan import read_eaf, write_eaf
from units.labels.elan_media import read_media
from units.labels.lines import read_audacity, write_audacity
from units.labels.recordings import Recordings, Tier, layered
from units.labels.spans import Spans, of_record
from units.labels.textgrid import read_textgrid, write_textgrid
from units.records import InputError

TEXT = st.text(max_size=8).map(visible)
ANY = st.lists(st.tuples(st.integers(0, 9000), st.integers(1, 900), TEXT), max_size=12)
NAMES = st.lists(TEXT.filter(lambda name: name == name.strip()), min_size=1, max_size=3, unique=True)
MOTLEY = [
    (0.02, 0.06, 'say "31"'),
    (0.06, 0.1, "<7> & 8"),
    (0.5, 0.75, "🔴 line\nbreak\tand tab"),
    (1.0, 1.5, "ã"),
]


@st.composite
def tiers(draw, digits):
    """Draw tiers as the writers take them, with times of this many decimals."""
    found = []
    for name in draw(NAMES):
        edges = sorted(draw(st.sets(st.integers(0, 10**7), max_size=14)))
        times = [round(edge / 10**digits, digits) for edge in edges]
        found.append((name, [(a, b, draw(TEXT)) for a, b in zip(times[::2], times[1::2], strict=False)]))
    return found


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    """Return a function that writes a file with this suffix and returns its path."""
    folder = tmp_path_factory.mktemp("labels")

    def write(suffix, function, *arguments):
        with open(folder / f"x{suffix}", "wb") as out:
            function(out, *arguments)
        return str(folder / f"x{suffix}")

    return write


def stripped(spans):
    return [[start, end, label.strip()] for start, end, label in spans]


@given(tiers(digits=6), st.integers(0, 20))
def test_a_textgrid_is_read_as_it_was_written(path, tiers, end):
    found = read_textgrid(path(".TextGrid", write_textgrid, tiers, end))
    for spans in found.values():  # all of the recording, with nothing between
        edges = [time for start, stop, _ in spans for time in (start, stop)]
        assert edges[1:-1:2] == edges[2::2] and edges[:1] in ([0.0], [])
    (whole,) = {spans[-1][1] for spans in found.values() if spans} or {end}
    assert whole >= end
    labelled = {name: [s for s in spans if s[2]] for name, spans in found.items()}
    assert labelled == {name: [s for s in stripped(spans) if s[2]] for name, spans in tiers}


@given(tiers(digits=3))
def test_an_elan_file_is_sound_and_read_as_it_was_written(path, tiers):
    file = path(".eaf", write_eaf, tiers)
    eaf_rules.check(file)
    assert read_eaf(file) == {name: stripped(spans) for name, spans in tiers}


@given(tiers(digits=6))
def test_an_audacity_track_is_read_as_it_was_written_but_for_tabs_and_line_breaks(path, tiers):
    spans = tiers[0][1]
    expected = [(start, end, visible(label, kept="")) for start, end, label in spans]
    assert read_audacity(path(".txt", write_audacity, spans)) == stripped(expected)


@given(tiers(digits=6), TEXT.filter(bool))
def test_a_ctm_is_read_as_it_was_written_whatever_white_space_there_is(path, tiers, recording):
    spans = [span for span in tiers[0][1] if span[2]]
    found = read_ctm(path(".ctm", write_ctm, recording, spans))
    assert [labels.id for labels in found] == [recording] * bool(spans)
    found = [span for labels in found for span in labels.tiers["labels"]]
    assert [label for *_, label in found] == [label for *_, label in spans]
    assert np.allclose([span[:2] for span in found], [span[:2] for span in spans], atol=1e-6)


def test_percents_of_others_in_a_ctm_stay(tmp_path):
    (tmp_path / "x.ctm").write_text("sw02001-A 1 0.0 0.1 %BCACK\nsw02001-A 1 0.1 0.1 5%20%41\n")
    (found,) = read_ctm(tmp_path / "x.ctm")
    assert [label for *_, label in found.tiers["labels"]] == ["%BCACK", "5%20%41"]


def test_praat_itself_reads_our_textgrids(path):
    file = path(".TextGrid", write_textgrid, [("units", MOTLEY), ('a "tier"', MOTLEY[:1])], 2.25)
    grid = parselmouth.Data.read(file)
    assert (grid.xmin, grid.xmax) == (0.0, 2.25)
    call = parselmouth.praat.call
    names = [call(grid, "Get tier name", i + 1) for i in range(call(grid, "Get number of tiers"))]
    assert names == ["units", 'a "tier"']
    found = []
    for i in range(1, call(grid, "Get number of intervals", 1) + 1):
        ask = [call(grid, f"Get {what} of interval", 1, i) for what in ("start time", "end time", "label")]
        found += [tuple(ask)] * (ask[2] != "")
    assert found == MOTLEY


def test_what_praat_saves_is_read(path, tmp_path):
    grid = parselmouth.Data.read(path(".TextGrid", write_textgrid, [("units", MOTLEY)], 2.25))
    for command in ("Save as text file", "Save as short text file"):
        parselmouth.praat.call(grid, command, str(tmp_path / "saved.TextGrid"))
        assert read_tiers(str(tmp_path / "saved.TextGrid")) == [("saved", {"units": stripped(MOTLEY)}, {})]


def test_praatio_reads_our_textgrids(path):
    grid = textgrid.openTextgrid(path(".TextGrid", write_textgrid, [("units", MOTLEY)], 2.25), False)
    assert grid.tierNames == ("units",) and grid.maxTimestamp == 2.25
    assert [tuple(entry) for entry in grid.getTier("units").entries] == MOTLEY


def test_pympi_reads_our_elan_files_and_we_what_it_saves(path, tmp_path):
    file = path(".eaf", write_eaf, [("units", MOTLEY), ("mo<tifs", MOTLEY[:1])], str(tmp_path / "a b.wav"))
    (tmp_path / "a b.wav").touch()
    eaf = pympi.Eaf(file)
    assert list(eaf.get_tier_names()) == ["units", "mo<tifs"]
    milliseconds = [(round(1000 * start), round(1000 * end), label) for start, end, label in MOTLEY]
    assert sorted(eaf.get_annotation_data_for_tier("units")) == milliseconds
    eaf.add_annotation("units", 1600, 1700, "added")
    eaf.to_file(str(tmp_path / "saved.eaf"))
    assert read_eaf(str(tmp_path / "saved.eaf"))["units"] == stripped([*MOTLEY, (1.6, 1.7, "added")])
    assert read_media(str(tmp_path / "saved.eaf")) == (str(tmp_path / "a b.wav"), 0.0)


@settings(max_examples=50)
@given(ANY)
def test_labels_that_overlap_go_to_as_few_tiers_as_will_do(labels):
    tier = Tier()
    for start, length, label in labels:
        tier.starts.append(start)
        tier.ends.append(start + length)
        tier.labels.append(label)
    found = dict(layered({"a": tier, "a (2)": Tier()}))
    assert sorted(span for spans in found.values() for span in spans) == sorted(
        (float(start), float(start + length), label) for start, length, label in labels
    )
    for spans in found.values():
        assert all(before[1] <= after[0] for before, after in itertools.pairwise(spans))
    assert len(found) == overlapping_most([(start, start + length) for start, length, _ in labels])
    assert list(found) == ["a", *(f"a ({i + 2})" for i in range(1, len(found)))][: len(found)]


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(1, 9)), max_size=20),
    st.integers(0, 10**7).map(lambda n: n / 1000),
    st.sampled_from([0.02, 0.01, 0.0125]),
)
def test_a_run_of_units_lasts_from_its_first_frame_to_the_frame_after_its_last(found, offset, frame_shift):
    units, counts = [unit for unit, _ in found], [count for _, count in found]
    record = dict(id="a", offset=offset, units=units, counts=counts, frame_shift=frame_shift)
    (spans,) = of_record(record)
    expected = runs(units, counts, offset, frame_shift)
    assert spans.labels == [unit for *_, unit in expected]
    assert np.allclose([spans.starts, spans.ends], [[s[i] for s in expected] for i in (0, 1)], atol=1.1e-6)
    assert spans.starts[1:] == spans.ends[:-1]


def test_pieces_cover_the_runs_of_which_they_are():
    class Model:
        lengths = np.array([0, 1, 2, 3])

        def decode(self, pieces):
            return np.array([7, 8, 7, 8, 9])

    record = dict(id="a", offset=1.0, units=[7, 8, 7, 8, 9], counts=[1, 2, 3, 4, 5], pieces=[2, 3])
    units, pieces = of_record(record, model=Model())
    assert (pieces.tier, pieces.starts, pieces.ends) == ("pieces", [1.0, 1.06], [1.06, 1.3])
    assert (units.starts[2], units.ends[-1]) == (1.06, 1.3)
    with pytest.raises(InputError, match=r"no duration without their model"):
        of_record(record)
    with pytest.raises(
        InputError, match='the "pieces" come from another model: they do not give the record\'s "units"'
    ):
        of_record({**record, "units": [7, 8, 7, 8, 8]}, model=Model())


PLACES = [["a-1", "a.wav", 0.5, 1.0], {"id": "b-1", "audio_filepath": "b.wav", "start": 2, "end": 3, "x": 0}]


@pytest.mark.parametrize(
    ("record", "fields", "expected"),
    [
        ({"motif": 7, "units": [1], "occurrences": PLACES[:1]}, (), [("motifs", "a.wav", 0.5, 1.0, 7)]),
        ({"motif": 7, "units": [1], "occurrences": PLACES[1:]}, (), [("motifs", "b.wav", 2, 3, 7)]),
        ({"motif": 7, "tag": "God", "occurrences": PLACES[:1]}, (), [("tags", "a.wav", 0.5, 1.0, "God")]),
        ({"term": 7, "occurrences": PLACES[:1]}, (), [("terms", "a.wav", 0.5, 1.0, 7)]),
        ({"query": "3 * 9", "id": "a", "start": 1.0, "end": 2.0}, (), [("queries", "a", 1.0, 2.0, "3 * 9")]),
        ({"id": "a", "start": 1.0, "end": 2.0, "unit": 5}, (), [("units", "a", 1.0, 2.0, 5)]),
        ({"id": "a", "offset": 1.0, "duration": 0.5}, (), [("segments", "a", 1.0, 1.5, "a")]),
        ({"id": "a", "duration": 1, "verse": 3, "units": [1]}, ("verse",), [("verse", "a", 0.0, 1.0, 3)]),
        ({"id": "a", "duration": 0.5, "tier": "gloss", "label": ""}, (), [("gloss", "a", 0.0, 0.5, "")]),
        ({"id": "a", "offset": 2.0, "words": [[0.0, 0.1, "w"]]}, (), [("words", "a", 2.0, 2.1, "w")]),
    ],
)  # fmt: skip
def test_what_a_record_shows(record, fields, expected):
    found = [(s.tier, s.recording, *s.starts, *s.ends, *s.labels) for s in of_record(record, fields)]
    assert found == expected


@pytest.mark.parametrize(
    ("record", "fields", "message"),
    [
        ({}, (), '"id" is not text or a number|no "id"'),
        ({"id": "a"}, (), 'no "duration"'),
        ({"id": "a", "start": 1.0}, (), 'no "end"'),
        ({"id": "a", "start": 2.0, "end": 1.0}, (), '"end" 1.0 is before "start" 2.0'),
        ({"units": [1]}, (), 'no "id"'),
        ({"id": "a", "units": [1]}, ("pieces", "speaker"), 'no "pieces" or "speaker" to show'),
        ({"motif": 1, "units": [1], "occurrences": PLACES}, ("units",), 'no "units" to show'),
        (
            {"motif": 1, "occurrences": [["a", None, 2, 1]]},
            (),
            '"occurrences" must be a list of',
        ),
        ({"motif": [1], "occurrences": PLACES}, (), '"motif" is not text or a number'),
        ({"id": "a", "duration": 1, "verse": None}, ("verse",), '"verse" is not text or a number'),
    ],
)
def test_a_record_that_cannot_be_shown_is_told_of(record, fields, message):
    with pytest.raises(InputError, match=message):
        of_record(record, fields)


def test_a_label_too_short_for_the_format_is_told_of_and_nothing_of_its_record_is_kept():
    spans = [Spans("units", "unit", "a", None, [0.0, 0.1], [0.1, 0.1004], [1, 2], 0.2)]
    recordings = Recordings(digits=3)
    with pytest.raises(InputError, match=r"label '2' at 0.1 s has zero duration"):
        recordings.add(spans)
    assert not recordings
    recordings = Recordings(digits=6)
    recordings.add(spans)
    assert recordings["a"].until == 0.2


def test_lone_surrogates_and_control_characters_become_visible():
    out = io.BytesIO()
    write_ctm(out, "bad\udcff\x07", [(0.0, 0.5, "a b\ud800")])
    assert out.getvalue().decode() == "bad%FF␇ 1 0.000000 0.500000 a%20b�\n"


@settings(max_examples=30)
@given(st.binary(max_size=60))
def test_no_label_track_whatever_it_holds_is_answered_by_a_traceback(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "any.txt"
    path.write_bytes(b"0.0\t0.5\ta\n" + data)
    try:
        assert isinstance(read_tiers(str(path)), list)
    except InputError as error:
        assert str(error).startswith(f"{path}:")
