"""Generators, predictors and the directory that holds them."""

import json

import numpy as np
import pytest
import torch

from units.audio.pitch import estimate
from units.audio.timing import HOP
from units.files.config import to_json
from units.records import InputError
from units.training.vocoder.discriminators import Discriminators
from units.training.vocoder.losses import LogMel, MultiResolutionStft, feature_matching, hinge, least_squares
from units.vocoder import model
from units.vocoder.config import VocoderConfig, read_vocoder_config
from units.vocoder.layers import f0_bin, fold_weight_norm, upsample
from units.vocoder.prosody import f0_range, move_f0, resample
from units.vocoder.source import Noise, contour, pulses
from units.vocoder.windows import BINS, N_FFT, Spectrum

TINY = {"width": 32, "unit_width": 16, "f0_width": 8, "units": 10}


def speaking(arch="v2", **more):
    """Return a small vocoder with random weights."""
    torch.manual_seed(0)
    config = VocoderConfig(arch=arch, **{**TINY, **more})
    generator, f0, duration = model.build(config)
    return model.Vocoder(config, generator, f0, duration)


@pytest.mark.parametrize("arch", ["v1", "v2", "fast"])
@pytest.mark.parametrize("length", [1, 2, 37])
def test_every_unit_becomes_exactly_320_samples(arch, length):
    wave = np.concatenate(list(speaking(arch).speak([3] * length, [0.0] * length)))
    assert wave.shape == (HOP * length,)
    assert np.abs(wave).max() <= 1


@pytest.mark.parametrize("stride", [2, 3, 4, 5])
def test_upsampling_gives_exactly_its_stride(stride):
    assert upsample(4, 2, stride)(torch.zeros(1, 4, 9)).shape == (1, 2, 9 * stride)


@pytest.mark.parametrize("arch", ["v1", "v2", "fast"])
def test_what_is_spoken_in_chunks_has_no_seam(arch, monkeypatch):
    vocoder = speaking(arch)
    for layer in vocoder.generator.modules():  # from N(0, 0.01) nothing would be heard of a seam
        if isinstance(layer, torch.nn.Conv1d | torch.nn.ConvTranspose1d):
            folded = arch == "fast"
            torch.nn.init.kaiming_normal_(layer.weight if folded else layer.parametrizations.weight.original1)
    random = np.random.default_rng(0)
    units, f0_hz = random.integers(10, size=200).tolist(), (100 + 50 * random.random(200)).tolist()
    whole = np.concatenate(list(vocoder.speak(units, f0_hz)))
    monkeypatch.setattr(model, "CHUNK", 30)
    chunked = np.concatenate(list(vocoder.speak(units, f0_hz)))
    assert np.abs(whole).max() > 0.01
    np.testing.assert_allclose(chunked, whole, atol=1e-4)


def test_records_spoken_together_sound_as_each_alone():
    vocoder = speaking("fast")
    torch.nn.init.normal_(vocoder.generator.head.weight, std=0.3)
    random = np.random.default_rng(1)
    lengths = (40, 1, 33, 2, 17)
    plans = [
        (
            random.integers(10, size=n).tolist(),
            (random.uniform(90, 200, n) * (random.random(n) < 0.8)).tolist(),
            0,
        )
        for n in lengths
    ]
    for plan, together in zip(plans, vocoder.speak_together(plans), strict=True):
        alone = np.concatenate(list(vocoder.speak(*plan)))
        assert alone.std() > 0.01
        np.testing.assert_allclose(together, alone, atol=1e-4)


@pytest.mark.parametrize("arch", ["v1", "v2", "fast"])
def test_bf16_is_close_to_fp32(arch):
    vocoder = speaking(arch)
    if arch == "fast":
        torch.nn.init.normal_(vocoder.generator.head.weight, std=0.05)
    units, f0_hz = [1, 2, 3, 4] * 20, [120.0] * 80
    exact = np.concatenate(list(vocoder.speak(units, f0_hz)))
    vocoder.dtype = torch.bfloat16
    rough = np.concatenate(list(vocoder.speak(units, f0_hz)))
    assert rough.dtype == np.float32
    assert np.abs(rough - exact).max() > 0
    assert np.linalg.norm(rough - exact) < 0.05 * np.linalg.norm(exact)


def test_what_is_predicted_of_hours_is_what_is_predicted_of_parts(monkeypatch):
    vocoder = speaking()
    units = np.random.default_rng(0).integers(10, size=300).tolist()
    whole = vocoder.predict_f0(units), vocoder.predict_counts(units)
    monkeypatch.setattr(model, "_PREDICTED", 40)
    np.testing.assert_allclose(vocoder.predict_f0(units), whole[0], rtol=1e-5)
    assert vocoder.predict_counts(units) == whole[1]


