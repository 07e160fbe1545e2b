"""Weights: a catalogue of known ones, safe loading of any form, download, conversion."""

from .catalogue import CATALOGUE, MODELS, Score, WeightsRecord, find_record
from .loading import Weights, load_weights

__all__ = [
    "CATALOGUE",
    "MODELS",
    "Score",
    "Weights",
    "WeightsRecord",
    "find_record",
    "load_weights",
]
