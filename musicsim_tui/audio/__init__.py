"""Files to samples and back: decoding, identity, tags, windows, waveforms."""

from __future__ import annotations
