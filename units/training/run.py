"""What every training run has in common: averaged weights, learning rates, progress and identity."""

import hashlib
import json
from dataclasses import asdict

import numpy as np
import torch

from units.records import InputError

LOWEST_RATE = 0.01  # of the learning rate, at the end of a run


def follow(average, network, step, limit):
    """Move averaged weights towards the trained ones, faster while the run is young.

    average, network: modules of the same shape; step: steps taken; limit: the decay that is approached.
    """
    decay = min(limit, (1 + step) / (10 + step))
    with torch.no_grad():
        torch._foreach_lerp_([*average.parameters()], [*network.parameters()], 1 - decay)


def warm_up(step, steps):
    """Return the factor of the learning rate at a step of a warm-up that lasts a number of steps."""
    return min(1.0, (step + 1) / max(1, steps))


def fall(share, decay):
    """Return the factor of the learning rate by which it falls over the last part of a run.

    share: how much of the run is over, 0 to 1; decay: the length of that last part, as a share of the run.

    >>> fall(0.5, 0.2), round(fall(0.9, 0.2), 2)
    (1.0, 0.5)
    """
    return max(LOWEST_RATE, min(1.0, (1 - share) / max(1e-9, decay)))


def share_done(share, seconds, max_hours):
    """Return how much of a run is over: of its steps or of its hours, whichever is more.

    share: of its steps; max_hours: 0 is no limit.
    """
    return max(share, seconds / 3600 / max_hours if max_hours else 0.0)


def identity_of(shape, config, free, corpora, initial=None):
    """Return a hash of everything that must stay the same when a run is resumed.

    shape, config: dataclasses; free: the names in config that may change; corpora: each has `ends` and
    `content`; initial: the module that the run started from, or None.
    """
    kept = {name: value for name, value in asdict(config).items() if name not in free}
    digest = hashlib.sha256(json.dumps([asdict(shape), kept]).encode())
    for corpus in corpora:
        digest.update(np.asarray(corpus.ends, np.int64).tobytes() + corpus.content.encode())
    for tensor in initial.state_dict().values() if initial is not None else ():
        digest.update(tensor.detach().cpu().numpy().tobytes())
    return digest.hexdigest()[:16]


def check_identity(path, found, known):
    """Raise InputError if a checkpoint belongs to another run than the one to be resumed."""
    if found != known:
        raise InputError(f"{path}: this checkpoint was begun with other options or other records")
