"""The options and arguments that several tools share, so that each has one meaning; see su-tools(7)."""

import functools
import re

import click

from units.records import InputError
from units.settings import check, fault_of, limits, settings_of

PATH = click.Path(path_type=str)


class Device(click.ParamType):
    """The name of a device as torch has it: auto, cpu, cuda, cuda:N."""

    name = "device"

    def convert(self, value, param, ctx):
        """Return the name, or fail as wrong usage. Only torch can say whether the device exists."""
        if not re.fullmatch(r"auto|cpu|cuda(:\d{1,3})?", value):
            self.fail(f"{value!r} is not auto, cpu, cuda or cuda:N.", param, ctx)
        return value


class CommaList(click.ParamType):
    """Values of one type, separated by commas; the option's value is a tuple of them."""

    name = "list"

    def __init__(self, item, known=None):
        self.item, self.known = item, known  # the type of one value; the setting whose rules they follow

    def convert(self, value, param, ctx):
        """Return the tuple, or fail as wrong usage."""
        if isinstance(value, (tuple, list)):
            return tuple(value)
        try:
            values = tuple(self.item(part.strip()) for part in value.split(","))
        except ValueError:
            self.fail(f"{value!r} is not a list of numbers separated by commas.", param, ctx)
        fault = fault_of(self.known, values) if self.known else None
        if fault:
            self.fail(fault.partition(" must be ")[2] + ".", param, ctx)
        return values


class _Number:
    """A number that follows the rules of a setting. It overrides click's range types."""

    def __init__(self, known):
        rules = known.rules
        super().__init__(rules.low, rules.high, rules.low_open, rules.high_open)
        self.known = known

    def convert(self, value, param, ctx):
        """Return the number, or fail as wrong usage."""
        if value is None or type(value) is self.known.kind:
            return value
        try:
            number = self.known.kind(value)
        except ValueError:
            kind = "a whole number" if self.known.kind is int else "a number"
            self.fail(f"{value!r} is not {kind}.", param, ctx)
        fault = fault_of(self.known, number)
        if fault:
            self.fail(f"it must be {fault.partition(' must be ')[2]}.", param, ctx)
        return number

    def _describe_range(self):
        return limits(self.known.rules).strip().removeprefix("from ").removeprefix("of ")


class WholeNumber(_Number, click.IntRange):
    """A whole number that follows the rules of a setting."""


class RealNumber(_Number, click.FloatRange):
    """A number that follows the rules of a setting."""


def settings(config, *, into="config", only=None, without=(), default_words=None):
    """Return the decorator that adds an option for each setting of a dataclass.

    The command gets, as the argument `into`, the dataclass made of the options' values, checked. only,
    without: names of the settings to take, or to leave out. default_words(name): the default in words, if it
    depends on other options: then such options are None unless given, and the command gets a dict of the
    given ones.
    """
    chosen = [s for s in settings_of(config) if (only is None or s.name in only) and s.name not in without]

    def decorate(command):
        @functools.wraps(command)
        def body(*args, **options):
            values = {known.name: options.pop(known.name) for known in chosen}
            if default_words:
                return command(*args, **{into: {k: v for k, v in values.items() if v is not None}}, **options)
            made = (config if isinstance(config, type) else type(config))(**values)
            try:
                check(made)
            except InputError as error:
                raise click.UsageError(str(error)) from None
            return command(*args, **{into: made}, **options)

        for known in reversed(chosen):
            body = option_of(known, default_words and default_words(known.name))(body)
        return body

    return decorate


