"""What a training run leaves to look at: log.jsonl, TensorBoard where there is one, a bar on a terminal."""

import contextlib
import json
import os

RATE = 16000
_FORMAT = "{percentage:5.1f}%|{bar}| {elapsed}<{remaining} {postfix}"


def alone(folder):
    """Return the context in which no second copy of a job writes to a folder."""
    from units.files.output import claim

    first = os.environ.get("RANK", "0") == "0"  # of the processes of torchrun, which write together
    return claim(folder) if first else contextlib.nullcontext()


class Log:
    """Writes lines of figures and moves the bar; where `first` is false, another process does so."""

    def __init__(self, folder, resume, first=True, shown="held_out_loss"):
        from tqdm import tqdm

        path = os.path.join(folder, "log.jsonl") if first else os.devnull
        self._file = open(path, "a" if resume else "w", encoding="utf-8")  # noqa: SIM115 - closed in __exit__
        self._board = _tensorboard(folder) if first else None
        self._bar = tqdm(total=1.0, bar_format=_FORMAT, disable=None if first else True)
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
        """Move the bar to a step and to the share of the run, of 1, that is done; it tells when it ends."""
        self._bar.set_postfix_str(f"{step} steps{self._figure}", refresh=False)
        self._bar.update(min(share, 1.0) - self._bar.n)

    def listen(self, step, clips):
        """Let clips, {name: samples at 16 kHz}, be heard in TensorBoard; what was recorded, only once."""
        for name, samples in clips.items() if self._board else ():
            if name not in self._heard or not name.endswith("recorded"):
                self._board.add_audio(name, samples, step, RATE)
                self._heard.add(name)

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
