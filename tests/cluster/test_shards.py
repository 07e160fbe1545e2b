import io
import os
import tarfile

import pytest
from cluster_samples import OPTIONS, TASK, job, write_pictures

from ppgan_mpr import MPRPredictor
from ppgan_mpr.cluster.items import Item
from ppgan_mpr.cluster.restoring_process import RestoringProcess
from ppgan_mpr.cluster.shards import restore_shard
from ppgan_mpr.cluster.stores import Store


def read(path):
    with tarfile.open(path) as shard:
        return [(info.name, shard.extractfile(info).read()) for info in shard]


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photos")
    write_pictures(folder, 3)
    return folder


@pytest.fixture(scope="module")
def restored(photos, tmp_path_factory):
    """The path of a new shard, and its records."""
    folder = tmp_path_factory.mktemp("shards")
    with tarfile.open(folder / "s.tar", "w") as shard:
        for path in sorted(photos.iterdir()):
            shard.add(path, f"x/{path.name}")
            for suffix, content in ((".txt", b"caption of " + path.stem.encode()), (".cls", b"7")):
                info = tarfile.TarInfo(f"x/{path.stem}{suffix}")
                info.size = len(content)
                shard.addfile(info, io.BytesIO(content))
        info = tarfile.TarInfo("x/broken.jpg")
        shard.addfile(info)
    bulk = job(folder / "out")
    process = RestoringProcess(bulk)
    place = str(folder / "s.tar")
    item = Item(place, place, "s", mode=0o600, shard=True)
    records = restore_shard(item, "s.tar", bulk.output, process)
    process.end()
    return folder / "out" / "s.tar", records


@pytest.mark.skipif(os.name != "posix", reason="files have no permission bits there")
def test_new_shard_has_the_mode_of_the_old_one(restored):
    assert restored[0].stat().st_mode & 0o777 == 0o600


def test_members_keep_their_names_and_order(restored, photos):
    names = []
    for path in sorted(photos.iterdir()):
        names += [f"x/{path.name}", f"x/{path.stem}.txt", f"x/{path.stem}.cls"]
    assert [name for name, _ in read(restored[0])] == names


def test_captions_are_copied_and_pictures_equal_those_of_the_predictor(restored, photos, tmp_path):
    MPRPredictor(tmp_path, task=TASK, **OPTIONS).run(str(photos))
    members = dict(read(restored[0]))
    for path in photos.iterdir():
        expected = tmp_path / TASK / f"{path.stem}_restoration{path.suffix}"
        assert members[f"x/{path.name}"] == expected.read_bytes()
        assert members[f"x/{path.stem}.txt"] == b"caption of " + path.stem.encode()


def test_every_picture_has_a_record(restored):
    records = {record.source.rpartition("/")[2]: record for record in restored[1]}
    assert len(records) == 4
    assert "empty" in records["broken.jpg"].error
    good = records["p00000.png"]
    assert good.error is None and good.output.endswith("out/s.tar/x/p00000.png")


@pytest.fixture(scope="module")
def process(tmp_path_factory):
    started = RestoringProcess(job(tmp_path_factory.mktemp("out")))
    yield started
    started.end()


@pytest.fixture
def restore(photos, tmp_path, process):
    """A function that restores a shard of the photos cut to some bytes."""
    path = tmp_path / "s.tar"
    with tarfile.open(path, "w") as shard:
        for photo in sorted(photos.iterdir()):
            shard.add(photo, photo.name)
    with tarfile.open(path) as shard:
        ends = [info.offset_data + -(-info.size // 512) * 512 for info in shard.getmembers()]

    def restored_after(cut):
        path.write_bytes(path.read_bytes()[: cut(ends)])
        item = Item("in/s.tar", str(path), "s", shard=True)
        return restore_shard(item, "s.tar", job(tmp_path / "out").output, process)

    return restored_after


@pytest.mark.parametrize(
    "cut",
    [lambda ends: ends[1], lambda ends: ends[1] + 100, lambda ends: ends[1] + 600],
    ids=["between members", "in a header", "in a picture"],
)
def test_members_of_a_shard_that_ends_too_early_stay_usable(restore, tmp_path, cut):
    *good, damage = restore(cut)
    assert [record.error for record in good] == [None, None]
    assert damage.source == "in/s.tar" and "in/s.tar cannot be restored: " in damage.error
    assert [name for name, _ in read(tmp_path / "out" / "s.tar")] == ["p00000.png", "p00001.jpg"]


@pytest.mark.parametrize("size", [0, 100])
def test_shard_without_a_whole_member_is_not_written(restore, tmp_path, size):
    (damage,) = restore(lambda ends: size)
    assert damage.source == "in/s.tar" and damage.error
    assert not (tmp_path / "out" / "s.tar").exists()


@pytest.mark.parametrize("name", ["caption.txt", "broken.jpg"])
def test_shard_without_a_restored_picture_has_a_row_of_its_own(tmp_path, process, name):
    with tarfile.open(tmp_path / "s.tar", "w") as shard:
        shard.addfile(tarfile.TarInfo(name))
    output = job(tmp_path / "out").output
    item = Item("in/s.tar", str(tmp_path / "s.tar"), "s", shard=True)
    records = restore_shard(item, "s.tar", output, process)
    assert records[-1].source == "in/s.tar" and records[-1].error is None
    assert records[-1].output == output.shown_as("s.tar")


def test_names_that_occur_twice_have_two_rows_and_links_and_folders_are_kept(
    photos, tmp_path, process
):
    photo = next(path for path in sorted(photos.iterdir()) if path.suffix == ".png")
    with tarfile.open(tmp_path / "s.tar", "w") as shard:
        for name, kind in (("x", tarfile.DIRTYPE), ("x/link.png", tarfile.SYMTYPE)):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, "a.png" if kind == tarfile.SYMTYPE else ""
            shard.addfile(info)
        shard.add(photo, "x/a.png")
        for number in range(9):
            shard.addfile(tarfile.TarInfo(f"x/{number}.txt"))
        shard.add(photo, "x/a.png")
    place = str(tmp_path / "s.tar")
    output = Store.at(str(tmp_path / "out"))
    records = restore_shard(Item(place, place, "s", shard=True), "s.tar", output, process)
    sources = sorted(record.source for record in records)
    assert sources == [f"{place}/x/a.png", f"{place}/x/a.png (12)"]
    with tarfile.open(tmp_path / "out" / "s.tar") as restored:
        members = restored.getmembers()
    assert [info.name for info in members[:3]] == ["x", "x/link.png", "x/a.png"]
    assert members[0].isdir() and members[1].linkname == "a.png"
    assert [info.name for info in members].count("x/a.png") == 2
