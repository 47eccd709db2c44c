"""What training runs share: resuming, log.jsonl, TensorBoard if it is installed, a progress bar."""

import contextlib
import json
import os

import click

from units.audio.timing import RATE
from units.records import InputError

CHECKPOINT = "checkpoint.safetensors"
resume_option = click.option(
    "--resume",
    is_flag=True,
    help="Continue from the last checkpoint in the directory, or start if there is none yet.",
)


def can_resume(folder, resume, what):
    """Return whether a folder has a checkpoint to resume from.

    what: the thing trained, as "a vocoder". Raises InputError if there is a checkpoint but resume is false.
    """
    found = os.path.exists(os.path.join(folder, CHECKPOINT))
    if found and not resume:
        raise InputError(
            f"{folder}: there is {what} already; continue it with --resume, or use another folder"
        )
    return found


def alone(folder):
    """Return a context in which no second copy of the job can write to a folder."""
    from units.files.output import claim

    first = os.environ.get("RANK", "0") == "0"  # only one of the processes of torchrun claims the folder
    return claim(folder) if first else contextlib.nullcontext()


class Log:
    """Writes lines of figures and moves the bar.

    first: whether this process does; of several only one does.
    """

    def __init__(self, folder, resume, first=True, shown="held_out_loss"):
        from units.cli.progress import new_bar

        path = os.path.join(folder, "log.jsonl") if first else os.devnull
        self._file = open(path, "a" if resume else "w", encoding="utf-8")  # noqa: SIM115 - closed in __exit__
        self._board = _tensorboard(folder) if first else None
        self._bar = new_bar(1.0, keep=True) if first else None
        self._shown, self._figure, self._heard = shown, "", set()

    def write(self, line):
        """Append a line of figures."""
        self._file.write(json.dumps(line) + "\n")
        self._file.flush()
        for name, value in line.items():
            if self._board and "step" in line and name != "step" and not isinstance(value, str):
                self._board.add_scalar(name, value, line["step"])
        if self._shown in line:
            self._figure = f", {self._shown.replace('_', ' ')} {line[self._shown]:.3f}"

    def progress(self, step, _seconds, share):
        """Show a step, and the share of the run that is done, 0 to 1."""
        if self._bar is None:
            return
        self._bar.set_postfix_str(f"{step} steps{self._figure}", refresh=False)
        self._bar.update(min(share, 1.0) - self._bar.n)

    def listen(self, step, clips):
        """Add clips, {name: samples at 16 kHz}, to TensorBoard; recorded ones only once."""
        for name, samples in clips.items() if self._board else ():
            if name not in self._heard or not name.endswith("recorded"):
                self._board.add_audio(name, samples, step, RATE)
                self._heard.add(name)

    def __enter__(self):
        return self

    def __exit__(self, *_error):
        self._file.close()
        if self._bar is not None:
            self._bar.close()
        if self._board:
            self._board.close()


def _tensorboard(folder):
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return None
    return SummaryWriter(os.path.join(folder, "tensorboard"))
