"""`serendip recommend` in a context: from a file's columns through training to the slate."""

import json
import random
from pathlib import Path

import pytest

from serendip.cli import status


@pytest.fixture
def devices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A trained project in which people mostly take p0 to p9 on a phone and d0 to d9 at a desktop."""
    monkeypatch.chdir(tmp_path)
    draw = random.Random(0)
    rows = []
    for n in range(1500):
        device = draw.choice(["phone", "desktop"])
        which = device[0] if n % 8 else draw.choice("pd")
        when = f"2024-{1 + n // 250:02}-{1 + n % 28:02}T{draw.randrange(24):02}:00:00Z"
        rows.append(f"u{draw.randrange(200)},{which}{draw.randrange(10)},{when},{device}\n")
    Path("events.csv").write_text("user_id,item_id,timestamp,device\n" + "".join(rows))
    Path("serendip.toml").write_text('[data]\ncontext = ["device"]\n')
    assert status(["ingest", "events.csv"]) == 0
    assert status(["train", "fm", "--set", "rank=8"]) == 0
    return tmp_path


def test_the_context_of_the_request_decides(devices: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for who in (["u1"], ["nobody"], ["--history", "p1,d1"]):
        for device in ("phone", "desktop"):
            capsys.readouterr()
            assert status(["recommend", *who, "--context", f"device={device}", "-k", "5", "--json"]) == 0
            items = [one["item_id"] for one in json.loads(capsys.readouterr().out)["items"]]
            assert sum(item[0] == device[0] for item in items) >= 4, (who, device, items)


def test_a_context_is_a_name_and_a_value(devices: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert status(["recommend", "u1", "--context", "phone"]) == 1
    assert "NAME=VALUE, as device=phone, and 'phone' is not" in capsys.readouterr().err
