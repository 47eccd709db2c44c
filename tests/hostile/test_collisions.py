"""What goes on meanwhile: a second copy, files removed, a reader that stops; and ids that lead astray."""

import fcntl
import json
import os
import random
import re
import shutil
import tempfile
import threading
import time

import numpy as np
import pytest
from processes import wait_for
from test_kills import WORK, command, result_of  # noqa: F401 - a fixture
from test_tools import unread

from units.files.streams import read_records, write_record
from units.records import Record, serialize

ROUNDS = 2
BUSY = re.compile(r"su-\S+: \S[^\n]*: another process is writing it\n")
each_work = pytest.mark.parametrize("work", WORK, ids=lambda work: work.name)


@each_work
def test_of_two_copies_at_once_one_refuses_or_both_do_the_same(run, command, work, tmp_path):  # noqa: F811
    undisturbed = tmp_path / "one"
    undisturbed.mkdir()
    began = time.monotonic()
    wanted = run(*command(work, undisturbed), cwd=tmp_path)
    took_s = time.monotonic() - began
    assert (wanted.status, wanted.stderr) == (0, "")
    draw = random.Random(work.command)
    for number in range(ROUNDS):
        out = tmp_path / f"both{number}"
        out.mkdir()
        with tempfile.TemporaryFile() as one, tempfile.TemporaryFile() as other:
            copies = [run.start(*command(work, out), cwd=tmp_path, stderr=one)]
            time.sleep(draw.uniform(0, took_s / 2) * number)
            copies.append(run.start(*command(work, out), cwd=tmp_path, stderr=other))
            statuses = [copy.wait() for copy in copies]
            for status, said in zip(statuses, (one, other), strict=True):
                said.seek(0)
                text = said.read().decode()
                allowed = BUSY.fullmatch(text) or (work.resume and "; --resume goes on with it" in text)
                assert allowed if status else text == "", text
        assert 0 in statuses and set(statuses) <= {0, 1}
        assert result_of(out) == result_of(undisturbed)
        assert not [path for path in out.rglob("*") if path.name.endswith(".part")]


# Tools that write one file and read records, and what they read: they can be stopped between two records.
STREAMED = {
    "su-quantize -c {codebook.npz}": "features.jsonl",
    "su-pitch -j 1": "units.jsonl",
    "su-bpe encode -m {bpe.model}": "units.jsonl",
    "su-bpe decode -m {bpe.model}": "pieces.jsonl",
    "su-labels export -t json": "units.jsonl",
    "su-search build -c {codebook.npz}": "units.jsonl",
    "su-eval units --no-abx -j 1 - {alignments.jsonl}": "units.jsonl",
    "su-eval speech -j 1 --metrics log_mel {segments.jsonl} -": "spoken.jsonl",
}
each_stream = pytest.mark.parametrize(
    "line", STREAMED, ids=lambda line: line.split(" -")[0].replace(" ", "-")
)


def words_of(line, corpus):
    return [re.sub(r"\{(.*?)\}", lambda m: corpus[m[1]], word) for word in line.split()]


def numbered(record, numbers):
    """Return the bytes of a record, again and again, each time with another id."""
    before, after = bytes_of([record]).split(b'"id": "a"')
    return b"".join(b'%b"id": "%d"%b' % (before, number, after) for number in numbers)


def bytes_of(records):
    with tempfile.TemporaryFile() as file:
        for record in records:
            write_record(record, file)
        file.seek(0)
        return file.read()


class Halfway:
    """A tool that writes to {folder}/file and has read the first of its records; `go_on` brings the rest."""

    def __init__(self, run, corpus, line, folder):
        self.records = list(read_records([corpus[STREAMED[line]]]))
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 - as long as the tool runs
        reading, self._writing = os.pipe()
        words = [*words_of(line, corpus), "-o", str(folder / "file")]
        self._process = run.start(*words, stdin=reading, stderr=self._said, cwd=folder)
        os.write(self._writing, bytes_of(self.records[:1]))
        wait_for(lambda: not unread(reading) and os.path.exists(folder / ".file.part"), self._process)
        os.close(reading)

    def go_on(self):
        """Give it the rest; return its status and what it said."""
        with open(self._writing, "wb") as file:
            file.write(bytes_of(self.records[1:]))
        status = self._process.wait()
        self._said.seek(0)
        return status, self._said.read().decode()


@each_stream
def test_a_second_copy_refuses_and_the_first_goes_on(run, corpus, line, tmp_path):
    first = Halfway(run, corpus, line, tmp_path)
    words = [*words_of(line, corpus), "-o", str(tmp_path / "file")]
    second = run(*words, stdin=bytes_of(first.records))
    message = f"{words[0]}: {tmp_path}/file: another process is writing it\n"
    assert (second.status, second.stdout, second.stderr) == (1, b"", message)
    assert first.go_on() == (0, "")
    assert os.listdir(tmp_path) == ["file"]
    alone = run(*words[:-1], str(tmp_path / "alone"), stdin=bytes_of(first.records))
    assert alone.status == 0 and (tmp_path / "alone").read_bytes() == (tmp_path / "file").read_bytes()


