"""Compressed recordings that are cut, damaged or odd: read whole, or an error that names the second."""

import fractions
import io
import re
import warnings

import av
import encoded
import numpy as np
import pytest
import soundfile
from speechlike import RATE, recording

from units.audio.ogg import checksum
from units.audio.reading import decoded, load_audio, open_source
from units.records import InputError, InputWarning

SECONDS = 12.0
DAMAGED = [
    *("mp3 -q:a 4", "mp3 128 kbit/s", "mp3 no header", "mp3 no header, constant", "mp3 8000 Hz", "mp3 abr"),
    *(
        "m4a aac",
        "m4a alac",
        "adts aac",
        "opus",
        "webm opus",
        "vorbis ogg",
        "ogg flac",
        "wma",
        "wavpack",
        "flac",
    ),
]


def data_of(name):
    rate = {**encoded.MP3, **encoded.OTHERS}[name][2]
    mono = recording([0.3, 11.7], seed=5, rate=rate)
    return encoded.encode(np.stack([mono, 0.6 * np.roll(mono, rate // 200)], axis=1), rate, name)


@pytest.fixture(scope="module", params=DAMAGED)
def file(request):
    """Name and bytes of a whole file."""
    return request.param, data_of(request.param)


def said_of(tmp_path, data):
    """Write the bytes to a file; return the error of reading it and the time it names, or ("", None)."""
    (tmp_path / "a").write_bytes(data)
    try:
        decoded(str(tmp_path / "a"))
    except InputError as error:
        message = str(error).removeprefix(f"{tmp_path}/a: ")
        place = re.search(r"(\d+\.\d\d)( of \d+\.\d\d)? s", message)
        return message, float(place[1]) if place else None
    return "", None


@pytest.mark.parametrize("share", [0.35, 0.61, 0.93])
def test_a_compressed_file_cut_short_is_an_error_that_says_where(tmp_path, file, share):
    name, data = file
    message, place = said_of(tmp_path, data[: int(share * len(data))])
    assert "cut short" in message or "damaged" in message, name
    if place is not None:
        assert share * SECONDS - 2 < place < share * SECONDS + 1.5
    else:
        assert name.startswith("m4a")  # its index is gone, so nothing of it can be placed


@pytest.mark.parametrize("kind", ["hole", "noise", "zeros"])
def test_damage_in_the_middle_is_an_error_that_says_where(tmp_path, file, kind):
    name, data = file
    begin, size = len(data) // 2, len(data) // 10
    put = {"hole": b"", "noise": np.random.default_rng(1).bytes(size), "zeros": bytes(size)}[kind]
    message, place = said_of(tmp_path, data[:begin] + put + data[begin + size :])
    assert "damaged" in message or "cut short" in message, name
    assert place is None or 3 < place < 8


@pytest.mark.parametrize("name", ["mp3 no header", "mp3 no header, constant", "mp3 -q:a 4"])
@pytest.mark.parametrize(
    "tail",
    [b"TAG" + b"x" * 125, b"APETAGEX" + bytes(300), bytes(5000), b"LYRICSBEGIN" + b"la " * 200],
    ids=["ID3v1", "APE", "zeros", "lyrics"],
)
def test_tags_after_an_mp3_are_no_damage(tmp_path, name, tail):
    data = data_of(name)
    assert said_of(tmp_path, data + tail) == ("", None)


def test_an_mp3_with_a_picture_or_junk_before_it_is_whole(tmp_path):
    data = data_of("mp3 -q:a 4")
    (tmp_path / "plain").write_bytes(data)
    whole = decoded(str(tmp_path / "plain"))[1]
    picture = b"ID3\x03\0\0\0\0\x07\x76" + b"\xff\xfb" * 507
    (tmp_path / "tagged").write_bytes(picture + data)
    np.testing.assert_array_equal(decoded(str(tmp_path / "tagged"))[1], whole)
    (tmp_path / "junk").write_bytes(bytes(70_000) + data)
    assert abs(len(decoded(str(tmp_path / "junk"))[1]) - len(whole)) <= 2400


def test_recordings_one_after_the_other_are_refused_as_ogg_and_read_on_as_mp3(tmp_path):
    message, _ = said_of(tmp_path, 2 * data_of("opus"))
    assert message.startswith("holds several recordings, one after the other, from 12.0")
    (tmp_path / "b").write_bytes(2 * data_of("mp3 -q:a 4"))
    with pytest.warns(
        InputWarning, match=r"header claims 1[12]\.\d\d s; read to the end of the file, 24\.\d\d s"
    ):
        assert len(decoded(str(tmp_path / "b"))[1]) == pytest.approx(24 * 44100, abs=4000)


def test_an_mp3_that_changes_its_rate_is_an_error_that_says_where(tmp_path):
    message, place = said_of(tmp_path, data_of("mp3 no header, constant") + data_of("mp3 no header"))
    assert message.startswith("at ") and "it changes from 32000 Hz" in message
    assert place == pytest.approx(12, abs=0.2)


def test_a_flac_that_holds_more_than_its_header_says_is_an_error(tmp_path):
    data = bytearray(data_of("flac"))
    total = int.from_bytes(data[21:26], "big")  # 36 bits of them
    data[21:26] = (total & ~0xFFFFFFFFF | 4 * 44100).to_bytes(5, "big")
    message = "its header claims 4.00 s, but 12.00 s are there; decode it to WAV with ffmpeg first"
    assert said_of(tmp_path, bytes(data))[0] == message
    assert said_of(tmp_path, 2 * data_of("flac"))[0].startswith("its header claims 12.00 s, but 23.")


@pytest.mark.parametrize("name", ["opus", "vorbis ogg"])
def test_an_ogg_file_without_the_flag_of_its_end_is_whole(tmp_path, name):
    data = bytearray(data_of(name))
    (tmp_path / "flagged").write_bytes(data)
    last = data.rindex(b"OggS")
    data[last + 5] &= ~4
    data[last + 22 : last + 26] = bytes(4)
    data[last + 22 : last + 26] = checksum(bytes(data[last:])).to_bytes(4, "little")
    (tmp_path / "not").write_bytes(data)
    np.testing.assert_array_equal(*(decoded(str(tmp_path / name))[1] for name in ("flagged", "not")))


def test_an_m4a_whose_index_was_never_written_says_so(tmp_path):
    data = data_of("m4a aac")
    index = data.index(b"moov")
    message, _ = said_of(tmp_path, data[: index - 4] + data[index - 4 :].replace(b"moov", b"skip", 1))
    assert message == "cut short or damaged: the index of its sound (moov) cannot be read"


def two_tracks(path, seconds=1.0, delay=0.0):
    """Write a Matroska file of two tracks, about .1 and .2, the first of which begins `delay` s later."""
    with av.open(path, "w", format="matroska") as out:
        streams = [out.add_stream("flac", rate=RATE, layout="mono") for _ in range(2)]
        for number, stream in enumerate(streams):
            samples = np.random.default_rng(0).normal(0.1 * (number + 1), 0.01, (1, round(seconds * RATE)))
            frame = av.AudioFrame.from_ndarray(samples.astype(np.float32), "fltp", "mono")
            frame.sample_rate, frame.time_base = RATE, fractions.Fraction(1, RATE)
            frame.pts = 0 if number else round(delay * RATE)
            out.mux([*stream.encode(frame), *stream.encode(None)])


def test_the_first_of_several_sound_tracks_is_taken_and_that_is_said(tmp_path):
    path = str(tmp_path / "two.mka")
    two_tracks(path)
    with pytest.warns(InputWarning, match=r"two\.mka: holds 2 sound tracks; the first is taken"):
        assert load_audio(path, 0.2, 0.1).mean() == pytest.approx(0.1, abs=1e-2)


def test_sound_that_begins_after_the_pictures_is_reported(tmp_path):
    path = str(tmp_path / "late.mka")
    two_tracks(path, delay=0.7)
    with pytest.warns(InputWarning, match=r"its sound begins 0\.70 s after its pictures"):
        load_audio(path, 0.2, 0.1)


@pytest.mark.parametrize("share", [0.3, 0.7, 0.95])
def test_a_film_cut_short_is_an_error_though_its_length_is_that_of_the_longest_track(tmp_path, share):
    path = tmp_path / "film.mkv"
    two_tracks(str(path), seconds=6)
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    with pytest.raises(InputError, match=r"film\.mkv: (cut short|damaged)"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        decoded(str(path))


def test_spans_of_mp3s_put_together_are_those_of_the_whole(tmp_path):
    path = str(tmp_path / "a.mp3")
    (tmp_path / "a.mp3").write_bytes(2 * data_of("mp3 -q:a 4"))
    with pytest.warns(InputWarning, match="read to the end"):
        rate, whole = decoded(path)
    source = open_source(path)
    for place in (3.0, 20.1, 11.8, 15.0, 12.3, 1.0, 23.0):
        start = round(place * rate)
        np.testing.assert_array_equal(source.read(start, start + 9000), whole[start : start + 9000])


def test_a_part_of_an_opus_stream_is_as_long_as_it_is(tmp_path):
    (tmp_path / "whole.opus").write_bytes(data_of("opus"))
    with (
        av.open(str(tmp_path / "whole.opus")) as whole,
        av.open(str(tmp_path / "b.opus"), "w", format="ogg") as out,
    ):
        stream = out.add_stream_from_template(whole.streams.audio[0])
        for number, packet in enumerate(whole.demux(whole.streams.audio[0])):
            if packet.size and number >= 150:
                packet.stream = stream
                out.mux(packet)
    with warnings.catch_warnings():
        warnings.simplefilter("error", InputWarning)
        assert len(decoded(str(tmp_path / "b.opus"))[1]) / 48000 == pytest.approx(SECONDS - 3, abs=0.05)


def test_a_file_that_shrinks_while_it_is_read_is_an_error(tmp_path):
    data = data_of("opus")
    path = tmp_path / "a.opus"
    path.write_bytes(data)
    source = open_source(str(path))
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(InputError, match="cut short"):
        source.read(0, 12 * 48000)


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("empty.mp3", b"", "the file is empty"),
        ("page.mp3", b"<!DOCTYPE html><title>404</title>" * 20, "not a recording in a known format"),
        ("empty.flac", b"", "the file is empty"),
        ("list.m3u8", b"#EXTM3U\n#EXTINF:1,\na.wav\n", "not a recording in a known format"),
        ("list.ffconcat", b"ffconcat version 1.0\nfile 'a.wav'\n", "not a recording in a known format"),
    ],
)
def test_what_is_no_recording_is_told_in_plain_words(tmp_path, name, data, message):
    soundfile.write(tmp_path / "a.wav", np.ones(RATE) * 0.1, RATE)
    (tmp_path / name).write_bytes(data)
    with pytest.raises(InputError, match=rf"{name}: {message}"):
        load_audio(str(tmp_path / name))


def test_names_that_ffmpeg_would_take_for_addresses_are_files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    data = data_of("mp3 -q:a 4")
    for name in (
        "concat:a|b.mp3",
        "http:a.mp3",
        "pipe:0",
        "-i.mp3",
        "%03d.mp3",
        "a?b=c#d.mp3",
        "\udcea\udcff.mp3",
    ):
        with open(name, "wb") as file:
            file.write(data)
        assert len(load_audio(name, 1.0, 0.5)) == RATE // 2


# -- WAV headers that tell less, or more, than there is


def wav(seconds=4.0, after=b"", **sizes):
    """Return a 16-bit WAV; sizes: riff and data as the header claims them; after: bytes after the samples."""
    samples = (np.sin(np.arange(round(seconds * RATE)) / 9) * 9000).astype("<i2")
    file = io.BytesIO()
    soundfile.write(file, samples, RATE, format="WAV", subtype="PCM_16")
    data = bytearray(file.getvalue())
    at = data.index(b"data") + 4
    for place, size in ((4, sizes.get("riff")), (at, sizes.get("data"))):
        if size is not None:
            data[place : place + 4] = size.to_bytes(4, "little")
    return bytes(data) + after


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (wav(data=64000, riff=64036), "claims 2.00 s; read to the end of the file, 4.00 s"),
        (wav(data=0, riff=0), "gives no length; read to the end of the file, 4.00 s"),
        (wav(data=0, riff=36), "gives no length; read to the end of the file, 4.00 s"),
        (wav(data=0xFFFFFFFF, riff=0xFFFFFFFF), "gives no length; read to the end of the file, 4.00 s"),
        (wav(data=0x7FFFF000, riff=0x7FFFF024), "gives no length; read to the end of the file, 4.00 s"),
    ],
    ids=["not updated", "crashed", "crashed after the first chunk", "to a pipe", "to a pipe by sox"],
)
def test_a_wav_header_that_does_not_know_the_length_is_repaired_and_that_is_said(tmp_path, run, data, said):
    (tmp_path / "a.wav").write_bytes(data)
    with pytest.warns(InputWarning, match=re.escape(said)):
        rate, samples = decoded(str(tmp_path / "a.wav"))
    assert (rate, len(samples)) == (RATE, 4 * RATE)
    np.testing.assert_allclose(samples[:, 0], np.sin(np.arange(4 * RATE) / 9) * 9000 / 32768, atol=1e-4)
    result = run("su-segment", "a.wav", cwd=tmp_path)
    assert (result.status, result.stderr) == (0, f"su-segment: a.wav: its header {said}\n")
    assert sum(record["duration"] for record in result.records) == 4.0
    later = run("su-pitch", "-j", "1", stdin=result.stdout, cwd=tmp_path)
    assert (later.status, later.stderr) == (0, f"su-pitch: a.wav: its header {said}\n")


def test_a_crashed_recording_that_begins_with_silence_is_read_to_its_end(tmp_path, run):
    data = bytearray(wav(9.0, data=0, riff=0))
    start = data.index(b"data") + 8
    data[start : start + 120_000] = bytes(120_000)
    (tmp_path / "a.wav").write_bytes(data)
    result = run("su-segment", "a.wav", cwd=tmp_path)
    line = "su-segment: a.wav: its header gives no length; read to the end of the file, 9.00 s\n"
    assert (result.status, result.stderr) == (0, line)
    assert result.records[-1]["offset"] + result.records[-1]["duration"] == 9.0


@pytest.mark.parametrize(
    ("name", "message"), [("", "is not a file name"), ("-", "is not a file name"), (".", "a folder")]
)
def test_what_is_no_name_of_a_recording_is_told(run, tmp_path, name, message):
    result = run("su-segment", "--", name, cwd=tmp_path)
    assert result.status == 1 and message in result.stderr and result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "after",
    [
        b"LIST\x04\0\0\0INFO",
        b"id3 \x06\0\0\0ID3abc",
        b"TAG" + bytes(125),
        bytes(4096),
        b"LIST\x10\x27\0\0cut off" + b"x" * 90,
    ],
    ids=["a chunk", "an ID3 chunk", "an ID3v1 tag", "zeros", "a chunk cut off"],
)
def test_what_follows_the_samples_of_a_wav_is_not_taken_for_samples(tmp_path, run, after):
    (tmp_path / "a.wav").write_bytes(wav(after=after))
    result = run("su-segment", "a.wav", cwd=tmp_path)
    assert (result.status, result.stderr) == (0, "")
    assert sum(record["duration"] for record in result.records) == 4.0


