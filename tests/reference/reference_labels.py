"""Slow reference versions: where labels begin and end, and how many overlap."""


def runs(units, counts, offset, frame_shift):
    """Return (start, end, unit) of each run, counted frame by frame."""
    found, frame = [], 0
    for unit, count in zip(units, counts, strict=True):
        for _ in range(count):
            start, end = (round(offset + frame_shift * i, 6) for i in (frame, frame + 1))
            if found and found[-1][2] == unit:
                found[-1] = (found[-1][0], end, unit)
            else:
                found.append((start, end, unit))
            frame += 1
    return found


def overlapping_most(spans):
    """Return the largest number of spans (start, end) at any one moment."""
    return max((sum(a <= start < b for a, b in spans) for start, _ in spans), default=0)
