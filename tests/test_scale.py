"""scale on threads: chunked answers are those of one machine; what is cut off goes on; one bad item costs only itself.

Processes, lost workers and killed jobs are in tests/faults/slow/test_dask.py.
"""

import json
import sys
from pathlib import Path

import dask
import dask.array as da
import numpy as np
import pytest
import zarr
from dask.diagnostics import ProgressBar
from distributed import Client
from PIL import Image
from scale_encoders import Columns, Picky

from mmalign_nb import scale
from mmalign_nb.align import threshold_match
from mmalign_nb.datasets import glyphs
from mmalign_nb.features import CnnImage, TfidfText
from mmalign_nb.project import DualEncoder
from mmalign_nb.similarity import METRICS, similarity, top_k

PICTURES = np.random.default_rng(0).integers(0, 256, (50, 8, 8, 3)).astype(np.uint8)


def vectors(n, d=6, seed=0, metric="cosine"):
    x = np.random.default_rng(seed).integers(-3, 4, (n, d)).astype(np.float32)  # ties
    x[:, 0] += 7
    return x > 0 if metric == "hamming" else x


@pytest.fixture(scope="module")
def client():
    with Client(processes=False, n_workers=1, threads_per_worker=2, dashboard_address=None) as client:
        yield client


# ---- all rows with all rows


@pytest.mark.parametrize("chunk", [1, 7, 1000])
@pytest.mark.parametrize("metric", METRICS)
def test_chunked_answers_are_those_of_one_machine(metric, chunk):
    A, B = vectors(25, seed=1, metric=metric), vectors(40, metric=metric)
    if chunk == 1:
        A, B = A[:3], B[:11]
    for k in (1, 5, 100):
        hits = scale.top_k(A, B, k, metric=metric, chunk=chunk)
        ids, scores = dask.compute(*hits)
        want_ids, want_scores = top_k(A, B, k, metric)
        np.testing.assert_array_equal(ids, want_ids)
        np.testing.assert_array_equal(scores, want_scores)
        assert (ids.dtype, scores.dtype) == (hits.ids.dtype, hits.scores.dtype)
    for share in (0, 0.5, 1):
        line = float(np.quantile(similarity(A, B, metric), share)) + (1 if share == 1 else 0)
        found = scale.threshold_match(A, B, line, metric=metric, chunk=chunk)
        want = threshold_match((A, B), line, metric=metric, margins=False)
        for name in ("pairs", "scores", "margins", "unmatched_a", "unmatched_b", "shape"):
            np.testing.assert_array_equal(getattr(found, name), getattr(want, name))


def test_tables_of_every_kind(tmp_path, client):
    A, B = vectors(30, seed=1), vectors(50)
    np.save(tmp_path / "b.npy", B)
    z = zarr.create_array(tmp_path / "b.zarr", shape=B.shape, chunks=(16, 4), dtype=B.dtype)
    z[:] = B
    want = top_k(A, B, 3)
    for table in (
        B,
        B.tolist(),
        da.from_array(B, chunks=(9, 2)),
        z,
        tmp_path / "b.zarr",
        str(tmp_path / "b.npy"),
    ):
        hits = scale.top_k(A, table, 3, chunk=20)
        for scheduler in ("synchronous", "threads", client):
            found = dask.compute(*hits, scheduler=scheduler)
            np.testing.assert_array_equal(found[0], want[0])
            np.testing.assert_array_equal(found[1], want[1])
    found = scale.threshold_match(A, z, 0.95, client=client)
    np.testing.assert_array_equal(found.pairs, threshold_match((A, B), 0.95).pairs)


def test_nothing_is_computed_before_it_is_asked_for():
    def refuse(block):
        raise AssertionError("computed")

    lazy = da.from_array(vectors(9), chunks=(3, 6)).map_blocks(
        refuse, dtype=np.float32, meta=np.empty((0, 0), np.float32)
    )
    hits = scale.top_k(lazy, vectors(5))
    with pytest.raises(AssertionError, match="computed"):
        hits.ids.compute()


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda A, B: scale.top_k(A, B, 0), ValueError, "k is 0"),
        (lambda A, B: scale.top_k(A, B[:, :4]), ValueError, "B has 4 columns; want 6 as in A"),
        (lambda A, B: scale.top_k(A, B, metric="angle"), ValueError, "metric is 'angle'"),
        (lambda A, B: scale.top_k(A, B, chunk=0), ValueError, "chunk is 0"),
        (lambda A, B: scale.top_k(A[0], B), ValueError, "A is 1-D"),
        (lambda A, B: scale.top_k(A, "no_such"), ValueError, "B is 'no_such'; want a folder of scale.embed"),
        (lambda A, B: scale.top_k(A, da.ones((0, 6))), ValueError, r"B has shape \(0, 6\)"),
        (lambda A, B: scale.threshold_match(A, B, None), TypeError, "threshold is None"),
        (lambda A, B: scale.threshold_match(A, B, np.nan), ValueError, "threshold is NaN"),
        (lambda A, B: scale.threshold_match(A, B, 0.5, client="here"), TypeError, "client is str 'here'"),
        (
            lambda A, B: dask.compute(
                *scale.top_k(A, da.where(da.from_array(B, chunks=(5, 6)) > 8, np.nan, B))
            ),
            ValueError,
            r"B has NaN or infinity in .* of 5 rows .*\(in the chunks from row 0 of A and row \d+ of B\)",
        ),
    ],
)
def test_what_is_refused(call, error, says):
    with pytest.raises(error, match=says):
        call(vectors(10, seed=1), vectors(20))


