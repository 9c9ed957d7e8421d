"""The rest that a site asks for: until it is over no site is asked, after a restart neither."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from musicsim_tui.library.catalog import Catalog

_KEY = "downloads:rest until"
_LONGEST_SECONDS = 86_400.0


def rest_until(catalog: Catalog) -> float:
    """The time before which no site is asked, in Unix seconds; one that is over says nothing."""
    return min(float(catalog.get_meta(_KEY) or 0.0), time.time() + _LONGEST_SECONDS)


def rest(catalog: Catalog, until: float) -> None:
    """Let no site be asked before a time."""
    catalog.set_meta(_KEY, str(until))


def end_rest(catalog: Catalog) -> None:
    """Sites may be asked again."""
    catalog.set_meta(_KEY, None)
