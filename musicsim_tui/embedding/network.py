"""What both networks share: choosing a processor, batches that fit its memory, and results as arrays."""

from __future__ import annotations

import logging
import os
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import repeat
from typing import TYPE_CHECKING

import numpy as np

from musicsim_tui.embedding.embedder import HeardWindows
from musicsim_tui.embedding.logmel import SAMPLE_RATE
from musicsim_tui.embedding.sounds import audioset_labels
from musicsim_tui.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    from numpy.typing import NDArray
    from torch import Tensor

    from musicsim_tui.track import ModelVersion, Samples, Vectors

    Forward: TypeAlias = Callable[[Tensor], tuple[Tensor, Tensor]]
    """Samples, shape (windows, samples), to vectors and to probabilities of the AudioSet classes."""

logger = logging.getLogger(__name__)

MINIMUM_SAMPLES = 10_240
"""Five halvings of the frames leave one when there are 32: shorter windows are filled up with silence."""

_OUT_OF_MEMORY = ("out of memory", "can't allocate memory", "not enough memory")
_ONEDNN_OUT_OF_MEMORY = ("could not create a primitive", "could not create a memory object")
"""Whole messages: with more words they tell of something else, such as "a primitive descriptor"."""

_LOUDEST = 100.0
"""Beyond this a sample is no audio but a damaged float file, whose square may overflow."""


def choose_device(wanted: str) -> str:
    """The processor to use: `wanted`, or for "auto" CUDA, then MPS, then the CPU.

    Raises ModelError when this machine lacks it, or when PyTorch cannot be loaded.
    """
    # Read when PyTorch is loaded: its threads then sleep where they wait for each other. Spinning, they take
    # the processor from the threads that decode, and mn04 falls to a tenth of its speed.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        import torch
    except (ImportError, OSError) as error:
        raise ModelError(
            f"PyTorch cannot be loaded: {error}.",
            "Reinstall it, or choose --model builtin, which needs none.",
        ) from error
    if wanted == "auto":
        if torch.cuda.is_available():
            return "cuda"
        return "mps" if torch.backends.mps.is_available() else "cpu"
    kind, _, number = wanted.partition(":")
    there = {
        "cpu": not number,
        "cuda": torch.cuda.is_available() and (not number or _is_below(number, torch.cuda.device_count())),
        "mps": torch.backends.mps.is_available() and not number,
    }
    if not there.get(kind, False):
        raise ModelError(
            f"This machine has no processor {wanted!r} that PyTorch can use.",
            "Set MUSICSIM_DEVICE to auto, cpu, cuda, cuda:1 or mps.",
        )
    return wanted


@cache
def usual_threads() -> int:
    """Threads that PyTorch takes of its own accord. To be asked before anybody sets another number."""
    import torch

    return torch.get_num_threads()


def _is_below(number: str, count: int) -> bool:
    return number.isascii() and number.isdigit() and int(number) < count


