import os

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from units.audio.reading import Reader, blocks, length, load_audio, load_record
from units.audio.timing import RATE, frame_count
from units.audio.writing import pcm16, save, wav_header
from units.records import InputError, Record

RNG = np.random.default_rng(0)


def tone(seconds, hz, rate):
    return (0.5 * np.sin(2 * np.pi * hz * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """The same noise, 6 s, as files of several kinds and rates."""
    folder = tmp_path_factory.mktemp("audio")
    paths = []
    for name, rate in [
        ("a.wav", 16000),
        ("b.flac", 44100),
        ("c.mp3", 44100),
        ("d.ogg", 48000),
        ("e.mp3", 16000),
    ]:
        noise = RNG.normal(0, 0.1, 6 * rate).astype(np.float32)
        soundfile.write(folder / name, noise, rate)
        paths.append(str(folder / name))
    return paths


@given(st.lists(st.tuples(st.integers(0, 4), st.floats(0, 4), st.floats(0.05, 1.9)), min_size=1, max_size=6))
@settings(max_examples=15, deadline=None)
def test_a_reader_gives_the_spans_that_load_gives_whatever_it_read_before(files, spans):
    reader = Reader()
    for file, offset, duration in spans:
        expected = load_audio(files[file], offset, duration)
        np.testing.assert_allclose(reader.load(files[file], offset, duration), expected, rtol=0, atol=1e-6)
        assert len(expected) == round(duration * RATE)


def test_a_reader_gives_whole_files_after_spans_of_them(files):
    reader = Reader()
    for path in files:
        reader.load(path, 3.0, 1.0)
        np.testing.assert_allclose(reader.load(path), load_audio(path), rtol=0, atol=1e-6)


def test_a_reader_goes_on_after_a_file_that_fails(files, tmp_path):
    reader = Reader()
    (tmp_path / "not.wav").write_bytes(b"RIFF, but no sound")
    for bad in (str(tmp_path / "not.wav"), str(tmp_path / "gone.wav")):
        with pytest.raises(InputError, match=bad):
            reader.load(bad)
    with pytest.raises(InputError, match="ends"):
        reader.load(files[0], 5.0, 9.0)
    assert len(reader.load(files[0], 5.0, 0.5)) == RATE // 2


@pytest.mark.parametrize("rate", [8000, 16000, 22050, 44100, 96000])
def test_a_tone_keeps_its_pitch_and_strength_at_any_rate(rate, tmp_path):
    soundfile.write(tmp_path / "tone.wav", tone(2.0, 1000, rate), rate)
    samples = load_audio(str(tmp_path / "tone.wav"))
    assert abs(len(samples) - 2 * RATE) <= 1
    np.testing.assert_allclose(
        samples[1600:-1600], tone(2.0, 1000, RATE)[1600 : len(samples) - 1600], atol=2e-3
    )


def test_channels_are_averaged(tmp_path):
    left, right = tone(0.5, 300, RATE), tone(0.5, 700, RATE)
    soundfile.write(tmp_path / "two.wav", np.stack([left, right], axis=1), RATE, subtype="FLOAT")
    np.testing.assert_allclose(load_audio(str(tmp_path / "two.wav")), (left + right) / 2, atol=1e-7)


def test_blocks_of_a_long_file_are_the_whole_file(tmp_path):
    soundfile.write(tmp_path / "long.flac", RNG.normal(0, 0.1, 65 * 22050), 22050)
    path = str(tmp_path / "long.flac")
    parts = list(blocks(path))
    assert len(parts) > 2
    np.testing.assert_array_equal(np.concatenate(parts), load_audio(path))


def test_what_is_saved_is_loaded(tmp_path):
    samples = np.clip(RNG.normal(0, 0.5, 5000), -1, 1).astype(np.float32)
    save(str(tmp_path / "a.wav"), samples)
    np.testing.assert_allclose(load_audio(str(tmp_path / "a.wav")), samples, atol=1 / 32767)


def test_a_record_names_its_span(files):
    record = Record({"audio_filepath": files[0], "offset": 1.0, "duration": 0.5})
    expected = load_audio(files[0], 1.0, 0.5)
    np.testing.assert_array_equal(load_record(record), expected)
    np.testing.assert_array_equal(Reader().load_record(record), expected)


@pytest.mark.parametrize("container", ["WAV", "FLAC", "MP3", "OGG"])
def test_the_length_of_a_recording_is_known_without_decoding_it(tmp_path, container):
    soundfile.write(tmp_path / "x", np.zeros(66150), 44100, format=container)
    assert length(str(tmp_path / "x")) == 1.5


def test_what_came_through_a_pipe_is_as_long_as_it_is_and_what_is_no_audio_has_no_length(tmp_path):
    (tmp_path / "pipe.wav").write_bytes(wav_header() + pcm16(np.zeros(RATE)))
    assert length(str(tmp_path / "pipe.wav")) == 1.0
    (tmp_path / "text").write_text("no audio")
    os.mkfifo(tmp_path / "fifo")
    assert [length(str(tmp_path / name)) for name in ("text", "fifo", "none")] == [None] * 3


def test_nan_in_a_file_is_refused(tmp_path):
    soundfile.write(tmp_path / "nan.wav", np.full(4000, np.nan, np.float32), RATE, subtype="FLOAT")
    with pytest.raises(InputError, match="NaN"):
        load_audio(str(tmp_path / "nan.wav"))


@given(st.integers(0, 5000))
def test_frames_are_counted_as_the_convolutions_count_them(samples):
    length = samples
    for kernel, stride in zip((10, 3, 3, 3, 3, 2, 2), (5, 2, 2, 2, 2, 2, 2), strict=True):
        length = max(0, (length - kernel) // stride + 1)
    assert frame_count(samples) == length
