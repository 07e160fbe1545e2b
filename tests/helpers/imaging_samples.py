"""Pictures, metadata and picture files for the tests."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
from PIL import Image, ImageCms

from ppgan_mpr.imaging import Metadata, Photo, from_array, read_photo

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
XMP = (
    b'<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
    b'<rdf:Description tiff:Orientation="%d" dc:creator="Z\xc3\xbcrich"/></x:xmpmeta>'
)


def noise(channels: int, dtype: str, height: int = 13, width: int = 17, seed: int = 0):
    """Random samples ``[H, W]`` or ``[H, W, C]``: any loss shows."""
    shape = (height, width) if channels == 1 else (height, width, channels)
    top = 65536 if dtype == "uint16" else 256
    return np.random.default_rng(seed).integers(0, top, shape).astype(dtype)


def ramp(height: int = 48, width: int = 64) -> np.ndarray:
    """A smooth RGB picture without symmetry, which lossy formats barely change."""
    y, x = np.mgrid[0:height, 0:width]
    return np.stack([x * 3, y * 4, (x + y) * 2], axis=-1).astype(np.uint8)


def exif_block(orientation: int = 1, order: str = "<") -> bytes:
    """An EXIF block with a maker note that no program may touch, GPS, and a thumbnail pointer."""
    maker = bytes(range(7, 60))
    magic = b"II*\0" if order == "<" else b"MM\0*"

    def field(tag, kind, count, value):
        return struct.pack(order + "HHI", tag, kind, count) + value

    def number(value):
        return struct.pack(order + "I", value)

    def short(value):
        return struct.pack(order + "HH", value, 0)

    exif_at, gps_at, thumbnail_at = 100, 200, 260
    ifd0 = struct.pack(order + "H", 4) + b"".join([
        field(0x010F, 2, 6, number(90)),
        field(0x0112, 3, 1, short(orientation)),
        field(0x8769, 4, 1, number(exif_at)),
        field(0x8825, 4, 1, number(gps_at)),
    ]) + number(thumbnail_at)  # fmt: skip
    exif = struct.pack(order + "H", 2) + b"".join([
        field(0x8827, 3, 1, short(400)),  # ISO
        field(0x927C, 7, len(maker), number(exif_at + 30)),
    ]) + number(0) + maker  # fmt: skip
    gps = struct.pack(order + "H", 1) + field(0x0001, 2, 2, b"N\0\0\0") + number(0)
    thumbnail = struct.pack(order + "H", 1) + field(0x0103, 3, 1, short(6)) + number(0)
    block = bytearray(280)
    for at, part in (
        (0, magic + number(8) + ifd0),
        (90, b"Maker\0"),
        (exif_at, exif),
        (gps_at, gps),
        (thumbnail_at, thumbnail),
    ):
        block[at : at + len(part)] = part
    return bytes(block)


def annotated(array: np.ndarray, orientation: int = 1) -> Photo:
    """A photo with all kinds of metadata that every format can hold."""
    photo = from_array(array)
    metadata = Metadata(exif_block(orientation), SRGB, (300.0, 150.0), XMP % orientation)
    return Photo(photo.pixels, photo.alpha, metadata)


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def raw_png(rows: list[bytes], width: int, depth: int, colour_type: int, *extra: bytes) -> bytes:
    """A PNG of unfiltered rows, in any depth and colour type, with further chunks."""
    header = struct.pack(">IIBBBBB", width, len(rows), depth, colour_type, 0, 0, 0)
    pixels = zlib.compress(b"".join(b"\0" + row for row in rows))
    return b"".join([
        b"\x89PNG\r\n\x1a\n", chunk(b"IHDR", header), *extra,
        chunk(b"IDAT", pixels), chunk(b"IEND", b""),
    ])  # fmt: skip


def raw_png_16(samples: np.ndarray, *extra: bytes) -> bytes:
    channels = 1 if samples.ndim == 2 else samples.shape[2]
    rows = [row.astype(">u2").tobytes() for row in samples]
    return raw_png(rows, samples.shape[1], 16, {1: 0, 2: 4, 3: 2, 4: 6}[channels], *extra)


def pillow_file(image: Image.Image, name: str, **options) -> bytes:
    file = io.BytesIO()
    image.save(file, format=name, **options)
    return file.getvalue()


def read(tmp_path, data: bytes, suffix: str = ".png"):
    path = tmp_path / f"photo{suffix}"
    path.write_bytes(data)
    return read_photo(path)


def assert_one_sentence(error: BaseException, path) -> None:
    text = str(error)
    assert text.startswith(f"{path} cannot be ")
    assert "\n" not in text and len(text) < 300 + len(str(path))


def assert_same_tags(path):
    """Check the EXIF values; TIFF, WebP and AVIF lay out the block anew, so bytes may differ."""
    with Image.open(path) as image:
        exif = image.getexif()
        assert exif[0x010F] == "Maker"
        assert exif.get_ifd(0x8769)[0x8827] == 400
        assert exif.get_ifd(0x8769)[0x927C] == bytes(range(7, 60))
        assert exif.get_ifd(0x8825)[1] == "N"
