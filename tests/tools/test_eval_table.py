"""su-eval table: runs side by side, and their paired differences."""

import csv
import io
import json

import pytest

from units.metrics.bootstrap import interval, summarize
from units.metrics.runs import Run, difference, notes, read_run
from units.records import InputError


def run_of(figures, **pooled):
    """Return what su-eval writes of {id: {figure: value}}, and of figures of the whole run."""
    names = dict.fromkeys(name for own in figures.values() for name in own)
    summary = summarize(list(figures.values()), names)
    summary |= {name: {"mean": value, "low": value, "high": value} for name, value in pooled.items()}
    records = [{"id": key, "units": [1], "offset": 3.5, **own} for key, own in figures.items()]
    return [*records, {"summary": summary, "records": len(records)}]


A = run_of({"1": {"mcd": 6.0, "stoi": 0.8}, "2": {"mcd": 8.0, "stoi": 0.6}}, pnmi=0.4)
B = run_of({"2": {"mcd": 7.0}, "1": {"mcd": 5.5}, "3": {"mcd": 1.0}}, pnmi=0.5)


@pytest.fixture
def folder(tmp_path):
    for name, records in (("a", A), ("b", B)):
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    return tmp_path


def test_text_shows_means_with_intervals_and_differences_of_pairs(run, folder):
    result = run("su-eval", "table", "a.jsonl", "b.jsonl", cwd=folder)
    told = "only 2 of 3 records are in both a and b: differences use these, means use all records of a run"
    assert (result.status, result.stderr) == (0, f"su-eval: {told}\n")
    assert result.stdout.decode() == (
        "figure           a               b               b - a\n"
        "MCD, dB (mcd) ↓  7 [6, 8]        4.5 [1, 7]      -0.75 [-1, -0.5]\n"
        "STOI (stoi) ↑    0.7 [0.6, 0.8]  -               -\n"
        "PNMI (pnmi) ↑    0.4 [0.4, 0.4]  0.5 [0.5, 0.5]  -\n"
        "\n"
        "↑ higher is better, ↓ lower is better; in brackets: 95 % intervals.\n"
        "- a: only 2 records; the intervals are narrower than they should be.\n"
        "- b: only 3 records; the intervals are narrower than they should be.\n"
        "- b: the intervals of mcd are wide; measure more records.\n"
    )


@pytest.mark.parametrize(
    ("figures", "note"),
    [
        ({"dead_units": 3}, "a: 3 units never occur; PNMI and purity depend on the number of units."),
        (
            {"abx_within": 0.1},
            "a: there is no ABX across speakers, so nothing is known about other speakers.",
        ),
    ],
)
def test_a_figure_that_should_not_be_trusted_has_a_note(figures, note):
    many = {str(number): {"mcd": 6.0} for number in range(30)}
    summary = {name: {"mean": value, "low": value, "high": value} for name, value in figures.items()}
    assert notes(Run("a", summary, many)) == [note]
    assert notes(Run("a", {}, many)) == []


def test_markdown_is_a_table_whatever_the_files_are_called(run, folder):
    (folder / "a.jsonl").rename(folder / "odd|name.jsonl")
    result = run("su-eval", "table", "odd|name.jsonl", "--format", "markdown", cwd=folder)
    assert result.stdout.decode().splitlines() == [
        r"| figure | odd\|name |",
        "| --- | --- |",
        "| MCD, dB (mcd) ↓ | 7 [6, 8] |",
        "| STOI (stoi) ↑ | 0.7 [0.6, 0.8] |",
        "| PNMI (pnmi) ↑ | 0.4 [0.4, 0.4] |",
        "",
        "↑ higher is better, ↓ lower is better; in brackets: 95 % intervals.",
        "- odd|name: only 2 records; the intervals are narrower than they should be.",
    ]


