"""The page of su-bpe motifs --html: what stands in it, what is heard, and tags that nothing loses."""

import base64
import io
import json
import re

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from processes import wait_for
from test_bpe import WORD, corpus, lines
from test_report import Outline, open_page

from units.audio.timing import CLIP_CONTEXT as NEAR
from units.cli.patterns import PAGE
from units.config import BpeConfig
from units.patterns.bpe import to_text, train
from units.patterns.corpus import Recording
from units.report.motifs import AROUND, load_voice, motifs_page
from units.report.page import text
from units.report.spectrogram import SHADES, png, strip

SPEAKERS = ("<b>\"Ana\" & 'Rui'</b></script>", "🔴 ÊXODO 📖", "two\nlines")
PHRASE = [6, 1, 4, 0, 8]


@pytest.fixture(scope="module")
def folder(run, tmp_path_factory):
    """A folder with units of three speakers in which WORD and PHRASE recur, their audio, and the page."""
    folder = tmp_path_factory.mktemp('it\'s "motifs" <i>')
    sequences = [[*WORD, 9, *PHRASE, 2] for _ in range(6)]
    texts = map(to_text, [*corpus(), *sequences])
    (folder / "model").write_bytes(train(texts, BpeConfig(vocab_size=60)))
    records = []
    for number, units in enumerate(sequences):
        path = folder / f"{number} \"'&<b>🔴.wav"
        noise = np.random.default_rng(number).standard_normal(int(16000 * 0.2 * len(units)))
        soundfile.write(path, 0.02 * noise, 16000)
        records.append({"id": f"{number}<b>", "audio_filepath": str(path), "units": units,
                        "counts": [10] * len(units), "speaker": SPEAKERS[number % 3]})  # fmt: skip
    (folder / "units.jsonl").write_bytes(lines(records))
    arguments = ("-m", "model", "--html", "page.html", "--examples", "4", "units.jsonl")
    done = run("su-bpe", "motifs", *arguments, cwd=folder)
    assert (done.status, done.stderr) == (0, "")
    (folder / "motifs.jsonl").write_bytes(done.stdout)
    return folder


def motifs_of(folder):
    return [json.loads(line) for line in (folder / "motifs.jsonl").read_text().splitlines()]


