"""Weights of networks: the catalogue, safe loading, download and conversion."""

from ..networks import Score, WeightsRecord
from .catalogue import MODELS, find_record, loadable, stronger_than
from .loading import load_weights
from .reading import Weights

__all__ = [
    "MODELS",
    "Score",
    "Weights",
    "WeightsRecord",
    "find_record",
    "load_weights",
    "loadable",
    "stronger_than",
]
