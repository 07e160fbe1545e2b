"""mprnet-verify on made-up weights, pictures and scores, against computations of its own."""

import dataclasses
import functools
import http.server
import json
import threading

import cv2
import numpy as np
import pytest
from PIL import Image
from skimage.metrics import structural_similarity

from ppgan_mpr.commands import restore as restore_command
from ppgan_mpr.commands.verification import choose_protocols, choose_scores
from ppgan_mpr.commands.verify import build_parser, main
from ppgan_mpr.errors import UsageError
from ppgan_mpr.metrics import get_protocol
from ppgan_mpr.networks import Score, WeightsRecord, find_network
from ppgan_mpr.weights import find_record
from ppgan_mpr.weights.catalogue import git_blob_of
from ppgan_mpr.weights.digests import digest_file
from ppgan_mpr.weights.download import cached_path
from ppgan_mpr.weights.formats import write_file

TINY = {"n_feat": 8, "scale_unetfeats": 4, "scale_orsnetfeats": 4, "num_cab": 1}
# Near the rounding of floats: what differs by more was computed in another way.
STRICT = ["--tolerance", "0.001", "0.00005"]
OPTIONS = ["--task", "Deraining", "--backend", "paddle", "--device", "cpu"]
ODD = [(37, 45), (50, 39)]


@pytest.fixture(scope="module")
def network():
    import paddle

    paddle.seed(3)
    network = find_network("MPRNet").build(TINY)
    for name, parameter in network.named_parameters():
        if "conv_du" in name:  # attention that depends much on the picture's statistics
            parameter.set_value(30 * parameter)
    network.eval()
    return network


@pytest.fixture(scope="module")
def tensors(network):
    return {name: np.asarray(value) for name, value in network.state_dict().items()}


@pytest.fixture
def zoo(tmp_path, monkeypatch, known_weights, tensors):
    """A local model zoo with an empty cache; a function that publishes a record of the weights."""
    (tmp_path / "zoo").mkdir()
    write_file(tmp_path / "zoo" / "tiny.pdparams", tensors)
    handler = functools.partial(Quiet, directory=tmp_path / "zoo")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
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
            url=f"http://127.0.0.1:{server.server_port}/tiny.pdparams",
            scores=scores,
        )
        record = dataclasses.replace(record, **facts)
        known_weights("MPRNet", record)
        return dataclasses.replace(record, network="MPRNet")

    yield publish
    server.shutdown()
    server.server_close()


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture
def write_pairs(tmp_path):
    """A function that writes noisy and clean pictures of the given sizes into DIR."""

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

    def run(folder, *options):
        report = tmp_path / "report.json"
        report.unlink(missing_ok=True)
        code = main([*OPTIONS, "--data", str(folder), "--output", str(report), *options])
        captured = capsys.readouterr()
        content = json.loads(report.read_text()) if report.exists() else None
        return code, captured.out, captured.err, content

    return run


def pictures(folder, *inputs):
    for path in sorted((folder / "target").iterdir()):
        views = [np.asarray(Image.open(folder / part / path.name)) for part in inputs or ["input"]]
        yield np.concatenate(views, axis=2), np.asarray(Image.open(path))


