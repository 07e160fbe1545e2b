"""PNG metadata that Pillow and OpenCV drop, and an encoder.

Reference: PNG specification, third edition (W3C), section 11 (chunks).
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable

import numpy as np

from . import opencv
from .credentials import CREDENTIALS
from .heif import described
from .iptc import iptc_of, iptc_resource
from .photo import Metadata, plausible_dpi
from .png_chunks import SIGNATURE, chunk, is_critical, walk
from .samples import white
from .tiff_tags import Buffer

_XMP_KEYWORD = b"XML:com.adobe.xmp\0"
# Chunks about colour, position and text, which are copied. ``read_metadata`` handles the others.
_TEXTS = {b"tEXt", b"zTXt", b"iTXt"}
_CARRIED = {b"cHRM", b"gAMA", b"sRGB", b"cICP", b"mDCV", b"cLLI", b"oFFs", *_TEXTS}
#: Type -> description of chunks, other than text, that no other format has.
OF_PNG_ALONE = {
    b"mDCV": "the colours of the mastering display (mDCV)",
    b"cLLI": "the content light level (cLLI)",
    b"oFFs": "the position on the page (oFFs)",
    b"pHYs": "the shape of the pixels (pHYs)",
    b"bKGD": "the background colour (bKGD)",
}
_READ = _CARRIED | {b"eXIf", b"iCCP", b"pHYs", b"tRNS", b"acTL", b"fcTL", b"fdAT"}
_OUTDATED = {b"tIME"}  # the time of the last change; the result is newer
_LOST = {
    b"caBX": CREDENTIALS,
    b"bKGD": "the background colour (bKGD)",
    b"sBIT": "the number of significant bits (sBIT)",
    b"sCAL": "the physical scale (sCAL)",
}
_MAX_UNPACKED = 1 << 26  # bytes; no genuine profile or packet unpacks to more
# White, red, green and blue of sRGB as in cHRM, in units of 1/100000.
_SRGB_PRIMARIES = (31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000)
# Where the chunk IHDR ends: it has 4 bytes of length, 4 of type, 13 of content and 4 of checksum.
_AFTER_HEADER = len(SIGNATURE) + 25
_LEVEL = 4  # level 6 takes twice the time, for files that are 4 % smaller at 8 bits
# Ways to encode: the strategy of zlib, and whether to choose a filter for each row.
_REPETITIONS, _RUNS = (zlib.Z_DEFAULT_STRATEGY, True), (zlib.Z_RLE, True)
_RUNS_AND_PAETH = zlib.Z_RLE, False
_BANDS, _ROWS = 8, 4  # parts of a picture that are encoded to choose one
# A faster way is taken if the parts grow by these factors at most: looking for runs instead of all
# repetitions, and Paeth's filter instead of chosen ones.
_MAX_GROWTH, _MAX_GROWTH_BY_PAETH = 1.1, 1.03


def read_chunks(data: Buffer, stop: bytes | None = None) -> dict[bytes, list[bytes]]:
    """The chunks of a PNG by type; those with the pixels (IDAT) have empty bodies.

    Args:
        data: the file, or its beginning.
        stop: read up to the first chunk of this type; None reads all.

    Raises:
        ValueError: a critical chunk is damaged, or the file ends early.
    """
    chunks: dict[bytes, list[bytes]] = {}
    with memoryview(data) as view:
        for kind, start, end in walk(data, stop):
            (expected,) = struct.unpack_from(">I", data, end)
            if zlib.crc32(view[start - 4 : end]) == expected:
                body = b"" if kind == b"IDAT" else bytes(view[start:end])
                chunks.setdefault(kind, []).append(body)
            elif is_critical(kind):
                raise ValueError("a part of its data is damaged")
    if len(chunks.get(b"IHDR", [b""])[0]) != 13:
        raise ValueError("it has no header")
    return chunks


def bare(data: bytes) -> bytes:
    """The PNG with its critical chunks only, for OpenCV.

    With the others, OpenCV's libpng would warn about profiles that other programs accept, and turn
    a transparent colour into an alpha channel.
    """
    view = memoryview(data)
    kept = [view[start - 8 : end + 4] for kind, start, end in walk(data) if is_critical(kind)]
    return b"".join([SIGNATURE, *kept])


def is_animated(chunks: dict[bytes, list[bytes]]) -> bool:
    """Whether the file holds several frames."""
    control = chunks.get(b"acTL", [b""])[0]
    return len(control) == 8 and struct.unpack_from(">I", control)[0] > 1


def bit_depth(chunks: dict[bytes, list[bytes]]) -> int:
    """Bits per sample or palette index: 1, 2, 4, 8 or 16."""
    return chunks[b"IHDR"][0][8]


def is_grey(chunks: dict[bytes, list[bytes]]) -> bool:
    """Whether the picture is grey, with or without alpha."""
    return chunks[b"IHDR"][0][9] in (0, 4)


def _is_indexed(chunks: dict[bytes, list[bytes]]) -> bool:
    return chunks[b"IHDR"][0][9] == 3


def colour_key_alpha(chunks: dict[bytes, list[bytes]], pixels: np.ndarray) -> np.ndarray | None:
    """Alpha of a grey or RGB picture whose tRNS chunk names one colour as transparent."""
    key = chunks.get(b"tRNS", [b""])[0]
    depth, colour_type = chunks[b"IHDR"][0][8:10]
    channels = {0: 1, 2: 3}.get(colour_type)
    if channels is None or len(key) != 2 * channels:
        return None
    samples = np.frombuffer(key, ">u2").astype(np.uint32)
    if depth < 8:  # decoders scale 1, 2 and 4 bits to the full range
        samples *= 255 // (2**depth - 1)
    clear = (pixels == samples).all(axis=2)
    return np.where(clear, 0, white(pixels.dtype)).astype(pixels.dtype)


def read_metadata(chunks: dict[bytes, list[bytes]]) -> Metadata:
    """EXIF, XMP, profile, resolution, and the chunks that are copied to the result."""
    chunks = dict(chunks)
    exif: bytes | None = chunks[b"eXIf"][0] if b"eXIf" in chunks else None
    profile = xmp = iptc = dpi = None
    if b"iCCP" in chunks:
        profile = _unpack(chunks[b"iCCP"][0].partition(b"\0")[2][1:])
    kept = []
    for kind in _CARRIED & chunks.keys():
        for body in chunks[kind]:
            if kind == b"iTXt" and body.startswith(_XMP_KEYWORD):
                xmp = _international_text(body)
            elif kind == b"zTXt" and body.startswith(b"Raw profile type "):
                # Hexadecimal text by ImageMagick: EXIF before eXIf existed, IPTC until today.
                name = body[17 : body.index(b"\0")]
                if exif is None and name in (b"exif", b"APP1"):
                    exif = _raw_profile(_unpack(body.partition(b"\0")[2][1:]))
                elif name == b"iptc":
                    iptc = iptc_of(_raw_profile(_unpack(body.partition(b"\0")[2][1:])))
                elif name == b"xmp" and xmp is None:
                    xmp = _raw_profile(_unpack(body.partition(b"\0")[2][1:]))
            else:
                kept.append((kind, body))
    if b"pHYs" in chunks and len(chunks[b"pHYs"][0]) == 9:
        x, y, unit = struct.unpack(">IIB", chunks[b"pHYs"][0])
        dpi = plausible_dpi(x * 0.0254, y * 0.0254) if unit == 1 else None
        if unit == 0 and x != y:
            kept.append((b"pHYs", chunks[b"pHYs"][0]))
    if exif is not None and exif.startswith(b"Exif\0\0"):
        exif = exif[6:]
    if b"bKGD" in chunks and not _is_indexed(chunks) and bit_depth(chunks) >= 8:
        kept.append((b"bKGD", chunks.pop(b"bKGD")[0]))
    if set(chunks.get(b"sBIT", [b""])[0]) == {bit_depth(chunks)}:
        del chunks[b"sBIT"]  # it only repeats the bit depth
    others = sorted(kind for kind in chunks.keys() - _READ - _OUTDATED if not is_critical(kind))
    dropped = (_LOST.get(kind, f"the chunk {kind.decode('latin-1')}") for kind in others)
    carried = tuple(sorted(kept))
    return Metadata(exif, profile, dpi, xmp, None, carried, iptc, _cicp(chunks), tuple(dropped))


def turned(chunks: Iterable[tuple[bytes, bytes]]) -> tuple[tuple[bytes, bytes], ...]:
    """The chunks after a quarter turn, which swaps width and height of the pixels."""
    return tuple(
        (kind, body[4:8] + body[:4] + body[8:] if kind == b"pHYs" else body)
        for kind, body in chunks
    )


def texts(chunks: Iterable[tuple[bytes, bytes]]) -> list[tuple[str, str]]:
    """Keywords and texts of the text chunks."""
    found = []
    for kind, body in chunks:
        keyword, _, rest = body.partition(b"\0")
        if kind == b"tEXt":
            found.append((keyword.decode("latin-1"), rest.decode("latin-1")))
        elif kind == b"zTXt":
            found.append((keyword.decode("latin-1"), (_unpack(rest[1:]) or b"").decode("latin-1")))
        elif kind == b"iTXt":
            text = _international_text(body) or b""
            found.append((keyword.decode("latin-1"), text.decode("utf-8", "replace")))
    return found


def without_texts(chunks: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """The chunks that are not text."""
    return [(kind, body) for kind, body in chunks if kind not in _TEXTS]


def text_chunk(keyword: str, text: str) -> tuple[bytes, bytes]:
    """Type and data of a text chunk.

    Raises:
        UnicodeError: the keyword is not Latin-1.
    """
    name = keyword.encode("latin-1") + b"\0"
    try:
        return b"tEXt", name + text.encode("latin-1").replace(b"\0", b" ")
    except UnicodeEncodeError:
        return b"iTXt", name + bytes(4) + text.encode("utf-8", "replace")


def colour_is_plain(chunks: Iterable[tuple[bytes, bytes]]) -> bool:
    """Whether gAMA and cHRM need not be kept: they are sRGB's, not given, or overridden.

    The chunks sRGB and cICP override them (section 4.3); :attr:`Metadata.cicp` has the colours of
    the latter if they are not sRGB's.
    """
    given = dict(chunks)
    if given.keys() & {b"sRGB", b"cICP"}:
        return True
    values = given.get(b"gAMA", b"")
    if len(values) == 4 and abs(struct.unpack(">I", values)[0] - 45455) > 500:
        return False
    values = given.get(b"cHRM", b"")
    return len(values) != 32 or bool(
        np.allclose(struct.unpack(">8I", values), _SRGB_PRIMARIES, atol=500)
    )


def with_metadata(png: bytes | memoryview, metadata: Metadata) -> bytes | memoryview:
    """Insert metadata between the header and the pixels of a PNG."""
    chunks = list(metadata.png_chunks)
    kinds = {kind for kind, _ in chunks}
    if metadata.cicp and b"cICP" not in kinds:  # 0, 1: RGB, full range
        chunks.insert(0, (b"cICP", bytes([*metadata.cicp, 0, 1])))
    if metadata.comment and not any(key == "Comment" for key, _ in texts(metadata.png_chunks)):
        chunks.append(_comment(metadata.comment))
    if metadata.iptc:
        chunks.append((b"zTXt", b"Raw profile type iptc\0\0" + _packed_profile(metadata.iptc)))
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
    inserted = (chunk(kind, body) for kind, body in chunks)
    return b"".join([png[:_AFTER_HEADER], *inserted, png[_AFTER_HEADER:]])


def encode(samples: np.ndarray) -> bytes | memoryview:
    """A PNG of ``[H, W, C]`` uint8 or uint16: grey, grey + alpha, RGB or RGBA for C = 1 to 4.

    Raises:
        ImageError, MemoryError, MissingDependencyError: see :func:`.opencv.encode_png`.
    """
    if samples.shape[2] != 2:
        return _encode(samples)
    # OpenCV has no grey + alpha. But the pixels have as many bytes as those of another kind: grey
    # of 16 bits, or RGBA of 8 bits. PNG compresses bytes, so only bit depth and colour type in the
    # header differ.
    if samples.dtype == np.uint8:
        alike = np.ascontiguousarray(samples).view(">u2").astype(np.uint16)
    else:
        alike = np.ascontiguousarray(samples.astype(">u2")).view(np.uint8)
    data = _encode(alike)
    header = bytearray(data[_AFTER_HEADER - 17 : _AFTER_HEADER - 4])
    header[8:10] = 8 * samples.itemsize, 4
    return SIGNATURE + chunk(b"IHDR", bytes(header)) + data[_AFTER_HEADER:]


def _encode(samples: np.ndarray) -> memoryview:
    return opencv.encode_png(samples, _LEVEL, *_way(samples))


def _way(samples: np.ndarray) -> tuple[int, bool]:
    """How to encode a picture: the strategy of zlib, and whether to choose a filter for each row.

    After PNG's filters, the bytes of a photo hardly repeat. For photos, looking only for runs of
    equal bytes takes half the time of a search for all repetitions, and the files are as large.
    Files with text or patterns, however, would become several times as large. For photos, Paeth's
    filter for all rows also takes three quarters of the time of choosing one for each row. Most
    files stay as large, but those of very dark or noisy photos can grow by a quarter. So some rows
    are encoded in all three ways, and the sizes are compared.
    """
    starts = np.linspace(0, max(0, len(samples) - _ROWS), _BANDS, dtype=int)
    bands = np.concatenate([samples[start : start + _ROWS] for start in starts])

    def size(way: tuple[int, bool]) -> int:
        return len(opencv.encode_png(bands, _LEVEL, *way))

    runs = size(_RUNS)
    if runs > _MAX_GROWTH * size(_REPETITIONS):
        return _REPETITIONS
    # The bands repeat a single row, which suits Paeth's filter, but the picture does not.
    if len(samples) == 1 or size(_RUNS_AND_PAETH) > _MAX_GROWTH_BY_PAETH * runs:
        return _RUNS
    return _RUNS_AND_PAETH


def _cicp(chunks: dict[bytes, list[bytes]]) -> tuple[int, int] | None:
    body = chunks.get(b"cICP", [b""])[0]
    return described(body[0], body[1]) if len(body) == 4 and b"iCCP" not in chunks else None


def _comment(comment: bytes) -> tuple[bytes, bytes]:
    """A text chunk for a comment of unknown encoding; NULs, which would end it, become spaces."""
    comment = comment.replace(b"\0", b" ").strip()
    try:
        comment.decode("ascii")
        return b"tEXt", b"Comment\0" + comment
    except UnicodeDecodeError:
        pass
    try:
        comment.decode("utf-8")
        return b"iTXt", b"Comment\0\0\0\0\0" + comment
    except UnicodeDecodeError:
        return b"tEXt", b"Comment\0" + comment  # Latin-1, the encoding of this chunk


def _packed_profile(iptc: bytes) -> bytes:
    resource = iptc_resource(iptc)
    return zlib.compress(b"\niptc\n%8d\n%s\n" % (len(resource), resource.hex().encode()), 9)


def _unpack(packed: bytes) -> bytes | None:
    """Inflate metadata; None if it is damaged, as the picture can be read without it."""
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
