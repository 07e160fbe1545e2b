"""PNG beyond what Pillow and OpenCV offer: every chunk kept, 16-bit samples in all layouts.

References: PNG specification, third edition (W3C), sections 5 (chunks) and 9 (filters).
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

import numpy as np

from .photo import Metadata, plausible_dpi

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_XMP_KEYWORD = b"XML:com.adobe.xmp\0"
# Chunks that say how the samples are to be seen, and text; the others are rebuilt or obsolete.
_CARRIED = {b"cHRM", b"gAMA", b"sRGB", b"cICP", b"mDCV", b"cLLI", b"tEXt", b"zTXt", b"iTXt"}
_MAX_UNPACKED = 1 << 26  # no honest profile or packet unpacks to more
_BAND_BYTES = 1 << 22
LEVEL = 4  # 6 takes twice the time for 4 % at 8 bits, and thrice for nothing on 16 bits' noise


def read_chunks(data: bytes) -> dict[bytes, list[bytes]]:
    """The chunks of a PNG by type, without the pixels of IDAT.

    Raises:
        ValueError: a chunk the picture needs is damaged, or the file ends early.
    """
    chunks: dict[bytes, list[bytes]] = {}
    view = memoryview(data)
    for kind, start, end in _walk(data):
        (expected,) = struct.unpack_from(">I", data, end)
        if zlib.crc32(view[start - 4 : end]) == expected:
            chunks.setdefault(kind, []).append(b"" if kind == b"IDAT" else bytes(view[start:end]))
        elif _is_critical(kind):
            raise ValueError("a part of its data is damaged")
    if len(chunks.get(b"IHDR", [b""])[0]) != 13:
        raise ValueError("it has no header")
    return chunks


def bare(data: bytes) -> bytes:
    """The PNG with nothing but its pixels.

    libpng, in OpenCV, prints warnings about profiles that other programs accept, and shows a
    transparent colour as an alpha channel.
    """
    view = memoryview(data)
    kept = [view[start - 8 : end + 4] for kind, start, end in _walk(data) if _is_critical(kind)]
    return b"".join([SIGNATURE, *kept])


def _walk(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Type, start and end of the body of each chunk, up to IEND."""
    kind, position = b"", len(SIGNATURE)
    while kind != b"IEND":
        if position + 12 > len(data):
            raise ValueError("the file ends before the picture does")
        length, kind = struct.unpack_from(">I4s", data, position)
        start, end = position + 8, position + 8 + length
        if end + 4 > len(data):
            raise ValueError("the file ends before the picture does")
        yield kind, start, end
        position = end + 4


def _is_critical(kind: bytes) -> bool:
    return not kind[0] & 0x20  # the fifth bit marks ancillary chunks (section 5.4)


def is_animated(chunks: dict[bytes, list[bytes]]) -> bool:
    control = chunks.get(b"acTL", [b""])[0]
    return len(control) == 8 and struct.unpack_from(">I", control)[0] > 1


def bit_depth(chunks: dict[bytes, list[bytes]]) -> int:
    return chunks[b"IHDR"][0][8]


def is_grey(chunks: dict[bytes, list[bytes]]) -> bool:
    return chunks[b"IHDR"][0][9] in (0, 4)


def colour_key_alpha(chunks: dict[bytes, list[bytes]], pixels: np.ndarray) -> np.ndarray | None:
    """The alpha that tRNS gives a grey or RGB picture by naming one colour as transparent."""
    key = chunks.get(b"tRNS", [b""])[0]
    depth, colour_type = chunks[b"IHDR"][0][8:10]
    channels = {0: 1, 2: 3}.get(colour_type)
    if channels is None or len(key) != 2 * channels:
        return None
    samples = np.frombuffer(key, ">u2").astype(np.uint32)
    if depth < 8:  # decoders spread 1, 2 and 4 bits over the whole range
        samples *= 255 // (2**depth - 1)
    clear = (pixels == samples).all(axis=2)
    return np.where(clear, 0, np.iinfo(pixels.dtype).max).astype(pixels.dtype)


def read_metadata(chunks: dict[bytes, list[bytes]]) -> Metadata:
    """EXIF, profile, resolution and the chunks worth carrying."""
    exif = chunks.get(b"eXIf", [None])[0]
    profile = xmp = dpi = None
    if b"iCCP" in chunks:
        profile = _unpack(chunks[b"iCCP"][0].partition(b"\0")[2][1:])
    kept = []
    for kind in _CARRIED & chunks.keys():
        for body in chunks[kind]:
            if kind == b"iTXt" and body.startswith(_XMP_KEYWORD):
                xmp = _international_text(body)
            elif kind == b"zTXt" and body.startswith(b"Raw profile type "):
                # ImageMagick's way from before eXIf: the EXIF block as hexadecimal text.
                if exif is None and body[17:22] in (b"exif\0", b"APP1\0"):
                    exif = _raw_profile(_unpack(body.partition(b"\0")[2][1:]))
            else:
                kept.append((kind, body))
    if b"pHYs" in chunks and len(chunks[b"pHYs"][0]) == 9:
        x, y, unit = struct.unpack(">IIB", chunks[b"pHYs"][0])
        dpi = plausible_dpi(x * 0.0254, y * 0.0254) if unit == 1 else None
    if exif is not None and exif.startswith(b"Exif\0\0"):
        exif = exif[6:]
    return Metadata(exif, profile, dpi, xmp, None, tuple(sorted(kept)))