def restore(network, codes, sides="end", multiple=8):
    """What the network makes of a picture, padded by NumPy: [H, W, 3] float32, not clipped."""
    import paddle

    (height, width), margins = codes.shape[:2], []
    for side in (height, width):
        total = -side % multiple
        margins.append((0, total) if sides == "end" else (total // 2, total - total // 2))
    padded = np.pad(np.float32(codes) / np.float32(255), (*margins, (0, 0)), "reflect")
    with paddle.no_grad():
        result = network(paddle.to_tensor(padded.transpose(2, 0, 1)[None]))
    result = result[0].numpy()[0] if isinstance(result, (list, tuple)) else result.numpy()[0]
    (top, _), (left, _) = margins
    return result.transpose(1, 2, 0)[top : top + height, left : left + width]


def to_codes(picture):
    return np.rint(np.clip(picture, 0, 1) * 255).astype(np.uint8)


def psnr(restored, target):
    return 10 * np.log10(255**2 / np.mean((np.float64(restored) - np.float64(target)) ** 2))


def luma(codes):
    return np.floor(16.5 + codes.astype(np.float64) @ [65.481, 128.553, 24.966] / 255)


def rain_y(network, folder, sides="end"):
    """PSNR and SSIM of every picture by MPRNet's deraining protocol."""
    scores = []
    for degraded, target in pictures(folder):
        ours, clean = luma(to_codes(restore(network, degraded, sides))), luma(target)
        window = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
        ssim = structural_similarity(ours, clean, data_range=255, **window)
        scores.append((psnr(ours, clean), ssim))
    return np.array(scores)


def score(dataset, psnr, ssim=None, protocol="rain-y", **facts):
    ssim = None if ssim is None else float(ssim)
    return Score(dataset, float(psnr), ssim, protocol, "this test", **facts)


def test_odd_sizes_agree_with_an_independent_computation(zoo, write_pairs, verify, network):
    folder = write_pairs(*ODD)
    expected = rain_y(network, folder)
    both = rain_y(network, folder, "both")
    assert abs(expected.mean(axis=0) - both.mean(axis=0))[0] > 0.002  # the padding matters here
    zoo(score("Anything (2)", *expected.mean(axis=0)))
    code, out, _, report = verify(folder, *STRICT)
    assert code == 0
    assert "agrees" in out
    assert "Every comparable score (1) agrees" in out
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
def test_another_published_score_is_a_disagreement(
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


def test_a_protocol_of_crops_restores_the_crop_alone(zoo, write_pairs, verify, network):
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


def test_two_views_of_a_dual_pixel_camera(zoo, write_pairs, verify, known_weights, tmp_path):
    import paddle

    form = {"inp_channels": 6, "n_feat": 16, "groups": (1, 2), "task": "defocus_deblurring"}
    paddle.seed(1)
    network = find_network("MIRNetv2").build(form)
    network.eval()
    state = {name: np.asarray(value) for name, value in network.state_dict().items()}
    write_file(tmp_path / "zoo" / "tiny.pdparams", state)
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


def test_local_statistics_are_compared_with_local_scores_only(
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


def test_unknown_set_is_shown_beside_every_score(zoo, write_pairs, verify):
    zoo(score("One", 99), score("Another", 98))
    code, out, _, report = verify(write_pairs((40, 40)))
    assert code == 0
    assert "may be another set" in out
    assert "--dataset" in out
    assert [row["published"]["dataset"] for row in report["scores"]] == ["One", "Another"]
    assert verify(write_pairs((40, 40), name="one-again"))[0] == 1


def test_a_picture_in_tiles_is_mentioned(zoo, write_pairs, verify, monkeypatch):
    zoo(score("Anything (1)", 99))
    monkeypatch.setattr("ppgan_mpr.commands.verify.available", lambda: 5 << 20)
    _, out, _, report = verify(write_pairs((160, 200)))
    assert "Restored in tiles" in out
    assert report["data"]["restored_in_tiles"] == ["0"]


def test_digest_is_remembered_and_a_changed_file_is_said(zoo, write_pairs, verify, tensors):
    record = zoo(score("Anything", 99))
    folder = write_pairs((40, 40))
    code, out, _, report = verify(folder)
    assert code == 0
    assert "No digest is published: recorded" in out
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
    for _ in range(2):  # what was seen first stays remembered
        code, out, _, report = verify(folder)
        assert code == 1
        assert "The file has changed" in out
        assert digest.sha256 in out
        assert report["weights"]["digest_status"] == "changed"
        assert report["agrees"] is False


def test_digest_is_compared_where_one_is_published(zoo, write_pairs, verify, tensors):
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


def test_damaged_memory_of_digests_is_one_sentence(zoo, write_pairs, verify):
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


def test_own_file_that_nothing_identifies(zoo, write_pairs, verify, tensors, tmp_path):
    path = tmp_path / "mine.pdparams"
    write_file(path, tensors)
    folder = write_pairs((40, 40))
    zoo(score("Anything", 99))
    code, out, _, _ = verify(folder, "--weight_path", str(path))
    assert code == 0
    assert "it may be published:Deraining" in out
    assert not path.with_name("digests.json").exists()  # that is for downloads
    zoo(score("Anything", 99), git_blob="0" * 40)  # known, and not this file
    code, _, err, _ = verify(folder, "--weight_path", str(path))
    assert code == 2
    assert "give --protocol" in err
    code, out, _, report = verify(folder, "--weight_path", str(path), "--protocol", "rain-y")
    assert code == 0
    assert report["scores"][0]["published"] is None


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


def test_offline_is_one_sentence(zoo, write_pairs, verify):
    record = zoo(score("Anything", 99), url="http://127.0.0.1:9/tiny.pdparams")
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
    for folder, options, message in (
        (tmp_path, [], "must hold the folders input/ and target/"),
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
def test_the_test_set_is_told_from_folder_and_count(
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