@each_stream
def test_an_output_that_is_removed_while_it_is_written_is_told(run, corpus, line, tmp_path):
    job = Halfway(run, corpus, line, tmp_path)
    os.unlink(tmp_path / ".file.part")
    tool = line.split()[0]
    assert job.go_on() == (1, f"{tool}: {tmp_path}/file: the file was removed while it was written\n")
    assert os.listdir(tmp_path) == []


def test_a_copy_that_began_after_the_first_one_s_file_was_removed_is_left_alone(run, corpus, tmp_path):
    line = "su-bpe encode -m {bpe.model}"
    first = Halfway(run, corpus, line, tmp_path)
    os.unlink(tmp_path / ".file.part")
    second = Halfway(run, corpus, line, tmp_path)
    status, message = first.go_on()
    assert (status, message) == (1, f"su-bpe: {tmp_path}/file: the file was removed while it was written\n")
    assert os.listdir(tmp_path) == [".file.part"]
    assert second.go_on() == (0, "") and os.listdir(tmp_path) == ["file"]


FOLDERS = {
    "su-encode -m mfcc --arrays": "segments.jsonl",
    "su-synth -m {vocoder} --audio": "units.jsonl",
}


@pytest.mark.parametrize("line", FOLDERS, ids=lambda line: line.split()[0])
def test_a_folder_that_is_removed_while_it_is_filled_is_told(run, corpus, line, tmp_path):
    records = list(read_records([corpus[FOLDERS[line]]]))
    folder, words = tmp_path / "folder", words_of(line, corpus)
    reading, writing = os.pipe()
    with tempfile.TemporaryFile() as said:
        process = run.start(*words, str(folder), stdin=reading, stderr=said)
        os.close(reading)
        wait_for((folder / "ENCODER" if words[0] == "su-encode" else folder).exists, process)
        shutil.rmtree(folder)
        with open(writing, "wb") as file:
            file.write(bytes_of(records))
        assert process.wait() == 1
        said.seek(0)
        message = rf"{words[0]}: -:1: {folder}/[^\n]*: cannot be written: No such file or directory\n"
        assert re.fullmatch(message, said.read().decode())


# Tools that pass records on, each at once, and records that cost them little.
PASSING = {
    "su-quantize -c {codebook.npz}": lambda: Record(
        {"id": "a", "features": "-"}, array=np.ones((1, 39), np.float32)
    ),
    "su-bpe encode -m {bpe.model}": lambda: Record({"id": "a", "units": [0, 1, 2]}),
    "su-bpe decode -m {bpe.model}": lambda: Record({"id": "a", "pieces": [1]}),
    "su-labels export -t json": lambda: Record({"id": "a", "units": [0]}),
    "su-labels export -t ctm --tier units": lambda: Record({"id": "a", "units": [0]}),
}
each_passing = pytest.mark.parametrize(
    "line", PASSING, ids=lambda line: line.replace(" {", "-").replace(" ", "-")
)


@each_passing
def test_a_reader_that_stops_reading_holds_up_the_tool_and_nothing_is_lost(run, corpus, line):
    count, words = 20_000, words_of(line, corpus)
    data = numbered(PASSING[line](), range(count))
    with tempfile.TemporaryFile() as given:
        given.write(data)
        given.seek(0)
        reading, writing = os.pipe()
        fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 4096)
        process = run.start(*words, stdin=given, stdout=writing)
        os.close(writing)
        before, still = -1, 0
        while still < 10:  # until it has been waiting for some time
            time.sleep(0.02)
            held = unread(reading)
            still = still + 1 if held == before and held else 0
            before = held
        # it reads through a descriptor that it shares with us
        assert os.lseek(given.fileno(), 0, os.SEEK_CUR) < len(data) // 4
        with open(reading, "rb") as out:
            lines = out.read().splitlines()
        assert process.wait() == 0
    tail = b"".join(lines[-1:])
    assert len(lines) == count and str(count - 1).encode() in tail


@each_passing
def test_memory_does_not_grow_with_the_number_of_records(run, corpus, line):
    words, record = words_of(line, corpus), PASSING[line]()
    given, writing = os.pipe()
    reading, out = os.pipe()
    process = run.start(*words, stdin=given, stdout=out)
    os.close(given), os.close(out)
    peaks = []
    with open(reading, "rb") as lines, open(writing, "wb") as file:
        for numbers in (range(2_000), range(2_000, 20_000)):
            data = numbered(record, numbers)
            feeding = threading.Thread(target=lambda data=data: (file.write(data), file.flush()))
            feeding.start()
            for _ in numbers:
                assert lines.readline()
            feeding.join()
            peaks.append(_peak_kb(process.pid))
    assert process.wait() == 0
    assert peaks[1] - peaks[0] < 2_500  # kB: 139 bytes a record; the id takes most of it


