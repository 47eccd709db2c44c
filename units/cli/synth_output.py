"""The output of su-synth: one WAV, written as it is spoken, or a folder of WAV files."""

import contextlib
import hashlib
import os
import struct
import sys
import time

from units.records import InputError, file_name, require


@contextlib.contextmanager
def open_wave(path):
    """Give the Wave at a path; None and "-" are standard output."""
    from units.files.output import create

    piped = path in (None, "-")
    if piped and sys.stdout.isatty():
        raise InputError("audio is not written to a terminal; use -o FILE.wav, --audio DIR or a pipe")
    with create(path) as out:
        wave = Wave(out, "-" if piped else path)
        yield wave
        if not piped:
            wave.finish()


class Wave:
    """One WAV of all records in turn: 16 bits, 16 kHz, mono, written as it is spoken."""

    def __init__(self, file, path="-"):
        from units.audio.writing import wav_header

        self.file, self.path, self.samples = file, path, 0
        file.write(wav_header())

    def write(self, record, pieces, _plan):
        """Append the pieces; set the record's place in the file. Returns the seconds it took."""
        from units.audio.timing import RATE
        from units.audio.writing import clipped_pcm16
        from units.files.sources import keep_apart

        keep_apart(self.path, record)
        start, began = self.samples, time.perf_counter()
        for piece in pieces:
            self.file.write(clipped_pcm16(piece, record.get("id", "-")))
            self.file.flush()
            self.samples += len(piece)
        record["audio_filepath"], record["offset"] = self.path, start / RATE
        record.pop("channel", None)  # the recording's; the new file has one channel
        record["duration"] = (self.samples - start) / RATE
        return time.perf_counter() - began

    def finish(self):
        """Write the lengths, unknown until now, into the header."""
        from units.audio.writing import wav_header

        self.file.seek(0)
        self.file.write(wav_header(self.samples))


class AudioFolder:
    """One WAV per record, named by its id. Each holds a digest of its input, so that a rerun can skip it."""

    def __init__(self, path, vocoder):
        """vocoder: its identity, which is part of the digest."""
        os.makedirs(path, exist_ok=True)
        self.path, self.vocoder, self._seen = path, vocoder, set()

    def write(self, record, pieces, plan):
        """Write the record's WAV. Returns the seconds it took, or None if it existed already."""
        from units.audio.timing import HOP, RATE
        from units.audio.writing import clipped_pcm16, wav_header
        from units.files.output import create
        from units.files.sources import keep_apart

        name = file_name(require(record, "id"), ".wav")
        if name in self._seen:
            raise InputError(f'"id" {record["id"]!r} occurs twice')
        self._seen.add(name)
        path = os.path.join(self.path, name)
        keep_apart(path, record)
        samples = HOP * len(plan[0])
        head = wav_header(samples, _digest(self.vocoder, record, plan))
        began = time.perf_counter()
        if done := not _starts_with(path, head, len(head) + 2 * samples):
            with create(path) as out:
                out.write(head)
                for piece in pieces:
                    out.write(clipped_pcm16(piece, record["id"]))
        record["audio_filepath"], record["offset"], record["duration"] = path, 0.0, samples / RATE
        record.pop("channel", None)  # the recording's; the new file has one channel
        return time.perf_counter() - began if done else None


def _digest(vocoder, record, plan):
    units, f0_hz, speaker = plan
    digest = hashlib.sha256(f"{vocoder} {record.get('codebook', '')}".encode())
    digest.update(struct.pack(f"<{len(units)}i{len(f0_hz)}di", *units, *f0_hz, speaker))
    return digest.hexdigest()


def _starts_with(path, head, size):
    try:
        with open(path, "rb") as file:
            return os.path.getsize(path) == size and file.read(len(head)) == head
    except OSError:
        return False
