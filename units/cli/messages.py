"""Lines on stderr, in GNU form. Of several processes that train together, one speaks for all."""

import contextlib
import os
import sys
import warnings

from units.cli import processes
from units.records import InputWarning


def say(name, message):
    """Print one line on stderr in GNU form. Line breaks, as in file names, are escaped.

    Of several processes that train together, only the first prints it.
    """
    if processes.first():
        _print(name, message)


def fail(name, message):
    """Print why the tool ends."""
    if (told := processes.failing(message)) is not None:
        _print(name, told)


def _print(name, message):
    line = f"{name}: {message}".replace("\n", "\\n").replace("\r", "\\r")
    try:
        sys.stderr.write(line.encode(errors="backslashreplace").decode(errors="replace") + "\n")
        sys.stderr.flush()
    except OSError:  # a full disk, or open for reading only
        drop(sys.stderr)


def print_warnings(name):
    """Print each InputWarning of the library once, as a line of the tool; leave other warnings alone."""
    show = warnings.showwarning

    def say_or_show(message, category, *place):
        if issubclass(category, InputWarning):
            say(name, message)
        else:
            show(message, category, *place)

    warnings.filterwarnings("once", category=InputWarning)
    warnings.showwarning = say_or_show


def drop(stream):
    """Discard what a stream still buffers: Python would fail on it again at exit, with status 120."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
