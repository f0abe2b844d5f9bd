"""Items, the reading of `truth`, and the argument checks that every room shares."""

import re

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st

from mmalign_nb import _check
from mmalign_nb._truth import Truth
from mmalign_nb.datasets import Items


def some(n=6):
    return Items(
        ids=[f"i{k}" for k in range(n)],
        text=[f"text {k}" for k in range(n)],
        image=np.zeros((n, 4, 5, 3), np.uint8),
        audio=np.zeros((n, 8), np.float32),
        sample_rate=16000,
        label=np.arange(n) % 2,
        factors={"size": np.arange(n)},
    )


def test_absent_modalities_are_none():
    items = some()
    assert items.text_zh is None
    assert items.video is None
    assert items.modalities == ("text", "image", "audio")


@pytest.mark.parametrize(
    "index",
    [slice(1, 4), slice(None, None, -2), [4, 0, 2], np.array([True, False] * 3), np.array([-1, 2]), []],
)
def test_indexing_cuts_every_field_alike(index):
    items = some()
    part = items[index]
    rows = np.arange(6)[np.asarray(index, int) if isinstance(index, list) else index]
    assert len(part) == len(rows)
    assert part.ids.tolist() == [f"i{k}" for k in rows]
    assert part.text == [f"text {k}" for k in rows]
    assert part.factors["size"].tolist() == rows.tolist()
    assert part.image.shape == (len(rows), 4, 5, 3)
    assert part.sample_rate == 16000


def test_one_index_keeps_the_shapes():
    one = some()[-1]
    assert isinstance(one, Items)
    assert one.ids.tolist() == ["i5"]
    assert one.audio.shape == (1, 8)


