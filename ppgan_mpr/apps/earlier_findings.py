"""Finds the results of earlier detections, so that pictures are not analysed a second time."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .destination import folder_of, is_file_name
from .manifest import Entry, Manifest
from .outputs import output_name, own_suffix
from .sources import Source


class EarlierFindings:
    """Findings for the pictures whose results are listed in the manifest of an output folder.

    Args:
        path: the output path of the run; a single output file has no manifest.
        suffix: of the outputs; None: that of the picture.
        tasks: degradation → name of the task that removes it.
    """

    def __init__(self, path: Path, suffix: str | None, tasks: Mapping[str, str]):
        self._path, self._suffix, self._tasks = path, suffix, tasks
        self._manifest = None if is_file_name(path) else Manifest(path)

    def find(self, source: Source) -> Mapping[str, Any] | None:
        """The last finding for a picture that was restored and has not changed since.

        Returns:
            ``detected`` of :class:`.result.ResultRecord`; None if nothing is known.
        """
        if self._manifest is None or source.path is None:
            return None
        name = output_name(source, self._suffix or own_suffix(source))
        found = {}
        for degradation, task in self._tasks.items():
            entry = self._manifest.find(folder_of(self._path, task) / name)
            with contextlib.suppress(OSError):  # reading the picture says what is wrong
                if entry and _is_of(entry, degradation, source.path, self._manifest):
                    found[entry.time] = entry.record.detected
        return found[max(found)] if found else None


def _is_of(entry: Entry, degradation: str, path: Path, manifest: Manifest) -> bool:
    """Whether an output was made from this file, unchanged since, to remove this degradation."""
    detected = entry.record.detected
    if not isinstance(detected, dict) or detected.get("degradation") != degradation:
        return False
    return len(entry.sources) == 1 and (
        entry.sources[0].path == manifest.relative(path) and entry.sources[0].same_content(path)
    )
