"""Scoring of a validation set without training, and loading of weights."""

from __future__ import annotations

import logging
from pathlib import Path

from ..errors import UsageError
from ..networks import spec_of
from ..weights import Weights, load_weights
from ..weights.catalogue import record_of_name
from ..weights.fitting import check_record_fits, set_weights
from .building import build_model
from .config import AttrDict
from .mpr_model import MPRModel
from .validation import Validation, build_tiles

logger = logging.getLogger(__name__)


class Scorer:
    """Scores the validation set of a configuration, without training.

    Args:
        cfg: a configuration from :func:`ppgan_mpr.engine.config.load_config`.

    Raises:
        RestorationError: the configuration cannot be scored.
    """

    def __init__(self, cfg: AttrDict) -> None:
        self.output_dir = cfg.output_dir
        self.model = build_model(cfg)
        self.network = self.model.network
        self.validation = Validation(cfg, self.model)
        self._cfg = cfg
        self._scored: str | None = None

    def load(self, weights: str | Path) -> None:
        """Load the weights to score.

        ``validate.local`` states whether the network runs with the test-time local converter (TLC).
        Without this option, TLC is used for weights that are meant to run with it.

        Raises:
            RestorationError: see :func:`load_into`; or TLC does not apply to the network.
        """
        loaded = load_into(self.model, weights)
        self._scored = str(weights)
        local = (self._cfg.get("validate") or {}).get("local", loaded.local)
        if local:
            self._use_local_statistics(loaded.channels)
        if local or loaded.local:
            self.validation.remark = "with TLC" if local else "without TLC"
            logger.info("The weights are scored %s", self.validation.remark)
            self._scored = f"{weights} {self.validation.remark}"

    def _use_local_statistics(self, channels: int) -> None:
        spec = spec_of(self.network)
        if spec is None or not spec.local_layers:
            reason = spec.no_local if spec else "it is not a network of ppgan_mpr"
            raise UsageError(f"validate.local is not for this network: {reason}.")
        self.network.eval()
        spec.localise(self.network, channels)
        self.model.tiles = build_tiles(self._cfg, self.model, local=True)

    def score(self) -> None:
        """Restore and score all pictures; scores and pictures go to ``output_dir``."""
        self.validation.run(Path(self.output_dir), "evaluation", self._scored)

    def close(self) -> None:
        """Do nothing, as nothing is open."""


def load_into(model: MPRModel, weights: str | Path) -> Weights:
    """Load weights into a model: a file of any supported format, or a name in the catalogue.

    Returns:
        The loaded weights.

    Raises:
        RestorationError: the weights cannot be read or downloaded, or do not fit the network.
    """
    record = record_of_name(str(weights))
    if record:
        check_record_fits(record, model.network)  # checked before a download
    loaded = load_weights(weights)
    set_weights(model.network, loaded.tensors, loaded.source)
    logger.info("Loaded weights from %s", weights)
    return loaded
