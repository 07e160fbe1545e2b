"""MPRNet's predictor, under PaddleGAN's name."""

from __future__ import annotations

from .predictor import Predictor


class MPRPredictor(Predictor):
    """Deblurring, Denoising and Deraining with MPRNet; see :class:`Predictor`.

    The first four arguments are those of PaddleGAN's class of this name.

    Example:
        >>> predictor = MPRPredictor(task='Deraining', model='lite')   # doctest: +SKIP
        >>> predictor.run('holiday.jpg')[0].output                     # doctest: +SKIP
        PosixPath('output_dir/Deraining/holiday_restoration.jpg')
    """

    networks = ("MPRNet",)
