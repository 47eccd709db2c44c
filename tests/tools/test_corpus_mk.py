"""docs/corpus.mk: from recordings, of one language or several, to patterns, a voice and figures."""

import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
import soundfile
from conftest import TINY_VOCODER
from processes import PATIENCE_S, ROOT
from speechlike import RATE, recording
from test_pages import NO_PESQ, environment, write_chapters  # noqa: F401 - a fixture

CORPUS = Path(ROOT, "docs", "corpus.mk")
TOY = ("MODEL=mfcc", "K=8", "VOCAB=20", f"TRAIN={TINY_VOCODER}")


def make_in(folder, environment, *words):  # noqa: F811
    """Run corpus.mk in a folder; return how it ended."""
    command = ["make", "-s", "-f", str(CORPUS), *TOY, *words]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def records(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def times(folder):
    files = [path for path in folder.rglob("*") if stat.S_ISREG(path.stat().st_mode)]
    return {path: path.stat().st_mtime_ns for path in files}


@pytest.fixture(scope="module")
def made(tmp_path_factory, environment):  # noqa: F811
    """A folder in which corpus.mk has been run, audio being a link to a folder, and how to run it again."""
    folder = tmp_path_factory.mktemp("made")
    write_chapters(folder / "recordings of Mark")
    (folder / "audio").symlink_to("recordings of Mark")

    def make(*words):
        return make_in(folder, environment, *words)

    done = make()
    assert (done.returncode, done.stderr.replace(NO_PESQ, "")) == (0, "")
    return folder, make


def test_recordings_with_any_names_become_patterns_a_voice_and_figures(made):
    folder, _ = made
    assert '"summary"' in (folder / "scores.jsonl").read_text()
    assert (folder / "report.html").exists() and (folder / "terms.html").exists()
    assert (folder / "corpus.index").stat().st_size
    segments = (folder / "segments.jsonl").read_text()
    assert "🔴 ÊXODO 📖 (a Saída de Israel do Egito).mp3" in segments and segments.count("-01-") == 2


def test_a_second_run_does_nothing(made):
    folder, make = made
    before = times(folder)
    done = make()
    assert (done.returncode, done.stderr.replace(NO_PESQ, "")) == (0, "") and times(folder) == before


def test_a_run_that_is_killed_again_and_again_ends_with_the_same_bytes(made, environment, tmp_path):  # noqa: F811
    """The tools are real processes here, so that SIGKILL reaches them all."""
    folder, _ = made
    (tmp_path / "audio").symlink_to(folder / "recordings of Mark")
    path = os.pathsep.join([os.path.join(ROOT, "bin"), os.path.dirname(sys.executable), os.environ["PATH"]])
    real = {**environment, "PATH": path}
    for sign in ("segments.jsonl.new", "frames", "codebook.json", "bpe.model"):
        command = ["make", "-s", "-f", CORPUS, *TOY, "patterns"]
        running = subprocess.Popen(command, cwd=tmp_path, env=real, start_new_session=True)
        end = time.monotonic() + PATIENCE_S
        while not (tmp_path / sign).exists() and running.poll() is None:
            assert time.monotonic() < end, "waited in vain"
            time.sleep(0.005)
        assert (tmp_path / sign).exists()
        os.killpg(running.pid, signal.SIGKILL)
        running.wait()
    done = make_in(tmp_path, real, "patterns")
    assert (done.returncode, done.stderr) == (0, "")
    for name in ("segments.jsonl", "units.jsonl", "motifs.jsonl", "terms.jsonl"):
        assert (tmp_path / name).read_bytes() == (folder / name).read_bytes(), name


def test_it_stops_at_a_recording_that_cannot_be_read_and_leaves_nothing_incomplete(made):
    folder, make = made
    before = (folder / "segments.jsonl").read_bytes()
    bad = folder / "audio" / "zz.mp3"
    bad.write_bytes(b"no audio")
    done = make("segments.jsonl")
    assert done.returncode == 2 and "su-segment: audio/zz.mp3: " in done.stderr
    assert (folder / "segments.jsonl").read_bytes() == before
    assert not [path for path in folder.iterdir() if path.name.startswith("segments.jsonl.")]
    bad.unlink()
    assert make("segments.jsonl").returncode == 0


def test_with_keep_going_recordings_that_cannot_be_read_are_left_out(tmp_path, environment):  # noqa: F811
    write_chapters(tmp_path / "audio")
    (tmp_path / "audio" / "zz.mp3").write_bytes(b"no audio")
    done = make_in(tmp_path, environment, "SEGMENT=--keep-going --speaker 'Ana Maria'", "segments.jsonl")
    assert done.returncode == 0 and "su-segment: 1 of 4 records skipped" in done.stderr
    segments = records(tmp_path / "segments.jsonl")
    assert len(segments) == 6 and {each["speaker"] for each in segments} == {"Ana Maria"}


@pytest.mark.parametrize("audio", ["audio", "audio/..", "nowhere"])
def test_a_folder_that_cannot_be_used_is_reported_in_words(audio, tmp_path, environment):  # noqa: F811
    os.mkdir(tmp_path / "audio")
    done = make_in(tmp_path, environment, f"AUDIO={audio}")
    words = {"audio": "no recordings in audio\n", "nowhere": "can't cd to nowhere\n"}
    outside = "AUDIO=audio/..: run make in a folder outside the recordings\n"
    assert done.returncode == 2 and words.get(audio, outside) in done.stderr
    assert len(done.stderr.splitlines()) == 2  # the second is make's own


def test_languages_in_folders_share_a_codebook_and_have_patterns_of_their_own(tmp_path, environment):  # noqa: F811
    """A Makefile with the settings includes corpus.mk; both languages have recordings of the same names."""
    audio = tmp_path / "it's audio"
    for seed, language in enumerate(("gub", "rus")):
        (audio / language).mkdir(parents=True)
        for chapter in (1, 2, 3):
            samples = recording([0.6, 2.2, 0.8, 2.4, 0.6], seed=100 * chapter + seed)
            soundfile.write(audio / language / f"0{chapter} a.wav", samples, RATE)
    settings = ("AUDIO = it's audio", "LANGUAGES = gub rus", "MODEL = mfcc", "K = 8", "VOCAB = 20")
    lines = (*settings, "VOCAB_rus = 14", f"include {CORPUS}", "")
    (tmp_path / "Makefile").write_text("\n".join(lines))
    command = ["make", "-s", "patterns"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    for language in ("gub", "rus"):
        units = records(tmp_path / language / "units.jsonl")
        assert {each["language"] for each in units} == {language}
        assert len({each["id"] for each in units}) == len(units) == 6
        assert (tmp_path / language / "corpus.index").stat().st_size
    assert len({each["codebook"] for each in records(tmp_path / "units.jsonl")}) == 1


def test_help_lists_goals_and_variables():
    if not shutil.which("make"):
        pytest.skip("no make")
    done = subprocess.run(["make", "-f", CORPUS, "help"], capture_output=True, text=True, check=True)
    for word in ("patterns", "voice", "AUDIO", "LANGUAGES", "MODEL", "K "):
        assert f"  {word}" in done.stdout
