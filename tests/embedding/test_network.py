from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from musicsim_tui.embedding.network import MINIMUM_SAMPLES, NetworkEmbedder, choose_device
from musicsim_tui.errors import ModelError
from musicsim_tui.track import ModelVersion

if TYPE_CHECKING:
    from torch import Tensor

MODEL = ModelVersion("tiny", 1, 3)


def summaries(samples: Tensor) -> tuple[Tensor, Tensor]:
    """A stand-in network: three sums of each window, and its mean as every probability."""
    import torch

    vectors = torch.stack([samples.sum(1), samples.abs().sum(1), samples.square().sum(1)], dim=1)
    return vectors, samples.mean(1, keepdim=True).expand(-1, 527)


def embedder(forward: Callable[[Tensor], tuple[Tensor, Tensor]], batch_size: int = 8) -> NetworkEmbedder:
    return NetworkEmbedder(MODEL, forward, device="cpu", batch_size=batch_size, same_recording_cosine=0.9)


class SmallMemory:
    """A stand-in network that runs out of memory above `most` windows."""

    def __init__(self, most: int, error: Callable[[], Exception]) -> None:
        self.most = most
        self.error = error
        self.tried: list[int] = []

    def __call__(self, samples: Tensor) -> tuple[Tensor, Tensor]:
        self.tried.append(len(samples))
        if len(samples) > self.most:
            raise self.error()
        return summaries(samples)


def cuda_is_full() -> Exception:
    import torch

    return torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")


def mps_is_full() -> Exception:
    return RuntimeError("MPS backend out of memory (MPS allocated: 5.00 GB)")


def cpu_is_full() -> Exception:
    return RuntimeError(
        "[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 1 bytes"
    )


def onednn_is_full() -> Exception:
    return RuntimeError("could not create a primitive")


def onednn_has_no_room_for_maps() -> Exception:
    return RuntimeError("could not create a memory object")


@pytest.fixture
def windows() -> np.ndarray:
    return np.random.default_rng(1).normal(size=(10, MINIMUM_SAMPLES)).astype(np.float32)


@pytest.mark.parametrize(
    "full", [cuda_is_full, mps_is_full, cpu_is_full, onednn_is_full, onednn_has_no_room_for_maps, MemoryError]
)
def test_out_of_memory_halves_the_batch_and_hears_the_same_windows(
    windows: np.ndarray, full: Callable[[], Exception], caplog: pytest.LogCaptureFixture
) -> None:
    network = SmallMemory(3, full)
    small = embedder(network)
    notices: list[str] = []
    small.on_notice = notices.append
    with caplog.at_level(logging.WARNING):
        heard = small.embed(windows)
    assert network.tried == [8, 4, 2, 2, 2, 2, 2]
    assert small.batch_size == 2
    assert np.array_equal(heard.vectors, embedder(summaries).embed(windows).vectors)
    assert [notice.partition("hears ")[2] for notice in notices] == [
        "4 windows at a time instead of 8.",
        "2 windows at a time instead of 4.",
    ]
    assert [record.getMessage() for record in caplog.records] == notices


def test_a_batch_smaller_than_the_limit_is_halved_from_its_own_size(windows: np.ndarray) -> None:
    network = SmallMemory(1, cuda_is_full)
    small = embedder(network, batch_size=64)
    small.embed(windows[:3])
    assert network.tried == [3, 1, 1, 1]
    assert small.batch_size == 1


def test_a_single_window_that_does_not_fit_is_a_model_error(windows: np.ndarray) -> None:
    network = SmallMemory(0, cuda_is_full)
    with pytest.raises(ModelError, match="not enough memory for a single window") as caught:
        embedder(network).embed(windows)
    assert network.tried == [8, 4, 2, 1]
    assert "builtin" in caught.value.hint


