"""The yaml files that come with the package, and how a name or path leads to one."""

from __future__ import annotations

from pathlib import Path

from ..checks import did_you_mean
from ..errors import UsageError

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