@given(n=st.integers(2, 40), share=st.floats(0.01, 0.99), seed=st.integers(0, 5))
def test_split_is_a_partition(n, share, seed):
    items = Items(ids=[str(k) for k in range(n)])
    if not 0 < round(share * n) < n:
        with pytest.raises(ValueError, match="test_size"):
            items.split(share, seed)
        return
    train, test = items.split(share, seed)
    assert sorted([*train.ids, *test.ids]) == sorted(items.ids)
    assert len(test) == round(share * n)
    assert test.ids.tolist() == items.split(share, seed)[1].ids.tolist()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"ids": ["a", "a"]}, "duplicates .'a' comes 2 times"),
        ({"ids": [["a"]]}, "ids is list .*want str or int, one per item"),
        ({"text": ["only one"]}, "text has 1 entries and ids has 2"),
        ({"text": "a cat"}, "text is one str"),
        ({"image": ["a.png", "b.png"]}, "image is text"),
        ({"image": np.zeros((2, 4, 4, 3))}, "dtype float64; want uint8"),
        ({"audio": np.zeros((2, 9), np.float32)}, "without sample_rate"),
        ({"audio": np.full((2, 9), 3.0, np.float32), "sample_rate": 8000}, r"\[-1, 1\]"),
        (
            {"video": np.zeros((2, 3, 4, 4), np.uint8), "fps": 12},
            r"want uint8 video of shape \(n, T, H, W, 3\): write np.stack",
        ),
        ({"video": np.zeros((2, 3, 4, 4, 3), np.uint8)}, "without fps"),
        (
            {"video": np.zeros((2, 3, 4, 4, 1), np.uint8), "fps": 12},
            r"n, T, H, W, 3\): write video.repeat\(3, axis=-1\)",
        ),
        (
            {"video": ["a.mp4", "b.mp4"], "fps": 1},
            "video is text .*want uint8 video .*if these are names of files, read the files first",
        ),
        ({"video": 3, "fps": 1}, r"video has shape \(\); want uint8 video"),
        *(
            (
                {"video": np.zeros((2, 3, 4, 4, 3), np.uint8), "fps": x},
                "fps is .*want a number per second, above 0",
            )
            for x in (-1, 0, np.nan, "a", True)
        ),
        *(
            (
                {"audio": np.zeros((2, 9), np.float32), "sample_rate": x},
                "sample_rate is .*want a number per second, above 0",
            )
            for x in (-8000, 0, np.inf, "a")
        ),
        ({"text": ["a", None]}, r"text has no text in 1 of 2 rows \(first: row 1\)"),
        ({"text": 5}, "text is 5; want a list of str"),
        ({"image": 5}, r"image has shape \(\); want uint8 images of shape \(n, H, W, 3\)"),
        ({"audio": 5, "sample_rate": 8000}, "audio has dtype int64; want float32"),
        ({"label": 3}, "label is 3; want labels, one per item"),
        ({"label": [[1], [1, 2]]}, "label has labels that cannot be compared"),
        ({"factors": [1]}, "factors is list .*; want a mapping of names to arrays"),
        ({"factors": {"size": 3}}, r"factors\['size'\] is 3; want labels, one per item"),
        ({"label": [1, 2, 3]}, "label has 3 entries"),
        ({"label": [1, "a"]}, "label mixes labels of kinds number and str"),
        ({"ids": ["a", 1]}, "ids is list .*not a mixture"),
        ({"ids": ["a", np.nan]}, r"ids has no id in 1 of 2 rows \(first: row 1\)"),
        ({"ids": (i for i in "ab")}, r"ids is generator .*write list\(ids\)"),
        (
            {"text_zh": np.ma.array(["钟", "鼓"], mask=[0, 1])},
            r"text_zh has no text in 1 of 2 rows \(first: row 1\)",
        ),
        *(
            ({"image": image}, message)
            for image, message in (
                (np.zeros((2, 4, 4, 1), np.uint8), r"write image\[..., 0\]"),
                (np.zeros((2, 4, 4, 4), np.uint8), r"write image\[..., :3\], without alpha"),
                (
                    np.zeros((2, 3, 4, 5), np.uint8),
                    r"write image.transpose\(0, 2, 3, 1\), since channels are first",
                ),
                (np.full((2, 4, 4), 2**15, np.uint16), r"for 16 bits write \(image >> 8\).astype\('uint8'\)"),
                (np.full((2, 4, 4), 254.7), r"in 0 … 255 already: write image.round\(\).astype\('uint8'\)"),
                (np.full((2, 4, 4), 0.7), r"write \(255 \* image\).round\(\).astype\('uint8'\)"),
                (np.full((2, 4, 4), 255), r"write image.astype\('uint8'\)"),
                (np.zeros((2, 4, 4), bool), r"write image \* np.uint8\(255\)"),
                (np.zeros((2, 4, 4), np.uint8).tolist(), r"write np.asarray\(image\).astype\('uint8'\)"),
            )
        ),
        *(
            ({"video": video, "fps": 12}, message)
            for video, message in (
                (np.zeros((3, 5, 6, 3), np.uint8), r"write video\[None\] for one film"),
                (np.zeros((2, 9, 3, 5, 6), np.uint8), r"write video.transpose\(0, 1, 3, 4, 2\)"),
                (np.zeros((2, 3, 9, 5, 6), np.uint8), r"write video.transpose\(0, 2, 3, 4, 1\)"),
                (np.zeros((2, 9, 5, 6, 4), np.uint8), r"write video\[..., :3\], without alpha"),
                (np.zeros((2, 9, 5, 6, 3)), r"write \(255 \* video\).round\(\).astype\('uint8'\)"),
                (np.zeros((2, 0, 5, 6, 3), np.uint8), "video has shape .*; want at least one pixel"),
            )
        ),
        ({"factors": {"size": [1]}}, "factors..size.. has 1 entries"),
    ],
)
def test_bad_items_are_refused(change, message):
    with pytest.raises((TypeError, ValueError), match=message):
        Items(**({"ids": ["a", "b"]} | change))


@pytest.mark.parametrize("index", [6, -7])
def test_index_out_of_range(index):
    with pytest.raises(IndexError, match=f"index is {index}; want .* for 6 items"):
        some()[index]


def test_mask_of_the_wrong_length():
    with pytest.raises(IndexError, match=r"index is bool array \(3,\); want .*boolean mask, for 6 items"):
        some()[np.array([True, False, True])]


@pytest.mark.parametrize("size", [0, 6, 1.0, 0.0, -1, np.nan, True, "a", None, np.float32(0)])
def test_split_leaves_no_side_empty(size):
    with pytest.raises(ValueError, match="test_size is .*(at least one item on each side|want a)"):
        some().split(size)