@pytest.mark.parametrize(
    "words",
    [
        "CUDA error: device-side assert triggered",
        "could not create a primitive descriptor for the convolution forward propagation primitive",
    ],
)
def test_another_failure_of_the_processor_is_a_model_error(windows: np.ndarray, words: str) -> None:
    tried: list[int] = []

    def broken(samples: Tensor) -> tuple[Tensor, Tensor]:
        tried.append(len(samples))
        raise RuntimeError(f"{words}\nCompile with TORCH_USE_CUDA_DSA")

    with pytest.raises(ModelError, match=rf"tiny cannot run on cpu: {words}\.$"):
        embedder(broken).embed(windows)
    assert tried == [8]


def test_results_that_are_no_numbers_are_a_model_error(windows: np.ndarray) -> None:
    def overflowing(samples: Tensor) -> tuple[Tensor, Tensor]:
        vectors, sounds = summaries(samples)
        return vectors * float("inf"), sounds

    with pytest.raises(ModelError, match="are not numbers"):
        embedder(overflowing).embed(windows)


@settings(deadline=None)
@given(count=st.integers(0, 20), batch_size=st.integers(1, 9))
def test_every_window_is_heard_once_and_in_order(count: int, batch_size: int) -> None:
    windows = np.repeat(np.arange(count)[:, None] / 32, MINIMUM_SAMPLES, axis=1).astype(np.float32)
    heard = embedder(summaries, batch_size).embed(windows)
    assert heard.vectors.shape == (count, 3)
    assert heard.sounds.shape == (count, 527)
    assert heard.vectors.dtype == heard.sounds.dtype == np.float32
    assert np.allclose(heard.sounds[:, 0], np.arange(count) / 32)


@settings(deadline=None)
@given(count=st.integers(1, 12), side_by_side=st.integers(1, 5))
def test_parts_heard_side_by_side_come_back_in_order(count: int, side_by_side: int) -> None:
    windows = np.repeat(np.arange(count)[:, None] / 32, MINIMUM_SAMPLES, axis=1).astype(np.float32)
    heard = NetworkEmbedder(
        MODEL, summaries, device="cpu", batch_size=8, same_recording_cosine=0.9, side_by_side=side_by_side
    ).embed(windows)
    assert np.allclose(heard.sounds[:, 0], np.arange(count) / 32)
    assert np.array_equal(heard.vectors, embedder(summaries).embed(windows).vectors)


def test_parts_are_heard_each_with_its_number_of_threads(windows: np.ndarray) -> None:
    import torch

    seen: list[tuple[int, int, int]] = []

    def noting(samples: Tensor) -> tuple[Tensor, Tensor]:
        seen.append((len(samples), threading.get_ident(), torch.get_num_threads()))
        return summaries(samples)

    before = torch.get_num_threads()
    try:
        NetworkEmbedder(
            MODEL, noting, device="cpu", batch_size=8, same_recording_cosine=0.9, threads=3, side_by_side=2
        ).embed(windows[:8])
    finally:
        torch.set_num_threads(before)
    assert [(size, threads) for size, _, threads in seen] == [(4, 3), (4, 3)]
    assert threading.get_ident() not in {thread for _, thread, _ in seen}


@pytest.mark.parametrize(("count", "heard"), [(8, [(4, 1), (4, 1)]), (7, [(7, 2)]), (1, [(1, 2)])])
def test_a_batch_that_does_not_divide_is_heard_whole_by_all_threads(
    windows: np.ndarray, count: int, heard: list[tuple[int, int]]
) -> None:
    import torch

    seen: list[tuple[int, int]] = []

    def noting(samples: Tensor) -> tuple[Tensor, Tensor]:
        seen.append((len(samples), torch.get_num_threads()))
        return summaries(samples)

    before = torch.get_num_threads()
    try:
        NetworkEmbedder(
            MODEL,
            noting,
            device="cpu",
            batch_size=8,
            same_recording_cosine=0.9,
            threads=1,
            side_by_side=2,
            threads_undivided=2,
        ).embed(windows[:count])
    finally:
        torch.set_num_threads(before)
    assert seen == heard