def option_of(known, words=None):
    """Return the click option of a setting. words: its default in words, if it has no fixed default."""
    rules = known.rules
    names = rules.names or (f"--{known.name.replace('_', '-')}",)
    names = (*names, known.name) if known.name not in names else names
    if known.kind is bool:
        flag = next(name for name in names if name.startswith("--"))
        if known.default and not words:
            names = (f"{flag}/--no-{flag[2:]}", known.name)
        return click.option(*names, is_flag=True, default=known.default, help=rules.help)
    shown = words or rules.words or True
    return click.option(
        *names,
        type=_type_of(known),
        default=None if words or known.default is None else _shown_default(known),
        show_default=shown,
        metavar=metavar_of(known),
        help=rules.help,
    )


def _type_of(known):
    if known.kind is tuple:
        return CommaList(known.item, known)
    if known.rules.choices:
        return click.Choice(known.rules.choices)
    kinds = {int: WholeNumber, float: RealNumber}
    return kinds[known.kind](known) if known.kind in kinds else click.STRING


def _shown_default(known):
    values = known.default if known.kind is tuple else [known.default]
    return ",".join(f"{value:g}" if isinstance(value, float) else str(value) for value in values)


def metavar_of(known):
    """Return what the help text calls the value of a setting: its unit of measure, else N or X.

    >>> from units.config import SegmentConfig
    >>> [metavar_of(known) for known in settings_of(SegmentConfig)]
    ['DB', 'S', 'S', 'S']
    """
    if known.rules.choices:
        return None
    if known.rules.unit:
        word = known.rules.unit.upper()
    else:
        word = {int: "N", float: "X"}.get(known.item or known.kind, "TEXT")
    return f"{word},..." if known.kind is tuple else word


def records_argument(name):
    """Return the decorator for the record files a tool reads: any number, standard input if none."""
    return click.argument(name, nargs=-1, type=PATH, metavar=f"[{name.upper()}]...")


def output_option(what, metavar="FILE", required=False):
    """Return the decorator for -o: the file of the tool's records, or of its one product.

    what: help, as "Records with units". The file takes its name when it is complete.
    """
    otherwise = "" if required else "; standard output if not given"
    return click.option(
        "-o", "--output", type=PATH, metavar=metavar, required=required, help=f"{what}{otherwise}."
    )


def codebook_option(text, required=False):
    """Return the decorator for -c: a codebook of su-cluster."""
    return click.option("-c", "--codebook", type=PATH, metavar="CODEBOOK", required=required, help=text)


def top_option(what):
    """Return the decorator for -n: how many results to write, all by default. what: as "terms"."""
    return click.option(
        "-n",
        "--top",
        type=click.IntRange(min=1),
        metavar="N",
        show_default="all",
        help=f"Write only the N best {what}.",
    )


def folder_option(name, what):
    """Return the decorator for a folder of side products: --arrays, --clips or --audio."""
    return click.option(name, type=PATH, metavar="DIR", help=what)


def html_option(what):
    """Return the decorator for --html: a page. what: what it shows, as "the best terms, to listen to"."""
    return click.option(
        "--html", type=PATH, metavar="FILE", help=f"Write a page of {what}: one file that needs no network."
    )


def _processors():
    from units.parallel import processors

    return processors()


seed_option = click.option(
    "--seed",
    type=click.IntRange(min=0),
    metavar="N",
    default=0,
    help="Seed of the random numbers.",
)
jobs_option = click.option(
    "-j",
    "--jobs",
    type=click.IntRange(1, 256),
    metavar="N",
    default=_processors,
    show_default="number of processors",
    help="Number of parallel processes. The order of the output stays the same.",
)


def dtype_option_with(*more):
    """Return the decorator for --dtype; more: precisions besides those that all tools have."""
    return click.option(
        "--dtype",
        type=click.Choice(["auto", "fp32", "bf16", *more]),
        default="auto",
        help="Precision of the network; auto is bf16 if the device supports it, otherwise fp32.",
    )


dtype_option = dtype_option_with()
device_option = click.option(
    "--device",
    type=Device(),
    default="auto",
    metavar="auto|cpu|cuda|cuda:N",
    help="Device to compute on; auto is a GPU if there is one, otherwise the CPU.",
)
