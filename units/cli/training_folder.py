"""The folder of a training run: who may write to it, whether to resume, its corpora."""

import contextlib
import os

import click

from units.cli import processes
from units.records import InputError

resume_option = click.option(
    "--resume",
    is_flag=True,
    help="Continue from the last checkpoint in DIR, or start from the beginning if DIR has no checkpoint.",
)


@contextlib.contextmanager
def opened(folder, resume, model, weights):
    """Make a folder, keep other copies of the job out of it, and give whether to resume from a checkpoint.

    resume: whether --resume is given; model: as in "an encoder"; weights: the file name of its weights.
    Raises InputError rather than let a run replace a trained model.
    """
    os.makedirs(folder, exist_ok=True)
    with _alone(folder):
        begun = os.path.exists(os.path.join(folder, "checkpoint.safetensors"))
        if begun and not resume:
            raise InputError(
                f"{folder}: already holds {model}; continue with --resume, or choose another folder"
            )
        if not begun and os.path.exists(os.path.join(folder, weights)):
            raise InputError(
                f"{folder}: already holds {model}, without a checkpoint to resume from; "
                f"choose another folder, or remove {weights}"
            )
        yield begun


def _alone(folder):
    """Return the context in which no second copy of a job writes to a folder."""
    from units.files.output import claim

    # the processes of torchrun write together
    return claim(folder) if processes.first() else contextlib.nullcontext()


def corpora(folder, group, parts, build):
    """Return the corpora of the training and the held-out records, their caches in folder/cache.

    build(records, path): makes a corpus. The first process goes first; the others then find the caches.
    """
    os.makedirs(os.path.join(folder, "cache"), exist_ok=True)
    paths = [os.path.join(folder, "cache", name) for name in ("training", "held-out")]
    if not group.first:
        group.wait()
    made = [build(part, path) for part, path in zip(parts, paths, strict=True)]
    if group.first:
        group.wait()
    return made
