"""The command line: one module per tool; tool.py says how every tool runs and ends."""

from units.cli import (
    signals,  # noqa: F401 - before what takes long to import: a ^C meanwhile ends it without a traceback
    threads,  # noqa: F401 - before anything loads OpenMP
)
