"""Recordings of several channels: which are taken, by su-segment and by every tool after it."""

import json
import re

import numpy as np
import pytest
import soundfile
from speechlike import RATE, hiss, recording, silence

from units.audio import channels
from units.audio.reading import Reader, load_audio, load_record
from units.records import InputError, InputWarning

TURNS = [0.3, 2.5, 3.0, 2.5, 2.8, 2.4, 0.5]


def interview(path, rate=RATE, **options):
    """Write two speakers who take turns, each at a microphone that hears the other 26 dB weaker."""
    one = recording([0.3, 2.6, 3.1, 2.4, 0.6], seed=1, rate=rate)
    other = recording([3.2, 2.4, 2.9, 2.5, 0.2], seed=50, f0_hz=210.0, rate=rate)
    size = max(len(one), len(other))
    one, other = (np.pad(samples, (0, size - len(samples))) for samples in (one, other))
    soundfile.write(path, np.stack([one + 0.05 * other, 0.5 * (other + 0.05 * one)], axis=1), rate, **options)
    return str(path)


def opposite(path, noise=0.0, gain=1.0):
    """Write a voice and the same of opposite polarity."""
    samples = recording([0.4, 2.6, 0.9, 2.6, 0.4], seed=3)
    noise = noise * np.random.default_rng(0).standard_normal(len(samples))
    soundfile.write(path, np.stack([samples + noise, -gain * samples + noise], axis=1), RATE)
    return str(path)


def test_split_gives_each_channel_its_own_segments_and_ids(run, tmp_path):
    path = interview(tmp_path / "talk.wav")
    result = run("su-segment", "--channel", "split", path)
    assert (result.status, result.stderr) == (0, "")
    by_channel = {c: [r for r in result.records if r["channel"] == c] for c in (0, 1)}
    assert [len(by_channel[c]) for c in (0, 1)] == [2, 2]
    assert len({r["id"] for r in result.records}) == 4
    assert by_channel[1][0]["id"].startswith("talk-ch1-0000")
    samples, _ = soundfile.read(path, dtype="float32")
    for record in result.records:
        start = round(record["offset"] * RATE)
        wanted = samples[start : start + round(record["duration"] * RATE), record["channel"]]
        np.testing.assert_allclose(load_record(record), wanted, atol=1e-6)


@pytest.mark.parametrize(("choice", "channel"), [("mix", None), ("loudest", 0), ("1", 1), ("0", 0)])
def test_the_channel_that_was_taken_is_in_the_record_and_the_mix_has_none(run, tmp_path, choice, channel):
    records = run("su-segment", "--channel", choice, interview(tmp_path / "talk.flac")).records
    assert records and {record.get("channel") for record in records} == {channel}


def test_every_tool_reads_the_channel_of_the_record(run, tmp_path):
    path = interview(tmp_path / "talk.wav")
    samples, _ = soundfile.read(path)
    fields = {"offset": 0.3, "duration": 2.0}
    made = {}
    for name, channel in (("both", None), ("first", 0), ("second", 1)):
        alone = samples.mean(axis=1) if channel is None else samples[:, channel]
        soundfile.write(tmp_path / f"{name}.wav", alone, RATE, subtype="FLOAT")
        chosen = {} if channel is None else {"channel": channel}
        of_two = {"id": f"{name} of two", "audio_filepath": path, **fields, **chosen}
        made[name] = [of_two, {"id": name, "audio_filepath": str(tmp_path / f"{name}.wav"), **fields}]
    stdin = "".join(json.dumps(record) + "\n" for pair in made.values() for record in pair).encode()
    pitch = run("su-pitch", "-j", "1", stdin=stdin).records
    for of_two, alone in zip(pitch[::2], pitch[1::2], strict=True):
        assert of_two["f0"] == alone["f0"]
    folder = tmp_path / "frames"
    records = run("su-encode", "-m", "mfcc", "--arrays", folder, stdin=stdin).records
    frames = [np.load(record["features"]) for record in records]
    for of_two, alone in zip(frames[::2], frames[1::2], strict=True):
        np.testing.assert_allclose(of_two, alone, atol=1e-3)
    assert np.abs(frames[2] - frames[4]).max() > 1


