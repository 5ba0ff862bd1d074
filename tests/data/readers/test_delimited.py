"""Separated text, whole and damaged."""

import gzip
from pathlib import Path

import pytest

from .conftest import Write, whole, zstd

HEAD = "user_id,item_id,rating,timestamp\n"
ROWS = ["a,x,5,1000000000", "b,y,3,1000000001", "c,x,1,1000000002"]
GOOD = HEAD + "\n".join(ROWS) + "\n"


@pytest.mark.parametrize("separator", [",", "\t", ";", "|", "::"])
def test_separators(write: Write, separator: str) -> None:
    found = whole(write(GOOD.replace(",", separator)))
    assert found.plan.separator == separator
    assert found.events["user_id"].to_list() == ["a", "b", "c"]
    assert found.events["value"].to_list() == [5, 3, 1]
    assert found.events["timestamp"].to_list() == [10**12, 10**12 + 1000, 10**12 + 2000]


@pytest.mark.parametrize(
    "content",
    [
        GOOD.encode("utf-8-sig"),
        GOOD.replace("\n", "\r\n").encode(),
        GOOD.replace("\n", "\r").encode(),
        GOOD.rstrip("\n").encode(),
        GOOD.encode("utf-16"),
        GOOD.encode("utf-16-le"),
        b"\xfe\xff" + GOOD.encode("utf-16-be"),
        GOOD.replace("\n", ",\n").encode(),
        GOOD.replace("\n", ",\n").replace("timestamp,", "timestamp").encode(),
        ('"' + GOOD.replace(",", '","').rstrip("\n").replace("\n", '"\n"') + '"\n').encode(),
        gzip.compress(GOOD.encode()),
        gzip.compress(GOOD[:40].encode()) + gzip.compress(GOOD[40:].encode()),
        zstd.compress(GOOD.encode()),
    ],
    ids=["bom", "crlf", "cr", "no-end", "utf16", "utf16-no-bom", "utf16be", "trailing", "trailing-rows", "quoted", "gz",
         "gz-members", "zst"],
)  # fmt: skip
def test_the_same_events_however_written(write: Write, content: bytes) -> None:
    plain = whole(write(GOOD, "plain.csv"))
    found = whole(write(content))
    assert found.events.drop("event_id").equals(plain.events.drop("event_id"))
    assert found.bad.is_empty()


def test_blank_lines_are_counted_and_comments_are_rows(write: Write) -> None:
    found = whole(write(HEAD + "\n" + ROWS[0] + "\n   \n#1,x,2,1000000000\n\n"))
    assert (found.loaded, found.skipped) == (2, 4)
    assert found.events["user_id"].to_list() == ["a", "#1"]


def test_no_header_goes_by_position(write: Write) -> None:
    found = whole(write("196\t242\t3\t881250949\n186\t302\t4\t891717742\n", "u.data"))
    assert [c.role for c in found.plan.columns] == ["user", "item", "value", "timestamp"]
    assert found.loaded == 2
    assert "no header" in str(found.plan)


def test_quotes_hold_separators_quotes_and_line_breaks(write: Write) -> None:
    rows = 'a,x,5,"good, ""very"" good"\nb,y,4,"two\nlines, here"\nc,z,3,"odd "inner" quote"\nd,x,2,5" disc\ne,y,1,ok\n'
    found = whole(write("user_id,item_id,rating,review\n" + rows))
    texts = found.events["context"].str.json_path_match("$.text").to_list()
    assert texts == ['good, "very" good', "two\nlines, here", 'odd "inner" quote', '5" disc', "ok"]
    assert found.bad.is_empty()


@pytest.mark.parametrize("ids", ["{}", "artist-{}"])
def test_a_quoted_word_at_the_start_of_a_name_takes_no_other_row_with_it(write: Write, ids: str) -> None:
    names = [f"Name {n}" for n in range(400)]
    names[40], names[90], names[300] = '"Weird Al" Yankovic', "Royce da 5'9\"", 'a "name"'
    rows = "".join(f"{ids.format(n)}\t{name}\thttp://x/{n}\n" for n, name in enumerate(names))
    found = whole(write(f"id\tname\turl\n{rows}", "artists.dat"))
    assert found.items["title"].to_list() == names and not found.reasons


