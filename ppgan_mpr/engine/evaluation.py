"""Scoring of a data set: each picture exactly once, by any number of processes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Callable, NamedTuple

import cv2
import numpy as np
import paddle
from paddle.io import Dataset

from ..errors import ImageError, UsageError
from ..imaging import Header
from ..imaging.samples import to_dtype
from ..metrics import Protocol, ScoreTable
from .loading import load_batches
from .processes import gather

Restore = Callable[[tuple, str], "tuple[paddle.Tensor, paddle.Tensor, paddle.Tensor]"]
Numbered = tuple[int, tuple]  # index in the data set, (target, input, name)

_NO_TARGETS = "dataset.test has no clean pictures to score against: add a folder target/."


class Shard:
    """A batch sampler over the pictures of one process: every ``world_size``-th picture."""

    def __init__(self, size: int, batch_size: int = 1, rank: int = 0, world_size: int = 1):
        own = list(range(rank, size, world_size))
        self.batches = [own[i : i + batch_size] for i in range(0, len(own), batch_size)]
        largest = -(-size // world_size)
        #: Number of batches of the process that has the most; equal in all processes.
        self.rounds = -(-largest // batch_size)

    def __iter__(self) -> Iterator[list[int]]:
        return iter(self.batches)

    def __len__(self) -> int:
        return len(self.batches)


class Outcome(NamedTuple):
    """The scores of one picture, one for each protocol, and its pixels if they are wanted."""

    number: int  # in the data set
    name: str
    scores: list[dict[str, float]]
    pictures: dict[str, np.ndarray]  # uint8 or uint16 [H, W, 3]; empty unless wanted


class Evaluation:
    """Scores a model on a data set of ``(target, degraded, name)``.

    Args:
        dataset: pictures in [0, 1] of any sizes: targets [3, H, W] and inputs [C, H, W], where C
            is 3, or 6 for two views. If it has a method ``headers``, all sizes are checked before
            anything is restored, and pictures are scored and written in the bit depth of their
            targets.
        protocols: how to score.
        batch_size: number of pictures loaded together, and restored together if equal in size.
        num_workers: number of processes that load pictures.
        rank: rank of this process.
        world_size: number of processes.

    Raises:
        UsageError: there are no targets, or a protocol cannot score some pictures.
    """

    def __init__(
        self,
        dataset: Dataset,
        protocols: Sequence[Protocol],
        batch_size: int = 1,
        num_workers: int = 0,
        rank: int = 0,
        world_size: int = 1,
    ):
        self.protocols = protocols
        self.paddings = list(dict.fromkeys(p.padding for p in protocols)) or ["end"]
        self.dataset, self.num_workers = dataset, num_workers
        self.headers = dataset.headers() if hasattr(dataset, "headers") else None
        if self.headers is not None:
            _check(self.headers, protocols)
        self.rank = rank
        self.size = len(dataset)
        self.shard = Shard(self.size, batch_size, rank, world_size)

    def run(
        self,
        restore: Restore,
        folder: Path | None = None,
        panels: bool = False,
        progress: Callable[[int], None] = lambda done: None,
        stop: Callable[[], bool] = lambda: False,
    ) -> list[ScoreTable] | None:
        """Restore and score everything.

        Args:
            restore: a batch ``(target, degraded, names)`` and a padding of
                :data:`ppgan_mpr.imaging.padding.PADDING_SIDES` → ``(degraded, restored, target)``,
                tensors [N, 3, H, W]. Called once for each padding that the protocols need.
            folder: folder in which process 0 writes the restored pictures as PNG, with the padding
                of the first protocol; None writes none.
            panels: also write ``input | restored | target`` side by side.
            progress: called after every round with the number of finished pictures.
            stop: called before every round in all processes; True ends the evaluation.

        Returns:
            A table for each protocol in the data set's order, complete in all processes; None if
            ``stop`` ended the evaluation.
        """
        outcomes: list[Outcome] = []
        loaded = load_batches(self.dataset, self.shard, self.num_workers, collate=list)
        with closing(loaded):
            for number in range(self.shard.rounds):
                if stop():
                    return None
                mine = []
                if number < len(self.shard):
                    indices = self.shard.batches[number]
                    for group in _same_size(zip(indices, next(loaded))):
                        mine += self._score(group, restore, folder is not None)
                for outcome in gather(mine):
                    if folder is not None and self.rank == 0:
                        _write_pictures(folder, outcome, panels)
                    outcomes.append(outcome._replace(pictures={}))
                progress(len(outcomes))
        outcomes.sort(key=lambda outcome: outcome.number)
        tables = [ScoreTable(protocol) for protocol in self.protocols]
        for outcome in outcomes:
            for table, score in zip(tables, outcome.scores):
                table.add(outcome.name, score)
        return tables

    def _score(self, group: Sequence[Numbered], restore: Restore, keep: bool) -> list[Outcome]:
        """Restore and score a batch of pictures of one size."""
        indices, samples = zip(*group)
        targets, inputs, names = zip(*samples)
        batch = (paddle.stack(targets), paddle.stack(inputs), names)
        restored = {}
        for padding in self.paddings:
            degraded, result, target = restore(batch, padding)
            restored[padding] = _to_hwc(result)
        outcomes = []
        for row, (index, name) in enumerate(zip(indices, names)):
            given, wanted = _to_hwc(degraded)[row], _to_hwc(target)[row]
            results = {padding: pictures[row] for padding, pictures in restored.items()}
            depth = np.dtype(np.uint8)
            if self.headers is not None:
                depth = np.dtype(f"u{self.headers[index][1].itemsize}")
                wanted = to_dtype(wanted, depth)  # in its original bit depth
            scores = [p.score(results[p.padding], wanted) for p in self.protocols]
            shown = {}
            if keep:
                shown = {"input": given, "restored": results[self.paddings[0]], "target": wanted}
                shown = {key: to_dtype(picture, depth) for key, picture in shown.items()}
            outcomes.append(Outcome(index, name, scores, shown))
        return outcomes


def _to_hwc(pictures: paddle.Tensor) -> np.ndarray:
    """[N, C, H, W] → [N, H, W, C]."""
    return pictures.transpose([0, 2, 3, 1]).numpy()


def _same_size(numbered: Iterable[Numbered]) -> list[list[Numbered]]:
    """Group samples by the size of their pictures."""
    groups: dict[tuple[int, ...], list[Numbered]] = {}
    for index, sample in numbered:
        if len(sample) != 3:
            raise UsageError(_NO_TARGETS)
        groups.setdefault(tuple(sample[0].shape), []).append((index, sample))
    return list(groups.values())


def _check(headers: Sequence[tuple[str, Header | None]], protocols: Sequence[Protocol]) -> None:
    """Refuse pictures that cannot be scored, before training takes hours."""
    for protocol in protocols:
        for name, header in headers:
            if header is None:
                raise UsageError(_NO_TARGETS)
            try:
                protocol.check(header.height, header.width)
            except ImageError as error:
                raise UsageError(
                    f"dataset.test cannot be scored: {name}: {error}: set another protocol in "
                    "validate.metrics"
                ) from None


def _write_pictures(folder: Path, outcome: Outcome, panels: bool) -> None:
    pictures = {folder / f"{outcome.name}.png": outcome.pictures["restored"]}
    if panels:  # in a separate folder, so that the folder of pictures can be scored
        side_by_side = np.concatenate(list(outcome.pictures.values()), axis=1)
        pictures[folder / "panels" / f"{outcome.name}.png"] = side_by_side
    try:
        for path, pixels in pictures.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            _, data = cv2.imencode(".png", np.ascontiguousarray(pixels[:, :, ::-1]))
            path.write_bytes(data.tobytes())
    except OSError as error:
        raise UsageError(f"Pictures cannot be written to {folder}: {error.strerror}.") from None
