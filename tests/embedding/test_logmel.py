from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from musicsim_tui.embedding.logmel import EfficientAtLogMel, MelFilters, PannsLogMel, mel_power
from tests.harness.material import material


def panns_filters() -> np.ndarray:
    import librosa

    filters: np.ndarray = librosa.filters.mel(sr=32_000, n_fft=1024, n_mels=64, fmin=50, fmax=14_000).T
    return filters


def test_panns_logmel_is_what_the_authors_network_saw() -> None:
    import torch

    logmel = PannsLogMel(torch.from_numpy(panns_filters().copy()))
    references = json.loads(material("panns_reference/fixtures.json").read_text())
    assert len(references) == 2
    for reference in references.values():
        samples = torch.tensor(reference["waveform"], dtype=torch.float32)[None]
        expected = np.array(reference["logmel"], dtype=np.float32).reshape(201, 64)
        difference = np.abs(logmel(samples)[0].numpy() - expected)
        # Where a band lies 60 dB below the loudest one, float32 rounds both sides: the reference is itself
        # up to 2e-4 dB away from the same in float64.
        assert np.quantile(difference, 0.99) < 1e-4
        assert difference.max() < 1e-3


def test_panns_logmel_agrees_with_torchlibrosa() -> None:
    import torch
    from torchlibrosa.stft import LogmelFilterBank, Spectrogram

    spectrogram = Spectrogram(n_fft=1024, hop_length=320, win_length=1024, window="hann")
    filters = LogmelFilterBank(
        sr=32_000, n_fft=1024, n_mels=64, fmin=50, fmax=14_000, ref=1.0, amin=1e-10, top_db=None
    )
    samples = torch.randn(3, 50_000, generator=torch.Generator().manual_seed(1)) * 0.1
    expected = filters(spectrogram(samples))[:, 0]
    assert (PannsLogMel(filters.melW)(samples) - expected).abs().max().item() < 1e-4


def test_panns_logmel_of_silence_is_the_floor_of_its_scale() -> None:
    import torch

    logmel = PannsLogMel(torch.from_numpy(panns_filters().copy()))
    assert torch.equal(logmel(torch.zeros(1, 3200)), torch.full((1, 11, 64), -100.0))


def test_efficientat_logmel_is_what_the_authors_code_gave() -> None:
    import torch

    reference = np.load(material("weights/mn04_reference.npz"))
    logmel = EfficientAtLogMel("cpu")
    for clip in range(3):
        samples = torch.from_numpy(reference[f"clip{clip}_waveform_int16"].astype(np.float32) / 32767)[None]
        found = logmel(samples)[0].numpy().T
        assert np.abs(found - reference[f"clip{clip}_logmel"]).max() < 1e-4


@settings(max_examples=20, deadline=None)
@given(windows=st.integers(1, 300), length=st.integers(513, 3000), taps=st.sampled_from([800, 1024]))
def test_blocks_of_frames_join_without_a_seam(windows: int, length: int, taps: int) -> None:
    import torch

    samples = torch.randn(windows, length, generator=torch.Generator().manual_seed(length))
    window = torch.hann_window(taps)
    mel = torch.eye(513)[:, ::40].contiguous()
    found = mel_power(samples, window, MelFilters(mel))
    spectra = torch.stft(
        samples, 1024, 320, taps, window, center=True, pad_mode="reflect", return_complex=True
    )
    expected = spectra.abs().square().transpose(1, 2)[:, :, ::40]
    assert found.shape == expected.shape == (windows, length // 320 + 1, 13)
    assert torch.allclose(found, expected, rtol=1e-3, atol=1e-3)


@given(bands=st.integers(1, 70), width=st.integers(0, 200), seed=st.integers(0, 99))
def test_filters_in_parts_are_the_whole_matrix(bands: int, width: int, seed: int) -> None:
    import torch

    random = torch.Generator().manual_seed(seed)
    first = torch.randint(0, 513, (bands,), generator=random)
    bins = torch.arange(513)[:, None]
    mel = torch.rand(513, bands, generator=random) * ((bins >= first) & (bins < first + width))
    spectra = torch.randn(2, 5, 513, dtype=torch.complex64, generator=random)
    expected = spectra.abs().square() @ mel
    found = torch.empty(2, 5, bands)
    MelFilters(mel).apply(spectra, found)
    assert torch.allclose(found, expected, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("threads", [1, 2])
def test_a_window_sounds_the_same_alone_and_in_a_batch(threads: int) -> None:
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        samples = torch.randn(8, 64_000, generator=torch.Generator().manual_seed(2)) * 0.1
        logmel = EfficientAtLogMel("cpu")
        together = logmel(samples)
        alone = torch.cat([logmel(samples[index : index + 1]) for index in range(8)])
        assert (together - alone).abs().max().item() < 1e-4
    finally:
        torch.set_num_threads(before)
