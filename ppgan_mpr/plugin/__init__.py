"""Plug-in for PaddleGAN: our classes in its registries, and PaddleGAN on current Paddle.

Importing this package makes PaddleGAN importable on current Paddle and puts our
implementations into its registries. A PaddleGAN script needs one line before its first
import of ppgan::

    import ppgan_mpr.plugin

Scripts that only need PaddleGAN to run on current Paddle call :func:`unregister` after this import;
it restores PaddleGAN's own implementations.
"""

from __future__ import annotations

from ..ppgan_compat import import_ppgan
from .registration import register, unregister

__all__ = ["import_ppgan", "register", "unregister"]

register()
