"""Measurements of mprnet-verify, compared with independent computations."""

import dataclasses
import re

import cv2
import numpy as np
import pytest
from verification_samples import ODD, STRICT, TINY, pictures, psnr, rain_y, restore, score, to_codes

from ppgan_mpr.commands.verification import choose_protocols, choose_scores
from ppgan_mpr.errors import UsageError
from ppgan_mpr.metrics import get_protocol
from ppgan_mpr.networks import find_network
from ppgan_mpr.weights.formats import write_file


def test_odd_sizes_agree_with_an_independent_computation(zoo, write_pairs, verify, network):
    folder = write_pairs(*ODD)
    expected = rain_y(network, folder)
    both = rain_y(network, folder, "both")
    assert abs(expected.mean(axis=0) - both.mean(axis=0))[0] > 0.002  # the padding matters here
    zoo(score("Anything (2)", *expected.mean(axis=0)))
    code, out, _, report = verify(folder, *STRICT)
    assert code == 0
    assert "agrees" in out
    assert "All comparable scores (1) agree" in out
    assert report["agrees"] is True
    (row,) = report["scores"]
    assert row["protocol"]["name"] == "rain-y"
    assert row["protocol"]["padding"] == "end"
    assert row["measured"]["pictures"] == 2
    found = [(p["psnr"], p["ssim"]) for p in report["pictures"]["rain-y"]]
    np.testing.assert_allclose(found, expected, atol=1e-3)
    assert report["versions"]["paddlepaddle"]
    assert report["backend"]["precision"] == "f32"


@pytest.mark.parametrize(("psnr_off", "ssim_off"), [(0.1, 0), (0, 0.01)])
def test_published_score_that_differs_from_the_measured_one_is_a_disagreement(
    zoo, write_pairs, verify, network, psnr_off, ssim_off
):
    folder = write_pairs((40, 40))
    psnr, ssim = rain_y(network, folder).mean(axis=0)
    zoo(score("Anything (1)", psnr + psnr_off, ssim + ssim_off))
    code, out, _, report = verify(folder)
    assert code == 1
    assert "DIFFERS" in out
    assert report["scores"][0]["difference"]["psnr"] == pytest.approx(-psnr_off, abs=0.005)
    assert verify(folder, "--tolerance", "0.2", "0.02")[0] == 0


def test_protocol_of_crops_restores_only_the_crop(zoo, write_pairs, verify, network):
    folder = write_pairs((263, 290))
    ((degraded, target),) = pictures(folder)
    centre = np.s_[3:259, 17:273]

    def scored(picture):
        return psnr(to_codes(picture)[4:-4, 4:-4], target[centre][4:-4, 4:-4])

    alone = scored(restore(network, degraded[centre]))
    assert abs(alone - scored(restore(network, degraded)[centre])) > 0.002
    zoo(score("Anything", alone, protocol="ppgan-crop256"))
    assert verify(folder, "--dataset", "anything", *STRICT)[0] == 0


def test_pictures_of_16_bits_are_scored_with_16_bits(zoo, write_pairs, verify, network):
    folder = write_pairs((40, 40))
    ((degraded, target),) = pictures(folder)
    restored = np.clip(restore(network, degraded), 0, 1)
    target = np.uint16(np.rint(65535 * (0.998 * restored + 0.001)))
    cv2.imwrite(str(folder / "target" / "0.png"), target[:, :, ::-1])
    error = np.rint(65535 * restored) - target
    expected = 10 * np.log10(65535**2 / np.mean(error**2))
    zoo(score("Anything (1)", expected, protocol="gopro"))
    assert verify(folder, *STRICT)[0] == 0


def test_every_protocol_that_the_scores_name_is_measured(zoo, write_pairs, verify, network):
    folder = write_pairs((40, 40))
    ((degraded, target),) = pictures(folder)
    rgb = psnr(to_codes(restore(network, degraded)), target)
    zoo(
        score("Anything (1)", rain_y(network, folder)[0, 0]),
        score("Anything (1)", rgb + 1, protocol="gopro"),
    )
    code, _, _, report = verify(folder)
    assert code == 1
    assert [row["agrees"] for row in report["scores"]] == [True, False]
    code, _, _, report = verify(folder, "--protocol", "rain-y")
    assert code == 0
    assert list(report["pictures"]) == ["rain-y"]


