import numpy as np
from inference_samples import psnr, restorer


def test_ensemble_is_rotation_invariant(model, photo):
    photo = photo[:, :96]
    restore = restorer(model, ensemble=True)
    turned = np.ascontiguousarray(np.rot90(photo))
    np.testing.assert_allclose(restore(turned), np.rot90(restore(photo)), atol=1e-5)
    plain = restorer(model)
    assert np.abs(plain(turned) - np.rot90(plain(photo))).max() > 1e-4


def test_ensemble_in_tiles(model, photo):
    photo = np.tile(photo, [2, 2, 1])
    whole = restorer(model, ensemble=True)(photo)
    tiled = restorer(model, ensemble=True, tile=160, overlap=16)(photo)
    assert psnr(tiled, whole) > psnr(restorer(model)(photo), whole)