def _peak_kb(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmHWM:"))


ASTRAY = (
    *("../../x", "../x", "/x", "..", ".", "a/b", "a/../../x", "", "a\0b", "x" * 300, "ã" * 130, "\ud800"),
    *("a\0/../../x", "/", "//", "./", "\0"),
)
HARMLESS = ("~", "$(touch x)", "-rf", "a\nb", "...", "..a", "a b", "*", "C:\\x", "%2e%2e%2fx", "🔴", "a;b")
NAMING = {
    "su-encode -m mfcc --arrays": ("segments.jsonl", ".npy"),
    "su-synth -m {vocoder} --audio": ("units.jsonl", ".wav"),
}


@pytest.mark.parametrize("line", NAMING, ids=lambda line: line.split(" -m")[0].replace(" ", "-"))
def test_no_id_leads_out_of_the_folder(run, corpus, line, tmp_path):
    name, suffix = NAMING[line]
    (record, *_) = read_records([corpus[name]])
    out = tmp_path / "a" / "b" / "out"
    out.parent.mkdir(parents=True)
    tool, *words = words_of(line, corpus)
    data = b"".join(serialize({**record, "id": identity}) for identity in (*ASTRAY, *HARMLESS))
    result = run(tool, "--keep-going", *words, out, stdin=data, cwd=tmp_path)
    *faults, count = result.stderr.splitlines()
    assert result.status == 1
    assert count == f"{tool}: {len(ASTRAY)} of {len(ASTRAY) + len(HARMLESS)} records skipped"
    for number, fault in enumerate(faults, 1):
        assert re.match(rf'{tool}: -:{number}: "id" ', fault)
    made = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    made.discard("a/b/out/ENCODER")
    assert made == {f"a/b/out/{identity}{suffix}" for identity in HARMLESS}


@pytest.mark.parametrize("kind", ["textgrid", "eaf", "audacity"])
@pytest.mark.parametrize("named", ["audio_filepath", "id"])
def test_no_recording_s_name_leads_a_label_file_out_of_its_folder(run, corpus, tmp_path, kind, named):
    (record, *_) = corpus.records("units.jsonl")
    del record["audio_filepath"]
    names = ("../../x.wav", "/x.wav", "a/../../../y.wav", "b/x.wav", "...wav", "x" * 300, "\ud83d\udd34")
    none = ("..", "../..", ".", "/", "a/", "\ud800")
    if named == "id":
        none += ("a\0b", "\0")
    records = [{**record, "id": str(i), named: name} for i, name in enumerate((*none, *names))]
    out = tmp_path / "a" / "b" / kind
    out.parent.mkdir(parents=True)
    result = run(
        *("su-labels", "export", "--keep-going", "-t", kind, "--folder", out),
        stdin=b"".join(map(serialize, records)),
        cwd=tmp_path,
    )
    *faults, count = result.stderr.splitlines()
    assert (result.status, count) == (1, f"su-labels: {len(none)} of {len(records)} records skipped")
    assert all(re.match(rf"su-labels: -:{number}: ", fault) for number, fault in enumerate(faults, 1))
    made = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(made) == len(names) and all(path.parent == out for path in made)


def test_a_tier_s_name_leads_no_label_file_out_of_its_folder(run, tmp_path):
    labels = [{"id": "a", "start": 0, "end": 1, "label": "x", "tier": t} for t in ("../../x", "/y", "..")]
    data = b"".join(json.dumps(label).encode() + b"\n" for label in labels)
    out = tmp_path / "a" / "out"
    out.parent.mkdir()
    result = run("su-labels", "export", "-t", "audacity", "--folder", out, stdin=data, cwd=tmp_path)
    assert "Traceback" not in result.stderr
    assert all(path.parent == out for path in tmp_path.rglob("*") if path.is_file())


@pytest.mark.parametrize("name", ["-o1.wav", "-j2.wav", "-k.jsonl", "--keep-going.wav"])
@pytest.mark.parametrize("tool", [("su-segment",), ("su-discover",), ("su-bpe", "decode", "-m", "bpe.model")])
def test_a_file_whose_name_looks_like_an_option_is_never_taken_for_one(run, tmp_path, tool, name):
    (tmp_path / name).write_bytes(b"")
    result = run(*tool, "a.wav", name, cwd=tmp_path)
    assert result.status == 2
    assert f"{name!r} looks like an option; put -- before the file names" in result.stderr
    assert os.listdir(tmp_path) == [name]


def test_a_file_whose_name_looks_like_an_option_can_be_the_value_of_one(run, tmp_path):
    for _ in range(2):  # the second time the file exists
        assert run("su-discover", "-o", "-oterms.jsonl", stdin=b"", cwd=tmp_path).status == 0
    assert os.listdir(tmp_path) == ["-oterms.jsonl"]
