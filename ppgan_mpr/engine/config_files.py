"""Yaml files of configurations: packaged files, and inheritance between files."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..checks import did_you_mean
from ..errors import UsageError

_DEEPEST, _MOST = 50, 100_000  # nesting depth and number of values; ours have 6 and 100
_LONGEST = 1024  # largest number of bits in a number
_FOLDER = Path(__file__).resolve().parent.parent / "configs"


def packaged_configs() -> dict[str, Path]:
    """Name → path of each packaged configuration, sorted by name."""
    return {path.stem: path for path in sorted(_FOLDER.glob("*.yaml"))}


def summary(path: Path) -> str:
    """The purpose of a packaged configuration, from the comment in its first line."""
    with path.open(encoding="utf-8") as file:
        return file.readline().lstrip("#").strip()


def find_config(path: str | Path) -> Path:
    """Find the file at ``path``, or else the packaged configuration of that name.

    ``configs/mine.yaml``, ``mine.yaml`` and ``mine`` all name the packaged ``mine``.

    Raises:
        UsageError: neither exists, or ``path`` is a folder.
    """
    path = Path(path)
    try:
        if path.is_file():
            return path
        is_folder = path.is_dir()
    except OSError as error:  # for example a path that is too long
        raise UsageError(f"The configuration {path} cannot be read: {error.strerror}.") from None
    packaged = packaged_configs()
    name = path.name.removesuffix(".yaml")
    if name in packaged:
        return packaged[name]
    if is_folder:
        raise UsageError(f"The configuration {path} is a folder: name a yaml file in it.")
    raise UsageError(
        f"There is no configuration {path}, and ppgan_mpr has none of that name: "
        f"{did_you_mean(name, packaged)}"
    )


def read_yaml(path: str | Path) -> dict[str, Any]:
    """Read a yaml file and merge it with the files that it inherits from.

    ``_base_`` at the top names one or several files, packaged or relative to this file. Sections
    are merged key by key. Values of the file itself win, then those of its bases in order. A
    section with ``_inherited_: False`` inherits nothing.

    Raises:
        UsageError: a file cannot be read, is not a mapping, or inherits from itself.
    """
    return _read(find_config(path), ())


def _read(path: Path, heirs: tuple[Path, ...]) -> dict[str, Any]:
    content = _load(path)
    bases = content.pop("_base_", [])
    bases = [bases] if isinstance(bases, str) else bases
    if not (isinstance(bases, list) and all(isinstance(base, str) for base in bases)):
        raise UsageError(f"{path}: _base_ is {bases!r}: give the path of a yaml, or a list.")
    for base in bases:
        # If a packaged file was copied elsewhere without its base, the packaged base is used.
        packaged = _FOLDER / base
        beside = path.parent / base
        inherited = find_config(packaged if packaged.is_file() and not beside.exists() else beside)
        if inherited.resolve() in (file.resolve() for file in (*heirs, path)):
            raise UsageError(f"{path}: _base_ names {base}, which inherits from this file.")
        content = _merge(content, _read(inherited, (*heirs, path)))
    return _without_marks(content)


def parse_yaml(text: str) -> Any:
    """Parse a yaml text of limited size without tags.

    Raises:
        ValueError: the text is not yaml, or too deep or too large; the message fits after a colon.
    """
    # Imported here, so that help texts and lists of names do not need the extra "train".
    import yaml

    try:
        value = yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f"line {mark.line + 1}: " if mark else ""
        what = error.problem or error.context
        what = "tags of this kind are not allowed" if " for the tag " in f"{what}" else what
        raise ValueError(f"{where}{what}") from None
    except yaml.YAMLError as error:
        raise ValueError(" ".join(str(error).split())) from None
    except RecursionError:
        raise ValueError("its sections are nested too deeply") from None
    except ValueError:  # from int() or a date
        raise ValueError("it has a number that is too long, or an impossible date") from None
    check_tree(value)
    return value


def check_tree(value: Any) -> None:
    """Limit depth and size of a configuration, as aliases can make huge ones from few bytes.

    Raises:
        ValueError: the configuration is too deep or too large; the message fits after a colon.
    """
    left, waiting = _MOST, [(value, 0)]
    while waiting:
        node, depth = waiting.pop()
        left -= 1
        if depth > _DEEPEST:
            raise ValueError("its sections are nested too deeply, or one contains itself")
        if left < len(waiting):
            raise ValueError("it has too many values")
        if isinstance(node, int) and node.bit_length() > _LONGEST:
            raise ValueError("it has a number that is too long")
        if isinstance(node, (dict, list, tuple, set)):
            items = node.values() if isinstance(node, dict) else node
            waiting.extend((item, depth + 1) for item in items)


def _load(path: Path) -> dict[str, Any]:
    try:
        content = parse_yaml(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"The configuration {path} cannot be read: {error.strerror}.") from None
    except ValueError as error:  # also from decoding the bytes
        raise UsageError(f"{path} is not a yaml file of a configuration: {error}.") from None
    if not isinstance(content, dict):
        raise UsageError(f"{path} is not a training configuration: it has no section 'model'.")
    return content


def _merge(over: Mapping[str, Any], base: Mapping[str, Any]) -> dict[str, Any]:
    """Add to a mapping and its sections all keys that only its base has."""
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
