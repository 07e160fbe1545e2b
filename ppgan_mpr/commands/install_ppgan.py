"""Install PaddleGAN without the pins that no current Python can meet: ``mprnet-install-ppgan``.

ppgan 2.1.0 demands numba 0.53.1, librosa 0.8.1 and imageio 2.9.0, which do not exist
for Python 3.10 and later, so `pip install ppgan` fails. Here ppgan is installed alone
and its requirements in whatever versions suit this Python. Packages that are already
there are left as they are; when nothing is missing, nothing is downloaded.
"""

from __future__ import annotations

import argparse
import importlib.util
import subprocess
import sys
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

from .program import program_name

_PACKAGE_PARENT = Path(__file__).resolve().parents[2]
PPGAN = "ppgan>=2.1.0"

# package -> requirement; six is imported by ppgan but missing from its own list
REQUIREMENTS = {
    "easydict": "easydict",
    "imageio": "imageio>=2.9",
    "imageio-ffmpeg": "imageio-ffmpeg",
    "librosa": "librosa>=0.8.1",
    "matplotlib": "matplotlib",
    "munch": "munch",
    "natsort": "natsort",
    "numba": "numba>=0.53.1",
    "PyYAML": "PyYAML>=5.1",
    "scikit-image": "scikit-image>=0.14",
    "scipy": "scipy>=1.1",
    "six": "six",
    "tqdm": "tqdm",
}


def installed(package: str) -> str | None:
    """The installed version of ``package``, or None."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def missing_requirements() -> list[str]:
    """What ppgan needs and this Python lacks, as pip requirements."""
    missing = [wanted for package, wanted in REQUIREMENTS.items() if installed(package) is None]
    # Four packages provide cv2 and overwrite one another: any of them will do.
    if importlib.util.find_spec("cv2") is None:
        missing.append("opencv-python-headless")
    return missing


def pip_install(*arguments: str) -> bool:
    """Run ``pip install``; returns whether it succeeded."""
    command = [sys.executable, "-m", "pip", "install", "--disable-pip-version-check", *arguments]
    print("+", " ".join(command), flush=True)
    return subprocess.run(command, check=False).returncode == 0


def imports() -> bool:
    """Whether PaddleGAN really imports, in a fresh process."""
    probe = "from ppgan_mpr.ppgan_compat import import_ppgan; import_ppgan('ppgan.engine.trainer')"
    done = subprocess.run([sys.executable, "-c", probe], cwd=_PACKAGE_PARENT, check=False)
    return done.returncode == 0


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code (0 PaddleGAN is ready, 1 it is not)."""
    argparse.ArgumentParser(
        prog=program_name(),
        description=__doc__.partition("\n\n")[2] if __doc__ else None,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    ).parse_args(argv)
    missing = missing_requirements()
    if missing:
        # Paddle 2.6 cannot work with numpy 2: never let a newcomer move numpy.
        numpy = installed("numpy")
        pinned = [f"numpy=={numpy}"] if numpy else []
        if not pip_install(*missing, *pinned):
            print(f"error: pip could not install {', '.join(missing)}", file=sys.stderr)
            return 1
    if installed("ppgan") is None and not pip_install("--no-deps", PPGAN):
        print("error: pip could not install ppgan", file=sys.stderr)
        return 1
    if importlib.util.find_spec("paddle") is None:
        print(
            "error: ppgan is installed, PaddlePaddle is not: run  "
            "pip install 'ppgan_mpr[cpu]'  (on an NVIDIA GPU: pip install 'ppgan_mpr[gpu]')",
            file=sys.stderr,
        )
        return 1
    if not imports():
        print("error: ppgan is installed but does not import (see above)", file=sys.stderr)
        return 1
    print(f"ppgan {installed('ppgan')} is ready in {sys.prefix}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
