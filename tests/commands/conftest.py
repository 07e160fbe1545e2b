"""Fixtures of mprnet-verify (a local model zoo, pictures to measure on) and of mprnet-train."""

import dataclasses
import json

import numpy as np
import pytest
from PIL import Image
from tls_server import Server
from training_samples import SIZE, paddlegan_config, write_noisy_pairs
from verification_samples import OPTIONS, TINY

from ppgan_mpr.networks import WeightsRecord, find_network
from ppgan_mpr.weights.formats import write_file


@pytest.fixture(scope="session")
def network():
    """A small MPRNet whose attention depends on the whole picture."""
    import paddle

    paddle.seed(3)
    network = find_network("MPRNet").build(TINY)
    for name, parameter in network.named_parameters():
        if "conv_du" in name:  # attention that depends much on the picture's statistics
            parameter.set_value(30 * parameter)
    network.eval()
    return network


@pytest.fixture(scope="session")
def tensors(network):
    """The network's weights by name, as arrays."""
    return {name: np.asarray(value) for name, value in network.state_dict().items()}


@pytest.fixture
def zoo(tmp_path, monkeypatch, known_weights, tensors):
    """A local model zoo with an empty cache; a function that publishes a record of the weights."""
    write_file(tmp_path / "tiny.pdparams", tensors)
    server = Server(tmp_path)
    server.content = (tmp_path / "tiny.pdparams").read_bytes()
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(server.authority))
    monkeypatch.setenv("PPGAN_MPR_HOME", str(tmp_path / "home"))

    def publish(*scores, **facts):
        record = WeightsRecord(
            model="published",
            task="Deraining",
            hyperparameters=TINY,
            parameters=1,
            licence="none",
            origin="this test",
            paper="none",
            url=server.url.replace("MPR_Deblurring", "tiny"),
            scores=scores,
        )
        record = dataclasses.replace(record, **facts)
        known_weights("MPRNet", record)
        return dataclasses.replace(record, network="MPRNet")

    publish.server = server  # tests may change its answer
    yield publish
    server.close()


@pytest.fixture
def write_pairs(tmp_path):
    """A function that writes noisy and clean pictures of the given sizes into a new folder."""

    def write(*sizes, name="Some pictures", inputs=("input",)):
        random = np.random.default_rng(5)
        for part in (*inputs, "target"):
            (tmp_path / name / part).mkdir(parents=True)
        for number, (height, width) in enumerate(sizes):
            rows, columns = np.mgrid[:height, :width][..., None]
            clean = rows / height * (0.5 + 0.4 * np.sin(rows / 7 + columns / 5 + np.arange(3)))
            for part in (*inputs, "target"):
                noise = 0 if part == "target" else 0.1 * random.normal(size=clean.shape)
                codes = np.rint(255 * np.clip(clean + noise, 0, 1)).astype(np.uint8)
                Image.fromarray(codes).save(tmp_path / name / part / f"{number}.png")
        return tmp_path / name

    return write


@pytest.fixture
def verify(tmp_path, capsys):
    """A function that runs the command; returns exit code, output, errors and JSON."""
    from ppgan_mpr.commands.verify import main

    def run(folder, *options):
        report = tmp_path / "report.json"
        report.unlink(missing_ok=True)
        code = main([*OPTIONS, "--data", str(folder), "--output", str(report), *options])
        captured = capsys.readouterr()
        content = json.loads(report.read_text()) if report.exists() else None
        return code, captured.out, captured.err, content

    return run


@pytest.fixture(scope="session")
def training_data(tmp_path_factory):
    """train/ and val/ with smooth pictures and noisy copies."""
    root = tmp_path_factory.mktemp("data")
    write_noisy_pairs(root)
    return root


@pytest.fixture
def config(training_data, tmp_path):
    """The path of a yaml file for a tiny training run."""
    yaml = pytest.importorskip("yaml")
    content = paddlegan_config("deraining")
    content["dataset"]["train"].update(rgb_dir=str(training_data / "train"), batch_size=2)
    content["dataset"]["train"]["img_options"]["patch_size"] = 32
    test = {"rgb_dir": str(training_data / "val"), "name": "MPRVal", "img_options": None}
    content["dataset"]["test"].update(test)
    content["validate"]["metrics"] = {"psnr": {"name": "PSNR", "protocol": "rain-y"}}
    content["output_dir"] = str(tmp_path / "out")
    content["model"]["generator"].update(SIZE)
    path = tmp_path / "tiny.yaml"
    path.write_text(yaml.safe_dump(content))
    return path
