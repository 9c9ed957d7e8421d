"""What the models are called, and when two tracks are one to each: known without loading any."""

from __future__ import annotations

from musicsim_tui.track import ModelVersion

BUILTIN = ModelVersion("builtin", 1, 344)
MN04 = ModelVersion("mn04", 1, 384)
CNN14 = ModelVersion("cnn14", 1, 2048)
MODELS = (BUILTIN, MN04, CNN14)
"""Smallest first."""

BUILTIN_SAME_RECORDING_COSINE = 0.95
"""Of 60 real excerpts of 20 s every window of an mp3 of 128 kbit/s stays above .992 and of an opus file of
64 kbit/s above .971; of all others of equal length none but a jingle under two names passes .904."""
MN04_SAME_RECORDING_COSINE = 0.988
"""Of 60 real excerpts of 20 s every window of an mp3 of 128 kbit/s stays above .990, and nearly all of an
opus file of 64 kbit/s. Of all others of equal length only a jingle under two names comes up to it throughout.
"""
CNN14_SAME_RECORDING_COSINE = 0.995
"""Not measured: chosen so high that it claims too little rather than too much."""
