"""The batcher that encoding and synthesis share: every item once, in order, in batches within the limits."""

import math

from hypothesis import given
from hypothesis import strategies as st

from units.batching import pools, similar
from units.records import InputError

SIZES = st.lists(st.integers(0, 50), max_size=30)
LIMIT = st.one_of(st.just(0), st.floats(0, 200))


def size(item):
    return item[1]


@given(SIZES, LIMIT)
def test_pools_hold_every_item_once_and_in_order(sizes, limit):
    items = list(enumerate(sizes))
    found = list(pools(iter(items), size, limit))
    assert [item for pool in found for item in pool] == items
    for pool in found:
        assert sum(map(size, pool[:-1])) < limit or len(pool) == 1  # no pool is larger than it must be
    assert all(sum(map(size, pool)) >= limit for pool in found[:-1])


@given(SIZES, LIMIT, st.one_of(st.just(math.inf), st.floats(1, 3)))
def test_batches_hold_every_item_once_and_keep_the_limits(sizes, limit, waste):
    items = list(enumerate(sizes))
    found = similar(items, size, limit, waste)
    assert sorted(item for batch in found for item in batch) == items
    for batch in found:
        padded = len(batch) * max(map(size, batch))
        assert len(batch) == 1 or padded <= min(limit, waste * sum(map(size, batch)))
    assert [size(item) for batch in found for item in batch] == sorted(sizes, reverse=True)


@given(SIZES, LIMIT, st.integers(0, 30))
def test_a_fault_in_the_source_comes_after_the_items_before_it(sizes, limit, place):
    def source():
        for i, each in enumerate(sizes):
            if i == place:
                raise InputError("fault")
            yield i, each

    found, fault = [], None
    try:
        for pool in pools(source(), size, limit):
            found += pool
    except InputError as error:
        fault = str(error)
    assert found == list(enumerate(sizes))[:place]
    assert fault == ("fault" if place < len(sizes) else None)
