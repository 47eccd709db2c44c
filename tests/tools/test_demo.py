"""The summary that ends `make demo` says how much there is, how good it is and which page to open first."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from processes import ROOT


@pytest.fixture
def folder(tmp_path):
    """A folder as the demo leaves it, without phone labels."""

    def write(name, *rows):
        (tmp_path / name).write_text("".join(json.dumps(row) + "\n" for row in rows))

    write("segments.jsonl", *({"audio_filepath": "a.wav", "duration": 60.0} for _ in range(3)))
    write("units.jsonl", {"units": [1, 1, 2, 2] * 450})
    write("codebook.json", {"k": 100})
    write("motifs.jsonl", *({"count": n, "mean_duration": 0.4} for n in (9, 7, 5)))
    means = {"stoi": 0.8, "mcd": 7.5, "uer": 0.9, "pesq": 2.0}
    write("speech-scores.jsonl", {"summary": {name: {"mean": mean} for name, mean in means.items()}})
    write("units-scores.jsonl")
    for page in ("motifs.html", "report.html"):
        (tmp_path / page).write_text("page")
    return tmp_path


def summary(folder):
    command = [sys.executable, Path(ROOT) / "docs" / "demo.py", folder]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_the_summary_says_how_much_speech_and_how_many_units_and_motifs_there_are(folder):
    said = summary(folder)
    assert "3 minutes, cut at pauses into 3 segments of 1 recordings" in said
    assert "100 sound classes, found without labels; 5 sounds per second" in said
    assert "the typical one occurs 7 times and lasts 0.40 s" in said


def test_each_figure_has_its_value_and_a_verdict(folder):
    rows = {line.split("  ")[1]: line.split()[-1] for line in summary(folder).splitlines() if "(" in line}
    found = {name.split("(")[-1].strip(")"): result for name, result in rows.items()}
    assert (found["STOI"], found["MCD"]) == ("good", "fair")
    assert "poor" in next(line for line in summary(folder).splitlines() if "Units that change" in line)


def test_the_motifs_are_the_first_page_and_pages_that_were_not_made_are_not_listed(folder):
    said = summary(folder)
    assert said.index("1.  " + str(folder / "motifs.html")) < said.index("2.  " + str(folder / "report.html"))
    assert "units.html" not in said and "expect about half" not in said


def test_a_demo_without_motifs_has_a_summary_too(folder):
    (folder / "motifs.jsonl").write_text("")
    assert "Motifs" not in summary(folder)
    assert "make demo AUDIO=FOLDER" in summary(folder)
