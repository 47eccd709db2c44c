"""Models, indexes and checkpoints that are cut, damaged, hostile or none, through all that reads them.

Whatever stands in their place: one line that names the file, status 1, nothing made, and no more memory taken
than LIMIT, however much the file claims to hold.
"""

import io
import json
import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

import hostile
import numpy as np
import pytest
import tiny_mms
from conftest import TINY_ENCODER, TINY_VOCODER

LIMIT = 1 << 30  # bytes
EVERY = int(os.environ.get("EVERY", "5"))  # of how many faults one is tried; 1 is all of them
SIZES = ("units", "width", "unit_width", "f0_bins", "f0_width", "speaker_width")


@dataclass(frozen=True)
class Place:
    """Where a file is read, and by which commands: {model} is it or its folder, {out} a folder for output."""

    model: str  # what of the corpus is spoiled, "@" what the test's own fixtures make
    file: str  # in the folder of the model; "" where it is a file itself
    commands: tuple
    faults: object  # {what is wrong: maker}, given the bytes of the good file
    allowed: tuple = ()  # what is no fault here


CODEBOOK = (
    "su-quantize -c {model} {features.jsonl}",
    "su-discover -j 1 -c {model} {units.jsonl}",
    "su-search build -c {model} -o {out}/index {units.jsonl}",
    "su-eval speech -j 1 --metrics uer -c {model} {segments.jsonl} {spoken.jsonl}",
)
BPE = (
    "su-bpe encode -m {model} -o {out}/pieces {units.jsonl}",
    "su-bpe decode -m {model} -o {out}/units {pieces.jsonl}",
    "su-bpe motifs -m {model} --html {out}/page {units.jsonl}",
    "su-labels export -t json -m {model} {pieces.jsonl}",
)
INDEX = ("su-search find -i {model} 1",)
OLD_INDEX = ("su-search build -o {model} {units.jsonl}",)
LIKE_THAT = TINY_VOCODER.replace("--width 32", "")
VOCODER = (
    "su-synth -m {model} --audio {out}/spoken {units.jsonl}",
    f"su-train-vocoder --init {{model}} -o {{out}}/vocoder {LIKE_THAT} {{pitch.jsonl}}",
)
VOCODER_RUN = (f"su-train-vocoder --resume -o {{model}} {TINY_VOCODER} {{pitch.jsonl}}",)
ENCODER = (
    "su-encode -m {model} --arrays {out}/frames {segments.jsonl}",
    f"su-train-encoder --init {{model}} -o {{out}}/enc {TINY_ENCODER} {{segments.jsonl}}",
)
ENCODER_RUN = (f"su-train-encoder --resume -o {{model}} {TINY_ENCODER} {{segments.jsonl}}",)
FOREIGN = ("su-encode -m {model} --arrays {out}/frames {segments.jsonl}",)


def codebooks(good):
    ones = np.ones((8, 39), np.float32)
    parts = hostile.members(good)
    made = hostile.archives(good, "centroids")
    made |= {f"bare: {name}": data for name, data in hostile.ARRAYS.items()}
    for name, array in {
        "a mean of another length": ("mean", np.zeros(3, np.float32)),
        "a scale of nothing": ("scale", np.zeros(39, np.float32)),
        "a scale below nothing": ("scale", -ones[0]),
        "a mean of infinity": ("mean", np.full(39, np.inf, np.float32)),
        "a projection to elsewhere": ("projection", np.ones((39, 3), np.float32)),
        "an encoder that is a number": ("encoder", np.array(3.0)),
    }.items():
        made[name] = hostile.archive({**parts, f"{array[0]}.npy": hostile.npy(array[1])})
    no_text = hostile.npy(np.array("a")).replace(b"a\0\0\0", b"\0\xd8\0\0")
    made["an encoder that is no text"] = hostile.archive({**parts, "encoder.npy": no_text})
    return made | {"a header of 100 MB": hostile.sparse(b"\x93NUMPY\x02\x00\0\0\0\x06", 100 << 20)}


