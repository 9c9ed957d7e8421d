"""From a link to files: lists its entries, downloads, verifies, converts and names them."""

from __future__ import annotations
