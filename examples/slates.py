"""From a shop's CSV files to slates with titles, in Python.

    python examples/slates.py [EVENTS.csv [ITEMS.csv]]

Without files it writes those of a simulated shop into a temporary folder first.
"""

import sys
import tempfile
from pathlib import Path

import polars as pl

import serendip
from serendip.data.shop import simulate


def main(files: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        events, items = (*files, None)[:2] if files else written(Path(folder))
        data = serendip.read(events, items=items)
    print(f"{len(data):,} events of {data.n_users:,} users and {data.n_items:,} items")

    algorithms = {"popular": serendip.Popular(), "itemknn": serendip.ItemKNN(), "ease": serendip.EASE()}
    measured = serendip.evaluate(list(algorithms.values()), serendip.split(data, "last-share"), "ndcg@10")
    print(measured)

    best = measured.sort("mean", descending=True)["algorithm"][0]
    model = algorithms[best].fit(data)
    slates = serendip.recommend(serendip.Pipeline(model, serendip.Popular().fit(data)), data, k=5)
    print(f"{best} for everyone: {slates}")

    user, item = slates["user_id"][0], slates["item_id"][0]
    parts = model.explain(data.queries(data.users.index([user])), data.items.index([item]))  # they sum to the score
    strongest = sorted(zip(parts.weight, parts.item, strict=True), reverse=True)[:3]
    because = ", ".join(f"{data.items[i] if i >= 0 else 'everyone'} ({weight:.2f})" for weight, i in strongest)
    print(f"why {item} for {user}: because of {because}")


def written(folder: Path) -> tuple[Path, Path]:
    """Write the files of a simulated shop."""
    tables = simulate(seed=0, n_users=300, n_items=120, days=90).tables
    tables.events.select("user_id", "item_id", "type", "value", "timestamp").write_csv(folder / "events.csv")
    tables.items.with_columns(pl.col("category").list.join("|")).write_csv(folder / "items.csv")
    return folder / "events.csv", folder / "items.csv"


if __name__ == "__main__":
    main(sys.argv[1:])
