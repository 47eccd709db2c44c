"""Alignments: every format gives the same phones, errors name the place, and times match the units."""

import json
import os

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from reference_units import phone_at as slow_phone_at

from units.labels.alignments import read_alignment_files, read_alignments
from units.labels.frames import centres, cut, phone_at
from units.labels.matching import phones_of
from units.labels.names import Named
from units.metrics.aligned import align
from units.records import InputError

PHONES = [[0.0, 0.25, "sil"], [0.25, 0.5, "ã"], [0.5, 1.0, "kʰ"]]

LONG = """File type = "ooTextFile"
Object class = "TextGrid"

xmin = 0
xmax = 1.0
tiers? <exists>
size = 3
item []:
    item [1]:
        class = "IntervalTier"
        name = "words"
        xmin = 0
        xmax = 1.0
        intervals: size = 1
        intervals [1]:
            xmin = 0
            xmax = 1.0
            text = "a ""word"" ! 3"
    item [2]:
        class = "TextTier"
        name = "clicks"
        xmin = 0
        xmax = 1.0
        points: size = 1
        points [1]:
            number = 0.5
            mark = "phones"
    item [3]:
        class = "IntervalTier"
        name = "phones"
        xmin = 0
        xmax = 1.0
        intervals: size = 3
        intervals [1]:
            xmin = 0
            xmax = 0.25
            text = "sil"
        intervals [2]:
            xmin = 0.25
            xmax = 0.5
            text = "ã "
        intervals [3]:
            xmin = 0.5
            xmax = 1.0
            text = "kʰ"
"""
SHORT = """File type = "ooTextFile"
"TextGrid"

0
1
<exists>
1
"IntervalTier"
"phones"
0 1 3
0 0.25 "sil" ! a comment of 7 "words"
0.25 5e-1 "ã"
0.5 1 "kʰ"
"""
EAF = """<?xml version="1.0" encoding="UTF-8"?>
<ANNOTATION_DOCUMENT><TIME_ORDER>
<TIME_SLOT TIME_SLOT_ID="t1" TIME_VALUE="0"/><TIME_SLOT TIME_SLOT_ID="w1" TIME_VALUE="600"/>
<TIME_SLOT TIME_SLOT_ID="t2" TIME_VALUE="250"/><TIME_SLOT TIME_SLOT_ID="t3" TIME_VALUE="500"/>
<TIME_SLOT TIME_SLOT_ID="t4" TIME_VALUE="1000"/></TIME_ORDER>
<TIER TIER_ID="phones">
<ANNOTATION><ALIGNABLE_ANNOTATION ANNOTATION_ID="a1" TIME_SLOT_REF1="t1" TIME_SLOT_REF2="t2">
<ANNOTATION_VALUE>sil</ANNOTATION_VALUE></ALIGNABLE_ANNOTATION></ANNOTATION>
<ANNOTATION><ALIGNABLE_ANNOTATION ANNOTATION_ID="a2" TIME_SLOT_REF1="t2" TIME_SLOT_REF2="t3">
<ANNOTATION_VALUE>ã</ANNOTATION_VALUE></ALIGNABLE_ANNOTATION></ANNOTATION>
<ANNOTATION><ALIGNABLE_ANNOTATION ANNOTATION_ID="a3" TIME_SLOT_REF1="t3" TIME_SLOT_REF2="t4">
<ANNOTATION_VALUE>kʰ</ANNOTATION_VALUE></ALIGNABLE_ANNOTATION></ANNOTATION></TIER>
<TIER TIER_ID="gloss"><ANNOTATION><REF_ANNOTATION ANNOTATION_ID="a4" ANNOTATION_REF="a1">
<ANNOTATION_VALUE>?</ANNOTATION_VALUE></REF_ANNOTATION></ANNOTATION></TIER>
</ANNOTATION_DOCUMENT>"""
CTM = ";; a comment\nx 1 0.00 0.25 sil 0.9\nx 1 0.50 0.50 kʰ\ny A 0.10 0.10 a\nx 1 0.25 0.25 ã 1.0\n"
PHN = "0 4000 sil\n4000 8000 ã\n8000 16000 kʰ\n"
LAB = "signal x\nnfields 1\n#\n0.25000 125 sil\n0.5 125 ã\n1.0 125 kʰ\n"
JSONL = json.dumps({"id": "x", "phones": PHONES, "verse": "Mc 1:1"}) + "\n"
FORMATS = {
    "x.TextGrid": LONG,
    "x.textgrid": SHORT,
    "x.eaf": EAF,
    "x.ctm": CTM,
    "x.phn": PHN,
    "x.PHN": PHN,
    "x.lab": LAB,
    "all.jsonl": JSONL,
}


