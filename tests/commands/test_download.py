import dataclasses
import hashlib
import subprocess

import pytest
from tls_server import Server

from ppgan_mpr.commands.download import main
from ppgan_mpr.commands.restore import main as mprnet
from ppgan_mpr.networks import weights_records
from ppgan_mpr.weights import find_record, load_weights
from ppgan_mpr.weights.conversion import convert
from ppgan_mpr.weights.formats import write_file

TASKS = ("Deblurring", "Denoising")


@pytest.fixture(scope="module")
def content(tmp_path_factory):
    """A small weights file."""
    path = tmp_path_factory.mktemp("zoo") / "w.pdparams"
    convert("lite:Deblurring", path)
    return path.read_bytes()


@pytest.fixture
def server(tmp_path, monkeypatch, changed_network, content):
    """A model zoo on this machine with one file for each of two tasks, and an empty cache."""
    server = Server(tmp_path)
    server.content = content
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(server.authority))
    monkeypatch.setenv("PPGAN_MPR_HOME", str(tmp_path / "home"))
    lite = find_record("lite", "Deblurring")
    records = [
        dataclasses.replace(
            lite,
            model="published",
            task=task,
            resource=None,
            size=None,
            sha256=None,
            url=server.url.replace("Deblurring", task),
        )
        for task in TASKS
    ]
    for network in {record.network for record in weights_records() if record.url}:
        changed_network(network, weights=())
    changed_network("MPRNet", weights=tuple(records))
    yield server
    server.close()


def test_downloaded_folder_serves_a_machine_without_internet(
    server, tmp_path, monkeypatch, content, capsys
):
    stick = tmp_path / "stick"
    assert main(["--all", str(stick)]) == 0
    printed = capsys.readouterr().out
    for task in TASKS:
        assert (stick / "weights" / f"MPR_{task}.pdparams").read_bytes() == content
        assert f"published:{task}" in printed
    assert printed.count(f"{len(content) / 1e6:.1f} MB  sha256 {sha256(content)}") == 2
    server.close()
    monkeypatch.setenv("PPGAN_MPR_HOME", str(stick))
    for task in TASKS:
        assert load_weights(f"published:{task}").task == task


def test_sha256sum_verifies_the_folder(server, tmp_path):
    for task in TASKS:  # one after the other: the second run adds to the list
        assert main(["--task", task, str(tmp_path)]) == 0
    done = subprocess.run(
        ["sha256sum", "-c", "SHA256SUMS"], cwd=tmp_path / "weights", capture_output=True, text=True
    )
    assert done.stdout.splitlines() == [f"MPR_{task}.pdparams: OK" for task in TASKS]


def test_existing_files_are_not_downloaded_again(server, tmp_path):
    main(["--task", "deblurring", str(tmp_path)])
    main(["--all", str(tmp_path)])
    assert server.paths == [f"/MPR_{task}.pdparams" for task in TASKS]


def test_failures_are_listed_at_the_end_and_the_rest_is_kept(
    server, tmp_path, changed_network, content, capsys
):
    wrong, right = (find_record("published", task) for task in TASKS)
    wrong = dataclasses.replace(wrong, sha256="0" * 64)
    changed_network("MPRNet", weights=(wrong, right))
    assert main(["--all", str(tmp_path)]) == 1
    captured = capsys.readouterr()
    assert "1 of 2 files" in captured.out
    (line,) = captured.err.splitlines()
    assert line.startswith("error: ") and "MPR_Deblurring.pdparams was discarded" in line
    files = {path.name for path in (tmp_path / "weights").glob("[!.]*")}
    assert files == {"MPR_Denoising.pdparams", "digests.json", "SHA256SUMS"}


def test_file_that_has_changed_is_an_error(server, tmp_path, capsys):
    main(["--task", "Denoising", str(tmp_path)])
    path = tmp_path / "weights" / "MPR_Denoising.pdparams"
    tensors = load_weights(path).tensors
    write_file(path, {name: 2 * tensor for name, tensor in tensors.items()})
    assert main(["--task", "Denoising", str(tmp_path)]) == 1
    assert "has changed" in capsys.readouterr().err


def test_network_option_selects_files(server, tmp_path, capsys):
    assert main(["--network", "mprnet", str(tmp_path)]) == 0
    assert server.requests == 2
    assert main(["--network", "NAFNet", str(tmp_path)]) == 2
    assert "no weights to download for NAFNet" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "with --all, --task or --network"),
        (["--all", "--task", "Denoising"], "leave out"),
        (["--task", "Denoise"], "did you mean Denoising"),
    ],
)
def test_wrong_usage_is_explained_in_one_sentence(server, tmp_path, capsys, options, message):
    assert main([*options, str(tmp_path / "new")]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line
    assert not (tmp_path / "new").exists()


def test_mprnet_download_is_the_same_command(server, tmp_path):
    assert mprnet(["download", "--task", "Denoising", str(tmp_path)]) == 0
    assert (tmp_path / "weights" / "MPR_Denoising.pdparams").exists()


def test_mirror_without_https_is_refused_at_once(server, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("PPGAN_MPR_MIRROR", "http://127.0.0.1")
    assert main(["--all", str(tmp_path)]) == 2
    assert "PPGAN_MPR_MIRROR" in capsys.readouterr().err
    assert server.requests == 0


def sha256(data):
    return hashlib.sha256(data).hexdigest()
