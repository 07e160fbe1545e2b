"""The earlier name of :mod:`ppgan_mpr.plugin`, kept for scripts that import it."""

from .plugin import import_ppgan, register, unregister

__all__ = ["import_ppgan", "register", "unregister"]
