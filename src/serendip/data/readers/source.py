"""Opening a file: what it is, unpacking, decoding, and blocks of whole lines in bounded memory."""

import codecs
import gzip
import sys
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from serendip.errors import UserError, nearest

MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"PK\x03\x04", "a zip archive or an Excel workbook: unpack it, or save the sheet as CSV"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook: save the sheet as CSV"),
    (b"\x89PNG", "a PNG picture: give the table of feedback instead"),
    (b"\xff\xd8\xff", "a JPEG picture: give the table of feedback instead"),
    (b"GIF8", "a GIF picture: give the table of feedback instead"),
    (b"\x7fELF", "a program: give the table of feedback instead"),
    (b"MZ\x90", "a program: give the table of feedback instead"),
    (b"%PDF", "a PDF document: export the table as CSV"),
    (b"SQLite format 3", "an SQLite database: give sqlite:///FILE and a SELECT"),
    (b"BZh", "compressed with bzip2: unpack it, or use gzip or zstd"),
    (b"\xfd7zXZ", "compressed with xz: unpack it, or use gzip or zstd"),
    (b"7z\xbc\xaf", "a 7z archive: unpack it"),
    (b"Rar!", "a RAR archive: unpack it"),
    (b"\x80\x04\x95", "a Python pickle: save the frame as Parquet"),
    (b"\x93NUMPY", "a NumPy array: save the table as CSV or Parquet"),
    (b"\x89HDF", "an HDF5 file: save the table as CSV or Parquet"),
    (b"ARROW1", "an Arrow IPC file: save it as Parquet"),
    (b"ORC", "an ORC file: save it as Parquet"),
    (b"Obj\x01", "an Avro file: save it as Parquet"),
)
MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
READ = 1 << 20  # bytes unpacked at a time


def _bad_bytes(error: UnicodeError) -> tuple[str, int]:
    """Keep undecodable input as the byte 0xFF, so that the row is found later and goes to the quarantine."""
    assert isinstance(error, UnicodeDecodeError)
    return "\udcff", error.end


codecs.register_error("serendip-keep", _bad_bytes)


