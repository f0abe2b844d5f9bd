"""python -m mmalign_nb start: a copy whose links work, and in which nothing of a learner's is ever lost."""

import json
import re

import pytest

from mmalign_nb import start as module
from mmalign_nb._files import shipped
from mmalign_nb.start import MEMORY, start

PAGE = "notebooks/00_start_here.ipynb"


@pytest.fixture
def ship(monkeypatch):
    """Let the package ship these files."""

    def put(**files):
        content = [(name.replace("__", "/") + ".ipynb", text.encode()) for name, text in files.items()]
        monkeypatch.setattr(module, "course", lambda: iter(content))

    return put


def paths(folder):
    return {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file() and p.name != MEMORY}


def texts(folder):
    return {name: (folder / name).read_text(encoding="utf-8") for name in paths(folder)}


def dead_links(folder):
    """Relative links of all pages and notebooks that lead to no file."""
    for path in sorted([*folder.rglob("*.md"), *folder.rglob("*.ipynb")]):
        text = path.read_text(encoding="utf-8")
        if path.suffix == ".ipynb":
            cells = json.loads(text)["cells"]
            text = "\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "markdown")
        for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text):
            if not re.match(r"[a-z]+:", target) and not (path.parent / target).exists():
                yield f"{path.relative_to(folder).as_posix()}: {target}"


def test_the_copy_has_everything_and_its_links_work(tmp_path, capsys):
    folder = tmp_path / "a course"
    assert start(folder) == 0
    assert not list(dead_links(folder))
    names = paths(folder)
    assert {PAGE, "notebooks/solutions/00_start_here.ipynb", "docs/GLOSSARY.md", "README.md"} <= names
    assert len([x for x in names if re.match(r"notebooks/\d\d", x)]) >= 10
    sample = {
        f"data/sample/{p.relative_to(shipped('sample')).as_posix()}"
        for p in shipped("sample").rglob("*")
        if p.is_file()
    }
    assert sample <= names
    told = capsys.readouterr().out.splitlines()
    assert told[-3:-1] == ["Next:", f"  cd '{folder}'"]
    assert told[-1].endswith(f" -m jupyterlab --ServerApp.root_dir=. {PAGE}")


def test_a_dead_link_is_found(tmp_path):
    start(tmp_path / "x")
    (tmp_path / "x" / "docs" / "GLOSSARY.md").unlink()
    assert f"{PAGE}: ../docs/GLOSSARY.md" in list(dead_links(tmp_path / "x"))


def test_nothing_is_done_twice_and_what_was_deleted_comes_back(tmp_path, ship, capsys):
    ship(a="1", b="1")
    start(tmp_path)
    (tmp_path / "b.ipynb").unlink()
    start(tmp_path)
    assert "1 copied, 1 there already" in capsys.readouterr().out
    assert texts(tmp_path) == {"a.ipynb": "1", "b.ipynb": "1"}


def test_a_new_version_replaces_only_what_nobody_changed(tmp_path, ship, capsys):
    ship(a="old", b="old", c="old")
    start(tmp_path)
    (tmp_path / "b.ipynb").write_text("mine", encoding="utf-8")
    start(tmp_path)  # the same version again: nothing to offer
    assert texts(tmp_path) == {"a.ipynb": "old", "b.ipynb": "mine", "c.ipynb": "old"}
    ship(a="new", b="new", c="old")
    for _ in range(2):
        start(tmp_path)
        assert texts(tmp_path) == {
            "a.ipynb": "new", "b.ipynb": "mine", "b.new.ipynb": "new", "c.ipynb": "old"
        }  # fmt: skip
    told = capsys.readouterr().out
    assert told.count("kept your b.ipynb; the newer one is b.new.ipynb") == 1
    assert "1 brought up to date, 1 there already, 1 yours, kept as you changed them" in told


def test_a_page_beside_is_the_learners_too_once_it_was_changed(tmp_path, ship):
    ship(a="1")
    start(tmp_path)
    (tmp_path / "a.ipynb").write_text("mine", encoding="utf-8")
    ship(a="2")
    start(tmp_path)
    ship(a="3")
    start(tmp_path)
    assert texts(tmp_path) == {"a.ipynb": "mine", "a.new.ipynb": "3"}  # nobody touched version 2
    (tmp_path / "a.new.ipynb").write_text("mine too", encoding="utf-8")
    ship(a="4")
    start(tmp_path)
    assert texts(tmp_path) == {"a.ipynb": "mine", "a.new.ipynb": "mine too", "a.new2.ipynb": "4"}


@pytest.mark.parametrize("memory", [None, "", "[1]", '{"a.ipynb": 3}', "\0"])
def test_without_its_memory_it_takes_every_other_page_for_the_learners(tmp_path, ship, memory):
    (tmp_path / "a.ipynb").write_text("there before", encoding="utf-8")
    if memory is not None:
        (tmp_path / MEMORY).write_text(memory, encoding="utf-8")
    ship(a="1")
    start(tmp_path)
    assert texts(tmp_path) == {"a.ipynb": "there before", "a.new.ipynb": "1"}


def test_what_a_call_that_failed_had_copied_is_not_taken_for_the_learners(tmp_path, ship, monkeypatch):
    ship(a="1", b="1")
    write = module._write
    monkeypatch.setattr(
        module, "_write", lambda path, content: write(path, content) if path.name == "a.ipynb" else 1 / 0
    )
    with pytest.raises(ZeroDivisionError):
        start(tmp_path)
    monkeypatch.setattr(module, "_write", write)
    ship(a="2", b="2")
    start(tmp_path)
    assert texts(tmp_path) == {"a.ipynb": "2", "b.ipynb": "2"}


def test_a_folder_that_cannot_be_a_learners_is_refused(tmp_path):
    file = tmp_path / "file"
    file.write_text("x", encoding="utf-8")
    with pytest.raises(NotADirectoryError, match=r"FOLDER is .*file, a file; want a folder"):
        start(file)
    own = shipped("notebooks")
    for place in (own.parent, own, own / "solutions"):
        with pytest.raises(ValueError, match=r"FOLDER is .*, where the notebooks come from; want another"):
            start(place)
    assert not (own.parent / MEMORY).exists()
    with pytest.raises(TypeError, match="FOLDER is 3; want a str or a path"):
        start(3)


def test_a_page_that_was_there_before_as_it_is_shipped_is_nobodys_change(tmp_path, ship):
    (tmp_path / "a.ipynb").write_text("1", encoding="utf-8")
    ship(a="1")
    start(tmp_path)
    ship(a="2")
    start(tmp_path)
    assert texts(tmp_path) == {"a.ipynb": "2"}
