"""Which crops make which step of a run, how far a run has come, and how fast it goes there."""

import numpy as np

from units.audio.timing import HOP

_LOWEST = 0.01  # of the rate, at the end


class Schedule:
    """Follows from settings, epoch, batch and step alone, so that a resumed run goes on as it would have.

    But where there are max_hours the rate falls with the clock, and no two runs have the same.
    settings: TrainingConfig; corpus: Corpus; processes: how many share each batch.
    """

    def __init__(self, settings, corpus, processes=1):
        self.settings, self._corpus = settings, corpus
        self.length = settings.segment_length // HOP  # frames of a crop
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
        """Return the slice of a crop's samples that the discriminators see, drawn anew for each step."""
        samples = self.length * HOP
        length = min(self.settings.discriminator_length or samples, samples)
        start = int(np.random.default_rng([self.settings.seed, step, 1]).integers(samples - length + 1))
        return slice(start, start + length)

    def share(self, epoch, batch, seconds):
        """Return how much of the run is over, of 1: of the epochs or of the hours, whichever is more."""
        limits = self.settings
        epochs = (epoch + batch / self.batches) / limits.epochs
        return max(epochs, seconds / 3600 / limits.max_hours if limits.max_hours else 0.0)

    def joins(self, step, share):
        """Return whether the discriminators take part from this step on, if they did not before."""
        start = self.settings.adversarial_start
        return share >= start if 0 < start < 1 else step >= start

    def rates(self, epoch, share, steps):
        """Return the rates of generator and discriminators: over the warm-up they rise, at the end they fall.

        steps: how many each of the two has taken.
        """
        s = self.settings
        late = s.lr_decay**epoch * max(_LOWEST, min(1.0, (1 - share) / max(1e-9, s.decay)))
        warm = [min(1.0, (count + 1) / max(1, s.warmup)) for count in steps]
        return [rate * late * rising for rate, rising in zip((s.lr, s.discriminator_lr), warm, strict=True)]
