"""Find which input belongs to which target, and every mistake in the folders at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from ..errors import ImageError, UsageError
from .reader import Header, list_pictures, read_header

_SHOWN = 5  # names of each kind of mistake in the message


class Pair(NamedTuple):
    """A degraded photo and the clean one it came from (None where there is none)."""

    name: str  # the file name without its extension, shared by all
    inputs: tuple[Path, ...]  # one; of a dual-pixel camera the left and the right view
    target: Path | None
    header: Header  # of the first input; all inputs have the same height and width
    target_header: Header | None

    @property
    def input(self) -> Path:
        """The only input, or the left one of two."""
        return self.inputs[0]


def find_pairs(
    folder: str | Path, inputs: Sequence[str] = ("input",), scale: int = 1
) -> list[Pair]:
    """Pair the pictures in ``folder/input`` and ``folder/target`` by name without extension.

    Only headers are read, so that a hundred thousand pairs are checked in seconds.

    Args:
        folder: with the folders of inputs and the folder ``target`` in it.
        inputs: names of the folders of inputs, each of which has a picture for every pair.
        scale: how many times the target is as high and as wide as the input.

    Returns:
        The pairs, sorted by name.

    Raises:
        UsageError: naming together all files without partner, names that occur twice,
            unreadable files and pairs of the wrong sizes.
    """
    folder = Path(folder)
    parts = (*inputs, "target")
    listed = " and ".join((", ".join(f"{part}/" for part in inputs), "target/"))
    for part in parts:
        if not (folder / part).is_dir():
            raise UsageError(
                f"{folder} must hold the folders {listed} with pictures of the same names, but "
                f"{folder / part} is missing"
            )
    problems: dict[str, list[str]] = {}
    found = [_by_stem(folder / part, problems) for part in parts]
    shared = sorted(set(found[0]).intersection(*found[1:]))
    for part, paths in zip(parts, found):
        problems[f"pictures of {part}/ without partner"] = [
            paths[stem].name for stem in sorted(paths.keys() - set(shared))
        ]
    headers = _read_headers([paths[stem] for paths in found for stem in shared], problems)

    pairs = []
    mismatch = "pairs of different size" if scale == 1 else f"targets not {scale} times their input"
    problems[mismatch] = []
    for stem in shared:
        files = [paths[stem] for paths in found]
        if not all(path in headers for path in files):
            continue
        *degraded, clean = (headers[path] for path in files)
        pairs.append(Pair(stem, tuple(files[:-1]), files[-1], degraded[0], clean))
        expected = (clean.height, clean.width)
        if any((header.height * scale, header.width * scale) != expected for header in degraded):
            problems[mismatch].append(
                " against ".join(f"{path.name} {_size(headers[path])}" for path in files)
            )
    _raise_if_any(folder, problems)
    if not pairs:
        raise UsageError(f"{folder} holds no pictures in {listed}: check the path")
    return pairs


def find_inputs(folder: str | Path) -> list[Pair]:
    """Photos without targets, directly in ``folder``, in the form of :func:`find_pairs`.

    Raises:
        UsageError: no such folder, no pictures in it, names that occur twice, or unreadable files.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise UsageError(f"{folder} is not a folder: give the folder that holds the pictures")
    problems: dict[str, list[str]] = {}
    inputs = _by_stem(folder, problems)
    headers = _read_headers(list(inputs.values()), problems)
    _raise_if_any(folder, problems)
    if not inputs:
        raise UsageError(f"{folder} holds no pictures: check the path")
    return [Pair(stem, (path,), None, headers[path], None) for stem, path in sorted(inputs.items())]


def _by_stem(folder: Path, problems: dict[str, list[str]]) -> dict[str, Path]:
    found = defaultdict(list)
    for path in list_pictures(folder):
        found[path.stem].append(path)
    problems[f"names twice in {folder.name}/"] = [
        " and ".join(path.name for path in paths) for paths in found.values() if len(paths) > 1
    ]
    return {stem: paths[0] for stem, paths in found.items()}


def _read_headers(paths: list[Path], problems: dict[str, list[str]]) -> dict[Path, Header]:
    def read(path: Path) -> Header | None:
        try:
            return read_header(path)
        except ImageError:
            return None

    with ThreadPoolExecutor(8) as pool:  # waits for the disk, not for the processor
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
        raise UsageError(f"{folder} has {'; '.join(lines)}: mend or remove these files")


def _size(header: Header) -> str:
    return f"{header.width}x{header.height}"
