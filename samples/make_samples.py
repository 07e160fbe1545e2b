"""Make the sample pairs: free photographs, and the same with rain, noise and blur.

    pip install scikit-image
    python samples/make_samples.py [FOLDER]

The photographs are those that scikit-image's package itself holds, so nothing is downloaded.
Every run draws the same random numbers and so the same pictures.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Callable

import cv2
import numpy as np
import skimage
from PIL import ExifTags, Image

HERE = Path(__file__).resolve().parent
PHOTOS = Path(skimage.__file__).parent / "data"

Degrade = Callable[[np.ndarray, np.random.Generator], np.ndarray]


# --- light ---


def to_linear(srgb: np.ndarray) -> np.ndarray:
    """sRGB values in [0, 1] to what the sensor saw: linear light in [0, 1] (IEC 61966-2-1)."""
    return np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)


def to_srgb(linear: np.ndarray) -> np.ndarray:
    """The inverse of :func:`to_linear`; light outside [0, 1] is clipped as a sensor does."""
    light = np.clip(linear, 0, 1)
    return np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)


# --- what the weather, the sensor and the hand do; [H, W, C] sRGB in [0, 1] in and out ---


def rain(
    image: np.ndarray,
    rng: np.random.Generator,
    *,
    angle: float,
    density: float,
    strength: float,
) -> np.ndarray:
    """Streaks between camera and scene, near ones longer, brighter and softer than far ones.

    Args:
        angle: of the fall, in degrees from the vertical.
        density: streaks per thousand pixels.
        strength: brightness of the farthest streaks, in [0, 1]; the nearest shine twice as much.
    """
    height, width = image.shape[:2]
    layer = np.zeros((height, width))
    for _ in range(round(density * height * width / 1000)):
        nearness = rng.random() ** 2  # most drops are far away
        length = (0.04 + 0.12 * nearness) * height * rng.uniform(0.7, 1.3)
        slope = np.deg2rad(angle + rng.normal(0, 2))
        top = np.array([rng.uniform(-0.1, 1.1) * width, rng.uniform(-0.15, 1) * height])
        bottom = top + length * np.array([np.sin(slope), np.cos(slope)])
        ends = (tuple(np.rint(end * 16).astype(int).tolist()) for end in (top, bottom))
        streak = np.zeros((height, width), np.uint8)  # OpenCV's smooth lines need bytes
        cv2.line(streak, *ends, 255, 1, cv2.LINE_AA, shift=4)
        streak = cv2.GaussianBlur(streak / 255, (0, 0), 0.5 + 0.5 * nearness)
        layer += strength * rng.uniform(0.5, 1) * (1 + nearness) * streak
    # Screen blending: the brighter what lies behind a streak, the less it adds
    # (Luo, Xu and Ji, "Removing rain from a single image via discriminative sparse coding",
    # ICCV 2015).
    return 1 - (1 - image) * (1 - np.clip(layer, 0, 1)[..., None])


def camera_noise(
    image: np.ndarray,
    rng: np.random.Generator,
    *,
    electrons: float,
    read: float,
    white_balance: tuple[float, ...] = (2.0, 1.0, 1.6),
) -> np.ndarray:
    """Shot and read noise of a sensor at high ISO, smeared over neighbours by the demosaicing.

    The variance is ``a · light + b`` (Foi, Trimeche, Katkovnik and Egiazarian, "Practical
    Poissonian-Gaussian noise modeling and fitting for single-image raw-data", IEEE TIP 2008).

    Args:
        electrons: that a white pixel collects; the fewer, the noisier.
        read: standard deviation of the read-out in electrons.
        white_balance: gains by which the channels, and their noise, are multiplied.
    """
    gains = np.array(white_balance)
    collected = to_linear(image) / gains * electrons
    counted = rng.poisson(collected) + rng.normal(0, read, image.shape)
    noise = (counted - collected) * gains / electrons
    return to_srgb(to_linear(image) + cv2.GaussianBlur(noise, (0, 0), 0.55))


def camera_shake(
    image: np.ndarray, rng: np.random.Generator, *, length: float, turn: float
) -> np.ndarray:
    """The light gathered while the camera moved along a path of its own.

    Args:
        length: of the path, in pixels.
        turn: how much the path winds: standard deviation of its change of direction between
            beginning and end, in degrees.
    """
    steps = 200
    direction = rng.uniform(0, 180) + np.cumsum(rng.normal(0, turn / np.sqrt(steps), steps))
    path = np.exp(1j * np.deg2rad(direction)).cumsum() * length / steps
    path -= path.mean()  # the picture stays where it was
    radius = int(np.abs(path).max()) + 2
    kernel = np.zeros((2 * radius + 1, 2 * radius + 1))
    for x, y in zip(path.real + radius, path.imag + radius):
        column, row = int(x), int(y)
        right, down = x - column, y - row
        kernel[row : row + 2, column : column + 2] += np.outer([1 - down, down], [1 - right, right])
    light = cv2.filter2D(to_linear(image), -1, kernel / steps, borderType=cv2.BORDER_REFLECT_101)
    return to_srgb(light)


# --- the samples ---


@dataclass(frozen=True)
class Sample:
    """One pair.

    Attributes:
        name: of both files, without extension.
        task: which restores it; the folder.
        photo: file name in scikit-image's package.
        credit: author and licence, written into the picture.
        degrade: what is done to the photograph.
        box: left, top, right and bottom of the part taken; None for all of it.
        scale: by which that is reduced.
    """

    name: str
    task: str
    photo: str
    credit: str
    degrade: Degrade
    box: tuple[int, int, int, int] | None = None
    scale: float = 1.0


SAMPLES = [
    Sample(
        "rocket", "Deraining", "rocket.jpg", "SpaceX, public domain",
        partial(rain, angle=-14, density=4.5, strength=0.35), scale=0.75,
    ),
    Sample(
        "cameraman", "Deraining", "camera.png", "Lav Varshney, CC0",
        partial(rain, angle=9, density=4.5, strength=0.5), box=(0, 0, 480, 272),
    ),
    Sample(
        "cat", "Denoising", "chelsea.png", "Stefan van der Walt, CC0",
        partial(camera_noise, electrons=180, read=3),
    ),
    Sample(
        "coffee", "Denoising", "coffee.png", "Rachel Michetti, Pikolo Espresso Bar, CC0",
        partial(camera_noise, electrons=90, read=3), box=(80, 0, 480, 400), scale=0.8,
    ),
    Sample(
        "astronaut", "Deblurring", "astronaut.png", "NASA, public domain",
        partial(camera_shake, length=8, turn=60), box=(96, 0, 416, 288),
    ),
    Sample(
        "espresso", "Deblurring", "coffee.png", "Rachel Michetti, Pikolo Espresso Bar, CC0",
        partial(camera_shake, length=7, turn=50), box=(300, 40, 600, 300),
    ),
]  # fmt: skip


def make(sample: Sample, seed: int, folder: Path) -> None:
    """Write ``folder/<task>/target/<name>.png`` and ``folder/<task>/input/<name>.jpg``."""
    with Image.open(PHOTOS / sample.photo) as photo:
        profile = photo.info.get("icc_profile")
        clean = photo.crop(sample.box or (0, 0, *photo.size))
    size = tuple(round(side * sample.scale) for side in clean.size)
    clean = clean.resize(size, Image.Resampling.LANCZOS)
    pixels = np.asarray(clean)
    image = pixels.reshape(*pixels.shape[:2], -1) / 255
    degraded = sample.degrade(image, np.random.default_rng(seed))
    exif = Image.Exif()
    exif[ExifTags.Base.Artist] = sample.credit
    exif[ExifTags.Base.ImageDescription] = f"{sample.name}, degraded for {sample.task}"
    for part, picture, suffix, options in (
        ("target", pixels, ".png", {"optimize": True}),
        ("input", np.rint(degraded * 255).astype(np.uint8).reshape(pixels.shape), ".jpg",
         {"quality": 95, "subsampling": 0, "exif": exif}),
    ):  # fmt: skip
        path = folder / sample.task / part / (sample.name + suffix)
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).save(path, icc_profile=profile, **options)


def main(folder: Path) -> None:
    for seed, sample in enumerate(SAMPLES):
        make(sample, seed, folder)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE)
