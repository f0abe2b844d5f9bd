"""python -m mmalign_nb doctor: each check is made to fail, and says what mends it."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import webbrowser
from pathlib import Path
from types import SimpleNamespace

import pytest

from mmalign_nb import doctor

ROOT = Path(__file__).resolve().parents[1]
PYTHON = doctor._this()


@pytest.fixture
def project(monkeypatch):
    """Let the package's metadata say this."""

    def say(python=">=3.11", needs=(), extras=()):
        monkeypatch.setattr(doctor, "_project", lambda: doctor.Project(python, list(needs), list(extras)))

    return say


def trial(failed="", why="", threads=1):
    return SimpleNamespace(failed=failed, why=why, threads=threads, end=lambda: None)


def one(check, *arguments):
    (finding,) = check(*arguments)
    return finding


def test_python(project):
    assert one(doctor._python).mark == "ok"
    project(python=">=3.99")
    said = one(doctor._python)
    assert said.mark == "fix"
    assert "needs >=3.99" in said.told
    assert said.then.endswith("-m venv .venv")


def test_requirements_are_the_packages_own():
    needs = {need.name for need in doctor._needs()}
    assert {"numpy", "torch", "anywidget", "jupyterlab"} <= needs
    assert not needs & {"av", "pytest", "pymilvus"}
    assert {need.name for need in doctor._needs("video")} == {"av"}
    assert set(doctor._project().extras) - set(doctor.EXTRAS) == {"test", "bench", "book"}


def test_packages(project):
    project(needs=["numpy>=2", 'no-such>=1; sys_platform == "nowhere"', "torch>=99"])
    assert "all 1 that it needs" in one(doctor._packages).told
    project(needs=["numpy>=2", "numpy<1,>=0.5", "no-such-package>=1.2"])
    said = one(doctor._packages)
    assert said.mark == "fix"
    assert "no-such-package is missing, needs >=1.2" in said.told
    assert "numpy is 2" in said.told
    assert said.then.startswith(f"{PYTHON} -m pip install -c ")
    assert said.then.endswith('"numpy<1,>=0.5" "no-such-package>=1.2"')


def test_torch(project, monkeypatch):
    assert one(doctor._torch, trial()).mark == "ok"
    said = one(doctor._torch, trial("torchvision", "operator torchvision::nms does not exist"))
    assert said.mark == "fix"
    assert "torchvision cannot be imported (operator torchvision::nms" in said.told
    assert said.then.endswith("torch torchvision torchaudio")
    mixed = {"torch": "2.8.0+cpu", "torchvision": "0.23.0", "torchaudio": ""}
    monkeypatch.setattr(doctor, "_version", mixed.get)
    said = one(doctor._torch, trial("torchaudio"))
    assert "torchaudio missing; needs torchaudio>=2.8" in said.told
    assert f"--index-url {doctor.CPU_INDEX} torch torchvision torchaudio" in said.then


def test_a_library_for_sound_that_is_not_there():
    torch, sound = doctor._torch(trial("soundfile", "sndfile library not found"))
    assert (torch.mark, sound.mark) == ("ok", "fix")
    assert "sndfile library not found" in sound.told


@pytest.mark.parametrize(
    ("code", "failed", "why", "threads"),
    [
        ("print('soundfile torch 3')", "", "", 3),
        ("print('torch', flush=True); raise ImportError('undefined symbol: x')", "torch", "undefined symbol: x", 0),
        ("import os; print('torch torchaudio', flush=True); os.abort()", "torchaudio", "Python ended with -", 0),
    ],
)  # fmt: skip
def test_what_is_broken_breaks_in_a_process_of_its_own(monkeypatch, code, failed, why, threads):
    monkeypatch.setattr(doctor, "_TRY", code)
    tried = doctor.Trial()
    assert (tried.failed, tried.threads) == (failed, threads)
    assert why in tried.why
    tried.end()


def test_kernel(tmp_path, monkeypatch):
    assert one(doctor._kernel).mark == "ok"
    spec = tmp_path / "kernels" / "python3" / "kernel.json"
    spec.parent.mkdir(parents=True)
    told = {"argv": [str(tmp_path / "other" / "python")], "display_name": "x", "language": "python"}
    spec.write_text(json.dumps(told), encoding="utf-8")
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    said = one(doctor._kernel)
    assert said.mark == "fix"
    assert said.told == f"notebooks would run in {tmp_path / 'other' / 'python'}"
    assert "-m ipykernel install --" in said.then


