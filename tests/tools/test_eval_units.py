"""su-eval units: what it says of units of known worth, how it pairs them with phones, and how it ends."""

import io
import itertools
import json
import math
import re
from collections import Counter

import numpy as np
import pytest
from reference_units import conditional_entropy, edit_distance, matches, phone_at
from sklearn.metrics import mutual_info_score

from units.metrics.names import UNIT_FIGURES

NAMES = ["a", "e", "i", "o", "t", "k", "s"]


def lines(records):
    return b"".join(json.dumps(record).encode() + b"\n" for record in records)


def speech(seed, records=4, phones=40, speakers=2, names=NAMES):
    """Return alignments: random phones of 40 to 120 ms between two silences."""
    generator = np.random.default_rng(seed)
    alignments = []
    for number in range(records):
        time, spans = 0.1, [[0.0, 0.1, "SIL"]]
        for name in generator.choice(names, phones):
            end = round(time + float(generator.integers(4, 13)) / 100, 2)
            spans.append([time, end, str(name)])
            time = end
        spans.append([time, round(time + 0.1, 2), "SIL"])
        alignments.append({"id": f"r{number}", "speaker": f"s{number % speakers}", "phones": spans})
    return alignments


def units_of(alignments, unit):
    """Return records of units: unit(label or None, generator) of each frame of 20 ms."""
    generator = np.random.default_rng(0)
    records = []
    for alignment in alignments:
        frames = int((alignment["phones"][-1][1] - 0.025) / 0.02) + 1
        at = [phone_at(alignment["phones"], i * 0.02 + 0.0125) for i in range(frames)]
        labels = [None if i < 0 else alignment["phones"][i][2] for i in at]
        own = {"id": alignment["id"], "speaker": alignment["speaker"]}
        records.append({**own, "units": [int(unit(label, generator)) for label in labels]})
    return records


def phone_itself(label, _generator):
    return NAMES.index(label) if label in NAMES else 7


def phone_mostly(label, generator):
    return phone_itself(label, generator) if generator.random() < 0.7 else generator.integers(0, 10)


@pytest.fixture
def evaluate(run, tmp_path):
    """Run su-eval units on records and alignments; return its Result."""

    def call(records, alignments, *options, **how):
        (tmp_path / "units.jsonl").write_bytes(lines(records))
        (tmp_path / "phones.jsonl").write_bytes(lines(alignments))
        return run("su-eval", "units", *options, "units.jsonl", "phones.jsonl", cwd=tmp_path, **how)

    return call


def means(result):
    assert result.stderr == ""
    assert result.status == 0
    return {name: figure["mean"] for name, figure in result.records[-1]["summary"].items()}


def speech_without_repeats(seed, **options):
    """Return alignments where no phone follows itself: one long or two short, no unit could tell."""
    alignments = speech(seed, **options)
    for alignment in alignments:
        for before, after in itertools.pairwise(alignment["phones"]):
            if before[2] == after[2]:
                after[2] = NAMES[(NAMES.index(after[2]) + 1) % len(NAMES)]
    return alignments


def test_units_that_are_phones_are_perfect(evaluate):
    alignments = speech_without_repeats(0)
    found = means(evaluate(units_of(alignments, phone_itself), alignments))
    for name in ("pnmi", "phone_purity", "cluster_purity", "mapped_f1"):
        assert found[name] == pytest.approx(1.0), name
    for name in ("boundary_precision", "boundary_recall", "boundary_f1", "boundary_r"):
        assert found[name] == pytest.approx(1.0), name
    for name in ("per", "abx_within", "abx_across", "boundary_os", "dead_units"):
        assert found[name] == 0.0, name


