"""Records: what a line must be, what a field must hold, and lines that come back as they went."""

import json
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from units.records import FIELDS, MOST_FRAMES, InputError, file_name, frame_units, parse, require, serialize

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
)
OBJECTS = st.dictionaries(
    st.text(max_size=8),
    st.recursive(
        SCALARS,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
        max_leaves=4,
    ),
)


@given(OBJECTS)
def test_a_record_written_and_read_is_the_same(fields):
    line = serialize(fields)
    assert line.count(b"\n") == 1 and line.endswith(b"\n")
    assert parse(line) == fields


@given(st.binary(min_size=1, max_size=40).filter(lambda name: b"\0" not in name))
def test_any_name_a_file_may_have_survives(name):
    record = {"audio_filepath": os.fsdecode(name)}
    assert os.fsencode(require(parse(serialize(record)), "audio_filepath")) == name


def test_a_line_is_as_a_person_would_write_it():
    assert (
        serialize({"audio_filepath": "🔴 ÊXODO 📖.mp3"}) == '{"audio_filepath": "🔴 ÊXODO 📖.mp3"}\n'.encode()
    )


@given(st.binary())
def test_whatever_a_line_holds_it_is_a_record_or_a_fault_of_one_line_that_names_the_place(line):
    try:
        record = parse(line, "units.jsonl:12")
    except InputError as error:
        assert str(error).startswith("units.jsonl:12: ") and "\n" not in str(error)
    else:
        assert isinstance(record, dict)


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        (b'{"a": }', "x:3: not JSON: Expecting value at column 7"),
        (b"[1]", "x:3: not a JSON object"),
        (b'{"a": NaN}', "x:3: not JSON: NaN is not JSON"),
        (b'{"a": -Infinity}', "x:3: not JSON: -Infinity is not JSON"),
        (b'{"a": "\xff"}', "x:3: not UTF-8 at byte 8"),
        (b'{"a": ' + b"9" * 5000 + b"}", "x:3: not JSON: Exceeds the limit"),
        (b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "x:3: nested too deeply"),
    ],
)
def test_a_bad_line_is_told_in_one_line(line, fault):
    with pytest.raises(InputError) as caught:
        parse(line, "x:3")
    assert str(caught.value).startswith(fault)


def test_a_number_too_large_for_json_is_not_written():
    with pytest.raises(InputError, match="NaN and infinity cannot be written as JSON"):
        serialize(parse(b'{"a": 1e999}'))


BAD = {
    "id": ["", 3, None],
    "audio_filepath": ["", "a\0b", "\ud800", 3],
    "offset": [-0.1, "1", True, None, 10**400, float("nan")],
    "duration": [0, -1, "1", float("inf")],
    "channel": [-1, 0.0, True, "left", 1 << 16, None],
    "features": ["", "a\0b", ["x"]],
    "frame_shift": [0, "20 ms"],
    "encoder": ["", 14],
    "units": ["1 2", [1.0], [-1], [True], [1 << 31], 7, None],
    "counts": [[0], [-1], ["1"], [2.0]],
    "codebook": [""],
    "smooth": [-1.0, "much", None],
    "f0": [[-1.0], ["a"], [None], [10**400], 120.0],
    "speaker": ["", 1],
    "language": ["", 1],
    "pieces": [[-1], "x"],
    "phones": [[[0, 1]], [[1, 0, "a"]], [[0, 1, 2]], ["a"], {}],
    "words": [[[0, "a", 1]]],
    "start": [-1, "0"],
    "end": [-1, None],
    "occurrences": [
        *({}, [3], [["a", "b.wav", 1]], [["a", "b.wav", 1, 0]], [["a", "", 0, 1]], [[None, None, 0, 1]]),
        *(
            [{"id": "a", "start": 0, "end": 1, "channel": -1}],
            [[1, "b.wav", 0, 1]],
            [{"id": "a", "start": 1}],
            [["a", "b.wav", -1, 1]],
        ),
    ],
    "tier": ["", 3],
}
GOOD = {
    "id": "Mc 1-00000000-00002000",
    "audio_filepath": "a\nb.wav",
    "offset": 0,
    "duration": 2.5,
    "channel": 1,
    "features": "-",
    "frame_shift": 0.02,
    "encoder": "mfcc39",
    "units": [0, 99, (1 << 31) - 1],
    "counts": [1, 2],
    "codebook": "0123456789ab",
    "smooth": 2.5,
    "f0": [0, 119.5],
    "speaker": "Ana",
    "language": "gub",
    "pieces": [],
    "phones": [[0, 0.1, "a"], [0.1, 0.1, ""]],
    "words": [],
    "start": 0,
    "end": 2.5,
    "occurrences": [["a", None, 0, 1.5], {"audio_filepath": "b.wav", "start": 1, "end": 1, "score": 0.5}],
    "tier": "phones",
}


def test_every_field_has_good_and_bad_examples_here():
    assert set(BAD) == set(GOOD) == set(FIELDS)


@pytest.mark.parametrize("name", FIELDS)
def test_a_field_is_what_its_words_say(name):
    assert require({name: GOOD[name]}, name) == GOOD[name]
    with pytest.raises(InputError, match=f'^no "{name}"$'):
        require({}, name)
    for value in BAD[name]:
        with pytest.raises(InputError, match=f'^"{name}" must be'):
            require({name: value}, name)


def test_several_fields_come_in_the_order_asked_for():
    assert require(GOOD, "duration", "offset") == [2.5, 0]


@given(st.lists(st.tuples(st.integers(0, 99), st.integers(1, 9))))
def test_runs_stand_for_their_frames(runs):
    record = {"units": [unit for unit, _ in runs], "counts": [count for _, count in runs]}
    assert frame_units(record) == [unit for unit, count in runs for _ in range(count)]
    assert frame_units({"units": record["units"]}) == record["units"]


def test_runs_that_do_not_add_up_are_refused():
    with pytest.raises(InputError, match='2 "units" but 1 "counts"'):
        frame_units({"units": [1, 2], "counts": [3]})
    with pytest.raises(InputError, match="more than any recording has"):
        frame_units({"units": [1], "counts": [MOST_FRAMES + 1]})


@given(st.text(min_size=1))
def test_a_file_named_after_an_id_lies_in_its_folder(identity):
    try:
        name = file_name(identity, ".wav")
    except InputError as error:
        assert "\n" not in str(error)
    else:
        assert os.path.dirname(os.path.join("folder", name)) == "folder"
        assert name == identity + ".wav" and len(os.fsencode(name)) <= 255


@pytest.mark.parametrize("identity", ["../../x", "/etc/passwd", "a/b", "..", ".", "a\0", "x" * 300, "\ud800"])
def test_an_id_that_would_lead_elsewhere_is_refused(identity):
    with pytest.raises(InputError, match=r'^"id" '):
        file_name(identity, ".wav")


def test_a_place_is_kept_beside_the_fields_and_not_among_them():
    record = parse(b'{"id": "a"}', "u.jsonl:1")
    assert record.place == "u.jsonl:1" and json.loads(serialize(record)) == {"id": "a"}
