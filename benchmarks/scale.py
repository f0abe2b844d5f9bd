"""Many items: recall, speed and memory of each kind of index, and one-to-one matching up to 20,000, beside peers in one run.

    python benchmarks/scale.py --quick                       # small sizes, a minute; prints the tables
    python benchmarks/scale.py --full --only clustered       # one piece of the full run, into data/measured/scale.json: clustered,
                                                             # random, growth, match
    python benchmarks/scale.py --table                       # SCALE.md from data/measured/scale.json

Threads are those of OMP_NUM_THREADS (default 1, so that contenders with threads and without can be compared). Chapter 09 draws
its figures from there. Needs the `bench` extra.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from unittest import mock

os.environ.setdefault("OMP_NUM_THREADS", "1")

import run  # pins the threads of all others to it

if __name__ == "__main__":
    run.without_kernel_settings()

import numpy as np

from mmalign_nb._binomial import mean_bounds

HERE = Path(__file__).resolve().parent
K = 10
Row = dict[str, Any]


def items(what: str, n: int, seed: int, d: int = 128) -> np.ndarray:
    """Vectors in 1,000 clouds, as embeddings have them, or in none: the honest worst case."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n, d), dtype=np.float32)
    if what == "clustered":
        middles = np.random.default_rng(9).standard_normal((1000, d), dtype=np.float32)
        x = middles[rng.integers(0, 1000, n)] + np.float32(0.6) * x
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def seconds(call: Any, rounds: int = 3) -> tuple[float, Any]:
    """The median time of some calls, and what the last one gave."""
    took, out = [], None
    for _ in range(rounds):
        start = time.perf_counter()
        out = call()
        took.append(time.perf_counter() - start)
    return float(np.median(took)), out


def recall(scores: np.ndarray, kth: np.ndarray) -> tuple[float, float, float]:
    """Share of the K nearest that were found, by their scores, and its interval."""
    share = float((scores >= kth[:, None] - 2e-6).mean())  # peers round otherwise than we do
    return (share, *mean_bounds(share, len(scores)))


def bench_search(what: str, n: int, queries: int) -> list[Row]:
    from mmalign_nb.search import Index

    A, B = items(what, queries, 1), items(what, n, 0)
    rows: list[Row] = []
    truth = Index().add(B).search(A, K).scores[:, -1]

    def note(
        name: str, effort: int | None, build: float, engine: int, vectors: int, batch: Any, one: Any
    ) -> None:
        took, scores = seconds(batch)
        single = seconds(lambda: [one(A[i : i + 1]) for i in range(20)], 1)[0] / 20
        share, low, high = recall(scores, truth)
        rows.append(
            {
                "name": name, "effort": effort, "build_s": build, "queries_per_s": queries / took, "one_query_ms": 1e3 * single,
                "recall": share, "low": low, "high": high, "engine_mb": engine / 1e6, "vectors_mb": vectors / 1e6,
            }
        )  # fmt: skip
        run.show(
            f"{what} {name} {effort}: recall {share:.3f}, {queries / took:.0f}/s, built in {build:.1f} s"
        )

    efforts = {
        "exact": [None],
        "hnsw": [25, 50, 100, 200, 400],
        "ivfpq": [50, 100, 200, 400, 800],
        "binary": [50, 200, 400, 1600],
    }
    for kind, some in efforts.items():
        start = time.perf_counter()
        index = Index(kind=kind).add(B)
        index.search(A[:1], K)  # builds it
        build = time.perf_counter() - start
        engine = 0 if index._engine is None else sum(x.nbytes for x in index._engine.own().values())
        for effort in some:
            if effort is not None:
                index.effort = effort

            def ask(x: np.ndarray, index: Any = index) -> np.ndarray:
                return index.search(x, K).scores

            note(kind, effort, build, engine, B.nbytes, lambda ask=ask: ask(A), ask)
        del index
    for name, make in (("faiss IndexFlatIP", _faiss), ("scikit-learn brute", _sklearn)):
        start = time.perf_counter()
        peer = make(B)
        note(name, None, time.perf_counter() - start, 0, B.nbytes, lambda peer=peer: peer(A), peer)
    return rows


