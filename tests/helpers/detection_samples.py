"""A sharp scene without any degradation, and functions that degrade it strongly."""

import cv2
import numpy as np

SMALL = {"height": 160, "width": 200}  # size of a scene that is restored quickly


def scene(seed=0, height=320, width=480):
    """Overlapping coloured shapes with sharp borders and some texture, float in [0, 1]."""
    random = np.random.default_rng(seed)
    picture = np.full([height, width, 3], 0.5, np.float32)
    for _ in range(90):
        centre = tuple(int(v) for v in random.integers(0, [width, height]))
        axes = tuple(int(v) for v in random.integers(8, 60, 2))
        colour = tuple(float(v) for v in random.uniform(0.15, 0.9, 3))
        angle = int(random.integers(180))
        cv2.ellipse(picture, centre, axes, angle, 0, 360, colour, -1, cv2.LINE_AA)
    return cv2.GaussianBlur(picture, (0, 0), 0.7)  # like the blur of a lens


def codes(picture):
    return np.rint(255 * picture.clip(0, 1)).astype(np.uint8)


def noisy(picture, sigma=0.09, seed=1):
    return picture + sigma * np.random.default_rng(seed).normal(size=picture.shape)


def shaken(picture, length=17):
    kernel = np.full([1, length], 1 / length, np.float32)
    return cv2.filter2D(picture, -1, kernel, borderType=cv2.BORDER_REFLECT)


def rained_on(picture, seed=2):
    random = np.random.default_rng(seed)
    streaks = np.zeros(picture.shape[:2], np.float32)
    for _ in range(450):
        x, y = (int(v) for v in random.integers(0, [picture.shape[1], picture.shape[0]]))
        cv2.line(streaks, (x, y), (x + 5, y + 24), float(random.uniform(0.3, 0.7)), 1, cv2.LINE_AA)
    return picture + streaks[..., None]


def underexposed(picture):
    return noisy(0.09 * picture, 0.01)


DEGRADED = {
    "": lambda picture: picture,
    "noise": noisy,
    "motion blur": shaken,
    "rain": rained_on,
    "low light": underexposed,
}