def plain_figures(records, alignments):
    """Return what can be counted one frame, one boundary, one phone at a time."""
    frames, changes, per = [], [0, 0, 0], [0, 0]
    sides = {alignment["id"]: alignment["phones"] for alignment in alignments}
    labels = {}
    for record in records:
        spans = [span for span in sides[record["id"]] if span[2] != "SIL"]
        at = [phone_at(spans, i * 0.02 + 0.0125) for i in range(len(record["units"]))]
        labels[record["id"]] = spans, [None if i < 0 else spans[i][2] for i in at]
        frames += zip(labels[record["id"]][1], record["units"], strict=True)
    speech_frames = [(label, unit) for label, unit in frames if label]
    chosen = {}
    for label, unit in sorted(set(speech_frames)):
        if unit not in chosen or speech_frames.count((label, unit)) > speech_frames.count(
            (chosen[unit], unit)
        ):
            chosen[unit] = label
    for record in records:
        spans, at = labels[record["id"]]
        units = record["units"]
        found = [
            i * 0.02 + 0.0025
            for i in range(1, len(units))
            if units[i] != units[i - 1] and (at[i] or at[i - 1])
        ]
        last = (len(units) - 1) * 0.02 + 0.0125
        reference = sorted({t for start, end, _ in spans for t in (start, end) if 0.0125 < t < last})
        counts = matches(reference, found, 0.02), len(reference), len(found)
        changes = [a + b for a, b in zip(changes, counts, strict=True)]
        said = [label for label, _ in itertools.groupby(span[2] for span in spans)]
        read = [
            x for x, _ in itertools.groupby(chosen[u] for u, label in zip(units, at, strict=True) if label)
        ]
        per = [per[0] + edit_distance(tuple(said), tuple(read)), per[1] + len(said)]
    phones, units = zip(*speech_frames, strict=True)
    every = [record["units"] for record in records]
    single = Counter(unit for _, unit in frames)
    runs = [len(list(run)) for units in every for _, run in itertools.groupby(units)]
    bits = -sum(n / len(frames) * math.log2(n / len(frames)) for n in single.values())
    return {
        "pnmi": mutual_info_score(phones, units) / mutual_info_score(phones, phones),
        "boundary_precision": changes[0] / changes[2],
        "boundary_recall": changes[0] / changes[1],
        "per": per[0] / per[1],
        "entropy": bits,
        "bitrate": 50 * bits,
        "compression": 256_000 / (50 * bits),
        "mean_run": sum(runs) / len(runs),
        "short_runs": runs.count(1) / len(runs),
        "dead_units": max(single) + 1 - len(single),
    }


@pytest.mark.parametrize("seed", [1, 2])
def test_figures_are_those_counted_one_by_one(evaluate, seed):
    alignments = speech(seed)
    records = units_of(alignments, phone_mostly)
    found = means(evaluate(records, alignments, "--no-abx"))
    for name, value in plain_figures(records, alignments).items():
        assert found[name] == pytest.approx(value, abs=1e-6), name


def test_bigram_entropy_of_one_record_is_that_of_its_pairs(evaluate):
    alignments = speech(3, records=1)
    records = units_of(alignments, phone_mostly)
    found = means(evaluate(records, alignments, "--no-abx"))
    assert found["bigram_entropy"] == pytest.approx(conditional_entropy(records[0]["units"]), abs=1e-6)


def test_every_figure_lies_in_its_interval_and_has_its_place(evaluate):
    alignments = speech(4)
    result = evaluate(units_of(alignments, phone_mostly), alignments)
    summary = result.records[-1]["summary"]
    assert list(summary) == [name for name in UNIT_FIGURES if not name.endswith("_features")]
    for figure in summary.values():
        assert figure["low"] <= figure["mean"] <= figure["high"]
    assert [record.get("id") for record in result.records] == ["r0", "r1", "r2", "r3", None]
    assert result.records[-1]["records"] == 4


def test_renaming_units_changes_no_figure_but_the_dead(evaluate):
    alignments = speech(5)
    records = units_of(alignments, phone_mostly)
    first = means(evaluate(records, alignments))
    renamed = [{**record, "units": [3 * unit + 1 for unit in record["units"]]} for record in records]
    second = means(evaluate(renamed, alignments))
    assert second.pop("dead_units") > first.pop("dead_units")
    assert second == pytest.approx(first)


def test_runs_and_frames_give_the_same_bytes(evaluate):
    alignments = speech(6)
    records = units_of(alignments, phone_mostly)
    runs = []
    for record in records:
        pairs = [(unit, len(list(run))) for unit, run in itertools.groupby(record["units"])]
        units, counts = zip(*pairs, strict=True)
        runs.append({**record, "units": units, "counts": counts})
    assert evaluate(runs, alignments).stdout == evaluate(records, alignments).stdout


def test_same_input_same_bytes_whatever_the_jobs(evaluate):
    alignments = speech(7)
    records = units_of(alignments, phone_mostly)
    first = evaluate(records, alignments, "-j1", "--abx-cell", "2")
    assert evaluate(records, alignments, "-j2", "--abx-cell", "2").stdout == first.stdout


def test_noise_knows_nothing_of_phones(evaluate):
    alignments = speech(8, phones=150, names=["a", "e", "i"])
    found = means(evaluate(units_of(alignments, lambda _label, g: g.integers(0, 5)), alignments))
    assert found["pnmi"] < 0.03
    assert found["abx_within"] == pytest.approx(0.5, abs=0.1)


