"""The training loop of a vocoder: validation, checkpoints, log. Only su-train-vocoder imports it."""

import copy
import os
import time

import torch

from units.records import InputError
from units.training import checkpoint
from units.training.distributed import Group
from units.training.run import check_identity, follow, identity_of
from units.training.vocoder import initial, predictor_training, validation
from units.training.vocoder.descent import Descent
from units.training.vocoder.discriminators import Discriminators
from units.training.vocoder.health import Health
from units.training.vocoder.schedule import Schedule
from units.vocoder.model import build, folded, save_config, save_part

CHECKPOINT, PREVIOUS, BEST = (f"checkpoint{kind}.safetensors" for kind in ("", "-previous", "-best"))
LOOK = 10  # steps between looks at the losses; each look waits for the GPU
SCORED = 5  # validations between computations of the slower figures
ROLL_BACKS = 3


class Training:
    """A run: networks, optimizers and progress. It can be saved at any step and resumed from there.

    config: VocoderConfig; settings: TrainingConfig; corpus, held_out: UnitCorpus; group: the processes that
    train together; init: directory of a vocoder to start from; clock: returns s.
    """

    def __init__(
        self,
        folder,
        config,
        settings,
        corpus,
        held_out,
        device="cpu",
        dtype=torch.float32,
        group=Group(),
        init=None,
        clock=time.monotonic,
    ):
        self.folder, self.config, self.settings, self.group = folder, config, settings, group
        self.corpus, self.held_out, self.device, self.clock = corpus, held_out, device, clock
        if settings.batch_size % group.size:
            raise InputError(
                f"--batch-size {settings.batch_size} must be a multiple of the {group.size} processes"
            )
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(settings.seed)
            networks = [*build(config), Discriminators(settings.discriminators, settings.discriminator_width)]
        for name, network in zip(_TRAINED, networks, strict=True):
            setattr(self, name, network.to(device))
        if init:
            initial.start_from(init, config, dict(zip(_TRAINED, networks, strict=True)))
        self.average = copy.deepcopy(self.generator).requires_grad_(False).eval()
        self.descent = Descent(self.generator, self.discriminators, settings, device, dtype, group)
        self.schedule = Schedule(settings, corpus, group.size)
        self.health, self.identity = Health(), identity_of(config, settings, _FREE, [corpus])
        self.step = self.epoch = self.batch = self.stale = self.validations = self.roll_backs = 0
        self.joined, self.ease, self.discriminator_ease = -1, 1.0, 1.0
        self.best, self.seconds, self.sure = float("inf"), 0.0, True
        self._found, self._begun, self._fresh = [], False, self._counters()

    def run(self, log=lambda line: None, progress=lambda *_: None, warn=lambda text: None, listen=None):
        """Train until the epochs, the hours or the patience are over; save the best weights in the folder.

        log is given a dict of figures, progress the step, the s and the share of the run that is done, warn a
        line of text, and listen a step and {name: samples at 16 kHz}.
        """
        if not self._begun:
            self._begin(log)
        started = self.clock() - self.seconds
        while not self._is_over():
            self._found.append(self._train_batch())
            if self.group.size == 1 or self.step % LOOK == 0:
                self.seconds = self.group.agreed(self.clock() - started)
            progress(self.step, self.seconds, self.share())
            due = self.step % self.settings.save_every == 0 or self._is_over()
            if due or self.step % LOOK == 0:
                losses, fault = self._look()
                if fault:
                    self._roll_back(fault, log, warn)
                elif due:
                    self._judge(losses, log, listen)

    def _begin(self, log):
        """Train the predictors, and save, so that there is a checkpoint to go back to."""
        if self.group.first:
            save_config(self.folder, self.config)
            predictors = self.f0_predictor, self.duration_predictor
            steps, seed = self.settings.predictor_steps, self.settings.seed
            predictor_training.train(*predictors, self.corpus, steps, seed, self.device)
            for name, module in zip(("f0", "duration"), predictors, strict=True):
                save_part(self.folder, name, module)
            figures = predictor_training.score(*predictors, self.held_out, self.device)
            self.save()
            log({"step": 0, **figures})
        self.group.wait()

    def share(self):
        """Return how much of the run is over, 0 to 1."""
        return self.schedule.share(self.epoch, self.batch, self.seconds)

    def _is_over(self):
        return self.share() >= 1 or self.stale >= self.settings.patience

    def _next_batch(self):
        """Return this process's part of the next crops."""
        starts = self.schedule.starts(self.epoch, self.batch)
        self.batch += 1
        if self.batch == self.schedule.batches:
            self.epoch, self.batch = self.epoch + 1, 0
        columns = self.corpus.take(starts[self.group.own(len(starts))], self.schedule.length)
        return [torch.as_tensor(column, device=self.device) for column in columns]

    def _train_batch(self):
        if self.joined < 0 and self.schedule.joins(self.step, self.share()):
            self.joined = self.step
            if self.step:  # losses with and without discriminators cannot be compared
                self.best, self.stale = float("inf"), 0
        judged = self.schedule.judged(self.step) if self.joined >= 0 else None
        rates = self._rates()
        found = self.descent.step(self._next_batch(), rates, self.step, judged)
        self.step += 1
        follow(self.average, self.generator, self.step, self.settings.ema)
        return found

    def _rates(self):
        steps = self.step, self.step - max(0, self.joined)
        rates = self.schedule.rates(self.epoch, self.share(), steps)
        return rates[0] * self.ease, rates[1] * self.discriminator_ease

    def _look(self):
        """Return the last losses as numbers, and the fault in those since the last look, or None."""
        fault = None
        for found in self._found:
            values = torch.stack([value.float() for value in found.values()]).tolist()
            losses = dict(zip(found, values, strict=True))
            fault = fault or self.health.see(losses)
        self._found = []
        return losses, fault

    def _roll_back(self, fault, log, warn):
        """Continue from the last sound checkpoint, at a lower learning rate."""
        step, counters = self.step, (self.roll_backs + 1, self.ease, self.discriminator_ease)
        if self.roll_backs == ROLL_BACKS:
            raise InputError(f"step {step}: {fault}, after going back {ROLL_BACKS} times; try a smaller --lr")
        self._go_back()
        self.roll_backs, self.ease, self.discriminator_ease = counters
        self.discriminator_ease *= 0.25 if "discriminators" in fault else 0.5
        self.ease *= 1.0 if "discriminators" in fault else 0.5
        if self.group.first:
            self.sure = False  # the last checkpoint is not to be kept
            self.save()
            log({"step": step, "fault": fault, "back_to_step": self.step})
            warn(f"step {step}: {fault}; continuing from step {self.step} at a lower learning rate")
        self.group.wait()

    def _go_back(self):
        """Load the last checkpoint, or the one before if the last was saved after a fault."""
        try:
            self.resume()
        except InputError:  # its weights are NaN
            self.resume(PREVIOUS)
        if not self.sure and os.path.exists(os.path.join(self.folder, PREVIOUS)):
            self.resume(PREVIOUS)

    def _judge(self, losses, log, listen):
        found, scored = {"validation_log_mel": 0.0}, self._is_over() or self.validations % SCORED == 0
        if self.group.first:
            value = validation.log_mel(self.average, self.held_out, self.descent.log_mel, self.device)
            found = {"validation_log_mel": value}
            if scored:
                found |= validation.figures(self.average, self.held_out, self.device)
        value = self.group.agreed(found["validation_log_mel"])
        self.validations += 1
        better = value < self.best
        self.stale = 0 if better else self.stale + 1
        if not self.group.first:
            self.best = min(self.best, value)
            return
        if better:
            self.best = value
            save_part(self.folder, "generator", folded(self.config, self.average))
        self.save(better)
        if scored and listen:
            listen(self.step, validation.clips(self.average, self.held_out, self.device))
        place = {"step": self.step, "epoch": self.epoch, "seconds": round(self.seconds, 1)}
        log(place | found | {"best": self.best} | losses)

    def save(self, better=False):
        """Write the checkpoint; keep the one before, and the best."""
        path, previous, best = (os.path.join(self.folder, name) for name in (CHECKPOINT, PREVIOUS, BEST))
        if self.sure:
            checkpoint.keep(path, previous)
        self.sure = self.health.is_sure
        checkpoint.save(path, self._parts(), self.descent.optimizers, self._counters())
        if better:
            checkpoint.keep(path, best)

    def _counters(self):
        counters = {name: getattr(self, name) for name in _COUNTERS}
        return counters | {"health": self.health.state(), "scaler": self.descent.scaler.state_dict()}

    def _parts(self):
        return {name: getattr(self, name) for name in (*_TRAINED, "average")}

    def resume(self, name=CHECKPOINT):
        """Continue from a checkpoint of the folder. Raises InputError if it does not fit this run."""
        path = os.path.join(self.folder, name)
        kept = checkpoint.counters_of(path, self._fresh)
        check_identity(path, (kept["identity"], True), (self.identity, kept["batch"] < self.schedule.batches))
        counters = checkpoint.load(path, self._parts(), self.descent.optimizers, self._fresh)
        self.health.restore(counters.pop("health"))
        if scaler := counters.pop("scaler"):
            self.descent.scaler.load_state_dict(scaler)
        for counter, value in counters.items():
            setattr(self, counter, value)
        self._found, self._begun = [], True


_COUNTERS = (
    *("step", "epoch", "batch", "stale", "best", "seconds", "validations", "joined"),
    *("roll_backs", "ease", "discriminator_ease", "sure", "identity"),
)
_TRAINED = ("generator", "f0_predictor", "duration_predictor", "discriminators")
_FREE = ("epochs", "max_hours", "patience", "save_every")  # settings that may change when a run is resumed
