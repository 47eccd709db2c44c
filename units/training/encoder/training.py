"""The training loop of an encoder: rounds of targets and steps, checkpoints, log lines."""

import copy
import time

import numpy as np
import torch

from units.codebook.entropy import perplexity
from units.devices import choose_dtype
from units.encoders import models
from units.encoders.ahead import Ahead
from units.encoders.learned import Learned, save_network
from units.encoders.network import Network
from units.records import InputError
from units.training import run
from units.training.distributed import Group
from units.training.encoder import batches
from units.training.encoder import targets as making
from units.training.encoder.objective import MaskedPrediction, Moment
from units.training.encoder.swapped import SwappedPrediction

CLIP = 5.0  # largest norm of the gradients
_AHEAD = 4  # batches prepared in advance
_HELD_OUT_BATCHES = 4


class EncoderRun(run.TrainingRun):
    """A run with its network, the heads that predict targets, and the optimizer.

    corpus, held_out: AudioCorpus; shape: NetworkConfig; settings: PretrainingConfig; initial: a Network to
    start from; the first targets are then clusters of its middle layer; labels: how many labels the corpora
    have, 0 for none; pairs: Pairs for --objective swapped, or None.
    """

    COUNTERS = ("step", "round", "begun", "seconds", "identity")

    def __init__(
        self,
        folder,
        shape,
        settings,
        corpus,
        held_out,
        device=torch.device("cpu"),
        dtype="auto",
        initial=None,
        group=Group(),
        labels=0,
        pairs=None,
        clock=time.monotonic,
    ):
        self.corpus, self.held_out, self.adapting = corpus, held_out, initial is not None
        self.device, self.dtype = device, choose_dtype(dtype, device)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(settings.seed)
            self.network = (initial or Network(shape)).to(device)
            if settings.objective == "swapped":
                self.objective = SwappedPrediction(self.network, settings.codewords, pairs).to(device)
            else:
                sizes = [_clusters(settings, number) for number in range(settings.rounds)]
                self.objective = MaskedPrediction(self.network, settings, sizes, labels).to(device)
        weights = initial.state_dict().values() if initial is not None else ()
        identity = run.identity_of((shape, settings), (corpus, held_out), weights)
        super().__init__(folder, settings, self.network, identity, group, clock)
        self.rounds = max(1, settings.rounds)  # without clusters there is one round too
        self.round = self.begun = 0  # the current round, and the step at which it began
        self._renew_optimizer()
        self._found = []  # losses since the last look
        self.fresh = self.counters()

    def _renew_optimizer(self):
        weights = self.objective.weights(self.network, self.round)
        for weight in weights:  # the head of targets that have faded out must be the same after resuming
            weight.grad = torch.zeros_like(weight)
        self.optimizer = torch.optim.AdamW(weights, self.settings.lr, betas=(0.9, 0.98), weight_decay=0.01)

    def parts(self):
        """Return {name: module} of the modules that a checkpoint holds."""
        return {"network": self.network, "average": self.average, "objective": self.objective}

    def optimizers(self):
        """Return [optimizer] of the current round."""
        return [self.optimizer]

    def prepare(self, counters, path):
        """Make the optimizer of the checkpoint's round; InputError if the run has no such round."""
        if counters["round"] >= self.rounds:
            raise InputError(
                f"{path}: not a checkpoint of this run (round {counters['round']} of {self.rounds})"
            )
        self.round = counters["round"]
        self._renew_optimizer()

    def run(self, log=lambda line: None, progress=lambda step, seconds, share: None):
        """Train until the steps or the hours end; leave the averaged network in the folder.

        log gets a dict of figures; progress gets the step, the seconds and the share of the run that is done.
        """
        begun = self.step
        self.start_clock()
        while self._share() < 1:
            self._run_round(log, progress)
            if self.round + 1 < self.rounds and self._share() < 1:
                self.round += 1
                self.begun = self.step
                self._renew_optimizer()
        if self.group.first:
            self.save()
            if self.step > begun:
                log(self._line({}))

    def _share(self):
        """Return how much of the run is over, 0 to 1."""
        return run.share_of(self.step / self.settings.steps, self.seconds, self.settings.max_hours)

    def _run_round(self, log, progress):
        self.targets, self.held_out_targets = self._targets()
        end = (self.round + 1) / self.rounds
        steps = range(self.step, self.settings.steps)
        made = Ahead((self._batch(step) for step in steps), _AHEAD, daemon=True)
        try:
            while self._share() < min(end, 1):
                self._found.append(self._train(next(made)))
                self.read_clock()
                progress(self.step, self.seconds, self._share())
                due = self.is_due()
                if due or self.step % run.CHECK_EVERY == 0 or self._share() >= min(end, 1):
                    found = self._look()
                if due:
                    self.align()
                if due and self.group.first:
                    self.save()
                    log(self._line(found))
        finally:
            made.close(wait=True)

    def _batch(self, step):
        random = np.random.default_rng([self.settings.seed, step])
        rows = self.group.own(batches.size(self.settings))
        return self.objective.draw(self.corpus, self.targets, self.settings, random, rows=rows)

    def _targets(self):
        """Return the round's clusters of both corpora, made once and kept in the folder, or Nones."""
        if not self.settings.rounds:
            return None, None
        path = self.path_of(f"cache/targets-{self.round}.npz")
        key = f"{self.identity} {self.round} {self.begun}"
        if self.group.first and making.load_targets(path, key) is None:
            if self.step > self.begun and (self.round or self.adapting):
                raise InputError(
                    f"{path}: damaged, or of another run; it cannot be made again once its round has begun, "
                    "so start again in another folder"
                )
            making.save_targets(path, key, self._make_targets())
        self.group.wait()
        kept = making.load_targets(path, key)
        sizes = [corpus.frames.sum() for corpus in (self.corpus, self.held_out)]
        if kept is None or [len(targets) for targets in kept] != sizes:
            raise InputError(f"{path}: holds targets of another run; remove it and run again")
        return kept

    def _make_targets(self):
        corpora, k = (self.corpus, self.held_out), _clusters(self.settings, self.round)
        if not self.round and not self.adapting:
            mfcc = models.load_encoder("mfcc")
            return making.clusters(corpora, mfcc.encode, k, self.settings.seed, **making.MFCC)
        layer = self.settings.target_layer or self.network.config.default_layer
        dtype = {torch.float32: "fp32", torch.bfloat16: "bf16"}[self.dtype]
        encoder = Learned(copy.deepcopy(self.average), "", [layer], str(self.device), dtype)
        return making.clusters(corpora, encoder.encode, k, self.settings.seed)

    def _moment(self):
        return Moment(self.round, self.step, self._share(), self.device, self.dtype, self.group)

    def _train(self, batch):
        self._set_rate()
        loss = self.objective.loss(self.network, batch, self._moment())
        self.optimizer.zero_grad(set_to_none=False)
        loss.backward()
        weights = self.optimizer.param_groups[0]["params"]
        self.group.sum(*(weight.grad for weight in weights))
        loss = loss.detach()
        self.group.sum(loss)
        norm = torch.nn.utils.clip_grad_norm_(weights, CLIP)
        self.optimizer.step()
        self.step += 1
        self.follow(self.network)
        self.objective.follow(self.network, self._share())
        return {"loss": loss, "norm": norm}

    def _look(self):
        """Return the last loss and norm as numbers; InputError if one since the last look is not finite."""
        found = torch.stack([torch.stack([*figures.values()]).float() for figures in self._found]).tolist()
        wrong = [row for row, values in enumerate(found) if not np.isfinite(values).all()]
        if wrong:
            raise InputError(
                f"training diverged at step {self.step - len(found) + wrong[0]}: the loss or its gradient is "
                "NaN or infinite; try a smaller --lr"
            )
        names, self._found = list(self._found[0]), []
        return dict(zip(names, found[-1], strict=True))

    def _set_rate(self):
        rising = run.warm_up(self.step - self.begun, self.settings.warmup)
        falling = run.cool_down(self._share(), self.settings.decay)
        self.optimizer.param_groups[0]["lr"] = self.settings.lr * rising * falling

    def _line(self, found):
        """Return a line of the log: the losses, and how well held-out recordings are predicted."""
        many = [
            self.objective.draw(
                self.held_out,
                self.held_out_targets,
                self.settings,
                np.random.default_rng([self.settings.seed, number]),
                augmented=False,
            )
            for number in range(_HELD_OUT_BATCHES)
        ]
        line = {"step": self.step, "round": self.round, "seconds": round(self.seconds, 1), **found}
        line |= self.objective.validate(self.network, many, self._moment())
        if self.held_out_targets is not None:
            line["target_perplexity"] = perplexity(np.bincount(self.held_out_targets))
        return line

    def save(self):
        """Write the checkpoint and the averaged network.

        The network comes last: a folder with weights then always has a checkpoint too, and a run that was
        killed in between writes the network when it is resumed.
        """
        self.save_checkpoint()
        save_network(self.folder, self.average)


def _clusters(settings, number):
    """Return the number of clusters to predict in a round."""
    return settings.clusters[min(number, len(settings.clusters) - 1)]
