"""What all tools do alike: how each is run, and the promises of su-tools(7) tried on all of them."""

import fcntl
import itertools
import json
import os
import re
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import termios
from dataclasses import dataclass

import numpy as np
import pytest
from conftest import TINY_ENCODER, TINY_VOCODER
from processes import ROOT, wait_for

from units.files.streams import read_records, write_record
from units.records import Record, serialize

TOOLS = sorted(os.listdir(os.path.join(ROOT, "bin")))


@dataclass(frozen=True)
class Use:
    """A way to run a tool. {x} in its arguments is a file of the corpus, {tmp} a folder of the test."""

    command: str
    reads: str  # the file of the corpus that it reads on standard input; its records name their faults
    needs: str  # a field that it cannot do without, and a value that will not do
    bad_value: object
    passes: bool = True  # its output is its input with fields added
    empty: int = 0  # status where there are no records
    arrays: bool = False  # it uses the arrays of its records

    @property
    def words(self):
        return self.command.split()

    @property
    def name(self):
        """The tool and its subcommand."""
        return " ".join(itertools.takewhile(lambda word: word[0] not in "-{", self.words))


USES = [
    Use("su-encode -m mfcc", "segments.jsonl", "audio_filepath", "", arrays=True),
    Use("su-cluster -k 4 -o {tmp}/book.npz", "features.jsonl", "features", 3, False, empty=1, arrays=True),
    Use("su-quantize -c {codebook.npz}", "features.jsonl", "features", "", arrays=True),
    Use("su-bpe train --vocab-size 20 -o {tmp}/bpe", "units.jsonl", "units", "1 2", passes=False, empty=1),
    Use("su-bpe encode -m {bpe.model}", "units.jsonl", "units", [-1]),
    Use("su-bpe decode -m {bpe.model}", "pieces.jsonl", "pieces", [1.5]),
    Use("su-bpe motifs -m {bpe.model}", "units.jsonl", "units", [[1]], passes=False),
    Use("su-labels export -t json", "units.jsonl", "units", "1 2", passes=False),
    Use("su-search build -o {tmp}/index", "units.jsonl", "units", [1, -1], passes=False),
    Use("su-search find -i {index}", "units.jsonl", "units", [10**9], passes=False),
    Use("su-discover -j 1 -c {codebook.npz}", "units.jsonl", "units", [8], passes=False),
    Use("su-pitch -j 1", "segments.jsonl", "audio_filepath", "/nowhere.wav"),
    Use(f"su-train-vocoder -o {{tmp}}/vocoder {TINY_VOCODER}", "pitch.jsonl", "units", [], False, empty=1),
    Use(f"su-train-encoder -o {{tmp}}/enc {TINY_ENCODER}", "segments.jsonl", "audio_filepath", "?", False, 1),
    Use("su-synth -m {vocoder} --audio {tmp}/spoken", "units.jsonl", "units", [10**9]),
    Use("su-eval speech -j 1 --metrics log_mel {segments.jsonl} -", "spoken.jsonl", "id", "no such", False),
    Use("su-eval units --no-abx -j 1 - {alignments.jsonl}", "units.jsonl", "units", "x", False),
]
# These read no such records: su-segment reads audio, su-labels import labels, su-eval table figures, and
# su-onnx a vocoder.
OTHERS = ["su-segment", "su-labels import", "su-eval table", "su-onnx"]


def of_name(use):
    return use.name.replace(" ", "-") if isinstance(use, Use) else None


each_use = pytest.mark.parametrize("use", USES, ids=of_name)
each_tool = pytest.mark.parametrize("tool", TOOLS)


@pytest.fixture
def arguments(corpus, tmp_path):
    """Return the words of a use, with its files put in."""

    def fill(use):
        def path(match):
            return str(tmp_path) if match[1] == "tmp" else corpus[match[1]]

        return [re.sub(r"\{(.*?)\}", path, word) for word in use.words]

    return fill


def stream(corpus, use):
    """Return the bytes of each record that a use reads, with its array where it has one."""
    return [written(record) for record in read_records([corpus[use.reads]])]


