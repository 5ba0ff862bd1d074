"""Damaged, empty and impossible input through the real command line: one clear sentence, and nothing lost."""

import json
import os
import random
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from serendip.store.store import Store

MB = 1 << 20


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def said(done, *words, code=1):
    """Check that a call failed with one sentence that holds these words, and nothing else."""
    assert done.returncode == code, done.stderr
    assert done.stderr.startswith("serendip: ") and done.stderr.endswith("\n"), done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    assert "Traceback" not in done.stdout and "fault of serendip" not in done.stderr
    for word in words:
        assert word in done.stderr, done.stderr


def events(folder):
    """Return the events of a store as (user, item), in the order in which they came."""
    with Store.open(Path(folder) / "serendip.db", create=False) as store:
        return store.tables().events.select("user_id", "item_id").rows()


def test_an_empty_file(serendip):
    Path("e.csv").write_text("")
    said(serendip("run", "e.csv", "--project", "p"), "e.csv is empty")
    assert not Path("p").exists()


def test_a_file_of_blank_lines(inside):
    Path("e.csv").write_text("\n \n\n")
    said(inside("run", "e.csv"), "e.csv is empty")


def test_a_file_with_only_a_header(serendip, inside):
    Path("h.csv").write_text("user_id,item_id,rating\n")
    said(serendip("run", "h.csv", "--project", "p"), "holds no events")
    done = inside("ingest", "h.csv", "--project", "q")
    assert done.returncode == 0
    assert "0 rows" in done.stdout


@pytest.mark.parametrize(
    ("rows", "note"),
    [
        ("u1,a\nu1,b\nu1,c\nu1,d\n", ""),
        ("u1,a\nu2,a\nu3,a\n", "so popularity is chosen, unjudged"),
        ("u1,a\n", "so popularity is chosen, unjudged"),
    ],
    ids=["one user", "one item", "one event"],
)
def test_one_user_or_one_item_comes_to_popularity(serendip, answer, rows, note):
    Path("one.csv").write_text("user_id,item_id\n" + rows)
    done = serendip("run", "one.csv", "--algorithms", "popular,itemknn,ease", "--json")
    assert done.returncode == 0, done.stderr
    ran = json.loads(done.stdout)
    assert note in ran["note"]
    assert ran["comparison"] is None or ran["comparison"]["chosen"] == "popular"
    slate = answer("recommend", "someone else")["items"]
    assert {item["item_id"] for item in slate} == {row[-1] for row in rows.split()}
    assert {item["reason"] for item in slate} == {"popular with everyone"}


def test_a_column_that_is_not_there_is_told_with_the_nearest(serendip, inside):
    Path("f.csv").write_text("customer,product,stars,when\nu1,a,3,2024-01-01\n")
    said(serendip("ingest", "f.csv", "--user", "custmer_nr"), "'custmer_nr'", "customer")
    said(inside("ingest", "f.csv", "--timestamp", "wehn"), "'wehn'", "did you mean 'when'?")


def test_columns_that_say_nothing(inside):
    Path("f.csv").write_text("alpha,beta\n0.5,0.7\n0.1,0.2\n")
    said(inside("run", "f.csv"), "f.csv")


def test_binary_garbage(serendip):
    Path("b.csv").write_bytes(random.Random(1).randbytes(300_000))
    said(serendip("run", "b.csv"), "b.csv holds binary data")


def test_garbage_in_the_midst_is_set_aside(inside):
    rows = [f"u{n % 7},i{n % 11}\n".encode() for n in range(2000)]
    rows.insert(1000, random.Random(2).randbytes(500).replace(b"\n", b"") + b"\n")
    Path("g.csv").write_bytes(b"user_id,item_id\n" + b"".join(rows))
    (read,) = json.loads(inside("ingest", "g.csv", "--json").stdout)
    assert read["rows"] == read["loaded"] + read["quarantined"]
    assert read["loaded"] >= 2000
    assert events(".")[:1000] == [(f"u{n % 7}", f"i{n % 11}") for n in range(1000)]


def test_values_that_no_model_can_hold_are_set_aside(inside):
    values = ("1e300", "-1e300", "inf", "nan", "1e13", "4")
    Path("v.csv").write_text("user_id,item_id,value\n" + "".join(f"u1,i{n},{v}\n" for n, v in enumerate(values)))
    (read,) = json.loads(inside("ingest", "v.csv", "--json").stdout)
    assert (read["loaded"], read["quarantined"]) == (1, 5)
    assert events(".") == [("u1", "i5")]


