"""What a bulk job works on: one picture, or one tar shard of pictures."""

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
        stem: the output's name begins with it.
        folder: of the output, below the task's folder.
        nbytes, stamp, mode: of the file; see :class:`.stores.Entry`.
        shard: whether it is a tar shard.
        present: outputs that were there before the job, of those that it might write.
        taken: output's name → the other picture that it belongs to.
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
        """The item as text, for a column of a table."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Item:
        """The inverse of :meth:`to_json`."""
        content = json.loads(text)
        return cls(**{**content, "present": tuple(content["present"])})
