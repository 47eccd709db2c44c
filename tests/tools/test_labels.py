"""su-labels: export writes all labels of a recording to one file; import reads labels corrected there."""

import json
import os
import subprocess

import eaf_rules
import numpy as np
import pympi
import pytest
import soundfile
from processes import ROOT

from units.labels.alignments import read_alignments, read_tiers

UNITS = [  # two segments of a recording, and one of another between them
    {
        "id": "a-1",
        "audio_filepath": "a.wav",
        "offset": 0.5,
        "duration": 0.11,
        "units": [7, 7, 9],
        "f0": [0, 0, 0],
    },
    {"id": "b-1", "audio_filepath": "b.wav", "offset": 0.0, "duration": 0.05, "units": [3], "counts": [2]},
    {"id": "a-2", "audio_filepath": "a.wav", "offset": 1.0, "duration": 0.05, "units": [5], "counts": [1]},
]
MOTIFS = [
    {"motif": 40, "units": [7, 9], "occurrences": [["a-1", "a.wav", 0.5, 0.56], ["b-1", "b.wav", 0.0, 0.04]]},
    {"motif": 41, "units": [9, 3], "occurrences": [["a-1", "a.wav", 0.52, 0.58]]},
]
FOUND = {
    "units": [[0.5, 0.54, "7"], [0.54, 0.56, "9"], [1.0, 1.02, "5"]],
    "motifs": [[0.5, 0.56, "40"]],
    "motifs (2)": [[0.52, 0.58, "41"]],
}
UGLY = [
    "🔴 ÊXODO 📖 (a Saída de Israel do Egito).mp3",
    'it\'s "Mc" & <1> 100%.wav',
    "-new\nline.wav",
    os.fsdecode(b"not utf-8 \xff.wav"),
    "a%20b.flac",
]


def lines(records):
    return "".join(json.dumps(record) + "\n" for record in records).encode()


def good(result):
    assert (result.status, result.stderr) == (0, "")
    return result


def contents(folder):
    return {name: (folder / name).read_bytes() for name in sorted(os.listdir(folder))}


@pytest.fixture
def exported(run, tmp_path):
    """Export UNITS and MOTIFS, given as two files, to a format; return the folder."""

    def export(kind, *words):
        (tmp_path / "units.jsonl").write_bytes(lines(UNITS))
        (tmp_path / "motifs.jsonl").write_bytes(lines(MOTIFS))
        command = ["export", "-t", kind, "--folder", "labels", *words, "units.jsonl", "motifs.jsonl"]
        assert good(run("su-labels", *command, cwd=tmp_path)).stdout == b""
        return tmp_path / "labels"

    return export


@pytest.mark.parametrize(("kind", "suffix"), [("textgrid", ".TextGrid"), ("eaf", ".eaf")])
def test_a_recording_gets_one_file_with_all_its_segments_and_motifs(exported, kind, suffix):
    folder = exported(kind)
    assert sorted(os.listdir(folder)) == ["a" + suffix, "b" + suffix]
    assert read_tiers(str(folder / f"a{suffix}")) == [("a", FOUND, {})]
    ((_, found, _),) = read_tiers(str(folder / f"b{suffix}"))
    assert found == {"units": [[0.0, 0.04, "3"]], "motifs": [[0.0, 0.04, "40"]]}


def test_audacity_gets_one_file_a_track(exported):
    folder = exported("audacity")
    assert list(contents(folder)) == ["a.motifs.txt", "a.units.txt", "b.motifs.txt", "b.units.txt"]
    assert (folder / "a.motifs.txt").read_text() == "0.500000\t0.560000\t40\n0.520000\t0.580000\t41\n"


def test_elan_files_are_sound_and_lead_to_the_recording(exported):
    folder = exported("eaf")
    media = eaf_rules.check(folder / "a.eaf")
    assert media["MEDIA_URL"] == f"file://{folder.parent}/a.wav"
    assert (media["RELATIVE_MEDIA_URL"], media["MIME_TYPE"]) == ("../a.wav", "audio/x-wav")


def test_a_recording_is_named_from_here_where_it_lies_below_and_else_by_its_whole_path(run, exported):
    folder = exported("eaf")
    (folder.parent / "a.wav").touch()
    for where, name in ((folder.parent, "a.wav"), (folder, f"{folder.parent}/a.wav")):
        found = good(run("su-labels", "import", os.path.relpath(folder / "a.eaf", where), cwd=where)).records
        assert found[0]["audio_filepath"] == name


