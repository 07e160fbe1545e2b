"""Scoring of a configuration's validation set without training, and loading of weights."""

from __future__ import annotations

import logging
from pathlib import Path

from ..weights import load_weights
from ..weights.catalogue import record_of_name
from ..weights.loading import check_record_fits, set_weights
from .building import build_model
from .config import AttrDict
from .mpr_model import MPRModel
from .validation import Validation

logger = logging.getLogger(__name__)


class Scorer:
    """Scores the validation set of a configuration, without training.

    Args:
        cfg: a configuration of :func:`ppgan_mpr.engine.config.load_config`.

    Raises:
        RestorationError: the configuration cannot be scored.
    """

    def __init__(self, cfg: AttrDict) -> None:
        self.output_dir = cfg.output_dir
        self.model = build_model(cfg)
        self.network = self.model.network
        self.validation = Validation(cfg, self.model)
        self._scored: str | None = None

    def load(self, weights: str | Path) -> None:
        """Score these weights, see :func:`load_into`."""
        load_into(self.model, weights)
        self._scored = str(weights)

    def score(self) -> None:
        """Restore and score everything; scores and pictures go to ``output_dir``."""
        self.validation.run(Path(self.output_dir), "evaluation", self._scored)

    def close(self) -> None:
        """Nothing is open."""


def load_into(model: MPRModel, weights: str | Path) -> None:
    """Give a model weights: a file of any supported format, or a name of the catalogue.

    Raises:
        RestorationError: the weights cannot be read or downloaded, or do not fit the network.
    """
    record = record_of_name(str(weights))
    if record:
        check_record_fits(record, model.network)  # before a download
    loaded = load_weights(weights)
    set_weights(model.network, loaded.tensors, loaded.source)
    logger.info("Loaded weights from %s", weights)
