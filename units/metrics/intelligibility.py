"""Intelligibility and quality against a reference: STOI, ESTOI, PESQ. The home of pystoi and pesq.

STOI: Taal et al. 2011 (doi 10.1109/TASL.2011.2114881); ESTOI: Jensen and Taal 2016 (doi
10.1109/TASLP.2016.2585878); PESQ, wide-band: ITU-T P.862.2, by the ITU's own code. All take (S,) float
samples at 16 kHz, of equal length, and return None if there is too little speech to judge. Recordings
longer than 20 s, for which none was made, are judged in equal parts, and the parts' figures averaged: the
ITU's code has room for 50 utterances, which 20 s cannot exceed, and writes beyond it.
"""

import warnings

import numpy as np

from units.audio.timing import RATE

LONGEST = 20 * RATE  # samples per part
_SHORTEST = RATE // 4  # samples that PESQ needs; STOI checks by itself that it has 0.4 s of speech
_DITHER = 1e-8  # full scale is 1


def stoi(reference, synthesis):
    """Return the short-time objective intelligibility, up to 1."""
    return _mean_of_parts(_stoi, reference, synthesis)


def estoi(reference, synthesis):
    """Return the extended short-time objective intelligibility, up to 1."""
    # pystoi fills digital silence with different random numbers each time; ours are fixed
    dither = _DITHER * np.random.default_rng(0).standard_normal(len(synthesis))
    return _mean_of_parts(_estoi, reference, synthesis + dither)


def pesq(reference, synthesis):
    """Return the wide-band perceptual evaluation of speech quality (MOS-LQO), 1.04 to 4.64."""
    return _mean_of_parts(_pesq, reference, synthesis)


def _mean_of_parts(measure, reference, synthesis):
    count = max(1, -(-len(reference) // LONGEST))
    parts = zip(np.array_split(reference, count), np.array_split(synthesis, count), strict=True)
    figures = [measure(a.astype(np.float64), b.astype(np.float64)) for a, b in parts]
    figures = [figure for figure in figures if figure is not None]
    return float(np.mean(figures)) if figures else None


def _stoi(reference, synthesis, extended=False):
    from pystoi import stoi as pystoi

    if len(reference) < _SHORTEST or not reference.any():
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        try:
            return pystoi(reference, synthesis, RATE, extended)
        except RuntimeWarning:  # too few frames with speech
            return None


def _estoi(reference, synthesis):
    return _stoi(reference, synthesis, extended=True)


def _pesq(reference, synthesis):
    from pesq import PesqError
    from pesq import pesq as itu

    if len(reference) < _SHORTEST or not reference.any() or not synthesis.any():
        return None
    try:
        return itu(RATE, reference, synthesis, "wb")
    except (PesqError, ValueError):  # no utterance found, or no figure
        return None
