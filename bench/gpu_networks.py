"""The parts of bench/gpu.py that compare networks on a device with the CPU: each yields rows."""

import importlib.util
import os
import subprocess
import tempfile

import numpy as np
import torch
from gpu_data import large_model, same_units, speech, timed, vocoder_config
from reference_encoders import KINDS, make

from units.devices import choose_dtype, describe
from units.encoders.models import load_encoder
from units.encoders.stream import Encoding, encode
from units.records import Record


def setup(device, _quick):
    """Yield the versions of packages and the abilities of the GPU."""
    yield "device", describe(device), "", None
    yield "torch", f"{torch.__version__}, CUDA {torch.version.cuda}", "", None
    if device.type == "cuda":
        command = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
        driver = subprocess.run(command, capture_output=True, text=True, check=False).stdout.split()
        yield "driver", " ".join(driver[:1]), "", None
        yield "capability", ".".join(map(str, torch.cuda.get_device_capability(device))), "", None
    yield "auto precision", str(choose_dtype("auto", device)), "", None
    exact = not torch.backends.cudnn.allow_tf32 and not torch.backends.cuda.matmul.allow_tf32
    yield "fp32 is exact, not TF32", exact, True, exact if device.type == "cuda" else None
    for name in ("faiss", "soundfile", "onnxruntime", "pyworld"):
        yield f"package {name}", importlib.util.find_spec(name) is not None, "", None


def _models(folder, quick):
    """Yield (name, folder of a model or its name, layer)."""
    for kind in ["mms", "hubert-base", "whisper", "w2v-bert"] if quick else KINDS:
        yield kind, make(kind, os.path.join(folder, kind)), 2
    yield "small", "small", None
    yield "MMS-300M", large_model(os.path.join(folder, "large"), quick), None


def encoders(device, quick):
    """Yield how far frames on the device are from those on the CPU."""
    audio = speech(4 if quick else 20)
    with tempfile.TemporaryDirectory() as folder:
        for name, model, layer in _models(folder, quick):
            layers = layer if layer is None else [layer]
            wanted = load_encoder(model, layers, "cpu", "fp32").encode(audio)
            for dtype, least in (("fp32", 0.999), ("bf16", 0.97)):
                encoder = load_encoder(model, layers, str(device), dtype)
                found = encoder.encode(audio)
                error = float(np.abs(found - wanted).max() / np.abs(wanted).std())
                same = same_units(wanted, found)
                yield f"{name} {dtype}: largest error / deviation", error, "", None
                yield f"{name} {dtype}: equal units", same, f">= {least}", same >= least
                again = bool(np.array_equal(found, encoder.encode(audio)))
                yield f"{name} {dtype}: equal bytes twice", again, True, again


def batching(device, quick):
    """Yield how far frames depend on batches."""
    lengths = np.random.default_rng(0).uniform(0.5, 6 if quick else 12, 8 if quick else 60)
    audio = [speech(seconds, number) for number, seconds in enumerate(lengths)]
    with tempfile.TemporaryDirectory() as folder:
        encoder = load_encoder(large_model(folder, quick), None, str(device), "auto")
        alone = np.concatenate([encoder.encode(samples) for samples in audio])
        for seconds in (0, 50, 200):
            recordings = [(Encoding(Record(), 1), encoder.pieces(samples)) for samples in audio]
            blocks = [block[0] for _, block in encode(recordings, encoder, seconds * 16000)]
            found = np.concatenate(blocks)
            same = same_units(alone, found)
            yield f"batches of {seconds} s: equal units", same, ">= 0.97", same >= 0.97
            error = float(np.abs(found - alone).max() / alone.std())
            yield f"batches of {seconds} s: largest error / deviation", error, "", None


def synthesis(device, quick):
    """Yield how far speech on the device is from speech on the CPU, and how fast it is."""
    from units.vocoder.model import Vocoder, build

    random = np.random.default_rng(0)
    frames = 100 if quick else 1000
    units, f0_hz = random.integers(100, size=frames).tolist(), [120.0] * frames
    for arch in ("v1", "v2", "fast"):
        torch.manual_seed(0)
        config = vocoder_config(arch, quick)
        networks = build(config)
        wanted = np.concatenate(list(Vocoder(config, *networks).speak(units, f0_hz)))
        for dtype, least in (("fp32", 50), ("bf16", 15)):
            vocoder = Vocoder(config, *networks, device, choose_dtype(dtype, device))
            made = np.concatenate(list(vocoder.speak(units, f0_hz)))
            snr = float(10 * np.log10(np.square(wanted).sum() / (np.square(made - wanted).sum() + 1e-20)))
            yield f"{arch} {dtype}: SNR, dB", snr, f">= {least}", snr >= least
            with timed(device) as took:
                list(vocoder.speak(units, f0_hz))
            yield f"{arch} {dtype}: s per s of audio", took[0] / (frames * 0.02), "", None


def onnx(device, quick):
    """Yield how far an exported model is from the vocoder on the device."""
    if importlib.util.find_spec("onnxruntime") is None or importlib.util.find_spec("onnx") is None:
        yield "exported model", "skipped: no onnx or onnxruntime", "", None
        return
    import onnxruntime

    from units.vocoder.model import Vocoder, build
    from units.vocoder.onnx import export

    torch.manual_seed(0)
    config = vocoder_config("v2", quick)
    networks = [network.eval() for network in build(config)]
    frames = 50
    units, f0_hz = np.arange(frames) % 100, np.full(frames, 120.0, np.float32)
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "model.onnx")
        export(Vocoder(config, *networks, torch.device("cpu"), torch.float32), path)
        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        given = {"units": units[None], "f0": f0_hz[None], "speaker": np.zeros((1, frames), np.int64)}
        names = [each.name for each in session.get_inputs()]
        (theirs,) = session.run(None, {name: given[name] for name in names})
    vocoder = Vocoder(config, *[network.to(device) for network in networks], device, torch.float32)
    ours = np.concatenate(list(vocoder.speak(units.tolist(), f0_hz.tolist())))
    error = float(np.abs(theirs[0] - ours).max())
    yield "exported model: largest difference", error, "<= 0.001", error <= 1e-3
