"""MPRNet's predictor, under PaddleGAN's name."""

from __future__ import annotations

from ..networks import NetworkSpec
from ..networks.mprnet.spec import SPEC as MPRNET
from .predictor import Predictor


class MPRPredictor(Predictor):
    """Deblurring, Denoising and Deraining with MPRNet.

    The first four arguments are those of PaddleGAN's class of this name. Options are given by
    name; see :class:`~ppgan_mpr.InferenceOptions`. :meth:`restore` takes one picture and returns
    it restored. :meth:`run` restores files, folders and lists, and reports on each picture.
    Arguments, errors and attributes: :class:`Predictor`.

    Example:
        >>> predictor = MPRPredictor(task='Deraining', model='lite')   # doctest: +SKIP
        >>> restored = predictor.restore(array)                        # doctest: +SKIP
        >>> predictor.run('holiday.jpg')[0].output                     # doctest: +SKIP
        PosixPath('output_dir/Deraining/holiday_restoration.jpg')
    """

    @classmethod
    def networks(cls) -> tuple[NetworkSpec, ...]:
        """The networks to choose from."""
        return (MPRNET,)
