"""Starts or joins a Ray cluster, and checks its nodes before they take part in a job."""

from __future__ import annotations

import logging
import math
import os
import signal
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ..dependencies import cpu_count, require
from ..ending_signals import ENDING
from ..errors import RestorationError, UsageError
from .job import Job, WorkerFacts
from .restoring_process import RestoringProcess
from .workers import incompatible

logger = logging.getLogger(__name__)

_CORES = 4  # for each worker; with more, a network is hardly faster on small pictures
_MEMORY = 2 << 30  # bytes for each worker
_OBJECT_STORE = 2 << 30  # bytes, in a cluster that is started here


@dataclass(frozen=True)
class Pool:
    """The workers of a cluster.

    Attributes:
        size: number of workers.
        cores: CPU cores for each worker.
        gpus: GPUs for each worker, 0 or 1.
        refused: ids of the nodes that take no part.
        by_host: host name of a node → number of its workers.
    """

    size: int
    cores: int
    gpus: int = 0
    refused: tuple[str, ...] = ()
    by_host: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class _Node:
    """A node as Ray describes it."""

    id: str
    host: str
    address: str
    cores: int
    gpus: int
    memory: float = math.inf

    @property
    def name(self) -> str:
        """The node's name for messages."""
        return f"{self.host} ({self.address})"

    def workers(self, cores: int, gpus: int) -> int:
        """The number of workers that fit on the node."""
        return min(self.cores // cores, self.gpus) if gpus else self.cores // cores


@contextmanager
def connected(address: str | None) -> Iterator[Any]:
    """Connect to a Ray cluster, or start one on this machine, while the block runs.

    A program that is already connected stays connected.

    Args:
        address: address of a cluster, or ``auto`` for this node's cluster. None: the address in
            ``RAY_ADDRESS``, which ``ray job submit`` sets; without that, a cluster is started.

    Raises:
        UsageError: the cluster cannot be reached.
        MissingDependencyError: Ray or pyarrow is not installed or cannot be loaded.
    """
    address = address or os.environ.get("RAY_ADDRESS") or "local"
    if address.startswith("ray://"):
        raise UsageError(
            f"address={address!r} names a Ray Client server, where a job ends when the connection "
            "is lost: run on a node with address='auto', or with ray job submit."
        )
    # Ray's C++ log is for its developers. Users get errors as exceptions.
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    ray = require("ray")
    require("pyarrow")
    if ray.is_initialized():
        yield ray
        return
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
    try:
        if address == "local":
            import psutil

            room = min(_OBJECT_STORE, int(0.2 * psutil.virtual_memory().available))
            with _importable(), _without_log_level_line(), _own_signal_handlers():
                ray.init(
                    address="local",
                    num_cpus=cpu_count(),
                    include_dashboard=False,
                    object_store_memory=max(room, 100 << 20),
                    **quiet,
                )
        else:
            with _without_log_level_line(), _own_signal_handlers():
                ray.init(address=address, **quiet)
    except (ConnectionError, RuntimeError, ValueError, OSError) as error:
        raise UsageError(f"The Ray cluster at {address} cannot be reached: {error}") from None
    try:
        yield ray
    finally:
        ray.shutdown()


@contextmanager
def _own_signal_handlers() -> Iterator[None]:
    """Put this program's handlers of ending signals back, which Ray replaces by its own."""
    handlers = {number: signal.getsignal(number) for number in ENDING}
    yield
    if threading.current_thread() is threading.main_thread():
        for number, handler in handlers.items():
            if handler is not None:  # None stands for one that Python did not install
                signal.signal(number, handler)


@contextmanager
def _without_log_level_line() -> Iterator[None]:
    """Leave out the line on stderr in which Ray's C++ code says that it found its log level."""
    with tempfile.TemporaryFile() as caught:
        sys.stderr.flush()
        terminal = os.dup(2)
        os.dup2(caught.fileno(), 2)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(terminal, 2)
            os.close(terminal)
            caught.seek(0)
            for line in caught:
                if b"RAY_BACKEND_LOG_LEVEL" not in line:
                    os.write(2, line)


@contextmanager
def _importable() -> Iterator[None]:
    """Let processes that start in the block import this package, even from a checkout."""
    before = os.environ.get("PYTHONPATH")
    root = str(Path(__file__).resolve().parents[2])
    os.environ["PYTHONPATH"] = os.pathsep.join([root, *([before] if before else [])])
    try:
        yield
    finally:
        if before is None:
            del os.environ["PYTHONPATH"]
        else:
            os.environ["PYTHONPATH"] = before


def prepare(ray: Any, job: Job) -> tuple[Job, WorkerFacts, Pool]:
    """Fix how all workers compute, and find the nodes that can do it.

    A warning is logged for each node that cannot.

    Args:
        ray: the package, connected to a cluster.
        job: the job with the user's options.

    Returns:
        The job with backend, precision, device and threads fixed, how the workers compute, and
        the pool of workers that fit on the nodes.

    Raises:
        UsageError: no node can take part.
    """
    options = job.options
    if options.device.startswith("gpu:"):
        raise UsageError("Ray assigns the GPUs: choose device='gpu' instead of naming one.")
    nodes = _nodes(ray)
    on_gpu = options.device != "cpu" and any(node.gpus for node in nodes)
    first = max(nodes, key=lambda node: (node.gpus if on_gpu else 0, node.cores))
    device = {"all": "gpu"}.get(options.device, options.device)
    asked = replace(job, options=options.replace(device=device))
    facts = _facts(ray, [first], asked, int(on_gpu), len(nodes) == 1)[first.id]
    if not isinstance(facts, WorkerFacts):
        raise UsageError(facts)
    on_gpu = facts.device.startswith("gpu")
    threads = options.threads or _cores_of_worker(nodes)
    fixed = options.replace(
        backend=facts.backend,
        precision=facts.precision,
        device="gpu" if on_gpu else "cpu",
        threads=threads,
    )
    job = replace(job, options=fixed)
    expected = replace(facts, threads=threads)
    others = [node for node in nodes if node is not first and (node.gpus or not on_gpu)]
    answers: dict[str, WorkerFacts | str] = {first.id: facts}
    answers.update(_facts(ray, others, job, int(on_gpu), False))
    by_host: Counter[str] = Counter()
    refused = []
    for node in nodes:
        answer = answers.get(node.id, "it has no GPU")
        known = isinstance(answer, WorkerFacts)
        reason = incompatible(answer, expected) if isinstance(answer, WorkerFacts) else answer
        room = node.workers(threads, int(on_gpu)) if known else 0
        if reason is None and not room:
            reason = f"it has {node.cores} cores, but a worker takes {threads}"
        if reason is not None:
            refused.append(node.id)
            logger.warning("The node %s cannot take part: %s.", node.name, reason.rstrip("."))
        else:
            by_host[node.host] += room
    if not by_host:
        raise UsageError(
            f"No node has room for a worker with threads={threads}: choose fewer threads."
        )
    size = sum(by_host.values())
    return job, expected, Pool(size, threads, int(on_gpu), tuple(refused), by_host)


def _nodes(ray: Any) -> list[_Node]:
    found = []
    for node in ray.nodes():
        resources = node["Resources"]
        if node["Alive"] and resources.get("CPU", 0) >= 1:
            found.append(
                _Node(
                    node["NodeID"],
                    node["NodeManagerHostname"],
                    node["NodeManagerAddress"],
                    int(resources["CPU"]),
                    int(resources.get("GPU", 0)),
                    resources.get("memory", math.inf),
                )
            )
    if not found:
        raise UsageError("The Ray cluster has no node with CPU cores for workers.")
    return found


def _cores_of_worker(nodes: list[_Node]) -> int:
    """Cores for each worker, so that the workers fill the smallest node and fit in its memory."""
    smallest = min(nodes, key=lambda node: node.cores)
    workers = max(1, min(smallest.cores // _CORES, int(min(smallest.memory, 1 << 50) // _MEMORY)))
    return smallest.cores // workers


def _facts(
    ray: Any, nodes: list[_Node], job: Job, gpus: int, here: bool
) -> dict[str, WorkerFacts | str]:
    """How each node computes, or why it cannot.

    Args:
        ray: the package, connected to a cluster.
        nodes: the nodes to check.
        job: the job.
        gpus: GPUs for a worker.
        here: the only node is this machine, so check it without Ray unless it needs a GPU.
    """
    if here and not gpus:
        return {node.id: facts_here(job) for node in nodes}
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    asked = {}
    for node in nodes:
        affinity = NodeAffinitySchedulingStrategy(node.id, soft=False)
        remote = ray.remote(num_cpus=0, num_gpus=gpus, max_retries=0)(facts_here)
        asked[node.id] = remote.options(scheduling_strategy=affinity).remote(job)
    answers: dict[str, WorkerFacts | str] = {}
    for name, reference in asked.items():
        try:
            answers[name] = ray.get(reference)
        except Exception as error:  # any error, as the node may fail to import this package
            answers[name] = last_line(error)
    return answers


def last_line(error: Exception) -> str:
    """The last line of an error's text; the name of its type if it has no text."""
    lines = str(error).strip().splitlines()
    return lines[-1].strip() if lines else type(error).__name__


def facts_here(job: Job) -> WorkerFacts | str:
    """How this node computes, or why it cannot."""
    try:
        process = RestoringProcess(job)
    except RestorationError as error:
        return str(error)
    process.end()
    return process.facts