def test_widgets(tmp_path, monkeypatch):
    assert one(doctor._widgets).mark == "ok"
    monkeypatch.setenv("JUPYTER_CONFIG_DIR", str(tmp_path))
    page = tmp_path / "labconfig" / "page_config.json"
    page.parent.mkdir()
    for disabled in ({"anywidget": True, "@x/y": True}, ["anywidget"]):
        page.write_text(json.dumps({"disabledExtensions": disabled}), encoding="utf-8")
        said = one(doctor._widgets)
        assert (said.mark, said.told) == ("fix", "JupyterLab's extension anywidget is disabled")
        assert said.then == f"{PYTHON} -m jupyter labextension enable anywidget"
    page.write_text('{"disabledExtensions": {"anywidget": false}}', encoding="utf-8")
    assert one(doctor._widgets).mark == "ok"
    page.write_text("[1", encoding="utf-8")
    assert one(doctor._widgets).mark == "ok"
    monkeypatch.setattr("jupyter_core.paths.jupyter_path", lambda *_: [str(tmp_path)])
    said = one(doctor._widgets)
    assert "lacks its extension @jupyter-widgets/jupyterlab-manager and anywidget" in said.told
    assert said.then.endswith("jupyterlab_widgets anywidget")


def test_fonts(tmp_path, monkeypatch):
    monkeypatch.setattr("mmalign_nb.plots.style.families", lambda: ["DejaVu Sans", "PingFang SC"])
    assert [str(x) for x in doctor._fonts()] == [
        "[ok]  fonts: all 16 typefaces of glyphs()", "[ok]  Chinese in figures: PingFang SC"
    ]  # fmt: skip
    monkeypatch.setattr("mmalign_nb.plots.style.families", lambda: ["DejaVu Sans"])
    monkeypatch.setattr("matplotlib.get_data_path", lambda: str(tmp_path))
    latin, chinese = doctor._fonts()
    assert (latin.mark, chinese.mark) == ("fix", "tip")
    assert "DejaVu Serif" in latin.told
    assert latin.then.endswith("--no-deps matplotlib")
    assert chinese.then


def test_memory(monkeypatch):
    files = {"/proc/meminfo": "MemTotal: 9 kB\nMemAvailable:    5242880 kB"}
    monkeypatch.setattr(doctor, "_read", lambda path: files.get(path, ""))
    monkeypatch.setattr(os, "sysconf", lambda name: {"SC_PAGE_SIZE": 4096, "SC_PHYS_PAGES": 2 * 2**20}[name])
    assert str(one(doctor._memory)) == "[ok]  memory: 5.0 of 8.0 GB free"
    files |= {"/sys/fs/cgroup/memory.max": f"{3 * 2**30}", "/sys/fs/cgroup/memory.current": f"{2 * 2**30}"}
    assert str(one(doctor._memory)).startswith("[fix] memory: 1.0 of 3.0 GB free")
    files["/sys/fs/cgroup/memory.max"] = "max"
    assert one(doctor._memory).mark == "ok"


def test_disk(tmp_path, monkeypatch):
    assert one(doctor._disk).mark == "ok"
    (tmp_path / "file").write_text("x", encoding="utf-8")
    monkeypatch.setenv("MMALIGN_NB_DATA", str(tmp_path / "file" / "below"))
    said = one(doctor._disk)
    assert said.mark == "fix"
    assert said.told.startswith(f"downloads: cannot write {tmp_path}")
    assert said.then.startswith(("export MMALIGN_NB_DATA=", "setx MMALIGN_NB_DATA "))
    monkeypatch.delenv("MMALIGN_NB_DATA")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=2**20))
    said = list(doctor._disk())
    assert [x.mark for x in said] == ["fix"] * 3
    assert "1 MB free" in said[0].told


def test_browser(monkeypatch):
    monkeypatch.setattr(webbrowser, "get", lambda: None)
    assert one(doctor._browser).mark == "ok"

    def none():
        raise webbrowser.Error("could not locate runnable browser")

    monkeypatch.setattr(webbrowser, "get", none)
    assert (one(doctor._browser).mark, one(doctor._browser).then) == (
        "tip",
        f"{PYTHON} -m jupyterlab --no-browser",
    )


def test_files_of_a_checkout(tmp_path, monkeypatch):
    assert one(doctor._files).mark == "ok"
    content = b"weights"
    (tmp_path / "pyproject.toml").write_text('name = "mmalign_nb"', encoding="utf-8")
    (tmp_path / "data" / "models").mkdir(parents=True)
    row = f"| `models/a.npz` | 7 | `{hashlib.sha256(content).hexdigest()}` |\n"
    (tmp_path / "data" / "README.md").write_text(row, encoding="utf-8")
    monkeypatch.setattr(doctor, "PACKAGE", tmp_path / "mmalign_nb")
    for damaged in (None, b"weighty", b""):
        if damaged is not None:
            (tmp_path / "data" / "models" / "a.npz").write_bytes(damaged)
        said = one(doctor._files)
        assert (said.mark, said.told) == ("fix", "missing or damaged: data/models/a.npz")
        assert said.then == f"git -C {tmp_path} checkout -- data/models/a.npz"
    (tmp_path / "data" / "models" / "a.npz").write_bytes(content)
    assert one(doctor._files).mark == "ok"
    monkeypatch.setattr("mmalign_nb._files.shipped", lambda name: tmp_path / name)
    assert one(doctor._files).told == "missing or damaged: notebooks, docs, data/models, data/sample"


