"""su-segment: recordings with known silences, any sound file, any file name."""

import io
import json
import os
import re

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from speechlike import RATE, hiss, phrase, recording, silence, vowel

from units.audio.reading import load_audio
from units.audio.segment import levels, recording_names, segment_id, spans, speech_by_energy
from units.config import SegmentConfig
from units.records import InputError

CONFIG = SegmentConfig(min_silence=0.5, min_duration=2.0, max_duration=20.0)
LOUD, QUIET = -20.0, -80.0


def write(path, samples, rate=RATE, **options):
    soundfile.write(os.fsencode(path), samples, rate, **options)
    return str(path)


def segments_of(path, config=CONFIG):
    """Return the spans of a file in seconds."""
    levels_db = levels(path).mix
    return [(a / 100, b / 100) for a, b in spans(speech_by_energy(levels_db, config), levels_db, config)]


def test_cuts_lie_in_the_middle_of_silences_and_the_silence_around_a_recording_is_left_out(tmp_path):
    path = write(tmp_path / "a.wav", recording([1, 3, 0.8, 4, 2, 3, 1]))
    cuts = [0.5, 4.4, 9.8, 13.3 + 1]
    assert np.ravel(segments_of(path)) == pytest.approx(np.repeat(cuts, 2)[1:-1], abs=0.03)


def test_a_pause_shorter_than_min_silence_cuts_nothing(tmp_path):
    path = write(tmp_path / "a.wav", recording([0, 3, 0.4, 3]))
    assert segments_of(path) == [(0, 6.4)]
    assert len(segments_of(path, SegmentConfig(min_silence=0.3))) == 2


def test_what_is_short_joins_its_shorter_neighbour_and_is_not_thrown_away(tmp_path):
    path = write(tmp_path / "a.wav", recording([0, 5, 0.6, 0.5, 0.6, 3, 0.6, 6]))
    assert np.ravel(segments_of(path)) == pytest.approx([0, 5.3, 5.3, 10.0, 10.0, 16.3], abs=0.03)


def test_a_short_recording_is_one_segment(tmp_path):
    path = write(tmp_path / "a.wav", recording([0, 0.7]))
    assert segments_of(path) == [(0, 0.7)]


def test_what_is_too_long_is_cut_at_its_quietest_point(tmp_path):
    samples = phrase(30, seed=1)
    samples[18 * RATE : round(18.3 * RATE)] *= 0.05  # 26 dB down: no silence, but the quietest 0.2 s
    samples[12 * RATE : round(12.05 * RATE)] = 0  # as quiet as can be, but a stop's closure
    path = write(tmp_path / "a.wav", samples)
    assert np.ravel(segments_of(path)) == pytest.approx([0, 18.15, 18.15, 30], abs=0.06)


def test_a_steady_sound_is_cut_into_equal_parts_rather_than_shreds(tmp_path):
    path = write(tmp_path / "a.wav", np.tile(vowel(1, 125.0)[1600:-1600], 75))
    lengths = [end - start for start, end in segments_of(path)]
    assert lengths == pytest.approx([15] * 4, abs=0.1)


def test_a_faint_recording_is_cut_as_a_loud_one(tmp_path):
    samples = recording([1, 3, 0.8, 4, 1])
    loud, faint = (write(tmp_path / f"{g}.wav", samples * g, subtype="FLOAT") for g in (1.0, 0.001))
    assert segments_of(loud) == segments_of(faint)


@settings(max_examples=150)
@given(
    st.lists(st.tuples(st.booleans(), st.integers(1, 400)), min_size=1, max_size=25),
    st.sampled_from([CONFIG, SegmentConfig(-36, 0.05, 0.1, 1), SegmentConfig(-36, 1.0, 5.0, 10.0)]),
)
def test_every_hop_of_speech_is_in_exactly_one_segment_and_segments_are_neither_too_long_nor_short(
    runs, config
):
    speech = np.concatenate([np.full(length, talking) for talking, length in runs])
    rng = np.random.default_rng(len(speech))
    levels_db = np.where(speech, LOUD, QUIET) + rng.uniform(-5, 5, len(speech))
    tiles = spans(speech, levels_db, config)
    covered = np.zeros(len(speech), int)
    for start, end in tiles:
        assert 0 <= start < end <= len(speech)
        assert end - start <= config.max_duration * 100
        covered[start:end] += 1
    assert (covered[speech] == 1).all() and covered.max(initial=0) <= 1
    assert tiles == sorted(tiles)
    assert all(speech[start:end].any() for start, end in tiles)
    short = [tile for tile in tiles if tile[1] - tile[0] < config.min_duration * 100]
    assert not short or len(tiles) == 1


