"""Returns, stock notes and codes that are no products."""

import polars as pl

from serendip.data.readers import no_product

from .conftest import Write, whole

HEAD = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n"


def row(order: str, item: str, title: str, n: int, user: str = "17850", price: float = 2.5) -> str:
    return f"{order},{item},{title},{n},2010-12-01 08:26:00,{price},{user},France\n"


def test_order_lines(write: Write) -> None:
    content = HEAD + row("536365", "85123A", "LAMP", 6) + row("C536366", "85123A", "LAMP", -2)
    content += row("536367", "22423", "STAND", -1) + row("536368", "22423", "STAND", 0)
    content += row("536369", "71053", "LANTERN", 3, user="") + row("C536370", "22423", "STAND", 4)
    found = whole(write(content))
    assert found.events.select("type", "value").rows() == [("purchase", 6), ("return", 2), ("return", 1), ("return", 4)]
    assert found.reasons == [(5, "quantity is zero"), (6, "no user id")]
    assert found.items.sort("item_id")["item_id"].to_list() == ["22423", "71053", "85123A"]
    assert found.users.rows() == [("17850", "France")]
    assert found.events["context"][0] == '{"invoice_no":"536365","price":2.5}'


def test_orders_that_all_begin_with_c_are_no_returns(write: Write) -> None:
    found = whole(write(HEAD + row("C1", "85123A", "LAMP", 6) + row("C2", "22423", "STAND", 1)))
    assert found.events["type"].unique().to_list() == ["purchase"]


def test_titles_are_no_stock_notes_and_prices_are_medians(write: Write) -> None:
    notes = "".join(row(str(600000 + i), "22423", "damaged", -5, price=0.0) for i in range(9))
    sold = "".join(row(str(536365 + i), "22423", "CAKE STAND", 1, price=p) for i, p in enumerate([10, 10, 12]))
    found = whole(write(HEAD + notes + sold))
    assert found.items.select("item_id", "title").rows() == [("22423", "CAKE STAND")]


def test_no_product() -> None:
    codes = [(str(20000 + i), f"RED CUP {i}") for i in range(200)] + [(f"{30000 + i}A", "BLUE CUP") for i in range(50)]
    odd = [("POST", "POSTAGE"), ("M", "Manual"), ("BANK CHARGES", "Bank Charges"), ("C2", "CARRIAGE"), ("PADS", "PADS")]
    odd += [("gift_0001_20", "Shop Gift Voucher"), ("23444", "Next Day Carriage"), ("AMAZONFEE", "AMAZON FEE")]
    fine = [("DCGSSBOY", "BOYS PARTY BAG"), ("99001", "SAMPLES BOX OF TEA"), ("99002", None)]
    items = pl.DataFrame(codes + odd + fine, schema={"item_id": pl.String, "title": pl.String}, orient="row")
    found = no_product(items)
    assert set(found["item_id"]) == {code for code, _ in odd}
    assert found["reason"].null_count() == 0
    films = pl.DataFrame({"item_id": [str(i) for i in range(3000)], "title": [f"Courier ({i})" for i in range(3000)]})
    assert no_product(films).is_empty()
