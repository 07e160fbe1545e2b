"""Metadata and further pictures that Pillow does not read from a picture file."""

from __future__ import annotations

import struct
from dataclasses import replace

from PIL import Image

from . import gif, heif, jp2, jpeg, resources
from .credentials import credentials
from .exif import upright_exif, upright_xmp
from .photo import Metadata, plausible_dpi
from .plain_comments import netpbm_comment, tga_comment
from .tiff_tags import Buffer

# Numbers of Photoshop's image resources.
_RESOLUTION, _EXIF, _XMP = 1005, 1058, 1060


def complete_metadata(image: Image.Image, data: Buffer, metadata: Metadata) -> Metadata:
    """Add the metadata that Pillow skipped to those that it found.

    Args:
        image: the file as Pillow has opened it, without its pixels.
        data: the whole file.
        metadata: what Pillow found.
    """
    if image.format == "JPEG2000":
        metadata = jp2.with_boxes(data, metadata)
    elif image.format == "AVIF":
        colour = None if metadata.icc_profile else heif.nclx(data)
        metadata = replace(metadata, cicp=colour, dropped=heif.auxiliary(data))
    elif image.format in ("JPEG", "MPO"):
        metadata = replace(metadata, dropped=jpeg.dropped(image, data, metadata.xmp))
    elif image.format == "GIF":
        metadata = gif.with_extensions(data, metadata)
    elif image.format == "PPM":
        metadata = replace(metadata, comment=netpbm_comment(data))
    elif image.format == "TGA":
        metadata = replace(metadata, comment=tga_comment(data))
    elif image.format == "BMP":
        metadata = replace(metadata, icc_profile=_bitmap_profile(data))
    elif image.format == "PSD":
        metadata = _with_resources(image, metadata)
    if image.format in ("WEBP", "AVIF", "JPEG2000", "GIF"):
        metadata = replace(metadata, dropped=(*metadata.dropped, *credentials(data)))
    return metadata


def _bitmap_profile(data: Buffer) -> bytes | None:
    """The ICC profile of a bitmap; only the longest header (BITMAPV5HEADER) has one."""
    if len(data) < 138 or struct.unpack_from("<I", data, 14)[0] < 124:
        return None
    start, length = struct.unpack_from("<II", data, 14 + 112)
    if data[70:74] != b"DEBM" or 14 + start + length > len(data):  # "MBED" in little-endian order
        return None
    return bytes(data[14 + start : 14 + start + length]) or None


def _with_resources(image: Image.Image, metadata: Metadata) -> Metadata:
    content = {number: data for number, _, data in getattr(image, "resources", ())}
    dpi = metadata.dpi
    if len(content.get(_RESOLUTION, b"")) >= 12:  # fixed-point, always per inch
        x, y = struct.unpack_from(">I4xI", content[_RESOLUTION])
        dpi = plausible_dpi(x / 65536, y / 65536)
    exif, xmp = content.get(_EXIF), content.get(_XMP)
    dropped = ("the layers",) if getattr(image, "n_frames", 1) > 1 else ()
    return replace(
        metadata,
        # Photoshop stores documents upright, whatever orientation the camera's file had.
        exif=exif and upright_exif(exif),
        xmp=xmp and upright_xmp(xmp),
        iptc=content.get(resources.IPTC) or metadata.iptc,
        dpi=dpi,
        dropped=dropped,
        resources=resources.carried(
            b"".join(resources.resource(number, data) for number, data in content.items())
        ),
    )
