"""Fill the OPTIONS section of man pages from the commands themselves, so that page and --help cannot differ.

    man/generate.py PAGE...     each named after its tool, as man/su-quantize.1; rewritten in place

The part between the two marker lines of a page is replaced; nothing else changes.
"""

import importlib
import re
import sys
from pathlib import Path

import click

ROOT = Path(__file__).resolve().parent.parent
BEGIN = '.\\" OPTIONS are written by `make man` from the command itself.\n'
END = '.\\" End of OPTIONS.\n'


def command_of(tool):
    """Return the click command of a tool: of su-train-vocoder, units.cli.train_vocoder.main."""
    module = tool.removeprefix("su-").replace("-", "_")
    return importlib.import_module(f"units.cli.{module}").main


def render(page, tool):
    """Return the text of a page with new OPTIONS. Raises ValueError if it has no markers."""
    before, found, rest = page.partition(BEGIN)
    _, ended, after = rest.partition(END)
    if not (found and ended):
        raise ValueError(f"{tool}: the page lacks the lines around OPTIONS:\n{BEGIN}{END}")
    return f"{before}{BEGIN}{options_section(tool)}{END}{after}"


def options_section(tool):
    """Return the OPTIONS section of a tool in mdoc, of subcommands a subsection each and one for all."""
    command = command_of(tool)
    if not isinstance(command, click.Group):
        return "\n".join([".Sh OPTIONS", *_list(_options(command, tool))]) + "\n"
    context = click.Context(command, info_name=tool)
    names = command.list_commands(context)
    options = {name: _options(command.get_command(context, name), f"{tool} {name}") for name in names}
    shared = [item for item in options[names[0]] if all(item in items for items in options.values())]
    lines = [".Sh OPTIONS"]
    for name, items in options.items():
        lines += [f".Ss {tool} {name}", *_list([item for item in items if item not in shared])]
    return "\n".join([*lines, ".Ss All subcommands", *_list(shared)]) + "\n"


def _list(items):
    return [".Bl -tag -width Ds", *(line for item in items for line in item), ".El"]


def _options(command, name):
    """Return the roff lines of each option of a command."""
    context = click.Context(command, info_name=name, **command.context_settings)
    params = [p for p in command.get_params(context) if isinstance(p, click.Option) and not p.hidden]
    return [[f".It {_names(p, context)}", *_text(p, context)] for p in params]


def _names(option, context):
    flags = [f"Fl {_escape(name[1:])}" for name in sorted(option.opts, key=len)]
    negative = [f"Fl {_escape(name[1:])}" for name in option.secondary_opts]
    value = "" if option.is_flag or option.count else f" Ar {_escape(metavar(option, context))}"
    return " , ".join(flags + negative) + value


def metavar(option, context):
    """Return the placeholder of an option's value: its metavar, N for a whole number, or X for a number."""
    if option.metavar:
        return option.metavar
    if isinstance(option.type, click.types.IntParamType):
        return "N"
    if isinstance(option.type, click.types.FloatParamType):
        return "X"
    if isinstance(option.type, click.Choice):
        return "|".join(map(str, option.type.choices))
    return "FILE" if isinstance(option.type, click.Path) else option.name.upper()


def _text(option, context):
    """Return an option's help, a sentence a line, and what may be said of its value."""
    text, _, written = (option.help or "").partition("[default: ")
    default = written.removesuffix("]") or default_of(option, context)
    parts = ["Required."] * option.required
    parts += [f"Default: {default}."] * (default is not None)
    parts += [f"Range: {limits}." for limits in [limits_of(option.type)] if limits]
    sentences = re.split(r"(?<=\.)\s+(?=[A-Z])", " ".join(text.split()))
    return [_escape(line) for line in (*sentences, *parts) if line]


def default_of(option, context):
    """Return an option's default in words, or None if there is nothing to say."""
    if isinstance(option.show_default, str):
        return option.show_default
    value = option.get_default(context, call=False)
    plain = type(value) in (int, float, str) or (isinstance(value, bool) and option.secondary_opts)
    if not plain or value == "":
        return None
    if option.secondary_opts:
        return (option.opts if value else option.secondary_opts)[0]
    return f"{value:g}" if isinstance(value, float) else str(value)


def limits_of(kind):
    """Return the range of an option's type in words, "" if it has none."""
    low, high = getattr(kind, "min", None), getattr(kind, "max", None)
    least = "above" if getattr(kind, "min_open", False) else "at least"
    most = "below" if getattr(kind, "max_open", False) else "at most"
    low, high = (limit if limit is None else _plain(limit) for limit in (low, high))
    if low is not None and high is not None and (least, most) == ("at least", "at most"):
        return f"{low} to {high}"
    return ", ".join(f"{word} {limit}" for word, limit in ((least, low), (most, high)) if limit is not None)


def _plain(number):
    """Return a number as people write it: 1000000 rather than 1e+06 or 1000000.0."""
    return str(int(number)) if number == int(number) else f"{number:g}"


def _escape(text):
    text = text.replace("\\", "\\e").replace("-", "\\-")
    text = re.sub(r"`(.*?)`", r"\\(oq\1\\(cq", text)
    return "\\&" + text if text[:1] in (".", "'") else text


def main(paths):
    """Rewrite the pages."""
    sys.path.insert(0, str(ROOT))
    for path in map(Path, paths):
        path.write_text(render(path.read_text(encoding="utf-8"), path.stem), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