def test_the_folder_that_all_runs_are_in_is_not_said_again_in_every_head(run, folder):
    heads = run("su-eval", "table", folder / "a.jsonl", folder / "b.jsonl").stdout.decode().splitlines()[0]
    assert heads.endswith("  b - a")
    runs = (folder / "one/s.jsonl", folder / "only/s.jsonl")
    for name, path in zip("ab", runs, strict=True):
        path.parent.mkdir()
        (folder / f"{name}.jsonl").rename(path)
    heads = run("su-eval", "table", *runs).stdout.decode().splitlines()[0]
    assert heads.endswith("  only - one")
    heads = run("su-eval", "table", "--format=csv", *runs).stdout.decode().splitlines()[0]
    assert heads.startswith(f"figure,{runs[0]} mean,")


def test_csv_has_every_number_in_full_and_three_runs_side_by_side(run, folder):
    third = json.dumps({"summary": {"mcd": {"mean": 1 / 3, "low": 0.25, "high": 0.5}}, "records": 0})
    result = run(
        "su-eval", "table", "--format=csv", "a.jsonl", "b.jsonl", "-", stdin=third.encode(), cwd=folder
    )
    head, mcd, *_ = csv.reader(io.StringIO(result.stdout.decode()))
    row = dict(zip(head, mcd, strict=True))
    assert head[:2] == ["figure", "a.jsonl mean"] and len(head) == 1 + 3 * 5
    assert (row["- mean"], row["- low"], row["- high"]) == (repr(1 / 3), "0.25", "0.5")
    assert row["b.jsonl - a.jsonl mean"] == "-0.75"
    assert row["- - a.jsonl mean"] == ""


def test_a_difference_is_of_pairs_so_hard_records_do_not_hide_it():
    hard = {str(i): {"mcd": 5.0 + i} for i in range(20)}
    better = {key: {"mcd": own["mcd"] - 0.1 - 0.001 * int(key)} for key, own in hard.items()}
    first, other = Run("a", {}, hard), Run("b", {}, better)
    found = difference(first, other, "mcd")
    assert found["high"] < -0.1 and found["mean"] == pytest.approx(-0.1095)
    assert interval([own["mcd"] for own in hard.values()])["low"] < 14 - 0.11  # apart, nothing could be said


def test_a_run_without_its_summary_is_not_compared(run, folder):
    cut = (folder / "a.jsonl").read_text().splitlines()[:-1]
    (folder / "cut.jsonl").write_text("\n".join(cut) + "\n")
    result = run("su-eval", "table", "a.jsonl", "cut.jsonl", cwd=folder)
    assert result.status == 1
    assert (
        result.stderr
        == "su-eval: cut.jsonl: the summary at the end is missing; this is not complete output of su-eval\n"
    )


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('{"summary": 3}', ":1: .summary. is not an object"),
        ('{"summary": {"mcd": 3}}', ":1: 'mcd' must have"),
        ('{"summary": {"mcd": {"mean": 1, "low": 1, "high": null}}}', ":1: 'mcd' must have"),
        ('{"id": "1"}\n{"id": "1"}\n{"summary": {}}', ":2: .id. is missing or occurs twice"),
        ('{"id": ["1"]}\n{"summary": {}}', ":1: .id. is missing or occurs twice"),
        ('{"summary": {}}\n{"id": "1"}', ":2: there is a record after the summary"),
        ("", ": the summary at the end is missing"),
    ],
)
def test_what_su_eval_did_not_write_is_told(tmp_path, text, told):
    (tmp_path / "run.jsonl").write_text(text)
    with pytest.raises(InputError, match=told):
        read_run(str(tmp_path / "run.jsonl"))


def test_runs_with_no_record_in_common_are_told(run, folder):
    other = run_of({"4": {"mcd": 7.0}})
    (folder / "c.jsonl").write_text("".join(json.dumps(record) + "\n" for record in other))
    result = run("su-eval", "table", "a.jsonl", "c.jsonl", cwd=folder)
    told = "a and c have no records in common, so there are no differences"
    assert (result.status, result.stderr) == (0, f"su-eval: {told}\n")
    assert run("su-eval", "table", "a.jsonl", "a.jsonl", cwd=folder).stderr == ""
