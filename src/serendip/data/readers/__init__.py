"""Reading other people's files: text, Parquet, SQL and data frames become canonical tables and a quarantine."""

from serendip.data.readers.plan import QUARANTINE_SCHEMA, Batch, Column, Columns, Plan, Query, Reading
from serendip.data.readers.read import read
from serendip.data.readers.recognise import recognise
from serendip.data.readers.shop import no_product

__all__ = [
    "QUARANTINE_SCHEMA",
    "Batch",
    "Column",
    "Columns",
    "Plan",
    "Query",
    "Reading",
    "no_product",
    "read",
    "recognise",
]
