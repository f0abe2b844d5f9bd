"""A JupyterLab of its own and a real browser, for the tests and the benchmark.

Everything is thrown away afterwards: settings, workspaces, kernels, the copies of the notebooks.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Locator, Page, sync_playwright

ROOT = Path(__file__).resolve().parents[2]
ARTEFACTS = ROOT / "artefacts" / "browser"
_CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--use-fake-device-for-media-stream",  # a microphone that beeps; whether a page may hear it is for the test to say
]
# What would make a notebook look different from one visit to the next, or hide cells from the page.
_SETTINGS = {
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
    "notebook-extension/tracker": {"windowingMode": "none"},
}
_CURRENT = "const notebook = window.jupyterapp.shell.currentWidget;"


def chromium() -> str | None:
    """Where a Chromium is: MMALIGN_NB_CHROMIUM, or one on the PATH."""
    names = (os.environ.get("MMALIGN_NB_CHROMIUM"), "chromium", "chromium-browser", "google-chrome")
    return next((found for name in names if name and (found := shutil.which(name))), None)


@contextlib.contextmanager
def jupyterlab(folder: Path, scratch: Path) -> Iterator[tuple[str, str]]:
    """Serve ``folder`` on loopback with settings from ``scratch``; gives the address and the token."""
    env = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    for name, place in {
        "JUPYTER_CONFIG_DIR": "config",
        "JUPYTER_DATA_DIR": "data",
        "JUPYTER_RUNTIME_DIR": "runtime",
        "IPYTHONDIR": "ipython",
        "JUPYTERLAB_SETTINGS_DIR": "settings",
        "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
    }.items():
        (scratch / place).mkdir(parents=True)
        env[name] = str(scratch / place)
    for name, values in _SETTINGS.items():
        file = scratch / "settings" / "@jupyterlab" / f"{name}.jupyterlab-settings"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(values), encoding="utf-8")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    token, address = secrets.token_hex(16), f"http://127.0.0.1:{port}"
    options = [
        "--no-browser", "--allow-root", "--ServerApp.ip=127.0.0.1", f"--ServerApp.port={port}",
        "--ServerApp.port_retries=0", f"--ServerApp.root_dir={folder}", f"--IdentityProvider.token={token}",
        # Should this process be killed, its server and kernels end themselves.
        "--ServerApp.shutdown_no_activity_timeout=600", "--MappingKernelManager.cull_idle_timeout=600",
        "--LabApp.expose_app_in_browser=True", "--JupyterNotebookApp.expose_app_in_browser=True",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
    ]  # fmt: skip
    log = scratch / "server.log"
    with log.open("wb") as out:
        server = subprocess.Popen(
            [sys.executable, "-m", "jupyterlab", *options], env=env, cwd=folder, stdout=out, stderr=out,
            start_new_session=True,
        )  # fmt: skip
    try:
        _wait_for(f"{address}/api/status?token={token}", server, log)
        yield address, token
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGTERM)  # the server and its kernels: a group of its own
        try:
            server.wait(15)
        except subprocess.TimeoutExpired:
            os.killpg(server.pid, signal.SIGKILL)
            server.wait(15)


def _wait_for(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + 90
    while time.monotonic() < end:
        if server.poll() is not None:
            break
        with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=2):
            return
        time.sleep(0.2)
    raise RuntimeError(
        f"JupyterLab did not start:\n{log.read_text(encoding='utf-8', errors='replace')[-3000:]}"
    )


@contextlib.contextmanager
def headless() -> Iterator[Browser]:
    """A browser without a window."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), headless=True, args=_CHROMIUM_FLAGS)
        yield browser
        browser.close()


class Notebook:
    """One notebook, open in JupyterLab or in Notebook 7.

    Parameters
    ----------
    page : Page
    address, token : str
        Of the server.
    path : str
        Of the notebook inside the served folder.
    app : {"lab/tree", "notebooks"}
        JupyterLab, or Notebook 7.
    """

    def __init__(self, page: Page, address: str, token: str, path: str, app: str = "lab/tree") -> None:
        self.page, self.name = page, Path(path).stem
        self.complaints: list[str] = []
        page.set_default_timeout(60_000)
        page.on("console", lambda m: self.complaints.append(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda e: self.complaints.append(str(e)))
        page.goto(f"{address}/{app}/{path}?token={token}&reset")
        self._settle()

    def _settle(self) -> None:
        """Wait until the notebook is there and its kernel has nothing to do."""
        self.page.wait_for_selector(".jp-Notebook")
        self._wait("notebook?.context?.isReady && notebook.sessionContext.session?.kernel?.status === 'idle'")

    def _wait(self, condition: str, seconds: float = 240) -> None:
        code = f"() => {{ try {{ {_CURRENT} return !!({condition}); }} catch {{ return false; }} }}"
        self.page.wait_for_function(code, timeout=1000 * seconds)

    def run_all(self) -> None:
        """Run all cells and wait for the last one."""
        self.page.evaluate("() => { window.jupyterapp.commands.execute('notebook:run-all-cells'); }")
        self._wait(
            "[...notebook.content.model.cells].every(c => c.type !== 'code' || !c.sharedModel.source.trim() || "
            "c.executionCount !== null) && notebook.sessionContext.session.kernel.status === 'idle'"
        )
        self.page.wait_for_timeout(500)  # views of widgets are made after their cell is done

    def cells(self) -> list[dict[str, Any]]:
        """The code cells as they would be saved."""
        found: list[dict[str, Any]] = self.page.evaluate(
            f"() => {{ {_CURRENT} return notebook.content.model.toJSON().cells.filter(c => c.cell_type === 'code'); }}"
        )
        return found

    def errors(self) -> list[str]:
        """What cells raised."""
        outputs = (o for cell in self.cells() for o in cell["outputs"])
        return [f"{o['ename']}: {o['evalue']}" for o in outputs if o["output_type"] == "error"]

    def ask(self, code: str) -> str:
        """Run code in the notebook's kernel, outside its cells, and return what it prints."""
        printed: str = self.page.evaluate(
            f"""async (code) => {{ {_CURRENT}
            const future = notebook.sessionContext.session.kernel.requestExecute({{code, store_history: false}});
            let out = '';
            future.onIOPub = m => {{
              if (m.header.msg_type === 'stream') out += m.content.text;
              if (m.header.msg_type === 'error') out += m.content.ename + ': ' + m.content.evalue;
            }};
            await future.done;
            return out; }}""",
            code,
        )
        return printed.strip()

    def close(self) -> None:
        """End the kernel and close the page: the next visit starts afresh."""
        self.page.evaluate(f"async () => {{ {_CURRENT} await notebook?.sessionContext?.shutdown(); }}")
        self.page.close()

    def save(self) -> None:
        self.page.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")

    def reload(self) -> None:
        self.page.reload()
        self._settle()

    def panels(self) -> Locator:
        """Live panels."""
        return self.page.locator(".mm-panel")

    def text(self) -> str:
        return self.page.locator(".jp-Notebook").inner_text()

    def shot(self, name: str) -> Path:
        """Keep a picture of the page."""
        ARTEFACTS.mkdir(parents=True, exist_ok=True)
        path = ARTEFACTS / f"{self.name}-{name}.png"
        self.page.screenshot(path=str(path))
        return path
