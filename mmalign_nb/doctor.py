"""What a class needs, looked at before it begins: ``python -m mmalign_nb doctor``.

One line for each requirement: ``[ok]``; ``[fix]``, which ends in the command that mends it; ``[tip]`` for what is not
needed and would bring more. Nothing is downloaded or written, and nothing here raises: the environments that need a
doctor are broken. So this module imports only the standard library, and each check imports what it looks at.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import importlib.metadata
import json
import os
import platform
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import mmalign_nb

PACKAGE = Path(__file__).resolve().parent
TORCH = ("torch", "torchvision", "torchaudio")
CPU_INDEX = "https://download.pytorch.org/whl/cpu"
MEMORY = 2 * 2**30  # bytes: the largest chapter takes 1.5 GB, JupyterLab the rest
DISK = 500 * 2**20  # bytes: for what chapters write and remove again, and for a copy of the notebooks
# What a reader may add, and what for. The other extras are for those who work on the package.
EXTRAS = {
    "video": "films of your own (chapter 07)",
    "pretrained": "encoders for photographs and the words of the web, offline (chapters 06 and 11)",
    "scale": "many items and many machines (chapter 09)",
    "encoders": "CLIP and the like, with weights that you bring (chapters 06 and 11)",
}
EXTENSIONS = {"@jupyter-widgets/jupyterlab-manager": "jupyterlab_widgets", "anywidget": "anywidget"}
_TRY = (
    "import json, sys\n"
    "for name in ('soundfile', 'torch', 'torchvision', 'torchaudio'):\n"
    "    print(name, flush=True)\n"
    "    __import__(name)\n"
    "print(sys.modules['torch'].get_num_threads())\n"
)


class Finding(NamedTuple):
    """One line: ``mark`` is ``ok``, ``fix`` or ``tip``; ``then`` is what to run, or to do."""

    mark: str
    what: str
    told: str
    then: str = ""

    def __str__(self) -> str:
        return (
            f"[{self.mark}]{' ' * (4 - len(self.mark))}{self.what}: {self.told}"
            + f"  ->  {self.then}" * bool(self.then)
        )


class Project(NamedTuple):
    """What the package's own metadata say: of a checkout in ``pyproject.toml``, else of what is installed."""

    python: str
    needs: list[str]  # requirements as PEP 508 writes them, with the extra in the marker
    extras: list[str]


def doctor() -> int:
    """Print a line for each requirement; return 0 if nothing needed is missing, else 1."""
    wrong = 0
    for finding in findings():
        try:
            print(finding, flush=True)
        except UnicodeEncodeError:  # a path that this terminal cannot show
            print(str(finding).encode("ascii", "replace").decode(), flush=True)
        wrong += finding.mark == "fix"
    print(f"{wrong} to fix." if wrong else "Ready.")
    return 1 if wrong else 0


def findings() -> Iterator[Finding]:
    """What each check says, in order; a check that fails itself is a finding too."""
    trial = Trial()
    try:
        for check in CHECKS:
            try:
                yield from check(trial) if check in (_torch, _processors) else check()
            except Exception as err:  # whatever is broken, the other lines are wanted
                why = " ".join(f"{type(err).__name__}: {err}".split())[:160]
                yield Finding("fix", check.__name__[1:], f"could not be looked at ({why})", _reinstall())
    finally:
        trial.end()


class Trial:
    """Imports what may be broken, in a process of its own and while the other checks run: a mixed build may end it."""

    def __init__(self) -> None:
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(
            [sys.executable, "-c", _TRY], stdout=pipe, stderr=pipe, text=True, errors="replace"
        )

    @functools.cached_property
    def _said(self) -> tuple[str, str]:
        try:
            return self._process.communicate(timeout=120)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.communicate()[0], "it did not end in two minutes"

    @property
    def failed(self) -> str:
        """The package that could not be imported, or ``""``."""
        names = self._said[0].split()
        return names[-1] if names and not names[-1].isdigit() else ""

    @property
    def threads(self) -> int:
        """How many threads torch takes; 0 if it could not be asked."""
        words = self._said[0].split()
        return int(words[-1]) if words and words[-1].isdigit() else 0

    @property
    def why(self) -> str:
        """The last line of what it complained of."""
        lines = self._said[1].strip().splitlines()
        return (lines[-1] if lines else f"Python ended with {self._process.returncode}")[:160]

    def end(self) -> None:
        """Leave no process behind."""
        self._process.kill()
        self._process.communicate()


