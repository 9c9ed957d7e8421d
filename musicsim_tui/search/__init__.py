"""From a query to ranked tracks, matching moments and reasons."""

from __future__ import annotations
