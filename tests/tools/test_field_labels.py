"""Labels that field linguists have: from ELAN, Praat, Audacity and aligners, moved between computers."""

import json
import os
import warnings

import numpy as np
import pympi
import pytest
import soundfile

from units.labels.alignments import read_alignment_files, read_alignments, read_tiers
from units.labels.ctm import read_ctm
from units.labels.elan import read_eaf
from units.labels.elan_media import read_media
from units.labels.lines import read_audacity, read_lab
from units.labels.matching import phones_of
from units.labels.media import Folder
from units.labels.names import Named
from units.labels.textgrid import read_textgrid
from units.metrics.aligned import align
from units.metrics.names import SILENCE
from units.records import InputError, InputWarning

NFC, NFD = "\u00e9", "e\u0301"
TYPES = {  # {LINGUISTIC_TYPE_ID: CONSTRAINTS}
    "top": None,
    "time": "Time_Subdivision",
    "inside": "Included_In",
    "division": "Symbolic_Subdivision",
    "association": "Symbolic_Association",
}


def medium(url="file:///C:/corpus/story.wav", relative="./story.wav", kind="audio/x-wav", **more):
    attributes = {"MEDIA_URL": url, "RELATIVE_MEDIA_URL": relative, "MIME_TYPE": kind, **more}
    return "<MEDIA_DESCRIPTOR " + " ".join(f'{name}="{value}"' for name, value in attributes.items()) + "/>"


def tier(name, kind, annotations, parent=None):
    """A tier of (id, from, to, value), or (id, parent, None, value) and maybe the id of the one before."""
    lines = []
    for own, start, end, value, *previous in annotations:
        places = f'TIME_SLOT_REF1="{start}" TIME_SLOT_REF2="{end}"' if end else f'ANNOTATION_REF="{start}"'
        places += f' PREVIOUS_ANNOTATION="{previous[0]}"' if previous else ""
        tag = "ALIGNABLE_ANNOTATION" if end else "REF_ANNOTATION"
        text = f"<ANNOTATION_VALUE>{value}</ANNOTATION_VALUE>"
        lines.append(f'<ANNOTATION><{tag} ANNOTATION_ID="{own}" {places}>{text}</{tag}></ANNOTATION>')
    parent = f' PARENT_REF="{parent}"' if parent else ""
    return f'<TIER TIER_ID="{name}" LINGUISTIC_TYPE_REF="{kind}"{parent}>{"".join(lines)}</TIER>'


def write_elan(path, media=None, tiers=None, slots=(("t1", 1000), ("t2", 2000)), units="milliseconds"):
    tiers = [tier("ref", "top", [("a1", "t1", "t2", "story.001")])] if tiers is None else tiers
    order = "".join(
        f'<TIME_SLOT TIME_SLOT_ID="{name}"' + ("/>" if value is None else f' TIME_VALUE="{value}"/>')
        for name, value in slots
    )
    types = "".join(
        f'<LINGUISTIC_TYPE LINGUISTIC_TYPE_ID="{name}"' + (f' CONSTRAINTS="{kind}"/>' if kind else "/>")
        for name, kind in TYPES.items()
    )
    path.write_text(
        '<?xml version="1.0" encoding="UTF-8"?>\n<ANNOTATION_DOCUMENT FORMAT="3.0">'
        f'<HEADER MEDIA_FILE="" TIME_UNITS="{units}">{medium() if media is None else media}</HEADER>'
        f"<TIME_ORDER>{order}</TIME_ORDER>{''.join(tiers)}{types}</ANNOTATION_DOCUMENT>",
        encoding="utf-8",
    )
    return str(path)


