"""Rules of a shop's order lines: returns, and stock codes that are no products."""

import polars as pl

SERVICE = (
    "postage shipping delivery carriage freight courier handling manual fee fees discount discounts sample samples "
    "bank charge charges adjust adjustment adjustments bad debt voucher vouchers donation commission surcharge refund "
    "deposit test correction rounding tax vat cancellation"
)
FILLER = (
    "dotcom amazon next day express standard international domestic free of the and a by gift order item product "
    "this is"
)
RETURNS = "C is a return"  # the kind of an order column in which it is so


def c_is_return(orders: pl.Series) -> bool:
    """Tell whether order numbers that begin with C are credit notes: most of the others begin with a digit."""
    some = orders.drop_nulls().str.strip_chars()
    credit = some.str.contains(r"^[Cc]\d").sum()
    return len(some) > 0 and credit <= 0.5 * len(some) and some.str.contains(r"^\d").sum() > 0.5 * len(some)


def is_return(order: pl.Expr | None, quantity: pl.Expr) -> pl.Expr:
    """Return whether rows take something back: a quantity below zero, or an order number of a credit note."""
    below = quantity < 0
    return below if order is None else below | order.str.strip_chars().str.contains(r"^[Cc]\d").fill_null(False)


def no_product(items: pl.DataFrame) -> pl.DataFrame:
    """Return the items that look like no product: item_id, title, reason.

    `items` has item_id and, where known, title. A code is told by its shape: hardly a digit in a short code where at
    least nine in ten codes have three digits or more. A title is told by its words (postage, fee, ...): by one of
    them where few codes have the shape of this one, else only where it has no other words.
    """
    title = pl.col("title") if "title" in items.columns else pl.lit(None, pl.String)
    frame = items.select("item_id", title.alias("title")).drop_nulls("item_id").unique("item_id", maintain_order=True)
    code = pl.col("item_id")
    shape = code.str.replace_all(r"\d+", "9").str.replace_all(r"\p{L}+", "A")
    frame = frame.with_columns(
        code.str.count_matches(r"\d").alias("digits"),
        (shape.len().over(shape) < 0.02 * pl.len()).alias("rare"),
        title.str.to_lowercase().str.extract_all(r"\p{L}+").alias("words"),
    )
    digital = frame.height >= 20 and (frame["digits"] >= 3).sum() >= 0.9 * frame.height
    service, filler = SERVICE.split(), FILLER.split()
    element = pl.element()
    said = pl.col("words").list.eval(element.filter(element.is_in(service))).list
    others = pl.col("words").list.eval(element.filter(element.is_in(service + filler).not_())).list.len()
    worded = pl.lit(digital) & (pl.col("digits") <= 1) & code.str.contains(r"\D")  # 7 is a code, M is none
    short = worded & ((code.str.len_chars() <= 4) | code.str.contains(" ", literal=True))
    only = (others == 0) & title.str.contains(r"\d").not_()
    reason = (
        pl.when((said.len() > 0) & (only | (pl.col("rare") & pl.lit(digital))))
        .then(pl.lit("its title says ") + said.first())
        .when(short)
        .then(pl.lit("hardly a digit in its code, unlike nearly all others"))
    )
    found = frame.with_columns(reason.alias("reason")).filter(pl.col("reason").is_not_null())
    return found.select("item_id", "title", "reason").sort("item_id")
