"""An index that Milvus keeps: a file beside the notebook, or a server or cluster that many machines share."""

from __future__ import annotations

import contextlib
import importlib
import json
import logging
import os
import re
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Self

import numpy as np

from .._check import (
    as_count,
    as_ids,
    as_number,
    as_threshold,
    check_nonzero_rows,
    describe,
    fit_into,
    is_missing,
    need,
    one_of,
)
from ..similarity import Rows, Scores, as_rows, norms
from ._hits import Hits, RangeHits

__all__ = ["MilvusIndex"]

_METRICS = {"cosine": "COSINE", "euclidean": "L2", "dot": "IP"}
_KINDS = {"exact": ("FLAT", {}), "hnsw": ("HNSW", {"M": 16, "efConstruction": 200})}
_MOST = 16_384  # items that a server gives for one query; a file gives all
_LARGEST_EFFORT = 32_768  # and how far it looks for them
_LONGEST_ID = 65_535  # bytes
_SQUARES = 1e18  # beyond, and for cosine below its inverse, float32 has no squares of lengths
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,254}")
_ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"})

# What a server that has just come up, or lost a part, answers for some seconds; to ask again is all there is to do.
# Names and numbers are those of its errors: service not ready, unavailable, memory limit, internal; collection not
# loaded, not fully loaded; replica not found, not available; channel not found, lacking, reduplicated, not available;
# node not found, offline, lacking, not matched; gRPC's own "unavailable" comes as its status.
_PASSING = frozenset({1, 2, 3, 5, 101, 103, 400, 401, 500, 501, 502, 503, 901, 902, 903, 904})
_opened: Counter[str] = Counter()  # how many indexes of this process have a file open