def test_the_page_is_whole_and_asks_nothing_of_a_network(folder):
    outline = Outline((folder / "page.html").read_text())
    ids = [attributes["id"] for _, attributes in outline.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    sources = [each["src"] for _, each in outline.elements if "src" in each]
    assert sources and all(source.startswith("data:image/png") for source in sources)
    assert not any(key.startswith("on") or key == "style" for _, each in outline.elements for key in each)
    policy = next(each["content"] for each in outline.all("meta") if "http-equiv" in each)
    assert "default-src 'none'" in policy and "unsafe" not in policy


def test_a_row_is_a_motif_with_voices_of_all_speakers_before_any_comes_twice(folder):
    outline = Outline((folder / "page.html").read_text())
    rows = [each for each in outline.all("article")]
    found = motifs_of(folder)
    assert [row["data-units"] for row in rows] == [" ".join(map(str, m["units"])) for m in found]
    assert [int(row["data-motif"]) for row in rows] == [m["motif"] for m in found]
    assert len(outline.all("button")) == 1 + sum(min(4, m["count"]) for m in found)
    first = (folder / "page.html").read_text().split("</article>")[0]
    assert sorted(re.findall('class="who">.*?<bdi>(.*?)</bdi>', first)[:3]) == sorted(map(text, SPEAKERS))


def test_names_are_shown_and_never_become_markup(folder):
    source = (folder / "page.html").read_text()
    assert not Outline(source).all("b")
    assert all(text(name) in source for name in SPEAKERS)


def test_what_is_heard_is_the_occurrence_with_what_is_around_it(folder):
    best = motifs_of(folder)[0]
    voice = next(e for e in Outline((folder / "page.html").read_text()).all("button") if "data-sound" in e)
    heard, rate = soundfile.read(io.BytesIO(base64.b64decode(voice["data-sound"])))
    assert rate == 16000

    def likeness(occurrence):
        path, start = occurrence["audio_filepath"], occurrence["start"]
        samples = soundfile.read(path)[0][round(max(0, start - AROUND) * 16000) :][: len(heard)]
        return np.corrcoef(heard[: len(samples)], samples)[0, 1]

    chosen = max(best["occurrences"], key=likeness)
    start, end = chosen["start"], chosen["end"]
    assert likeness(chosen) > 0.999
    before = min(start, AROUND)
    assert float(voice["data-from"]) == pytest.approx(max(0, before - NEAR), abs=1e-3)
    assert float(voice["data-to"]) == pytest.approx(
        min(before + end - start + NEAR, len(heard) / 16000), abs=1e-3
    )


@pytest.mark.parametrize("level", [0.0, 1e-5, 0.001, 0.2, 1.0])
def test_voices_are_as_loud_as_each_other_and_never_clipped(tmp_path, level):
    soundfile.write(tmp_path / "a.wav", level * np.sin(np.arange(32000) / 9), 16000, subtype="FLOAT")
    edges = np.array([0.0, 1.0, 1.2, 2.0])
    segment = Recording(np.arange(3), edges, "a", str(tmp_path / "a.wav"), end=2.0)
    voice = load_voice(segment, 1.0, 1.2)
    assert len(voice.samples) == pytest.approx(1.2 * 16000, abs=1)
    assert (voice.first, voice.last, voice.start) == pytest.approx((0.5, 0.7, 1.0))
    assert np.abs(voice.samples).max() <= 1.0001
    if level >= 0.01:
        assert np.sqrt(np.square(voice.samples).mean()) == pytest.approx(0.1, rel=0.01)


@given(st.integers(1, 9), st.integers(1, 40), st.integers(0, 99))
def test_a_picture_is_read_back_as_it_was(height, width, seed):
    shades = np.random.default_rng(seed).integers(0, SHADES, (height, width)).astype(np.uint8)
    read = np.array(Image.open(io.BytesIO(png(shades))).convert("L"))
    assert (read // (255 // (SHADES - 1))).tolist() == shades.tolist()


def test_the_strip_of_a_tone_is_dark_where_the_tone_is_and_paler_outside_the_motif():
    picture, width, height = strip(np.sin(np.arange(16000) * 2 * np.pi * 2000 / 16000), 0.25, 0.75)
    seen = np.array(Image.open(io.BytesIO(picture)).convert("L")) / 255
    assert seen.shape == (height, width) == (64, 126)
    row = height - 1 - int(height * 2000 / 6000)
    darkest = seen[:, width // 2].argmin()
    assert abs(darkest - row) <= 1
    assert seen[darkest, width // 2] < 0.1 < 0.5 < seen[darkest, 10]
    for silent in (np.zeros(0), np.zeros(1), np.zeros(5000)):
        assert strip(silent.astype(np.float32), 0.0, 0.1)[0][1:4] == b"PNG"


def test_of_more_motifs_than_a_page_holds_the_best_are_in_it(run, folder, tmp_path):
    for i in range(len(corpus())):
        soundfile.write(tmp_path / f"{i}.wav", np.zeros(16000 * 4), 16000)
    records = lines(
        [{"id": str(i), "audio_filepath": f"{tmp_path}/{i}.wav", "units": u} for i, u in enumerate(corpus())]
    )
    (tmp_path / "m").write_bytes(train(map(to_text, corpus()), BpeConfig(vocab_size=90)))
    for options, number in (((), PAGE), (("--top", "60"), 60), (("--top", "3"), 3)):
        arguments = ("-m", tmp_path / "m", "--html", tmp_path / "x.html", *options)
        done = run("su-bpe", "motifs", *arguments, stdin=records)
        assert (done.status, done.stderr) == (0, "")
        rows = Outline((tmp_path / "x.html").read_text()).all("article")
        assert [int(row["data-motif"]) for row in rows] == [m["motif"] for m in done.records[:number]]


def test_no_motifs_make_a_page_that_says_so_and_standard_output_is_for_records(run, folder, tmp_path):
    done = run("su-bpe", "motifs", "-m", folder / "model", "--html", tmp_path / "x.html")
    assert (done.status, done.stdout, done.stderr) == (0, b"", "")
    assert "Nothing recurs." in (tmp_path / "x.html").read_text()
    Outline(motifs_page("t", "m", []))
    wrong = run("su-bpe", "motifs", "-m", folder / "model", "--html", "-")
    assert (wrong.status, wrong.stdout, wrong.stderr.count("\n")) == (2, b"", 1)


def test_a_recording_that_is_gone_or_not_known_leaves_no_page(run, folder, tmp_path):
    gone = lines([{"id": str(i), "audio_filepath": "gone.wav", "offset": i, "units": WORD} for i in range(3)])
    done = run("su-bpe", "motifs", "-m", folder / "model", "--html", "x.html", stdin=gone, cwd=tmp_path)
    assert done.status == 1 and done.stderr.startswith("su-bpe: gone.wav: ")
    unknown = run("su-bpe", "motifs", "-m", folder / "model", "--html", "x.html", stdin=b'{"units": []}',
                  cwd=tmp_path)  # fmt: skip
    assert (unknown.status, unknown.stderr) == (1, 'su-bpe: -:1: no "audio_filepath"\n')
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_the_page_opens_without_complaint_at_a_desk_and_on_a_phone(folder, browser, tmp_path, dark):
    path = folder / "page.html"
    if browser is None:
        assert "prefers-color-scheme: dark" in path.read_text()
        return
    for width in (1280, 390):
        open_page(browser, link(path, tmp_path), width=width, dark=dark)
        assert browser.complaints == []
        assert {url.split(":")[0] for url in browser.requests} <= {"file", "data"}
        assert browser.evaluate("[...document.images].every(image => image.naturalWidth > 0)")
        assert browser.evaluate("document.documentElement.scrollWidth <= innerWidth")
    browser.screenshot(tmp_path / "seen.png")
    brightness = np.array(Image.open(tmp_path / "seen.png").convert("L")).mean() / 255
    assert brightness < 0.35 if dark else brightness > 0.65


def link(path, folder):
    """Return a link to the page whose name is a plain one, as the browser's own address wants it."""
    if not (folder / "page.html").exists():
        (folder / "page.html").symlink_to(path)
    return folder / "page.html"


@pytest.fixture
def page(folder, browser, tmp_path):
    """The page open in the browser, with no tags kept; None where there is no browser."""
    if browser is None:
        return None
    open_page(browser, link(folder / "page.html", tmp_path))
    browser.evaluate("localStorage.clear()")
    open_page(browser, tmp_path / "page.html")
    return browser


def write(page, value):
    """Write into the tag that has the focus, as a person does."""
    page.call("Input.insertText", text=value)


CURRENT = "motifs.indexOf(document.querySelector('[aria-current]'))"
TAGS = ("água", '"quoted" </script> 🔴', "  spaced  ")


def test_keys_go_from_motif_to_motif_play_them_and_write_tags(page, folder):
    if page is None:
        assert 'addEventListener("keydown"' in (folder / "page.html").read_text()
        return
    for key, expected in (("k", 0), ("j", 1), ("j", 2), ("k", 1)):
        page.press(key)
        assert page.evaluate(CURRENT) == expected
    page.press("2")
    page.until("motifs[1].querySelectorAll('.voice')[1].matches('.playing')")
    page.press(" ", "Space")
    page.until("!document.querySelector('.playing')")
    page.press(" ", "Space")
    page.until("motifs[1].querySelectorAll('.voice')[0].matches('.playing')")
    page.until("motifs[1].querySelectorAll('.voice')[1].matches('.playing')")
    page.press(" ", "Space")
    page.press("t")
    write(page, "jk1 c")
    assert page.evaluate("motifs[1].querySelector('.tag input').value") == "jk1 c"
    page.press("Enter")
    assert page.evaluate(CURRENT) == 2
    assert not page.evaluate("document.activeElement.matches('input')")
    page.press("c")
    assert page.evaluate("document.querySelector('.around').checked")
    assert page.complaints == []


def tag(page, tags):
    for number, value in enumerate(tags):
        page.evaluate(f"motifs[{number}].querySelector('.tag input').focus()")
        write(page, value)


def shown(page):
    return page.evaluate(
        f"motifs.slice(0, {len(TAGS)}).map((motif) => motif.querySelector('.tag input').value)"
    )


def expected_records(folder):
    kept = [{"motif": m["motif"], "units": m["units"]} for m in motifs_of(folder)]
    return [{**record, "tag": tag.strip()} for record, tag in zip(kept, TAGS, strict=False)]


def download(page, folder):
    """Return the records that the page's button downloads."""
    folder.mkdir()
    page.download_to(folder)
    page.evaluate("document.querySelector('.download').click()")
    wait_for(lambda: page.evaluate("true") and (folder / "tags.jsonl").exists())
    return [json.loads(line) for line in (folder / "tags.jsonl").read_text().splitlines()]


def test_tags_are_downloaded_as_records_and_survive_a_reload(page, folder, tmp_path):
    if page is None:
        assert 'class="download"' in (folder / "page.html").read_text()
        return
    tag(page, TAGS)
    assert download(page, tmp_path / "first") == expected_records(folder)
    open_page(page, tmp_path / "page.html")
    assert shown(page) == [tag.strip() for tag in TAGS]
    assert download(page, tmp_path / "second") == expected_records(folder)
    assert page.evaluate("document.querySelectorAll('#tags option').length") == len(TAGS)
    assert page.complaints == []


def test_tags_are_loaded_again_and_those_of_motifs_that_are_not_here_are_kept(page, folder, tmp_path):
    if page is None:
        assert 'type="file"' in (folder / "page.html").read_text()
        return
    strange = {"motif": 7, "units": [9, 9, 9], "tag": "elsewhere"}
    (tmp_path / "own.jsonl").write_bytes(lines([strange, *expected_records(folder)]))
    page.choose_file(".load", tmp_path / "own.jsonl")
    page.until("document.querySelector('.tagging output').textContent.includes('4 loaded')")
    assert shown(page) == [tag.strip() for tag in TAGS]
    assert download(page, tmp_path / "all") == [*expected_records(folder), strange]


@pytest.mark.parametrize("bad", ["no JSON", '{"motif": 3}', '{"units": ["<b>"], "tag": "x"}', "[]", "null"])
def test_a_file_that_holds_no_tags_changes_nothing(page, folder, tmp_path, bad):
    if page is None:
        return
    tag(page, TAGS[:1])
    (tmp_path / "bad.jsonl").write_text(lines(expected_records(folder)).decode() + bad + "\n")
    page.choose_file(".load", tmp_path / "bad.jsonl")
    page.until("document.querySelector('.tagging output').textContent.includes('bad.jsonl:4: no tag')")
    assert shown(page) == [TAGS[0], "", ""]
    assert page.complaints == []


def test_an_emptied_tag_is_gone(page, folder, tmp_path):
    if page is None:
        return
    tag(page, TAGS[:2])
    page.evaluate("motifs[0].querySelector('.tag input').select()")
    page.evaluate("motifs[0].querySelector('.tag input').focus()")
    page.evaluate("document.execCommand('delete')")
    open_page(page, tmp_path / "page.html")
    assert shown(page) == ["", TAGS[1], ""]
