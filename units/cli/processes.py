"""The processes of torchrun, which train one network: which of them may speak, what they may read."""

import os
import stat

from units.records import InputError


class _State:
    """together: whether this tool shares its work with others; apart: whether their ways may differ."""

    together = apart = False


def begin(together):
    """Note that a tool begins, and whether it shares its work with other processes if torchrun started it."""
    _State.together, _State.apart = together and count() > 1, False


def part():
    """Note that from here on an error of this process may be its own, such as a GPU without memory."""
    _State.apart = True


def count():
    """Return the number of processes that torchrun started, on all machines."""
    return int(os.environ.get("WORLD_SIZE") or 1)


def first():
    """Return whether this process reports for all, writes files and shows bars."""
    return not _State.together or os.environ.get("RANK", "0") == "0"


def failing(message):
    """Return what this process says of an error that ends it; None if another process says the same.

    All processes read the same input, so only the first one of each machine reports an error in it. Later
    errors are reported by each process that has one, with its number.
    """
    if first():
        return message
    if _State.apart:
        return f"{message} (process {int(os.environ['RANK']) + 1} of {count()})"
    return message if os.environ.get("LOCAL_RANK") == "0" else None


def check_shared(paths):
    """Raise InputError if several processes would each read a part of the same pipe.

    paths: the files of records; none is standard input.
    """
    if not _State.together:
        return
    for path in paths or ("-",):
        if path == "-" or _is_pipe(path):
            name = "standard input" if path == "-" else path
            raise InputError(
                f"{name}: {count()} processes cannot share a pipe, each would read a part of it; "
                "write the records to a file and name that"
            )


def _is_pipe(path):
    try:
        return stat.S_ISFIFO(os.stat(path).st_mode)
    except OSError:  # the reader reports why it cannot be opened
        return False
