"""Validate a generator on held-out recordings, by the metrics of su-eval, and make clips to listen to."""

import numpy as np
import torch
from torch.nn.functional import l1_loss

from units.audio.timing import HOP
from units.metrics import speech

CROP, CROPS = 200, 24  # frames (4 s); number of crops, which bounds the cost
FIGURES = ("f0_rmse_hz", "f0_corr", "vde", "stoi")
_FEW = 8  # crops for the slower metrics
_CLIPS, _LONGEST = 2, 500  # recordings to listen to; frames of each


def _crops(corpus, most):
    """Return the first frames of crops spread evenly over a corpus, and their length in frames."""
    count = len(corpus.units)
    length = min(CROP, count)
    return np.linspace(0, count - length, min(most, count // length)).astype(int), length


@torch.inference_mode()
def _speak(generator, corpus, start, length, device):
    """Return the generated audio of some frames, and the recorded audio: (1, S) tensors."""
    batch = corpus.take(np.array([start]), length)
    *conditions, real = (torch.as_tensor(a, device=device) for a in batch)
    return generator(*conditions), real


def log_mel(generator, corpus, distance, device):
    """Return the mean log-mel L1 over crops of a corpus. distance: a LogMel."""
    starts, length = _crops(corpus, CROPS)
    found = []
    for start in starts:
        made, real = _speak(generator, corpus, start, length, device)
        found.append(l1_loss(distance(made), distance(real)).item())
    return float(np.mean(found))


def figures(generator, corpus, device):
    """Return {name: mean} of those FIGURES whose libraries are installed, over a few crops."""
    names = [name for name in FIGURES if name not in speech.missing(FIGURES)]
    starts, length = _crops(corpus, _FEW)
    found = []
    for start in starts:
        made, real = _speak(generator, corpus, start, length, device)
        found.append(speech.compare(real[0].cpu().numpy(), made[0].float().cpu().numpy(), names))
    means = {name: [each[name] for each in found if name in each] for name in names}
    return {name: float(np.mean(values)) for name, values in means.items() if values}


def clips(generator, corpus, device):
    """Return {name: (S,) float32} of the first held-out recordings, as spoken and as recorded."""
    found = {}
    firsts = [0, *corpus.ends[:-1].tolist()][:_CLIPS]
    for number, start in enumerate(firsts):
        length = min(int(corpus.ends[number]) - start, _LONGEST)
        made, real = _speak(generator, corpus, start, length, device)
        for kind, wave in (("spoken", made), ("recorded", real)):
            found[f"{number}/{kind}"] = wave[0].float().clamp(-1, 1).cpu().numpy()[: length * HOP]
    return found
