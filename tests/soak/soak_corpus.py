"""Damaged and hostile picture files, generated from a seed when they are needed.

Small valid pictures of every readable format are mutated in several ways. Other files are hostile
on purpose: pixels or metadata that unpack to gigabytes, loops and chains of directories.
"""

from __future__ import annotations

import io
import random
import re
import struct
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image
from soak_bombs import bombs

VARIANTS = 10  # of every mutation of every picture
_EXTREMES = (0, 1, 2, 0x7F, 0xFF, 0x100, 16000, 0x7FFF, 0xFFFF, 0x10000, 0x7FFFFFFF, 0xFFFFFFFF)


class Case(NamedTuple):
    """One file of the corpus.

    Attributes:
        name: name of the file; unique.
        kind: kind of mutation.
        content: content of the file.
        size: size in bytes to which the file is extended as a sparse file, or 0.
    """

    name: str
    kind: str
    content: bytes
    size: int = 0

    def write(self, folder: Path) -> Path:
        """Write the file into a folder."""
        path = folder / self.name
        with path.open("wb") as file:
            file.write(self.content)
            if self.size:
                file.truncate(self.size)
        return path


def pixels(height: int = 20, width: int = 28) -> np.ndarray:
    """A picture [H, W, 3] uint8 with smooth parts and detail."""
    rows, columns = np.mgrid[0:height, 0:width]
    smooth = np.stack([rows * 9, columns * 8, (rows + columns) * 5], axis=-1)
    detail = np.random.default_rng(0).integers(0, 30, smooth.shape)
    return (smooth + detail).clip(0, 255).astype(np.uint8)


def valid_pictures() -> dict[str, bytes]:
    """Name → content of a small valid file of every format that this Pillow can write."""
    rgb = Image.fromarray(pixels())
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "Maker"
    exif.get_ifd(0x8825)[1] = "N"
    deep = (np.asarray(rgb)[..., 0].astype("u2") << 8) + 7
    wanted: dict[str, tuple[Image.Image, str, dict[str, Any]]] = {
        "rgb.png": (rgb, "PNG", {"exif": exif, "dpi": (72, 72)}),
        "rgba.png": (rgb.convert("RGBA"), "PNG", {}),
        "grey16.png": (Image.fromarray(deep), "PNG", {}),
        "palette.png": (rgb.quantize(16), "PNG", {"transparency": 3}),
        "baseline.jpg": (rgb, "JPEG", {"exif": exif, "comment": b"comment", "dpi": (300, 300)}),
        "progressive.jpg": (rgb, "JPEG", {"progressive": True}),
        "grey.jpg": (rgb.convert("L"), "JPEG", {}),
        "cmyk.jpg": (rgb.convert("CMYK"), "JPEG", {}),
        "raw.tif": (rgb, "TIFF", {"exif": exif}),
        "lzw.tif": (rgb, "TIFF", {"compression": "tiff_lzw"}),
        "deflate16.tif": (Image.fromarray(deep), "TIFF", {"compression": "tiff_deflate"}),
        "jpeg.tif": (rgb, "TIFF", {"compression": "jpeg"}),
        "lossy.webp": (rgb, "WEBP", {"exif": exif}),
        "lossless.webp": (rgb.convert("RGBA"), "WEBP", {"lossless": True}),
        "rgb.bmp": (rgb, "BMP", {}),
        "palette.bmp": (rgb.quantize(16), "BMP", {}),
        "palette.gif": (rgb.quantize(32), "GIF", {"transparency": 2}),
        "rgb.avif": (rgb, "AVIF", {"exif": exif.tobytes()}),
        "rgb.jp2": (rgb, "JPEG2000", {}),
        "rgb.j2k": (rgb, "JPEG2000", {"no_jp2": True}),
        "rgb.tga": (rgb, "TGA", {}),
        "packed.tga": (rgb.convert("RGBA"), "TGA", {"compression": "tga_rle"}),
        "binary.ppm": (rgb, "PPM", {}),
        "grey.pgm": (rgb.convert("L"), "PPM", {}),
        "bitmap.pbm": (rgb.convert("1"), "PPM", {}),
    }
    Image.init()
    found = {}
    for name, (image, encoder, options) in wanted.items():
        if encoder in Image.SAVE:
            file = io.BytesIO()
            image.save(file, encoder, **options)
            found[name] = file.getvalue()
    height, width = pixels().shape[:2]
    planes = pixels().transpose(2, 0, 1).tobytes()
    plain = b" ".join(b"%d" % value for value in pixels().ravel())
    found["rgb.psd"] = (
        b"8BPS" + struct.pack(">H6xHIIHHIIIH", 1, 3, height, width, 8, 3, 0, 0, 0, 0) + planes
    )
    found["ascii.ppm"] = b"P3\n%d %d\n255\n" % (width, height) + plain
    header = b"P7\nWIDTH %d\nHEIGHT %d\nDEPTH 3\nMAXVAL 255\nTUPLTYPE RGB\nENDHDR\n"
    found["rgb.pam"] = header % (width, height) + pixels().tobytes()
    return found


