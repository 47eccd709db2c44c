"""How a tool runs and ends: its messages, its statuses, its bar."""

import contextlib
import errno
import fcntl
import io
import os
import pty
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import warnings

import click
import pytest
from processes import ROOT

from units.cli import signals
from units.cli.messages import say
from units.cli.options import device_option
from units.cli.progress import Bar
from units.cli.tool import Job, run, tool
from units.records import InputError, Record, warn


@pytest.fixture(autouse=True)
def handlers():
    """Put the handlers back that a tool sets for its process."""
    numbers = signal.SIGINT, signal.SIGTERM, signal.SIGHUP
    before = [signal.getsignal(number) for number in numbers]
    yield
    for number, handler in zip(numbers, before, strict=True):
        signal.signal(number, handler)


def ending_with(error):
    """Return a tool that does nothing but raise."""

    @tool("su-test")
    def main(job):
        """Fail."""
        raise error

    return main


ENDS = [
    (InputError("x.wav: no audio"), "x.wav: no audio"),
    (FileNotFoundError(errno.ENOENT, "No such file or directory", "a b"), "a b: No such file or directory"),
    (OSError(errno.ENOSPC, "No space left on device"), "No space left on device"),
    (OSError("something without a number"), "something without a number"),
    (
        ImportError("No module named 'pesq'"),
        "No module named 'pesq'; run `make install`, or pip install speech-units[eval,vad,train,onnx]",
    ),
    (MemoryError(), "out of memory"),
    (click.ClickException("anything else of click's"), "anything else of click's"),
]


@pytest.mark.parametrize(("error", "message"), ENDS, ids=lambda v: type(v).__name__)
def test_a_fault_is_one_line_and_status_1(capsys, error, message):
    dropped = os.dup(1)  # what a fault of the system does to standard output is undone below
    try:
        assert run(ending_with(error), "su-test", []) == 1
    finally:
        os.dup2(dropped, 1)
        os.close(dropped)
    out, err = capsys.readouterr()
    assert out == "" and err.startswith(f"su-test: {message}") and err.count("\n") == 1


def test_a_bug_of_ours_is_a_traceback():
    with pytest.raises(ZeroDivisionError):
        run(ending_with(ZeroDivisionError()), "su-test", [])


def test_wrong_usage_is_status_2_and_names_the_help(capsys):
    assert run(ending_with(AssertionError()), "su-test", ["--nonsense"]) == 2
    assert capsys.readouterr().err == "su-test: No such option '--nonsense'. (see su-test --help)\n"


def test_a_message_is_one_line_whatever_the_name_of_the_file(capsys):
    say("su-test", "new\nline\r and " + os.fsdecode(b"\xff") + " 🔴: no audio")
    assert capsys.readouterr().err == "su-test: new\\nline\\r and \\udcff 🔴: no audio\n"


def test_the_first_fault_is_raised_with_its_place():
    job = Job("su-test")
    with pytest.raises(InputError, match=r'^u\.jsonl:3: no "units"$'), job.item(Record({}, "u.jsonl:3")):
        raise InputError('no "units"')


def test_a_place_that_a_fault_tells_already_is_not_told_twice():
    job = Job("su-test")
    with pytest.raises(InputError, match=r"^u\.jsonl:3: bad$"), job.item(Record({}, "u.jsonl:3")):
        raise InputError("u.jsonl:3: bad")


def test_a_fault_of_a_record_read_ahead_keeps_its_own_place():
    job = Job("su-test")
    with pytest.raises(InputError, match=r"^u\.jsonl:4: not JSON$"), job.item(Record({}, "u.jsonl:3")):
        job.fault(InputError("u.jsonl:4: not JSON"))


def test_faults_are_counted_and_told_where_the_job_goes_on(capsys):
    job = Job("su-test", keep_going=True)
    for number in range(3):
        with job.item(Record({}, f"u:{number}")):
            if number != 1:
                raise InputError("bad")
    assert job.end() == 1
    assert (
        capsys.readouterr().err == "su-test: u:0: bad\nsu-test: u:2: bad\nsu-test: 2 of 3 records skipped\n"
    )


def test_a_job_without_faults_ends_in_silence(capsys):
    job = Job("su-test", keep_going=True)
    with job.item(Record({"id": "a"})):
        pass
    assert job.end() == 0 and capsys.readouterr() == ("", "")


@pytest.mark.parametrize("device", ["auto", "cpu", "cuda", "cuda:1"])
def test_a_device_is_named_as_torch_names_it(device):
    @click.command()
    @device_option
    def command(device):
        return device

    assert command.main(["--device", device], standalone_mode=False) == device
    with pytest.raises(click.UsageError, match="is not auto, cpu, cuda"):
        command.main(["--device", f"x{device}"], standalone_mode=False)


