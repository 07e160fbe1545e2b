"""Files that cannot be read or written: one sentence, no traceback, nothing left behind."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import imaging_samples as samples
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from ppgan_mpr.errors import ImageError
from ppgan_mpr.imaging import SUFFIXES, from_array, read_photo, writable_suffix, write_photo
from ppgan_mpr.imaging import write as writer


def files() -> dict[str, bytes]:
    """One good file of each kind."""
    made = {}
    for suffix, array in (
        (".png", samples.noise(4, "uint8")),
        (".16.png", samples.noise(4, "uint16")),
        (".jpg", samples.ramp()),
        (".tif", samples.noise(3, "uint8")),
        (".16.tif", samples.noise(3, "uint16")),
        (".webp", samples.noise(3, "uint8")),
        (".bmp", samples.noise(3, "uint8")),
        (".jp2", samples.ramp()),
        (".16.ppm", samples.noise(3, "uint16")),
        (".tga", samples.noise(3, "uint8")),
    ):
        photo = from_array(array)
        if suffix.rpartition(".")[2] in ("png", "jpg", "tif", "webp"):
            photo = samples.annotated(array)
        made[suffix] = writer.encode(photo, writer.target_of(photo, Path("x" + suffix)))
    made[".gif"] = samples.pillow_file(Image.fromarray(samples.ramp()).quantize(), "GIF")
    made[".lzw.tif"] = samples.pillow_file(
        Image.fromarray(samples.ramp()), "TIFF", compression="tiff_lzw"
    )
    return made


GOOD = files()


def assert_one_sentence(error: BaseException, path) -> None:
    text = str(error)
    assert text.startswith(f"{path} cannot be ")
    assert "\n" not in text and len(text) < 300 + len(str(path))


@pytest.mark.parametrize("suffix", GOOD)
def test_truncated_files(tmp_path, suffix, capfd):
    path = tmp_path / f"cut{suffix}"
    for part in (0.02, 0.3, 0.6, 0.95):
        path.write_bytes(GOOD[suffix][: int(len(GOOD[suffix]) * part)])
        with pytest.raises(ImageError) as caught:
            read_photo(path)
        assert_one_sentence(caught.value, path)
    if cv2.__version__ >= "4.7" or suffix not in (".bmp", ".16.ppm"):  # it printed regardless
        assert capfd.readouterr().err == ""


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_damaged_files_are_read_or_refused_in_one_sentence(tmp_path, data):
    suffix = data.draw(st.sampled_from(sorted(GOOD)))
    damaged = bytearray(GOOD[suffix])
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, min(len(damaged), 1200) - 1))
        damaged[at] = data.draw(st.integers(0, 255))
    path = tmp_path / f"damaged{suffix}"
    path.write_bytes(bytes(damaged))
    try:
        photo = read_photo(path)
    except ImageError as error:
        assert_one_sentence(error, path)
    else:
        assert photo.pixels.dtype in (np.uint8, np.uint16)
        write_photo(photo, tmp_path / "out.png")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "the file is empty"),
        (b"just some text\n", "not a picture"),
        (b"\x89PNG\r\n\x1a\n", "ends before the picture"),
        (b"\x89PNG\r\n\x1a\n" + samples.chunk(b"IHDR", bytes(13)), "ends before the picture"),
        (samples.raw_png([b""], 0, 8, 0), "damaged"),
        (samples.raw_png([b"\0"], 1, 8, 0).replace(b"IDAT", b"IDAX"), "damaged"),
        (b"II*\0\xff\xff\0\0", "damaged"),
        (b"\xff\xd8\xff\xe0", "damaged"),
        (b"GIF89a", "damaged"),
        (b"BM" + bytes(60), "damaged|not a picture"),
        (b"\0\0\0\x1cftypavif" + bytes(60), "damaged|not a picture"),
    ],
)
def test_files_that_are_not_pictures_are_refused(tmp_path, content, words, capfd):
    path = tmp_path / "photo.png"
    path.write_bytes(content)
    with pytest.raises(ImageError, match=words) as caught:
        read_photo(path)
    assert_one_sentence(caught.value, path)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("kind", [b"IHDR", b"IDAT"])
def test_a_wrong_checksum_in_a_16_bit_png(tmp_path, kind, capfd):
    damaged = bytearray(GOOD[".16.png"])
    damaged[damaged.index(kind) + 7] ^= 1
    path = tmp_path / "damaged.png"
    path.write_bytes(bytes(damaged))
    with pytest.raises(ImageError, match="a part of its data is damaged"):
        read_photo(path)
    assert capfd.readouterr().err == ""


def test_a_tiff_cut_within_its_pixels(tmp_path):
    data = samples.pillow_file(Image.fromarray(samples.noise(1, "uint16", 60, 60)), "TIFF")
    assert int.from_bytes(data[4:8], "little") < 100  # the directory comes first
    (tmp_path / "a.tif").write_bytes(data[:-100])
    with pytest.raises(ImageError, match="the file ends before the picture does"):
        read_photo(tmp_path / "a.tif")


def test_decoder_errors_become_one_sentence(tmp_path, monkeypatch):
    def fail(*args):
        raise ValueError("first\nsecond\x1b[31m" + "x" * 1000)

    monkeypatch.setattr("ppgan_mpr.imaging.read.decode", fail)
    (tmp_path / "a.png").write_bytes(b"something")
    with pytest.raises(ImageError, match="firstsecond") as caught:
        read_photo(tmp_path / "a.png")
    assert_one_sentence(caught.value, tmp_path / "a.png")
    assert str(caught.value).isprintable()


def test_unreadable_paths_are_explained(tmp_path):
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "link.png").symlink_to(tmp_path / "nowhere.png")
    for name, words in (
        ("folder.png", "it is a folder"),
        ("link.png", "the link points to a missing file"),
        ("missing.png", "there is no such file"),
        ("nul\0.png", "null|NUL"),
        ("x" * 300, "[Ff]ile name too long"),
    ):
        with pytest.raises(ImageError, match=words) as caught:
            read_photo(tmp_path / name)
        assert_one_sentence(caught.value, tmp_path / name)


def test_missing_permissions_are_explained(tmp_path):
    photo = from_array(samples.ramp())
    write_photo(photo, tmp_path / "a.png")
    (tmp_path / "a.png").chmod(0)
    if os.access(tmp_path / "a.png", os.R_OK):
        pytest.skip("this user may read everything")
    with pytest.raises(ImageError, match="Permission denied"):
        read_photo(tmp_path / "a.png")
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(ImageError, match="Permission denied"):
            write_photo(photo, tmp_path / "b.png")
    finally:
        tmp_path.chmod(0o700)


def test_a_link_is_read_through(tmp_path):
    write_photo(from_array(samples.ramp()), tmp_path / "a.png")
    (tmp_path / "link.png").symlink_to("a.png")
    np.testing.assert_array_equal(read_photo(tmp_path / "link.png").pixels, samples.ramp())


def test_writing_to_a_link_replaces_the_link(tmp_path):
    write_photo(from_array(samples.ramp()), tmp_path / "original.png")
    (tmp_path / "out.png").symlink_to("original.png")
    write_photo(from_array(255 - samples.ramp()), tmp_path / "out.png")
    np.testing.assert_array_equal(read_photo(tmp_path / "original.png").pixels, samples.ramp())
    assert not (tmp_path / "out.png").is_symlink()


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".16.png", ".tif"])
@pytest.mark.parametrize("error", [OSError("broken"), KeyboardInterrupt(), MemoryError()])
def test_failing_encoder_keeps_the_earlier_file(tmp_path, monkeypatch, suffix, error):
    def fail(*args, **kwargs):
        raise error

    for place, name in (
        (Image.Image, "save"),
        (writer.png, "encode_16bit"),
        (writer.tiff, "encode"),
    ):
        monkeypatch.setattr(place, name, fail)
    photo = from_array(samples.noise(3, "uint16" if "16" in suffix else "uint8"))
    path = tmp_path / f"out{suffix}"
    path.write_bytes(b"the earlier result")
    with pytest.raises(KeyboardInterrupt if isinstance(error, KeyboardInterrupt) else ImageError):
        write_photo(photo, path)
    assert path.read_bytes() == b"the earlier result"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_full_disk_keeps_the_earlier_file(tmp_path, monkeypatch, error):
    def fail(self, target):
        assert self.name.startswith(".") and self.parent == tmp_path
        assert self.stat().st_size > 0
        raise error

    monkeypatch.setattr(type(tmp_path), "replace", fail)
    path = tmp_path / "out.png"
    path.write_bytes(b"the earlier result")
    with pytest.raises((ImageError, KeyboardInterrupt)) as caught:
        write_photo(from_array(samples.ramp()), path)
    if isinstance(caught.value, ImageError):
        assert_one_sentence(caught.value, path)
        assert "No space left on device" in str(caught.value)
    assert path.read_bytes() == b"the earlier result"
    assert list(tmp_path.iterdir()) == [path]


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(ImageError, match="No such file or directory") as caught:
        write_photo(from_array(samples.ramp()), tmp_path / "nowhere" / "a.png")
    assert_one_sentence(caught.value, tmp_path / "nowhere" / "a.png")


@pytest.mark.skipif(os.name != "posix", reason="permission bits")
def test_permissions_follow_the_umask(tmp_path):
    before = os.umask(0o027)
    try:
        write_photo(from_array(samples.ramp()), tmp_path / "a.png")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a.png").stat().st_mode) == 0o640


def test_the_longest_name_can_be_written(tmp_path):
    path = tmp_path / ("x" * 251 + ".png")
    write_photo(from_array(samples.ramp()), path)
    assert read_photo(path).size == (64, 48)


def test_lossy_conversion_is_refused_with_an_alternative(tmp_path):
    opaque = np.full((4, 4), 255, np.uint8)
    rgba = from_array(samples.noise(4, "uint8"))
    deep = from_array(samples.noise(3, "uint16"))
    profiled = samples.annotated(samples.ramp())
    for photo, suffix, words in (
        (rgba, ".jpg", "lose the transparency"),
        (deep, ".jpg", "lose the 16-bit depth"),
        (deep, ".webp", "lose the 16-bit depth"),
        (profiled, ".bmp", "lose the colour profile"),
        (deep, ".gif", r"\.gif pictures cannot be written here"),
        (deep, "", "without a suffix"),
    ):
        with pytest.raises(ImageError, match=words) as caught:
            write_photo(photo, tmp_path / f"a{suffix}")
        assert_one_sentence(caught.value, tmp_path / f"a{suffix}")
        assert ".png" in str(caught.value)
    assert not list(tmp_path.iterdir())
    # ... unless this photo loses nothing.
    write_photo(from_array(np.dstack([samples.ramp()[:4, :4], opaque])), tmp_path / "a.jpg")


def test_picture_too_large_for_the_format_is_refused(tmp_path):
    with pytest.raises(ImageError, match="would lose all pixels beyond 65500 on a side") as caught:
        write_photo(from_array(np.zeros((1, 66000), np.uint8)), tmp_path / "a.jpg")
    assert_one_sentence(caught.value, tmp_path / "a.jpg")


@pytest.mark.parametrize(
    ("channels", "dtype", "suffix", "expected"),
    [
        (1, "uint8", ".pgm", ".pgm"),
        (3, "uint8", ".JPG", ".JPG"),
        (3, "uint8", ".Tiff", ".Tiff"),
        (3, "uint8", ".gif", ".png"),
        (3, "uint8", ".psd", ".png"),
        (3, "uint8", "", ".png"),
        (4, "uint8", ".jpg", ".png"),
        (4, "uint8", ".bmp", ".png"),
        (4, "uint8", ".webp", ".webp"),
        (3, "uint16", ".jpg", ".png"),
        (3, "uint16", ".tif", ".tif"),
        (3, "uint16", ".ppm", ".ppm"),
    ],
)
def test_writable_suffix(channels, dtype, suffix, expected):
    assert writable_suffix(from_array(samples.noise(channels, dtype)), suffix) == expected


def test_a_jpeg_under_another_name_stays_a_jpeg(tmp_path):
    Image.fromarray(samples.ramp()).save(tmp_path / "a.mpo", format="JPEG")
    assert writable_suffix(read_photo(tmp_path / "a.mpo"), ".mpo") == ".jpg"


def test_photographs_larger_than_pillows_limit(tmp_path, monkeypatch, recwarn):
    """The limit guards web servers; here it would refuse a panorama."""
    for suffix in (".png", ".jpg", ".tif", ".webp"):
        write_photo(from_array(samples.ramp()), tmp_path / f"a{suffix}")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 2000)  # the ramp has 3072
    for suffix in (".png", ".jpg", ".tif", ".webp"):
        assert read_photo(tmp_path / f"a{suffix}").size == (64, 48)
    assert Image.MAX_IMAGE_PIXELS == 2000
    assert [str(item.message) for item in recwarn] == []


def test_oversized_headers_are_refused(tmp_path):
    huge = samples.raw_png([b"\0"], 1 << 30, 8, 0)
    (tmp_path / "a.png").write_bytes(huge.replace(huge[16:33], b"")[:8] + huge[8:])
    with pytest.raises(ImageError):
        read_photo(tmp_path / "a.png")
    header = (1 << 20).to_bytes(4, "big") * 2 + bytes([8, 0, 0, 0, 0])
    body = (
        samples.chunk(b"IHDR", header) + samples.chunk(b"IDAT", b"") + samples.chunk(b"IEND", b"")
    )
    (tmp_path / "b.png").write_bytes(b"\x89PNG\r\n\x1a\n" + body)
    with pytest.raises(ImageError, match="1048576 x 1048576 pixels are more than"):
        read_photo(tmp_path / "b.png")


def test_several_threads_read_and_write(tmp_path):
    def there_and_back(seed: int) -> bool:
        picture = samples.noise(3, ("uint8", "uint16")[seed % 2], 40, 50, seed)
        path = tmp_path / f"{seed}{('.png', '.tif')[seed // 2 % 2]}"
        write_photo(from_array(picture), path)
        return bool((read_photo(path).pixels == picture).all())

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(there_and_back, range(40)))


def test_suffixes_are_known_to_a_reader():
    Image.init()
    assert {".jpg", ".jpeg", ".png", ".tif", ".tiff", ".webp", ".bmp", ".heic"} <= SUFFIXES
    assert all(suffix == suffix.lower() and suffix.startswith(".") for suffix in SUFFIXES)
    known = set(Image.registered_extensions())
    assert len(SUFFIXES - known) < 16  # those of HEIF, OpenCV, AVIF and rare aliases
    assert PngImagePlugin.PngImageFile.format == "PNG"


def test_importing_does_not_load_opencv(root):
    code = "import sys, ppgan_mpr.imaging; sys.exit('cv2' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=root, check=False).returncode == 0