def truncated(rng: random.Random, data: bytes, _: str) -> bytes:
    ends = [rng.randrange(len(data)), rng.randrange(min(len(data), 64)), len(data) - 1]
    return data[: rng.choice(ends)]


def flipped(rng: random.Random, data: bytes, _: str) -> bytes:
    """Flip 1 to 16 bits."""
    changed = bytearray(data)
    start = rng.choice((0, 0, len(data) // 2))  # damage in a header matters most
    for _bit in range(rng.choice((1, 1, 2, 4, 16))):
        changed[rng.randrange(start, len(data))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def overwritten(rng: random.Random, data: bytes, _: str) -> bytes:
    """Overwrite a run of bytes with zeros, ones or noise."""
    start, length = rng.randrange(len(data)), rng.choice((1, 4, 16, 64, 300))
    run = rng.choice((bytes(length), b"\xff" * length, rng.randbytes(length)))
    return data[:start] + run + data[start + length :]


def numbers_lie(rng: random.Random, data: bytes, _: str) -> bytes:
    """Replace a number somewhere, perhaps a length or an offset, with an extreme one."""
    changed = bytearray(data)
    form = rng.choice((">I", "<I", ">H", "<H"))
    size = struct.calcsize(form)
    end = min(len(data), rng.choice((64, 256, len(data)))) - size
    value = rng.choice(_EXTREMES) & ((1 << 8 * size) - 1)
    struct.pack_into(form, changed, rng.randrange(max(end, 1)), value)
    return bytes(changed)


def header_lies(rng: random.Random, data: bytes, suffix: str) -> bytes:
    """Replace the size, depth, layout or an offset in the header with an extreme number."""
    if suffix in (".ppm", ".pgm", ".pbm", ".pam"):
        numbers = list(re.finditer(rb"\d+", data[:64]))[1:4]
        chosen = rng.choice(numbers)
        return data[: chosen.start()] + b"%d" % rng.choice(_EXTREMES) + data[chosen.end() :]
    position, form = rng.choice(_fields(data, suffix) or [(4, ">I")])
    changed = bytearray(data)
    value = rng.choice(_EXTREMES) & ((1 << 8 * struct.calcsize(form)) - 1)
    struct.pack_into(form, changed, position, value)
    if suffix == ".png":
        struct.pack_into(">I", changed, 29, zlib.crc32(changed[12:29]))
    return bytes(changed)


def _fields(data: bytes, suffix: str) -> list[tuple[int, str]]:
    """Positions and types of the numbers that describe a picture."""
    if suffix == ".png":
        return [(16, ">I"), (20, ">I"), *((position, "B") for position in range(24, 29))]
    if suffix == ".jpg":
        frame = max(data.find(b"\xff\xc0"), data.find(b"\xff\xc2"))
        return [(frame + 2, ">H"), (frame + 4, "B"), (frame + 5, ">H"), (frame + 7, ">H"),
                (frame + 9, "B"), (frame + 11, "B")]  # fmt: skip
    if suffix == ".tif":
        order = "<" if data[:2] == b"II" else ">"
        (first,) = struct.unpack_from(order + "I", data, 4)
        (count,) = struct.unpack_from(order + "H", data, first)
        entries = range(first + 2, first + 2 + 12 * count, 12)
        inside = [(entry + at, order + form) for entry in entries
                  for at, form in ((0, "H"), (2, "H"), (4, "I"), (8, "I"))]  # fmt: skip
        return [(4, order + "I"), (first, order + "H"), *inside]
    known = {
        ".webp": [(4, "<I"), (16, "<I"), (20, "<I"), (24, "<H"), (26, "<H"), (28, "<H")],
        ".bmp": [(10, "<I"), (14, "<I"), (18, "<I"), (22, "<I"), (26, "<H"), (28, "<H"), (30, "<I"),
                 (46, "<I")],
        ".gif": [(6, "<H"), (8, "<H"), (10, "B"), (11, "B")],
        ".tga": [(0, "B"), (1, "B"), (2, "B"), (5, "<H"), (7, "B"), (12, "<H"), (14, "<H"),
                 (16, "B"), (17, "B")],
        ".psd": [(4, ">H"), (12, ">H"), (14, ">I"), (18, ">I"), (22, ">H"), (24, ">H"), (26, ">I"),
                 (30, ">I"), (34, ">I"), (38, ">H")],
    }  # fmt: skip
    if suffix in known:
        return known[suffix]
    marks = {b"ispe": (8, 12), b"\xff\x51": (6, 10, 22, 26, 38), b"ihdr": (4, 8, 12),
             b"iloc": (4, 8, 12, 16), b"av1C": (4,), b"meta": (-4,), b"mdat": (-4,)}  # fmt: skip
    return [
        (at + offset, ">I")
        for mark, offsets in marks.items()
        if (at := data.find(mark)) >= 4
        for offset in offsets
        if at + offset + 4 <= len(data)
    ]


def swapped(rng: random.Random, data: bytes, suffix: str) -> bytes:
    """Swap two chunks of a PNG, or two blocks of another file."""
    if suffix == ".png":
        parts = list(_png_chunks(data))
    else:
        size = rng.choice((8, 64, 256))
        parts = [data[start : start + size] for start in range(0, len(data), size)]
    first, second = rng.randrange(len(parts)), rng.randrange(len(parts))
    parts[first], parts[second] = parts[second], parts[first]
    return data[:8] * (suffix == ".png") + b"".join(parts)


def repeated(rng: random.Random, data: bytes, suffix: str) -> bytes:
    """Remove or repeat a chunk or block."""
    parts = list(_png_chunks(data)) if suffix == ".png" else [
        data[start : start + 32] for start in range(0, len(data), 32)
    ]  # fmt: skip
    chosen = rng.randrange(len(parts))
    parts[chosen] = parts[chosen] * rng.choice((0, 0, 2, 50))
    return data[:8] * (suffix == ".png") + b"".join(parts)


def _png_chunks(data: bytes) -> Iterator[bytes]:
    position = 8
    while position < len(data):
        end = position + 12 + int.from_bytes(data[position : position + 4], "big")
        yield data[position:end]
        position = end


def extended(rng: random.Random, data: bytes, _: str) -> bytes:
    """Add other data after or before the picture."""
    junk = rng.choice((
        rng.randbytes(2000), bytes(100_000), b"PK\x05\x06" + bytes(18), data,
        b"<html><script>alert(1)</script></html>", b"\xff\xd9" * 500,
    ))  # fmt: skip
    return data + junk if rng.random() < 0.8 else junk + data


def polyglot(rng: random.Random, data: bytes, _: str) -> bytes:
    """Put the beginning of another format before or over that of the file."""
    starts = (
        b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0\x00\x10JFIF\x00", b"II*\x00\x08\x00\x00\x00",
        b"II+\x00\x08\x00\x00\x00\x10\x00\x00\x00", b"GIF89a", b"BM", b"8BPS\x00\x01", b"P6\n",
        b"RIFF\xff\xff\xff\xffWEBPVP8X", b"\x00\x00\x00\x20ftypavif", b"\x00\x00\x00\x18ftypheic",
        b"\x00\x00\x00\x0cjP  \r\n\x87\n", b"\xff\x4f\xff\x51", b"%!PS-Adobe-3.0\n", b"%PDF-1.7\n",
        b"\x80\x04", b"PK\x03\x04", b"P7\n", b"#!/bin/sh\n", b"<?xml version='1.0'?><svg>",
    )  # fmt: skip
    start = rng.choice(starts)
    return start + (data if rng.random() < 0.5 else data[len(start) :])


MUTATIONS: dict[str, Callable[[random.Random, bytes, str], bytes]] = {
    "truncated": truncated,
    "bits flipped": flipped,
    "overwritten": overwritten,
    "numbers lie": numbers_lie,
    "header lies": header_lies,
    "swapped": swapped,
    "repeated": repeated,
    "extended": extended,
    "polyglot": polyglot,
}


def corpus(seed: int = 0, share: float = 1.0) -> list[Case]:
    """The files of the corpus, shuffled.

    Args:
        seed: seed of all random choices.
        share: share of the files to choose at random, between 0 and 1.
    """
    valid = valid_pictures()
    plan: list[tuple[str, str, Callable[[], tuple[bytes, int]]]] = []
    for base, content in valid.items():
        suffix = base.rpartition(".")[2]
        name = _unique(base)
        plan.append((f"valid-{name}", "valid", partial(_same, content)))
        plan.append((f"empty-{name}", "empty", partial(_same, b"")))
        for kind in MUTATIONS:
            word = kind.replace(" ", "-")
            for number in range(VARIANTS):
                make = partial(_mutated, f"{seed} {base} {kind} {number}", kind, content, suffix)
                plan.append((f"{word}-{number}-{name}", kind, make))
        for wrong in sorted({other.rpartition(".")[2] for other in valid} - {suffix}):
            renamed = _unique(f"wrong-suffix-{name.rpartition('.')[0]}.{wrong}")
            plan.append((renamed, "wrong suffix", partial(_same, content)))
    plan += [(f"bomb-{_unique(name)}", "bomb", make) for name, make in bombs().items()]
    random.Random(seed).shuffle(plan)
    chosen = plan[: max(1, round(share * len(plan)))]
    return [Case(name, kind, *make()) for name, kind, make in chosen]


def _unique(name: str) -> str:
    """A file name with a unique stem, because results may have another suffix."""
    stem, _, suffix = name.rpartition(".")
    return f"{stem}-{suffix}.{suffix}"


def _same(content: bytes) -> tuple[bytes, int]:
    return content, 0


def _mutated(seed: str, kind: str, content: bytes, suffix: str) -> tuple[bytes, int]:
    return MUTATIONS[kind](random.Random(seed), content, f".{suffix}"), 0
