"""Several processes of torchrun, on one host or two: they speak once, and train what one process trains."""

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter

import numpy as np
import pytest
from conftest import ENVIRONMENT, TINY_ENCODER, TINY_VOCODER
from processes import PATIENCE_S, ROOT
from safetensors.numpy import load_file
from test_pages import examples

from units.cli import processes, progress

TORCHRUN = [sys.executable, "-m", "torch.distributed.run"]
SHARE = {"WORLD_SIZE": "2", "LOCAL_RANK": "0", "RANK": "0"}
OTHER = {"WORLD_SIZE": "2", "LOCAL_RANK": "1", "RANK": "1"}
ON_ONE_HOST = ["--standalone", "--nproc-per-node", "2"]


def torchrun(options, *words, stderr, prefix=(), **more):
    """Start a tool under torchrun. stderr: a file; prefix: words before the command; more: variables."""
    tool, *arguments = map(str, words)
    command = [*prefix, *TORCHRUN, *options, f"{ROOT}/bin/{tool}", *arguments]
    return subprocess.Popen(command, env={**ENVIRONMENT, **more}, stderr=stderr)


def wait_for_all(started):
    """Wait until all have ended, or one has failed or hangs; then end the others."""
    end = time.monotonic() + PATIENCE_S / 2
    try:
        while None in (states := [process.poll() for process in started]):
            if any(states) or time.monotonic() > end:
                break
            time.sleep(0.05)
    finally:
        for process in started:
            process.terminate()  # torchrun ends the processes that it started
        for process in started:
            try:
                process.wait(PATIENCE_S / 10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def lines_of(tool, stderr):
    """Return how often each line of a tool occurs; torchrun and torch have lines of their own."""
    return Counter(line for line in stderr.splitlines() if line.startswith(f"{tool}: "))


@pytest.mark.parametrize(("tool", "tiny"), [("vocoder", TINY_VOCODER), ("encoder", TINY_ENCODER)])
def test_standard_input_is_refused_once_if_several_processes_train(run, corpus, tmp_path, tool, tiny):
    words = (f"su-train-{tool}", "-o", str(tmp_path / "model"), *tiny.split())
    with open(corpus["pitch.jsonl"], "rb") as file:
        given = file.read()
    says = (
        f"su-train-{tool}: standard input: 2 processes cannot share a pipe, each would read a part of it; "
        "write the records to a file and name that\n"
    )
    for more in ((), ("-",)):
        result = run(*words, *more, stdin=given, env=SHARE)
        assert (result.status, result.stderr) == (1, says)
        result = run(*words, *more, stdin=given, env=OTHER)
        assert (result.status, result.stderr) == (1, "")
    assert not (tmp_path / "model").exists()


def test_a_named_pipe_is_refused_like_standard_input(run, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    result = run("su-train-vocoder", "-o", tmp_path / "model", tmp_path / "pipe", env=SHARE)
    assert result.status == 1
    assert f"{tmp_path}/pipe: 2 processes cannot share a pipe" in result.stderr


def test_each_host_tells_why_it_cannot_read_the_records(run, tmp_path):
    """The first process of the second host has LOCAL_RANK 0."""
    words = ("su-train-encoder", "-o", tmp_path / "model", tmp_path / "none.jsonl")
    says = f"su-train-encoder: {tmp_path}/none.jsonl: No such file or directory\n"
    second = {"WORLD_SIZE": "4", "RANK": "2", "LOCAL_RANK": "0"}
    assert [run(*words, env=env).stderr for env in (SHARE, OTHER, second)] == [says, "", says]


def test_tools_that_do_not_share_their_work_speak_whatever_torchrun_set(run, tmp_path):
    result = run("su-encode", "-m", "mfcc", tmp_path / "none.jsonl", env=OTHER)
    assert result.stderr == f"su-encode: {tmp_path}/none.jsonl: No such file or directory\n"


def test_an_error_of_one_process_names_it(monkeypatch):
    for name, value in OTHER.items():
        monkeypatch.setenv(name, value)
    processes.begin(together=True)
    try:
        assert processes.failing("out of memory") is None
        processes.part()
        assert processes.failing("out of memory") == "out of memory (process 2 of 2)"
    finally:
        processes.begin(together=False)


@pytest.mark.parametrize(("rank", "shown"), [("0", True), ("1", False)])
def test_only_the_first_process_shows_a_bar(monkeypatch, rank, shown):
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", rank)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    processes.begin(together=True)
    try:
        bar = progress.new_bar(1.0)
        assert (bar is not None) == shown
    finally:
        processes.begin(together=False)
        if bar:
            bar.close()


def test_two_processes_say_each_line_once(corpus, tmp_path):
    records = corpus.records("pitch.jsonl")
    for number, record in enumerate(records):
        record["speaker"] = str(number)
    path = tmp_path / "records.jsonl"
    path.write_text("not JSON\n" + "".join(json.dumps(r) + "\n" for r in records))
    words = (
        "-o",
        tmp_path / "model",
        *TINY_VOCODER.split(),
        "--keep-going",
        "-v",
        tmp_path / "records.jsonl",
    )
    with open(tmp_path / "stderr", "wb") as file:
        wait_for_all([torchrun(ON_ONE_HOST, "su-train-vocoder", *words, stderr=file)])
    stderr = (tmp_path / "stderr").read_text()
    said = lines_of("su-train-vocoder", stderr)
    parts = ("records.jsonl:1: ", "1 of ", records[0]["id"], "cannot hold out a complete recording")
    assert all(any(part in line for line in said) for part in parts), stderr
    assert set(said.values()) == {1}, stderr


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


@contextlib.contextmanager
def two_hosts():
    """Yield the address of the first host, and for each host words that run a command there, and variables.

    They are network namespaces joined by a cable if root may make such, and otherwise this host twice.
    """
    names = [f"su{os.getpid()}{side}" for side in "ab"]
    if not _cabled(names):
        yield "127.0.0.1", [([], {}), ([], {})]
        return
    try:
        yield "10.255.77.1", [(["ip", "netns", "exec", n], {"GLOO_SOCKET_IFNAME": n}) for n in names]
    finally:
        _remove(names)


def _cabled(names):
    """Make two network namespaces with a cable between them; return whether that worked."""
    if os.geteuid() or not shutil.which("ip"):
        return False
    commands = [f"ip netns add {name}" for name in names]
    commands.append(f"ip link add {names[0]} netns {names[0]} type veth peer {names[1]} netns {names[1]}")
    for number, name in enumerate(names, 1):
        commands.append(f"ip -n {name} address add 10.255.77.{number}/24 dev {name}")
        commands += [f"ip -n {name} link set {name} up", f"ip -n {name} link set lo up"]
    done = subprocess.run(["sh", "-ec", "\n".join(commands)], check=False, capture_output=True)
    if done.returncode:
        _remove(names)
    return done.returncode == 0


def _remove(names):
    """Remove network namespaces, and end what still runs in them."""
    for name in names:
        subprocess.run(
            f"ip netns pids {name} | xargs -r kill -9", shell=True, check=False, capture_output=True
        )
        subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)


def recipe():
    """Return the command for two hosts of su-recipes(7), without the tool and its options."""
    (script,) = [text for text, _ in examples("su-recipes.7") if "--node-rank" in text]
    return script[: script.index(' "$(command')].replace("\\\n", " ")


def train_on_two_hosts(*words):
    """Return (status, stderr) of each host's torchrun."""
    with two_hosts() as (address, hosts), contextlib.ExitStack() as stack:
        place = f"--master-addr {address} --master-port {free_port()}"
        command = recipe().replace("--master-addr node1", place)
        command = command.replace("--nproc-per-node 4", "--nproc-per-node 1")
        assert place in command and "--nproc-per-node 1" in command
        started, files = [], [stack.enter_context(tempfile.TemporaryFile("w+")) for _ in hosts]
        for rank, (prefix, more) in enumerate(hosts):
            _, *options = command.replace("--node-rank 0", f"--node-rank {rank}").split()
            started.append(torchrun(options, *words, stderr=files[rank], prefix=prefix, **more))
        wait_for_all(started)
        for file in files:
            file.seek(0)
        return [(p.returncode, file.read()) for p, file in zip(started, files, strict=True)]


@pytest.mark.parametrize(
    ("tool", "tiny", "more", "source", "weights"),
    [
        ("vocoder", TINY_VOCODER, "--epochs 6 --lr 2e-3", "pitch.jsonl", "generator.safetensors"),
        ("encoder", TINY_ENCODER, "--steps 6 --lr 1e-2", "segments.jsonl", "weights.safetensors"),
    ],
)
def test_two_hosts_train_what_one_process_trains(run, corpus, tmp_path, tool, tiny, more, source, weights):
    words = [*tiny.split(), *more.split(), "--dtype", "fp32", corpus[source]]
    alone = run(f"su-train-{tool}", "-o", tmp_path / "one", *words)
    assert (alone.status, alone.stderr) == (0, "")
    for folder in ("two", "two again"):  # another program may take the port between its choice and its use
        said = train_on_two_hosts(f"su-train-{tool}", "-o", tmp_path / folder, *words)
        if not any(status for status, _ in said):
            break
    assert [status for status, _ in said] == [0, 0], said
    one, two = (load_file(tmp_path / name / weights) for name in ("one", folder))
    assert one.keys() == two.keys()
    for name, weight in one.items():
        assert np.linalg.norm(two[name] - weight) < 1e-3 * np.linalg.norm(weight) + 1e-6, name
