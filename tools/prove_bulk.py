"""Prove that a bulk job neither loses nor repeats results when nodes, workers or drivers die.

A Ray cluster of two nodes on this machine restores 300 small pictures in each of two jobs. Five of
the pictures are broken, and one kills the process that restores it. During the first job, a node is
killed (its process, the raylet). The second job runs on the other node. Its driver is killed, and
the job is started again. The outputs are compared with those of mprnet.

    python tools/prove_bulk.py --pictures 300 --folder /tmp/proof
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "helpers")]

from cluster_samples import (  # noqa: E402
    KILLER,
    OPTIONS,
    TASK,
    environment_with_killer,
    files_below,
    write_pictures,
)

from ppgan_mpr import MPRPredictor  # noqa: E402
from ppgan_mpr.cluster.job import RESULTS  # noqa: E402
from ppgan_mpr.cluster.stores import Store  # noqa: E402
from ppgan_mpr.cluster.table import read_rows  # noqa: E402
from ppgan_mpr.dependencies import require  # noqa: E402
from ppgan_mpr.files import TEMPORARY  # noqa: E402

BROKEN = 5
FLAGS = ["--model", "lite", "--precision", "f32", "--threads", "1"]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pictures", type=int, default=300)
    parser.add_argument("--folder", type=Path, help="default: a temporary one, removed at the end")
    options = parser.parse_args()
    folder = options.folder or Path(tempfile.mkdtemp(prefix="prove_bulk-"))
    shutil.rmtree(folder, ignore_errors=True)
    good = options.pictures - BROKEN - 1
    photos = folder / "in"
    write_pictures(photos, good)
    for number in range(BROKEN):
        (photos / f"broken{number}.jpg").write_bytes(b"\xff\xd8\xff\xe0 no picture")
    shutil.copyfile(photos / "p00000.png", photos / f"{KILLER}.png")

    began = time.monotonic()
    MPRPredictor(folder / "expected", task=TASK, **OPTIONS).run(sorted(photos.glob("p*")))
    expected = files_below(folder / "expected" / TASK)
    print(f"mprnet: {len(expected)} pictures in {time.monotonic() - began:.0f} s", flush=True)

    os.environ.update(environment_with_killer(folder / "site", ROOT))
    ray = require("ray")
    from ray.cluster_utils import Cluster

    memory = 200 << 20
    head = {"num_cpus": 1, "object_store_memory": memory, "include_dashboard": False}
    cluster = Cluster(initialize_head=True, head_node_args=head)
    second = cluster.add_node(num_cpus=1, object_store_memory=memory)
    del ray
    try:
        raylet = second.all_processes["raylet"][0].process
        kill_raylet(photos, folder / "out", cluster.address, good, raylet)
        check(folder / "out", expected, options.pictures)
        kill_driver(photos, folder / "again", cluster.address, good)
        check(folder / "again", expected, options.pictures)
    finally:
        cluster.shutdown()
        if options.folder is None:
            shutil.rmtree(folder)
    return 0


def kill_raylet(
    photos: Path, output: Path, address: str, good: int, raylet: subprocess.Popen[bytes]
) -> None:
    """Run a job, and kill a node when a third of the outputs exist."""
    driver = start(photos, output, address)
    wait_for(output, good // 3, driver)
    os.kill(raylet.pid, signal.SIGKILL)
    print(f"raylet killed with {count(output)} outputs there", flush=True)
    finish(driver, 1)


def kill_driver(photos: Path, output: Path, address: str, good: int) -> None:
    """Run a job, kill its driver when a third of the outputs exist, and run it again."""
    driver = start(photos, output, address)
    wait_for(output, good // 3, driver)
    driver.kill()
    driver.communicate()
    time.sleep(3)  # until unfinished writes are complete or abandoned
    rows = sum(1 for row in read_rows(Store.at(str(output))) if not row["error"])
    before = {path: path.stat().st_mtime_ns for path in output.rglob("*_restoration*")}
    print(f"driver killed with {len(before)} outputs and {rows} rows there", flush=True)
    finish(start(photos, output, address), 1)
    kept = sum(path.stat().st_mtime_ns == changed for path, changed in before.items())
    print(f"{kept} outputs were not touched by the second run", flush=True)
    assert kept >= rows, (kept, rows)


def start(photos: Path, output: Path, address: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "ppgan_mpr.commands.bulk", str(photos), str(output)]
    return subprocess.Popen(
        [*command, "--task", TASK, "--address", address, *FLAGS],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )


def finish(driver: subprocess.Popen[str], code: int) -> None:
    printed, _ = driver.communicate()
    print(printed, end="", flush=True)
    assert driver.returncode == code, driver.returncode


def wait_for(output: Path, number: int, driver: subprocess.Popen[str]) -> None:
    while count(output) < number:
        assert driver.poll() is None, "the job ended before it was interrupted"
        time.sleep(0.1)


def count(output: Path) -> int:
    return sum(1 for _ in output.rglob("*_restoration*"))


def check(output: Path, expected: dict[str, bytes], pictures: int) -> None:
    """Check that every output and row exists exactly once."""
    found = files_below(output / TASK)
    same = sum(found.get(name) == content for name, content in expected.items())
    rows = list(read_rows(Store.at(str(output))))
    sources = {row["source"] for row in rows}
    errors = sorted(row["error"] for row in rows if row["error"])
    left = [name for name in files_below(output) if TEMPORARY in name]
    print(
        f"{same} of {len(expected)} outputs equal mprnet's byte for byte, {len(rows)} rows for "
        f"{len(sources)} inputs, {len(errors)} with errors, {len(left)} temporary files",
        flush=True,
    )
    assert found == expected
    assert len(rows) == len(sources) == pictures
    assert len(errors) == BROKEN + 1
    assert not left
    assert {path.name for path in output.iterdir()} == {TASK, RESULTS}


if __name__ == "__main__":
    sys.exit(main())
