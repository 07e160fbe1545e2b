"""Score ``ppgan_mpr.detection`` on pairs of degraded and clean pictures, as Markdown tables.

The folders are ``PAIRS/<folder>/<source>/{input,target}``; ``<folder>`` is a key of FOLDERS.

    python tools/score_detection.py PAIRS
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from ppgan_mpr.detection import CONFIDENT, Finding, detect
from ppgan_mpr.imaging import read_photo

FOLDERS = {"denoising": "noise", "deblurring": "motion blur", "deraining": "rain",
           "lowlight": "low light"}  # fmt: skip
KINDS = ("noise", "motion blur", "rain", "low light", "")


def wilson(hits: int, count: int) -> str:
    """A share in per cent with its 95 % confidence interval (Wilson, 1927)."""
    z = 1.96
    centre = (hits + z * z / 2) / (count + z * z)
    share = hits / count
    half = z * (share * (1 - share) / count + z * z / (4 * count * count)) ** 0.5
    half /= 1 + z * z / count
    low, high = max(0.0, centre - half), min(1.0, centre + half)
    return f"{hits} of {count}, {100 * share:.0f} % ({100 * low:.0f} to {100 * high:.0f})"


def main() -> None:
    """Print a table row for the inputs and the targets of every source, then the totals."""
    seconds: list[float] = []
    lines, degraded, touched, assigned = [], Counter(), Counter(), Counter()
    for folder, kind in FOLDERS.items():
        for source in sorted((Path(sys.argv[1]) / folder).iterdir()):
            for side in ("input", "target"):
                findings: list[Finding] = []
                for file in sorted((source / side).glob("*")):
                    photo = read_photo(file)
                    started = time.perf_counter()
                    findings.append(detect(photo))
                    seconds.append(time.perf_counter() - started)
                counts = Counter(finding.degradation for finding in findings)
                sure = sum(finding.certain and finding.degradation != "" for finding in findings)
                cells = " | ".join(str(counts[name]) for name in KINDS)
                lines.append(f"| {source.name} {side} | {len(findings)} | {cells} | {sure} |")
                if side == "input":
                    right = [finding for finding in findings if finding.degradation == kind]
                    degraded["all"] += len(findings)
                    degraded["right"] += len(right)
                    degraded["sure"] += sum(finding.certain for finding in right)
                else:
                    touched["all"] += len(findings)
                    touched["sure"] += sure
                    touched["best"] += len(findings) - counts[""]
                assigned[kind] += len(findings)
    print("| source | pictures | " + " | ".join(k or "nothing" for k in KINDS) + " | acted on |")
    print("|---" * (len(KINDS) + 3) + "|")
    print("\n".join(lines))
    print(f"\ndegraded, assigned correctly: {wilson(degraded['right'], degraded['all'])}")
    restored = f"assigned correctly, confidence {CONFIDENT:.0%} or more (restored without asking)"
    print(f"degraded, {restored}: {wilson(degraded['sure'], degraded['all'])}")
    print(f"clean, restored without asking: {wilson(touched['sure'], touched['all'])}")
    print(f"clean, assigned to a degradation at all: {wilson(touched['best'], touched['all'])}")
    print(f"seconds a picture: median {sorted(seconds)[len(seconds) // 2]:.2f}")


if __name__ == "__main__":
    main()
