"""What happens on GPUs that are old, full, hidden or not alone: played, because tests run on the CPU."""

import contextlib
import datetime
import os
import types
import warnings

import numpy as np
import pytest
import torch
from test_learned import network

from units import devices
from units.codebook import kmeans
from units.config import ClusterConfig
from units.encoders import transformer
from units.encoders.learned import Learned
from units.encoders.stream import gpu_batch_seconds
from units.records import InputError, InputWarning
from units.training import distributed
from units.training.config import RunConfig
from units.training.run import TrainingRun
from units.vocoder import batches

FULL = "CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 7.79 GiB"


@pytest.fixture
def gpu(monkeypatch):
    """Play a machine with two GPUs; their state can be changed."""
    state = types.SimpleNamespace(capability=(9, 0), fault=None)

    def compute(*_args, **_options):
        if state.fault:
            raise state.fault
        return torch.tensor([1.0])

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _device: state.capability)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda _device: "Toy 8")
    monkeypatch.setattr(devices.torch, "ones", compute)
    return state


@contextlib.contextmanager
def reported():
    """Give the list of warnings of the block."""
    messages = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield messages
    messages += [str(line.message) for line in caught if issubclass(line.category, InputWarning)]


def test_no_test_uses_a_gpu_of_this_machine():
    from conftest import ENVIRONMENT

    assert os.environ["CUDA_VISIBLE_DEVICES"] == ENVIRONMENT["CUDA_VISIBLE_DEVICES"] == ""
    assert not torch.cuda.is_available()


# -- which device, and which precision


def test_auto_takes_a_gpu_that_works(gpu):
    with reported() as messages:
        assert devices.choose("auto").type == "cuda"
    assert messages == []


def test_auto_reports_a_gpu_that_cannot_compute_and_takes_the_cpu(gpu):
    gpu.fault, gpu.capability = RuntimeError("no kernel image is available\nmore lines"), (6, 1)
    with reported() as messages:
        assert devices.choose("auto").type == "cpu"
    (message,) = messages
    assert (
        "cannot compute on cuda (Toy 8), capability 6.1: no kernel image is available; computing on the CPU"
        in message
    )


def test_a_gpu_that_was_asked_for_and_cannot_compute_is_an_error(gpu):
    gpu.fault = RuntimeError("no kernel image is available")
    with pytest.raises(InputError, match=r"cuda:1: .* cannot compute on cuda:1"):
        devices.choose("cuda:1")
    gpu.fault = torch.OutOfMemoryError(FULL)
    with pytest.raises(InputError, match=r"cuda:1: the memory of cuda:1 .Toy 8. is full"):
        devices.choose("cuda:1")


def test_a_gpu_that_does_not_exist_is_an_error(gpu):
    with pytest.raises(InputError, match="cuda:2: this machine has no such GPU"):
        devices.choose("cuda:2")


@pytest.mark.parametrize(
    ("cuda", "why"), [(None, "is a build for the CPU"), ("13.0", "is built for CUDA 13.0")]
)
def test_a_gpu_that_torch_cannot_see_is_reported(monkeypatch, cuda, why):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(devices.glob, "glob", lambda _pattern: ["/dev/nvidia0"])
    monkeypatch.setattr(torch.version, "cuda", cuda)
    with reported() as messages:
        assert devices.choose("auto").type == "cpu"
    assert len(messages) == 1 and why in messages[0]
    with pytest.raises(InputError, match=why):
        devices.choose("cuda")


