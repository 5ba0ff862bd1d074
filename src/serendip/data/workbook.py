"""The first sheet of an Excel workbook as CSV, row by row: enough for what Online Retail is published as."""

import csv
import os
import zipfile
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO
from xml.etree.ElementTree import Element, iterparse

MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
EPOCH = datetime(1899, 12, 30)  # day 0 of the serial numbers that stand for dates


def to_csv(workbook: Path, target: Path, date_columns: set[str]) -> None:
    """Write the first sheet to `target`, the columns named in `date_columns` as YYYY-MM-DD HH:MM:SS."""
    partial = target.with_name(f".{target.name}.part")
    with partial.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        header: list[str] = []
        for row in _rows(workbook):
            if header:
                writer.writerow(
                    _date(value) if name in date_columns and value else value
                    for name, value in zip(header, row + [""] * (len(header) - len(row)), strict=False)
                )
            else:
                header = row
                writer.writerow(header)
    os.replace(partial, target)


def _rows(workbook: Path) -> Iterator[list[str]]:
    with zipfile.ZipFile(workbook) as archive:
        shared: list[str] = []
        if "xl/sharedStrings.xml" in archive.namelist():
            with archive.open("xl/sharedStrings.xml") as file:
                for element in _elements(file, "si"):
                    shared.append("".join(part.text or "" for part in element.iter(f"{MAIN}t")))
        with archive.open("xl/worksheets/sheet1.xml") as file:
            for element in _elements(file, "row"):
                row: list[str] = []
                for cell in element:
                    column = _column(cell.get("r", ""), len(row))
                    row += [""] * (column - len(row)) + [_value(cell, shared)]
                yield row


def _elements(file: IO[bytes], name: str) -> Iterator[Element]:
    """Yield each element of a name when it is complete, and empty it afterwards, so that memory stays small."""
    for _, element in iterparse(file):
        if element.tag == MAIN + name:
            yield element
            element.clear()


def _value(cell: Element, shared: list[str]) -> str:
    if cell.get("t") == "inlineStr":
        return "".join(part.text or "" for part in cell.iter(f"{MAIN}t"))
    value = cell.findtext(f"{MAIN}v") or ""
    if cell.get("t") == "s":
        return shared[int(value)]
    if cell.get("t", "n") != "n" or not value:
        return value
    number = float(value)  # 2.5499999999999998 is how a workbook writes 2.55
    return str(int(number)) if number.is_integer() else repr(number)


def _column(reference: str, default: int) -> int:
    """Return 0 for A7, 27 for AB7."""
    number = 0
    for letter in reference.rstrip("0123456789"):
        number = number * 26 + ord(letter) - 64
    return number - 1 if number else default


def _date(serial: str) -> str:
    return str(EPOCH + timedelta(seconds=round(float(serial) * 86_400)))
