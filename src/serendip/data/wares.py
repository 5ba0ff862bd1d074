"""The made-up wares of the simulated shop: words, departments, prices, and the factors that these betray in part."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from serendip.arrays import F64, I64

RANK = 8  # factors of taste

DEPARTMENTS = {
    "kitchen": ("Kettle", "Pan", "Mug", "Knife", "Bowl"),
    "garden": ("Spade", "Planter", "Lantern", "Hose", "Bench"),
    "toys": ("Puzzle", "Train", "Doll", "Kite", "Robot"),
    "sport": ("Racket", "Mat", "Dumbbell", "Helmet", "Bottle"),
    "books": ("Atlas", "Novel", "Cookbook", "Almanac", "Reader"),
    "clothing": ("Jacket", "Scarf", "Boots", "Shirt", "Cap"),
    "beauty": ("Balm", "Soap", "Brush", "Perfume", "Mask"),
    "electronics": ("Speaker", "Charger", "Camera", "Lamp", "Keyboard"),
}
PEAK = np.array([335, 140, 350, 15, 345, 285, 40, 330])  # day of the year on which each department sells most
LOG_PRICE = np.array([3.2, 3.4, 2.9, 3.5, 2.6, 3.6, 2.5, 4.2])  # mean of each department
STYLES = np.array(  # (RANK, 2, 3): words for a high and for a low value of each factor
    [
        [("Modern", "Sleek", "Bright"), ("Rustic", "Vintage", "Antique")],
        [("Compact", "Slim", "Pocket"), ("Grand", "Wide", "Family")],
        [("Silent", "Soft", "Calm"), ("Bold", "Vivid", "Loud")],
        [("Organic", "Natural", "Linen"), ("Steel", "Carbon", "Chrome")],
        [("Playful", "Cheery", "Merry"), ("Formal", "Sober", "Plain")],
        [("Outdoor", "Rugged", "Alpine"), ("Cosy", "Indoor", "Velvet")],
        [("Smart", "Digital", "Turbo"), ("Handmade", "Craft", "Woven")],
        [("Luxury", "Golden", "Royal"), ("Everyday", "Simple", "Basic")],
    ]
)
SYLLABLES = ["vel", "or", "ka", "min", "tau", "ris", "do", "len", "fa", "quo", "ber", "ny", "sol", "ti", "gar", "mu"]


@dataclass(frozen=True)
class Wares:
    """The items as a shop files them (`frame`: title, description, category, price) and what is true of them."""

    frame: pl.DataFrame
    factors: F64  # (n_items, RANK + 2): the last two are the quality, and minus the price within the department
    department: I64  # (n_items,) index into DEPARTMENTS


def make(rng: np.random.Generator, n_items: int) -> Wares:
    """Return so many wares; 5% lack a description, 3% a category, 2% a price."""
    n = n_items
    department, kind = rng.integers(len(DEPARTMENTS), size=n), rng.integers(5, size=n)
    centre = rng.standard_normal((len(DEPARTMENTS), RANK))
    phi = 0.75 * centre[department] + 0.65 * rng.standard_normal((n, RANK))  # (n_items, RANK)
    dear, quality = rng.standard_normal(n), 0.4 * rng.standard_normal(n)

    strongest = np.argsort(-np.abs(phi), axis=1, kind="stable")[:, :3]  # (n_items, 3): the factors that show most
    low = (np.take_along_axis(phi, strongest, axis=1) < 0).astype(np.int64)
    style = STYLES[strongest, low, rng.integers(3, size=(n, 3))]  # (n_items, 3)
    brands = np.array(["".join(part).capitalize() for part in rng.choice(SYLLABLES, size=(n // 15 + 1, 3))])
    missing = rng.random((3, n)) < np.array([[0.05], [0.03], [0.02]])
    words = pl.DataFrame(
        {
            "brand": brands[rng.integers(len(brands), size=n)],
            "noun": np.array(list(DEPARTMENTS.values()))[department, kind],
            "department": np.array(list(DEPARTMENTS))[department],
            "price": np.exp(LOG_PRICE[department] + 0.5 * dear).round(2),
            **{f"style{k}": style[:, k] for k in range(3)},
            **dict(zip(("no_text", "no_category", "no_price"), missing, strict=True)),
        }
    )
    title = pl.format("{} {} {}", "brand", "style0", "noun")
    count = 1 + pl.int_range(pl.len()).over("brand", "style0", "noun")  # a title that is taken gets a number
    noun, heart = pl.col("noun").str.to_lowercase(), pl.col("style0").str.to_lowercase()
    text = pl.format("{} and {}: a {}, {} at heart, made by {}.", "style1", "style2", noun, heart, "brand")
    frame = words.select(
        pl.format("p{}", pl.int_range(pl.len())).alias("item_id"),
        pl.when(count > 1).then(pl.format("{} {}", title, count)).otherwise(title).alias("title"),
        pl.when(~pl.col("no_text")).then(text).alias("description"),
        pl.when(~pl.col("no_category")).then(pl.concat_list("department", noun)).alias("category"),
        pl.when(~pl.col("no_price")).then("price").alias("price"),
    )
    return Wares(frame, np.column_stack([phi / np.sqrt(RANK), quality, -dear]), department)