def test_a_gpu_that_the_user_hides_is_not_reported(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    monkeypatch.setattr(devices.glob, "glob", lambda _pattern: ["/dev/nvidia0"])
    with reported() as messages:
        assert devices.choose("auto").type == "cpu"
    assert messages == []


@pytest.mark.parametrize(("capability", "dtype"), [((7, 5), torch.float32), ((8, 0), torch.bfloat16)])
def test_auto_is_bf16_only_if_the_gpu_multiplies_it(gpu, capability, dtype):
    gpu.capability = capability
    assert devices.choose_dtype("auto", torch.device("cuda:1")) == dtype


def test_fp32_is_not_tf32(gpu, monkeypatch):
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", True)
    devices.choose("cuda")
    assert not torch.backends.cudnn.allow_tf32


# -- memory


class Small(Learned):
    """An encoder on a device that holds batches of at most `limit` s, padding included."""

    limit = 1.0

    def _start(self, pieces):
        if len(pieces) * max(piece.samples for piece in pieces) > self.limit * 16000:
            raise torch.OutOfMemoryError(FULL)
        return super()._start(pieces)


def pieces_of(encoder, lengths):
    random = np.random.default_rng(0)
    return [next(encoder.pieces(random.normal(size=n).astype(np.float32))) for n in lengths]


def test_a_batch_that_does_not_fit_is_halved_until_it_does():
    encoder = Small(network(), "x", [1, 2], dtype="fp32")
    whole = Learned(network(), "x", [1, 2], dtype="fp32")
    pieces = pieces_of(encoder, [6400, 3200, 9600, 4800, 5000])
    with reported() as messages:
        found = encoder.launch(pieces)()
    for one, piece in zip(found, pieces, strict=True):
        np.testing.assert_allclose(one, whole.launch([piece])()[0], atol=1e-5)
    assert len(messages) >= 1 and all("batches are now halved" in message for message in messages)
    with reported() as messages:  # later batches of this size are cut without a new fault
        encoder.launch(pieces)()
    assert messages == []


def test_a_single_piece_that_does_not_fit_is_an_error_that_says_what_to_do():
    encoder = Small(network(), "x", [1], dtype="fp32")
    with pytest.raises(InputError, match="out of memory on cpu with 3 s of audio; lower --chunk-seconds"):
        encoder.launch(pieces_of(encoder, [48000]))


def test_other_errors_of_a_network_are_not_taken_for_a_full_memory():
    encoder = Learned(network(), "x", [1], dtype="fp32")
    encoder._last = lambda *_: (_ for _ in ()).throw(RuntimeError("an illegal memory access was encountered"))
    with pytest.raises(RuntimeError, match="illegal memory access"):
        encoder.launch(pieces_of(encoder, [4800, 4800]))


def test_records_that_do_not_fit_together_are_spoken_in_halves():
    class Vocoder:
        device = torch.device("cpu")

        def speak_together(self, plans):
            if len(plans) > 2:
                raise torch.OutOfMemoryError(FULL)
            return [np.full(3, plan) for plan in plans]

    with reported() as messages:
        waves = batches._speak(Vocoder(), [1, 2, 3, 4, 5])
    assert [wave[0] for wave in waves] == [1, 2, 3, 4, 5]
    assert len(messages) == 2 and "spoken in halves" in messages[0]


def test_frames_of_all_layers_that_wait_are_bounded():
    one = types.SimpleNamespace(dimension=1024, layers=[14])
    many = types.SimpleNamespace(dimension=1280, layers=list(range(49)))
    assert gpu_batch_seconds(one) == 200
    assert 8 * gpu_batch_seconds(many) * 50 * 4 * 1280 * 49 <= 1 << 31


def test_frames_are_read_after_the_stream_of_their_own_gpu(monkeypatch):
    recorded, encoder = [], Learned(network(), "x", [1], dtype="fp32")

    class Event:
        def __init__(self, blocking=False):
            pass

        def record(self, stream):
            recorded.append(stream)

        def synchronize(self):
            pass

    monkeypatch.setattr(torch.cuda, "Event", Event)
    monkeypatch.setattr(torch.cuda, "current_stream", lambda device: f"stream of {device}")
    monkeypatch.setattr(
        transformer.torch, "empty", lambda shape, dtype, pin_memory: torch.zeros(shape, dtype=dtype)
    )
    encoder.asynchronous, encoder.device = True, torch.device("cuda:1")
    encoder._to_host(torch.ones(2, 3))
    assert recorded == ["stream of cuda:1"]


# -- several processes


@pytest.fixture
def joined(monkeypatch):
    """Play torchrun; give {name: value} of what the group was started with."""
    given = {}
    monkeypatch.setenv("WORLD_SIZE", "4")
    monkeypatch.setenv("LOCAL_RANK", "3")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)  # the scheduler shows each process one GPU
    monkeypatch.setattr(torch.cuda, "set_device", lambda device: given.update(current=device))
    group = lambda backend, **options: given.update(backend=backend, **options)  # noqa: E731
    monkeypatch.setattr(distributed.dist, "init_process_group", group)
    monkeypatch.setattr(distributed.dist, "get_rank", lambda: 3)
    monkeypatch.setattr(distributed.dist, "get_world_size", lambda: 4)
    return given


