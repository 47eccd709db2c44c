"""The crops of each step, the part of them that the discriminators see, and the learning rates."""

import numpy as np

from units.audio.timing import FRAME_SHIFT, HOP, RATE
from units.training.run import cool_down, warm_up


class Schedule:
    """Depends on settings, epoch, batch and step alone, so that a resumed run continues as it would have.

    Only with max_hours the rates fall by the clock, which differs from run to run.
    settings: TrainingConfig; corpus: UnitCorpus; processes: the number that share each batch.
    """

    def __init__(self, settings, corpus, processes=1):
        self.settings, self._corpus = settings, corpus
        self.length = max(1, round(settings.crop_seconds / FRAME_SHIFT))  # frames of a crop
        crops = max(1, len(corpus.units) // self.length)
        self.size = max(1, min(settings.batch_size, crops) // processes) * processes
        self.batches = max(1, crops // self.size)  # per epoch
        self._order = -1, None

    def starts(self, epoch, batch):
        """Return the first frames of the crops of a step, (size,)."""
        order = self._order  # once: after a roll-back, the thread of the old batches may still change it
        if order[0] != epoch:
            starts = self._corpus.crops(self.length, np.random.default_rng([self.settings.seed, epoch]))
            order = self._order = epoch, np.resize(starts, max(self.size, len(starts)))
        return order[1][batch * self.size : (batch + 1) * self.size]

    def judged(self, step):
        """Return the slice of a crop's samples that the discriminators see, drawn for each step."""
        samples = self.length * HOP
        length = min(round(self.settings.discriminator_seconds * RATE) or samples, samples)
        start = int(np.random.default_rng([self.settings.seed, step, 1]).integers(samples - length + 1))
        return slice(start, start + length)

    def joins(self, step, share):
        """Return whether the discriminators start at this step, if they have not started before."""
        start = self.settings.adversarial_start
        return share >= start if 0 < start < 1 else step >= start

    def rates(self, epoch, share, steps):
        """Return the learning rates of generator and discriminators.

        steps: the number of steps that each of the two has taken.
        """
        s = self.settings
        late = s.lr_decay**epoch * cool_down(share, s.decay)
        warm = [warm_up(count, s.warmup) for count in steps]
        return [rate * late * rising for rate, rising in zip((s.lr, s.discriminator_lr), warm, strict=True)]