def test_nothing_is_cut_from_no_audio():
    assert spans(np.zeros(0, bool), np.zeros(0), CONFIG) == []


@pytest.mark.parametrize("rate", [8000, 11025, 22050, 44100, 48000, 96000])
def test_any_sampling_rate_gives_the_same_cuts(tmp_path, rate):
    parts = [
        silence(0.6, rate),
        vowel(2.5, 120.0, rate=rate),
        silence(0.8, rate),
        vowel(2.5, 150.0, rate=rate),
    ]
    path = write(tmp_path / "a.wav", np.concatenate(parts), rate)
    assert np.ravel(segments_of(path)) == pytest.approx([0.3, 3.5, 3.5, 6.4], abs=0.03)


def test_speech_in_one_channel_of_two_is_found(tmp_path):
    samples = recording([0.6, 3, 0.8, 3, 0.6])
    path = write(tmp_path / "a.flac", np.stack([samples, 0 * samples], axis=1))
    assert len(segments_of(path)) == 2


def test_levels_are_what_the_samples_say(tmp_path):
    rng = np.random.default_rng(0)
    samples = rng.uniform(-0.5, 0.5, RATE + 77)
    found = levels(write(tmp_path / "a.wav", samples, subtype="DOUBLE"))
    assert found.seconds == len(samples) / RATE and len(found.mix) == 101
    slow = [10 * np.log10(np.var(samples[i * 160 : i * 160 + 400])) for i in range(101)]
    np.testing.assert_allclose(found.mix, slow, atol=1e-4)


def test_levels_do_not_depend_on_the_blocks_that_a_long_file_is_read_in(tmp_path):
    samples = recording([0, 70.013])
    whole = levels(write(tmp_path / "a.wav", samples)).mix
    parts = np.concatenate(
        [
            levels(write(tmp_path / "b.wav", samples[i * 160 : (i + 1000) * 160 + 240])).mix[:1000]
            for i in range(0, 7002, 1000)
        ]
    )
    np.testing.assert_allclose(whole[:7000], parts[:7000], atol=1e-3)


NAMES = [
    "🔴 ÊXODO 📖 (a Saída de Israel do Egito).wav",
    'it\'s "quoted" & $HOME `x`.wav',
    "new\nline\ttab.wav",
    "-rf.wav",
    os.fsdecode(b"latin1 \xea\xff.wav"),
    "*.wav",
    "trailing space .wav",
    "no extension",
]


@pytest.fixture(scope="module")
def strange(tmp_path_factory):
    """A folder of recordings with every kind of name, one with speech that differs in each."""
    folder = tmp_path_factory.mktemp("strange")
    for i, name in enumerate(NAMES):
        write(folder / name, recording([0.6, 3, 0.8, 3, 0.6], seed=10 * i), format="WAV")
    return folder


def test_any_name_survives_and_offsets_lead_back_to_the_audio(run, strange):
    result = run("su-segment", "--", *NAMES, cwd=strange)
    assert (result.status, result.stderr) == (0, "")
    records = result.records
    assert [r["audio_filepath"] for r in records] == [name for name in NAMES for _ in range(2)]
    assert len({r["id"] for r in records}) == len(records)
    for record in records:
        path = os.path.join(strange, record["audio_filepath"])
        span = load_audio(path, record["offset"], record["duration"])
        whole = load_audio(path)
        start = round(record["offset"] * RATE)
        np.testing.assert_array_equal(span, whole[start : start + len(span)])


def test_ids_are_in_time_order_and_tell_start_and_end(run, strange):
    first, second = run("su-segment", NAMES[0], cwd=strange).records
    assert first["id"] < second["id"]
    assert first["id"] == segment_id(NAMES[0].removesuffix(".wav"), 29, 399)
    assert (first["offset"], first["duration"]) == (0.29, 3.7)


