"""Samples for the tests of mprnet-verify, and an independent computation of its scores."""

import numpy as np
from PIL import Image

from ppgan_mpr.networks import Score

TINY = {"n_feat": 8, "scale_unetfeats": 4, "scale_orsnetfeats": 4, "num_cab": 1}
# Only rounding errors are smaller, so a larger difference means a different computation.
STRICT = ["--tolerance", "0.001", "0.00005"]
OPTIONS = ["--task", "Deraining", "--backend", "paddle", "--device", "cpu"]
ODD = [(37, 45), (50, 39)]


def pictures(folder, *inputs):
    for path in sorted((folder / "target").iterdir()):
        views = [np.asarray(Image.open(folder / part / path.name)) for part in inputs or ["input"]]
        yield np.concatenate(views, axis=2), np.asarray(Image.open(path))


def restore(network, codes, sides="end", multiple=8):
    """A picture restored by the network, with padding by NumPy: [H, W, 3] float32, not clipped."""
    import paddle

    (height, width), margins = codes.shape[:2], []
    for side in (height, width):
        total = -side % multiple
        margins.append((0, total) if sides == "end" else (total // 2, total - total // 2))
    padded = np.pad(np.float32(codes) / np.float32(255), (*margins, (0, 0)), "reflect")
    with paddle.no_grad():
        result = network(paddle.to_tensor(padded.transpose(2, 0, 1)[None]))
    result = result[0].numpy()[0] if isinstance(result, (list, tuple)) else result.numpy()[0]
    (top, _), (left, _) = margins
    return result.transpose(1, 2, 0)[top : top + height, left : left + width]


def to_codes(picture):
    return np.rint(np.clip(picture, 0, 1) * 255).astype(np.uint8)


def psnr(restored, target):
    return 10 * np.log10(255**2 / np.mean((np.float64(restored) - np.float64(target)) ** 2))


def luma(codes):
    return np.floor(16.5 + codes.astype(np.float64) @ [65.481, 128.553, 24.966] / 255)


def rain_y(network, folder, sides="end"):
    """PSNR and SSIM of every picture by MPRNet's deraining protocol."""
    from skimage.metrics import structural_similarity

    scores = []
    for degraded, target in pictures(folder):
        ours, clean = luma(to_codes(restore(network, degraded, sides))), luma(target)
        window = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
        ssim = structural_similarity(ours, clean, data_range=255, **window)
        scores.append((psnr(ours, clean), ssim))
    return np.array(scores)


def score(dataset, psnr, ssim=None, protocol="rain-y", **facts):
    ssim = None if ssim is None else float(ssim)
    return Score(dataset, float(psnr), ssim, protocol, "this test", **facts)
