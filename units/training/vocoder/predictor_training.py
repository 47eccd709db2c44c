"""Train the F0 and duration predictors, which takes minutes, and score them on held-out recordings."""

import itertools

import numpy as np
import torch
from torch.nn.functional import l1_loss

from units.metrics import pitch_errors

_FIGURES = ("f0_rmse_hz", "f0_corr", "vde")
CROPS, LENGTH = 8, 200  # crops per step; frames per crop (4 s)
LR = 2e-3
_FEW, _SHIFTS = 200, 4  # recordings to match in length; rounds, because lengths are rounded


def train_predictors(f0_predictor, duration_predictor, corpus, steps, seed, device="cpu"):
    """Train both predictors, in place, on random crops of the corpus, by AdamW with a one-cycle schedule."""
    random = np.random.default_rng(seed)
    weights = [*f0_predictor.parameters(), *duration_predictor.parameters()]
    optimizer = torch.optim.AdamW(weights, LR)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LR, total_steps=max(2, steps))
    for _ in range(steps):
        frames = (random.integers(len(corpus.units), size=(CROPS, 1)) + np.arange(LENGTH)) % len(corpus.units)
        units, speaker, f0_hz = (
            torch.as_tensor(column[frames], device=device)
            for column in (corpus.units, corpus.speaker, corpus.f0_hz)
        )
        loss = f0_predictor.loss(units, speaker, f0_hz) + _duration_loss(duration_predictor, units, speaker)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    _match_length(duration_predictor, corpus, device)


@torch.inference_mode()
def _match_length(predictor, corpus, device):
    """Shift predicted durations so that their sum is right: medians make speech a tenth shorter."""
    rows = [_runs(*columns) for columns in itertools.islice(_recordings(corpus, device), _FEW)]
    frames = sum(int(counts.sum()) for _, _, counts in rows)
    for _ in range(_SHIFTS):
        predicted = sum(int(predictor.predict(runs, speaker).sum()) for runs, speaker, _ in rows)
        predictor.out.bias += float(np.log(frames / predicted))


def _recordings(corpus, device):
    """Yield units and speaker, (1, N) each, of every recording."""
    for start, end in zip([0, *corpus.ends[:-1]], corpus.ends, strict=True):
        yield [
            torch.as_tensor(column[start:end], device=device)[None]
            for column in (corpus.units, corpus.speaker)
        ]


def _runs(units, speaker):
    """Return collapsed units and their speaker, (1, N) each, and the length of each in frames, (N,)."""
    runs, counts = torch.unique_consecutive(units[0], return_counts=True)
    return runs[None], speaker[:, :1].expand(1, len(runs)), counts


def _duration_loss(predictor, units, speaker):
    """Return the L1 of log durations of the runs in (B, N) frame units, except runs that a crop cuts."""
    rows = [torch.unique_consecutive(row, return_counts=True) for row in units]
    size = max(len(runs) for runs, _ in rows)
    runs, counts, inside = (
        torch.zeros(len(rows), size, dtype=torch.long, device=units.device) for _ in range(3)
    )
    for i, (values, lengths) in enumerate(rows):
        runs[i, : len(values)], counts[i, : len(values)] = values, lengths
        inside[i, 1 : len(values) - 1] = 1
    if not inside.any():
        return 0.0
    predicted = predictor(runs, speaker[:, :1].expand(-1, size))
    return l1_loss(predicted[inside > 0], torch.log(counts[inside > 0].float()))


@torch.inference_mode()
def score_predictors(f0_predictor, duration_predictor, corpus, device="cpu"):
    """Return the errors of both predictors on a corpus, recording by recording, as {name: figure}.

    F0 is scored by su-eval's metrics, over all frames. Durations are scored by the mean absolute error per
    run, in frames, and by the total predicted length as a share of the true one. Figures that are undefined
    are left out.
    """
    f0_hz, counts, guesses = [], [], []
    for columns in _recordings(corpus, device):
        f0_hz.append(f0_predictor.predict(*columns)[0].cpu().numpy())
        runs, speaker, lengths = _runs(*columns)
        counts.append(lengths.cpu().numpy())
        guesses.append(duration_predictor.predict(runs, speaker)[0].cpu().numpy())
    f0_hz, counts, guesses = map(np.concatenate, (f0_hz, counts, guesses))
    found = {f"predicted_{name}": getattr(pitch_errors, name)(corpus.f0_hz, f0_hz) for name in _FIGURES}
    found["predicted_duration_error"] = float(np.abs(counts - guesses).mean())
    found["predicted_duration_share"] = float(guesses.sum() / counts.sum())
    return {name: value for name, value in found.items() if value is not None}
