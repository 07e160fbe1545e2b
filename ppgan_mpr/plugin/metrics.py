"""PaddleGAN's PSNR and SSIM, which also take the name of one of our protocols."""

from __future__ import annotations

from typing import Any

from ..metrics import paddle_metrics
from ..ppgan_compat import import_ppgan


def _with_protocols(theirs: Any, ours: type) -> type:
    """A class that builds PaddleGAN's metric, or ours where a protocol is named."""

    def __new__(cls: type, *arguments: Any, protocol: Any = None, **options: Any) -> Any:
        if protocol is not None:
            return ours(*arguments, protocol=protocol, **options)
        return object.__new__(cls)

    def __init__(self: Any, *arguments: Any, protocol: Any = None, **options: Any) -> None:
        theirs.__init__(self, *arguments, **options)

    members = {"__new__": __new__, "__init__": __init__, "__module__": __name__}
    return type(theirs.__name__, (theirs,), members)


_theirs = import_ppgan("ppgan.metrics.psnr_ssim")
PSNR = _with_protocols(_theirs.PSNR, paddle_metrics.PSNR)
SSIM = _with_protocols(_theirs.SSIM, paddle_metrics.SSIM)
