"""Handmade raw files: a minimal DNG of a sensor with a Bayer pattern."""

from __future__ import annotations

import struct

import numpy as np

from ppgan_mpr.imaging.tiff_tags import Entry, pack_tree

WHITE = 4095  # value at which the sensor saturates
NEUTRAL = (0.5, 1.0, 0.8)  # the sensor's values for white light, without white balance
# XYZ to the sensor's colours, which here are those of linear sRGB (IEC 61966-2-1).
_MATRIX = (
    3.2404542, -1.5371385, -0.4985314, -0.9692660, 1.8760108, 0.0415560, 0.0556434, -0.2040259,
    1.0572252,
)  # fmt: skip


def patches(height: int = 96, width: int = 192) -> np.ndarray:
    """A picture of three patches in linear light, ``[H, W, 3]`` in [0, 1]; the last is white."""
    light = np.ones((height, width, 3))
    light[:, : width // 3] = (0.5, 0.25, 0.1)
    light[:, width // 3 : 2 * width // 3] = 0.2
    return light


def srgb(light: np.ndarray) -> np.ndarray:
    """Linear light as sRGB values in [0, 1] (IEC 61966-2-1)."""
    return np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)


def dng(light: np.ndarray, orientation: int = 1, changed: dict[int, Entry] | None = None) -> bytes:
    """A DNG 1.4 file with EXIF that holds the sensor's values for a picture in linear light.

    Args:
        light: the picture, ``[H, W, 3]`` in [0, 1].
        orientation: EXIF orientation.
        changed: tags to add or replace.
    """
    height, width = light.shape[:2]
    codes = np.rint(light * NEUTRAL * WHITE).astype("<u2")
    sensor = codes[..., 1].copy()  # green; red and blue are on the diagonal
    sensor[0::2, 0::2] = codes[0::2, 0::2, 0]
    sensor[1::2, 1::2] = codes[1::2, 1::2, 2]
    pixels = sensor.tobytes()
    tree = {
        254: longs(0), 256: longs(width), 257: longs(height), 258: shorts(16), 259: shorts(1),
        262: shorts(32803),  # colour filter array
        271: text("Maker"), 272: text("Model"), 273: longs(8), 274: shorts(orientation),
        277: shorts(1), 278: longs(height), 279: longs(len(pixels)),
        306: text("2024:05:06 07:08:09"),
        33421: shorts(2, 2), 33422: Entry(1, 4, bytes([0, 1, 1, 2])),
        34665: {33434: ratios(1 / 125), 34855: shorts(400), 40961: shorts(65535)},
        34853: {1: text("N")},
        50706: Entry(1, 4, bytes([1, 4, 0, 0])), 50708: text("Maker Model"),
        50717: longs(WHITE), 50721: ratios(*_MATRIX), 50728: ratios(*NEUTRAL, kind=5),
        50778: shorts(21),  # D65
        **(changed or {}),
    }  # fmt: skip
    at = 8 + len(pixels)
    return b"II*\0" + struct.pack("<I", at) + pixels + pack_tree(tree, "<", at)


def shorts(*values: int) -> Entry:
    """A tag of 16-bit numbers."""
    return Entry(3, len(values), struct.pack(f"<{len(values)}H", *values))


def longs(*values: int) -> Entry:
    """A tag of 32-bit numbers."""
    return Entry(4, len(values), struct.pack(f"<{len(values)}I", *values))


def ratios(*values: float, kind: int = 10) -> Entry:
    """A tag of fractions."""
    numbers = (number for value in values for number in (round(value * 10**6), 10**6))
    return Entry(kind, len(values), struct.pack(f"<{2 * len(values)}i", *numbers))


def text(value: str) -> Entry:
    """A tag of ASCII text."""
    return Entry(2, len(value) + 1, value.encode() + b"\0")
