"""Each tool is killed at thirty random moments, run again each time, and ends with what it always does."""

import os
import random
import re
import signal
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
from conftest import TINY_ENCODER, TINY_VOCODER

KILLS = int(os.environ.get("KILLS", "30"))  # more of them find what is rarer
SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)


@dataclass(frozen=True)
class Work:
    """A command that writes into {out}, and what it reads; {x} is a file of the corpus."""

    command: str
    resume: str = ""  # an option that goes on where a killed run stopped, once this file is there
    begun: str = ""

    @property
    def name(self):
        """The tool and its subcommand."""
        return "-".join(word for word in re.split(r" [-{<]", self.command, maxsplit=1)[0].split())


WORK = [
    Work("su-segment --clips {out}/cut {audio}"),
    Work("su-encode -m mfcc --arrays {out}/frames {segments.jsonl}"),
    Work("su-encode -m small --arrays {out}/frames {segments.jsonl}"),
    Work("su-cluster -k 4 -o {out}/book.npz {features.jsonl}"),
    Work("su-quantize -c {codebook.npz} -o {out}/units.jsonl {features.jsonl}"),
    Work("su-pitch -j 1 -o {out}/pitch.jsonl {units.jsonl}"),
    Work("su-bpe train --vocab-size 20 -o {out}/bpe.model {units.jsonl}"),
    Work("su-bpe encode -m {bpe.model} -o {out}/pieces.jsonl {units.jsonl}"),
    Work("su-bpe decode -m {bpe.model} -o {out}/units.jsonl {pieces.jsonl}"),
    Work("su-bpe motifs -m {bpe.model} --clips {out}/clips --examples 2 {units.jsonl}"),
    Work("su-discover -j 1 -c {codebook.npz} --clips {out}/clips --examples 1 {units.jsonl}"),
    Work("su-search build -c {codebook.npz} -o {out}/index {units.jsonl}"),
    Work("su-labels export -t textgrid --folder {out}/textgrid {units.jsonl}"),
    Work("su-synth -m {vocoder} --audio {out}/spoken {units.jsonl}"),
    Work("su-eval speech -j 1 --metrics log_mel -o {out}/scores.jsonl {segments.jsonl} {spoken.jsonl}"),
    Work("su-eval units --no-abx -j 1 -o {out}/scores.jsonl {units.jsonl} {alignments.jsonl}"),
    Work(
        f"su-train-vocoder -o {{out}}/vocoder {TINY_VOCODER} {{pitch.jsonl}}",
        "--resume",
        "vocoder/checkpoint.safetensors",
    ),
    Work(
        f"su-train-encoder -o {{out}}/enc {TINY_ENCODER} {{segments.jsonl}}",
        "--resume",
        "enc/checkpoint.safetensors",
    ),
]
# what tells of times, and differs between any two runs
TIMED = re.compile(r"log\.jsonl|checkpoint.*\.safetensors|events\.out\.tfevents.*")


@pytest.fixture
def command(corpus):
    """Return the words of some work that writes into a folder."""

    def fill(work, out):
        words = []
        for word in work.command.split():
            if word == "{audio}":
                words += sorted(map(str, (corpus.folder / "audio").iterdir()))
            else:
                words.append(
                    re.sub(r"\{(.*?)\}", lambda m: str(out) if m[1] == "out" else corpus[m[1]], word)
                )
        return words + ([work.resume] if work.resume and (out / work.begun).exists() else [])

    return fill


def result_of(folder):
    """Return {name: bytes} of all files of a folder but those that tell times."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(p.relative_to(folder)): p.read_bytes() for p in files if not TIMED.fullmatch(p.name)}


@pytest.mark.parametrize("work", WORK, ids=lambda work: work.name)
def test_a_tool_killed_thirty_times_and_run_again_ends_as_if_nothing_had_been(run, command, work, tmp_path):
    undisturbed, out = tmp_path / "one", tmp_path / "other"
    undisturbed.mkdir(), out.mkdir()
    began = time.monotonic()
    wanted = run(*command(work, undisturbed), cwd=tmp_path)
    took_s = time.monotonic() - began
    assert (wanted.status, wanted.stderr) == (0, "")
    draw, ended = random.Random(work.command), []
    for _ in range(KILLS):
        number = draw.choice(SIGNALS)
        with tempfile.TemporaryFile() as said:
            process = run.start(*command(work, out), cwd=tmp_path, stderr=said)
            began = time.monotonic()
            if over := process.is_over(within_s=draw.uniform(0, took_s)):
                took_s = min(took_s, time.monotonic() - began)
            with_signal = not over and _sent(process, number)
            ended.append(process.wait())
            said.seek(0)
            assert said.read().decode() == ""
        assert ended[-1] in ((0, -number) if with_signal else (0,))
    found = run(*command(work, out), cwd=tmp_path)
    assert (found.status, found.stderr) == (0, "")
    assert any(status < 0 for status in ended)
    assert result_of(out) == result_of(undisturbed)
    assert found.stdout.replace(os.fsencode(out), b"") == wanted.stdout.replace(os.fsencode(undisturbed), b"")
    assert not [name for name in Path(tmp_path).rglob("*") if name.name.endswith(".part")]


def _sent(process, number):
    """Send the signal; return whether there was something to send it to."""
    try:
        process.send_signal(number)
    except ProcessLookupError:
        return False
    return True