# ---- embed


def test_embedding_in_chunks_is_embedding_at_once(tmp_path, client):
    want = Columns().transform(PICTURES)
    z = zarr.create_array(tmp_path / "items.zarr", shape=PICTURES.shape, chunks=(20, 8, 8, 3), dtype="uint8")
    z[:] = PICTURES
    for i, items in enumerate((PICTURES, list(PICTURES), da.from_array(PICTURES, chunks=(9, 4, 8, 3)), z)):
        for on in (None, client):
            done = scale.embed(items, Columns(), tmp_path / f"{i}{on is None}", chunk=8, client=on)
            np.testing.assert_array_equal(done.vectors.compute(), want)
            assert done.rows.tolist() == list(range(50))
            assert done.failed == []
    again = scale.load(tmp_path / "0True")
    np.testing.assert_array_equal(again.vectors.compute(), want)
    hits = scale.top_k(again, tmp_path / "1True", 3, metric="euclidean")
    np.testing.assert_array_equal(hits.ids.compute(), top_k(want, want, 3, "euclidean")[0])


def test_encoders_of_the_package_and_a_saved_dual_encoder(tmp_path):
    symbols = glyphs("DejaVu Sans Bold")[3500:3530]
    dual = DualEncoder(CnnImage.load("glyphs"), TfidfText.load("glyphs"))
    dual.save(tmp_path / "dual")
    for items, side in ((symbols.image, "a"), (symbols.text, "b")):
        want = dual.transform(items, side=side)
        for i, encoder in enumerate((dual, tmp_path / "dual", str(tmp_path / "dual"))):
            done = scale.embed(items, encoder, tmp_path / f"{side}{i}", chunk=13, side=side)
            np.testing.assert_allclose(done.vectors.compute(), want, atol=1e-5)


def files(folder, n=20):
    folder.mkdir()
    for i, picture in enumerate(PICTURES[:n]):
        Image.fromarray(picture).save(folder / f"{i:03d}.png")
    return sorted(folder.iterdir())


def opened(name):
    with Image.open(name) as image:
        return np.asarray(image)


