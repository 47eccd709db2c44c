#!/usr/bin/env python3
"""Compare su-encode with the common way, on a random model of MMS-300M's shape and the same speech.

    bench/encode.py FOLDER            FOLDER: recordings; the first five minutes are used

The common way: transformers, all 24 layers with output_hidden_states, fp32, one file at a time. Both are
timed from the start of the process to its end, with and without starting and loading. Units are those of
k-means (K=100) on the frames of the common way.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", str(min(2, len(os.sched_getaffinity(0)))))
ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
LAYER, K = 14, 100

COMMON_WAY = """
import json, sys, time
import numpy as np, soundfile, torch
from transformers import AutoFeatureExtractor, AutoModel
model_path, records, out, layer = sys.argv[1:]
model = AutoModel.from_pretrained(model_path).eval()
extractor = AutoFeatureExtractor.from_pretrained(model_path)
started = time.perf_counter()
for line in open(records):
    record = json.loads(line)
    samples, rate = soundfile.read(record["audio_filepath"], dtype="float32")
    values = extractor(samples, sampling_rate=rate, return_tensors="pt").input_values
    with torch.inference_mode():
        frames = model(values, output_hidden_states=True).hidden_states[int(layer)][0]
    np.save(f"{out}/{record['id']}.npy", frames.numpy())
print(time.perf_counter() - started)
"""


def make_model(folder):
    """Save a random model of MMS-300M's shape."""
    import torch
    from transformers import Wav2Vec2Config, Wav2Vec2FeatureExtractor, Wav2Vec2Model

    torch.manual_seed(0)
    config = Wav2Vec2Config(
        hidden_size=1024,
        num_hidden_layers=24,
        num_attention_heads=16,
        intermediate_size=4096,
        feat_extract_norm="layer",
        do_stable_layer_norm=True,
        conv_bias=True,
    )
    Wav2Vec2Model(config).save_pretrained(folder)
    Wav2Vec2FeatureExtractor(return_attention_mask=True).save_pretrained(folder)


def take_speech(folder, seconds, path):
    """Write the recordings as 16 kHz WAV, at most 20 s of each, up to a total of `seconds`."""
    from units.audio.reading import load_audio
    from units.audio.timing import RATE
    from units.audio.writing import save

    total = 0
    with open(path / "records.jsonl", "w") as out:
        for file in sorted(
            p for p in Path(folder).rglob("*") if p.suffix in (".wav", ".mp3", ".flac", ".ogg")
        ):
            samples = load_audio(str(file))[: 20 * RATE]
            if total >= seconds * RATE:
                break
            wav, number = path / f"{total:09}.wav", f"{total:09}"
            save(str(wav), samples)
            duration = len(samples) / RATE
            out.write(json.dumps({"id": number, "audio_filepath": str(wav), "duration": duration}) + "\n")
            total += len(samples)
    return total / RATE


def timed(command):
    """Run a command; return (wall seconds, processor seconds, what it printed)."""
    started, before = time.perf_counter(), os.times()
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    after = os.times()
    used = after.children_user - before.children_user + after.children_system - before.children_system
    return time.perf_counter() - started, used, done.stdout


def frames_in(folder):
    import numpy as np

    return np.concatenate([np.load(path) for path in sorted(folder.glob("*.npy"))])


def units_the_same(expected, frames):
    """Return the fraction of equal units, by k-means (K=100) on the expected frames."""
    from sklearn.cluster import KMeans

    means = KMeans(K, n_init=1, max_iter=20, random_state=0).fit(expected)
    return (means.predict(expected) == means.predict(frames)).mean()


def compare(speech, seconds, work, dtypes):
    """Print how long the common way and su-encode took, and the fraction of equal units."""
    model, records = str(work / "model"), str(work / "records.jsonl")
    encode = [sys.executable, ROOT / "bin" / "su-encode", "-m", model, "-l", str(LAYER)]
    (work / "common").mkdir()
    total, used, inside = timed(
        [sys.executable, "-c", COMMON_WAY, model, records, work / "common", str(LAYER)]
    )
    expected, inside = frames_in(work / "common"), float(inside)
    print(
        f"{seconds:.0f} s of speech from {speech}; {os.environ['OMP_NUM_THREADS']} threads of {_processor()}"
    )
    print(ROW.format("", "wall s", "CPU s", "s per s of audio", "once loaded, s", f"units the same, K={K}"))
    print(ROW.format("transformers, 24 layers, fp32", *_figures(total, used, total / seconds, inside), ""))
    loading, _, _ = timed([*encode, os.devnull])
    for dtype in dtypes:
        ours, ours_used, _ = timed([*encode, "--dtype", dtype, "--arrays", work / dtype, records])
        same = f"{units_the_same(expected, frames_in(work / dtype)):.2%}"
        figures = _figures(ours, ours_used, ours / seconds, ours - loading)
        print(ROW.format(f"su-encode, {LAYER} layers, {dtype}", *figures, same))
        ratios = [
            f"{r:.2f}" for r in (total / ours, used / ours_used, total / ours, inside / (ours - loading))
        ]
        print(ROW.format("  times as fast", *ratios, ""))
        print(f"  {seconds / ours / 60:.3f} hours of audio per minute")


ROW = "{:32}{:>10}{:>10}{:>16}{:>16}{:>24}"


def _figures(*values):
    return [f"{value:.3f}" if value < 1 else f"{value:.1f}" for value in values]


def _processor():
    """Return the processor's name, and its instructions for bf16."""
    with open("/proc/cpuinfo") as file:
        text = file.read()
    names = [line.split(":")[1].strip() for line in text.splitlines() if line.startswith("model name")]
    flags = [flag for flag in ("avx2", "avx512f", "avx512_bf16", "amx_bf16") if f" {flag} " in text]
    return f"{names[0] if names else 'an unknown processor'} ({', '.join(flags)})"


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", help="recordings")
    parser.add_argument("--seconds", type=float, default=300, help="speech to use")
    parser.add_argument("--dtypes", default="auto", help="auto, fp32, bf16, separated by commas")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        make_model(os.path.join(work, "model"))
        seconds = take_speech(options.folder, options.seconds, Path(work))
        compare(options.folder, seconds, Path(work), options.dtypes.split(","))


if __name__ == "__main__":
    main()