def test_json_is_a_record_for_each_run_and_export_reads_it(run, exported, tmp_path):
    done = good(run("su-labels", "export", "-t", "json", stdin=lines(UNITS + MOTIFS)))
    assert done.records[:2] == [
        {"id": "a-1", "audio_filepath": "a.wav", "start": 0.5, "end": 0.54, "unit": 7},
        {"id": "a-1", "audio_filepath": "a.wav", "start": 0.54, "end": 0.56, "unit": 9},
    ]
    assert done.records[-1] == {
        **dict(id="a-1", audio_filepath="a.wav"),
        "start": 0.52,
        "end": 0.58,
        "motif": 41,
    }
    good(run("su-labels", "export", "-t", "eaf", "--folder", "again", stdin=done.stdout, cwd=tmp_path))
    assert contents(exported("eaf")) == contents(tmp_path / "again")


def test_a_ctm_holds_all_recordings_but_one_tier(run, tmp_path):
    named = [{**UNITS[0], "audio_filepath": "x y/Mc 1.wav"}, UNITS[1]]
    words = ["export", "-t", "ctm", "-o", "all.ctm"]
    good(run("su-labels", *words, stdin=lines(named), cwd=tmp_path))
    assert (tmp_path / "all.ctm").read_text().splitlines()[0] == "Mc%201 1 0.500000 0.040000 7"
    assert [name for name, _ in read_alignments(str(tmp_path / "all.ctm"))] == ["Mc 1", "b"]
    result = run("su-labels", *words, stdin=lines(UNITS + MOTIFS), cwd=tmp_path)
    message = "-:4: a CTM holds one tier, but there are units, motifs; choose one with --tier"
    assert (result.status, result.stderr) == (1, f"su-labels: {message}\n")
    assert (tmp_path / "all.ctm").read_text().count("\n") == 3  # the old one
    two = [UNITS[0], {**UNITS[0], "audio_filepath": "other/a.wav"}]
    result = run("su-labels", "export", "-t", "ctm", stdin=lines(two))
    assert "'a.wav' and 'other/a.wav' have the same name in a CTM, 'a'" in result.stderr


def test_a_tier_is_chosen_by_its_field(run):
    records = [{**UNITS[0], "speaker": "Ana", "words": [[0.0, 0.06, "ayã"]]}, *MOTIFS]
    words = ["export", "-t", "json", "--tier", "speaker", "--tier", "words", "--tier", "motif"]
    keys = [list(record)[-1] for record in good(run("su-labels", *words, stdin=lines(records))).records]
    assert keys == ["speaker", "word", "motif", "motif", "motif"]


def test_phones_alone_stand_where_the_record_of_their_id_does(run, tmp_path):
    phones = {"id": "a-2", "phones": [[0.0, 0.015, "ã"]]}
    words = ["export", "-t", "json", "--tier", "phones"]
    done = run("su-labels", *words, "--tier", "units", stdin=lines([*UNITS, phones]))
    assert good(done).records[-1] == {
        "id": "a-2", "audio_filepath": "a.wav", "start": 1.0, "end": 1.015, "phone": "ã"
    }  # fmt: skip
    assert run("su-labels", *words, stdin=lines([{**phones, "id": ["a"]}])).status == 1


def test_pieces_stand_where_their_units_do(run, corpus, tmp_path):
    words = [
        "export",
        "-t",
        "textgrid",
        "-m",
        corpus["bpe.model"],
        "--folder",
        "labels",
        corpus["pieces.jsonl"],
    ]
    good(run("su-labels", *words, cwd=tmp_path))
    for name in os.listdir(tmp_path / "labels"):
        ((_, found, _),) = read_tiers(str(tmp_path / "labels" / name))
        edges = {key: {time for span in spans for time in span[:2]} for key, spans in found.items()}
        assert list(found) == ["units", "pieces"] and edges["pieces"] <= edges["units"]
        assert len(found["pieces"]) < len(found["units"])
    result = run("su-labels", *words[:3], corpus["pieces.jsonl"])
    assert result.stderr.endswith('1: "pieces" have no duration without their model; use -m\n')


def test_motifs_found_and_units_agree_to_the_frame(run, corpus, tmp_path):
    words = ["motifs", "-m", corpus["bpe.model"], corpus["units.jsonl"]]
    motifs = good(run("su-bpe", *words)).stdout
    (tmp_path / "motifs").write_bytes(motifs)
    words = ["export", "-t", "eaf", "--folder", "labels", corpus["units.jsonl"], "motifs"]
    good(run("su-labels", *words, cwd=tmp_path))
    for name in os.listdir(tmp_path / "labels"):
        ((_, found, _),) = read_tiers(str(tmp_path / "labels" / name))
        edges = {time for span in found["units"] for time in span[:2]}
        assert {time for span in found["motifs"] for time in span[:2]} <= edges
        media = eaf_rules.check(tmp_path / "labels" / name)
        assert os.path.exists(tmp_path / "labels" / media["RELATIVE_MEDIA_URL"])


