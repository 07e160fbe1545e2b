import json
import subprocess
import sys

import numpy as np
import pytest

from ppgan_mpr.dependencies import require

paddle = require("paddle")

from ppgan_mpr.errors import ImageError, UsageError  # noqa: E402
from ppgan_mpr.metrics import get_protocol  # noqa: E402
from ppgan_mpr.metrics.paddle_metrics import PSNR, SSIM  # noqa: E402


@pytest.fixture
def pair():
    rng = np.random.default_rng(2)
    target = rng.integers(0, 256, (280, 300, 3), dtype=np.uint8)
    return np.clip(target + rng.normal(0, 9, target.shape), 0, 255).astype(np.uint8), target


@pytest.mark.parametrize(("y", "name"), [(False, "ppgan-crop256"), (True, "ppgan-crop256-y")])
def test_paddlegan_arguments_give_its_protocols(pair, y, name):
    centre = [picture[12:268, 22:278] for picture in pair]
    expected = get_protocol(name).score(*pair)
    for metric, key in ((PSNR, "psnr"), (SSIM, "ssim")):
        metric = metric(crop_border=4, test_y_channel=y)
        metric.update(*centre)
        assert metric.accumulate() == pytest.approx(expected[key])
        assert metric.name() == key.upper()
        assert isinstance(metric, paddle.metric.Metric)


def test_tensors_batches_and_lists_are_accepted(pair):
    batch = [paddle.to_tensor(p.transpose(2, 0, 1)[None] / np.float32(255)) for p in pair]
    expected = get_protocol("gopro").score(*pair)
    psnr = PSNR(input_order="CHW", protocol="gopro")
    psnr.update(*batch)
    psnr.update(list(batch[0]), list(batch[1]))
    psnr.update(batch[0].astype("float16"), batch[1])
    assert psnr.results == pytest.approx([expected["psnr"]] * 3, abs=1e-2)
    ssim = SSIM(input_order="HWC", protocol=get_protocol("gopro"))
    ssim.update(pair[0], pair[1])
    assert ssim.accumulate() == pytest.approx(expected["ssim"])


def test_a_sequence_counts_once(pair):
    restored, target = pair
    metric = PSNR(0)
    metric.update([restored, 255 - restored], [target, target], is_seq=True)
    metric.update(restored, target)
    single = PSNR(0)
    single.update([restored, 255 - restored], [target, target])
    assert metric.results[0] == pytest.approx(np.mean(single.results))
    assert len(metric.results) == 2 and len(single.results) == 2


def test_mean_is_nan_without_pictures_and_infinite_for_identical_ones(pair):
    for metric in (PSNR(4), SSIM(4)):
        metric.update([], [])
        metric.update([], [], is_seq=True)
        assert np.isnan(metric.accumulate())
    psnr = PSNR(4)
    psnr.update(pair[1], pair[1])
    assert psnr.accumulate() == np.inf
    psnr.update(*pair)
    assert psnr.accumulate() == psnr.results[1]
    psnr.reset()
    assert psnr.results == []


def test_wrong_arguments_are_explained(pair):
    with pytest.raises(UsageError, match="did you mean gopro"):
        PSNR(protocol="gopr")
    with pytest.raises(UsageError, match="or protocol"):
        SSIM(crop_border=4, protocol="gopro")
    with pytest.raises(UsageError, match=r"input_order=.NCHW.: did you mean CHW"):
        PSNR(input_order="NCHW")
    with pytest.raises(ImageError, match=r"1 pictures .* 2 targets"):
        PSNR().update(pair[0], [pair[1], pair[1]])


WORKER = """
import json, sys
import numpy as np, paddle
from ppgan_mpr.metrics.paddle_metrics import PSNR, SSIM  # noqa: E402
paddle.distributed.init_parallel_env()
target = np.full((16, 16, 3), 100, np.uint8)
psnr, ssim = PSNR(), SSIM()
if paddle.distributed.get_rank() == 0:  # the other process has no picture at all
    for metric in (psnr, ssim):
        metric.update([target + np.uint8(d) for d in (1, 3, 0)], [target] * 3)
results = [psnr.accumulate(), ssim.accumulate(), psnr.accumulate()]
open(f"{sys.argv[1]}/{paddle.distributed.get_rank()}", "w").write(json.dumps(results))
"""


def test_processes_with_different_numbers_of_pictures_agree(tmp_path, root):
    script = tmp_path / "worker.py"
    script.write_text(f"import sys; sys.path.insert(0, {str(root)!r})\n" + WORKER)
    done = subprocess.run(
        [sys.executable, "-m", "paddle.distributed.launch", "--nproc_per_node=2"]
        + ["--backend=gloo", f"--log_dir={tmp_path / 'log'}", script, tmp_path],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    first, second = (json.loads((tmp_path / rank).read_text()) for rank in "01")
    assert first == second
    expected = np.mean([20 * np.log10(255 / d) for d in (1, 3)])
    assert first[0] == first[2] == pytest.approx(expected)
