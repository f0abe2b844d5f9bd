"""A save is one act: killed, cut off or disturbed at any moment it leaves the old index or the new one, and no litter.

As a program, ``python tests/faults/test_saves.py --kills 200`` kills more often than the tests do, and says what it found.
"""

import argparse
import contextlib
import hashlib
import itertools
import json
import multiprocessing
import os
import pickle
import random
import shutil
import sys
import tempfile
import threading
import time
import tracemalloc
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pytest

from mmalign_nb import _files
from mmalign_nb.features import CnnImage, TfidfText, Word2VecText
from mmalign_nb.search import Index

FORKS = "fork" in multiprocessing.get_all_start_methods()
needs_fork = pytest.mark.skipif(not FORKS, reason="the system cannot fork")
PROCESSES = multiprocessing.get_context("fork" if FORKS else "spawn")


def version(v, n=None, d=16):
    """An index of which every number says which version it is; sizes differ too."""
    n = 40 + v % 7 if n is None else n
    return Index("dot").add(np.full((n, d), v + 1, np.float32), ids=[f"{v}:{i}" for i in range(n)])


def which(index):
    """The version that an index is, if it is whole."""
    v = int(index.vectors[0, 0]) - 1
    want = version(v, len(index), index.dim)
    assert np.array_equal(index.vectors, want.vectors)
    assert np.array_equal(index.ids, want.ids)
    return v


def litter(folder):
    """What is in the folder beyond an index."""
    names = json.loads((folder / "index.json").read_text())["parts"].values()
    return {x.name for x in folder.iterdir()} - {"index.json"} - {part["file"] for part in names}


# ---- kill -9


def _save_on(folder, first, say, n=3000):
    for v in itertools.count(first):
        index = version(v, n, 64)
        say.send(("start", v))
        index.save(folder)
        say.send(("done", v))


def kill_at_random_moments(folder, kills, seed=0):
    """Kill a saving process ``kills`` times; count where it was. Any index but the old or the new one is an AssertionError."""
    rng = random.Random(seed)
    version(0, 3000, 64).save(folder)
    count = {"kills": 0, "in a save": 0, "old": 0, "new": 0, "most files": 0}
    old, span = 0, 0.05
    while count["kills"] < kills:
        hear, say = PROCESSES.Pipe(duplex=False)
        process = PROCESSES.Process(target=_save_on, args=(folder, old + 1, say))
        process.start()
        say.close()
        assert hear.recv() == ("start", old + 1)
        began = time.perf_counter()
        time.sleep(rng.random() * 3 * span)
        process.kill()
        process.join()
        started, done = old + 1, old
        with contextlib.suppress(EOFError):
            while True:
                what, v = hear.recv()
                if what == "done":
                    done, span = v, (time.perf_counter() - began) / (v - old)
                else:
                    started = v
        found = which(Index.load(folder))
        assert found in (done, started), f"found {found} after {done} was saved and {started} begun"
        count["kills"] += 1
        count["in a save"] += started > done
        if started > done:
            count["new" if found == started else "old"] += 1
        files = len(list(folder.iterdir()))
        count["most files"] = max(count["most files"], files)
        assert files <= 6, sorted(
            x.name for x in folder.iterdir()
        )  # one old and one new set, whatever came before
        old = found
    version(old + 1).save(folder)
    assert which(Index.load(folder)) == old + 1
    assert not litter(folder)
    return count


def test_killed_at_random_moments(tmp_path):
    count = kill_at_random_moments(tmp_path, 20)
    assert count["in a save"] > 5, count


def _die_at(folder, step, index):
    """Save, and die without a word just before the given call that changes something on the disk."""
    left = itertools.count(step, -1)

    def dying(call):
        def wrapped(*args, **kwargs):
            if next(left) <= 0:
                os._exit(9)
            return call(*args, **kwargs)

        return wrapped

    for name in ("fsync", "replace", "unlink"):
        setattr(os, name, dying(getattr(os, name)))
    Path.open = dying(Path.open)
    index.save(folder)
    os._exit(0)