def test_worse_units_are_worse_in_every_figure_of_phones(evaluate):
    alignments = speech(9, records=8)
    better = means(evaluate(units_of(alignments, phone_mostly), alignments))
    worse = means(
        evaluate(
            units_of(alignments, lambda n, g: phone_itself(n, g) if g.random() < 0.3 else g.integers(10)),
            alignments,
        )
    )
    for name in ("pnmi", "phone_purity", "cluster_purity", "boundary_precision", "boundary_r", "mapped_f1"):
        assert worse[name] < better[name], name
    for name in ("per", "abx_within", "abx_across", "entropy", "short_runs"):
        assert worse[name] > better[name], name


def test_one_unit_for_all_has_no_compression_and_tells_nothing(evaluate):
    alignments = speech(10)
    found = means(evaluate(units_of(alignments, lambda *_: 3), alignments, "--units", "100"))
    assert found["pnmi"] == pytest.approx(0.0, abs=1e-12)
    assert found["entropy"] == found["bitrate"] == found["boundary_recall"] == 0.0
    assert found["abx_within"] == 0.5
    assert found["dead_units"] == 99
    assert not {"compression", "boundary_precision"} & set(found)


def test_of_one_phone_there_is_nothing_to_tell(evaluate):
    found = means(evaluate([{"id": "a", "units": [1, 2] * 10}], [{"id": "a", "phones": [[0, 1, "a"]]}]))
    assert found["phone_purity"] == 1.0
    assert not {"pnmi", "abx_within", "abx_across", "boundary_recall"} & set(found)


def test_of_silence_only_the_stream_itself_is_measured(evaluate):
    result = evaluate([{"id": "a", "units": [1, 2] * 10}], [{"id": "a", "phones": [[0, 1, "SIL"]]}])
    assert set(means(result)) == {
        "entropy", "bigram_entropy", "bitrate", "compression", "mean_run", "short_runs", "dead_units"
    }  # fmt: skip
    assert set(result.records[0]) == {"id", "mean_run", "short_runs"}


def test_a_record_of_no_frames_has_no_figures(evaluate):
    result = evaluate([{"id": "a", "units": []}], [{"id": "a", "phones": [[0, 1, "a"]]}])
    assert result.records[0] == {"id": "a"}
    assert means(result) == {"dead_units": 0}


def test_no_records_have_no_figures(evaluate):
    assert evaluate([], speech(0)).records == [{"summary": {}, "records": 0}]


def test_silence_is_what_the_user_says_it_is(evaluate):
    records = [{"id": "a", "units": [1, 1, 1, 2, 2, 2]}]
    alignments = [{"id": "a", "phones": [[0, 0.06, "q"], [0.06, 0.12, "a"]]}]
    assert means(evaluate(records, alignments))["pnmi"] == pytest.approx(1.0)
    assert "pnmi" not in means(evaluate(records, alignments, "--silence", "q h#"))


def test_segments_are_judged_where_they_stand_in_their_recording(run, tmp_path):
    whole = [unit for unit in range(20) for _ in range(5)]
    (tmp_path / "ch 1.phn").write_text("".join(f"{n * 1600} {(n + 1) * 1600} p{n}\n" for n in range(20)))
    segments = [
        {
            "id": f"ch 1-{n}",
            "audio_filepath": "audio/ch 1.mp3",
            "offset": n / 2,
            "duration": 0.5,
            "units": whole[n * 25 : n * 25 + 25],
        }
        for n in range(4)
    ]
    result = run("su-eval", "units", "-", "ch 1.phn", stdin=lines(segments), cwd=tmp_path)
    found = means(result)
    assert found["pnmi"] == pytest.approx(1.0)
    assert found["per"] == 0.0
    assert result.records[-1]["records"] == 4


def test_units_with_no_alignment_are_a_fault_and_an_alignment_with_no_units_is_none(evaluate):
    alignments = speech(11)
    records = units_of(alignments, phone_mostly)
    result = evaluate(records, alignments[:1] + alignments[2:])
    assert (result.status, result.stdout) == (1, b"")
    assert result.stderr == "su-eval: units.jsonl:2: there is no alignment of 'r1'\n"
    assert evaluate(records[:2], alignments).records[-1]["records"] == 2


