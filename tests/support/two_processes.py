"""Run a script as two processes of torchrun."""

import shutil
import subprocess
import sys


def run(script, folder, environment):
    """Run `script folder` as two processes; if they fail, raise AssertionError with their error output.

    torchrun finds a free port and releases it before its processes use it, so another program may take it. A
    failure is therefore repeated once, with the folder restored.
    """
    before = shutil.copytree(folder, f"{folder}.before")
    words = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", script, str(folder)]
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, *words], env=environment, check=False, capture_output=True, text=True
        )
        if done.returncode == 0:
            return
        shutil.rmtree(folder)
        shutil.copytree(before, folder)
    raise AssertionError(done.stderr)