@needs_fork
def test_killed_before_every_single_step(tmp_path):
    for step in itertools.count():
        folder = tmp_path / str(step)
        version(1).save(folder)
        process = PROCESSES.Process(target=_die_at, args=(folder, step, version(2)))
        process.start()
        process.join()
        found = which(Index.load(folder))
        assert found in (1, 2)
        version(3).save(folder)
        assert which(Index.load(folder)) == 3
        assert not litter(folder)
        if process.exitcode == 0:
            assert found == 2
            break
    assert step > 10  # else the steps were not the real ones


def test_an_error_in_the_middle_changes_nothing(tmp_path, monkeypatch):
    version(1).save(tmp_path)
    for error in (OSError("disk full"), KeyboardInterrupt()):
        with monkeypatch.context() as patch:

            def fail(*_, error=error):
                raise error

            patch.setattr(os, "replace", fail)
            with pytest.raises(type(error)):
                version(2).save(tmp_path)
        assert which(Index.load(tmp_path)) == 1
        assert not litter(tmp_path)


# ---- the power goes


class Disk:
    """Watch a folder, and know what of it would be there if the power went now.

    A file's content is there once the file was synced; a name (new, moved or removed) once its folder was. What was not
    synced may be there or not, each name for itself.
    """

    def __init__(self, folder, patch):
        self.folder, self.content, self.held, self.moments = folder, {}, [], []
        self.durable = self.now = self._names()
        for ino in self.durable.values():
            self.content[ino] = self.held_bytes[ino]
        self.pending = []
        for name in ("fsync", "replace", "unlink"):
            patch.setattr(os, name, self._around(getattr(os, name), name))

    def _names(self):
        names = {}
        self.held_bytes = getattr(self, "held_bytes", {})
        for path in self.folder.iterdir():
            self.held.append(path.open("rb"))  # so that no inode's number is used again
            ino = path.stat().st_ino
            names[path.name] = ino
            self.held_bytes[ino] = path.read_bytes()
        return names

    def _look(self):
        new = self._names()
        for name in {*self.now, *new}:
            if self.now.get(name) != new.get(name):
                self.pending.append((name, new.get(name)))
        self.now = new
        self.moments.append((dict(self.durable), list(self.pending), dict(self.content)))

    def _around(self, call, name):
        def wrapped(*args, **kwargs):
            self._look()
            out = call(*args, **kwargs)
            self._look()
            if name == "fsync":
                ino = os.fstat(args[0]).st_ino
                if ino == self.folder.stat().st_ino:
                    self.durable, self.pending = dict(self.now), []
                elif ino in self.held_bytes:
                    self.content[ino] = self.held_bytes[ino]
                self._look()
            return out

        return wrapped

    def states(self):
        """Everything that may be found after a power cut: {name: content}."""
        seen = set()
        for durable, pending, content in self.moments:
            for kept in itertools.product((False, True), repeat=len(pending)):
                names = dict(durable)
                for (name, ino), there in zip(pending, kept, strict=True):
                    if there:
                        names[name] = ino
                files = {k: content.get(i, b"") for k, i in names.items() if i is not None}
                key = tuple(sorted(files.items()))
                if key not in seen:
                    seen.add(key)
                    yield files