def test_keep_going_leaves_out_what_has_no_alignment_and_says_so(evaluate):
    alignments = speech(12)
    records = units_of(alignments, phone_mostly)
    result = evaluate(records, alignments[1:], "--keep-going")
    assert result.status == 1
    assert result.stderr.splitlines()[-1] == "su-eval: 1 of 4 records skipped"
    assert result.records[-1]["records"] == 3


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"units": None}, '"units" must be a list'),
        ({"counts": [1]}, '"units" but 1 "counts"'),
        ({"id": "r0"}, "\"id\" 'r0' occurs twice"),
        ({"frame_shift": 0}, '"frame_shift" must be a number'),
        ({"speaker": 5}, '"speaker" must be a'),
    ],
)
def test_a_bad_record_is_told_with_its_place(evaluate, change, message):
    alignments = speech(13)
    records = units_of(alignments, phone_mostly)
    records[1] |= change
    result = evaluate(records, alignments)
    assert (result.status, result.stdout) == (1, b"")
    assert result.stderr.startswith("su-eval: units.jsonl:2: ")
    assert message in result.stderr
    assert result.stderr.count("\n") == 1


def test_gates_say_every_figure_that_failed_when_the_output_is_whole(evaluate):
    alignments = speech(14)
    records = units_of(alignments, phone_itself)
    result = evaluate(records, alignments, "--at-least", "pnmi=0.5", "--at-most", "per=0.1")
    assert (result.status, result.stderr) == (0, "")
    gates = ("--at-most", "pnmi=0.5", "--at-least", "per=0.1", "--at-least", "abx_across_features=0.1")
    result = evaluate(records, alignments, *gates)
    assert result.status == 1
    assert result.stderr == (
        "su-eval: pnmi is 1, above 0.5; per is 0, below 0.1; abx_across_features could not be computed\n"
    )
    assert result.records[-1]["records"] == 4


@pytest.mark.parametrize("gate", ["mcd=7", "pnmi", "pnmi=", "pnmi=nan", "pnmi=x", "=1", "pnmi=inf"])
def test_a_gate_that_could_never_be_checked_is_wrong_usage(evaluate, gate):
    result = evaluate([], [], "--at-most", gate)
    assert (result.status, result.stdout) == (2, b"")


def with_features(records, seed=0, scale=0.1):
    """Return records of 10 ms features: a direction for each phone, and noise."""
    generator = np.random.default_rng(seed)
    out = []
    for record in records:
        units = np.repeat(record["units"], 2)
        frames = np.eye(8)[units] + scale * generator.normal(size=(len(units), 8))
        out.append(({"id": record["id"], "features": "-", "frame_shift": 0.01}, frames.astype(np.float32)))
    return out


def inline(pairs):
    file = io.BytesIO()
    for record, frames in pairs:
        file.write(json.dumps(record).encode() + b"\n")
        np.lib.format.write_array(file, frames)
    return file.getvalue()


@pytest.mark.parametrize("distance", ["angular", "cosine"])
def test_features_get_an_abx_of_their_own_from_a_pipe(evaluate, distance):
    alignments = speech_without_repeats(15, records=6)
    records = units_of(alignments, phone_itself)
    options = ("--features", "-", "--distance", distance)
    clean = means(evaluate(records, alignments, *options, stdin=inline(with_features(records))))
    noisy = means(evaluate(records, alignments, *options, stdin=inline(with_features(records, scale=2.0))))
    for name in ("abx_within_features", "abx_across_features"):
        assert clean[name] < 0.1
        assert noisy[name] > clean[name] + 0.1
    assert noisy["abx_within"] == clean["abx_within"] == 0.0


def test_features_in_files_give_the_same_as_from_a_pipe(evaluate, tmp_path):
    alignments = speech(16, records=6)
    records = units_of(alignments, phone_itself)
    pairs = with_features(records, scale=2.0)
    piped = evaluate(records, alignments, "--features", "-", stdin=inline(pairs))
    for number, (record, frames) in enumerate(pairs):
        np.save(tmp_path / f"{number}.npy", frames)
        record["features"] = f"{number}.npy"
    (tmp_path / "features.jsonl").write_bytes(lines(record for record, _ in reversed(pairs)))
    assert evaluate(records, alignments, "--features", "features.jsonl").stdout == piped.stdout


def test_records_with_no_features_are_told(evaluate):
    alignments = speech(17)
    records = units_of(alignments, phone_itself)
    result = evaluate(records, alignments, "--features", "-", stdin=inline(with_features(records)[:2]))
    assert (result.status, result.stdout) == (1, b"")
    assert result.stderr == "su-eval: -: there are no features of 'r2' and 1 more\n"


def test_standard_input_is_read_once(run):
    result = run("su-eval", "units", "-", "-", stdin=b"")
    assert result.status == 2
    assert "only one file can be standard input" in result.stderr


