"""Holds a walk over a root against the catalog: what to hear, what is unchanged, what is gone."""

from __future__ import annotations

import os
import random
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from musicsim_tui.ingest.scan import scan_root
from musicsim_tui.jobs import CancelToken
from musicsim_tui.library.records import FileState
from musicsim_tui.paths import has_no_file

if TYPE_CHECKING:
    from collections.abc import Sequence

    from musicsim_tui.ingest.scan import FoundFile, Scan
    from musicsim_tui.library.catalog import Catalog
    from musicsim_tui.library.records import KnownFile, Root
    from musicsim_tui.track import ModelVersion, TrackId


@dataclass(slots=True)
class Plan:
    """The files to hear, in shuffled order, and what needs no hearing.

    `missing` are known files that are gone, with their tracks; `broken_links` those that were never heard (a
    known one may lead to a disk that is away); `settled_failures` those whose file is gone or whose folder
    can be read again; `replaced` the candidates that were heard with other content; `lone_sizes` the sizes in
    bytes that one candidate has and no other file, here or in the catalog: such a file holds a sound that
    nobody has heard, most likely.
    """

    candidates: list[FoundFile] = field(default_factory=list)
    unchanged: int = 0
    remembered_failures: int = 0
    missing: dict[Path, TrackId] = field(default_factory=dict)
    unreadable: list[tuple[Path, str]] = field(default_factory=list)
    broken_links: list[tuple[Path, OSError]] = field(default_factory=list)
    offline: list[tuple[Path, str]] = field(default_factory=list)
    scanned: list[Path] = field(default_factory=list)
    settled_failures: list[Path] = field(default_factory=list)
    replaced: set[bytes] = field(default_factory=set)
    failed_before: set[bytes] = field(default_factory=set)
    embedded: set[TrackId] = field(default_factory=set)
    lone_sizes: set[int] = field(default_factory=set)


def make_plan(
    catalog: Catalog,
    roots: Sequence[Root],
    model: ModelVersion,
    coverage: int | None,
    *,
    retry_failed: bool,
    cancel: CancelToken,
) -> Plan:
    """Walk every root. Shuffled, so that early searches see the whole library, not its first folder."""
    plan = Plan(embedded=catalog.embedded_ids(model, coverage))
    seen: set[bytes] = set()
    for root in roots:
        scan = scan_root(root.path, root.excludes, cancel)
        reason = _why_offline(catalog, scan)
        if reason is not None:
            plan.offline.append((root.path, reason))
            continue
        known = catalog.known_files(root.path)
        if all(file.path != root.path for file in scan.files):  # a single file is no disk
            catalog.set_meta(_device_key(root.path), str(scan.device))
        plan.scanned.append(root.path)
        _compare(catalog, scan, known, seen, plan, retry_failed=retry_failed)
    random.shuffle(plan.candidates)
    sizes = Counter(file.stamp.size for file in plan.candidates)
    retagged = {file.stamp.size for file in plan.candidates if os.fsencode(file.path) in plan.replaced}
    plan.lone_sizes = {size for size, files in sizes.items() if files == 1} - catalog.file_sizes() - retagged
    return plan


def _compare(
    catalog: Catalog,
    scan: Scan,
    known: dict[bytes, KnownFile],
    seen: set[bytes],
    plan: Plan,
    *,
    retry_failed: bool,
) -> None:
    failed = catalog.failed_files(scan.root)
    plan.failed_before.update(failed)
    here: set[bytes] = set()
    for file in scan.files:
        key = os.fsencode(file.path)
        here.add(key)
        if key in seen:
            continue
        seen.add(key)
        record = known.get(key)
        if record is not None and _is_unchanged(record, file) and record.track_id in plan.embedded:
            plan.unchanged += 1
            continue
        holds_a_track = record is not None and _is_unchanged(record, file)
        if key in failed and failed[key] == file.stamp and not retry_failed and not holds_a_track:
            plan.remembered_failures += 1
            continue
        if record is not None and record.stamp != file.stamp:
            plan.replaced.add(key)
        plan.candidates.append(file)
    plan.settled_failures += [
        path
        for key in failed
        if key not in here and scan.knows_absence_of(path := Path(os.fsdecode(key))) and has_no_file(path)
    ]
    plan.unreadable += [(path, reason) for path, reason in scan.unreadable if os.path.isdir(path)]
    plan.broken_links += [link for link in scan.broken_links if os.fsencode(link[0]) not in known]
    for key, record in known.items():
        path = Path(os.fsdecode(key))
        if key in here or record.state is not FileState.PRESENT or not scan.knows_absence_of(path):
            continue
        if has_no_file(path):  # an excluded file is still there
            plan.missing[path] = record.track_id


def _device_key(root: Path) -> str:
    return f"device:{os.fsencode(root).hex()}"


def why_offline(catalog: Catalog, root: Path) -> str | None:
    """Why a remembered root cannot be reached now, None when it can: what an ingest would say of it.

    Looks at the root alone, not below it.
    """
    return _why_offline(catalog, scan_root(root, ("*",), CancelToken()))


def _why_offline(catalog: Catalog, scan: Scan) -> str | None:
    if scan.offline is not None:
        return scan.offline
    if not _is_another_disk(catalog, scan):
        return None
    known = catalog.known_files(scan.root)
    if not known or any(map(os.path.lexists, known)):
        return None
    if scan.empty:
        return "its disk is not mounted: the folder is empty"
    return "its disk is not mounted: none of its files are there"


def _is_another_disk(catalog: Catalog, scan: Scan) -> bool:
    """Whether a root lies on another file system than when it was last walked: a mount point whose disk is
    away shows the disk below it, or another one."""
    before = catalog.get_meta(_device_key(scan.root))
    return before is not None and before != str(scan.device)


def _is_unchanged(record: KnownFile, file: FoundFile) -> bool:
    return record.stamp == file.stamp and record.state is FileState.PRESENT
