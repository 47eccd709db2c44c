"""Damaged and hostile files: everything that reading one can raise, reported as one InputError."""

import contextlib
import struct
import zipfile
import zlib
from tokenize import TokenError

from units.records import InputError

# What numpy (whose headers are Python literals), zipfile, json and safetensors raise for bad content.
FAULTS = (
    *(ValueError, TypeError, LookupError, AttributeError, EOFError, SyntaxError, TokenError),
    *(RecursionError, MemoryError, OSError, RuntimeError, ArithmeticError),
    *(zipfile.BadZipFile, zlib.error, struct.error),
)


@contextlib.contextmanager
def damaged(path, what, *others):
    """Turn a fault in the block into an InputError that names the file.

    what: the thing that the file is then reported not to be, as "a codebook". others: more kinds of
    exceptions to treat so. An InputError in the block passes unchanged.

    >>> with damaged("book.npz", "a codebook"):
    ...     raise ValueError("it ends early")
    Traceback (most recent call last):
    units.records.InputError: book.npz: not a codebook (it ends early)
    """
    try:
        yield
    except (*FAULTS, *others) as error:
        raise InputError(f"{path}: not {what} ({reason_of(error)})") from None


def reason_of(error):
    """Return the first line of an exception's message, or that the content is damaged if it has none."""
    return next(iter(str(error).splitlines()), "")[:200] or "its content is damaged"
