"""Validation: restores and scores dataset.test, and reports the scores."""

from __future__ import annotations

import copy
import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ..errors import UsageError
from ..metrics import Protocol, ScoreTable
from ..ppgan_compat import import_ppgan
from . import processes
from .config import AttrDict
from .evaluation import Evaluation
from .metrics import SharedMetric
from .mpr_model import MPRModel
from .sheet import Sheet
from .tiled import TiledRestoration

logger = logging.getLogger(__name__)

_build_dataset = import_ppgan("ppgan.datasets.builder").build_dataset

# Options for loading dataset.test, with PaddleGAN's defaults.
_LOADING = {"batch_size": 1, "num_workers": 0, "use_shared_memory": True}


class Validation:
    """Scores a model on ``dataset.test`` by the metrics of ``validate.metrics``.

    Args:
        cfg: the configuration.
        model: the model that restores the pictures.

    Raises:
        UsageError: there is nothing to score, or a protocol cannot score some pictures. It is
            raised before anything is restored.

    Attributes:
        remark: a remark on the network for the log, such as ``"with TLC"``; may be empty.
    """

    remark = ""

    def __init__(self, cfg: AttrDict, model: MPRModel) -> None:
        options = cfg.get("validate") or {}
        metrics = options.get("metrics")
        self._model = model
        self._save_img = options.get("save_img", True)
        self._save_panels = bool(options.get("save_panels"))
        self._log_interval = cfg.log_config.interval
        protocols, self._others = _sort(model.setup_metrics(metrics) if metrics else {})
        model.tiles = build_tiles(cfg, model)
        self._evaluation = _build_evaluation(cfg, protocols)
        self._sheet = Sheet()

    def run(
        self,
        folder: Path,
        name: str,
        scored: str | None,
        stop: Callable[[], bool] = lambda: False,
    ) -> list[ScoreTable] | None:
        """Restore and score everything, with the averaged weights if there are any.

        Args:
            folder: folder of the run; scores and pictures go to folders below it.
            name: name of the files, such as ``"iter_1000"``.
            scored: name of the scored weights, stored with the scores.
            stop: called from time to time in all processes; True ends the validation.

        Returns:
            A table for each protocol, or None if ``stop`` ended the validation.
        """
        for metric in self._others:
            metric.reset()
        self._sheet = Sheet()
        self._model.setup_train_mode(is_train=False)
        with self._model.averaged():
            tables = self._evaluation.run(
                self._restore,
                folder / "visual_test" / name if self._save_img else None,
                self._save_panels,
                self._log_progress,
                stop,
            )
        self._model.setup_train_mode(is_train=True)
        if self._model.tiles:
            self._model.tiles.report()
        if tables is None:
            return None
        self._sheet.write(folder / "scores" / f"{name}_best_and_worst.png")
        others = {metric.label: metric.accumulate() for metric in self._others}
        if processes.is_first():
            self._report(tables, folder / "scores", name, scored)
            for label, value in others.items():
                logger.info("%s: %s %.4f  (no protocol)", name, label, value)
        return tables

    def _restore(self, batch: Any, padding: str) -> Any:
        degraded, restored, target = self._model.restore(batch, padding)
        if padding == self._evaluation.paddings[0]:
            for metric in self._others:
                metric.update(restored, target)
            arrays = (x.transpose([0, 2, 3, 1]).numpy() for x in (degraded, restored, target))
            for picture in zip(batch[2], *arrays):
                self._sheet.add(*picture)
        return degraded, restored, target

    def _log_progress(self, done: int) -> None:
        size = self._evaluation.size
        if done == size or done % self._log_interval == 0:
            logger.info("Test: %d/%d pictures", done, size)

    def _report(
        self, tables: list[ScoreTable], folder: Path, name: str, scored: str | None
    ) -> None:
        for table in tables:
            table.scored = scored
            for suffix in (".json", ".csv"):
                table.save(folder / f"{name}_{table.protocol.name}{suffix}")
            mean = table.mean()
            units = {"psnr": " dB"}
            logger.info(
                "%s: %s  (%d pictures, protocol %s%s)",
                name,
                "  ".join(f"{key.upper()} {mean[key]:.4f}{units.get(key, '')}" for key in mean),
                len(table),
                table.protocol.name,
                f", {self.remark}" if self.remark else "",
            )


def build_tiles(cfg: AttrDict, model: MPRModel, local: bool = False) -> TiledRestoration | None:
    """Make the restoration in tiles for ``validate.memory``, or None if it is not set.

    Args:
        cfg: the configuration.
        model: the model whose network restores.
        local: whether the network uses TLC.

    Raises:
        UsageError: ``validate.memory`` is invalid, or the network is not part of this package.
    """
    memory = (cfg.get("validate") or {}).get("memory")
    if not memory:
        return None
    return TiledRestoration(model.network, memory, model.step.precision.of_weights, local)


def _sort(metrics: Mapping[str, Any]) -> tuple[list[Protocol], list[SharedMetric]]:
    """Split metrics into protocols without repetitions, and metrics without a protocol."""
    protocols: list[Protocol] = []
    others = []
    for label, metric in metrics.items():
        protocol = getattr(metric, "protocol", None)
        if protocol is None:
            others.append(SharedMetric(label, metric))
        elif protocol not in protocols:
            protocols.append(protocol)
    return protocols, others


def _build_evaluation(cfg: AttrDict, protocols: list[Protocol]) -> Evaluation:
    if not cfg.dataset.get("test"):
        raise UsageError("Scoring needs the section dataset.test: add it, or remove validate.")
    settings = copy.deepcopy(cfg.dataset.test)
    loading = {key: settings.pop(key, default) for key, default in _LOADING.items()}
    loading.pop("use_shared_memory")
    if settings["name"] == "MPRTrain":
        logger.info(
            "dataset.test names MPRTrain, whose crops and flips are random: "
            "scoring the centre crops of MPRVal instead"
        )
        settings["name"] = "MPRVal"
    dataset = _build_dataset(settings)
    crop = getattr(dataset, "patch_size", None)
    if crop:
        protocols = [protocol.cropped(crop) for protocol in protocols]
    return Evaluation(
        dataset, protocols, **loading, rank=processes.rank(), world_size=processes.count()
    )
