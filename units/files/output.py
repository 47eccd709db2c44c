"""Output that takes its name when it is complete."""

import contextlib
import errno
import fcntl
import os
import stat
import sys

from units.records import InputError

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class BusyError(InputError):
    """Another process is writing the file, or has just written it."""


@contextlib.contextmanager
def create(path):
    """Give a binary file to write that takes the name `path` only when the block ends without error.

    None and '-' are standard output. A path that is not a regular file, such as a FIFO or /dev/null, is
    written directly. Until the end the file is a locked, hidden .part file in the same folder: a second copy
    of the job refuses to start, and the next job takes over the file that a killed one left.
    """
    if path in (None, "-"):
        if sys.stdout is None:
            raise InputError("standard output is closed")
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    path = os.path.realpath(path)
    if os.path.exists(path) and not stat.S_ISREG(os.stat(path).st_mode):
        with open(path, "wb") as file:
            yield file
        return
    part = os.path.join(os.path.dirname(path), f".{os.path.basename(path)}.part")
    file = None
    try:
        # Between our open and our lock another job may have finished and renamed this very file.
        while file is None or not _is_at(part, file):
            file = _open_part(part, path)
            _lock(file, path)
        file.truncate()
        yield file
        file.flush()
        os.fsync(file.fileno())
        if not _is_at(part, file):  # the file there now may belong to another job
            raise BusyError(f"{path}: the file was removed while it was written")
        os.replace(part, path)
    except BaseException as error:
        if isinstance(error, OSError) and error.errno in _FULL and error.filename is None:
            error.filename = path
        _remove_part(part, path, file)
        raise
    finally:
        if file is not None:
            with contextlib.suppress(OSError):  # on a full disk the buffered bytes fail again here
                file.close()


def _open_part(part, path):
    try:
        return os.fdopen(os.open(part, os.O_RDWR | os.O_CREAT, 0o666), "wb")
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror}") from None


def _remove_part(part, path, file):
    """Remove an incomplete file, unless another job holds it.

    file: the open file; None if a signal came before it was known.
    """
    with contextlib.suppress(OSError, InputError), file or open(part, "rb") as held:
        _lock(held, path)  # again, if it is ours
        if _is_at(part, held):
            os.unlink(part)


def _is_at(path, file):
    """Return whether an open file is the one at a path."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), os.stat(path))
    except FileNotFoundError:
        return False


def _lock(file, path):
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise BusyError(f"{path}: another process is writing it") from None
    except OSError:  # a file system without locks
        pass


@contextlib.contextmanager
def claim(folder):
    """Lock a folder for the block, so that a second copy of the job refuses to start. It is made if missing.

    Raises InputError if another process holds it.
    """
    os.makedirs(folder, exist_ok=True)
    held = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        _lock(held, folder)
        yield
    finally:
        os.close(held)
