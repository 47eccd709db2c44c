"""docs/corpus.slurm on a Slurm of one node: shards give the bytes of one process, killed or not."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import slurm
import soundfile
from processes import PATIENCE_S, ROOT
from speechlike import RATE, recording
from test_pages import environment  # noqa: F401 - a fixture

SCRIPT = Path(ROOT, "docs", "corpus.slurm")
SETTINGS = {"MODEL": "mfcc", "K": "8", "RATE": "6", "SHARDS": "3"}
ALONE = """
find -L audio -type f -print0 | LC_ALL=C sort -z | xargs -0 su-segment -o segments.jsonl --
su-encode -m mfcc --arrays frames -o frames.jsonl segments.jsonl
su-cluster -k 8 -o codebook.npz frames.jsonl >codebook.json
su-quantize --smooth-rate 6 -c codebook.npz -o units.jsonl frames.jsonl
"""
# Until the file `again` exists, su-encode of the second shard gets two segments and then waits.
# The frames of the first one are then written.
STOPS = f"""#!/bin/sh
for last; do :; done
case $last in *.0002.jsonl) if ! [ -e again ]; then
    for word; do shift; [ "$word" = "$last" ] || set -- "$@" "$word"; done
    {{ head -n 2 "$last"; exec sleep 1000; }} | exec "{sys.executable}" "{ROOT}/bin/su-encode" "$@"
fi ;; esac
PATH=${{PATH#*:}} exec su-encode "$@"
"""


@pytest.fixture(scope="module")
def cluster(environment):  # noqa: F811
    """The environment of a user of a Slurm of one node."""
    try:
        with slurm.cluster() as variables:
            yield {**environment, **SETTINGS, **variables}
    except slurm.Unavailable as reason:
        pytest.skip(f"Slurm cannot run here: {reason}")


@pytest.fixture(scope="module")
def alone(environment, tmp_path_factory):  # noqa: F811
    """A folder in which one process made each file. Files of two languages have the same names."""
    folder = tmp_path_factory.mktemp("alone")
    for seed, language in enumerate(("gub", "it's rus")):
        (folder / "audio" / language).mkdir(parents=True)
        for chapter in (1, 2, 3):
            samples = recording([0.6, 2.2, 0.8, 2.4, 0.6], seed=100 * chapter + seed)
            soundfile.write(folder / "audio" / language / f"0{chapter} a.wav", samples, RATE)
    subprocess.run(["sh", "-euc", ALONE], cwd=folder, env=environment, check=True)
    assert b'"smooth"' in (folder / "units.jsonl").read_bytes()
    return folder


@pytest.fixture
def folder(alone, tmp_path):
    """A folder with the same recordings and nothing else."""
    (tmp_path / "audio").symlink_to(alone / "audio")
    return tmp_path


def submit(folder, cluster):
    """Run the script; return how it ended."""
    more = {"capture_output": True, "text": True, "timeout": PATIENCE_S}
    return subprocess.run(["sh", SCRIPT], cwd=folder, env=cluster, check=False, **more)


def run_to_the_end(folder, cluster):
    """Run the script and wait until the queue is empty."""
    done = submit(folder, cluster)
    assert (done.returncode, done.stderr) == (0, "")
    wait_until(lambda: not queue(cluster))


def wait_until(condition):
    end = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.1)


def queue(cluster, *options):
    """Return the numbers of the tasks that are queued or running."""
    return slurm.output(["squeue", "--noheader", "--array", "--format=%i", *options], cluster).split()


def stopped(folder, cluster):
    """Submit, wait until the second shard has frames of its first segment, and return the task's number."""
    wrapper = folder / "bin" / "su-encode"
    wrapper.parent.mkdir()
    wrapper.write_text(STOPS)
    wrapper.chmod(0o755)
    done = submit(folder, {**cluster, "PATH": f"{wrapper.parent}:{cluster['PATH']}"})
    assert (done.returncode, done.stderr) == (0, "")
    shard = folder / "shards.3" / "segments.0002.jsonl"
    wait_until(shard.exists)
    first = json.loads(shard.read_text().splitlines()[0])["id"]
    wait_until((folder / "frames" / f"{first}.npy").exists)
    for other in ("0001", "0003"):
        wait_until((folder / "shards.3" / f"frames.{other}.jsonl").exists)
    (number,) = queue(cluster, "--name=encode", "--states=RUNNING")
    return number


def times(folder):
    """Return when each file that a task made was made; logs apart."""
    files = [*folder.glob("frames/[!.]*"), *folder.glob("shards.3/[!.]*.jsonl"), *folder.glob("codebook.npz")]
    return {path: path.stat().st_mtime_ns for path in files}


def check(folder, alone):
    logs = {path.name: path.read_text() for path in (folder / "shards.3").glob("*.log")}
    for name in ("codebook.npz", "units.jsonl"):
        assert (folder / name).exists(), logs
        assert (folder / name).read_bytes() == (alone / name).read_bytes(), (name, logs)
    assert not list(folder.rglob("*.part"))


def test_after_a_killed_task_a_second_submission_makes_what_is_missing(cluster, alone, folder):
    number = stopped(folder, cluster)
    subprocess.run(["scancel", "--full", "--signal=KILL", number], env=cluster, check=True)
    wait_until(lambda: not queue(cluster))
    assert not (folder / "codebook.npz").exists() and not (folder / "shards.3/frames.0002.jsonl").exists()
    before = times(folder)
    (folder / "again").touch()
    run_to_the_end(folder, cluster)
    check(folder, alone)
    after = times(folder)
    assert before.items() <= after.items()
    run_to_the_end(folder, cluster)
    assert times(folder) == after


def test_a_task_that_slurm_requeues_goes_on(cluster, alone, folder):
    """While a task is requeued, Slurm may take it for failed and cancel it or the steps that wait for it."""
    number = stopped(folder, cluster)
    before = times(folder)
    (folder / "again").touch()
    subprocess.run(["scontrol", "requeue", number], env=cluster, check=True)
    reasons = ["squeue", "--noheader", "--name=encode", "--format=%r"]
    wait_until(lambda: slurm.output(reasons, cluster) == "BeginTime\n")
    at_once = ["scontrol", "update", f"JobId={number}", "StartTime=now"]  # otherwise in two minutes
    subprocess.run(at_once, env=cluster, check=True)
    wait_until(lambda: not queue(cluster))
    run_to_the_end(folder, cluster)
    check(folder, alone)
    assert before.items() <= times(folder).items()


def test_a_folder_without_recordings_is_reported(cluster, tmp_path):
    (tmp_path / "audio").mkdir()
    done = submit(tmp_path, cluster)
    assert (done.returncode, done.stderr) == (1, "no recordings in audio\n")


def test_nothing_is_left_when_the_cluster_stops(tmp_path):
    """Not even a job that ignores the signals that end it politely."""
    try:
        with slurm.cluster() as variables:
            environment = {**os.environ, **variables}
            command = f"trap '' TERM HUP INT; echo $$ >{tmp_path}/pid; while :; do sleep 1; done"
            words = ["sbatch", "--parsable", f"--output={tmp_path}/log", f"--wrap={command}"]
            subprocess.run(words, env=environment, check=True, capture_output=True)
            wait_until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text())
    except slurm.Unavailable as reason:
        pytest.skip(f"Slurm cannot run here: {reason}")
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), signal.SIG_DFL)
    assert not os.path.exists(os.path.dirname(variables["SLURM_CONF"]))
