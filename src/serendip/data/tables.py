"""The three tables in which data arrives, before ids become indices."""

from dataclasses import dataclass, field

import polars as pl

EVENT_SCHEMA = pl.Schema(
    {
        "event_id": pl.String,
        "user_id": pl.String,
        "item_id": pl.String,
        "type": pl.String,
        "value": pl.Float64,
        "timestamp": pl.Int64,  # milliseconds since 1970 UTC
        "context": pl.String,  # a JSON object
        "source": pl.String,
        "impression_id": pl.String,
    }
)


def no_items() -> pl.DataFrame:
    """Return an items table without rows or attributes."""
    return pl.DataFrame(schema={"item_id": pl.String})


def no_users() -> pl.DataFrame:
    """Return a users table without rows or attributes."""
    return pl.DataFrame(schema={"user_id": pl.String})


@dataclass(frozen=True)
class Tables:
    """Events (`EVENT_SCHEMA`), items (item_id, attributes) and users (user_id, attributes); null means missing."""

    events: pl.DataFrame
    items: pl.DataFrame = field(default_factory=no_items)
    users: pl.DataFrame = field(default_factory=no_users)
