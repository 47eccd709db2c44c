"""The signals that end a tool, as exceptions: half-written files are removed, then it dies of the signal."""

import contextlib
import os
import signal
import sys
import threading
import traceback

if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # ^C while the rest is imported ends it without a traceback

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Terminated(BaseException):
    """A signal that ends a tool arrived: raised so that half-written files are removed on the way out."""


arrived = []  # the numbers of the signals that end this run


def _terminate(number, _frame):
    arrived.append(number)
    raise Terminated(number)


def check():
    """Raise Terminated again if a library has swallowed it: C code may clear an error of its callbacks."""
    if arrived:
        raise Terminated(arrived[0])


@contextlib.contextmanager
def first():
    """Treat every failure after a signal has arrived as that signal.

    A `with` block of a library that is left in the middle may raise something else on its way out, and one
    that calls back from C loses the exception and fails on what the callback did not do.
    """
    try:
        yield
    except BaseException:
        if arrived:
            raise Terminated(arrived[0]) from None
        raise


def listen():
    """Turn the signals that end a tool into exceptions; nohup's wish not to hear of SIGHUP is kept.

    A parent that ignores SIGCHLD passes that on, and then the exit status of a worker is lost.
    """
    arrived.clear()
    if signal.getsignal(signal.SIGCHLD) is signal.SIG_IGN:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for number in SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _terminate)
    sys.unraisablehook = _send_again


def listen_no_more():
    """Let signals end the process at once: nothing is left to clean up, and an exception would be shown."""
    for number in SIGNALS:
        if signal.getsignal(number) is _terminate:
            signal.signal(number, signal.SIG_DFL)


def _send_again(lost):
    """Send the signal again whose exception was lost in a place that can raise none, such as __del__."""
    if issubclass(lost.exc_type, Terminated):
        threading.Timer(0.01, os.kill, (os.getpid(), lost.exc_value.args[0])).start()
    elif not arrived:
        sys.__unraisablehook__(lost)


def unwind(error):
    """End every `with` block that an exception left hanging: one may come after a block has begun to open
    and its body, and a process that dies of a signal runs none of them.
    """
    while error is not None:
        traceback.clear_frames(error.__traceback__)
        error = error.__context__


def die_of(number):
    """Die of the signal, so that shells and make see it."""
    signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {number})  # inherited, it would keep the process alive
    os.kill(os.getpid(), number)
