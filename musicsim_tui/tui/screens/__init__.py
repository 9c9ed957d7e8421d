"""One file a screen."""

from __future__ import annotations