def test_downloads(tmp_path, monkeypatch):
    monkeypatch.setenv("MMALIGN_NB_DATA", str(tmp_path))
    said = one(doctor._downloads)
    assert said.mark == "tip"
    assert said.told.startswith(f"no set in {tmp_path}")
    assert said.then == f"{PYTHON} -m mmalign_nb.datasets fetch wikipedia spoken_digits esc10"
    monkeypatch.setattr("mmalign_nb.datasets.downloaded", lambda name: name != "esc10")
    assert one(doctor._downloads).then.endswith("fetch esc10")
    monkeypatch.setattr("mmalign_nb.datasets.downloaded", lambda _: True)
    assert one(doctor._downloads).mark == "ok"
    monkeypatch.setenv("MMALIGN_NB_DATA", str(tmp_path / "stick"))
    said = one(doctor._downloads)
    assert (said.mark, said.told) == ("fix", f"MMALIGN_NB_DATA says {tmp_path / 'stick'}, which is no folder")


def test_processors(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: range(8), raising=False)
    quota = {"/sys/fs/cgroup/cpu.max": "max 100000"}
    monkeypatch.setattr(doctor, "_read", lambda path: quota.get(path, ""))
    assert str(one(doctor._processors, trial(threads=8))) == "[ok]  processors: 8 usable; torch's threads: 8"
    quota["/sys/fs/cgroup/cpu.max"] = "200000 100000"
    said = one(doctor._processors, trial(threads=8))
    assert said.mark == "tip"
    assert said.then.endswith(("OMP_NUM_THREADS=2", "OMP_NUM_THREADS 2"))
    assert one(doctor._processors, trial(threads=0)).told == "2 usable"


def test_extras(project):
    project(
        needs=["numpy>=2; extra == 'video'", "no-such[x]>=3; extra == 'scale'"],
        extras=["video", "scale", "test"],
    )
    video, scale = doctor._extras()
    assert (video.mark, scale.mark) == ("ok", "tip")
    assert scale.then.endswith(' "no-such[x]>=3"')


def test_a_check_that_fails_is_a_line_and_the_others_follow(monkeypatch, capsys):
    def _broken():
        raise RuntimeError("something\nunheard of")
        yield

    def _well():
        yield doctor.Finding("ok", "well", "yes")

    monkeypatch.setattr(doctor, "CHECKS", (_broken, _well))
    monkeypatch.setattr(doctor, "_TRY", "")
    assert doctor.doctor() == 1
    told = capsys.readouterr().out.splitlines()
    assert told[0].startswith(
        "[fix] broken: could not be looked at (RuntimeError: something unheard of)  ->  "
    )
    assert told[1:] == ["[ok]  well: yes", "1 to fix."]
    monkeypatch.setattr(doctor, "CHECKS", (_well,))
    assert doctor.doctor() == 0
    assert capsys.readouterr().out.splitlines()[-1] == "Ready."


def test_it_runs_where_nothing_at_all_is_installed():
    """-S leaves the environment's packages out: no numpy, no torch, no packaging."""
    code = (
        "import sys; from mmalign_nb import doctor; doctor._TRY = 'import no_such'; sys.exit(doctor.doctor())"
    )
    run = subprocess.run(
        [sys.executable, "-S", "-c", code],
        capture_output=True, text=True, timeout=60, encoding="utf-8",
        env=os.environ | {"PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"},
    )  # fmt: skip
    lines = run.stdout.splitlines()
    assert run.returncode == 1, run.stderr
    assert run.stderr == ""
    assert len(lines) > 10
    for line in lines[:-1]:
        assert line.startswith(("[ok]", "[fix]", "[tip]")), line
        assert line.startswith("[ok]") or "  ->  " in line, line


def test_words_of_a_command_line_stay_one_word(monkeypatch):
    monkeypatch.setattr(sys, "platform", "linux")
    assert doctor.quoted("/a/b-c.d") == "/a/b-c.d"
    assert doctor.quoted("/a b/it's") == """'/a b/it'"'"'s'"""
    monkeypatch.setattr(sys, "platform", "win32")
    assert doctor.quoted("C:\\a b\\c") == '"C:\\a b\\c"'
    assert doctor.quoted("C:\\a\\c") == "C:\\a\\c"


def test_everything_said_is_ascii_so_that_every_terminal_can_show_it():
    source = Path(doctor.__file__).read_text(encoding="utf-8")
    assert source.isascii()
    assert all(str(x).isascii() for x in doctor._extras())
