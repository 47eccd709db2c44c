"""The parts of bench/gpu.py that run whole tools, several processes or libraries: each yields rows."""

import contextlib
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import threading
import time

import numpy as np
import torch
from gpu_data import large_model, peak_gb, speech, timed, unit_records

from units.audio.writing import save
from units.encoders.models import load_encoder

ROOT = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))


def _segments(folder, seconds):
    """Write one recording of ten minutes at most, and records that cover it again and again; return a path."""
    length = min(seconds, 600)
    save(os.path.join(folder, "speech.wav"), speech(length))
    random, path, total = np.random.default_rng(0), os.path.join(folder, "segments.jsonl"), 0.0
    with open(path, "w", encoding="utf-8") as file:
        while total < seconds:
            lasting = float(random.uniform(2, min(12, length / 2)))
            offset = float(random.uniform(0, length - lasting))
            fields = {
                "audio_filepath": os.path.join(folder, "speech.wav"),
                "offset": offset,
                "duration": lasting,
            }
            file.write(json.dumps({"id": f"{total:.3f}", **fields}) + "\n")
            total += lasting
    return path, total


@contextlib.contextmanager
def _busy():
    """Give a list that holds, at the end, the percentages of time in which the GPU computed."""
    found, over = [], threading.Event()

    def look():
        command = ["nvidia-smi", "--query-gpu=utilization.gpu", "--format=csv,noheader,nounits"]
        while not over.wait(0.2):
            said = subprocess.run(command, capture_output=True, text=True, check=False).stdout.split()
            found.extend(float(word) for word in said[:1])

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    yield found
    over.set()
    thread.join()


