"""Streams: records and arrays through pipes and files, and output that takes its name when it is whole."""

import contextlib
import inspect
import io
import os
import pickle
import signal
import stat
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from units.cli.signals import Terminated, unwind
from units.files import output, streams
from units.files.arrays import read_npy
from units.files.output import create
from units.files.streams import features_of, read_records, write_record
from units.records import InputError, LostError, Record, serialize

FRAMES = arrays.arrays(
    np.float32,
    arrays.array_shapes(min_dims=2, max_dims=2, min_side=0, max_side=5),
    elements=st.floats(width=32, allow_nan=False, allow_infinity=False),
)


def npy(array, **options):
    """Return the bytes that numpy itself writes for an array."""
    file = io.BytesIO()
    np.lib.format.write_array(file, np.asarray(array), **options)
    return file.getvalue()


def npy_header(shape, descr="<f4", fortran=False):
    """Return an NPY header that may claim anything."""
    file = io.BytesIO()
    header = {"descr": descr, "fortran_order": fortran, "shape": shape}
    np.lib.format.write_array_header_1_0(file, header)
    return file.getvalue()


def through_a_pipe(data):
    """Return the records read from a pipe that someone else fills, and the faults met."""
    reading, writing = os.pipe()

    def fill():
        with contextlib.suppress(BrokenPipeError), open(writing, "wb", buffering=0) as file:
            for start in range(0, len(data), 7):
                file.write(data[start : start + 7])

    thread = threading.Thread(target=fill)
    thread.start()
    faults = []
    try:
        with open(reading, "rb") as file:
            return list(streams._read_file(file, "pipe", faults.append, None)), list(map(str, faults))
    finally:
        thread.join()


@settings(max_examples=40)
@given(st.lists(st.tuples(st.text(max_size=9), st.none() | FRAMES), max_size=5))
def test_records_and_their_arrays_go_through_a_pipe_unchanged(sent):
    out = io.BytesIO()
    for text, frames in sent:
        fields = {"id": text} if frames is None else {"id": text, "features": "-"}
        write_record(Record(fields, array=frames), out)
    records, faults = through_a_pipe(out.getvalue())
    assert faults == [] and len(records) == len(sent)
    for record, (text, frames) in zip(records, sent, strict=True):
        assert record["id"] == text
        if frames is not None:
            np.testing.assert_array_equal(record.array, frames, strict=True)


def test_streams_with_arrays_concatenate_as_files_do(tmp_path):
    paths = [str(tmp_path / "a"), str(tmp_path / "b")]
    for i, path in enumerate(paths):
        with open(path, "wb") as file:
            write_record(Record({"id": str(i), "features": "-"}, array=np.full((2, 3), i)), file)
    (tmp_path / "both").write_bytes(b"".join(Path(path).read_bytes() for path in paths))
    apart, together = (list(read_records(names)) for names in (paths, [str(tmp_path / "both")]))
    assert [r["id"] for r in apart] == [r["id"] for r in together] == ["0", "1"]
    assert all((a.array == b.array).all() for a, b in zip(apart, together, strict=True))
    assert [r.place for r in together] == [f"{tmp_path}/both:1", f"{tmp_path}/both:2"]


GOOD = serialize({"id": "good"})
ARRAY = npy(np.zeros((2, 3), np.float32))
WITH_ARRAY = b'{"id": "a", "features": "-"}\n'


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (b"{]\n", "pipe:1: not JSON: Expecting property name"),
        (b"\n{}\n[]\n{}\n{}\n", "pipe:3: not a JSON object"),
        (b"nonsense\n" + ARRAY, "pipe:1: not JSON: Expecting value at column 1"),
        (WITH_ARRAY, 'pipe:1: "features" is "-" but no array follows'),
        (ARRAY, "pipe:1: there is an array in place of a record"),
        (WITH_ARRAY + npy(np.zeros((2, 3), np.int64)), "pipe:1: the array is int64 of shape (2, 3), not"),
        (WITH_ARRAY + npy(np.zeros(6, np.float32)), "pipe:1: the array is float32 of shape (6,), not"),
        (
            WITH_ARRAY + npy(np.float32([[0, 1], [np.nan, 1]])),
            "pipe:1: frame 1 of the array has NaN or infinity",
        ),
        (
            WITH_ARRAY + npy(np.array([[1e300]])),
            "pipe:1: frame 0 of the array has NaN or infinity",
        ),
        (WITH_ARRAY + npy(np.zeros((0, 3), np.int64)), "pipe:1: the array is int64 of shape (0, 3), not"),
    ],
)
def test_after_a_bad_record_the_next_good_one_is_found(data, fault):
    records, faults = through_a_pipe(data + GOOD)
    assert len(faults) == 1 and faults[0].startswith(fault) and "\n" not in faults[0]
    assert records[-1] == {"id": "good"}