@pytest.mark.skipif(sys.platform != "linux", reason="follows the calls of Linux")
@pytest.mark.parametrize("interrupted", [False, True])
def test_a_power_cut_leaves_the_old_index_or_the_new_one(tmp_path, monkeypatch, interrupted):
    folder = tmp_path / "index"
    version(1).save(folder)
    syncs, real = itertools.count(), _files.sync_folder

    def sync_folder(at):
        if interrupted and next(syncs) == 1:  # just after index.json came into its place
            raise KeyboardInterrupt
        real(at)

    with monkeypatch.context() as patch:
        disk = Disk(folder, patch)
        patch.setattr(_files, "sync_folder", sync_folder)
        with contextlib.suppress(KeyboardInterrupt):
            version(2).save(folder)
    found = {1: 0, 2: 0}
    for k, files in enumerate(disk.states()):
        after = tmp_path / str(k)
        after.mkdir()
        for name, content in files.items():
            (after / name).write_bytes(content)
        found[which(Index.load(after))] += 1
        version(3).save(after)
        assert which(Index.load(after)) == 3
        assert not litter(after)
    assert min(found.values()) > 3, found
    # What save has promised when it returns is on the disk.
    assert disk.moments[-1][0].items() >= {"index.json": (folder / "index.json").stat().st_ino}.items()
    for file in disk.held:
        file.close()


def test_a_new_folder_is_on_the_disk_too(tmp_path, monkeypatch):
    synced = []
    monkeypatch.setattr("mmalign_nb._folder.sync_folder", synced.append)
    version(1).save(tmp_path / "a" / "b")
    assert {tmp_path, tmp_path / "a", tmp_path / "a" / "b"} <= set(synced)


# ---- two at once


def _save_many(folder, first, count, n):
    for v in range(first, first + count):
        version(v, n).save(folder)


@needs_fork
def test_two_save_while_one_loads(tmp_path):
    version(0).save(tmp_path)
    processes = [
        PROCESSES.Process(target=_save_many, args=(tmp_path, v, 15, n)) for v, n in ((1, 50), (101, 2000))
    ]
    for process in processes:
        process.start()
    seen = set()
    while any(process.is_alive() for process in processes):
        seen.add(which(Index.load(tmp_path)))
    assert [process.exitcode for process in processes] == [0, 0]
    assert len(seen) > 2, seen
    assert which(Index.load(tmp_path)) in (15, 115)
    version(3).save(tmp_path)
    assert not litter(tmp_path)


def test_arrays_of_a_save_at_work_are_not_removed(tmp_path):
    """The second save begins, works and ends while the first one has written its arrays and not yet switched."""
    from mmalign_nb import _folder

    version(0).save(tmp_path)
    real, first = _folder._write_part, True

    def slow(path, array):
        nonlocal first
        part = real(path, array)
        if first:
            first = False
            version(2).save(tmp_path)
            assert which(Index.load(tmp_path)) == 2
        return part

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_folder, "_write_part", slow)
        version(1).save(tmp_path)
    assert which(Index.load(tmp_path)) == 1
    version(3).save(tmp_path)
    assert not litter(tmp_path)


def test_arrays_of_a_save_that_ends_meanwhile_are_not_removed(tmp_path, monkeypatch):
    """One save looks what may go; the other one switches after its arrays were seen, and before it is asked for."""
    from mmalign_nb import _folder
    from mmalign_nb.search import _index

    version(0).save(tmp_path)
    go, ready, replace = threading.Event(), threading.Event(), os.replace

    def waits(*args):
        ready.set()
        assert go.wait(60)
        return replace(*args)

    monkeypatch.setattr(os, "replace", waits)
    first = threading.Thread(target=version(1).save, args=(tmp_path,))
    first.start()
    assert ready.wait(60)
    real = _folder.unfinished

    def ends_first(path):
        monkeypatch.setattr(_folder, "unfinished", real)
        go.set()
        first.join()
        return real(path)

    monkeypatch.setattr(_folder, "unfinished", ends_first)
    _folder._remove_unnamed(_index._KIND, tmp_path)
    assert which(Index.load(tmp_path)) == 1
    assert not litter(tmp_path)


def test_a_file_that_was_taken_for_a_leftover_is_made_again(tmp_path, monkeypatch):
    real, stolen = _files._lock, []

    def lock(file, wait):
        if not stolen:
            stolen.append(file.name)
            os.unlink(file.name)
        return real(file, wait)

    monkeypatch.setattr(_files, "_lock", lock)
    version(1).save(tmp_path)
    assert stolen
    assert which(Index.load(tmp_path)) == 1
    assert not litter(tmp_path)


