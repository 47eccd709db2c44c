"""Which crops each step of a run gets, how much of the run is over, and the learning rates."""

import numpy as np

from units.audio.timing import HOP, RATE
from units.training.run import fall, share_done, warm_up


class Schedule:
    """Depends only on settings, epoch, batch and step, so that a resumed run continues as it would have.

    With max_hours, however, the rate falls with the clock, which differs from run to run. settings:
    TrainingConfig; corpus: UnitCorpus; processes: number of processes that share each batch.
    """

    def __init__(self, settings, corpus, processes=1):
        self.settings, self._corpus = settings, corpus
        self.length = round(settings.crop_seconds * RATE) // HOP  # frames of a crop
        crops = max(1, len(corpus.units) // self.length)
        self.size = max(1, min(settings.batch_size, crops) // processes) * processes
        self.batches = max(1, crops // self.size)  # of an epoch
        self._order = -1, None

    def starts(self, epoch, batch):
        """Return the first frames of the crops of a step, (size,)."""
        if self._order[0] != epoch:
            starts = self._corpus.crops(self.length, np.random.default_rng([self.settings.seed, epoch]))
            self._order = epoch, np.resize(starts, max(self.size, len(starts)))
        return self._order[1][batch * self.size : (batch + 1) * self.size]

    def judged(self, step):
        """Return the slice of a crop's samples that the discriminators see, drawn again for each step."""
        samples = self.length * HOP
        wanted = round(self.settings.discriminator_seconds * RATE)
        length = min(wanted or samples, samples)
        start = int(np.random.default_rng([self.settings.seed, step, 1]).integers(samples - length + 1))
        return slice(start, start + length)

    def share(self, epoch, batch, seconds):
        """Return how much of the run is over, 0 to 1: of the epochs or of the hours, whichever is more."""
        limits = self.settings
        return share_done((epoch + batch / self.batches) / limits.epochs, seconds, limits.max_hours)

    def joins(self, step, share):
        """Return whether the discriminators take part from this step on."""
        start = self.settings.adversarial_start
        return share >= start if 0 < start < 1 else step >= start

    def rates(self, epoch, share, steps):
        """Return the learning rates of generator and discriminators, which rise at first and fall at the end.

        steps: the number of steps that each of the two has taken.
        """
        s = self.settings
        late = s.lr_decay**epoch * fall(share, s.decay)
        warm = [warm_up(count, s.warmup) for count in steps]
        return [rate * late * rising for rate, rising in zip((s.lr, s.discriminator_lr), warm, strict=True)]
