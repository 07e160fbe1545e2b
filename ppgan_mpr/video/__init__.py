"""Restoration of videos, frame by frame, into a file that keeps sound, times and colours.

Needs PyAV, the extra ``video``.
"""

from __future__ import annotations

from .restoration import restore_video

__all__ = ["restore_video"]
