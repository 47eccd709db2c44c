"""Whether a run goes well: losses are numbers and do not run away, and neither side has won the game."""

import math

FAR = 2.0  # times its usual self that the log-mel loss is off when the run has diverged
UNSURE = 1.3  # times: a checkpoint from then is not gone back to
RECENT, USUAL = 10, 200  # steps that the two means are of
WON = 1e-3  # loss of a discriminator that is never wrong
LONG = 200  # steps of that loss on end after which it will not change


class Health:
    """Watches the losses of each step."""

    def __init__(self):
        self.steps = self.won = 0
        self.recent = self.usual = 0.0

    def see(self, found):
        """Return what is wrong after a step that found {name: number}, None where nothing is."""
        if not all(map(math.isfinite, found.values())):
            return "the loss is no number any more"
        self.steps += 1
        self.recent += (found["mel"] - self.recent) / min(self.steps, RECENT)
        # a young run is followed at once where its loss falls, never where it rises
        pace = min(self.steps, USUAL) if self.steps == 1 or found["mel"] < self.usual else USUAL
        self.usual += (found["mel"] - self.usual) / pace
        self.won = self.won + 1 if found.get("discriminator", 1.0) < WON else 0
        if self.steps > RECENT and self.recent > FAR * self.usual:
            return f"the log-mel loss rose from {self.usual:.2g} to {self.recent:.2g}"
        if self.won >= LONG:
            return f"the discriminators have not been wrong for {LONG} steps"
        return None

    @property
    def is_sure(self):
        """Whether there is no sign of trouble."""
        return not self.won and self.recent <= UNSURE * self.usual

    def state(self):
        """Return the numbers it goes by, for `restore`."""
        return [self.steps, self.won, self.recent, self.usual]

    def restore(self, state):
        """Take back the numbers of `state`."""
        self.steps, self.won, self.recent, self.usual = state
