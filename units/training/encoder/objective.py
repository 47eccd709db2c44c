"""What the network learns to guess in a batch, and how well it does."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from units.audio.timing import HOP, RECEPTIVE_FIELD
from units.codebook.entropy import perplexity
from units.devices import upload
from units.training.distributed import Group
from units.training.encoder import augment
from units.training.encoder.batches import draw_batch, size
from units.training.encoder.online import OnlineTargets, summed


@dataclass(frozen=True)
class Moment:
    """The state of a run, and what it computes with. share: how much of the run is over, 0 to 1."""

    round: int
    step: int
    share: float
    device: torch.device
    dtype: torch.dtype
    group: Group

    def autocast(self):
        """Return the context in which networks compute."""
        return torch.autocast(self.device.type, self.dtype, enabled=self.dtype != torch.float32)


class MaskedPrediction(nn.Module):
    """Heads that guess three kinds of targets from a network's outputs.

    Clusters are guessed for masked frames, from its last layer; there is a head for each round.
    Codewords of a teacher are guessed for the same frames, by each upper layer; see `online`. Labels are
    given with the data, and are guessed for all frames.

    settings: PretrainingConfig; sizes: the number of clusters of each round; labels: how many there are.
    """

    def __init__(self, network, settings, sizes, labels=0):
        super().__init__()
        self.settings, width = settings, network.config.width
        self.heads = nn.ModuleList(nn.Linear(width, size) for size in sizes)
        self.label_head = nn.Linear(width, labels) if labels else None
        self.online = None
        if settings.online_layers:
            self.online = OnlineTargets(network, settings.online_layers, settings.codewords)

    def weights(self, network, number):
        """Return the parameters that round `number` trains, those of the network among them."""
        modules = [network, *self.heads[number : number + 1], self.label_head]
        modules += [self.online.heads] if self.online else []
        return [weight for module in modules if module for weight in module.parameters()]

    def draw(self, corpus, targets, settings, random, augmented=True, rows=slice(None)):
        """Return a Batch, as `draw_batch` makes it."""
        return draw_batch(corpus, targets, settings, random, augmented=augmented, rows=rows)

    def loss(self, network, batch, moment):
        """Return the loss of a batch, a scalar whose sum over the processes is that of the whole batch.

        moment: the Moment of the run.
        """
        real, masked, targets, labels = on_device(batch, moment.device)
        hidden = torch.where(masked, targets, -1).flatten()
        counts = torch.stack([(hidden >= 0).sum(), masked.sum(), (labels >= 0).sum()]).float()
        moment.group.sum(counts)
        codes = self._codes(batch, real, masked, moment) if self.online else None
        spectra = spectra_of(batch.tapes, batch.plans, network.config, moment.device)
        with moment.autocast():
            outputs = network.outputs(spectra, None if batch.real.all() else real, masked)
            total = outputs[-1].new_zeros((), dtype=torch.float32)
            share = self._share_of_clusters(moment.share)
            if len(self.heads) and share:
                guesses = self.heads[moment.round](outputs[-1])
                total = total + share * summed(guesses, hidden) / counts[0].clamp(min=1)
            if self.online:
                total = total + self.online.loss(outputs, codes) / counts[1]
            if self.label_head:
                named = summed(self.label_head(outputs[-1]), labels.flatten())
                total = total + named / counts[2].clamp(min=1)
        return total

    def _share_of_clusters(self, share):
        """Return the weight of the clusters: 1, or falling to 0 over the first `fade` of the run."""
        fade = self.settings.fade
        return 1.0 if fade >= 1 else max(0.0, 1 - share / fade)

    def _codes(self, batch, real, masked, moment):
        """Return the (L, B T) codewords to guess, -1 for frames that are not masked."""
        plans = [augment.Plan(plan.speed) for plan in batch.plans]
        random = np.random.default_rng([self.settings.seed, moment.step, 1])
        fresh = upload(_drawn(batch.real, self.settings, moment.group, random), moment.device)
        places = upload(np.flatnonzero(batch.real), moment.device)
        clean = spectra_of(batch.clean, plans, self.online.teacher.config, moment.device)
        first = moment.step == 0
        with moment.autocast():
            codes = self.online.targets(clean, real, places, fresh, moment.group, first)
        return torch.where(masked, codes, -1).flatten(1)

    def follow(self, network, share):
        """Let the teacher follow the network after a step; share: how much of the run is over."""
        if self.online:
            self.online.follow(network, share)

    @torch.inference_mode()
    def validate(self, network, many, moment):
        """Return the figures of held-out Batches for the log."""
        found, guessed = [], []
        for batch in many:
            real, masked, targets, labels = on_device(batch, moment.device)
            spectra = spectra_of(batch.tapes, batch.plans, network.config, moment.device)
            with moment.autocast():
                last = network(spectra, None if batch.real.all() else real, masked)
                # Guess for all frames: a CPU keeps code for every shape of array that it has ever multiplied.
                guesses = self.heads[moment.round](last) if len(self.heads) else None
                names = self.label_head(last) if self.label_head else None
            figures = {}
            if guesses is not None:
                wanted = torch.where(masked, targets, -1).flatten()
                figures |= scores("held_out", guesses, wanted)
                guessed.append(guesses.argmax(-1).flatten()[wanted >= 0].cpu().numpy())
            if names is not None:
                figures |= scores("label", names, labels.flatten())
            found.append(figures)
        means = {name: float(np.nanmean([figures[name] for figures in found])) for name in found[0]}
        if guessed:
            means["guess_perplexity"] = perplexity(np.bincount(np.concatenate(guessed)))
        if self.online:
            means |= self.online.perplexities()
        return means


def _drawn(real, settings, group, random):
    """Return (codewords,) numbers of frames drawn from the whole batch, -1 for those of another process.

    real: (B, T) bool, this process's rows; random: a generator that is the same in all processes.
    """
    rows = random.integers(0, size(settings), settings.codewords)
    shares = random.random(settings.codewords)
    mine = rows % group.size == group.rank
    own = np.where(mine, rows // group.size, 0)
    return np.where(mine, own * real.shape[1] + (shares * real.sum(1)[own]).astype(np.int64), -1)


def on_device(batch, device):
    """Return the real and masked frames, the targets and the labels of a Batch, as tensors on a device."""
    return [upload(array, device) for array in (batch.real, batch.masked, batch.targets, batch.labels)]


@torch.no_grad()
def spectra_of(tapes, plans, config, device):
    """Return the network's input for tapes, (B, S), that are changed by Plans."""
    frames = (tapes.shape[1] - RECEPTIVE_FIELD) // HOP + 1
    return augment.spectra(upload(tapes, device), plans, frames, config)


def scores(name, guesses, wanted):
    """Return {NAME_loss, NAME_accuracy} of (B, T, K) guesses; wanted: (B T,), -1 to leave out."""
    count = (wanted >= 0).sum().item() or np.nan
    right = (guesses.flatten(0, 1).argmax(1) == wanted)[wanted >= 0].sum().item()
    return {f"{name}_loss": summed(guesses, wanted).item() / count, f"{name}_accuracy": right / count}
