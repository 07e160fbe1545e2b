"""Fixtures that simulate the servers of published weights."""

import dataclasses

import pytest
from tls_server import Server

from ppgan_mpr.weights import find_record, load_weights
from ppgan_mpr.weights.conversion import convert
from ppgan_mpr.weights.formats import write_file


@pytest.fixture
def server(tmp_path, monkeypatch, known_weights, small_record):
    """A local stand-in for the model zoo, with its record in the catalogue and an empty cache."""
    server = Server(tmp_path)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(server.authority))
    record, server.content = small_record
    record = dataclasses.replace(record, url=server.url)
    known_weights("MPRNet", record, find_record("lite", "Deblurring"))
    monkeypatch.setenv("PPGAN_MPR_HOME", str(tmp_path / "home"))
    yield server
    server.close()


@pytest.fixture(scope="session")
def small_record(tmp_path_factory):
    """The record of a small model (the lite one) and its file's content."""
    path = tmp_path_factory.mktemp("zoo") / "w.pdparams"
    convert("lite:Deblurring", path)
    lite = find_record("lite", "Deblurring")
    record = dataclasses.replace(lite, model="published", resource=None, size=None, sha256=None)
    return record, path.read_bytes()


@pytest.fixture
def new_content():
    """A function: weights file → content of a file with other weights of the same network."""

    def new_content(path):
        tensors = load_weights(path).tensors
        other = path.with_name("other.pdparams")
        write_file(other, {name: tensor * 2 for name, tensor in tensors.items()})
        content = other.read_bytes()
        other.unlink()
        return content

    return new_content
