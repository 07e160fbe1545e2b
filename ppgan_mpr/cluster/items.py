"""The items of a bulk job: pictures and tar shards of pictures."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field


@dataclass(frozen=True)
class Item:
    """A picture or a tar shard.

    Attributes:
        source: its name in the results, unique in the job.
        place: absolute path or address of the file.
        stem: beginning of the output's name.
        folder: folder of the output, below the task's folder.
        nbytes, stamp, mode: size, time stamp and mode of the file; see :class:`.stores.Entry`.
        shard: whether it is a tar shard, or a picture in one.
        present: the outputs in :attr:`.earlier.Earlier.present` that this item's output, in any
            format, might replace.
        taken: name of an output → another picture, which owns the name.
        problem: why it cannot be restored, or None.
    """

    source: str
    place: str
    stem: str
    folder: str = ""
    nbytes: int = 0
    stamp: str = ""
    mode: int = 0o666
    shard: bool = False
    present: tuple[str, ...] = ()
    taken: Mapping[str, str] = field(default_factory=dict)
    problem: str | None = None

    def to_json(self) -> str:
        """The item as JSON text, for a column of a table."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Item:
        """The inverse of :meth:`to_json`."""
        content = json.loads(text)
        return cls(**{**content, "present": tuple(content["present"])})
