"""Run a script as two processes of torchrun."""

import shutil
import subprocess
import sys


def run(script, folder, environment):
    """Run `script folder` as two processes; fail with what they said.

    torchrun looks for a free port and lets go of it before its processes take it: another program may come in
    between, so a failure is tried once more, in the folder as it was.
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
