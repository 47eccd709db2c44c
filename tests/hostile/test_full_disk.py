"""A disk that is full, a folder that may not be written to: one line, nothing lost, and a rerun mends it."""

import errno
import os
import re
import subprocess

import pytest
from test_kills import WORK, command, result_of  # noqa: F401 - a fixture

from units.files.output import create


@pytest.fixture
def disk(tmp_path):
    """A small disk of its own with not a byte left; {disk}/filler takes the place."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=48m", "none", place], check=False)
    if mounted.returncode:
        pytest.skip("only root may mount a disk")
    try:
        _fill(place / "filler")
        yield place
    finally:
        subprocess.run(["umount", "-l", place], check=True)


def _fill(path):
    with open(path, "wb", buffering=0) as file:
        for size in (1 << 16, 1):
            try:
                while True:
                    file.write(bytes(size))
            except OSError as error:
                assert error.errno == errno.ENOSPC


@pytest.mark.parametrize("work", WORK, ids=lambda work: work.name)
def test_a_full_disk_ends_a_tool_in_one_line_and_once_there_is_room_it_does_all(
    run,
    command,  # noqa: F811
    work,
    disk,
    tmp_path,
):
    undisturbed, out = tmp_path / "one", disk / "other"
    undisturbed.mkdir(), out.mkdir()
    wanted = run(*command(work, undisturbed), cwd=tmp_path)
    failed = run(*command(work, out), cwd=tmp_path)
    tool = work.name.split("-")
    assert failed.status == 1
    assert re.fullmatch(rf"su-{tool[1]}[^\n]*: [^\n]*No space left on device\n", failed.stderr)
    assert set(result_of(out)) <= {"log.jsonl"} or all(map(len, result_of(out).values()))
    os.remove(disk / "filler")
    found = run(*command(work, out), cwd=tmp_path)
    assert (found.status, found.stderr) == (0, "")
    assert result_of(out) == result_of(undisturbed)
    assert found.stdout.replace(os.fsencode(out), b"") == wanted.stdout.replace(os.fsencode(undisturbed), b"")
    assert not [path for path in disk.rglob("*") if path.name.endswith(".part")]


def test_a_full_disk_leaves_the_old_file(disk):
    os.remove(disk / "filler")
    (disk / "units.jsonl").write_bytes(b"old\n")
    _fill(disk / "filler")
    with pytest.raises(OSError, match="No space left"), create(str(disk / "units.jsonl")) as out:
        out.write(bytes(1 << 16))
    assert (disk / "units.jsonl").read_bytes() == b"old\n"
    assert sorted(os.listdir(disk)) == ["filler", "units.jsonl"]


@pytest.mark.parametrize("work", WORK, ids=lambda work: work.name)
def test_a_folder_that_may_not_be_written_to_is_named_in_one_line(run, command, work, tmp_path):  # noqa: F811
    out = tmp_path / "other"
    out.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "ro", "none", out], check=False).returncode == 0
    if not mounted:
        out.chmod(0o500)
    try:
        failed = run(*command(work, out), cwd=tmp_path)
    finally:
        if mounted:
            subprocess.run(["umount", "-l", out], check=True)
    assert failed.status == 1
    assert re.fullmatch(rf"su-\S+: {re.escape(str(out))}[^\n]*: [^\n]*\n", failed.stderr)
