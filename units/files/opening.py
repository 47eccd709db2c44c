"""Open untrusted files: never block on a FIFO or device, never read past a limit."""

import os
import stat

from units.records import InputError

_PIECE = 1 << 20  # bytes read at once from a pipe, whose size is unknown


def open_file(path, pipes=True):
    """Return the binary file at a path.

    pipes: accept a pipe too, without waiting for a writer. Raises InputError, naming the path, if there is no
    such file, or if it is a folder, a device or a pipe that is not accepted.
    """
    try:
        # O_NONBLOCK: opening a FIFO without a writer would block forever
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or 'cannot be read'}") from None
    except ValueError as error:  # a NUL, or a lone surrogate
        raise InputError(f"{path!r} is not a file name: {error}") from None
    mode = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(mode) and not (pipes and stat.S_ISFIFO(mode)):
        os.close(descriptor)
        raise InputError(f"{path}: {'Is a directory' if stat.S_ISDIR(mode) else 'not a regular file'}")
    os.set_blocking(descriptor, True)
    return open(descriptor, "rb")


def read_whole(path, most):
    """Return the bytes of a file or pipe, at most `most`. Raises InputError, naming it, if there are more."""
    pieces, held = [], 0
    with open_file(path) as file:
        size = os.fstat(file.fileno()).st_size
        try:
            while size <= most and held <= most and (piece := file.read(_PIECE if pieces else size + 1)):
                pieces.append(piece)
                held += len(piece)
        except OSError as error:
            raise InputError(f"{path}: {error.strerror or 'cannot be read'}") from None
    if max(size, held) > most:
        raise InputError(f"{path}: larger than {most >> 20} MiB")
    return b"".join(pieces)
