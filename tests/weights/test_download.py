import dataclasses
import hashlib
import os
import re
import time

import pytest
from tls_server import Server

from ppgan_mpr.cache_dir import cache_dir
from ppgan_mpr.errors import DownloadError, UsageError
from ppgan_mpr.networks import weights_records
from ppgan_mpr.weights import find_record, load_weights
from ppgan_mpr.weights.catalogue import git_blob_of
from ppgan_mpr.weights.download import cached_path


def nothing_in_cache():
    return not [path for path in cache_dir().rglob("*") if path.is_file()]


def test_weights_are_downloaded_once(server):
    weights = load_weights("published:Deblurring")
    assert weights.task == "Deblurring"
    path = cached_path(weights.record)
    assert path.read_bytes() == server.content
    names = {p.name for p in path.parent.iterdir()}
    assert names == {path.name, "digests.json", ".digests.json.lock"}
    requests = server.requests
    server.close()
    load_weights("published:Deblurring")
    assert server.requests == requests


def test_interrupted_transfer_leaves_nothing_and_the_next_try_succeeds(server):
    server.cut = 1000
    with pytest.raises(DownloadError, match="could not be downloaded"):
        load_weights("published:Deblurring")
    assert nothing_in_cache()
    server.cut = 0
    load_weights("published:Deblurring")


def test_html_page_instead_of_weights_is_discarded(server):
    server.content = b"<html>captive portal</html>"
    with pytest.raises(DownloadError, match="not a weights file"):
        load_weights("published:Deblurring")
    assert nothing_in_cache()


def test_known_digest_is_checked(server, known_weights):
    record = find_record("published", "Deblurring")
    right = hashlib.sha256(server.content).hexdigest()
    for digest, fine in (("0" * 64, False), (right, True)):
        known_weights("MPRNet", dataclasses.replace(record, sha256=digest))
        if fine:
            load_weights("published:Deblurring")
        else:
            with pytest.raises(DownloadError, match="hash"):
                load_weights("published:Deblurring")
            assert nothing_in_cache()


def test_known_git_blob_is_checked(server, known_weights, tmp_path):
    record = find_record("published", "Deblurring")
    (tmp_path / "w").write_bytes(server.content)
    right = git_blob_of(tmp_path / "w")
    for blob, fine in (("0" * 40, False), (right, True)):
        known_weights("MPRNet", dataclasses.replace(record, git_blob=blob))
        if fine:
            load_weights("published:Deblurring")
        else:
            with pytest.raises(DownloadError, match="its git object id"):
                load_weights("published:Deblurring")
            assert nothing_in_cache()


def test_weights_of_another_network_are_not_kept(server, known_weights):
    record = dataclasses.replace(find_record("published", "Deblurring"), task="LowLight")
    known_weights("MIRNetv2", record)
    with pytest.raises(DownloadError, match=r"should be MIRNetv2 .* found MPRNet"):
        load_weights("published:LowLight")
    assert nothing_in_cache()


@pytest.mark.parametrize("status", [404, 503])
def test_server_error_is_named_and_leaves_nothing(server, status):
    server.status = status
    with pytest.raises(DownloadError, match=str(status)):
        load_weights("published:Deblurring")
    assert nothing_in_cache()


def test_offline_message_says_what_to_do(server):
    server.close()
    with pytest.raises(DownloadError) as caught:
        load_weights("published:Deblurring")
    message = str(caught.value)
    assert server.url in message
    assert str(cached_path(find_record("published", "Deblurring"))) in message
    assert "model='lite'" in message
    assert "Connection refused" in message


def test_offline_message_names_embedded_weights_of_the_same_network_only(server, changed_network):
    server.close()
    record = find_record("published", "Denoising", network="NAFNet")
    record = dataclasses.replace(record, url=server.url, task="Deblurring")
    changed_network("NAFNet", weights=(record,))
    with pytest.raises(DownloadError, match="put the file at") as caught:
        load_weights("published:nafnet:Deblurring")
    assert "lite" not in str(caught.value)


