import json
import os
import subprocess
import sys
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load_file
from scipy.sparse import csr_matrix, random_array

from serendip import registry
from serendip.data.dataset import Dataset
from serendip.data.ids import Ids
from serendip.data.interactions import InteractionRules
from serendip.data.queries import Queries, ask
from serendip.data.tables import Tables
from serendip.errors import UserError
from serendip.models.als import ALS
from serendip.models.contract import Model
from serendip.models.ease import EASE
from serendip.models.factors import Factors, FoldIn
from serendip.models.itemscores import ItemScores
from serendip.models.itemweights import ItemWeights
from serendip.models.popular import Popular
from serendip.store import artefacts, fields
from serendip.store.artefacts import about, load, save


def ids(n, prefix):
    return Ids([f"{prefix}{i}é" for i in range(n)])


def item_scores(n_users, n_items, rng):
    scores = rng.random(n_items, np.float32)
    scores[::3] = np.nan
    return ItemScores(ids(n_users, "u"), ids(n_items, "i"), InteractionRules(half_life=2.5, now=7), scores, "popular")


def dense_weights(n_users, n_items, rng):
    known = rng.random(n_items) < 0.8
    weights = np.asfortranarray(rng.random((n_items, n_items), np.float32))
    return ItemWeights(ids(n_users, "u"), ids(n_items, "i"), InteractionRules(), weights, known)


def sparse_weights(n_users, n_items, rng):
    weights = csr_matrix(random_array((n_items, n_items), density=0.3, rng=rng, dtype=np.float32))
    weights.indptr = weights.indptr.astype(np.int64)
    return ItemWeights(ids(n_users, "u"), ids(n_items, "i"), InteractionRules(), weights, np.ones(n_items, np.bool_))


def factors(n_users, n_items, rng):
    y = rng.standard_normal((n_items, 3)).astype(np.float32)
    return Factors(
        ids(n_users, "u"), ids(n_items, "i"), InteractionRules(threshold=3.0),
        rng.standard_normal((n_users, 3)).astype(np.float32), y,
        rng.integers(0, 2**64, n_users, np.uint64), np.ones(n_items, np.bool_), FoldIn(0.1, 0.2, ratings=True),
        (y.T @ y).astype(np.float32), None, rng.random(n_items, np.float32), 3.3, (1.0, float("inf")),
    )  # fmt: skip


def equal(a, b):
    """Whether two fields hold the same, down to the type of numbers."""
    assert type(a) is type(b) or isinstance(a, dict)
    if isinstance(a, csr_matrix):
        assert a.shape == b.shape
        return all(equal(getattr(a, part), getattr(b, part)) for part in ("data", "indices", "indptr"))
    if isinstance(a, np.ndarray):
        return a.dtype == b.dtype and a.shape == b.shape and np.array_equal(a, b, equal_nan=a.dtype.kind == "f")
    return a == b


@settings(deadline=None, max_examples=25)
@given(
    make=st.sampled_from([item_scores, dense_weights, sparse_weights, factors]),
    n_users=st.integers(0, 5),
    n_items=st.integers(1, 6),
    seed=st.integers(0, 9),
)
def test_a_model_comes_back_as_it_went(make, n_users, n_items, seed, tmp_path_factory):
    directory = tmp_path_factory.mktemp("models") / "one"
    model = make(n_users, n_items, np.random.default_rng(seed))
    save(model, directory)
    back = load(directory)
    assert type(back) is type(model)
    assert all(equal(getattr(model, name), getattr(back, name)) for name in model.__dataclass_fields__)
    queries = ask([[0, n_items - 1], [], [0]])
    np.testing.assert_array_equal(model.score(queries), back.score(queries))


def shop_data():
    from serendip.data.shop import simulate

    return Dataset.of(Tables(simulate(0, 40, 30, 20).tables.events))