def test_audio_is_written_only_where_asked_for_and_is_what_the_record_says(run, strange, tmp_path):
    result = run("su-segment", "--clips", tmp_path / "clips", "--", *NAMES, cwd=strange)
    assert (result.status, result.stderr) == (0, "")
    assert len(os.listdir(tmp_path / "clips")) == 2 * len(NAMES)
    for record in result.records:
        clip, rate = soundfile.read(os.fsencode(record["clip"]), dtype="float32")
        path = os.path.join(strange, record["audio_filepath"])
        assert rate == RATE and len(clip) == round(record["duration"] * RATE)
        np.testing.assert_allclose(clip, load_audio(path, record["offset"], record["duration"]), atol=1e-4)
    assert sorted(os.listdir(strange)) == sorted(NAMES)


@given(st.lists(st.sampled_from(["a", "b", "..", "a_b", "1.mp3", "1.wav", "1", "é"]), min_size=1, max_size=4))
@settings(max_examples=50)
def test_no_two_files_have_one_name(parts):
    paths = sorted({"/".join(parts[i:] + parts[:i]) for i in range(len(parts))} | {"x/1.mp3", "x_1.mp3.wav"})
    names = recording_names(paths)
    assert len(set(names)) == len(paths) and not any("/" in name for name in names)


def test_a_file_is_not_called_as_a_channel_of_another():
    names = recording_names(["talk.wav", "talk-ch1.wav", "other-ch0.wav"])
    assert names[0] == "talk" and names[1].startswith("talk-ch1-") and names[2] == "other-ch0"


def test_a_file_named_twice_is_refused():
    with pytest.raises(InputError, match=r"^a/1\.mp3: named twice$"):
        recording_names(["a/1.mp3", "b/1.mp3", "a/1.mp3"])


def test_a_long_name_is_cut_for_the_id_and_stays_unlike_others():
    names = recording_names(["x" * 240 + f"{i}.wav" for i in range(2)])
    assert len(set(names)) == 2 and all(len(name) <= 200 for name in names)


def test_options_that_contradict_each_other_are_wrong_usage(run, strange):
    result = run("su-segment", "--max-duration", "3", NAMES[0], cwd=strange)
    assert result.status == 2 and "at least twice --min-duration" in result.stderr


TRUNCATED = [
    ("a.mp3", {}),
    ("a.wav", {"subtype": "PCM_16"}),
    ("a.wav", {"format": "RF64", "subtype": "PCM_16"}),
    ("a.w64", {"subtype": "PCM_16"}),
    ("a.aiff", {"subtype": "PCM_16"}),
    ("a.au", {"subtype": "PCM_16"}),
    ("a.flac", {}),
    ("a.ogg", {"subtype": "VORBIS"}),
    ("a.opus", {"format": "OGG", "subtype": "OPUS"}),
]


@pytest.mark.parametrize(("name", "options"), TRUNCATED, ids=lambda v: v if isinstance(v, str) else "")
def test_a_file_cut_short_is_told_and_not_taken_for_all_there_is(run, tmp_path, name, options):
    path = tmp_path / name
    write(path, recording([0, 9, 1, 9]), **options)
    good = run("su-segment", path)
    assert (good.status, good.stderr, len(good.records)) == (0, "", 2)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 6 // 10])
    bad = run("su-segment", path)
    assert bad.status == 1 and bad.stdout == b""
    assert bad.stderr.startswith(f"su-segment: {path}: ") and bad.stderr.count("\n") == 1


def mp3_without_header(samples, rate, **options):
    """Return the bytes of an MP3 without the frame that tells how long it is, as recorders write it."""
    file = io.BytesIO()
    soundfile.write(file, samples, rate, format="MP3", **options)
    data = file.getvalue()
    tag = min(at for at in (data.find(b"Xing"), data.find(b"Info")) if at >= 0)
    return data[data.index(data[:2], tag) :]


def test_an_mp3_longer_than_its_header_says_is_read_to_its_end(run, tmp_path):
    samples = recording([0, 9, 1, 9])
    (tmp_path / "a.mp3").write_bytes(
        mp3_without_header(samples, RATE, bitrate_mode="VARIABLE", compression_level=0.5)
    )
    soundfile.write(tmp_path / "whole.mp3", samples, RATE)
    (tmp_path / "b.mp3").write_bytes((tmp_path / "whole.mp3").read_bytes() * 2)
    for name, seconds, message in (
        ("a.mp3", 19.1, ""),
        (
            "b.mp3",
            38.1,
            r"su-segment: b\.mp3: its header claims 1\d\.\d\d s; read to the end of the file, 38.\d\d s\n",
        ),
    ):
        result = run("su-segment", name, cwd=tmp_path)
        assert result.status == 0 and re.fullmatch(message, result.stderr)
        last = result.records[-1]
        assert last["offset"] + last["duration"] == pytest.approx(seconds, abs=0.1)


