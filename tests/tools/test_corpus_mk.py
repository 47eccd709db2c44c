"""docs/corpus.mk: from recordings, of one language or several, to patterns, a voice and figures."""

import json
import os
import shutil
import stat
import subprocess
from pathlib import Path

import pytest
from conftest import TINY_VOCODER
from processes import ROOT
from test_pages import NO_PESQ, environment, write_chapters  # noqa: F401 - a fixture

CORPUS = Path(ROOT, "docs", "corpus.mk")
TOY = ("MODEL=mfcc", "K=8", "VOCAB=20", f"TRAIN={TINY_VOCODER}")


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
        command = ["make", "-s", "-f", str(CORPUS), *TOY, *words]
        return subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, check=False
        )

    done = make()
    assert done.stderr.replace(NO_PESQ, "") == "" and done.returncode == 0, done.stderr
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


def test_it_stops_at_a_recording_that_cannot_be_read_and_leaves_nothing_incomplete(made):
    folder, make = made
    bad = folder / "audio" / "zz.mp3"
    bad.write_bytes(b"no audio")
    done = make("segments.jsonl")
    assert done.returncode == 2 and "su-segment: audio/zz.mp3: " in done.stderr
    assert not (folder / "segments.jsonl").exists()
    bad.unlink()
    assert make("segments.jsonl").returncode == 0


def test_a_folder_without_recordings_is_reported_in_words(tmp_path, environment):  # noqa: F811
    os.mkdir(tmp_path / "audio")
    command = ["make", "-s", "-f", CORPUS, *TOY]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 2 and done.stderr.startswith("no recordings in audio\n")


def test_languages_in_folders_share_a_codebook_and_have_patterns_of_their_own(tmp_path, environment):  # noqa: F811
    for language in ("gub", "rus"):
        (tmp_path / "audio").mkdir(exist_ok=True)
        write_chapters(tmp_path / "audio" / language)
    command = ["make", "-s", "-f", CORPUS, *TOY, "LANGUAGES=gub rus", "patterns"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    for language in ("gub", "rus"):
        lines = (tmp_path / language / "units.jsonl").read_text().splitlines()
        assert lines and all(json.loads(line)["language"] == language for line in lines)
        assert (tmp_path / language / "corpus.index").stat().st_size
    assert (
        len({json.loads(line)["codebook"] for line in (tmp_path / "units.jsonl").read_text().splitlines()})
        == 1
    )


def test_help_lists_goals_and_variables():
    if not shutil.which("make"):
        pytest.skip("no make")
    done = subprocess.run(["make", "-f", CORPUS, "help"], capture_output=True, text=True, check=True)
    for word in ("patterns", "voice", "AUDIO", "LANGUAGES", "MODEL", "K "):
        assert f"  {word}" in done.stdout
