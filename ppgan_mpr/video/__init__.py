"""Restoration of videos, frame by frame, with the sound, times and colour settings kept.

Needs PyAV, the extra ``video``.
"""

from __future__ import annotations

from .restoration import restore_video

__all__ = ["restore_video"]