@pytest.mark.parametrize("choice", ["2", "70000", "-1", "left", ""])
def test_a_channel_that_is_not_there_is_told(run, tmp_path, choice):
    result = run("su-segment", f"--channel={choice}", interview(tmp_path / "talk.wav"))
    message = (
        "no channel 2: it has channels 0 to 1"
        if choice == "2"
        else "is not mix, loudest, split or the number"
    )
    assert result.status == (1 if choice == "2" else 2) and message in result.stderr
    assert result.stderr.count("\n") == 1 and result.stdout == b""


def test_a_record_whose_channel_is_not_there_is_told(run, tmp_path):
    path = interview(tmp_path / "talk.wav")
    records = [
        {"id": "a", "audio_filepath": path, "channel": 2},
        {"id": "b", "audio_filepath": path, "channel": -1},
    ]
    for record, message in zip(
        records, ("no channel 2", '"channel" must be the number of a channel'), strict=True
    ):
        result = run("su-pitch", "-j", "1", stdin=json.dumps(record).encode())
        assert result.status == 1 and message in result.stderr and result.stderr.count("\n") == 1


@pytest.mark.parametrize(("noise", "gain"), [(0, 1), (1e-3, 1), (0, 0.7)])
def test_channels_that_cancel_each_other_are_noticed_and_one_is_taken(run, tmp_path, noise, gain):
    path = opposite(tmp_path / "a.wav", noise, gain)
    result = run("su-segment", "--clips", tmp_path / "clips", path)
    line = f"su-segment: {path}: its channels cancel each other when mixed; channel 0 is taken instead\n"
    assert (result.status, result.stderr) == (0, line)
    assert [record["channel"] for record in result.records] == [0, 0]
    samples, _ = soundfile.read(path)
    clip, _ = soundfile.read(result.records[0]["clip"])
    start = round(result.records[0]["offset"] * RATE)
    np.testing.assert_allclose(clip, samples[start : start + len(clip), 0], atol=1e-4)


def test_a_record_without_a_channel_of_such_a_recording_is_not_encoded_as_noise(tmp_path):
    path = opposite(tmp_path / "a.wav")
    with pytest.warns(InputWarning, match="cancel each other"):
        found = Reader().load(path, 0.5, 2.0)
    np.testing.assert_array_equal(found, load_audio(path, 0.5, 2.0, channel=0))


def test_a_dc_offset_does_not_hide_that_channels_cancel(run, tmp_path):
    samples = recording([0.4, 2.6, 0.9, 2.6, 0.4], seed=3)
    soundfile.write(tmp_path / "a.wav", np.stack([samples, -samples], axis=1) + 0.1, RATE)
    result = run("su-segment", "a.wav", cwd=tmp_path)
    assert "cancel each other" in result.stderr and len(result.records) == 2


@pytest.mark.parametrize("count", [2, 4, 8])
def test_channels_of_which_one_speaks_or_all_differ_do_not_cancel(count):
    rng = np.random.default_rng(0)
    alone = np.zeros((RATE, count))
    alone[:, -1] = rng.standard_normal(RATE)
    for samples in (alone, rng.standard_normal((RATE, count)), np.zeros((RATE, count)), np.zeros((0, count))):
        assert not channels.cancel(channels.powers(samples))


def test_a_channel_without_speech_is_left_out_and_none_with_any_is_an_error(run, tmp_path):
    samples = recording([0.4, 2.6, 0.4], seed=3)
    soundfile.write(tmp_path / "a.wav", np.stack([samples, 0 * samples], axis=1), RATE)
    result = run("su-segment", "--channel", "split", "a.wav", cwd=tmp_path)
    assert (result.status, [record["channel"] for record in result.records]) == (0, [0])
    assert result.stderr == "su-segment: a.wav, channel 1: no speech found\n"
    soundfile.write(tmp_path / "b.wav", np.zeros((RATE, 2)), RATE)
    result = run("su-segment", "--channel", "split", "b.wav", cwd=tmp_path)
    assert (result.status, result.stderr.splitlines()[-1]) == (1, "su-segment: b.wav: no speech found")


