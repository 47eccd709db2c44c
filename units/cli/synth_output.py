"""Where su-synth's audio goes: a folder of WAVs, one WAV, or a WAV on standard output as it is spoken."""

import contextlib
import hashlib
import os
import struct
import sys
import time

from units.records import InputError, file_name, require


@contextlib.contextmanager
def open_output(path, vocoder=""):
    """Give the output for -o: each has write(record, pieces, plan), which completes the record.

    vocoder: what tells it from others.
    """
    if path == "-":
        if sys.stdout.isatty():
            raise InputError("will not write audio to a terminal; use -o or a pipe")
        yield Stream(sys.stdout.buffer)
    elif path.lower().endswith(".wav") and not os.path.isdir(path):
        from units.files.output import create

        with create(path) as out:
            stream = Stream(out, path)
            yield stream
            stream.finish()
    else:
        os.makedirs(path, exist_ok=True)
        yield Folder(path, vocoder)


class Stream:
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
        record.pop("channel", None)  # of the recording: this one has only one
        record["duration"] = (self.samples - start) / RATE
        return time.perf_counter() - began

    def finish(self):
        """Write the lengths, unknown until now, into the header."""
        from units.audio.writing import wav_header

        self.file.seek(0)
        self.file.write(wav_header(self.samples))


class Folder:
    """A WAV a record, named by its id; each holds a digest of what was spoken by what: a rerun skips it."""

    def __init__(self, path, vocoder):
        self.path, self.vocoder, self._seen = path, vocoder, set()

    def write(self, record, pieces, plan):
        """Write the record's WAV. Returns the seconds it took, None if it was there already."""
        from units.audio.timing import HOP, RATE
        from units.audio.writing import clipped_pcm16, wav_header
        from units.files.output import create
        from units.files.sources import keep_apart

        name = file_name(require(record, "id"), ".wav")
        if name in self._seen:
            raise InputError(f'"id" {record["id"]} a second time')
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
        record.pop("channel", None)  # of the recording: this one has only one
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