def test_a_textgrid_is_as_long_as_its_recording_where_that_is_there(run, tmp_path):
    words = ["export", "-t", "textgrid"]
    stdin = lines(UNITS[1:2])
    assert b"xmax = 0.05 \n" in good(run("su-labels", *words, stdin=stdin, cwd=tmp_path)).stdout
    soundfile.write(tmp_path / "b.wav", np.zeros(24000), 16000)
    assert b"xmax = 1.5 \n" in good(run("su-labels", *words, stdin=stdin, cwd=tmp_path)).stdout


def test_any_name_survives_and_none_leads_out_of_the_folder(run, tmp_path):
    (tmp_path / "audio").mkdir()
    names = [os.path.join("audio", name) for name in UGLY]
    for name in names:
        (tmp_path / name).touch()
    records = [{**UNITS[0], "id": f"../../{i}", "audio_filepath": name} for i, name in enumerate(names)]
    records += [{"id": "../out/side", "units": [1]}]
    for kind in ("textgrid", "eaf", "audacity"):
        good(run("su-labels", "export", "-t", kind, "--folder", kind, stdin=lines(records), cwd=tmp_path))
        assert len(os.listdir(tmp_path / kind)) == len(records)
    assert sorted(os.listdir(tmp_path)) == ["audacity", "audio", "eaf", "textgrid"]
    stems = [os.path.splitext(name)[0] for name in UGLY]
    assert sorted(os.listdir(tmp_path / "eaf")) == sorted([stem + ".eaf" for stem in stems] + ["side.eaf"])
    back = ["--", *(f"eaf/{stem}.eaf" for stem in stems)]
    found = [r["audio_filepath"] for r in good(run("su-labels", "import", *back, cwd=tmp_path)).records[::2]]
    assert [os.path.relpath(name, tmp_path) if os.path.isabs(name) else name for name in found] == names


def test_recordings_of_one_name_get_files_of_their_own(run, tmp_path):
    records = [{**UNITS[0], "audio_filepath": f"{folder}/1.wav"} for folder in ("Mc", "Lc", "/abs/Lc")]
    good(run("su-labels", "export", "-t", "eaf", "--folder", "labels", stdin=lines(records), cwd=tmp_path))
    assert list(contents(tmp_path / "labels")) == ["Lc_1.wav.eaf", "Mc_1.wav.eaf", "abs_Lc_1.wav.eaf"]
    tiers = [{"id": "a", "duration": 1, "tier": tier, "label": "x"} for tier in ("b/c", "b_c")]
    result = run(
        "su-labels", "export", "-t", "audacity", "--folder", "labels", stdin=lines(tiers), cwd=tmp_path
    )
    assert result.stderr == "su-labels: two files would have the same name, 'a.b_c.txt'\n"


def test_without_a_folder_only_one_file_can_be_written(run):
    assert good(run("su-labels", "export", "-t", "audacity", stdin=lines(UNITS[:1]))).stdout.count(b"\n") == 2
    result = run("su-labels", "export", "-t", "audacity", stdin=lines(UNITS))
    assert (result.status, result.stdout) == (1, b"")
    assert result.stderr == "su-labels: there are 2 files to write; use --folder DIR\n"


def test_the_same_again_gives_the_same_bytes(exported):
    for kind in ("textgrid", "eaf", "audacity"):
        first = contents(exported(kind))
        assert contents(exported(kind)) == first
    assert not [name for name in first if name.startswith(".")]


