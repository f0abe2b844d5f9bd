"""Downloads from a server that fails in every way a server fails: the right files or none, and one clear sentence."""

import contextlib
import hashlib
import http.server
import io
import re
import subprocess
import sys
import threading
import time
import types
import zipfile
from pathlib import Path
from urllib.parse import unquote

import pytest

from mmalign_nb.datasets import __main__ as terminal
from mmalign_nb.datasets import _download, esc10
from mmalign_nb.datasets._download import Part

FILES = {"one.txt": b"one" * 1000, "deep/two words.txt": b"two" * 5000, "deep/three.txt": b"three" * 100}


def zipped(members):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return out.getvalue()


def packed(files=FILES):
    return zipped(
        [
            ("set-0123abc/", b""),
            ("set-0123abc/README", b"more"),
            *((f"set-0123abc/{k}", v) for k, v in files.items()),
        ]
    )


class Server:
    """A server on this machine; ``faults`` are worked off one per request, then it answers well."""

    def __init__(self):
        self.content = {"/set.zip": packed()} | {f"/files/{k}": v for k, v in FILES.items()}
        self.asked, self.faults, self.sent = [], [], 0
        self.always = None
        self.released = threading.Event()
        owner = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                owner.asked.append(unquote(self.path))
                fault = owner.always or (owner.faults.pop(0) if owner.faults else None)
                with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                    (fault or owner.answer)(self)
                self.close_connection = True

            def log_message(self, *args):
                pass

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}"
        threading.Thread(target=self.http.serve_forever, args=(0.02,), daemon=True).start()

    def send(self, request, body, claimed=None):
        request.send_response(200)
        if claimed != "unsaid":
            request.send_header("Content-Length", str(len(body) if claimed is None else claimed))
        request.end_headers()
        request.wfile.write(body)

    def answer(self, request):
        self.send(request, self.content[unquote(request.path)])

    # ---- the faults

    def busy(self, request):
        request.send_error(503)

    def gone(self, request):
        request.send_error(404)

    def cut_off(self, request):
        body = self.content[unquote(request.path)]
        self.send(request, body[: len(body) // 2], len(body))

    def cut_off_unsaid(self, request):
        body = self.content[unquote(request.path)]
        self.send(request, body[: len(body) // 2], "unsaid")

    def other_bytes(self, request):
        body = bytearray(self.content[unquote(request.path)])
        body[len(body) // 3] ^= 1
        self.send(request, bytes(body))

    def in_circles(self, request):
        request.send_response(302)
        request.send_header("Location", request.path)
        request.send_header("Connection", "close")
        request.send_header("Content-Length", "0")
        request.end_headers()

    def hung_up(self, request):
        request.connection.close()

    def silent(self, request):
        self.released.wait(20)

    def silent_in_the_middle(self, request):
        body = self.content[unquote(request.path)]
        self.send(request, body[:100], len(body))
        request.wfile.flush()
        self.released.wait(20)

    def slow(self, request):
        body = self.content[unquote(request.path)]
        self.send(request, b"", len(body))
        for k in range(8):
            request.wfile.write(body[len(body) * k // 8 : len(body) * (k + 1) // 8])
            request.wfile.flush()
            time.sleep(0.05)

    def endless(self, request):
        self.send(request, b"", "unsaid")
        while True:
            request.wfile.write(bytes(2**16))
            self.sent += 2**16


def registered(server, archive):
    files = {k: (len(v), hashlib.sha256(v).hexdigest()) for k, v in FILES.items()}
    return Part("a set", "none", f"{server.url}/files/", f"{server.url}/set.zip" if archive else None, files)


@pytest.fixture
def server():
    server = Server()
    yield server
    server.released.set()
    server.http.shutdown()
    server.http.server_close()


@pytest.fixture(params=["archive", "files"])
def place(request, server, monkeypatch, tmp_path):
    """The folder of the downloads; the set that esc10 asks for comes as one archive, or file by file."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("MMALIGN_NB_DATA", str(tmp_path / "data"))
    monkeypatch.setattr(_download, "TIMEOUT", (0.4, 0.4))
    monkeypatch.setattr(
        "pooch.core.time", types.SimpleNamespace(sleep=lambda seconds: None)
    )  # between two tries
    part = registered(server, request.param == "archive")
    monkeypatch.setattr(_download, "registry", lambda: {"esc10": part})
    return tmp_path / "data"


def load():
    return _download.load("esc10", "esc10", "things() needs no download.", progress=False)


def written(place):
    return {
        str(path.relative_to(place / "esc10")): path.read_bytes()
        for path in place.rglob("*")
        if path.is_file()
    }


def test_what_is_fetched_is_what_was_registered_and_is_not_asked_for_again(server, place):
    assert load() == FILES == written(place)
    first = len(server.asked)
    assert first == (1 if "/set.zip" in server.asked else 3)
    assert load() == FILES
    assert len(server.asked) == first
    assert not _download.missing("esc10")


@pytest.mark.parametrize(
    "fault", ["busy", "cut_off", "cut_off_unsaid", "other_bytes", "hung_up", "silent", "silent_in_the_middle"]
)
def test_a_fault_that_passes_is_tried_again(server, place, fault):
    server.faults = [getattr(server, fault)] * 2
    assert load() == FILES == written(place)


def test_a_slow_server_is_waited_for(server, place):
    server.always = server.slow
    assert load() == FILES


FOR_GOOD = {
    "busy": "503",
    "gone": "404",
    "cut_off": r"IncompleteRead|another|hash",
    "cut_off_unsaid": r"no whole archive|does not match",
    "other_bytes": r"SHA-256|no whole archive|does not match",
    "in_circles": "leads from one address to the next without an end",
    "hung_up": "onnection",
    "silent": "timed out",
    "silent_in_the_middle": "timed out",
    "endless": "sends more than the .* bytes that can be right",
}


@pytest.mark.parametrize("fault", FOR_GOOD)
def test_a_fault_that_stays_leaves_nothing_behind_and_says_what_can_be_done(server, place, fault):
    server.always = getattr(server, fault)
    with pytest.raises(ConnectionError, match=FOR_GOOD[fault]) as caught:
        load()
    for part in (
        r"^esc10 needs 3 files of esc10 \(0.0 MB\) that .*data does not have, and the download failed",
        "set MMALIGN_NB_DATA to an empty folder",
        "python -m mmalign_nb.datasets fetch esc10",
        r"things\(\) needs no download\.$",
    ):
        assert re.search(part, str(caught.value))
    assert not list(place.glob("*"))
    if fault in ("gone", "endless"):  # another try changes nothing
        assert len(server.asked) == 1
    elif fault != "in_circles":
        assert len(server.asked) == 1 + _download.RETRIES
    assert server.sent < 80 * 2**20


def test_one_bad_file_among_good_ones_keeps_the_rest_of_an_archive_out(server, place):
    bad = FILES | {"deep/three.txt": b"THREE" * 100}
    server.content = {"/set.zip": packed(bad)} | {f"/files/{k}": v for k, v in bad.items()}
    with pytest.raises(ConnectionError, match=r"deep/three\.txt|does not match"):
        load()
    assert "deep/three.txt" not in written(place)
    if "/set.zip" in server.asked:
        assert not list(place.glob("*"))
    else:  # what came before it was right
        assert set(written(place)) <= set(FILES) - {"deep/three.txt"}


def test_a_damaged_file_is_fetched_again_and_only_it(server, place):
    load()
    (place / "esc10" / "one.txt").write_bytes(b"one" * 999 + b"two")
    kept = (place / "esc10" / "deep" / "three.txt").stat().st_mtime_ns
    server.asked.clear()
    assert load() == FILES == written(place)
    assert server.asked == ["/files/one.txt"]
    assert (place / "esc10" / "deep" / "three.txt").stat().st_mtime_ns == kept


@pytest.mark.parametrize("place", ["archive"], indirect=True)
@pytest.mark.parametrize(
    "name",
    [
        "set/../../evil.txt",
        "/evil.txt",
        "set//evil.txt",
        "..\\evil.txt",
        "set/C:/evil.txt",
        "set/one.txt/evil.txt",
    ],
)
def test_names_in_an_archive_lead_nowhere(server, place, name):
    server.content["/set.zip"] = zipped([(name, b"evil"), *((f"set/{k}", v) for k, v in FILES.items())])
    assert load() == FILES == written(place)
    assert not list(place.parent.rglob("*evil*"))


@pytest.mark.parametrize("place", ["archive"], indirect=True)
def test_a_bomb_is_not_unpacked(server, place):
    import tracemalloc

    files = FILES | {"one.txt": bytes(2**28)}
    server.content["/set.zip"] = packed(files)
    tracemalloc.start()
    with pytest.raises(ConnectionError, match="has another one.txt"):
        load()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**25
    assert not list(place.glob("*"))


@pytest.mark.parametrize("place", ["archive"], indirect=True)
@pytest.mark.parametrize(
    "content", [b"", b"<html>please log in</html>", packed()[:-30], packed({"one.txt": FILES["one.txt"]})]
)
def test_what_is_no_whole_archive_is_refused(server, place, content):
    server.content["/set.zip"] = content
    with pytest.raises(ConnectionError, match=r"sends no whole archive|has no deep/two words.txt"):
        load()
    assert not list(place.glob("*"))


def test_without_a_network_there_is_one_sentence(server, place):
    server.http.shutdown()
    server.http.server_close()
    with pytest.raises(ConnectionError, match="the download failed: .*efused") as caught:
        esc10(progress=False)
    assert str(place) in str(caught.value)
    assert "things() needs no download" in str(caught.value)


def test_a_folder_that_cannot_be_written_is_said_before_anything_is_downloaded(server, place):
    place.write_text("a file")
    with pytest.raises(ConnectionError, match="data does not have, and that folder cannot be written: "):
        load()
    assert not server.asked


def test_a_download_that_is_killed_leaves_no_file(server, place):
    server.always = server.silent_in_the_middle
    code = f"""if True:
        from mmalign_nb.datasets import _download
        part = _download.Part(**{_download.registry()["esc10"]._asdict()!r})
        _download.registry = lambda: {{"esc10": part}}
        _download.load("esc10", "esc10", "", False)
    """
    with subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True) as process:
        try:
            while process.poll() is None and not server.asked:
                time.sleep(0.05)
            time.sleep(0.1)
            died = process.poll()
        finally:
            process.kill()
        assert died is None, process.stderr.read()
    assert not written(place)
    server.released.set()
    server.always = None
    assert load() == FILES == written(place)


def test_the_terminal_lists_and_fetches(server, place, capsys):
    sets, terminal_sets = {"esc10": (("esc10",), "things().")}, terminal.SETS
    terminal.SETS = sets
    try:
        assert terminal.main(["list"]) == 0
        assert "3 of 3 files missing" in capsys.readouterr().out
        server.always = server.gone
        assert terminal.main(["fetch", "esc10"]) == 1
        assert "answers 404" in capsys.readouterr().err
        server.always = None
        assert terminal.main(["fetch", "esc10"]) == 0
        assert f"esc10: in {place}" in capsys.readouterr().out
        assert terminal.main(["list"]) == 0
        assert re.search(r"esc10 +0\.0 MB  here  a set; none", capsys.readouterr().out)
    finally:
        terminal.SETS = terminal_sets
    with pytest.raises(SystemExit):
        terminal.main(["fetch", "no_such_set"])
    assert "no_such_set" in capsys.readouterr().err


def test_the_terminal_is_there():
    run = subprocess.run(
        [sys.executable, "-m", "mmalign_nb.datasets", "list"],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert run.stdout.count(" MB  ") == 4
    assert not run.stderr


def test_the_cache_of_the_user_is_the_default(monkeypatch):
    monkeypatch.delenv("MMALIGN_NB_DATA", raising=False)
    assert _download.folder().parts[-1].startswith("mmalign_nb") or "mmalign_nb" in _download.folder().parts
    monkeypatch.setenv("MMALIGN_NB_DATA", "~/sets")
    assert _download.folder() == Path.home() / "sets"
