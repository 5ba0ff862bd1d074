"""A workbook's first sheet becomes the CSV that it stands for."""

import zipfile
from pathlib import Path

from serendip.data.workbook import to_csv

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"


def test_numbers_texts_dates_gaps_and_quotes(tmp_path: Path) -> None:
    shared = ["InvoiceNo", "Description", "InvoiceDate", "UnitPrice", "SET OF 6, &quot;T&quot;", "C53&amp;1"]
    strings = "".join(f"<si><t>{text}</t></si>" for text in shared)
    strings = strings.replace("<t>C53", "<r><t>C</t></r><r><t>53").replace("1</t></si>", "1</t></r></si>")
    rows = """
      <row r="1"><c r="A1" t="s"><v>0</v></c><c r="B1" t="s"><v>1</v></c><c r="C1" t="s"><v>2</v></c>
                 <c r="D1" t="s"><v>3</v></c></row>
      <row r="2"><c r="A2"><v>536365</v></c><c r="B2" t="s"><v>4</v></c><c r="C2" s="1"><v>40513.351388888892</v></c>
                 <c r="D2"><v>2.5499999999999998</v></c></row>
      <row r="3"><c r="A3" t="s"><v>5</v></c><c r="D3"><v>0</v></c></row>
      <row r="4"><c r="B4" t="inlineStr"><is><t>in line</t></is></c><c r="C4"><v>40513</v></c></row>
    """
    with zipfile.ZipFile(tmp_path / "book.xlsx", "w") as book:
        book.writestr("xl/sharedStrings.xml", f'<sst xmlns="{MAIN}">{strings}</sst>')
        book.writestr(
            "xl/worksheets/sheet1.xml", f'<worksheet xmlns="{MAIN}"><sheetData>{rows}</sheetData></worksheet>'
        )
    to_csv(tmp_path / "book.xlsx", tmp_path / "book.csv", {"InvoiceDate"})
    assert (tmp_path / "book.csv").read_text().splitlines() == [
        "InvoiceNo,Description,InvoiceDate,UnitPrice",
        '536365,"SET OF 6, ""T""",2010-12-01 08:26:00,2.55',
        "C53&1,,,0",
        ",in line,2010-12-01 00:00:00,",
    ]
