"""What columns are taken for."""

import pytest

from serendip.data.readers import Columns, Plan, Reading, recognise
from serendip.errors import UserError

from .conftest import Write, whole


@pytest.mark.parametrize(
    ("header", "roles"),
    [
        ("userId,movieId,rating,timestamp", ["user", "item", "value", "timestamp"]),
        ("timestamp,visitorid,event,itemid,transactionid", ["timestamp", "user", "type", "item", "order"]),
        ("Customer ID;Product Code;Stars;Created_At", ["user", "item", "value", "timestamp"]),
        ("reviewerID,asin,overall,unixReviewTime", ["user", "item", "value", "timestamp"]),
        ("UID|article|play count|time", ["user", "item", "value", "timestamp"]),
        ("member,sku,dwell_time,date,device", ["user", "item", "value", "timestamp", "context"]),
        ("Rechnungsnr;Artikel;Menge;Datum;Preis;Kunde", ["order", "item", "quantity", "timestamp", "price", "user"]),
        ("fecha,cliente,producto,cantidad,precio", ["timestamp", "user", "item", "quantity", "price"]),
    ],
)
def test_names(write: Write, header: str, roles: list[str]) -> None:
    assert [c.role for c in recognise(write(header + "\n")).columns] == roles


def test_overrides_and_a_column_that_is_not_there(write: Write) -> None:
    path = write("who_is,what_is,userid\n1,2,3\n4,5,6\n")
    plan = recognise(path, Columns(user="who_is", item="What Is"))
    assert [c.role for c in plan.columns][:2] == ["user", "item"]
    with pytest.raises(UserError, match=r"no column 'who' .*did you mean 'who_is'"):
        recognise(path, Columns(user="who"))
    with pytest.raises(UserError, match="both user and item"):
        recognise(path, Columns(user="who_is", item="who_is"))
    bare = recognise(write("1\t2\t3\n4\t5\t1\n", "bare.tsv"), Columns(user="2", item="1"))
    assert [c.role for c in bare.columns][:2] == ["item", "user"]


def test_strange_names_go_by_content_and_say_so(write: Write) -> None:
    rows = "".join(f"k{i % 9},p{i % 7},{i % 5 + 1},{1_600_000_000 + i}\n" for i in range(60))
    plan = recognise(write("klant,ding,sterren,wanneer\n" + rows))
    assert [c.role for c in plan.columns] == ["user", "item", "value", "timestamp"]
    assert sum("--user" in n or "--item" in n for n in plan.notes) == 2


def test_a_slip_in_a_known_name_is_that_name(write: Write) -> None:
    rows = "".join(f"{500 + i},p{i % 7},{i % 5 + 1},2011-01-{i % 28 + 1:02} 08:26,{100 + i % 9}\n" for i in range(60))
    plan = recognise(write("InvoiceNo,StokCode,Quanttiy,InvoiceDaet,CustmerID\n" + rows))
    assert [c.role for c in plan.columns] == ["order", "item", "quantity", "timestamp", "user"]
    assert "CustmerID was taken for the user, as a slip for customerid; --user names another column" in plan.notes
    other = recognise(write("customerid,itemid,Quantities of it,colour\n1,2,x,red\n2,3,y,blue\n"))
    assert [c.role for c in other.columns][:2] == ["user", "item"]
    assert not any(c.role == "quantity" for c in other.columns)


def test_times_that_cannot_be_read_are_said(write: Write) -> None:
    rows = [f"u{i % 9},p{i % 7},{'2011-01-02' if i % 4 == 0 else 'yesterday'}\n" for i in range(60)]
    path = write("user,item,date\n" + "".join(rows))
    plan = recognise(path)
    assert "timestamp" not in [c.role for c in plan.columns]
    assert any("date is a time by its name" in n and "'yesterday'" in n and "--timestamp date" in n for n in plan.notes)
    found = whole(path, Columns(timestamp="date"))
    assert (found.loaded, len(found.bad)) == (15, 45)
    never = recognise(write("user,item,date\n" + "u,p,yesterday\nv,q,never\n"))
    assert any("mend the cells" in n and "--timestamp" not in n for n in never.notes)
    years = recognise(write("user,item,date\n" + "u,p,2011\nv,q,2012\n"))
    assert any("date is a time by its name" in n and "'2011'" in n for n in years.notes)


@pytest.mark.parametrize(("role", "what"), [("timestamp", "no times, as 'red'"), ("value", "no numbers, as 'red'")])
def test_a_column_that_was_named_and_cannot_be_it(write: Write, role: str, what: str) -> None:
    path = write("user,item,colour\nu,p,red\nv,q,blue\n")
    with pytest.raises(UserError, match=f"'colour' of .*, named by --{role}, holds {what}: name another column"):
        recognise(path, Columns(**{role: "colour"}))


def test_neither_user_nor_item(write: Write) -> None:
    with pytest.raises(UserError, match="could be the user: name it with --user"):
        recognise(write("colour,size\nred green,1.5\nblue green,2.5\n"))


def test_one_table_gives_events_items_and_users(write: Write) -> None:
    rows = "".join(
        f"u{u},i{i},{(u + i) % 5 + 1},Item {i},{i % 3}.50,c{u % 2},{'app' if u * i % 3 else 'web'},{(u * 7 + i) % 11}\n"
        for u in range(12)
        for i in range(10)
    )
    found = whole(write("user_id,item_id,rating,title,price,country,device,strange\n" + rows))
    roles = {c.name: c.role for c in found.plan.columns}
    assert roles["title"] == "item attribute"
    assert roles["country"] == "user attribute"
    assert roles["device"] == roles["strange"] == "context"
    assert found.items.sort("item_id").row(3, named=True) == {"item_id": "i3", "title": "Item 3", "price": 0.5}
    assert found.users.filter(user_id="u5")["country"].to_list() == ["c1"]
    assert found.events["context"][0] == '{"device":"web","strange":0}'


def test_items_and_users_files(write: Write) -> None:
    items = whole(write("movieId,title,genres\n1,A (1995),Drama|War\n2,B,(no genres listed)\n,C,War\n", "movies.csv"))
    assert items.plan.table == "items"
    assert items.items["genres"].to_list() == [["Drama", "War"], None]
    assert items.reasons == [(4, "no item id")]
    users = whole(write("id,age,gender\n1,20,F\n2,NA,M\n", "people.csv"))
    assert users.plan.table == "users"
    assert users.users["age"].to_list() == [20, None]
    told = recognise(write("1|24|M\n2|53|F\n", "plain.txt"), settings=Reading(table="users"))
    assert told.table == "users"


def test_a_plan_is_plain_data(write: Write) -> None:
    plan = recognise(write("user,item,rating,device\na,x,5,web\nb,y,1,\n"))
    assert Plan.from_dict(plan.as_dict()) == plan
    with pytest.raises(UserError, match="did you mean 'separator'"):
        Plan.from_dict(plan.as_dict() | {"seperator": ","})
    assert "rating" in str(plan)
    assert "by name" in str(plan)
