"""Finds pairs of degraded and clean photos in folders, and reports all mistakes at once."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from ..errors import ImageError, UsageError
from ..imaging.header import Header, read_header
from ..imaging.pairing import list_pictures, match_by_stem
from .packed import find_packed
from .reader import SUFFIXES

_SHOWN = 5  # largest number of names that a message lists for each kind of mistake


class Pair(NamedTuple):
    """A degraded photo and its clean target.

    Attributes:
        name: the common file name without extension.
        inputs: one degraded photo, or the left and the right view of a dual-pixel camera.
        target: the clean photo, or None without a target.
        header: header of the first input; all inputs have the same height and width.
        target_header: header of the target.
    """

    name: str
    inputs: tuple[Path, ...]
    target: Path | None
    header: Header
    target_header: Header | None

    @property
    def input(self) -> Path:
        """The only input, or the left of two views."""
        return self.inputs[0]

    @property
    def files(self) -> list[tuple[Path, Header]]:
        """All pictures with their headers: the inputs, then the target if there is one."""
        files = [(path, self.header) for path in self.inputs]
        if self.target is not None and self.target_header is not None:
            files.append((self.target, self.target_header))
        return files


def input_folders(folder: str | Path) -> tuple[str, ...]:
    """Names of the input folders: two views if there is an ``inputL``, else ``input``."""
    return ("inputL", "inputR") if is_folder(Path(folder) / "inputL") else ("input",)


def find_pairs(
    folder: str | Path, inputs: Sequence[str] = ("input",), scale: int = 1
) -> list[Pair]:
    """Pair the pictures in ``folder/input`` and ``folder/target`` by name without extension.

    Only headers are read, so a hundred thousand pairs are checked in seconds.

    Args:
        folder: contains the folders of inputs and the folder ``target``; or a packed data set
            (see :mod:`ppgan_mpr.datasets.packed`).
        inputs: names of the folders of inputs; each has one picture for every pair.
        scale: enlargement; a target is this many times as high and wide as its input.

    Returns:
        The pairs, sorted by name.

    Raises:
        UsageError: a folder is missing or empty, or there are files without a partner, names that
            occur twice, unreadable files or pairs of wrong sizes; one message counts them all.
    """
    folder = Path(folder)
    parts = (*inputs, "target")
    listed = " and ".join((", ".join(f"{part}/" for part in inputs), "target/"))
    for part in parts:
        if not is_folder(folder / part):
            raise UsageError(
                f"{folder} must contain the folders {listed} with pictures of the same names, but "
                f"{folder / part} is missing"
            )
    matches = match_by_stem([folder / part for part in parts], SUFFIXES, listing=_list)
    problems = {
        f"names twice in {part}/": _names(paths) for part, paths in zip(parts, matches.duplicates)
    }
    for part, paths in zip(parts, matches.unmatched):
        problems[f"pictures of {part}/ without a partner"] = [path.name for path in paths]
    headers = _read_headers([path for group in matches.groups.values() for path in group], problems)

    pairs = []
    mismatch = "pairs of different size" if scale == 1 else f"targets not {scale} times their input"
    problems[mismatch] = []
    for stem, files in matches.groups.items():
        if not all(path in headers for path in files):
            continue
        *degraded, clean = (headers[path] for path in files)
        pairs.append(Pair(stem, files[:-1], files[-1], degraded[0], clean))
        expected = (clean.height, clean.width)
        if any((header.height * scale, header.width * scale) != expected for header in degraded):
            problems[mismatch].append(
                " against ".join(f"{path.name} {_size(headers[path])}" for path in files)
            )
    _raise_if_any(folder, problems)
    if not pairs:
        raise UsageError(f"{folder} has no pictures in {listed}: check the path")
    return pairs


def find_inputs(folder: str | Path) -> list[Pair]:
    """Find photos directly in ``folder``, as pairs without targets.

    Raises:
        UsageError: the folder is missing or empty, names occur twice, or files are unreadable.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise UsageError(f"{folder} is not a folder: give the folder of the pictures")
    matches = match_by_stem([folder], SUFFIXES)
    problems = {f"names twice in {folder.name}/": _names(matches.duplicates[0])}
    headers = _read_headers([path for (path,) in matches.groups.values()], problems)
    _raise_if_any(folder, problems)
    if not matches.groups:
        raise UsageError(f"{folder} contains no pictures: check the path")
    return [
        Pair(stem, paths, None, headers[paths[0]], None) for stem, paths in matches.groups.items()
    ]


def is_folder(path: Path) -> bool:
    """Whether a path is a folder, on the disk or in a packed data set."""
    found = find_packed(path)
    if found is None:
        return path.is_dir()
    packed, name = found
    return any(other.startswith(f"{name}/") for other in packed.entries)


def _list(folder: str | Path, suffixes: Collection[str]) -> list[Path]:
    found = find_packed(folder)
    if found is None:
        return list_pictures(folder, suffixes)
    packed, name = found
    return packed.list(name, suffixes)


def _names(duplicates: list[tuple[Path, Path]]) -> list[str]:
    return [f"{one.name} and {other.name}" for one, other in duplicates]


def _read_headers(paths: list[Path], problems: dict[str, list[str]]) -> dict[Path, Header]:
    def read(path: Path) -> Header | None:
        try:
            found = find_packed(path)
            return found[0].entries[found[1]].header if found else read_header(path)
        except ImageError:
            return None

    with ThreadPoolExecutor(8) as pool:  # the time is spent waiting for the disk
        headers = dict(zip(paths, pool.map(read, paths, chunksize=64)))
    problems["unreadable pictures"] = [
        f"{path.parent.name}/{path.name}" for path, header in headers.items() if header is None
    ]
    return {path: header for path, header in headers.items() if header}


def _raise_if_any(folder: Path, problems: dict[str, list[str]]) -> None:
    lines = []
    for kind, names in problems.items():
        if names:
            more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
            lines.append(f"{len(names)} {kind} ({', '.join(names[:_SHOWN])}{more})")
    if lines:
        raise UsageError(f"{folder} has {'; '.join(lines)}: correct or remove these files")


def _size(header: Header) -> str:
    return f"{header.width}x{header.height}"
