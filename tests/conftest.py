"""What tests share: a quick way to run tools, a small corpus that the tools themselves made, a browser."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import warnings
from dataclasses import dataclass
from typing import ClassVar

import chromium
import hypothesis
import inherited
import numpy as np
import pytest
import soundfile
from processes import PATIENCE_S, ROOT, Process
from speechlike import RATE, recording

# What a user has in mind when a tool is run by cron: no colours, no columns, no hub.
ENVIRONMENT = {
    "PATH": os.environ["PATH"],
    "HOME": os.environ.get("HOME", "/"),
    "LC_ALL": "C.UTF-8",
    "OMP_NUM_THREADS": "1",
    "HF_HUB_OFFLINE": "1",
    "CUDA_VISIBLE_DEVICES": "",
}
# What tests promise to the byte holds on a CPU, so no test uses a GPU. torch, which reads this, comes later.
os.environ["CUDA_VISIBLE_DEVICES"] = ""

# These change torch for the whole process; tests/library/test_pretended_gpu.py runs them in one of their own.
collect_ignore = ["support/pretended_gpu.py", "support/gpu_waits.py"]
collect_ignore += [] if "PRETENDED_GPU" in os.environ else ["pretended"]

inherited.forget_signals()

# Importing a tool makes SIGINT end the process at once; pytest ends with a summary.
import units.cli  # noqa: F401, E402

if signal.getsignal(signal.SIGINT) == signal.SIG_DFL:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# No test asserts a time, and the machine may be busy.
hypothesis.settings.register_profile(
    "suite", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("suite")


TINY_VOCODER = (
    "--arch v1 --width 32 --epochs 1 --batch-size 8 --crop-seconds 0.4 --held-out 0.5 --predictor-steps 1 "
    "--discriminator-width 0.05"
)


TINY_ENCODER = (
    "--steps 2 --rounds 1 --clusters 6 --width 64 --depth 2 --batch-seconds 2 --crop-seconds 1 --held-out 0.5"
)


@dataclass(frozen=True)
class Result:
    """How a tool ended and what it said."""

    status: int
    stdout: bytes
    stderr: str

    @property
    def records(self):
        """The JSON objects on stdout, where no arrays stand between them."""
        return [json.loads(line) for line in self.stdout.splitlines()]


class Server:
    """Starts tools, through tests/support/processes.py, as real processes."""

    def __init__(self, path):
        self.path = path
        self.hub = path + ".hub"  # where the hub's models are kept, as far as there are any

    def start(self, tool, *arguments, stdin=None, stdout=None, stderr=None, cwd="/", env=(), memory=0):
        """Start a tool on open files, /dev/null where none is given; return its Process.

        memory: bytes that it may take; 0 is no limit.
        """
        with open(os.devnull, "r+b") as null:
            files = [file or null for file in (stdin, stdout, stderr)]
            descriptors = [file if isinstance(file, int) else file.fileno() for file in files]
            arguments = [os.fsdecode(argument) for argument in arguments]
            environment = {**ENVIRONMENT, **dict(env)}
            return Process(self.path, tool, arguments, descriptors, str(cwd), environment, memory)

    def __call__(self, tool, *arguments, stdin=b"", cwd="/", env=(), timeout_s=PATIENCE_S, memory=0):
        """Run a tool to its end; return its Result."""
        with (
            tempfile.TemporaryFile() as given,
            tempfile.TemporaryFile() as out,
            tempfile.TemporaryFile() as err,
        ):
            given.write(stdin)
            given.seek(0)
            files = {"stdin": given, "stdout": out, "stderr": err}
            process = self.start(tool, *arguments, **files, cwd=cwd, env=env, memory=memory)
            status = process.wait(timeout_s)
            out.seek(0)
            err.seek(0)
            return Result(status, out.read(), err.read().decode())


@pytest.fixture(scope="session")
def with_pesq():
    """Skip what is said of all figures together where `make install` found no C compiler for PESQ."""
    pytest.importorskip("pesq", reason="no PESQ, which wants a C compiler")


@pytest.fixture(scope="session")
def run(tmp_path_factory):
    """Run a tool: run("su-quantize", "-c", codebook, stdin=b"...") gives status, stdout and stderr."""
    path = str(tmp_path_factory.mktemp("server") / "socket")
    command = [sys.executable, os.path.join(ROOT, "tests", "support", "processes.py"), path]
    server = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**ENVIRONMENT, "HF_HOME": path + ".hub"},
        start_new_session=True,
    )
    assert server.stdout.readline() == b"ready\n"
    yield Server(path)
    server.communicate(timeout=PATIENCE_S)


class Corpus:
    """A folder with two recordings and all that the tools make of them, each made when first asked for.

    What is asked for is a path: corpus["units.jsonl"]. Records name audio by its whole path.
    """

    RECIPES: ClassVar = {
        "segments.jsonl": "su-segment {recordings}",
        "features.jsonl": "su-encode -m mfcc {segments.jsonl}",
        "codebook.npz": "su-cluster -k 8 -o {} {features.jsonl}",
        "units.jsonl": "su-quantize -c {codebook.npz} {features.jsonl}",
        "runs.jsonl": "su-quantize -c {codebook.npz} --collapse {features.jsonl}",
        "pitch.jsonl": "su-pitch -j 1 {units.jsonl}",
        "bpe.model": "su-bpe train --vocab-size 24 -o {} {units.jsonl}",
        "pieces.jsonl": "su-bpe encode -m {bpe.model} {units.jsonl}",
        "framed.jsonl": "su-encode -m mfcc --arrays {frames} {segments.jsonl}",
        "framed-units.jsonl": "su-quantize -c {codebook.npz} {framed.jsonl}",
        "index": "su-search build -c {codebook.npz} -o {} {framed-units.jsonl}",
        "vocoder": f"su-train-vocoder -o {{}} {TINY_VOCODER} {{pitch.jsonl}}",
        "spoken.jsonl": "su-synth -m {vocoder} --audio {spoken} {units.jsonl}",
        "scores.jsonl": "su-eval speech --metrics log_mel -j 1 {segments.jsonl} {spoken.jsonl}",
    }
    NAMES = ("🔴 ÊXODO 📖 (a Saída de Israel do Egito).wav", 'it\'s "Mc 1".wav')

    def __init__(self, folder, run):
        self.folder, self.run = folder, run
        (folder / "audio").mkdir()
        for i, name in enumerate(self.NAMES):
            plans = [0.6, 2.2, 0.8], [0, 2.4, 0.6]  # of one seed, so that what is said recurs
            parts = [recording(plan, seed=100 * i, f0_hz=(110.0, 180.0)[i]) for plan in plans]
            soundfile.write(folder / "audio" / name, np.concatenate(parts), RATE)

    def __getitem__(self, name):
        path = self.folder / name
        if name == "alignments.jsonl" and not path.exists():
            self._write_alignments(path)
        elif name in self.RECIPES and not path.exists():
            result = self.run(*self._command(name))
            assert (result.status, result.stderr) == (0, ""), result.stderr
            if not path.exists():
                path.write_bytes(result.stdout)
        return str(path)

    def _command(self, name):
        """Return the words of a recipe: {} is its own path, {other} that of another."""
        words = []
        for word in self.RECIPES[name].split():
            if word == "{recordings}":
                words += [str(self.folder / "audio" / recording) for recording in self.NAMES]
            elif word.startswith("{"):
                words.append(self[word[1:-1]] if word != "{}" else str(self.folder / name))
            else:
                words.append(word)
        return words

    def records(self, name):
        """Return the records of one of its files, which must hold no arrays."""
        with open(self[name], "rb") as file:
            return [json.loads(line) for line in file]

    def _write_alignments(self, path):
        """Write phones for each segment: a, b, c in turn, 0.1 s each."""
        with open(path, "w", encoding="utf-8") as file:
            for record in self.records("segments.jsonl"):
                times = np.arange(0, record["duration"] - 0.1, 0.1).round(3).tolist()
                phones = [[t, round(t + 0.1, 3), "abc"[i * i % 7 % 3]] for i, t in enumerate(times)]
                file.write(json.dumps({"id": record["id"], "phones": phones}) + "\n")


@pytest.fixture(scope="session")
def corpus(tmp_path_factory, run):
    """Two small recordings and what the tools make of them; see Corpus."""
    return Corpus(tmp_path_factory.mktemp("corpus"), run)


@pytest.fixture(scope="session")
def browser():
    """Chromium, None where there is none: then tests fall back to what the page's source tells."""
    if (found := chromium.find()) is None:
        warnings.warn("no Chromium: pages are tested by their structure, not seen or heard", stacklevel=1)
        yield None
        return
    window = chromium.Chromium(found)
    yield window
    window.close()
