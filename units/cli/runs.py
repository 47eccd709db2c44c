"""What the subcommands of su-bpe share: the model, and the units that it is of."""

import click

from units.cli.options import PATH

model_option = click.option(
    "-m", "--model", type=PATH, required=True, metavar="FILE", help="The model of su-bpe train."
)
keep_runs_option = click.option(
    "--keep-runs", is_flag=True, help="Take a unit for every frame; else a run of equal units counts as one."
)


def runs(record, keep_runs):
    """Return the units of a record and how many frames each lasts, arrays: runs, or with keep_runs frames."""
    import numpy as np

    from units.codebook.quantize import runs_of
    from units.records import frame_units

    if not keep_runs:
        return runs_of(record)
    units = np.array(frame_units(record), np.int64)
    return units, np.ones(len(units), np.int64)
