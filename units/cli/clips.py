"""Examples cut out of recordings, for a person to listen to."""

CONTEXT = 0.075  # s before and after


def cut(path, audio_filepath, start, end, last=None):
    """Write what stands from start to end (s) of a recording, with CONTEXT around it, as a WAV file.

    last: s, where what may be cut ends; None is where the recording does.
    """
    from units.audio import load, save
    from units.streams import create

    first, end = max(0.0, start - CONTEXT), end + CONTEXT
    samples = load(audio_filepath, first, (end if last is None else min(last, end)) - first)
    with create(path) as out:
        save(out, samples)
