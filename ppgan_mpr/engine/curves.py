"""Training curves of a run: CSV tables and a PNG in its folder."""

from __future__ import annotations

import csv
import logging
from collections.abc import Mapping
from pathlib import Path

from ..files import atomic_place

logger = logging.getLogger(__name__)

Row = dict[str, float]  # column → value

_STEP = "iteration"
# Panels of the picture: title, table, and prefixes of the columns.
_PANELS = (
    ("loss", "train", ("loss", "stage")),
    ("learning rate", "train", ("lr",)),
    ("PSNR in dB", "validation", ("psnr",)),
    ("images per second", "train", ("images_per_second",)),
)


class Curves:
    """The losses, scores and other numbers of a run by iteration.

    Rows are appended to ``train.csv`` and ``validation.csv``, and ``curves.png`` shows them. If
    they cannot be written, a warning is logged.

    Args:
        folder: folder of the files; it is made with the first row.
        iteration: current iteration of the run. Later rows of an interrupted run are dropped.
    """

    def __init__(self, folder: Path, iteration: int = 0) -> None:
        self._folder = folder
        self._rows: dict[str, list[Row]] = {}
        for table in ("train", "validation"):
            rows = _read(self._path(table))
            self._rows[table] = [row for row in rows if row[_STEP] <= iteration]
            if len(self._rows[table]) < len(rows):
                self._write(table)

    def add(self, table: str, iteration: int, values: Mapping[str, float]) -> None:
        """Add a row to ``"train"`` or ``"validation"``, or add to the row of this iteration."""
        rows = self._rows[table]
        row = {_STEP: iteration, **values}
        if rows and rows[-1][_STEP] == iteration:  # another protocol, or a repeated validation
            rows[-1].update(row)
            self._write(table)
            return
        new_columns = not rows or not row.keys() <= rows[-1].keys()
        rows.append(row)
        if new_columns or not self._path(table).exists():
            self._write(table)
            return
        try:
            with self._path(table).open("a", newline="", encoding="utf-8") as file:
                csv.DictWriter(file, self._columns(table)).writerow(row)
        except OSError as error:
            logger.warning("The curves cannot be written: %s", error)

    def draw(self) -> None:
        """Write ``curves.png`` if Matplotlib is installed, as it is with PaddleGAN."""
        if not any(self._rows.values()):
            return
        try:
            from matplotlib.figure import Figure
        except ImportError:
            return
        figure = Figure(figsize=(10, 6), layout="constrained")
        for axes, (title, table, prefixes) in zip(figure.subplots(2, 2).flat, _PANELS):
            axes.set_title(title)
            axes.set_xlabel(_STEP)
            for column in self._columns(table):
                points = [(row[_STEP], row[column]) for row in self._rows[table] if column in row]
                if column.startswith(prefixes) and points:
                    axes.plot(*zip(*points), label=column, marker="." if len(points) < 50 else "")
            if len(axes.lines) > 1:
                axes.legend()
        try:
            with atomic_place(self._folder / "curves.png") as path:
                figure.savefig(path, format="png")
        except OSError as error:
            logger.warning("The curves cannot be written: %s", error)

    def _path(self, table: str) -> Path:
        return self._folder / f"{table}.csv"

    def _columns(self, table: str) -> list[str]:
        return list(dict.fromkeys(column for row in self._rows[table] for column in row))

    def _write(self, table: str) -> None:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with (
                atomic_place(self._path(table)) as path,
                path.open("w", newline="", encoding="utf-8") as file,
            ):
                writer = csv.DictWriter(file, self._columns(table))
                writer.writeheader()
                writer.writerows(self._rows[table])
        except OSError as error:
            logger.warning("The curves cannot be written: %s", error)


def _read(path: Path) -> list[Row]:
    """Read the rows of a table; a missing or damaged file has none."""
    try:
        with path.open(newline="", encoding="utf-8") as file:
            return [
                {key: _number(value) for key, value in row.items() if key and value}
                for row in csv.DictReader(file)
                if row.get(_STEP)
            ]
    except (OSError, ValueError):
        return []


def _number(text: str) -> float:
    number = float(text)
    return int(number) if number.is_integer() and "." not in text else number
