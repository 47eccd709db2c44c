"""The training loop: rounds of targets and steps, checkpoints, the log."""

import copy
import os
import time

import numpy as np
import torch
from torch.nn.functional import cross_entropy

from units.codebook.kmeans import perplexity
from units.devices import choose_dtype
from units.encoders import models
from units.encoders.ahead import Ahead
from units.encoders.learned import Learned, save_network
from units.encoders.network import Network
from units.records import InputError
from units.training import checkpoint
from units.training.distributed import Group
from units.training.encoder import augment, batches
from units.training.encoder import targets as making
from units.training.run import check_identity, fall, follow, identity_of, share_done, warm_up

CHECKPOINT = "checkpoint.safetensors"
CLIP = 5.0  # of the gradients' norm
_AHEAD = 4  # batches made ahead of time
_HELD_OUT_BATCHES = 4
_COUNTERS = ("step", "round", "begun", "seconds")
_FREE = ("steps", "max_hours", "save_every")  # settings that may change when a run is resumed


class Pretraining:
    """A run: networks, optimizer, targets and progress. It can be saved at any step and resumed from there.

    corpus, held_out: AudioCorpus; shape: NetworkConfig; config: PretrainingConfig; initial: a Network to
    start from, whose middle layer then makes the first targets; group: the processes that train together;
    clock: returns s.
    """

    def __init__(
        self,
        folder,
        shape,
        config,
        corpus,
        held_out,
        device=torch.device("cpu"),
        dtype="auto",
        initial=None,
        group=Group(),
        clock=time.monotonic,
    ):
        self.folder, self.config, self.corpus, self.held_out = folder, config, corpus, held_out
        self.device, self.dtype, self.group, self.clock = device, choose_dtype(dtype, device), group, clock
        self.adapting = initial is not None
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(config.seed)
            self.network = (initial or Network(shape)).to(device)
            self.heads = [
                torch.nn.Linear(shape.width, self._clusters(r)).to(device) for r in range(config.rounds)
            ]
        self.average = copy.deepcopy(self.network).requires_grad_(False)
        self.identity = identity_of(shape, config, _FREE, (corpus, held_out), initial)
        self.step = self.round = self.begun = 0
        self.seconds = 0.0
        self._renew()

    def _clusters(self, number):
        return self.config.clusters[min(number, len(self.config.clusters) - 1)]

    def _renew(self):
        weights = [*self.network.parameters(), *self.heads[self.round].parameters()]
        self.optimizer = torch.optim.AdamW(weights, self.config.lr, betas=(0.9, 0.98), weight_decay=0.01)

    def run(self, log=lambda line: None, progress=lambda step, seconds, share: None):
        """Train until the steps or the hours are over; save the averaged network in the folder."""
        self._started, begun = self.clock() - self.seconds, self.step
        while self._share() < 1:
            self._run_round(log, progress)
            if self.round + 1 < self.config.rounds and self._share() < 1:
                self.round += 1
                self.begun = self.step
                self._renew()
        if self.group.first and self.step > begun:
            self.save()
            log(self._line({}))

    def _share(self):
        """Return how much of the run is over, 0 to 1."""
        return share_done(self.step / self.config.steps, self.seconds, self.config.max_hours)

    def _run_round(self, log, progress):
        self.targets, self.held_out_targets = self._targets()
        end = (self.round + 1) / self.config.rounds
        made = Ahead((self._batch(step) for step in range(self.step, self.config.steps)), _AHEAD, daemon=True)
        try:
            while self._share() < min(end, 1):
                found = self._train(next(made))
                self.seconds = self.group.agreed(self.clock() - self._started)
                progress(self.step, self.seconds, self._share())
                if self.step % self.config.save_every == 0 and self.group.first:
                    self.save()
                    log(self._line(found))
        finally:
            made.close()

    def _batch(self, step):
        random = np.random.default_rng([self.config.seed, step])
        batch = batches.draw(self.corpus, self.targets, self.config, random)
        return batch.part(self.group.own(len(batch.tapes)))

    def _targets(self):
        """Return the round's targets of both corpora, computed once and cached in the folder."""
        path = os.path.join(self.folder, "cache", f"targets-{self.round}.npz")
        key = f"{self.identity} {self.round} {self.begun}"
        if self.group.first and making.load_targets(path, key) is None:
            if self.step > self.begun and (self.round or self.adapting):
                raise InputError(f"{path}: the targets of this round are missing; start a new run")
            making.save_targets(path, key, self._make_targets())
        self.group.wait()
        kept = making.load_targets(path, key)
        sizes = [corpus.frames.sum() for corpus in (self.corpus, self.held_out)]
        if kept is None or [len(targets) for targets in kept] != sizes:
            raise InputError(f"{path}: the targets do not fit this run; delete the file")
        return kept

    def _make_targets(self):
        corpora, k = (self.corpus, self.held_out), self._clusters(self.round)
        if not self.round and not self.adapting:
            mfcc = models.load_encoder("mfcc")
            return making.clusters(corpora, mfcc.encode, k, self.config.seed, **making.MFCC)
        encoder = Learned(
            copy.deepcopy(self.average), "", [self.config.target_layer], str(self.device), _name(self.dtype)
        )
        return making.clusters(corpora, encoder.encode, k, self.config.seed)

    def _guess(self, network, batch):
        """Return the (B T, K) predictions and the (B T,) targets, -1 for frames that are not masked."""
        real, masked, targets = (
            torch.as_tensor(a, device=self.device) for a in (batch.real, batch.masked, batch.targets)
        )
        with torch.no_grad():
            tapes = torch.as_tensor(batch.tapes, device=self.device)
            spectra = augment.spectra(tapes, batch.plans, batch.real.shape[1], network.config)
        with torch.autocast(self.device.type, self.dtype, enabled=self.dtype != torch.float32):
            hidden = network(spectra, None if real.all() else real, masked)
            # Of all frames, so that the shape stays the same: a CPU caches code for every shape.
            guesses = self.heads[self.round](hidden).float()
        return guesses.flatten(0, 1), torch.where(masked, targets, -1).flatten()

    def _train(self, batch):
        self._set_rate()
        guesses, targets = self._guess(self.network, batch)
        loss = cross_entropy(guesses, targets, reduction="sum", ignore_index=-1)
        count = (targets >= 0).sum().float()
        self.group.sum(count)
        loss = loss / count.item()
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        weights = self.optimizer.param_groups[0]["params"]
        self.group.sum(*(weight.grad for weight in weights))
        loss = loss.detach()
        self.group.sum(loss)
        norm = torch.nn.utils.clip_grad_norm_(weights, CLIP)
        if not torch.isfinite(norm):
            raise InputError(f"training diverged at step {self.step}; a smaller --lr may help")
        self.optimizer.step()
        self.step += 1
        follow(self.average, self.network, self.step, self.config.ema)
        return {"loss": loss.item(), "norm": norm.item()}

    def _set_rate(self):
        warm = warm_up(self.step - self.begun, self.config.warmup)
        rate = self.config.lr * warm * fall(self._share(), self.config.decay)
        self.optimizer.param_groups[0]["lr"] = rate

    @torch.inference_mode()
    def _line(self, found):
        """Return the figures to log: the losses, and how well held-out recordings are predicted."""
        losses, right, guessed = [], [], []
        for number in range(_HELD_OUT_BATCHES):
            random = np.random.default_rng([self.config.seed, number])
            batch = batches.draw(self.held_out, self.held_out_targets, self.config, random, augmented=False)
            guesses, targets = self._guess(self.network, batch)
            losses.append(cross_entropy(guesses, targets, ignore_index=-1).item())
            best = guesses.argmax(dim=1)[targets >= 0]
            right.append((best == targets[targets >= 0]).float().mean().item())
            guessed.append(best.cpu().numpy())
        k = self._clusters(self.round)
        return {
            "step": self.step,
            "round": self.round,
            "seconds": round(self.seconds, 1),
            **found,
            "held_out_loss": float(np.mean(losses)),
            "held_out_accuracy": float(np.mean(right)),
            "target_perplexity": perplexity(np.bincount(self.held_out_targets, minlength=k)),
            "guess_perplexity": perplexity(np.bincount(np.concatenate(guessed), minlength=k)),
        }

    def save(self):
        """Write the averaged network and the checkpoint."""
        save_network(self.folder, self.average)
        path = os.path.join(self.folder, CHECKPOINT)
        checkpoint.save(path, self._parts(), [self.optimizer], self._counters())

    def _counters(self):
        return {name: getattr(self, name) for name in (*_COUNTERS, "identity")}

    def resume(self):
        """Continue from the folder's checkpoint. Raises InputError if it does not fit this run."""
        path = os.path.join(self.folder, CHECKPOINT)
        fresh = self._counters()
        counters = checkpoint.counters_of(path, fresh)
        check_identity(path, counters["identity"], self.identity)
        if counters["round"] >= self.config.rounds:
            raise InputError(f"{path}: round {counters['round']} is after the last round of this run")
        for name, value in counters.items():
            setattr(self, name, value)
        self._renew()  # the optimizer of that round
        checkpoint.load(path, self._parts(), [self.optimizer], fresh)

    def _parts(self):
        heads = {f"head{number}": head for number, head in enumerate(self.heads)}
        return {"network": self.network, "average": self.average, **heads}


def _name(dtype):
    return {torch.float32: "fp32", torch.bfloat16: "bf16"}[dtype]