def indexes(good):
    parts = hostile.members(good)
    about, records = ({"version": 1, "hash": None}, b'{"id": "a"}\n{"id": "b"}\n')
    text, starts, counts = (
        np.load(io.BytesIO(parts[f"{name}.npy"])) for name in ("text", "starts", "counts")
    )

    def with_(**changes):
        arrays = {
            name: np.frombuffer(data, np.uint8) if isinstance(data, bytes) else data
            for name, data in changes.items()
        }
        return hostile.archive({**parts, **{f"{n}.npy": hostile.npy(a) for n, a in arrays.items()}})

    made = hostile.archives(good, "text") | {
        "version 2": with_(about=json.dumps({**about, "version": 2}).encode()),
        "a version of lists": with_(about=b'{"version": [[]], "hash": 1}'),
        "no version": with_(about=b"{}"),
        "about in brackets": with_(about=b"[" * 100_000),
        "about that is not UTF-8": with_(about=b"\xff"),
        "records in brackets": with_(records=b"[" * 100_000),
        "records that are not UTF-8": with_(records=b'{"id": "\xff"}\n' * 4),
        "too few records": with_(records=records[:12]),
        "records without ids": with_(records=b"{}\n" * len(starts)),
        "records of wrong kinds": with_(records=b'{"id": 1, "offset": "a"}\n' * 4),
        "starts that go back": with_(starts=starts[::-1].copy()),
        "starts beyond the end": with_(starts=starts + 10**9),
        "counts of another length": with_(counts=counts[:-1]),
        "a text without ends": with_(text=np.zeros_like(text)),
        "a text of all ends": with_(text=np.full_like(text, 9)),
        "a codebook that is none": with_(codebook=b"nonsense"),
    }
    return made


def vocoders(good):
    changes = {f"{name} of 2^60": {name: hostile.HUGE} for name in SIZES}
    changes |= {f"{name} below nothing": {name: -1} for name in SIZES[:3]}
    changes |= {
        "a network of gigabytes": {"width": 19984},
        "embeddings of gigabytes": {"units": 20000, "unit_width": 20000},
        "speakers of gigabytes": {"speakers": ["a"] * 9000, "f0_mean": [5] * 9000, "f0_sd": [1] * 9000},
        "all as large as may be": dict.fromkeys(SIZES, 20000) | {"width": 19984},
        "an architecture that leads elsewhere": {"arch": "../../v1"},
        "speakers that are numbers": {"speakers": [1, 2]},
        "an F0 of NaN": {"f0_mean": [float("nan")]},
        "an F0 of text": {"f0_mean": ["high"]},
        "an F0 of 10^999": {"f0_mean": [10**999]},
        "no spread of F0": {"f0_sd": [0]},
        "a field too many": {"surprise": 1},
        "a width of text": {"width": "wide"},
        "a width of lists": {"width": [[32]]},
    }
    return hostile.texts(good) | hostile.variants(good, changes)


def learned(good):
    changes = {
        "a width of 2^60": {"width": hostile.HUGE},
        "layers of 2^60": {"layers": hostile.HUGE},
        "a network of gigabytes": {"width": 4096, "layers": 64, "feedforward": 16384},
        "heads that do not fit": {"heads": 3},
        "no heads": {"heads": 0},
        "a kernel without a middle": {"position_kernel": 4},
        "a span below nothing": {"attention_span": -1},
        "a layer that is not there": {"default_layer": 9},
        "a width of NaN": {"width": float("nan")},
        "a width of text": {"width": "64"},
    }
    return hostile.texts(good) | hostile.variants(good, changes)


