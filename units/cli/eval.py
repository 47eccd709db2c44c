"""su-eval: figures of merit, and gates on them."""

import importlib

import click

from units import __version__
from units.cli.tool import CONTEXT, ToolGroup

COMMANDS = {
    "speech": "units.cli.eval_speech:speech_command",
    "units": "units.cli.eval_units:units_command",
    "table": "units.cli.eval_table:table_command",
}


class Lazy(ToolGroup):
    """A group that imports a command only when it is used, so that --help stays fast."""

    def list_commands(self, ctx):
        """Return the names in the order in which they are explained."""
        return list(COMMANDS)

    def get_command(self, ctx, cmd_name):
        """Return the command of that name, or None."""
        if cmd_name not in COMMANDS:
            return None
        module, attribute = COMMANDS[cmd_name].split(":")
        return getattr(importlib.import_module(module), attribute)


@click.group("su-eval", cls=Lazy, context_settings=CONTEXT)
@click.version_option(__version__, message="%(prog)s %(version)s")
def main():
    """Measure resynthesis against recordings and units against phones, and compare runs."""
