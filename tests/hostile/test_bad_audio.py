"""A hundred recordings that are cut, damaged, odd or none at all: each is read whole or told in one line."""

import io
import json
import os
import re
import struct

import numpy as np
import pytest
import soundfile

from units.audio.ogg import check_ogg
from units.audio.reading import load_audio
from units.records import InputError

SECONDS = 2.4
CONTAINERS = {
    "wav": ("WAV", "PCM_16", 16000),
    "aiff": ("AIFF", "PCM_16", 16000),
    "flac": ("FLAC", "PCM_16", 16000),
    "ogg": ("OGG", "VORBIS", 16000),
    "opus": ("OGG", "OPUS", 48000),
    "mp3": ("MP3", "MPEG_LAYER_III", 44100),
}
SUBTYPES = (
    *("PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW", "ALAW"),
    *("IMA_ADPCM", "MS_ADPCM", "GSM610"),
)
RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 88200, 96000, 176400, 192000)


def sound(rate=16000, channels=1):
    """Return (S, channels): half a second of next to nothing, then a tone that comes and goes."""
    t = np.arange(int(rate * SECONDS)) / rate
    wave = 0.3 * np.sin(2 * np.pi * 220 * t) * (1 + 0.5 * np.sin(6 * np.pi * t)) * np.where(t < 0.5, 1e-3, 1)
    return np.repeat(wave[:, None], channels, axis=1)


def encoded(wave, rate=16000, container="WAV", subtype="PCM_16"):
    file = io.BytesIO()
    soundfile.write(file, wave, rate, format=container, subtype=subtype)
    return file.getvalue()


def whole():
    """Return {name: bytes} of recordings that are whole, however unusual."""
    made = {f"{s}.wav": encoded(sound(8000), 8000, "WAV", s) for s in SUBTYPES}
    made |= {f"{n} channels.wav": encoded(sound(channels=n)) for n in range(1, 9)}
    made |= {f"{rate} Hz.wav": encoded(sound(rate), rate) for rate in RATES}
    made |= {f"whole.{end}": encoded(sound(rate), rate, c, s) for end, (c, s, rate) in CONTAINERS.items()}
    made["flac called.mp3"] = made["whole.flac"]
    made["tagged.ogg"] = made["whole.ogg"] + b"TAG" + bytes(125)
    made["streamed.wav"] = edited(made["whole.wav"], 40, struct.pack("<I", 0xFFFFFFFF))
    return made


def edited(data, at, new):
    return data[:at] + new + data[at + len(new) :]


