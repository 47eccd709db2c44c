"""The man pages: each tool has one, its options are those of the tool, and every example in it runs."""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import click
import numpy as np
import pytest
import soundfile
from conftest import ENVIRONMENT, TINY_VOCODER
from processes import ROOT
from speechlike import RATE, recording

from units.records import FIELDS

MAN = Path(ROOT, "man")
PAGES = sorted(p.name for p in MAN.iterdir() if re.fullmatch(r".*\.[157]", p.name))
TOOL_PAGES = [name for name in PAGES if name.endswith(".1")]
each_page = pytest.mark.parametrize("name", PAGES)
each_tool_page = pytest.mark.parametrize("name", TOOL_PAGES)

CHAPTERS = ("🔴 ÊXODO 📖 (a Saída de Israel do Egito).mp3", 'it\'s "MARCOS" & $1 `2`;\t.mp3', "-01.mp3")
# What a shell example may read. The tools make these files first.
FILES = (
    *("segments.jsonl", "features.jsonl", "codebook.npz", "units.jsonl", "pitch.jsonl", "pieces.jsonl"),
    *("bpe.model", "vocoder", "spoken.jsonl", "scores.jsonl", "alignments.jsonl"),
)


def generator():
    """Return the module that writes OPTIONS."""
    spec = importlib.util.spec_from_file_location("generate", MAN / "generate.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# What su-eval says if `make install` found no C compiler for PESQ
NO_PESQ = "su-eval: pesq is left out: it needs the extra speech-units[pesq]\n"


def text_of(name):
    return (MAN / name).read_text(encoding="utf-8")


def examples(name):
    """Yield (text, remark) of each display with commands; the remark is the comment before it.

    In the page of a tool, only the section EXAMPLES counts.
    """
    pattern = r'(?:^\.\\" (.*)\n(?:(?!\.B).*\n)*?)?^\.Bd -literal.*\n((?:.*\n)*?)\.Ed$'
    page = without_options(text_of(name))
    page = page[page.index(".Sh EXAMPLES") if name in TOOL_PAGES else 0 :]
    for match in re.finditer(pattern, page, re.MULTILINE):
        text = match[2].replace(r"\&", "")
        for escape, letter in ((r"\-", "-"), (r"\(aq", "'"), (r"\(ga", "`"), (r"\(ha", "^"), (r"\(ti", "~")):
            text = text.replace(escape, letter)
        yield text.replace(r"\e", "\\"), match[1] or ""


def without_options(page):
    return re.sub(r'^\.\\" OPTIONS(.*\n)*?\.\\" End of OPTIONS.*\n', "", page, flags=re.MULTILINE)


def test_every_tool_has_a_page():
    assert {f"{tool}.1" for tool in os.listdir(Path(ROOT, "bin"))} == set(TOOL_PAGES)
    assert {"su-records.5", "su-tools.7"} <= set(PAGES)


@each_tool_page
def test_options_are_those_of_the_tool(name):
    assert generator().render(text_of(name), name.removesuffix(".1")) == text_of(name), "run `make man`"


@each_tool_page
def test_an_option_named_in_the_text_exists(name):
    command = generator().command_of(name.removesuffix(".1"))
    context = click.Context(command)
    group = isinstance(command, click.Group)
    commands = (
        [command.get_command(context, n) for n in command.list_commands(context)] if group else [command]
    )
    known = {option for c in commands for param in c.params for option in param.opts + param.secondary_opts}
    named = re.findall(r"(?:^\.| )Fl (-?[a-z0-9-]+)", without_options(text_of(name)), re.MULTILINE)
    assert {f"-{option}" for option in named} <= known


@each_tool_page
def test_a_page_has_the_sections_that_readers_look_for(name):
    sections = re.findall(r"^\.Sh (.*)", text_of(name), re.MULTILINE)
    wanted = ["NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "EXIT STATUS", "EXAMPLES", "SEE ALSO"]
    assert [section for section in sections if section != "FILES"] == wanted
    assert f".Nm {name.removesuffix('.1')}\n.Nd " in text_of(name)


@each_page
def test_pages_referred_to_exist(name):
    ours = re.findall(r"\.Xr (su-[a-z-]+) (\d)", text_of(name))
    assert {f"{page}.{section}" for page, section in ours} <= set(PAGES)


def test_every_field_of_a_record_is_described():
    described = re.findall(r"^\.It Li (.*)$", text_of("su-records.5"), re.MULTILINE)
    assert set(FIELDS) <= {name for line in described for name in line.split(" , ")}


@each_page
def test_a_page_is_sound_mdoc(name):
    """Check with mandoc or groff if one is installed, and in any case check what needs neither."""
    text = text_of(name)
    assert text.startswith(".Dd ") and f".Dt {name[:-2].upper()} {name[-1]}\n" in text
    assert all(line == line.rstrip() for line in text.splitlines())
    assert text.count("\n.Bl ") == text.count("\n.El\n") and text.count("\n.Bd ") == text.count("\n.Ed\n")
    for command in (["mandoc", "-Tlint", "-Wwarning"], ["groff", "-mdoc", "-Kutf8", "-Tutf8", "-ww", "-z"]):
        if shutil.which(command[0]):
            done = subprocess.run([*command, MAN / name], capture_output=True, text=True, check=False)
            assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.fixture(scope="module")
def environment(run, tmp_path_factory):
    """The environment of a user who has the tools on PATH, and a model in the hub's cache."""
    folder = tmp_path_factory.mktemp("user")
    (folder / "bin").mkdir()
    for tool in os.listdir(Path(ROOT, "bin")):
        relay = f'exec "{sys.executable}" -SE "{ROOT}/tests/support/processes.py" "{run.path}" {tool} "$@"\n'
        (folder / "bin" / tool).write_text("#!/bin/sh\n" + relay)
        (folder / "bin" / tool).chmod(0o755)
    if not os.path.isdir(run.hub):  # each module that uses this fixture makes it once
        assert run(f"{ROOT}/tests/support/tiny_mms.py", run.hub).status == 0
    path = os.pathsep.join([str(folder / "bin"), os.path.dirname(sys.executable), os.environ["PATH"]])
    quiet = {"ORT_DISABLE_TELEMETRY": "1"}  # for the scripts of examples, which import onnxruntime themselves
    return {**ENVIRONMENT, **quiet, "PATH": path, "HF_HOME": run.hub, "PYTHONPATH": ROOT}


def write_chapters(folder):
    folder.mkdir()
    for i, name in enumerate(CHAPTERS):
        samples = recording([0.6, 2.2, 0.8, 2.4, 0.6], seed=300 * i, f0_hz=100.0 + 30 * i)
        soundfile.write(folder / name, samples, RATE, format="MP3")


@pytest.fixture
def folder(corpus, tmp_path):
    """A folder with all that an example may read."""
    write_chapters(tmp_path / "audio")
    voices = [recording([pause, 2.2, 3.0], seed=60 + i) for i, pause in enumerate((0.5, 2.9))]
    both = np.zeros((max(map(len, voices)), 2), np.float32)
    for channel, samples in enumerate(voices):
        both[: len(samples), channel] = samples
    soundfile.write(tmp_path / "interview.wav", both, RATE)
    for name in FILES:
        copy = shutil.copytree if os.path.isdir(corpus[name]) else shutil.copy
        copy(corpus[name], tmp_path / name)
    return tmp_path


TOYS = (  # what pages show, and what suits a minute of tones and a vocoder that has learned nothing
    ("--vocab-size 100 --model-type unigram", "--vocab-size 100"),
    ("--at-most log_mel=1 ", "--at-most log_mel=20 "),
)


def in_toy_size(script):
    for there, toy in TOYS:
        script = script.replace(there, toy)
    return script


def test_each_toy_stands_for_something_on_a_page():
    pages = [script for name in PAGES for script, _ in examples(name)]
    assert all(any(there in script for script in pages) for there, _ in TOYS)


@each_page
def test_every_example_runs(name, folder, environment):
    for script, remark in examples(name):
        if remark.startswith(("not run: ",)) or (remark == "GNU parallel" and not has_parallel()):
            continue
        done = subprocess.run(
            ["sh", "-euc", in_toy_size(script)],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        # Other people's libraries may print; the tools themselves are silent.
        said = done.stderr.replace(NO_PESQ, "")
        # The vocoder of the tests is a v1, which has no F0.
        said = re.sub(r"su-synth: vocoder: a v1 vocoder has no F0[^\n]*\n", "", said)
        # The folder of ELAN files has files of other recordings too, which have motifs but no segments.
        said = re.sub(r"su-labels: [^\n]*: there is no tier 'segments'; it has 'motifs'; skipped\n", "", said)
        heard = "" if remark == "chatty" and "su-" not in said else said
        assert (done.returncode, heard) == (0, ""), script + heard
    # There is so little speech that perhaps nothing recurs.
    perhaps = ("motifs.jsonl", "terms.jsonl", "found.jsonl")
    empty = [p.name for p in folder.iterdir() if p.stat().st_size == 0 and p.name not in perhaps]
    assert not empty


def test_the_commands_of_the_readme_run_in_their_order(tmp_path, environment):
    write_chapters(tmp_path / "audio")
    first = min((tmp_path / "audio").glob("*.mp3"))
    shutil.copy(first, first.with_stem("said again"))
    soundfile.write(tmp_path / "word.wav", recording([0.3, 0.8, 0.3], seed=300), RATE)
    readme = Path(ROOT, "README.md").read_text(encoding="utf-8")
    section = re.search(
        r"## From a folder of recordings.*?(?=^\[docs/corpus)", readme, re.DOTALL | re.MULTILINE
    )[0]
    script = "\n".join(line for line in section.splitlines() if line.startswith("    "))
    for there, toy in (
        ("--vocab-size 2000", "--vocab-size 80"),
        ("-k 100", "-k 50"),
        ("--arch fast --max-hours 1", TINY_VOCODER),
    ):
        assert there in script
        script = script.replace(there, toy)
    done = subprocess.run(
        ["sh", "-euc", script], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr.replace(NO_PESQ, "")) == (0, "")
    made = {"terms.jsonl", "motifs.html", "report.html", "places.jsonl", "elan", "spoken.jsonl"}
    assert made | {"scores.jsonl"} <= {path.name for path in tmp_path.iterdir() if path.stat().st_size}


def has_parallel():
    """Whether the `parallel` on PATH is GNU's."""
    if not shutil.which("parallel"):
        return False
    done = subprocess.run(["parallel", "--version"], capture_output=True, text=True, check=False)
    return "GNU parallel" in done.stdout


def test_shards_give_the_units_of_one_run_byte_for_byte(folder, environment):
    whole = subprocess.run(
        ["sh", "-c", "su-encode -m mfcc segments.jsonl | su-quantize -c codebook.npz"],
        cwd=folder, env=environment, capture_output=True, check=True,
    )  # fmt: skip
    (script,) = [text for text, _ in examples("su-tools.7") if "xargs -P" in text]
    script = script.replace("-m small", "-m mfcc")  # the encoder of the folder's codebook
    subprocess.run(["sh", "-euc", script], cwd=folder, env=environment, check=True)
    assert whole.stdout and (folder / "units.jsonl").read_bytes() == whole.stdout


def shell(script, folder, environment, **more):
    """Run a shell script in a folder; return what it printed."""
    words = ["sh", "-euc", script]
    return subprocess.run(
        words, cwd=folder, env={**environment, **more}, check=True, stdout=subprocess.PIPE
    ).stdout


@pytest.fixture
def many(folder):
    """The folder with enough segments for parallel to make several blocks of them."""
    lines = (folder / "segments.jsonl").read_bytes().splitlines(keepends=True)
    copies = [line.replace(b'"id": "', b'"id": "%d-' % i, 1) for i in range(40) for line in lines]
    (folder / "segments.jsonl").write_bytes(b"".join(copies))
    assert sum(map(len, copies)) > 20_000
    return folder


def test_gnu_parallel_gives_the_units_of_one_run_byte_for_byte(many, environment):
    if not has_parallel():
        pytest.skip("no GNU parallel")
    whole = shell("su-encode -m mfcc segments.jsonl | su-quantize -c codebook.npz", many, environment)
    (script,) = [text for text, _ in examples("su-recipes.7") if "parallel --pipe" in text]
    shell(script, many, environment)
    assert whole and (many / "units.jsonl").read_bytes() == whole
