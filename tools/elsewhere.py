"""Compare the notebooks' stored numbers with what processors of other kinds would compute.

    python tools/elsewhere.py [NOTEBOOK …]

The last digits of a sum depend on the order in which it is added up, and that on the processor: on its vector width,
its number of cores, the BLAS kernel written for it. A chapter must say the same everywhere. So this runs the strict
comparison several times, each time telling NumPy, BLAS and PyTorch to compute as on another machine. Some minutes.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from numpy._core._multiarray_umath import __cpu_dispatch__ as DISPATCH
from numpy._core._multiarray_umath import __cpu_features__ as FEATURES

ROOT = Path(__file__).resolve().parent.parent
COMPARE = [
    "-o", "addopts=", "-o", "filterwarnings=default", "-q", "--nbval", "--nbval-current-env",
    "--nbval-cell-timeout=300", "--nbval-sanitize-with", "tests/notebooks/sanitize.cfg",
]  # fmt: skip


def without(*starts: str) -> str:
    """Those vector instructions that NumPy would use on this machine, and is to do without."""
    return " ".join(name for name in DISPATCH if FEATURES.get(name) and name.startswith(starts))


MACHINES = {
    "wide vectors (AVX-512)": {"OPENBLAS_CORETYPE": "SkylakeX"},
    "AVX2": {
        "OPENBLAS_CORETYPE": "Haswell",
        "NPY_DISABLE_CPU_FEATURES": without("AVX512", "X86_V4"),
        "ATEN_CPU_CAPABILITY": "avx2",
        "ONEDNN_MAX_CPU_ISA": "AVX2",
        "MKL_ENABLE_INSTRUCTIONS": "AVX2",
    },
    "an old one with one core": {
        "OPENBLAS_CORETYPE": "Nehalem",
        "NPY_DISABLE_CPU_FEATURES": without("AVX512", "X86_V4", "X86_V3"),
        "ATEN_CPU_CAPABILITY": "default",
        "ONEDNN_MAX_CPU_ISA": "SSE41",
        "MKL_ENABLE_INSTRUCTIONS": "SSE4_2",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
    },
}


def main() -> int:
    paths = sys.argv[1:] or ["notebooks"]
    worst = 0
    for machine, settings in MACHINES.items():
        if "AVX-512" in machine and not FEATURES.get("AVX512F"):
            print(f"== {machine}: this processor has none, left out", flush=True)
            continue
        print(f"== {machine}", flush=True)
        env = {k: v for k, v in os.environ.items() if not k.startswith("OPENBLAS_")} | settings
        done = subprocess.run(
            [sys.executable, "-m", "pytest", *COMPARE, *paths], cwd=ROOT, env=env, check=False
        )
        worst = max(worst, done.returncode)
    return worst


if __name__ == "__main__":
    sys.exit(main())
