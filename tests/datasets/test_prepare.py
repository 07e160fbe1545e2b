"""Preparation of tiny downloads with the folders and file names of the real ones."""

from __future__ import annotations

import os

import numpy as np
import pytest

from ppgan_mpr.datasets.pairs import find_pairs
from ppgan_mpr.datasets.prepare import fivek, gopro, lol, prepare, rain13k, sidd
from ppgan_mpr.datasets.reader import read_picture
from ppgan_mpr.errors import UsageError


@pytest.fixture
def gopro_download(tmp_path, picture, write):
    root = tmp_path / "download" / "GOPRO_Large"
    frames = {
        "train/GOPR0372_07_00": ["000047", "000048"],
        "train/GOPR0374_11_00": ["000047"],
        "test/GOPR0384_11_00": ["000001"],
    }
    seed = 0
    for sequence, names in frames.items():
        for name in names:
            for kind in ("blur", "blur_gamma", "sharp"):
                seed += 1
                write(root / sequence / kind / f"{name}.png", picture(16, 16, seed))
    return root.parent


@pytest.fixture
def gopro_counts(monkeypatch):
    monkeypatch.setattr(gopro, "EXPECTED", {"train": 3, "test": 1})


def _snapshot(folder):
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


@pytest.mark.usefixtures("gopro_counts")
@pytest.mark.parametrize("copy", [False, True])
def test_gopro_uses_blur_and_names_pictures_by_sequence(gopro_download, tmp_path, copy):
    done = tmp_path / "GoPro"
    before = _snapshot(gopro_download)
    counts, _ = prepare("gopro", gopro_download, done, jobs=2, copy=copy)
    assert counts == {"train": 3, "test": 1}
    assert [pair.name for pair in find_pairs(done / "train")] == [
        "GOPR0372_07_00-000047",
        "GOPR0372_07_00-000048",
        "GOPR0374_11_00-000047",
    ]
    sequence = gopro_download / "GOPRO_Large" / "test" / "GOPR0384_11_00"
    for part, kind in (("input", "blur"), ("target", "sharp")):
        got = done / "test" / part / "GOPR0384_11_00-000001.png"
        assert got.read_bytes() == (sequence / kind / "000001.png").read_bytes()
        assert got.samefile(sequence / kind / "000001.png") != copy
    assert _snapshot(gopro_download) == before


@pytest.mark.usefixtures("gopro_counts")
def test_interrupted_run_continues_and_keeps_finished_files(gopro_download, tmp_path):
    done = tmp_path / "GoPro"
    prepare("gopro", gopro_download, done, copy=True)
    (done / "train" / "input" / "GOPR0374_11_00-000047.png").unlink()
    kept = _snapshot(done)
    prepare("gopro", gopro_download, done, copy=True)
    after = _snapshot(done)
    changed = {path.name for path in after if after[path] != kept.get(path)}
    assert changed == {"GOPR0374_11_00-000047.png"}
    prepare("gopro", gopro_download, done, copy=True, force=True)
    assert all(stamp != after[path] for path, stamp in _snapshot(done).items())


def test_incomplete_download_is_refused_before_the_work(gopro_download, tmp_path):
    blurred = gopro_download / "GOPRO_Large" / "train" / "GOPR0372_07_00" / "blur" / "000048.png"
    blurred.unlink()
    with pytest.raises(UsageError) as error:
        prepare("gopro", gopro_download, tmp_path / "GoPro")
    message = str(error.value)
    assert "train has 2 of 2103 pairs, test has 1 of 1111 pairs" in message
    assert "sharp/000048.png has no partner" in message.replace("\\", "/")
    assert "train: sequence GOPR0372_07_01 is missing" in message
    assert "verify=False" in message
    assert not (tmp_path / "GoPro").exists()
    counts, notes = prepare("gopro", gopro_download, tmp_path / "GoPro", verify=False)
    assert counts == {"train": 2, "test": 1}
    assert len(notes) == 1 + 20 + 10


