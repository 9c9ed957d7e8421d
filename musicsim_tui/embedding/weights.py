"""The weights of the networks: where they come from, whether they are what they should be, loading them."""

from __future__ import annotations

import hashlib
import os
import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from musicsim_tui.errors import ModelError, UsageError
from musicsim_tui.jobs import Progress

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from musicsim_tui.embedding.transfer import Patience
    from musicsim_tui.jobs import CancelToken

CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class WeightsFile:
    """One published file of weights. `source` is the page that describes it."""

    name: str
    file_name: str
    url: str
    bytes: int
    sha256: str
    licence: str
    source: str


CNN14_WEIGHTS = WeightsFile(
    name="cnn14",
    file_name="Cnn14_mAP=0.431.pth",
    url="https://zenodo.org/records/3987831/files/Cnn14_mAP%3D0.431.pth?download=1",
    bytes=327_428_481,
    sha256="0dc499e40e9761ef5ea061ffc77697697f277f6a960894903df3ada000e34b31",
    licence="CC BY 4.0",
    source="https://zenodo.org/records/3987831",
)
MN04_WEIGHTS = WeightsFile(
    name="mn04",
    file_name="mn04_as_mAP_432.pt",
    url="https://github.com/fschmid56/EfficientAT/releases/download/v0.0.1/mn04_as_mAP_432.pt",
    bytes=4_066_513,
    sha256="899a8c6217063f6941793102a2780b3dd788ab11fce468d9cf5f0577c453321c",
    licence="MIT",
    source="https://github.com/fschmid56/EfficientAT",
)
WEIGHTS: Mapping[str, WeightsFile] = {file.name: file for file in (CNN14_WEIGHTS, MN04_WEIGHTS)}


def weights_file(name: str | WeightsFile) -> WeightsFile:
    """The entry for a model's name; an entry is given back. Raises UsageError for a model without weights."""
    if isinstance(name, WeightsFile):
        return name
    if name not in WEIGHTS:
        raise UsageError(f"There are no weights for {name!r}.", f"Choose one of {', '.join(WEIGHTS)}.")
    return WEIGHTS[name]


def find_weights(name: str | WeightsFile, models_dir: Path) -> Path | None:
    """The file of a model's weights if it is there with the right size, else None.

    Looks in `models_dir`, and for cnn14 also where panns_inference keeps it. Loading checks the content.
    """
    file = weights_file(name)
    places = [models_dir / file.file_name]
    if file.name == CNN14_WEIGHTS.name:
        places.append(Path(os.path.expanduser("~")) / "panns_data" / file.file_name)
    for place in places:
        try:
            if place.is_file() and place.stat().st_size == file.bytes:
                return place
        except OSError:
            continue
    return None


def verify_weights(
    name: str | WeightsFile,
    path: Path,
    progress: Callable[[Progress], None] | None = None,
    cancel: CancelToken | None = None,
) -> None:
    """Check a file's size and SHA-256. Raises ModelError when it is not the weights, or cannot be read."""
    file = weights_file(name)
    try:
        with path.open("rb") as handle:
            verify_handle(file, handle, progress, cancel)
    except OSError as error:
        raise ModelError(
            f"The weights of {file.name} cannot be read from {path}: {error.strerror or error}.",
            f"Run musicsim-tui models install {file.name}.",
        ) from error


def verify_handle(
    file: WeightsFile,
    handle: BinaryIO,
    progress: Callable[[Progress], None] | None = None,
    cancel: CancelToken | None = None,
) -> None:
    """Check an open file from its beginning, and leave it at its beginning. Raises ModelError, OSError."""
    hint = f"Run musicsim-tui models install {file.name}, or give the right file with --from FILE."
    size = os.fstat(handle.fileno()).st_size
    if size != file.bytes:
        raise ModelError(
            f"{handle.name} is not the weights of {file.name}: "
            f"it holds {size:,} bytes instead of {file.bytes:,}.",
            hint,
        )
    digest = hashlib.sha256()
    done = 0
    handle.seek(0)
    while chunk := handle.read(CHUNK_BYTES):
        if cancel is not None:
            cancel.check()
        digest.update(chunk)
        done += len(chunk)
        if progress is not None:
            progress(Progress(done, file.bytes, "bytes", f"checking {file.name}"))
    if digest.hexdigest() != file.sha256:
        raise ModelError(
            f"{handle.name} is not the weights of {file.name}, or it is damaged: its SHA-256 differs.", hint
        )
    handle.seek(0)


def load_checkpoint(file: WeightsFile, path: Path) -> Mapping[str, Tensor]:
    """The tensors of a file of weights, on the CPU, read only after size and SHA-256 were found right.

    The digest is computed at every load, from the same open file: it costs 0.2 s for the largest one, once
    a run, and there is no record of an earlier check that could be stale. Raises ModelError.
    """
    import torch

    try:
        with path.open("rb") as handle:
            verify_handle(file, handle)
            checkpoint = torch.load(handle, map_location="cpu", weights_only=True)
    except OSError as error:
        raise ModelError(
            f"The weights of {file.name} cannot be read from {path}: {error.strerror or error}.",
            f"Run musicsim-tui models install {file.name}.",
        ) from error
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError) as error:
        raise ModelError(
            f"The weights of {file.name} are the right file, but PyTorch {torch.__version__} cannot load it.",
            "Install the PyTorch version that musicsim-tui asks for.",
        ) from error
    tensors: Mapping[str, Tensor] = checkpoint.get("model", checkpoint)
    return tensors


def install_weights(
    name: str | WeightsFile,
    models_dir: Path,
    *,
    source: Path | None = None,
    mirror: str | None = None,
    progress: Callable[[Progress], None] | None = None,
    notice: Callable[[str], None] | None = None,
    cancel: CancelToken | None = None,
    patience: Patience | None = None,
) -> Path:
    """Put a model's weights, checked, into `models_dir`; returns where they are.

    They come from `source`, a file, else from `mirror` (`<mirror>/<file name>`; https, or file), else from
    where they are published. Weights that are already there, or where panns_inference keeps them, are used.
    An interrupted download goes on where it stopped; `notice` takes a sentence for each pause before another
    attempt. Nothing stands under the final name before it has
    been checked. Raises ModelError (network, wrong file), StorageError (disk), UsageError, Cancelled.
    """
    from musicsim_tui.embedding.install import Installation

    installation = Installation(weights_file(name), models_dir, progress, notice, cancel, patience)
    return installation.run(source, mirror)
