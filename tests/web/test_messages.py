"""Codes and parameters of the library's messages; the library itself makes each message here."""

from __future__ import annotations

import io
import re
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from ppgan_mpr.apps.network_input import network_input
from ppgan_mpr.apps.remarks import unkept_warning, warnings_before
from ppgan_mpr.errors import DownloadError, MissingDependencyError, RestorationError, WeightsError
from ppgan_mpr.imaging import Limits, PhotoReader, from_array, read_photo, write_photo
from ppgan_mpr.inference import InferenceOptions, TileUse
from ppgan_mpr.networks import find_task
from ppgan_mpr.web.messages import (
    CODES,
    error_message,
    in_form_words,
    option_message,
    picture_message,
    warning_message,
)
from ppgan_mpr.weights import find_record


def picture(mode="RGB", size=(30, 20), format="PNG", **options):
    file = io.BytesIO()
    Image.new(mode, size).save(file, format, **options)
    return file.getvalue()


FRAMES = picture(format="TIFF", save_all=True, append_images=[Image.new("RGB", (30, 20))])


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "empty_file"),
        (b"milk, bread", "not_a_picture"),
        (picture()[:-30], "damaged"),
        (FRAMES, "several_frames"),
        (picture("F", format="TIFF"), "sample_format"),
    ],
)
def test_unreadable_files_get_a_code(tmp_path, content, code):
    path = tmp_path / "picture.png"
    path.write_bytes(content)
    with pytest.raises(RestorationError) as caught:
        read_photo(path)
    assert picture_message(str(caught.value)).code == code


def test_a_picture_beyond_the_memory_limit_gets_its_code(tmp_path):
    path = tmp_path / "large.png"
    path.write_bytes(picture(size=(2000, 2000)))
    with pytest.raises(RestorationError) as caught:
        PhotoReader(Limits(1 << 20)).read(path)
    message = picture_message(str(caught.value))
    assert message.code == "too_much_memory"
    assert "picture_limit" not in message.text


def test_views_of_different_sizes_get_a_code_and_both_sizes():
    left, right = (from_array(np.zeros([20, width, 3], np.uint8)) for width in (30, 31))
    with pytest.raises(RestorationError) as caught:
        network_input(left, right, 1)
    message = picture_message(str(caught.value))
    assert message.code == "views_differ"
    assert message.parameters == {
        "width": 30, "height": 20, "right_width": 31, "right_height": 20,
    }  # fmt: skip


def test_a_format_that_would_lose_data_gets_its_code(tmp_path):
    photo = from_array(np.zeros([20, 30, 4], np.uint8))
    with pytest.raises(RestorationError) as caught:
        write_photo(photo, tmp_path / "a.jpg")
    message = picture_message(str(caught.value))
    assert message.code == "loss"
    assert "allow_loss=true" in message.text


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"strength": 2.0}, "strength"),
        ({"max_size": 3}, "max_size"),
        ({"model": "lit"}, "model"),
        ({"quality": 0}, "quality"),
        ({"suffix": "gif"}, "suffix"),
    ],
)
def test_messages_about_options_name_the_field(changes, field):
    with pytest.raises(RestorationError) as caught:
        InferenceOptions(**changes)
    message = option_message(str(caught.value))
    assert (message.code, message.parameters) == ("option", {"field": field})


def test_messages_about_unknown_tasks_and_networks_name_the_field():
    for field, search in (("task", find_task), ("network", lambda name: _lite(network=name))):
        with pytest.raises(RestorationError) as caught:
            search("none such")
        assert option_message(str(caught.value)).parameters == {"field": field}


def _lite(**changes):
    return find_record("lite", "Denoising", **changes)


def test_a_message_about_missing_weights_names_the_available_ones():
    with pytest.raises(RestorationError) as caught:
        find_record("lite", "LowLight")
    message = option_message(str(caught.value))
    assert message.code == "no_weights"
    assert message.parameters["models"] == ["published"]
    assert "model=published" in message.text
    assert "weight_path" not in message.text


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (DownloadError("no network"), "download"),
        (MissingDependencyError("run pip install rawpy"), "not_installed"),
        (WeightsError("damaged"), "weights"),
    ],
)
def test_errors_of_the_server_get_a_code(error, code):
    assert error_message(error).code == code


def test_warnings_have_their_numbers_as_parameters():
    photo = from_array(np.zeros([20, 30, 3], np.uint8))
    views = find_task("DualPixelDeblurring")
    few, reduced = warnings_before(views, 30, (90, 60), photo, photo)
    assert warning_message(few).code == "few_bits"
    assert warning_message(few).parameters == {"bits": 8, "depth": 16}
    assert warning_message(reduced).code == "reduced"
    assert warning_message(reduced).parameters == {
        "full_width": 90, "full_height": 60, "width": 30, "height": 20,
    }  # fmt: skip


def test_warnings_about_too_little_memory_get_a_code():
    tiles = TileUse((64, 64), (32, 32), 4)
    assert warning_message(tiles.warning).code == "smaller_tiles"
    batches = TileUse((64, 64), (64, 64), 4, planned_batch=4, smallest_batch=2)
    assert warning_message(batches.warning).code == "smaller_batches"


def test_what_a_result_lacks_is_given_as_a_list(tmp_path):
    photo = from_array(np.zeros([20, 30, 3], np.uint8))
    credentials = "the content credentials (C2PA), which sign the source"
    preview = "an up-to-date preview (the old one stays in the camera's notes)"
    dropped = (credentials, "the layers", preview, "the depth map", preview)
    metadata = replace(photo.metadata, dropped=dropped)
    (text,) = unkept_warning(replace(photo, metadata=metadata), tmp_path / "a.png", False)
    message = warning_message(text)
    assert message.code == "lacks"
    assert tuple(message.parameters["items"]) == dropped


@pytest.mark.parametrize(
    ("written", "worded"),
    [
        ("use existing='overwrite' or recursive=True", "use the server's --existing overwrite"),
        ("choose model='lite'.", "choose model=lite."),
        ("or accept the loss by allow_loss=True", "allow_loss=true"),
        ("strength=1.5: give a number", "strength=1.5: give a number"),
        ("give scale=.", "give the field scale."),
        ("a=b.png is no option", "a=b.png is no option"),
    ],
)
def test_options_are_named_as_in_the_form(written, worded):
    text = in_form_words(written)
    assert worded in text
    assert not re.search(r"True|False|='", text)


def test_every_code_has_a_meaning_and_a_chinese_text(root):
    chinese = (root / "ppgan_mpr/web/page/chinese.js").read_text(encoding="utf-8")
    translated = set(re.findall(r'^  "said\.(\w+)":', chinese, re.M))
    assert translated - {"network"} == set(CODES)
    assert all(CODES.values())


def test_every_code_of_a_refusal_is_known(root):
    sources = [path.read_text(encoding="utf-8") for path in (root / "ppgan_mpr/web").glob("*.py")]
    used = {
        code for source in sources for code in re.findall(r'Refusal\(\s*\d+,\s*"(\w+)"', source)
    }
    assert len(used) > 10
    assert used <= set(CODES)
