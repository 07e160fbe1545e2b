"""``mprnet-train`` in two processes of Paddle's launcher."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from training_samples import launch, outputs

pytest.importorskip("paddle")
pytest.importorskip("yaml")
pytest.importorskip("ppgan")

from ppgan_mpr.commands.train import main

pytestmark = pytest.mark.usefixtures("undrawn_curves")


def losses(log):
    return np.array([float(value) for value in re.findall(r" loss (\d+\.\d+)", log.read_text())])


def test_two_processes_train_and_score_as_one(config, root):
    options = ["-o", "total_iters=6", "validate.interval=6", "log_config.interval=1"]
    assert main(["-c", str(config), *options, "dataset.train.batch_size=4"]) == 0
    (one_log,) = outputs(config, "log.txt")
    (one_scores,) = outputs(config, "scores/iter_6_rain-y.json")

    options += [f"output_dir={config.parent / 'two'}", "recompute=True"]
    result = launch(config, root / "tools" / "main.py", "-c", config, "--no-cuda", *options)
    assert result.returncode == 0, result.stdout + result.stderr
    (folder,) = (config.parent / "two").iterdir()  # process 1 made none of its own

    np.testing.assert_allclose(losses(folder / "log.txt"), losses(one_log), atol=1e-4)
    assert len(losses(one_log)) == 6
    first, second = (
        json.loads(path.read_text())
        for path in (one_scores, folder / "scores" / "iter_6_rain-y.json")
    )
    assert [image["name"] for image in second["images"]] == ["0", "1", "2"]
    assert second["mean"]["psnr"] == pytest.approx(first["mean"]["psnr"], abs=1e-3)
    assert second["mean"]["ssim"] == pytest.approx(first["mean"]["ssim"], abs=1e-4)


def test_start_that_fails_in_one_process_writes_nothing(config, training_data, root):
    script = config.parent / "start.py"
    script.write_text(
        "import os, sys\n"
        f"sys.path.insert(0, {str(root)!r})\n"
        "from ppgan_mpr.commands.train import main\n"
        "folder = '/absent' if os.environ['PADDLE_TRAINER_ID'] == '1' else "
        f"{str(training_data / 'train')!r}\n"
        "sys.exit(main(['--no-cuda', '-o', f'dataset.train.rgb_dir={folder}', *sys.argv[1:]]))\n"
    )
    result = launch(config, script, "-c", config)
    assert result.returncode != 0
    assert "error: " in (config.parent / "launch" / "workerlog.1").read_text()
    assert not (config.parent / "out").exists()