def foreign(good):
    changes = {
        "a size of 2^60": {"hidden_size": hostile.HUGE},
        "layers of 2^60": {"num_hidden_layers": hostile.HUGE},
        "layers of 2^20": {"num_hidden_layers": 1 << 20},
        "a network of gigabytes": {"hidden_size": 1 << 15},
        "a size of text": {"hidden_size": "wide"},
        "a size below nothing": {"hidden_size": -4},
        "heads that do not fit": {"num_attention_heads": 3},
        "no heads": {"num_attention_heads": 0},
        "strides of text": {"conv_stride": ["a"] * 7},
        "strides that are none": {"conv_stride": None},
        "kernels too few": {"conv_kernel": [10]},
        "a kind that nobody knows": {"model_type": "of tomorrow"},
        "a kind of lists": {"model_type": [["wav2vec2"]]},
        "an activation that nobody knows": {"hidden_act": "os.system"},
    }
    made = hostile.texts(good) | hostile.variants(good, changes)
    for name in ("version 2", "version true"):
        made[name] = json.dumps({**json.loads(good), "model_type": name}).encode()
    return made


def checkpoints(good):
    header, data = hostile.tensors_of(good)
    counters = json.loads(header["__metadata__"]["counters"])

    def with_(**changes):
        text = json.dumps({**counters, **changes})
        return hostile.safetensors({**header, "__metadata__": {"counters": text}}, data)

    def reads(text):
        return hostile.safetensors({**header, "__metadata__": {"counters": text}}, data)

    step = next(name for name in header if name.startswith("optimizer0/") and name.endswith("/exp_avg"))
    made = hostile.weights(good) | {
        "no counters": hostile.safetensors({k: v for k, v in header.items() if k != "__metadata__"}, data),
        "counters in brackets": reads("[" * 100_000),
        "counters that are a list": reads("[]"),
        "counters that are nothing": reads("{}"),
        "a folder to write to": with_(folder="/tmp"),
        "a method of another kind": with_(run=1),
        "a step of text": with_(step="one"),
        "a step of lists": with_(step=[1]),
        "a step below nothing": with_(step=-5),
        "a step of 10^400": with_(step=10**400),
        "a step and a half": with_(step=1.5),
        "seconds of NaN": with_(seconds=float("nan")),
        "an identity of another run": with_(identity="0" * 16),
        "an optimizer of other shapes": hostile.changed(good, shape=[1]),
        "an optimizer without its means": hostile.safetensors(
            {name: entry for name, entry in header.items() if name != step}, data
        ),
        "an optimizer of NaN": hostile.spoiled(good, b"\0\0\xc0\x7f", step),
    }
    if "health" in counters:
        made |= {
            "a batch beyond its epoch": with_(batch=10**9),
            "a health of text": with_(health=["a"] * 4),
            "a health too short": with_(health=[1]),
        }
    else:
        made["a round beyond the last"] = with_(round=7)
    return made


# a model of others has more than is run of it
_FOREIGN = ("a tensor too many", "a tensor that is missing", "a tensor of another name", "whole numbers")
PLACES = {
    "codebook": Place("codebook.npz", "", CODEBOOK, codebooks),
    "BPE model": Place("bpe.model", "", BPE, hostile.pieces),
    "index": Place("index", "", INDEX, indexes),
    "index that grows": Place(
        "index",
        "",
        OLD_INDEX,
        indexes,
        # these are written to as any other output
        (
            *("not there", "a link to nothing", "a link to itself"),
            *("a FIFO that nobody writes to", "a link to bytes without end"),
        ),
    ),
    "vocoder's config": Place("vocoder", "config.json", VOCODER, vocoders),
    "generator": Place("vocoder", "generator.safetensors", VOCODER, hostile.weights),
    "F0 predictor": Place("vocoder", "f0.safetensors", VOCODER[:1], hostile.weights),
    "duration predictor": Place("vocoder", "duration.safetensors", VOCODER[:1], hostile.weights),
    "vocoder's checkpoint": Place("vocoder", "checkpoint.safetensors", VOCODER_RUN, checkpoints),
    "encoder's config": Place("encoder", "config.json", ENCODER, learned),
    "encoder": Place("encoder", "weights.safetensors", ENCODER, hostile.weights),
    "encoder's checkpoint": Place("encoder", "checkpoint.safetensors", ENCODER_RUN, checkpoints),
    "config of transformers": Place("foreign", "config.json", FOREIGN, foreign),
    "model of transformers": Place("foreign", "model.safetensors", FOREIGN, hostile.weights, _FOREIGN),
}


