"""Errors as lines: wrong usage, faults of the system, and faults of a GPU."""

import itertools
import os
import re
import sys

import click


def check_dashes(command, args):
    """Raise UsageError if a word looks like an option but is the name of a file.

    Without this, the recording `-o1.wav`, which the shell finds for `*.wav`, would be read as `-o 1.wav`.
    """
    commands = [command, *getattr(command, "commands", {}).values()]
    options = [p for each in commands for p in each.params if isinstance(p, click.Option)]
    known = {"--help", *(name for option in options for name in (*option.opts, *option.secondary_opts))}
    valued = {name for option in options if not option.is_flag for name in option.opts}
    words = list(itertools.takewhile(lambda word: word != "--", args))
    for before, word in zip(["", *words], words, strict=False):
        option = len(word) > 2 and word[0] == "-" and word.partition("=")[0] not in known
        if option and before not in valued and os.path.lexists(word):
            raise click.UsageError(f"{word!r} looks like an option; put -- before the file names")


def usage_message(error, name):
    """Return a usage error as one line."""
    message = " ".join(error.format_message().split())
    return f"{message} (see {error.ctx.command_path if error.ctx else name} --help)"


def system_message(error):
    """Return an OSError in one line."""
    if error.strerror is None:
        return str(error)
    return f"{error.filename}: {error.strerror}" if error.filename is not None else error.strerror


def device_message(error):
    """Return what a MemoryError, or a RuntimeError of torch, says about a device, in one line.

    None if it is another error.
    """
    if isinstance(error, MemoryError):
        return "out of memory"
    torch = sys.modules.get("torch")
    if torch is None:
        return None
    from units.devices import is_out_of_memory

    reason = " ".join(str(error).split())
    if is_out_of_memory(error):
        what = next((words for words in re.findall(r"GPU \d+|CPU", reason)), "the device")
        return f"out of memory on {what}; use smaller batches (see --help) or --device cpu"
    if isinstance(error, getattr(torch, "AcceleratorError", ())):
        return f"the GPU failed: {reason.partition(' CUDA kernel errors')[0]}"
    return None