def with_metadata(png: bytes | memoryview, metadata: Metadata) -> bytes | memoryview:
    """Insert what goes with the picture between the header and the pixels of a PNG."""
    chunks = list(metadata.png_chunks)
    if metadata.icc_profile:
        chunks.insert(0, (b"iCCP", b"ICC profile\0\0" + zlib.compress(metadata.icc_profile, 9)))
    if metadata.dpi:
        per_metre = (round(value / 0.0254) for value in metadata.dpi)
        chunks.append((b"pHYs", struct.pack(">IIB", *per_metre, 1)))
    if metadata.exif:
        chunks.append((b"eXIf", metadata.exif))
    if metadata.xmp:
        chunks.append((b"iTXt", _XMP_KEYWORD + bytes(4) + metadata.xmp))
    if not chunks:
        return png
    after_header = len(SIGNATURE) + 25
    inserted = (_chunk(kind, body) for kind, body in chunks)
    return b"".join([png[:after_header], *inserted, png[after_header:]])


def encode_16bit(samples: np.ndarray) -> bytes:
    """A PNG of ``[H, W, C]`` uint16: grey, grey + alpha, RGB or RGBA for C = 1 to 4."""
    height, width, channels = samples.shape
    header = struct.pack(">IIBBBBB", width, height, 16, (0, 4, 2, 6)[channels - 1], 0, 0, 0)
    packer, packed = zlib.compressobj(LEVEL), []
    stride = 2 * channels * width
    band = max(1, _BAND_BYTES // stride)
    previous = np.zeros((1, stride), np.uint8)
    for top in range(0, height, band):
        rows = samples[top : top + band].astype(">u2").view(np.uint8).reshape(-1, stride)
        packed.append(packer.compress(_filtered(np.vstack([previous, rows]), 2 * channels)))
        previous = rows[-1:]
    packed.append(packer.flush())
    pixels = _chunk(b"IDAT", b"".join(packed))
    return SIGNATURE + _chunk(b"IHDR", header) + pixels + _chunk(b"IEND", b"")


def _filtered(rows: np.ndarray, step: int) -> bytes:
    """Filter each row but the first (the one above) by the filter with the smallest residual.

    ``step`` is the number of bytes a pixel takes; the choice by the sum of absolute residuals is
    the specification's recommendation (section 12.7).
    """
    row, up = rows[1:], rows[:-1]
    left, corner = np.zeros_like(row), np.zeros_like(row)
    left[:, step:], corner[:, step:] = row[:, :-step], up[:, :-step]
    a, b, c = (part.astype(np.int16) for part in (left, up, corner))
    from_a, from_b, from_c = np.abs(b - c), np.abs(a - c), np.abs(a + b - 2 * c)
    nearest = np.where(
        (from_a <= from_b) & (from_a <= from_c), left, np.where(from_b <= from_c, up, corner)
    )
    average = ((a + b) >> 1).astype(np.uint8)
    best = np.empty((len(row), row.shape[1] + 1), np.uint8)
    smallest = np.full(len(row), np.iinfo(np.int64).max)
    for kind, predicted in enumerate((np.uint8(0), left, up, average, nearest)):
        residual = row - predicted  # modulo 256, as the format asks
        cost = np.abs(residual.view(np.int8).astype(np.int16)).sum(axis=1, dtype=np.int64)
        better = cost < smallest
        smallest[better] = cost[better]
        best[better, 0], best[better, 1:] = kind, residual[better]
    return best.tobytes()


def _chunk(kind: bytes, body: bytes) -> bytes:
    checksum = zlib.crc32(body, zlib.crc32(kind))
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", checksum)


def _unpack(packed: bytes) -> bytes | None:
    """Inflate metadata; None where it is damaged, for the picture does not depend on it."""
    unpacker = zlib.decompressobj()
    try:
        plain = unpacker.decompress(packed, _MAX_UNPACKED)
    except zlib.error:
        return None
    return plain if unpacker.eof else None


def _international_text(body: bytes) -> bytes | None:
    """The text of an iTXt chunk: keyword, flags, language, translated keyword, text."""
    rest = body.partition(b"\0")[2]
    text = rest[2:].split(b"\0", 2)[-1]
    return _unpack(text) if rest[:1] == b"\1" else text


def _raw_profile(text: bytes | None) -> bytes | None:
    """Decode a raw profile: a line feed, name, length, then lines of hexadecimal digits."""
    try:
        return bytes.fromhex("".join((text or b"").decode("ascii").split("\n")[3:])) or None
    except ValueError:
        return None
