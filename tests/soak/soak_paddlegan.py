"""The corpus restored by PaddleGAN's own app, for comparison.

``ppgan.apps.MPRPredictor`` gets the embedded small weights, so that both compute the same network.
It reads .jpg and .png only, so it gets these files of the corpus. It gets them one by one, because
in a folder it ends at the first file that it cannot read.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from soak_corpus import Case
from soak_runs import watch

from ppgan_mpr.weights import find_record
from ppgan_mpr.weights.conversion import convert

_SECONDS = 60.0
_APP = """
import functools, json, sys
from ppgan_mpr.ppgan_compat import import_ppgan
app = import_ppgan("ppgan.apps.mpr_predictor")
weights, output, sizes = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
app.model_cfgs["Denoising"].update({key: sizes[key] for key in sizes if key != "num_cab"})
app.MPRNet = functools.partial(app.MPRNet, num_cab=sizes["num_cab"])
app.tqdm = lambda files: files
predictor = app.MPRPredictor(None, output, weights, task="Denoising")
for path in sys.argv[4:]:
    predictor.images_path = path
    try:
        predictor.run()
        print("restored", path, flush=True)
    except Exception as error:
        print("exception", path, type(error).__name__, flush=True)
"""


def restore_with_paddlegan(cases: Iterable[Case], home: Path) -> str:
    """Restore the files that the app reads; returns a table in Markdown."""
    chosen = [case for case in cases if case.name.endswith((".jpg", ".png"))]
    sizes = json.dumps(dict(find_record("lite", "Denoising").hyperparameters))
    counts: Counter[str] = Counter()
    peak = 0
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        weights = folder / "lite.pdparams"
        convert("lite:Denoising", weights)
        pending = [str(case.write(folder)) for case in sorted(chosen, key=lambda case: case.name)]
        while pending:
            batch = pending[:200]
            command = [sys.executable, "-c", _APP, str(weights), str(folder / "out"), sizes]
            run = watch([*command, *batch], home, silence=_SECONDS)
            peak = max(peak, run.peak)
            words = ("restored ", "exception ")
            lines = [line for _, line in run.lines if line.startswith(words)]
            counts.update(line.split()[0] for line in lines)
            pending = pending[len(lines) :]
            if len(lines) < len(batch):  # the process ended, or was killed, at this file
                counts["hang" if run.hung else f"crash ({run.code})"] += 1
                pending = pending[1:]
    rows = "\n".join(f"| {what} | {count} |" for what, count in sorted(counts.items()))
    return (
        f"| PaddleGAN's app | files |\n|---|---|\n{rows}\n| all | {len(chosen)} |\n\n"
        f"Most memory at one time: {peak >> 20} MB"
    )
