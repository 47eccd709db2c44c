"""units.audio.mel and the encoder mfcc: as their definitions, and as torchaudio 2.11 computes them."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from units.audio.mel import cosines, mel_filters
from units.encoders.models import load_encoder

# Of torchaudio.functional.melscale_fbanks: {(bin, band): height}.
FILTERS_40 = {
    (1, 0): 0.4433,
    (2, 0): 0.68955,
    (2, 1): 0.31045,
    (50, 16): 0,
    (180, 38): 0.59449,
    (195, 39): 0.38986,
}
FILTERS_80 = {
    (1, 0): 0.70637,
    (2, 0): 0.5999,
    (3, 1): 0.91776,
    (101, 40): 0,
    (480, 78): 0.90386,
    (500, 79): 0.70357,
}
# Of torchaudio.transforms.MFCC and compute_deltas for `chirp`: {frame: numbers at PLACES}.
PLACES = [0, 1, 2, 12, 13, 14, 25, 26, 27, 38]
CEPSTRA = {
    0: [-60.0824, 19.8604, 14.5939, 3.6436, 0.7562, 0.5896, 0.5192, -0.1796, -0.2091, 0.1705],
    4: [-60.4097, 16.6551, 4.8778, 8.1131, 0.0037, -0.4207, -0.8683, 0.0469, 0.0481, -0.2768],
    8: [-62.1816, 11.0844, -6.2438, 3.2323, -1.0578, -1.225, 0.1768, -0.1283, -0.0524, 0.0535],
}


def chirp():
    """Return 0.2 s of a tone that rises, and of one that does not."""
    t = np.arange(3200) / 16000
    rising = 0.2 * np.sin(2 * np.pi * (200 * t + 1500 * t * t))
    return (rising + 0.05 * np.sin(2 * np.pi * 3100 * t)).astype(np.float32)


def slow_mfcc(samples):
    """Return the (n, 13) coefficients, each from its definition."""
    rows = []
    filters = mel_filters(40, 400, 20.0)
    for start in range(0, len(samples) - 399, 160):
        window = [0.5 - 0.5 * math.cos(2 * math.pi * i / 400) for i in range(400)]
        power = np.abs(np.fft.rfft(samples[start : start + 400].astype(np.float64) * window)) ** 2
        logs = [math.log(sum(power[f] * filters[f, b] for f in range(201)) + 1e-6) for b in range(40)]
        rows.append(
            [
                math.sqrt((1 if k == 0 else 2) / 40)
                * sum(logs[b] * math.cos(math.pi / 40 * (b + 0.5) * k) for b in range(40))
                for k in range(13)
            ]
        )
    return np.array(rows)


def slow_differences(rows):
    at = lambda i: rows[min(max(i, 0), len(rows) - 1)]  # noqa: E731
    return np.array([sum(n * (at(i + n) - at(i - n)) for n in (1, 2)) / 10 for i in range(len(rows))])


@pytest.mark.parametrize(
    ("bands", "size", "low", "heights"), [(40, 400, 20.0, FILTERS_40), (80, 1024, 0.0, FILTERS_80)]
)
def test_filters_are_those_of_torchaudio(bands, size, low, heights):
    filters = mel_filters(bands, size, low)
    assert filters.shape == (size // 2 + 1, bands)
    for place, height in heights.items():
        assert filters[place] == pytest.approx(height, abs=2e-4)  # torchaudio computes in single precision


@given(st.integers(4, 60), st.sampled_from([512, 1024, 2048]), st.floats(0, 300))
def test_between_the_first_and_the_last_centre_filters_add_up_to_one(bands, size, low_hz):
    low = 2595 * np.log10(1 + low_hz / 700)
    centres = 700 * (10 ** (np.linspace(low, 2595 * np.log10(1 + 8000 / 700), bands + 2)[[1, -2]] / 2595) - 1)
    bins = np.linspace(0, 8000, size // 2 + 1)
    inside = (bins > centres[0]) & (bins < centres[1])
    np.testing.assert_allclose(mel_filters(bands, size, low_hz)[inside].sum(axis=1), 1, atol=1e-9)


@given(st.integers(1, 40))
def test_cosines_are_orthonormal(bands):
    np.testing.assert_allclose(cosines(bands, bands).T @ cosines(bands, bands), np.eye(bands), atol=1e-9)


def test_the_frames_of_mfcc_are_those_of_torchaudio():
    frames = load_encoder("mfcc").encode(chirp())
    assert frames.shape == (9, 39)
    for number, values in CEPSTRA.items():
        np.testing.assert_allclose(frames[number, PLACES], values, atol=2e-4)


@given(st.integers(400, 3000), st.integers(0, 9))
def test_the_frames_of_mfcc_are_those_of_the_definition(length, seed):
    samples = np.random.default_rng(seed).normal(0, 0.1, length).astype(np.float32)
    count = (length - 400) // 320 + 1
    static = slow_mfcc(samples[: (count - 1) * 320 + 400])
    first = slow_differences(static)
    expected = np.concatenate([static, first, slow_differences(first)], axis=1)[::2]
    found = load_encoder("mfcc").encode(samples)
    np.testing.assert_allclose(found, expected, atol=1e-3)
    assert len(found) == count
