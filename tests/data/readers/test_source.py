"""Files that are no table get one clear sentence."""

import gzip
import os
from pathlib import Path

import pytest

from serendip.data.readers import Reading, recognise
from serendip.errors import UserError

from .conftest import Write


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"\n\n  \n", "is empty"),
        (gzip.compress(b""), "is empty"),
        (b"PK\x03\x04" + bytes(100), "zip archive or an Excel"),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), "PNG picture"),
        (b"\x7fELF" + bytes(100), "a program"),
        (b"SQLite format 3\0", "sqlite:///FILE"),
        (bytes(range(256)) * 20, "binary data"),
        (gzip.compress(b"user,item\na,b\n")[:10], "damaged from the start"),
        (b'[{"user": 1}]', "one object a line"),
        (b'{\n  "user": 1\n}', "one object a line"),
        (b"PAR1" + bytes(100), "damaged"),
        (b"\n<!DOCTYPE html><html><body>404 Not Found</body></html>\n", "a web page or XML, not a table"),
    ],
)
def test_what_is_no_table(write: Write, content: bytes, said: str) -> None:
    with pytest.raises(UserError, match=said) as error:
        recognise(write(content, "strange.csv"))
    assert "strange.csv" in str(error.value)
    assert "\n" not in str(error.value)


def test_a_file_that_is_not_there_names_the_nearest(tmp_path: Path) -> None:
    (tmp_path / "ratings.csv").write_text("user,item\n")
    with pytest.raises(UserError, match=r"did you mean 'ratings.csv'"):
        recognise(tmp_path / "rating.csv")
    with pytest.raises(UserError, match="no folder"):
        recognise(tmp_path / "none" / "rating.csv")
    with pytest.raises(UserError, match=r"example.com/orders.csv is an address, and only files are read: download it"):
        recognise("https://example.com/orders.csv")
    with pytest.raises(UserError, match="is a folder"):
        recognise(tmp_path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_no_permission(write: Write) -> None:
    path = write("user,item\n")
    path.chmod(0)
    with pytest.raises(UserError, match="no permission"):
        recognise(path)


def test_unknown_encoding(write: Write) -> None:
    with pytest.raises(UserError, match="did you mean 'utf-8'"):
        recognise(write("user,item\na,b\n"), settings=Reading(encoding="uft-8"))


def test_one_endless_line(write: Write) -> None:
    with pytest.raises(UserError, match="longer than 1 MB"):
        recognise(write(b"x" * (3 << 20)), settings=Reading(sample_bytes=1 << 20))