def test_a_picture_is_turned_as_its_file_says(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 3  # upside down
    Image.fromarray(PICTURES[0]).save(tmp_path / "a.png", exif=exif)
    done = scale.embed([tmp_path / "a.png"], Columns(), tmp_path / "out")
    np.testing.assert_array_equal(done.vectors.compute(), Columns().transform([PICTURES[0][::-1, ::-1]]))


def test_a_bad_item_is_reported_and_costs_no_other(tmp_path):
    paths = files(tmp_path / "pictures")
    paths[3].write_bytes(b"no picture")
    paths[7].write_bytes(paths[7].read_bytes()[:50])
    paths[12].unlink()
    Image.new("RGB", (8, 8)).save(paths[16])
    Image.fromarray(PICTURES[19][:4]).save(paths[19])  # another size is no fault of this encoder
    done = scale.embed(paths, Picky(), tmp_path / "out", chunk=6)
    assert [(row, Path(name)) for row, name, _ in done.failed] == [(i, paths[i]) for i in (3, 7, 12, 16)]
    for (_, _, reason), says in zip(
        done.failed,
        ("no picture that can be read", "", "No such file", "ValueError: a black picture"),
        strict=True,
    ):
        assert says in reason
    good = [i for i in range(20) if i not in (3, 7, 12, 16)]
    assert done.rows.tolist() == good
    pictures = [PICTURES[i] if i < 19 else PICTURES[19][:4] for i in good]
    np.testing.assert_array_equal(done.vectors.compute(), Columns().transform(pictures))
    names = [str(p) for p in paths]
    again = scale.embed(names, Columns(), tmp_path / "own", read=opened, chunk=6)
    assert [row for row, *_ in again.failed] == [3, 7, 12]
    with pytest.raises(
        ValueError, match=r"none of 2 items could be embedded; the first, .*003.png: Unusable: no picture"
    ):
        scale.embed([paths[3], paths[12]], Columns(), tmp_path / "none")


class Seen(Columns):
    """Keeps how many items it saw."""

    def __init__(self, scale=1.0):
        super().__init__()
        self.scale = scale

    def __dask_tokenize__(self):
        return ("Seen", self.scale)

    def transform(self, X):
        type(self).count += len(X)
        if type(self).count > type(self).most:
            raise KeyboardInterrupt
        return super().transform(X) * np.float32(self.scale)


def test_cut_off_it_goes_on_where_it_was(tmp_path):
    Seen.count, Seen.most = 0, 25
    with dask.config.set(scheduler="synchronous"), pytest.raises(KeyboardInterrupt):
        scale.embed(PICTURES, Seen(), tmp_path, chunk=10)
    with pytest.raises(FileNotFoundError, match="want a folder that scale.embed wrote to its end"):
        scale.load(tmp_path)
    (half,) = {p.stem for p in sorted(tmp_path.glob("*.npy"))[:1]}
    (tmp_path / f"{half}.json").unlink()  # killed between the two files
    Seen.count, Seen.most = 0, 99
    done = scale.embed(PICTURES, Seen(), tmp_path, chunk=10)
    assert Seen.count == 40
    np.testing.assert_array_equal(done.vectors.compute(), Columns().transform(PICTURES))
    Seen.count = 0
    scale.embed(PICTURES, Seen(), tmp_path, chunk=10)
    assert Seen.count == 0
    other = PICTURES.copy()
    other[33] //= 2
    done = scale.embed(other, Seen(), tmp_path, chunk=10)  # one chunk has other items
    assert Seen.count == 10
    np.testing.assert_array_equal(done.vectors.compute(), Columns().transform(other))
    Seen.count = 0
    done = scale.embed(other, Seen(2.0), tmp_path, chunk=10)  # another encoder
    assert Seen.count == 50
    np.testing.assert_array_equal(done.vectors.compute(), 2 * Columns().transform(other))
    assert len(list(tmp_path.iterdir())) == 2 * 5 + 1  # nothing old is left


def test_damaged_chunks_are_named(tmp_path):
    scale.embed(PICTURES, Columns(), tmp_path, chunk=20)
    chunk = sorted(tmp_path.glob("*.npy"))[1]
    whole = chunk.read_bytes()
    np.save(chunk, np.zeros((3, 3), np.float32))
    with pytest.raises(ValueError, match=rf"{chunk} has float32 \(3, 3\); want float32 \(20, 3\)"):
        scale.load(tmp_path).vectors.compute()
    chunk.unlink()
    with pytest.raises(ValueError, match="has no chunk .* copy the whole folder again"):
        scale.load(tmp_path)
    chunk.write_bytes(whole)
    facts = json.loads((tmp_path / "embedded.json").read_bytes())
    facts["chunks"][0][0] = "../secret"
    (tmp_path / "embedded.json").write_text(json.dumps(facts))
    with pytest.raises(ValueError, match=r"has no chunk '../secret'"):
        scale.load(tmp_path)
    (tmp_path / "embedded.json").write_text("[]")
    with pytest.raises(ValueError, match="is not what scale.embed wrote"):
        scale.load(tmp_path)


class Wrong(Columns):
    def __init__(self, what):
        super().__init__()
        self.what = what

    def transform(self, X):
        return {"nan": np.full((len(X), 2), np.nan), "rows": np.ones((1, 2)), "widths": np.ones((len(X), 1 + int(X[0].sum()) % 2))}[self.what]  # fmt: skip


@pytest.mark.parametrize(
    ("change", "error", "says"),
    [
        ({"items": []}, ValueError, "items is empty"),
        ({"items": "a cat"}, TypeError, "items is str 'a cat'"),
        ({"items": None}, TypeError, "items is None"),
        ({"items": glyphs("DejaVu Sans Bold")[:3]}, TypeError, "want one modality of it"),
        ({"encoder": None}, TypeError, "encoder is None"),
        ({"encoder": Columns}, TypeError, "encoder is type"),
        ({"encoder": "no_such"}, ValueError, "encoder is '.*no_such'; want an encoder, or a folder"),
        ({"encoder": Wrong("nan")}, ValueError, "none of 50 items could be embedded; the first, 0: ValueError: what the encoder made has NaN"),
        ({"encoder": Wrong("widths")}, ValueError, "the encoder made vectors of 1 and 2 columns"),
        ({"chunk": 0}, ValueError, "chunk is 0"),
        ({"read": "png"}, TypeError, "read is str 'png'"),
        ({"side": "c"}, ValueError, "side is 'c'"),
        ({"out": None}, TypeError, "out is None"),
        ({"client": 3}, TypeError, "client is 3"),
    ],
)  # fmt: skip
def test_bad_calls_of_embed(change, error, says, tmp_path):
    call = {"items": PICTURES, "encoder": Columns(), "out": tmp_path / "out", "chunk": 10} | change
    with pytest.raises(error, match=says):
        scale.embed(call.pop("items"), call.pop("encoder"), call.pop("out"), **call)


def test_without_the_extra_the_message_says_which(monkeypatch):
    monkeypatch.setitem(sys.modules, "dask", None)
    monkeypatch.setitem(sys.modules, "dask.array", None)
    with pytest.raises(ImportError, match=r'pip install "mmalign_nb\[scale\]"'):
        scale.top_k(vectors(2), vectors(2))


def test_dasks_own_bar_shows_how_far_it_is(tmp_path, capsys):
    with ProgressBar(), dask.config.set(scheduler="threads"):  # not on the client of another test
        scale.embed(PICTURES, Columns(), tmp_path / "a", chunk=10)
    assert "100% Completed" in capsys.readouterr().out
