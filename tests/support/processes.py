"""Run tools as real processes, quickly: a server that has imported what is heavy forks one for each run.

Each run is a process of its own with its own file descriptors, signals and exit status, and goes through the
tool's file in bin/ as from a shell; only the seconds that importing torch takes are paid once.

    processes.py SOCKET            serve until stdin ends
    processes.py SOCKET TOOL ...   run a tool through the server: what tests put on PATH as `su-*`
"""

import contextlib
import json
import os
import select
import signal
import socket
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PYTHONPATH = os.pathsep.join(
    [ROOT, *(os.path.join(ROOT, "tests", room) for room in ("support", "reference"))]
)
PATIENCE_S = 300  # what takes seconds on a quiet machine and is not over by then hangs
PRELOADED = (
    *("numpy", "soundfile", "soxr", "torch", "faiss", "pyworld", "sentencepiece"),
    *(f"transformers.models.{name}" for name in ("auto.modeling_auto", "wav2vec2.modeling_wav2vec2")),
)


def serve(path):
    """Answer runs asked for on a Unix socket until stdin ends."""
    import gc
    import importlib

    for name in PRELOADED:
        with contextlib.suppress(ImportError, OSError):
            importlib.import_module(name)
    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.socket(socket.AF_UNIX) as server:
        with _short(path) as address:
            server.bind(address)
        server.listen(64)
        print("ready", flush=True)
        while sys.stdin not in select.select([server, sys.stdin], [], [])[0]:
            connection, _ = server.accept()
            if os.fork() == 0:
                server.close()
                return _mind(connection)
            connection.close()
    return None


@contextlib.contextmanager
def _short(path):
    """Yield a name of the socket that fits in an address, 107 bytes, however deep its folder lies."""
    folder, name = os.path.split(path)
    descriptor = os.open(folder, os.O_PATH)
    try:
        yield f"/proc/self/fd/{descriptor}/{name}"
    finally:
        os.close(descriptor)


def _mind(connection):
    """Start the process asked for, tell its pid, wait for it and tell how it ended."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    message, descriptors, *_ = socket.recv_fds(connection, 1 << 20, 3)
    request = json.loads(message)
    if (pid := os.fork()) == 0:
        connection.close()
        return _become(request, descriptors)
    for descriptor in descriptors:
        os.close(descriptor)
    with contextlib.suppress(BrokenPipeError):
        connection.sendall(b"%d\n" % pid)
        connection.sendall(b"%d\n" % os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
    os._exit(0)


def _become(request, descriptors):
    """Be the tool: its descriptors, folder, environment and arguments."""
    import runpy

    signal.signal(signal.SIGINT, signal.SIG_DFL)  # as it is for the moment before Python's own start
    for target, descriptor in enumerate(descriptors):
        os.dup2(descriptor, target)
    os.closerange(3, 256)
    if request["memory"]:
        _bound_memory(request["memory"])
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["env"])
    sys.stdin = open(0, encoding="utf-8", errors="surrogateescape")  # noqa: SIM115
    sys.stdout = open(1, "w", encoding="utf-8", buffering=-1)  # noqa: SIM115
    sys.stderr = open(2, "w", encoding="utf-8", errors="backslashreplace", buffering=1)  # noqa: SIM115
    sys.argv = request["argv"]
    _end(lambda: runpy.run_path(sys.argv[0], run_name="__main__"))


def _bound_memory(size):
    """Let the process take so many bytes beyond those it was forked with; then MemoryError."""
    import resource

    with open("/proc/self/status", encoding="ascii") as file:
        held = next(int(line.split()[1]) << 10 for line in file if line.startswith("VmData:"))
    resource.setrlimit(resource.RLIMIT_DATA, (held + size, held + size))


def _end(body):
    """Run the body and end as Python does, but for taking torch apart, which costs half a second."""
    import atexit
    import threading
    import traceback

    status = 0
    try:
        body()
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 1 if end.code else 0
    except BaseException:
        traceback.print_exc()
        status = 1
    threading._shutdown()
    atexit._run_exitfuncs()
    try:
        sys.stdout.flush()
    except OSError as error:
        print(f"Exception ignored in: {error!r}", file=sys.stderr)
        status = 120
    os._exit(status)


class Process:
    """A running tool: its pid, and how it ends."""

    def __init__(self, socket_path, tool, arguments, descriptors, cwd, env, memory=0):
        argv = [os.path.join(ROOT, "bin", tool), *arguments]
        request = {"argv": argv, "cwd": cwd, "env": env, "memory": memory}
        self._connection = socket.socket(socket.AF_UNIX)
        with _short(socket_path) as address:
            self._connection.connect(address)
        socket.send_fds(self._connection, [json.dumps(request).encode()], descriptors)
        self._answer = self._connection.makefile("rb")
        self.pid = int(self._answer.readline())

    def is_over(self, within_s=0.0):
        """Return whether the process has ended, or ends within the given seconds."""
        return bool(select.select([self._connection], [], [], within_s)[0])

    def wait(self, timeout_s=PATIENCE_S):
        """Return the exit status, -N where signal N killed it, as subprocess does."""
        self._connection.settimeout(timeout_s)
        try:
            return int(self._answer.readline())
        except TimeoutError:
            self.send_signal(signal.SIGKILL)
            raise
        finally:
            self._connection.close()

    def send_signal(self, number):
        """Send it the signal."""
        os.kill(self.pid, number)


def wait_for(condition, process=None):
    """Return what the condition gives once it is true; fail if the process ends before or time runs out."""
    end = time.monotonic() + PATIENCE_S
    while not (value := condition()):
        assert process is None or not process.is_over() or condition(), "the process ended first"
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.005)
    return value


def relay(socket_path, tool, arguments):
    """Run a tool through the server as if this process were it, and end as it ends."""
    process = Process(socket_path, tool, arguments, [0, 1, 2], os.getcwd(), dict(os.environ))
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, _frame: process.send_signal(number))
    os.closerange(0, 2)  # so that a pipe breaks when the tool itself lets go of it
    status = process.wait(timeout_s=None)
    if status < 0:
        signal.signal(-status, signal.SIG_DFL)
        os.kill(os.getpid(), -status)
    sys.exit(status)


if __name__ == "__main__":
    if len(sys.argv) == 2:
        serve(sys.argv[1])
    else:
        relay(sys.argv[1], os.path.basename(sys.argv[2]), sys.argv[3:])
