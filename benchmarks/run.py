"""Time and memory beside peers, in one run: exact top-10, threshold matching, one-to-one matching.

    python benchmarks/run.py --quick            # small sizes, a few minutes
    python benchmarks/run.py --full --write     # everything, and the tables of README.md

Contenders take turns within a round, so that a busy moment of the machine hits them all; medians over rounds are shown.
Threads are pinned. Peak memory is measured for each contender in a process of its own. Settings that make OpenBLAS use
the kernel of another processor are taken out of this process, if NumPy computes right without them. Needs the `bench`
extra.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
THREADS = int(os.environ.get("OMP_NUM_THREADS", CORES))
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = str(THREADS)  # before numpy, torch and faiss read it

HERE = Path(__file__).resolve().parent
KERNEL = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")  # set where an old OpenBLAS fails; they slow a current one
PRODUCT = """
import numpy as np
a = np.random.default_rng(0).integers(-9, 10, (700, 300))
for dtype in (np.float32, np.float64):
    assert (a.astype(dtype) @ a.T.astype(dtype) == a @ a.T).all()
"""


def without_kernel_settings() -> None:
    """Start this process again without them, if NumPy's products are right without them (an old OpenBLAS may crash)."""
    clean = {name: value for name, value in os.environ.items() if name not in KERNEL}
    if clean != os.environ:
        done = subprocess.run([sys.executable, "-c", PRODUCT], env=clean, capture_output=True, check=False)
        if done.returncode == 0:
            sys.exit(subprocess.run([sys.executable, *sys.argv], env=clean, check=False).returncode)
        print("Without OPENBLAS_CORETYPE NumPy computes wrong here: it stays.", file=sys.stderr)


if __name__ == "__main__":
    without_kernel_settings()

import numpy as np  # noqa: E402
from threadpoolctl import threadpool_info, threadpool_limits  # noqa: E402

K = 10
Call = Callable[[], Any]


def unit(n: int, d: int, seed: int) -> np.ndarray:
    x = np.random.default_rng(seed).standard_normal((n, d), dtype=np.float32)
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def blocks(A: np.ndarray, size: int = 1000) -> Iterator[np.ndarray]:
    return (A[s : s + size] for s in range(0, len(A), size))


# ---- exact top-10: each contender is built once and returns (ids, scores or distances) --------------------------------


def ours_top(A: np.ndarray, B: np.ndarray) -> Call:
    from mmalign_nb.search import Index

    index = Index("cosine").add(B)
    return lambda: index.search(A, K)


def faiss_top(A: np.ndarray, B: np.ndarray) -> Call:
    import faiss

    faiss.omp_set_num_threads(THREADS)
    index = faiss.IndexFlatIP(B.shape[1])
    index.add(B)
    return lambda: index.search(A, K)[::-1]


def sklearn_top(A: np.ndarray, B: np.ndarray) -> Call:
    from sklearn.neighbors import NearestNeighbors

    # On unit rows the Euclidean order is the cosine order, and only for Euclidean is there the fused ArgKmin kernel.
    index = NearestNeighbors(n_neighbors=K, algorithm="brute", metric="euclidean").fit(B)
    return lambda: index.kneighbors(A)[::-1]


def numpy_top(A: np.ndarray, B: np.ndarray) -> Call:
    def search() -> tuple[np.ndarray, np.ndarray]:
        out = []
        for a in blocks(A):
            scores = a @ B.T
            ids = np.argpartition(scores, -K, axis=1)[:, -K:]
            best = np.take_along_axis(scores, ids, 1)
            order = np.argsort(-best, axis=1)
            out.append((np.take_along_axis(ids, order, 1), np.take_along_axis(best, order, 1)))
        return np.concatenate([x[0] for x in out]), np.concatenate([x[1] for x in out])

    return search


def torch_top(A: np.ndarray, B: np.ndarray) -> Call:
    import torch

    torch.set_num_threads(THREADS)
    gallery = torch.from_numpy(B)

    def search() -> tuple[np.ndarray, np.ndarray]:
        out = [torch.topk(torch.from_numpy(a) @ gallery.T, K) for a in blocks(A)]
        return torch.cat([x.indices for x in out]).numpy(), torch.cat([x.values for x in out]).numpy()

    return search


TOP = {
    "ours (Index)": ours_top,
    "faiss IndexFlatIP": faiss_top,
    "scikit-learn ArgKmin": sklearn_top,
    "torch.topk": torch_top,
    "numpy argpartition": numpy_top,
}


# ---- threshold matching: each contender returns the number of pairs ----------------------------------------------------


def ours_above(A: np.ndarray, B: np.ndarray, t: float, margins: bool = False) -> Call:
    from mmalign_nb.align import threshold_match

    return lambda: len(threshold_match((A, B), t, margins=margins).pairs)


