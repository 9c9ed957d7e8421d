from __future__ import annotations

from tests.cli.conftest import Shell
from tests.harness.library import library


def test_demo_makes_a_library_in_which_variations_find_each_other(shell: Shell) -> None:
    outcome = shell("demo", "--no-tui", "--json")
    assert outcome.code == 0
    answer = outcome.json
    assert answer["seeds"][0]["path"].startswith(str(shell.data_dir / "demo"))
    album = {result["album"] for result in answer["results"][:3]}
    assert len(album) == 1
    nearest_is_kin = 0
    with library(shell.data_dir / "demo") as services:
        rows = services.catalog.tracks().rows
        assert len(rows) == 40
        index = services.engine.open()
        assert index is not None
        model = services.models.searching()
        for row in rows:
            embedding = services.catalog.embedding(row.track.id, model)
            assert embedding is not None
            from musicsim_tui.index.index import SearchParams

            params = SearchParams(limit=1, exclude=frozenset({row.track.id}))
            hit = index.search(model, embedding.mean, params)[0]
            found = services.catalog.track(hit.id)
            assert found is not None
            nearest_is_kin += found.track.tags.album == row.track.tags.album
    assert nearest_is_kin >= 36
    again = shell("demo", "--no-tui")
    assert again.code == 0
    assert "What sounds like" in again.out
    assert answer["results"][0]["title"][:10] in again.out
    assert shell("list", "--json").json["total"] == 0, "the library beside it is left alone"
