"""Short helper functions for the tests of inference."""

import numpy as np

from ppgan_mpr.inference import Restorer


def batch(photo):
    return np.ascontiguousarray(photo.transpose(2, 0, 1)[None])


def psnr(a, b):
    return -10 * np.log10(np.mean((a - b) ** 2))


def restorer(model, **options):
    return Restorer(model, backend="paddle", device="cpu", **options)