def test_loading_starts_again_when_the_arrays_are_replaced_meanwhile(tmp_path, monkeypatch):
    from mmalign_nb import _folder

    version(1).save(tmp_path)
    real, calls = _folder._read_facts, []

    def read(kind, folder):
        facts = real(kind, folder)
        if not calls:
            calls.append(1)
            monkeypatch.setattr(_folder, "_read_facts", real)
            version(2).save(folder)
        return facts

    monkeypatch.setattr(_folder, "_read_facts", read)
    assert which(Index.load(tmp_path)) == 2


def test_files_of_others_stay(tmp_path):
    for name in ("vectors.npy", "ids.npy", "notes.txt", "vectors-mine.npy", "index.json.part"):
        (tmp_path / name).write_text("mine")
    version(1).save(tmp_path)
    version(2).save(tmp_path)
    assert litter(tmp_path) == {"vectors.npy", "ids.npy", "notes.txt", "vectors-mine.npy", "index.json.part"}


# ---- broken files


def part_of(folder, name):
    return folder / json.loads((folder / "index.json").read_text())["parts"][name]["file"]


def say(folder, *, sign=True, **changes):
    """Let index.json say something else; signed as if it had been saved so."""
    facts = json.loads((folder / "index.json").read_text()) | changes
    old = facts.pop("sha256")
    facts["sha256"] = hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest() if sign else old
    (folder / "index.json").write_text(json.dumps(facts))


def put_bytes(folder, name, raw):
    """Another file in the place of a part, with checksums that fit: what only the content can betray."""
    part_of(folder, name).write_bytes(raw)
    parts = json.loads((folder / "index.json").read_text())["parts"]
    parts[name] |= {"bytes": len(raw), "sha256": hashlib.sha256(raw).hexdigest()}
    say(folder, parts=parts)


def put(folder, name, array):
    np.save(part_of(folder, name), array, allow_pickle=True)
    put_bytes(folder, name, part_of(folder, name).read_bytes())


def header(shape, descr="<f4", version=1):
    text = f"{{'descr': {descr!r}, 'fortran_order': False, 'shape': {shape!r}, }}".encode()
    text += b" " * (-(len(text) + 11) % 64) + b"\n"
    return b"\x93NUMPY" + bytes([version, 0]) + len(text).to_bytes(2 if version == 1 else 4, "little") + text


