"""Events out of rows: types, values, the quarantine."""

import time

import pytest

from serendip.data.readers import Columns

from .conftest import Write, whole


def test_reasons(write: Write) -> None:
    rows = [
        ",x,5,1000000000",
        "a,NULL,5,1000000000",
        "a,x,,1000000000",
        "a,x,good,1000000000",
        "a,x,NaN,1000000000",
        "a,x,inf,1000000000",
        "a,x,999,1000000000",
        "a,x,-3,1000000000",
        "a,x,5,",
        "a,x,5,yesterday",
        f"a,x,5,{int(time.time()) + 3 * 86400}",
        f"a,x,5,{int(time.time()) + 3600}",
    ]
    good = "".join(f"b,y{i},{i % 5 + 1},1000000000\n" for i in range(20))
    found = whole(write("user,item,rating,time\n" + "\n".join(rows) + "\n" + good))
    assert found.reasons == [
        (2, "no user id"),
        (3, "no item id"),
        (4, "no rating"),
        (5, "rating cannot be read as a number"),
        (6, "rating is NaN or infinite"),
        (7, "rating is NaN or infinite"),
        (8, "rating outside the scale 1 to 5"),
        (9, "rating outside the scale 1 to 5"),
        (10, "no timestamp"),
        (11, "timestamp cannot be read"),
        (12, "timestamp lies in the future"),
    ]
    assert found.bad["file"].unique().to_list() == [found.plan.source]
    assert found.bad["row"][2] == "a,x,,1000000000"
    assert found.loaded == 21


def test_types_by_synonym_and_unknown_ones_kept(write: Write) -> None:
    kinds = ["addtocart", "PageView", "transaction", "thumbs_up", "Play", "wave", "click", "refund"]
    rows = "".join(f"u{i},i{i},{k},\n" for i, k in enumerate(kinds))
    found = whole(write("user,item,event,value\n" + rows))
    assert found.events["type"].to_list() == ["cart", "view", "purchase", "like", "view", "wave", "click", "return"]
    assert any("wave" in note for note in found.notes)
    assert found.events["value"].null_count() == 8


def test_ratings_in_a_file_of_many_types(write: Write) -> None:
    rows = "".join(f"u{i},i{i},{'rate' if i % 2 else 'view'},{i % 5 + 1 if i % 2 else ''}\n" for i in range(40))
    found = whole(write("user,item,type,value\n" + rows + "a,b,rating,77\na,b,rating,\na,b,time_spent,77\n"))
    assert [reason for _, reason in found.reasons] == ["rating outside the scale 1 to 5", "no value"]
    assert found.events["type"].value_counts().sort("type").rows() == [("rating", 20), ("time_spent", 1), ("view", 20)]


def test_default_types(write: Write) -> None:
    assert whole(write("user,item\na,x\n")).events["type"].to_list() == ["interaction"]
    assert whole(write("user,item\na,x\n", "clicks.csv")).events["type"].to_list() == ["click"]
    assert whole(write("user,item,liked\na,x,1\nb,x,0\nc,x,?\n")).events["type"].to_list() == ["like", "dislike"]
    assert whole(write("user,item,dwell\na,x,3.5\n")).events["type"].to_list() == ["time_spent"]
    assert whole(write("user,item,tag\na,x,fun\n")).events["context"].to_list() == ['{"tag":"fun"}']
    review = whole(write("user,item,rating,review_text\na,x,3,so so\nb,x,4,\n")).events
    assert review["type"].to_list() == ["rating", "rating"]
    assert review["context"].to_list() == ['{"text":"so so"}', None]


def test_ids_meet_as_text(write: Write) -> None:
    numbers = whole(write("user,item\n1.0,7\n2.0,8\n"))
    text = whole(write('user,item\n" 1 ",007\n2,8\n'))
    assert numbers.events["user_id"].to_list() == text.events["user_id"].to_list() == ["1", "2"]
    assert text.events["item_id"].to_list() == ["007", "8"]


@pytest.mark.parametrize("side", ["user", "item"])
def test_ids_alone_are_a_table_too(write: Write, side: str) -> None:
    found = whole(write(f"{side}_id\nann\n\nbob\nann\n", f"{side}s.csv"))
    assert getattr(found, f"{side}s")[f"{side}_id"].to_list() == ["bob", "ann"] and len(found.events) == 0


def test_scale_is_told(write: Write) -> None:
    rows = "".join(f"u{i},i{i},{i % 5 + 1}\n" for i in range(20))
    found = whole(write("user,item,rating\n" + rows), scale=(2, 4))
    assert found.bad.height == 8
    assert found.plan.scale == (2, 4)


def test_event_ids_of_the_file_are_kept(write: Write) -> None:
    found = whole(write("event_id,user,item\ne1,a,x\n,a,x\n"))
    assert found.events["event_id"][0] == "e1"
    assert len(found.events["event_id"][1]) == 32


def test_decimal_comma(write: Write) -> None:
    found = whole(write("user;item;rating\na;x;3,5\nb;x;4\nc;y;1,0\n"), Columns(user="user"))
    assert found.events["value"].to_list() == [3.5, 4, 1]


@pytest.mark.parametrize("header", ["customer;product;title;price\n", ""])
def test_semicolons_before_commas_in_every_row(write: Write, header: str) -> None:
    rows = "".join(f"c{i % 9};p{i % 7};Lamp {i % 7};{i % 7},5{i % 3}\n" for i in range(60))
    plan = whole(write(header + rows)).plan
    assert plan.separator == ";"
    assert [c.role for c in plan.columns][:2] == ["user", "item"]


def test_commas_before_semicolons_within_cells(write: Write) -> None:
    plan = whole(write("user,item,genres\n" + "".join(f"u{i},p{i},a;b\n" for i in range(30)))).plan
    assert plan.separator == ","


@pytest.mark.parametrize("name", ["rating", "score"])
def test_interrupt_is_not_swallowed(write: Write, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from serendip.data.readers import read, recognise

    batches = read(recognise(write(f"user,item,{name}\na,x,5\n")))
    next(batches)
    with pytest.raises(KeyboardInterrupt):
        batches.throw(KeyboardInterrupt)  # type: ignore[attr-defined]
