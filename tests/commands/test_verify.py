"""How mprnet-verify identifies the measured file and checks its options."""

import dataclasses
import json
import shutil

import pytest
from verification_samples import rain_y, score

from ppgan_mpr.commands import restore as restore_command
from ppgan_mpr.commands.verify import build_parser, main
from ppgan_mpr.weights import find_record
from ppgan_mpr.weights.catalogue import git_blob_of
from ppgan_mpr.weights.digests import digest_file
from ppgan_mpr.weights.download import cached_path
from ppgan_mpr.weights.formats import write_file


def test_digest_is_remembered_and_a_changed_file_is_reported(zoo, write_pairs, verify, tensors):
    record = zoo(score("Anything", 99))
    folder = write_pairs((40, 40))
    code, out, _, report = verify(folder)
    assert code == 0
    assert "the file is the one first seen on" in out
    path = cached_path(record)
    digest = digest_file(path)
    assert f"{digest.size:,} bytes" in out
    assert digest.sha256 in out
    assert digest.git_blob in out
    assert report["weights"]["sha256"] == digest.sha256
    memory = json.loads(path.with_name("digests.json").read_text())
    assert memory["tiny.pdparams"]["sha256"] == digest.sha256

    code, out, _, _ = verify(folder)
    assert code == 0
    assert "the one first seen on" in out

    write_file(path, {name: 1.01 * tensor for name, tensor in tensors.items()})
    for _ in range(2):  # the first digest stays remembered
        code, _, err, _ = verify(folder)
        assert code == 2
        assert str(path) in err and digest.sha256 in err
        assert len(err.splitlines()) == 1


def test_published_digest_is_compared(zoo, write_pairs, verify, tensors):
    folder = write_pairs((40, 40))
    record = zoo(score("Anything", 99))
    verify(folder)
    path = cached_path(record)
    zoo(*record.scores, sha256=digest_file(path).sha256)
    code, out, _, _ = verify(folder)
    assert code == 0
    assert "It matches the published sha256." in out
    write_file(path, {name: 1.01 * tensor for name, tensor in tensors.items()})
    code, out, _, _ = verify(folder)
    assert code == 1
    assert "This is not the file of published:Deraining" in out


def test_damaged_ledger_of_digests_is_explained_in_one_sentence(zoo, write_pairs, verify):
    record = zoo(score("Anything", 99))
    folder = write_pairs((40, 40))
    verify(folder)
    cached_path(record).with_name("digests.json").write_text("[")
    code, _, err, _ = verify(folder)
    assert code == 2
    assert "digests.json" in err
    assert "damaged: remove it" in err
    assert len(err.splitlines()) == 1


def test_own_file_is_recognised_by_its_git_object_id(
    zoo, write_pairs, verify, network, tensors, tmp_path
):
    folder = write_pairs((40, 40))
    path = tmp_path / "theirs.pth"
    write_file(tmp_path / "theirs.pdparams", tensors)
    (tmp_path / "theirs.pdparams").rename(path)
    right = rain_y(network, folder)[0, 0]
    facts = {"model": "authors", "url": None, "git_blob": git_blob_of(path)}
    zoo(score("Anything (1)", right), **facts)
    code, out, _, report = verify(folder, "--weight_path", str(path))
    assert code == 0
    assert "authors:Deraining" in out
    assert "It matches the published git object id." in out
    assert report["weights"]["path"] == str(path)


def test_own_file_is_assumed_to_be_that_of_a_record_without_digest(
    zoo, write_pairs, verify, tensors, tmp_path
):
    path = tmp_path / "mine.pdparams"
    write_file(path, tensors)
    folder = write_pairs((40, 40))
    zoo(score("Anything", 99))
    code, out, _, _ = verify(folder, "--weight_path", str(path))
    assert code == 0
    assert "is assumed to be published:Deraining" in out
    assert not path.with_name("digests.json").exists()  # only downloads have one
    zoo(score("Anything", 99), git_blob="0" * 40)  # of another file
    code, _, err, _ = verify(folder, "--weight_path", str(path))
    assert code == 2
    assert "give --protocol" in err
    code, out, _, report = verify(folder, "--weight_path", str(path), "--protocol", "rain-y")
    assert code == 0
    assert report["scores"][0]["published"] is None


