from __future__ import annotations

import hashlib
import io
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from musicsim_tui.embedding.weights import (
    CNN14_WEIGHTS,
    MN04_WEIGHTS,
    WEIGHTS,
    WeightsFile,
    find_weights,
    load_checkpoint,
    verify_weights,
    weights_file,
)
from musicsim_tui.errors import ModelError, UsageError
from musicsim_tui.jobs import Cancelled, CancelToken, Progress
from tests.harness.material import material


def described(content: bytes, name: str = "tiny") -> WeightsFile:
    return WeightsFile(
        name=name,
        file_name=f"{name}=1.pth",
        url="https://weights.invalid/tiny=1.pth",
        bytes=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        licence="CC0",
        source="https://weights.invalid",
    )


def test_the_registry_names_both_networks_as_published() -> None:
    assert list(WEIGHTS) == ["cnn14", "mn04"]
    assert weights_file("cnn14") is CNN14_WEIGHTS
    assert weights_file(MN04_WEIGHTS) is MN04_WEIGHTS
    for file in WEIGHTS.values():
        assert file.url.startswith("https://")
        assert len(file.sha256) == 64
        assert file.licence
        assert file.source.startswith("https://")


def test_a_model_without_weights_is_a_usage_error() -> None:
    with pytest.raises(UsageError) as caught:
        weights_file("builtin")
    assert "cnn14, mn04" in caught.value.hint


def test_the_published_mn04_file_is_what_the_registry_says() -> None:
    verify_weights("mn04", material("weights/mn04_as_mAP_432.pt"))


def test_weights_are_found_by_name_and_size(tmp_path: Path) -> None:
    file = described(b"weights")
    assert find_weights(file, tmp_path) is None
    (tmp_path / file.file_name).write_bytes(b"weight")
    assert find_weights(file, tmp_path) is None
    (tmp_path / file.file_name).write_bytes(b"weights")
    assert find_weights(file, tmp_path) == tmp_path / file.file_name


def test_a_folder_in_the_place_of_the_file_is_not_weights(tmp_path: Path) -> None:
    (tmp_path / MN04_WEIGHTS.file_name).mkdir()
    assert find_weights("mn04", tmp_path) is None


def test_cnn14_is_also_found_where_panns_inference_keeps_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    kept = tmp_path / "panns_data" / CNN14_WEIGHTS.file_name
    kept.parent.mkdir()
    with kept.open("wb") as handle:
        handle.truncate(CNN14_WEIGHTS.bytes)
    assert find_weights("cnn14", tmp_path / "models") == kept
    os.truncate(kept, 1000)
    assert find_weights("cnn14", tmp_path / "models") is None


@given(content=st.binary(max_size=2000), at=st.integers(min_value=0))
def test_one_changed_byte_is_noticed(
    content: bytes, at: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("weights") / "file"
    path.write_bytes(content)
    verify_weights(described(content), path)
    if content:
        place = at % len(content)
        path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        with pytest.raises(ModelError, match="SHA-256 differs"):
            verify_weights(described(content), path)


def test_another_size_is_said_in_bytes(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"short")
    with pytest.raises(ModelError, match="5 bytes instead of 7") as caught:
        verify_weights(described(b"weights"), path)
    assert "models install tiny" in caught.value.hint


@pytest.mark.parametrize("kind", ["missing", "folder"])
def test_a_file_that_cannot_be_read_is_a_model_error(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "file"
    if kind == "folder":
        path.mkdir()
    with pytest.raises(ModelError, match="cannot be read"):
        verify_weights(described(b"weights"), path)
    with pytest.raises(ModelError, match="cannot be read"):
        load_checkpoint(described(b"weights"), path)


def test_checking_reports_progress_and_can_be_cancelled(tmp_path: Path) -> None:
    content = os.urandom(3 << 20)
    path = tmp_path / "file"
    path.write_bytes(content)
    seen: list[Progress] = []
    verify_weights(described(content), path, seen.append)
    assert [snapshot.done for snapshot in seen] == [1 << 20, 2 << 20, 3 << 20]
    assert seen[-1] == Progress(3 << 20, 3 << 20, "bytes", "checking tiny")
    cancel = CancelToken()
    cancel.cancel()
    with pytest.raises(Cancelled):
        verify_weights(described(content), path, cancel=cancel)


@pytest.mark.parametrize("wrapped", [False, True])
@pytest.mark.parametrize("zipped", [False, True])
def test_checkpoints_load_wrapped_or_plain_in_both_formats(
    tmp_path: Path, wrapped: bool, zipped: bool
) -> None:
    import torch

    tensors = {"layer.weight": torch.arange(6.0).reshape(2, 3)}
    buffer = io.BytesIO()
    torch.save(
        {"iteration": 3, "model": tensors} if wrapped else tensors,
        buffer,
        _use_new_zipfile_serialization=zipped,
    )
    path = tmp_path / "tiny.pth"
    path.write_bytes(buffer.getvalue())
    loaded = load_checkpoint(described(buffer.getvalue()), path)
    assert list(loaded) == ["layer.weight"]
    assert torch.equal(loaded["layer.weight"], tensors["layer.weight"])


class _Dangerous:
    """Unpickles by creating a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str, int]]:
        return os.open, (str(self.path), os.O_CREAT)


def test_a_checkpoint_never_runs_code_even_with_the_right_digest(tmp_path: Path) -> None:
    import torch

    buffer = io.BytesIO()
    torch.save({"model": _Dangerous(tmp_path / "ran")}, buffer)
    path = tmp_path / "tiny.pth"
    path.write_bytes(buffer.getvalue())
    with pytest.raises(ModelError, match="cannot load it"):
        load_checkpoint(described(buffer.getvalue()), path)
    assert not (tmp_path / "ran").exists()


def test_a_checkpoint_is_not_even_opened_by_torch_when_the_digest_differs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("torch.load was reached")

    monkeypatch.setattr(torch, "load", refuse)
    path = tmp_path / "tiny.pth"
    path.write_bytes(b"xeights")
    with pytest.raises(ModelError, match="SHA-256 differs"):
        load_checkpoint(described(b"weights"), path)