def test_an_output_file_is_whole_or_not_there(evaluate, tmp_path):
    alignments = speech(18)
    records = units_of(alignments, phone_mostly)
    assert evaluate(records, alignments[:1], "-o", "figures.jsonl").status == 1
    assert not (tmp_path / "figures.jsonl").exists()
    assert evaluate(records, alignments, "-o", "figures.jsonl").stdout == b""
    assert json.loads((tmp_path / "figures.jsonl").read_bytes().splitlines()[-1])["records"] == 4


def test_features_of_some_records_only_or_given_twice_are_told_with_keep_going_too(evaluate):
    alignments = speech(19)
    records = units_of(alignments, phone_itself)
    pairs = with_features(records)
    lacking = evaluate(records, alignments, "--keep-going", "--features", "-", stdin=inline(pairs[:2]))
    told = "su-eval: -: there are no features of 'r2' and 1 more; the ABX of features leaves them out"
    assert (lacking.status, lacking.stderr.splitlines()[0]) == (1, told)
    assert "abx_within_features" in lacking.records[-1]["summary"]
    twice = evaluate(records, alignments, "--features", "-", stdin=inline([pairs[0], *pairs]))
    assert (twice.status, twice.stderr) == (1, "su-eval: -:2: \"id\" 'r0' occurs twice\n")


def test_units_of_two_codebooks_are_not_measured_together(evaluate):
    alignments = speech(20)
    records = units_of(alignments, phone_itself)
    records[0]["codebook"], records[1]["codebook"] = "aaaa", "bbbb"
    result = evaluate(records, alignments, "--no-abx")
    assert (
        result.stderr
        == "su-eval: units.jsonl:2: these units have codebook bbbb, but an earlier record has codebook aaaa\n"
    )
    del records[1]["codebook"]
    result = evaluate(records, alignments, "--no-abx")
    told = "su-eval: 3 of 4 records name no codebook; their units are assumed to have codebook aaaa\n"
    assert (result.status, result.stderr) == (0, told)


def test_a_unit_beyond_the_size_of_the_codebook_is_an_error(evaluate):
    records = [{"id": "a", "units": [1, 2]}, {"id": "b", "units": [1, 8]}]
    alignments = [{"id": name, "phones": [[0, 1, "a"]]} for name in "ab"]
    result = evaluate(records, alignments, "--units", "3")
    assert (result.status, result.stderr) == (
        1,
        "su-eval: units.jsonl:2: unit 8 is too large: --units 3 has units 0 to 2\n",
    )


def test_that_there_is_no_abx_across_unknown_speakers_is_told(evaluate):
    alignments = speech(21, records=2)
    records = units_of(alignments, phone_itself)
    for record in records:
        del record["speaker"]
    told = "su-eval: no record names a speaker; all are counted as one speaker, so there is no abx_across\n"
    result = evaluate(records, alignments)
    assert (result.status, result.stderr) == (0, told)
    assert evaluate(records, alignments, "--no-abx").stderr == ""


def test_phones_that_are_late_as_a_whole_are_reported_and_can_be_moved(run, tmp_path):
    random = np.random.default_rng(0)
    units, alignments = [], []
    for number in range(30):
        sounds, lengths = random.integers(0, 8, 25), random.integers(3, 9, 25)
        edges = (np.concatenate([[0], np.cumsum(lengths)]) * 0.02 + 0.06).tolist()
        labels = ["abcdefgh"[sound] for sound in sounds]
        phones = [list(span) for span in zip(edges[:-1], edges[1:], labels, strict=True)]
        units.append({"id": str(number), "units": np.repeat(sounds, lengths).tolist()})
        alignments.append({"id": str(number), "phones": phones})
    for name, records in (("units", units), ("alignments", alignments)):
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    words = ["units", "--no-abx", tmp_path / "units.jsonl", tmp_path / "alignments.jsonl"]
    result = run("su-eval", *words)
    assert result.status == 0
    assert re.search(r"seem to be 0\.0[56] s late as a whole: PNMI would be 1\.000", result.stderr)
    assert re.search(r"with --label-shift -0\.0[56]\n", result.stderr)
    moved = run("su-eval", *words, "--label-shift", "-0.06")
    assert (moved.status, moved.stderr) == (0, "")
    summaries = [json.loads(each.stdout.splitlines()[-1])["summary"] for each in (result, moved)]
    before, after = (summary["pnmi"]["mean"] for summary in summaries)
    assert after > 0.99 and before < 0.5