def test_test_set_chooses_one_of_several_records_that_fit_the_users_file(
    zoo, write_pairs, verify, tensors, tmp_path, known_weights
):
    path = tmp_path / "mine.pdparams"
    write_file(path, tensors)
    folder = write_pairs((40, 40))
    first = zoo(score("First (5)", 99), variant="first")
    second = dataclasses.replace(first, scores=(score("Second (7)", 98),), variant="second")
    known_weights("MPRNet", first, second)
    _, out, _, _ = verify(folder, "--weight_path", str(path))
    assert "is assumed to be published:Deraining:first" in out
    assert "It may also be published:Deraining:second: choose with --dataset" in out
    _, out, _, report = verify(folder, "--weight_path", str(path), "--dataset", "second")
    assert "is assumed to be published:Deraining:second" in out
    assert report["scores"][0]["published"]["psnr"] == 98
    code, _, err, _ = verify(folder, "--weight_path", str(path), "--dataset", "third")
    assert code == 2
    assert "choose one of First, Second" in err
    named = tmp_path / "Second" / "val"
    shutil.copytree(folder, named)
    _, out, _, _ = verify(named, "--weight_path", str(path))
    assert "is assumed to be published:Deraining:second" in out


def test_embedded_file_is_checked(write_pairs, verify, known_weights):
    folder = write_pairs((40, 40))
    code, out, _, _ = verify(folder, "--model", "lite")
    assert code == 0
    assert "It matches the published sha256 and size." in out
    record = find_record("lite", "Deraining")
    known_weights("MPRNet", dataclasses.replace(record, sha256="0" * 64))
    code, out, _, _ = verify(folder, "--model", "lite")
    assert code == 1
    assert f"has sha256 {'0' * 64}" in out


def test_failed_download_is_explained_in_one_sentence(zoo, write_pairs, verify):
    record = zoo(score("Anything", 99), url="https://127.0.0.1:9/tiny.pdparams")
    code, out, err, report = verify(write_pairs((40, 40)))
    assert (code, out, report) == (2, "", None)
    assert len(err.splitlines()) == 1
    assert record.url in err
    assert str(cached_path(record)) in err


def test_mistakes_are_one_sentence_and_found_before_the_download(
    zoo, write_pairs, verify, tmp_path
):
    record = zoo(score("Anything", 99))
    good = write_pairs((40, 40))
    (tmp_path / "empty").mkdir()
    for folder, options, message in (
        (tmp_path / "empty", [], "must contain the folders input/ and target/"),
        (good, ["--limit", "0"], "--limit 0"),
        (good, ["--dataset", "anythin"], "did you mean Anything?"),
        (good, ["--protocol", "sidd"], "does not divide into the blocks"),
        (good, ["--tolerance", "-1", "0"], "--tolerance takes two numbers"),
        (good, ["--output", str(tmp_path / "scores.csv")], "name a .json file"),
        (good, ["--network", "mirnet"], "There are no published MIRNet weights"),
    ):
        code, out, err, _ = verify(folder, *options)
        assert (code, out) == (2, "")
        assert message in err
        assert len(err.splitlines()) == 1
    assert not cached_path(record).exists()


@pytest.mark.parametrize("flags", [["-m", "Lite", "-n", "mirnet"], ["--scale", "3", "--local"]])
def test_flags_of_restoring_mean_the_same(flags):
    ours = vars(build_parser().parse_args(["--data", "pairs", *flags]))
    theirs = vars(restore_command.build_parser().parse_args(flags))
    shared = {"model", "network", "scale", "device", "backend", "local"}
    assert {name: ours[name] for name in shared} == {name: theirs[name] for name in shared}
    assert ours["precision"] == "f32"


def test_usage_names_the_command_as_typed(capsys, monkeypatch):
    monkeypatch.setattr("sys.argv", ["tools/verify.py"])
    monkeypatch.delattr("__main__.__spec__")
    with pytest.raises(SystemExit):
        main(["--help"])
    assert capsys.readouterr().out.startswith("usage: python tools/verify.py ")
