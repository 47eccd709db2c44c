"""Batches for the training of a vocoder, prepared in a thread while the GPU computes."""

from units.devices import pinned
from units.encoders.ahead import Ahead

_AHEAD = 2  # batches prepared in advance


class Feed:
    """The batches of this process, from any epoch and batch on.

    schedule: Schedule; corpus: UnitCorpus; group: the processes that share each batch.
    """

    def __init__(self, schedule, corpus, group, device):
        self.schedule, self.corpus, self.group, self.device = schedule, corpus, group, device
        self._made = None

    def take(self, epoch, batch):
        """Return (the tensors of a batch on the device, the epoch and the batch that follow).

        Calls must follow one another, unless `stop` was called in between.
        """
        if self._made is None:
            self._made = Ahead(self._batches(epoch, batch), _AHEAD, daemon=True)
        columns, *following = next(self._made)
        return [column.to(self.device, non_blocking=True) for column in columns], *following

    def _batches(self, epoch, batch):
        while True:
            starts = self.schedule.starts(epoch, batch)
            batch += 1
            if batch == self.schedule.batches:
                epoch, batch = epoch + 1, 0
            columns = self.corpus.take(starts[self.group.own(len(starts))], self.schedule.length)
            yield [pinned(column, self.device) for column in columns], epoch, batch

    def stop(self):
        """End the thread, and forget the batches that were prepared in advance."""
        if self._made is not None:
            self._made.close(wait=True)
            self._made = None
