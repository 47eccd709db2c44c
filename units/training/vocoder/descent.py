"""One step of a generator against its discriminators, in mixed precision, in one process or several."""

import torch
from torch.nn.functional import l1_loss

from units.training.distributed import Group
from units.training.vocoder.losses import ADVERSARIAL, LogMel, MultiResolutionStft, feature_matching

CLIP = 10.0  # largest norm of the gradients


class Descent:
    """Both networks and their optimizers. Networks run in dtype; pulses, phases, spectra and losses in fp32.

    settings: TrainingConfig; group: the processes, each with an equal share of the crops.
    """

    def __init__(self, generator, discriminators, settings, device, dtype=torch.float32, group=Group()):
        self.generator, self.discriminators, self.settings = generator, discriminators, settings
        self.device, self.dtype, self.group = torch.device(device), dtype, group
        self.optimizers = [_adam(generator, settings.lr), _adam(discriminators, settings.discriminator_lr)]
        self.log_mel, self.stft = LogMel().to(device), MultiResolutionStft().to(device)
        self.judge, self.fool = ADVERSARIAL[settings.adversarial]
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=dtype == torch.float16)

    def step(self, batch, rates, turn, judged=None):
        """Take a step; return the losses and norms, {name: tensor of one number}, averaged over processes.

        batch: units, F0, speaker (B, N) and audio (B, 320 N); rates: of generator and discriminators; turn:
        the step's number; judged: the slice of samples that the discriminators see, or None before they
        start.
        """
        *conditions, real = batch
        for optimizer, rate in zip(self.optimizers, rates, strict=True):
            for group in optimizer.param_groups:
                group["lr"] = rate
        made = self._run(self.generator, *conditions).float()
        # Both losses use one pass of the discriminators over each crop, from before their step. This saves
        # two of six passes.
        verdicts = None
        if judged is not None:
            verdicts = [self._run(self.discriminators, x[:, judged]) for x in (real, made)]
        found = self._generators_losses(made, real, turn, verdicts)
        losses = [found["generator"]]
        if verdicts:
            losses.append(self.judge(*verdicts))
            found["discriminator"] = losses[1] / len(verdicts[0])
        found |= dict(zip(("norm", "discriminator_norm"), self._descend(losses), strict=False))
        self.scaler.update()
        found = {name: value.detach().clone() for name, value in found.items()}
        self.group.mean(*found.values())
        return found

    def _run(self, network, *inputs):
        with torch.autocast(self.device.type, self.dtype, enabled=self.dtype != torch.float32):
            return network(*inputs)

    def _generators_losses(self, made, real, turn, verdicts):
        """Return the parts of the generator's loss and, as "generator", their weighted sum."""
        s = self.settings
        weights = {"mel": s.mel_weight, "stft": s.stft_weight}
        weights |= {"adversarial": s.adversarial_weight, "features": s.feature_weight}
        parts = {"mel": l1_loss(self.log_mel(made), self.log_mel(real))}
        if s.stft_weight:
            parts["stft"] = self.stft(made, real, turn, self.group.norm)
        if verdicts:
            parts["adversarial"] = self.fool(verdicts[1])
            if s.feature_weight:
                parts["features"] = feature_matching(*verdicts)
        return {**parts, "generator": sum(weights[name] * part for name, part in parts.items())}

    def _descend(self, losses):
        """Take a step of each network down its own loss; return the norms of the gradients."""
        networks = list(zip(self.optimizers, losses, strict=False))
        for number, (optimizer, loss) in enumerate(networks, start=1):
            weights = _weights(optimizer)
            loss = self.scaler.scale(loss)
            gradients = torch.autograd.grad(loss, weights, retain_graph=number < len(networks))
            self.group.mean(*gradients)
            for weight, gradient in zip(weights, gradients, strict=True):
                weight.grad = gradient
        return [self._move(optimizer) for optimizer, _ in networks]

    def _move(self, optimizer):
        """Take an optimizer's step, with gradients clipped to CLIP; return their norm."""
        self.scaler.unscale_(optimizer)
        norm = torch.nn.utils.clip_grad_norm_(_weights(optimizer), CLIP)
        self.scaler.step(optimizer)  # skips the step if its gradients are too large for fp16
        return torch.where(norm.isfinite(), norm, 0.0) if self.scaler.is_enabled() else norm


def _weights(optimizer):
    return [weight for group in optimizer.param_groups for weight in group["params"]]


def _adam(module, rate):
    return torch.optim.AdamW(module.parameters(), rate, betas=(0.8, 0.99), weight_decay=0.01, fused=True)
