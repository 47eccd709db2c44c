"""Records that su-synth speaks together, where that is quicker: short ones, by a vocoder that can."""

from units.records import InputError

CPU_FRAMES, GPU_FRAMES = 1000, 20000  # spoken at once, padding included


def planned(records, prepare, vocoder, alone):
    """Yield (record, plan, pieces, error) of each record in turn.

    prepare(record): the plan, (units, f0_hz, speaker); its InputError becomes `error`, the others then None.
    pieces: successive parts of the waveform, made when asked for. alone: each record by itself, at once.
    """
    limit = GPU_FRAMES if vocoder.device.type == "cuda" else CPU_FRAMES
    if alone or not vocoder.speaks_together:
        limit = 0
    group = []
    try:
        for record in records:
            item = record, *_planned(record, prepare)
            if group and _frames([*group, item]) > limit:
                yield from _spoken(group, vocoder)
                group = []
            group.append(item)
            if not limit:
                yield from _spoken(group, vocoder)
                group = []
    except InputError:  # of a line further on
        yield from _spoken(group, vocoder)
        raise
    yield from _spoken(group, vocoder)


def _planned(record, prepare):
    try:
        return prepare(record), None
    except InputError as error:
        return None, error


def _frames(group):
    lengths = [len(plan[0]) for _, plan, _ in group if plan]
    return len(lengths) * max(lengths, default=0)


def _spoken(group, vocoder):
    plans = [plan for _, plan, _ in group if plan]
    waves = []

    def pieces(plan):
        if len(plans) == 1:
            yield from vocoder.speak(*plan)
            return
        if not waves:
            waves.extend(vocoder.speak_together(plans))
        yield next(wave for other, wave in zip(plans, waves, strict=True) if other is plan)

    for record, plan, error in group:
        yield record, plan, plan and pieces(plan), error
