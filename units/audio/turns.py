"""Threads that take turns: those who read one file ask for its spans in about the order of time."""

import threading
from collections import deque


class Turns:
    """A lock that threads get in the order in which they asked for it: `with turns:`."""

    def __init__(self):
        self._changed, self._waiting = threading.Condition(), deque()

    def __enter__(self):
        turn = object()
        with self._changed:
            self._waiting.append(turn)
            try:
                self._changed.wait_for(lambda: self._waiting[0] is turn)
            except BaseException:
                self._waiting.remove(turn)
                self._changed.notify_all()
                raise

    def __exit__(self, *_error):
        with self._changed:
            self._waiting.popleft()
            self._changed.notify_all()
