"""Milvus on a file and on a server side by side, and Dask's ways to embed pictures.

    python benchmarks/engines.py --write            # writes ENGINES.md and data/measured/engines.json
    python benchmarks/engines.py --items 5000       # smaller

The server is that of tests/faults/slow (``make faults`` installs it); without it its columns stay empty. Single-threaded
arithmetic; the server uses what it likes. Needs the extra ``scale``.
"""

# ruff: noqa: E402

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"  # before numpy and torch read it; worker processes inherit it

import dask
import numpy as np

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent / "tests" / "faults" / "slow")]

from mmalign_nb import scale
from mmalign_nb.features import CnnImage
from mmalign_nb.search import Index, MilvusIndex

HEAD = """# Milvus and Dask, measured

Written by `python benchmarks/engines.py --write`. Times are of one run on one machine; what counts is how the columns
compare. The server is the one of the package `milvus` 2.3.5.

**Milvus**: {items:,} vectors of {dim} columns in 200 clouds; {queries} queries. *Scores again* is in every figure: each
vector found is sent along and scored exactly. *Range*: a threshold that {range_queries} queries reach
{wanted:,} times; how many of these pairs were found.

"""


def clouds(n: int, d: int, seed: int) -> np.ndarray:
    centres = np.random.default_rng(7).standard_normal((200, d))
    rng = np.random.default_rng(seed)
    return (centres[rng.integers(0, 200, n)] + 0.7 * rng.standard_normal((n, d))).astype(np.float32)


def seconds(call: Callable[[], Any]) -> tuple[float, Any]:
    start = time.perf_counter()
    out = call()
    return time.perf_counter() - start, out


def asked(make: Callable[[], Any], X: np.ndarray, Q: np.ndarray) -> dict[str, float]:
    exact = Index().add(X)
    want, singles, some = exact.search(Q, 10), 10, Q[:50]
    line = float(np.quantile(exact.search(some, 20).scores, 0.5))
    wanted = exact.search_range(some, line)
    index = make()
    with index if hasattr(index, "close") else contextlib.nullcontext():
        row = {"insert, rows/s": len(X) / seconds(lambda: index.add(X, np.arange(len(X))))[0]}
        row["flush, s"] = seconds(getattr(index, "flush", lambda: None))[0]
        row["first search, s"], _ = seconds(lambda: index.search(Q[:1], 10))
        took, hits = seconds(lambda: index.search(Q, 10))
        row["batched, queries/s"] = len(Q) / took
        took, _ = seconds(lambda: [index.search(Q[i : i + 1], 10) for i in range(singles)])
        row["single, queries/s"] = singles / took
        row["recall at 10"] = float(
            np.mean([len(set(a) & set(b)) / 10 for a, b in zip(hits.ids, want.ids, strict=True)])
        )
        took, found = seconds(lambda: index.search_range(some, line))
        row["range, queries/s"] = len(some) / took
        pairs = (set(zip(x.queries.tolist(), x.ids.tolist(), strict=True)) for x in (found, wanted))
        row["range, share found"] = len(set.intersection(*pairs)) / len(wanted.ids)
    return row | {"wanted": float(len(wanted.ids))}


def opened(place: str, kind: str) -> Callable[[], MilvusIndex]:
    return lambda: MilvusIndex(place, f"bench_{kind}", kind=kind, timeout=300)


def embedding(n: int, folder: Path) -> dict[str, dict[str, float]]:
    from distributed import Client, LocalCluster

    pictures = np.random.default_rng(0).integers(0, 256, (n, 32, 32)).astype(np.uint8)
    encoder = CnnImage.load("glyphs")
    encoder.transform(pictures[:64])
    took, want = seconds(lambda: encoder.transform(pictures))
    out = {"no Dask": {"images/s": n / took}}

    def run(name: str, client: Any, scheduler: str | None) -> None:
        with dask.config.set(scheduler=scheduler) if scheduler else dask.config.set():
            if client is not None:  # so that imports and the first copy of the encoder are not counted
                scale.embed(pictures[:128], encoder, folder / f"{name} warm", client=client, chunk=4)
            took, done = seconds(
                lambda: scale.embed(pictures, encoder, folder / name, client=client, chunk=256)
            )
        out[name] = {"images/s": n / took}
        assert np.allclose(np.asarray(done.vectors), want, atol=1e-4)

    run("one thread", None, "synchronous")
    run("threads", None, "threads")
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        run("two processes", client, None)
    return out


def table(rows: dict[str, dict[str, float]]) -> str:
    names = list(dict.fromkeys(x for row in rows.values() for x in row if x != "wanted"))
    lines = ["| | " + " | ".join(rows) + " |", "|---|" + "--:|" * len(rows)]
    lines += [
        f"| {x} | "
        + " | ".join(f"{row[x]:,.3g}" if row[x] < 1000 else f"{row[x]:,.0f}" for row in rows.values())
        + " |"
        for x in names
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--items", type=int, default=20_000)
    parser.add_argument("--pictures", type=int, default=3072)
    parser.add_argument("--write", action="store_true")
    args = parser.parse_args()
    load = os.getloadavg()[0]
    X, Q = clouds(args.items, 128, 0), clouds(500, 128, 1)
    rows: dict[str, dict[str, float]] = {}
    folder = Path(tempfile.mkdtemp())
    try:
        rows["in memory: Index, exact"] = asked(Index, X, Q)
        for kind in ("exact", "hnsw"):
            rows[f"file, {kind}"] = asked(opened(str(folder / f"{kind}.db"), kind), X, Q)
            print(rows, flush=True)
        try:
            from milvus_server import PROGRAM, Server

            server = Server(folder / "server") if PROGRAM.exists() else None
        except ImportError:
            server = None
        if server is None:
            print("no Milvus server here")
        else:
            try:
                server.start()
                for kind in ("exact", "hnsw"):
                    rows[f"server, {kind}"] = asked(opened(server.uri, kind), X, Q)
                    print(rows[f"server, {kind}"], flush=True)
            finally:
                server.kill()
        pictures = embedding(args.pictures, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    wanted = int(next(iter(rows.values()))["wanted"])
    text = HEAD.format(items=args.items, dim=128, queries=len(Q), range_queries=50, wanted=wanted)
    text += (
        table(rows)
        + f"\n**Embedding** {args.pictures:,} pictures of 32 × 32 by `CnnImage`, one BLAS thread each.\n\n"
    )
    text += table(pictures)
    made = {name: version(name) for name in ("pymilvus", "milvus-lite", "dask", "distributed", "numpy")}
    made |= {
        "load of the machine before": f"{load:.1f}",
        "python": platform.python_version(),
        "cores": str(os.cpu_count()),
        "machine": platform.machine(),
    }
    text += "\n" + ", ".join(f"{name} {x}" for name, x in made.items()) + ".\n"
    print(text)
    if args.write:
        (HERE / "ENGINES.md").write_text(text, encoding="utf-8")
        facts = {
            "made": made,
            "items": args.items,
            "milvus": rows,
            "pictures": args.pictures,
            "embed": pictures,
        }
        (HERE.parent / "data" / "measured" / "engines.json").write_text(
            json.dumps(facts, indent=1) + "\n", encoding="utf-8"
        )


if __name__ == "__main__":
    main()
