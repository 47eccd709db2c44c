"""The bar that shows, on a terminal only, how many hours of audio are done and how long the rest takes."""

import os
import sys


class Bar:
    """A tqdm bar over the bytes of the input files; their number is known where duration is not."""

    def __init__(self, paths):
        self._hours = 0.0
        self._bar = None
        if sys.stderr.isatty():
            from tqdm import tqdm

            self._bar = tqdm(total=_total_bytes(paths), bar_format=_FORMAT, disable=None, leave=False)

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


_FORMAT = "{percentage:3.0f}%|{bar}| {elapsed}<{remaining} {postfix}"


def _total_bytes(paths):
    if not paths or "-" in paths:
        return None
    return sum(os.path.getsize(path) for path in paths if os.path.isfile(path)) or None
