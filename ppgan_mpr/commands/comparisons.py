"""The comparison panels and the gallery that ``mprnet --compare`` writes next to the results."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from statistics import mean
from urllib.parse import quote

from ..apps.display import before_and_after, read_origin
from ..apps.outputs import permissions
from ..apps.result import Result, ResultRecord
from ..comparison.html import Entry, Shown, gallery_page
from ..comparison.panel import Column, Comparison
from ..comparison.pictures import display_copy, jpeg_bytes, png_bytes
from ..errors import ImageError, UsageError
from ..file_names import fitting_name
from ..files import atomic_write
from ..imaging import Photo, read_photo
from ..imaging.pairing import list_pictures
from ..imaging.reduce import reduced
from ..metrics import Protocol

_LONGEST = 1600  # pixels of a gallery picture's longer side; each links to the full result
_MEASURES = "psnr", "ssim"


class Targets:
    """The clean pictures that results are compared with.

    Args:
        place: one picture, or a folder of pictures with the same stems as the inputs.
        protocol: how to score.

    Raises:
        UsageError: there is no picture.
    """

    def __init__(self, place: Path, protocol: Protocol):
        self._protocol = protocol
        if place.is_dir():
            files = list_pictures(place)
        elif place.is_file():
            files = [place]
        else:
            raise UsageError(f"There are no targets: the file or folder {place} does not exist.")
        if not files:
            raise UsageError(f"The folder {place} holds no picture to compare with.")
        self._only = files[0] if place.is_file() else None
        self._by_stem: dict[str, list[Path]] = {}
        for file in files:
            self._by_stem.setdefault(file.stem, []).append(file)

    def find(self, stem: str) -> tuple[Photo, int] | None:
        """Read the target of the picture with this stem.

        Returns:
            The target and the permission bits of its file, or None if there is no target.

        Raises:
            ImageError: the target cannot be read, or there are several with this stem.
            OSError: its file has just been removed.
        """
        files = [self._only] if self._only else self._by_stem.get(stem, [])
        if len(files) > 1:
            names = " and ".join(file.name for file in files)
            raise ImageError(
                f"{files[0].parent} holds several targets for one picture, {names}: keep only one."
            )
        return (read_photo(files[0]), files[0].stat().st_mode) if files else None

    @property
    def protocol(self) -> Protocol:
        """How results are scored."""
        return self._protocol

    def score(self, photo: Photo, target: Photo, reduced_to: int | None = None) -> Score:
        """The PSNR and SSIM of a picture.

        Args:
            photo, target: two pictures; if their sizes differ, there are no scores.
            reduced_to: pixels of the longer side if both are reduced copies, else None.
        """
        try:
            scores = self._protocol.score(photo.pixels, target.pixels)
        except ImageError as error:
            return Score(str(error))
        how = f"reduced to {reduced_to} pixels, " if reduced_to else ""
        how += self._protocol.name
        return Score(f"{scores['psnr']:.2f} dB, SSIM {scores['ssim']:.4f} ({how})", scores)


@dataclass(frozen=True)
class Score:
    """The scores of a picture against its target.

    Attributes:
        text: PSNR and SSIM as text, or why there are none.
        values: measure → value; empty if there are no scores.
    """

    text: str
    values: Mapping[str, float] = field(default_factory=dict)


class Comparisons:
    """Writes a panel for each result, and a gallery of all results.

    The files go into ``comparison/`` in the folder of the results. Each run replaces earlier files
    of the same names. A file gets the permissions that all pictures shown in it share.

    Args:
        folder: folder of the results.
        targets: the clean pictures to show and score next to the results, or None.
    """

    def __init__(self, folder: Path, targets: Targets | None = None):
        self._results = folder
        self._folder = folder / "comparison"
        self._targets = targets
        self._entries: list[Entry] = []
        self._taken: set[Path] = set()
        self._records: list[ResultRecord] = []
        self._scores: list[tuple[Mapping[str, float], Mapping[str, float]]] = []  # before, after
        self._page_mode = 0o666
        self._reduced_to: int | None = None  # pixels of the longer side of scored copies

    def add(self, result: Result) -> str:
        """Write a result's panel.

        Returns:
            A line to print: the scores, or that the result has no target. Empty without targets.

        Raises:
            RestorationError: a file cannot be read or written.
        """
        try:
            return self._add(result)
        except OSError as error:
            raise self._unwritable(error) from error

    def _add(self, result: Result) -> str:
        name = Path(result.source).name
        mode = permissions(result.origin) if result.origin else 0o600
        self._page_mode &= mode
        if not result.ok or result.output is None:
            self._entries.append(Entry(name, note=result.error or ""))
            return ""
        before, after = before_and_after(result)
        columns, line, panel_mode = [Column("before", before), Column("after", after)], "", mode
        assert result.origin is not None  # every result of a predictor has one
        found = self._targets and self._targets.find(result.origin.stem)
        if self._targets and found:
            target, target_mode = found
            columns, scores = self._with_target(self._targets, target, result, columns)
            line = f"{result.source}: {scores}"
            panel_mode &= target_mode
            self._page_mode &= target_mode
        elif self._targets:
            line = f"no target for {result.source}"
        comparison = Comparison(columns)
        place = self._place(result.output)
        panel = _beside(place, "_comparison.jpg")
        _write(panel, jpeg_bytes(comparison.panel()), panel_mode)
        detail = _beside(place, "_detail.png")
        _write(detail, png_bytes(comparison.details()), panel_mode)
        pictures = []
        for column in comparison.columns:
            picture = column.picture.copy()
            picture.thumbnail((_LONGEST, _LONGEST))
            file = _beside(place, f"_{column.title}.jpg")
            _write(file, jpeg_bytes(picture), panel_mode if column.title == "target" else mode)
            pictures.append(Shown(column.title, self._url(file), column.note))
        width, height = result.size or after.size
        self._entries.append(
            Entry(
                name,
                tuple(pictures),
                self._url(detail),
                self._url(result.output),
                picture.size,
                f"{width} x {height}{', no target' if self._targets and not found else ''}",
            )
        )
        self._records.append(result.record)
        return line

    def finish(self) -> Path | None:
        """Write the gallery.

        Returns:
            Its file, or None if nothing was compared.

        Raises:
            ImageError: it cannot be written.
        """
        if not self._records:
            return None
        page = self._folder / "index.html"
        html = gallery_page(self._entries, self._title(), self._remarks())
        try:
            page.parent.mkdir(parents=True, exist_ok=True)
            with atomic_write(page, mode=self._page_mode) as file:
                file.write(html.encode("utf-8", "backslashreplace"))
        except OSError as error:
            raise self._unwritable(error) from error
        return page

    def _title(self) -> str:
        tasks = ", ".join(dict.fromkeys(record.task for record in self._records))
        pictures = "before and after" if self._targets is None else "before, after and target"
        return f"{tasks}: {pictures}" if tasks else pictures.capitalize()

    def _remarks(self) -> list[str]:
        """How the pictures were restored and scored."""
        used = dict.fromkeys(f"{r.network} with the weights {r.weights}" for r in self._records)
        remarks = [f"Restored by {', '.join(used)}."] if used else []
        if self._targets is None:
            return remarks
        protocol = self._targets.protocol
        remarks.append(f"Scored by the protocol {protocol.name}: {protocol.description}.")
        if self._scores:
            count = len(self._scores)
            pictures = f"{count} scored picture{'s' if count > 1 else ''}"
            sides = (
                "{} {:.2f} dB, SSIM {:.4f}".format(
                    title, *(mean(pair[side][key] for pair in self._scores) for key in _MEASURES)
                )
                for side, title in enumerate(("before", "after"))
            )
            remarks.append(f"Mean of {pictures}: {'; '.join(sides)}.")
        if self._reduced_to:
            remarks.append(
                f"Scores are of copies whose longer side is reduced to {self._reduced_to} pixels."
            )
        return remarks

    def _unwritable(self, error: OSError) -> ImageError:
        reason = error.strerror or error
        return ImageError(f"the comparison in {self._folder} cannot be written: {reason}")

    def _with_target(
        self, targets: Targets, target: Photo, result: Result, columns: list[Column]
    ) -> tuple[list[Column], str]:
        assert result.output
        original, limit = read_origin(result), result.record.options.get("max_size")
        reduced_to = None
        if limit and max(original.size) > limit:
            original, target = reduced(original, limit), reduced(target, limit)
            reduced_to = self._reduced_to = limit
        before = targets.score(original, target, reduced_to)
        after = targets.score(read_photo(result.output), target, reduced_to)
        if before.values and after.values:
            self._scores.append((before.values, after.values))
        notes = (before.text, after.text)
        scored = [Column(c.title, c.picture, note) for c, note in zip(columns, notes)]
        return [*scored, Column("target", display_copy(target))], " -> ".join(notes)

    def _place(self, output: Path) -> Path:
        """The path of a result's comparison files, without their endings."""
        relative = output.relative_to(self._results)
        place = self._folder / relative.with_suffix("")
        if place in self._taken:  # photo.jpg and photo.png
            place = place.with_name(f"{place.name}-{relative.suffix[1:]}")
        self._taken.add(place)
        place.parent.mkdir(parents=True, exist_ok=True)
        return place

    def _url(self, file: Path) -> str:
        relative = Path("..") / file.relative_to(self._results)
        if self._folder in file.parents:
            relative = file.relative_to(self._folder)
        return quote(os.fsencode(relative.as_posix()))  # names may hold any bytes


def _beside(place: Path, ending: str) -> Path:
    return place.with_name(fitting_name(place.name, ending))


def _write(file: Path, content: bytes, mode: int) -> None:
    with atomic_write(file, mode=mode) as stream:
        stream.write(content)