def written(folder, name, content):
    path = os.path.join(folder, name)
    with open(path, "wb") as file:
        file.write(content if isinstance(content, bytes) else content.encode())
    return path


def fault(path, tier=None):
    with pytest.raises(InputError) as caught:
        read_alignments(path, tier)
    assert "\n" not in str(caught.value)
    return str(caught.value).replace(path, "PATH")


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_gives_the_same_phones(tmp_path, name):
    assert read_alignments(written(tmp_path, name, FORMATS[name]))[0] == ("x", PHONES)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("content", [LONG, SHORT])
def test_a_textgrid_may_be_in_any_unicode_with_its_mark(tmp_path, encoding, content):
    mark = "\ufeff" if encoding in ("utf-16-le", "utf-16-be") else ""
    content = content.replace("\n", "\r\n")
    assert read_alignments(written(tmp_path, "x.TextGrid", (mark + content).encode(encoding))) == [
        ("x", PHONES)
    ]


def test_a_ctm_holds_many_recordings(tmp_path):
    assert dict(read_alignments(written(tmp_path, "all.ctm", CTM)))["y"] == [[0.1, 0.2, "a"]]


def test_the_tier_of_phones_is_found_by_its_name_or_named(tmp_path):
    path = written(tmp_path, "x.TextGrid", LONG)
    assert read_alignments(path, "words") == [("x", [[0.0, 1.0, 'a "word" ! 3']])]
    assert (
        fault(path, "tones") == "PATH: there is no tier 'tones'; it has 'words', 'clicks' (points), 'phones'"
    )
    path = written(tmp_path, "y.TextGrid", LONG.replace('"phones"\n        xmin', '"tones"\n        xmin'))
    assert (
        fault(path) == "PATH: name the tier of phones with --tier; it has 'words', 'clicks' (points), 'tones'"
    )


def test_two_tiers_of_one_name_are_both_there(tmp_path):
    path = written(tmp_path, "x.TextGrid", LONG.replace('name = "words"', 'name = "phones"'))
    assert read_alignments(path, "phones (2)") == [("x", PHONES)]


def test_elan_boundaries_with_no_time_lie_evenly_between_those_of_their_tier(tmp_path):
    content = EAF.replace('"t2" TIME_VALUE="250"', '"t2"').replace('"t3" TIME_VALUE="500"', '"t3"')
    ((_, phones),) = read_alignments(written(tmp_path, "x.eaf", content))
    assert [phone[0] for phone in phones] == [0, 0.333, 0.666]