# --- truth: four ways of saying it, one meaning -----------------------------------------------------------


@given(
    st.lists(st.integers(0, 3), min_size=1, max_size=7), st.lists(st.integers(0, 3), min_size=1, max_size=7)
)
def test_all_readings_of_truth_agree(la, lb):
    matrix = np.array(la)[:, None] == np.array(lb)[None, :]
    pairs = np.argwhere(matrix)
    shape = matrix.shape
    for truth in ((la, lb), matrix, pairs):
        t = Truth(truth, shape)
        i, j = np.indices(shape)
        assert (t.of(i, j) == matrix).all()
        assert t.total == matrix.sum()
        assert (t.rows(0, shape[0]) == matrix).all()
        assert (t.rows(shape[0] - 1, shape[0]) == matrix[-1:]).all()
        assert (t.swap().rows(0, shape[1]) == matrix.T).all()
        assert Truth(t, shape).total == t.total


def test_diagonal_truth():
    assert (Truth("diagonal", (3, 3)).rows(0, 3) == np.eye(3, dtype=bool)).all()


@pytest.mark.parametrize(
    ("truth", "message"),
    [
        ("diagonal", "needs as many rows as columns; got 2 × 3"),
        ("yes", "the only word known is 'diagonal'"),
        (([0, 1], [0, 1]), "truth has 2 and 2 labels; want 2 and 3"),
        ([(0, 3)], "pairs outside 2 × 3"),
        ([(-1, 0)], "pairs outside 2 × 3"),
        (np.ones((3, 2), bool), "want 'diagonal'"),
        ([0.5, 0.7], "want 'diagonal'"),
    ],
)
def test_bad_truth_is_refused(truth, message):
    with pytest.raises(ValueError, match=message):
        Truth(truth, (2, 3))


# --- argument checks --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (np.array([1.0, 2.0]), r"x is 1-D with shape \(2,\); want 2-D \(n, d\).*x\[None, :\]"),
        (np.zeros((1, 2, 3)), r"shape \(1, 2, 3\); want 2-D"),
        (np.zeros((0, 3)), "x is empty"),
        (np.zeros((3, 0)), "x has no columns"),
        (np.array([[0, 1], [np.nan, 0], [np.inf, 2]]), r"NaN or infinity in 2 of 3 rows \(first: row 1\)"),
        (sp.csr_matrix(np.array([[0, 1], [0, np.nan]])), r"NaN or infinity in 1 of 2 rows \(first: row 1\)"),
        (["a", "b"], "x is text"),
        ([[1, 2], [3]], "x is .*want numbers of shape"),
        (np.array([["a"]]), "x is .*want numbers of shape"),
        (None, "x is None; want numbers of shape"),
    ],
)
def test_bad_features_are_refused(x, message):
    with pytest.raises((TypeError, ValueError), match=message):
        _check.as_matrix(x, "x", sparse=True)


def test_sparse_is_refused_where_dense_is_wanted():
    with pytest.raises(TypeError, match="sparse matrix .*TfidfText"):
        _check.as_matrix(sp.csr_matrix(np.eye(2)), "x")


def test_good_features_become_rows_of_the_floats_they_are():
    x = np.asfortranarray(np.arange(6.0).reshape(2, 3))
    out = _check.as_matrix(x, "x", dim=3, rows=2)
    assert out.dtype == np.float64
    assert _check.as_matrix(x, "x", dtype=np.float32).dtype == np.float32
    assert out.flags.c_contiguous
    with pytest.raises(ValueError, match="3 columns; want 4"):
        _check.as_matrix(out, "x", dim=4)
    with pytest.raises(ValueError, match="2 rows; want 5"):
        _check.as_matrix(out, "x", rows=5)


def test_zero_vectors_are_named():
    with pytest.raises(
        ValueError, match=r"zero vectors in 1 of 3 rows \(first: row 1\); cosine is undefined"
    ):
        _check.check_nonzero_rows(np.array([1.0, 0.0, 2.0]), "a")