class MilvusIndex:
    """Find the nearest of many vectors in Milvus: the protocol of ``Index``, kept in a file or by a server.

    The same three lines run on a laptop and on a cluster; only ``uri`` differs. What ``add`` has returned from is kept,
    whatever is killed afterwards, and what was cut off is added again without harm: an id that is there is replaced.

    Scores are those of ``similarity`` and of ``Index``, higher is more alike. Milvus itself speaks of similarity for
    cosine and dot, but of the squared distance for euclidean, and rounds in its own ways; so each vector that it finds is
    scored again here.

    Parameters
    ----------
    uri : str or path
        The name of a file that ends in ``.db`` (Milvus Lite, inside this process; made if it is not there), or the
        address of a server, ``"http://host:19530"``. A file admits one process at a time.
    collection : str
        A name for these items: letters, digits and ``_``. One file or server holds many.
    metric : {"cosine", "euclidean", "dot"}
    kind : {"exact", "hnsw"}
        Compare with everything, or walk a graph of neighbours, which may miss some.
    effort : int, optional
        For hnsw: how many candidates a walk keeps, 128 if not given; more finds more, and takes longer.
    timeout : float
        Seconds that one request may take, with all that is tried again in them.
    token : str
        ``"user:password"`` or a key, for a server that asks for it.

    Raises
    ------
    ImportError
        Without the extra ``scale``; it says how to install it.
    BlockingIOError
        If another process has the file open.
    ConnectionError, TimeoutError
        If nothing answers at the address, or not in time.
    TypeError, ValueError
        For an unknown metric or kind, a uri or name that is none, or a collection that was made with another metric,
        another kind, or by something else.

    References
    ----------
    J. Wang et al., *Milvus: a purpose-built vector data management system*, SIGMOD 2021.

    Notes
    -----
    Ask in batches: one request to a file takes some 65 ms, whether it brings one query or a hundred.
    Notebook: ``09_scale_and_scarcity``.

    Examples
    --------
    >>> import tempfile
    >>> from mmalign_nb.search import MilvusIndex
    >>> folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
    >>> index = MilvusIndex(f"{folder.name}/items.db", "winds")
    >>> index.add([[1, 0], [0, 1], [1, 1]], ids=["east", "north", "north-east"], modality="text")
    MilvusIndex(collection='winds', metric='cosine', kind='exact', dim=2)
    >>> hits = index.search([[2, 1]], k=2)
    >>> hits.ids.tolist(), hits.scores.round(3)
    ([['north-east', 'east']], array([[0.949, 0.894]], dtype=float32))
    >>> index.search_range([[2, 1]], threshold=0.9).ids.tolist(), len(index)
    (['north-east'], 3)
    >>> index.close()
    >>> folder.cleanup()
    """

    def __init__(
        self,
        uri: str | os.PathLike[str],
        collection: str,
        metric: str = "cosine",
        *,
        kind: str = "exact",
        effort: int | None = None,
        timeout: float = 60.0,
        token: str = "",
    ) -> None:
        self._client: Any = None
        self.uri, self._file = _as_uri(uri)
        if not isinstance(collection, str) or not _NAME.fullmatch(collection):
            raise ValueError(f"collection is {collection!r:.80}; want a name of letters, digits and _")
        self.collection = collection
        self.metric = one_of(metric, "metric", _METRICS)
        self.kind = one_of(kind, "kind", _KINDS)
        if effort is not None and kind == "exact":
            raise ValueError(f"effort is {effort!r:.80} and kind='exact' looks at everything; want None")
        self.effort = 128 if effort is None else as_count(effort, "effort", 1, _LARGEST_EFFORT)
        self.timeout = as_number(timeout, "timeout", 0, above=True)
        self._form: Rows | None = None
        self._text = False  # whether ids are str
        self._written = False  # whether something was, that a server may not show at once
        self._client = self._connect(token)
        try:
            if self._ask("has_collection"):
                self._read()
        except BaseException:
            self.close()
            raise

    # ---- the connection

    def _connect(self, token: str) -> Any:
        client = need("pymilvus", "MilvusIndex", "scale").MilvusClient
        logging.getLogger("pymilvus").setLevel(
            logging.CRITICAL
        )  # it logs what it raises, which is raised anew here
        try:
            start = time.monotonic()
            with _said_by("milvus_lite.server_manager") as said:
                out = client(self.uri, token=token, timeout=self.timeout)
        except self._errors() as err:
            reason = said[0] if said else err
            if type(reason).__name__ == "DataDirLockedError":
                raise BlockingIOError(
                    f"{self._file} is open in another process, and a file of Milvus Lite admits one at a time: "
                    f"close it there (index.close()), or run a Milvus server and give its address"
                ) from None
            if self._file:
                raise OSError(f"{self._file} cannot be opened by Milvus Lite: {reason}") from err
            late = time.monotonic() - start >= self.timeout
            raise (TimeoutError if late else ConnectionError)(
                f"{self.uri} does not answer as a Milvus server{f' within {self.timeout:g} s' * late}: {_said(err)}"
            ) from err
        if self._file:
            _opened[self._file] += 1
        return out

    @staticmethod
    def _errors() -> tuple[type[Exception], ...]:
        return need("pymilvus", "MilvusIndex", "scale").MilvusException, need(
            "grpc", "MilvusIndex", "scale", "pymilvus"
        ).RpcError

    def _ask(self, what: str, **kwargs: Any) -> Any:
        """One request about the collection; tried again, while there is time, where the server may come back."""
        if self._client is None:
            raise ValueError("the index is closed; open it again: MilvusIndex(uri, collection)")
        end, pause = time.monotonic() + self.timeout, 0.05
        while True:
            left = max(end - time.monotonic(), 0.001)
            try:
                return getattr(self._client, what)(self.collection, timeout=left, **kwargs)
            except self._errors() as err:
                code: Any = getattr(err, "code", None)
                code = code() if callable(code) else code
                late = str(getattr(code, "name", "")) in ("DEADLINE_EXCEEDED", "UNAVAILABLE")
                if late or time.monotonic() + pause >= end:
                    raise TimeoutError(
                        f"{self.uri} did not answer {what} within {self.timeout:g} s: {_said(err)}"
                    ) from err
                if code not in _PASSING:
                    raise RuntimeError(f"{self.uri} refused {what}: {_said(err)}") from err
            time.sleep(pause)
            pause = min(2 * pause, 2.0)

    def close(self) -> None:
        """Give the file back, so that another process may open it; what was added stays."""
        if self._client is not None:
            self._client.close()
            self._client = None
            if self._file:
                _opened[self._file] -= 1
                if not _opened[self._file]:
                    manager = importlib.import_module("milvus_lite.server_manager").server_manager_instance
                    manager.release_server(self._file)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    # ---- the collection

    def _read(self) -> None:
        """Take up a collection that is there; what a killed process left half made is made whole."""
        told = self._ask("describe_collection")
        fields = {field["name"]: field for field in told["fields"]}
        if set(fields) != {"id", "vector", "fields"} or "dim" not in fields["vector"]["params"]:
            raise ValueError(
                f"the collection {self.collection!r} at {self.uri} has the fields {', '.join(fields)}; "
                f"want one that MilvusIndex made, with id, vector and fields"
            )
        if "vector" not in self._ask("list_indexes"):
            self._make_searchable()
        facts = self._ask("describe_index", index_name="vector")
        made = {
            "metric": next((ours for ours, x in _METRICS.items() if x == facts["metric_type"]), "?"),
            "kind": next((ours for ours, (x, _) in _KINDS.items() if x == facts["index_type"]), "?"),
        }
        for name, value in made.items():
            if value != getattr(self, name):
                raise ValueError(
                    f"{name} is {getattr(self, name)!r}, and the collection {self.collection!r} was made with {value!r}"
                )
        self._ask("load_collection")
        self._form = Rows(None, int(fields["vector"]["params"]["dim"]))
        self._text = "max_length" in fields["id"]["params"]
        len(self)  # from here on a search sees at least what this has waited for

    def _make(self, dim: int, text: bool) -> None:
        kinds = need("pymilvus", "MilvusIndex", "scale").DataType
        schema = self._client.create_schema(auto_id=False)
        long = {"max_length": _LONGEST_ID} if text else {}
        schema.add_field("id", kinds.VARCHAR if text else kinds.INT64, is_primary=True, **long)
        schema.add_field("vector", kinds.FLOAT_VECTOR, dim=dim)
        schema.add_field(
            "fields", kinds.JSON
        )  # as one: a file would mix the fields of an old item with the new one's
        # Session: this process sees what it has written, at once.
        self._ask("create_collection", schema=schema, consistency_level="Session")
        self._make_searchable()
        self._ask("load_collection")
        self._form, self._text = Rows(None, dim), text

    def _make_searchable(self) -> None:
        params = self._client.prepare_index_params()
        engine, how = _KINDS[self.kind]
        params.add_index(
            "vector", index_name="vector", index_type=engine, metric_type=_METRICS[self.metric], params=how
        )
        self._ask("create_index", index_params=params, sync=False)

    @property
    def dim(self) -> int | None:
        """How many columns the vectors have; None before the first ones came."""
        return None if self._form is None else self._form.columns

    @property
    def ids(self) -> np.ndarray:
        """The ids of all items, in ascending order: str or int64 ``(n,)``."""
        out: list[Any] = []
        want = len(self)  # waits for all that was written anywhere
        while len(out) < want:
            behind = f"id > {_literal(out[-1])}" if out else ""
            # "iterator" asks for the order of ids, which a limit alone does not give everywhere.
            rows = self._ask(
                "query", filter=behind, output_fields=["id"], limit=min(want, _MOST), iterator="True"
            )
            if not rows:
                break
            out += [row["id"] for row in rows]
        return self._as_column(out)

    def _as_column(self, ids: list[Any]) -> np.ndarray:
        return np.array(ids, dtype=str if self._text else np.int64)

    def __len__(self) -> int:
        return self._count("")

    def _count(self, condition: str) -> int:
        if self._form is None:
            return 0
        rows = self._ask("query", filter=condition, output_fields=["count(*)"], consistency_level="Strong")
        return int(rows[0]["count(*)"])

    def _settle(self) -> None:
        """Wait until a server shows what was written here: of what was removed, it does not by itself."""
        if self._written and not self._file:
            len(self)
        self._written = False

    def __repr__(self) -> str:
        return f"MilvusIndex(collection={self.collection!r}, metric={self.metric!r}, kind={self.kind!r}, dim={self.dim})"

    # ---- writing

    def _as_rows(self, x: Any, name: str) -> np.ndarray:
        rows = as_rows(
            x, self.metric, name, like=self._form, other="the index", sparse=False, allow_empty=True
        ).data
        lengths = norms(rows)
        if self.metric == "cosine":
            check_nonzero_rows(lengths, name)
        least = 1 / _SQUARES if self.metric == "cosine" else 0.0
        if len(rows) and (lengths.max() > _SQUARES or lengths.min() < least):
            raise ValueError(
                f"{name} has vectors of lengths {lengths.min():.3g} to {lengths.max():.3g}, and Milvus squares them in "
                f"float32: scale {name} first"
            )
        return np.asarray(rows)

    def add(self, vectors: Any, ids: Any, *, modality: Any = None, fields: Any = None) -> MilvusIndex:
        """Add vectors, or replace those whose ids are there; to add the same again changes nothing.

        They go in batches. When this returns, all of them are kept; when it fails or is killed in the middle, some are:
        add the same once more.

        Parameters
        ----------
        vectors : (n, d)
            Kept as float32.
        ids : n str or n int
            Each once.
        modality : str, or n str, optional
            What the items are: ``"image"``, ``"text"``, …
        fields : mapping or data frame, optional
            More to keep with each item and to search by: names to n values, each str, bool, int, float, or missing.

        Returns
        -------
        MilvusIndex
            Itself.

        Raises
        ------
        TypeError, ValueError
            For bad vectors, another number of columns than before, ids that come twice, are missing or of another type
            than before, or fields that are none. Nothing is added then.
        TimeoutError
            If the server is gone for longer than ``timeout``; it says how many rows are in.

        Examples
        --------
        >>> import tempfile
        >>> from mmalign_nb.search import MilvusIndex
        >>> with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        ...     with MilvusIndex(f"{folder}/items.db", "years", "dot") as index:
        ...         index.add([[1.0], [2.0]], ids=[7, 8], modality="image", fields={"year": [1999, 2001]})
        ...         index.add([[3.0]], ids=[8], fields={"year": [2002]}).search([[1.0]]).scores.tolist(), len(index)
        MilvusIndex(collection='years', metric='dot', kind='exact', dim=1)
        ([[3.0, 1.0]], 2)
        """
        rows = fit_into(self._as_rows(vectors, "vectors"), "vectors", np.float32)
        names = self._as_own_ids(ids, len(rows))
        more = _as_fields(modality, fields, len(rows))
        if not len(rows):
            return self
        if self._form is None:
            self._make(rows.shape[1], names.dtype.kind == "U")
        step = int(np.clip(2**22 // (4 * rows.shape[1]), 1, 2000))
        for s in range(0, len(rows), step):
            batch = [
                {"id": name, "vector": row, "fields": extra}
                for name, row, extra in zip(
                    names[s : s + step].tolist(), rows[s : s + step], more[s : s + step], strict=True
                )
            ]
            self._written = True
            try:
                self._ask("upsert", data=batch)
            except (TimeoutError, RuntimeError) as err:
                raise type(err)(
                    f"{err}; rows 0 to {s - 1} of {len(rows)} are in: add the same again"
                ) from err
        return self

    def _as_own_ids(self, ids: Any, n: int | None = None) -> np.ndarray:
        out = as_ids(ids, "ids", n)
        if out.dtype.kind != "U" and len(out) and (out.max() >= 2**63 - 1 or out.min() <= -(2**63)):
            raise ValueError(
                f"ids goes from {out.min()} to {out.max()}; a Milvus loses those at the ends of 64 bits: use str"
            )
        text = out.dtype.kind == "U"
        if len(out) and self._form is not None and text != self._text:
            now, before = ("str", "int") if text else ("int", "str")
            raise TypeError(f"ids has {now}; the index has {before} ids: want the same")
        listed = out.tolist()
        if len(set(listed)) < len(listed):
            raise ValueError(f"ids has {Counter(listed).most_common(1)[0][0]!r} twice; want each id once")
        if text and (long := max((len(x.encode()) for x in listed), default=0)) > _LONGEST_ID:
            raise ValueError(f"ids has one of {long} bytes; Milvus holds {_LONGEST_ID}")
        return out

    def remove(self, ids: Any) -> MilvusIndex:
        """Take items out; the others keep their ids, and a removed id may be added again.

        Parameters
        ----------
        ids : str or int, any number

        Returns
        -------
        MilvusIndex
            Itself.

        Raises
        ------
        TypeError, ValueError
            For ids of another type, one that is not there, or one that comes twice. Nothing is removed then.

        Examples
        --------
        >>> import tempfile
        >>> from mmalign_nb.search import MilvusIndex
        >>> with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        ...     with MilvusIndex(f"{folder}/items.db", "letters") as index:
        ...         index.add([[1, 0], [0, 1]], ids=["a", "b"]).remove(["a"]).ids.tolist()
        ['b']
        """
        wanted = self._as_own_ids(ids).tolist()
        if len(there := self.fields(wanted)) < len(wanted) or None in there:
            missing = wanted[there.index(None)]
            raise ValueError(f"ids has {missing!r}, which the index does not have; nothing was removed")
        for part in _parts(wanted):
            self._written = True
            self._ask("delete", filter=_ids(part))
        return self

    def fields(self, ids: Any) -> list[dict[str, Any] | None]:
        """Return what is kept with items, modality and fields, in the order of ``ids``; None where there is no such item.

        Parameters
        ----------
        ids : str or int, any number

        Returns
        -------
        list of dict, or None

        Examples
        --------
        >>> import tempfile
        >>> from mmalign_nb.search import MilvusIndex
        >>> with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        ...     with MilvusIndex(f"{folder}/items.db", "letters") as index:
        ...         index.add([[1, 0]], ids=["a"], modality="text").fields(["a", "b"])
        [{'modality': 'text'}, None]
        """
        wanted = self._as_own_ids(ids).tolist()
        found: dict[Any, dict[str, Any]] = {}
        self._settle()
        for part in _parts(wanted) if self._form is not None else ():
            rows = self._ask("query", filter=_ids(part), output_fields=["fields"])
            found |= {row["id"]: row["fields"] for row in rows}
        return [found.get(x) for x in wanted]

    def flush(self) -> None:
        """Bring what was added into its final form on the disk, and for hnsw into the graph; searches are quicker then.

        Nothing is lost without it.

        Examples
        --------
        >>> import tempfile
        >>> from mmalign_nb.search import MilvusIndex
        >>> with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        ...     with MilvusIndex(f"{folder}/items.db", "letters") as index:
        ...         index.add([[1, 0]], ids=["a"]).flush()
        ...     with MilvusIndex(f"{folder}/items.db", "letters") as index:
        ...         len(index)
        1
        """
        if self._form is not None:
            self._ask("flush")

    # ---- searching

    def search(self, queries: Any, k: int = 10, *, modality: Any = None, where: Any = None) -> Hits:
        """Return the k nearest items of each query, best first; all of them if there are fewer.

        Parameters
        ----------
        queries : (n, d)
        k : int
            A server gives at most 16,384.
        modality : str or several, optional
            Only items of these.
        where : mapping or str, optional
            Only items whose fields have these values, ``{"year": [1999, 2000], "licence": "CC0"}``; or a condition in
            Milvus's own words, ``'fields["year"] > 1990'``.

        Returns
        -------
        Hits(ids, scores)
            Both (n, min(k, items)).

        Raises
        ------
        TypeError, ValueError
            For an empty index, bad queries, k < 1, k above 16,384 from a server, or a condition that is none.
        RuntimeError
            If hnsw does not reach k items however far it looks, or Milvus refuses a condition.
        TimeoutError
            If there is no answer in time.

        Examples
        --------
        >>> import tempfile
        >>> from mmalign_nb.search import MilvusIndex
        >>> with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        ...     with MilvusIndex(f"{folder}/items.db", "points", "euclidean") as index:
        ...         index = index.add([[0.0], [1.0], [5.0]], ids=[0, 1, 2], modality=["text", "image", "image"])
        ...         index.search([[0.25]], k=2), index.search([[0.25]], k=1, modality="image").ids.tolist()
        (Hits(ids=array([[0, 1]]), scores=array([[-0.25, -0.75]], dtype=float32)), [[1]])
        """
        k = as_count(k, "k")
        rows, condition = self._prepare(queries, modality, where)
        if k > _MOST or not len(rows):
            k = self._at_most(k, condition)
            if k > _MOST and not self._file:
                raise ValueError(f"k is {k}; a server gives at most {_MOST} items for a query")
        if not len(rows) or not k:
            return self._no_hits(len(rows), k)
        effort = self.effort
        counts, ids, scores = self._nearest(rows, k, condition, effort)
        if counts.min() < k:
            k = self._at_most(k, condition)
            if not k:
                return self._no_hits(len(rows), k)
            while len(short := np.flatnonzero(counts < k)):
                if self.kind == "exact" or effort >= _LARGEST_EFFORT:
                    raise RuntimeError(
                        f"Milvus found {counts[short[0]]} items for query {short[0]}, and there are {k}; was the "
                        f"collection changed meanwhile? For hnsw: make it with kind='exact'"
                    )
                effort = min(8 * effort, _LARGEST_EFFORT)
                counts, ids, scores = self._nearest(rows, k, condition, effort)
        i = np.repeat(np.arange(len(rows)), counts)
        order = np.lexsort((ids, -scores, i))
        first = np.cumsum(counts) - counts  # where each query's hits begin
        at = order[first[:, None] + np.arange(k)]
        return Hits(ids[at], scores[at])

    def search_range(
        self, queries: Any, threshold: float, *, modality: Any = None, where: Any = None
    ) -> RangeHits:
        """Return all items whose score is at least ``threshold``, however many; with hnsw, those that it finds.

        Parameters
        ----------
        queries : (n, d)
        threshold : float
            In units of the score: for euclidean a negated distance.
        modality, where
            As for ``search``.

        Returns
        -------
        RangeHits(queries, ids, scores)
            By query, then best first.

        Raises
        ------
        TypeError, ValueError
            For an empty index, bad queries or a threshold that is NaN.
        RuntimeError
            If a server has more than 16,384 items with the very same score.
        TimeoutError
            If there is no answer in time.

        Examples
        --------
        >>> import tempfile
        >>> from mmalign_nb.search import MilvusIndex
        >>> with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        ...     with MilvusIndex(f"{folder}/items.db", "points", "euclidean") as index:
        ...         index.add([[0.0], [1.0], [5.0]], ids=[0, 1, 2]).search_range([[0.5], [5.0]], threshold=-1)
        RangeHits(queries=array([0, 0, 1]), ids=array([0, 1, 2]), scores=array([-0.5, -0.5,  0. ], dtype=float32))
        """
        with np.errstate(over="ignore"):  # beyond float32 is infinity
            line = np.float32(as_threshold(threshold))
        rows, condition = self._prepare(queries, modality, where)
        waiting, limit = np.arange(len(rows)), 32
        parts = [(waiting[:0], self._as_column([]), np.empty(0, np.float32))]
        while len(waiting):
            counts, ids, scores = self._nearest(rows[waiting], limit, condition, self.effort)
            i = np.repeat(np.arange(len(waiting)), counts)
            # The engine's order may differ from that of the scores by a rounding.
            slack = 1e-5 * np.maximum(np.abs(scores), np.abs(line) if np.isfinite(line) else 0)
            below = np.bincount(i[scores < line - slack], minlength=len(waiting)) > 0
            open_ = (counts == limit) & ~below
            keep = (scores >= line) & ~open_[i]
            parts.append((waiting[i[keep]], ids[keep], scores[keep]))
            waiting = waiting[open_]
            if limit >= _MOST and not self._file:
                break
            limit = 8 * limit if self._file else min(8 * limit, _MOST)
        for q in waiting:
            ids, scores = self._beyond(rows[q], line, condition)
            parts.append((np.full(len(ids), q), ids, scores))
        i, ids, scores = (np.concatenate(x) for x in zip(*parts, strict=True))
        if not len(i):
            self._at_most(1, condition)
        order = np.lexsort((ids, -scores, i))
        return RangeHits(i[order], ids[order], scores[order])

    def _prepare(self, queries: Any, modality: Any, where: Any) -> tuple[np.ndarray, str]:
        condition = _condition(modality, where)
        if self._form is None:
            raise ValueError("the index is empty; add vectors first")
        rows = self._as_rows(queries, "queries")
        self._settle()
        return rows, condition

    def _at_most(self, k: int, condition: str) -> int:
        """k, or how many items there are if they are fewer; an index without any is refused, here and not before each search."""
        k = min(k, self._count(condition))
        if not k and not condition:
            raise ValueError("the index is empty; add vectors first")
        return k

    def _no_hits(self, n: int, k: int) -> Hits:
        return Hits(np.empty((n, k), self._as_column([]).dtype), np.empty((n, k), np.float32))

    def _nearest(
        self, rows: np.ndarray, limit: int, condition: str, effort: int, **window: float
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Up to ``limit`` items of each query: how many, and all their ids and exact scores one after another."""
        counts, ids, scores = [], [], []
        size = 4 * rows.shape[1] + 64
        step = int(np.clip(2**25 // (limit * size), 1, 512))
        params = {"ef": max(effort, limit)} if self.kind == "hnsw" else {}
        for s in range(0, len(rows), step):
            part = rows[s : s + step]
            sent = part if self.metric != "cosine" else part / norms(part)[:, None]
            found = self._ask(
                "search",
                data=list(sent.astype(np.float32)),
                limit=limit,
                filter=condition,
                output_fields=["vector"],
                search_params={"metric_type": _METRICS[self.metric], "params": params | window},
            )
            n = np.array([len(hits) for hits in found])
            flat = [hit for hits in found for hit in hits]
            counts.append(n)
            ids.append(self._as_column([hit["id"] for hit in flat]))
            if flat:
                vectors = np.array([hit["entity"]["vector"] for hit in flat], np.float32)
                pairs = np.repeat(np.arange(len(part)), n), np.arange(len(flat))
                scores.append(Scores((part, vectors), self.metric).pairs(*pairs))
        none = np.empty(0, np.float32)
        return np.concatenate(counts), np.concatenate(ids), np.concatenate([none, *scores])

    def _beyond(self, row: np.ndarray, line: np.float32, condition: str) -> tuple[np.ndarray, np.ndarray]:
        """All items of one query at or above the line, more than Milvus gives at a time: page by page down the scores."""
        found: dict[Any, np.float32] = {}
        far = float(np.finfo(np.float32).max) / 4
        squared = self.metric == "euclidean"
        window = {"radius": far if squared else -far}
        while True:
            _, ids, scores = self._nearest(row[None], _MOST, condition, self.effort, **window)
            new = {x: score for x, score in zip(ids.tolist(), scores, strict=True) if x not in found}
            found |= new
            last = float(scores.min(initial=np.inf))
            if len(ids) < _MOST or last < line - 1e-5 * abs(float(line)):
                break
            if not new:
                raise RuntimeError(
                    f"more than {_MOST} items have the score {last:.7g}, more than Milvus gives for a query"
                )
            # From the last score on, and a rounding before it, in the engine's own terms.
            edge = last * last * (1 - 1e-5) if squared else last + 1e-6 * max(abs(last), 1e-6)
            window = window | {"range_filter": edge}
        scores = np.array(list(found.values()), np.float32)
        keep = scores >= line
        return self._as_column(list(found))[keep], scores[keep]


# ---- what is said and asked


def _as_uri(uri: Any) -> tuple[str, str | None]:
    """The address, and the file's whole name if it is one."""
    want = "the name of a file that ends in .db, or the address of a server, http://host:19530"
    try:
        text = os.fspath(uri)
    except TypeError as err:
        raise TypeError(f"uri is {describe(uri)}; want {want}") from err
    if not isinstance(text, str):
        raise TypeError(f"uri is {describe(uri)}; want {want}")
    if re.match(r"(https?|tcp)://\w", text):
        return text, None
    if not text.endswith(".db") or "\0" in text or "://" in text:
        raise ValueError(f"uri is {text!r:.200}; want {want}")
    file = Path(text).absolute()
    if not file.parent.is_dir() or file.is_file():
        raise ValueError(
            f"uri is {text!r:.200}; want {want}: "
            f"{'this is no file of Milvus Lite' if file.is_file() else f'there is no folder {file.parent}'}"
        )
    return str(file), str(file)


@contextlib.contextmanager
def _said_by(name: str) -> Iterator[list[BaseException]]:
    """Gather the errors that a logger is given instead of its caller, and keep them from the screen."""
    said: list[BaseException] = []

    def gather(record: logging.LogRecord) -> bool:
        if record.exc_info and record.exc_info[1] is not None:
            said.append(record.exc_info[1])
        return record.exc_info is None

    logger = logging.getLogger(name)
    logger.addFilter(gather)
    try:
        yield said
    finally:
        logger.removeFilter(gather)


def _said(err: Exception) -> str:
    """What an error of Milvus says, in a line."""
    text = getattr(err, "message", "") or (err.details() if hasattr(err, "details") else "") or str(err)
    return " ".join(str(text).split())[:300]


def _literal(value: Any) -> str:
    """A value in Milvus's conditions."""
    if isinstance(value, str):
        return f'"{value.translate(_ESCAPES)}"'
    return json.dumps(value)


def _ids(ids: list[Any]) -> str:
    return f"id in [{', '.join(map(_literal, ids))}]"


def _parts(ids: list[Any], size: int = 1000) -> Iterator[list[Any]]:
    for s in range(0, len(ids), size):
        yield ids[s : s + size]


def _as_value(value: Any, name: str) -> Any:
    """One value of a field: str, bool, int or float."""
    value = value.item() if isinstance(value, np.generic) else value
    if isinstance(value, (str, bool)):
        return value
    if isinstance(value, (int, float)) and -(2**63) <= value < 2**63:
        return value
    raise TypeError(f"{name} is {describe(value)}; want str, bool, or a number that 64 bits hold")


def _as_name(name: Any) -> str:
    if not isinstance(name, str) or not _NAME.fullmatch(name) or name == "modality":
        raise ValueError(f"fields has the name {name!r:.80}; want letters, digits and _, and not modality")
    return name


def _as_fields(modality: Any, fields: Any, n: int) -> list[dict[str, Any]]:
    """What is kept with each item."""
    columns: dict[str, list[Any]] = {}
    if modality is not None:
        columns["modality"] = [modality] * n if isinstance(modality, str) else list(modality)
    if fields is not None and not (isinstance(fields, Mapping) or hasattr(fields, "keys")):
        raise TypeError(f"fields is {describe(fields)}; want names and n values for each")
    columns |= {_as_name(name): list(fields[name]) for name in (() if fields is None else fields.keys())}
    out: list[dict[str, Any]] = [{} for _ in range(n)]
    for name, column in columns.items():
        what = "modality" if name == "modality" else f"fields[{name!r}]"
        if len(column) != n:
            raise ValueError(f"{what} has {len(column)} entries; want {n}, one per vector")
        for row, value in zip(out, column, strict=True):
            if name == "modality" and not isinstance(value, str):
                raise TypeError(f"modality has {describe(value)}; want str")
            if not is_missing(value):
                row[name] = _as_value(value, what)
    return out


def _condition(modality: Any, where: Any) -> str:
    """What the items must be like, in Milvus's words."""
    parts: list[str] = []
    wanted = {} if modality is None else {"modality": modality}
    if isinstance(where, str):
        parts += [f"({where})"] if where.strip() else []
    elif isinstance(where, Mapping):
        wanted |= {_as_name(name): values for name, values in where.items()}
    elif where is not None:
        raise TypeError(f"where is {describe(where)}; want names and values, or a condition as str")
    for name, values in wanted.items():
        several = isinstance(values, (list, tuple, set, np.ndarray))
        literals = [_literal(_as_value(x, name)) for x in (values if several else [values])]
        # A file does not know "in" here.
        parts.append("(" + " or ".join(f'fields["{name}"] == {x}' for x in literals or ["[]"]) + ")")
    return " and ".join(parts)
