"""Iterate in a thread, a bounded way ahead of whoever takes the items."""

import threading
from collections import deque


class Ahead:
    """An iterator over some items that a thread of its own takes from their source beforehand.

    limit: how much weight may wait; one item always may. weigh(item) is its weight, 1 unless told.
    start(item) is what waits in its stead, called once there is room for it. An error of the source is raised
    after the items before it. A daemon thread is left behind at exit, whatever it is waiting for.
    """

    def __init__(self, items, limit, weigh=lambda _item: 1, start=lambda item: item, daemon=False):
        self._items, self._limit, self._weigh, self._start = items, limit, weigh, start
        self._waiting, self._weight = deque(), 0
        self._changed = threading.Condition()
        self._ended = self._closed = False
        self._error = None
        threading.Thread(target=self._run, daemon=daemon).start()

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

    def close(self):
        """Let the thread end as soon as it has something to give, and whoever waits here, at once."""
        with self._changed:
            self._closed = True
            self._waiting.clear()
            self._changed.notify_all()
