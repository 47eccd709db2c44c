"""The options and arguments that several tools share."""

import os
import re

import click

PATH = click.Path(path_type=str)


class Device(click.ParamType):
    """The name of a device as torch has it: auto, cpu, cuda, cuda:N."""

    name = "device"

    def convert(self, value, param, ctx):
        """Return the name, or fail as wrong usage; whether there is such a device only torch can tell."""
        if not re.fullmatch(r"auto|cpu|cuda(:\d{1,3})?", value):
            self.fail(f"{value!r} is not auto, cpu, cuda or cuda:N.", param, ctx)
        return value


def records_argument(name):
    """Return the decorator for the record files a tool reads: any number, standard input for none."""
    return click.argument(name, nargs=-1, type=PATH, metavar=f"[{name.upper()}]...")


def output_option(what, metavar="FILE", required=False):
    """Return the decorator for -o: where the output goes, which takes its name when it is whole."""
    return click.option("-o", "--output", type=PATH, metavar=metavar, required=required, help=what)


seed_option = click.option(
    "--seed", type=click.IntRange(min=0), default=0, help="Seed of all that is random; same seed, same bytes."
)
jobs_option = click.option(
    "-j",
    "--jobs",
    type=click.IntRange(1, 256),
    default=lambda: len(os.sched_getaffinity(0)),
    show_default="number of processors",
    help="Work on this many records at once; the output keeps its order.",
)
dtype_option = click.option(
    "--dtype",
    type=click.Choice(["auto", "fp32", "bf16"]),
    default="auto",
    help="Precision of the network; auto: bf16 where the device has it.",
)
device_option = click.option(
    "--device",
    type=Device(),
    default="auto",
    metavar="auto|cpu|cuda|cuda:N",
    help="Where networks run; auto: a GPU if one is seen.",
)
