"""The global options of this run, wherever they were typed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(slots=True)
class GlobalOptions:
    """What was typed before and after the command; after wins."""

    data_dir: str | None = None
    model: str | None = None
    json: bool = False
    quiet: bool = False
    verbose: int = 0

    def reset(self) -> None:
        """Forget everything, for a new command line."""
        self.__init__()  # type: ignore[misc]

    def merge(self, typed: dict[str, Any]) -> None:
        for name, value in typed.items():
            if value:
                setattr(self, name, value)


CURRENT = GlobalOptions()
"""The options of this process, filled while the command line is parsed."""
