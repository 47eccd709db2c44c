"""units.parallel: order, bounds, faults at their turn, and no process left behind."""

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from parallel_work import end, environment, later, odd_only
from processes import PATIENCE_S, ROOT, wait_for

from units.parallel import AHEAD, ordered_map, processors
from units.records import InputError

HERE = Path(__file__).parent


@pytest.mark.parametrize("jobs", [1, 3])
def test_results_come_in_order_however_long_each_takes(jobs):
    waits = [0.4, 0.0, 0.2, 0.0, 0.1]
    done = [(item, future.result()) for item, future in ordered_map(later, waits, jobs)]
    assert done == [(wait, wait) for wait in waits]


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_fault_is_raised_at_its_turn_and_the_rest_is_done(jobs):
    told = []
    for item, future in ordered_map(odd_only, [1, 2, 3], jobs):
        try:
            told.append(future.result())
        except InputError as error:
            told.append((item, str(error)))
    assert told == [1, (2, "2 is even"), 3]


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_fault_of_the_source_comes_after_what_was_before_it(jobs):
    def source():
        yield -1
        yield -2
        raise InputError("line 3")

    done = []
    with pytest.raises(InputError, match="line 3"):
        for _, future in ordered_map(abs, source(), jobs):
            done.append(future.result())
    assert done == [1, 2]


def test_items_are_not_taken_far_ahead_of_the_oldest_that_is_not_done():
    taken = []

    def source():
        for i in range(100):
            taken.append(i)
            yield 1.0 if i == 0 else 0.0

    results = ordered_map(later, source(), 2)
    next(results)
    results.close()
    assert 2 <= len(taken) <= 2 * AHEAD


def test_a_worker_has_one_thread_and_our_environment_stays():
    before = dict(os.environ)
    names = ["OMP_NUM_THREADS", "PATH"]
    assert [f.result() for _, f in ordered_map(environment, names, 2)] == ["1", os.environ["PATH"]]
    assert dict(os.environ) == before
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, [])


@pytest.mark.parametrize(("how", "told"), [("status", "status 3"), ("signal", "signal 9")])
def test_a_worker_that_dies_is_told_of(how, told):
    with pytest.raises(ChildProcessError, match=told):
        list(ordered_map(end, [how], 2))


def test_what_is_left_half_way_leaves_no_worker():
    before = children_of(os.getpid())
    results = ordered_map(later, [0.0, 60.0, 60.0], 2)
    next(results)
    assert children_of(os.getpid()) > before
    results.close()
    assert children_of(os.getpid()) == before


def children_of(pid):
    """Return the pids of the workers that a process has: those started by multiprocessing.spawn."""
    found = set()
    for status in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = status.read_text().rsplit(")", 1)[1].split()
            command = status.with_name("cmdline").read_bytes()
            if int(fields[1]) == pid and fields[0] != "Z" and b"spawn_main" in command:
                found.add(int(status.parent.name))
    return found


# With no __main__ guard, as a user's own script may be.
SCRIPT = """
import sys
sys.path[:0] = [{here!r}, {root!r}]
from parallel_work import leave_pid
from units.parallel import ordered_map
list(ordered_map(leave_pid, [{folder!r}] * 2, 2))
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_workers_end_with_the_parent_and_say_nothing(tmp_path, number):
    folder = tmp_path / "pids"
    folder.mkdir()
    script = tmp_path / "script.py"
    script.write_text(SCRIPT.format(here=str(HERE.parent / "support"), root=ROOT, folder=str(folder)))
    parent = subprocess.Popen([sys.executable, script], stderr=subprocess.PIPE, start_new_session=True)
    pids = wait_for(lambda: len(found := [int(p.name) for p in folder.iterdir()]) == 2 and found)
    if number == signal.SIGINT:
        os.killpg(parent.pid, number)  # as a terminal does
    else:
        parent.send_signal(number)
    said = parent.communicate(timeout=PATIENCE_S)[1].decode()
    assert parent.returncode == -number
    assert said.count("Traceback") == (number == signal.SIGINT)  # the script's own
    assert "spawn_main" not in said
    wait_for(lambda: not any(map(alive, pids)))


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def test_processors_are_counted_where_the_system_has_no_affinities_such_as_macos(monkeypatch):
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    assert processors() == 8
