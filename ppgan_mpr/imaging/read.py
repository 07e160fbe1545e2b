"""Reads picture files in this process."""

from __future__ import annotations

import os
from pathlib import Path

from ..errors import ImageError, MissingDependencyError
from .decode import SIGNATURE_BYTES, decode, recognised
from .file_length import check_length
from .limits import LimitError, Limits, SizeCheck
from .photo import Photo


def read_photo(path: str | os.PathLike[str], limits: Limits | None = None) -> Photo:
    """Read a picture file with its metadata, in this process.

    The picture is returned upright: an EXIF orientation is applied and set to 1. CMYK and LAB
    become sRGB. Palettes become RGB, or grey if all their colours are grey.

    Args:
        path: a file of any format in :data:`ppgan_mpr.imaging.SUFFIXES`, or a camera's raw file,
            which is developed (see :func:`.raw.develop`). The content decides the format.
        limits: how large the picture may be. Only
            :class:`~ppgan_mpr.imaging.reader.PhotoReader` limits the time.

    Raises:
        ImageError: the file is missing, unreadable, damaged, animated, too large, or has samples
            of more than 16 bits.
        MissingDependencyError: pillow-heif, which HEIC photos need, or rawpy, which cameras' raw
            files need, is not installed.
    """
    limits = limits or Limits()
    path = Path(path)
    return decode_photo(read_bytes(path, limits), str(path), path.suffix.lower(), limits.check_size)


def decode_photo(
    data: bytes, name: str, suffix: str = "", check_size: SizeCheck | None = None
) -> Photo:
    """Decode the content of a picture file, as :func:`read_photo` does.

    Args:
        data: all bytes of the file.
        name: for messages.
        suffix: the file name's, in lower case; used only for formats without a signature and for
            cameras' raw files.
        check_size: refuses pictures that are too large; default: that of :class:`~.limits.Limits`.

    Raises:
        ImageError, MissingDependencyError: see :func:`read_photo`.
    """
    if not data:
        raise ImageError(f"{name} cannot be read: the file is empty")
    size = ""

    def check(width: int, height: int, channels: int, itemsize: int, coefficients: int = 0) -> None:
        nonlocal size
        size = f"{width} x {height} pixels"
        (check_size or Limits().check_size)(width, height, channels, itemsize, coefficients)

    try:
        return decode(data, suffix, check)
    except MissingDependencyError as error:
        raise MissingDependencyError(f"{name} cannot be read: {error}") from None
    except ImageError as error:
        raise type(error)(f"{name} cannot be read: {error}") from error.__cause__
    except MemoryError as error:
        what = f"its {size} do" if size else "it does"
        raise LimitError(f"{name} cannot be read: {what} not fit into memory") from error
    except Exception as error:  # decoders raise errors of many kinds on damaged files
        if "MAX_TEXT" in str(error):  # Pillow has no error class for it
            raise LimitError(
                f"{name} cannot be read: its colour profile or a text unpacks to more than 1 MB, "
                "or all texts to more than 64 MB: remove them with another program first"
            ) from None
        detail = "".join(filter(str.isprintable, str(error)[:150])) or type(error).__name__
        raise ImageError(
            f"{name} cannot be read: the picture is damaged or incomplete ({detail})"
        ) from error


def refuse_pipe(path: Path) -> None:
    """Refuse a pipe or a device, as reading from it could wait forever.

    Raises:
        ImageError: it is one.
    """
    if path.exists() and not path.is_file() and not path.is_dir():
        raise ImageError("it is not an ordinary file")


def read_bytes(path: Path, limits: Limits, name: str | None = None) -> bytes:
    """Read a picture file, unless it is too large or no picture.

    Args:
        path: the file.
        limits: see :func:`read_photo`.
        name: for messages; default: ``path``.

    Raises:
        ImageError: the file is missing, unreadable, too large, far larger than its picture
            needs, or does not begin as a picture file.
    """
    shown = name or path
    try:
        refuse_pipe(path)
        with path.open("rb", buffering=0) as file:
            start = file.read(SIGNATURE_BYTES)
            if start and not recognised(start, path.suffix.lower()):
                raise ImageError("it is not a picture in a known format, or it is damaged")
            nbytes = os.fstat(file.fileno()).st_size
            limits.check_file(nbytes)
            file.seek(0)
            check_length(file, nbytes, path.suffix.lower(), limits)
            file.seek(0)
            return file.readall()
    except ImageError as error:
        raise type(error)(f"{shown} cannot be read: {error}") from None
    except FileNotFoundError:
        what = "the link points to a missing file" if path.is_symlink() else "there is no such file"
        raise ImageError(f"{shown} cannot be read: {what}") from None
    except IsADirectoryError:
        raise ImageError(f"{shown} cannot be read: it is a folder") from None
    except MemoryError:
        raise LimitError(f"{shown} cannot be read: it does not fit into memory") from None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        reason = getattr(error, "strerror", None) or error
        raise ImageError(f"{shown} cannot be read: {reason}") from None