def test_a_text_of_several_lines_with_separators_in_them_is_one_cell(write: Write) -> None:
    poem = "a line, and another\nroses, red\nviolets, blue\n\nthe end"
    rows = "".join(f'p{n},"{poem}"\n' if n % 3 else f"p{n},plain\n" for n in range(30))
    found = whole(write(f"item_id,description\n{rows}", "items.csv"))
    assert found.items[:, 1].to_list() == [poem if n % 3 else "plain" for n in range(30)]


def test_a_stray_quote_takes_no_other_row_with_it(write: Write) -> None:
    rows = ['a,x,5,"never closed', "b,y,4,fine", 'c,z,3,end"', "d,x,2,fine"]
    found = whole(write("user_id,item_id,rating,review\n" + "\n".join(rows) + "\n"))
    assert found.events["user_id"].to_list() == ["a", "b", "c", "d"]
    torn = whole(write('user_id,item_id,rating\na,x,5\nb,"y,4\nc,z,"3\nd,x,2\n'))
    assert torn.events["user_id"].to_list() == ["a", "b", "d"]
    assert torn.reasons == [(4, "rating cannot be read as a number")]


def test_a_torn_row_names_its_physical_line(write: Write) -> None:
    content = 'user_id,item_id,rating,review\na,x,5,"one\ntwo"\nb,y\n\nc,z,4,ok,more\nd,x,3,fine\n'
    found = whole(write(content))
    assert found.reasons == [(4, "2 cells where 4 were expected"), (6, "5 cells where 4 were expected")]
    assert found.bad["row"].to_list() == ["b,y", "c,z,4,ok,more"]
    assert found.events["user_id"].to_list() == ["a", "d"]


def test_windows_1252_in_text_only(write: Write) -> None:
    rows = [b"a,x,5,caf\xe9", "b,y,4,café".encode(), b"c\xe9,z,3,plain", b"d,x,2,\x81\x8d"]
    path = write(b"user_id,item_id,rating,review\n" + b"\n".join(rows) + b"\n")
    found = whole(path)
    assert found.events["context"].to_list() == ['{"text":"café"}'] * 2
    assert [line for line, _ in found.reasons] == [4, 5]
    assert all(("wrong encoding" in reason and "as --encoding windows-1252" in reason) or "use --encoding" in reason
               for _, reason in found.reasons)  # fmt: skip
    assert found.notes == ("1 row was not UTF-8; read as Windows-1252",)
    assert whole(path, encoding="latin-1").events["user_id"].to_list() == ["a", "b", "cé", "d"]
    strict = whole(path, encoding="utf-8")
    assert strict.events["user_id"].to_list() == ["b"]


def test_zero_bytes_and_damaged_utf16(write: Write) -> None:
    found = whole(write(HEAD + "a,x,5,1000000000\nb\0,y,3,1000000000\n"))
    assert found.reasons == [(3, "binary zero bytes in the row")]
    torn = GOOD.encode("utf-16")[:-2] + b"\n\x00\x00\xd8\n\x00"
    assert [line for line, _ in whole(write(torn)).reasons] == [5]


@pytest.mark.parametrize("block", [1, 7, 64, 1 << 20])
def test_a_line_beyond_the_limit(write: Write, block: int) -> None:
    content = HEAD + ROWS[0] + "\n" + "z" * 5000 + ",x,1,1000000000\n" + ROWS[1] + "\n" + "q" * 3000
    found = whole(write(content), block_bytes=block, longest_line=1 << 10, sample_bytes=60)
    assert found.reasons == [(3, "line longer than 0.000976562 MB"), (5, "line longer than 0.000976562 MB")]
    assert found.events["user_id"].to_list() == ["a", "b"]
    assert found.bad["row"].str.len_chars().max() <= 400


def test_truncated_gzip_keeps_the_rows_before_the_tear(write: Write) -> None:
    rows = "".join(f"u{i},i{i * 7919 % 100},{i % 5 + 1},{10**9 + i * 977}\n" for i in range(2000))
    packed = gzip.compress((HEAD + rows).encode())
    found = whole(write(packed[: len(packed) // 2], "events.csv.gz"))
    assert 0 < found.loaded < 2000
    assert found.bad.height == 1
    assert "damaged" in found.bad["reason"][0]
    assert found.bad["line"][0] == found.loaded + 2


def test_header_only(write: Write) -> None:
    found = whole(write(HEAD))
    assert (found.rows, found.skipped) == (0, 1)
    assert "no rows" in found.plan.notes[-1]


def test_one_row(write: Write, tmp_path: Path) -> None:
    assert whole(write(HEAD + ROWS[0])).events["item_id"].to_list() == ["x"]