@pytest.fixture(scope="module")
def models(corpus, run, tmp_path_factory):
    """Return a function that gives the path of a good model to copy, each made when first asked for."""
    folder = tmp_path_factory.mktemp("models")

    def model(name):
        if name not in ("encoder", "foreign"):
            return Path(corpus[name])
        if name == "foreign" and not (folder / name).exists():
            tiny_mms.write(str(folder))
            (snapshot,) = folder.glob("hub/*/snapshots/*")
            shutil.copytree(snapshot, folder / name)
        elif not (folder / name).exists():
            made = run(
                "su-train-encoder", "-o", folder / name, *TINY_ENCODER.split(), corpus["segments.jsonl"]
            )
            assert made.status == 0, made.stderr
        return folder / name

    return model


CASES = [(place, command) for place, where in PLACES.items() for command in where.commands]


def contents(folder):
    files = [path for path in folder.rglob("*") if path.is_file() and "tfevents" not in path.name]
    return {path: path.read_bytes() for path in files}


@pytest.mark.parametrize(("place", "command"), CASES, ids=[f"{p}-{c.split(' -')[0]}" for p, c in CASES])
def test_a_bad_model_is_one_line_that_names_it_and_nothing_is_made_of_it(
    run, corpus, models, tmp_path, place, command
):
    where, out, model = PLACES[place], tmp_path / "out", tmp_path / "model"
    good = models(where.model)
    shutil.copytree(good, model) if good.is_dir() else shutil.copy(good, model)
    spoiled = model / where.file if where.file else model
    words = [
        re.sub(r"\{(.*?)\}", lambda m: {"model": str(model), "out": str(out)}.get(m[1]) or corpus[m[1]], word)
        for word in command.split()
    ]
    faults, wrong = where.faults(spoiled.read_bytes()) | hostile.NO_FILES, []
    others = contents(tmp_path)
    others.pop(spoiled)
    for name in where.allowed:
        del faults[name]
    assert len(faults) >= 25
    turn = CASES.index((place, command)) % EVERY
    for name, maker in list(faults.items())[turn::EVERY]:
        hostile.put(spoiled, maker)
        out.mkdir()
        result = run(*words, cwd=tmp_path, memory=LIMIT)
        made = [path for path in out.rglob("*") if path.is_file()]
        message = rf"{words[0]}: [^\n]*{re.escape(str(model))}[^\n]*\n"
        told = re.fullmatch(message, result.stderr) and " memory" not in result.stderr
        if result.status != 1 or not told or result.stdout or made:
            wrong.append((name, result.status, result.stderr[-600:], result.stdout[:80], made))
        shutil.rmtree(out)
        if spoiled.is_dir() and not spoiled.is_symlink():
            spoiled.rmdir()
    assert not wrong, "\n".join(map(str, wrong))
    if not spoiled.is_symlink() and spoiled.exists():
        spoiled.unlink()
    assert {path: data for path, data in contents(tmp_path).items() if path != spoiled} == others


def test_targets_of_the_first_round_that_are_damaged_are_made_again(run, corpus, models, tmp_path):
    words = [
        word for word in ENCODER_RUN[0].replace("--steps 2", "--steps 4").split() if "{model}" not in word
    ]
    made = []
    for name in (
        "good",
        "no training",
        "random",
        "a FIFO that nobody writes to",
        "training: three dimensions",
    ):
        model = tmp_path / name
        shutil.copytree(models("encoder"), model)
        spoiled = model / "cache" / "targets-0.npz"
        faults = hostile.archives(spoiled.read_bytes(), "training") | hostile.NO_FILES
        if name != "good":
            hostile.put(spoiled, faults[name])
        command = [re.sub(r"\{(.*?)\}", lambda m: corpus[m[1]], word) for word in words if word != "-o"]
        result = run(command[0], "-o", model, *command[1:])
        assert (result.status, result.stderr) == (0, "")
        made.append((model / "weights.safetensors").read_bytes())
    assert len(set(made)) == 1
