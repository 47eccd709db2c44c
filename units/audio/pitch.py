"""Waveform to F0 a frame, and F0 to bins and back. The home of pyworld's F0 estimators.

DIO with StoneMask of WORLD (Morise et al. 2016, doi 10.1587/transinf.2015EDP7457): a tenth of pyin's time.
"""

import numpy as np
import pyworld

from units.audio.timing import HOP, RATE, RECEPTIVE_FIELD, frame_count

FLOOR_HZ, CEILING_HZ = 50.0, 400.0
_STEP_MS = 5.0
_STEPS = round(1000 * HOP / RATE / _STEP_MS)  # estimates per frame


def estimate(samples, floor_hz=FLOOR_HZ, ceiling_hz=CEILING_HZ):
    """Return the F0 of each frame: (N,) float64 Hz, 0 if unvoiced.

    samples: (S,) float at 16 kHz. Frame i has the same centre as frame i of the units, at sample
    320 i + 200; N is frame_count(S).
    """
    count = frame_count(len(samples))
    if not count:
        return np.zeros(0)
    centred = np.ascontiguousarray(samples[RECEPTIVE_FIELD // 2 :], np.float64)
    coarse, times = pyworld.dio(centred, RATE, floor_hz, ceiling_hz, frame_period=_STEP_MS)
    fine = pyworld.stonemask(centred, coarse, times, RATE)[::_STEPS]
    f0_hz = np.zeros(count)
    f0_hz[: len(fine)] = fine[:count]
    return np.where((f0_hz >= floor_hz) & (f0_hz <= ceiling_hz), f0_hz, 0.0)


def hz_to_bin(f0_hz, bins, floor_hz=FLOOR_HZ, ceiling_hz=CEILING_HZ):
    """Return the bin of each F0: 0 if unvoiced, otherwise 1..bins, equal steps of log F0, ends included.

    >>> hz_to_bin([0, 50, 141.5, 400, 900], 32)
    array([ 0,  1, 17, 32, 32])
    """
    f0_hz = np.asarray(f0_hz, np.float64)
    position = np.log(np.maximum(f0_hz, 1.0) / floor_hz) / np.log(ceiling_hz / floor_hz)
    voiced = 1 + np.clip(np.floor(position * bins), 0, bins - 1).astype(np.int64)
    return np.where(f0_hz > 0, voiced, 0)


def bin_to_hz(index, bins, floor_hz=FLOOR_HZ, ceiling_hz=CEILING_HZ):
    """Return the F0 at the middle of each bin, in Hz; of bin 0, 0. `hz_to_bin` gives the bin back.

    >>> bin_to_hz([0, 17], 32).round(1)
    array([  0. , 146.1])
    """
    index = np.asarray(index)
    middle = floor_hz * (ceiling_hz / floor_hz) ** ((index - 0.5) / bins)
    return np.where(index > 0, middle, 0.0)
