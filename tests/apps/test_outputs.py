"""Names of outputs, and the protection of existing files."""

import os
import stat
import threading
import unicodedata
from pathlib import Path

import numpy as np
import pytest
from apps_samples import picture, predictor
from PIL import Image

from ppgan_mpr import MPRPredictor
from ppgan_mpr.errors import UsageError
from ppgan_mpr.imaging import write_photo


def test_existing_output_is_left_alone(tmp_path):
    picture().save(tmp_path / "a.png")
    output = tmp_path / "out" / "Denoising" / "a_restoration.png"
    output.parent.mkdir(parents=True)
    output.write_text("mine")
    result = predictor(tmp_path).run(tmp_path / "a.png")[0]
    assert "exists" in result.error
    result = predictor(tmp_path, existing="skip").run(tmp_path / "a.png")[0]
    assert "exists, is not a picture, and was left alone" in result.error
    assert output.read_text() == "mine"
    result = predictor(tmp_path, existing="overwrite").run(tmp_path / "a.png")[0]
    assert result.ok
    Image.open(output).verify()


def test_skipping_requires_a_result_of_the_same_picture(tmp_path):
    (tmp_path / "in").mkdir()
    picture().save(tmp_path / "in" / "x.png")
    skipping = predictor(tmp_path, existing="skip")
    assert not skipping.run(tmp_path / "in")[0].skipped
    picture(1).save(tmp_path / "in" / "x.jpg")  # same stem, never restored
    picture(2, mode="P").save(tmp_path / "in" / "y.gif")  # its result has another suffix
    results = {Path(r.source).name: r for r in skipping.run(tmp_path / "in")}
    assert {name: r.skipped for name, r in results.items()} == {
        "x.jpg": False,
        "x.png": True,
        "y.gif": False,
    }
    assert results["y.gif"].output.name == "y_restoration.png"
    assert all(result.skipped for result in skipping.run(tmp_path / "in"))


def test_output_folder_below_a_file_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="is a file"):
        MPRPredictor(tmp_path / "file" / "sub", task="Denoising", model="lite")


def test_format_is_the_users_choice(tmp_path):
    picture().save(tmp_path / "a.png")
    result = predictor(tmp_path, suffix=".jpg").run(tmp_path / "a.png")[0]
    assert result.output.name == "a_restoration.jpg"
    assert Image.open(result.output).format == "JPEG"


def test_failing_write_leaves_nothing(tmp_path, monkeypatch):
    from ppgan_mpr.apps import outputs as module

    def fail(photo, path, **options):
        write_photo(photo, path, **options)
        path.unlink()
        raise OSError("No space left on device")

    monkeypatch.setattr(module, "write_photo", fail)
    picture().save(tmp_path / "a.png")
    result = predictor(tmp_path).run(tmp_path / "a.png")[0]
    assert "No space left" in result.error


@pytest.mark.parametrize("jobs", [1, 3])
@pytest.mark.parametrize("existing", ["error", "skip", "overwrite"])
def test_first_source_gets_the_name_in_any_order_of_reading(tmp_path, jobs, existing):
    for number, folder in enumerate(("100", "101")):
        (tmp_path / folder).mkdir()
        picture(number).save(tmp_path / folder / "IMG_1.png")
    picture(2).save(tmp_path / "100" / "IMG_1.gif")  # whose result would be a .png as well
    paths = [tmp_path / name for name in ("100/IMG_1.gif", "100/IMG_1.png", "101/IMG_1.png")]
    for _ in range(2 if existing == "skip" else 1):
        gif, png, other = predictor(tmp_path, jobs=jobs, existing=existing).run(paths)
        assert png.ok
        for result in (gif, other):
            assert "would overwrite that of" in result.error and "100/IMG_1.png" in result.error


def test_threads_lose_no_result(tmp_path):
    shared, folder = predictor(tmp_path), tmp_path / "out" / "Denoising"
    results = [None] * 6

    def restore(index):
        results[index] = shared.run(np.full([9 + index, 8, 3], 90, np.uint8))[0]

    threads = [threading.Thread(target=restore, args=(index,)) for index in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [result.error for result in results] == [None] * 6
    assert sorted(Image.open(result.output).size[1] for result in results) == [*range(9, 15)]
    assert len(list(folder.iterdir())) == 6


def test_picture_in_memory_takes_the_next_free_number(tmp_path, monkeypatch):
    from ppgan_mpr.apps import outputs as module

    def another_program(photo, path, *how):
        if path.name == "image_restoration.png" and not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"another's")
        return target_of(photo, path, *how)

    target_of = module.target_of
    monkeypatch.setattr(module, "target_of", another_program)
    (result,) = predictor(tmp_path).run(np.full([9, 8, 3], 90, np.uint8))
    assert result.error is None
    assert result.output.name == "image-2_restoration.png"
    assert result.output.with_name("image_restoration.png").read_bytes() == b"another's"