def test_pairs_of_a_dual_pixel_camera_are_scored(zoo, write_pairs, verify, known_weights, tmp_path):
    import paddle

    form = {"inp_channels": 6, "n_feat": 16, "groups": (1, 2), "task": "defocus_deblurring"}
    paddle.seed(1)
    network = find_network("MIRNetv2").build(form)
    network.eval()
    state = {name: np.asarray(value) for name, value in network.state_dict().items()}
    write_file(tmp_path / "dual.pdparams", state)
    zoo.server.content = (tmp_path / "dual.pdparams").read_bytes()
    folder = write_pairs((42, 37), inputs=("inputL", "inputR"))
    ((degraded, target),) = pictures(folder, "inputL", "inputR")
    expected = psnr(to_codes(restore(network, degraded, multiple=4)), target)
    record = zoo()
    known_weights(
        "MIRNetv2",
        dataclasses.replace(
            record,
            task="DualPixelDeblurring",
            hyperparameters={"task": "defocus_deblurring"},
            scores=(score("Anything (1)", expected, protocol="gopro"),),
        ),
    )
    code, _, _, report = verify(folder, "--task", "DualPixelDeblurring", *STRICT)
    assert (code, report["weights"]["network"]) == (0, "MIRNetv2")


def test_measurements_with_local_statistics_are_compared_with_local_scores_only(
    zoo, write_pairs, verify, network, tensors
):
    folder = write_pairs((560, 40))
    spec = find_network("MPRNet")
    windowed = spec.build(TINY)
    windowed.set_state_dict(tensors)
    windowed.eval()
    spec.localise(windowed)
    whole, local = rain_y(network, folder)[0, 0], rain_y(windowed, folder)[0, 0]
    assert abs(whole - local) > 0.002
    zoo(score("Anything (1)", whole), score("Anything (1)", local, local=True))
    for options in ([], ["--local"]):
        code, _, _, report = verify(folder, *options, *STRICT)
        assert (code, len(report["scores"])) == (0, 1)
        assert report["backend"]["local"] is bool(options)


def test_limit_measures_the_first_pictures_and_compares_nothing(zoo, write_pairs, verify, network):
    folder = write_pairs(*ODD)
    zoo(score("Anything (2)", 99))
    code, out, _, report = verify(folder, "--limit", "1")
    assert code == 0
    assert "pictures: the first 1 of 2 in" in out
    assert "Only the first 1 of 2 pictures" in out
    assert "not comparable" in out
    assert report["agrees"] is None
    (picture,) = report["pictures"]["rain-y"]
    assert picture["name"] == "0"
    assert picture["psnr"] == pytest.approx(rain_y(network, folder)[0, 0], abs=1e-3)


GOPRO = score("GoPro (1111)", 32.66)
SETS = [score("Rain100L", 36.4), score("Rain100H", 30.41), score("LOL (15)", 24.1)]


@pytest.mark.parametrize(
    ("folder", "count", "dataset", "chosen", "comparable"),
    [
        ("data/rain-100L", 8, None, ["Rain100L"], True),
        ("data/Rain100H/test", 8, None, ["Rain100H"], True),
        ("data/Rain100H/train", 8, None, ["Rain100L", "Rain100H", "LOL (15)"], False),
        ("data/pictures", 15, None, ["LOL (15)"], True),
        ("data/lol", 14, None, ["LOL (15)"], False),
        ("data/Rain100L", 15, None, ["Rain100L"], True),
        ("data/pictures", 3, "rain100l", ["Rain100L"], True),
        ("data/pictures", 3, "LOL", ["LOL (15)"], False),
    ],
)
def test_test_set_is_recognised_by_folder_name_and_count(
    tmp_path, folder, count, dataset, chosen, comparable
):
    choice = choose_scores(
        [*SETS, score("Rain100L", 1, protocol="gopro")],
        get_protocol("rain-y"),
        tmp_path / folder,
        count,
        dataset,
    )
    assert [score.dataset for score in choice.scores] == chosen
    assert (choice.reason == "") is comparable