def broken():
    """Return {name: bytes} of what is no recording, or not all of one."""
    random, good = np.random.default_rng(0), whole()
    made = {}
    for end in CONTAINERS:
        data = good[f"whole.{end}"]
        for share in (0.3, 0.6, 0.9):
            made[f"cut at {share}.{end}"] = data[: int(share * len(data))]
        made[f"of 40 bytes.{end}"] = data[:40]
        made[f"random.{end}"] = random.bytes(5000)
        made[f"zeros.{end}"] = bytes(5000)
        made[f"empty.{end}"] = b""
        made[f"page.{end}"] = b"<!DOCTYPE html><title>404 Not Found</title>\n" * 30
    for end in ("flac", "ogg", "opus"):  # those with checksums
        data = good[f"whole.{end}"]
        made[f"damaged.{end}"] = edited(data, len(data) // 2, random.bytes(60))
    made["two in one.ogg"], made["two in one.opus"] = 2 * good["whole.ogg"], 2 * good["whole.opus"]
    wav = good["whole.wav"]
    sizes = {"no rate": (24, 0), "a rate of 1 Hz": (24, 1), "a rate of 4 GHz": (24, 0xFFFFFFFF)}
    made |= {f"{name}.wav": edited(wav, at, struct.pack("<I", n)) for name, (at, n) in sizes.items()}
    shorts = {
        "no channels": (22, 0),
        "65535 channels": (22, 65535),
        "no bits": (34, 0),
        "no codec": (20, 9999),
    }
    made |= {f"{name}.wav": edited(wav, at, struct.pack("<H", n)) for name, (at, n) in shorts.items()}
    for name, value in (("NaN", np.nan), ("infinity", np.inf)):
        wave = sound()
        wave[1000] = value
        made[f"{name}.wav"] = encoded(wave, subtype="FLOAT")
    for name, samples in (("no samples", 0), ("one sample", 1), ("silence", 16000)):
        made[f"{name}.wav"] = encoded(np.zeros(samples))
    return made


WHOLE, BROKEN = whole(), broken()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("audio")
    for name, data in {**WHOLE, **BROKEN}.items():
        (made / name).write_bytes(data)
    (made / "folder.wav").mkdir()
    (made / "to nothing.wav").symlink_to("nowhere")
    os.mkfifo(made / "pipe.wav")
    return made


def test_there_are_enough_of_them():
    assert len(BROKEN) + 3 >= 60 and len(WHOLE) >= 40


@pytest.mark.parametrize("name", WHOLE)
def test_what_is_whole_is_read_whole(folder, name):
    samples = load_audio(str(folder / name))
    block = 320 if "ADPCM" in name or "GSM" in name else 1152 if name.endswith("mp3") else 1
    # codecs of blocks fill the last of them
    assert SECONDS * 16000 - 1 <= len(samples) <= SECONDS * 16000 + 5 * block
    level = np.sqrt(np.mean(np.square(samples[16000:32000])))
    assert level == pytest.approx(0.3 * np.sqrt(0.5 * 1.125), rel=0.1)


@pytest.mark.parametrize("name", [*BROKEN, "folder.wav", "to nothing.wav", "pipe.wav"])
def test_what_is_not_is_told_in_one_line_and_nothing_is_made_of_it(run, folder, name):
    result = run("su-segment", name, cwd=folder)
    assert (result.status, result.stdout) == (1, b"")
    assert re.fullmatch(rf"su-segment: {re.escape(name)}: [^\n]+\n", result.stderr)


def test_with_keep_going_all_that_is_whole_is_done(run, folder):
    names = [*WHOLE, *BROKEN, "folder.wav", "to nothing.wav", "pipe.wav"]
    result = run("su-segment", "--keep-going", *names, cwd=folder)
    assert result.status == 1
    assert {record["audio_filepath"] for record in result.records} == set(WHOLE)
    *faults, last = (line for line in result.stderr.splitlines() if "read to the end of" not in line)
    assert last == f"su-segment: {len(names) - len(WHOLE)} of {len(names)} records skipped"
    assert len(faults) == len(names) - len(WHOLE)


def test_later_tools_name_the_record_whose_recording_is_gone_or_changed(run, folder, tmp_path):
    names = ["cut at 0.6.wav", "damaged.flac", "NaN.wav", "folder.wav", "pipe.wav", "random.mp3", "gone.wav"]
    records = [
        {"id": str(i), "audio_filepath": str(folder / name), "offset": 0.0, "duration": SECONDS}
        for i, name in enumerate(["whole.wav", *names])
    ]
    stdin = b"".join(json.dumps(record).encode() + b"\n" for record in records)
    for words in (["su-encode", "-m", "mfcc"], ["su-encode", "-m", "small"], ["su-pitch", "-j", "1"]):
        result = run(words[0], "--keep-going", *words[1:], stdin=stdin)
        assert result.status == 1 and result.stdout.count(b'"id"') == 1
        *faults, _ = result.stderr.splitlines()
        for number, (line, name) in enumerate(zip(faults, names, strict=True), start=2):
            assert line.startswith(f"{words[0]}: -:{number}: {folder}/{name}: ")


def test_a_page_of_ogg_that_is_gone_is_missed(tmp_path):
    data = encoded(np.random.default_rng(0).normal(0, 0.1, 200_000), 16000, "OGG", "VORBIS")
    pages = re.split(rb"(?=OggS)", data)[1:]
    assert len(pages) > 5
    path = tmp_path / "a.ogg"
    path.write_bytes(b"".join(pages))
    check_ogg(path, 16000)
    path.write_bytes(b"".join(pages[:3] + pages[4:]))
    with pytest.raises(InputError, match=r"damaged at \d+\.\d\d s: pages are missing there"):
        check_ogg(path, 16000)
