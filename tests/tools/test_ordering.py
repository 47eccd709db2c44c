"""What each figure of su-eval speech makes of copies that differ in one known way: what a figure means."""

import numpy as np
import pytest
import pyworld
from speechlike import recording

from units.metrics.speech import NAMES, compare

RATE = 16000

# figure: chains of the copies below, each less than the next, "=" where they are the same but for rounding
ORDER = {
    "log_mel": ["copy < world < quiet < noise", "copy < late < quiet"],
    "mcd": ["copy = quiet < world < noise", "quiet < late < noise"],
    "mcd_dtw": ["copy = quiet < late < world < noise"],
    "f0_rmse_hz": ["copy = quiet < late < noise", "quiet < world < noise"],
    "f0_rmse_cents": ["copy = quiet < late < noise", "quiet < world < noise"],
    "f0_corr": ["noise < world < copy", "noise < late < quiet = copy"],
    "vde": ["copy = quiet < late < noise", "quiet < world < noise"],
    "gpe": ["copy = quiet < noise", "world < noise", "late < noise"],
    "stoi": ["noise < world < copy", "noise < late < quiet = copy"],
    "estoi": ["noise < world < copy", "noise < late < quiet = copy"],
    "pesq": ["noise < world < late = quiet = copy"],
    "mos": ["noise < world", "noise < late", "noise < quiet", "noise < copy"],
    "comb_db": ["copy = quiet = late = world = noise < clicks"],
}
SAME = {"comb_db": 0.5, "pesq": 0.05, "mcd": 0.02, "mcd_dtw": 0.02}


def spoken():
    """Return phrases with silence between them and the noise of a room under them."""
    samples = recording([0.3, 2, 0.3])
    return samples + 1e-4 * np.random.default_rng(1).standard_normal(len(samples))


def world(samples):
    """Return WORLD's analysis and synthesis: the same voice, its phases lost."""
    f0_hz, times = pyworld.dio(samples, RATE)
    f0_hz = pyworld.stonemask(samples, f0_hz, times, RATE)
    envelope = pyworld.cheaptrick(samples, f0_hz, times, RATE)
    made = pyworld.synthesize(f0_hz, envelope, pyworld.d4c(samples, f0_hz, times, RATE), RATE)
    return made[: len(samples)]


def random_phase(samples):
    """Return noise of the very same spectrum, over the recording as a whole."""
    spectrum = np.fft.rfft(samples)
    turn = np.random.default_rng(0).uniform(0, 2 * np.pi, len(spectrum))
    return np.fft.irfft(spectrum * np.exp(1j * turn), len(samples))


def clicking(samples):
    """Return a copy with a faint click each 20 ms, as a vocoder leaves that does something once a frame."""
    copy = samples.copy()
    copy[::320] += 0.02
    return copy


@pytest.fixture(scope="module")
def figures(with_pesq):
    original = spoken()
    copies = {
        "copy": original,
        "quiet": original / 2,
        "late": np.concatenate([np.zeros(160), original[:-160]]),
        "world": world(original),
        "noise": random_phase(original),
        "clicks": clicking(original),
    }
    return {
        name: compare(original.astype(np.float32), copy.astype(np.float32)) for name, copy in copies.items()
    }


@pytest.mark.parametrize("figure", ORDER)
def test_the_copies_order_as_they_should(figures, figure):
    for chain in ORDER[figure]:
        names = chain.split()
        for left, sign, right in zip(names[::2], names[1::2], names[2::2], strict=False):
            a, b = figures[left][figure], figures[right][figure]
            if sign == "<":
                assert a < b, f"{left} {a:.3f} < {right} {b:.3f}"
            else:
                assert a == pytest.approx(b, abs=SAME.get(figure, 1e-3)), f"{left} = {right}"


def test_every_figure_of_two_waveforms_is_in_the_table(figures):
    assert [*ORDER, "uer", "rtf"] == list(NAMES)
    assert all(list(found) == list(ORDER) for found in figures.values())


def test_a_copy_is_perfect(figures):
    perfect = dict.fromkeys(("log_mel", "mcd", "mcd_dtw", "f0_rmse_hz", "f0_rmse_cents", "vde", "gpe"), 0)
    perfect |= {"f0_corr": 1, "stoi": 1, "estoi": 1, "pesq": 4.644}
    assert {name: figures["copy"][name] for name in perfect} == pytest.approx(perfect, abs=1e-3)


def test_half_as_loud_is_ln_2_in_log_mel(figures):
    assert figures["quiet"]["log_mel"] == pytest.approx(np.log(2), abs=0.005)
