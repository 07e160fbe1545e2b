"""Small picture files that ask for much memory or time."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from functools import partial
from typing import Any

from PIL import Image, PngImagePlugin

SIDE = 16000  # pixels: 1 GB as RGBA
MEGABYTE = 1 << 20


def bombs() -> dict[str, Callable[[], tuple[bytes, int]]]:
    """Name → function that returns the beginning of a file, and its size if it is sparse, or 0."""
    found = {name: partial(_made, make) for name, make in _BOMBS.items()}
    for suffix, start in _SPARSE.items():
        found[f"sparse.{suffix}"] = partial(_made, partial(bytes, start), 2 << 30)
    return found


def _made(make: Callable[[], bytes], size: int = 0) -> tuple[bytes, int]:
    return make(), size


_SPARSE = {
    "jpg": b"\xff\xd8\xff\xe0", "png": b"\x89PNG\r\n\x1a\n", "tif": b"II*\0\x08\0\0\0",
    "bmp": b"BM", "webp": b"RIFF\0\0\0\x80WEBP", "tga": b"",
}  # fmt: skip


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _png(width: int, height: int, depth: int, colour: int, data: bytes, *extra: bytes) -> bytes:
    header = _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))
    parts = [b"\x89PNG\r\n\x1a\n", header, *extra, _chunk(b"IDAT", data), _chunk(b"IEND", b"")]
    return b"".join(parts)


def _zeros(count: int) -> bytes:
    """A zlib stream of ``count`` zeros."""
    packer = zlib.compressobj(9)
    block = bytes(MEGABYTE)
    parts = [packer.compress(block) for _ in range(count // MEGABYTE)]
    return b"".join([*parts, packer.compress(bytes(count % MEGABYTE)), packer.flush()])


def _many_pixels() -> bytes:
    return _png(SIDE, SIDE, 8, 6, _zeros(SIDE * (1 + 4 * SIDE)))


def _small_png(*extra: bytes) -> bytes:
    return _png(4, 4, 8, 2, zlib.compress(bytes(4 * 13)), *extra)


def _text_bomb() -> bytes:
    return _small_png(*[_chunk(b"zTXt", b"key\0\0" + _zeros(50 * MEGABYTE))] * 30)


def _profile_bomb() -> bytes:
    return _small_png(_chunk(b"iCCP", b"icc\0\0" + _zeros(200 * MEGABYTE)))


def _xmp_bomb() -> bytes:
    body = b"XML:com.adobe.xmp\0\1\0\0\0" + _zeros(200 * MEGABYTE)
    return _small_png(_chunk(b"iTXt", body))


def _many_chunks() -> bytes:
    return _small_png(*[_chunk(b"tEXt", b"a\0b")] * 100_000)


def _animation() -> bytes:
    control = _chunk(b"acTL", struct.pack(">II", 0xFFFFFFFF, 0))
    return _small_png(control)


def _tiff(entries: list[tuple[int, int, int, int]], tail: bytes = b"", order: str = "<") -> bytes:
    """A TIFF of one directory; entries are tag, type, count, value or offset."""
    fields = b"".join(struct.pack(order + "HHII", *entry) for entry in sorted(entries))
    return b"II*\0\x08\0\0\0" + struct.pack(order + "H", len(entries)) + fields + bytes(4) + tail


def _picture_entries(side: int, strip: int) -> list[tuple[int, int, int, int]]:
    return [
        (256, 4, 1, side), (257, 4, 1, side), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1),
        (273, 4, 1, strip), (277, 3, 1, 1), (278, 4, 1, side), (279, 4, 1, side * side),
    ]  # fmt: skip


def _shared_blob() -> bytes:
    """65,000 tags that point to the same 400 kB."""
    blob = 8 + 2 + 12 * 65_000 + 4
    entries = _picture_entries(4, blob)
    tags = [tag for tag in range(1, 65_536) if tag not in {entry[0] for entry in entries}]
    entries += [(tag, 7, 400_000, blob) for tag in tags[: 65_000 - len(entries)]]
    return _tiff(entries, bytes(400_000))


def _chain(count: int, loop: bool) -> bytes:
    """A chain of directories; with ``loop``, the last one points to the first."""
    size = 2 + 12 * 9 + 4
    parts = []
    for number in range(count):
        last = number == count - 1
        following = (8 if loop else 0) if last else 8 + (number + 1) * size
        strip = 8 + count * size
        fields = b"".join(struct.pack("<HHII", *entry) for entry in _picture_entries(4, strip))
        parts.append(struct.pack("<H", 9) + fields + struct.pack("<I", following))
    return b"II*\0\x08\0\0\0" + b"".join(parts) + bytes(16)


def _tiff_claims(tag: int, kind: int, count: int, value: int) -> Callable[[], bytes]:
    def make() -> bytes:
        entries = [entry for entry in _picture_entries(4, 200) if entry[0] != tag]
        return _tiff([*entries, (tag, kind, count, value)], bytes(200))

    return make


def _jpeg(*segments: tuple[int, bytes]) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (16, 16), (90, 80, 70)).save(file, "JPEG")
    data = file.getvalue()
    inserted = b"".join(
        bytes([0xFF, marker]) + struct.pack(">H", len(body) + 2) + body for marker, body in segments
    )
    return data[:2] + inserted + data[2:]


def _exif(tail: bytes) -> bytes:
    return b"Exif\0\0" + tail


def _exif_loop() -> bytes:
    """An EXIF directory that is its own sub-directory and its own successor."""
    entries = struct.pack("<HHHII", 2, 0x8769, 4, 1, 8) + struct.pack("<HHII", 0x8825, 4, 1, 8)
    return _jpeg((0xE1, _exif(b"II*\0\x08\0\0\0" + entries + struct.pack("<I", 8))))


def _many_segments() -> bytes:
    return _jpeg(*[(0xE1, b"x" * 65_000)] * 25)


def _profile_parts() -> bytes:
    body = b"ICC_PROFILE\0" + bytes([1, 255])
    return _jpeg(*[(0xE2, body + bytes(60_000))] * 30)


def _nested_xml() -> bytes:
    text = b"http://ns.adobe.com/xap/1.0/\0<!DOCTYPE a [<!ENTITY b 'bbbbbbbbbb'>"
    names = b"bcdefghijk"
    for name, earlier in zip(names[1:], names):
        text += b"<!ENTITY %c '%s'>" % (name, (b"&%c;" % earlier) * 10)
    return _jpeg((0xE1, text + b"]><a>&k;</a>"))


def _scans() -> bytes:
    """A progressive JPEG whose last scan is repeated."""
    file = io.BytesIO()
    Image.effect_noise((64, 64), 60).save(file, "JPEG", progressive=True)
    data = file.getvalue()
    last = data.rindex(b"\xff\xda")
    return data[:last] + data[last:-2] * 3000 + b"\xff\xd9"


def _frames(encoder: str, **options: Any) -> Callable[[], bytes]:
    def make() -> bytes:
        file = io.BytesIO()
        frames = [Image.new("RGB", (8, 8), (number % 256, 0, 0)) for number in range(1000)]
        frames[0].save(file, encoder, save_all=True, append_images=frames[1:], **options)
        return file.getvalue()

    return make


def _gif_screen() -> bytes:
    file = io.BytesIO()
    Image.new("P", (4, 4)).save(file, "GIF")
    return file.getvalue()[:6] + struct.pack("<HH", 65_535, 65_535) + file.getvalue()[10:]


def _packed_tga() -> bytes:
    header = struct.pack("<BBBHHBHHHHBB", 0, 0, 10, 0, 0, 0, 0, 0, 30_000, 30_000, 24, 0)
    return header + b"\xff\0\0\0" * 200_000


def _packed_bmp() -> bytes:
    head = struct.pack("<IiiHHIIiiII", 40, 30_000, 30_000, 1, 8, 1, 0, 0, 0, 256, 0)
    return b"BM" + struct.pack("<IHHI", 0, 0, 0, 54 + 1024) + head + bytes(1024) + b"\xff\0" * 9000


def _long_comment() -> bytes:
    return b"P6\n#" + b"a" * 1_500_000 + b"\n4 4\n255\n" + bytes(48)


def _long_number() -> bytes:
    return b"P2\n" + b"9" * 1_000_000 + b" 4\n255\n" + b"1 " * 16


def _plain_text() -> bytes:
    return b"P3\n1000 1000\n255\n" + b"1 " * 100


def _psd_layers() -> bytes:
    head = struct.pack(">H6xHIIHHI", 1, 3, 30_000, 30_000, 8, 3, 0)
    return b"8BPS" + head + struct.pack(">IIH", 0, 0, 1) + bytes(200_000)


def _boxes(suffix_brand: bytes) -> Callable[[], bytes]:
    """Nested boxes of ISO base media."""

    def make() -> bytes:
        body = b""
        for _ in range(5000):
            body = struct.pack(">I4s", len(body) + 8, b"moov") + body
        return struct.pack(">I4s4sI", 16, b"ftyp", suffix_brand, 0) + body

    return make


def _text_chunk() -> bytes:
    info = PngImagePlugin.PngInfo()
    info.add_text("Software", "x" * MEGABYTE, zip=True)
    file = io.BytesIO()
    Image.new("RGB", (4, 4)).save(file, "PNG", pnginfo=info)
    return file.getvalue()


_BOMBS: dict[str, Callable[[], bytes]] = {
    "pixels.png": _many_pixels,
    "text.png": _text_bomb,
    "long-text.png": _text_chunk,
    "profile.png": _profile_bomb,
    "xmp.png": _xmp_bomb,
    "chunks.png": _many_chunks,
    "animation.png": _animation,
    "wide.png": lambda: _png(0x7FFFFFFF, 1, 8, 0, zlib.compress(b"")),
    "shared-blob.tif": _shared_blob,
    "chain.tif": lambda: _chain(10_000, False),
    "loop.tif": lambda: _chain(3, True),
    "long-description.tif": _tiff_claims(270, 2, 0xFFFFFFFF, 8),
    "many-strips.tif": _tiff_claims(273, 4, 0x3FFFFFFF, 8),
    "high.tif": _tiff_claims(257, 4, 1, 0xFFFFFFFF),
    "many-samples.tif": _tiff_claims(277, 3, 1, 65_535),
    "rationals.tif": _tiff_claims(282, 5, 1, 0xFFFFFFF0),
    "exif-loop.jpg": _exif_loop,
    "segments.jpg": _many_segments,
    "profile-parts.jpg": _profile_parts,
    "entities.jpg": _nested_xml,
    "scans.jpg": _scans,
    "frames.gif": _frames("GIF"),
    "frames.webp": _frames("WEBP"),
    "frames.tif": _frames("TIFF"),
    "screen.gif": _gif_screen,
    "packed.tga": _packed_tga,
    "packed.bmp": _packed_bmp,
    "comment.ppm": _long_comment,
    "number.pgm": _long_number,
    "text.ppm": _plain_text,
    "layers.psd": _psd_layers,
    "boxes.avif": _boxes(b"avif"),
    "boxes.heic": _boxes(b"heic"),
}
