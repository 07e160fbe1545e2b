"""Records that describe a bulk job to its workers, and how a worker computes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..inference import InferenceOptions
from .stores import Store

#: Folder for the state of jobs, in the output folder.
STATE = "ppgan_mpr_bulk"
#: Name of the table of results, in the output folder.
RESULTS = "ppgan_mpr_results.parquet"


@dataclass(frozen=True)
class Job:
    """How pictures are restored and where they go.

    Attributes:
        task: name of the task, several tasks as ``A,B``, or ``auto``. None: the weights' task.
        weight_path: see :class:`~ppgan_mpr.apps.Predictor`; every node must have the file.
        options: the options; :func:`.nodes.prepare` fixes backend, precision, device and threads.
        output: store for the results.
        run: name of this run, part of the names of its tables.
    """

    task: str | None
    weight_path: str | None
    options: InferenceOptions
    output: Store
    run: str = ""

    @property
    def pictures_at_once(self) -> int:
        """Pictures that a worker processes concurrently, so that I/O overlaps with computing."""
        return self.options.jobs or 2


@dataclass(frozen=True)
class WorkerFacts:
    """How a worker computes.

    Attributes:
        backend, precision, device, threads: see :class:`~ppgan_mpr.ResultRecord`.
        native: the precision that ``precision='auto'`` means on its processor or GPU.
        cores: CPU cores that it may use.
        weights_digest, task, network, scale, local: see :class:`~ppgan_mpr.ResultRecord`; not set
            if the task is chosen for each picture.
        versions: versions of this package and of the packages that compute.
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
