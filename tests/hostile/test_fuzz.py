"""Mutations of what a tool may be given, through all that reads it: read, or InputError of one line."""

import functools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mutations import READERS, fault_of, mutate


@functools.cache
def seeds(name):
    return READERS[name][1]()


@pytest.mark.parametrize("name", READERS)
def test_what_is_good_is_read(name):
    for data in seeds(name):
        READERS[name][0](data)


@pytest.mark.parametrize("name", READERS)
@settings(max_examples=100, database=None)
@given(random=st.randoms(use_true_random=False))
def test_a_mutation_of_it_is_read_or_is_a_fault_of_one_line(name, random):
    data = mutate(random.choice(seeds(name)), random, seeds(name))
    assert fault_of(READERS[name][0], data) is None
