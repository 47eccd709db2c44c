"""Iterate in a thread, a bounded distance ahead of the consumer."""

import threading
from collections import deque


class Ahead:
    """An iterator over items that a separate thread takes from their source ahead of time.

    limit: the total weight of the items that may wait; one item always may. weigh(item): its weight, 1 by
    default. start(item): called as soon as there is room for it; its result waits in place of the item. An
    error of the source is raised after the items before it. daemon: do not wait for the thread at exit.
    """

    def __init__(self, items, limit, weigh=lambda _item: 1, start=lambda item: item, daemon=False):
        self._items, self._limit, self._weigh, self._start = items, limit, weigh, start
        self._waiting, self._weight = deque(), 0
        self._changed = threading.Condition()
        self._ended = self._closed = False
        self._error = None
        self._thread = threading.Thread(target=self._run, daemon=daemon)
        self._thread.start()

    def _run(self):
        try:
            for item in self._items:
                if not self._put(item, self._weigh(item)):
                    break
        except BaseException as error:
            self._error = error
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def _put(self, item, weight):
        with self._changed:
            self._changed.wait_for(lambda: self._closed or not self._has_too_much(weight))
            if self._closed:
                return False
            self._waiting.append((self._start(item), weight))
            self._weight += weight
            self._changed.notify_all()
            return True

    def _has_too_much(self, weight):
        return self._waiting and self._weight + weight > self._limit

    def __iter__(self):
        return self

    def __next__(self):
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._ended or self._closed)
            if not self._waiting or self._closed:
                if self._error is not None and not self._closed:
                    raise self._error
                raise StopIteration
            item, weight = self._waiting.popleft()
            self._weight -= weight
            self._changed.notify_all()
            return item

    def close(self, wait=False):
        """End the thread as soon as it has an item, and a waiting consumer at once.

        wait: return when the thread has ended. A thread that still runs code of torch when Python exits makes
        it abort.
        """
        with self._changed:
            self._closed = True
            self._waiting.clear()
            self._changed.notify_all()
        if wait:
            self._thread.join()
