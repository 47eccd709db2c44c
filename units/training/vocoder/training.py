"""The training loop of a vocoder: validation, checkpoints, roll-backs, log lines."""

import os
import time

import torch

from units.records import InputError
from units.training import checkpoint, run
from units.training.distributed import Group
from units.training.run import CHECKPOINT
from units.training.vocoder import initial, predictor_training, validation
from units.training.vocoder.descent import Descent
from units.training.vocoder.discriminators import Discriminators
from units.training.vocoder.feed import Feed
from units.training.vocoder.health import Health
from units.training.vocoder.schedule import Schedule
from units.vocoder.model import build, folded, save_config, save_part

PREVIOUS, BEST = (f"checkpoint-{kind}.safetensors" for kind in ("previous", "best"))
SCORE_EVERY = 5  # validations between those that also compute the slower metrics
ROLL_BACKS = 3
_TRAINED = ("generator", "f0_predictor", "duration_predictor", "discriminators")


class VocoderRun(run.TrainingRun):
    """A run with its networks, optimizers, and counters.

    config: VocoderConfig; settings: TrainingConfig; corpus, held_out: UnitCorpus; init: folder of a vocoder
    to start from.
    """

    COUNTERS = (
        *("step", "epoch", "batch", "stale", "best", "seconds", "validations", "joined"),
        *("roll_backs", "ease", "discriminator_ease", "sure", "identity"),
    )

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
        if settings.batch_size % group.size:
            raise InputError(
                f"--batch-size {settings.batch_size} must be a multiple of {group.size} processes"
            )
        self.config, self.corpus, self.held_out, self.device = config, corpus, held_out, device
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(settings.seed)
            networks = [*build(config), Discriminators(settings.discriminators, settings.discriminator_width)]
        for name, network in zip(_TRAINED, networks, strict=True):
            setattr(self, name, network.to(device))
        if init:
            initial.start_from(init, config, dict(zip(_TRAINED, networks, strict=True)))
        identity = run.identity_of((config, settings), (corpus,))
        super().__init__(folder, settings, self.generator, identity, group, clock)
        self.average.eval()
        self.descent = Descent(self.generator, self.discriminators, settings, device, dtype, group)
        self.schedule, self.health = Schedule(settings, corpus, group.size), Health()
        self.feed = Feed(self.schedule, corpus, group, device)
        self.epoch = self.batch = self.stale = self.validations = self.roll_backs = 0
        self.joined, self.ease, self.discriminator_ease = -1, 1.0, 1.0
        self.best, self.sure = float("inf"), True
        self._found, self._begun = [], False
        self.fresh = self.counters()

    def parts(self):
        """Return {name: module} of the modules that a checkpoint holds."""
        return {name: getattr(self, name) for name in (*_TRAINED, "average")}

    def optimizers(self):
        """Return the optimizers of the generator and the discriminators."""
        return self.descent.optimizers

    def counters(self):
        """Return {name: value} of the counters that a checkpoint holds."""
        return {
            **super().counters(),
            "health": self.health.state(),
            "scaler": self.descent.scaler.state_dict(),
        }

    def set_counters(self, counters):
        """Take the counters of a checkpoint, the inverse of `counters`."""
        self.health.restore(counters.pop("health"))
        if scaler := counters.pop("scaler"):
            self.descent.scaler.load_state_dict(scaler)
        super().set_counters(counters)
        self._found, self._begun = [], True
        self.feed.stop()

    def prepare(self, counters, path):
        """Raise InputError if the batch at which to continue does not exist."""
        if counters["batch"] >= self.schedule.batches:
            raise InputError(
                f"{path}: not a checkpoint of this run (batch {counters['batch']} of {self.schedule.batches})"
            )

    def run(self, log=lambda line: None, progress=lambda *_: None, warn=lambda text: None, listen=None):
        """Train until the epochs, the hours or the patience end; leave the best weights in the folder.

        log gets a dict of figures; progress gets the step, the seconds and the share of the run that is done;
        warn gets text, one line; listen gets the step and {name: samples at 16 kHz}.
        """
        if not self._begun:
            self._begin(log)
        self.start_clock()
        try:
            while not self._is_over():
                self._step(log, progress, warn, listen)
        finally:
            self.feed.stop()

    def _step(self, log, progress, warn, listen):
        """Take a step; look at the losses, roll back or save if it is time."""
        self._found.append(self._train_batch())
        self.read_clock()
        progress(self.step, self.seconds, self.share())
        due = self.is_due() or self._is_over()
        if due or self.step % run.CHECK_EVERY == 0:
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
            predictor_training.train_predictors(*predictors, self.corpus, steps, seed, self.device)
            for name, module in zip(("f0", "duration"), predictors, strict=True):
                save_part(self.folder, name, module)
            figures = predictor_training.score_predictors(*predictors, self.held_out, self.device)
            self.save()
            log({"step": 0, **figures})
        self.group.wait()

    def share(self):
        """Return how much of the run is over, 0 to 1."""
        done = (self.epoch + self.batch / self.schedule.batches) / self.settings.epochs
        return run.share_of(done, self.seconds, self.settings.max_hours)

    def _is_over(self):
        return self.share() >= 1 or self.stale >= self.settings.patience

    def _train_batch(self):
        if self.joined < 0 and self.schedule.joins(self.step, self.share()):
            self.joined = self.step
            if self.step:  # losses without and with the discriminators cannot be compared
                self.best, self.stale = float("inf"), 0
        judged = self.schedule.judged(self.step) if self.joined >= 0 else None
        rates = self._rates()
        batch, self.epoch, self.batch = self.feed.take(self.epoch, self.batch)
        found = self.descent.step(batch, rates, self.step, judged)
        self.step += 1
        self.follow(self.generator)
        return found

    def _rates(self):
        steps = self.step, self.step - max(0, self.joined)
        rates = self.schedule.rates(self.epoch, self.share(), steps)
        return rates[0] * self.ease, rates[1] * self.discriminator_ease

    def _look(self):
        """Return the last losses as numbers, and the fault that one of those since the last look shows."""
        fault = None
        for found in self._found:
            values = torch.stack([value.float() for value in found.values()]).tolist()
            losses = dict(zip(found, values, strict=True))
            fault = fault or self.health.see(losses)
        self._found = []
        return losses, fault

    def _roll_back(self, fault, log, warn):
        """Continue from the last sound checkpoint, at a lower rate."""
        step, counters = self.step, (self.roll_backs + 1, self.ease, self.discriminator_ease)
        if self.roll_backs == ROLL_BACKS:
            raise InputError(f"step {step}: {fault}, after {ROLL_BACKS} roll-backs; try a smaller --lr")
        self._go_back()
        self.roll_backs, self.ease, self.discriminator_ease = counters
        self.discriminator_ease *= 0.25 if "discriminators" in fault else 0.5
        self.ease *= 1.0 if "discriminators" in fault else 0.5
        if self.group.first:
            self.sure = False  # do not keep the last checkpoint
            self.save()
            log({"step": step, "fault": fault, "back_to_step": self.step})
            warn(f"step {step}: {fault}; continuing from step {self.step} at a lower rate")
        self.group.wait()

    def _go_back(self):
        """Resume from the last checkpoint, or from the one before if there were signs of trouble."""
        try:
            self.resume()
        except InputError:  # its weights are NaN or infinite
            self.resume(PREVIOUS)
        if not self.sure and os.path.exists(self.path_of(PREVIOUS)):
            self.resume(PREVIOUS)

    def _judge(self, losses, log, listen):
        self.align()
        found, scored = {"validation_log_mel": 0.0}, self._is_over() or self.validations % SCORE_EVERY == 0
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
        if self.sure:
            checkpoint.keep(self.path_of(CHECKPOINT), self.path_of(PREVIOUS))
        self.sure = self.health.is_sure
        self.save_checkpoint()
        if better:
            checkpoint.keep(self.path_of(CHECKPOINT), self.path_of(BEST))
