"""The embedded weights reach the scores of docs/weights.md on real photographs."""

import numpy as np
import pytest

from ppgan_mpr import MPRPredictor
from ppgan_mpr.imaging import read_photo
from ppgan_mpr.metrics import get_protocol


@pytest.mark.parametrize(
    ("task", "folder", "count", "protocol", "before", "after"),
    [
        ("Denoising", "denoising/SIDD_val_blocks", 12, "gopro", 19.59, 35.43),
        ("Deraining", "deraining/Rain100L", 8, "rain-y", 27.52, 33.69),
        ("Deraining", "deraining/Rain100H", 4, "rain-y", 14.42, 24.58),
        ("Deblurring", "deblurring/GoPro_crops256", 18, "gopro", 24.74, 24.87),
    ],
)
def test_mean_psnr_is_the_documented_one(pairs_dir, task, folder, count, protocol, before, after):
    # With OpenVINO, if installed, for speed; Paddle gives the same values to 1e-5.
    predictor = MPRPredictor(None, task=task, model="lite", precision="f32")
    score = get_protocol(protocol).psnr
    inputs, restored = [], []
    for path in sorted((pairs_dir / folder / "input").iterdir()):
        degraded = read_photo(path).pixels
        target = read_photo(pairs_dir / folder / "target" / path.name).pixels
        inputs.append(score(degraded, target))
        restored.append(score(predictor.run(degraded)[0].image, target))
    assert len(inputs) == count
    assert np.mean(inputs) == pytest.approx(before, abs=0.05)
    assert np.mean(restored) == pytest.approx(after, abs=0.05)
