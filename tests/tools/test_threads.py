"""OpenMP's threads spin only briefly at a barrier, unless the user has said how they are to wait."""

import re
import subprocess
import sys

import pytest
from conftest import ENVIRONMENT
from parallel_work import environment
from processes import ROOT

from units.cli.threads import SETTINGS, SPINS
from units.parallel import ordered_map


def told(code, **chosen):
    """Return what a new Python that has imported units.cli first prints, on both streams."""
    done = subprocess.run(
        [sys.executable, "-c", f"import units.cli\n{code}"],
        cwd=ROOT,
        env={**ENVIRONMENT, **chosen},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=True,
    )
    return done.stdout


def test_threads_spin_briefly_in_each_library_that_brings_an_openmp():
    for library in ("faiss", "torch"):
        said = told(f"import {library}", OMP_DISPLAY_ENV="verbose")
        if found := re.findall(r"GOMP_SPINCOUNT = '(.*)'", said):  # GNU's
            assert set(found) == {SPINS}, library


@pytest.mark.parametrize("name", SETTINGS)
def test_what_the_user_has_set_is_left_alone(name):
    code = f"import os; print([os.environ.get(name) for name in {SETTINGS}])"
    assert told(code, **{name: "7"}) == f"{['7' if each == name else None for each in SETTINGS]}\n"


def test_worker_processes_spin_as_briefly(monkeypatch):
    for name in SETTINGS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GOMP_SPINCOUNT", SPINS)
    (found,) = ordered_map(environment, ["GOMP_SPINCOUNT"], 2)
    assert found[1].result() == SPINS
