from __future__ import annotations

import dataclasses
import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from ppgan_mpr.errors import WeightsError
from ppgan_mpr.weights import find_record
from ppgan_mpr.weights.digests import LEDGER, check_first_seen, check_published, digest_file

URL = "https://example.com/w.pdparams"


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "w.pdparams"
    path.write_bytes(b"hello\n")
    return path


def test_digests_equal_those_of_sha256sum_and_git(path):
    digest = digest_file(path)
    assert digest.size == 6
    assert digest.sha256 == "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03"
    assert digest.git_blob == "ce013625030ba8dba906f756967f9e9ca394464a"
    with pytest.raises(WeightsError, match=r"absent cannot be read: No such file"):
        digest_file(path.with_name("absent"))


def test_every_published_digest_must_match(path):
    digest = digest_file(path)
    record = dataclasses.replace(
        find_record("lite", "Deraining"),
        sha256=digest.sha256,
        size=digest.size,
        git_blob=digest.git_blob,
    )
    check = check_published(digest, record)
    assert check.passed
    assert check.explanation == "It matches the published sha256 and git object id and size."
    for wrong in ({"sha256": "0" * 64}, {"git_blob": "0" * 40}, {"size": 7}):
        check = check_published(digest, dataclasses.replace(record, **wrong))
        assert not check.passed
        assert str(*wrong.values()) in check.explanation


def test_size_alone_proves_nothing(path):
    record = find_record("lite", "Deraining")
    record = dataclasses.replace(record, sha256=None, git_blob=None, size=6)
    assert check_published(digest_file(path), record) is None


def test_file_is_compared_with_the_one_first_seen(path):
    def status(url=URL):
        return check_first_seen(digest_file(path), path, url).status

    assert [status(), status()] == ["recorded", "unchanged"]
    path.write_bytes(b"other\n")
    assert [status(), status()] == ["changed", "changed"]
    assert status("https://example.com/v2/w.pdparams") == "recorded"  # for another file


def test_files_of_one_folder_share_a_ledger(path):
    other = path.with_name("v.pdparams")
    other.write_bytes(b"other")
    for file in (path, other):
        check_first_seen(digest_file(file), file, URL)
    entries = json.loads(path.with_name(LEDGER).read_text())
    assert {name: entry["size"] for name, entry in entries.items()} == {
        "v.pdparams": 5,
        "w.pdparams": 6,
    }


def test_files_first_seen_at_the_same_time_are_all_recorded(tmp_path):
    paths = [tmp_path / f"{number}.pdparams" for number in range(16)]
    for path in paths:
        path.write_bytes(path.name.encode())
    with ThreadPoolExecutor(8) as pool:
        checks = pool.map(lambda path: check_first_seen(digest_file(path), path, URL), paths)
        assert {check.status for check in checks} == {"recorded"}
    entries = json.loads((tmp_path / LEDGER).read_text())
    assert sorted(entries) == sorted(path.name for path in paths)


@pytest.mark.parametrize("content", ["[", "[1]", '{"w.pdparams": 3}', "\xff"])
def test_damaged_ledger_is_an_error_that_says_what_to_remove(path, content):
    path.with_name(LEDGER).write_text(content, encoding="latin-1")
    with pytest.raises(WeightsError, match=r"digests\.json, .* is damaged: remove it\.$"):
        check_first_seen(digest_file(path), path, URL)


def test_ledger_that_cannot_be_written_causes_one_warning_only(path, monkeypatch, caplog):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("ppgan_mpr.weights.digests.atomic_write", full)
    checks = [check_first_seen(digest_file(path), path, URL) for _ in range(2)]
    (record,) = caplog.records
    assert "a file that changes later will not be noticed" in record.getMessage()
    check = checks[0]
    assert check.passed
    assert "cannot be written (No space left on device)" in check.explanation