@pytest.mark.usefixtures("gopro_counts")
def test_other_files_in_the_destination_are_reported_and_kept(
    gopro_download, tmp_path, picture, write
):
    done = tmp_path / "GoPro"
    for part in ("input", "target"):
        write(done / "train" / part / "mine.png", picture(16, 16))
    with pytest.raises(UsageError, match="train has 4 of 3 pairs"):
        prepare("gopro", gopro_download, done)
    assert (done / "train" / "input" / "mine.png").exists()


@pytest.mark.usefixtures("gopro_counts")
def test_failed_copy_leaves_no_file(gopro_download, tmp_path, monkeypatch):
    def fail(source, target):
        target.write_bytes(b"half")
        raise OSError("disk full")

    monkeypatch.setattr("shutil.copyfile", fail)
    with pytest.raises(OSError, match="disk full"):
        prepare("gopro", gopro_download, tmp_path / "GoPro", copy=True)
    assert not _snapshot(tmp_path / "GoPro")


def test_rain13k_is_prepared_and_stray_files_are_noted(tmp_path, picture, write, monkeypatch):
    root = tmp_path / "download"
    sets = {"train/Rain13K": ["1.jpg", "2.png"], "test/Rain100L": ["1.png"]}
    sets["test/Test2800"] = ["926_10.jpg"]
    for folder, names in sets.items():
        for name in names:
            write(root / folder / "input" / name, picture(16, 16))
            write(root / folder / "target" / name.replace("png", "jpg"), picture(16, 16))
    write(root / "test/Test2800/input/926_10(1).jpg", picture(16, 16))
    expected = {"train": 2, "test/Rain100L": 1, "test/Test2800": 1}
    monkeypatch.setattr(rain13k, "EXPECTED", expected)
    counts, notes = prepare("rain13k", root, tmp_path / "Rain")
    assert counts == expected
    assert len(notes) == 1 and "926_10(1).jpg has no partner" in notes[0]
    assert sorted(p.name for p in (tmp_path / "Rain/train/input").iterdir()) == ["1.jpg", "2.png"]


@pytest.fixture
def sidd_download(tmp_path, picture, write, monkeypatch):
    monkeypatch.setattr(sidd, "PATCHES", 3)
    monkeypatch.setattr(sidd, "PATCH_SIZE", 16)
    monkeypatch.setattr(sidd, "PHOTOS", 3)
    monkeypatch.setattr(sidd, "SCENES", 2)
    monkeypatch.setattr(sidd, "BLOCKS", 3)
    monkeypatch.setattr(sidd, "EXPECTED", {"train": 9, "val": 6})
    monkeypatch.setattr(sidd, "EXPECTED_WHOLE", {"photos": 3, "val": 6})
    data = tmp_path / "download" / "SIDD_Medium_Srgb" / "Data"
    for seed, (scene, number) in enumerate(
        [
            ("0001_001_S6_00100_00060_3200_L", "010"),
            ("0001_001_S6_00100_00060_3200_L", "011"),
            ("0200_010_GP_01600_03200_5500_N", "010"),
        ]
    ):
        photo = picture(40, 50, seed)
        write(data / scene / f"{scene[:4]}_NOISY_SRGB_{number}.PNG", photo)
        write(data / scene / f"{scene[:4]}_GT_SRGB_{number}.PNG", 255 - photo)
    return tmp_path / "download"


def _matlab_blocks(folder):
    io = pytest.importorskip("scipy.io")
    blocks = np.random.default_rng(0).integers(0, 256, (2, 3, 16, 16, 3), np.uint8)
    for key, values in (("Noisy", blocks), ("Gt", 255 - blocks)):
        name = f"Validation{key}BlocksSrgb"
        io.savemat(folder / f"{name}.mat", {name: values})
    return blocks


