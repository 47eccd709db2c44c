"""What tests share: a quick way to run tools, and a small corpus that the tools themselves made."""

import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass

import hypothesis
import pytest
from processes import ROOT, Process

# What a user has in mind when a tool is run by cron: no colours, no columns, no hub.
ENVIRONMENT = {
    "PATH": os.environ["PATH"],
    "HOME": os.environ.get("HOME", "/"),
    "LC_ALL": "C.UTF-8",
    "OMP_NUM_THREADS": "1",
    "HF_HUB_OFFLINE": "1",
}


# No test asserts a time, and the machine may be busy.
hypothesis.settings.register_profile(
    "suite", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("suite")


@dataclass(frozen=True)
class Result:
    """How a tool ended and what it said."""

    status: int
    stdout: bytes
    stderr: str

    @property
    def records(self):
        """The JSON objects on stdout, where no arrays stand between them."""
        import json

        return [json.loads(line) for line in self.stdout.splitlines()]


class Server:
    """Starts tools, through tests/processes.py, as real processes."""

    def __init__(self, path):
        self.path = path

    def start(self, tool, *arguments, stdin=None, stdout=None, stderr=None, cwd="/", env=()):
        """Start a tool on open files, /dev/null where none is given; return its Process."""
        with open(os.devnull, "r+b") as null:
            files = [file or null for file in (stdin, stdout, stderr)]
            descriptors = [file if isinstance(file, int) else file.fileno() for file in files]
            arguments = [os.fsdecode(argument) for argument in arguments]
            environment = {**ENVIRONMENT, **dict(env)}
            return Process(self.path, tool, arguments, descriptors, str(cwd), environment)

    def __call__(self, tool, *arguments, stdin=b"", cwd="/", env=(), timeout_s=60):
        """Run a tool to its end; return its Result."""
        with (
            tempfile.TemporaryFile() as given,
            tempfile.TemporaryFile() as out,
            tempfile.TemporaryFile() as err,
        ):
            given.write(stdin)
            given.seek(0)
            process = self.start(tool, *arguments, stdin=given, stdout=out, stderr=err, cwd=cwd, env=env)
            status = process.wait(timeout_s)
            out.seek(0)
            err.seek(0)
            return Result(status, out.read(), err.read().decode())


@pytest.fixture(scope="session")
def run(tmp_path_factory):
    """Run a tool: run("su-quantize", "-c", codebook, stdin=b"...") gives status, stdout and stderr."""
    path = str(tmp_path_factory.mktemp("server") / "socket")
    command = [sys.executable, os.path.join(ROOT, "tests", "processes.py"), path]
    server = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=ENVIRONMENT, start_new_session=True
    )
    assert server.stdout.readline() == b"ready\n"
    yield Server(path)
    server.communicate(timeout=20)