# ---- what is installed


def _python() -> Iterator[Finding]:
    from packaging.specifiers import SpecifierSet

    wanted, here = _project().python, platform.python_version()
    bits = sys.maxsize.bit_length() + 1
    good = SpecifierSet(wanted).contains(here, prereleases=True) and bits == 64
    told = f"{here}, {bits} bits, at {sys.executable}"
    yield (
        Finding("ok", "Python", told)
        if good
        else Finding("fix", "Python", f"{told}; needs {wanted} and 64 bits", "python3.12 -m venv .venv")
    )


def _packages() -> Iterator[Finding]:
    rest = [need for need in _needs() if need.name not in TORCH]
    wrong = _lacking(rest)
    if wrong:
        told = "; ".join(
            f"{need.name} is {have or 'missing'}, needs {need.specifier}" for need, have in wrong
        )
        yield Finding("fix", "packages", told, _install([need for need, _ in wrong]))
    else:
        where = "checkout" if _checkout() else "installed"
        yield Finding(
            "ok",
            "packages",
            f"mmalign_nb {mmalign_nb.__version__} ({where}), all {len(rest)} that it needs are new enough",
        )


def _torch(trial: Trial) -> Iterator[Finding]:
    have = {name: _version(name) for name in TORCH}
    told = ", ".join(f"{name} {version or 'missing'}" for name, version in have.items())
    cpu = f"--index-url {CPU_INDEX} " * any(version.endswith("+cpu") for version in have.values())
    mend = f"{_pip()} install --force-reinstall --no-deps {cpu}{' '.join(TORCH)}"
    if lacking := _lacking([need for need in _needs() if need.name in TORCH]):
        yield Finding("fix", "torch", f"{told}; needs {', '.join(str(need) for need, _ in lacking)}", mend)
    elif trial.failed in TORCH:
        yield Finding("fix", "torch", f"{told}; {trial.failed} cannot be imported ({trial.why})", mend)
    else:
        yield Finding("ok", "torch", f"{told}, of one build")
    if trial.failed == "soundfile":
        mend = f"{_pip()} install --force-reinstall soundfile"
        yield Finding("fix", "sound files", f"soundfile cannot be imported ({trial.why})", mend)


def _kernel() -> Iterator[Finding]:
    """JupyterLab's kernel must be this Python: one that was installed for the user once may win over it."""
    from jupyter_client.kernelspec import KernelSpecManager
    from jupyter_core.paths import prefer_environment_over_user

    program = KernelSpecManager().get_kernel_spec("python3").argv[0]
    own = program in ("python", "python3", f"python{sys.version_info[0]}.{sys.version_info[1]}")
    if own or Path(program).absolute() == Path(sys.executable).absolute():
        yield Finding("ok", "kernel", "notebooks run in this Python")
    else:
        place = "--sys-prefix" if prefer_environment_over_user() else "--user"
        yield Finding(
            "fix",
            "kernel",
            f"notebooks would run in {program}",
            f"{_this()} -m ipykernel install {place} --name python3",
        )


