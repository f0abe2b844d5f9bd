"""align_folder and the command line: what is promised holds, what is given does not leak, what is interrupted goes on."""

import json
import multiprocessing
import os
import signal

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator

import mmalign_nb.own._encoders as encoders
from mmalign_nb.__main__ import main
from mmalign_nb.datasets import from_arrays, glyphs
from mmalign_nb.evaluate import audit
from mmalign_nb.own import _result, align_folder
from mmalign_nb.project import DualEncoder
from mmalign_nb.threshold import Labelling

Image = pytest.importorskip("PIL.Image")
KILLED = -signal.SIGKILL if hasattr(signal, "SIGKILL") else None


class Pixels:
    """A picture's own numbers."""

    def transform(self, X):
        return np.asarray(X, np.float32).reshape(len(X), -1) / 127.5 - 1


class Numbers:
    """A text that is a row of numbers."""

    def transform(self, X):
        return np.array([[float(x) for x in text.split()] for text in X], np.float32)


def noisy(n, seed, noise=(0.1, 1.5)):
    """Pictures of 16 numbers and texts that say them, more or less exactly; who belongs to whom, shuffled."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 16))
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    image = np.clip(127.5 + 127.5 * x, 0, 255).astype(np.uint8).reshape(n, 4, 4)
    told = x + rng.uniform(*noise, (n, 1)) * rng.normal(size=(n, 16)) / 4
    order = rng.permutation(n)
    return image, [" ".join(f"{v:.4f}" for v in told[k]) for k in order], np.argsort(order)


def icons(folder, n=40, hide=0.3, seed=0, start=4500):
    """A folder of n pictures and a table of captions, of which a share names no picture; one file is broken."""
    symbols, rng = glyphs(size=24)[start : start + n], np.random.default_rng(seed)
    folder.mkdir()
    rows = ["file,caption"]
    for i in range(n):
        Image.fromarray(symbols.image[i]).save(folder / f"icon{i:03}.png")
        rows.append(f"{'note' if rng.random() < hide else 'icon'}{i:03}.png,{symbols.text[i]}")
    (folder / "broken.png").write_bytes(b"no picture")
    (folder / "captions.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return folder


def number(name):
    return int("".join(x for x in name if x.isdigit()))


def results(out):
    return {x.name: x.read_bytes() for x in out.iterdir() if x.is_file()}


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """A folder of icons and its results, by the command line."""
    base = tmp_path_factory.mktemp("done")
    folder, out = icons(base / "icons"), base / "results"
    assert main(["align", str(folder), "--out", str(out), "--encoder", "own", "--quiet"]) == 0
    return folder, out


@pytest.fixture
def no_pages(monkeypatch):
    """Without the two pages, which have tests of their own and cost half a second."""
    from mmalign_nb.own import _report

    for name in ("write_report", "write_label_page"):
        monkeypatch.setattr(_report, name, lambda alignment, path: path.write_text("page"))


# ---- end to end


def test_a_folder_in_which_things_are_broken_ends_in_tables_and_a_summary(done):
    _, out = done
    told = json.loads((out / "summary.json").read_text(encoding="utf-8"))
    assert told["sides"] == {"image": 40, "text": 40}
    assert {
        "file": "broken.png",
        "modality": "image",
        "what": "skipped",
        "why": "no picture that can be read",
    } in told["files"]
    table = pd.read_csv(out / "matches.csv", encoding="utf-8-sig", keep_default_na=False)
    assert table.columns.tolist() == ["a", "b", "score", "kept", "known", "partner", "reason"]
    assert table.score.is_monotonic_decreasing
    assert len(table) == told["matches"] == 40
    assert ((table.known == "right") == ((table.partner != "") & (table.partner == table.b)))[
        table.partner != ""
    ].all()
    new = table[table.known == ""]
    assert len(new) == told["open"] == 40 - told["given_pairs"] > 5
    assert np.mean(new.a.map(number) == new.b.map(number)) > 0.6  # found, and nobody had said
    tried = pd.DataFrame(told["tried"])
    assert tried.taken.sum() == 1
    assert tried.mrr.max() == tried.mrr[tried.taken].item()
    assert (tried.low <= tried.mrr)[tried.pairs > 0].all()
    assert tried.why[tried.encoder == "own, network"].str.contains("1000").all()
    assert len(pd.read_csv(out / "audit.csv")) == told["given_pairs"]


def test_a_second_call_takes_what_is_there_and_writes_the_same(done, monkeypatch, tmp_path):
    folder, out = done
    before = results(out)
    for name in ("Look", "SymbolLook", "Things", "SymbolWords"):
        monkeypatch.setattr(getattr(encoders, name), "transform", None)  # whoever embeds again fails
    assert main(["align", str(folder), "--out", str(out), "--encoder", "own", "--quiet"]) == 0
    assert results(out) == before


def test_what_changed_is_made_anew_and_nothing_else(no_pages, tmp_path, monkeypatch):
    folder, out = icons(tmp_path / "icons", 12, 0), tmp_path / "out"
    first = align_folder(folder, out, encoder="own", progress=False)
    table = folder / "captions.csv"
    table.write_text(
        table.read_text(encoding="utf-8").replace(first.items_b.text[3], "something else"), encoding="utf-8"
    )
    asked = []
    for name in ("Look", "SymbolLook", "SymbolWords"):
        old = getattr(encoders, name).transform
        monkeypatch.setattr(
            getattr(encoders, name),
            "transform",
            lambda self, X, old=old, name=name: asked.append(name) or old(self, X),
        )
    again = align_folder(folder, out, encoder="own", progress=False)
    assert asked == ["SymbolWords"]  # the pictures are as they were
    fresh = align_folder(folder, encoder="own", progress=False)
    assert np.array_equal(again.scores, fresh.scores)
    assert np.array_equal(again.vectors_b, fresh.vectors_b)
    assert not np.array_equal(again.vectors_b, first.vectors_b)


# ---- honest scores


class ByHeart(BaseEstimator):
    """A projection that knows the pairs it was fitted to by heart, and nothing else."""

    def fit(self, A, B):
        self.known_ = {x.tobytes(): k for k, x in enumerate(A)}, {x.tobytes(): k for k, x in enumerate(B)}
        return self

    def transform(self, X, side="a"):
        out = np.zeros((len(X), 1024), np.float32)
        for row, x in enumerate(np.asarray(X, np.float32)):
            k = self.known_["ab".index(side)].get(x.tobytes())
            out[row, {"a": 1022, "b": 1023}[side] if k is None else k] = 1
        return out


def test_no_pair_is_scored_by_an_encoder_that_has_seen_it_or_a_copy():
    image, text, partner = noisy(60, 0)
    image, text, partner = (
        np.concatenate([image, image[:20]]),
        text + [text[p] for p in partner[:20]],
        np.r_[partner, 60 + np.arange(20)],
    )
    pairs = [[i, int(partner[i])] for i in range(80)]
    found = align_folder(
        from_arrays(image=image, text=text, pairs=None),
        pairs=pairs,
        encoder=DualEncoder(Pixels(), Numbers(), ByHeart()),
        progress=False,
    )
    assert (found.encoder.transform(found.items_a.image) @ found.encoder.transform(text, side="b").T)[
        tuple(found.pairs.T)
    ].mean() > 0.7  # it does know them
    assert found.given_scores[tuple(found.pairs.T)].max() < 0.5
    assert found.tried.mrr.item() < 0.3


def test_the_audit_is_that_of_the_held_out_scores_and_finds_swapped_captions():
    symbols = glyphs("DejaVu Serif")[np.random.default_rng(1).choice(3000, 240, replace=False)]
    rng = np.random.default_rng(0)
    some = rng.choice(240, 12, replace=False)  # 5 %
    caption = np.arange(240)
    caption[some] = np.roll(some, 1)
    data = from_arrays(image=symbols.image, text=[symbols.text[k] for k in caption])
    found = align_folder(data, encoder="own", progress=False)
    assert np.isin(some, found.audit.a.astype(int)[:24]).mean() >= 0.8
    told = audit(found.held_out, found.pairs, metric="dot")
    assert told.pairs[:, 0].tolist() == found.audit.a.astype(int).tolist()
    brute = audit(found.given_scores, found.pairs)
    assert np.allclose(brute.suspicion, told.suspicion, atol=1e-5)


def test_the_line_keeps_its_promises_on_pairs_that_were_hidden_and_on_items_without_a_partner():
    """40 folders, half of the pairs hidden; of the hidden texts a third says something else, so that two items have no partner."""
    missed, strangers, answered = 0, [], 0
    for seed in range(40):
        image, text, partner = noisy(160, seed)
        _, others, _ = noisy(160, 1000 + seed)
        rows = np.random.default_rng(seed).permutation(160)
        given, gone = [[i, int(partner[i])] for i in rows[:80].tolist()], rows[80:106]
        for i in gone.tolist():
            text[partner[i]] = others[i]
        found = align_folder(
            from_arrays(image=image, text=text, pairs=None), pairs=given, encoder=DualEncoder(Pixels(), Numbers()), target=0.8, seed=seed, progress=False
        )  # fmt: skip
        for side in (0, 1):
            assert not set(found.matches.pairs[found.open, side]) & set(found.pairs[:, side])
        at = found.matches.pairs[found.open & found.kept]
        right, lost = partner[at[:, 0]] == at[:, 1], np.isin(at[:, 0], gone)
        answered += found.threshold is not None
        strangers.append(lost.mean() if len(at) else 0.0)
        missed += right[~lost].mean() < 0.8 - 0.05 if (~lost).any() else 0
    assert answered >= 30  # a line that never answers keeps every promise
    assert missed <= 7  # P(Bin(40, 0.1) > 7) < 0.05, and 0.05 is what 40 kept ones may lack by chance
    assert np.mean(strangers) <= 0.2
    assert np.mean(strangers) > 0


def test_where_the_wrong_score_like_the_right_there_is_no_line():
    """Items come in twos that are hardly apart, so a fifth of the matches are wrong, and no score shows it."""
    lines, share = 0, []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        x = np.repeat(rng.normal(size=(80, 16)), 2, axis=0) + 0.08 * rng.normal(size=(160, 16))
        x /= np.linalg.norm(x, axis=1, keepdims=True)
        image = np.clip(127.5 + 127.5 * x, 0, 255).astype(np.uint8).reshape(160, 4, 4)
        text = [" ".join(f"{v:.4f}" for v in row) for row in x + 0.1 * rng.normal(size=x.shape)]
        found = align_folder(
            from_arrays(image=image, text=text),
            encoder=DualEncoder(Pixels(), Numbers()),
            seed=seed,
            progress=False,
        )
        share.append((found.known == 1).mean())
        lines += found.threshold is not None
    assert 0.6 < np.mean(share) < 0.86
    assert lines <= 5  # P(Bin(20, 0.1) > 5) = 0.01


# ---- none, few, all; labels


def test_without_pairs_there_is_no_line_until_there_are_answers(no_pages, tmp_path):
    image, text, partner = noisy(120, 0, (0.0, 0.6))
    data = from_arrays(image=image, text=text, pairs=None)
    asks = {"encoder": (Pixels(), Numbers()), "progress": False}
    found = align_folder(data, pairs=(), **asks)
    assert found.threshold is None
    assert not found.kept.any()
    assert found.audit is None
    assert found.promise.startswith("No line yet")
    assert "23" in found.promise
    assert len(found.unmatched()) == 240
    labelling = found.labelling()
    while labelling.threshold.abstained:
        i, j = labelling.ask()
        labelling.answer(bool(partner[i] == j))
    told = found.labelled(labelling)
    at = told.matches.pairs[told.kept]
    assert np.array_equal(at, labelling.kept.pairs)
    assert (partner[at[:, 0]] == at[:, 1]).mean() >= 0.9
    assert len(told.unmatched()) == 240 - 2 * len(at)
    labelling.to_csv(tmp_path / "labels.csv")
    again = align_folder(data, tmp_path / "out", pairs=(), labels=tmp_path / "labels.csv", **asks)
    assert again.threshold == told.threshold
    assert again.promise == told.promise
    assert (tmp_path / "out" / "labels.csv").read_bytes() == (tmp_path / "labels.csv").read_bytes()
    with pytest.raises(ValueError, match="another pool"):
        found.labelled(Labelling(found.matches, seed=1))
    with pytest.raises(ValueError, match="target 0.9 .*target 0.8"):
        align_folder(data, pairs=(), labels=tmp_path / "labels.csv", target=0.8, **asks)


class Turned:
    """Another space, in which nothing is where it was, but everything as far apart."""

    def transform(self, X):
        return (
            (Numbers().transform(X) @ np.linalg.qr(np.random.default_rng(5).normal(size=(16, 16)))[0])[
                :, :, None
            ]
            .repeat(2, 2)
            .reshape(len(X), -1)
        )


def test_without_pairs_and_without_a_shared_space_structure_pairs_what_it_can():
    pytest.importorskip("ot")
    image, text, _ = noisy(40, 0)
    found = align_folder(
        from_arrays(image=image, text=text, pairs=None), encoder=(Pixels(), Turned()), progress=False
    )
    assert found.encoder is None
    assert found.threshold is None
    assert found.tried.encoder.tolist()[-1] == "structure"
    own = np.einsum(
        "ij,ij->i", found.vectors_a[found.matches.pairs[:, 0]], found.vectors_b[found.matches.pairs[:, 1]]
    )
    assert np.allclose(own, found.scores, atol=1e-4)


def test_few_pairs_are_said_to_be_few_and_teach_no_projection():
    symbols = glyphs()[4500:4530]
    found = align_folder(
        from_arrays(image=symbols.image, text=symbols.text, pairs=[[i, i] for i in range(5)]),
        encoder="own",
        progress=False,
    )
    assert any("few" in note for note in found.notes)
    assert found.threshold is None
    assert (
        found.tried.why[found.tried.encoder == "own, linear"].item() == "takes 8 given pairs, and there are 5"
    )


@pytest.mark.parametrize(
    "rows",
    [
        ["picture,words", "icon000.png,nobody", "icon001,icon001"],
        ["icon001;icon001.png", "icon002;icon002"],
        ["icon003\tnobody", "icon004.png\ticon004"],
        ["icon001.png,icon001", "nobody,icon002"],
    ],
)  # fmt: skip
def test_pairs_of_a_file_are_found_by_names_in_any_order_with_or_without_a_head(tmp_path, rows):
    folder = icons(tmp_path / "icons", 12, 0)
    (tmp_path / "pairs.csv").write_text("\n".join(rows), encoding="utf-8-sig")
    found = align_folder(
        folder,
        pairs=tmp_path / "pairs.csv",
        encoder=(encoders.SymbolLook(), encoders.SymbolWords()),
        progress=False,
    )
    assert [found.ids_a[i] for i, _ in found.pairs] == [found.ids_b[j] for _, j in found.pairs]
    lost = sum("nobody" in row for row in rows)
    assert len(found.pairs) == sum(row.count("icon") == 2 for row in rows)
    assert any("names 1 time" in note for note in found.notes) == bool(lost)


# ---- errors


def test_what_cannot_be_done_is_one_sentence_and_exit_1(done, tmp_path, capsys):
    folder, out = done
    full = tmp_path / "full"
    full.mkdir()
    (full / "cat.txt").write_text("a cat")
    (tmp_path / "file").write_text("x")
    (tmp_path / "pairs.csv").write_text("a,b\nx,y\n")
    bad = [
        (["align", str(tmp_path / "no"), "--out", str(tmp_path / "o")], "there is no such folder"),
        (["align", str(folder), "--out", str(folder)], "where the data are"),
        (["align", str(folder / "sub"), "--out", str(folder)], "no such folder"),
        (["align", str(folder), "--out", str(full)], "holds other files"),
        (["align", str(folder), "--out", str(tmp_path / "file")], "a file; want a folder"),
        (["align", str(full), "--out", str(tmp_path / "o1")], "text only; want two kinds"),
        (["align", str(folder), "--out", str(tmp_path / "o2"), "--pairs", str(tmp_path / "pairs.csv")], "names 1 time what was not read"),
        (["align", str(folder), "--out", str(tmp_path / "o3"), "--target", "1.5"], "target is 1.5"),
        (["align", str(folder), "--out", str(tmp_path / "o4"), "--encoder", "best"], "encoder is 'best'"),
        (["align", str(folder), "--out", str(tmp_path / "o5"), "--encoder", "no_such_module:x"], "cannot be imported"),
        (["align", str(folder), "--out", str(tmp_path / "o6"), "--a", "audio"], "a is 'audio'"),
        (["label", str(tmp_path / "nothing")], "no summary.json"),
        (["label", str(out), "--answers", str(tmp_path / "no.csv")], "no.csv"),
    ]  # fmt: skip
    for arguments, words in bad:
        assert main(arguments) == 1, arguments
        told = capsys.readouterr().err
        assert words in told, (arguments, told)
        assert told.count("\n") == 1, told
    with pytest.raises(SystemExit) as usage:
        main(["align", str(folder)])
    assert usage.value.code == 2


def test_a_full_disk_is_a_sentence_and_leaves_no_half_file(tmp_path, monkeypatch, capsys):
    from mmalign_nb import _files

    folder, out = icons(tmp_path / "icons", 12, 0), tmp_path / "out"
    count, real = [0], _files.sync

    def full(file):
        count[0] += 1
        if count[0] > 3:
            raise OSError(28, "No space left on device")
        real(file)

    monkeypatch.setattr(_files, "sync", full)
    assert main(["align", str(folder), "--out", str(out), "--encoder", "own", "--quiet"]) == 1
    assert "No space left on device" in capsys.readouterr().err
    assert not list(out.rglob("*.part"))
    assert not (out / "summary.json").exists()
    assert len(list((out / "work").glob("*.npz"))) == 3


def test_a_table_of_files_and_words_is_read_by_the_usual_names_of_its_columns(no_pages, tmp_path, capsys):
    folder = icons(tmp_path / "icons", 12, 0)
    asks = {"encoder": (encoders.SymbolLook(), encoders.SymbolWords()), "progress": False}
    found = align_folder(folder / "captions.csv", tmp_path / "out", **asks)
    assert (found.a, found.b, len(found.pairs)) == ("image", "text", 12)
    (folder / "other.csv").write_text("x,y\n1,2\n")
    assert main(["align", str(folder / "other.csv"), "--out", str(tmp_path / "o")]) == 1
    assert "has the columns 'x', 'y'" in capsys.readouterr().err
    assert not (tmp_path / "o").exists()


def test_results_inside_the_folder_are_not_read_as_data(no_pages, tmp_path):
    folder = icons(tmp_path / "icons", 12, 0)
    asks = {"encoder": (encoders.SymbolLook(), encoders.SymbolWords()), "progress": False}
    first = align_folder(folder, folder / "results", **asks)
    before = results(folder / "results")
    second = align_folder(folder, folder / "results", **asks)
    assert first.collection.notes == second.collection.notes
    assert results(folder / "results") == before


def test_ctrl_c_is_130_and_says_what_is_kept(done, tmp_path, monkeypatch, capsys):
    folder, _ = done

    def stop(self, X):
        raise KeyboardInterrupt

    monkeypatch.setattr(encoders.Look, "transform", stop)
    out = tmp_path / "out"
    assert main(["align", str(folder), "--out", str(out), "--encoder", "own", "--quiet"]) == 130
    assert f"kept in {out}" in capsys.readouterr().err
    assert (out / "work" / "features-a-SymbolLook.npz").is_file()
    assert not (out / "summary.json").exists()


def test_an_encoder_by_name_is_imported_and_names_that_look_like_formulas_stay_words(
    no_pages, tmp_path, monkeypatch
):
    (tmp_path / "mine_h1.py").write_text(
        "from mmalign_nb.own._encoders import SymbolLook, SymbolWords\ndef both():\n    return SymbolLook(), SymbolWords()\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    folder, out = icons(tmp_path / "icons", 12, 0), tmp_path / "out"
    os.rename(folder / "icon005.png", folder / "=1+1.png")
    assert main(["align", str(folder), "--out", str(out), "--encoder", "mine_h1:both", "--quiet"]) == 0
    table = pd.read_csv(out / "matches.csv", encoding="utf-8-sig")
    assert "'=1+1" in table.a.tolist()
    assert not table.a.str.startswith("=").any()


def test_labels_from_the_page_move_the_line_and_the_terminal_asks(
    no_pages, done, tmp_path, monkeypatch, capsys
):
    import shutil

    folder, old = done
    out = tmp_path / "out"
    shutil.copytree(old, out)
    found = align_folder(folder, out, encoder="own", progress=False)
    labelling = found.labelling()
    for _ in range(3):
        i, j = labelling.ask()
        labelling.answer(number(found.ids_a[i]) == number(found.ids_b[j]))
    labelling.to_csv(tmp_path / "answers.csv")
    shutil.copy(old / "summary.json", out / "summary.json")
    assert main(["label", str(out), "--answers", str(tmp_path / "answers.csv")]) == 0
    assert json.loads((out / "summary.json").read_text(encoding="utf-8"))["answers"] == 3
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    keys = iter(["y", "x", "y", "u", "q"])
    monkeypatch.setattr("builtins.input", lambda prompt: next(keys))
    assert main(["label", str(out)]) == 0
    told = json.loads((out / "summary.json").read_text(encoding="utf-8"))
    assert told["answers"] == 4
    assert (out / "labels.csv").read_text().count("\n") == 5
    assert "icon" in capsys.readouterr().out


# ---- kill -9


def killed(out, image, text, pairs, moment):
    """Align in a process that is killed at the given move of a file into its place, before it or after it."""
    from mmalign_nb import _files

    real, count = os.replace, [0]

    def replace(*arguments):
        count[0] += 1
        if count[0] == (moment + 1) // 2 and moment % 2:
            os.kill(os.getpid(), signal.SIGKILL)
        real(*arguments)
        if count[0] == moment // 2 and not moment % 2:
            os.kill(os.getpid(), signal.SIGKILL)

    _files.os.replace = replace
    align_folder(
        from_arrays(image=image, text=text, pairs=None),
        out,
        pairs=pairs,
        encoder=(Pixels(), Numbers()),
        progress=False,
    )


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="the system cannot fork")
def test_killed_at_any_moment_it_goes_on_to_the_same_results(no_pages, tmp_path):
    image, text, partner = noisy(40, 3)
    pairs = [[i, int(partner[i])] for i in range(30)]
    align_folder(
        from_arrays(image=image, text=text, pairs=None),
        tmp_path / "whole",
        pairs=pairs,
        encoder=(Pixels(), Numbers()),
        progress=False,
    )
    want, context = results(tmp_path / "whole"), multiprocessing.get_context("fork")
    for moment in (4, 35):
        out = tmp_path / f"out{moment}"
        for again in (moment, 3):  # and once more on the way
            child = context.Process(target=killed, args=(out, image, text, pairs, again))
            child.start()
            child.join()
            assert child.exitcode == KILLED
        assert results(out) != want
        align_folder(
            from_arrays(image=image, text=text, pairs=None),
            out,
            pairs=pairs,
            encoder=(Pixels(), Numbers()),
            progress=False,
        )
        assert results(out) == want
        assert not list(out.rglob("*.part"))


def test_a_warning_is_a_note_on_one_line(capsys, monkeypatch):
    import warnings

    from mmalign_nb.own import terminal

    monkeypatch.setattr(terminal, "report", lambda asked: warnings.warn("few pairs", stacklevel=1) or 0)
    before = warnings.showwarning
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        assert main(["report", "DIR"]) == 0
    assert capsys.readouterr().err == "note: few pairs\n"
    assert warnings.showwarning is before


def test_a_share_is_promised_as_it_was_asked():
    symbols = glyphs()[4500:4560]
    data = from_arrays(image=symbols.image, text=symbols.text)
    found = align_folder(data, encoder="own", target=0.625, progress=False)
    assert "right at least 62.5% of the time" in found.promise


def test_to_open_results_writes_nothing(tmp_path, capsys):
    folder, out = tmp_path / "icons", tmp_path / "out"
    folder.mkdir()
    symbols = glyphs(size=24)[4500:4520]
    for i, (picture, words) in enumerate(zip(symbols.image, symbols.text, strict=True)):
        Image.fromarray(picture).save(folder / f"{i}.png")
        (folder / f"{i}.txt").write_text(words, encoding="utf-8")
    assert main(["align", str(folder), "--out", str(out), "--encoder", "own", "--quiet"]) == 0
    want = results(out)
    (out / "matches.csv").unlink()
    _result.load(out)
    assert not (out / "matches.csv").exists()
    assert main(["label", str(out)]) == 0  # no answers, and nobody to ask: tables are written all the same
    assert results(out) == want