def test_an_mp3_of_constant_bit_rate_needs_no_header(run, tmp_path):
    data = mp3_without_header(recording([0, 9, 1, 9]), RATE, bitrate_mode="CONSTANT", compression_level=0.5)
    tags = b"ID3\x03\0\0\0\0\x07\x76" + b"\xff" * 1014, b"TAG" + b"x" * 125
    (tmp_path / "a.mp3").write_bytes(tags[0] + data + tags[1])
    result = run("su-segment", "a.mp3", cwd=tmp_path)
    assert (result.status, len(result.records)) == (0, 2)


def test_a_wav_written_to_a_pipe_whose_header_could_not_know_the_length_is_read(run, tmp_path):
    path = tmp_path / "a.wav"
    write(path, recording([0, 3]), subtype="PCM_16")
    data = bytearray(path.read_bytes())
    data[4:8] = data[40:44] = b"\xff\xff\xff\xff"
    path.write_bytes(data)
    assert [r["duration"] for r in run("su-segment", path).records] == [3.0]


def test_a_file_that_cannot_be_done_is_skipped_on_request_and_the_rest_are_done(run, tmp_path):
    write(tmp_path / "a.wav", recording([0, 3]))
    write(tmp_path / "b.wav", silence(3))
    (tmp_path / "c.wav").write_bytes(b"RIFF")
    write(tmp_path / "d.wav", recording([0, 3]))
    result = run(
        "su-segment", "--keep-going", "a.wav", "b.wav", "c.wav", "nowhere.wav", "d.wav", cwd=tmp_path
    )
    assert [r["audio_filepath"] for r in result.records] == ["a.wav", "d.wav"]
    lines = result.stderr.splitlines()
    assert result.status == 1 and len(lines) == 4
    assert lines[0] == "su-segment: b.wav: no speech found"
    assert lines[2] == "su-segment: nowhere.wav: No such file or directory"
    assert lines[3] == "su-segment: 3 of 5 records skipped"


def test_records_are_plain_json_lines(run, strange):
    for line in run("su-segment", NAMES[0], NAMES[4], cwd=strange).stdout.splitlines():
        assert set(json.loads(line)) == {"id", "audio_filepath", "offset", "duration"}


def test_noise_between_words_that_is_40_db_down_counts_as_silence(tmp_path):
    rng = np.random.default_rng(5)
    samples = recording([0.6, 3, 0.8, 3, 0.6])
    floor = hiss(len(samples) / RATE, rng) * 0.02
    path = write(tmp_path / "a.wav", samples + floor[: len(samples)])
    assert len(segments_of(path)) == 2


def test_shards_put_together_are_the_whole(run, tmp_path):
    """Files of one name get ids from the whole list, whichever shard they are in; a shard may be empty."""
    for folder in "abc":
        (tmp_path / folder).mkdir()
        write(tmp_path / folder / "1.wav", recording([0.5, 3, 0.8, 3]))
    words = ("su-segment", "-j", "1", *(f"{folder}/1.wav" for folder in "abc"))
    whole = run(*words, cwd=tmp_path)
    for count in (2, 3, 4):
        shards = [run(*words, "--shard", f"{i}/{count}", cwd=tmp_path) for i in range(1, count + 1)]
        assert {(shard.status, shard.stderr) for shard in shards} == {(0, "")}
        assert whole.stdout and b"".join(shard.stdout for shard in shards) == whole.stdout
        assert len({shard.stdout for shard in shards}) == count


@pytest.mark.parametrize("shard", ["0/2", "3/2", "1", "a/b", "1/0", "-1/2"])
def test_a_shard_that_does_not_exist_is_wrong_usage(run, tmp_path, shard):
    result = run("su-segment", "--shard", shard, "a.wav", cwd=tmp_path)
    assert result.status == 2 and "is not a shard" in result.stderr