@pytest.mark.parametrize(
    ("scores", "message"),
    [
        (np.zeros(3), r"want 2-D \(n, m\)"),
        (np.array([[0, np.nan]]), "NaN in 1 of 1 rows"),
        (np.array([[0, np.inf]]), r"\+inf in 1 of 1 rows"),
        ("abc", "scores is text .*want numbers, 2-D"),
    ],
)
def test_bad_scores_are_refused(scores, message):
    with pytest.raises((TypeError, ValueError), match=message):
        _check.as_scores(scores)


def test_minus_infinity_and_empty_scores_are_welcome():
    assert _check.as_scores([[-np.inf, 1]]).dtype == np.float64
    assert _check.as_scores(np.zeros((0, 4), np.float32)).shape == (0, 4)


def test_one_of_lists_what_is_known():
    with pytest.raises(ValueError, match=re.escape("metric is 'cos'; known: 'cosine', 'dot'")):
        _check.one_of("cos", "metric", ["cosine", "dot"])


def test_pairs_that_are_not_pairs():
    with pytest.raises(ValueError, match="A has 2 rows and B has 3; want pairs"):
        _check.check_same_length(np.zeros((2, 1)), [1, 2, 3], "A", "B")


def test_names_stay_names_and_gaps_stay_gaps():
    """Columns of a table are as good as lists; ids keep their value; a missing label is no word."""
    pd = pytest.importorskip("pandas")
    table = pd.DataFrame({"name": ["a", "b"], "kind": ["u", None]}, index=[7, 3])
    for ids in (
        table["name"],
        table["name"].to_numpy(),
        pd.Index(["a", "b"]),
        pd.Categorical(["a", "b"]),
        ("a", "b"),
    ):
        items = Items(
            ids=ids, text=ids, label=table["kind"], factors={"kind": table["kind"], "size": [1.5, np.nan]}
        )
        assert items.ids.tolist() == items.text == ["a", "b"]
        assert items.label.tolist() == items.factors["kind"].tolist() == ["u", None]
        assert items[[1]].label.tolist() == [None]
        assert np.isnan(items.factors["size"][1])
    for ids in (
        [1, 2**64 - 1],
        np.array([1, 2**64 - 1], np.uint64),
        pd.Series([1, 2**64 - 1], dtype="UInt64"),
    ):
        assert Items(ids=ids).ids.tolist() == [1, 2**64 - 1]
    assert Items(ids=[3, 4], label=["u", float("nan")]).label.tolist() == ["u", None]
    assert Items(ids=[3, 4], label=[(1, 2), (3, 4)]).label.tolist() == [(1, 2), (3, 4)]


def test_pictures_and_sounds_may_be_maps_and_tensors(tmp_path):
    torch = pytest.importorskip("torch")
    image, sound = np.ones((2, 4, 4), np.uint8), np.full((2, 8), 0.5)
    np.save(tmp_path / "i.npy", image)
    items = Items(
        ids=["a", "b"], image=np.load(tmp_path / "i.npy", mmap_mode="r"), sample_rate=np.int64(8000),
        audio=torch.tensor(sound, requires_grad=True), video=torch.ones((2, 3, 4, 4, 3), dtype=torch.uint8), fps=np.float32(12),
    )  # fmt: skip
    np.testing.assert_array_equal(items.image, image)
    np.testing.assert_array_equal(items.audio, sound.astype(np.float32))
    assert items.video.shape == (2, 3, 4, 4, 3)


@pytest.mark.parametrize("index", [np.zeros((2, 2), int), "a", [0.5], None])
def test_an_index_that_is_none(index):
    with pytest.raises(IndexError, match="index is .*want"):
        some()[index]


def test_split_takes_numbers_of_numpy():
    train, test = some().split(np.float32(0.5), np.int64(3))
    again = some().split(np.int32(3), 3)
    assert test.ids.tolist() == again[1].ids.tolist()
    with pytest.raises(ValueError, match="seed is -1"):
        some().split(0.5, -1)
    assert len(train) == 3


@pytest.mark.parametrize("unit", ["ns", "s", "D"])
def test_a_missing_date_is_nobodys_partner(unit):
    days = np.array(["2026-11-28", "NaT", "2026-11-29"], f"datetime64[{unit}]")
    t = Truth((days, days[::-1]), (3, 3))
    assert t.of([0, 1, 2], [2, 1, 0]).tolist() == [True, False, True]
    assert t.total == 2
