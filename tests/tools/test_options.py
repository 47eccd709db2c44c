"""One meaning per option: what su-tools(7) says of options holds for every command."""

import configparser
import importlib
import re
from pathlib import Path

import click
import pytest
from processes import ROOT

# Each option, its short form, and what --help calls its value.
MEANINGS = {
    "--output": ("-o", {"FILE", "DIR"}),
    "--clusters": ("-k", {"N", "N,..."}),
    "--top": ("-n", {"N"}),
    "--jobs": ("-j", {"N"}),
    "--model": ("-m", {"ENCODER", "BPE", "VOCODER"}),
    "--codebook": ("-c", {"CODEBOOK"}),
    "--layer": ("-l", {"N,...|all"}),
    "--depth": (None, {"N"}),
    "--units": (None, {"N"}),
    "--arrays": (None, {"DIR"}),
    "--clips": (None, {"DIR"}),
    "--audio": (None, {"DIR"}),
    "--html": (None, {"FILE"}),
    "--examples": (None, {"N"}),
    "--min-count": (None, {"N"}),
    "--crop-seconds": (None, {"S"}),
    "--seed": (None, {"N"}),
    "--max-hours": (None, {"HOURS"}),
    "--keep-going": (None, {None}),
    "--verbose": ("-v", {None}),
}
MEASURES = {
    "S",
    "MS",
    "HZ",
    "DB",
    "FRAMES",
    "UNITS",
    "STEPS",
    "HOURS",
    "SAMPLES",
    "N",
    "X",
    "SEMITONES",
    "EPOCHS",
}
SAME_EVERYWHERE = ("--jobs", "--seed", "--device", "--keep-going", "--verbose", "--version")


def commands():
    """Return {name: click command} of all tools, subcommands one by one."""
    config = configparser.ConfigParser()
    config.read(Path(ROOT, "setup.cfg"))
    found = {}
    for line in config["options.entry_points"]["console_scripts"].strip().splitlines():
        name, _, place = line.partition(" = ")
        command = importlib.import_module(place.split(":")[0]).main
        if isinstance(command, click.Group):
            context = click.Context(command, info_name=name)
            subcommands = {
                word: command.get_command(context, word) for word in command.list_commands(context)
            }
            found |= {f"{name} {word}": each for word, each in subcommands.items()}
        else:
            found[name] = command
    return found


COMMANDS = commands()


def options_of(command):
    """Return [(long name, short name or None, click option)] of a command."""
    found = []
    for option in command.params:
        if isinstance(option, click.Option):
            short = [name for name in option.opts if not name.startswith("--")]
            long = [name for name in option.opts if name.startswith("--")]
            found.append((long[0], short[0] if short else None, option))
    return found


EVERY = [(name, *option) for name, command in COMMANDS.items() for option in options_of(command)]


@pytest.mark.parametrize("name", COMMANDS)
def test_an_option_has_one_meaning_in_all_tools(name):
    for long, short, option in options_of(COMMANDS[name]):
        if long in MEANINGS:
            expected, values = MEANINGS[long]
            assert short in (expected, None), f"{name} {long}"
            assert option.metavar in values, f"{name} {long} {option.metavar}"
        else:
            assert short not in {expected for expected, _ in MEANINGS.values()} - {None}, f"{name} {long}"


def test_a_short_option_is_short_for_the_same_word_everywhere():
    words = {}
    for name, long, short, _ in EVERY:
        if short:
            words.setdefault(short, {}).setdefault(long, name)
    assert not {short: by for short, by in words.items() if len(by) > 1}


@pytest.mark.parametrize("long", SAME_EVERYWHERE)
def test_shared_options_are_the_same_everywhere(long):
    shared = {(option.help, option.metavar, str(option.type)) for _, each, _, option in EVERY if each == long}
    assert len(shared) == 1


def test_records_can_be_written_to_a_file_by_every_command():
    assert [
        name for name, command in COMMANDS.items() if "--output" not in {o[0] for o in options_of(command)}
    ] == []


def test_ranked_results_are_all_written_unless_a_number_is_given():
    tops = [option for _, long, _, option in EVERY if long == "--top"]
    assert len(tops) >= 3
    assert all(option.show_default == "all" and not isinstance(option.default, int) for option in tops)


def test_what_occurs_once_is_not_a_pattern():
    counts = [int(o.default) for _, long, _, o in EVERY if long == "--min-count"]
    assert counts == [2] * len(counts) and len(counts) >= 2


@pytest.mark.parametrize("name", COMMANDS)
def test_numbers_are_named_by_their_unit_of_measure(name):
    for long, _, option in options_of(COMMANDS[name]):
        if (
            isinstance(option.type, (click.types.IntParamType, click.types.FloatParamType))
            and not option.count
        ):
            words = re.split(r"[,|.]+", option.metavar or "")
            assert set(words) - {""} <= MEASURES, f"{name} {long} {option.metavar}"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_help_entry_is_a_sentence_on_its_own(name):
    for long, _, option in options_of(COMMANDS[name]):
        assert option.help, f"{name} {long}"
        assert option.help.endswith("."), f"{name} {long}: {option.help}"
        assert not option.help.startswith(("Of ", "The others", "Their ", "Either ")), f"{name} {long}"
        assert len(option.help.split()) >= 2 or long in ("--version",), f"{name} {long}: {option.help}"
