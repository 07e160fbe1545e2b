"""The predictor of MIRNet and MIRNet-v2."""

from __future__ import annotations

from .predictor import Predictor


class MIRNetPredictor(Predictor):
    """The tasks of MIRNet and MIRNet-v2; see :class:`Predictor`.

    MIRNet-v2's weights are its authors', downloaded once. MIRNet's lie where programs cannot
    fetch them: download them yourself and give ``weight_path``.

    Example:
        >>> predictor = MIRNetPredictor(task='LowLight')               # doctest: +SKIP
        >>> predictor.run('evening.jpg')[0].output                     # doctest: +SKIP
        PosixPath('output_dir/LowLight/evening_restoration.jpg')
    """

    networks = ("MIRNetv2", "MIRNet")
