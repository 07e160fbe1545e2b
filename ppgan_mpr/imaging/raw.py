"""Cameras' raw files (DNG, NEF, CR2, CR3, ARW, …), developed by LibRaw through rawpy."""

from __future__ import annotations

import contextlib
import functools
import io
import struct
from collections.abc import Iterator
from dataclasses import replace
from types import ModuleType
from typing import Any

import numpy as np

from ..dependencies import require
from ..errors import ImageError
from .exif import resized_exif
from .formats import RAW_SUFFIXES
from .limits import SizeCheck
from .photo import Photo
from .pillow import already_upright
from .raw_metadata import RAF, TIFF_LIKE, is_cr3, read_metadata
from .tiff_tags import MAGICS, Buffer, TiffError, parse_header, read_ifd

#: ``Photo.format`` of a developed picture.
FORMAT = "RAW"

# Fujifilm; Olympus and Panasonic, whose files are TIFF structures with another magic number;
# Minolta; Sigma; Canon before 2004.
_SIGNATURES = (RAF, *TIFF_LIKE, b"\0MRM", b"FOVb", b"II\x1a\0\0\0HEAPCCDR")
_SUBFILE, _PHOTOMETRIC, _DNG_VERSION = 254, 262, 50706
_SENSOR_DATA = (32803, 34892)  # colour filter array, linear raw
# Bytes per pixel that LibRaw may hold in addition to the 16-bit RGB result: one sensor value, four
# 16-bit colour values, and room for a second RGB picture, not yet turned upright.
_BYTES_HELD = 2 + 8 + 6


def begins_as_raw(start: bytes) -> bool:
    """Whether a file begins with the signature of a raw format that is not plain TIFF."""
    return start.startswith(_SIGNATURES) or is_cr3(start)


def is_raw(data: Buffer, suffix: str) -> bool:
    """Whether a file holds a sensor's raw data instead of a finished picture.

    Args:
        data: the whole file.
        suffix: the file name's, in lower case; it marks raw files among TIFF structures.
    """
    if begins_as_raw(bytes(data[:16])):
        return True
    if data[:4] not in MAGICS:
        return False
    if suffix in RAW_SUFFIXES or data[8:10] == b"CR":
        return True
    try:
        order, big, first = parse_header(data)
        tags, _ = read_ifd(data, order, first, big)
    except (TiffError, struct.error):
        return False

    def number(tag: int) -> int:
        return int(tags[tag].numbers(order)[0]) if tag in tags and tags[tag].count else 0

    # The first directory is a thumbnail in raw files, and the picture in finished ones.
    is_thumbnail = bool(number(_SUBFILE) & 1)
    return _DNG_VERSION in tags or is_thumbnail or number(_PHOTOMETRIC) in _SENSOR_DATA


def develop(data: bytes, check_size: SizeCheck) -> Photo:
    """Develop a raw file to 16-bit sRGB, upright, with the white balance that the camera chose.

    The exposure is not brightened, so the result may be darker than the camera's own JPEG. White is
    the level at which the sensor saturates or, if the brightest value exceeds three quarters of
    that level, the brightest value.

    Args:
        data: the whole file.
        check_size: refuses pictures that are too large, before they are decoded.

    Raises:
        ImageError: the file is damaged, incomplete, of an unknown camera, or too large.
        MissingDependencyError: rawpy is not installed.
    """
    rawpy = require("rawpy")
    with _libraw_errors(rawpy), rawpy.imread(io.BytesIO(data)) as camera:
        sizes = camera.sizes
        width = max(sizes.raw_width, sizes.iwidth)
        height = max(sizes.raw_height, sizes.iheight)
        check_size(width, height, 3, 2, _BYTES_HELD * width * height)
        pixels = camera.postprocess(**_parameters(rawpy))
    if pixels.ndim == 2:  # a sensor without colours
        pixels = pixels[..., np.newaxis]
    metadata = replace(read_metadata(data), icc_profile=_srgb_profile())
    # LibRaw has turned the picture.
    photo = already_upright(Photo(np.ascontiguousarray(pixels), None, metadata, FORMAT))
    exif = photo.metadata.exif
    exif = exif and resized_exif(exif, *photo.size)
    return replace(photo, metadata=replace(photo.metadata, exif=exif))


def _parameters(rawpy: ModuleType) -> dict[str, Any]:
    """Arguments of ``RawPy.postprocess``; the others keep LibRaw's default values."""
    return {
        "use_camera_wb": True,
        "output_color": rawpy.ColorSpace.sRGB,
        "output_bps": 16,
        "gamma": (2.4, 12.92),  # sRGB's curve (IEC 61966-2-1): exponent, slope near black
        "no_auto_bright": True,  # auto bright clips the brightest hundredth of every picture
    }


@contextlib.contextmanager
def _libraw_errors(rawpy: ModuleType) -> Iterator[None]:
    """Turn LibRaw's errors into sentences."""
    try:
        yield
    except rawpy.LibRawUnsufficientMemoryError as error:
        raise MemoryError from error
    except rawpy.LibRawTooBigError as error:
        raise ImageError(
            "it is larger than the raw files that LibRaw develops: develop it to a 16-bit TIFF "
            "with the camera's program first"
        ) from error
    except rawpy.LibRawFileUnsupportedError as error:
        version = ".".join(map(str, rawpy.libraw_version))
        raise ImageError(
            f"the raw file is damaged, or LibRaw {version} does not know the camera: develop "
            "it to a 16-bit TIFF with the camera's program first"
        ) from error
    except rawpy.LibRawError as error:
        reason = error.args[0] if error.args else ""
        text = reason.decode("ascii", "replace") if isinstance(reason, bytes) else str(reason)
        raise ImageError(f"the raw file is damaged or incomplete ({text})") from error


@functools.cache
def _srgb_profile() -> bytes:
    """An ICC profile of sRGB, always the same bytes."""
    from PIL import ImageCms

    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    profile[24:36] = struct.pack(">6H", 2000, 1, 1, 0, 0, 0)  # creation date
    return bytes(profile)