def files_in(folder):
    return sorted(os.path.join(where, name) for where, _, names in os.walk(folder) for name in names)


def commands_of(tool):
    """Return the names a tool answers to: its own, or with each of its subcommands."""
    import importlib

    main = importlib.import_module("units.cli." + tool.removeprefix("su-").replace("-", "_")).main
    return (
        [f"{tool} {name}" for name in main.list_commands(None)] if hasattr(main, "list_commands") else [tool]
    )


NAMES = [name for tool in TOOLS for name in commands_of(tool)]
each_name = pytest.mark.parametrize("name", NAMES)


def test_every_tool_and_every_subcommand_stands_in_the_table():
    assert sorted([use.name for use in USES] + OTHERS) == sorted(NAMES)


@each_name
def test_help_loads_nothing_heavy_and_begins_with_one_imperative_sentence(name):
    tool, *subcommand = name.split()
    command = [sys.executable, "-X", "importtime", os.path.join(ROOT, "bin", tool), *subcommand, "--help"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0
    loaded = {line.split("|")[-1].strip().split(".")[0] for line in done.stderr.splitlines()}
    heavy = {"numpy", "torch", "transformers", "faiss", "scipy", "soundfile", "sentencepiece", "pyworld"}
    assert "click" in loaded and not loaded & heavy
    assert done.stdout.startswith(f"Usage: {name} ")
    sentence = done.stdout.split("\n\n")[1].strip()
    assert sentence.endswith(".") and sentence[0].isupper() and "  " not in sentence.replace("\n  ", " ")
    assert not sentence.split()[0].endswith("s")  # Cut, not Cuts


@each_tool
def test_a_tool_runs_through_a_link_from_another_directory(tool, tmp_path):
    link = tmp_path / "linked"
    link.symlink_to(os.path.join(ROOT, "bin", tool))
    done = subprocess.run([link, "--version"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert re.fullmatch(rf"{tool} \d+\.\d+\.\d+\n", done.stdout)


@each_name
def test_wrong_usage_is_one_line_and_status_2(run, name):
    tool, *subcommand = name.split()
    result = run(tool, *subcommand, "--no-such-option")
    assert result.status == 2 and result.stdout == b""
    assert re.fullmatch(rf"{tool}: .*--no-such-option.* \(see {name} --help\)\n", result.stderr)


@each_use
def test_a_missing_file_is_one_line_and_status_1(run, use, arguments, tmp_path):
    tool, *words = arguments(use)
    words = [str(tmp_path / "none") if word == "-" else word for word in words]
    result = run(tool, *words, *([] if "-" in use.words else [tmp_path / "none"]))
    assert (result.status, result.stdout) == (1, b"")
    assert result.stderr == f"{tool}: {tmp_path}/none: No such file or directory\n"


@each_use
def test_no_records_are_no_trouble_where_there_is_something_to_do_for_none(run, use, arguments):
    tool, *words = arguments(use)
    result = run(tool, *words)
    assert result.status == use.empty
    if use.empty:
        assert re.fullmatch(rf"{tool}: .*\n", result.stderr) and result.stdout == b""
    else:
        assert result.stderr == ""
        assert all("summary" in record for record in result.records)


@each_use
def test_success_is_silent_and_standard_output_is_data(run, use, arguments, corpus, tmp_path):
    tool, *words = arguments(use)
    result = run(tool, *words, stdin=b"".join(stream(corpus, use)), cwd=tmp_path)
    assert (result.status, result.stderr) == (0, "")
    made = ("su-bpe train", "su-search build", "su-train-")  # a file, and no records
    assert read(result.stdout) or use.name.startswith(made)
    assert not [name for name in files_in(tmp_path) if name.endswith(".part")]


BAD_LINES = [
    (b'{"id": "a",}\n', "not JSON"),
    (b"[1, 2]\n", "not a JSON object"),
    (b'{"id": "\xff"}\n', "not UTF-8 at byte 9"),
    (b'{"offset": NaN}\n', "NaN is not JSON"),
    (b'{"id": "x"}\n', ""),
]


@each_use
def test_bad_records_are_skipped_on_request_named_and_counted(run, use, arguments, corpus, tmp_path):
    tool, *words = arguments(use)
    good = stream(corpus, use)
    record = next(iter(read_records([corpus[use.reads]])))
    wrong = serialize({**record, "id": "wrong", use.needs: use.bad_value})
    bad = [line for line, _ in BAD_LINES] + [wrong]
    data = b"".join([good[0], *bad, *good[1:]])
    subcommand = len(use.name.split()) - 1
    result = run(tool, *words[:subcommand], "--keep-going", *words[subcommand:], stdin=data)
    *faults, count = result.stderr.splitlines()
    assert result.status == 1
    assert count == f"{tool}: {len(bad)} of {len(bad) + len(good)} records skipped"
    assert [line.split(": ")[:2] for line in faults] == [[tool, f"-:{2 + i}"] for i in range(len(bad))]
    assert all(words in line for line, (_, words) in zip(faults, BAD_LINES, strict=False))
    if "{tmp}" not in use.command:
        assert result.stdout == run(tool, *words, stdin=b"".join(good)).stdout


@each_use
@pytest.mark.parametrize("bad", [BAD_LINES[0], BAD_LINES[4]], ids=["line", "field"])
def test_the_first_bad_record_stops_the_tool_in_one_line(run, use, arguments, corpus, tmp_path, bad):
    tool, *words = arguments(use)
    good = stream(corpus, use)
    result = run(tool, *words, stdin=good[0] + bad[0] + good[1])
    assert result.status == 1
    assert re.fullmatch(rf"{tool}: -:2: .*{bad[1]}.*\n", result.stderr)
    assert not any(name.endswith((".part", "book.npz", "/bpe")) for name in files_in(tmp_path))
    if use.passes:  # what was done before is whole
        assert len(read(result.stdout)) == 1


def read(data):
    """Return the records in the bytes of a stream."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        return list(read_records([file.name]))


def written(record):
    """Return the bytes of a record in a stream."""
    with tempfile.TemporaryFile() as file:
        write_record(record, file)
        file.seek(0)
        return file.read()


@pytest.mark.parametrize("use", [use for use in USES if use.arrays and use.needs == "features"], ids=of_name)
def test_frames_that_are_not_numbers_are_told(run, use, arguments, corpus):
    tool, *words = arguments(use)
    bad = Record({"id": "a", "features": "-"}, array=np.float32([[0] * 39, [np.nan] * 39]))
    result = run(tool, *words, stdin=stream(corpus, use)[0] + written(bad))
    assert result.status == 1
    assert result.stderr == f"{tool}: -:2: frame 1 of the array has NaN or infinity\n"


@pytest.mark.parametrize("use", [use for use in USES if use.passes], ids=of_name)
def test_fields_of_others_survive_and_order_is_kept(run, use, arguments, corpus):
    tool, *words = arguments(use)
    foreign = {"verse": "Mc 1:1", "🔴": [None, True, 1.5, {"a": "ê"}], "n": 10**25}
    sent, names = b"", []
    for i, record in enumerate(read_records([corpus[use.reads]])):
        record.update(foreign, id=f"{9 - i}")
        names.append(record["id"])
        sent += written(record)
    result = run(tool, *words, stdin=sent)
    assert (result.status, result.stderr) == (0, "")
    records = read(result.stdout)
    assert [record["id"] for record in records] == names
    assert all(foreign.items() <= record.items() for record in records)


@pytest.mark.parametrize("use", [u for u in USES if u.passes and not u.arrays], ids=of_name)
def test_arrays_survive_a_tool_that_does_not_use_them(run, use, arguments, corpus):
    tool, *words = arguments(use)
    frames = np.arange(6, dtype=np.float32).reshape(3, 2)
    records = read_records([corpus[use.reads]])
    sent = [Record({**record, "features": "-"}, array=frames + i) for i, record in enumerate(records)]
    result = run(tool, *words, stdin=b"".join(map(written, sent)))
    assert (result.status, result.stderr) == (0, "")
    for before, after in zip(sent, read(result.stdout), strict=True):
        np.testing.assert_array_equal(after.array, before.array)


_WRITERS = ("su-bpe motifs", "su-cluster", "su-labels export")


def writes_records(use):
    return use.passes or use.name.startswith("su-eval") or use.name in _WRITERS


@pytest.mark.parametrize("use", [use for use in USES if writes_records(use)], ids=of_name)
def test_a_full_disk_is_one_line_and_status_1(run, use, arguments, corpus):
    tool, *words = arguments(use)
    with open("/dev/full", "wb") as full, tempfile.TemporaryFile() as said, tempfile.TemporaryFile() as given:
        given.write(b"".join(stream(corpus, use)))
        given.seek(0)
        process = run.start(tool, *words, stdin=given, stdout=full, stderr=said)
        assert process.wait() == 1
        said.seek(0)
        assert said.read().decode() == f"{tool}: No space left on device\n"


@pytest.mark.parametrize("use", [use for use in USES if writes_records(use)], ids=of_name)
def test_a_reader_that_goes_away_ends_the_tool_by_sigpipe_and_without_a_word(run, use, arguments, corpus):
    tool, *words = arguments(use)
    with tempfile.TemporaryFile() as said, tempfile.TemporaryFile() as given:
        given.write(b"".join(stream(corpus, use)))
        given.seek(0)
        reading, writing = os.pipe()
        os.close(reading)
        process = run.start(tool, *words, stdin=given, stdout=writing, stderr=said)
        os.close(writing)
        assert process.wait() == -signal.SIGPIPE
        said.seek(0)
        assert said.read() == b""


def unread(pipe):
    return struct.unpack("i", fcntl.ioctl(pipe, termios.FIONREAD, b"\0\0\0\0"))[0]


@each_use
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda n: n.name)
def test_a_signal_ends_a_tool_by_itself_leaving_nothing_half_written(
    run, use, arguments, corpus, tmp_path, number
):
    tool, *words = arguments(use)
    data = stream(corpus, use)[0]
    with tempfile.TemporaryFile() as said:
        reading, writing = os.pipe()
        fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 1 << 20)
        process = run.start(tool, *words, stdin=reading, stderr=said)
        os.write(writing, data)
        wait_for(lambda: not unread(reading), process)
        process.send_signal(number)
        assert process.wait() == -number
        os.close(reading)
        os.close(writing)
        said.seek(0)
        assert said.read() == b""
    assert not [name for name in files_in(tmp_path) if name.endswith((".part", "book.npz", "/bpe"))]


@pytest.mark.parametrize("nohup", [False, True])
def test_a_terminal_that_closes_ends_a_tool_unless_nohup_asked_it_to_stay(corpus, tmp_path, nohup):
    command = ["nohup"] * nohup + [f"{ROOT}/bin/su-quantize", "-c", corpus["codebook.npz"]]
    with subprocess.Popen([*command, "-o", str(tmp_path / "units")], stdin=subprocess.PIPE) as job:
        job.stdin.write(stream(corpus, USES[2])[0])
        job.stdin.flush()
        wait_for(lambda: sum(entry.stat().st_size for entry in os.scandir(tmp_path)))
        job.send_signal(signal.SIGHUP)
        job.stdin.close()
        assert job.wait() == (0 if nohup else -signal.SIGHUP)
    assert os.listdir(tmp_path) == (["units"] if nohup else [])


def test_a_verbose_tool_says_a_line_a_record(run, corpus):
    result = run("su-quantize", "-v", "-c", corpus["codebook.npz"], corpus["features.jsonl"])
    ids = [record["id"] for record in corpus.records("units.jsonl")]
    assert result.stderr.splitlines() == [f"su-quantize: {name}" for name in ids]


def test_jobs_do_not_change_the_order_nor_the_bytes(run, corpus):
    alone, together = (run("su-pitch", "-j", str(n), corpus["segments.jsonl"]) for n in (1, 2))
    assert alone.status == 0 and alone == together


def test_any_name_survives_the_whole_pipe(run, corpus, tmp_path):
    name = os.fsdecode(b"-new\nline 'q' \"q\" \xff\xf0\x9f\x94\xb4 $(rm) .wav")
    shutil.copy(corpus.folder / "audio" / corpus.NAMES[0], tmp_path / name)
    data = run("su-segment", "--", name, cwd=tmp_path).stdout
    for words in (
        ["su-encode", "-m", "mfcc"],
        ["su-quantize", "-c", corpus["codebook.npz"]],
        ["su-pitch", "-j", "1"],
        ["su-synth", "-m", corpus["vocoder"], "--audio", "spoken"],
    ):
        assert read(data)[0]["audio_filepath"] == name
        result = run(*words, stdin=data, cwd=tmp_path)
        assert (result.status, result.stderr) == (0, "")
        data = result.stdout
    files = sorted(os.listdir(tmp_path / "spoken"))
    assert [os.path.basename(record["audio_filepath"]) for record in read(data)] == files
    assert files[0].startswith(name.removesuffix(".wav"))


def test_a_vocoder_is_not_resumed_with_units_of_another_codebook(run, corpus):
    records = [{**record, "codebook": "another"} for record in corpus.records("pitch.jsonl")]
    words = ["-o", corpus["vocoder"], "--resume", *TINY_VOCODER.split()]
    result = run("su-train-vocoder", *words, stdin=b"".join(map(serialize, records)))
    known = corpus.records("units.jsonl")[0]["codebook"]
    owner = f"the vocoder in {corpus['vocoder']}"
    message = f"these units have codebook another, but {owner} has codebook {known}"
    assert (result.status, result.stderr) == (1, f"su-train-vocoder: {message}\n")


def test_frames_reach_units_through_a_pipe_and_nothing_is_spilled(corpus, tmp_path):
    bin_ = os.path.join(ROOT, "bin")
    pipe = f'"{bin_}/su-encode" -m mfcc "$1" | "{bin_}/su-quantize" -c "$2"'
    words = ["bash", "-o", "pipefail", "-c", pipe, "-", corpus["segments.jsonl"], corpus["codebook.npz"]]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, check=True)
    assert done.stderr == b"" and os.listdir(tmp_path) == []
    assert [json.loads(line) for line in done.stdout.splitlines()] == corpus.records("units.jsonl")


def test_head_ends_a_pipe_of_real_processes_without_a_word(corpus):
    pipe = f'"{ROOT}/bin/su-quantize" -c "$1" "$2" "$2" "$2" | head -n 1; echo "${{PIPESTATUS[0]}}"'
    words = ["bash", "-c", pipe, "-", corpus["codebook.npz"], corpus["features.jsonl"]]
    done = subprocess.run(words, capture_output=True, check=True, text=True)
    assert done.stderr == "" and done.stdout.splitlines()[1] in ("0", "141")


@pytest.mark.parametrize(
    "command",
    [
        "su-encode -m mfcc -v --device auto {segments.jsonl} -o frames",
        "su-encode -m small -v --device cpu --dtype fp32 {segments.jsonl} -o frames",
        "su-cluster -k 4 -v -o book.npz {features.jsonl}",
        "su-synth -m {vocoder} -v --dtype fp32 -o all.wav {units.jsonl}",
        "su-search find -v -i {index} -o hits {segments.jsonl}",
        f"su-train-vocoder -v -o vocoder {TINY_VOCODER} {{pitch.jsonl}}",
        f"su-train-encoder -v -o encoder {TINY_ENCODER} {{segments.jsonl}}",
    ],
)
def test_v_says_on_which_device_a_tool_computes(run, corpus, command, tmp_path):
    words = [corpus[word[1:-1]] if word.startswith("{") else word for word in command.split()]
    result = run(*words, cwd=tmp_path)
    assert result.status == 0, result.stderr
    assert len([line for line in result.stderr.splitlines() if ": computing on cpu" in line]) == 1
