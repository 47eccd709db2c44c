"""Records and arrays that are none, through every tool: each is told by its place, and -k does the rest."""

import re

import hostile
import numpy as np
import pytest
from test_bad_models import LIMIT
from test_records import BAD
from test_tools import USES, arguments, of_name, stream  # noqa: F401 - a fixture

from units.files import streams
from units.files.streams import read_records
from units.records import InputError, serialize

WITH_ARRAY = b'{"id": "bad", "features": "-"}\n'
# Each is one fault to any reader, and the next line is found again.
LINES = {
    "an array without a record": hostile.npy(np.ones((2, 39), np.float32)),
    "half an object": b'{"id": "x", "units": [1, 2\n',
    "two objects": b'{"id": "x"} {"id": "y"}\n',
    "no quotes": b"{id: 1}\n",
    "a list": b"[]\n",
    "a string": b'"id"\n',
    "a number": b"1\n",
    "null": b"null\n",
    "deep": b'{"id": ' + b"[" * 100_000 + b"]" * 100_000 + b"}\n",
    "deep objects": b'{"a": ' * 50_000 + b"1" + b"}" * 50_000 + b"\n",
    "not UTF-8": b'{"id": "\xc3("}\n',
    "a surrogate in UTF-8": b'{"id": "\xed\xa0\x80"}\n',
    "UTF-16": '{"id": "x"}'.encode("utf-16-le") + b"\n",
    "NUL": b'{"id": "x"}\0\n',
    "NUL within": b'{"id": "a\0b"}\n',
    "a bell within": b'{"id": "a\x07b"}\n',
    "a byte order mark in the middle": b'\xef\xbb\xbf{"id": "x"}\n',
    "NaN": b'{"offset": NaN}\n',
    "infinity": b'{"offset": -Infinity}\n',
    "5000 digits": b'{"offset": ' + b"9" * 5000 + b"}\n",
    "hexadecimal": b'{"offset": 0x10}\n',
    "a comment": b"# a comment\n",
    "CSV": b"id,units\n",
    "no array": WITH_ARRAY,
    "whole numbers": WITH_ARRAY + hostile.npy(np.ones((2, 39), np.int64)),
    "complex numbers": WITH_ARRAY + hostile.npy(np.ones((2, 39), complex)),
    "text": WITH_ARRAY + hostile.npy(np.array(["a"])),
    "one dimension": WITH_ARRAY + hostile.npy(np.ones(39, np.float32)),
    "three dimensions": WITH_ARRAY + hostile.npy(np.ones((1, 2, 39), np.float32)),
    "frames of NaN": WITH_ARRAY + hostile.npy(np.full((2, 39), np.nan, np.float32)),
    "more than float32 holds": WITH_ARRAY + hostile.npy(np.full((2, 39), 1e300)),
    "structures": WITH_ARRAY + hostile.npy(np.zeros(2, [("a", "<f4")])),
}
# after these nobody knows where the next record begins
LOST = {
    "a pickle": WITH_ARRAY + hostile.npy(np.array([hostile.Trap()], object), allow_pickle=True),
    "a shape of 2^60": WITH_ARRAY + hostile.npy_header((hostile.HUGE, 1)),
    "a negative shape": WITH_ARRAY + hostile.npy_header((-1, 39)),
    "a header of 4 GiB": WITH_ARRAY + b"\x93NUMPY\x02\x00\xff\xff\xff\xff",
    "a header of nothing": WITH_ARRAY + b"\x93NUMPY\x01\x00\x00\x00",
    "NPY of version 9": WITH_ARRAY + b"\x93NUMPY\x09\x00",
    "a dtype that is no word": WITH_ARRAY + hostile.npy_header((8, 39)).replace(b"'<f4'", b"',f4'"),
}
each_use = pytest.mark.parametrize("use", USES, ids=of_name)


def test_there_are_enough_of_them():
    assert len(LINES) + len(LOST) + sum(map(len, BAD.values())) >= 100