def test_sidd_gives_patches_and_blocks(sidd_download, tmp_path):
    blocks = _matlab_blocks(sidd_download)
    done = tmp_path / "SIDD"
    counts, notes = prepare("sidd", sidd_download, done, jobs=2)
    assert counts == {"train": 9, "val": 6} and not notes
    pairs = find_pairs(done / "train")
    assert [p.name for p in pairs[:4]] == [
        "0001_010_001",
        "0001_010_002",
        "0001_010_003",
        "0001_011_001",
    ]
    for pair in pairs:
        patch = read_picture(pair.input)
        assert patch.shape == (16, 16, 3)
        assert np.array_equal(read_picture(pair.target), 255 - patch)
    assert len({read_picture(pair.input).tobytes() for pair in pairs}) == 9
    assert np.array_equal(read_picture(done / "val/input/0002_03.png"), blocks[1, 2])

    first = pairs[0].input.read_bytes()
    pairs[0].input.unlink()
    prepare("sidd", sidd_download, done)
    assert pairs[0].input.read_bytes() == first


def test_sidd_photos_are_linked_whole(sidd_download, tmp_path):
    _matlab_blocks(sidd_download)
    done = tmp_path / "SIDD"
    prepare("sidd", sidd_download, done)
    counts, notes = prepare("sidd-photos", sidd_download, done)
    assert counts == {"photos": 3, "val": 6} and not notes
    pairs = find_pairs(done / "photos")
    assert [pair.name for pair in pairs] == ["0001_010", "0001_011", "0200_010"]
    (source,) = sidd_download.rglob("0001_GT_SRGB_011.PNG")
    assert pairs[1].target.samefile(source)  # no space is taken


def test_sidd_lists_missing_files(sidd_download, tmp_path):
    (path,) = sidd_download.rglob("0200_GT_SRGB_010.PNG")
    path.unlink()
    with pytest.raises(UsageError) as error:
        prepare("sidd", sidd_download, tmp_path / "SIDD")
    for part in (
        "train has 6 of 9 pairs, val has 0 of 6 pairs",
        "0200_NOISY_SRGB_010.PNG has no ground truth",
        "train: 2 of 3 photos",
        "val: ValidationNoisyBlocksSrgb.mat and ValidationGtBlocksSrgb.mat missing",
    ):
        assert part in str(error.value)


def test_lol_is_prepared_and_missing_folders_are_named(tmp_path, picture, write, monkeypatch):
    root = tmp_path / "download" / "LOLdataset"
    for folder, names in {"our485": ["2", "5", "10"], "eval15": ["1"]}.items():
        for number, name in enumerate(names):
            write(root / folder / "low" / f"{name}.png", picture(16, 16, number))
            write(root / folder / "high" / f"{name}.png", 255 - picture(16, 16, number))
    done = tmp_path / "LOL"
    with pytest.raises(UsageError, match="train has 3 of 485 pairs, test has 1 of 15"):
        prepare("lol", root.parent, done)
    monkeypatch.setattr(lol, "EXPECTED", {"train": 3, "test": 1})
    counts, notes = prepare("lol", root.parent, done)
    assert counts == {"train": 3, "test": 1} and not notes
    for part, origin in (("input", "low"), ("target", "high")):
        got = done / "train" / part / "10.png"
        assert got.read_bytes() == (root / "our485" / origin / "10.png").read_bytes()
    (root / "eval15" / "low").rename(root / "eval15" / "dark")
    with pytest.raises(UsageError, match="test: no folder eval15 with low/ and high/ in it"):
        prepare("lol", root.parent, tmp_path / "other")


