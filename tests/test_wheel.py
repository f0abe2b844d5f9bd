"""The wheel itself: built, unpacked, and used in an empty folder where this checkout is not what is imported."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory):
    """A folder with what the wheel holds, built offline."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=120)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


@pytest.fixture
def python(unpacked, tmp_path):
    """Run Python with the wheel first on its path, in an empty folder, without the folder on the path (-P)."""

    def run(*words):
        return subprocess.run(
            [sys.executable, "-P", *words],
            capture_output=True, text=True, encoding="utf-8", timeout=120, cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": str(unpacked), "PYTHONUTF8": "1"},
        )  # fmt: skip

    return run


def files(folder):
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_start_from_the_wheel_is_start_from_the_checkout(python, unpacked, tmp_path):
    where = python("-c", "import mmalign_nb; print(mmalign_nb.__file__)")
    assert Path(where.stdout.strip()) == unpacked / "mmalign_nb" / "__init__.py"
    run = python("-m", "mmalign_nb", "start", "of the wheel")
    assert run.returncode == 0, run.stderr
    assert run.stdout.splitlines()[1:3] == ["Next:", f"  cd '{tmp_path / 'of the wheel'}'"]
    from mmalign_nb.start import start

    start(tmp_path / "of the checkout")
    assert files(tmp_path / "of the wheel") == files(tmp_path / "of the checkout")


def test_doctor_from_the_wheel_finds_it_whole_and_each_damage(python, unpacked):
    run = python("-m", "mmalign_nb", "doctor")
    assert run.stderr == ""
    assert run.returncode == ("[fix]" in run.stdout)
    assert "[ok]  files: " in run.stdout
    assert "[ok]  torch: " in run.stdout
    assert "(installed), all" in run.stdout
    for line in run.stdout.splitlines()[:-1]:
        assert line.startswith("[ok]") or "  ->  " in line, line
    model, page = (
        unpacked / "mmalign_nb" / x for x in ("models/glyphs-text.npz", "notebooks/01_features.ipynb")
    )
    whole, text = model.read_bytes(), page.read_bytes()
    model.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    page.unlink()
    try:
        said = python("-c", "from mmalign_nb.doctor import _files; print(*_files())").stdout
    finally:
        model.write_bytes(whole)
        page.write_bytes(text)
    assert said.startswith(
        "[fix] files: missing or damaged: models/glyphs-text.npz, notebooks/01_features.ipynb  ->  "
    )
    assert "install --force-reinstall --no-deps mmalign_nb==" in said


def test_what_the_package_asks_for_is_in_the_wheel(python):
    """Weights, measured figures and the sample folder, where ``shipped`` finds them."""
    code = "from mmalign_nb._files import shipped; print(*map(shipped, ('models', 'measured', 'sample')), sep='\\n')"
    run = python("-c", code)
    assert run.returncode == 0, run.stderr
    for folder in map(Path, run.stdout.splitlines()):
        assert files(folder) == files(ROOT / "data" / folder.name)