def test_the_longer_name_of_a_set_wins(tmp_path):
    scores = [score("SIDD", 1), score("SIDD validation", 2)]
    choice = choose_scores(scores, get_protocol("rain-y"), tmp_path / "SIDD_validation", 3, None)
    assert [score.psnr for score in choice.scores] == [2]


def test_protocols_are_those_with_a_score_on_the_set():
    scores = [score("GoPro", 33, protocol="ppgan-crop256"), score("HIDE", 31, protocol="gopro")]
    both = choose_protocols(scores, None, None, "weights")
    assert [protocol.name for protocol in both] == ["ppgan-crop256", "gopro"]
    (one,) = choose_protocols(scores, None, "hide", "weights")
    assert one.name == "gopro"
    with pytest.raises(UsageError, match="give protocol="):
        choose_protocols([], None, None, "weights")


@pytest.fixture
def sets(write_pairs):
    """A folder with two test sets, of two pictures and of one."""
    write_pairs((32, 40), (40, 32), name="test/Rain100L")
    return write_pairs((48, 40), name="test/Test100").parent


def test_all_sets_and_their_mean_are_compared(zoo, sets, verify):
    zoo(score("Rain100L", 20.0, 0.5), score("Test100", 30.0, 0.75), score("Test1200", 9.0, 0.1))
    code, out, _, report = verify(sets)
    assert code == 1  # none of the made-up scores agrees
    rows = {row["published"]["dataset"]: row for row in report["scores"]}
    assert list(rows) == ["Rain100L", "Test100", "mean of 2 sets"]
    measured = [
        np.mean([picture["psnr"] for picture in each["pictures"]["rain-y"]])
        for each in report["sets"]
    ]
    assert [each["data"]["measured"] for each in report["sets"]] == [2, 1]
    mean = rows["mean of 2 sets"]
    assert (mean["published"]["psnr"], mean["published"]["ssim"]) == (25.0, 0.625)
    assert mean["measured"]["psnr"] == pytest.approx(np.mean(measured))  # of sets, not pictures
    assert f"2 in {sets / 'Rain100L'}" in out
    assert "25.00 dB / 0.625" in out


def test_sets_are_compared_with_the_score_of_their_own_name_only(zoo, sets, write_pairs, verify):
    write_pairs((32, 32), name="test/Rain100L_mine")
    write_pairs((32, 32), (32, 32), (32, 32), name="test/other")
    zoo(score("Rain100L", 20.0, 0.5), score("Test100", 30.0, 0.75), score("Elsewhere (3)", 9, 0.1))
    _, out, _, report = verify(sets)
    rows = [row["published"] and row["published"]["dataset"] for row in report["scores"]]
    assert rows == ["Rain100L", None, "Test100", None, "mean of 2 sets"]
    mean = report["scores"][-1]
    assert mean["published"]["psnr"] == 25
    with_both = [report["scores"][number]["measured"]["psnr"] for number in (0, 2)]
    assert mean["measured"]["psnr"] == pytest.approx(np.mean(with_both))
    assert re.search(r"^Rain100L_mine +rain-y +1 +- ", out, re.MULTILINE)
    assert re.search(r"^other +rain-y +3 +- ", out, re.MULTILINE)
    assert "There is no published score on a test set other." in out


def test_scores_of_other_weights_are_shown_but_not_compared(zoo, sets, verify, known_weights):
    mine = zoo(score("Rain100L", 20.0, 0.5))
    theirs = [score("Rain100L", 36.4, 0.965), score("Test100", 30.27, 0.897)]
    known_weights(
        "MPRNet",
        dataclasses.replace(mine, scores=()),
        dataclasses.replace(mine, model="authors", url=None, scores=tuple(theirs)),
    )
    code, out, _, report = verify(sets, "--protocol", "rain-y")
    assert code == 2 or report["agrees"] is None
    assert [row["published"]["psnr"] for row in report["scores"]][:2] == [36.4, 30.27]
    assert all(row["agrees"] is None for row in report["scores"])
    assert "of other weights, so a difference is no error" in out


def test_one_name_for_several_sets_is_refused(zoo, sets, verify):
    zoo(score("Rain100L", 20.0, 0.5))
    code, _, err, _ = verify(sets, "--dataset", "Rain100L")
    assert code == 2
    assert "--dataset names one test set" in err
