"""A mirror on this machine that serves small networks in place of the published ones."""

from __future__ import annotations

import dataclasses
import functools
import http.server
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tls_server import Server

from ppgan_mpr.networks import WeightsRecord, networks
from ppgan_mpr.weights import load_weights


def _stand_in(record: WeightsRecord) -> str | None:
    """The file in ``tests/fixtures`` that stands for published weights; None for all others."""
    if record.url is None:  # NAFNet's task is recognised by its size
        return "megvii_nafnet_odd_small.pth" if record.variant == "gopro-width64" else None
    if record.network == "MIRNetv2":
        dual_pixel = "task" in record.hyperparameters
        form = "_sr4" if record.scale > 1 else "_dualpixel" if dual_pixel else ""
        return f"swz30_mirnetv2{form}_small.pth"
    return f"ppgan_{record.network.lower()}_small.pdparams"


@functools.cache
def _form(path: Path, task: str) -> tuple[Any, int]:
    """The hyperparameters of a file's network, and its number of parameters."""
    weights = load_weights(path, task=task)
    return weights.hyperparameters, sum(tensor.size for tensor in weights.tensors.values())


class Mirror(Server):
    """Serves a file for each published one, under the same name.

    Args:
        folder: see :class:`Server`.
        fixtures: the folder ``tests/fixtures``.
        changed_network: the fixture; the networks' records become those of the small files.
    """

    def __init__(self, folder: Path, fixtures: Path, changed_network: Callable[..., Any]):
        self._files: dict[str, Path] = {}
        for spec in networks():
            records = tuple(self._small(record, fixtures) for record in spec.weights)
            changed_network(spec.name, weights=records)
        super().__init__(folder)

    @property
    def address(self) -> str:
        """For ``PPGAN_MPR_MIRROR``."""
        return self.url.rpartition("/")[0]

    def answer(self, request: http.server.BaseHTTPRequestHandler) -> None:
        """Answer with the file of this name."""
        self.content = self._files[Path(request.path).name].read_bytes()
        super().answer(request)

    def _small(self, record: WeightsRecord, fixtures: Path) -> WeightsRecord:
        name = _stand_in(record)
        if name is None:
            return record
        hyperparameters, parameters = _form(fixtures / name, record.task)
        if record.url:
            self._files[record.url.rpartition("/")[2]] = fixtures / name
        return dataclasses.replace(
            record,
            hyperparameters=hyperparameters,
            parameters=parameters,
            size=None,
            git_blob=None,
            # The scores are said to be of sets of 1000 pictures, so that none is compared with
            # that of the random weights.
            scores=tuple(
                dataclasses.replace(score, dataset=f"{score.dataset.partition(' (')[0]} (1000)")
                for score in record.scores
            ),
        )
