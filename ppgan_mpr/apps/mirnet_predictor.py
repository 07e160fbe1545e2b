"""The predictor of MIRNet and MIRNet-v2."""

from __future__ import annotations

from ..networks import NetworkSpec
from ..networks.mirnet.spec import SPEC as MIRNET
from ..networks.mirnetv2.spec import SPEC as MIRNETV2
from .predictor import Predictor


class MIRNetPredictor(Predictor):
    """The tasks of MIRNet and MIRNet-v2.

    The weights of MIRNet-v2 are downloaded once from its authors. Those of MIRNet cannot be
    downloaded by programs: download them yourself and give ``weight_path``. Arguments, errors
    and attributes: :class:`Predictor`; options: :class:`~ppgan_mpr.InferenceOptions`.

    Example:
        >>> predictor = MIRNetPredictor(task='LowLight')               # doctest: +SKIP
        >>> brighter = predictor.restore(array)                        # doctest: +SKIP
        >>> predictor.run('evening.jpg')[0].output                     # doctest: +SKIP
        PosixPath('output_dir/LowLight/evening_restoration.jpg')
    """

    @classmethod
    def networks(cls) -> tuple[NetworkSpec, ...]:
        """The networks to choose from."""
        return (MIRNETV2, MIRNET)
