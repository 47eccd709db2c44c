"""Units, F0 and audio of a vocoder agree about time, to the sample: shown by clicks and chirps."""

import json

import numpy as np
import pytest
import soundfile
import torch
from hypothesis import given
from hypothesis import strategies as st

from units.audio.pitch import estimate
from units.audio.timing import HOP, RATE, RECEPTIVE_FIELD, frame_count
from units.records import Record
from units.training.vocoder import dataset
from units.vocoder import model
from units.vocoder.config import VocoderConfig
from units.vocoder.source import contour, pulses

CENTRE = RECEPTIVE_FIELD // 2


def generator(arch):
    """Return a small generator, in double precision and with positive weights, so that nothing cancels."""
    torch.manual_seed(0)
    built, *_ = model.build(VocoderConfig(arch=arch, width=32, unit_width=16, f0_width=8, units=10))
    for part in built.modules():
        if isinstance(part, torch.nn.Conv1d | torch.nn.ConvTranspose1d):
            weight = part.weight if arch == "fast" else part.parametrizations.weight.original1
            torch.nn.init.uniform_(weight, 0.1, 1.0)
            if arch != "fast":  # of a norm that keeps sums as they were
                norm = part.parametrizations.weight.original0
                torch.nn.init.constant_(norm, 1 / weight[0].numel() ** 0.5)
    if arch == "fast":
        torch.nn.init.normal_(built.head.weight)
    return built.double()


def chirp(count):
    """Return F0 at frame centres, and its phase in cycles at a sample, of a chirp from 90 to 270 Hz and back.

    F0 runs along straight lines, up and down, as what is known at frame centres can say.
    """
    corners = np.array([0, count // 2, count - 1])
    hz = np.interp(np.arange(count), corners, [90.0, 270.0, 90.0])
    seconds = np.arange(count * 10) / 500  # ten steps a frame
    fine = np.interp(seconds * 50, np.arange(count), hz)
    phase = np.concatenate([[0], np.cumsum((fine[1:] + fine[:-1]) / 2 / 500)])
    return hz, lambda sample: np.interp((np.asarray(sample) - CENTRE) / RATE, seconds, phase)


@pytest.mark.parametrize("arch", ["v1", "v2", "fast"])
def test_what_a_unit_changes_lies_around_its_own_samples_and_within_the_margin(arch):
    built, size, place = generator(arch), 81, 40
    units = torch.ones(1, size, dtype=torch.long)
    other = units.clone()
    other[0, place] = 2
    f0_hz = torch.full((1, size), 100.0).double()
    filled, cycles = contour(f0_hz)
    with torch.no_grad():
        waves = [
            built(u, f0_hz, torch.zeros_like(u), (torch.tensor([0]), filled, cycles)) for u in (units, other)
        ]
    changed = torch.nonzero(waves[0][0] != waves[1][0])[:, 0]
    first, last = int(changed[0]), int(changed[-1])
    assert HOP * place <= (first + last) / 2 < HOP * (place + 1)
    assert first >= HOP * (place - built.margin)
    assert last < HOP * (place + 1 + built.margin)


def test_pulses_stand_where_a_chirp_has_whole_cycles():
    hz, phase_at = chirp(200)
    filled, cycles = (row[None] for row in contour(torch.tensor(hz)))
    wave = pulses(filled, cycles, torch.ones(1, 200, dtype=torch.bool))[0].numpy()
    last = HOP * 199 + CENTRE
    for cycle in range(1, int(phase_at(last))):
        expected = np.interp(cycle, phase_at(np.arange(CENTRE, last)), np.arange(CENTRE, last))
        around = np.arange(round(expected) - 25, round(expected) + 26)
        assert abs(around[np.argmax(wave[around])] - expected) <= 0.75  # half a sample, and a little


def test_what_fast_speaks_follows_a_chirp_neither_early_nor_late():
    hz, _ = chirp(200)
    torch.manual_seed(0)
    config = VocoderConfig(arch="fast", width=32, unit_width=16, units=10)
    vocoder = model.Vocoder(config, *model.build(config))
    found = estimate(np.concatenate(list(vocoder.speak([1] * 200, hz.tolist()))))
    slope = np.gradient(hz)  # Hz a frame
    inner = np.r_[10:90, 110:190]
    for half in (inner[:80], inner[80:]):
        late = (hz[half] - found[half]) / slope[half]  # frames
        assert abs(np.median(late)) < 0.1  # 2 ms


@given(st.lists(st.lists(st.sampled_from([0.0, 80.0, 120.0, 333.3]), min_size=1, max_size=30), min_size=1))
def test_gaps_of_f0_are_lines_between_their_neighbours(rows):
    size = min(map(len, rows))
    rows = np.array([row[:size] for row in rows])
    filled, cycles = (found.numpy() for found in contour(torch.tensor(rows)))
    for row, line, phase in zip(rows, filled, cycles, strict=True):
        voiced = np.flatnonzero(row)
        known = (voiced, row[voiced]) if len(voiced) else ([0], [120.0])
        np.testing.assert_allclose(line, np.interp(np.arange(size), *known))
        turned = 0.02 * np.cumsum((line[1:] + line[:-1]) / 2)
        np.testing.assert_allclose(np.exp(2j * np.pi * phase[1:]), np.exp(2j * np.pi * turned), atol=1e-9)


def test_the_phase_after_hours_is_exact():
    count = 3 * 3600 * 50
    hz = (100 + np.arange(count) % 80).astype(float)
    cycles = contour(torch.tensor(hz))[1].numpy()
    fifths = np.cumsum(np.rint(hz[1:] + hz[:-1]).astype(np.int64))  # hundredths of cycles, whole numbers
    expected = (fifths % 100) / 100
    away = np.abs(cycles[1:] - expected)
    assert np.minimum(away, 1 - away).max() < 1e-6


def clicks(folder, frames):
    """Write a recording with a click in the middle of each of the frames; return its record."""
    samples = np.zeros(HOP * 300 + 80, np.float32)
    samples[HOP * np.asarray(frames) + HOP // 2] = 0.9
    path = folder / "clicks.wav"
    soundfile.write(path, samples, RATE)
    units = np.isin(np.arange(frame_count(len(samples))), frames).astype(int).tolist()
    record = {"id": "a", "audio_filepath": str(path), "units": units, "f0": [100.0 + u for u in units]}
    return Record(json.loads(json.dumps(record)))


def test_in_every_crop_the_clicks_stand_where_units_and_f0_say(tmp_path):
    record = clicks(tmp_path, [0, 3, 50, 51, 120, 250, 298])
    corpus = dataset.build_corpus([record, record], (), str(tmp_path / "cache"))
    starts = corpus.crops(37, np.random.default_rng(0))
    units, f0_hz, _, audio = corpus.take(starts, 37)
    assert units.sum() >= 10
    np.testing.assert_array_equal(f0_hz, 100.0 + units)
    heard = np.abs(audio).reshape(*units.shape, HOP)
    np.testing.assert_array_equal(heard.max(axis=2) > 0.5, units == 1)
    assert set(heard.argmax(axis=2)[units == 1].tolist()) == {HOP // 2}
