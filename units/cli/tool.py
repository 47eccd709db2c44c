"""How every su-* tool runs and ends: its status, signals and messages.

A tool exits with status 0; with 1 if its input or the system is at fault, after one line in GNU form on
stderr; with 2 for wrong usage. Killed by SIGINT, SIGTERM, SIGHUP or SIGPIPE it first lets every `with` block
clean up, and then dies of the same signal, so that shells and make see it.
"""

import contextlib
import os
import signal
import sys

import click

from units import __version__
from units.cli import processes, signals
from units.cli.faults import check_dashes, device_message, system_message, usage_message
from units.cli.messages import drop, fail, print_warnings, say
from units.records import InputError, LostError


class Job:
    """One run of a tool: reads its records with a progress bar, and handles faulty ones.

    The first fault stops the tool. With keep_going it is reported and its record skipped; the tool then ends
    with status 1 and reports how many were skipped.
    """

    def __init__(self, name, keep_going=False, verbose=False):
        self.name, self.keep_going, self.verbose = name, keep_going, verbose
        self.total = self.skipped = 0
        self._raised = None

    def records(self, paths):
        """Yield the records of the files, with a progress bar if stderr is a terminal."""
        from units.cli.progress import Bar
        from units.files.streams import read_records

        with Bar(paths) as bar:
            for record in read_records(paths, on_fault=self._bad_line, on_bytes=bar.read):
                yield record
                bar.done(record)
                signals.check()

    def _bad_line(self, error):
        self.total += 1
        self.fault(error)

    def bad_label(self, error):
        """Treat a label that cannot be used like a faulty record."""
        self._bad_line(error)

    def fault(self, error):
        """Raise the error; with keep_going report it instead, and count its record as skipped."""
        if not self.keep_going or signals.arrived:
            self._raised = error
            raise error
        self.skipped += 1
        say(self.name, error)

    @contextlib.contextmanager
    def item(self, record):
        """Run the block for one record. An InputError in it is a fault at the record's place."""
        self.total += 1
        try:
            yield
        except InputError as error:
            # the fault of a later record, which was read ahead
            if error is self._raised or isinstance(error, LostError):
                raise
            known = str(error).startswith(f"{record.place}:")
            self.fault(error if known else InputError(f"{record.place}: {error}"))
        else:
            self.log(record.get("id", record.place))

    def log(self, message):
        """Print a line on stderr with -v."""
        if self.verbose:
            say(self.name, message)

    def end(self):
        """Return the exit status; report how many records were skipped.

        Only the first of several processes does: torchrun would kill it as soon as another one ends with 1.
        """
        if not self.skipped or not processes.first():
            return 0
        say(self.name, f"{self.skipped} of {self.total} records skipped")
        return 1


class Tool(click.Command):
    """A click command that ends as the docstring of this module says."""

    def main(self, args=None, prog_name=None, **_extra):
        """Run the tool on the arguments and exit the process."""
        name = prog_name or os.path.basename(sys.argv[0]).removesuffix(".py")
        try:
            status = run(self, name, list(sys.argv[1:] if args is None else args))
            signals.listen_no_more()
        except signals.Terminated as error:  # it arrived between the last lines of these two
            signals.die_of(error.args[0])
        sys.exit(status)


class ToolGroup(click.Group, Tool):
    """A tool with subcommands."""


def run(command, name, args):
    """Run a click command; return its exit status, or die of the signal that stopped it."""
    signals.listen()
    processes.begin(getattr(command, "together", False))
    print_warnings(name)
    if sys.stderr is None:  # the caller closed it
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - open until the process ends
    try:
        if sys.stdout is None:
            raise InputError("standard output is closed")
        with signals.first():
            check_dashes(command, args)
            with command.make_context(name, list(args)) as context:
                job = command.invoke(context)
            sys.stdout.flush()
            return job.end() if isinstance(job, Job) else 0
    except click.exceptions.Exit as end:
        sys.stdout.flush()
        return end.exit_code
    except click.UsageError as error:
        fail(name, usage_message(error, name))
        return 2
    except (KeyboardInterrupt, click.Abort):
        signals.die_of(signal.SIGINT)
    except signals.Terminated as error:
        signals.unwind(error)
        signals.die_of(error.args[0])
    except BrokenPipeError:
        signals.die_of(signal.SIGPIPE)
    except (InputError, click.ClickException) as error:
        fail(name, error if isinstance(error, InputError) else error.format_message())
    except OSError as error:
        fail(name, system_message(error))
        drop(sys.stdout)
    except ImportError as error:
        fail(
            name,
            f"{error}; run `make install`, or pip install speech-units[eval,vad,train,onnx]",
        )
    except (MemoryError, RuntimeError) as error:
        if (message := device_message(error)) is None:
            raise
        fail(name, message)
    return 1


def tool(name, cls=Tool, reads_records=True, together=False, **settings):
    """Decorate a function as the tool `name`, with --version. It gets the Job first.

    A tool that reads records also has --keep-going and -v. together: whether torchrun may run it as several
    processes that share the work.
    """

    def decorate(function):
        def body(keep_going=False, verbose=False, **options):
            job = Job(click.get_current_context().find_root().info_name, keep_going, verbose)
            function(job, **options)
            return job

        own = getattr(function, "__click_params__", [])
        body.__doc__ = function.__doc__
        for option in (_version, _verbose, _keep_going) if reads_records else (_version,):
            body = option(body)
        body.__click_params__ += own
        command = click.command(name, cls=cls, context_settings=CONTEXT, **settings)(body)
        command.together = together
        return command

    return decorate


_keep_going = click.option(
    "--keep-going",
    is_flag=True,
    help="Skip bad records or files and report how many; the exit status is then 1.",
)
_verbose = click.option("-v", "--verbose", is_flag=True, help="Log one line per record to stderr.")
_version = click.version_option(__version__, message="%(prog)s %(version)s")


CONTEXT = {"help_option_names": ["-h", "--help"], "show_default": True, "max_content_width": 100}