BAD_FLOATS = np.full((4, 3), 2.0, np.float32)
BAD_FLOATS[2, 1] = np.nan
BROKEN = {
    "no index.json": (
        lambda f: (f / "index.json").unlink(),
        "has no index.json; want a folder that Index.save wrote",
    ),
    "empty index.json": (
        lambda f: (f / "index.json").write_text(""),
        r"index\.json is not what Index\.save wrote",
    ),
    "cut index.json": (
        lambda f: (f / "index.json").write_text("{"),
        r"not what Index\.save wrote \(Expecting",
    ),
    "no mapping": (
        lambda f: (f / "index.json").write_text("[1]"),
        r"index\.json is not what Index\.save wrote",
    ),
    "binary": (lambda f: (f / "index.json").write_bytes(b"\xff\xfe\x00"), r"not what Index\.save wrote"),
    "deep": (lambda f: (f / "index.json").write_text("[" * 60000), r"not what Index\.save wrote"),
    "large": (lambda f: (f / "index.json").write_text(" " * 10**6), "is not what Index.save wrote"),
    "foreign": (
        lambda f: (f / "index.json").write_text('{"name": "x"}'),
        r"index\.json is not as Index\.save wrote it",
    ),
    "format 1": (
        lambda f: say(f, format=1),
        r"index\.json has format 1, and this version reads format 2: build",
    ),
    "format 3": (lambda f: say(f, format=3), r"index\.json has format 3, and this version reads format 2"),
    "a word changed": (
        lambda f: say(f, sign=False, metric="cosine"),
        r"index\.json is not as Index\.save wrote it",
    ),
    "a number changed": (
        lambda f: say(f, sign=False, n=10**12),
        r"index\.json is not as Index\.save wrote it",
    ),
    "more vectors": (
        lambda f: say(f, n=5),
        r"vectors-\w+\.npy has float32 \(4, 3\); index\.json says .* \(5, 3\)",
    ),
    "more columns": (
        lambda f: say(f, dim=10**10),
        r"vectors-\w+\.npy has float32 \(4, 3\); index\.json says",
    ),
    "ids gone": (
        lambda f: part_of(f, "ids").unlink(),
        r"ids-\w+\.npy is not there, and index\.json names it",
    ),
    "empty vectors": (lambda f: part_of(f, "vectors").write_bytes(b""), r"vectors-\w+\.npy has 0 bytes"),
    "cut vectors": (
        lambda f: part_of(f, "vectors").write_bytes(part_of(f, "vectors").read_bytes()[:-5]),
        r"vectors-\w+\.npy has 171 bytes and index\.json says 176: cut off",
    ),
    "changed vectors": (
        lambda f: part_of(f, "vectors").write_bytes(part_of(f, "vectors").read_bytes()[:-1] + b"\x01"),
        r"vectors-\w+\.npy is not as it was saved: its SHA-256",
    ),
    "foreign vectors": (
        lambda f: put_bytes(f, "vectors", b"PK\3\4 what is this"),
        "is no array that NumPy wrote",
    ),
    "cut header": (
        lambda f: put_bytes(f, "vectors", b"\x93NUMPY\1\0"),
        "is no array that NumPy wrote, or cut off",
    ),
    "10 GB header": (
        lambda f: put_bytes(f, "vectors", header((10**7, 256))),
        "has 128 bytes; its header says float32",
    ),
    "10 GB of ids": (
        lambda f: put_bytes(f, "ids", header((10**10,), "<U1")),
        "has 128 bytes; its header says <U1",
    ),
    "no bytes each": (
        lambda f: put_bytes(f, "ids", header((10**12,), "<U0")),
        "holds <U0; want numbers or str",
    ),
    "overflow": (lambda f: put_bytes(f, "vectors", header((2**40, 2**40))), "its header says"),
    "below 0": (lambda f: put_bytes(f, "vectors", header((-1, 3)) + b"\0" * 12), "its header says"),
    "long header": (
        lambda f: put_bytes(f, "vectors", header((4, 3), "<f4", 2)[:8] + b"\xff" * 40),
        "is no array that",
    ),
    "code": (
        lambda f: put_bytes(f, "vectors", header((4, 3), "__import__('os')")),
        "is no array that NumPy wrote",
    ),
    "float16": (
        lambda f: put(f, "vectors", np.ones((4, 3), np.float16)),
        r"has float16 .*; index\.json says float32",
    ),
    "big endian": (lambda f: put(f, "vectors", np.ones((4, 3), ">f4")), "holds >f4; want numbers or str"),
    "columns first": (
        lambda f: put(f, "vectors", np.asfortranarray(np.random.default_rng(0).random((4, 3)).astype("f4"))),
        r"index\.json says float32",
    ),
    "objects": (
        lambda f: put(f, "vectors", np.array([[None] * 3] * 4)),
        "holds Python objects; nothing is unpickled",
    ),
    "structure": (lambda f: put(f, "vectors", np.zeros(4, "f4,f4")), "want numbers or str"),
    "NaN": (
        lambda f: put(f, "vectors", BAD_FLOATS),
        r"vectors-\w+\.npy has NaN or infinity in 1 of 4 rows .*row 2",
    ),
    "infinity": (lambda f: put(f, "vectors", -BAD_FLOATS / 0), "has NaN or infinity"),
    "ids twice": (lambda f: put(f, "ids", np.array(list("abca"))), r"ids-\w+\.npy has 'a' twice"),
    "3 ids": (
        lambda f: put(f, "ids", np.array(list("abc"))),
        r"ids-\w+\.npy has 3 entries; want 4 str or 4 int",
    ),
    "float ids": (lambda f: put(f, "ids", np.arange(4.0)), "has float64 .*; want 4 str or int"),
    "object ids": (lambda f: put(f, "ids", np.array([1, "b", 2, "c"], object)), "holds Python objects"),
    "no letters": (
        lambda f: put_bytes(f, "ids", header((4,), "<U1") + b"\xff" * 16),
        r"ids-\w+\.npy holds signs that are not Unicode",
    ),
}


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("verify", [True, False])
@pytest.mark.parametrize("what", BROKEN)
def test_broken_files_are_named(tmp_path, what, verify):
    damage, message = BROKEN[what]
    index = Index("dot").add(np.arange(12.0, dtype=np.float32).reshape(4, 3), ids=list("abcd"))
    index.save(tmp_path)
    with np.errstate(all="ignore"):
        damage(tmp_path)
    tracemalloc.start()
    try:
        if what == "changed vectors" and not verify:
            Index.load(tmp_path, verify=False)
            return
        with pytest.raises((ValueError, FileNotFoundError), match=message) as caught:
            Index.load(tmp_path, verify=verify)
        assert str(tmp_path) in str(caught.value)
        assert "\n" not in str(caught.value)
        assert tracemalloc.get_traced_memory()[1] < 20e6
    finally:
        tracemalloc.stop()
    index.save(tmp_path)  # whatever was there stops no save
    assert np.array_equal(Index.load(tmp_path).ids, list("abcd"))


