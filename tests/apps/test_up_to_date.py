"""Outputs of earlier runs that ``existing='skip'`` keeps, and those that it replaces."""

import json
import os
import shutil
import sys
import threading

import pytest
from apps_samples import picture, predictor
from PIL import Image

from ppgan_mpr.apps import up_to_date
from ppgan_mpr.apps.manifest import MANIFEST

SKIP = {"existing": "skip"}


@pytest.fixture
def photo(tmp_path):
    """A photo whose result has been written."""
    path = tmp_path / "in" / "a.png"
    path.parent.mkdir()
    picture().save(path)
    assert predictor(tmp_path).run(path)[0].ok
    return path


@pytest.fixture(autouse=True)
def no_other_process(monkeypatch):
    """Saves the time that is spent on waiting for entries that do not come."""
    monkeypatch.setattr(up_to_date, "LISTED_AFTER", 0)


def output(tmp_path, name="a_restoration.png"):
    return tmp_path / "out" / "Denoising" / name


def again(tmp_path, photo, **options):
    """The result of a second run with ``existing='skip'``, and whether it wrote the output."""
    before = output(tmp_path).stat().st_mtime_ns
    (result,) = predictor(tmp_path, **SKIP, **options).run(photo)
    written = output(tmp_path).stat().st_mtime_ns != before
    assert result.error is not None or result.skipped is not written
    return result, written


def test_outputs_of_the_same_command_are_skipped(tmp_path, photo):
    result, written = again(tmp_path, photo)
    assert result.skipped
    assert not written
    assert result.record.warnings == ()


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"ensemble": True}, "ensemble=False"),
        ({"tile": 64}, "tile=None"),
        ({"memory": "300M"}, "memory=629145600"),
        ({"overlap": 16}, "overlap=None"),
        ({"local": True}, "local=False"),
        ({"precision": "bf16", "backend": "openvino"}, "precision='f32'"),
    ],
)
def test_output_with_another_option_is_restored_again(tmp_path, photo, options, reason):
    pytest.importorskip("openvino")
    predictor(tmp_path, existing="overwrite", precision="f32").run(photo)
    options = {"precision": "f32", **options}
    result, written = again(tmp_path, photo, **options)
    assert written
    assert f"was restored again, because it was made with {reason}" in result.record.warnings[0]
    result, written = again(tmp_path, photo, **options)
    assert not written


def test_options_without_effect_on_pixels_do_not_matter(tmp_path, photo):
    for options in ({"jobs": 2}, {"threads": 1}, {"quality": 50}, {"memory": "600M"}):
        assert not again(tmp_path, photo, **options)[1]


def test_quality_counts_for_lossy_formats(tmp_path):
    path = tmp_path / "a.jpg"
    picture().save(path)
    predictor(tmp_path).run(path)
    (result,) = predictor(tmp_path, quality=50, **SKIP).run(path)
    assert not result.skipped
    assert "quality=95" in result.record.warnings[0]


def test_giving_the_backend_and_device_that_auto_chose_changes_nothing(tmp_path, photo):
    used = json.loads((tmp_path / "out" / MANIFEST).read_text())["record"]
    chosen = {name: used[name] for name in ("backend", "precision", "device")}
    assert not again(tmp_path, photo, **chosen)[1]


def test_output_with_other_weights_is_restored_again(tmp_path, photo):
    from ppgan_mpr.weights import load_weights
    from ppgan_mpr.weights.formats import write_file

    weights = load_weights("lite:Denoising")
    own = tmp_path / "own.safetensors"
    write_file(own, weights.tensors, {"task": "Denoising"})
    other = predictor(tmp_path, weight_path=own, **SKIP)
    (result,) = other.run(photo)
    assert not result.skipped
    assert "was made with other weights (lite:Denoising)" in result.record.warnings[0]
    assert other.run(photo)[0].skipped


def test_output_of_another_task_is_restored_again(tmp_path, photo):
    target = tmp_path / "out" / "Deraining" / output(tmp_path).name
    target.parent.mkdir()
    output(tmp_path).rename(target)
    lines = (tmp_path / "out" / MANIFEST).read_text().replace('"Denoising/', '"Deraining/', 1)
    (tmp_path / "out" / MANIFEST).write_text(lines)
    (result,) = predictor(tmp_path, task="Deraining", **SKIP).run(photo)
    assert not result.skipped
    assert "task='Denoising'" in result.record.warnings[0]