def test_error_for_a_read_only_cache_names_the_variable(server, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("PPGAN_MPR_HOME", str(tmp_path / "file"))
    with pytest.raises(DownloadError, match="set PPGAN_MPR_HOME"):
        load_weights("published:Deblurring")


def test_published_mprnet_weights_are_paddlegans():
    for task in ("Deblurring", "Denoising", "Deraining"):
        url = f"https://paddlegan.bj.bcebos.com/models/MPR_{task}.pdparams"
        assert find_record("published", task).url == url


def test_address_without_https_is_refused(server, known_weights, tmp_path):
    plain = Server(tmp_path, tls=False)
    plain.content = server.content
    record = dataclasses.replace(find_record("published", "Deblurring"), url=plain.url)
    known_weights("MPRNet", record)
    with pytest.raises(DownloadError, match="not an https address"):
        load_weights("published:Deblurring")
    assert plain.requests == 0
    assert nothing_in_cache()
    plain.close()


def test_redirect_to_an_address_without_https_is_refused(server, tmp_path):
    plain = Server(tmp_path, tls=False)
    plain.content = server.content
    server.redirect = plain.url
    with pytest.raises(DownloadError, match=r"http://\S+ is not an https address"):
        load_weights("published:Deblurring")
    assert plain.requests == 0
    assert nothing_in_cache()
    plain.close()


def test_redirect_to_an_https_address_is_followed(server, tmp_path, monkeypatch):
    (tmp_path / "other").mkdir()
    other = Server(tmp_path / "other")
    other.content, server.redirect = server.content, other.url
    both = tmp_path / "both.pem"
    both.write_bytes(server.authority.read_bytes() + other.authority.read_bytes())
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(both))
    assert load_weights("published:Deblurring").task == "Deblurring"
    assert other.requests == 1
    other.close()


def test_certificate_of_an_unknown_authority_is_refused(server, tmp_path, monkeypatch):
    (tmp_path / "other").mkdir()
    other = Server(tmp_path / "other")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(other.authority))
    with pytest.raises(DownloadError, match=r"(?i)certificate"):
        load_weights("published:Deblurring")
    assert nothing_in_cache()
    other.close()


def test_endless_answer_is_refused(server, known_weights):
    record = dataclasses.replace(find_record("published", "Deblurring"), size=3 << 20)
    known_weights("MPRNet", record)
    server.endless = True
    with pytest.raises(DownloadError, match="longer than 3145728 bytes"):
        load_weights("published:Deblurring")
    assert nothing_in_cache()


def test_mirror_replaces_the_publishers_address(server, tmp_path, monkeypatch):
    record = find_record("published", "Deblurring")
    (tmp_path / "other").mkdir()
    mirror = Server(tmp_path / "other")
    mirror.content = server.content
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(mirror.authority))
    for ending in ("", "/"):
        base = mirror.url.replace("MPR_Deblurring.pdparams", "some/folder")
        monkeypatch.setenv("PPGAN_MPR_MIRROR", base + ending)
        load_weights("published:Deblurring")
        cached_path(record).unlink()
    assert mirror.paths == ["/some/folder/MPR_Deblurring.pdparams"] * 2
    assert server.requests == 0
    mirror.close()


@pytest.mark.parametrize("mirror", ["http://127.0.0.1/weights", "/media/stick", "https://"])
def test_mirror_that_is_not_an_https_address_is_refused(server, monkeypatch, mirror):
    monkeypatch.setenv("PPGAN_MPR_MIRROR", mirror)
    with pytest.raises(UsageError, match=r"PPGAN_MPR_MIRROR is .*not an https address"):
        load_weights("published:Deblurring")
    assert server.requests == 0


def test_files_to_download_have_different_names():
    names = [cached_path(record).name for record in weights_records() if record.url]
    assert len(set(names)) == len(names)


def test_the_documentation_names_the_files_without_a_published_digest(root):
    listed = (root / "docs" / "weights.md").read_text(encoding="utf-8")
    section = listed.partition("## Downloads")[2].partition("\n## ")[0]
    downloads = [record for record in weights_records() if record.url]
    pinned = [record for record in downloads if not (record.sha256 or record.git_blob)]
    assert all(record.url.startswith("https://") for record in downloads)
    named = set(re.findall(r"`(published:[\w:]+)`", section))
    assert named == {record.name for record in pinned}
    assert f"{len(pinned)} of {len(downloads)}" in section


def test_downloads_of_killed_processes_are_removed_after_an_hour(server):
    folder = cached_path(find_record("published", "Deblurring")).parent
    for name, age in ((".download-old", 4000), (".download-new", 0)):
        (folder / name).mkdir(parents=True)
        (folder / name / "part").write_bytes(b"part")
        for path in (folder / name / "part", folder / name):
            os.utime(path, (time.time() - age,) * 2)
    load_weights("published:Deblurring")
    assert [path.name for path in folder.glob(".download-*")] == [".download-new"]
