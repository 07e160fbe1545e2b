"""The description of a bulk job that every worker gets, and what a worker says about itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..inference import InferenceOptions
from .stores import Store

#: Folder for the state of jobs, and the table of results, in the folder of the outputs.
STATE = "ppgan_mpr_bulk"
RESULTS = "ppgan_mpr_results.parquet"


@dataclass(frozen=True)
class Job:
    """How pictures are restored and where they go.

    Attributes:
        task: name of the task, several as ``A,B``, or ``auto``; None: what the weights are for.
        weight_path: as of :class:`~ppgan_mpr.apps.Predictor`; every node must have the file.
        options: with backend, precision, device and threads fixed by the driver.
        output: where the results go.
        run: name of this run, part of the names of its tables.
    """

    task: str | None
    weight_path: str | None
    options: InferenceOptions
    output: Store
    run: str = ""

    @property
    def pictures_at_once(self) -> int:
        """Pictures that a worker has at work: reading and encoding overlap with computing."""
        return self.options.jobs or 2


@dataclass(frozen=True)
class WorkerFacts:
    """How a worker computes.

    Attributes:
        backend, precision, device, threads: see :class:`~ppgan_mpr.ResultRecord`.
        native: the precision that its processor or GPU is made for.
        cores: CPU cores that it may use.
        weights_digest, task, network, scale, local: see :class:`~ppgan_mpr.ResultRecord`; empty
            where the task is chosen for each picture.
        versions: of this package and of what computes.
        remarks: warnings that were logged while the network was loaded.
    """

    backend: str = ""
    precision: str = ""
    device: str = ""
    threads: int = 0
    native: str = ""
    cores: int = 0
    weights_digest: str = ""
    task: str = ""
    network: str = ""
    scale: int = 1
    local: bool = False
    versions: Mapping[str, str] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()