def _faiss(B: np.ndarray) -> Any:
    import faiss

    faiss.omp_set_num_threads(run.THREADS)
    index = faiss.IndexFlatIP(B.shape[1])
    index.add(B)
    return lambda A: index.search(A, K)[0]


def _sklearn(B: np.ndarray) -> Any:
    from sklearn.neighbors import NearestNeighbors

    index = NearestNeighbors(n_neighbors=K, algorithm="brute", metric="euclidean").fit(B)
    return lambda A: 1 - index.kneighbors(A)[0] ** 2 / 2


def bench_growth(sizes: list[int], queries: int) -> list[Row]:
    """The exact search by size: time and memory grow in line."""
    from mmalign_nb.search import Index

    A, rows = items("random", queries, 1), []
    for n in sizes:
        B = items("random", n, 0)
        index = Index().add(B)
        index.search(A[:10], K)
        took, _ = seconds(lambda index=index: index.search(A, K))
        rows.append({"n": n, "ms_per_query": 1e3 * took / queries, "vectors_mb": B.nbytes / 1e6})
        run.show(f"exact {n}: {rows[-1]['ms_per_query']:.3f} ms a query")
    return rows


def one_to_one(name: str, what: str, n: int, d: int = 64) -> Row:
    """One contender's time, total and peak of memory beyond the two tables, in this very process."""
    from scipy.optimize import linear_sum_assignment

    from mmalign_nb.align import _matchings, max_match

    A = run.unit(n, d, 0)
    noise = np.random.default_rng(1).standard_normal((n, d), dtype=np.float32)
    B = A + np.float32(0.15) * noise if what == "noisy pairs" else run.unit(n, d, 1)

    def call(A: np.ndarray, B: np.ndarray) -> float:
        if name == "scipy dense":
            S = A @ (B / np.linalg.norm(B, axis=1, keepdims=True)).T
            i, j = linear_sum_assignment(S, maximize=True)
            return float(S[i, j].sum(dtype=np.float64))
        with mock.patch.object(_matchings, "DENSE", 0 if "candidates" in name else _matchings.DENSE):
            return float(max_match((A, B)).scores.sum(dtype=np.float64))

    call(A[:200], B[:200])  # loads what it needs
    Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")  # VmHWM starts again from here
    before = run._status("VmRSS")
    took, total = seconds(lambda: call(A, B), 3 if n <= 2000 else 1)
    return {
        "n": n,
        "scores": what,
        "name": name,
        "s": took,
        "total": total,
        "memory_mb": run._status("VmHWM") - before,
    }


def bench_match(sizes: list[int]) -> list[Row]:
    """One to one: max_match as it is, its way for large tables at all sizes, and SciPy's dense solver up to 5,000."""
    rows: list[Row] = []
    for n in sizes:
        for what in ("noisy pairs", "random"):
            for name in ["max_match, candidates"] + (["max_match", "scipy dense"] if n <= 5000 else []):
                command = [sys.executable, __file__, "--one", name, what, str(n)]
                done = subprocess.run(command, capture_output=True, text=True, timeout=900, check=True)
                rows.append(json.loads(done.stdout))
                run.show(done.stdout.strip())
    return rows


