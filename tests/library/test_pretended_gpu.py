"""Every path of a GPU, on one that is pretended: the tests in tests/pretended, in a process of their own."""

import os
import re
import subprocess
import sys

import pytest
from processes import ROOT


def test_every_path_of_a_gpu_runs_on_a_pretended_one():
    words = [sys.executable, "-m", "pytest", "-rs", "-p", "no:cacheprovider"]
    words.append(os.path.join("tests", "pretended"))
    environment = {**os.environ, "PRETENDED_GPU": "1"}
    done = subprocess.run(words, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-20000:] + done.stderr[-2000:]
    if not re.search(r"\d passed", done.stdout):
        pytest.skip(re.search(r"SKIPPED .*?: (.*)", done.stdout)[1])
