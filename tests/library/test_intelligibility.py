"""units.metrics.intelligibility: STOI, ESTOI and PESQ, and where they have nothing to say."""

import numpy as np
import pytest
from pystoi import stoi as published
from speechlike import phrase, recording

from units.metrics.intelligibility import LONGEST, estoi, pesq, stoi

itu = pytest.importorskip("pesq", reason="no PESQ, which wants a C compiler").pesq


def noise(samples, level=0.01, seed=5):
    return level * np.random.default_rng(seed).standard_normal(samples)


SPEECH = recording([0.2, 1.5, 0.3, 1.5]) + noise(56000, 1e-4)
NOISY = SPEECH + noise(len(SPEECH), 0.02)


def test_the_figures_are_those_of_the_published_code():
    assert stoi(SPEECH, NOISY) == pytest.approx(published(SPEECH, NOISY, 16000), abs=1e-6)
    assert estoi(SPEECH, NOISY) == pytest.approx(published(SPEECH, NOISY, 16000, True), abs=1e-6)
    assert pesq(SPEECH, NOISY) == pytest.approx(itu(16000, SPEECH, NOISY, "wb"), abs=1e-6)


def test_a_copy_is_perfect_and_noise_makes_it_worse():
    for measure, perfect in ((stoi, 1), (estoi, 1), (pesq, 4.64)):
        assert measure(SPEECH, SPEECH) == pytest.approx(perfect, abs=0.01)
        assert measure(SPEECH, NOISY) < measure(SPEECH, SPEECH + noise(len(SPEECH), 0.005)) < perfect


def test_digital_silence_in_a_resynthesis_scores_the_same_each_time():
    broken = SPEECH.copy()
    broken[16000:32000] = 0
    assert estoi(SPEECH, broken) == pytest.approx(estoi(SPEECH, broken), abs=1e-8)
    assert estoi(SPEECH, broken) < 0.8


@pytest.mark.parametrize("measure", [stoi, estoi, pesq])
def test_too_little_speech_and_a_silent_reference_are_not_judged(measure):
    silence = np.zeros_like(SPEECH)
    assert measure(silence, SPEECH) is None
    assert measure(silence, silence) is None
    assert measure(SPEECH[:3000], SPEECH[:3000]) is None
    assert measure(SPEECH[:0], SPEECH[:0]) is None


def test_a_silent_resynthesis_is_not_understood_and_has_no_quality():
    silence = np.zeros_like(SPEECH)
    assert stoi(SPEECH, silence) == 0
    assert abs(estoi(SPEECH, silence)) < 0.1
    assert pesq(SPEECH, silence) is None


def test_stoi_of_what_is_too_short_for_it_is_absent():
    assert stoi(SPEECH[8000:13000], SPEECH[8000:13000]) is None


def test_a_long_recording_is_judged_in_equal_parts():
    speech = phrase(24, 0) + noise(24 * 16000, 1e-4)
    noisy = speech + noise(len(speech), 0.02)
    halves = [published(a, b, 16000) for a, b in zip(np.split(speech, 2), np.split(noisy, 2), strict=True)]
    assert len(speech) > LONGEST
    assert stoi(speech, noisy) == pytest.approx(np.mean(halves), abs=1e-6)


def test_more_utterances_than_the_code_of_the_itu_has_room_for_do_no_harm():
    burst = np.concatenate([phrase(0.25, 0), np.zeros(4000, np.float32)])
    chatter = np.tile(burst, 80) + noise(80 * len(burst), 1e-4)
    assert 1 < pesq(chatter, chatter + noise(len(chatter), 0.01)) < 4.6
