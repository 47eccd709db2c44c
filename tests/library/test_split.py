"""What is held out to measure on: whole recordings, and of no speaker the only one."""

import json
import os

import pytest
from conftest import TINY_VOCODER
from hypothesis import given
from hypothesis import strategies as st

from units.records import InputError, InputWarning, Record
from units.training.split import split_held_out


def record(number, path, speaker=None, **more):
    named = {} if speaker is None else {"speaker": speaker}
    return Record({"id": str(number), "audio_filepath": path, **named, **more}, f"-:{number}")


def test_held_out_recordings_are_whole_and_the_same_for_the_same_seed():
    records = [record(n, f"{n % 5}.wav") for n in range(50)]
    training, held_out = split_held_out(records, 0.2, seed=3)
    assert {r["audio_filepath"] for r in training}.isdisjoint(r["audio_filepath"] for r in held_out)
    assert (len(training), len(held_out)) == (40, 10)
    assert split_held_out(records, 0.2, seed=3)[1] == held_out
    assert len({split_held_out(records, 0.2, seed)[1][0]["audio_filepath"] for seed in range(20)}) > 1
    assert split_held_out(records, 0.001, seed=3)[1]


def test_other_names_of_a_file_and_its_other_channels_are_the_same_recording():
    records = [
        record(n, path, channel=n % 2) for n, path in enumerate(["a.wav", "./a.wav", ".//a.wav", "b.wav"])
    ]
    for part in split_held_out(records, 0.5, 0):
        assert len({os.path.normpath(each["audio_filepath"]) for each in part}) == 1


@given(
    st.lists(st.tuples(st.integers(0, 6), st.sampled_from("ABC")), min_size=2, max_size=30),
    st.floats(0.01, 0.9),
    st.integers(0, 99),
)
@pytest.mark.filterwarnings("ignore::units.records.InputWarning")
def test_a_speaker_is_never_held_out_with_all_recordings_unless_there_is_no_other_way(pairs, share, seed):
    records = [record(n, f"{path}.wav", speaker) for n, (path, speaker) in enumerate(pairs)]
    training, held_out = split_held_out(records, share, seed, keep_speakers=True)
    assert training and held_out and len(training) + len(held_out) == len(records)
    paths = [{r["audio_filepath"] for r in part} for part in (training, held_out)]
    if not paths[0] & paths[1] and len(records) > len(paths[0] | paths[1]):
        assert {r["speaker"] for r in training} == {r["speaker"] for r in records}


def test_of_speakers_with_one_recording_each_one_stretch_of_one_recording_is_held_out_and_this_is_said():
    records = [record(n, f"{n // 10}.wav", f"S{n // 10}", offset=n) for n in range(40)]
    with pytest.warns(InputWarning, match=r"no speaker has more than one\); 4 neighbouring records are"):
        training, held_out = split_held_out(records, 0.1, 0, keep_speakers=True)
    numbers = [int(r["id"]) for r in held_out]
    assert numbers == list(range(numbers[0], numbers[0] + 4))
    assert {r["speaker"] for r in training} == {"S0", "S1", "S2", "S3"}
    assert len({r["audio_filepath"] for r in split_held_out(records, 0.25, 0)[1]}) == 1


def test_of_a_single_recording_one_stretch_is_held_out_and_this_is_said():
    records = [record(n, "a.wav", offset=float(99 - n)) for n in range(100)]
    with pytest.warns(InputWarning, match=r"there is only one\); 10 neighbouring records are"):
        _, held_out = split_held_out(records, 0.1, 5)
    offsets = sorted(r["offset"] for r in held_out)
    assert offsets == [offsets[0] + i for i in range(10)]


def test_one_record_is_too_little():
    with pytest.raises(InputError, match="held out"):
        split_held_out([record(0, "a.wav")], 0.1, 0)


def test_a_speaker_of_whom_all_is_held_out_is_no_speaker_of_the_vocoder_and_this_is_said(
    run, corpus, tmp_path
):
    lines = corpus.records("pitch.jsonl")
    names = {path: f"S{i}" for i, path in enumerate(sorted({line["audio_filepath"] for line in lines}))}
    one_each = {line["audio_filepath"]: line for line in lines}.values()
    data = "".join(json.dumps({**line, "speaker": names[line["audio_filepath"]]}) + "\n" for line in one_each)
    result = run(
        "su-train-vocoder", "-o", tmp_path / "v", *TINY_VOCODER.split(), stdin=data.encode(), timeout_s=300
    )
    assert result.status == 0
    speakers = json.loads((tmp_path / "v" / "config.json").read_text())["speakers"]
    (left_out,) = set(names.values()) - set(speakers)
    assert f"the vocoder will not know {left_out}, whose only recording is held out" in result.stderr
    spoken = run("su-synth", "-m", tmp_path / "v", "--speaker", left_out, stdin=data.encode())
    assert spoken.status == 1 and f"no speaker {left_out} in this vocoder" in spoken.stderr
