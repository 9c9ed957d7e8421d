"""From folders to heard tracks."""

from __future__ import annotations
