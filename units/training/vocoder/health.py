"""Notice a run that goes wrong: a loss that is infinite or runs away, or discriminators that have won."""

import math

FAR = 2.0  # times the usual log-mel loss: the run has diverged
UNSURE = 1.3  # times the usual log-mel loss: too much for a checkpoint to go back to
RECENT, USUAL = 10, 200  # steps that the two means cover
WON = 1e-3  # loss of a discriminator that is always right
LONG = 200  # consecutive steps with that loss, after which it will not change


class Health:
    """Watches the losses of each step."""

    def __init__(self):
        self.steps = self.won = 0
        self.recent = self.usual = 0.0

    def see(self, found):
        """Return the fault that {name: loss} of the next step shows, in words, or None."""
        if not all(map(math.isfinite, found.values())):
            return "the loss is NaN or infinite"
        self.steps += 1
        self.recent += (found["mel"] - self.recent) / min(self.steps, RECENT)
        # early in a run, follow a falling loss at once, but never a rising one
        pace = min(self.steps, USUAL) if self.steps == 1 or found["mel"] < self.usual else USUAL
        self.usual += (found["mel"] - self.usual) / pace
        self.won = self.won + 1 if found.get("discriminator", 1.0) < WON else 0
        if self.steps > RECENT and self.recent > FAR * self.usual:
            return f"the log-mel loss rose from {self.usual:.2g} to {self.recent:.2g}"
        if self.won >= LONG:
            return f"the discriminators have been right for {LONG} steps in a row"
        return None

    @property
    def is_sure(self):
        """Whether the run shows no signs of trouble."""
        return not self.won and self.recent <= UNSURE * self.usual

    def state(self):
        """Return the numbers that `restore` takes."""
        return [self.steps, self.won, self.recent, self.usual]

    def restore(self, state):
        """Take the numbers of `state`."""
        self.steps, self.won, self.recent, self.usual = state
