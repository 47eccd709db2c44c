"""Records that su-synth speaks together, where that is quicker: short ones, by a vocoder that can."""

from units.records import InputError

CPU_FRAMES, GPU_FRAMES = 1000, 20000  # spoken at once, padding included
_PADDED = 1.3  # at most as many times the frames that are not padding: more takes longer than it saves
_POOL = 4  # batches' worth of records that are sorted by length together


def planned(records, prepare, vocoder, alone):
    """Yield (record, plan, pieces, error) of each record in turn.

    prepare(record): the plan, (units, f0_hz, speaker); its InputError becomes `error`, the others then None.
    pieces: successive parts of the waveform, made when asked for. alone: each record by itself, at once.
    """
    limit = GPU_FRAMES if vocoder.device.type == "cuda" else CPU_FRAMES
    if alone or not vocoder.speaks_together:
        limit = 0
    pool, size = [], 0
    try:
        for record in records:
            pool.append((record, *_planned(record, prepare)))
            size += len(pool[-1][1][0]) if pool[-1][1] else 0
            if size >= _POOL * limit:
                yield from _spoken(pool, vocoder, limit)
                pool, size = [], 0
    except InputError:  # of a line further on
        yield from _spoken(pool, vocoder, limit)
        raise
    yield from _spoken(pool, vocoder, limit)


def _planned(record, prepare):
    try:
        return prepare(record), None
    except InputError as error:
        return None, error


def _spoken(pool, vocoder, limit):
    plans = [plan for _, plan, _ in pool if plan]
    batch_of = {id(plan): batch for batch in batches(plans, limit) for plan in batch}
    made = {}

    def pieces(plan):
        batch = batch_of[id(plan)]
        if len(batch) == 1:
            yield from vocoder.speak(*plan)
            return
        if id(plan) not in made:
            waves = vocoder.speak_together(batch)
            made.update((id(other), wave) for other, wave in zip(batch, waves, strict=True))
        yield made.pop(id(plan))

    for record, plan, error in pool:
        yield record, plan, plan and pieces(plan), error


def batches(plans, limit):
    """Return the plans in lists of like lengths, at most so many frames each with padding, or one plan.

    >>> plans = [([0] * n,) for n in (9, 3, 10, 4, 50)]
    >>> [[len(units) for units, *_ in batch] for batch in batches(plans, 20)]
    [[50], [10, 9], [4, 3]]
    """
    found = []
    for plan in sorted(plans, key=lambda plan: -len(plan[0])):
        if found:
            padded = (len(found[-1]) + 1) * len(found[-1][0][0])
            if padded <= min(limit, _PADDED * sum(len(units) for units, *_ in [*found[-1], plan])):
                found[-1].append(plan)
                continue
        found.append([plan])
    return found
