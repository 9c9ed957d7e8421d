from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import av
import numpy as np
import pytest

from musicsim_tui.embedding import onednn
from musicsim_tui.embedding.efficientat import Mn04Embedder
from musicsim_tui.embedding.embedder import Embedder
from musicsim_tui.embedding.sounds import best_sounds
from musicsim_tui.embedding.versions import MN04
from musicsim_tui.embedding.weights import WeightsFile
from musicsim_tui.errors import ModelError
from tests.harness.material import material

if TYPE_CHECKING:
    from musicsim_tui.track import Samples

WINDOW = 320_000


@pytest.fixture(scope="module")
def mn04() -> Mn04Embedder:
    return Mn04Embedder(material("weights/mn04_as_mAP_432.pt"), device="cpu")


def decode(path: Path) -> Samples:
    with av.open(str(path)) as container:
        resampler = av.AudioResampler("flt", "mono", 32_000)
        frames = [frame for coded in container.decode(audio=0) for frame in resampler.resample(coded)]
        frames += resampler.resample(None)
    return np.concatenate([frame.to_ndarray()[0] for frame in frames]).astype(np.float32)


def cut(samples: Samples) -> Samples:
    whole = len(samples) // WINDOW
    return samples[: whole * WINDOW].reshape(whole, WINDOW) if whole else samples[None]


def cosine(left: Samples, right: Samples) -> float:
    return float(left @ right / (np.linalg.norm(left) * np.linalg.norm(right)))


@pytest.mark.parametrize("heard_before", [0, 60])
def test_vectors_and_sounds_are_those_of_the_authors_code(heard_before: int) -> None:
    """However much was heard: a busy network is fused."""
    mn04 = Mn04Embedder(material("weights/mn04_as_mAP_432.pt"), device="cpu")
    mn04.embed(np.zeros((heard_before, WINDOW), np.float32))
    _assert_hears_as_the_authors_code(mn04)


def test_it_hears_the_same_without_the_fused_convolutions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onednn, "has_fused_convolutions", lambda _: False)
    _assert_hears_as_the_authors_code(Mn04Embedder(material("weights/mn04_as_mAP_432.pt"), device="cpu"))


def _assert_hears_as_the_authors_code(mn04: Mn04Embedder) -> None:
    reference = np.load(material("weights/mn04_reference.npz"))
    coded = np.stack([reference[f"clip{clip}_waveform_int16"] for clip in range(3)])
    windows = (coded / 32767).astype(np.float32)
    heard = mn04.embed(windows)
    for clip in range(3):
        assert np.abs(heard.vectors[clip] - reference[f"clip{clip}_embedding"]).max() < 1e-4
        probabilities = np.clip(heard.sounds[clip].astype(np.float64), 1e-7, 1 - 1e-7)
        logits = np.log(probabilities / (1 - probabilities))
        # Float32 probabilities near 0 and 1 carry fewer digits of the logit than 1e-4.
        sure = np.abs(reference[f"clip{clip}_logits"]) < 6
        assert np.abs(logits - reference[f"clip{clip}_logits"])[sure].max() < 1e-4
        expected = 1 / (1 + np.exp(-reference[f"clip{clip}_logits"].astype(np.float64)))
        assert np.abs(heard.sounds[clip] - expected).max() < 1e-5


def test_it_is_an_embedder(mn04: Mn04Embedder) -> None:
    embedder: Embedder = mn04
    assert embedder.model == MN04
    assert str(embedder.model) == "mn04 v1"
    assert embedder.model.dimensions == 384
    assert embedder.sample_rate == 32_000
    assert embedder.labels[0] == "Speech"
    assert len(embedder.labels) == 527
    assert embedder.batch_size == 4
    assert 0.9 < embedder.same_recording_cosine < 1
    assert mn04.device == "cpu"


@pytest.mark.parametrize(
    ("recording", "expected"),
    [
        ("sorohanro_-_solo-trumpet-06.ogg", {"Trumpet"}),
        ("Kevin_MacLeod_-_Vibe_Ace.ogg", {"Jazz", "Vibraphone"}),
        (
            "Hungarian_Dance_number_5_-_Allegro_in_F_sharp_minor_(string_orchestra).ogg",
            {"Orchestra", "Bowed string instrument", "String section", "Violin, fiddle"},
        ),
        (
            "Kevin_MacLeod_-_P_I_Tchaikovsky_Dance_of_the_Sugar_Plum_Fairy.ogg",
            {"Classical music", "Orchestra"},
        ),
        ("Karissa_Hobbs_-_Lets_Go_Fishin.ogg", {"Singing", "Country"}),
        ("198-209-0000.ogg", {"Speech", "Female speech, woman speaking"}),
        ("3436-172162-0000.ogg", {"Speech", "Male speech, man speaking"}),
        ("5703-47212-0000.ogg", {"Speech"}),
        ("456440__inspectorj__bird-whistling-robin-single-13.ogg", {"Bird"}),
        ("glacier-bay-humpback.ogg", {"Whale vocalization"}),
    ],
)
def test_real_recordings_sound_like_what_they_are(
    mn04: Mn04Embedder, recording: str, expected: set[str]
) -> None:
    windows = cut(decode(material("recordings") / recording))
    heard = mn04.embed(windows)
    starts = np.arange(len(windows), dtype=np.float32) * 10
    found = {sound.label: sound.score for sound in best_sounds(heard.sounds, starts, mn04.labels)}
    assert expected & set(found), found
    if expected == {"Trumpet"}:
        assert found["Trumpet"] > 0.9


def test_a_window_is_heard_the_same_alone_and_in_a_batch(mn04: Mn04Embedder) -> None:
    samples = decode(material("recordings") / "Karissa_Hobbs_-_Lets_Go_Fishin.ogg")
    windows = cut(samples)[:4]
    together = mn04.embed(windows).vectors
    for index in range(len(windows)):
        alone = mn04.embed(windows[index : index + 1]).vectors[0]
        assert cosine(together[index], alone) > 0.99999


@pytest.mark.parametrize("length", [1, 1000, 10_240, 64_000, 100_001])
def test_shorter_windows_are_heard(mn04: Mn04Embedder, length: int) -> None:
    windows = np.random.default_rng(length).normal(0, 0.1, (2, length)).astype(np.float32)
    heard = mn04.embed(windows)
    assert heard.vectors.shape == (2, 384)
    assert np.isfinite(heard.vectors).all()
    assert ((heard.sounds >= 0) & (heard.sounds <= 1)).all()


def test_no_windows_give_no_vectors(mn04: Mn04Embedder) -> None:
    heard = mn04.embed(np.zeros((0, WINDOW), dtype=np.float32))
    assert heard.vectors.shape == (0, 384)
    assert heard.sounds.shape == (0, 527)


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    content = bytearray(material("weights/mn04_as_mAP_432.pt").read_bytes())
    content[2_000_000] ^= 1
    damaged = tmp_path / "mn04_as_mAP_432.pt"
    damaged.write_bytes(content)
    with pytest.raises(ModelError, match="SHA-256 differs"):
        Mn04Embedder(damaged, device="cpu")


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    import torch

    other = tmp_path / "other.pt"
    torch.save({"features.0.0.weight": torch.zeros(8, 1, 3, 3)}, other)
    content = other.read_bytes()
    described = WeightsFile("mn04", other.name, "", len(content), hashlib.sha256(content).hexdigest(), "", "")
    with pytest.raises(ModelError, match="does not hold the weights of mn04"):
        Mn04Embedder(other, device="cpu", expected=described)