@pytest.mark.parametrize(
    "array",
    [
        npy(np.array([{"a": 1}], object), allow_pickle=True),
        npy_header((-1, 39)),
        npy_header((-1, -39)),
        npy_header((1 << 40, 1 << 40)),
        npy_header((0, 1 << 40)),
        npy_header((True, 2)),
        npy_header((2, 2), descr=[("a", "|O")]),
        b"\x93NUMPY\x01\x00\x10\x00" + b"(" * 16,
        b"\x93NUMPY\x02\x00\xff\xff\xff\xff",
        b"\x93NUMPY\x09\x00",
        b"\x93NUMBY",
        b"\x93",
    ],
)
def test_an_array_whose_end_cannot_be_known_ends_the_reading_even_where_faults_are_skipped(array):
    with pytest.raises(LostError) as caught:
        through_a_pipe(WITH_ARRAY + array + GOOD)
    assert str(caught.value).startswith("pipe:1: ") and "\n" not in str(caught.value)


def test_an_array_that_claims_more_than_is_there_costs_no_memory_and_is_told():
    records, faults = through_a_pipe(WITH_ARRAY + npy_header((1 << 31, 1 << 10)) + b"1234")
    assert records == [] and faults == ["pipe:1: the array ends early, after 4 of 8796093022208 bytes"]


class Canary:
    """Kills the test run if it is ever unpickled."""

    def __reduce__(self):
        return os._exit, (99,)


def test_nothing_is_ever_unpickled(tmp_path):
    bomb = np.array([Canary()], object)
    for data in (npy(bomb, allow_pickle=True), pickle.dumps(bomb)):
        (tmp_path / "f.npy").write_bytes(data)
        with pytest.raises(InputError, match=r"f\.npy: "):
            features_of(Record({"features": str(tmp_path / "f.npy")}))


@settings(max_examples=300)
@given(
    st.binary(max_size=80), st.sampled_from([b"", b"\x93NUMPY\x01\x00", npy_header((2, 3))[:70], ARRAY[:-3]])
)
def test_whatever_bytes_come_reading_an_array_gives_frames_or_one_line(tail, head):
    try:
        frames = read_npy(io.BytesIO(head + tail), "x")
    except InputError as error:
        assert str(error).startswith("x: ") and "\n" not in str(error)
    else:
        assert frames.dtype == np.float32 and frames.ndim == 2


@given(FRAMES, st.sampled_from(["<f2", ">f4", "<f8", ">f8"]), st.booleans())
def test_any_matrix_of_floats_is_read_as_float32(frames, dtype, fortran):
    frames = np.clip(frames, -6e4, 6e4).astype(dtype)
    data = npy(np.asfortranarray(frames) if fortran else frames)
    np.testing.assert_array_equal(read_npy(io.BytesIO(data), "x"), frames.astype(np.float32), strict=True)


def test_frames_come_from_the_stream_or_from_the_file_named(tmp_path):
    frames = np.arange(6, dtype=np.float32).reshape(2, 3)
    np.save(tmp_path / "f.npy", frames)
    assert features_of(Record({"features": "-"}, array=frames)) is frames
    np.testing.assert_array_equal(features_of(Record({"features": str(tmp_path / "f.npy")})), frames)


@pytest.mark.parametrize(
    ("features", "fault"),
    [
        ("-", '"features" must be a file name'),
        (3, '"features" must be a file name'),
        ("a\0b", '"features" must be a file name'),
        ("\ud800", '"features" must be a file name'),
        ("/nonexistent.npy", "/nonexistent.npy: No such file or directory"),
        ("/", "/: Is a directory"),
        ("/dev/zero", "/dev/zero: not a regular file"),
    ],
)
def test_features_that_cannot_be_had_are_told_in_one_line(features, fault):
    with pytest.raises(InputError) as caught:
        features_of(Record({"features": features}))
    assert str(caught.value).startswith(fault)


def test_a_byte_order_mark_blank_lines_and_windows_line_ends_do_no_harm():
    records, faults = through_a_pipe(b'\xef\xbb\xbf{"id": "a"}\r\n\r\n  \n{"id": "b"}')
    assert [r["id"] for r in records] == ["a", "b"] and faults == []
    assert [r.place for r in records] == ["pipe:1", "pipe:4"]


def test_a_record_is_with_the_next_tool_as_soon_as_it_is_written():
    reading, writing = os.pipe()
    with open(reading, "rb") as source, open(writing, "wb") as out:
        records = streams._read_file(source, "pipe", None, None)
        for i in range(3):
            write_record(Record({"id": str(i), "features": "-"}, array=np.zeros((4, 2))), out)
            assert next(records)["id"] == str(i)


def test_a_record_that_promises_an_array_and_has_none_is_a_bug_and_never_written():
    with pytest.raises(ValueError, match="cannot be the frames"):
        write_record(Record({"features": "-"}), io.BytesIO())