def _widgets() -> Iterator[Finding]:
    from jupyter_core.paths import jupyter_config_path, jupyter_path

    absent = [
        x
        for x in EXTENSIONS
        if not any(Path(p, x, "package.json").is_file() for p in jupyter_path("labextensions"))
    ]
    off = []
    for place in jupyter_config_path():
        try:
            told = json.loads(Path(place, "labconfig", "page_config.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        disabled = told.get("disabledExtensions", {}) if isinstance(told, dict) else {}
        listed = disabled if isinstance(disabled, list) else [x for x, yes in disabled.items() if yes]
        off += [x for x in EXTENSIONS if x in listed]
    if absent:
        mend = f"{_pip()} install --force-reinstall --no-deps {' '.join(EXTENSIONS[x] for x in absent)}"
        yield Finding("fix", "widgets", f"JupyterLab lacks its extension {' and '.join(absent)}", mend)
    elif off:
        mend = f"{_this()} -m jupyter labextension enable {off[0]}"
        yield Finding("fix", "widgets", f"JupyterLab's extension {off[0]} is disabled", mend)
    else:
        versions = ", ".join(f"{x} {_version(x)}" for x in ("jupyterlab", "ipywidgets", "anywidget"))
        yield Finding("ok", "widgets", f"{versions}; both extensions of JupyterLab are there")


def _fonts() -> Iterator[Finding]:
    import matplotlib

    from .datasets.glyphs import FILES
    from .plots.style import families

    folder = Path(matplotlib.get_data_path(), "fonts", "ttf")
    absent = [name for name, file in FILES.items() if not (folder / f"{file}.ttf").is_file()]
    if absent:
        mend = f"{_pip()} install --force-reinstall --no-deps matplotlib"
        yield Finding(
            "fix", "fonts", f"matplotlib came without {', '.join(absent)}, which glyphs() draws", mend
        )
    else:
        yield Finding("ok", "fonts", f"all {len(FILES)} typefaces of glyphs()")
    chinese = families()[1:]
    if chinese:
        yield Finding("ok", "Chinese in figures", chinese[0])
    else:
        told = "no Chinese typeface; a figure with Chinese captions would show boxes"
        linux = sys.platform.startswith("linux") and shutil.which("apt-get")
        yield Finding(
            "tip",
            "Chinese in figures",
            told,
            "sudo apt-get install fonts-noto-cjk" if linux else "install Noto Sans CJK SC",
        )


# ---- the machine


def _memory() -> Iterator[Finding]:
    total, free = _bytes_of_memory()
    told = f"{free / 2**30:.1f} of {total / 2**30:.1f} GB free"
    if free >= MEMORY:
        yield Finding("ok", "memory", told)
    else:
        yield Finding(
            "fix",
            "memory",
            f"{told}; a chapter wants {MEMORY / 2**30:.0f}",
            "close other programs and notebooks",
        )


def _disk() -> Iterator[Finding]:
    from jupyter_core.paths import jupyter_runtime_dir

    from .datasets.fetch import kept_in

    places: dict[str, tuple[str | Path, str]] = {  # what for, and what has it elsewhere
        "temporary files": (tempfile.gettempdir(), "TMPDIR"),
        "Jupyter": (jupyter_runtime_dir(), "JUPYTER_RUNTIME_DIR"),
        "downloads": (kept_in(), "MMALIGN_NB_DATA"),
    }
    wrong = []
    for what, (name, variable) in places.items():
        place = Path(name)
        there = next(x for x in (place, *place.parents) if x.exists())
        try:
            with tempfile.TemporaryFile(dir=there):
                free = shutil.disk_usage(there).free
        except OSError as err:
            wrong.append(
                Finding(
                    "fix", "disk", f"{what}: cannot write {place} ({err.strerror or err})", _set(variable)
                )
            )
            continue
        if free < DISK:
            told = f"{what}: {free / 2**20:.0f} MB free at {place}, wants {DISK / 2**20:.0f}"
            wrong.append(Finding("fix", "disk", told, _set(variable)))
    yield from wrong
    if not wrong:
        yield Finding("ok", "disk", f"{', '.join(places)} can be written, {free / 2**30:.1f} GB free")


def _processors(trial: Trial) -> Iterator[Finding]:
    usable, threads = _usable_processors(), trial.threads
    told = f"{usable} usable" + f"; torch's threads: {threads}" * bool(threads)
    if threads > usable:
        yield Finding("tip", "processors", f"{told}; fewer are quicker", _set("OMP_NUM_THREADS", str(usable)))
    else:
        yield Finding("ok", "processors", told)


def _browser() -> Iterator[Finding]:
    import webbrowser

    try:
        webbrowser.get()
    except webbrowser.Error:
        told = "none here; JupyterLab prints the address to open on another screen"
        yield Finding("tip", "browser", told, f"{_this()} -m jupyterlab --no-browser")
    else:
        yield Finding("ok", "browser", "there is one")


# ---- data


def _files() -> Iterator[Finding]:
    from ._files import shipped

    counts = {
        "notebooks": (sum(1 for _ in shipped("notebooks").glob("[0-9][0-9]_*.ipynb")), "chapters"),
        "docs": (sum(1 for _ in shipped("docs").glob("*.md")), "pages"),
        "data/models": (sum(1 for _ in shipped("models").glob("*.npz")), "trained encoders"),
        "data/sample": (sum(x.is_file() for x in shipped("sample").rglob("*")), "files in the sample folder"),
    }
    wrong = [*(place for place, (count, _) in counts.items() if not count), *sorted(_changed())]
    if wrong:
        told = f"missing or damaged: {', '.join(wrong[:4])}{', ...' * (len(wrong) > 4)}"
        yield Finding("fix", "files", told, _restore(wrong))
    else:
        told = ", ".join(f"{count} {what}" for count, what in counts.values())
        yield Finding("ok", "files", f"{told}; as they were made, by SHA-256")


def _downloads() -> Iterator[Finding]:
    from .datasets import downloaded
    from .datasets.fetch import SETS, kept_in

    place = kept_in()
    if os.environ.get("MMALIGN_NB_DATA") and not place.is_dir():
        told = f"MMALIGN_NB_DATA says {place}, which is no folder"
        yield Finding("fix", "downloads", told, f"{_this()} -m mmalign_nb.datasets fetch {' '.join(SETS)}")
        return
    absent = [name for name in SETS if not downloaded(name)]
    here = ", ".join(name for name in SETS if name not in absent) or "no set"
    told = f"{here} in {place}"
    if absent:
        told += f"; without {', '.join(absent)} chapters work, and some tables are shorter"
        yield Finding("tip", "downloads", told, f"{_this()} -m mmalign_nb.datasets fetch {' '.join(absent)}")
    else:
        yield Finding("ok", "downloads", told)


def _extras() -> Iterator[Finding]:
    for extra in (x for x in EXTRAS if x in _project().extras):
        if lacking := _lacking(_needs(extra)):
            told, then = f"not here; for {EXTRAS[extra]}", _install([need for need, _ in lacking])
            yield Finding("tip", f"extra {extra}", told, then)
        else:
            yield Finding("ok", f"extra {extra}", EXTRAS[extra])


CHECKS: tuple[Callable[..., Iterator[Finding]], ...] = (
    _python,
    _packages,
    _kernel,
    _widgets,
    _fonts,
    _memory,
    _disk,
    _browser,
    _files,
    _downloads,
    _torch,  # late: it waits for the imports
    _processors,
    _extras,
)


# ---- what the checks ask


def _checkout() -> Path | None:
    """The folder of the checkout that this package is in, if it is in one."""
    file = PACKAGE.parent / "pyproject.toml"
    return (
        PACKAGE.parent
        if file.is_file() and 'name = "mmalign_nb"' in file.read_text(encoding="utf-8")
        else None
    )


@functools.cache
def _project() -> Project:
    root = _checkout()
    if root and sys.version_info >= (3, 11):  # what is installed of a checkout may be older than it
        import tomllib

        told = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        needs = list(told["dependencies"])
        for extra, wanted in told["optional-dependencies"].items():
            for need in wanted:
                name, _, marker = need.partition(";")
                needs.append(f"{name}; extra == '{extra}'" + f" and ({marker})" * bool(marker))
        return Project(told["requires-python"], needs, list(told["optional-dependencies"]))
    told = importlib.metadata.metadata("mmalign_nb")
    needs = importlib.metadata.requires("mmalign_nb") or []
    return Project(told["Requires-Python"], needs, told.get_all("Provides-Extra") or [])


def _needs(extra: str = "") -> list[Any]:
    """The requirements that hold here: of the package, or those that an extra adds."""
    from packaging.requirements import Requirement

    needs = [Requirement(text) for text in _project().needs]
    of_all = [x for x in needs if x.marker is None or x.marker.evaluate({"extra": ""})]
    if not extra:
        return of_all
    return [x for x in needs if x.marker and x not in of_all and x.marker.evaluate({"extra": extra})]


def _lacking(needs: list[Any]) -> list[tuple[Any, str]]:
    """The requirements that what is installed does not meet, each with the version that is here, or ``""``."""
    have = [(need, _version(need.name)) for need in needs]
    return [(need, v) for need, v in have if not v or not need.specifier.contains(v, prereleases=True)]


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return ""


def _changed() -> Iterator[str]:
    """Files that are missing or not as they were made: by data/README.md in a checkout, else by the wheel's own record."""
    if root := _checkout():
        told = (root / "data" / "README.md").read_text(encoding="utf-8")
        for name, sha256 in re.findall(r"^\| `([^`]+)` \| [\d,]+ \| `([0-9a-f]{64})` \|$", told, flags=re.M):
            file = root / "data" / name
            if not file.is_file() or hashlib.sha256(file.read_bytes()).hexdigest() != sha256:
                yield f"data/{name}"
        return
    for entry in importlib.metadata.files("mmalign_nb") or []:
        if entry.parts[0] == "mmalign_nb" and entry.hash:
            file = PACKAGE.joinpath(*entry.parts[1:])
            digest = hashlib.new(entry.hash.mode, file.read_bytes()).digest() if file.is_file() else b""
            if base64.urlsafe_b64encode(digest).rstrip(b"=").decode() != entry.hash.value:
                yield "/".join(entry.parts[1:])


def _bytes_of_memory() -> tuple[int, int]:
    """Memory in all, and free, of the machine or of the container that this runs in."""
    if sys.platform == "win32":
        import ctypes

        class Status(ctypes.Structure):
            _fields_ = (
                ("size", ctypes.c_ulong),
                ("load", ctypes.c_ulong),
                *((name, ctypes.c_ulonglong) for name in ("total", "free", "c", "d", "e", "f", "g")),
            )

        status = Status(size=ctypes.sizeof(Status))
        ctypes.windll.kernel32.GlobalMemoryStatusEx(ctypes.byref(status))
        return status.total, status.free
    total = free = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    told = _read("/proc/meminfo")
    if found := re.search(r"^MemAvailable:\s+(\d+) kB", told, flags=re.M):
        free = int(found[1]) * 1024
    limit, used = _read("/sys/fs/cgroup/memory.max"), _read("/sys/fs/cgroup/memory.current")
    if limit.isdigit() and used.isdigit():
        total, free = min(total, int(limit)), min(free, int(limit) - int(used))
    return total, free


def _usable_processors() -> int:
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = _read("/sys/fs/cgroup/cpu.max").split()
    if len(quota) == 2 and quota[0].isdigit():
        usable = min(usable, max(1, round(int(quota[0]) / int(quota[1]))))
    return usable


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


# ---- commands


def _this() -> str:
    """This Python as a word of a command line: short if it is below the current folder."""
    program = Path(sys.executable)
    if program.is_relative_to(Path.cwd()):
        program = program.relative_to(Path.cwd())
    return quoted(program)


def quoted(path: Any) -> str:
    """A path as one word of a command line, on this system."""
    text = str(path)
    if re.fullmatch(r"[\w@%+=:,./\\~-]+", text):
        return text
    return f'"{text}"' if sys.platform == "win32" else shlex.quote(text)


def _pip() -> str:
    return f"{_this()} -m pip"


def _install(needs: list[Any]) -> str:
    root = _checkout()
    tested = f"-c {quoted(root / 'constraints.txt')} " if root else ""
    return f"{_pip()} install {tested}" + " ".join(f'"{str(need).partition(";")[0]}"' for need in needs)


def _reinstall() -> str:
    """The command that brings the package with all that it needs."""
    if root := _checkout():
        return f"{_pip()} install -c {quoted(root / 'constraints.txt')} -e {quoted(root)}"
    return f"{_pip()} install --force-reinstall {_origin()}"


def _restore(wrong: list[str]) -> str:
    """The command that brings back files that are shipped; in a checkout these alone, as others may be changed on purpose."""
    if root := _checkout():
        return f"git -C {quoted(root)} checkout -- {' '.join(map(quoted, wrong))}"
    return f"{_pip()} install --force-reinstall --no-deps {_origin()}"


def _origin() -> str:
    """Where the package was installed from, as pip noted it, else its name."""
    try:
        told = importlib.metadata.distribution("mmalign_nb").read_text("direct_url.json")
        return str(json.loads(told)["url"]) if told else f"mmalign_nb=={mmalign_nb.__version__}"
    except (importlib.metadata.PackageNotFoundError, ValueError, KeyError):
        return f"mmalign_nb=={mmalign_nb.__version__}"


def _set(variable: str, value: str = "") -> str:
    """The command that sets a variable of the environment; without a value, to a folder of the user's."""
    if sys.platform == "win32":
        return f"setx {variable} {value or '%USERPROFILE%/mmalign_nb'}"
    return f"export {variable}={value or '~/mmalign_nb'}"
