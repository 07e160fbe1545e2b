import dataclasses
import hashlib

import pytest

from ppgan_mpr.errors import DownloadError, WeightsError
from ppgan_mpr.weights import find_record, load_weights
from ppgan_mpr.weights.catalogue import git_blob_of
from ppgan_mpr.weights.download import cached_path
from ppgan_mpr.weights.formats import write_file


def test_git_blob_of_a_manually_placed_file_is_checked(server, known_weights, tmp_path, caplog):
    """Weights of another task have the same shapes, so only the content shows the mistake."""
    record = find_record("published", "Deblurring")
    (tmp_path / "w.pdparams").write_bytes(server.content)
    blob = git_blob_of(tmp_path / "w.pdparams")
    known_weights("MPRNet", dataclasses.replace(record, git_blob=blob))
    right = load_weights(tmp_path / "w.pdparams").tensors
    path = cached_path(record)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_file(path, {name: tensor * 2 for name, tensor in right.items()})
    loaded = load_weights("published:Deblurring").tensors
    assert all((loaded[name] == tensor).all() for name, tensor in right.items())
    assert path.with_name(f"{path.name}.damaged").exists()
    assert "another file has taken its place" in caplog.text


def test_manually_placed_file_is_used(server):
    server.close()
    path = cached_path(find_record("published", "Deblurring"))
    path.parent.mkdir(parents=True)
    path.write_bytes(server.content)
    assert load_weights("published:Deblurring").task == "Deblurring"


def test_damaged_file_in_the_cache_is_set_aside_and_fetched_again(server, caplog):
    path = cached_path(find_record("published", "Deblurring"))
    path.parent.mkdir(parents=True)
    path.write_bytes(server.content[:1000])
    assert load_weights("published:Deblurring").task == "Deblurring"
    assert path.read_bytes() == server.content
    assert path.with_name(f"{path.name}.damaged").stat().st_size == 1000
    assert "damaged" in caplog.text


def test_weights_without_a_published_digest_are_pinned_to_the_first_download(server, new_content):
    record = find_record("published", "Deblurring")
    load_weights("published:Deblurring")
    path, first = cached_path(record), server.content
    server.content = new_content(path)
    path.unlink()
    with pytest.raises(DownloadError, match=r"has changed: on .*digests\.json") as caught:
        load_weights("published:Deblurring")
    for digest in (first, server.content):
        assert hashlib.sha256(digest).hexdigest() in str(caught.value)
    assert not path.exists()
    server.content = first
    load_weights("published:Deblurring")


def test_pinned_file_that_was_replaced_is_an_error_until_the_pin_is_removed(server, new_content):
    record = find_record("published", "Deblurring")
    load_weights("published:Deblurring")
    path = cached_path(record)
    path.write_bytes(new_content(path))
    with pytest.raises(WeightsError, match="has changed"):
        load_weights("published:Deblurring")
    assert path.exists()
    path.with_name("digests.json").unlink()
    assert load_weights("published:Deblurring").task == "Deblurring"


def test_mirror_cannot_replace_pinned_weights(server, new_content, monkeypatch):
    load_weights("published:Deblurring")
    path = cached_path(find_record("published", "Deblurring"))
    server.content = new_content(path)
    path.unlink()
    monkeypatch.setenv("PPGAN_MPR_MIRROR", server.url.replace("MPR_Deblurring.pdparams", "copy"))
    with pytest.raises(DownloadError, match=r"/copy/MPR_Deblurring.pdparams .* has changed"):
        load_weights("published:Deblurring")