@pytest.mark.parametrize("algorithm", [Popular(), EASE(), ALS(rank=4, epochs=2)], ids=lambda a: a.name)
def test_scores_and_slates_are_identical_after_loading(algorithm, tmp_path):
    data = shop_data()
    model = algorithm.fit(data)
    save(model, tmp_path / "model", {"algorithm": algorithm.name, "hyperparameters": algorithm.settings()})
    back = load(tmp_path / "model")
    queries = data.queries()
    newcomers = Queries(np.full(len(queries), -1, np.int32), queries.history)
    for asked in (queries, newcomers):
        np.testing.assert_array_equal(model.score(asked), back.score(asked))
        np.testing.assert_array_equal(model.recommend(asked, 5).item, back.recommend(asked, 5).item)
    np.testing.assert_array_equal(model.explain(queries, np.zeros(len(queries), np.int32)).weight,
                                  back.explain(queries, np.zeros(len(queries), np.int32)).weight)  # fmt: skip
    said = about(tmp_path / "model")
    assert said["algorithm"] == algorithm.name and said["shape"] == type(model).__name__
    assert type(algorithm).configured(said["hyperparameters"]) == algorithm


def model(seed=0):
    return factors(4, 5, np.random.default_rng(seed))


def test_the_arrays_are_readable_by_the_safetensors_package_and_aligned(tmp_path):
    save(model(), tmp_path / "model")
    theirs = load_file(tmp_path / "model" / "state.safetensors")
    np.testing.assert_array_equal(theirs["item_factors"], model().item_factors)
    back = load(tmp_path / "model")
    for name in ("item_factors", "fitted", "known"):
        array = getattr(back, name)
        assert array.ctypes.data % array.itemsize == 0 and not array.flags.writeable


def test_a_flipped_bit_anywhere_is_refused_by_the_name_of_its_file(tmp_path):
    save(model(), tmp_path / "model", {"report": {"ndcg@10": 0.25}})
    files = sorted((tmp_path / "model").iterdir())
    assert {f.name for f in files} == {"model.json", "state.safetensors", "users.parquet", "items.parquet"}
    for file in files:
        whole = file.read_bytes()
        for at in np.linspace(0, len(whole) - 1, 40).astype(int):
            flipped = bytearray(whole)
            flipped[at] ^= 1 << int(at % 8)
            file.write_bytes(flipped)
            with pytest.raises(UserError, match=file.name):
                load(tmp_path / "model")
        file.unlink()
        with pytest.raises(UserError):
            load(tmp_path / "model")
        file.write_bytes(whole)
    assert equal(load(tmp_path / "model").item_factors, model().item_factors)


def rewritten(directory, change):
    """Change a manifest and sign it again, as another version of the program would have written it."""
    path = directory / "model.json"
    manifest = json.loads(path.read_bytes())
    del manifest["sha256"]
    change(manifest)
    path.write_bytes(artefacts._rendered(manifest))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda m: m["model"].update({"$shape": "Factor"}), "did you mean 'Factors'"),
        (lambda m: m["model"].update({"$shape": "os:system"}), "no fitted shape"),
        (lambda m: m["model"]["fields"].pop("gram"), "another version of Serendip .*gram"),
        (lambda m: m["model"]["fields"].update(extra=1), "another version of Serendip .*extra"),
        (lambda m: m["model"]["fields"]["fold"].update({"$class": "Path"}), "Path where FoldIn belongs"),
        (lambda m: m["model"]["fields"].update(gram={"$pickle": "x"}), "does not know"),
        (lambda m: m.update(format=2), "format 2"),
        (lambda m: m["files"].update({"../x": "0"}), "outside its directory"),
    ],
)  # fmt: skip
def test_what_this_version_does_not_know_is_refused(change, sentence, tmp_path):
    save(model(), tmp_path / "model")
    rewritten(tmp_path / "model", change)
    with pytest.raises(UserError, match=sentence):
        load(tmp_path / "model")


def test_no_model_is_one_sentence(tmp_path):
    with pytest.raises(UserError, match="no model in"):
        load(tmp_path / "nothing")


def test_a_save_that_fails_leaves_the_old_model_and_no_rubbish(tmp_path):
    save(model(0), tmp_path / "model")
    with pytest.raises(TypeError, match="user_bias holds a set"):
        save(replace(model(1), user_bias={1}), tmp_path / "model")
    with pytest.raises(TypeError, match="JSON serializable"):  # after the arrays were written
        save(model(1), tmp_path / "model", {"report": object()})
    assert equal(load(tmp_path / "model").item_factors, model(0).item_factors)
    assert [p.name for p in tmp_path.iterdir()] == ["model"]
    save(model(1), tmp_path / "model")
    assert equal(load(tmp_path / "model").item_factors, model(1).item_factors)
    assert [p.name for p in tmp_path.iterdir()] == ["model"]


