from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from musicsim_tui.embedding.cnn14_blocks import arrange_for_inference
from musicsim_tui.embedding.embedder import Embedder
from musicsim_tui.embedding.logmel import PannsLogMel
from musicsim_tui.embedding.panns import Cnn14Embedder
from musicsim_tui.embedding.sounds import audioset_labels
from musicsim_tui.embedding.versions import CNN14
from musicsim_tui.embedding.weights import WeightsFile
from musicsim_tui.errors import ModelError

if TYPE_CHECKING:
    from musicsim_tui.track import Samples, Vectors

RATE = 32_000


def describe(path: Path) -> WeightsFile:
    content = path.read_bytes()
    return WeightsFile("cnn14", path.name, "", len(content), hashlib.sha256(content).hexdigest(), "", "")


def varied_audio(windows: int, seconds: float, seed: int) -> Samples:
    """Chords with beats and noise, each window another mixture, at levels from quiet to full."""
    random = np.random.default_rng(seed)
    time = np.arange(int(seconds * RATE)) / RATE
    rows = []
    for row in range(windows):
        tones = sum(np.sin(2 * np.pi * pitch * time) for pitch in random.uniform(60, 4000, 4))
        beat = 0.6 + 0.4 * np.sign(np.sin(2 * np.pi * random.uniform(1, 4) * time))
        noise = random.normal(size=len(time)) * random.uniform(0.01, 1)
        rows.append((tones * beat + noise) / 8 * 10 ** (-row / windows))
    return np.stack(rows).astype(np.float32)


def cosines(left: Vectors, right: Vectors) -> Vectors:
    norms = np.linalg.norm(left, axis=1) * np.linalg.norm(right, axis=1)
    result: Vectors = np.sum(left * right, axis=1) / norms
    return result


@pytest.fixture(scope="module")
def panns(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModuleType]:
    """The authors' package, imported as it stands, in a home that has its list of labels."""
    home = tmp_path_factory.mktemp("home")
    (home / "panns_data").mkdir()
    labels = resources.files("musicsim_tui.embedding").joinpath("audioset_labels.csv").read_bytes()
    (home / "panns_data" / "class_labels_indices.csv").write_bytes(labels)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(home))
        patch.setitem(sys.modules, "matplotlib", ModuleType("matplotlib"))
        patch.setitem(sys.modules, "matplotlib.pyplot", ModuleType("matplotlib.pyplot"))
        import panns_inference
        import panns_inference.models

        yield panns_inference
    for name in [name for name in sys.modules if name.partition(".")[0] == "panns_inference"]:
        del sys.modules[name]