def test_no_such_gpu_is_one_line(run):
    result = run("su-synth", "-m", "/none", "--audio", "/none", "--device", "cuda:99")
    assert result.status == 1 and result.stderr == "su-synth: cuda:99: this machine has no such GPU\n"


class Terminal(io.StringIO):
    """What a tool takes for a terminal."""

    def isatty(self):
        return True


def test_a_bar_counts_hours_of_audio_on_a_terminal(monkeypatch, tmp_path):
    (tmp_path / "r.jsonl").write_bytes(b"x" * 1000)
    monkeypatch.setattr(sys, "stderr", Terminal())
    with Bar([str(tmp_path / "r.jsonl")]) as bar:
        for _ in range(10):
            bar.read(50)
            bar.done({"duration": 360.0})
        bar.done({"duration": "unknown"})
        bar._bar.refresh()
        shown = sys.stderr.getvalue().split("\r")[-1]
    assert "50%" in shown and "1.00 of about 2.0 h of audio" in shown
    assert sys.stderr.getvalue().endswith("\r")


def test_no_bar_is_shown_where_nobody_looks(capsys):
    with Bar([]) as bar:
        bar.read(5)
        bar.done({"duration": 1.0})
    assert capsys.readouterr() == ("", "")


def test_a_tool_on_a_terminal_shows_its_bar_and_takes_it_away(run, corpus):
    ours, theirs = pty.openpty()
    os.set_blocking(ours, False)
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    with tempfile.TemporaryFile() as out:
        words = ["-c", corpus["codebook.npz"], corpus["features.jsonl"]]
        assert run.start("su-quantize", *words, stdout=out, stderr=theirs).wait() == 0
        out.seek(0)
        assert len(out.read().splitlines()) == len(corpus.records("units.jsonl"))
    os.set_blocking(ours, False)  # a bar that shows nothing fails the test instead of hanging it
    shown = os.read(ours, 100_000).decode()
    os.close(theirs)
    os.close(ours)
    assert "h of audio" in shown and shown.endswith("\r") and "\n" not in shown


@pytest.mark.parametrize(
    ("closed", "message"),
    [("0<&-", "standard input is closed"), ("1>&-", "standard output is closed"), ("2>&-", "")],
)
def test_a_closed_standard_stream_is_told_as_far_as_it_can_be(corpus, closed, message):
    script = f'exec "{ROOT}/bin/su-quantize" -c "$1" {closed}'
    command = ["sh", "-c", script, "-", corpus["codebook.npz"]]
    done = subprocess.run(command, input="[]", capture_output=True, text=True, check=False)
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr == (f"su-quantize: {message}\n" if message else "")


def test_a_warning_of_the_library_is_one_line_and_printed_once(capfd):
    @tool("su-test")
    def main(job):
        """Warn."""
        for name in ("a\nb.wav", "a\nb.wav", "c.wav"):
            warn(f"{name}: read to its end")

    with warnings.catch_warnings():
        assert run(main, "su-test", []) == 0
    lines = ["su-test: a\\nb.wav: read to its end", "su-test: c.wav: read to its end"]
    assert capfd.readouterr().err.splitlines() == lines


@pytest.mark.parametrize("broken", ["2>/dev/full", "2</dev/null"])
def test_a_message_that_cannot_be_written_does_not_change_the_status(broken):
    script = f'exec "{sys.executable}" "{ROOT}/bin/su-quantize" -c /none {broken}'
    buffered = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    assert subprocess.run(["sh", "-c", script], env=buffered, check=False).returncode == 1


def test_a_virtual_environment_that_is_a_link_is_used_as_it_is(tmp_path):
    for name in ("bin", "units"):
        shutil.copytree(os.path.join(ROOT, name), tmp_path / name)
    os.symlink(sys.prefix, tmp_path / ".venv")
    done = subprocess.run(
        [tmp_path / "bin" / "su-bpe", "--version"], capture_output=True, timeout=300, check=True
    )
    assert done.stdout.startswith(b"su-bpe ")


def test_a_signal_that_a_library_swallows_ends_the_tool_before_its_next_record(monkeypatch, tmp_path):
    path, seen, died = tmp_path / "two.jsonl", [], []
    path.write_text('{"id": "a"}\n{"id": "b"}\n')
    monkeypatch.setattr(signals, "die_of", died.append)

    @tool("su-test")
    def main(job):
        """Swallow a signal, as C code does that clears the errors of its callbacks."""
        for record in job.records([str(path)]):
            seen.append(record["id"])
            with contextlib.suppress(BaseException):
                signal.raise_signal(signal.SIGTERM)

    run(main, "su-test", [])
    assert (seen, died) == (["a"], [signal.SIGTERM])
    signals.arrived.clear()
