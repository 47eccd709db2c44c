"""Log-mel spectra: where frames stand, what loudness does, and that blocks are one pass."""

import numpy as np
import pytest
import torch

from units.audio.timing import HOP, RATE, RECEPTIVE_FIELD, frame_count
from units.encoders import spectrum
from units.encoders.network import NetworkConfig
from units.training.encoder import augment

BANDS = 20


def noise(samples, seed=0):
    return np.random.default_rng(seed).standard_normal(samples).astype(np.float32)


@pytest.mark.parametrize("spectra", [1, 2, 4])
def test_a_click_is_loudest_in_the_frame_on_whose_centre_it_falls(spectra):
    samples = 1e-3 * noise(20 * HOP)
    samples[7 * HOP + RECEPTIVE_FIELD // 2] = 1.0
    frames = spectrum.spectra_of(samples, 15, BANDS, spectra)
    assert frames.shape == (15, spectra * BANDS)
    assert frames.sum(axis=1).argmax() == 7
    loudness = frames.reshape(15, spectra, BANDS).sum(axis=2)[7]
    np.testing.assert_allclose(
        loudness, loudness[::-1], rtol=0.05
    )  # it lies in the middle of the frame's own


def test_loudness_changes_nothing():
    samples = noise(4000)
    count = frame_count(4000)
    quiet, loud = (spectrum.spectra_of(gain * samples, count, BANDS, 2) for gain in (1e-3, 1.0))
    np.testing.assert_allclose(quiet, loud, atol=1e-3)


def test_each_band_has_mean_0_whatever_the_microphone_does_to_it():
    samples = noise(16000)
    dull = np.convolve(samples, [0.5, 0.3, 0.2])[:16000].astype(np.float32)
    one, other = (spectrum.spectra_of(s, frame_count(16000), BANDS, 1) for s in (samples, dull))
    np.testing.assert_allclose(one.mean(axis=0), 0, atol=1e-4)
    assert np.abs(one - other).mean() < 0.3 * np.abs(one).mean()


def test_blocks_give_what_one_pass_gives(monkeypatch):
    samples = noise(100 * HOP + RECEPTIVE_FIELD)
    whole = spectrum.spectra_of(samples, 101, BANDS, 2)
    monkeypatch.setattr(spectrum, "_BLOCK", 17)
    np.testing.assert_allclose(spectrum.spectra_of(samples, 101, BANDS, 2), whole, atol=1e-5)


def test_power_is_that_of_a_plain_fourier_transform():
    samples = noise(6 * HOP)
    found = spectrum.power(torch.from_numpy(samples)[None], 3, 2)[0].numpy()
    for row, start in enumerate(HOP + frame * HOP + side for frame in range(3) for side in (-80, 80)):
        window = samples[start : start + 400] * (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(400) / 400))
        for line in (0, 3, 100, 256):
            plain = np.sum(window * np.exp(-2j * np.pi * line * np.arange(400) / 512))
            assert found[row, line] == pytest.approx(abs(plain) ** 2 / 150, rel=1e-3, abs=1e-5)


@pytest.mark.parametrize("hz", [100.0, 1000.0, 5000.0])
def test_a_warped_filterbank_hears_a_tone_higher(hz):
    tone = np.sin(2 * np.pi * hz * np.arange(HOP * 4) / RATE).astype(np.float32)
    lines = spectrum.power(torch.from_numpy(tone)[None], 1, 1)[0, 0]
    plain, warped = ((lines @ spectrum.filterbank(80, warp)).argmax().item() for warp in (1.0, 1.3))
    assert warped > plain


# what training does to them


def crop(samples, plan, frames=40):
    tape = augment.tape(samples, plan.speed, (frames - 1) * HOP + RECEPTIVE_FIELD)
    network = NetworkConfig(bands=BANDS)
    return augment.spectra(torch.from_numpy(tape)[None], [plan], frames, network)[0].numpy()


def test_a_crop_that_nothing_is_done_to_is_what_su_encode_sees():
    samples = noise(39 * HOP + RECEPTIVE_FIELD)
    np.testing.assert_allclose(
        crop(samples, augment.Plan()), spectrum.spectra_of(samples, 40, BANDS, 2), atol=1e-4
    )


@pytest.mark.parametrize("speed", [0.8, 1.0, 1.25])
def test_a_plan_tells_where_a_faster_tape_s_frames_came_from(speed):
    samples = np.zeros(80 * HOP, np.float32)
    samples[np.arange(3, 60, 7) * HOP + RECEPTIVE_FIELD // 2] = 1.0  # clicks in frames 3, 10, 17 ...
    source = augment.Plan(speed=speed).source(40, 70)
    tape = augment.tape(samples, speed, 40 * HOP)
    for frame in range(1, 39):
        centre = frame * HOP + RECEPTIVE_FIELD // 2
        if np.abs(tape[centre - 60 : centre + 60]).max() > 0.3:
            assert source[frame] % 7 == 3
    assert (augment.Plan(speed=2.0).source(40, 30)[20:] == -1).all()


def harmonics(power):
    """Return the F0 in lines and the centre of the envelope of a spectrum of a harmonic tone."""
    log = np.log(power + 1e-8)
    fine = log - np.convolve(np.pad(log, 20, mode="edge"), np.ones(41) / 41, mode="valid")
    lags = [np.mean(fine[:-lag] * fine[lag:]) for lag in range(5, 13)]
    smooth = np.convolve(power, np.ones(13), mode="same")
    return 5 + int(np.argmax(lags)), int(smooth.argmax())


@pytest.mark.parametrize("pitch", [0.8, 1.0, 1.4])
def test_pitch_moves_harmonics_and_leaves_their_envelope(pitch):
    lines = np.arange(257)
    envelope = np.exp(-(((lines - 80) / 30.0) ** 2)) + 1e-3
    power = torch.tensor(envelope * (0.01 + (lines % 8 == 0)), dtype=torch.float32)[None, None]
    spacing, peak = harmonics(augment.moved_pitch(power, [pitch])[0, 0].numpy())
    assert abs(spacing - 8 * pitch) <= 1
    assert abs(peak - 80) <= 8


def test_noise_lies_5_to_25_dB_under_the_crops_that_get_some():
    random = np.random.default_rng(0)
    samples = np.stack([noise(16000, seed) * (seed + 1) for seed in range(40)])
    noises = augment.draw_noises(40, 0.5, random)
    added = np.stack([augment.noisy(samples.__getitem__, row, noises[row]) for row in range(40)]) - samples
    level = 20 * np.log10(np.sqrt(np.mean(added**2, axis=1)) / np.sqrt(np.mean(samples**2, axis=1)) + 1e-9)
    some = level > -100
    assert 8 <= some.sum() <= 32
    assert (level[some] > -26).all() and (level[some] < -4).all()
