"""The suite does not depend on how it is started: by hand, by nohup, by cron, by a CI runner."""

import os
import signal
import subprocess
import sys

import pytest
from processes import ROOT

from units.cli import signals

QUICK = [
    "tools/test_cli.py::test_a_closed_standard_stream_is_told_as_far_as_it_can_be",
    "library/test_parallel.py::test_workers_end_with_the_parent_and_say_nothing",
    "tools/test_tools.py::test_a_terminal_that_closes_ends_a_tool_unless_nohup_asked_it_to_stay",
    "tools/test_tools.py::test_head_ends_a_pipe_of_real_processes_without_a_word",
]
IGNORED = (signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGPIPE, signal.SIGCHLD)


def as_a_bad_parent():
    """Ignore and block whatever can be, as is then inherited."""
    for number in IGNORED:
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())


def test_tests_of_signals_pass_under_nohup_with_all_signals_ignored_or_blocked_and_no_terminal(tmp_path):
    options = ["--import-mode=prepend", "-p", "no:cacheprovider", "--durations=0"]
    options.append(f"--basetemp={tmp_path / ('deep' * 25)}")  # too long for a socket's address
    words = ["nohup", sys.executable, "-m", "pytest", *options]
    with open(tmp_path / "said", "w+b") as said:
        done = subprocess.run(
            words + [os.path.join(ROOT, "tests", name) for name in QUICK],
            cwd=ROOT,
            env={"PATH": os.environ["PATH"], "LC_ALL": "C", "TZ": "Asia/Kathmandu"},
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            umask=0o077,
            preexec_fn=as_a_bad_parent,
            start_new_session=True,
            check=False,
        )
        said.seek(0)
        assert done.returncode == 0, said.read().decode(errors="replace")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGPIPE], ids=lambda n: n.name)
def test_a_tool_dies_of_a_signal_even_if_it_inherited_it_blocked(number):
    code = f"import signal\nfrom units.cli import signals\nsignals.die_of(signal.{number.name})"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        check=False,
        preexec_fn=lambda: signal.pthread_sigmask(signal.SIG_BLOCK, {number}),
    )
    assert done.returncode == -number


def test_a_tool_sees_how_its_children_end_even_if_it_inherited_sigchld_ignored():
    before = [signal.getsignal(number) for number in (*signals.SIGNALS, signal.SIGCHLD)]
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        signals.listen()
        assert subprocess.run(["false"], check=False).returncode == 1
    finally:
        for number, handler in zip((*signals.SIGNALS, signal.SIGCHLD), before, strict=True):
            signal.signal(number, handler)
