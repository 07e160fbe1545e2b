"""Reading picture files."""

from __future__ import annotations

import os
from pathlib import Path

from ..errors import ImageError, MissingDependencyError
from .decode import decode
from .formats import RAW_SUFFIXES
from .photo import Photo


def read_photo(path: str | os.PathLike[str]) -> Photo:
    """Read a picture file with its metadata.

    The picture is returned upright: an EXIF orientation is applied and set to 1. CMYK and LAB
    become sRGB, palettes RGB (or grey when all their colours are).

    Args:
        path: a file of any format in :data:`ppgan_mpr.imaging.SUFFIXES`; its content decides
            which.

    Raises:
        ImageError: the file is missing, unreadable, damaged, animated, a camera's raw file, or
            has samples of more than 16 bits.
        MissingDependencyError: a HEIC photo, and pillow-heif is not installed.
    """
    path = Path(path)
    if path.suffix.lower() in RAW_SUFFIXES and path.is_file():
        raise ImageError(
            f"{path} cannot be read: it is a camera's raw file: develop it to a 16-bit TIFF first"
        )
    return decode_photo(_read_bytes(path), str(path), path.suffix.lower())


def decode_photo(data: bytes, name: str, suffix: str = "") -> Photo:
    """:func:`read_photo` of a file's content.

    Args:
        data: all bytes of the file.
        name: for messages.
        suffix: of the file's name in lower case, which matters for formats without a signature.

    Raises:
        ImageError, MissingDependencyError: see :func:`read_photo`.
    """
    if not data:
        raise ImageError(f"{name} cannot be read: the file is empty")
    try:
        return decode(data, suffix)
    except MissingDependencyError as error:
        raise MissingDependencyError(f"{name} cannot be read: {error}") from None
    except ImageError as error:
        raise ImageError(f"{name} cannot be read: {error}") from error.__cause__
    except MemoryError as error:
        raise ImageError(f"{name} cannot be read: it does not fit into memory") from error
    except Exception as error:  # decoders raise whatever a damaged file drives them into
        detail = "".join(filter(str.isprintable, str(error)[:150])) or type(error).__name__
        raise ImageError(
            f"{name} cannot be read: the picture is damaged or incomplete ({detail})"
        ) from error


def _read_bytes(path: Path) -> bytes:
    try:
        if path.exists() and not path.is_file() and not path.is_dir():
            # Reading from a pipe could wait forever.
            raise ImageError(f"{path} cannot be read: it is not an ordinary file")
        data = path.read_bytes()
    except FileNotFoundError:
        what = "the link points to a missing file" if path.is_symlink() else "there is no such file"
        raise ImageError(f"{path} cannot be read: {what}") from None
    except IsADirectoryError:
        raise ImageError(f"{path} cannot be read: it is a folder") from None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        reason = getattr(error, "strerror", None) or error
        raise ImageError(f"{path} cannot be read: {reason}") from None
    return data