def test_processes_wait_for_days_while_the_first_prepares_a_corpus(joined):
    _, device = distributed.join(torch.device("cuda"))
    assert device == torch.device("cuda:0") == joined["device_id"] == joined["current"]
    assert joined["backend"] == "nccl" and joined["timeout"] >= datetime.timedelta(days=1)


def test_processes_on_cpus_wait_as_long(joined):
    distributed.join(torch.device("cpu"))
    assert joined == {"backend": "gloo", "timeout": joined["timeout"]}
    assert joined["timeout"] >= datetime.timedelta(days=1)


def test_one_gpu_for_all_processes_is_an_error(joined):
    with pytest.raises(InputError, match="--device cuda:1: torchrun gives each process a GPU of its own"):
        distributed.join(torch.device("cuda:1"))


def test_checkpoints_on_a_gpu_are_at_least_a_minute_apart():
    class Run(TrainingRun):
        def parts(self):
            return {}

    def steps_with_checkpoints(device):
        found = Run("", RunConfig(save_every=10), torch.nn.Linear(1, 1), "", distributed.Group(), None)
        found.device, due = device, []
        for found.step in range(1, 101):
            found.seconds += 1.0
            if found.is_due():
                found.align()
                due.append(found.step)
        return due

    assert steps_with_checkpoints("cpu") == list(range(10, 101, 10))
    assert steps_with_checkpoints("cuda") == [60]


# -- how tools end


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (torch.OutOfMemoryError(FULL), "out of memory on GPU 0; use smaller batches"),
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling"), "out of memory on the device"),
        (
            torch.AcceleratorError("CUDA error: no kernel image\nCUDA kernel errors might be"),
            "the GPU failed: CUDA",
        ),
    ],
)
def test_a_fault_of_a_gpu_is_one_line(capsys, error, message):
    from test_cli import ending_with

    from units.cli.tool import run

    assert run(ending_with(error), "su-test", []) == 1
    err = capsys.readouterr().err
    assert err.startswith(f"su-test: {message}") and err.count("\n") == 1


def test_other_runtime_errors_are_tracebacks():
    from test_cli import ending_with

    from units.cli.tool import run

    with pytest.raises(RuntimeError, match="a bug"):
        run(ending_with(RuntimeError("a bug")), "su-test", [])


# -- k-means


class Faiss:
    """Plays faiss with GPUs; `fault`: what its k-means raises on them."""

    def __init__(self, monkeypatch, fault=None):
        import faiss

        self.asked = []
        monkeypatch.setattr(faiss, "StandardGpuResources", object, raising=False)
        monkeypatch.setattr(faiss, "get_num_gpus", lambda: 2, raising=False)
        real = kmeans._lloyd

        def lloyd(frames, centroids, iterations, weights, gpu):
            self.asked.append(gpu)
            if gpu and fault:
                raise fault
            return real(frames, centroids, iterations, weights, False)

        monkeypatch.setattr(kmeans, "_lloyd", lloyd)


def fit(device):
    frames = np.random.default_rng(0).normal(size=(200, 3)).astype(np.float32)
    return kmeans.fit_codebook(frames, ClusterConfig(k=4, nredo=1), device=device)[0]


@pytest.mark.parametrize(("device", "gpu"), [("cpu", False), ("auto", True), ("cuda", True)])
def test_k_means_uses_the_device_that_it_is_given(monkeypatch, device, gpu):
    played = Faiss(monkeypatch)
    fit(device)
    assert set(played.asked) == {gpu}


def test_k_means_goes_on_without_gpus_that_fail(monkeypatch):
    Faiss(monkeypatch, RuntimeError("Error in StandardGpuResources:\n  out of memory"))
    with reported() as messages:
        book = fit("auto")
    assert book.hash == fit("cpu").hash
    assert messages == [
        "faiss cannot use the GPUs, so k-means runs on the CPU: Error in StandardGpuResources: out of memory"
    ]
    with pytest.raises(InputError, match="--device cuda: faiss cannot use the GPUs: Error in Standard"):
        fit("cuda")


def test_one_of_several_gpus_for_k_means_is_an_error_that_says_how(monkeypatch):
    Faiss(monkeypatch)
    with pytest.raises(InputError, match="CUDA_VISIBLE_DEVICES=1 and give --device cuda"):
        fit("cuda:1")
