from __future__ import annotations

import numpy as np

from ppgan_mpr.imaging.enlarge import enlarge


def test_enlarging_is_bicubic_interpolation():
    # Keys' kernel with a = -0.5 at the phases of a doubling, as MATLAB's imresize computes it.
    step = np.zeros((1, 8, 3), np.uint8)
    step[:, 4] = 200
    line = enlarge(step, 1, 16)[0, :, 0] * 255 / 200
    kernel = [-0.0234375, -0.0703125, 0.2265625, 0.8671875, 0.8671875, 0.2265625, -0.0703125]
    np.testing.assert_allclose(line[5:12], np.clip(kernel, 0, 1), atol=1e-6)