CUT = """
import os, sys
sys.path.insert(0, {here!r})
from test_artefacts import model
from serendip.store.artefacts import save
renames, count = os.rename, 0
def cut(event, arguments):
    global count
    if event == {event!r}:
        count += 1
        if count > {after}:
            os.kill(os.getpid(), 9)
sys.addaudithook(cut)
save(model(1), {path!r})
"""


@pytest.mark.parametrize(("event", "after"), [("open", 2), ("os.rename", 0), ("os.rename", 1)])
def test_a_save_killed_at_any_step_leaves_the_old_model(event, after, tmp_path):
    save(model(0), tmp_path / "model")
    program = CUT.format(here=os.path.dirname(__file__), event=event, after=after, path=str(tmp_path / "model"))
    assert subprocess.run([sys.executable, "-c", program]).returncode == -9
    assert equal(load(tmp_path / "model").item_factors, model(0).item_factors)
    save(model(2), tmp_path / "model")
    assert equal(load(tmp_path / "model").item_factors, model(2).item_factors)


def test_a_path_that_cannot_be_written_is_one_sentence(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(UserError, match="cannot be written"):
        save(model(), tmp_path / "file" / "model")


LOOKING = """
import re, sys
import numpy as np
from serendip.store.artefacts import load
weights = load({path!r}).weights
total = float(weights.sum())
address, shared = weights.ctypes.data, {{}}
within = False
for line in open("/proc/self/smaps"):
    head = re.match(r"([0-9a-f]+)-([0-9a-f]+) ", line)
    if head:
        within = int(head[1], 16) <= address < int(head[2], 16)
    elif within:
        key, _, value = line.partition(":")
        shared[key] = value.split()[0]
print(total, shared["Private_Dirty"], shared["Rss"], flush=True)
sys.stdin.readline()
"""


@pytest.mark.skipif(not os.path.exists("/proc/self/smaps"), reason="only Linux says how pages are shared")
def test_two_processes_map_the_same_pages(tmp_path):
    n = 1000
    weights = np.ones((n, n), np.float32)
    save(ItemWeights(ids(1, "u"), ids(n, "i"), InteractionRules(), weights, np.ones(n, np.bool_)), tmp_path / "model")
    program = LOOKING.format(path=str(tmp_path / "model"))
    start = [sys.executable, "-c", program]
    workers = [subprocess.Popen(start, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    try:
        for worker in workers:
            total, private, resident = worker.stdout.readline().split()
            assert float(total) == n * n
            assert int(private) == 0 and int(resident) >= 4 * n * n // 1024
    finally:
        for worker in workers:
            worker.communicate("\n")


def test_nested_models_share_their_ids_and_keep_their_shapes(tmp_path, monkeypatch):
    from dataclasses import make_dataclass

    pair = make_dataclass("Pair", [("children", tuple[Model, ...]), ("weights", tuple[float, ...])], bases=(Model,),
                          frozen=True, namespace={"score": lambda self, queries, item=None: None})  # fmt: skip
    pair.__module__ = __name__
    module = SimpleNamespace(Pair=pair)
    monkeypatch.setitem(sys.modules, __name__, module)
    monkeypatch.setattr(fields, "SHAPES", {**registry.SHAPES, "Pair": f"{__name__}:Pair"})
    one, two = model(0), item_scores(4, 5, np.random.default_rng(0))
    save(pair(one.users, one.items, one.rules, (one, two), (0.25, 0.75)), tmp_path / "model")
    assert {p.name for p in (tmp_path / "model").glob("*.parquet")} == {"users.parquet", "items.parquet"}
    back = load(tmp_path / "model")
    assert [type(child) for child in back.children] == [Factors, ItemScores] and back.weights == (0.25, 0.75)
    assert equal(back.children[0].item_factors, one.item_factors)
    assert equal(back.children[1].scores, two.scores)
    assert back.children[0].users is back.users