def test_a_lab_without_a_label_is_silence(tmp_path):
    assert read_alignments(written(tmp_path, "x.lab", "#\n0.5 125\n1.0 125 a b\n"))[0][1] == [
        [0.0, 0.5, ""],
        [0.5, 1.0, "a b"],
    ]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("x.TextGrid", "nothing", "PATH: the TextGrid ends early"),
        ("x.TextGrid", SHORT[:-20], "PATH: the TextGrid ends early"),
        (
            "x.TextGrid",
            SHORT.replace("0.25 5e-1", "0.25 0.1"),
            "PATH:12: tier 'phones': 'ã' ends at 0.1",
        ),
        ("x.TextGrid", SHORT.replace("5e-1", "5e999"), "PATH:12: expected a time, not inf"),
        (
            "x.TextGrid",
            SHORT.replace('"IntervalTier"', '"PitchTier"'),
            "PATH: a tier has the unknown class 'PitchTier'",
        ),
        (
            "x.TextGrid",
            SHORT.replace('0.25 5e-1 "ã"', '0.25 "ã" 5e-1'),
            "PATH:12: expected a number, not '\"ã\"'",
        ),
        ("x.TextGrid", SHORT.replace('"TextGrid"', '"Pitch"'), "PATH: not a TextGrid in text form"),
        ("x.TextGrid", b"ooBinaryFile\x08TextGrid\xff", "PATH: a binary TextGrid; save it as a text file"),
        (
            "x.TextGrid",
            SHORT.replace("<exists>", "<absent>"),
            "PATH: name the tier of phones with --tier; it has none",
        ),
        ("x.eaf", "<a>", "PATH: not XML: "),
        ("x.eaf", "<a/>", "PATH: not an ELAN file"),
        ("x.eaf", EAF.replace('"t4" TIME_VALUE="1000"', '"t4"'), "PATH: annotation a3 has no times"),
        (
            "x.eaf",
            EAF.replace('"1000"', '"' + "9" * 400 + '"'),
            "PATH: TIME_VALUE must be a whole number of milliseconds",
        ),
        ("x.eaf", EAF.replace('"1000"', '"40"'), "PATH: annotation a3 ends before it starts"),
        (
            "x.eaf",
            '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "c">]><a/>',
            "PATH: XML entities are not allowed in an ELAN file",
        ),
        (
            "x.ctm",
            "x 1 0.0 0.1\n",
            "PATH:1: expected 5 to 8 fields (recording, channel, start, duration, label), not 4",
        ),
        ("x.ctm", "\nx 1 0.0 nan a\n", "PATH:2: expected times, not '0.0 nan'"),
        ("x.ctm", "x 1 -1 2 a\n", "PATH:1: expected times, not '-1 2'"),
        ("x.ctm", b"x 1 0 1 \xff\n", "PATH:1: not UTF-8 at byte 9"),
        ("x.phn", "0 400\n", "PATH:1: expected start sample, end sample and label, not 2 fields"),
        ("x.phn", "400 0 a\n", "PATH:1: 'a' ends before it starts"),
        ("x.lab", "0.5 125 a\n", "PATH: not a Festival .lab: no line '#' ends the header"),
        ("x.lab", "#\n0.5 125 a\n0.4 125 b\n", "PATH:3: ends at 0.4 s, before it starts at 0.5 s"),
        ("x.jsonl", '{"phones": []}\n', 'PATH:1: no "id"'),
        ("x.jsonl", "{\n", "PATH:1: not JSON"),
    ],
)
def test_a_fault_is_told_in_one_line_with_its_place(tmp_path, name, content, message):
    assert fault(written(tmp_path, name, content)).startswith(message)


@pytest.mark.filterwarnings("ignore::units.records.InputWarning")
@pytest.mark.parametrize("suffix", [".TextGrid", ".eaf", ".ctm", ".phn", ".lab", ".jsonl"])
@given(data=st.binary(max_size=80), cut_at=st.integers(0, 2000))
def test_no_file_whatever_it_holds_is_answered_by_a_traceback(tmp_path_factory, suffix, data, cut_at):
    sound = next(content for name, content in FORMATS.items() if name.endswith(suffix)).encode()
    path = written(tmp_path_factory.getbasetemp(), "any" + suffix, sound[:cut_at] + data + sound[cut_at:])
    try:
        for _, phones in read_alignments(path):
            assert isinstance(phones, (list, InputError))
    except InputError as error:
        assert str(error).startswith(path)


def test_one_bad_alignment_of_many_is_a_fault_only_where_it_is_needed(tmp_path):
    lines = [{"id": "a", "phones": [[1.0, 0.5, "x"]]}, {"id": "b", "phones": PHONES}, {"id": "c"}]
    path = written(tmp_path, "all.jsonl", "".join(json.dumps(line) + "\n" for line in lines))
    alignments = read_alignment_files([path])
    assert phones_of(dict(id="b"), alignments) == PHONES
    for name, number in (("a", 1), ("c", 3)):
        with pytest.raises(InputError, match=f'all.jsonl:{number}: .*"phones"'):
            phones_of(dict(id=name), alignments)


def test_phones_that_overlap_by_more_than_a_frame_are_no_alignment(tmp_path):
    path = written(tmp_path, "x.ctm", "x 1 0 0.5 a\nx 1 0.45 0.5 b\ny 1 0 0.5 a\ny 1 0.49 0.5 b\n")
    alignments = read_alignment_files([path])
    assert len(phones_of(dict(id="y"), alignments)) == 2
    with pytest.raises(InputError, match=r"x.ctm: x: phones 'a' and 'b' overlap at 0.450 s"):
        phones_of(dict(id="x"), alignments)


def test_an_alignment_that_comes_twice_is_refused(tmp_path):
    paths = [written(tmp_path, "x.phn", PHN), written(tmp_path, "x.lab", LAB)]
    with pytest.raises(InputError, match=r"x.lab: there are two alignments of 'x'"):
        read_alignment_files(paths)


def test_an_alignment_of_the_record_itself_goes_before_that_of_its_recording():
    alignments = {"x-1000-2000": [[0.0, 1.0, "own"]], "x": [[0.0, 9.0, "whole"]]}
    record = dict(id="x-1000-2000", audio_filepath="a/x.mp3", offset=1.0, duration=1.0)
    assert phones_of(record, Named(alignments)) == [[0.0, 1.0, "own"]]