def existing(path: Path) -> Path:
    """Return the path of a readable file. Raises UserError naming the nearest file where there is none."""
    if path.is_dir():
        raise UserError(f"{path} is a folder: name the file in it{_listing(path)}")
    if not path.exists():
        if str(path).startswith(("http:", "https:", "s3:", "gs:", "ftp:")):
            raise UserError(f"{path} is an address, and only files are read: download it and name the file")
        names = [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else []
        close = nearest(path.name, names)
        where = f"no file {path}" if path.parent.is_dir() else f"no folder {path.parent}, so no file {path.name}"
        raise UserError(where + (close if close.startswith("; did") else ""))
    if not path.is_file():
        raise UserError(f"{path} is not a regular file: copy its rows into one")
    return path


def _listing(folder: Path) -> str:
    names = sorted(p.name for p in folder.iterdir() if p.is_file())[:5]
    return f" ({', '.join(names)})" if names else ""


def _zstd(file: BinaryIO) -> Any:
    try:
        if sys.version_info >= (3, 14):
            from compression import zstd
        else:
            from backports import zstd
    except ImportError:
        raise UserError("reading .zst needs one more package: pip install backports.zstd") from None
    return zstd.ZstdFile(file)


@dataclass
class Text:
    """The bytes of a file as UTF-8, unpacked piece by piece; `torn` says why the stream ended early, if it did."""

    path: Path
    encoding: str | None = None
    only: bytes | None = None  # text to take the place of the file's, UTF-8
    torn: str = ""
    more: bool = False  # whether `head` left anything

    def __post_init__(self) -> None:
        """Look at the first bytes. Raises UserError for what is no table."""
        existing(self.path)
        self.total = self.path.stat().st_size
        self.done = 0
        try:
            with self.path.open("rb") as file:
                self.magic = file.read(6)
        except PermissionError:
            raise UserError(f"no permission to read {self.path}") from None
        if self.encoding is not None:
            try:
                codecs.lookup(self.encoding)
            except LookupError:
                names = ("utf-8", "utf-16", "windows-1252", "latin-1", "cp1251", "shift_jis", "gb18030", "mac_roman")
                raise UserError(f"no encoding {self.encoding!r}{nearest(self.encoding, names)}") from None

    @property
    def parquet(self) -> bool:
        """Whether the file is Parquet."""
        return self.magic[:4] == b"PAR1"

    def head(self, size: int) -> bytes:
        """Return the first `size` bytes of text. Raises UserError for nothing or what is no text."""
        pieces, first = self._unpacked(min(size, READ)), b""
        for piece in pieces:
            first += piece
            if len(first) >= size:
                break
        self.more = next(pieces, b"") != b""
        self._refuse_binary(first)
        text = b""
        for piece in self._decoded(iter([first])):
            text += piece
        if not text.strip() and self.torn:
            raise UserError(f"{self.path} is damaged from the start ({self.torn}): fetch or make it again")
        if not text.strip():
            raise UserError(f"{self.path} is empty: there is nothing to read")
        return text

    def pieces(self) -> Iterator[bytes]:
        """Yield the text as UTF-8 in pieces of about a megabyte."""
        if self.only is not None:
            return iter([self.only])
        self.torn = ""
        return self._decoded(self._unpacked(READ))

    def _unpacked(self, size: int) -> Iterator[bytes]:
        with self.path.open("rb") as raw:
            packed = True
            file: Any
            if self.magic.startswith(b"\x1f\x8b"):
                file = gzip.GzipFile(fileobj=raw)
            elif self.magic.startswith(b"\x28\xb5\x2f\xfd"):
                file = _zstd(raw)
            else:
                file, packed = raw, False
            while True:
                try:
                    piece = file.read1(size)
                except (EOFError, zlib.error, gzip.BadGzipFile) as error:
                    self.torn = str(error) or "the stream ends early"
                except OSError:
                    raise
                except Exception as error:
                    if not packed or type(error).__name__ != "ZstdError":
                        raise
                    self.torn = str(error)
                if self.torn:
                    self.done = self.total
                    return
                self.done = raw.tell()
                if not piece:
                    return
                yield piece

    def _decoded(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        first = next(pieces, b"")
        while 0 < len(first) < 4 and (more := next(pieces, b"")):
            first += more
        name = self.encoding or next((n for mark, n in MARKS if first.startswith(mark)), None) or _without_mark(first)
        if name is None or codecs.lookup(name).name in ("utf-8", "utf-8-sig"):
            yield first.removeprefix(codecs.BOM_UTF8)
            yield from pieces
            return
        decode: Callable[..., str] = codecs.getincrementaldecoder(name)("serendip-keep").decode
        yield decode(first).removeprefix("\ufeff").encode("utf-8", "surrogateescape")
        for piece in pieces:
            yield decode(piece).encode("utf-8", "surrogateescape")
        yield decode(b"", True).encode("utf-8", "surrogateescape")

    def _refuse_binary(self, first: bytes) -> None:
        for magic, meaning in MAGIC:
            if first.startswith(magic):
                raise UserError(f"{self.path} is {meaning}")
        if first.removeprefix(codecs.BOM_UTF8).lstrip()[:9].lower().startswith((b"<!doctype", b"<html", b"<?xml")):
            raise UserError(
                f"{self.path} is a web page or XML, not a table: download or export the table itself as CSV"
            )
        if first[257:262] == b"ustar":
            raise UserError(f"{self.path} is a tar archive: unpack it")
        if self.encoding is not None or any(first.startswith(mark) for mark, _ in MARKS) or _without_mark(first):
            return
        start = first[:4096]
        odd = sum(b < 9 or 13 < b < 32 for b in start)
        if odd > len(start) * 0.05:
            raise UserError(f"{self.path} holds binary data, not text: give CSV, TSV, JSON Lines or Parquet")


def _without_mark(first: bytes) -> str | None:
    """Tell UTF-16 without a byte order mark by its zero bytes: every second one, and only there."""
    start = first[:512]
    if len(start) >= 8 and start[1::2].count(0) > 0.4 * len(start) and start[::2].count(0) == 0:
        return "utf-16-le"
    if len(start) >= 8 and start[::2].count(0) > 0.4 * len(start) and start[1::2].count(0) == 0:
        return "utf-16-be"
    return None


@dataclass
class Lines:
    """Blocks of whole lines; a line beyond `longest` is left out, whatever its length, and reported in `too_long`."""

    text: Text
    block: int
    longest: int

    def __iter__(self) -> Iterator[tuple[bytes, int, bool]]:
        """Yield (lines, each ended by a newline; number of the first one, from 1; whether it is the last block)."""
        self.too_long: list[tuple[int, str]] = []  # line number and how the line begins
        self.last_line = ""  # the line in which a torn stream ended
        self.line = 1
        self._rest = b""
        held: list[bytes] = []
        size = open_line = 0
        skipping = False
        for piece in self._newlines(self.text.pieces()):
            for part in _slices(piece, self.block):
                if skipping:
                    end = part.find(b"\n")
                    if end < 0:
                        continue
                    part, skipping = part[end + 1 :], False
                    self.line += 1
                held.append(part)
                size += len(part)
                open_line = open_line + len(part) if b"\n" not in part else len(part) - part.rfind(b"\n")
                if size < self.block and len(self._rest) + open_line <= self.longest:
                    continue
                buffer = self._rest + b"".join(held)
                held, size, self._rest = [], 0, b""
                cut = buffer.rfind(b"\n") + 1
                tail = buffer[cut:]
                if cut:
                    yield from self._block(buffer[:cut], False)
                if len(tail) > self.longest:
                    self.too_long.append((self.line + self._rest.count(b"\n"), _start(tail)))
                    skipping = True
                    if self._rest:  # an open record that the long line would have continued
                        rest, self._rest = self._rest, b""
                        yield from self._block(rest, True)
                else:
                    self._rest += tail
        buffer = self._rest + b"".join(held)
        self._rest = b""
        if self.text.torn:
            cut = buffer.rfind(b"\n") + 1
            self.last_line = _start(buffer[cut:])
            buffer = buffer[:cut]
        elif buffer and not buffer.endswith(b"\n"):
            buffer += b"\n"
        if skipping:
            self.line += 1
        yield from self._block(buffer, True)

    def unread(self, rest: bytes) -> None:
        """Give back the end of the block, to come again at the head of the next one."""
        self._rest = rest

    def _block(self, body: bytes, last: bool) -> Iterator[tuple[bytes, int, bool]]:
        yield body, self.line, last
        self.line += body.count(b"\n") - self._rest.count(b"\n")

    @staticmethod
    def _newlines(pieces: Iterator[bytes]) -> Iterator[bytes]:
        r"""Turn \r\n into \n, and in a file that starts with many \r and no \n each \r too."""
        held, old_mac = b"", None
        for piece in pieces:
            if old_mac is None and piece:
                old_mac = b"\r" in piece[:-1] and b"\n" not in piece
            if old_mac:
                piece = piece.replace(b"\r", b"\n")
            elif held or b"\r" in piece:
                whole = held + piece
                held = b"\r" if whole.endswith(b"\r") else b""
                piece = whole.removesuffix(b"\r").replace(b"\r\n", b"\n")
            if piece:
                yield piece
        if held:
            yield b"\n"


def _slices(piece: bytes, size: int) -> Iterator[bytes]:
    if len(piece) <= size:
        yield piece
        return
    for start in range(0, len(piece), size):
        yield piece[start : start + size]


def _start(line: bytes) -> str:
    return line[:400].decode("utf-8", "replace")
