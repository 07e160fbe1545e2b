"""Restoring and scoring a data set, each picture exactly once whatever the number of processes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Callable, NamedTuple

import numpy as np
import paddle
from paddle.io import DataLoader, Dataset
from PIL import Image

from ..errors import UsageError
from ..metrics import Protocol, ScoreTable


class Shard:
    """A batch sampler over one process's pictures: every ``world_size``-th, none twice."""

    def __init__(self, size: int, batch_size: int = 1, rank: int = 0, world_size: int = 1):
        own = list(range(rank, size, world_size))
        self.batches = [own[i : i + batch_size] for i in range(0, len(own), batch_size)]
        largest = -(-size // world_size)
        #: Batches of the process that has the most, the same number in every process.
        self.rounds = -(-largest // batch_size)

    def __iter__(self) -> Iterator[list[int]]:
        return iter(self.batches)

    def __len__(self) -> int:
        return len(self.batches)


class Outcome(NamedTuple):
    """One picture's scores, one for each protocol, and perhaps the pictures themselves."""

    index: int
    name: str
    scores: list[dict[str, float]]
    pictures: dict[str, np.ndarray]  # uint8 [H, W, 3], empty unless wanted


class Evaluation:
    """Scores a model on a data set of ``(target, degraded, name)``.

    Args:
        dataset: pictures [3, H, W] in [0, 1], of any sizes.
        protocols: how to score.
        batch_size: pictures loaded together, and restored together if they have one size.
        num_workers: processes that load them.
        rank: this process.
        world_size: number of processes.
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
        self.rank, self.world_size = rank, world_size
        self.size = len(dataset)
        self.shard = Shard(self.size, batch_size, rank, world_size)
        self.loader = DataLoader(
            dataset, batch_sampler=self.shard, num_workers=num_workers, collate_fn=list
        )

    def run(
        self,
        restore: Callable[[tuple], tuple],
        folder: Path | None = None,
        panels: bool = False,
        progress: Callable[[int], None] = lambda done: None,
    ) -> list[ScoreTable]:
        """Restore and score everything.

        Args:
            restore: a batch ``(target, degraded, names)`` → ``(degraded, restored, target)``,
                tensors [N, 3, H, W].
            folder: where process 0 writes the restored pictures, as PNG; None writes none.
            panels: write ``input | restored | target`` side by side as well.
            progress: told the number of pictures done after every round.

        Returns:
            A table for each protocol, in the data set's order; complete in process 0 and in
            all others.
        """
        outcomes: list[Outcome] = []
        batches = iter(self.loader)
        for number in range(self.shard.rounds):
            mine = []
            if number < len(self.shard):
                indices = self.shard.batches[number]
                for group in _same_size(zip(indices, next(batches))):
                    mine += self._score(group, restore, folder is not None)
            for outcome in gather(mine, self.world_size):
                if folder is not None and self.rank == 0:
                    _write_pictures(folder, outcome, panels)
                outcomes.append(outcome._replace(pictures={}))
            progress(len(outcomes))
        outcomes.sort(key=lambda outcome: outcome.index)
        tables = [ScoreTable(protocol) for protocol in self.protocols]
        for outcome in outcomes:
            for table, score in zip(tables, outcome.scores):
                table.add(outcome.name, score)
        return tables

    def _score(self, group, restore, keep: bool) -> list[Outcome]:
        indices, samples = zip(*group)
        targets, inputs, names = zip(*samples)
        degraded, restored, target = restore((paddle.stack(targets), paddle.stack(inputs), names))
        outcomes = []
        for index, name, *pictures in zip(indices, names, degraded, restored, target):
            given, result, wanted = (p.transpose([1, 2, 0]).numpy() for p in pictures)
            scores = [protocol.score(result, wanted) for protocol in self.protocols]
            shown = {"input": given, "restored": result, "target": wanted} if keep else {}
            shown = {k: np.rint(p.clip(0, 1) * 255).astype("uint8") for k, p in shown.items()}
            outcomes.append(Outcome(index, name, scores, shown))
        return outcomes


def _same_size(numbered: Iterable) -> list[list]:
    """``(index, (target, input, name))`` sorted into groups whose pictures have one size."""
    groups: dict[tuple, list] = {}
    for index, sample in numbered:
        if len(sample) != 3:
            raise UsageError("dataset.test has no targets to score against: give it a target/.")
        groups.setdefault(tuple(sample[0].shape), []).append((index, sample))
    return list(groups.values())


def gather(items: list, world_size: int) -> list:
    """The lists of all processes joined; any of them may be empty."""
    if world_size == 1:
        return items
    lists: list[list] = []
    paddle.distributed.all_gather_object(lists, items)
    return [item for part in lists for item in part]


def _write_pictures(folder: Path, outcome: Outcome, panels: bool) -> None:
    pictures = {f"{outcome.name}.png": outcome.pictures["restored"]}
    if panels:
        side_by_side = np.concatenate(list(outcome.pictures.values()), axis=1)
        pictures[f"{outcome.name}_panel.png"] = side_by_side
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, pixels in pictures.items():
            Image.fromarray(pixels).save(folder / name)
    except OSError as error:
        raise UsageError(f"Pictures cannot be written to {folder}: {error}.") from None