def test_mixed_microphones_give_every_turn_once(run, tmp_path):
    records = run("su-segment", "--min-silence", "0.3", interview(tmp_path / "talk.wav")).records
    ends = [record["offset"] + record["duration"] for record in records]
    assert all(a <= b["offset"] + 1e-6 for a, b in zip(ends, records[1:], strict=False))


def test_pick_names_the_channels_that_there_are():
    with pytest.raises(InputError, match=r"a\.wav: no channel 1: it has only channel 0"):
        channels.pick("a.wav", np.zeros((10, 1)), 1)


# -- levels


def quiet_and_knock(knocks=1, seconds=0.05):
    """Return quiet speech with pauses, and knocks at full scale in them."""
    samples = 0.02 * recording([0.6, 3, 0.8, 3, 0.9, 3, 0.7], seed=4)
    for place in [11.5, 3.95, 0.2][:knocks]:
        start = round(place * RATE)
        time = np.arange(round(seconds * RATE)) / RATE
        samples[start : start + len(time)] = 0.95 * np.sin(2 * np.pi * 80 * time)
    return samples


@pytest.mark.parametrize(("knocks", "seconds"), [(1, 0.05), (1, 0.3), (3, 0.05)])
def test_a_knock_does_not_hide_quiet_speech(run, tmp_path, knocks, seconds):
    soundfile.write(tmp_path / "a.wav", quiet_and_knock(knocks, seconds), RATE, subtype="FLOAT")
    result = run("su-segment", "a.wav", cwd=tmp_path)
    assert result.status == 0
    ends = [(r["offset"], r["offset"] + r["duration"]) for r in result.records]
    for begin, end in ((0.6, 3.6), (4.4, 7.4), (8.3, 11.3)):
        assert any(a <= begin + 0.05 and end - 0.05 <= b for a, b in ends)


def test_a_dc_offset_changes_no_cut(run, tmp_path):
    samples = recording([0.6, 3, 0.8, 3, 0.9, 3, 0.7], seed=4)
    found = []
    for offset in (0.0, 0.01, -0.2):
        soundfile.write(tmp_path / "a.wav", samples + offset, RATE, subtype="FLOAT")
        result = run("su-segment", "a.wav", cwd=tmp_path)
        assert (result.status, result.stderr) == (0, "")
        found.append(result.records)
    assert found[0] == found[1] == found[2] and len(found[0]) == 3


@pytest.mark.parametrize(
    ("samples", "share"),
    [
        (np.concatenate([recording([0.5, 11], seed=1)[8000:], silence(0.05)]), "0.5%"),
        (np.concatenate([silence(14), recording([0, 3], seed=1), silence(1)]), "8\\d.\\d%"),
    ],
    ids=["next to none", "nearly all"],
)
def test_an_unusual_share_of_silence_is_told_in_one_line(run, tmp_path, samples, share):
    noisy = samples + 3e-3 * hiss(len(samples) / RATE, np.random.default_rng(0))[: len(samples)]
    soundfile.write(tmp_path / "a.wav", noisy, RATE, subtype="FLOAT")
    result = run("su-segment", "a.wav", cwd=tmp_path)
    assert result.status == 0 and result.records
    pattern = rf"su-segment: a\.wav: {share} of it counts as silence; if that is wrong, see [^\n]*\n"
    assert re.fullmatch(pattern, result.stderr)


def test_clips_of_a_float_recording_beyond_full_scale_are_turned_down_and_that_is_said_once(run, tmp_path):
    samples = 6 * recording([0.6, 3, 0.8, 3, 0.7], seed=4)
    soundfile.write(tmp_path / "hot.wav", samples, RATE, subtype="FLOAT")
    result = run("su-segment", "--clips", tmp_path / "clips", "hot.wav", cwd=tmp_path)
    line = "su-segment: hot.wav: goes beyond full scale; such clips of it are turned down to fit\n"
    assert (result.status, result.stderr, len(result.records)) == (0, line, 2)
    for record in result.records:
        clip, _ = soundfile.read(record["clip"])
        start = round(record["offset"] * RATE)
        wanted = samples[start : start + len(clip)]
        np.testing.assert_allclose(clip, wanted / np.abs(wanted).max(), atol=1e-4)
