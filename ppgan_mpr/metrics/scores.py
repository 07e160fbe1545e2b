"""Tables of scores: collecting, averaging, printing and storing them."""

from __future__ import annotations

import csv
import errno
import io
import json
import os
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import UsageError
from ..files import atomic_write
from ..versions import versions
from .protocols import Protocol
from .psnr_ssim import mean_psnr


class ScoreTable:
    """A table of each picture's PSNR, SSIM and other measures of a protocol, and of their means.

    A picture that equals its target has an infinite PSNR. It is counted as ``identical``: its
    SSIM of 1 enters the mean, but its PSNR does not (see :func:`ppgan_mpr.metrics.mean_psnr`). An
    infinite PSNR is ``inf`` in print and in CSV, and ``null`` in JSON, which has no infinity.

    Args:
        protocol: how the scores were measured.
        scored: what was scored, such as a weights file or a folder; stored in JSON.

    Example:
        >>> import numpy as np
        >>> from ppgan_mpr.metrics import ScoreTable, get_protocol
        >>> table = ScoreTable(get_protocol('rain-y'))
        >>> target = np.full((32, 32, 3), 0.5)
        >>> table.add('photo', table.protocol.score(target + 0.1, target))
        >>> round(table.mean()['psnr'], 2)
        21.69
    """

    def __init__(self, protocol: Protocol, scored: str | None = None):
        self.protocol = protocol
        self.scored = scored
        self.scores: dict[str, dict[str, float]] = {}

    def __len__(self) -> int:
        return len(self.scores)

    def add(self, name: str, score: dict[str, float]) -> None:
        """Add the result of :meth:`Protocol.score` for the picture ``name``."""
        self.scores[name] = score

    def mean(self) -> dict[str, float]:
        """Means of :attr:`Protocol.measures`, PSNR in dB; ``nan`` without any picture."""
        means = {"psnr": mean_psnr(score["psnr"] for score in self.scores.values())}
        for measure in self.protocol.measures[1:]:
            values = [score[measure] for score in self.scores.values()]
            means[measure] = float(np.mean(values)) if values else float("nan")
        return means

    @property
    def identical(self) -> int:
        """Number of pictures that equal their target."""
        return sum(score["psnr"] == float("inf") for score in self.scores.values())

    def __str__(self) -> str:
        summary = f"mean of {len(self)}"
        width = max(map(len, [*self.scores, summary]))
        columns = {measure: 8 if measure == "psnr" else 7 for measure in self.protocol.measures}
        titles = "".join(f"  {measure.upper():>{size}}" for measure, size in columns.items())
        lines = [f"{'picture':{width}}{titles}"]
        for name, score in [*self.scores.items(), (summary, self.mean())]:
            values = "".join(f"  {score[key]:{size}.4f}" for key, size in columns.items())
            lines.append(f"{name:{width}}{values}")
        if self.identical:
            lines.append(f"identical to their target, not in the mean PSNR: {self.identical}")
        lines.append(f"protocol {self.protocol.name}: {self.protocol.description}")
        return "\n".join(lines)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the table atomically, as JSON or CSV depending on the extension.

        Raises:
            UsageError: the extension is neither .json nor .csv, or the file cannot be written.
        """
        path = table_path(path)
        text = self._json() if path.suffix.lower() == ".json" else self._csv()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with atomic_write(path) as file:
                file.write(text.encode())
        except OSError as error:
            raise _unwritable(path, error) from None
        return path

    def _json(self) -> str:
        images = [{"name": name, **score} for name, score in self.scores.items()]
        content: dict[str, Any] = {
            "protocol": asdict(self.protocol),
            "scored": self.scored,
            "count": len(self),
            "identical": self.identical,
            "mean": self.mean(),
            "images": images,
            "software": versions("pillow", "cv2"),
        }
        for score in (content["mean"], *images):
            measures = self.protocol.measures
            score.update((k, None) for k in measures if not np.isfinite(score[k]))
        return json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n"

    def _csv(self) -> str:
        software = " ".join(
            f"{name}=={version}" for name, version in versions("pillow", "cv2").items()
        )
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        measures = self.protocol.measures
        writer.writerow(["name", *measures, "protocol", "software"])
        for name, score in [*self.scores.items(), ("mean", self.mean())]:
            values = [score[measure] for measure in measures]
            writer.writerow([name, *values, self.protocol.name, software])
        return text.getvalue()


def table_path(path: str | os.PathLike[str]) -> Path:
    """Check that a path has an extension for :meth:`ScoreTable.save`, and return it.

    Raises:
        UsageError: the extension is neither .json nor .csv.
    """
    path = Path(path)
    if path.suffix.lower() not in (".json", ".csv"):
        raise UsageError(f"scores are stored as .json or .csv, and '{path}' is neither")
    return path


def check_writable(path: str | os.PathLike[str]) -> Path:
    """Check before the scoring that :meth:`ScoreTable.save` can write a file; return its path.

    Raises:
        UsageError: the extension is wrong, or no file can be created there.
    """
    path = table_path(path)
    try:
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        path.parent.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=path.parent).close()
    except OSError as error:
        raise _unwritable(path, error) from None
    return path


def _unwritable(path: Path, error: OSError) -> UsageError:
    return UsageError(
        f"the scores cannot be written to '{path}' ({error.strerror}): choose another file"
    )