@pytest.mark.parametrize(
    ("inputs", "targets"),
    [("input", "expertC"), ("train/low", "train/high"), ("test/input", "test/target")],
)
def test_fivek_is_split_by_number_in_every_layout(
    tmp_path, picture, write, monkeypatch, inputs, targets
):
    root, done = tmp_path / "download", tmp_path / "FiveK"
    names = ["a0001-jmac_DSC1459", "4500", "a4501-kme_1", "a5000-x", "a5001-x", "notes2011"]
    for name in names:
        write(root / inputs / f"{name}.png", picture(16, 16))
        write(root / targets / f"{name}.jpg", picture(16, 16))
    write(root / inputs / "a0002-lonely.png", picture(16, 16))
    write(root / "zz" / "input" / "a0001.png", picture(16, 16))
    write(root / "zz" / "target" / "a0001.png", picture(16, 16))
    (root / "a0003.dng").write_bytes(b"raw")
    counts, notes = prepare("fivek", root, done, verify=False)
    assert counts == {"train": 2, "test": 2}
    assert [pair.name for pair in find_pairs(done / "test")] == ["a4501-kme_1", "a5000-x"]
    noted = "; ".join(notes)
    for part in (
        "a0002-lonely.png has no partner",
        "a0001.png is left out: its number is taken",
        "a5001-x.png is left out: it has no valid number",
        "notes2011.png is left out: it has no valid number",
        "1 raw files must first be exported",
    ):
        assert part in noted
    with pytest.raises(UsageError, match="train has 2 of 4500 pairs, test has 2 of 500"):
        prepare("fivek", root, tmp_path / "other")


def test_download_with_raw_files_only_is_explained(tmp_path):
    (tmp_path / "download").mkdir()
    (tmp_path / "download" / "a0001-x.dng").write_bytes(b"raw")
    with pytest.raises(UsageError, match=r"nothing of fivek \(1 raw files .* exported"):
        prepare("fivek", tmp_path / "download", tmp_path / "FiveK")


def test_expected_counts_are_the_published_ones():
    assert lol.EXPECTED == {"train": 485, "test": 15}
    assert fivek.EXPECTED == {"train": 4500, "test": 500}
    assert gopro.EXPECTED == {"train": 2103, "test": 1111}
    assert sidd.EXPECTED == {"train": 96000, "val": 1280}
    assert rain13k.EXPECTED["train"] == 13712
    assert [len(gopro.SEQUENCES[split].split()) for split in ("train", "test")] == [22, 11]


def test_empty_download_is_refused(tmp_path):
    for source, message in ((tmp_path / "no", "not a folder"), (tmp_path, "nothing of gopro")):
        with pytest.raises(UsageError, match=message):
            prepare("gopro", source, tmp_path / "out")
    with pytest.raises(UsageError, match="is the download"):
        prepare("gopro", tmp_path, tmp_path)


@pytest.mark.usefixtures("gopro_counts")
@pytest.mark.parametrize("copy", [False, True])
def test_linked_downloads_are_prepared(gopro_download, tmp_path, copy):
    """DVC and git-annex make such links; two links here lead back up."""
    linked = tmp_path / "linked"
    for path in gopro_download.rglob("*.png"):
        link = linked / path.relative_to(gopro_download)
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(os.path.relpath(path, link.parent))
    (linked / "loop").symlink_to(".")
    (linked / "GOPRO_Large" / "loop").symlink_to("..")
    done = tmp_path / "GoPro"
    counts, _ = prepare("gopro", linked, done, copy=copy)
    assert counts == {"train": 3, "test": 1}
    pairs = find_pairs(done / "train")
    assert not any(path.is_symlink() for pair in pairs for path in (pair.input, pair.target))


@pytest.mark.usefixtures("gopro_counts")
def test_a_second_picture_of_the_same_name_is_noted(gopro_download, tmp_path, picture, write):
    folder = gopro_download / "GOPRO_Large" / "train" / "GOPR0374_11_00" / "blur"
    write(folder / "000047.bmp", picture(16, 16))
    _, notes = prepare("gopro", gopro_download, tmp_path / "GoPro")
    assert any("000047.bmp has the same name as another picture" in note for note in notes)