@pytest.fixture(scope="module")
def checkpoint(panns: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:  # noqa: ANN401
    """Cnn14 with seeded weights, whose batch norms have seen audio, saved as its authors save it."""
    import torch

    torch.manual_seed(14)
    network = panns.models.Cnn14(RATE, 1024, 320, 64, 50, 14_000, 527)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = None
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
            torch.nn.init.normal_(module.bias, 0, 0.2)
    with torch.no_grad():
        network.train()(torch.from_numpy(varied_audio(8, 1.3, seed=1)))
    path = tmp_path_factory.mktemp("cnn14") / "Cnn14_seeded.pth"
    torch.save(
        {"iteration": 600_000, "model": network.state_dict()}, path, _use_new_zipfile_serialization=False
    )
    yield path
    path.unlink()


@pytest.fixture(scope="module")
def cnn14(checkpoint: Path) -> Cnn14Embedder:
    return Cnn14Embedder(checkpoint, device="cpu", precision="float32", expected=describe(checkpoint))


@pytest.fixture(scope="module")
def reference(panns: Any, checkpoint: Path) -> Any:  # noqa: ANN401
    return panns.AudioTagging(checkpoint_path=str(checkpoint), device="cpu")


@pytest.mark.parametrize(("windows", "seconds"), [(3, 10.0), (2, 0.4), (1, 3.3)])
def test_float32_equals_panns_inference(
    cnn14: Cnn14Embedder,
    reference: Any,  # noqa: ANN401
    windows: int,
    seconds: float,
) -> None:
    samples = varied_audio(windows, seconds, seed=int(seconds * 10))
    sounds, vectors = reference.inference(samples)
    heard = cnn14.embed(samples)
    assert cosines(heard.vectors, vectors).min() > 0.9999
    assert cosines(heard.sounds, sounds).min() > 0.9999
    assert np.abs(heard.vectors - vectors).max() < 1e-3 * np.abs(vectors).max()
    assert np.abs(heard.sounds - sounds).max() < 1e-3


def test_bfloat16_equals_panns_inference_nearly(
    checkpoint: Path,
    reference: Any,  # noqa: ANN401
) -> None:
    embedder = Cnn14Embedder(checkpoint, device="cpu", precision="bfloat16", expected=describe(checkpoint))
    samples = varied_audio(3, 10.0, seed=7)
    sounds, vectors = reference.inference(samples)
    heard = embedder.embed(samples)
    assert cosines(heard.vectors, vectors).min() > 0.999
    assert cosines(heard.sounds, sounds).min() > 0.999
    assert not np.array_equal(heard.vectors, vectors)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_arranged_for_a_graphics_card_it_computes_the_same(
    panns: Any,  # noqa: ANN401
    checkpoint: Path,
    precision: str,
) -> None:
    """The layers of a graphics card, computed by the processor there is."""
    import torch

    dtype = getattr(torch, precision)
    weights = torch.load(checkpoint, weights_only=True)["model"]
    network = panns.models.Cnn14(RATE, 1024, 320, 64, 50, 14_000, 527)
    network.load_state_dict(weights)
    network.eval()
    samples = torch.from_numpy(varied_audio(2, 3.3, seed=4))
    with torch.inference_mode():
        expected = network(samples)
        arrange_for_inference(network, dtype, "cuda")
        found = network(samples)
    filters = [weight for weight in network.parameters() if weight.shape[2:] == (3, 3)]
    assert [weight.dtype for weight in filters] == [dtype] * 12
    least = 0.9999 if precision == "float32" else 0.999
    for name, numbers in expected.items():
        assert cosines(found[name].numpy(), numbers.numpy()).min() > least


@pytest.mark.parametrize(
    ("threads", "windows", "heard"),
    [
        (1, 4, [(4, 1)]),
        (2, 4, [(2, 1), (2, 1)]),
        (3, 4, [(4, 3)]),
        (4, 4, [(2, 2), (2, 2)]),
        (2, 3, [(3, 2)]),
    ],
)
def test_two_halves_of_a_batch_share_the_threads(
    checkpoint: Path,
    cnn14: Cnn14Embedder,
    monkeypatch: pytest.MonkeyPatch,
    threads: int,
    windows: int,
    heard: list[tuple[int, int]],
) -> None:
    import torch

    seen: list[tuple[int, int]] = []

    class NotingLogMel(PannsLogMel):
        def __call__(self, samples: torch.Tensor) -> torch.Tensor:
            seen.append((len(samples), torch.get_num_threads()))
            return super().__call__(samples)

    samples = varied_audio(windows, 1.3, seed=6)
    expected = cnn14.embed(samples).vectors
    before = torch.get_num_threads()
    with monkeypatch.context() as patch:
        patch.setattr("musicsim_tui.embedding.panns.PannsLogMel", NotingLogMel)
        embedder = Cnn14Embedder(
            checkpoint, device="cpu", precision="float32", threads=threads, expected=describe(checkpoint)
        )
    try:
        found = embedder.embed(samples).vectors
    finally:
        torch.set_num_threads(before)
    assert seen == heard
    assert cosines(found, expected).min() > 0.9999


def test_the_seeded_network_tells_windows_apart(cnn14: Cnn14Embedder) -> None:
    vectors = cnn14.embed(varied_audio(2, 2.0, seed=3)).vectors
    assert cosines(vectors[:1], vectors[1:])[0] < 0.999


def test_it_is_an_embedder(cnn14: Cnn14Embedder) -> None:
    embedder: Embedder = cnn14
    assert embedder.model == CNN14
    assert str(embedder.model) == "cnn14 v1"
    assert embedder.model.dimensions == 2048
    assert embedder.sample_rate == RATE
    assert embedder.labels == audioset_labels()
    assert embedder.batch_size == 8
    assert 0.9 < embedder.same_recording_cosine < 1


@pytest.mark.parametrize("length", [1, 5000, 10_240, 20_001])
def test_shorter_windows_are_heard(cnn14: Cnn14Embedder, length: int) -> None:
    heard = cnn14.embed(varied_audio(2, 1.0, seed=5)[:, :length])
    assert heard.vectors.shape == (2, 2048)
    assert np.isfinite(heard.vectors).all()
    assert ((heard.sounds >= 0) & (heard.sounds <= 1)).all()


def test_weights_are_refused_unless_they_are_the_published_file(checkpoint: Path) -> None:
    with pytest.raises(ModelError, match="instead of 327,428,481"):
        Cnn14Embedder(checkpoint, device="cpu")


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    import torch

    other = tmp_path / "other.pth"
    torch.save({"model": {"bn0.weight": torch.ones(64)}}, other)
    with pytest.raises(ModelError, match="does not hold the weights of Cnn14"):
        Cnn14Embedder(other, device="cpu", expected=describe(other))


_QUIETLY = """
import os, socket, subprocess, sys
from pathlib import Path

def refuse(*arguments, **named):
    raise AssertionError(f"reached {arguments}")

os.system = refuse
subprocess.Popen.__init__ = refuse
socket.socket.connect = refuse
before = set(sys.modules)

from musicsim_tui.embedding.panns import Cnn14Embedder
from musicsim_tui.embedding.weights import WeightsFile

path = Path(sys.argv[1])
expected = WeightsFile("cnn14", path.name, "", int(sys.argv[2]), sys.argv[3], "", "")
Cnn14Embedder(path, device="cpu", precision="float32", expected=expected)
left = {name.partition(".")[0] for name in sys.modules} & {"matplotlib", "panns_inference"}
assert not left, left
"""


def test_loading_touches_neither_home_nor_network_and_says_nothing(checkpoint: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    expected = describe(checkpoint)
    kept = {
        name: os.environ[name]
        for name in ("PATH", "LD_LIBRARY_PATH", "OMP_NUM_THREADS")
        if name in os.environ
    }
    done = subprocess.run(
        [
            sys.executable,
            "-W",
            "error",
            "-c",
            _QUIETLY,
            str(checkpoint),
            str(expected.bytes),
            expected.sha256,
        ],
        capture_output=True,
        text=True,
        check=False,
        env=kept | {"HOME": str(home), "PYTHONDONTWRITEBYTECODE": "1"},
        cwd=Path.cwd(),
    )
    assert (done.stdout, done.stderr, done.returncode) == ("", "", 0)
    assert os.listdir(home) == []
    shutil.rmtree(home)


def test_a_regular_import_finds_the_real_package_afterwards(
    cnn14: Cnn14Embedder,
    panns: Any,  # noqa: ANN401
) -> None:
    assert cnn14.model == CNN14
    assert sys.modules["panns_inference"] is panns
    assert panns.AudioTagging.__module__ == "panns_inference.inference"
    assert panns.models.Spectrogram.__module__ == "torchlibrosa.stft"
