"""Draws the app for README.md: `python -m tests.harness.picture`. Writes .readme/app.svg.

The demo library is synthesised, heard (by mn04 where its weights are at hand) and searched in the real app;
what Textual exports is freed of the fonts that it would fetch from elsewhere.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from pathlib import Path

from musicsim_tui.embedding.weights import MN04_WEIGHTS
from musicsim_tui.jobs import CancelToken
from musicsim_tui.upkeep.demo import write_demo_music
from tests.benchmarks.report import MN04_WEIGHTS_FILE, find_material
from tests.harness.library import ingest_into, library
from tests.tui.harness import Driver, drive

PICTURE = Path(__file__).resolve().parents[2] / ".readme" / "app.svg"
_SIZE = (100, 24)
_FONTS = '"DejaVu Sans Mono", Menlo, "Cascadia Mono", Consolas, monospace'


def main() -> None:
    """Make the library, open it, search it, draw it."""
    with tempfile.TemporaryDirectory() as folder:
        data_dir = Path(folder)
        weights = find_material(MN04_WEIGHTS_FILE)
        if weights is not None:
            installed = data_dir / "models" / MN04_WEIGHTS.file_name
            installed.parent.mkdir()
            shutil.copyfile(weights, installed)
        with library(data_dir) as services:
            music = write_demo_music(data_dir / "music", lambda _: None, CancelToken())
            ingest_into(services, music.folder)

        async def scenario(driver: Driver) -> None:
            await driver.press("home", *["j"] * 5, "enter")
            await driver.shows("Moment")
            await driver.shows("v flips")
            await driver.settled()
            svg = driver.app.export_screenshot(title="musicsim-tui")
            PICTURE.parent.mkdir(exist_ok=True)
            PICTURE.write_text(without_foreign_fonts(svg), encoding="utf-8")

        drive(data_dir, scenario, size=_SIZE)


def without_foreign_fonts(svg: str) -> str:
    """A picture that is complete: it names fonts of the reader's machine and fetches none."""
    svg = re.sub(r"@font-face\s*{.*?}\s*", "", svg, flags=re.DOTALL)
    svg = re.sub(r"font-family: [^;]*Fira Code[^;]*;", f"font-family: {_FONTS};", svg)
    return svg.replace("<svg ", '<svg xml:space="preserve" ', 1)  # some drawers drop spaces that do not break


if __name__ == "__main__":
    main()
