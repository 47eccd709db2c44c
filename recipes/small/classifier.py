"""A small classifier of frames in their context, in place of Gaussians."""

import itertools

import numpy as np
import torch
from torch import nn

OFFSETS = (-4, -2, -1, 0, 1, 2, 4)  # frames that it sees
_BATCH, _RATE, _WIDTH = 512, 1e-3, 256


class Classifier:
    """Log probabilities of labels, from (T, D) frames of an utterance."""

    def __init__(self, dimension, count):
        sizes = [dimension * len(OFFSETS), _WIDTH, _WIDTH]
        layers = [
            layer
            for before, after in itertools.pairwise(sizes)
            for layer in (nn.Linear(before, after), nn.ReLU(), nn.Dropout(0.1))
        ]
        self._network = nn.Sequential(*layers, nn.Linear(_WIDTH, count))
        self._priors = None

    def train(self, utterances, labels, passes, seed=0):
        """Train on utterances, [(T, D)], and their labels, [(T,)]; a pass sees every frame once."""
        torch.manual_seed(seed)
        rows, centres = _joined(utterances)
        targets = torch.from_numpy(np.concatenate(labels))
        counts = torch.bincount(targets, minlength=self._network[-1].out_features) + 10.0
        self._priors = torch.log(counts / counts.sum())
        steps = int(passes * len(targets) / _BATCH)
        optimizer = torch.optim.Adam(self._network.parameters(), _RATE)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, _RATE * 2, steps + 1)
        loss_of = nn.CrossEntropyLoss(label_smoothing=0.05)
        self._network.train()
        order = torch.cat([torch.randperm(len(targets)) for _ in range(int(passes) + 1)])
        total = 0.0
        for step in range(steps):
            chosen = order[step * _BATCH : (step + 1) * _BATCH]
            loss = loss_of(self._network(_context(rows, centres[chosen])), targets[chosen])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total += loss.item() * (step >= steps * 0.9)
        self._network.eval()
        return total / max(1, steps - int(np.ceil(steps * 0.9)))

    @torch.inference_mode()
    def posteriors(self, utterance):
        """Return the (T, labels) log probabilities."""
        rows, centres = _joined([utterance])
        return torch.log_softmax(self._network(_context(rows, centres)), 1).numpy()

    def likelihoods(self, utterance):
        """Return the (T, labels) log likelihoods, but for a constant per frame."""
        return self.posteriors(utterance) - self._priors.numpy()


def _joined(utterances):
    """Return (rows, centres): all frames, with zeros between utterances, and where the frames are."""
    pad = max(OFFSETS)
    gap = np.zeros((pad, utterances[0].shape[1]), np.float32)
    rows, centres, start = [gap], [], pad
    for utterance in utterances:
        rows += [utterance, gap]
        centres.append(np.arange(start, start + len(utterance)))
        start += len(utterance) + pad
    return torch.from_numpy(np.concatenate(rows)), torch.from_numpy(np.concatenate(centres))


def _context(rows, centres):
    return rows[centres[:, None] + torch.tensor(OFFSETS)].flatten(1)