def keep_going(use, words):
    subcommand = len(use.name.split()) - 1
    return [*words[:subcommand], "--keep-going", *words[subcommand:]]


@each_use
def test_what_is_no_record_is_told_by_its_line_and_the_rest_is_done(run, use, arguments, corpus):  # noqa: F811
    tool, *words = arguments(use)
    good = stream(corpus, use)
    data = good[0] + b"".join(LINES.values()) + b"".join(good[1:])
    result = run(tool, *keep_going(use, words), stdin=data, memory=LIMIT)
    *faults, count = result.stderr.splitlines()
    assert (result.status, len(faults)) == (1, len(LINES))
    assert count == f"{tool}: {len(LINES)} of {len(LINES) + len(good)} records skipped"
    for number, (name, fault) in enumerate(zip(LINES, faults, strict=True), start=2):
        assert fault.startswith(f"{tool}: -:{number}: "), name
    if "{tmp}" not in use.command:
        assert result.stdout == run(tool, *words, stdin=b"".join(good)).stdout


@each_use
def test_a_field_that_is_not_what_it_should_be_is_told_and_the_rest_is_done(run, use, arguments, corpus):  # noqa: F811
    tool, *words = arguments(use)
    (record, *_) = read_records([corpus[use.reads]])
    kept = {name: value for name, value in record.items() if name not in ("features", "counts")}
    missing = {name: value for name, value in kept.items() if name not in (use.needs, "id")}
    values = [value for value in BAD[use.needs] if value == value and value not in (float("inf"), 10**400)]
    # these two take a record without units for what else it holds
    bad = [] if use.name in ("su-labels export", "su-search find") else [serialize({"id": "x", **missing})]
    bad += [serialize({**kept, "id": f"bad{i}", use.needs: value}) for i, value in enumerate(values)]
    good = stream(corpus, use)
    result = run(tool, *keep_going(use, words), stdin=good[0] + b"".join(bad + good[1:]))
    *faults, count = result.stderr.splitlines()
    assert result.status == 1
    assert count == f"{tool}: {len(bad)} of {len(bad) + len(good)} records skipped"
    places = [":".join(fault.split(":")[:3]) + ":" for fault in faults]  # su-train-encoder has its own order
    assert sorted(places) == sorted(f"{tool}: -:{number}:" for number in range(2, 2 + len(bad)))


@pytest.mark.parametrize("name", LOST)
@pytest.mark.parametrize("use", [use for use in USES if use.arrays and use.passes], ids=of_name)
def test_an_array_without_an_end_ends_the_tool_in_one_line(run, use, arguments, corpus, name):  # noqa: F811
    tool, *words = arguments(use)
    result = run(tool, *keep_going(use, words), stdin=stream(corpus, use)[0] + LOST[name], memory=LIMIT)
    assert result.status == 1
    assert re.fullmatch(rf"{tool}: -:2: [^\n]+\n", result.stderr)


FEATURES = {
    "cut": hostile.npy(np.ones((2, 39), np.float32))[:-3],
    "empty": b"",
    "text": b"not an array\n",
    **{name: hostile.ARRAYS[name] for name in ("a pickled array", "a shape of 2^60", "whole numbers", "NaN")},
    **{name: hostile.ARRAYS[name] for name in ("three dimensions", "a dtype that is no word")},
    **{name: maker for name, maker in hostile.NO_FILES.items() if "terabyte" not in name},
}