def test_zero_vectors_under_cosine(tmp_path):
    Index("cosine").add([[1.0, 0.0], [0.0, 1.0]]).save(tmp_path)
    put(tmp_path, "vectors", np.zeros((2, 2)))
    with pytest.raises(ValueError, match=r"vectors-\w+\.npy has zero vectors in 2 of 2 rows"):
        Index.load(tmp_path)


class Evil:
    def __reduce__(self):
        return os.mkdir, ("unpickled",)


def test_nothing_is_unpickled(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    version(1).save(tmp_path / "index")
    part_of(tmp_path / "index", "ids").write_bytes(pickle.dumps(Evil()))
    with pytest.raises(ValueError, match="ids"):
        Index.load(tmp_path / "index")
    put(tmp_path / "index", "ids", np.array([Evil()], object))
    with pytest.raises(ValueError, match="nothing is unpickled"):
        Index.load(tmp_path / "index")
    np.savez(tmp_path / "e.npz", config=np.array([Evil()], object))
    with pytest.raises(ValueError, match="nothing is unpickled"):
        TfidfText.load(tmp_path / "e.npz")
    assert not (tmp_path / "unpickled").exists()


@pytest.mark.parametrize("seed", range(6))
def test_a_changed_byte_is_found(tmp_path, seed):
    rng = random.Random(seed)
    version(1).save(tmp_path / "whole")
    for k in range(40):
        folder = shutil.copytree(tmp_path / "whole", tmp_path / str(k))
        path = rng.choice(sorted(folder.iterdir()))
        raw = bytearray(path.read_bytes())
        at = rng.randrange(len(raw))
        if rng.random() < 0.3:
            raw = raw[:at]
        else:
            raw[at] ^= 1 << rng.randrange(8)
        path.write_bytes(raw)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            try:
                index = Index.load(folder)
            except (ValueError, FileNotFoundError) as err:
                assert str(folder) in str(err)  # noqa: PT017
            else:  # a space of index.json
                assert path.name == "index.json"
                which(index)


# ---- encoders


@pytest.fixture
def text():
    return TfidfText().fit(["a red bell", "a blue drum"])


def members(path):
    with np.load(path) as file:
        return dict(file)


def rewrite(path, **changes):
    arrays = members(path) | changes
    np.savez(path, **{k: v for k, v in arrays.items() if v is not None})


def configure(path, **changes):
    config = json.loads(str(members(path)["config"])) | changes
    rewrite(path, config=np.array(json.dumps({k: v for k, v in config.items() if v is not None})))


def bomb(path):
    np.savez_compressed(path, config=members(path)["config"], idf=np.zeros(10**7, np.float32))


def overlap(path):
    """Two hundred names for the same bytes."""
    raw = path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        entry = max(archive.infolist(), key=lambda x: x.file_size)
        where = raw.rindex(b"PK\5\6")
    start = int.from_bytes(raw[where + 16 : where + 20], "little")
    directory, end = raw[start:where], bytearray(raw[where:])
    one = directory[directory.index(b"PK\1\2") :][: 46 + len(entry.filename) + len(entry.extra)]
    many = directory + one * 200
    count = (len(zipfile.ZipFile(path).infolist()) + 200).to_bytes(2, "little")
    end[8:10] = end[10:12] = count
    end[12:16] = len(many).to_bytes(4, "little")
    path.write_bytes(raw[:start] + many + bytes(end))


BROKEN_TEXT = {
    "empty": (lambda p: p.write_bytes(b""), "is no archive of arrays, or it is damaged"),
    "cut": (lambda p: p.write_bytes(p.read_bytes()[:-30]), "is no archive of arrays"),
    "foreign": (lambda p: p.write_bytes(header((3,)) + b"\0" * 12), "is no archive of arrays"),
    "bomb": (bomb, "is compressed; want the archive as save wrote it"),
    "overlap": (overlap, "claims to hold more bytes than it has"),
    "no config": (lambda p: rewrite(p, config=None), "holds no encoder: it has idf"),
    "config of bytes": (lambda p: rewrite(p, config=np.arange(3)), "holds no whole encoder of text"),
    "config no mapping": (lambda p: rewrite(p, config=np.array("[1]")), "holds no whole encoder of text"),
    "no kind": (lambda p: configure(p, kind=None), r"holds no whole encoder of text \(KeyError: 'kind'\)"),
    "no terms": (lambda p: configure(p, terms=None), r"holds no whole encoder of text \(KeyError: 'terms'\)"),
    "params": (
        lambda p: configure(p, params={"size": 3}),
        "holds no whole encoder of text .ValueError: Invalid parameter 'size'",
    ),
    "few terms": (lambda p: configure(p, terms=["a"]), "idf is float32 array .5,.; want 1 finite numbers"),
    "no idf": (lambda p: rewrite(p, idf=None), r"holds no whole encoder of text \(KeyError: 'idf'\)"),
    "NaN": (lambda p: rewrite(p, idf=np.full(5, np.nan, np.float32)), "has NaN or infinity in 'idf'"),
    "words": (
        lambda p: rewrite(p, idf=np.array(list("abcde"))),
        "holds no whole encoder of text .*idf is text",
    ),
    "objects": (lambda p: rewrite(p, idf=np.array([None] * 5)), r"\(idf\.npy\) holds Python objects"),
}


@pytest.mark.parametrize("what", BROKEN_TEXT)
def test_broken_weights_are_named(tmp_path, text, what):
    damage, message = BROKEN_TEXT[what]
    path = tmp_path / "t.npz"
    text.save(path)
    damage(path)
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=message) as caught:
            TfidfText.load(path)
        assert str(path) in str(caught.value)
        assert "\n" not in str(caught.value)
        assert tracemalloc.get_traced_memory()[1] < 20e6
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "changes", [{"params": {"dim": 10**9}}, {"shape": [3, 3, 10**9]}, {"columns": 10**10}]
)
def test_sizes_of_a_network_are_not_believed(tmp_path, changes):
    rng = np.random.default_rng(0)
    path = tmp_path / "c.npz"
    cnn = CnnImage(dim=4, epochs=1, width=4, batch_size=8, progress=False)
    cnn.fit(rng.integers(0, 256, (12, 8, 8)).astype(np.uint8), rng.random((12, 3), np.float32)).save(path)
    configure(path, **changes)
    with pytest.raises(ValueError, match=r"c\.npz holds no whole encoder of image"):
        CnnImage.load(path)