def test_a_full_disk_leaves_the_old_file_and_no_half_one(tmp_path):
    long = {**UNITS[0], "units": list(range(100)) * 50, "duration": 100.0}
    (tmp_path / "units.jsonl").write_bytes(lines([long]))
    (tmp_path / "a.eaf").write_text("old")
    script = f'ulimit -f 8; exec "{ROOT}/bin/su-labels" export -t eaf --folder . units.jsonl'
    done = subprocess.run(["bash", "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, f"su-labels: {tmp_path}/a.eaf: File too large\n")
    assert sorted(os.listdir(tmp_path)) == ["a.eaf", "units.jsonl"]
    assert (tmp_path / "a.eaf").read_text() == "old"


def test_segments_corrected_in_elan_are_encoded_as_they_now_are(run, corpus, tmp_path):
    good(run("su-labels", "export", "-t", "eaf", "--folder", "elan", corpus["segments.jsonl"], cwd=tmp_path))
    path = sorted((tmp_path / "elan").iterdir())[0]
    eaf = pympi.Eaf(path)
    start, end, name = sorted(eaf.get_annotation_data_for_tier("segments"))[0]
    eaf.remove_annotation("segments", start + 1)
    eaf.add_annotation("segments", start + 100, end, "corrected")
    eaf.to_file(path)
    words = ["import", "--tier", "segments", *sorted((tmp_path / "elan").glob("*.eaf"))]
    found = good(run("su-labels", *words, cwd=tmp_path))
    expected = {
        r["id"]: (r["audio_filepath"], r["offset"], r["duration"]) for r in corpus.records("segments.jsonl")
    }
    audio, offset, duration = expected.pop(name)
    expected["corrected"] = audio, round(offset + 0.1, 6), round(duration - 0.1, 6)
    assert expected == {r["label"]: (r["audio_filepath"], r["offset"], r["duration"]) for r in found.records}
    encoded = run("su-encode", "-m", "mfcc", "--arrays", "features", stdin=found.stdout, cwd=tmp_path)
    assert len(good(encoded).records) == len(expected)


def test_labels_of_praat_and_audacity_are_of_the_recording_of_their_name(run, exported, tmp_path):
    (tmp_path / "audio").mkdir()
    for name in ("a.wav", "b.mp3", "a.TextGrid"):
        (tmp_path / "audio" / name).touch()
    exported("textgrid")
    words = ["import", "--audio", "audio", "--tier", "motifs", "labels/a.TextGrid", "labels/b.TextGrid"]
    found = good(run("su-labels", *words, cwd=tmp_path)).records
    assert found[0] == {
        "id": "a-motifs-00000500-00000560", "audio_filepath": "audio/a.wav",
        "offset": 0.5, "duration": 0.06, "tier": "motifs", "label": "40",
    }  # fmt: skip
    assert [record["audio_filepath"] for record in found] == ["audio/a.wav", "audio/b.mp3"]
    (tmp_path / "a.txt").write_text("1.000000\t2.500000\tçay á\n\\\t100.0\t200.0\n")
    (record,) = good(run("su-labels", "import", "--audio", "audio", "a.txt", cwd=tmp_path)).records
    assert [record[name] for name in ("offset", "duration", "tier", "label")] == [1.0, 1.5, "labels", "çay á"]
    done = run("su-labels", "export", "-t", "audacity", stdin=lines([record]), cwd=tmp_path)
    assert good(done).stdout.decode() == "1.000000\t2.500000\tçay á\n"


@pytest.mark.parametrize(
    ("name", "text", "words", "message"),
    [
        ("a.txt", "0\t1\tx\n", [], "a.txt: the file does not name its recording; use --audio DIR"),
        ("c.txt", "0\t1\tx\n", ["--audio", "."], "c.txt: no recording is named 'c' in ."),
        ("a.txt", "0\t1\tx\n", ["--audio", "."], "a.txt: 2 recordings are named 'a' in .: 'a.mp3', 'a.wav'"),
        ("b.txt", "1\t1\tx\n", ["--audio", "."], "b.txt: tier 'labels' holds points, not intervals"),
        (
            "b.txt",
            "0\t1\tx\n",
            ["--audio", ".", "--tier", "w"],
            "b.txt: there is no tier 'w'; it has 'labels'",
        ),
        ("b.txt", "1\n", ["--audio", "."], "b.txt:1: expected start, end and label, separated by tabs"),
        ("b.txt", "2\t1\tx\n", ["--audio", "."], "b.txt:1: ends at 1.0 s, before it starts at 2.0 s"),
        ("b.doc", "1\n", [], "b.doc: the name must end in one of .TextGrid .eaf .ctm .txt .lab .phn"),
        ("b.txt", "1\t2\tx\n", ["--audio", "nowhere"], "nowhere: No such file or directory"),
    ],
)
def test_labels_that_cannot_be_taken_are_told_of_in_one_line(run, tmp_path, name, text, words, message):
    for other in ("a.wav", "a.mp3", "b.wav"):
        (tmp_path / other).touch()
    (tmp_path / name).write_text(text)
    result = run("su-labels", "import", *words, name, cwd=tmp_path)
    assert (result.status, result.stdout, result.stderr) == (1, b"", f"su-labels: {message}\n")
