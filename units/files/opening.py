"""Files that others made, opened so that what is none is never waited for, and none is read without end."""

import os
import stat

from units.records import InputError

_PIECE = 1 << 20  # bytes read at once, for which memory is taken beforehand, of what does not tell its size


def open_file(path, pipes=True):
    """Return the binary file at a path.

    pipes: whether a pipe will do, of which nothing is awaited unless someone has it open for writing. Raises
    InputError naming the path of what is not there, a folder, a device, or a pipe that will not do.
    """
    try:
        # without waiting: a FIFO that nobody writes to would be waited for until the end of time
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or 'cannot be read'}") from None
    except ValueError as error:  # a NUL, or a lone surrogate that stands for no byte
        raise InputError(f"{path!r} is not a file name: {error}") from None
    mode = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(mode) and not (pipes and stat.S_ISFIFO(mode)):
        os.close(descriptor)
        raise InputError(f"{path}: {'Is a directory' if stat.S_ISDIR(mode) else 'not a regular file'}")
    os.set_blocking(descriptor, True)
    return open(descriptor, "rb")


def read_whole(path, most):
    """Return the bytes of a file or pipe, which may have `most` of them. Raises InputError, naming it."""
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
        raise InputError(f"{path}: more than {most >> 20} MiB")
    return b"".join(pieces)  # of one, itself
