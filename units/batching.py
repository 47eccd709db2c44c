"""Batches of items of similar size, for networks that compute several at once.

Encoding and synthesis use it.
"""

import math

from units.records import InputError


def pools(items, size, limit):
    """Yield lists of successive items whose sizes add up to the limit or more, and the rest at the end.

    size(item): a number. If the source of the items raises InputError, the items before it come first.

    >>> list(pools([3, 4, 5, 1], lambda item: item, 6))
    [[3, 4], [5, 1]]
    """
    pool, total = [], 0
    try:
        for item in items:
            pool.append(item)
            total += size(item)
            if total >= limit:
                yield pool
                pool, total = [], 0
    except InputError:
        if pool:
            yield pool
        raise
    if pool:
        yield pool


def similar(items, size, limit, waste=math.inf):
    """Return all items in batches, the largest first; a batch is padded to the size of its first item.

    limit: largest padded size of a batch of more than one item. waste: largest ratio of a batch's padded size
    to the sum of its sizes.

    >>> similar([9, 3, 10, 4, 50], lambda item: item, 20, waste=1.3)
    [[50], [10, 9], [4, 3]]
    """
    batches, total = [], 0
    for item in sorted(items, key=lambda item: -size(item)):
        padded = (len(batches[-1]) + 1) * size(batches[-1][0]) if batches else 0
        if batches and padded <= min(limit, waste * (total + size(item))):
            batches[-1].append(item)
            total += size(item)
        else:
            batches.append([item])
            total = size(item)
    return batches