def reported(function, *arguments):
    """Return what a function returns and the lines that it reports."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        value = function(*arguments)
    return value, [str(line.message) for line in caught if issubclass(line.category, InputWarning)]


def skipped(read, path):
    """Return what a reader returns if it may skip bad labels, and their errors without the folder."""
    faults = []
    found = read(str(path), faults.append)
    return found, [str(fault).replace(os.path.dirname(str(path)) + "/", "") for fault in faults]


# -- times of ELAN


def test_time_origin_is_added_to_the_times(run, tmp_path):
    write_elan(tmp_path / "origin.eaf", medium(TIME_ORIGIN="3000"))
    (tmp_path / "story.wav").touch()
    (record,) = run("su-labels", "import", "origin.eaf", cwd=tmp_path).records
    assert (record["offset"], record["duration"]) == (4.0, 1.0)
    assert read_alignments(str(tmp_path / "origin.eaf"))[0][1] == [[4.0, 5.0, "story.001"]]


def test_each_recording_has_its_own_time_origin(tmp_path):
    media = medium(relative="./a.wav", url="a.wav", TIME_ORIGIN="500") + medium(
        relative="./b.wav", url="b.wav", TIME_ORIGIN="7000"
    )
    path = write_elan(tmp_path / "x.eaf", media)
    (tmp_path / "b.wav").touch()
    assert read_media(path)[1] == 7.0
    tiers, lines = reported(read_eaf, path)
    assert tiers["ref"] == [[8.0, 9.0, "story.001"]]
    assert lines == [f"{path}: its recordings start at different times; used the TIME_ORIGIN of 'b.wav'"]


def test_what_a_negative_origin_puts_before_the_recording_is_a_fault(tmp_path):
    path = write_elan(tmp_path / "x.eaf", medium(TIME_ORIGIN="-1500"))
    found, faults = skipped(read_eaf, path)
    message = "x.eaf: tier 'ref': 'story.001' starts at -0.5 s, before the recording"
    assert (found, faults) == ({"ref": []}, [message])


def test_a_symbolic_association_has_the_times_of_its_parent_through_any_depth(run, tmp_path):
    tiers = [
        tier("gloss", "association", [("a3", "a2", None, "g")], "tx"),  # before its parent
        tier("tx", "association", [("a2", "a1", None, "oyambi")], "ref"),
        tier("ref", "top", [("a1", "t1", "t2", "story.001")]),
    ]
    write_elan(tmp_path / "symbolic.eaf", tiers=tiers)
    (tmp_path / "story.wav").touch()
    result = run("su-labels", "import", "--tier", "tx", "--tier", "gloss", "symbolic.eaf", cwd=tmp_path)
    assert (result.status, result.stderr) == (0, "")
    assert [(r["tier"], r["offset"], r["duration"], r["label"]) for r in result.records] == [
        ("tx", 1.0, 1.0, "oyambi"),
        ("gloss", 1.0, 1.0, "g"),
    ]


def test_a_symbolic_subdivision_divides_its_parent_evenly_in_the_order_of_the_chain(tmp_path):
    words = [("w3", "a1", None, "c", "w2"), ("w1", "a1", None, "a"), ("w2", "a1", None, "b", "w1")]
    morphs = [("m1", "w2", None, "b1"), ("m2", "w2", None, "b2", "m1")]
    tiers = [
        tier("ref", "top", [("a1", "t1", "t2", "x")]),
        tier("words", "division", words, "ref"),
        tier("morphs", "division", morphs, "words"),
    ]
    found = read_eaf(write_elan(tmp_path / "x.eaf", tiers=tiers))
    assert found["words"] == [[1.0, 1.333, "a"], [1.333, 1.666, "b"], [1.666, 2.0, "c"]]
    assert found["morphs"] == [[1.333, 1.499, "b1"], [1.499, 1.666, "b2"]]


def test_time_slots_without_a_time_lie_evenly_between_those_that_have_one_on_tiers_of_tiers(tmp_path):
    slots = [("t1", 1000), ("u1", None), ("v1", None), ("u2", None), ("t2", 2000), ("t3", 3000), ("t4", 4000)]
    tiers = [  # the child first: its edge u1 has the time that the parent's tier gives it
        tier("morphs", "time", [("m1", "u1", "v1", "b1"), ("m2", "v1", "u2", "b2")], "words"),
        tier(
            "words",
            "time",
            [("w1", "t1", "u1", "a"), ("w2", "u1", "u2", "b"), ("w3", "u2", "t2", "c")],
            "ref",
        ),
        tier("ref", "top", [("a1", "t1", "t2", "x"), ("a2", "t3", "t4", "y")]),
        tier("notes", "inside", [("n1", "t3", "t4", "n")], "ref"),
    ]
    found = read_eaf(write_elan(tmp_path / "x.eaf", tiers=tiers, slots=slots))
    assert found["words"] == [[1.0, 1.333, "a"], [1.333, 1.666, "b"], [1.666, 2.0, "c"]]
    assert found["morphs"] == [[1.333, 1.499, "b1"], [1.499, 1.666, "b2"]]
    assert found["notes"] == [[3.0, 4.0, "n"]]


def test_pympi_gives_symbolic_annotations_the_same_times(tmp_path):
    eaf = pympi.Eaf(author="")
    eaf.add_linguistic_type("sym", "Symbolic_Association", timealignable=False)
    eaf.add_tier("ref")
    eaf.add_tier("tx", "sym", "ref")
    for start in (100, 900, 1500):
        eaf.add_annotation("ref", start, start + 400, "r")
        eaf.add_ref_annotation("tx", "ref", start + 1, f"at {start}")
    eaf.to_file(str(tmp_path / "x.eaf"))
    theirs = sorted(pympi.Eaf(str(tmp_path / "x.eaf")).get_ref_annotation_data_for_tier("tx"))
    ours = [
        [round(1000 * start), round(1000 * end), label]
        for start, end, label in read_eaf(tmp_path / "x.eaf")["tx"]
    ]
    assert ours == [list(span[:3]) for span in theirs]


def test_annotations_without_times_are_faults_each_and_not_the_whole_file(tmp_path):
    tiers = [
        tier("ref", "top", [("a1", "t1", "t2", "x"), ("a2", "t1", "nowhere", "y")]),
        tier("tx", "association", [("b1", "b2", None, "round"), ("b2", "b1", None, "and round")], "ref"),
    ]
    found, faults = skipped(read_eaf, write_elan(tmp_path / "x.eaf", tiers=tiers))
    assert found == {"ref": [[1.0, 2.0, "x"]], "tx": []}
    assert faults == [
        "x.eaf: annotation a2 has no times",
        "x.eaf: annotation b1 refers to annotation b2, which has no times",
        "x.eaf: annotation b2 refers to annotation b1, which has no times",
    ]


def test_two_elan_tiers_of_one_name_are_both_there(tmp_path):
    tiers = [tier("a", "top", [("a1", "t1", "t2", "x")]), tier("a", "top", [("a2", "t1", "t2", "y")])]
    assert list(read_eaf(write_elan(tmp_path / "x.eaf", tiers=tiers))) == ["a", "a (2)"]


def test_an_elan_file_that_counts_frames_of_video_is_refused(tmp_path):
    path = write_elan(tmp_path / "x.eaf", units="PAL-frames")
    with pytest.raises(InputError, match="times must be in milliseconds, not in PAL-frames"):
        read_eaf(path)


def test_a_tier_that_is_not_taken_is_told_of_as_it_is(run, tmp_path):
    tiers = [tier("ref", "top", [("a1", "t1", "t2", "x")]), tier("tx", "association", [], "ref")]
    write_elan(tmp_path / "x.eaf", tiers=tiers)
    write_elan(tmp_path / "y.eaf")
    (tmp_path / "story.wav").touch()
    result = run("su-labels", "import", "--tier", "tx", "x.eaf", cwd=tmp_path)
    assert (result.status, result.stderr) == (1, "su-labels: x.eaf: tier 'tx' has no labels\n")
    result = run("su-labels", "import", "--tier", "tx", "y.eaf", "x.eaf", cwd=tmp_path)
    fault = "x.eaf: tier 'tx' has no labels; 1 other file has no labels on it either"
    assert (result.status, result.stderr) == (1, f"su-labels: {fault}\n")
    result = run("su-labels", "import", "--tier", "nope", "x.eaf", cwd=tmp_path)
    assert result.stderr == "su-labels: x.eaf: there is no tier 'nope'; it has 'ref', 'tx' (empty)\n"
    result = run("su-labels", "import", "--tier", "ref", "--tier", "tx", "x.eaf", cwd=tmp_path)
    assert (result.status, len(result.records)) == (1, 1)


def test_a_file_that_lacks_a_tier_that_others_have_is_reported(run, tmp_path):
    write_elan(tmp_path / "x.eaf")
    write_elan(tmp_path / "y.eaf", tiers=[tier("other", "top", [("a1", "t1", "t2", "x")])])
    (tmp_path / "story.wav").touch()
    result = run("su-labels", "import", "--tier", "ref", "x.eaf", "y.eaf", cwd=tmp_path)
    assert (result.status, len(result.records)) == (0, 1)
    assert result.stderr == "su-labels: y.eaf: there is no tier 'ref'; it has 'other'; skipped\n"


# -- media of ELAN


@pytest.mark.parametrize(
    ("media", "there", "found"),
    [
        (medium(relative="file:/./story.wav"), ["story.wav"], "story.wav"),
        (medium(relative="file:///./story.wav"), ["story.wav"], "story.wav"),
        (medium(relative="../wav/story.wav"), ["story.wav"], "story.wav"),
        (medium(relative="file:/C:/corpus/story.wav"), ["story.wav"], "story.wav"),
        (medium("C:\\corpus\\story.wav", ""), ["story.wav"], "story.wav"),
        (medium("file:///D:/corpus/Story.WAV", "./Story.WAV"), ["story.wav"], "story.wav"),
        (medium(relative="./Wav/story.wav"), ["wav/story.wav", "story.wav"], "story.wav"),
        (medium(relative="./Wav/story.wav"), ["wav/story.wav"], "wav/story.wav"),
        (medium(relative="..\\eaf\\wav\\story.wav"), ["wav/story.wav"], "wav/story.wav"),
        (medium("file://server/share/story.wav", ""), ["story.wav"], "story.wav"),
        (medium("https://archive.example/x/story.wav", ""), ["story.wav"], "story.wav"),
        (medium("file:///C:/a%20story%231.wav", ""), ["a story#1.wav"], "a story#1.wav"),
        (medium("file:///C:/a%20b.wav", ""), ["a b.wav", "a%20b.wav"], "a%20b.wav"),
        (medium(f"file:///C:/{NFC}.wav", ""), [NFD + ".wav"], NFD + ".wav"),
        (medium(f"file:///C:/{NFC}.wav", ""), [NFD + ".wav", NFC + ".wav"], NFC + ".wav"),
        (medium("s.mp4", "./s.mp4", "video/mp4") + medium(), ["story.wav"], "story.wav"),
        (medium("s.mp4", "./s.mp4", "video/mp4") + medium(), ["s.mp4", "story.wav"], "story.wav"),
        (medium(url="s.mp4", relative="", kind="") + medium(kind=""), ["s.mp4", "story.wav"], "story.wav"),
    ],
)  # fmt: skip
def test_a_recording_is_found_where_elan_finds_it(tmp_path, monkeypatch, media, there, found):
    for name in there:
        (tmp_path / "eaf" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "eaf" / name).touch()
    write_elan(tmp_path / "eaf" / "x.eaf", media)
    monkeypatch.chdir(tmp_path)
    answer, lines = reported(read_media, "eaf/x.eaf")
    assert (answer, lines) == ((f"eaf/{found}", 0.0), [])


def test_the_whole_path_of_a_recording_goes_first_and_one_elsewhere_is_named_by_it(tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    for name in ("story.wav", "here/story.wav"):
        (tmp_path / name).touch()
    write_elan(tmp_path / "here" / "x.eaf", medium(f"file://{tmp_path}/story.wav"))
    monkeypatch.chdir(tmp_path / "here")
    answer, lines = reported(read_media, "x.eaf")
    assert answer == (f"{tmp_path}/story.wav", 0.0)
    assert lines == [
        f"x.eaf: used '{tmp_path}/story.wav', its MEDIA_URL, not 'story.wav', its RELATIVE_MEDIA_URL"
    ]


def test_what_saymore_writes_is_read(run, tmp_path):
    (tmp_path / "story.wav").touch()
    tiers = [
        tier("Transcription", "top", [("a1", "t1", "t2", "oyambi")]),
        tier("Phrase Free Translation", "association", [("a2", "a1", None, "it")], "Transcription"),
    ]
    write_elan(tmp_path / "story.wav.annotations.eaf", medium("story.wav", ""), tiers)
    result = run("su-labels", "import", "story.wav.annotations.eaf", cwd=tmp_path)
    assert (result.status, result.stderr) == (0, "")
    assert [(r["tier"], r["offset"], r["audio_filepath"]) for r in result.records] == [
        ("Transcription", 1.0, "story.wav"),
        ("Phrase Free Translation", 1.0, "story.wav"),
    ]


def test_a_recording_that_is_nowhere_is_an_error_that_says_where_it_was_sought(run, tmp_path):
    write_elan(tmp_path / "x.eaf", medium(relative="../wav/story.wav"))
    result = run("su-labels", "import", "x.eaf", cwd=tmp_path)
    sought = "'/C:/corpus/story.wav' and '../wav/story.wav' and 'story.wav'"
    message = f"its recording was not found; searched at {sought}"
    assert (result.status, result.stdout, result.stderr) == (1, b"", f"su-labels: x.eaf: {message}\n")


@pytest.mark.parametrize(
    ("media", "there", "message"),
    [
        (
            medium() + medium("b.wav", ""),
            ["story.wav", "b.wav"],
            "names 2 recordings; used the first, 'story.wav', not 'b.wav'",
        ),
        (medium() + medium("b.mp4", "", "video/mp4"), ["b.mp4"], "'story.wav' does not exist; used 'b.mp4'"),
    ],
)  # fmt: skip
def test_a_choice_among_recordings_is_reported(run, tmp_path, media, there, message):
    for name in there:
        (tmp_path / name).touch()
    write_elan(tmp_path / "x.eaf", media)
    result = run("su-labels", "import", "x.eaf", cwd=tmp_path)
    assert (result.status, result.stderr) == (0, f"su-labels: x.eaf: {message}\n")


def test_names_that_differ_in_case_alone_are_ambiguous(tmp_path):
    for name in ("story.wav", "STORY.wav"):
        (tmp_path / name).touch()
    if len(os.listdir(tmp_path)) < 2:
        pytest.skip("a file system that does not tell cases apart")
    with pytest.raises(InputError, match=r"'Story.WAV' may be 'STORY.wav' or 'story.wav'"):
        read_media(write_elan(tmp_path / "x.eaf", medium(relative="Story.WAV", url="Story.WAV")))


def test_in_a_folder_the_name_that_elan_gives_wins_and_else_its_stem(run, tmp_path):
    audio = tmp_path / "audio"
    audio.mkdir()
    for name in ("story.mp4", "story.wav", "story.pdf", "other.mp3"):
        (audio / name).touch()
    write_elan(tmp_path / "story.eaf")
    write_elan(tmp_path / "o.eaf", medium("file:///C:/other.wav", "", TIME_ORIGIN="1000"))
    result = run("su-labels", "import", "--audio", "audio", "story.eaf", "o.eaf", cwd=tmp_path)
    assert (result.status, result.stderr) == (0, "")
    found = [(record["audio_filepath"], record["offset"]) for record in result.records]
    assert found == [("audio/story.wav", 1.0), ("audio/other.mp3", 2.0)]
    result = run("su-labels", "import", "--audio", ".", "story.eaf", cwd=tmp_path)
    assert result.stderr == "su-labels: story.eaf: no recording is named 'story' in .\n"


# -- recordings by name


@pytest.mark.parametrize(
    ("there", "stem", "found", "line"),
    [
        ([NFD + ".flac"], NFC, NFD + ".flac", None),
        ([NFC + ".flac"], NFD, NFC + ".flac", None),
        ([NFC + ".flac", NFD + ".flac"], NFD, NFD + ".flac", None),
        (["s.wav", "s.mp4"], "s", "s.wav", "used 's.wav' for 's', not 's.mp4'"),
        (["s.wav", "s.pdf", "s.pfsx", "s.eaf", "s.TextGrid"], "s", "s.wav", None),
        (["s.raw8k"], "s", "s.raw8k", None),
        (["s.wav", "s.mp3"], "s.wav", "s.wav", None),
    ],
)
def test_a_recording_in_a_folder_is_found_by_its_name(tmp_path, there, stem, found, line):
    (tmp_path / "s").mkdir()
    for name in there:
        (tmp_path / name).touch()
    path, lines = reported(Folder(str(tmp_path)).find, stem)
    assert path == str(tmp_path / found)
    assert lines == ([] if line is None else [f"{tmp_path}: {line}"])


def test_labels_and_recordings_match_if_one_name_is_decomposed(run, tmp_path):
    (tmp_path / "audio").mkdir()
    (tmp_path / "audio" / f"{NFD}.flac").touch()
    (tmp_path / f"{NFC}.txt").write_text("0.5\t1.5\tx\n")
    result = run("su-labels", "import", "--audio", "audio", f"{NFC}.txt", cwd=tmp_path)
    assert (result.status, result.stderr) == (0, "")
    assert result.records[0]["audio_filepath"] == f"audio/{NFD}.flac"


def test_alignments_are_found_by_id_and_stem_in_any_normalization():
    phones = [[0.0, 1.0, "a"]]
    for record in ({"id": NFD}, {"id": "x", "audio_filepath": f"audio/{NFD}.wav"}):
        assert phones_of(record, Named({NFC: phones})) == phones
    assert phones_of({"id": NFC}, Named({NFD: [], NFC: phones})) == phones
    with pytest.raises(InputError, match="differs only in Unicode normalization from"):
        phones_of({"id": "\u1e69"}, Named({"s\u0323\u0307": [], "s\u0307\u0323": []}))


def test_phones_stand_where_the_record_of_their_id_does_in_any_normalization(run):
    records = [
        {"id": NFD, "audio_filepath": "a.wav", "offset": 2.0, "duration": 1.0},
        {"id": NFC, "phones": [[0.0, 0.5, "a"]]},
    ]
    stdin = "".join(json.dumps(record) + "\n" for record in records).encode()
    found = run("su-labels", "export", "-t", "json", stdin=stdin).records[-1]
    assert (found["audio_filepath"], found["start"]) == ("a.wav", 2.0)


def test_a_tier_is_found_by_its_name_in_any_normalization(tmp_path):
    path = write_elan(
        tmp_path / "x.eaf", tiers=[tier(NFD, "top", [("a1", "t1", "t2", "x")]), tier("b", "top", [])]
    )
    assert read_alignments(path, NFC) == [("x", [[1.0, 2.0, "x"]])]


# -- Praat


def textgrid(*tiers, end=30):
    """A TextGrid in short form: tiers are (class, name, rows)."""
    rows = [f'"{kind}"\n"{name}"\n0\n{end}\n{len(rows)}\n' + "\n".join(rows) for kind, name, rows in tiers]
    head = f'File type = "ooTextFile"\nObject class = "TextGrid"\n\n0\n{end}\n<exists>\n{len(tiers)}\n'
    return head + "\n".join(rows) + "\n"


POINTS = ("TextTier", "tones", ['1.5\n"H"', '2.5\n"L"'])
WORDS = ("IntervalTier", "words", ['0\n1\n""', '1\n2\n"oyambi"', '2\n30\n""'])


def test_a_tier_of_points_is_told_of_and_not_taken(run, tmp_path):
    (tmp_path / "p.flac").touch()
    (tmp_path / "p.TextGrid").write_text(textgrid(POINTS))
    why = "p.TextGrid: tier 'tones' holds points, not intervals"
    for words in ([], ["--tier", "tones"]):
        result = run("su-labels", "import", "--audio", ".", *words, "p.TextGrid", cwd=tmp_path)
        assert (result.status, result.stderr) == (1, f"su-labels: {why}\n")
    (tmp_path / "p.TextGrid").write_text(textgrid(POINTS, WORDS))
    result = run("su-labels", "import", "--audio", ".", "p.TextGrid", cwd=tmp_path)
    assert (result.status, result.stderr) == (0, f"su-labels: {why}; skipped\n")
    assert [record["label"] for record in result.records] == ["oyambi"]
    path = str(tmp_path / "p.TextGrid")
    assert read_alignments(path) == [("p", [[0.0, 1.0, ""], [1.0, 2.0, "oyambi"], [2.0, 30.0, ""]])]
    with pytest.raises(InputError, match="tier 'tones' holds points"):
        read_alignments(path, "tones")


def test_a_file_without_labels_is_reported(run, tmp_path):
    (tmp_path / "p.flac").touch()
    (tmp_path / "p.TextGrid").write_text(textgrid(("IntervalTier", "words", ['0\n30\n""'])))
    result = run("su-labels", "import", "--audio", ".", "p.TextGrid", cwd=tmp_path)
    assert (result.status, result.stdout, result.stderr) == (0, b"", "su-labels: p.TextGrid: no labels\n")


def test_times_just_outside_the_recording_are_put_inside_and_can_be_encoded(run, tmp_path):
    soundfile.write(tmp_path / "story.wav", np.zeros(16000 * 6), 16000)
    rows = ['-0.00001\n3\n"a"', '3\n6.003\n"b"']
    (tmp_path / "story.TextGrid").write_text(textgrid(("IntervalTier", "p", rows)))
    result = run("su-labels", "import", "--audio", ".", "story.TextGrid", cwd=tmp_path)
    assert (result.status, result.stderr) == (0, "")
    assert [(r["offset"], r["duration"]) for r in result.records] == [(0.0, 3.0), (3.0, 3.0)]
    encoded = run("su-encode", "-m", "mfcc", "--arrays", "f", stdin=result.stdout, cwd=tmp_path)
    assert (encoded.status, encoded.stderr) == (0, "")


def test_times_far_outside_the_recording_are_faults_or_cut_with_a_line(run, tmp_path):
    soundfile.write(tmp_path / "s.wav", np.zeros(16000 * 6), 16000)
    rows = ['-0.5\n1\n"a"', '1\n5\n"b"', '5\n8\n"c"', '8\n9\n"d"']
    (tmp_path / "s.TextGrid").write_text(textgrid(("IntervalTier", "p", rows)))
    result = run("su-labels", "import", "--keep-going", "--audio", ".", "s.TextGrid", cwd=tmp_path)
    assert [(r["label"], r["offset"], r["duration"]) for r in result.records] == [("b", 1, 4), ("c", 5, 1)]
    assert (result.status, result.stderr.splitlines()) == (
        1,
        [
            "su-labels: s.TextGrid:13: tier 'p': 'a' starts at -0.5 s, before the recording",
            "su-labels: s.TextGrid: tier 'p': 'c' was cut at 6.0 s, the end of ./s.wav",
            "su-labels: s.TextGrid: tier 'p': 'd' starts at 8.0 s, after the end of ./s.wav at 6.000 s",
            "su-labels: 2 of 4 records skipped",
        ],
    )


def test_a_textgrid_is_read_in_utf_16_without_a_mark_and_in_latin_1_which_is_reported(tmp_path):
    content = textgrid(("IntervalTier", "p", ['0\n1\n"ã"']))
    path = str(tmp_path / "x.TextGrid")
    for encoding in ("utf-16-le", "utf-16-be", "latin-1"):
        (tmp_path / "x.TextGrid").write_bytes(content.encode(encoding))
        found, lines = reported(read_textgrid, path)
        assert found == {"p": [[0.0, 1.0, "ã"]]}
        assert lines == ([f"{path}: not UTF-8 at byte 100; read as Latin-1"] if encoding == "latin-1" else [])


def test_records_of_labels_have_ids_of_their_own(run, tmp_path):
    (tmp_path / "a.wav").touch()
    (tmp_path / "a.txt").write_text("0\t1\tx\n0\t1\ty\n")
    result = run("su-labels", "import", "--audio", ".", "a.txt", cwd=tmp_path)
    ids = [record["id"] for record in result.records]
    assert ids == ["a-labels-00000000-00001000", "a-labels-00000000-00001000-2"]


# -- Audacity


def test_a_point_among_regions_is_reported_and_the_regions_are_taken(run, tmp_path):
    (tmp_path / "story.flac").touch()
    (tmp_path / "story.txt").write_text("0.5\t1.5\toyambi\n\\\t100\t200\n2.0\t2.0\tpoint\n2.5\t3.5\tasi\n")
    result = run("su-labels", "import", "--audio", ".", "story.txt", cwd=tmp_path)
    line = "story.txt: tier 'labels': 'point' at 2.0 s has no duration; skipped"
    assert (result.status, result.stderr) == (0, f"su-labels: {line}\n")
    assert [record["label"] for record in result.records] == ["oyambi", "asi"]


@pytest.mark.parametrize(
    ("name", "text", "fault"),
    [
        ("s.txt", "0\t1\ta\n3\t2\tbad\n4\t5\tb\n", "s.txt:2: ends at 2.0 s, before it starts at 3.0 s"),
        (
            "s.txt",
            "0\t1\ta\nnothing\n4\t5\tb\n",
            "s.txt:2: expected start, end and label, separated by tabs",
        ),
        ("s.ctm", "s 1 0 1 a\ns 1 nan 1 bad\ns 1 4 1 b\n", "s.ctm:2: expected times, not 'nan 1'"),
        (
            "s.phn",
            "0 16000 a\n1 bad\n64000 80000 b\n",
            "s.phn:2: expected start sample, end sample and label, not 2 fields",
        ),
        (
            "s.TextGrid",
            textgrid(("IntervalTier", "p", ['0\n1\n"a"', '3\n2\n"bad"', '4\n5\n"b"'])),
            "s.TextGrid:16: tier 'p': 'bad' ends at 2.0 s, before it starts at 3.0 s",
        ),
    ],
)
def test_one_bad_label_is_the_error_or_with_keep_going_skipped_and_counted(run, tmp_path, name, text, fault):
    (tmp_path / "s.wav").touch()
    (tmp_path / name).write_text(text)
    result = run("su-labels", "import", "--audio", ".", name, cwd=tmp_path)
    assert (result.status, result.stdout, result.stderr) == (1, b"", f"su-labels: {fault}\n")
    result = run("su-labels", "import", "--keep-going", "--audio", ".", name, cwd=tmp_path)
    assert [(r["label"], r["offset"], r["duration"]) for r in result.records] == [("a", 0, 1), ("b", 4, 1)]
    assert (result.status, result.stderr) == (1, f"su-labels: {fault}\nsu-labels: 1 of 3 records skipped\n")


def test_labels_of_old_and_of_foreign_audacity_are_read(tmp_path):
    (tmp_path / "x.txt").write_bytes("0,5\t1,5\tá\r\n2,0\tpoint\r\n3\t4\r\n".encode("utf-16"))
    found = read_audacity(str(tmp_path / "x.txt"))
    assert found == [[0.5, 1.5, "á"], [2.0, 2.0, "point"], [3.0, 4.0, ""]]


def test_after_a_bad_line_of_a_lab_the_next_phone_has_no_start(tmp_path):
    (tmp_path / "x.lab").write_text("#\n0.5 125 a\nbad 125 b\n1.5 125 c\n2.0 125 d\n")
    found, faults = skipped(read_lab, tmp_path / "x.lab")
    assert found == [[0.0, 0.5, "a"], [1.5, 2.0, "d"]]
    assert [fault[:8] for fault in faults] == ["x.lab:3:", "x.lab:4:"]


# -- CTM


NIST = """;; CTM of four speakers
call A 0.00 0.50 one 0.99 lex ana
call B 0.30 0.50 two 0.98 lex NA
call A 1.00 0.25 three 0.97 lex ana
solo 1 0.00 0.10 four 0.9
"""


def test_a_ctm_of_nist_tells_channels_and_speakers(tmp_path):
    (tmp_path / "x.ctm").write_text(NIST)
    assert read_ctm(str(tmp_path / "x.ctm")) == [
        ("call", {"labels": [[0.0, 0.5, "one"], [1.0, 1.25, "three"]]}, {"speaker": "ana", "channel": 0}),
        ("call", {"labels": [[0.3, 0.8, "two"]]}, {"channel": 1}),
        ("solo", {"labels": [[0.0, 0.1, "four"]]}, {}),
    ]


def test_channels_survive_import_and_export(run, tmp_path):
    (tmp_path / "x.ctm").write_text(NIST)
    for name in ("call.wav", "solo.wav"):
        (tmp_path / name).touch()
    imported = run("su-labels", "import", "--audio", ".", "x.ctm", cwd=tmp_path)
    assert (imported.status, imported.stderr) == (0, "")
    assert [record.get("channel") for record in imported.records] == [0, 0, 1, None]
    exported = run("su-labels", "export", "-t", "ctm", stdin=imported.stdout, cwd=tmp_path).stdout.decode()
    assert [line.split()[:2] for line in exported.splitlines()] == [
        ["call", "1"],
        ["call", "1"],
        ["call", "2"],
        ["solo", "1"],
    ]
    found = run("su-labels", "export", "-t", "json", stdin=imported.stdout, cwd=tmp_path).records
    assert [record.get("channel") for record in found] == [0, 0, 1, None]


def test_phones_of_a_channel_belong_to_records_of_that_channel(tmp_path):
    (tmp_path / "x.ctm").write_text(NIST)
    alignments = read_alignment_files([str(tmp_path / "x.ctm")])
    assert phones_of({"id": "call", "channel": 1}, alignments) == [[0.3, 0.8, "two"]]
    for record, message in (
        ({"id": "call"}, 'its alignment has 2 channels, but the record has no "channel"'),
        ({"id": "call", "channel": 2}, "no alignment of channel 2, counted from 0"),
    ):
        with pytest.raises(InputError, match=message):
            phones_of(record, alignments)


@pytest.mark.parametrize(
    ("channels", "expected"),
    [("1", [None]), ("A", [None]), ("0", [None]), ("2", [1]), ("b", [1]), ("01", [0, 1]), ("12", [0, 1])],
)
def test_channels_are_counted_from_0(tmp_path, channels, expected):
    (tmp_path / "x.ctm").write_text("".join(f"x {channel} 0 1 a\n" for channel in channels))
    assert [labels.fields.get("channel") for labels in read_ctm(str(tmp_path / "x.ctm"))] == expected


def test_the_first_of_alternatives_is_taken_and_reported(tmp_path):
    marks = ["<ALT_BEGIN>", "<ALT>", "<ALT_END>"]
    lines = ["x 1 0 1 a", "x 1 * * %s", "x 1 1 1 b", "x 1 * * %s", "x 1 1 .5 c", "x 1 1.5 .5 d", "x 1 * * %s"]
    path = tmp_path / "x.ctm"
    path.write_text("\n".join(lines) % tuple(marks) + "\nx 1 3 1 e\n")
    (labels,), reports = reported(read_ctm, str(path))
    assert [label for *_, label in labels.tiers["labels"]] == ["a", "b", "e"]
    assert reports == [f"{path}: took the first of its alternatives; lines skipped: 2"]
    path.write_text("x 1 * * <ALT_BEGIN>\nx 1 0 1 a\n")
    with pytest.raises(InputError, match="<ALT_BEGIN> without <ALT_END>"):
        read_ctm(str(path))


def test_a_label_that_a_ctm_cannot_hold_is_reported(run):
    record = {"id": "a", "duration": 0.5, "tier": "gloss", "label": ""}
    result = run("su-labels", "export", "-t", "ctm", stdin=json.dumps(record).encode() + b"\n")
    assert result.stderr == "su-labels: a: empty labels are left out, because a CTM cannot hold them\n"


# -- silence


@pytest.mark.parametrize("label", ["sil", "sp", "spn", "<eps>", "SIL", "", "<p:>", "_", "pau", "h#", "****"])
def test_silence_and_noise_of_aligners_are_no_phones(label):
    assert label in (*SILENCE, "")
    assert align({"id": "a", "units": [1, 2]}, [[0.0, 0.02, label], [0.02, 0.1, "a"]]).spans == [
        [0.02, pytest.approx(0.045), "a"]
    ]


def test_the_webmaus_tier_of_phones_is_found(tmp_path):
    tiers = [("IntervalTier", name, [f'0\n1\n"{name}"']) for name in ("ORT-MAU", "KAN-MAU", "MAU")]
    (tmp_path / "x.TextGrid").write_text(textgrid(*tiers))
    assert read_alignments(str(tmp_path / "x.TextGrid")) == [("x", [[0.0, 1.0, "MAU"]])]
    assert [labels.id for labels in read_tiers(str(tmp_path / "x.TextGrid"))] == ["x"]


@pytest.mark.parametrize("label", ["spn", "<eps>", "<p:>"])
def test_units_score_the_same_whatever_an_aligner_calls_silence(run, tmp_path, label):
    records = [{"id": "a", "units": [1, 1, 2, 2, 3, 3]}]
    figures = []
    for name in ("sil", label):
        phones = [[0.0, 0.04, "a"], [0.04, 0.08, name], [0.08, 0.13, "b"]]
        (tmp_path / "phones.jsonl").write_text(json.dumps({"id": "a", "phones": phones}) + "\n")
        stdin = "".join(json.dumps(record) + "\n" for record in records).encode()
        figures.append(run("su-eval", "units", "--no-abx", "-", "phones.jsonl", stdin=stdin, cwd=tmp_path))
    assert figures[0].status == 0 and figures[0].records == figures[1].records


def test_units_without_any_phone_and_without_a_speaker_are_reported(run, tmp_path):
    records = [
        {
            "id": "a",
            "audio_filepath": "x.wav",
            "offset": 0.0,
            "duration": 0.1,
            "units": [1, 2],
            "speaker": "ana",
        },
        {"id": "b", "audio_filepath": "x.wav", "offset": 5.0, "duration": 0.1, "units": [1, 2]},
    ]
    (tmp_path / "u.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    (tmp_path / "x.ctm").write_text("x 1 0 0.05 a\nbad\nx 1 0.05 0.05 b\n")
    result = run("su-eval", "units", "--keep-going", "--no-abx", "u.jsonl", "x.ctm", cwd=tmp_path)
    assert (result.status, result.stderr.splitlines()) == (
        1,
        [
            "su-eval: x.ctm:2: expected 5 to 8 fields (recording, channel, start, duration, label), not 1",
            "su-eval: u.jsonl:2: the alignment has no phones in 'b'",
            "su-eval: 1 of 2 records name no speaker; they are counted as one more speaker",
            "su-eval: 1 of 3 records skipped",
        ],
    )


def test_one_recording_of_a_ctm_that_is_not_there_does_not_lose_the_others(run, tmp_path):
    (tmp_path / "s.wav").touch()
    (tmp_path / "c.ctm").write_text("gone 1 0 1 x\ns 1 0 1 y\n")
    result = run("su-labels", "import", "--keep-going", "--audio", ".", "c.ctm", cwd=tmp_path)
    assert [record["label"] for record in result.records] == ["y"]
    lines = ["su-labels: c.ctm: no recording is named 'gone' in .", "su-labels: 1 of 2 records skipped"]
    assert (result.status, result.stderr.splitlines()) == (1, lines)


@pytest.mark.parametrize(("kind", "suffix"), [("textgrid", "TextGrid"), ("eaf", "eaf")])
def test_each_channel_of_a_file_has_its_own_tier_and_import_knows_the_channel(run, tmp_path, kind, suffix):
    soundfile.write(tmp_path / "talk.wav", np.zeros((32000, 2)), 16000)
    records = [
        {"id": f"talk-{c}", "audio_filepath": "talk.wav", "offset": 0.0, "channel": c, "units": [c + 1] * 50}
        for c in (0, 1)
    ]
    records.append({"id": "talk", "audio_filepath": "talk.wav", "units": [5] * 50})
    stdin = "".join(json.dumps(record) + "\n" for record in records).encode()
    result = run("su-labels", "export", "-t", kind, "--folder", "labels", stdin=stdin, cwd=tmp_path)
    assert (result.status, result.stderr) == (0, "")
    words = ("import", "--audio", ".", f"labels/talk.{suffix}")
    found = run("su-labels", *words, cwd=tmp_path)
    tiers = [(record["tier"], record.get("channel"), record["label"]) for record in found.records]
    assert tiers == [("units, channel 0", 0, "1"), ("units, channel 1", 1, "2"), ("units", None, "5")]
    run("su-labels", "export", "-t", kind, "--folder", "again", stdin=found.stdout, cwd=tmp_path)
    again = run("su-labels", *words[:-1], f"again/talk.{suffix}", cwd=tmp_path)
    assert again.stdout == found.stdout


def test_audacity_gets_a_track_for_each_channel(run, tmp_path):
    records = [
        {"id": name, "audio_filepath": "talk.wav", "offset": 0.0, "channel": c, "units": [c]}
        for c, name in enumerate("ab")
    ]
    stdin = "".join(json.dumps(record) + "\n" for record in records).encode()
    run("su-labels", "export", "-t", "audacity", "--folder", "labels", stdin=stdin, cwd=tmp_path)
    names = ["talk.units, channel 0.txt", "talk.units, channel 1.txt"]
    assert sorted(os.listdir(tmp_path / "labels")) == names