class NetworkEmbedder:
    """An `Embedder` around a network's forward pass.

    `on_notice` is called, from the thread that embeds, with a sentence for the person when the batch had to
    shrink because memory ran out.
    """

    def __init__(
        self,
        model: ModelVersion,
        forward: Forward,
        *,
        device: str,
        batch_size: int,
        same_recording_cosine: float,
        threads: int | None = None,
        side_by_side: int = 1,
        threads_undivided: int | None = None,
    ) -> None:
        """`side_by_side` parts of a batch are heard at the same time, on the CPU each by so many `threads` of
        PyTorch; None leaves their number alone.

        Threads that share a layer wait for each other at its end, most of all where layers are small or
        other threads want the processor. With `threads_undivided` a batch whose windows cannot be shared out
        equally is heard whole, by that many threads.
        """
        self._model = model
        self._forward = forward
        self._device = device
        self._batch_size = batch_size
        self._same_recording_cosine = same_recording_cosine
        self._threads = threads
        self._side_by_side = side_by_side
        self._threads_undivided = threads_undivided
        self._labels = audioset_labels()
        self.on_notice: Callable[[str], None] | None = None

    @property
    def model(self) -> ModelVersion:
        return self._model

    @property
    def sample_rate(self) -> int:
        return SAMPLE_RATE

    @property
    def labels(self) -> tuple[str, ...]:
        return self._labels

    @property
    def batch_size(self) -> int:
        return self._batch_size

    @property
    def same_recording_cosine(self) -> float:
        return self._same_recording_cosine

    @property
    def device(self) -> str:
        """The processor in use: cpu, cuda, cuda:1 or mps."""
        return self._device

    def embed(self, windows: Samples) -> HeardWindows:
        """Hear windows, shape (windows, samples), `batch_size` at a time.

        When memory runs out the batch is halved, for good, and the same windows are heard again.
        Windows under 0.32 s are filled up with silence. In a window that comes out as no numbers, damaged
        samples are taken as silence, or as loud as audio can be, and it is heard again.
        Raises ModelError when the processor cannot run even one window.
        """
        if windows.ndim != 2:
            raise ValueError(f"windows must have shape (windows, samples), not {windows.shape}")
        vectors = np.empty((len(windows), self._model.dimensions), dtype=np.float32)
        sounds = np.empty((len(windows), len(self._labels)), dtype=np.float32)
        done = 0
        while done < len(windows):
            batch = windows[done : done + self._batch_size]
            heard = self._try_batch(batch)
            if heard is None:
                self._shrink(len(batch))
                continue
            vectors[done : done + len(batch)], sounds[done : done + len(batch)] = heard
            done += len(batch)
        return HeardWindows(vectors, sounds)

    def _try_batch(self, batch: Samples) -> tuple[Vectors, Vectors] | None:
        """Vectors and probabilities of a batch, or None when memory ran out."""
        import torch

        try:
            with torch.inference_mode():
                samples = _as_tensor(batch)
                heard = self._hear(samples)
                damaged = ~_finite_rows(heard)
                if damaged.any():
                    samples = samples.clone()
                    samples[damaged] = samples[damaged].nan_to_num(nan=0.0).clamp(-_LOUDEST, _LOUDEST)
                    heard = self._hear(samples)
        except (RuntimeError, MemoryError) as error:
            if not _ran_out_of_memory(error):
                raise self._failure(str(error).partition("\n")[0]) from error
            if len(batch) == 1:
                raise self._failure("there is not enough memory for a single window") from error
            return None
        if not _finite_rows(heard).all():
            raise self._failure("what it computes are not numbers")
        return heard

    def _hear(self, samples: Tensor) -> tuple[Vectors, Vectors]:
        if self._threads_undivided is not None and len(samples) % self._side_by_side:
            return self._hear_part(samples, self._threads_undivided)
        parts = samples.tensor_split(min(self._side_by_side, len(samples)))
        if len(parts) == 1:
            return self._hear_part(samples, self._threads)
        with ThreadPoolExecutor(len(parts)) as pool:
            heard = pool.map(self._hear_part, parts, repeat(self._threads))
            vectors, sounds = zip(*heard, strict=True)
        return np.concatenate(vectors), np.concatenate(sounds)

    def _hear_part(self, samples: Tensor, threads: int | None) -> tuple[Vectors, Vectors]:
        import torch

        # Inference mode belongs to the calling thread. So does the number of threads, which a new thread
        # takes over from whichever set it last.
        if threads is not None and torch.get_num_threads() != threads:
            torch.set_num_threads(threads)
        with torch.inference_mode():
            vectors, sounds = self._forward(samples.to(self._device))
            return vectors.float().cpu().numpy(), sounds.float().cpu().numpy()

    def _failure(self, reason: str) -> ModelError:
        return ModelError(
            f"{self._model.name} cannot run on {self._device}: {reason}.",
            "Close other programs, or choose --model builtin."
            if self._device == "cpu"
            else "Close other programs that use the graphics card, or set MUSICSIM_DEVICE=cpu.",
        )

    def _shrink(self, tried: int) -> None:
        """Halve the batch, after the failed one has been let go."""
        import torch

        self._batch_size = tried // 2
        if self._device.startswith("cuda"):
            torch.cuda.empty_cache()
        elif self._device == "mps":
            torch.mps.empty_cache()
        notice = (
            f"Memory ran out on {self._device}: {self._model.name} now hears "
            f"{self._batch_size} windows at a time instead of {tried}."
        )
        logger.warning(notice)
        if self.on_notice is not None:
            self.on_notice(notice)


def _as_tensor(batch: Samples) -> Tensor:
    """The batch, without a copy where none is needed, at least `MINIMUM_SAMPLES` long."""
    import torch

    batch = np.ascontiguousarray(batch, dtype=np.float32)
    samples = torch.from_numpy(batch) if batch.flags.writeable else torch.tensor(batch)
    missing = MINIMUM_SAMPLES - samples.shape[1]
    return torch.nn.functional.pad(samples, (0, missing)) if missing > 0 else samples


def _finite_rows(heard: tuple[Vectors, Vectors]) -> NDArray[np.bool_]:
    vectors, sounds = heard
    finite: NDArray[np.bool_] = np.logical_and.reduce(np.isfinite(np.hstack((vectors, sounds))), axis=1)
    return finite


def _ran_out_of_memory(error: Exception) -> bool:
    """Only CUDA has an exception of its own for it. MPS and the CPU say so in words; oneDNN says no more than
    what it could not create."""
    import torch

    words = str(error).lower()
    return (
        isinstance(error, (torch.OutOfMemoryError, MemoryError))
        or any(phrase in words for phrase in _OUT_OF_MEMORY)
        or words.partition("\n")[0] in _ONEDNN_OUT_OF_MEMORY
    )
