from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from musicsim_tui.download.file_names import safe_name
from musicsim_tui.download.finished import finished_before


@given(artist=st.text(max_size=30), title=st.text(max_size=30), source_id=st.text(min_size=1, max_size=30))
def test_a_finished_file_is_found_by_its_id(artist: str, title: str, source_id: str) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = folder / safe_name(artist, title, source_id)
        assert finished_before(folder, source_id) is None
        path.write_bytes(b"sound")
        assert finished_before(folder, source_id) == path
        assert finished_before(folder, source_id + "x") is None


def test_what_only_looks_like_it_is_not_it(tmp_path: Path) -> None:
    (tmp_path / ".A [abc].mp3.part").write_bytes(b"")
    (tmp_path / "A [abc] live.mp3").write_bytes(b"")
    (tmp_path / "A [abc].mp3").mkdir()
    assert finished_before(tmp_path, "abc") is None
    assert finished_before(tmp_path / "nowhere", "abc") is None
