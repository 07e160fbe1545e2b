"""Weights: a catalogue of known ones, safe loading of any form, download, conversion."""

from ..networks import Score, WeightsRecord
from .catalogue import MODELS, find_record
from .loading import Weights, load_weights

__all__ = [
    "MODELS",
    "Score",
    "Weights",
    "WeightsRecord",
    "find_record",
    "load_weights",
]
