"""One step of a generator against its discriminators, in mixed precision, by one process or several."""

import torch
from torch.nn.functional import l1_loss

from units.distributed import Group
from units.vocoder.discriminators import require_grad
from units.vocoder.losses import ADVERSARIAL, LogMel, MultiResolutionStft, feature_matching

CLIP = 10.0  # of the gradients' norm


class Descent:
    """Both networks with their optimizers. Networks run in dtype; pulses, phases, spectra and losses in fp32.

    settings: TrainingConfig; group: the processes, each of which is given an equal share of the crops.
    """

    def __init__(self, generator, discriminators, settings, device, dtype=torch.float32, group=Group()):
        self.generator, self.discriminators, self.settings = generator, discriminators, settings
        self.device, self.dtype, self.group = torch.device(device), dtype, group
        self.optimizers = [_adam(generator, settings.lr), _adam(discriminators, settings.discriminator_lr)]
        self.log_mel, self.stft = LogMel().to(device), MultiResolutionStft().to(device)
        self.judge, self.fool = ADVERSARIAL[settings.adversarial]
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=dtype == torch.float16)

    def step(self, batch, rates, judged=None):
        """Take a step; return what was found, {name: tensor of one number}, the mean over all processes.

        batch: units, F0, speaker (B, N) and audio (B, 320 N); rates: of generator and discriminators; judged:
        the slice of samples that the discriminators see, None where they take no part.
        """
        *conditions, real = batch
        for optimizer, rate in zip(self.optimizers, rates, strict=True):
            for group in optimizer.param_groups:
                group["lr"] = rate
        made = self._run(self.generator, *conditions).float()
        found = {}
        if judged is not None:
            found |= self._train_discriminators(real[:, judged], made[:, judged].detach())
        found |= self._train_generator(made, real, judged)
        self.scaler.update()
        found = {name: value.detach().clone() for name, value in found.items()}
        self.group.mean(*found.values())
        return found

    def _run(self, network, *inputs):
        with torch.autocast(self.device.type, self.dtype, enabled=self.dtype != torch.float32):
            return network(*inputs)

    def _train_discriminators(self, real, made):
        judged_real, judged_made = (self._run(self.discriminators, x) for x in (real, made))
        loss = self.judge(judged_real, judged_made)
        norm = self._descend(1, loss)
        return {"discriminator": loss / len(judged_real), "discriminator_norm": norm}

    def _train_generator(self, made, real, judged):
        s = self.settings
        parts = {"mel": l1_loss(self.log_mel(made), self.log_mel(real))}
        total = s.mel_weight * parts["mel"]
        if s.stft_weight:
            parts["stft"] = self.stft(made, real, self.group.norm)
            total = total + s.stft_weight * parts["stft"]
        if judged is not None:
            judgement = self._fool(made[:, judged], real[:, judged])
            weights = {"adversarial": s.adversarial_weight, "features": s.feature_weight}
            total = total + sum(weights[name] * part for name, part in judgement.items())
            parts |= judgement
        norm = self._descend(0, total)
        return {**parts, "generator": total, "norm": norm}

    def _fool(self, made, real):
        """Return how far the discriminators tell made from real."""
        require_grad(self.discriminators, False)
        with torch.no_grad():
            judged_real = self._run(self.discriminators, real) if self.settings.feature_weight else []
        judged_made = self._run(self.discriminators, made)
        require_grad(self.discriminators, True)
        found = {"adversarial": self.fool(judged_made)}
        if judged_real:
            found["features"] = feature_matching(judged_real, judged_made)
        return found

    def _descend(self, which, loss):
        """Move the weights of a network down its loss; return the norm of the gradient."""
        optimizer = self.optimizers[which]
        optimizer.zero_grad(set_to_none=True)
        self.scaler.scale(loss).backward()
        weights = [w for group in optimizer.param_groups for w in group["params"] if w.grad is not None]
        self.group.mean(*(weight.grad for weight in weights))
        self.scaler.unscale_(optimizer)
        norm = torch.nn.utils.clip_grad_norm_(weights, CLIP)
        self.scaler.step(optimizer)  # leaves a step out whose gradients are too large for fp16
        return torch.where(norm.isfinite(), norm, 0.0) if self.scaler.is_enabled() else norm


def _adam(module, rate):
    return torch.optim.AdamW(module.parameters(), rate, betas=(0.8, 0.99), weight_decay=0.01)
