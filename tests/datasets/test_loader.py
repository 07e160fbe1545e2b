"""The data sets and the sampler inside Paddle's DataLoader."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("paddle")


@pytest.fixture(scope="module")
def runs(tmp_path_factory, make_pairs, root):
    folder = make_pairs(tmp_path_factory.mktemp("loader") / "set", 7)
    script = Path(__file__).parent / "loader_runs.py"
    code = f"import runpy, sys; sys.path.insert(0, {str(root)!r}); runpy.run_path("
    code += f"{str(script)!r}, run_name='__main__')"
    command = [sys.executable, "-c", code, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_resumed_run_equals_the_uninterrupted_one(runs):
    assert len(runs["resumed"]) in (2, 4)
    for run in runs["resumed"]:
        assert run == runs["uninterrupted"]


@pytest.mark.skipif(sys.platform != "linux", reason="Paddle has workers on Linux only")
def test_workers_share_the_cache(runs):
    before, after = runs["shared"]
    assert len(before) == 7 and after == before


def test_workers_of_a_plain_loader_draw_their_own_patches(runs):
    # two patches may be equal by chance; workers with the same seed would give only 4 of 8
    assert len(set(runs["plain"])) > 6
