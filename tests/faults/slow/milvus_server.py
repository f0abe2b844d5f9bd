"""A Milvus server on this machine, started and killed by the tests: package ``milvus`` in an environment of its own.

``make faults`` makes that environment, ``.milvus``, where the package can be had. The server listens on every address of
the machine, which it cannot be told not to do; it holds nothing but the tests' vectors, and ends with them.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

from mmalign_nb.search import MilvusIndex

ROOT = Path(__file__).resolve().parents[3]
PROGRAM = Path(os.environ.get("MMALIGN_NB_MILVUS_SERVER", ROOT / ".milvus" / "bin" / "milvus-server"))
needs_server = pytest.mark.skipif(
    not PROGRAM.exists(),
    reason=f"no Milvus server: {PROGRAM} is not there; `make faults` installs it where it can be had",
)
_PARTS = ("proxy", "proxy-internal", "root-coord", "query-coord", "query-node", "index-coord", "index-node", "data-coord", "data-node")  # fmt: skip


def free_ports(n: int) -> list[int]:
    sockets = [socket.socket() for _ in range(n)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def _is_free(port: int) -> bool:
    with socket.socket() as one:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        return one.connect_ex(("127.0.0.1", port)) != 0


class Server:
    """One server with its folder; it may be killed and started again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ports = dict(zip(_PARTS, free_ports(len(_PARTS)), strict=True))
        self.uri = f"http://127.0.0.1:{self.ports['proxy']}"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> Server:
        for _ in range(60):  # one that was killed takes a moment to go
            if _is_free(2379):  # that of the etcd inside, whatever it is told
                break
            time.sleep(0.5)
        else:
            pytest.skip("port 2379 is taken: another Milvus, or etcd, runs on this machine")
        ports = [x for part, port in self.ports.items() for x in (f"--{part}-port", str(port))]
        with (self.folder.parent / f"{self.folder.name}.log").open("ab") as log:
            self.process = subprocess.Popen(
                [PROGRAM, "--data", self.folder, *ports], stdout=log, stderr=log, start_new_session=True
            )
        for _ in range(90):
            try:
                MilvusIndex(self.uri, "is_it_up", timeout=5).close()
                return self
            except OSError:
                assert self.process.poll() is None, "the server ended while starting"
                time.sleep(1)
        raise AssertionError("the server did not come up")

    def signal(self, number: int) -> None:
        """To the server and the program that started it: a session of their own."""
        assert self.process is not None
        os.killpg(self.process.pid, number)

    def kill(self) -> None:
        if self.process is not None:
            self.signal(signal.SIGKILL)
            self.process.wait()
            self.process = None