def test_an_alignment_of_a_recording_is_cut_to_where_the_record_stands_in_it():
    record = dict(id="x-0300-0800", audio_filepath="chapter 1/x.y.mp3", offset=0.3, duration=0.5)
    found = phones_of(record, Named({"x.y": PHONES}))
    assert [label for *_, label in found] == ["ã", "kʰ"]
    assert [time for start, end, _ in found for time in (start, end)] == pytest.approx([0, 0.2, 0.2, 0.5])


@pytest.mark.parametrize(
    ("record", "message"),
    [
        (dict(id="a"), "there is no alignment of 'a'"),
        (dict(id="a", audio_filepath="b.wav"), "there is no alignment of 'a' or 'b'"),
        (dict(id="a", audio_filepath=3), '"audio_filepath" must be a file name'),
        (dict(id="a", audio_filepath="x.wav", offset=-1), '"offset" must be a number of seconds from 0 up'),
        (dict(), 'no "id"'),
    ],
)
def test_a_record_with_no_alignment_is_told_what_was_looked_for(record, message):
    with pytest.raises(InputError) as caught:
        phones_of(record, Named({"x": PHONES}))
    assert str(caught.value) == message


SPANS = st.lists(st.integers(0, 60), unique=True, max_size=12).map(
    lambda ticks: [
        [a / 100, b / 100, str(a)] for a, b in zip(sorted(ticks)[::2], sorted(ticks)[1::2], strict=False)
    ]
)


@given(SPANS, st.integers(0, 40))
def test_a_frame_stands_for_the_phone_at_its_centre(spans, frames):
    times = centres(frames, 0.02)
    assert phone_at(spans, times).tolist() == [slow_phone_at(spans, time) for time in times]


@given(SPANS, st.integers(0, 60), st.integers(0, 60))
def test_cutting_keeps_every_moment_inside_and_no_other(spans, start, length):
    start, length = start / 100, length / 100
    found = cut(spans, start, start + length)
    times = np.arange(0, 60) / 100 + 0.005
    inside = times[(times > start) & (times < start + length)]
    before = [spans[i][2] for i in phone_at(spans, inside) if i >= 0]
    assert [found[i][2] for i in phone_at(found, inside - start) if i >= 0] == before
    assert all(0 <= a < b <= length + 1e-9 for a, b, _ in found)


def test_silence_and_what_has_no_label_is_no_phone():
    aligned = align(
        {"id": "a", "units": [1, 2, 3, 4]}, [[0.0, 0.03, "pau"], [0.03, 0.05, ""], [0.05, 1.0, "a"]]
    )
    assert aligned.span.tolist() == [-1, -1, 0, 0]
    assert align({"id": "a", "units": [1]}, [[0, 1, "pau"]], silence=()).span.tolist() == [0]


def test_only_what_units_and_phones_both_cover_counts():
    long = align({"id": "a", "units": [1] * 100}, [[0.0, 0.1, "a"]])
    assert (long.span >= 0).sum() == 5
    short = align({"id": "a", "units": [1] * 5}, [[0.0, 0.06, "a"], [0.06, 0.5, "b"], [0.5, 1.0, "c"]])
    assert short.spans == [[0.0, 0.06, "a"], [0.06, pytest.approx(0.105), "b"]]


def test_runs_are_units_of_many_frames_and_the_frame_shift_is_the_records():
    aligned = align({"id": "a", "units": [7, 8], "counts": [2, 1], "frame_shift": 0.01}, [[0.02, 1.0, "a"]])
    assert aligned.units.tolist() == [7, 7, 8]
    assert aligned.span.tolist() == [-1, 0, 0]


def test_an_alignment_is_not_taken_for_two_recordings_of_one_name(tmp_path):
    alignments = Named({"x": PHONES})
    assert phones_of(dict(id="a", audio_filepath="spk1/x.wav"), alignments)
    assert phones_of(dict(id="b", audio_filepath="spk1/../spk1/x.wav"), alignments)
    with pytest.raises(InputError) as caught:
        phones_of(dict(id="c", audio_filepath="spk2/x.wav"), alignments)
    assert str(caught.value) == (
        "the alignment 'x' may belong to spk1/x.wav or spk2/x.wav; "
        "process one folder at a time, or give each record an alignment with its id"
    )
