"""Map a function over items in several processes: results in order, bounded memory, no process left behind.

Workers are started by 'spawn', because a fork of a process with threads of torch or faiss may hang. Each has
one thread, and ends when its pipe or its parent does, however the parent died.
"""

import contextlib
import errno
import multiprocessing
import os
import signal
import sys
import threading
import time
import types
import warnings
from collections import deque
from concurrent.futures import Future
from multiprocessing import resource_tracker
from multiprocessing.connection import wait

from units.records import InputError, InputWarning, warn

AHEAD = 4  # items per worker that may be taken before the oldest is done
_GRACE_SECONDS = 0.5
_CONVEYED = (InputError, OSError, ImportError, MemoryError)  # not bugs of ours
_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def processors():
    """Return the number of processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):  # not on macOS
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def ordered_map(function, items, jobs=1):
    """Yield (item, Future) for each item, in order; the future is done: result() returns or raises at once.

    function: importable by name, or a functools.partial of such a function. It, the items and the results
    must be picklable for multiprocessing. jobs: number of worker processes; 1 works in this process. Items
    are taken from the iterable as workers become idle, at most AHEAD * jobs before the oldest is done.
    InputError, OSError, ImportError and MemoryError of the function are raised by result() at the item's
    turn; an InputError of the iterable itself after the items before it. A worker that dies raises
    ChildProcessError.

    >>> [future.result() for _, future in ordered_map(abs, [-1, 2])]
    [1, 2]
    """
    if jobs == 1:
        for item in items:
            yield item, _call(function, item)
        return
    pool = _Pool(function, jobs)
    try:
        yield from _in_order(pool, iter(items))
    finally:
        pool.stop()


def _call(function, item):
    future = Future()
    try:
        future.set_result(function(item))
    except _CONVEYED as error:
        future.set_exception(error)
    return future


def _in_order(pool, items):
    """Keep the workers busy; yield finished items from the left of the queue."""
    queue, fault, more = deque(), None, True
    while True:
        while queue and queue[0][1].done():
            yield queue.popleft()
        if more and pool.idle() and len(queue) < AHEAD * pool.jobs:
            try:
                item = next(items)
            except StopIteration:
                more = False
                continue
            except InputError as error:
                more, fault = False, error
                continue
            queue.append((item, pool.submit(item)))
        elif queue:
            pool.receive()
        elif fault:
            raise fault
        else:
            return


class _Pool:
    """Worker processes, each behind a pipe, started when there is work for them."""

    def __init__(self, function, jobs):
        self.function, self.jobs = function, jobs
        self.workers = {}  # our end of the pipe: process
        self.working = {}  # our end of the pipe: the future that its worker will complete

    def idle(self):
        return len(self.working) < self.jobs

    def submit(self, item):
        """Send the item to an idle worker; return the future that `receive` will complete."""
        free = [pipe for pipe in self.workers if pipe not in self.working]
        pipe = free[0] if free else self._start()
        future = Future()
        with self._death_told(pipe):
            pipe.send(item)
        self.working[pipe] = future
        return future

    def receive(self):
        """Wait until a worker answers; complete its future."""
        for pipe in wait(list(self.working)):
            with self._death_told(pipe):
                result, error, warned = pipe.recv()
            for message in warned:
                warn(message)
            future = self.working.pop(pipe)
            if error is None:
                future.set_result(result)
            else:
                future.set_exception(error)

    def _start(self):
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(target=_work, args=(theirs, self.function), daemon=True)
        with _spawning():
            process.start()
        theirs.close()
        self.workers[ours] = process
        return ours

    @contextlib.contextmanager
    def _death_told(self, pipe):
        try:
            yield
        except (EOFError, ConnectionError):
            process = self.workers[pipe]
            process.join()
            how = f"signal {-process.exitcode}" if process.exitcode < 0 else f"status {process.exitcode}"
            raise ChildProcessError(errno.ECHILD, f"a worker process died ({how})") from None

    def stop(self):
        """Stop the workers; those whose item is done within _GRACE_SECONDS leave no half-written file."""
        for pipe in self.workers:
            pipe.close()
        end = time.monotonic() + _GRACE_SECONDS
        for process in self.workers.values():
            process.join(max(0.0, end - time.monotonic()))
            process.kill()
        for process in self.workers.values():
            process.join()


@contextlib.contextmanager
def _spawning():
    """Start processes that have one thread, ignore signals, and do not run our main script again.

    ^C goes to the complete process group. Signals are blocked before the start, so that it cannot hit a
    worker during its imports. Without a main module, spawn does not import one: a script without a __main__
    guard is safe.
    """
    main, environment = sys.modules["__main__"], {name: os.environ.get(name) for name in _ONE_THREAD}
    resource_tracker.ensure_running()  # one that the process starts later would unblock the signals again
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM, signal.SIGHUP})
    sys.modules["__main__"] = types.ModuleType("__main__")
    os.environ.update(dict.fromkeys(_ONE_THREAD, "1"))
    try:
        yield
    finally:
        for name, value in environment.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})
        sys.modules["__main__"] = main
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)


def _work(pipe, function):
    """Answer each item from the pipe with (result, error, warnings) until the pipe ends."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    with contextlib.suppress(EOFError, ConnectionError):
        while True:
            item = pipe.recv()
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always", InputWarning)
                try:
                    answer = function(item), None
                except _CONVEYED as error:
                    answer = None, error
            warned = [str(each.message) for each in caught if issubclass(each.category, InputWarning)]
            pipe.send((*answer, warned))


def _end_with_parent():
    multiprocessing.parent_process().join()
    os._exit(1)
