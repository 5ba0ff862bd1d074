"""Downloads from a real server on loopback: whole and checked, or not at all."""

import hashlib
import io
import time
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread

import pytest

from serendip.data import download
from serendip.data.download import fetch
from serendip.errors import UserError

FILES = {"u.data": b"1\t2\t3\t4\n" * 9000, "u.item": b"2|Gr\xe9ta\n"}


def archive() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as writer:
        for name, content in FILES.items():
            writer.writestr(f"set/{name}", content)
        writer.writestr("set/README", "not asked for")
    return packed.getvalue()


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


ARCHIVE = archive()
SILENT = Event()


class Handler(BaseHTTPRequestHandler):
    """Serves an archive and its files; /torn.zip breaks off, /silent.zip never answers, all else is not found."""

    def do_GET(self) -> None:
        if self.path == "/silent.zip":
            SILENT.wait(20)
            return
        name = self.path.rsplit("/", 1)[-1]
        body = ARCHIVE if name.endswith(".zip") else FILES.get(name)
        if body is None or name == "missing.zip":
            return self.send_error(404)
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[:100] if name == "torn.zip" else b"<html>" * 50 if name == "page.zip" else body)
        return None

    def log_message(self, format: str, *args: object) -> None:
        """Keep the test's output clean."""


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    listening = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=listening.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{listening.server_address[1]}/"
    SILENT.set()
    listening.shutdown()
    listening.server_close()


def test_archive_is_checked_and_only_what_is_asked_for_is_taken(server: str, tmp_path: Path) -> None:
    fetch(f"{server}set.zip", FILES, tmp_path / "set", {"set.zip": sha256(ARCHIVE)})
    assert {file.name: file.read_bytes() for file in (tmp_path / "set").iterdir()} == FILES
    assert [path.name for path in tmp_path.iterdir()] == ["set"]  # nothing is left beside it


def test_files_below_an_address_are_checked_one_by_one(server: str, tmp_path: Path) -> None:
    fetch(server, FILES, tmp_path / "set", {name: sha256(content) for name, content in FILES.items()})
    assert {file.name: file.read_bytes() for file in (tmp_path / "set").iterdir()} == FILES


@pytest.mark.parametrize(
    ("name", "digests", "fault"),
    [
        ("set.zip", {"set.zip": "0" * 64}, "set.zip .* is not the file it should be"),
        ("set.zip", {"u.item": "0" * 64}, "u.item .* is not the file it should be"),
        ("missing.zip", {}, "answered 404"),
        ("torn.zip", {}, "broke off after 100 of"),
        ("page.zip", {}, "no .zip archive|broke off"),
    ],
)
def test_what_is_wrong_is_one_sentence_and_leaves_nothing(
    server: str, tmp_path: Path, name: str, digests: dict[str, str], fault: str
) -> None:
    with pytest.raises(UserError, match=fault) as raised:
        fetch(f"{server}{name}", FILES, tmp_path / "set", digests)
    assert "\n" not in str(raised.value)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_the_archive_lacks_is_named(server: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"holds no file u\.user"):
        fetch(f"{server}set.zip", ["u.user"], tmp_path / "set", {})


def test_an_older_copy_survives_a_failed_download(server: str, tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "u.data").write_bytes(b"old")
    with pytest.raises(UserError):
        fetch(f"{server}torn.zip", FILES, tmp_path / "set", {})
    assert (tmp_path / "set" / "u.data").read_bytes() == b"old"


def test_an_address_that_never_answers_is_given_up(
    server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "CONNECT_SECONDS", 0.3)
    started = time.monotonic()
    with pytest.raises(UserError, match="no answer within"):
        fetch(f"{server}silent.zip", FILES, tmp_path / "set", {})
    assert time.monotonic() - started < 10  # the server would hold it for twenty seconds


def test_a_refused_or_senseless_address_is_one_sentence(tmp_path: Path) -> None:
    for address in ("http://127.0.0.1:9/set.zip", "nonsense.zip", "http://no-such-host.invalid/set.zip"):
        with pytest.raises(UserError, match="could not be fetched") as raised:
            fetch(address, FILES, tmp_path / "set", {})
        assert "\n" not in str(raised.value)