def test_a_wav_of_more_than_4_gib_whose_size_wrapped_is_read_to_its_end(tmp_path):
    head = wav(seconds=0.001)
    start = head.index(b"data") + 8
    size = (1 << 32) + 64000
    with open(tmp_path / "a.wav", "wb") as file:
        file.write(head[: start - 4] + (size % (1 << 32)).to_bytes(4, "little"))
        file.truncate(start + size)
        file.seek(start + 64000)
        file.write(b"\x10\x20" * 8000)  # zeros alone would not count as sound
        file.seek(start + size - 32000)
        file.write(b"\x00\x40" * 16000)
    seconds = size / 2 / RATE
    with pytest.warns(InputWarning, match=rf"claims 2\.00 s; read to the end of the file, {seconds:.2f} s"):
        found = load_audio(str(tmp_path / "a.wav"), seconds - 0.5, 0.5)
    assert (found == 0.5).all()


def test_a_wav_that_holds_less_than_its_header_says_is_cut_short(tmp_path, run):
    (tmp_path / "a.wav").write_bytes(wav()[:-32000])
    result = run("su-segment", "a.wav", cwd=tmp_path)
    assert (result.status, result.stdout) == (1, b"")
    assert re.fullmatch(r"su-segment: a\.wav: cut short: [^\n]*\n", result.stderr)