def test_output_has_its_name_only_when_it_is_whole(tmp_path):
    path = tmp_path / "units.jsonl"
    with create(str(path)) as out:
        out.write(b"{}\n")
        assert os.listdir(tmp_path) == [".units.jsonl.part"]
    assert os.listdir(tmp_path) == ["units.jsonl"] and path.read_bytes() == b"{}\n"


@pytest.mark.parametrize("error", [InputError, KeyboardInterrupt, OSError])
def test_output_that_fails_leaves_the_old_file_and_nothing_else(tmp_path, error):
    path = tmp_path / "units.jsonl"
    path.write_bytes(b"old")
    with pytest.raises(error), create(str(path)) as out:
        out.write(b"new")
        raise error("x")
    assert os.listdir(tmp_path) == ["units.jsonl"] and path.read_bytes() == b"old"


def stopped_at(moment, function):
    """Run a function, and let a signal end it at some moment of it; return the exception, or None at its end.

    moment: of the instructions of contextlib and of streams, which are what a signal can come between.
    """
    passed = 0

    def trace(frame, event, _argument):
        nonlocal passed
        if frame.f_code.co_filename not in (contextlib.__file__, output.__file__):
            return None
        frame.f_trace_opcodes = True
        if event == "opcode":
            passed += 1
            if passed == moment:
                raise Terminated(signal.SIGTERM)
        return trace

    before = sys.gettrace()
    inspect.currentframe().f_trace_opcodes = True  # beforehand, for CPython 3.12
    sys.settrace(trace)
    try:
        function()
    except Terminated as error:
        return error
    finally:
        sys.settrace(before)
    return None


def forget_traced_locals(error):
    """Drop the copies of local variables that tracing leaves in frames, up to CPython 3.12.

    They keep a `with` block's manager alive after `unwind`; without tracing there are none.
    """
    place = error.__traceback__
    while place is not None:
        place.tb_frame.f_locals  # noqa: B018 - to read them is to renew them, from a frame that is empty now
        place = place.tb_next


def test_a_signal_at_any_moment_leaves_either_the_whole_output_or_nothing(tmp_path):
    path = tmp_path / "units.jsonl"

    def write():
        with create(str(path)) as out:
            out.write(b"whole")

    moments = 0
    while error := stopped_at(moments + 1, write):
        moments += 1
        unwind(error)
        forget_traced_locals(error)
        assert os.listdir(tmp_path) in ([], ["units.jsonl"]), moments
        if path.exists():
            assert path.read_bytes() == b"whole"
            path.unlink()
    assert moments > 100


def test_a_second_copy_of_a_job_refuses(tmp_path):
    path = str(tmp_path / "units.jsonl")
    with create(path) as out:
        with pytest.raises(InputError, match="another process is writing it"), create(path):
            pass
        out.write(b"first")
    assert Path(path).read_bytes() == b"first"


def test_what_a_killed_job_left_is_taken_over(tmp_path):
    path = str(tmp_path / "units.jsonl")
    writer = (
        "import sys, os; from units.files.output import create\n"
        "with create(sys.argv[1]) as out: out.write(b'half of a line'); out.flush(); os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", writer, path], check=False)
    assert os.listdir(tmp_path) == [".units.jsonl.part"]
    with create(path) as out:
        out.write(b"whole")
    assert os.listdir(tmp_path) == ["units.jsonl"] and Path(path).read_bytes() == b"whole"


def test_output_through_a_link_replaces_what_the_link_points_at(tmp_path):
    (tmp_path / "real").write_bytes(b"old")
    os.symlink("real", tmp_path / "link")
    with create(str(tmp_path / "link")) as out:
        out.write(b"new")
    assert os.path.islink(tmp_path / "link") and (tmp_path / "real").read_bytes() == b"new"


def test_a_fifo_is_written_directly(tmp_path):
    path = str(tmp_path / "fifo")
    os.mkfifo(path)
    read = []
    thread = threading.Thread(target=lambda: read.append(Path(path).read_bytes()))
    thread.start()
    with create(path) as out:
        out.write(b"data")
    thread.join()
    assert read == [b"data"] and stat.S_ISFIFO(os.stat(path).st_mode)


@pytest.mark.parametrize(
    ("name", "fault"),
    [("no/such/file", "No such file or directory"), ("x" * 300, "File name too long")],
)
def test_a_place_that_cannot_be_written_is_told_in_one_line(tmp_path, name, fault):
    with pytest.raises(InputError, match=f"cannot be written: {fault}"), create(str(tmp_path / name)):
        pass


def test_a_file_is_as_readable_as_the_umask_says(tmp_path):
    path = str(tmp_path / "file")
    old = os.umask(0o027)
    try:
        with create(path):
            pass
    finally:
        os.umask(old)
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o640
