import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from ppgan_mpr.errors import ImageError, UsageError
from ppgan_mpr.metrics import evaluate_folders, get_protocol

GOPRO = get_protocol("gopro")


def write(path, pixels, **options):
    path.parent.mkdir(exist_ok=True)
    Image.fromarray(pixels).save(path, **options)


@pytest.fixture
def folders(tmp_path):
    """Folders of two restored pictures of different sizes and of their targets."""
    rng = np.random.default_rng(0)
    restored, target = tmp_path / "restored", tmp_path / "target"
    for name, size, noise in (("a_restoration", (20, 30), 4), ("b", (16, 16), 9)):
        clean = rng.integers(60, 200, (*size, 3), dtype=np.uint8)
        write(target / f"{name.partition('_')[0]}.png", clean)
        write(restored / f"{name}.bmp", clean + np.uint8(noise))
    (restored / "scores.json").write_text("{}")
    (target / ".hidden.png").write_text("")
    return restored, target


@pytest.mark.parametrize("jobs", [1, 2])
def test_pictures_are_paired_by_stem(folders, jobs):
    table = evaluate_folders(*folders, GOPRO, jobs=jobs)
    assert list(table.scores) == ["a", "b"]
    assert table.scores["a"]["psnr"] == pytest.approx(20 * np.log10(255 / 4))
    assert table.scores["b"]["psnr"] == pytest.approx(20 * np.log10(255 / 9))


def test_target_names_may_end_in_restoration_too(folders):
    restored, target = folders
    (target / "a.png").rename(target / "a_restoration.png")
    assert list(evaluate_folders(restored, target, GOPRO).scores) == ["a_restoration", "b"]


def test_all_pairing_problems_are_in_one_message(folders):
    restored, target = folders
    black = np.zeros((16, 16, 3), np.uint8)
    write(restored / "orphan.png", black)
    write(target / "widow.png", black)
    write(restored / "a.png", black)
    write(target / "b.jpg", black)
    with pytest.raises(ImageError) as error:
        evaluate_folders(restored, target, GOPRO)
    for part in ("orphan.png has no target", "widow.png has no restored", "a.png", "b.jpg"):
        assert part in str(error.value)


def test_all_sizes_are_checked_before_scoring(folders, monkeypatch):
    restored, target = folders
    write(restored / "b.bmp", np.zeros((16, 17, 3), np.uint8))
    with pytest.raises(ImageError, match=r"b\.bmp has 17x16 pixels, its target 16x16"):
        evaluate_folders(restored, target, GOPRO)
    with pytest.raises(ImageError, match=r"a\.png.*blocks[\s\S]*b\.bmp has 17x16"):
        evaluate_folders(restored, target, get_protocol("sidd"))


def test_sizes_are_those_of_the_upright_picture(folders):
    restored, target = folders
    exif = Image.Exif()
    exif[0x0112] = 6  # stored rotated by 90 degrees
    clean = np.asarray(Image.open(target / "a.png"))
    write(restored / "a_restoration.bmp", clean)
    write(target / "a.png", np.ascontiguousarray(np.rot90(clean)), exif=exif)
    assert evaluate_folders(restored, target, GOPRO).scores["a"]["psnr"] == np.inf


def test_orientation_after_the_pixels_of_a_png_counts(folders):
    restored, target = folders
    clean = np.asarray(Image.open(target / "a.png"))
    write(restored / "a_restoration.bmp", clean)
    write(target / "a.png", np.ascontiguousarray(np.rot90(clean)))
    exif = Image.Exif()
    exif[0x0112] = 6
    body = exif.tobytes()[6:]
    chunk = struct.pack(">I", len(body)) + b"eXIf" + body
    chunk += struct.pack(">I", zlib.crc32(b"eXIf" + body))
    data = (target / "a.png").read_bytes()
    (target / "a.png").write_bytes(data[:-12] + chunk + data[-12:])
    assert evaluate_folders(restored, target, GOPRO).scores["a"]["psnr"] == np.inf


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_damaged_picture_is_named(folders, jobs):
    restored, target = folders
    content = (target / "a.png").read_bytes()
    (target / "a.png").write_bytes(content[: len(content) // 2])
    with pytest.raises(ImageError, match=r"a\.png"):
        evaluate_folders(restored, target, GOPRO, jobs=jobs)


def test_missing_and_empty_folders_are_refused(folders, tmp_path):
    with pytest.raises(UsageError, match="nowhere"):
        evaluate_folders(tmp_path / "nowhere", folders[1], GOPRO)
    (tmp_path / "empty").mkdir()
    with pytest.raises(ImageError, match="no pictures"):
        evaluate_folders(tmp_path / "empty", tmp_path / "empty", GOPRO)
