import json
import os
import threading

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from speechlike import recording

from units.audio.reading import load_record
from units.audio.timing import RATE
from units.audio.writing import save
from units.encoders.ahead import Ahead
from units.encoders.models import load_encoder
from units.encoders.stream import Encoding, EncodingStream, encode
from units.files.streams import read_records
from units.records import Record


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder of one recording of 12 s, its six segments, and a small random model."""
    from reference_encoders import make

    path = tmp_path_factory.mktemp("encode")
    samples = recording([0.3, 5.0, 0.5, 5.9, 0.3])
    save(path / "talk.wav", samples)
    soundfile.write(path / "talk.mp3", samples, RATE, format="MP3")
    lines = [
        {
            "id": f"{i}",
            "audio_filepath": str(path / "talk.wav"),
            "offset": o,
            "duration": d,
            "verse": f"Mc 1:{i}",
        }
        for i, (o, d) in enumerate([(0, 2.0), (2.0, 1.5), (3.5, 0.5), (4.0, 3.0), (7.0, 4.9), (1.0, 10.9)])
    ]
    (path / "segments.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    make("hubert-base", path / "model")
    return path


def arrays(stdout):
    """The records of a stream with their arrays."""
    path = f"/proc/self/fd/{(read := os.memfd_create('records'))}"
    with open(read, "wb") as file:
        file.write(stdout)
        file.flush()
        return list(read_records([path]))


def test_frames_follow_their_records_in_the_order_of_the_input(run, folder):
    result = run("su-encode", "-m", "mfcc", folder / "segments.jsonl")
    assert (result.status, result.stderr) == (0, "")
    records = arrays(result.stdout)
    assert [record["id"] for record in records] == list("012345")
    assert [len(record.array) for record in records] == [99, 74, 24, 149, 244, 544]
    assert records[3]["verse"] == "Mc 1:3" and records[3]["encoder"] == "mfcc39"


def test_files_hold_the_same_frames_as_the_pipe(run, folder, tmp_path):
    piped = arrays(run("su-encode", "-m", "mfcc", folder / "segments.jsonl").stdout)
    filed = run("su-encode", "-m", "mfcc", "--arrays", tmp_path / "frames", folder / "segments.jsonl").records
    for one, other in zip(piped, filed, strict=True):
        np.testing.assert_array_equal(np.load(other["features"]), one.array)
    assert sorted(os.listdir(tmp_path / "frames")) == sorted([f"{i}.npy" for i in range(6)] + ["ENCODER"])


def test_shards_put_together_are_one_run_to_the_byte(run, folder):
    command = ["su-encode", "-m", "mfcc"]
    lines = (folder / "segments.jsonl").read_bytes().splitlines(keepends=True)
    shards = [run(*command, stdin=b"".join(lines[i : i + 2])).stdout for i in (0, 2, 4)]
    assert b"".join(shards) == run(*command, folder / "segments.jsonl").stdout


def test_a_network_in_batches_gives_what_it_gives_alone(run, folder):
    options = ["-m", folder / "model", "--layer", "2", "--dtype", "fp32", "--batch-seconds", "8"]
    result = run("su-encode", *options, folder / "segments.jsonl")
    assert (result.status, result.stderr) == (0, "")
    encoder = load_encoder(str(folder / "model"), 2, dtype="fp32")
    for record in arrays(result.stdout):
        np.testing.assert_allclose(record.array, encoder.encode(load_record(record)), rtol=0, atol=1e-4)


def test_several_layers_give_a_record_and_a_folder_each(run, folder, tmp_path):
    model = folder / "model"
    result = run("su-encode", "-m", model, "--layer", "all", "--arrays", tmp_path, folder / "segments.jsonl")
    assert result.status == 0
    told = [(record["id"], record["layer"]) for record in result.records]
    assert told == [(str(i), layer) for i in range(6) for layer in range(4)]
    assert {record["encoder"] for record in result.records} == {f"{model}:{layer}" for layer in range(4)}
    encoder = load_encoder(str(model), 2)
    for record in result.records[2::4]:
        frames = np.load(record["features"])
        np.testing.assert_allclose(frames, encoder.encode(load_record(record)), rtol=0, atol=1e-4)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--layer", "1,2"],
        ["--layer", "all"],
        ["--layer", "x"],
        ["--dtype", "fp8"],
        ["--chunk-seconds", "1"],
    ],
)
def test_wrong_usage_is_told_in_one_line(run, folder, arguments):
    result = run("su-encode", "-m", folder / "model", *arguments, folder / "segments.jsonl")
    assert result.status == 2
    assert result.stdout == b"" and result.stderr.count("\n") == 1


def test_an_error_surfaces_at_its_turn_and_place(run, folder):
    lines = (folder / "segments.jsonl").read_bytes().splitlines(keepends=True)
    lines[2] = b'{"id": "gone", "audio_filepath": "/nowhere.wav"}\n'
    lines[4] = b'{"id": "short", "audio_filepath": "%s", "duration": 0.02}\n' % os.fsencode(
        folder / "talk.wav"
    )
    result = run("su-encode", "-m", "mfcc", stdin=b"".join(lines))
    assert result.status == 1
    assert result.stderr == "su-encode: -:3: /nowhere.wav: No such file or directory\n"
    assert [record["id"] for record in arrays(result.stdout)] == ["0", "1"]
    result = run("su-encode", "--keep-going", "-m", "mfcc", stdin=b"".join(lines))
    assert result.status == 1
    assert [record["id"] for record in arrays(result.stdout)] == ["0", "1", "3", "5"]
    assert result.stderr.splitlines()[1:] == [
        "su-encode: -:5: 320 samples are too few for one frame",
        "su-encode: 2 of 6 records skipped",
    ]


def test_a_rerun_makes_only_what_is_missing(run, folder, tmp_path):
    command = ["su-encode", "-m", "mfcc", "--arrays", tmp_path, folder / "segments.jsonl"]
    first = run(*command)
    os.unlink(tmp_path / "3.npy")
    before = os.stat(tmp_path / "1.npy")
    again = run(*command)
    assert again.stdout == first.stdout
    assert os.stat(tmp_path / "1.npy").st_mtime_ns == before.st_mtime_ns
    assert (tmp_path / "3.npy").exists()


def test_what_is_done_is_not_decoded_again(run, folder, tmp_path):
    talk = tmp_path / "talk.wav"
    save(talk, recording([0.1, 1.0]))
    line = json.dumps({"id": "a", "audio_filepath": str(talk)}).encode()
    command = ["su-encode", "-m", "mfcc", "--arrays", tmp_path / "frames"]
    first = run(*command, stdin=line)
    talk.unlink()
    assert run(*command, stdin=line).stdout == first.stdout


def test_a_folder_of_another_encoder_and_an_id_seen_before_are_refused(run, folder, tmp_path):
    command = ["su-encode", "--arrays", tmp_path, folder / "segments.jsonl"]
    assert run(*command, "-m", "mfcc").status == 0
    result = run(*command, "-m", folder / "model", "-l", "1")
    assert result.status == 1 and "holds frames of mfcc39, not" in result.stderr
    lines = (folder / "segments.jsonl").read_bytes()
    result = run("su-encode", "-m", "mfcc", "--arrays", tmp_path, stdin=lines * 2)
    assert result.stderr == "su-encode: -:7: \"id\" '0' occurs twice\n"


@pytest.mark.parametrize("line", [b"", b'{"id": "x", "audio_filepath": "/nowhere.wav"}\n'])
def test_each_record_comes_out_at_once_and_a_fault_ends_the_tool_though_more_might_come(run, folder, line):
    (read, write), (out, theirs) = os.pipe(), os.pipe()
    process = run.start("su-encode", "-m", "mfcc", stdin=read, stdout=theirs)
    os.close(theirs)
    first = (folder / "segments.jsonl").read_bytes().splitlines(keepends=True)[0]
    os.write(write, first)
    with open(out, "rb") as stdout:
        assert json.loads(stdout.readline())["id"] == "0"
        os.write(write, line)
        if not line:
            os.close(write)
        assert process.wait() == (1 if line else 0)
    os.close(read)
    if line:
        os.close(write)


def test_an_iterator_in_a_thread_stays_within_its_limit_and_gives_errors_in_turn():
    taken = []

    def source():
        for i in range(10):
            taken.append(i)
            yield i
        raise KeyError("end")

    ahead = Ahead(source(), 3)
    assert next(ahead) == 0
    for _ in range(200):
        threading.Event().wait(0.001)
    assert len(taken) <= 5  # three wait, one was given, and one is at the door
    with pytest.raises(KeyError):
        assert list(ahead)
    assert taken == list(range(10))


def test_closing_it_ends_its_thread_and_whoever_waits():
    before = threading.active_count()
    ahead = Ahead(iter(int, 1), 2)
    next(ahead)
    ahead.close()
    assert list(ahead) == []
    for thread in threading.enumerate():
        if thread is not threading.current_thread() and not thread.daemon:
            thread.join(5)
    assert threading.active_count() <= before


def test_an_item_heavier_than_the_limit_waits_alone():
    ahead = Ahead([9, 1, 1], 4, weigh=lambda item: item)
    assert list(ahead) == [9, 1, 1]


@given(st.lists(st.integers(0, 40000), max_size=8), st.integers(0, 6))
@settings(max_examples=10, deadline=None)
def test_blocks_come_in_order_whatever_the_batches(lengths, batch_seconds):
    encoder = load_encoder("mfcc", chunk_seconds=1)
    recordings = [
        (Encoding(Record({"id": str(i)}), max(0, (n - 400) // 320 + 1)), encoder.pieces(np.zeros(n, "f4")))
        for i, n in enumerate(lengths)
    ]
    blocks = {}
    order = []
    for recording_, block in encode(recordings, encoder, batch_seconds * RATE):
        order.append(recording_)
        blocks[recording_] = blocks.get(recording_, 0) + (0 if block is None else block.shape[1])
    assert list(dict.fromkeys(order)) == [recording_ for recording_, _ in recordings]
    assert all(blocks[recording_] == recording_.frames for recording_, _ in recordings)


def test_equal_records_in_a_row_are_told_apart(folder):
    line = Record({"audio_filepath": str(folder / "talk.wav"), "offset": 0.0, "duration": 1.0})
    with EncodingStream(iter([line, Record(line), Record(line)]), load_encoder("mfcc")) as stream:
        assert [sum(block.shape[1] for block in blocks) for _, blocks in stream] == [49, 49, 49]
