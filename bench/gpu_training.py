"""The parts of bench/gpu.py that train networks on a device: each yields rows."""

import dataclasses
import os
import tempfile
import time

import numpy as np
import torch
from gpu_data import peak_gb, speech, synchronize, timed, unit_records, vocoder_config

from units.devices import choose_dtype, prepare_training
from units.training.encoder.config import PretrainingConfig
from units.training.encoder.corpus import AudioCorpus
from units.training.encoder.training import EncoderRun
from units.training.vocoder.config import training_defaults
from units.training.vocoder.dataset import build_corpus
from units.training.vocoder.training import VocoderRun


def _run_of(folder, arch, device, dtype, quick, **changes):
    """Return a VocoderRun on made-up speech, with discriminators from the first step on."""
    settings = dataclasses.replace(training_defaults(arch), adversarial_start=0, **changes)
    if quick:
        settings = dataclasses.replace(
            settings, batch_size=2, crop_seconds=0.4, discriminator_width=0.05, predictor_steps=1
        )
    cache = os.path.join(folder, "cache")
    if not os.path.exists(cache + ".records"):
        os.makedirs(cache + ".records")
    records = unit_records(cache + ".records", 4 if quick else 30, 3)
    corpora = [build_corpus(part, [], f"{cache}-{n}") for n, part in enumerate((records[:2], records[2:]))]
    own = tempfile.mkdtemp(dir=folder)
    return VocoderRun(own, vocoder_config(arch, quick), settings, *corpora, device, dtype)


def vocoders(device, quick):
    """Yield the speed and memory of training steps, with all discriminators, by architecture and precision."""
    steps = 2 if quick else 30
    with tempfile.TemporaryDirectory() as folder:
        for arch in ("fast", "v2", "v1"):
            for name in ("fp32", "bf16", *["fp16"] * (device.type == "cuda")):
                dtype = choose_dtype(name, device)
                prepare_training(device, dtype)
                run = _run_of(folder, arch, device, dtype, quick)
                for _ in range(2 if quick else 8):
                    run._train_batch()
                peak_gb(device)
                with timed(device) as took:
                    began = time.perf_counter()
                    found = [run._train_batch() for _ in range(steps)]
                    launched = time.perf_counter() - began
                run.feed.stop()
                yield f"{arch} {name}: steps per s", steps / took[0], "", None
                share = launched / took[0]
                bound = share < 0.9 if device.type == "cuda" and arch == "v2" and not quick else None
                yield f"{arch} {name}: share of the time that the processor launches", share, "< 0.9", bound
                finite = all(np.isfinite(value.item()) for value in found[-1].values())
                yield f"{arch} {name}: losses are finite", finite, True, finite
                if (peak := peak_gb(device)) is not None:
                    yield f"{arch} {name}: memory, GB", peak, "", None


def _weights(run):
    return torch.cat([value.float().flatten().cpu() for value in run.average.state_dict().values()])


def _difference(one, other):
    return float((_weights(one) - _weights(other)).norm() / _weights(one).norm())


def resume(device, quick):
    """Yield how far a resumed run in fp32 is from one that was never stopped, and a second run from a first."""
    changes = {"save_every": 3, "epochs": 1000}
    with tempfile.TemporaryDirectory() as folder:
        for arch in ("fast", "v2"):
            prepare_training(device, torch.float32)
            runs = [_run_of(folder, arch, device, torch.float32, quick, **changes) for _ in range(3)]
            for run in runs[:2]:
                for _ in range(6):
                    run._train_batch()
                run.feed.stop()
            for _ in range(3):
                runs[2]._train_batch()
            runs[2].save()
            again = _run_of(folder, arch, device, torch.float32, quick, **changes)
            again.folder = runs[2].folder
            again.resume()
            for _ in range(3):
                again._train_batch()
            for run in (runs[2], again):
                run.feed.stop()
            noise, found = _difference(runs[0], runs[1]), _difference(runs[0], again)
            yield f"{arch}: two runs of a seed differ by", noise, "0", noise == 0 or None
            limit = max(10 * noise, 1e-6)
            yield f"{arch}: a resumed run differs by", found, f"<= {limit:.2g}", found <= limit


def pretraining(device, quick):
    """Yield the speed of the training of an encoder, and how long it waits for batches."""
    from units.encoders.network import NetworkConfig

    audio = [(speech(20, number) * 32767).astype(np.int16) for number in range(2 if quick else 20)]
    corpus = AudioCorpus(np.concatenate(audio), np.cumsum([len(each) for each in audio]))
    settings = PretrainingConfig(steps=1000, rounds=1, clusters=(50,))
    shape = NetworkConfig()
    if quick:
        settings = dataclasses.replace(settings, batch_seconds=8)
        shape = dataclasses.replace(shape, width=64, layers=2, heads=1, feedforward=64, default_layer=1)
    steps = 2 if quick else 30
    with tempfile.TemporaryDirectory() as folder:
        os.makedirs(os.path.join(folder, "cache"))
        run = EncoderRun(folder, shape, settings, corpus, corpus, device, "auto")
        run.targets, run.held_out_targets = run._targets()
        run.start_clock()
        with timed(device) as drawing:
            batches = [run._batch(step) for step in range(steps)]
        run._train(batches[0])
        synchronize(device)
        with timed(device) as training:
            found = [run._train(batch) for batch in batches]
        yield "steps per s, batches ready", steps / training[0], "", None
        yield "batches that one thread prepares per s", steps / drawing[0], "", None
        finite = bool(np.isfinite(found[-1]["loss"].item()))
        yield "the loss is finite", finite, True, finite