def tables(found: dict[str, Any]) -> str:
    """The Markdown of one processor's numbers."""
    parts = []
    for what in ("clustered", "random"):
        if rows := found.get(what):
            flat = next(x["queries_per_s"] for x in rows if x["name"].startswith("faiss"))
            head = [
                "kind",
                "effort",
                "recall@10",
                "queries/s",
                "× faiss flat",
                "one query, ms",
                "build, s",
                "engine, MB",
                "vectors, MB",
            ]
            lines: list[list[object]] = [
                [
                    x["name"], x["effort"] or "", f"{x['recall']:.3f} ({x['low']:.3f}–{x['high']:.3f})", f"{x['queries_per_s']:.0f}",
                    f"{x['queries_per_s'] / flat:.2f}", f"{x['one_query_ms']:.1f}", f"{x['build_s']:.1f}", f"{x['engine_mb']:.1f}",
                    f"{x['vectors_mb']:.0f}",
                ]
                for x in rows
            ]  # fmt: skip
            parts.append(
                f"### Search, {what}, {run.number(found['sizes'][what])} × 128\n\n{run.table(head, lines)}\n"
            )
    if rows := found.get("growth"):
        lines = [[run.number(x["n"]), f"{x['ms_per_query']:.3f}", f"{x['vectors_mb']:.0f}"] for x in rows]
        parts.append(
            f"### Exact search by size\n\n{run.table(['items', 'ms a query', 'vectors, MB'], lines)}\n"
        )
    if rows := found.get("match"):
        dense = {(x["n"], x["scores"]): x for x in rows if x["name"] == "scipy dense"}
        lines = []
        for x in rows:
            peer = dense.get((x["n"], x["scores"]))
            ratio = f"{peer['s'] / x['s']:.2f}×" if peer else "–"
            gap = f"{x['total'] - peer['total']:+.4f}" if peer else "–"
            lines.append(
                [
                    run.number(x["n"]),
                    x["scores"],
                    x["name"],
                    f"{x['s']:.2f}",
                    ratio,
                    f"{x['memory_mb']:.0f}",
                    gap,
                ]
            )
        head = ["n", "scores", "", "s", "scipy's time is", "memory, MB", "total − scipy's"]
        parts.append(f"### One to one, without a gate, d=64\n\n{run.table(head, lines)}\n")
    return "\n".join(parts)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="small sizes, only printed (the default)")
    parser.add_argument("--full", action="store_true", help="all sizes, into data/measured/scale.json")
    parser.add_argument("--only", choices=("clustered", "random", "growth", "match"), help="one piece")
    parser.add_argument("--table", action="store_true", help="write SCALE.md from data/measured/scale.json")
    parser.add_argument("--one", nargs=3, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        name, what, size = args.one
        print(json.dumps(one_to_one(name, what, int(size))))
        return
    file, kind = HERE.parent / "data" / "measured" / "scale.json", run.cpu_facts()[0]
    known: dict[str, Any] = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    if args.table:
        text = (HERE / "SCALE.md").read_text(encoding="utf-8").split("<!-- tables -->")[0]
        for name, found in known.items():
            text += f"<!-- tables -->\n\n## {name}\n\n{found['machine']}\n\n{tables(found)}"
        (HERE / "SCALE.md").write_text(re.sub(r"\n{3,}", "\n\n", text).rstrip() + "\n", encoding="utf-8")
        return
    n, queries = (100_000, 1000) if args.full else (10_000, 200)
    found: dict[str, Any] = known.get(kind, {}) if args.full else {}
    load = f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "unknown"
    found["machine"] = f"Measured on: {run.machine()} Load average at the last start: {load}."
    found.setdefault("sizes", {})
    for what in ("clustered", "random"):
        if args.only in (None, what):
            found[what], found["sizes"][what] = bench_search(what, n, queries), n
    if args.only in (None, "growth"):
        found["growth"] = bench_growth([10_000, 20_000, 50_000, 100_000][: 4 if args.full else 2], queries)
    if args.only in (None, "match"):
        found["match"] = bench_match([1000, 2000, 5000, 10_000, 20_000] if args.full else [500, 1000])
    if args.full:
        file.write_text(
            json.dumps(known | {kind: found}, indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
        )
    else:
        print(tables(found))


if __name__ == "__main__":
    main()