def test_result_written_meanwhile_by_another_program_is_kept(tmp_path, monkeypatch):
    from ppgan_mpr.apps import outputs as module

    def late(photo, path, **options):
        if not path.exists():
            path.write_bytes(b"another's")
        write_photo(photo, path, **options)

    monkeypatch.setattr(module, "write_photo", late)
    picture().save(tmp_path / "a.png")
    result = predictor(tmp_path).run(tmp_path / "a.png")[0]
    assert "exists and was left alone" in result.error
    (path,) = (tmp_path / "out" / "Denoising").iterdir()
    assert path.read_bytes() == b"another's"


def test_result_that_another_program_made_meanwhile_is_skipped(tmp_path):
    picture().save(tmp_path / "a.png")
    output = tmp_path / "out" / "Denoising" / "a_restoration.png"

    def another_program(*_):
        picture(1).save(output)

    skipping = predictor(tmp_path, existing="skip", tile_progress=another_program)
    (result,) = skipping.run(tmp_path / "a.png")
    assert result.skipped and result.ok
    assert result.output == output
    assert "does not say how it was made" in result.record.warnings[0]
    assert np.array_equal(np.asarray(Image.open(output)), np.asarray(picture(1)))


@pytest.mark.parametrize("existing", ["skip", "error"])
@pytest.mark.parametrize(
    ("made", "when"),
    [
        ("link", "before"),
        ("folder", "before"),
        ("link", "meanwhile"),
        ("folder", "meanwhile"),
        ("half a picture", "meanwhile"),
    ],
)
def test_output_name_taken_by_another_file_is_an_error(tmp_path, made, when, existing):
    picture().save(tmp_path / "a.png")
    output = tmp_path / "out" / "Denoising" / "a_restoration.png"
    output.parent.mkdir(parents=True)

    def make(*_):
        if made == "link":
            output.symlink_to(tmp_path / "missing.png")
        elif made == "folder":
            output.mkdir()
        else:
            output.write_bytes((tmp_path / "a.png").read_bytes()[:100])

    if when == "before":
        make()
    result = predictor(
        tmp_path, existing=existing, tile_progress=None if when == "before" else make
    ).run(tmp_path / "a.png")[0]
    assert not result.skipped
    assert "left alone" in result.error
    assert os.path.lexists(output)
    assert not (tmp_path / "missing.png").exists()


