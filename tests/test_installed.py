"""The installed package works without a checkout, from an empty folder."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("paddle")
pytest.importorskip("ppgan")
pytest.importorskip("setuptools", minversion="77")


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A folder with the content of an installation: the package and the console scripts."""
    root = Path(__file__).resolve().parents[1]
    source, folder = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("installed")
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(root / "ppgan_mpr", source / "ppgan_mpr", ignore=ignore)
    for name in ("pyproject.toml", "setup.py", "README.md"):
        shutil.copy(root / name, source)
    build = [sys.executable, "setup.py", "-q", "build", "--build-lib", str(folder)]
    subprocess.run(build, cwd=source, check=True, capture_output=True)
    scripts = (root / "pyproject.toml").read_text().partition("[project.scripts]")[2]
    for name, module in re.findall(r'^([\w-]+) = "([\w.]+):main"', scripts, re.M):
        call = f"import sys\nfrom {module} import main\n"
        call += "if __name__ == '__main__':\n    sys.exit(main())\n"
        (folder / name).write_text(call)
    return folder


@pytest.fixture
def run(installed, tmp_path):
    """Run a console script in an empty folder; returns its standard output."""

    def run(script, *arguments):
        line = [sys.executable, str(installed / script), *map(str, arguments)]
        environment = {**os.environ, "PYTHONPATH": str(installed)}
        done = subprocess.run(
            line, check=False, capture_output=True, text=True, cwd=tmp_path, env=environment
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def test_training_resuming_and_scoring_need_no_checkout(run, installed, root, tmp_path):
    samples = root / "samples" / "Denoising"
    folders = [f"dataset.{part}.rgb_dir={samples}" for part in ("train", "test")]
    start = ["-c", "mprnet_tiny_denoising", "-o", *folders, "lr_scheduler.warmup_iters=0"]
    start += ["dataset.train.img_options.patch_size=16", "validate.interval=-1"]
    log = run("mprnet-train", *start, "total_iters=1")
    assert str(installed / "ppgan_mpr" / "configs" / "mprnet_tiny_denoising.yaml") in log
    log = run("mprnet-train", *start, "total_iters=2", "--resume", "auto")
    assert "Resumed" in log
    (weights,) = tmp_path.glob("output_dir/*/iter_2_weight.pdparams")
    log = run("mprnet-train", *start, "--evaluate-only", "--load", weights)
    assert "evaluation: PSNR" in log
    (restored,) = tmp_path.glob("output_dir/*/visual_test/evaluation")
    scores = ["--restored", restored, "--target", samples / "target", "--protocol", "gopro"]
    assert "mean of 2" in run("mprnet-evaluate", *scores)


@pytest.mark.parametrize(
    "script", ["mprnet-train", "mprnet-evaluate", "mprnet-prepare-data", "mprnet-install-ppgan"]
)
def test_help_names_the_console_script(run, script):
    assert run(script, "--help").startswith(f"usage: {script} ")