def test_the_architectures_have_the_sizes_they_are_known_by():
    sizes = {}
    for arch in ("v1", "v2"):
        generator, _, _ = model.build(VocoderConfig(arch=arch))
        sizes[arch] = sum(weight.numel() for weight in fold_weight_norm(generator).parameters()) / 1e6
    assert sizes["v1"] == pytest.approx(3.2, abs=0.1)
    assert sizes["v2"] == pytest.approx(13.8, abs=0.2)


def test_v2_hears_pitch_and_v1_does_not():
    for arch, hears in (("v1", False), ("v2", True)):
        vocoder = speaking(arch)
        low, high = (next(iter(vocoder.speak([1] * 9, [hz] * 9))) for hz in (80.0, 300.0))
        assert np.any(low != high) == hears


def test_fast_speaks_the_pitch_it_is_given_before_it_has_learned_anything():
    vocoder = speaking("fast")
    f0_hz = np.concatenate([np.geomspace(90, 240, 60), np.zeros(20), np.full(40, 150.0)])
    found = estimate(np.concatenate(list(vocoder.speak([1] * 120, f0_hz.tolist()))))
    steady = np.r_[3:56, 84:112]
    assert np.mean(np.abs(found[steady] / f0_hz[steady] - 1) < 0.03) > 0.95
    assert not found[62:78].any()


def test_a_pulse_falls_where_its_phase_is_whole_wherever_a_part_begins():
    f0_hz = np.concatenate([np.geomspace(90, 240, 60), np.zeros(20), np.full(40, 100.0)])
    filled, cycles = (row.float()[None] for row in contour(torch.tensor(f0_hz)))
    whole = pulses(filled, cycles, torch.tensor(f0_hz > 0)[None])[0]
    part = pulses(filled[:, 30:], cycles[:, 30:], torch.tensor(f0_hz > 0)[None, 30:])[0]
    np.testing.assert_allclose(part[HOP:], whole[31 * HOP :], atol=2e-2)
    spacing = np.diff(np.flatnonzero(whole[100 * HOP : 110 * HOP].numpy() > 5))
    assert set(spacing.tolist()) <= {1, 159, 160} and (spacing > 1).sum() > 15
    spectrum = np.abs(np.fft.rfft(whole[90 * HOP : 110 * HOP].numpy() * np.hanning(20 * HOP))) ** 2
    assert spectrum[::40][1:70].sum() > 0.5 * spectrum.sum()  # lines 100 Hz apart


def test_the_noise_of_fast_has_fewer_hills_and_valleys_than_white_noise():
    white = Noise()(torch.zeros(1, dtype=torch.int64), 200)
    silent, open_ = torch.zeros(1, 401, BINS), torch.ones(1, 401, BINS)
    made = Spectrum()(torch.stack([white * 0, white], dim=1), silent, silent, open_)
    assert made.std() == pytest.approx(1, abs=0.1)
    roughness = [
        torch.stft(x, N_FFT, 160, window=torch.hann_window(N_FFT), return_complex=True).abs().log().std()
        for x in (made[0], white[0])
    ]
    assert roughness[0] < 0.7 * roughness[1]


def test_fast_in_training_is_told_less_than_the_units_and_the_melody_but_always_the_same():
    generator = speaking("fast").generator
    torch.nn.init.normal_(generator.head.weight, std=0.3)
    units, speaker = torch.arange(40).remainder(10).repeat(2, 1), torch.zeros(2, 40, dtype=torch.int64)
    units[1] = units[1].flip(0)
    f0_hz = torch.full((2, 40), 120.0)
    with torch.inference_mode():
        spoken = generator(units, f0_hz, speaker)
        generator.train()
        once, again = (generator(units, f0_hz, speaker) for _ in range(2))
        second = generator(units[1:], f0_hz[1:], speaker[1:])
    assert (once.clamp(-1, 1) - spoken).std() > 0.1 * spoken.std()
    assert torch.equal(once, again)
    torch.testing.assert_close(second, once[1:], atol=1e-5, rtol=1e-3)


def test_a_saved_vocoder_speaks_as_before(tmp_path):
    vocoder = speaking(speakers=("Ana", "Édi"), f0_mean=(4.8, 5.2), f0_sd=(0.2, 0.3))
    before = next(iter(vocoder.speak([1, 2, 3], [100.0] * 3, speaker=1)))
    model.save_config(tmp_path, vocoder.config)
    parts = {
        "generator": fold_weight_norm(vocoder.generator),
        "f0": vocoder.f0_predictor,
        "duration": vocoder.duration_predictor,
    }
    for name, module in parts.items():
        model.save_part(tmp_path, name, module)
    again = model.load_vocoder(tmp_path)
    assert again.config == vocoder.config
    np.testing.assert_allclose(
        next(iter(again.speak([1, 2, 3], [100.0] * 3, again.speaker_index("Édi")))), before, atol=1e-6
    )
    with pytest.raises(InputError, match="no speaker Zé in this vocoder, only Ana, Édi"):
        again.speaker_index("Zé")


