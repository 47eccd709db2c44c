"""The log of a training run: log.jsonl, TensorBoard if it is installed, a bar on a terminal."""

import json
import os


class Log:
    """Writes figures to DIR/log.jsonl and DIR/tensorboard, and moves the bar.

    resume: append to the log; first: whether this process logs at all; shown: the figure next to the bar.
    """

    def __init__(self, folder, resume, first=True, shown="held_out_loss"):
        from units.cli.progress import new_bar

        path = os.path.join(folder, "log.jsonl") if first else os.devnull
        self._file = open(path, "a" if resume else "w", encoding="utf-8")  # noqa: SIM115 - closed in __exit__
        self._board = _tensorboard(folder) if first else None
        self._bar = new_bar(1.0, keep=True) if first else None
        self._shown, self._figure, self._heard = shown, "", set()

    def write(self, line):
        """Append a line of figures, a dict."""
        self._file.write(json.dumps(line) + "\n")
        self._file.flush()
        for name, value in line.items():
            if self._board and "step" in line and name != "step" and not isinstance(value, str):
                self._board.add_scalar(name, value, line["step"])
        if self._shown in line:
            self._figure = f", {self._shown.replace('_', ' ')} {line[self._shown]:.3f}"

    def progress(self, step, _seconds, share):
        """Show the step, and the share of the run that is done, 0 to 1."""
        if self._bar is not None:
            self._bar.set_postfix_str(f"{step} steps{self._figure}", refresh=False)
            self._bar.update(min(share, 1.0) - self._bar.n)

    def listen(self, step, clips):
        """Add clips, {name: samples at 16 kHz}, to TensorBoard; add recorded clips only once."""
        from units.audio.timing import RATE

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
