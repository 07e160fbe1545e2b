"""Headers of picture files, lists of folders, and matching by name."""

from __future__ import annotations

import imaging_samples as samples
import numpy as np
import pytest
from PIL import Image

from ppgan_mpr.errors import ImageError
from ppgan_mpr.imaging import Metadata, Photo, from_array, read_header, read_photo, write_photo
from ppgan_mpr.imaging.pairing import list_pictures, match_by_stem

EXIF_6 = samples.exif_block(6)  # stored on its side


@pytest.mark.parametrize(
    ("suffix", "dtype"),
    [(suffix, "uint8") for suffix in (".png", ".tif", ".jpg", ".webp", ".bmp", ".jp2", ".ppm")]
    + [(suffix, "uint16") for suffix in (".png", ".tif", ".ppm")],
)
def test_header_is_that_of_the_decoded_photo(tmp_path, suffix, dtype):
    path = tmp_path / f"a{suffix}"
    write_photo(from_array(samples.noise(3, dtype)), path)
    photo, header = read_photo(path), read_header(path)
    assert (header.width, header.height) == photo.size
    assert header.itemsize == photo.pixels.itemsize
    assert header.nbytes == photo.pixels.nbytes
    assert header.orientation == 1


@pytest.mark.parametrize("form", ["png", "jpeg", "tiff", "webp", "late exif in png"])
def test_header_is_that_of_the_upright_photo(tmp_path, form):
    image = Image.fromarray(samples.ramp())
    path = tmp_path / f"a.{form.split()[-1]}"
    if form == "tiff":
        image.save(path, tiffinfo={0x0112: 6})
    elif form == "late exif in png":  # after more than the first kilobytes
        profile = np.random.default_rng(0).bytes(20000)
        image.save(path, exif=EXIF_6, icc_profile=profile)
    else:
        image.save(path, exif=b"Exif\0\0" + EXIF_6)
    header = read_header(path)
    assert (header.width, header.height) == read_photo(path).size == (48, 64)
    assert header.orientation == 6


def test_header_of_deep_tiff_needs_no_decoding(tmp_path):
    photo = from_array(samples.noise(3, "uint16"))
    write_photo(photo, tmp_path / "a.tif")
    data = bytearray((tmp_path / "a.tif").read_bytes())
    data[8:200] = bytes(192)  # in the pixels
    (tmp_path / "a.tif").write_bytes(data)
    assert read_header(tmp_path / "a.tif") == (13, 17, 2, 1)


@pytest.mark.parametrize(
    "content", [b"", b"no picture", b"\x89PNG\r\n\x1a\n", b"II*\0\xff\xff\xff\0"]
)
def test_files_without_a_header_are_refused(tmp_path, content):
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(ImageError, match=r"a\.png"):
        read_header(tmp_path / "a.png")
    with pytest.raises(ImageError, match="No such file"):
        read_header(tmp_path / "b.png")


def touch(folder, *names):
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / name).write_bytes(b"")
    return folder


def test_pictures_are_listed_by_suffix(tmp_path):
    folder = touch(tmp_path / "f", "b.PNG", "a.jpg", ".hidden.png", "notes.txt", "c.nef")
    (folder / "d.png").mkdir()
    (folder / "e.png").symlink_to("missing.png")  # to be reported by whoever reads it
    assert [path.name for path in list_pictures(folder)] == ["a.jpg", "b.PNG", "e.png"]
    assert [path.name for path in list_pictures(folder, {".txt"})] == ["notes.txt"]


def test_matching_by_stem_reports_the_rest(tmp_path):
    left = touch(tmp_path / "left", "2.png", "1.jpg", "1.png", "3.png")
    right = touch(tmp_path / "right", "1.tif", "2.bmp", "4.png")
    matches = match_by_stem((left, right))
    assert matches.groups == {
        "1": (left / "1.png", right / "1.tif"),
        "2": (left / "2.png", right / "2.bmp"),
    }
    assert matches.unmatched == ([left / "3.png"], [right / "4.png"])
    assert matches.duplicates == ([(left / "1.jpg", left / "1.png")], [])


def test_matching_takes_an_ending_off_the_first_folder_only(tmp_path):
    results = touch(tmp_path / "results", "a_new.png", "b_new.png", "c_new.png")
    targets = touch(tmp_path / "targets", "a.png", "b_new.png", "c.png")
    matches = match_by_stem((results, targets), ending="_new")
    assert list(matches.groups) == ["a", "b_new", "c"]
    assert matches.unmatched == ([], [])


def test_three_folders_match_where_all_have_a_picture(tmp_path):
    folders = [touch(tmp_path / name, "a.png", f"{name}.png") for name in "xyz"]
    matches = match_by_stem(folders)
    assert list(matches.groups) == ["a"]
    assert [[path.name for path in paths] for paths in matches.unmatched] == [
        ["x.png"], ["y.png"], ["z.png"]
    ]  # fmt: skip


def test_16_bit_grey_with_alpha_is_a_valid_png(tmp_path):
    photo = from_array(samples.noise(2, "uint16", 60, 50))
    photo = Photo(photo.pixels, photo.alpha, Metadata(exif=samples.exif_block()))
    write_photo(photo, tmp_path / "a.png")
    again = read_photo(tmp_path / "a.png")
    np.testing.assert_array_equal(again.to_array(), photo.to_array())
    assert again.metadata.exif == photo.metadata.exif
    with Image.open(tmp_path / "a.png") as image:
        assert image.info.get("exif") is not None
        image.load()  # checks every checksum
