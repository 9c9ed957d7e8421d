from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness.loopback import no_other_host
from tests.tui.harness import Driver, Sample, fill

SNAPSHOTS = Path(__file__).parent / "snapshots"


@pytest.fixture(autouse=True)
def _own_surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting, key or theme of whoever runs the tests."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("TZ", "UTC")
    for name in ("NO_COLOR", "TEXTUAL_ANIMATIONS", "TEXTUAL_FPS"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(autouse=True)
def _no_other_host() -> Iterator[None]:
    """The app works on its queue in every test: none asks a host outside."""
    with no_other_host():
        yield


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    """A data folder without a library."""
    return tmp_path / "data"


SMALL = (
    Sample(
        "A Night of Dizzy Spells", "Eric Skiff", "Resistor Anthems", 2010, 114, ("Synthesizer", "Chiptune")
    ),
    Sample("Chibi Ninja", "Eric Skiff", "Resistor Anthems", 2010, 123, ("Video game music",)),
    Sample("Underclocked", "Eric Skiff", "Resistor Anthems", 2010, 190, ("Synthesizer",)),
    Sample("Nocturne in E flat", "Clara Weiss", "Evenings", 1987, 275, ("Piano", "Classical music")),
    Sample("Rain on the Roof", "Clara Weiss", "Evenings", 1987, 3725, ("Piano", "Rain")),
    Sample("Untitled", "", "", None, 9, ()),
)


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A data folder whose library has six tracks."""
    fill(tmp_path / "data", SMALL)
    return tmp_path / "data"


def compare(driver: Driver, name: str) -> None:
    """Hold the screen against its snapshot; `MUSICSIM_UPDATE_SNAPSHOTS=1` writes it anew."""
    path = SNAPSHOTS / f"{name}.txt"
    shown = driver.text.rstrip() + "\n"
    if os.environ.get("MUSICSIM_UPDATE_SNAPSHOTS"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(shown, encoding="utf-8")
    assert shown == path.read_text(encoding="utf-8")
