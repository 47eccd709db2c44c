"""Standard error, which C libraries write to unasked: libmpg123 where an MP3 is sought in or cut short."""

import contextlib
import os
import threading

lock = threading.RLock()  # held by who hushes and by who has something to say


@contextlib.contextmanager
def hushed():
    """Let nothing that is written to standard error arrive while the block runs, in any thread.

    Who has a message to write takes `lock` and so waits until the block has ended.
    """
    with lock, contextlib.ExitStack() as stack:
        try:
            kept = os.dup(2)
        except OSError:  # closed: nothing can arrive
            yield
            return
        stack.callback(os.close, kept)
        null = os.open(os.devnull, os.O_WRONLY)
        stack.callback(os.close, null)
        try:
            os.dup2(null, 2)
            yield
        finally:
            os.dup2(kept, 2)
