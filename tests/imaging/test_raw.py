"""Cameras' raw files: synthetic files whose developed pixels are known."""

import io
import struct
import sys

import imaging_samples as samples
import numpy as np
import pytest
from PIL import Image, ImageCms
from raw_samples import dng, longs, patches, srgb

from ppgan_mpr.errors import ImageError, MissingDependencyError
from ppgan_mpr.imaging import (
    Limits,
    PhotoReader,
    decode_photo,
    read_header,
    read_photo,
    writable_suffix,
    write_photo,
)

pytest.importorskip("rawpy")


@pytest.fixture(scope="module")
def reader():
    """Reads files as the command line does."""
    reader = PhotoReader()
    yield reader
    reader.close()


def inside(picture):
    """The middle of each of the three patches of :func:`patches`."""
    third = picture.shape[1] // 3
    return [picture[8:-8, start + 8 : start + third - 8] for start in (0, third, 2 * third)]


def test_pixels_are_the_light_on_the_sensor_in_srgb_with_16_bits(tmp_path):
    (tmp_path / "a.dng").write_bytes(dng(patches()))
    photo = read_photo(tmp_path / "a.dng")
    assert photo.pixels.dtype == np.uint16 and photo.lossless
    expected = srgb(patches())
    for found, wanted in zip(inside(photo.pixels / 65535), inside(expected)):
        np.testing.assert_allclose(found, wanted, atol=4e-4)


def test_dark_exposure_stays_dark():
    light = patches() * 0.7
    pixels = decode_photo(dng(light), "a.dng", ".dng").pixels / 65535
    for found, wanted in zip(inside(pixels), inside(srgb(light))):
        np.testing.assert_allclose(found, wanted, atol=4e-4)


@pytest.mark.parametrize(("orientation", "turns"), [(3, 2), (6, 3), (8, 1)])
def test_orientation_is_applied_once(tmp_path, orientation, turns):
    photo = decode_photo(dng(patches(), orientation), "a.dng", ".dng")
    upright = np.rot90(decode_photo(dng(patches()), "a.dng", ".dng").pixels, turns)
    np.testing.assert_array_equal(photo.pixels, upright)
    for name in ("a.tif", "a.png"):
        write_photo(photo, tmp_path / name)
        with Image.open(tmp_path / name) as image:
            assert image.getexif()[274] == 1


def test_result_is_a_16_bit_tiff_in_srgb_with_the_camera_s_exif(tmp_path):
    photo = decode_photo(dng(patches()), "a.dng", ".dng")
    assert writable_suffix(photo, ".dng") == ".tif"
    write_photo(photo, tmp_path / "a.tif")
    again = read_photo(tmp_path / "a.tif")
    np.testing.assert_array_equal(again.pixels, photo.pixels)
    profile = ImageCms.getOpenProfile(io.BytesIO(again.metadata.icc_profile))
    assert "sRGB" in ImageCms.getProfileDescription(profile)
    with Image.open(tmp_path / "a.tif") as image:
        exif = image.getexif()
        details, position = exif.get_ifd(34665), exif.get_ifd(34853)
    assert exif[271] == "Maker" and exif[306] == "2024:05:06 07:08:09"
    assert details[34855] == 400 and float(details[33434]) == pytest.approx(1 / 125)
    assert details[40961] == 1  # sRGB
    assert position == {1: "N"}
    assert not [tag for tag in exif if tag >= 50706 or tag in (33421, 33422)]


def test_colour_profile_does_not_hold_the_time_of_the_run():
    profile = decode_photo(dng(patches()), "a.dng", ".dng").metadata.icc_profile
    assert struct.unpack_from(">6H", profile, 24) == (2000, 1, 1, 0, 0, 0)


def test_content_decides_whether_a_file_is_raw(tmp_path):
    (tmp_path / "renamed.tif").write_bytes(dng(patches()))
    assert read_photo(tmp_path / "renamed.tif").format == "RAW"
    Image.fromarray(samples.ramp()).save(tmp_path / "photo.jpg")
    (tmp_path / "photo.jpg").rename(tmp_path / "photo.nef")
    assert read_photo(tmp_path / "photo.nef").format == "JPEG"


def test_raw_file_is_decoded_in_a_separate_process(tmp_path, reader, monkeypatch):
    (tmp_path / "a.dng").write_bytes(dng(patches()))
    monkeypatch.setitem(sys.modules, "rawpy", None)  # in this process only
    assert reader.read(tmp_path / "a.dng", isolated=False).size == (192, 96)


def test_size_is_checked_before_the_sensor_s_data_is_decoded():
    huge = dng(patches(), changed={256: longs(20000), 257: longs(20000)})
    with pytest.raises(ImageError, match=r"20000 x 20000 pixels would take 2.2 GB, more than"):
        decode_photo(huge, "a.dng", ".dng", Limits(nbytes=1 << 30).check_size)


@pytest.mark.parametrize(
    "data",
    [
        dng(patches(), changed={273: longs(30000)}),  # the strip ends after the end of the file
        dng(patches())[:20000],
        b"FUJIFILMCCD-RAW " + bytes(3000),
        b"\0\0\0\x18ftypcrx " + bytes(3000),
        b"IIRO\x08\0\0\0" + bytes(3000),
        b"\0MRM" + bytes(3000),
        b"II*\0\x10\0\0\0CR\2\0" + bytes(3000),
    ],
)
def test_damaged_raw_file_is_refused_in_one_sentence(tmp_path, data, capfd, reader):
    (tmp_path / "a.dng").write_bytes(data)
    with pytest.raises(ImageError) as caught:
        reader.read(tmp_path / "a.dng")
    message = str(caught.value)
    assert message.startswith(f"{tmp_path / 'a.dng'} cannot be read: the raw file is damaged")
    assert "\n" not in message
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("suffix", [".CR3", ".nef", ".dng"])
def test_other_content_under_a_raw_suffix_is_refused(tmp_path, suffix):
    (tmp_path / f"a{suffix}").write_bytes(b"anything")
    with pytest.raises(ImageError, match="not a picture in a known format"):
        read_photo(tmp_path / f"a{suffix}")
    with pytest.raises(ImageError, match="no such file"):
        read_photo(tmp_path / f"b{suffix}")


def test_missing_rawpy_is_named_with_the_command_that_installs_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "rawpy", None)
    (tmp_path / "a.dng").write_bytes(dng(patches()))
    with pytest.raises(MissingDependencyError, match=r"pip install 'ppgan_mpr\[raw\]'") as caught:
        read_photo(tmp_path / "a.dng")
    assert "raw" in str(caught.value) and "\n" not in str(caught.value)


def test_header_of_a_raw_file_is_not_that_of_its_preview(tmp_path):
    (tmp_path / "a.nef").write_bytes(dng(patches()))
    with pytest.raises(ImageError, match="camera's raw file"):
        read_header(tmp_path / "a.nef")


def test_preview_of_a_raw_file_is_not_read_as_the_picture(reader, tmp_path):
    preview = samples.pillow_file(
        Image.fromarray(samples.ramp()), "TIFF", tiffinfo={50706: b"\1\4\0\0"}
    )
    (tmp_path / "a.dng").write_bytes(preview)
    with pytest.raises(ImageError, match="the raw file is damaged"):
        reader.read(tmp_path / "a.dng")
