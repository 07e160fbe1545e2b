"""Yaml files: those that come with the package, and inheritance from one to another."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..checks import did_you_mean
from ..errors import UsageError

_DEEPEST, _MOST = 50, 100_000  # sections inside each other, and values; ours have 6 and 100
_LONGEST = 1024  # bits of a number
_FOLDER = Path(__file__).resolve().parent.parent / "configs"


def packaged_configs() -> dict[str, Path]:
    """Name → path of each configuration that comes with the package, sorted by name."""
    return {path.stem: path for path in sorted(_FOLDER.glob("*.yaml"))}


def summary(path: Path) -> str:
    """What a packaged configuration is for: the comment in its first line."""
    with path.open(encoding="utf-8") as file:
        return file.readline().lstrip("#").strip()


def find_config(path: str | Path) -> Path:
    """The file at ``path``, or where there is none the packaged configuration of that name.

    ``configs/mine.yaml``, ``mine.yaml`` and ``mine`` all name the packaged ``mine``.

    Raises:
        UsageError: there is neither, or ``path`` is a folder.
    """
    path = Path(path)
    try:
        if path.is_file():
            return path
        is_folder = path.is_dir()
    except OSError as error:  # a path too long, a parent folder that may not be searched
        raise UsageError(f"The configuration {path} cannot be read: {error.strerror}.") from None
    packaged = packaged_configs()
    name = path.name.removesuffix(".yaml")
    if name in packaged:
        return packaged[name]
    if is_folder:
        raise UsageError(f"The configuration {path} is a folder: name a yaml file in it.")
    raise UsageError(
        f"There is no configuration {path}, and none of that name comes with ppgan_mpr: "
        f"{did_you_mean(name, packaged)}"
    )


def read_yaml(path: str | Path) -> dict[str, Any]:
    """The content of a yaml file, merged with the files that it inherits from.

    ``_base_`` at the top names one file or a list of them, relative to the file or packaged.
    Sections are merged key by key; the file itself comes first, then its bases in their order.
    A section with ``_inherited_: False`` takes nothing from the bases.

    Raises:
        UsageError: a file cannot be read, is no mapping, or inherits from itself.
    """
    return _read(find_config(path), ())


def _read(path: Path, heirs: tuple[Path, ...]) -> dict[str, Any]:
    content = _load(path)
    bases = content.pop("_base_", [])
    bases = [bases] if isinstance(bases, str) else bases
    if not (isinstance(bases, list) and all(isinstance(base, str) for base in bases)):
        raise UsageError(f"{path}: _base_ is {bases!r}: give the path of a yaml, or a list.")
    for base in bases:
        packaged = _FOLDER / base  # of a copy of a packaged file
        beside = path.parent / base
        inherited = find_config(packaged if packaged.is_file() and not beside.exists() else beside)
        if inherited.resolve() in (file.resolve() for file in (*heirs, path)):
            raise UsageError(f"{path}: _base_ names {base}, which inherits from this file.")
        content = _merge(content, _read(inherited, (*heirs, path)))
    return _without_marks(content)


def parse_yaml(text: str) -> Any:
    """The value of a yaml text, without tags and of a limited size.

    Raises:
        ValueError: it is not yaml, or too deep or too large; the message is a phrase.
    """
    import yaml  # of the extra "train": help and lists of names do without

    try:
        value = yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f"line {mark.line + 1}: " if mark else ""
        what = error.problem or error.context
        what = "tags of this kind are not read" if " for the tag " in f"{what}" else what
        raise ValueError(f"{where}{what}") from None
    except yaml.YAMLError as error:
        raise ValueError(" ".join(str(error).split())) from None
    except RecursionError:
        raise ValueError("its sections are nested too deeply") from None
    except ValueError:  # of int(), or of a date
        raise ValueError("it holds a number that is too long, or an impossible date") from None
    check_tree(value)
    return value


def check_tree(value: Any) -> None:
    """Limit what a configuration may hold: aliases make deep and large ones of few bytes.

    Raises:
        ValueError: it is too deep or too large; the message is a phrase.
    """
    left, waiting = _MOST, [(value, 0)]
    while waiting:
        node, depth = waiting.pop()
        left -= 1
        if depth > _DEEPEST:
            raise ValueError("its sections are nested too deeply, or one holds itself")
        if left < len(waiting):
            raise ValueError("it holds too many values")
        if isinstance(node, int) and node.bit_length() > _LONGEST:
            raise ValueError("it holds a number that is too long")
        if isinstance(node, (dict, list, tuple, set)):
            items = node.values() if isinstance(node, dict) else node
            waiting.extend((item, depth + 1) for item in items)


def _load(path: Path) -> dict[str, Any]:
    try:
        content = parse_yaml(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"The configuration {path} cannot be read: {error.strerror}.") from None
    except ValueError as error:  # of the bytes, too
        raise UsageError(f"{path} is not a yaml file that can be used: {error}.") from None
    if not isinstance(content, dict):
        raise UsageError(f"{path} is not a training configuration: it has no section 'model'.")
    return content


def _merge(over: Mapping[str, Any], base: Mapping[str, Any]) -> dict[str, Any]:
    """A mapping with what it lacks from its base, and so its sections."""
    if not over.get("_inherited_", True):
        return dict(over)
    merged = copy.deepcopy({**base, **over})
    for key in over.keys() & base.keys():
        if isinstance(over[key], dict) and isinstance(base[key], dict):
            merged[key] = _merge(over[key], base[key])
    return merged


def _without_marks(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_marks(v) for key, v in value.items() if key != "_inherited_"}
    return value
