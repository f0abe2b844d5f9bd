"""The package as a whole: cheap to import, honest about its names, docstrings that cannot rot."""

import ast
import functools
import importlib
import inspect
import json
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import pytest

import mmalign_nb

ROOT = Path(__file__).resolve().parents[1]
HEAVY = ("torch", "gensim", "sklearn", "matplotlib", "scipy", "pandas", "ipywidgets")
CHAPTERS = [
    "00_start_here",
    "01_features",
    "02_similarity",
    "03_shared_space",
    "04_alignment",
    "05_what_score_is_a_match",
    "06_image_text_search",
    "07_video_audio_search",
    "08_recommendation",
    "09_scale_and_scarcity",
    "10_faq",
    "11_your_own_data",
]
# Everything public says which errors it raises and where it comes from. What doesn't has its reason here.
RESULT = "a result, made by the function that checks its arguments and names its source"
NO_ERRORS = {
    "Leakage": RESULT,
    "PairReport": RESULT,
    "Sweep": RESULT,
    "colors": "takes no arguments",
    "digits": "takes no arguments",
    "typefaces": "takes no arguments",
    "styled": "only wraps a function",
}
NO_SOURCE = {
    "measured": "reads a file",
    "write_report": "writes a page",
    "write_label_page": "writes a page; Labelling names the source of what it promises",
    "Collection": "a container",
    "from_arrays": "puts what it gets into a container",
    "Explanation": RESULT,
    "Leakage": RESULT,
    "Matches": RESULT,
    "MatchingPath": RESULT,
    "PairReport": RESULT,
    "RankingReport": RESULT,
    "RetrievalReport": RESULT,
    "Sweep": RESULT,
    "Threshold": RESULT,
    "Items": "a container",
    "downloaded": "says what is in a folder; each set names its source",
    "check": "a rule of this package",
    "sample": "made here, of things",
    "nonsense": "made here, from lists of everyday words",
    "things": "drawn here, from no one else's data",
    "typefaces": "a list of names; glyphs names the fonts' source",
}
# Public methods without a usage block of their own or in their class's.
NOT_SHOWN = {
    "Labelling.to_csv": "Labelling.resume shows it",
    "ComparePanel.figure": "draws what the panel shows",
    "MapPanel.figure": "draws what the panel shows",
    "PairPanel.figure": "draws what the panel shows",
    "SearchPanel.figure": "draws what the panel shows",
    "DrawPad.figure": "draws what the panel shows",
    "SoundPad.figure": "draws what the panel shows",
    "ThresholdPanel.figure": "draws what the panel shows",
    "Panel.close": "as of every widget",
    "Items.split": "chapter 00 uses it",
    "Explanation.to_frame": "the numbers that the explanation prints",
    "PairReport.to_frame": "the numbers that the report prints",
    "RankingReport.to_frame": "the numbers that the report prints",
    "RetrievalReport.to_frame": "the numbers that the report prints",
    "TrainedEncoder.load": "reads a file, as Index.load shows",
    "TrainedEncoder.save": "writes a file, as Index.save shows",
    "TfidfText.load": "reads a file, as Index.load shows",
    "TfidfText.save": "writes a file, as Index.save shows",
    "MilvusIndex.close": "gives a file back; with does it too",
    "_Pretrained.fit": "does nothing",
    "_Pretrained.load": "reads a file, as Index.load shows",
    "_Pretrained.save": "writes a file, as Index.save shows",
    "Word2VecText.load": "reads a file, as Index.load shows",
    "Word2VecText.save": "writes a file, as Index.save shows",
}


def fresh(code):
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stderr
    return run.stdout.strip()


def test_import_is_light():
    loaded = fresh(f"import sys, mmalign_nb; print([m for m in {HEAVY!r} if m in sys.modules])")
    assert loaded == "[]"


def test_import_takes_less_than_a_third_of_a_second():
    # Not a benchmark: the promise of the README, in a process of its own, best of three.
    code = "import time; t = time.perf_counter(); import mmalign_nb; print(time.perf_counter() - t)"
    assert min(float(fresh(code)) for _ in range(3)) < 0.3


