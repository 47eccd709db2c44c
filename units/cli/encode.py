"""su-encode: records of audio to records with the frames of an encoder."""

import click

from units.cli.options import device_option, dtype_option, folder_option, output_option, records_argument
from units.cli.tool import tool
from units.encoders.models import CHUNK_SECONDS, DEFAULT_MODEL, MODELS


class Layers(click.ParamType):
    """Numbers of layers separated by commas, or `all`."""

    name = "layers"

    def convert(self, value, param, context):
        """Return a sorted list of numbers, or "all"."""
        if value == "all" or isinstance(value, list):
            return value
        if not all(part.isascii() and part.isdecimal() for part in value.split(",")):
            self.fail(f"{value!r} is not a layer (14), a list of layers (6,9,12), or all", param, context)
        return sorted({int(part) for part in value.split(",")})


@tool("su-encode")
@records_argument("segments")
@click.option(
    "-m",
    "--model",
    default=DEFAULT_MODEL,
    metavar="ENCODER",
    help=f"Encoder: mfcc, small, {', '.join(MODELS)}, a directory or a Hugging Face id.",
)
@click.option(
    "-l",
    "--layer",
    "layers",
    type=Layers(),
    metavar="N,...|all",
    show_default="the model's own, 5 for small",
    help="Hidden layers to output; 0 is the input of the first layer. Several layers give one record each "
    "and require --arrays.",
)
@folder_option(
    "--arrays",
    "Write the frames of each record as an NPY file to this folder. Otherwise each array follows its record "
    "in the output.",
)
@click.option(
    "--chunk-seconds",
    type=click.FloatRange(8, 3600),
    default=CHUNK_SECONDS,
    metavar="S",
    help="Encode longer audio in overlapping chunks of this length. Whisper always uses 30.",
)
@click.option(
    "--batch-seconds",
    type=click.FloatRange(0, 36000),
    default=None,
    metavar="S",
    show_default="200 on a GPU, 0 on a CPU",
    help="Audio to encode in one batch; 0 encodes one segment at a time.",
)
@dtype_option
@device_option
@output_option("Records with `features`")
def main(job, segments, model, layers, arrays, chunk_seconds, batch_seconds, dtype, device, output):
    """Turn each record's audio into frames of an encoder, one every 20 ms."""
    several = layers == "all" or len(layers or ()) > 1
    if several and not arrays:
        raise click.UsageError("several layers require --arrays DIR")
    from units.cli.encode_output import Folders, Inline
    from units.encoders.models import load_encoder
    from units.encoders.stream import EncodingStream
    from units.files.output import create

    encoder = load_encoder(model, layers, device, dtype, chunk_seconds)
    job.log(f"computing on {encoder.place}")
    with (
        create(output) as out,
        Folders(encoder, out, arrays, several, model) if arrays else Inline(encoder, out) as sink,
        EncodingStream(job.records(segments), encoder, sink.lacks, batch_seconds) as stream,
    ):
        for encoding, blocks in stream:
            with job.item(encoding.record):
                if encoding.error:
                    raise encoding.error
                sink.write(encoding, blocks)
