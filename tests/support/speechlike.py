"""Speech-like audio of known answer: voiced syllables of known pitch, hisses, and silences between them."""

import numpy as np

RATE = 16000
VOWELS_HZ = ((730, 1090, 2440), (270, 2290, 3010), (300, 870, 2240), (530, 1840, 2480))


def vowel(seconds, f0_hz, formants_hz=VOWELS_HZ[0], rate=RATE):
    """Return harmonics of f0_hz, up to 3.8 kHz, weighted by formants: (S,) float32, peak 0.3."""
    time = np.arange(round(seconds * rate)) / rate
    harmonics = np.arange(1, int(3800 / f0_hz) + 1) * f0_hz
    weights = sum(1 / (1 + ((harmonics - peak) / 80) ** 2) for peak in formants_hz)
    wave = sum(w * np.sin(2 * np.pi * h * time + h) for h, w in zip(harmonics, weights, strict=True))
    return _faded(0.3 * wave / np.abs(wave).max(), rate)


def hiss(seconds, rng, rate=RATE):
    """Return a burst of noise without low frequencies, as of an s: (S,) float32, peak 0.1."""
    noise = np.diff(rng.standard_normal(round(seconds * rate) + 1))
    return _faded(0.1 * noise / np.abs(noise).max(), rate)


def _faded(wave, rate):
    edge = min(len(wave) // 2, rate // 200)
    ramp = np.linspace(0, 1, edge)
    wave[:edge] *= ramp
    wave[len(wave) - edge :] *= ramp[::-1]
    return wave.astype(np.float32)


def silence(seconds, rate=RATE):
    """Return digital silence: (S,) float32."""
    return np.zeros(round(seconds * rate), np.float32)


def phrase(seconds, seed, f0_hz=120.0, rate=RATE):
    """Return syllables without a pause, each a hiss and a vowel, pitch wandering by a tenth: (S,) float32."""
    rng = np.random.default_rng(seed)
    parts, length = [], 0
    while length < seconds * rate:
        parts.append(hiss(rng.uniform(0.05, 0.1), rng, rate))
        pitch = f0_hz * rng.uniform(0.9, 1.1)
        parts.append(vowel(rng.uniform(0.12, 0.25), pitch, VOWELS_HZ[rng.integers(len(VOWELS_HZ))], rate))
        length += len(parts[-1]) + len(parts[-2])
    return np.concatenate(parts)[: round(seconds * rate)]


def recording(plan, seed=0, f0_hz=120.0, rate=RATE):
    """Return phrases and silences in turn, of the seconds in the plan, the first a silence: (S,) float32."""
    parts = [
        phrase(seconds, seed + i, f0_hz, rate) if i % 2 else silence(seconds, rate)
        for i, seconds in enumerate(plan)
    ]
    return np.concatenate(parts)
