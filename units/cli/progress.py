"""The progress bar, which shows on a terminal only."""

import os
import sys

from units.cli import processes

_FORMAT = "{percentage:3.0f}%|{bar}| {elapsed}<{remaining} {postfix}"


def new_bar(total, keep=False):
    """Return a tqdm bar, or None if stderr is not a terminal or another process shows it.

    keep: leave it on the screen at the end.
    """
    if not sys.stderr.isatty() or not processes.first():
        return None
    from tqdm import tqdm

    return tqdm(total=total, bar_format=_FORMAT, leave=keep)


class Bar:
    """The progress through the input files, in bytes, and the hours of audio that are done."""

    def __init__(self, paths):
        self._hours = 0.0
        self._bar = new_bar(_total_bytes(paths))

    def read(self, size):
        """Count bytes read from the input."""
        if self._bar is not None:
            self._bar.update(size)

    def done(self, record):
        """Count the audio of a record that is done."""
        duration = record.get("duration")
        if self._bar is not None and isinstance(duration, (int, float)):
            self._hours += duration / 3600
            part = self._bar.n / self._bar.total if self._bar.total else None
            of = f" of about {self._hours / part:.1f}" if part else ""
            self._bar.set_postfix_str(f"{self._hours:.2f}{of} h of audio")

    def __enter__(self):
        return self

    def __exit__(self, *_error):
        if self._bar is not None:
            self._bar.close()


def _total_bytes(paths):
    if not paths or "-" in paths:
        return None
    return sum(os.path.getsize(path) for path in paths if os.path.isfile(path)) or None