def test_outputs_that_cannot_be_written_are_refused_before_the_work(tmp_path, monkeypatch):
    from ppgan_mpr.inference import Restorer

    def never(*_):
        raise AssertionError("worked in vain")

    monkeypatch.setattr(Restorer, "strips", never)
    picture(mode="RGB").convert("RGBA").save(tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as image:
        image.putalpha(7)
        image.save(tmp_path / "a.png")
    result = predictor(tmp_path, suffix=".jpg").run(tmp_path / "a.png")[0]
    assert "JPEG would lose the transparency" in result.error
    with pytest.raises(UsageError, match="/proc/absent/Denoising cannot be made"):
        MPRPredictor("/proc/absent", task="Denoising", model="lite").run(tmp_path / "a.png")


def test_accepted_loss_is_reported(tmp_path):
    picture().convert("RGBA").save(tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as image:
        image.putalpha(0)
        image.save(tmp_path / "a.png")
    (result,) = predictor(tmp_path, suffix=".jpg", allow_loss=True).run(tmp_path / "a.png")
    assert result.error is None
    assert result.record.warnings == ("the result lacks the transparency",)
    assert (np.asarray(Image.open(result.output)) == 255).all()


@pytest.mark.parametrize("fill", [0, 257 * 90])
def test_16_bit_pictures_stay_16_bit_for_any_values(tmp_path, fill):
    """The format is chosen before restoration, whose values would not fit into 8 bits."""
    pixels = np.full([9, 9], fill, np.uint16)
    Image.fromarray(pixels).save(tmp_path / "a.jp2")
    result = predictor(tmp_path).run(tmp_path / "a.jp2")[0]
    assert result.output.suffix == ".png"


@pytest.mark.skipif(os.name == "nt", reason="POSIX permissions")
@pytest.mark.parametrize(("mode", "expected"), [(0o600, 0o600), (0o640, 0o640), (0o777, 0o644)])
def test_private_photo_stays_private(tmp_path, mode, expected):
    """Permissions are the source's without those that the umask removes; never executable."""
    picture().save(tmp_path / "a.png")
    (tmp_path / "a.png").chmod(mode)
    os.utime(tmp_path / "a.png", (1, 1))
    mask = os.umask(0o022)
    try:
        output = predictor(tmp_path).run(tmp_path / "a.png")[0].output
    finally:
        os.umask(mask)
    assert stat.S_IMODE(output.stat().st_mode) == expected
    assert output.stat().st_mtime > 1  # the time is that of the new file


def test_result_reports_lost_metadata(tmp_path):
    exif = Image.Exif()
    exif[0x010F] = "Maker"
    exif.get_ifd(0x8825)[1] = "N"
    picture().save(tmp_path / "a.jpg", exif=exif, comment="by the lake", dpi=(300, 300))
    result = predictor(tmp_path, suffix=".tga").run(tmp_path / "a.jpg")[0]
    (warning,) = result.record.warnings
    assert warning == (
        "the result lacks the EXIF data, the GPS position and the resolution (300 dpi)"
    )
    assert not predictor(tmp_path).run(tmp_path / "a.jpg")[0].record.warnings


@pytest.mark.parametrize("existing", ["error", "skip", "overwrite"])
def test_names_that_mean_the_same_file_do_not_overwrite_each_other(tmp_path, monkeypatch, existing):
    """Windows and macOS ignore the case of names."""
    from ppgan_mpr.apps import outputs as module

    monkeypatch.setattr(
        module,
        "name_key",
        lambda folder: lambda name: unicodedata.normalize("NFC", name).casefold(),
    )
    pairs = (("IMG.png", "img.png"), ("caf\u00e9.png", "cafe\u0301.png"))
    for pair in pairs:
        folder = tmp_path / pair[0]
        folder.mkdir()
        for number, name in enumerate(pair):
            picture(number).save(folder / name)
        if len(list(folder.iterdir())) < 2:
            pytest.skip("here they are one file indeed")
        first, second = predictor(tmp_path, existing=existing).run([folder / name for name in pair])
        assert first.ok
        assert "would overwrite that of" in second.error and pair[0] in second.error


def test_names_that_differ_by_case_are_both_restored(tmp_path):
    (tmp_path / "in").mkdir()
    for number, name in enumerate(("IMG.png", "img.png")):
        picture(number).save(tmp_path / "in" / name)
    if len(list((tmp_path / "in").iterdir())) < 2:
        pytest.skip("this file system does not distinguish them")
    results = predictor(tmp_path).run(tmp_path / "in")
    assert [result.ok for result in results] == [True, True]
    assert len({result.output for result in results}) == 2


def test_longest_names_are_restored(tmp_path):
    names = [f"{'n' * 245}{number}.png" for number in "12"]
    for number, name in enumerate(names):
        picture(number).save(tmp_path / name)
    results = predictor(tmp_path).run([tmp_path / name for name in names])
    assert all(result.ok for result in results)
    assert len({result.output.name for result in results}) == 2
    assert all(len(result.output.name) <= 255 for result in results)
    again = predictor(tmp_path, existing="skip").run(tmp_path / names[0])
    assert again[0].skipped


def test_impossible_output_name_is_an_error(tmp_path):
    with pytest.raises(UsageError, match=r"\.png: the name is too long for a file"):
        MPRPredictor(tmp_path / f"{'n' * 260}.png", task="Denoising", model="lite")


def test_hidden_files_of_a_killed_run_are_removed(tmp_path):
    picture().save(tmp_path / "a.png")
    folder = tmp_path / "out" / "Denoising"
    folder.mkdir(parents=True)
    left = folder / f".{'0' * 32}.ppgan_mpr.tmp"
    left.write_bytes(b"half a picture")
    os.utime(left, (1, 1))
    assert predictor(tmp_path).run(tmp_path / "a.png")[0].ok
    assert [path.name for path in folder.iterdir()] == ["a_restoration.png"]