def test_a_packed_file_that_is_torn(inside):
    import gzip

    packed = gzip.compress(
        b"user_id,item_id\n" + b"".join(f"u{n},i{n * 7919 % 9973}\n".encode() for n in range(50_000))
    )
    Path("t.csv.gz").write_bytes(packed[: len(packed) // 2])
    (read,) = json.loads(inside("ingest", "t.csv.gz", "--json").stdout)
    assert 1000 < read["loaded"] < 50_000
    assert any("end" in note or "torn" in note for note in [*read["notes"], *read["reasons"]]), read


needs_proc = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is told by Linux's /proc")


def peak(*arguments):
    """Run a command; return it with the most memory that it held, in MiB."""
    code = (
        "import sys\nfrom serendip.cli import status\ncode = status(sys.argv[1:])\n"
        "print(*(l.split()[1] for l in open('/proc/self/status') if l.startswith('VmHWM')), file=sys.stderr)\n"
        "sys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False)
    *lines, kib = done.stderr.splitlines()
    return done, "\n".join(lines), int(kib) / 1024


@needs_proc
def test_a_line_of_200_mb_is_set_aside_in_bounded_memory():
    Path("usual.csv").write_text("user_id,item_id\nu1,a\nu2,b\n")
    _, _, usual = peak("ingest", "usual.csv", "--project", "q")
    with open("long.csv", "wb") as out:
        out.write(b"user_id,item_id\nu1,a\nu2,")
        for _ in range(200):
            out.write(b"x" * MB)
        out.write(b"\nu3,c\n")
    done, _, most = peak("ingest", "long.csv", "--json")
    (read,) = json.loads(done.stdout)
    assert read["loaded"] == 2 and read["quarantined"] == 1
    assert events(".") == [("u1", "a"), ("u3", "c")]
    assert most < usual + 100
    Path("long.csv").unlink()


@needs_proc
def test_a_file_of_one_endless_line_is_refused_in_bounded_memory():
    with open("long.csv", "wb") as out:
        for _ in range(200):
            out.write(b"x" * MB)
    done, err, most = peak("ingest", "long.csv")
    assert done.returncode == 1
    assert err.startswith("serendip: ") and "\n" not in err
    assert most < 250
    Path("long.csv").unlink()


def test_ids_as_numbers_in_one_file_and_text_in_another(serendip, inside):
    import polars as pl

    Path("e.csv").write_text("user_id,item_id\n" + "".join(f"{u},{i}\n" for u in range(1, 9) for i in range(u % 3, 6)))
    pl.DataFrame({"user_id": [1.0, 2.0], "item_id": [5, 0]}).write_parquet("more.parquet")
    Path("items.jsonl").write_text('{"item_id": "3", "title": "Three"}\n{"item_id": 4, "title": "Four"}\n')
    Path("users.csv").write_text('"user_id","age"\n"1","33"\n" 2 ","44"\n')
    assert serendip("ingest", "e.csv", "more.parquet").returncode == 0
    assert inside("ingest", "items.jsonl", "users.csv").returncode == 0
    with Store.open("serendip.db", create=False) as store:
        assert sorted(store.users().series) == [str(n) for n in range(1, 9)]
        assert sorted(store.items().series) == [str(n) for n in range(6)]
        features = store.item_features()
        assert features["title"][store.items().get("4")] == "Four"
        assert features["title"][store.items().get("3")] == "Three"


def rows_of(n):
    return "user_id,item_id,timestamp\n" + "".join(f"u{k % 997},i{k % 4001},{1_700_000_000 + k}\n" for k in range(n))


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 3 MB."""
    place = tmp_path / "disk"
    place.mkdir()
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small disk")
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", place], capture_output=True).returncode:
        pytest.skip("this machine does not let a small disk be mounted")
    yield place
    subprocess.run(["umount", place], check=True)


def test_a_disk_that_fills_up_during_ingest(serendip, small_disk):
    Path("few.csv").write_text(rows_of(2000))
    Path("many.csv").write_text(rows_of(60_000))
    assert serendip("ingest", "few.csv", "--project", small_disk).returncode == 0
    said(serendip("ingest", "many.csv", "--project", small_disk), "the disk is full")
    before = events(small_disk)
    assert before == [(f"u{k % 997}", f"i{k % 4001}") for k in range(2000)]
    subprocess.run(["mount", "-o", "remount,size=100m", small_disk], check=True)
    (read,) = json.loads(serendip("ingest", "many.csv", "--project", small_disk, "--json").stdout)
    assert read["new_events"] + read["repeated_events"] == 60_000
    assert len(events(small_disk)) == 60_000


def test_a_disk_that_fills_up_during_the_main_job(serendip, small_disk, prepared):
    subprocess.run(["mount", "-o", "remount,size=400k", small_disk], check=True)
    given = ["run", prepared / "events.csv", "--items", prepared / "items.csv", "--algorithms", "itemknn,ease"]
    said(serendip(*given, "--project", small_disk), "the disk is full")
    subprocess.run(["mount", "-o", "remount,size=50m", small_disk], check=True)
    done = serendip(*given, "--project", small_disk, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["users_with_slates"] == 240
    assert len(events(small_disk)) == 240 * 7


def test_a_file_that_may_not_grow(serendip):
    Path("many.csv").write_text(rows_of(60_000))
    limit = 2 * MB
    done = serendip(
        "ingest", "many.csv", "--project", "p",
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
    )  # fmt: skip
    said(done, "full")
    assert json.loads(serendip("ingest", "many.csv", "--project", "p", "--json").stdout)[0]["loaded"] == 60_000
    assert len(events("p")) == 60_000


def without_privileges(serendip, *arguments):
    """Call the command line as someone whom permissions bind: root is let through everywhere."""
    if os.geteuid() != 0:
        return serendip(*arguments)
    bound = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", sys.executable]
    if not shutil.which("setpriv") or subprocess.run([*bound, "-c", ""], capture_output=True, check=False).returncode:
        pytest.skip("root cannot give up its privileges here")
    command = [*bound, "-c", "from serendip.cli import main; main()", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_what_may_not_be_read_or_written(serendip):
    Path("f.csv").write_text("user_id,item_id\nu1,a\n")
    Path("closed.csv").write_text("user_id,item_id\nu1,a\n")
    Path("closed.csv").chmod(0)
    Path("locked").mkdir(mode=0)
    Path("shown").mkdir()
    Path("shown").chmod(0o555)
    try:
        said(without_privileges(serendip, "ingest", "closed.csv", "--project", "mine"), "closed.csv")
        said(without_privileges(serendip, "recommend", "u1", "--project", "locked"), "locked", "not readable", code=2)
        said(without_privileges(serendip, "ingest", "f.csv", "--project", "shown"), "shown", "ermission")
    finally:
        Path("locked").chmod(0o700)


def test_places_that_are_something_else(inside):
    Path("f.csv").write_text("user_id,item_id\nu1,a\n")
    Path("folder").mkdir()
    said(inside("run", "f.csv", "--project", "f.csv"), "f.csv")
    said(inside("recommend", "u1", "--project", "f.csv"), "f.csv")
    said(inside("recommend", "u1", "--project", "nowhere"), "no store at nowhere", "serendip ingest FILE")
    said(inside("ingest", "folder"), "folder is a folder")
    said(inside("ingest", "g.csv"), "no file g.csv", "did you mean 'f.csv'?")
    said(inside("run", "f.csv", "--items", "itens.csv"), "itens.csv")
    assert not Path("serendip.db").exists()


def test_a_damaged_store(inside, shop):
    whole = Path("project/serendip.db").read_bytes()
    rot = bytearray(whole)
    rot[4096 * 3 : 4096 * 23] = random.Random(3).randbytes(4096 * 20)
    for damaged in (random.Random(4).randbytes(5000), bytes(rot), whole[: len(whole) // 2], whole[:50]):
        Path("project/serendip.db").write_bytes(damaged)
        for command in (["recommend", "u1"], ["compare", "--algorithms", "ease"], ["train", "popular"]):
            done = inside(*command, "--project", "project")
            said(done, "serendip.db")


def test_a_damaged_model_is_told_and_fitted_again(inside, shop):
    (version,) = (path for path in Path("project/models").iterdir() if path.is_dir())
    for name in ("model.json", "state.safetensors", "items.parquet"):
        body = bytearray((version / name).read_bytes())
        body[len(body) // 2] ^= 255
        (version / name).write_bytes(body)
        said(inside("recommend", "u14", "--project", "project"), name, "fit the model again")
        assert inside("train", "itemknn", "--project", "project").returncode == 0
        assert inside("recommend", "u14", "--project", "project").returncode == 0
        (version,) = (Path("project/models") / Path("project/models/current").read_text().strip(),)
    shutil.rmtree(version)
    said(inside("recommend", "u14", "--project", "project"), "no model yet")


def test_a_model_of_another_store(inside, shop):
    Path("other.csv").write_text("user_id,item_id\nx,y\nx,z\nw,y\n")
    assert inside("ingest", "other.csv", "--project", "other").returncode == 0
    shutil.copytree("project/models", "other/models", dirs_exist_ok=True)
    said(inside("recommend", "x", "--project", "other"), "was fitted on other users")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[objectve]\n", ["[objectve]", "did you mean 'objective'?"]),
        ("[objective]\nmetrc = 'x'\n", ["'metrc'", "did you mean 'metric'?"]),
        ("[objective]\nmetric = 'ndgc@10'\n", ["serendip.toml", "'ndgc@10'", "did you mean 'ndcg'?"]),
        ("[training]\nalgorithms = ['esae']\n", ["serendip.toml", "'esae'", "did you mean 'ease'?"]),
        ("[training.hyperparameters.ease]\nl3 = 3\n", ["'l3'", "did you mean 'l2'?"]),
        ("[training]\nhyperparameters = {ease = 3}\n", ["hyperparameters ease is a table"]),
        ("[evaluation]\nsplit = 'tme'\n", ["did you mean 'time'?"]),
        ("[interactions]\nweights = {purchse = 3}\n", ["'purchse'", "did you mean 'purchase'?"]),
        ("[interactions]\nhalf_life = nan\n", ["half_life"]),
        ("[data]\nexclude_items = ['i999']\n", ["'i999'", "did you mean"]),
        ("[data]\nexclude_attributes = ['pice']\n", ["'pice'", "did you mean 'price'?"]),
        ("[data]\ncontext = ['device']\n", ["no event's context has it"]),
        ("this is no toml", ["is not TOML"]),
    ],
)
def test_settings_that_cannot_be(inside, shop, text, words):
    Path("project/serendip.toml").write_text(text)
    said(inside("compare", "--project", "project", "--algorithms", "ease"), *words)
