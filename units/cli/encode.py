"""su-encode: records of audio to records with the frames of an encoder."""

import click

from units.cli.options import device_option, dtype_option, output_option, records_argument
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
            self.fail(f"{value!r} is neither numbers of layers, as 14 or 6,9,12, nor all", param, context)
        return sorted({int(part) for part in value.split(",")})


@tool("su-encode")
@records_argument("segments")
@click.option(
    "-m",
    "--model",
    default=DEFAULT_MODEL,
    help=f"mfcc, small, {', '.join(MODELS)}, a directory or a Hugging Face id.",
)
@click.option(
    "-l",
    "--layers",
    "--layer",
    type=Layers(),
    metavar="L[,L...]|all",
    show_default="the model's own, 14 of mms-300m",
    help="Hidden layers, 0 the transformer's input; of several, a record each, and -o is needed.",
)
@output_option(
    "Folder for an NPY file a record; without it arrays follow their records inline.", metavar="DIR"
)
@click.option(
    "--chunk-seconds",
    type=click.FloatRange(8, 3600),
    default=CHUNK_SECONDS,
    help="Encode longer audio in overlapping chunks of this length; Whisper's are of 30 s always.",
)
@click.option(
    "--batch-seconds",
    type=click.FloatRange(0, 36000),
    default=None,
    show_default="200 on a GPU, 0 on a CPU",
    help="Seconds of audio to encode at once; 0 is a segment at a time.",
)
@dtype_option
@device_option
def main(job, segments, model, layers, output, chunk_seconds, batch_seconds, dtype, device):
    """Turn each record's audio into frames of an encoder, one each 20 ms."""
    several = layers == "all" or len(layers or ()) > 1
    if several and not output:
        raise click.UsageError("several --layers need -o DIR")
    from units.cli.encode_output import Folders, Pipe
    from units.encoders.models import load_encoder
    from units.encoders.stream import Stream

    encoder = load_encoder(model, layers, device, dtype, chunk_seconds)
    sink = Folders(encoder, output, several, model) if output else Pipe(encoder)
    with Stream(job.records(segments), encoder, sink.lacks, batch_seconds) as stream:
        for recording, blocks in stream:
            with job.item(recording.record):
                if recording.error:
                    raise recording.error
                sink.write(recording, blocks)
