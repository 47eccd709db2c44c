"""What a training run leaves to look at: log.jsonl, TensorBoard where there is one, a bar on a terminal."""

import json
import os


class Log:
    """Writes lines of figures and moves the bar; where `first` is false, another process does so."""

    def __init__(self, folder, resume, first=True, shown="held_out_loss"):
        from tqdm import tqdm

        path = os.path.join(folder, "log.jsonl") if first else os.devnull
        self._file = open(path, "a" if resume else "w", encoding="utf-8")  # noqa: SIM115 - closed in __exit__
        self._board = _tensorboard(folder) if first else None
        self._bar = tqdm(unit=" steps", disable=None if first else True)
        self._shown = shown

    def write(self, line):
        """Append a line of figures."""
        self._file.write(json.dumps(line) + "\n")
        self._file.flush()
        for name, value in line.items():
            if self._board and name != "step" and "step" in line:
                self._board.add_scalar(name, value, line["step"])
        if self._shown in line:
            self._bar.set_postfix_str(f"{self._shown.replace('_', ' ')} {line[self._shown]:.3f}")

    def progress(self, step, _seconds):
        """Move the bar to a step."""
        self._bar.update(step - self._bar.n)

    def __enter__(self):
        return self

    def __exit__(self, *_error):
        self._file.close()
        self._bar.close()
        if self._board:
            self._board.close()


def _tensorboard(folder):
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return None
    return SummaryWriter(os.path.join(folder, "tensorboard"))