def test_memory_that_runs_out_side_by_side_halves_the_batch(windows: np.ndarray) -> None:
    network = SmallMemory(2, cpu_is_full)
    small = NetworkEmbedder(
        MODEL, network, device="cpu", batch_size=8, same_recording_cosine=0.9, side_by_side=2
    )
    heard = small.embed(windows)
    assert small.batch_size == 4
    assert np.array_equal(heard.vectors, embedder(summaries).embed(windows).vectors)


def test_short_windows_are_filled_up_with_silence() -> None:
    lengths: list[int] = []

    def noting(samples: Tensor) -> tuple[Tensor, Tensor]:
        lengths.append(samples.shape[1])
        return summaries(samples)

    heard = embedder(noting).embed(np.ones((2, 100), dtype=np.float32))
    assert lengths == [MINIMUM_SAMPLES]
    assert heard.vectors[:, 0].tolist() == [100, 100]


def test_damaged_samples_spoil_neither_their_window_nor_the_others() -> None:
    windows = np.ones((4, MINIMUM_SAMPLES), dtype=np.float32)
    windows[1, 5], windows[2, 5], windows[3, 5] = np.nan, np.inf, -1e30
    heard = embedder(summaries).embed(windows)
    assert heard.vectors[:, 0].tolist() == [
        MINIMUM_SAMPLES,
        MINIMUM_SAMPLES - 1,
        MINIMUM_SAMPLES + 99,
        MINIMUM_SAMPLES - 101,
    ]


def test_the_callers_samples_are_left_alone_and_may_be_read_only() -> None:
    windows = np.full((1, MINIMUM_SAMPLES), 1e9, dtype=np.float32)
    windows.flags.writeable = False
    embedder(summaries).embed(windows)
    assert windows[0, 0] == np.float32(1e9)


def test_windows_of_another_shape_are_refused() -> None:
    with pytest.raises(ValueError, match="shape"):
        embedder(summaries).embed(np.zeros(MINIMUM_SAMPLES, dtype=np.float32))


def test_threads_are_set_only_when_asked(windows: np.ndarray) -> None:
    import torch

    before = torch.get_num_threads()
    try:
        embedder(summaries).embed(windows)
        assert torch.get_num_threads() == before
        wanted = before + 1
        NetworkEmbedder(
            MODEL, summaries, device="cpu", batch_size=8, same_recording_cosine=0.9, threads=wanted
        ).embed(windows)
        assert torch.get_num_threads() == wanted
    finally:
        torch.set_num_threads(before)


def test_the_processor_is_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert choose_device("auto") == choose_device("cpu") == "cpu"
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert choose_device("auto") == choose_device("mps") == "mps"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert choose_device("auto") == "cuda"
    assert choose_device("cuda:1") == "cuda:1"
    assert choose_device("cpu") == "cpu"
    for wanted in ("cuda:2", "cuda:-1", "cuda:x", "cpu:0", "mps:1", "gpu", ""):
        with pytest.raises(ModelError, match="no processor"):
            choose_device(wanted)


def test_waiting_threads_sleep_unless_the_environment_says_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_WAIT_POLICY", "ACTIVE")
    choose_device("cpu")
    assert os.environ["OMP_WAIT_POLICY"] == "ACTIVE"
    monkeypatch.delenv("OMP_WAIT_POLICY")
    choose_device("cpu")
    assert os.environ["OMP_WAIT_POLICY"] == "PASSIVE"


def test_a_processor_that_is_not_there_is_a_model_error(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ModelError) as caught:
        choose_device("cuda")
    assert "MUSICSIM_DEVICE" in caught.value.hint


def test_the_room_loads_no_heavy_library_before_it_is_used() -> None:
    code = (
        "import sys\n"
        "import musicsim_tui.embedding.panns, musicsim_tui.embedding.efficientat\n"
        "import musicsim_tui.embedding.weights, musicsim_tui.embedding.sounds\n"
        "heavy = {'torch', 'librosa', 'scipy', 'panns_inference', 'matplotlib', 'tenacity'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("[]\n", "")
