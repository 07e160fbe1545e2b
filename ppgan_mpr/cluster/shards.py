"""Restores tar shards of pictures, as WebDataset reads them, member by member.

The new shard has the members of the old one in the same order. A restored picture keeps its
member's name, which ties it to the rest of its sample, such as a caption; only the suffix changes
with the format. Members that are not pictures are copied. A picture that cannot be restored is
left out, and its row says why. If the shard is damaged or ends too early, the new one has the
members before the damage; if no picture among them could be restored, there is no new shard.
"""

from __future__ import annotations

import io
import posixpath
import tarfile
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from ..apps.result import ResultRecord
from ..errors import RestorationError
from ..imaging.formats import readable_suffixes
from .items import Item
from .picture_outputs import OutputFile
from .problems import storage_reason
from .restoring_process import Answer, Request, RestoringProcess
from .stores import Store, open_place


class _CheckedHeader(tarfile.TarInfo):
    """The header of a member; a damaged one raises an error, while ``tarfile`` would just end."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> _CheckedHeader:
        """Parse a header.

        Raises:
            tarfile.ReadError: it is damaged, or the zeros that end a tar are missing.
        """
        try:
            return super().frombuf(buf, encoding, errors)
        except tarfile.HeaderError as error:
            if len(buf) == tarfile.BLOCKSIZE and not any(buf):
                raise  # the end of the tar
            raise tarfile.ReadError(f"the shard is damaged or ends too early ({error})") from None


@dataclass
class _Member:
    """A member of the new shard; for a picture, ``files`` is None until its answer is there."""

    info: tarfile.TarInfo
    files: list[OutputFile] | None = None


def restore_shard(
    item: Item, name: str, output: Store, process: RestoringProcess
) -> list[ResultRecord]:
    """Restore the pictures of a shard and write the new one atomically.

    The new file has the permission bits of the old one. If the old one is damaged, the new one has
    the members before the damage. If none of their pictures was restored, no file is written.

    Args:
        item: the shard.
        name: name of the new shard in ``output``.
        output: store for the new shard.
        process: restores the pictures.

    Returns:
        A record for each picture, and one for the shard itself if it is damaged or if no picture of
        it was restored.

    Raises:
        RestorationError: the new shard cannot be written.
        OSError: there is no room for temporary files.
    """
    records: list[ResultRecord] = []
    damage: list[Exception] = []
    with tempfile.TemporaryDirectory(prefix="ppgan_mpr-") as folder:
        file = Path(folder, "shard.tar")
        with tarfile.open(file, "w", format=tarfile.PAX_FORMAT) as target:
            members: dict[str, _Member] = {}  # members not written yet, in order
            for answer in process.restore(_requests(item, members, target, damage)):
                records.append(_named(answer.record, output.shown_as(name), answer.files))
                members[answer.item.source].files = answer.files
                _write_finished(members, target)
            _write_finished(members, target)
        restored = any(record.output for record in records)
        if damage:
            records.append(answer_of_failure(item, damage[0]).record)
        elif not restored:
            records.append(ResultRecord(item.source, output=output.shown_as(name)))
        if restored or not damage:
            try:
                output.write_file(name, file, item.mode)
            except OSError as error:
                reason = f"{output.shown_as(name)} cannot be written: {storage_reason(error)}"
                raise RestorationError(reason) from None
    return records


def _requests(
    item: Item,
    members: dict[str, _Member],
    target: tarfile.TarFile,
    damage: list[Exception],
) -> Iterator[Request]:
    """Yield the pictures of a shard; other members go to ``members`` unchanged.

    At the first damage, the error goes to ``damage`` and the members end.
    """
    suffixes, sources = readable_suffixes(), set[str]()
    contents = _contents(item, damage)
    for number, (info, content) in enumerate(contents):
        stem, suffix = posixpath.splitext(posixpath.basename(info.name))
        source = f"{item.source}/{info.name}"
        if not info.isfile() or suffix.lower() not in suffixes or stem.startswith("."):
            copied = [OutputFile(info.name, content)] if info.isfile() else []
            members[f"{number} {source}"] = _Member(info, copied)
            _write_finished(members, target)
            continue
        if source in sources:  # a tar may hold a name twice; readers use the last one
            source = f"{source} ({number})"
        sources.add(source)
        members[source] = _Member(info)
        folder = posixpath.dirname(info.name)
        picture = Item(source, item.place, stem, folder, info.size, shard=True)
        yield Request(picture, content)


def _contents(item: Item, damage: list[Exception]) -> Iterator[tuple[tarfile.TarInfo, bytes]]:
    """The members of a shard with their contents; the first damage goes to ``damage``."""
    try:
        with (
            open_place(item.place) as stream,
            tarfile.open(fileobj=stream, mode="r|", tarinfo=_CheckedHeader) as shard,
        ):
            for info in shard:
                yield info, _content(shard.extractfile(info)) if info.isfile() else b""
    except (OSError, tarfile.TarError) as error:
        damage.append(error)


def _write_finished(members: dict[str, _Member], target: tarfile.TarFile) -> None:
    """Write the leading members that are finished."""
    for source, member in list(members.items()):
        if member.files is None:
            return
        if not member.info.isfile():  # a folder or a link
            target.addfile(member.info)
        for file in member.files:
            info = tarfile.TarInfo(file.name)
            info.size, info.mode, info.mtime = len(file.content), member.info.mode, 0
            info.mtime = int(member.info.mtime)
            target.addfile(info, io.BytesIO(file.content))
        del members[source]


def _named(record: ResultRecord, shard: str, files: list[OutputFile]) -> ResultRecord:
    """The record with the names of its files as members of the new shard."""
    from dataclasses import replace

    if record.error is not None or not files:
        return record
    *stages, output = (f"{shard}/{file.name}" for file in files)
    return replace(record, output=output, stages=tuple(stages))


def _content(stream: IO[bytes] | None) -> bytes:
    return b"" if stream is None else stream.read()


def answer_of_failure(item: Item, error: object) -> Answer:
    """The answer for a shard that cannot be read or written."""
    text = f"{item.source} cannot be restored: {error}"
    return Answer(item, ResultRecord(item.source, error=text), [])
