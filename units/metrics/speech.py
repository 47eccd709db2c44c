"""All figures of a resynthesis and its reference, as one dict.

The common part of both is compared frame by frame. Only `mcd_dtw` aligns both in full; `mos` and `comb_db`
measure the entire resynthesis. A figure that cannot be computed is left out; it is never 0.
"""

import importlib.util

NAMES = (
    *("log_mel", "mcd", "mcd_dtw", "f0_rmse_hz", "f0_rmse_cents", "f0_corr", "vde", "gpe"),
    *("stoi", "estoi", "pesq", "mos", "comb_db", "uer", "rtf"),
)
# figure: (the additional modules it needs, the extra that installs them)
_NEEDS = {
    "stoi": (("pystoi",), "eval"),
    "estoi": (("pystoi",), "eval"),
    "pesq": (("pesq",), "pesq"),
    "mos": (("onnxruntime", "speechmos"), "eval"),
}
_OF_WORLD = {"mcd", "mcd_dtw", "f0_rmse_hz", "f0_rmse_cents", "f0_corr", "vde", "gpe"}


def missing(names):
    """Return {figure: extra} for the named figures whose libraries are not installed."""
    return {
        name: _NEEDS[name][1]
        for name in names
        if name in _NEEDS and not all(map(importlib.util.find_spec, _NEEDS[name][0]))
    }


def compare(reference, synthesis, names=NAMES, frame_shift=0.02):
    """Return {name: figure} of a resynthesis against its reference, in the order of NAMES.

    reference, synthesis: (S,) and (T,) float32 at 16 kHz; frame_shift: of the units, s. `uer` and `rtf`
    are not included: they need more than two waveforms.
    """
    from units.metrics import intelligibility, mos, spectral

    length = min(len(reference), len(synthesis))
    both = reference[:length], synthesis[:length]
    measures = {
        "log_mel": lambda: spectral.log_mel(*both),
        "stoi": lambda: intelligibility.stoi(*both),
        "estoi": lambda: intelligibility.estoi(*both),
        "pesq": lambda: intelligibility.pesq(*both),
        "mos": lambda: mos.mos(synthesis),
        "comb_db": lambda: spectral.comb_db(synthesis, frame_shift),
    }
    figures = {name: measure() for name, measure in measures.items() if name in names}
    if _OF_WORLD.intersection(names):
        figures |= _of_world(reference, synthesis, names)
    return {name: figures[name] for name in NAMES if name in names and figures.get(name) is not None}


def _of_world(reference, synthesis, names):
    """Return the figures that use the analysis of WORLD."""
    from units.metrics import cepstral, pitch_errors

    tracks = [cepstral.f0_track(samples) for samples in (reference, synthesis)]
    length = min(map(len, tracks))
    both = [track[:length] for track in tracks]
    pitch = {name: getattr(pitch_errors, name)(*both) for name in _OF_WORLD & vars(pitch_errors).keys()}
    if not {"mcd", "mcd_dtw"}.intersection(names):
        return pitch
    a, b = map(cepstral.mel_cepstra, (reference, synthesis), tracks)
    figures = pitch | {"mcd": cepstral.mcd(a[:length], b[:length])}
    return figures | {"mcd_dtw": cepstral.mcd_dtw(a, b)} if "mcd_dtw" in names else figures