def faiss_above(A: np.ndarray, B: np.ndarray, t: float) -> Call:
    import faiss

    faiss.omp_set_num_threads(THREADS)
    index = faiss.IndexFlatIP(B.shape[1])
    index.add(B)
    return lambda: len(index.range_search(A, t)[1])


def sklearn_above(A: np.ndarray, B: np.ndarray, t: float) -> Call:
    from sklearn.neighbors import NearestNeighbors

    index = NearestNeighbors(algorithm="brute", metric="euclidean").fit(B)
    radius = float(np.sqrt(2 - 2 * t))
    return lambda: sum(len(x) for x in index.radius_neighbors(A, radius, return_distance=True)[1])


ABOVE = {
    "ours": ours_above,
    "ours, with each pair's best rival": partial(ours_above, margins=True),
    "faiss range_search": faiss_above,
    "scikit-learn radius_neighbors": sklearn_above,
}


# ---- what the machine can do at best: bare products, whole and in tiles that stay in the cache -----------------------------

PRODUCTS = 1000  # queries, with all items
GEMM = {"whole": (1000, 8192), "tiles": (500, 2048)}


def products(A: np.ndarray, B: np.ndarray, n: int, m: int) -> None:
    """The inner products of 1,000 queries with all items in tiles of (n, m), on as many threads as everybody has."""
    todo = [(A[i : i + n], B[j : j + m]) for j in range(0, len(B), m) for i in range(0, PRODUCTS, n)]
    workers = THREADS if n < PRODUCTS else 1

    def work(part: list[tuple[np.ndarray, np.ndarray]]) -> None:
        out = np.empty((m, n), np.float32)
        for a, b in part:
            np.matmul(b, a.T, out=out[: len(b)])

    with ThreadPoolExecutor(workers) as pool, threadpool_limits(THREADS // workers, "blas"):
        list(pool.map(work, [todo[k::workers] for k in range(workers)]))


# ---- timing and memory -------------------------------------------------------------------------------------------------


def interleave(calls: dict[str, Call], rounds: int) -> tuple[dict[str, float], dict[str, Any]]:
    """Median seconds and last result of each contender; they take turns, after one untimed call each."""
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    results = {}
    for turn in range(rounds + (rounds > 1)):
        for name, call in calls.items():
            time.sleep(0.1)  # let the thread pools of the one before go to sleep
            start = time.perf_counter()
            results[name] = call()
            if turn or rounds == 1:
                seconds[name].append(time.perf_counter() - start)
    return {name: median(x) for name, x in seconds.items()}, results


def _status(field: str) -> float:
    text = Path("/proc/self/status").read_text(encoding="utf-8")
    found = re.search(rf"{field}:\s+(\d+)", text)
    return int(found[1]) / 1024 if found else float("nan")


def grow(kind: str, name: str, *sizes: str) -> float:
    """Peak resident memory in MB that one call adds to data and index, in this very process."""
    n, m, d = map(int, sizes[:3])
    A, B = unit(n, d, 0), unit(m, d, 1)
    if kind == "top":
        call, small = TOP[name](A, B), TOP[name](A[:100], B[:1000])
    else:
        t = float(sizes[3])
        call, small = ABOVE[name](A, B, t), ABOVE[name](A[:100], B[:1000], t)
    small()  # loads libraries and starts threads
    Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")  # VmHWM starts again from here
    before = _status("VmRSS")
    call()
    return _status("VmHWM") - before


def growth(kind: str, name: str, *sizes: object) -> str:
    if sys.platform != "linux":
        return "–"
    command = [sys.executable, __file__, "--grow", kind, name, *map(str, sizes)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=1800, check=False)
    return f"{float(done.stdout):.0f}" if done.returncode == 0 else "failed"


def table(head: list[str], rows: list[list[object]]) -> str:
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def number(x: int) -> str:
    return f"{x // 1000}k" if x % 1000 == 0 else str(x)


def kernels() -> str:
    """Which BLAS each contender multiplies with, and which kernel it has chosen."""
    import faiss  # noqa: F401
    import scipy.linalg  # noqa: F401
    import torch

    of: dict[str, list[str]] = {}
    for lib in threadpool_info():
        if lib["user_api"] == "blas":
            path = Path(lib["filepath"]).as_posix()
            who = next(
                (name for name in ("numpy", "scipy", "faiss", "torch") if f"/{name}" in path), "system"
            )
            text = f"{lib['internal_api']} {lib['version'] or ''} {lib.get('architecture') or ''}"
            of.setdefault(" ".join(text.split()), []).append({"numpy": "ours and numpy"}.get(who, who))
    # scikit-learn multiplies through SciPy; torch brings its BLAS inside its own library.
    torch_blas = re.search(r"BLAS_INFO=(\w+)", torch.__config__.show())
    mine = [f"{' and '.join(who)}: {text}" for text, who in of.items()]
    mine += [f"torch: {torch_blas[1]}, {torch.backends.cpu.get_cpu_capability()}"] if torch_blas else []
    return "; ".join(mine).replace("scipy", "scipy and scikit-learn")


def bench_top(sizes: list[tuple[int, int]], dims: list[int], rounds: int) -> str:
    rows: list[list[object]] = []
    marks = []
    for n, m in sizes:
        for d in dims:
            A, B = unit(n, d, 0), unit(m, d, 1)
            calls = {name: build(A, B) for name, build in TOP.items()}
            calls |= {shape: partial(products, A, B, *size) for shape, size in GEMM.items()}
            seconds, results = interleave(calls, rounds if n * m < 10**9 else max(3, rounds // 2))
            product = min(seconds.pop(shape) for shape in GEMM) * n / PRODUCTS
            ours, *_ = TOP
            peer = min((name for name in seconds if name != ours), key=seconds.__getitem__)
            ratio, wanted = seconds[peer] / seconds[ours], 1.3 if d == 64 and n == 1000 else 0.95
            word = "reached" if ratio >= wanted else "**missed**"
            shape = f"{number(n)} × {number(m)}, d={d}"
            memory = {name: growth("top", name, n, m, d) for name in seconds}
            if memory[ours].isdigit() and int(memory[ours]) >= 200:
                word += ", memory **missed**"
            marks.append([shape, peer, f"{ratio:.2f}×", f"≥ {wanted}×", memory[ours], word])
            for name, s in seconds.items():
                same = np.mean(results[name][0] == results[ours][0])
                rows.append(
                    [shape, name, f"{1e3 * s:.0f}", f"{100 * product / s:.0f} %", memory[name], f"{same:.5f}"]
                )
            show(f"{shape}: {ratio:.2f}× the best peer ({peer})")
    head = ["queries × items", "contender", "ms", "share of GEMM rate", "memory, MB", "same ids as ours"]
    verdict = ["queries × items", "best peer", "ours is", "mark", "memory, MB", "mark"]
    return f"### Exact top-{K}\n\n{table(verdict, marks)}\n\n{table(head, rows)}\n"


def bench_above(sizes: list[int], rounds: int, d: int = 128) -> str:
    rows: list[list[object]] = []
    marks: list[str] = []
    for n in sizes:
        A, B = unit(n, d, 0), unit(n, d, 1)
        # About five pairs per item: the score that this share of a sample of pairs reaches.
        t = round(float(np.quantile(A[:2000] @ B[:2000].T, 1 - 5 / n)), 3)
        calls = {name: build(A, B, t) for name, build in ABOVE.items()}
        seconds, results = interleave(calls, rounds if n < 50_000 else 1)
        for name, s in seconds.items():
            rows.append(
                [
                    f"{number(n)} × {number(n)}",
                    t,
                    name,
                    f"{s:.2f}",
                    growth("above", name, n, n, d, t),
                    results[name],
                ]
            )
        plain, with_rival, *_ = seconds.values()
        marks.append(f"{number(n)} × {number(n)}: {with_rival / plain:.2f}× the time without")
        show(f"threshold {number(n)}: {seconds}")
    head = ["rows × columns", "threshold", "contender", "s", "memory, MB", "pairs"]
    text = f"Mark: memory < 1000 MB; with rivals ≤ 1.5×. With rivals: {'; '.join(marks)}."
    return f"### threshold_match, d={d}\n\n{text}\n\n{table(head, rows)}\n"


def bench_match(sizes: list[int], rounds: int, d: int = 64) -> str:
    from scipy.optimize import linear_sum_assignment

    from mmalign_nb.align import max_match
    from mmalign_nb.similarity import similarity

    rows: list[list[object]] = []
    for n in sizes:
        A = unit(n, d, 0)
        B = A + 0.15 * np.random.default_rng(1).standard_normal((n, d), dtype=np.float32)
        for what, S in (
            ("noisy pairs", similarity(A, B)),
            ("random", np.random.default_rng(2).random((n, n), dtype=np.float32)),
        ):
            gate = float(np.quantile(S, 1 - 20 / n))

            def scipy(S: np.ndarray = S) -> float:
                i, j = linear_sum_assignment(S, maximize=True)
                return float(S[i, j].sum(dtype=np.float64))

            def scipy_gated(S: np.ndarray = S, gate: float = gate) -> float:
                gain = np.maximum(S - np.float32(gate), 0)
                i, j = linear_sum_assignment(gain, maximize=True)
                return float(gain[i, j].sum(dtype=np.float64))

            def ours(S: np.ndarray = S) -> float:
                return float(max_match(S).scores.sum(dtype=np.float64))

            def ours_gated(S: np.ndarray = S, gate: float = gate) -> float:
                return float((max_match(S, threshold=gate).scores - np.float32(gate)).sum(dtype=np.float64))

            calls: dict[str, Call] = {
                "scipy": scipy,
                "ours": ours,
                "scipy, gated": scipy_gated,
                "ours, gated": ours_gated,
            }
            seconds, total = interleave(calls, rounds if n < 5000 else max(1, rounds // 2))
            for kind in ("", ", gated"):
                a, b = seconds["scipy" + kind], seconds["ours" + kind]
                gap = total["ours" + kind] - total["scipy" + kind]
                rows.append([number(n), what + kind, f"{a:.3f}", f"{b:.3f}", f"{a / b:.2f}×", f"{gap:+.4f}"])
            show(f"match {number(n)} {what}: {seconds}")
    head = ["n", "scores", "scipy, s", "max_match, s", "ours is", "total − scipy's"]
    text = "Gated: only pairs at or above a threshold that about 20 per row reach; scipy gets max(S − t, 0)."
    return f"### max_match, square\n\n{text}\n\n{table(head, rows)}\n"


def cpu_facts() -> tuple[str, str]:
    """The kind of processor, under which its tables are kept, and the rest worth knowing."""
    kind, rest = platform.machine(), ""
    if Path("/proc/cpuinfo").exists():
        info = Path("/proc/cpuinfo").read_text(encoding="utf-8")
        fact = dict(reversed(re.findall(r"^([\w ]+?)\s*: (.*)$", info, re.M)))  # of the first processor
        if "cpu family" in fact:
            vendor = {"AuthenticAMD": "AMD", "GenuineIntel": "Intel"}.get(fact.get("vendor_id", ""), "x86")
            kind = f"{vendor} family {fact['cpu family']}"
        wide = [x for x in ("avx2", "avx512f") if x in fact.get("flags", "").split()]
        rest = ", ".join([fact.get("model name", ""), *wide[-1:]])
    return kind, rest


def machine() -> str:
    """What the figures were measured on, without saying whose it is."""
    packages = ("numpy", "scipy", "scikit-learn", "torch", "faiss-cpu", "threadpoolctl")
    return (
        f"{cpu_facts()[1]}, {CORES} cores, {THREADS} threads, {platform.system()}; Python {platform.python_version()}, "
        + ", ".join(f"{p} {version(p)}" for p in packages)
        + f". BLAS: {kernels()}."
    )


def show(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def write(parts: list[str], kind: str) -> None:
    """Put the tables into README.md, among those of this kind of processor; all that were not made this time stay."""
    readme = HERE / "README.md"
    before, inside, after = re.split(r"<!-- tables: (?:begin|end) -->\n", readme.read_text(encoding="utf-8"))
    sections = {x.split("\n")[0]: x for x in re.split(r"(?m)^(?=## )", inside) if x.strip()}
    mine = f"## {kind}"
    old = {
        x.split("\n")[0]: x for x in re.split(r"(?m)^(?=### )", sections.get(mine, "")) if x.startswith("###")
    }
    measured, *tables = parts
    new = {x.split("\n")[0]: x for x in tables}
    if unlike := [head for head in old if head not in new]:
        measured = f"{measured}\n({len(unlike)} of the tables are from a run before this one.)\n"
    sections[mine] = "\n".join([mine, "", measured, *(x.rstrip() + "\n" for x in (old | new).values())])
    text = "\n".join(x.rstrip() + "\n" for x in sections.values())
    readme.write_text(
        f"{before}<!-- tables: begin -->\n\n{text}\n<!-- tables: end -->\n{after}", encoding="utf-8"
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--quick", action="store_true", help="small sizes (the default)")
    size.add_argument("--full", action="store_true", help="all sizes")
    parser.add_argument("--only", choices=("top", "above", "match"), help="one of the three tables")
    parser.add_argument("--write", action="store_true", help="put the tables into benchmarks/README.md")
    parser.add_argument("--grow", nargs="+", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.grow:
        print(grow(*args.grow))
        return
    rounds = 7 if args.full else 5
    sizes = [(1000, 10_000), (1000, 100_000)] + ([(10_000, 100_000)] if args.full else [])
    todo: dict[str, Callable[[], str]] = {
        "top": lambda: bench_top(sizes, [64, 256, 512] if args.full else [64, 256], rounds),
        "above": lambda: bench_above([20_000, 100_000] if args.full else [20_000], 3),
        "match": lambda: bench_match([1000, 2000, 5000] if args.full else [1000, 2000], 5),
    }
    load = f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "unknown"
    parts = [f"Measured on: {machine()} Load average at the start: {load}.\n"]
    parts += [make() for name, make in todo.items() if args.only in (None, name)]
    text = "\n".join(parts)
    print(text)
    if args.write:
        write(parts, cpu_facts()[0])


if __name__ == "__main__":
    main()
