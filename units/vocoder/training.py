"""The training loop of a vocoder: steps, validation, checkpoints, log. Only su-train-vocoder imports it."""

import copy
import os
import time

import numpy as np
import torch
from torch.nn.functional import l1_loss

from units import checkpoint
from units.audio import HOP
from units.records import InputError
from units.vocoder import predictor_training
from units.vocoder.discriminators import Discriminators, least_squares, require_grad
from units.vocoder.losses import LogMel, MultiResolutionStft, adversarial, feature_matching
from units.vocoder.model import build, folded, save_config, save_part

CHECKPOINT = "checkpoint.safetensors"
CLIP = 10.0  # of the gradients' norm
VALIDATION_CROP = 200  # frames: 4 s
VALIDATION_CROPS = 24  # at most, so that it stays cheap however much is held out


class Training:
    """All that a run is: networks, optimizers, where it stands; saved whole and resumed from there."""

    def __init__(self, folder, config, settings, corpus, held_out, device="cpu"):
        self.folder, self.config, self.settings = folder, config, settings
        self.corpus, self.held_out, self.device = corpus, held_out, device
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(settings.seed)
            networks = [*build(config), Discriminators(config.arch, settings.discriminator_width)]
        for name, network in zip(_TRAINED, networks, strict=True):
            setattr(self, name, network.to(device))
        self.average = copy.deepcopy(self.generator).requires_grad_(False)
        self.optimizers = [self._adam(self.generator), self._adam(self.discriminators)]
        self.log_mel, self.stft = LogMel().to(device), MultiResolutionStft().to(device)
        self.step = self.epoch = self.batch = self.stale = 0
        self.best, self.seconds = float("inf"), 0.0

    def _adam(self, module):
        return torch.optim.AdamW(module.parameters(), self.settings.lr, betas=(0.8, 0.99), weight_decay=0.01)

    def run(self, log=lambda line: None, progress=lambda step, seconds: None):
        """Train until the epochs, the hours or the patience end; leave the best weights in the folder."""
        save_config(self.folder, self.config)
        if not self.step:
            self._train_predictors()
        started = time.monotonic() - self.seconds
        while not self._is_over():
            losses = self._train_batch(self._next_batch())
            self.seconds = time.monotonic() - started
            progress(self.step, self.seconds)
            if self.step % self.settings.save_every == 0 or self._is_over():
                self._judge(losses, log)
                self.save()

    def _train_predictors(self):
        predictors = {"f0": self.f0_predictor, "duration": self.duration_predictor}
        steps, seed = self.settings.predictor_steps, self.settings.seed
        predictor_training.train(*predictors.values(), self.corpus, steps, seed, self.device)
        for name, module in predictors.items():
            save_part(self.folder, name, module)

    def _is_over(self):
        limits = self.settings
        hours = limits.max_hours and self.seconds >= 3600 * limits.max_hours
        return bool(self.epoch >= limits.epochs or hours or self.stale >= limits.patience)

    def _next_batch(self):
        """Return the next crops; their order follows from seed and epoch alone, so a resumed run goes on."""
        length = self.settings.segment_length // HOP
        random = np.random.default_rng([self.settings.seed, self.epoch])
        starts = self.corpus.crops(length, random)
        size = min(self.settings.batch_size, len(starts))
        batch = starts[self.batch * size : (self.batch + 1) * size]
        self.batch += 1
        if (self.batch + 1) * size > len(starts):
            self.epoch, self.batch = self.epoch + 1, 0
        return [torch.as_tensor(a, device=self.device) for a in self.corpus.take(batch, length)]

    def _train_batch(self, batch):
        units, f0_hz, speaker, real = batch
        self._set_rate()
        made = self.generator(units, f0_hz, speaker)
        losses = {}
        if adversary := self.step >= self.settings.adversarial_start:
            loss = least_squares(self.discriminators(real), self.discriminators(made.detach()))
            losses |= {"discriminator": loss.item(), "discriminator_norm": self._descend(1, loss)}
        losses |= self._train_generator(made, real, adversary)
        self.step += 1
        self._follow()
        if not np.isfinite(losses["generator"]):
            raise InputError(f"training diverged at step {self.step}; a smaller --lr may help")
        return losses

    def _train_generator(self, made, real, adversary):
        s = self.settings
        parts = {"mel": l1_loss(self.log_mel(made), self.log_mel(real))}
        total = s.mel_weight * parts["mel"]
        if self.config.arch != "v1":
            parts["stft"] = self.stft(made, real)
            total = total + s.stft_weight * parts["stft"]
        if adversary:
            require_grad(self.discriminators, False)
            judged_real, judged_made = self.discriminators(real), self.discriminators(made)
            parts["adversarial"] = adversarial(judged_made)
            parts["features"] = feature_matching(judged_real, judged_made)
            total = (
                total
                + parts["adversarial"]
                + s.feature_weight * parts["features"] * (self.config.arch != "v1")
            )
            require_grad(self.discriminators, True)
        norm = self._descend(0, total)
        return {name: part.item() for name, part in parts.items()} | {"generator": total.item(), "norm": norm}

    def _descend(self, which, loss):
        optimizer = self.optimizers[which]
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        weights = [p for group in optimizer.param_groups for p in group["params"]]
        norm = torch.nn.utils.clip_grad_norm_(weights, CLIP)
        optimizer.step()
        return norm.item()

    def _set_rate(self):
        rate = self.settings.lr * min(1.0, (self.step + 1) / max(1, self.settings.warmup))
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = rate * self.settings.lr_decay**self.epoch

    def _follow(self):
        """Move the averaged weights towards the trained ones, faster while the run is young."""
        decay = min(self.settings.ema, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            for kept, new in zip(self.average.parameters(), self.generator.parameters(), strict=True):
                kept.lerp_(new, 1 - decay)

    @torch.inference_mode()
    def validate(self):
        """Return the log-mel L1 of the averaged weights over held-out crops of 4 s, spread evenly."""
        count = len(self.held_out.units)
        length, distances = min(VALIDATION_CROP, count), []
        crops = min(VALIDATION_CROPS, count // length)
        for start in np.linspace(0, count - length, crops).astype(int):
            batch = self.held_out.take(np.array([start]), length)
            units, f0_hz, speaker, real = (torch.as_tensor(a, device=self.device) for a in batch)
            made = self.average(units, f0_hz, speaker)
            distances.append(l1_loss(self.log_mel(made), self.log_mel(real)).item())
        return float(np.mean(distances))

    def _judge(self, losses, log):
        value = self.validate()
        if value < self.best:
            self.best, self.stale = value, 0
            save_part(self.folder, "generator", folded(self.config, self.average))
        else:
            self.stale += 1
        log(
            {"step": self.step, "epoch": self.epoch, "seconds": round(self.seconds, 1)}
            | {"validation_log_mel": value, "best": self.best}
            | losses
        )

    def _parts(self):
        return {name: getattr(self, name) for name in _NETWORKS}

    def save(self):
        """Write the checkpoint, whole."""
        counters = {name: getattr(self, name) for name in _COUNTERS}
        checkpoint.save(os.path.join(self.folder, CHECKPOINT), self._parts(), self.optimizers, counters)

    def resume(self):
        """Go on from the folder's checkpoint. Raises InputError where there is none that fits."""
        path = os.path.join(self.folder, CHECKPOINT)
        for name, value in checkpoint.load(path, self._parts(), self.optimizers).items():
            setattr(self, name, value)


_COUNTERS = ("step", "epoch", "batch", "stale", "best", "seconds")
_TRAINED = ("generator", "f0_predictor", "duration_predictor", "discriminators")
_NETWORKS = (*_TRAINED, "average")
