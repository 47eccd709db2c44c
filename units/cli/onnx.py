"""su-onnx: a vocoder's generator as an ONNX model."""

import click

from units.cli.options import output_option
from units.cli.tool import tool


@tool("su-onnx", reads_records=False)
@click.option("-m", "--model", metavar="VOCODER", required=True, help="Directory of the vocoder.")
@output_option("The ONNX model", required=True)
def main(_job, model, output):
    """Write a vocoder's generator as an ONNX model, to run without PyTorch."""
    from units.vocoder.model import load_vocoder
    from units.vocoder.onnx import export

    export(load_vocoder(model), output)
