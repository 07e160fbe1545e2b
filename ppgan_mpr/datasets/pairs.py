"""Find which input belongs to which target, and every mistake in the folders at once."""

from __future__ import annotations

from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from ..errors import ImageError, UsageError
from .reader import Header, list_pictures, read_header

_SHOWN = 5  # names of each kind of mistake in the message


class Pair(NamedTuple):
    """A degraded photo and the clean one it came from (None where there is none)."""

    name: str  # the file name without its extension, shared by both
    input: Path
    target: Path | None
    header: Header  # of the input; the target has the same height and width


def find_pairs(folder: str | Path) -> list[Pair]:
    """Pair ``folder/input`` with ``folder/target`` by file name without extension.

    Only headers are read, so that a hundred thousand pairs are checked in seconds.

    Returns:
        The pairs, sorted by name.

    Raises:
        UsageError: naming together all files without partner, names that occur twice,
            unreadable files and pairs of different size.
    """
    folder = Path(folder)
    for part in ("input", "target"):
        if not (folder / part).is_dir():
            raise UsageError(
                f"{folder} must hold the folders input/ and target/ with pictures of the same "
                f"names, but {folder / part} is missing"
            )
    problems: dict[str, list[str]] = {}
    inputs, targets = (_by_stem(folder / part, problems) for part in ("input", "target"))
    problems["inputs without target"] = _only_in(inputs, targets)
    problems["targets without input"] = _only_in(targets, inputs)
    shared = sorted(inputs.keys() & targets.keys())
    headers = _read_headers([inputs[s] for s in shared] + [targets[s] for s in shared], problems)

    pairs = []
    for stem in shared:
        path, target = inputs[stem], targets[stem]
        if path in headers and target in headers:
            pairs.append(Pair(stem, path, target, headers[path]))
    problems["pairs of different size"] = [
        f"{p.input.name} {_size(p.header)} against {p.target.name} {_size(headers[p.target])}"
        for p in pairs
        if p.header[:2] != headers[p.target][:2]
    ]
    _raise_if_any(folder, problems)
    if not pairs:
        raise UsageError(f"{folder} holds no pictures in input/ and target/: check the path")
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
    return [Pair(stem, inputs[stem], None, headers[inputs[stem]]) for stem in sorted(inputs)]


def _only_in(these: dict[str, Path], those: dict[str, Path]) -> list[str]:
    return [these[stem].name for stem in sorted(these.keys() - those.keys())]


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
