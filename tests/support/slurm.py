"""A Slurm of one node for a test: its own munged, slurmctld and slurmd in a folder, on free ports.

It is kept by a process of its own, which stops all of it when its stdin ends, however the test ended:

    slurm.py FOLDER     start, print "ready" or the reason why that is not possible; stop when stdin ends
"""

import contextlib
import ctypes
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scancel", "sinfo")
WAIT_S = 60
SETTINGS = """\
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
MpiDefault=none
SwitchType=switch/none
MailProg=/bin/true
KillWait=1
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerType=sched/backfill
SchedulerParameters=batch_sched_delay=0,bf_interval=1,sched_interval=1,sched_min_interval=0
NodeName={host} NodeAddr=127.0.0.1 CPUs={processors} State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


class Unavailable(Exception):
    """Slurm cannot run here. The message is the reason."""


@contextlib.contextmanager
def cluster():
    """Yield the variables that lead sbatch and its like to a new Slurm; stop it and its jobs at the end.

    Raises Unavailable if that is not possible here.
    """
    folder = tempfile.mkdtemp(prefix="slurm")  # a short path, because that of a socket has at most 107 bytes
    words = [sys.executable, __file__, folder]
    pipe = subprocess.PIPE
    with subprocess.Popen(words, stdin=pipe, stdout=pipe, text=True, start_new_session=True) as keeper:
        said = keeper.stdout.readline().strip()
        if said != "ready":
            raise Unavailable(said)
        yield {"SLURM_CONF": f"{folder}/slurm.conf"}


def keep(folder):
    """Do what the docstring of this file says."""
    path = os.pathsep.join([os.environ["PATH"], "/usr/sbin", "/sbin"])
    environment = {"PATH": path, "LC_ALL": "C.UTF-8", "SLURM_CONF": f"{folder}/slurm.conf"}
    daemons = []
    ctypes.CDLL(None).prctl(36, 1)  # PR_SET_CHILD_SUBREAPER: what the daemons leave behind becomes our child
    try:
        _check(path)
        _write_settings(Path(folder))
        _start(daemons, Path(folder), environment)
        print("ready", flush=True)
        sys.stdin.read()
    except Unavailable as reason:
        print(reason, flush=True)
    finally:
        _stop(daemons, environment)
        shutil.rmtree(folder)


def _check(path):
    missing = [name for name in PROGRAMS if not shutil.which(name, path=path)]
    if missing:
        raise Unavailable(f"{missing[0]} is not installed")
    if os.geteuid():
        raise Unavailable("only root can start munged and slurmd")


def _write_settings(folder):
    for name in ("state", "spool"):
        (folder / name).mkdir()
    (folder / "key").write_bytes(os.urandom(128))
    (folder / "key").chmod(0o400)
    with socket.socket() as one, socket.socket() as other:
        for each in (one, other):
            each.bind(("127.0.0.1", 0))
        ports = one.getsockname()[1], other.getsockname()[1]
    host = socket.gethostname().partition(".")[0]
    text = SETTINGS.format(folder=folder, ports=ports, host=host, processors=os.cpu_count())
    (folder / "slurm.conf").write_text(text)


def _start(daemons, folder, environment):
    """Start the three daemons, each in the foreground with a log, and wait until the node is idle."""
    files = ("socket", "key-file", "pid-file", "log-file", "seed-file")
    names = ("munge.socket", "key", "munged.pid", "munged.log", "munged.seed")
    munge = [f"--{file}={folder}/{name}" for file, name in zip(files, names, strict=True)]
    for command in (
        ["munged", "--foreground", "--force", *munge],
        ["slurmctld", "-D", "-c"],
        ["slurmd", "-D"],
    ):
        with open(folder / f"{command[0]}.said", "wb") as log:
            daemons.append(
                subprocess.Popen(
                    command,
                    env=environment,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
            )
        if command[0] == "munged":
            _wait(daemons, folder, (folder / "munge.socket").exists)
    _wait(daemons, folder, lambda: output(["sinfo", "--noheader", "--format=%t"], environment) == "idle\n")


def _wait(daemons, folder, condition):
    """Wait for a condition. Raises Unavailable with the last line of the daemon that is at fault."""
    end = time.monotonic() + WAIT_S
    while not condition():
        dead = next((daemon for daemon in daemons if daemon.poll() is not None), None)
        if dead or time.monotonic() > end:
            at_fault = (dead or daemons[-1]).args[0]
            said = (folder / f"{at_fault}.said").read_text(errors="replace").strip().splitlines()
            raise Unavailable(f"{at_fault} does not start: {said[-1] if said else 'no reason given'}")
        time.sleep(0.1)


def output(command, environment):
    """Return what a command prints, whatever its status."""
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, check=False, timeout=WAIT_S
    )
    return done.stdout


def _stop(daemons, environment):
    """End all jobs, then the daemons, then whatever still has the variables of this Slurm."""
    if len(daemons) == 3:
        with contextlib.suppress(subprocess.TimeoutExpired):
            output(["scancel", "--user=root"], environment)
            end = time.monotonic() + 10
            while output(["squeue", "--noheader"], environment) and time.monotonic() < end:
                time.sleep(0.1)
    for daemon in reversed(daemons):
        daemon.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            daemon.wait(10)
    while left := _marked(f"SLURM_CONF={environment['SLURM_CONF']}".encode()):
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.05)
    with contextlib.suppress(ChildProcessError):
        while True:
            os.waitpid(-1, 0)


def _marked(mark):
    """Return the processes, except those that have ended, with a variable in their environment."""
    found = []
    for entry in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            if mark in Path("/proc", entry, "environ").read_bytes().split(b"\0"):
                found.append(int(entry))
    return found


if __name__ == "__main__":
    keep(sys.argv[1])
