"""What the workers of test_parallel.py do: importable by them, and quickly."""

import os
import signal
import time
from pathlib import Path

from units.records import InputError


def later(seconds):
    time.sleep(seconds)
    return seconds


def odd_only(number):
    if number % 2 == 0:
        raise InputError(f"{number} is even")
    return number


def environment(name):
    return os.environ.get(name)


def end(how):
    if how == "status":
        os._exit(3)
    os.kill(os.getpid(), signal.SIGKILL)


def leave_pid(folder):
    Path(folder, str(os.getpid())).touch()
    time.sleep(3600)  # longer than any test waits for its end