@pytest.mark.parametrize("room", ["align", "threshold", "similarity", "evaluate"])
def test_rooms_without_training_do_not_load_torch(room):
    loaded = fresh(
        f"import sys, mmalign_nb; mmalign_nb.{room}; print([m for m in ('torch', 'gensim', 'matplotlib') if m in sys.modules])"
    )
    assert loaded == "[]"


def test_unknown_room_is_named():
    with pytest.raises(AttributeError, match="no_such_room.*rooms: align"):
        getattr(mmalign_nb, "no_such_room")  # noqa: B009


def modules():
    for info in pkgutil.walk_packages(mmalign_nb.__path__, "mmalign_nb."):
        yield importlib.import_module(info.name)


def public():
    """Every public function and class, once, with the module that defines it."""
    seen = set()
    for module in modules():
        if (
            module.__name__.rsplit(".", 1)[-1].startswith("_")
            and module.__name__ != "mmalign_nb.datasets._items"
        ):
            continue
        for name in getattr(module, "__all__", []):
            thing = getattr(module, name)
            if (inspect.isfunction(thing) or inspect.isclass(thing)) and thing not in seen:
                seen.add(thing)
                yield pytest.param(thing, id=f"{thing.__module__.removeprefix('mmalign_nb.')}.{name}")


def is_named_result(thing):
    return inspect.isclass(thing) and issubclass(thing, tuple)


@functools.cache
def used_in(chapter):
    """Every name that the code of a chapter uses; None while the chapter isn't written. Prose has "words", "center" …"""
    path = ROOT / "notebooks" / f"{chapter}.ipynb"
    if not path.exists():
        return None
    names = set()
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        if cell["cell_type"] != "code":
            continue
        lines = "".join(cell["source"]).splitlines()
        for node in ast.walk(ast.parse("\n".join(x for x in lines if not x.startswith(("%", "!"))))):
            if isinstance(node, ast.Name):
                names.add(node.id)
            elif isinstance(node, ast.Attribute):
                names.add(node.attr)
            elif isinstance(node, ast.ImportFrom):
                names.update(x.name for x in node.names)
    return names


def callers_names(thing):
    """What a reader writes to get it: its name; for a class also the functions that return it."""
    names = {thing.__name__}
    if inspect.isclass(thing):
        functions = (p.values[0] for p in public() if inspect.isfunction(p.values[0]))
        names |= {f.__name__ for f in functions if f.__annotations__.get("return") == thing.__name__}
    return names


@pytest.mark.parametrize("thing", list(public()))
def test_docstring_is_complete(thing):
    """One sentence, errors, source, the chapter that shows it, a usage block (which the doctest run executes), arguments."""
    doc = inspect.getdoc(thing) or ""
    first = doc.split("\n\n")[0]
    assert first.endswith("."), f"the first paragraph is no sentence: {first!r}"
    if is_named_result(thing):
        # A named result is explained where it is returned: there is its usage block.
        room = Path(inspect.getsourcefile(thing)).parent.glob("*.py")
        source = "\n".join(path.read_text(encoding="utf-8") for path in room)
        where = rf"(Returns\n\s+-+\n\s+|-> |\[){thing.__name__}\b|\b{thing.__name__}\("
        assert re.search(where, source.replace(f"class {thing.__name__}(", "")), "nothing returns it"
        return
    name, room = thing.__name__, thing.__module__.split(".")[1]
    assert ("Raises\n------" in doc) != (name in NO_ERRORS), "want Raises, or else a reason in NO_ERRORS"
    if room not in ("plots", "panels"):
        assert ("References\n----------" in doc) != (name in NO_SOURCE), (
            "want References, or else a reason in NO_SOURCE"
        )
    line = re.search(r"Notebook:\s+((?:``\w+``(?:,\s+)?)+)", doc)
    assert line, "no line 'Notebook: ``NN_chapter``.'"
    for chapter in re.findall(r"\w+", line[1]):
        assert chapter in CHAPTERS
        used = used_in(chapter)
        assert used is None or used & callers_names(thing), f"the code of chapter {chapter} never uses it"
    assert ">>> " in doc, "no usage block"
    if inspect.isfunction(thing):
        signature = inspect.signature(thing)
        for name, parameter in signature.parameters.items():
            assert re.search(rf"\b{name}\b", doc), f"argument {name} is not described"
            assert parameter.annotation is not inspect.Parameter.empty, f"argument {name} has no type"
        assert "Returns\n-------" in doc or signature.return_annotation in (None, "None")


