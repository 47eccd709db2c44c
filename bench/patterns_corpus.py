"""Corpora whose words and their times are known, for bench/patterns.py."""

import os
import sys
from dataclasses import dataclass

import numpy as np
import soundfile
import soxr

HOUSE = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
sys.path[:0] = [HOUSE, os.path.join(HOUSE, "bench")]

from adaptation import bench
from ranking import read_truth

from units.audio.reading import load_record

RATE, FIELD_RATE = 16000, 44100
CHAPTER = 270  # s
PAUSE = (0.5, 1.8)  # s, drawn uniformly
ROOM, BREATH = -32.0, -22.0  # dB of the speech's level
BREATHS = 0.4  # share of the pauses that have one


@dataclass(frozen=True)
class Said:
    """What is said in a recording: its speaker, and [[start, end, label], ...] of phones and of words."""

    path: str
    speaker: str
    phones: list
    words: list


def read_corpus(folder, shift=0.0, every=1):
    """Return the Said of the recordings of a folder, as in bench/units.py, their labels moved by shift s."""
    records, _ = bench("units").records_of(folder, every)
    truth = read_truth(folder)
    return [
        Said(
            record["audio_filepath"],
            record.get("speaker", ""),
            *([[a + shift, b + shift, label] for a, b, label in spans] for spans in truth[record["id"]]),
        )
        for record in records
        if record["id"] in truth
    ]


def field_like(said, folder, seed=0):
    """Write chapters of MP3 made of recordings, and return their Said.

    Each chapter has one speaker, who pauses between recordings. A room hums and hisses all the time, and in
    some pauses somebody breathes.
    """
    random, chapters = np.random.default_rng(seed), []
    os.makedirs(folder, exist_ok=True)
    for speaker in sorted({each.speaker for each in said}):
        own = [each for each in said if each.speaker == speaker]
        own = [own[i] for i in random.permutation(len(own))]
        while own:
            path = os.path.join(folder, f"{speaker or 'chapter'} {len(chapters) + 1:02}.mp3")
            own, chapter = _chapter(own, path, random)
            chapters.append(chapter)
    return chapters


def _chapter(own, path, random):
    """Write one chapter of the first recordings; return the others, and its Said."""
    parts, phones, words, length = [], [], [], 0
    while own and length < CHAPTER * RATE:
        each, *own = own
        samples = load_record({"id": "x", "audio_filepath": each.path})
        pause = round(random.uniform(*PAUSE) * RATE)
        start = (length + pause) / RATE
        phones += [[start + a, start + b, label] for a, b, label in each.phones]
        words += [[start + a, start + b, label] for a, b, label in each.words]
        parts += [_pause(pause, random), samples / max(1e-4, np.sqrt(np.mean(samples**2)))]
        length += pause + len(samples)
    speech = 0.05 * np.concatenate([*parts, _pause(RATE, random)])
    level = np.sqrt(np.mean(speech**2))
    noise = _room(len(speech), random)
    mixed = speech + noise * level * 10 ** (ROOM / 20)
    soundfile.write(
        path,
        soxr.resample(np.clip(mixed, -1, 1), RATE, FIELD_RATE),
        FIELD_RATE,
        format="MP3",
        bitrate_mode="VARIABLE",
    )
    return own, Said(path, each.speaker, phones, words)


def _pause(length, random):
    """Return a pause of a number of samples, relative to speech of level 1: silence, or a breath."""
    pause = np.zeros(length, np.float32)
    span = min(length, round(random.uniform(0.25, 0.5) * RATE))
    if random.random() < BREATHS and span < length:
        first = int(random.integers(length - span))
        breath = np.diff(random.standard_normal(span + 1), prepend=0)[:span] * np.hanning(span)
        pause[first : first + span] = breath * 10 ** (BREATH / 20)
    return pause


def _room(length, random):
    """Return the noise of a room, level 1: most of it low, and the hum of the mains."""
    spectrum = np.fft.rfft(random.standard_normal(length))
    frequency = np.fft.rfftfreq(length, 1 / RATE)
    noise = np.fft.irfft(spectrum / np.sqrt(1 + (frequency / 150) ** 2), length)
    noise /= noise.std()
    hum = sum(np.sin(2 * np.pi * 50 * k * np.arange(length) / RATE) / k for k in (1, 2, 3))
    return (noise + 0.3 * hum) / np.std(noise + 0.3 * hum)
