"""Our classes in PaddleGAN's registries, and PaddleGAN itself on current Paddle.

Importing this package makes PaddleGAN importable on current Paddle and puts our
implementations into its registries. One line in a PaddleGAN script is enough, before the
first import of ppgan::

    import ppgan_mpr.plugin

Scripts that want the compatibility without the replacements call :func:`unregister`.
"""

from __future__ import annotations

from ..ppgan_compat import import_ppgan
from .registration import register, unregister

__all__ = ["import_ppgan", "register", "unregister"]

register()
