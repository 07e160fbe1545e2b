"""Make gallery_*.jpg: what the small weights do well and badly, on free photographs.

python docs/images/make_gallery.py [FOLDER]

Each row shows the input, the result and the clean photograph, and prints both PSNR in dB.
"""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

import numpy as np
import skimage
from make_before_after import label
from PIL import Image

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "samples")]

import cv2  # noqa: E402
from make_samples import camera_noise, camera_shake  # noqa: E402

from ppgan_mpr import MPRPredictor  # noqa: E402
from ppgan_mpr.metrics import psnr  # noqa: E402

PHOTOS = Path(skimage.__file__).parent / "data"
SIDE = 300  # of each part shown
GAP = 6


def wide_streaks(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Rain so close to the lens that its streaks are a dozen pixels wide; [H, W, 3] in [0, 1]."""
    height, width = image.shape[:2]
    layer = np.zeros((height, width))
    for _ in range(14):
        streak = np.zeros((height, width), np.uint8)
        x, y = rng.uniform(0, width), rng.uniform(-0.2, 0.8) * height
        end = x + 0.2 * height * np.tan(np.deg2rad(-12)), y + 0.35 * height
        cv2.line(streak, (int(x), int(y)), tuple(map(int, end)), 255, 9, cv2.LINE_AA)
        layer += 0.45 * cv2.GaussianBlur(streak / 255, (0, 0), 3)
    return 1 - (1 - image) * (1 - np.clip(layer, 0, 1)[..., None])


# Name → task, photograph, corner of the part, and what happens to it.
ROWS = {
    "noise": ("Denoising", "chelsea.png", (60, 0), partial(camera_noise, electrons=60, read=4)),
    "wide_streaks": ("Deraining", "astronaut.png", (100, 0), wide_streaks),
    "motion_blur": (
        "Deblurring", "coffee.png", (150, 60), partial(camera_shake, length=16, turn=40),
    ),
}  # fmt: skip


def main(folder: Path) -> None:
    for name, (task, photo, (left, top), degrade) in ROWS.items():
        with Image.open(PHOTOS / photo) as file:
            clean = np.asarray(file.convert("RGB").crop((left, top, left + SIDE, top + SIDE)))
        degraded = degrade(clean / 255, np.random.default_rng(7))
        before = np.rint(degraded * 255).astype(np.uint8)
        after = MPRPredictor(output_path=None, task=task, model="lite").restore(before)
        scores = [psnr(picture, clean, 255) for picture in (before, after)]
        print(f"{name}: {scores[0]:.2f} -> {scores[1]:.2f} dB")
        sheet = Image.new("RGB", (3 * SIDE + 2 * GAP, SIDE), "white")
        titles = f"input, {scores[0]:.1f} dB", f"restored, {scores[1]:.1f} dB", "clean"
        for column, (title, pixels) in enumerate(zip(titles, (before, after, clean))):
            cell = Image.fromarray(pixels)
            label(cell, title)
            sheet.paste(cell, (column * (SIDE + GAP), 0))
        sheet.save(folder / f"gallery_{name}.jpg", quality=88, optimize=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE)
