"""How good the results are, measured on a labelled folder."""

from __future__ import annotations

import csv
import os
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from musicsim_tui.errors import UnmetRequest
from musicsim_tui.search.vectors import unit

if TYPE_CHECKING:
    from musicsim_tui.library.catalog import Catalog
    from musicsim_tui.track import ModelVersion

_COLUMNS = ("clip", "track_id", "artist")
_FEWEST_TRACKS_OF_AN_ARTIST = 4
_NEIGHBOURS = 10


@dataclass(frozen=True, slots=True)
class LabelledClip:
    """A clip of a labelled set: its file, the recording it is cut from, and who made it."""

    path: Path
    track: str
    artist: str


@dataclass(frozen=True, slots=True)
class Quality:
    """Precision at k, with the query's own track left out, over clips of artists with 4 or more tracks
    (`artist_p_at_k`); the share of clips whose nearest neighbour is another clip of the same track
    (`same_track_at_1`, over clips that have one); chance level; hubness as the skewness of the
    10-occurrence (Radovanovic et al., JMLR 2010). None where no clip qualifies."""

    model: str
    queries: int
    artist_p_at_1: float | None
    artist_p_at_5: float | None
    same_track_at_1: float | None
    random_p_at_1: float | None
    hubness: float | None


def read_labels(path: Path) -> list[LabelledClip]:
    """The clips of a CSV with the columns clip, track_id, artist; clip paths are relative to the CSV.

    Raises UnmetRequest when the file cannot be read or lacks a column.
    """
    if path.is_dir():
        raise UnmetRequest(f"{path} is a folder.", "Give the CSV file with the labels of the clips in it.")
    if not path.is_file():
        raise UnmetRequest(f"There is no file {path}.", "Give a CSV file with the labels of the clips.")
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            absent = [name for name in _COLUMNS if name not in (reader.fieldnames or ())]
            if absent:
                raise UnmetRequest(
                    f"{path.name} has no column {absent[0]!r}.",
                    f"The first line must name the columns {', '.join(_COLUMNS)}.",
                )
            return [
                LabelledClip(
                    Path(os.path.abspath(path.parent / (row["clip"] or ""))),
                    row["track_id"] or "",
                    row["artist"] or "",
                )
                for row in reader
            ]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UnmetRequest(f"{path} cannot be read: {error}.", "Give a CSV file in UTF-8.") from error


def measure_quality(catalog: Catalog, model: ModelVersion, clips: list[LabelledClip]) -> Quality:
    """Rank every labelled clip against the others by the cosine of their track vectors.

    Raises UnmetRequest when fewer than two clips have been heard with the model.
    """
    ids = catalog.tracks_at([clip.path for clip in clips])
    vectors: list[np.ndarray] = []
    heard: list[LabelledClip] = []
    for clip in clips:
        track_id = ids.get(os.fsencode(clip.path))
        embedding = catalog.embedding(track_id, model) if track_id is not None else None
        if embedding is not None:
            vectors.append(embedding.mean)
            heard.append(clip)
    if len(heard) < 2:
        raise UnmetRequest(
            f"The library has heard {len(heard)} of {len(clips)} clips with {model.name}; 2 are needed.",
            "Clip paths count from the folder of the CSV. Ingest the clips first, "
            f"with --model {model.name} if need be.",
        )
    directions = unit(np.stack(vectors))
    cosines = directions @ directions.T
    np.fill_diagonal(cosines, -np.inf)
    return _measure(model, cosines, heard)


def _measure(model: ModelVersion, cosines: np.ndarray, clips: list[LabelledClip]) -> Quality:
    tracks = np.array([clip.track for clip in clips])
    artists = np.array([clip.artist for clip in clips])
    tracks_of: dict[str, set[str]] = defaultdict(set)
    for clip in clips:
        tracks_of[clip.artist].add(clip.track)
    clips_of_track = Counter(tracks.tolist())
    at_1: list[float] = []
    at_5: list[float] = []
    chance: list[float] = []
    for row, clip in enumerate(clips):
        if not clip.artist or len(tracks_of[clip.artist]) < _FEWEST_TRACKS_OF_AN_ARTIST:
            continue
        others = np.flatnonzero(tracks != clip.track)
        ranked = others[np.argsort(-cosines[row, others], kind="stable")]
        alike = artists[ranked] == clip.artist
        at_1.append(float(alike[0]))
        at_5.append(float(alike[:5].mean()))
        chance.append(float(alike.mean()))
    same = [
        float(tracks[int(np.argmax(cosines[row]))] == clip.track)
        for row, clip in enumerate(clips)
        if clips_of_track[clip.track] > 1
    ]
    return Quality(
        model=model.name,
        queries=len(at_1),
        artist_p_at_1=_mean(at_1),
        artist_p_at_5=_mean(at_5),
        same_track_at_1=_mean(same),
        random_p_at_1=_mean(chance),
        hubness=_hubness(cosines),
    )


def _mean(values: list[float]) -> float | None:
    return float(np.mean(values)) if values else None


def _hubness(cosines: np.ndarray) -> float | None:
    neighbours = min(_NEIGHBOURS, len(cosines) - 1)
    nearest = np.argsort(-cosines, axis=1, kind="stable")[:, :neighbours]
    occurrence = np.bincount(nearest.ravel(), minlength=len(cosines)).astype(np.float64)
    deviation = occurrence.std()
    if deviation == 0:
        return None
    return float((((occurrence - occurrence.mean()) / deviation) ** 3).mean())