def test_reasons_for_no_errors_and_no_source_are_true():
    things = {p.values[0].__name__: p.values[0] for p in public()}
    assert set(NO_ERRORS) | set(NO_SOURCE) <= set(things)
    for name in NO_ERRORS:
        # Its own body raises nothing and checks nothing.
        body = inspect.getsource(things[name])
        assert not re.search(r"\braise\b|\b(check|as)_\w+\(|one_of\(", body), name


def public_methods():
    for p in public():
        thing = p.values[0]
        if not inspect.isclass(thing) or is_named_result(thing):
            continue
        for name in (x for x in dir(thing) if not x.startswith("_")):
            found = inspect.getattr_static(thing, name)
            function = getattr(found, "__func__", found)  # of a class method
            if inspect.isfunction(function) and function.__module__.startswith("mmalign_nb"):
                yield pytest.param(thing, name, function, id=f"{thing.__name__}.{name}")


@pytest.mark.parametrize(("thing", "name", "method"), list(public_methods()))
def test_method_has_a_docstring_and_is_shown(thing, name, method):
    doc = inspect.getdoc(method) or ""
    assert doc.split("\n\n")[0].endswith((".", "…")), "no sentence"
    blocks = f"{doc}\n{inspect.getdoc(thing)}".splitlines()
    shown = any(f".{name}(" in x for x in blocks if x.lstrip().startswith((">>> ", "... ")))
    assert shown or method.__qualname__ in NOT_SHOWN, "no usage block calls it"


def test_every_room_of_the_design_is_there():
    for name in mmalign_nb._ROOMS:
        module = getattr(mmalign_nb, name)
        assert module.__doc__, name
        assert module.__all__, name


def test_nobody_imports_another_rooms_underscore():
    """What several rooms need is offered by the lowest of them under a public name; only the doors are everybody's."""
    shared = {"_check", "_truth", "_files", "_folder", "_binomial"}
    for path in sorted((ROOT / "mmalign_nb").rglob("*.py")):
        room = path.relative_to(ROOT / "mmalign_nb").parts[0].removesuffix(".py")
        package = ["mmalign_nb", *path.relative_to(ROOT / "mmalign_nb").parts[:-1]]
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.ImportFrom):
                continue
            base = package[: len(package) + 1 - node.level] if node.level else []
            parts = [*base, *(node.module or "").split(".")]
            if parts[0] != "mmalign_nb":
                continue
            names = [x for x in [*parts[1:], *(a.name for a in node.names)] if re.match("_[^_]", x)]
            assert parts[1] == room or set(names) <= shared, f"{path.name} imports {'.'.join(parts)}: {names}"


def test_architecture_names_every_room():
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    for room in mmalign_nb._ROOMS:
        assert f"`{room}/`" in text or f"`{room}.py`" in text, room


def text_files():
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, timeout=60)
    if listed.returncode:
        pytest.skip("not a git checkout")
    for name in filter(None, listed.stdout.split("\0")):
        path = ROOT / name
        if path.suffix in {".py", ".md", ".toml", ".yml", ".cff", ".txt", ".ipynb", ".cfg"} and path.exists():
            yield path


def test_all_files_are_utf8_without_windows_line_ends():
    for path in text_files():
        raw = path.read_bytes()
        assert b"\r\n" not in raw, path
        raw.decode("utf-8")


def test_constraints_hold_no_addresses_and_cover_the_requirements():
    lines = [
        x
        for x in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
        if not x.startswith("#")
    ]
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.!]+", x) for x in lines)
    pinned = {re.sub(r"[-_.]+", "-", x.split("==")[0]).lower() for x in lines}
    wanted = re.findall(
        r'^    "([A-Za-z0-9._-]+)[><=]', (ROOT / "pyproject.toml").read_text(encoding="utf-8"), flags=re.M
    )
    assert len(wanted) > 20
    assert {re.sub(r"[-_.]+", "-", x).lower() for x in wanted} <= pinned
