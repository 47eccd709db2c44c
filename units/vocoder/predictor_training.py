"""Train the F0 and duration predictors: minutes, before the generator."""

import numpy as np
import torch
from torch.nn.functional import l1_loss

CROPS, LENGTH = 8, 200  # crops a step, frames a crop: 4 s
LR = 2e-3


def train(f0_predictor, duration_predictor, corpus, steps, seed, device="cpu"):
    """Train both predictors, in place, on random crops of the corpus, by AdamW with one cycle of the rate."""
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


def _duration_loss(predictor, units, speaker):
    """Return the L1 of log durations of the runs in (B, N) frame units, but for those that a crop cuts."""
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
