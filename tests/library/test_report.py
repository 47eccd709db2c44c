"""The pages of su-eval --html: what stands in them, and how they behave in a browser."""

import base64
import hashlib
import html
import itertools
import json
import math
import re
from configparser import ConfigParser
from fnmatch import fnmatch
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st
from speechlike import phrase

from units.cli import eval_html
from units.files.text import visible
from units.metrics.aligned import align
from units.metrics.figures import SPEECH as FIGURES
from units.metrics.figures import UNITS as UNIT_FIGURES
from units.metrics.figures import written
from units.metrics.phones import AlignedCorpus
from units.records import InputError
from units.report import clusters, listening
from units.report.page import page, text
from units.report.speech import ranking, speech_page
from units.report.tables import MOST_ROWS, PAGE_ROWS
from units.report.units import units_page

ROOT = Path(__file__).parent.parent.parent
ODD = ["<b>&\"'</script>", "🔴 ÊXODO 📖 (a Saída)", "two\nlines", "\u202egnp", "plain"]
NOISE = (0.3, 0.001, 0.03, 0.01, 0.1)


class Outline(HTMLParser):
    """Elements of a page, each with its attributes, and whether every one that opens is closed."""

    VOID = frozenset(("meta", "link", "img", "input", "br"))

    def __init__(self, source):
        super().__init__()
        self.elements, self._open, self.text = [], [], {}
        self.feed(source)
        assert not self._open, self._open

    def handle_starttag(self, tag, attributes):
        names = [name for name, _ in attributes]
        assert len(names) == len(set(names)), (tag, names)
        self.elements.append((tag, dict(attributes)))
        if tag not in self.VOID:
            self._open.append(tag)

    def handle_endtag(self, tag):
        assert self._open.pop() == tag, tag

    def handle_data(self, data):
        if self._open:
            self.text[self._open[-1]] = self.text.get(self._open[-1], "") + data

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture(scope="module")
def pages(run, tmp_path_factory):
    """A page of each kind, as the tools write them."""
    folder = tmp_path_factory.mktemp("pages")
    rng = np.random.default_rng(0)
    lines = {"ref": [], "syn": [], "units": []}
    for number, (name, level) in enumerate(zip(ODD, NOISE, strict=True)):
        samples = phrase(22.0 if number == 3 else 1.5, number)
        noisy = samples + level * rng.standard_normal(len(samples)).astype(np.float32)
        for kind, wave in (("ref", samples), ("syn", noisy)):
            soundfile.write(folder / f"{kind}{number}.wav", wave, 16000)
        frames = rng.integers(0, 9, 70).tolist()
        phones = [[0.0, 0.5, "a<"], [0.5, 1.0, "$x_{"], [1.0, 1.4, "SIL"]]
        lines["ref"].append({"id": name, "audio_filepath": str(folder / f"ref{number}.wav")})
        lines["syn"].append({"id": name, "audio_filepath": str(folder / f"syn{number}.wav"), "units": frames,
                             "phones": phones})  # fmt: skip
        lines["units"].append({"id": name, "units": frames, "phones": phones})
    for kind, records in lines.items():
        (folder / f"{kind}.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    speech = ("speech", "ref.jsonl", "syn.jsonl", "--metrics", "log_mel", "-j1", "-o", "o.jsonl")
    units = ("units", "units.jsonl", "units.jsonl", "--no-abx", "-o", "u.jsonl")
    for arguments in ((*speech, "--html", "speech.html"), (*units, "--html", "units.html")):
        done = run("su-eval", *arguments, cwd=folder)
        assert (done.status, done.stdout, done.stderr) == (0, b"", "")
    return folder


def open_page(browser, path, **settings):
    browser.complaints.clear()
    browser.requests.clear()
    browser.open(path, **settings)


@pytest.mark.parametrize("kind", ["speech", "units"])
def test_a_page_is_whole_and_described_and_asks_nothing_of_a_network(pages, kind):
    outline = Outline((pages / f"{kind}.html").read_text())
    assert outline.all("html")[0]["lang"] == "en"
    assert all(image["alt"] for image in outline.all("img"))
    assert all(head["scope"] for head in outline.all("th"))
    ids = [attributes["id"] for _, attributes in outline.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    addresses = [
        value for _, each in outline.elements for key, value in each.items() if key in ("src", "href")
    ]
    assert all(address.startswith("data:") or address[1:] in ids for address in addresses)
    assert not any(key.startswith("on") or key == "style" for _, each in outline.elements for key in each)


def test_the_policy_lets_in_nothing_but_the_style_and_script_of_the_page():
    outline = Outline(page("message.html", "a title", message=""))
    policy = next(each["content"] for each in outline.all("meta") if "http-equiv" in each)
    assert "default-src 'none'" in policy and "http" not in policy and "unsafe" not in policy
    for tag in ("style", "script"):
        digest = base64.b64encode(hashlib.sha256(outline.text[tag].encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy


@pytest.mark.parametrize(
    ("names", "title"),
    [
        (["s.jsonl", "r.jsonl"], "s.jsonl against r.jsonl"),
        (["u.jsonl", *(f"labels/{i}.lab" for i in range(620))], "u.jsonl against 0.lab and 619 more"),
        (["-", "r.jsonl"], "standard input against r.jsonl"),
    ],
)
def test_the_title_names_few_files_however_many_were_read(names, title):
    with eval_html.create_report(eval_html.UnitsReport, names, None, None) as report:
        assert report.title == title


def test_names_are_shown_and_never_become_markup(pages):
    for kind in ("speech", "units"):
        source = (pages / f"{kind}.html").read_text()
        assert not Outline(source).all("b")
        assert all(text(name) in source for name in ODD)


@given(st.text(st.characters()))
def test_any_name_can_be_written_and_read_back(value):
    shown = text(value)
    assert html.unescape(shown) == visible(value)
    assert not set(shown) & set("<>\"'\n\0")
    shown.encode()


@pytest.mark.parametrize("kind", ["speech", "units"])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_a_page_opens_without_complaint_at_a_desk_and_on_a_phone(pages, browser, tmp_path, kind, dark):
    path = pages / f"{kind}.html"
    if browser is None:
        source = path.read_text()
        assert "prefers-color-scheme: dark" in source and 'name="viewport"' in source
        return
    for width in (1280, 390):
        open_page(browser, path, width=width, dark=dark)
        assert browser.complaints == []
        assert {url.split(":")[0] for url in browser.requests} <= {"file", "data"}
        assert browser.requests.count(f"file://{path}") == 1
        assert browser.evaluate("[...document.images].every(image => image.naturalWidth > 0)")
        assert browser.evaluate("document.documentElement.scrollWidth <= innerWidth")
    browser.screenshot(tmp_path / "seen.png")
    from matplotlib.image import imread

    brightness = imread(tmp_path / "seen.png")[..., :3].mean()
    assert brightness < 0.35 if dark else brightness > 0.65


def column(browser, table, number):
    cells = f"document.querySelectorAll('{table} tbody tr')"
    return browser.evaluate(f"[...{cells}].map(row => row.children[{number}].textContent)")


def test_a_click_or_a_key_sorts_the_table_by_any_column(pages, browser):
    path = pages / "speech.html"
    if browser is None:
        assert 'aria-sort="none"><button' in path.read_text()
        return
    open_page(browser, path)
    head = "document.querySelectorAll('#recordings th button')"
    browser.evaluate(f"{head}[1].click()")
    rising = [float(value) for value in column(browser, "#recordings", 1)]
    assert rising == sorted(rising) and len(rising) == len(ODD)
    assert browser.evaluate(f"{head}[1].parentNode.ariaSort") == "ascending"
    browser.evaluate(f"{head}[1].focus()")
    browser.press("Enter")
    assert [float(value) for value in column(browser, "#recordings", 1)] == rising[::-1]
    browser.evaluate(f"{head}[0].click()")
    assert browser.evaluate(f"{head}[1].parentNode.ariaSort") == "none"
    assert set(column(browser, "#recordings", 0)) == set(map(visible, ODD))
    browser.evaluate("document.querySelector('#recordings input').value = 'êxodo'")
    browser.evaluate("document.querySelector('#recordings input').dispatchEvent(new Event('input'))")
    assert column(browser, "#recordings", 0) == [ODD[1]]


def test_the_recordings_of_a_page_play(pages, browser):
    path = pages / "speech.html"
    if browser is None:
        assert all("controls" in audio for audio in Outline(path.read_text()).all("audio"))
        return
    open_page(browser, path)
    heard = "document.querySelectorAll('audio')[{}]"
    for number in (0, 1):
        sound = heard.format(number)
        browser.evaluate(f"{sound}.play()")
        browser.until(f"{sound}.currentTime > 0.1")
        browser.evaluate(f"{sound}.pause()")
    lengths = browser.evaluate("[...document.querySelectorAll('audio')].map(sound => sound.duration)")
    assert lengths == pytest.approx([1.5] * 6, abs=0.01)
    assert browser.complaints == []


def test_original_and_resynthesis_play_in_step_and_change_places_where_they_are(pages, browser):
    path = pages / "speech.html"
    if browser is None:
        assert len(re.findall('class="player" role="group"', path.read_text())) == 3
        return
    open_page(browser, path)
    browser.evaluate("document.querySelector('.play').focus()")
    browser.press("Enter")
    browser.until("players[0].position > 0.2")
    gains = "players[0].gains.map(gain => Math.round(gain.gain.value))"
    browser.until(f"JSON.stringify({gains}) === '[1,0]'")
    browser.press("b")
    assert browser.evaluate("players[0].position") > 0.2
    browser.until(f"JSON.stringify({gains}) === '[0,1]'")
    browser.press("Enter")
    assert browser.evaluate("players[0].sources === null && playing === null")
    browser.evaluate("players[0].seek(1.0)")
    assert browser.evaluate("document.querySelector('output.time').textContent") == "1.0 / 1.5 s"
    browser.evaluate("document.querySelectorAll('.play')[0].click()")
    browser.until("players[0].sources !== null")
    browser.evaluate("document.querySelectorAll('.play')[1].click()")
    browser.until("players[1].sources !== null && players[0].sources === null")
    browser.until("players[1].position === players[1].seconds && players[1].sources === null")
    assert browser.complaints == []


def big_page(count):
    rng = np.random.default_rng(0)
    rows = [(f"{n:05}", {"mcd": mcd} if n else {}) for n, mcd in enumerate(rng.uniform(3, 9, count).tolist())]
    return speech_page("many", {"mcd": {"mean": 6.0, "low": 5.9, "high": 6.1}}, rows, {})


def test_a_page_of_ten_thousand_records_opens_sorts_and_turns_its_leaves(browser, tmp_path):
    source = big_page(10_000)
    assert len(source) < 1_000_000
    assert len(re.findall("<tr>", source)) < PAGE_ROWS + 5
    if browser is None:
        return
    (tmp_path / "big.html").write_text(source)
    open_page(browser, tmp_path / "big.html")
    press = "document.querySelector('#recordings {}').click()".format
    browser.evaluate(press("th.number button"))
    assert column(browser, "#recordings", 1)[0] == "3.00"
    browser.evaluate(press(".back"))
    for _ in range(10_000 // PAGE_ROWS - 1):
        browser.evaluate(press(".next"))
    assert column(browser, "#recordings", 1)[-1] == "–"  # what is missing comes last
    browser.evaluate(press("th.number button"))
    values = column(browser, "#recordings", 1)
    assert values[0] == "9.00" and len(values) == PAGE_ROWS
    assert browser.complaints == []


def test_beyond_the_rows_that_a_page_keeps_it_says_so():
    source = big_page(MOST_ROWS + 1)
    assert f"Only the first {MOST_ROWS:,} of {MOST_ROWS + 1:,} rows are in this page" in source


def test_the_same_figures_and_sounds_make_the_same_bytes():
    samples = phrase(1.0, 5)
    example = listening.Example("a", "best", {"mcd": 5.0}, samples, samples, 1.0, [(0.0, 1.0, 7)])
    summary, rows = {"mcd": {"mean": 5.0, "low": 5.0, "high": 5.0}}, [("a", {"mcd": 5.0})]
    first, second = (speech_page("t", summary, rows, {0: example}) for _ in range(2))
    assert first == second


def test_recordings_without_speech_make_a_page_too():
    for pair in ((np.zeros(0), np.zeros(0)), (np.zeros(16000), np.zeros(1))):
        original, resynthesis = (samples.astype(np.float32) for samples in pair)
        example = listening.Example("a", "best", {}, original, resynthesis, 0.0)
        Outline(speech_page("t", {"mcd": {"mean": 1, "low": 1, "high": 1}}, [("a", {})], {0: example}))
    Outline(speech_page("t", {}, [], {}))


def test_of_a_long_recording_the_first_20_seconds_are_kept(pages):
    records = [json.loads(line) for line in (pages / "syn.jsonl").read_text().splitlines()]
    assert len(listening.beginning(records[3])) == 20 * 16000
    assert len(listening.beginning({**records[3], "offset": 1.0, "duration": 20.5})) == 20 * 16000
    assert len(listening.beginning({**records[3], "offset": 21.0})) == 16000
    assert len(listening.flac(np.zeros(20 * 16000))) < 20 * 32000


@given(st.lists(st.none() | st.floats(0, 9), max_size=40), st.integers(0, 9), st.sampled_from([1, -1]))
def test_examples_run_from_the_best_to_the_worst(values, count, better):
    chosen = listening.choose(values, count, better)
    known = [value for value in values if value is not None]
    assert len({index for index, _ in chosen}) == len(chosen) == min(count, len(known))
    merits = [better * values[index] for index, _ in chosen]
    assert merits == sorted(merits, reverse=True)
    if len(chosen) > 1:
        assert (merits[0], merits[-1]) == (max(better * v for v in known), min(better * v for v in known))
        assert (chosen[0][1], chosen[-1][1]) == ("best", "worst")


@given(st.lists(st.integers(0, 5), max_size=60))
def test_spans_of_units_are_the_units(units):
    spans = listening.unit_spans({"units": units})
    assert [unit for start, end, unit in spans for _ in range(round((end - start) / 0.02))] == units
    assert all(unit != after[2] for (_, _, unit), after in itertools.pairwise(spans))


CORPUS = st.lists(
    st.lists(st.tuples(st.integers(0, 6), st.integers(-1, 3)), min_size=1, max_size=30),
    min_size=1,
    max_size=4,
)


def records_of(drawn):
    arrays = [np.array(frames, np.int64).T for frames in drawn]
    return [SimpleNamespace(units=units, span=span, frame_shift=0.02) for units, span in arrays]


@given(CORPUS)
def test_alternations_and_durations_count_as_a_plain_loop_does(drawn):
    records = records_of(drawn)
    units = np.unique(np.concatenate([record.units for record in records]))
    counts, lengths = {}, {}
    for record in records:
        run = 0
        for here, (unit, span) in enumerate(zip(record.units, record.span, strict=True)):
            run += 1
            if here + 1 == len(record.units) or record.units[here + 1] != unit:
                lengths.setdefault(int(unit), []).append(run)
                run = 0
            if here and span == record.span[here - 1] >= 0 and unit != record.units[here - 1]:
                pair = frozenset((int(unit), int(record.units[here - 1])))
                counts[pair] = counts.get(pair, 0) + 1
    found = clusters.alternations(records, units)
    assert {
        frozenset((int(units[a]), int(units[b]))): found[a, b]
        for a, b in zip(*np.nonzero(found), strict=True)
    } == counts
    seconds, codes = clusters.durations(records, units)
    for number, unit in enumerate(units.tolist()):
        assert np.rint(seconds[codes == number] / 0.02).tolist() == lengths[unit]


@given(CORPUS)
def test_what_units_have_in_common_is_mutual_and_whole_with_themselves(drawn):
    joint = np.zeros((4, 7))
    for record in records_of(drawn):
        np.add.at(joint, (record.span[record.span >= 0], record.units[record.span >= 0]), 1)
    shares = clusters.phone_shares(joint)
    common = clusters.overlap(shares)
    assert np.allclose(common, common.T) and common.max() <= 1 + 1e-9
    assert np.allclose(np.diag(common), joint.sum(axis=0) > 0)
    order = clusters.by_best_phone(shares)
    known = order[: int((joint.sum(axis=0) > 0).sum())]
    assert sorted(order) == list(range(7)) and (joint[:, known].sum(axis=0) > 0).all()
    assert (np.diff(shares[known].argmax(axis=1)) >= 0).all()


@pytest.mark.parametrize("labels", [("a", "b"), ("SIL", "SIL")], ids=["phones", "silence alone"])
def test_units_of_any_number_make_a_page(labels):
    phones = [[0.0, 3.0, labels[0]], [3.0, 30.0, labels[1]]]
    records = [align({"id": str(n), "units": list(range(n, 400 + n))}, phones) for n in range(2)]
    Outline(source := units_page("t", {}, AlignedCorpus(records)))
    assert "Only the 300 most frequent units are drawn; 101 are not" in source


def test_every_figure_of_su_eval_has_its_words():
    from units.metrics.names import UNIT_FIGURES as KNOWN_UNITS
    from units.metrics.speech import NAMES

    assert tuple(FIGURES) == NAMES and tuple(UNIT_FIGURES) == KNOWN_UNITS
    assert ranking({"vde": 0, "stoi": 0}) == "stoi" and ranking({}) is None


@given(st.floats(-1e6, 1e6), st.integers(0, 3))
def test_no_figure_is_written_as_minus_nothing(value, decimals):
    shown = written(value, decimals)
    assert math.isclose(float(shown), value, abs_tol=0.51 * 10**-decimals)
    assert float(shown) != 0 or not shown.startswith("-")


def test_without_matplotlib_the_extra_is_named_before_any_work(monkeypatch, tmp_path):
    monkeypatch.setattr(eval_html.importlib.util, "find_spec", lambda name: None)
    report = eval_html.create_report(eval_html.UnitsReport, ("a", "b"), None, str(tmp_path / "x.html"))
    with pytest.raises(InputError, match=r"matplotlib.*speech-units\[eval\]"), report:
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_page_and_records_do_not_share_standard_output_and_a_fault_leaves_no_page(run, pages, tmp_path):
    shared = run("su-eval", "speech", pages / "ref.jsonl", pages / "syn.jsonl", "--html", "-")
    assert (shared.status, shared.stdout) == (2, b"")
    (tmp_path / "bad.jsonl").write_text('{"id": "a"}\n')
    arguments = ("speech", "bad.jsonl", "bad.jsonl", "--html", "x.html", "--metrics", "log_mel", "-j1")
    failed = run("su-eval", *arguments, cwd=tmp_path)
    assert failed.status == 1 and "bad.jsonl:1" in failed.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["bad.jsonl"]


def test_no_records_make_a_page_that_says_so(run, tmp_path):
    (tmp_path / "none.jsonl").write_text("")
    for kind in (("speech", "--metrics", "mcd"), ("units",)):
        done = run("su-eval", *kind, "none.jsonl", "none.jsonl", "--html", "x.html", cwd=tmp_path)
        assert (done.status, done.stderr) == (0, "")
        Outline((tmp_path / "x.html").read_text())


def test_what_a_page_is_made_of_is_packaged():
    settings = ConfigParser()
    settings.read(ROOT / "setup.cfg")
    patterns = re.split(r"[,\s]+", settings["options.package_data"]["units.report"])
    for path in (ROOT / "units" / "report").rglob("*"):
        name = str(path.relative_to(ROOT / "units" / "report"))
        skipped = path.suffix in (".py", ".pyc") or path.is_dir()
        assert skipped or any(fnmatch(name, pattern) for pattern in patterns), path