def _encode(model, segments, device, *options):
    """Run su-encode; return its seconds."""
    command = [sys.executable, os.path.join(ROOT, "bin", "su-encode"), "-m", model, "--device", str(device)]
    began = time.perf_counter()
    subprocess.run([*command, *options, segments], stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - began


def encoding(device, quick):
    """Yield the speed of su-encode from end to end, and of each of its stages alone."""
    with tempfile.TemporaryDirectory() as folder:
        model = large_model(os.path.join(folder, "model"), quick)
        short, little = _segments(folder, 20)
        starting = _encode(model, short, device)
        segments, total = _segments(folder, 60 if quick else 7200)
        places = {"/dev/null": [], "disk": ["--arrays", os.path.join(folder, "frames")]}
        if os.path.isdir("/dev/shm"):
            places["/dev/shm"] = ["--arrays", tempfile.mkdtemp(dir="/dev/shm")]
        for place, options in places.items():
            with _busy() if device.type == "cuda" else contextlib.nullcontext([]) as busy:
                took = max(1e-3, _encode(model, segments, device, *options) - starting)
            speed = (total - little) / took
            wanted = speed >= 3000 if device.type == "cuda" and place == "/dev/null" and not quick else None
            yield f"su-encode to {place}: times real time", speed, ">= 3000 on an H100", wanted
            if busy:
                yield f"su-encode to {place}: GPU busy, %", float(np.mean(busy)), "", None
        for path in places.get("/dev/shm", [])[1:]:
            subprocess.run(["rm", "-r", path], check=True)
        yield from _stages(model, device, quick)


def _stages(model, device, quick):
    encoder = load_encoder(model, None, str(device), "auto")
    seconds = 10 if quick else 200
    audio = [speech(5, number) for number in range(seconds // 5)]
    with timed(device) as took:
        pieces = [piece for samples in audio for piece in encoder.pieces(samples)]
    yield "pieces by one thread: times real time", seconds / took[0], "", None
    encoder.launch(pieces)()
    peak_gb(device)
    rounds = 2 if quick else 10
    with timed(device) as took:
        launched = [encoder.launch(pieces) for _ in range(rounds)]
        frames = [each() for each in launched]
    yield f"network, batches of {seconds} s: times real time", rounds * seconds / took[0], "", None
    if (peak := peak_gb(device)) is not None:
        yield f"network, batches of {seconds} s: memory, GB", peak, "", None
    with tempfile.TemporaryDirectory() as folder, timed(device) as took:
        for number, block in enumerate(frames[0]):
            with open(os.path.join(folder, str(number)), "wb") as file:
                file.write(np.ascontiguousarray(block).data)
                file.flush()
                os.fsync(file.fileno())
    yield "files written one by one: times real time", seconds / took[0], "", None


def faiss(device, quick):
    """Yield how far k-means on a GPU is from k-means on the CPU."""
    if importlib.util.find_spec("faiss") is None:
        yield "k-means", "skipped: no faiss", "", None
        return
    import faiss as library

    from units.codebook.kmeans import fit_codebook
    from units.config import ClusterConfig

    seen = library.get_num_gpus() if hasattr(library, "StandardGpuResources") else 0
    places = ["cpu", *["cuda"] * (device.type == "cuda" and seen > 0)]
    if len(places) == 1:
        yield "k-means on a GPU", "skipped: faiss sees no GPU", "", None
    frames = np.random.default_rng(0).normal(size=(5000 if quick else 200_000, 32 if quick else 1024))
    for k in (20,) if quick else (100, 1000):
        inertia = {}
        for place in places:
            began = time.perf_counter()
            config = ClusterConfig(k=k, nredo=1)
            _, report = fit_codebook(frames.astype(np.float32), config, device=place)
            inertia[place] = report["inertia"]
            yield f"k-means, K={k}, {place}: s", time.perf_counter() - began, "", None
        if len(places) > 1:
            off = abs(inertia["cuda"] / inertia["cpu"] - 1)
            yield f"k-means, K={k}: difference of inertia", off, "<= 0.001", off <= 1e-3


def memory(device, quick):
    """Yield whether su-encode halves its batches on a GPU with little memory."""
    if device.type != "cuda":
        yield "batches are halved", "skipped: no GPU", "", None
        return
    whole = torch.cuda.get_device_properties(device).total_memory
    with tempfile.TemporaryDirectory() as folder:
        model = large_model(os.path.join(folder, "model"), quick)
        segments, _ = _segments(folder, 240)
        for gigabytes in (1.6, 0.3):
            script = (
                f"import sys, torch; torch.cuda.set_per_process_memory_fraction({gigabytes * 1e9 / whole})\n"
                f"sys.path.insert(0, {ROOT!r}); sys.argv[0] = 'su-encode'\n"
                "from units.cli.encode import main; main()"
            )
            words = [sys.executable, "-c", script, "-m", model, "--batch-seconds", "200", segments]
            done = subprocess.run(
                words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False
            )
            lines = done.stderr.strip().splitlines()
            fine = len(lines) <= 8 and not any("Traceback" in line for line in lines)
            said = f"status {done.returncode}: {lines[-1] if lines else 'no message'}"
            yield f"{gigabytes} GB", said, "an end, or one line", fine


def processes(device, quick):
    """Yield whether two processes of torchrun learn what one learns."""
    count = torch.cuda.device_count() if device.type == "cuda" else 2
    if count < 2:
        yield "two processes", "skipped: one GPU", "", None
        return
    with tempfile.TemporaryDirectory() as folder:
        records = os.path.join(folder, "units.jsonl")
        with open(records, "w", encoding="utf-8") as file:
            file.writelines(json.dumps(r) + "\n" for r in unit_records(folder, 3 if quick else 20, 4))
        tool = os.path.join(ROOT, "bin", "su-train-vocoder")
        options = "--arch v1 --width 32 --batch-size 4 --crop-seconds 0.4 --epochs 2 --held-out 0.5"
        options = [
            *options.split(),
            "--predictor-steps",
            "1",
            "--discriminator-width",
            "0.05",
            "--dtype",
            "fp32",
        ]
        kind = ["--device", device.type]
        torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
        losses = []
        for name, start in (("one", [sys.executable]), ("two", torchrun)):
            out = os.path.join(folder, name)
            began = time.perf_counter()
            subprocess.run(
                [*start, tool, *options, *kind, "-o", out, records], check=True, capture_output=True
            )
            yield f"{name}: s", time.perf_counter() - began, "", None
            with open(os.path.join(out, "log.jsonl"), encoding="utf-8") as file:
                losses.append(json.loads(file.read().splitlines()[-1])["validation_log_mel"])
        off = abs(losses[1] / losses[0] - 1)
        yield "difference of the validation loss", off, "<= 0.001", off <= 1e-3
