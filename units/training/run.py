"""What training runs share: counters, clock, averaged weights, learning rates, saving and resuming."""

import copy
import hashlib
import json
import os
from dataclasses import asdict

import numpy as np
import torch

from units.records import InputError
from units.training import checkpoint

CHECKPOINT = "checkpoint.safetensors"
FREE = ("steps", "epochs", "max_hours", "patience", "save_every")  # settings that a resumed run may change
CHECK_EVERY = 10  # steps between looks at the losses; each look waits for the GPU
LEAST_SECONDS = 60  # between two checkpoints on a GPU, where 500 steps may take seconds
_LOWEST = 0.01  # fraction of the learning rate that is left at the end of a run


class TrainingRun:
    """A training run in a folder. A trainer adds its networks, its loop, and `parts` and `optimizers`.

    settings: RunConfig; network: the one whose weights are averaged; identity: from `identity_of`; group: the
    processes that train together; clock: returns s.
    """

    COUNTERS = ("step", "seconds", "identity")  # attributes that a checkpoint holds

    def __init__(self, folder, settings, network, identity, group, clock):
        self.folder, self.settings, self.identity = folder, settings, identity
        self.group, self.clock = group, clock
        self.average = copy.deepcopy(network).requires_grad_(False)
        self.step, self.seconds, self._saved = 0, 0.0, 0.0

    def is_due(self):
        """Return whether it is time for a checkpoint; on a GPU, checkpoints are also LEAST_SECONDS apart."""
        on_cpu = torch.device(self.device).type == "cpu"
        late = on_cpu or self.seconds - self._saved >= LEAST_SECONDS
        return self.step % self.settings.save_every == 0 and late

    def parts(self):
        """Return {name: module} of the modules that a checkpoint holds."""
        raise NotImplementedError

    def optimizers(self):
        """Return [optimizer] of the optimizers that a checkpoint holds."""
        raise NotImplementedError

    def start_clock(self):
        """Start to count seconds, on top of those of a resumed run."""
        self._started = self.clock() - self.seconds

    def read_clock(self):
        """Update `seconds`; several processes do so every CHECK_EVERY steps, because to agree is to wait."""
        if self.group.size == 1 or self.step % CHECK_EVERY == 0:
            self.seconds = self.group.agreed(self.clock() - self._started)

    def follow(self, network):
        """Move the averaged weights towards a network's, faster while the run is young."""
        decay = min(self.settings.ema, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            torch._foreach_lerp_([*self.average.parameters()], [*network.parameters()], 1 - decay)

    def align(self):
        """Give all processes the first one's weights. Called by all, before each checkpoint."""
        self._saved = self.seconds
        with torch.no_grad():
            modules = self.parts().values()
            self.group.align(*(tensor for module in modules for tensor in module.state_dict().values()))

    def path_of(self, name):
        """Return the path of a file in the run's folder."""
        return os.path.join(self.folder, name)

    def counters(self):
        """Return {name: value} of the counters that a checkpoint holds."""
        return {name: getattr(self, name) for name in self.COUNTERS}

    def set_counters(self, counters):
        """Take the counters of a checkpoint, the inverse of `counters`."""
        for name, value in counters.items():
            setattr(self, name, value)

    def prepare(self, counters, path):
        """Get ready for the parts of a checkpoint with these counters; InputError if they make no sense."""

    def save_checkpoint(self):
        """Write the checkpoint; the old one stays until the new one is complete."""
        checkpoint.save(self.path_of(CHECKPOINT), self.parts(), self.optimizers(), self.counters())

    def resume(self, name=CHECKPOINT):
        """Continue from a checkpoint of the folder. Raises InputError if it does not fit this run.

        `fresh`, the counters of a run that has not begun, says which counters to expect.
        """
        path = self.path_of(name)
        if not os.path.exists(path):
            raise InputError(f"{path}: there is no such checkpoint to resume from")
        counters = checkpoint.counters_of(path, self.fresh)
        if counters["identity"] != self.identity:
            raise InputError(
                f"{path}: this run began with other options or records; use those again, "
                "or choose another folder"
            )
        self.prepare(counters, path)
        checkpoint.restore(path, self.parts(), self.optimizers(), self.fresh)
        self.set_counters(counters)
        self._saved = self.seconds


def share_of(done, seconds, max_hours):
    """Return how much of a run is over, 0 to 1: of its steps or of its hours, whichever is more.

    done: the share of the steps; max_hours: 0 means no limit.

    >>> share_of(0.25, 1800.0, 1.0), share_of(0.25, 1800.0, 0.0)
    (0.5, 0.25)
    """
    return max(done, seconds / 3600 / max_hours if max_hours else 0.0)


def warm_up(step, warmup):
    """Return the factor on a learning rate that rises linearly over the first steps.

    >>> warm_up(0, 4), warm_up(9, 4)
    (0.25, 1.0)
    """
    return min(1.0, (step + 1) / max(1, warmup))


def cool_down(share, decay):
    """Return the factor on a learning rate that falls over the last part of a run, to a hundredth.

    >>> cool_down(0.4, 0.2), cool_down(0.9, 0.2), cool_down(1.0, 0.2)
    (1.0, 0.4999999999999999, 0.01)
    """
    return max(_LOWEST, min(1.0, (1 - share) / max(1e-9, decay)))


def identity_of(configs, corpora, tensors=()):
    """Return a hash of everything that must not change when a run is resumed; how long it lasts may.

    configs: dataclasses; corpora: with `ends` and `content`; tensors: the weights to start from.
    """
    kept = [{name: v for name, v in asdict(config).items() if name not in FREE} for config in configs]
    digest = hashlib.sha256(json.dumps(kept).encode())
    for corpus in corpora:
        digest.update(np.asarray(corpus.ends, np.int64).tobytes() + corpus.content.encode())
    for tensor in tensors:
        digest.update(tensor.detach().cpu().numpy().tobytes())
    return digest.hexdigest()[:16]
