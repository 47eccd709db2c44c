"""What the tools would once have guessed, dropped or replaced without a word."""

import json
import threading
import warnings

import numpy as np
import pytest
import soundfile
from speechlike import RATE, recording

from units.audio.reading import load_audio
from units.codebook.sampling import Reservoir
from units.encoders.waveform import normalizes
from units.files import arrays
from units.records import InputError, InputWarning, parse, warn
from units.training.vocoder.initial import _take_discriminators


def lines(*records):
    return "".join(json.dumps(record) + "\n" for record in records).encode()


def test_threads_that_read_headers_leave_warnings_as_they_were(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((3, 2), np.float32))

    def read():
        for _ in range(200):
            arrays.read_tail(str(tmp_path / "a.npy"), 10)

    with warnings.catch_warnings():
        before = list(warnings.filters)
        threads = [threading.Thread(target=read) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert warnings.filters == before
    with pytest.warns(InputWarning, match="seen"):
        warn("seen")


@pytest.mark.parametrize(
    ("line", "field"),
    [('{"id": "a", "speaker": "Ana", "speaker": "Bob"}', "speaker"), ('{"x": [{"y": 1, "y": 2}]}', "y")],
)
def test_a_field_named_twice_is_an_error(line, field):
    with pytest.raises(InputError, match=rf'f:3: not JSON: "{field}" occurs twice in one object'):
        parse(line.encode(), "f:3")


def test_an_offset_beyond_the_end_of_a_recording_is_an_error(run, tmp_path):
    soundfile.write(tmp_path / "a.wav", recording([0.2, 1.8]), RATE)
    with pytest.raises(InputError, match=r"a\.wav: ends before 100 s, the beginning of the span"):
        load_audio(str(tmp_path / "a.wav"), 100.0)
    record = {"id": "a", "audio_filepath": str(tmp_path / "a.wav"), "offset": 100}
    result = run("su-pitch", "-j", "1", stdin=lines(record))
    assert (result.status, result.stdout, result.stderr.count("\n")) == (1, b"", 1)


def test_no_tool_writes_over_the_recording_that_it_was_given(run, corpus, tmp_path):
    samples = recording([0.3, 2.4, 0.4], seed=5)
    soundfile.write(tmp_path / "rec0.wav", samples, RATE)
    data = (tmp_path / "rec0.wav").read_bytes()
    record = corpus.records("units.jsonl")[0] | {"id": "rec0", "audio_filepath": str(tmp_path / "rec0.wav")}
    for out in (["--audio", tmp_path], ["-o", tmp_path / "rec0.wav"]):
        result = run("su-synth", "-m", corpus["vocoder"], *out, stdin=lines(record))
        assert (
            result.status == 1
            and "this is the recording of this record; write to another place" in result.stderr
        )
        assert (tmp_path / "rec0.wav").read_bytes() == data
    name = "rec0-00000000-00003100"
    (tmp_path / "rec0.wav").rename(tmp_path / f"{name}.wav")
    clips = run("su-segment", "--clips", tmp_path, tmp_path / f"{name}.wav")
    for clip in clips.records:
        assert clip["clip"] != str(tmp_path / f"{name}.wav")
    assert (tmp_path / f"{name}.wav").read_bytes() == data


def test_a_speaker_without_a_frame_in_the_sample_is_counted():
    sample = Reservoir(4, 0)
    sample.add(np.zeros((4000, 2), np.float32), 0)
    sample.add(np.zeros((1, 2), np.float32), 1)
    sample.add(np.zeros((0, 2), np.float32), 2)
    assert sample.unheard() == len({0, 1} - set(sample.groups().tolist())) == 1


def test_speakers_lost_from_the_sample_are_reported(run, corpus, tmp_path):
    first, *rest = corpus.records("segments.jsonl")
    records = [first | {"duration": 0.2, "speaker": "B"}, *(record | {"speaker": "A"} for record in rest)]
    frames = run("su-encode", "-m", "mfcc", stdin=lines(*records)).stdout
    options = ["--weight-by", "speaker", "--max-frames", "10", "-k", "2", "-o", tmp_path / "book.npz"]
    result = run("su-cluster", *options, stdin=frames)
    assert result.status == 0
    assert result.stderr == (
        "su-cluster: 1 value of speaker has no frame in the sample; raise --max-frames\n"
    )


def test_a_model_that_does_not_say_how_its_audio_is_normalised_is_reported(tmp_path):
    transformers = pytest.importorskip("transformers")
    config = transformers.Wav2Vec2Config(feat_extract_norm="group")
    with pytest.warns(InputWarning, match=r"cannot read preprocessor_config\.json; audio is not normal"):
        assert not normalizes(transformers, str(tmp_path), config.feat_extract_norm == "layer")


def test_discriminators_of_another_shape_are_reported(tmp_path):
    import torch
    from safetensors.torch import save_file

    save_file({"discriminators/weight": torch.zeros(2, 3)}, tmp_path / "checkpoint.safetensors")
    with pytest.warns(
        InputWarning, match="its discriminators have another shape; training starts with new ones"
    ):
        _take_discriminators(str(tmp_path / "checkpoint.safetensors"), torch.nn.Linear(5, 2))
