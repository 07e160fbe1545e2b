import dataclasses

import numpy as np
import pytest

from ppgan_mpr import Predictor, WeightsRecord
from ppgan_mpr.commands.restore import main
from ppgan_mpr.dependencies import require
from ppgan_mpr.networks import find_network
from ppgan_mpr.weights import find_record
from ppgan_mpr.weights.catalogue import record_of_name

paddle = require("paddle")

SMALL = {"width": 8, "middle_blk_num": 1, "enc_blk_nums": (1, 1), "dec_blk_nums": (1, 1)}
RECORD = WeightsRecord(
    model="authors", task="Deblurring", hyperparameters=SMALL, parameters=1, licence="none",
    origin="this test", paper="none", local=True,
)  # fmt: skip


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    """Random weights of a small NAFNet whose attention varies over a picture."""
    paddle.seed(0)
    network = find_network("NAFNet").build(SMALL)
    for name, parameter in network.named_parameters():
        if name.endswith(("beta", "gamma")):
            parameter.set_value(paddle.rand(parameter.shape) / 2)
        if ".sca." in name:
            parameter.set_value(parameter * 4)
    path = tmp_path_factory.mktemp("nafnet") / "any.pdparams"
    paddle.save(network.state_dict(), str(path))
    return path


@pytest.fixture(scope="module")
def photo():
    """Darker and smoother on the left than on the right, [480, 1024, 3] in [0, 1]."""
    slope = np.linspace(0.1, 0.8, 1024, dtype=np.float32)[None, :, None]
    noise = np.random.default_rng(0).random((480, 1024, 3), np.float32)
    return 0.8 * slope + 0.2 * noise * slope


def restore(path, photo, **options):
    return Predictor(None, path, task="Deblurring", precision="f32", **options).restore(photo)


def test_weights_choose_tlc_and_the_user_may_overrule_them(path, known_weights):
    options = {"weight_path": path, "task": "Deblurring"}
    assert not Predictor(None, **options).local  # weights of a size that nobody knows
    known_weights("NAFNet", dataclasses.replace(RECORD, local=False))
    assert not Predictor(None, **options).local
    assert Predictor(None, **options, local=True).local
    known_weights("NAFNet", RECORD)
    copy = path.with_name("copy.pdparams")
    copy.write_bytes(path.read_bytes())
    predictor = Predictor(None, copy, task="Deblurring")
    assert predictor.local
    assert predictor.run(np.zeros([16, 16, 3], np.uint8))[0].record.local
    overruled = Predictor(None, copy, task="Deblurring", local=False)
    assert not overruled.run(np.zeros([16, 16, 3], np.uint8))[0].record.local


def test_tiles_with_tlc_overlap_by_half_a_window(path, photo):
    whole = restore(path, photo, local=True, memory="4G")
    tiled = restore(path, photo, local=True, tile=768)
    narrow = restore(path, photo, local=True, tile=768, overlap=32)
    error, error_of_narrow = (np.abs(result - whole).mean() for result in (tiled, narrow))
    assert 0 < error < error_of_narrow / 1.5


def test_tiles_without_tlc_share_their_averages(path, photo):
    whole = restore(path, photo, local=False, memory="4G")
    assert np.abs(restore(path, photo, local=False, tile=512) - whole).max() < 0.05


def test_default_networks_stay_and_nafnet_can_be_chosen():
    assert find_record("published", "Denoising").network == "MPRNet"
    assert find_record("published", "Deblurring").network == "MPRNet"
    record = find_record("published", "Denoising", network="nafnet")
    assert record == record_of_name("published:nafnet:Denoising")
    assert record.url.endswith("/NAFNet_Denoising.pdparams")


def test_authors_test_deblurring_with_tlc_and_denoising_without():
    records = [r for r in find_network("NAFNet").weights if r.model == "authors"]
    assert len({record.name for record in records}) == 5
    assert all(r.local == (r.task == "Deblurring") == r.scores[0].local for r in records)


def test_list_says_what_is_faster_better_and_at_hand(capsys):
    assert main(["--list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    (gopro,) = (
        line for line in lines if line.startswith("authors:nafnet:Deblurring:gopro-width32")
    )
    assert "16 GMACs" in gopro and "a file that you bring" in gopro
    (mprnet,) = (line for line in lines if line.startswith("published:Deblurring"))
    assert "751 GMACs" in mprnet and "https://" in mprnet


def test_flags_of_tlc(path, tmp_path, capsys):
    from PIL import Image

    Image.new("RGB", (40, 24), (90, 80, 70)).save(tmp_path / "small.png")
    for flags, expected in (([], False), (["--local"], True), (["--no-local"], False)):
        report = tmp_path / "report.json"
        command = [str(tmp_path / "small.png"), "--weight_path", str(path), "--task", "Deblurring"]
        command += ["-o", str(tmp_path / "out"), "--overwrite", "--report", str(report), *flags]
        assert main(command) == 0
        assert f'"local": {str(expected).lower()}' in report.read_text()
