"""Any span of any recording is the same part of one decode of the whole file, whatever was read before."""

import io
import itertools
from concurrent.futures import ThreadPoolExecutor

import encoded
import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from speechlike import recording

from units.audio.reading import RATE, Reader, blocks, channel_blocks, decoded, load_audio, open_source

FORMATS = [*encoded.MP3, *encoded.OTHERS, *encoded.SUBTYPES]


def speech(rate):
    """Return 9 s of two channels of speech, the second later and weaker: what joint stereo is made for."""
    mono = recording([0.3, 2.6, 0.8, 1.9, 0.5, 2.9], seed=7, rate=rate)
    return np.stack([mono, 0.6 * np.roll(mono, rate // 200)], axis=1)


def _rate_of(name):
    return 22050 if name in encoded.SUBTYPES else {**encoded.MP3, **encoded.OTHERS}[name][2]


def data_of(name):
    """Return the bytes of a file of a format."""
    rate = _rate_of(name)
    if name in encoded.SUBTYPES:
        return encoded.pcm(speech(rate), rate, encoded.SUBTYPES[name])
    return encoded.encode(speech(rate), rate, name)


@pytest.fixture(scope="module", params=FORMATS)
def made(request, tmp_path_factory):
    """The path of a file of each format, its rate, one decode of it, and that as 16 kHz."""
    path = str(tmp_path_factory.mktemp("exact") / "a")
    with open(path, "wb") as file:
        file.write(data_of(request.param))
    rate, whole = decoded(path)
    return path, rate, whole, np.concatenate(list(channel_blocks(path)))


@settings(max_examples=8)
@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 0.4)), min_size=1, max_size=6))
def test_any_span_is_that_part_of_one_decode_bit_for_bit(made, places):
    path, rate, whole, _ = made
    source = open_source(path)
    assert source.rate == rate
    for place, share in places:
        start, stop = int(place * len(whole)), int((place + share) * len(whole)) + 1
        np.testing.assert_array_equal(source.read(start, stop), whole[start:stop])


@settings(max_examples=8)
@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0.02, 0.4)), min_size=1, max_size=6))
def test_any_span_at_16_khz_is_that_part_of_the_whole_resampled_at_once(made, places):
    path, _, _, whole = made
    reader, seconds = Reader(), len(whole) / RATE
    for place, share in places:
        offset = place * (1 - share) * seconds
        found = reader.load(path, offset, share * seconds, channel=0)
        start = round(offset * RATE)
        assert len(found) == round(share * seconds * RATE)
        np.testing.assert_allclose(found, whole[start : start + len(found), 0], rtol=0, atol=1e-6)


@settings(max_examples=4)
@given(st.integers(100, 200_000))
def test_blocks_of_any_size_are_the_whole(made, size):
    path, _, whole, _ = made
    source = open_source(path)
    parts = [source.read(at, at + size) for at in range(0, len(whole), size)]
    np.testing.assert_array_equal(np.concatenate(parts), whole)


def test_the_whole_is_as_long_as_what_was_encoded_and_as_loud_at_each_moment(made, request):
    _, rate, whole, _ = made
    name = request.node.callspec.params["made"]
    original = speech(_rate_of(name))[:, 0]
    extra = len(whole) - len(original) * rate // _rate_of(name)
    if (name.startswith("mp3") and "no header" not in name) or name.endswith(("opus", "flac", "tta", "ogg")):
        assert abs(extra) <= 64
    else:
        assert -0.04 * rate <= extra <= 0.1 * rate
    ours = np.pad(envelope(whole[:, 0], rate), (8, 0))
    theirs = envelope(original, _rate_of(name))
    count = min(len(ours), len(theirs)) - 20
    likeness = [np.corrcoef(ours[lag : lag + count], theirs[:count])[0, 1] for lag in range(16)]
    assert max(likeness) > 0.93  # encoders without a header that tells their delay are late by up to 80 ms


def envelope(samples, rate):
    """Return the root mean square of each 10 ms."""
    hop = rate // 100
    return np.sqrt(np.square(samples[: len(samples) // hop * hop].reshape(-1, hop)).mean(axis=1))


def test_threads_that_share_a_file_which_cannot_be_entered_get_their_own_spans(tmp_path):
    path = str(tmp_path / "a.opus")
    (tmp_path / "a.opus").write_bytes(data_of("opus"))
    whole, reader = np.concatenate(list(blocks(path))), Reader()

    def largest_error(offset):
        found, start = reader.load(path, offset, 0.5), round(offset * RATE)
        return float(np.abs(found - whole[start : start + 8000]).max())

    offsets = np.random.default_rng(0).uniform(0, 8.4, 50).tolist()
    with ThreadPoolExecutor(4) as threads:
        assert max(threads.map(largest_error, offsets)) < 1e-6


@pytest.mark.parametrize("rate", [8000, 11025, 44100, 44101, 47999, 48000, 192000])
def test_spans_of_any_rate_lie_on_the_sample_of_16_khz_that_their_offset_names(tmp_path, rate):
    path = str(tmp_path / "a.wav")
    soundfile.write(path, recording([0.2, 3.3], seed=2, rate=rate), rate, subtype="FLOAT")
    whole = np.concatenate(list(blocks(path)))
    for offset, duration in itertools.product((0.0, 0.01, 1.2345, 2.9), (0.1, 0.5)):
        start = round(offset * RATE)
        found = load_audio(path, offset, duration)
        np.testing.assert_allclose(found, whole[start : start + len(found)], rtol=0, atol=2e-6)


def test_a_file_that_is_replaced_is_read_anew(tmp_path):
    path = tmp_path / "a.wav"
    for level in (0.1, 0.2):
        file = io.BytesIO()
        soundfile.write(file, np.full(RATE, level), RATE, format="WAV", subtype="FLOAT")
        path.unlink(missing_ok=True)
        path.write_bytes(file.getvalue())
        assert load_audio(str(path), 0.5, 0.1)[0] == np.float32(level)


def test_spans_in_the_order_of_time_cost_one_decode(tmp_path, monkeypatch):
    path = str(tmp_path / "a")
    for name in ("opus", "mp3 -q:a 4"):
        (tmp_path / "a").write_bytes(data_of(name))
        reader, begun = Reader(), []
        source, _ = reader._source(path)
        decode = source.decode
        monkeypatch.setattr(source, "decode", lambda start=0, d=decode, b=begun: b.append(start) or d(start))
        for offset in np.arange(0, 8, 0.25):
            reader.load(path, float(offset), 0.5)
        assert len(begun) == 1
