from pathlib import Path

import numpy as np
import pytest
from cluster_samples import TASK

from ppgan_mpr.cluster.items import Item
from ppgan_mpr.cluster.picture_outputs import PictureOutputs, ReadPicture
from ppgan_mpr.cluster.stores import Store
from ppgan_mpr.errors import ImageError
from ppgan_mpr.imaging import from_array
from ppgan_mpr.inference import InferenceOptions

PHOTO = from_array(np.full([4, 5, 3], 100, np.uint8))


def claim(existing, **facts):
    """The outputs of one picture, ``sub/a.jpg``, after it has claimed the name of its output."""
    item = Item("in/sub/a.jpg", "/in/sub/a.jpg", "a", "sub", **facts)
    files = {item.source: []}
    options = InferenceOptions(existing=existing)
    outputs = PictureOutputs(TASK, options, Store.at("out"), {item.source: item}, files)
    source = ReadPicture.of(item, b"")
    return outputs, source, outputs.claim(source, PHOTO), files[item.source]


def test_file_has_the_name_that_the_command_line_gives_it():
    outputs, source, output, files = claim("error", mode=0o600)
    assert output == Path("out", TASK, "sub", "a_restoration.jpg")
    outputs.write(source, PHOTO, output, 95)
    (file,) = files
    assert file.name == f"{TASK}/sub/a_restoration.jpg" and file.mode == 0o600
    assert file.content.startswith(b"\xff\xd8")


def test_members_of_shards_keep_their_names():
    assert claim("error", shard=True)[2] == Path("out", "sub", "a.jpg")


def test_existing_file_is_left_alone_unless_it_may_be_replaced():
    present = (f"{TASK}/sub/a_restoration.jpg",)
    with pytest.raises(ImageError, match="left alone"):
        claim("error", present=present)
    outputs, _, output, _ = claim("skip", present=present)
    assert outputs.keeps(output)
    outputs, _, output, _ = claim("overwrite", present=present)
    assert not outputs.keeps(output)


def test_refused_picture_owns_no_output():
    present = (f"{TASK}/sub/a_restoration.jpg",)
    item = Item("in/sub/a.jpg", "/in/sub/a.jpg", "a", "sub", present=present)
    options = InferenceOptions(existing="error")
    outputs = PictureOutputs(TASK, options, Store.at("out"), {item.source: item}, {})
    with pytest.raises(ImageError):
        outputs.claim(ReadPicture.of(item, b""), PHOTO)
    with pytest.raises(KeyError):
        outputs.owner(Path("out", *present))


def test_failed_picture_owns_no_output_once_another_begins():
    first, second = (Item(f"in/{name}.png", f"/in/{name}.png", name) for name in "ab")
    items = {first.source: first}
    outputs = PictureOutputs(TASK, InferenceOptions(), Store.at("out"), items, {})
    failed = outputs.claim(ReadPicture.of(first, b""), PHOTO)
    assert outputs.owner(failed) == first.source
    items.clear()
    items[second.source] = second
    output = outputs.claim(ReadPicture.of(second, b""), PHOTO)
    assert outputs.owner(output) == second.source
    with pytest.raises(KeyError):
        outputs.owner(failed)


def test_output_name_of_another_picture_is_refused():
    with pytest.raises(ImageError, match=r"would overwrite that of in/sub/a\.png"):
        claim("overwrite", taken={f"{TASK}/sub/a_restoration.jpg": "in/sub/a.png"})
