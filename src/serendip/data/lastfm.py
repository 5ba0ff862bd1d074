"""Last.fm of HetRec 2011: how often 1,892 people played 17,632 artists, and the tags they gave them.

I. Cantador, P. Brusilovsky and T. Kuflik, HetRec 2011 at RecSys 2011. doi:10.1145/2043932.2044016
"""

from pathlib import Path

import polars as pl

from serendip.data.stored import events, table
from serendip.data.tables import Tables


def read(folder: Path) -> Tables:
    """Read play counts as the values of events; an artist's tags are those given by two people or more."""
    plays = table(folder, "user_artists.dat")
    plays.columns = ["user_id", "item_id", "value"]
    names = table(folder, "tags.dat").rename({"tagValue": "tag"})
    tags = (
        table(folder, "user_taggedartists.dat")
        .join(names, on="tagID")
        .group_by("artistID", "tag")
        .len()
        .filter(pl.col("len") > 1)
        .sort("len", "tag", descending=[True, False])
        .group_by("artistID", maintain_order=True)
        .agg(pl.col("tag").alias("tags"))
    )
    artists = table(folder, "artists.dat").select(pl.col("id").alias("item_id"), pl.col("name").alias("title"))
    items = artists.join(tags, left_on="item_id", right_on="artistID", how="left", maintain_order="left")
    return Tables(events(plays, "interaction"), items, plays.select("user_id").unique(maintain_order=True))