@pytest.mark.parametrize(
    "damage", [lambda content: b"", lambda content: content[: len(content) // 2]]
)
def test_empty_and_truncated_outputs_are_restored_again(tmp_path, photo, damage):
    whole = output(tmp_path).read_bytes()
    output(tmp_path).write_bytes(damage(whole))
    result, written = again(tmp_path, photo)
    assert written
    assert "so it was restored again" in result.record.warnings[0]
    assert output(tmp_path).read_bytes() == whole


def test_changed_source_is_restored_again(tmp_path, photo):
    picture(1).save(photo)
    result, written = again(tmp_path, photo)
    assert written
    assert f"{photo} has changed" in result.record.warnings[0]
    assert not again(tmp_path, photo)[1]


def test_copied_and_moved_files_are_skipped(tmp_path, photo):
    """Files of equal content, but of another time or in another place."""
    os.utime(photo, (1e9, 1e9))
    os.utime(output(tmp_path), (1e9, 1e9))
    assert not again(tmp_path, photo)[1]
    elsewhere = tmp_path / "elsewhere" / "a.png"
    elsewhere.parent.mkdir()
    shutil.copy(photo, elsewhere)
    assert not again(tmp_path, elsewhere)[1]


def test_the_whole_folder_may_move(tmp_path, photo):
    new = tmp_path / "new"
    new.mkdir()
    for name in ("in", "out"):
        shutil.move(tmp_path / name, new / name)
    (result,) = predictor(new, **SKIP).run(new / "in")
    assert result.skipped
    assert result.record.warnings == ()


def test_the_result_of_another_picture_is_a_conflict(tmp_path, photo):
    """Cameras use the same name for different pictures."""
    other = tmp_path / "card 2" / "a.png"
    other.parent.mkdir()
    picture(7).save(other)
    result, written = again(tmp_path, other)
    assert not written
    assert "is the result of another picture, ../in/a.png" in result.error
    assert "different output folders" in result.error


def test_an_edited_output_is_kept(tmp_path, photo):
    with Image.open(output(tmp_path)) as image:
        image.rotate(180).save(output(tmp_path))
    for options in ({}, {"tile": 64}):
        result, written = again(tmp_path, photo, **options)
        assert not written
        assert "it was changed after it was restored" in result.record.warnings[0]


def test_file_missing_in_the_manifest_is_kept(tmp_path, photo):
    (tmp_path / "out" / MANIFEST).unlink()
    result, written = again(tmp_path, photo, tile=64)
    assert not written
    assert f"{MANIFEST} does not say how it was made" in result.record.warnings[0]


@pytest.mark.parametrize("earlier", ["nothing", "another output"])
def test_output_that_another_process_is_about_to_list_is_up_to_date(
    tmp_path, photo, earlier, monkeypatch
):
    monkeypatch.setattr(up_to_date, "LISTED_AFTER", 30)
    lines = (tmp_path / "out" / MANIFEST).read_bytes()
    state = json.loads(lines)
    output(tmp_path).touch()
    state["mtime_ns"] = output(tmp_path).stat().st_mtime_ns
    replaced = {**state, "bytes": 1, "mtime_ns": 0}
    before = [] if earlier == "nothing" else [replaced]
    (tmp_path / "out" / MANIFEST).write_text("".join(f"{json.dumps(e)}\n" for e in before))

    def list_output():
        with (tmp_path / "out" / MANIFEST).open("a") as file:
            file.write(f"{json.dumps(state)}\n")

    listing = threading.Timer(0.3, list_output)
    listing.start()
    result, written = again(tmp_path, photo)
    listing.join()
    assert not written
    assert result.record.warnings == ()


def test_truncated_output_missing_in_the_manifest_is_restored_again(tmp_path, photo):
    whole = output(tmp_path).read_bytes()
    output(tmp_path).write_bytes(whole[: len(whole) // 2])
    (tmp_path / "out" / MANIFEST).unlink()
    result, written = again(tmp_path, photo)
    assert written
    assert "was damaged, so it was restored again" in result.record.warnings[0]
    assert output(tmp_path).read_bytes() == whole


def test_truncated_single_output_file_is_restored_again(tmp_path):
    from ppgan_mpr import MPRPredictor

    one = tmp_path / "o1.png"
    picture().save(tmp_path / "a.png")
    restoring = MPRPredictor(one, task="Denoising", model="lite", **SKIP)
    restoring.run(tmp_path / "a.png")
    (result,) = restoring.run(tmp_path / "a.png")
    assert result.skipped
    assert "was left alone, but nothing says how it was made" in result.record.warnings[0]
    whole = one.read_bytes()
    one.write_bytes(whole[: len(whole) // 2])
    (result,) = restoring.run(tmp_path / "a.png")
    assert not result.skipped
    assert "was damaged, so it was restored again" in result.record.warnings[0]
    assert one.read_bytes() == whole


@pytest.mark.parametrize("listed", [True, False])
@pytest.mark.parametrize("options", [SKIP, {"existing": "overwrite"}])
def test_unlisted_output_of_a_killed_run_is_restored_again(tmp_path, photo, listed, options):
    manifest = tmp_path / "out" / MANIFEST
    old = output(tmp_path).read_bytes()
    if not listed:
        manifest.unlink()
        output(tmp_path).write_bytes(old[:-50])
    picture(1).save(photo)
    assert not predictor(tmp_path, **options).run(photo)[0].skipped
    new = output(tmp_path).read_bytes()
    *before, last = manifest.read_text().splitlines(keepends=True)
    assert json.loads(last)["record"]
    manifest.write_text("".join(before))  # as if the run had been killed before the last line

    result, written = again(tmp_path, photo)
    assert written
    assert "ended before it could list it" in result.record.warnings[0]
    assert output(tmp_path).read_bytes() == new
    result, written = again(tmp_path, photo)
    assert not written
    assert result.record.warnings == ()


def test_announced_output_that_was_never_written_leaves_the_old_entry_valid(tmp_path, photo):
    picture(1).save(photo)
    old, manifest = output(tmp_path).read_bytes(), tmp_path / "out" / MANIFEST
    times = output(tmp_path).stat()
    assert not again(tmp_path, photo)[0].skipped
    manifest.write_text("".join(manifest.read_text().splitlines(keepends=True)[:-1]))
    output(tmp_path).write_bytes(old)
    os.utime(output(tmp_path), ns=(times.st_atime_ns, times.st_mtime_ns))
    result, written = again(tmp_path, photo)
    assert written
    assert f"{photo} has changed" in result.record.warnings[0]
    with Image.open(output(tmp_path)) as image:
        image.rotate(180).save(output(tmp_path))
    result, written = again(tmp_path, photo)
    assert not written
    assert "it was changed after it was restored" in result.record.warnings[0]


def test_output_changed_between_check_and_write_is_kept(tmp_path, photo):
    def edit(name, done, total):
        output(tmp_path).write_bytes(b"somebody's work")

    running = predictor(tmp_path, tile=64, tile_progress=edit, **SKIP)
    (result,) = running.run(photo)
    assert "exists and was left alone" in result.error
    assert output(tmp_path).read_bytes() == b"somebody's work"


@pytest.mark.parametrize("same", [True, False])
def test_output_that_appears_meanwhile_is_skipped_only_if_up_to_date(tmp_path, photo, same):
    """The other run may have written the output and not yet listed it."""
    picture(1).save(photo)
    manifest = tmp_path / "out" / MANIFEST

    def another_run(*_):
        predictor(tmp_path, **SKIP, **({} if same else {"tile": 64})).run(photo)
        if same:
            lines = manifest.read_text().splitlines(keepends=True)
            manifest.write_text("".join(lines[:-1]))

    (result,) = predictor(tmp_path, tile_progress=another_run, **SKIP).run(photo)
    if same:
        assert result.skipped
        assert result.record.warnings == ()
    else:
        assert "another program has changed it" in result.error


def test_outputs_with_another_suffix_than_their_source_are_skipped(tmp_path):
    picture(mode="P").save(tmp_path / "b.gif")
    skipping = predictor(tmp_path, **SKIP)
    assert not skipping.run(tmp_path / "b.gif")[0].skipped
    assert skipping.run(tmp_path / "b.gif")[0].skipped
    (result,) = predictor(tmp_path, tile=64, **SKIP).run(tmp_path / "b.gif")
    assert not result.skipped
    assert "tile=None" in result.record.warnings[0]


@pytest.mark.skipif(sys.platform != "linux", reason="memory is measured, files are sparse")
@pytest.mark.parametrize("listed", [True, False])
def test_an_output_beyond_the_limits_is_kept_and_not_read(tmp_path, photo, listed):
    """A sparse file of 6 GB must not be read into memory."""
    start = output(tmp_path).read_bytes()
    with output(tmp_path).open("wb") as file:
        file.write(start)
        file.truncate(6 << 30)
    if not listed:
        (tmp_path / "out" / MANIFEST).unlink()
    import resource

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    result, written = again(tmp_path, photo)
    assert not written
    assert "was left alone" in result.record.warnings[0]
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 1 << 20  # kB