def test_a_configuration_survives_its_file(tmp_path):
    config = VocoderConfig(arch="v1", units=7, speakers=("x",))
    (tmp_path / "config.json").write_text(to_json(config))
    assert read_vocoder_config(str(tmp_path)) == config


@pytest.mark.parametrize(
    "wrong",
    [{"version": 99}, {"arch": "v9"}, {"width": 10**9}, {"units": 0}, {"units": "many"}, {"surprise": 1}],
)
def test_a_configuration_that_is_wrong_is_refused_by_name(tmp_path, wrong):
    (tmp_path / "config.json").write_text(json.dumps({**json.loads(to_json(VocoderConfig())), **wrong}))
    with pytest.raises(InputError, match=r"config\.json: "):
        read_vocoder_config(str(tmp_path))


def test_weights_of_another_shape_are_refused_by_name(tmp_path):
    small, large = speaking(), speaking(width=64)
    model.save_config(tmp_path, large.config)
    model.save_part(tmp_path, "generator", small.generator)
    with pytest.raises(InputError, match=r"generator\.safetensors: not the weights of this vocoder"):
        model.load_vocoder(tmp_path)


def test_predictors_answer_for_each_unit_and_frame():
    vocoder = speaking()
    counts = vocoder.predict_counts([1, 2, 3])
    f0_hz = vocoder.predict_f0([1] * 20)
    assert len(counts) == 3
    assert min(counts) >= 1
    assert len(f0_hz) == 20
    assert all(hz == 0 or 30 < hz < 1000 for hz in f0_hz)


def test_a_unit_beyond_the_vocoder_is_refused():
    with pytest.raises(InputError, match="unit 10 is unknown: the vocoder has units 0 to 9"):
        speaking().check([3, 10])


def test_bins_of_f0_are_those_of_the_pitch_module():
    from units.audio.pitch import hz_to_bin

    f0_hz = np.concatenate([[0.0], np.geomspace(45, 450, 300)])
    np.testing.assert_array_equal(f0_bin(torch.tensor(f0_hz), 32).numpy(), hz_to_bin(f0_hz, 32))


def test_a_discriminator_that_knows_all_has_no_loss():
    real, made = [(torch.ones(2, 3), [])], [(torch.zeros(2, 3), [])]
    assert least_squares(real, made).item() == 0
    assert least_squares(made, real).item() == 2
    assert hinge([(torch.ones(2, 3), [])], [(-torch.ones(2, 3), [])]).item() == 0


@pytest.mark.parametrize(("names", "judges"), [("msd", 3), ("mpd+msd", 8), ("mpd+mrd", 8)])
def test_each_period_scale_and_resolution_gives_a_score(names, judges):
    judged = Discriminators(names, width=0.05)(torch.randn(2, 6400))
    assert len(judged) == judges
    assert feature_matching(judged, judged).item() == 0


@pytest.mark.parametrize("turn", [0, 1, 2])
def test_losses_are_nothing_for_the_same_audio_and_grow_with_distance(turn):
    torch.manual_seed(0)
    wave = torch.randn(1, 8000) * 0.1
    near, far = wave + 0.05 * torch.randn(1, 8000), torch.randn(1, 8000)
    distance = MultiResolutionStft()
    assert distance(wave, wave, turn).item() == 0
    assert distance(near, wave, turn).item() < distance(far, wave, turn).item()
    assert distance(near, wave, turn) == distance(near, wave, turn + 3)
    assert distance(near, wave, turn) != distance(near, wave, turn + 1)
    assert (LogMel()(wave) - LogMel()(wave / 2)).mean().item() == pytest.approx(np.log(2), abs=1e-3)


def test_speed_and_speaker_change_what_is_spoken():
    units, f0_hz = resample(list(range(100)), [100.0] * 100, 2.0)
    assert (len(units), len(f0_hz)) == (50, 50)
    assert len(resample([1], [0.0], 4.0)[0]) == 1
    moved = move_f0([np.exp(4.7), 0.0], (4.6, 0.1), (5.3, 0.2))
    assert moved == pytest.approx([np.exp(5.5), 0.0])
    logs = np.random.default_rng(0).normal(4.6, 0.1, 100)
    mean, spread = f0_range([0.0, *np.exp(logs)], spread=9.0)
    assert (mean, spread) == pytest.approx((logs.mean(), logs.std()))
    assert f0_range([0.0], spread=0.2) == (0.0, 0.2)
