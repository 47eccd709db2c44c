"""Swapped prediction: two views of the same speech must get the same prototypes.

Each view names, frame by frame, the prototype of the other one. The wanted prototypes are balanced, so that
all of them are used, not one prototype for everything (Spin, Chang et al. 2023,
arXiv 2305.11072; SwAV, Caron et al. 2020, arXiv 2006.09882). The views are the same crop, changed in two
ways, or two occurrences of a term.
"""

import numpy as np
import torch
from torch import nn
from torch.nn.functional import normalize

from units.devices import upload
from units.training.encoder.batches import draw_views
from units.training.encoder.objective import spectra_of
from units.training.encoder.online import used_up

TUNED = 2  # upper layers that change; the others stay as they are
_DIMENSIONS = 256  # of the space in which frames and prototypes are compared
_TEMPERATURE, _SHARPNESS = 0.1, 0.05  # of the guesses and of the wanted prototypes
_BALANCINGS = 3


class SwappedPrediction(nn.Module):
    """The prototypes, and the projection of a network's last layer to their space.

    pairs: Pairs of occurrences of terms in the training corpus, or None.
    """

    def __init__(self, network, prototypes, pairs=None):
        super().__init__()
        self.pairs = pairs
        self.projection = nn.Linear(network.config.width, _DIMENSIONS)
        self.prototypes = nn.Linear(_DIMENSIONS, prototypes, bias=False)
        self.register_buffer("used", torch.zeros(prototypes))

    def weights(self, network, _number):
        """Return the parameters to train, with those of the network's upper layers; freeze its others."""
        layers = network.requires_grad_(False).layers[-TUNED:].requires_grad_(True)
        return [weight for module in (*layers, self) for weight in module.parameters()]

    def draw(self, corpus, _targets, settings, random, augmented=True, rows=slice(None)):
        """Return the Views of a batch, as `draw_views` makes them; only training batches show pairs.

        Held-out crops are changed too: otherwise both views would be the same.
        """
        return draw_views(corpus, settings, random, True, rows, self.pairs if augmented else None)

    def loss(self, network, views, moment):
        """Return the loss of Views, a scalar whose sum over the processes is that of the whole batch."""
        first, second = self._scores(network, views, moment)
        count = upload(np.float32(len(views.partners)), moment.device)
        moment.group.sum(count)
        wanted = [balanced(scores.detach(), moment.group) for scores in (first, second)]
        self.used += wanted[0].sum(0)
        guesses = [(scores / _TEMPERATURE).log_softmax(1) for scores in (second, first)]
        return -sum((w * g).sum() for w, g in zip(wanted, guesses, strict=True)) / (2 * count)

    def _scores(self, network, views, moment):
        """Return the (N, K) scores of the frames that both views have, one tensor for each view."""
        found = []
        for batch, places in zip((views.first, views.second), views.partners.T, strict=True):
            spectra = spectra_of(batch.tapes, batch.plans, network.config, moment.device)
            real, places = upload(batch.real, moment.device), upload(places, moment.device)
            with moment.autocast():
                last = network(spectra, None if batch.real.all() else real)
            frames = last.float().flatten(0, 1)[places]
            found.append(normalize(self.projection(frames)) @ normalize(self.prototypes.weight).T)
        return found

    def follow(self, network, share):
        """Do nothing; only a teacher would follow."""

    @torch.inference_mode()
    def validate(self, network, many, moment):
        """Return the figures of held-out Views for the log."""
        found = []
        for views in many:
            first, second = self._scores(network, views, moment)
            found.append((first.argmax(1) == second.argmax(1)).float().mean().item())
        return {
            "held_out_agreement": float(np.mean(found)),
            "prototype_perplexity": used_up(self.used).item(),
        }


def balanced(scores, group):
    """Return (N, K) weights of prototypes whose rows sum to 1 and whose columns have almost equal sums.

    scores: (N, K). This is the algorithm of Sinkhorn and Knopp, over the frames of all processes.
    """
    weights = ((scores - scores.amax(1, keepdim=True)) / _SHARPNESS).exp()
    for _ in range(_BALANCINGS):
        sums = weights.sum(0)
        group.sum(sums)
        weights = weights / sums.clamp(min=1e-12)
        weights = weights / weights.sum(1, keepdim=True).clamp(min=1e-12)
    return weights