@pytest.mark.parametrize("tool", ["su-quantize", "su-cluster"])
def test_features_that_are_none_are_told_by_record_and_file_and_the_rest_is_done(run, corpus, tmp_path, tool):
    records = []
    for i, maker in enumerate(FEATURES.values()):
        hostile.put(tmp_path / f"{i}.npy", maker)
        records.append({"id": str(i), "features": str(tmp_path / f"{i}.npy"), "encoder": "mfcc39"})
    (record, *_) = read_records([corpus["features.jsonl"]])
    np.save(tmp_path / "good.npy", record.array)
    good = serialize({"id": "good", "features": str(tmp_path / "good.npy"), "encoder": "mfcc39"})
    words = ["-c", corpus["codebook.npz"]] if tool == "su-quantize" else ["-k", "4", "-o", tmp_path / "book"]
    data = b"".join(map(serialize, records)) + good
    result = run(tool, "--keep-going", *words, stdin=data, memory=LIMIT)
    *faults, count = result.stderr.splitlines()
    assert (result.status, count) == (1, f"{tool}: {len(FEATURES)} of {len(FEATURES) + 1} records skipped")
    for number, (name, fault) in enumerate(zip(FEATURES, faults, strict=True), start=1):
        assert fault.startswith(f"{tool}: -:{number}: {tmp_path}/{number - 1}.npy: "), name
    assert (tmp_path / "book").exists() or result.records[0]["id"] == "good"


def test_a_line_of_a_hundred_megabytes_passes(run, corpus):
    record = {"id": "a", "units": [0, 1], "note": "x" * (100 << 20)}
    result = run("su-bpe", "encode", "-m", corpus["bpe.model"], stdin=serialize(record), memory=LIMIT)
    assert (result.status, result.stderr) == (0, "")
    assert result.records[0]["note"] == record["note"]


def test_a_line_without_an_end_is_told(run, corpus):
    result = run("su-bpe", "encode", "-m", corpus["bpe.model"], "/dev/zero", memory=LIMIT)
    assert (result.status, result.stderr) == (1, "su-bpe: /dev/zero:1: the line is longer than 256 MiB\n")


def test_after_a_line_that_is_too_long_the_next_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(streams, "LONGEST_LINE", 1 << 20)
    path = tmp_path / "records"
    path.write_bytes(b'{"id": "' + b"x" * (3 << 20) + b'"}\n{"id": "a"}\n' + b" " * (2 << 20))
    faults = []
    assert [record["id"] for record in read_records([str(path)], faults.append)] == ["a"]
    assert [str(fault) for fault in faults] == [f"{path}:{n}: the line is longer than 1 MiB" for n in (1, 3)]
    with pytest.raises(InputError):
        list(read_records([str(path)]))


def test_windows_line_ends_are_no_fault_to_any_tool(run, corpus):
    with open(corpus["units.jsonl"], "rb") as file:
        lines = file.read().splitlines()
    words = ["su-bpe", "encode", "-m", corpus["bpe.model"]]
    windows, unix = (
        run(*words, stdin=mark + b"".join(line + end for line in lines))
        for mark, end in ((b"\xef\xbb\xbf", b"\r\n"), (b"", b"\n"))
    )
    assert windows == unix and windows.status == 0


HUGE_NUMBERS = {
    "units": [[(1 << 31) - 1], [0, 19_999], [0, 65_535]],
    "pieces": [[(1 << 31) - 1]],
    "counts": [[1 << 26], [(1 << 31) - 1] * 3],
    "offset": [1e14, 1e300],
    "duration": [1e14, 5e-324],
    "frame_shift": [1e14, 5e-324],
    "f0": [[1e14] * 3],
}


@each_use
def test_a_number_however_large_takes_no_memory_and_gives_no_traceback(run, use, arguments, corpus):  # noqa: F811
    tool, *words = arguments(use)
    (record, *_) = read_records([corpus[use.reads]])
    if record.array is not None:
        np.save(corpus.folder / "huge.npy", record.array)
        record["features"] = str(corpus.folder / "huge.npy")
    data = b""
    for name, values in HUGE_NUMBERS.items():
        for i, value in enumerate(values):
            runs = {"units": [0] * len(value)} if name == "counts" else {}
            data += serialize({**record, "id": f"{name} {i}", name: value, **runs})
    result = run(tool, *keep_going(use, words), stdin=data, memory=LIMIT)
    assert result.status in (0, 1)
    assert " memory" not in result.stderr
    assert [line for line in result.stderr.splitlines() if not line.startswith(f"{tool}: ")] == []