@pytest.mark.parametrize("seed", range(4))
def test_a_changed_byte_of_weights_is_found(tmp_path, text, seed):
    rng = random.Random(seed)
    text.save(tmp_path / "t.npz")
    whole = (tmp_path / "t.npz").read_bytes()
    for k in range(100):
        raw, at = bytearray(whole), rng.randrange(len(whole))
        raw[at] ^= 1 << rng.randrange(8)
        path = tmp_path / f"{k}.npz"
        path.write_bytes(raw[:at] if rng.random() < 0.2 else raw)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            try:
                copy = TfidfText.load(path)
            except ValueError as err:
                assert str(path) in str(err)  # noqa: PT017
            else:  # a byte that says nothing, such as a date
                assert (copy.transform(["red drum"]) != text.transform(["red drum"])).nnz == 0


def test_an_encoder_is_written_in_one_act(tmp_path, text, monkeypatch):
    path = tmp_path / "t.npz"
    text.save(path)
    before = path.read_bytes()
    real = np.lib.format.write_array
    calls = itertools.count()

    def fails(*args, **kwargs):
        if next(calls):
            raise OSError("disk full")
        return real(*args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(np.lib.format, "write_array", fails)
        with pytest.raises(OSError, match="disk full"):
            Word2VecText(dim=2, epochs=1).fit(["a b"]).save(path)
    assert path.read_bytes() == before
    assert [x.name for x in tmp_path.iterdir()] == ["t.npz"]
    with pytest.raises(FileNotFoundError, match="t.npz; want the name of a file in a folder that is there"):
        text.save(tmp_path / "none" / "t.npz")
    with pytest.raises(FileNotFoundError, match="want the name of a file in a folder"):
        text.save(tmp_path)
    with pytest.raises(TypeError, match="path is 5; want a str or a path"):
        text.save(5)


def _die_in_the_block(path):
    with _files.replacing(path) as file:
        file.write(b"half")
        file.flush()
        os._exit(9)


@needs_fork
def test_what_a_killed_process_left_goes_and_what_another_writes_stays(tmp_path):
    path = tmp_path / "a [b]*.npz"
    path.write_bytes(b"old")
    process = PROCESSES.Process(target=_die_in_the_block, args=(path,))
    process.start()
    process.join()
    assert len(list(tmp_path.iterdir())) == 2
    with _files.replacing(path) as first:
        assert len(list(tmp_path.iterdir())) == 2  # the dead one is gone, this one is there
        with _files.replacing(path) as second:
            second.write(b"second")
        assert path.read_bytes() == b"second"
        assert len(_files.unfinished(path)) == 1
        first.write(b"first")
    assert path.read_bytes() == b"first"
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "real").write_bytes(b"old")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with _files.replacing(tmp_path / "link") as file:
        file.write(b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_bytes() == b"new"


@pytest.mark.parametrize("path", [5, None, b"\0", "", "a\0b", 1.5, ["a"]])
def test_paths_that_are_none(path):
    for call in (version(1).save, Index.load):
        with pytest.raises((TypeError, ValueError), match="path is .*want"):
            call(path)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Kill a saving process, and look what is left.")
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    told = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        began = time.perf_counter()
        counted = kill_at_random_moments(Path(place), told.kills, told.seed)
    print(", ".join(f"{k}: {v}" for k, v in counted.items()), f"({time.perf_counter() - began:.0f} s)")
    print(
        "After each kill the old or the new index loaded whole, the next save worked, and nothing piled up."
    )
