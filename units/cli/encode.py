"""su-encode: records of audio to records with the frames of an encoder."""

import os
import sys

import click

from units.cli import device_option, output_option, records_argument, tool
from units.encoders import DEFAULT_MODEL
from units.records import InputError, file_name, require


@tool("su-encode")
@records_argument("segments")
@click.option(
    "-m",
    "--model",
    default=DEFAULT_MODEL,
    help="mfcc, mms-300m, xlsr-53, mms-1b, hubert-base, wavlm-large, mhubert-147, a directory or a Hugging Face id.",
)
@click.option(
    "-l",
    "--layer",
    type=click.IntRange(0, 100),
    default=None,
    show_default="the model's own, 14 of mms-300m",
    help="Hidden layer, 0 the transformer's input.",
)
@output_option(
    "Folder for an NPY file a record; without it arrays follow their records inline.", metavar="DIR"
)
@device_option
def main(job, segments, model, layer, output, device):
    """Turn each record's audio into frames of an encoder, one each 20 ms."""
    from units.audio import FRAME_SHIFT, load_record
    from units.encoders import load
    from units.streams import write_record

    encoder = load(model, layer, device)
    folder = Folder(output, encoder.name) if output else None
    for record in job.records(segments):
        with job.item(record):
            record["frame_shift"], record["encoder"] = FRAME_SHIFT, encoder.name
            path = folder.place(record) if folder else None
            if path is None or not os.path.exists(path):
                samples = load_record(record)
                frames = encoder.encode(samples)
                if not len(frames):
                    raise InputError(f"{len(samples)} samples are too few for a frame")
                record.array, record["features"] = frames, "-"
            if path:
                folder.keep(record, path)
            write_record(record, sys.stdout.buffer)


class Folder:
    """A folder of NPY files made by one encoder, each named after its record."""

    def __init__(self, path, encoder_name):
        self.path, self._seen = path, set()
        os.makedirs(path, exist_ok=True)
        self._claim(encoder_name)

    def _claim(self, encoder_name):
        """Refuse a folder of another encoder's frames: a rerun would take them for its own."""
        from units.streams import create

        note = os.path.join(self.path, "ENCODER")
        if os.path.exists(note):
            with open(note, encoding="utf-8") as file:
                other = file.read().strip()
            if other != encoder_name:
                raise InputError(f"{self.path}: holds frames of {other}, not {encoder_name}")
            return
        with create(note) as out:
            out.write(encoder_name.encode() + b"\n")

    def place(self, record):
        """Return the path for a record's frames; raise InputError where its id was seen before."""
        name = file_name(require(record, "id"), ".npy")
        if name in self._seen:
            raise InputError(f'"id" {record["id"]} a second time')
        self._seen.add(name)
        return os.path.join(self.path, name)

    def keep(self, record, path):
        """Write the record's frames, if there are new ones, and point the record at their file."""
        import numpy as np

        from units.streams import create

        if record.array is not None:
            with create(path) as out:
                np.save(out, record.array, allow_pickle=False)
        record["features"], record.array = path, None
