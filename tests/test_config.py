"""`serendip.toml`: what is written is read back, and what cannot be is told with the nearest name."""

import dataclasses
import tomllib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serendip.config import Settings, Stages, parse, read, sections, write
from serendip.errors import UserError

TEXT = st.text(st.characters(codec="utf-8"))


def test_the_defaults_are_written_and_read_back():
    assert parse(tomllib.loads(write(Settings())), "here") == Settings()


def test_every_setting_is_written_with_its_meaning():
    text = write(Settings(pipelines={"NAME": Stages()})).replace('"NAME"', "NAME")
    for name, values in sections().items():
        assert f"[{name}]" in text
        for one in dataclasses.fields(values):
            assert f"# {one.metadata['doc']}\n" in text


@given(
    files=st.lists(TEXT), items=TEXT, columns=st.dictionaries(TEXT, TEXT),
    weights=st.dictionaries(TEXT, st.floats(allow_nan=False, allow_infinity=False)),
    chosen=st.dictionaries(TEXT, st.dictionaries(TEXT, st.booleans() | st.integers(-(2**63), 2**63 - 1) | TEXT)),
    k=st.integers(1, 1000),
    named=st.dictionaries(TEXT, st.builds(Stages, where=TEXT, rerank=st.lists(TEXT)), max_size=3),
)  # fmt: skip
def test_any_settings_are_read_back_as_they_were(files, items, columns, weights, chosen, k, named):
    plain = Settings()
    settings = replace(
        plain,
        data=replace(plain.data, files=files, items=items, columns=columns),
        interactions=replace(plain.interactions, weights=weights),
        training=replace(plain.training, hyperparameters=chosen),
        serving=replace(plain.serving, k=k),
        pipelines=named,
    )
    assert parse(tomllib.loads(write(settings)), "here") == settings


def test_what_is_not_named_has_its_default(tmp_path):
    path = tmp_path / "serendip.toml"
    path.write_text("[evaluation]\nshare = 0.5\n")
    assert read(path) == replace(Settings(), evaluation=replace(Settings().evaluation, share=0.5))


def test_ids_may_be_written_as_numbers_and_whole_numbers_as_fractions():
    settings = parse({"data": {"exclude_items": [22423, "POST"]}, "interactions": {"half_life": 30}}, "here")
    assert settings.data.exclude_items == ["22423", "POST"]
    assert settings.interactions.half_life == 30.0 and isinstance(settings.interactions.half_life, float)


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"objectve": {}}, "there is no section [objectve]; did you mean 'objective'?"),
        ({"objective": 3}, "[objective] is a section"),
        ({"objective": {"metrc": "x"}}, "has no setting 'metrc'; did you mean 'metric'?"),
        ({"objective": {"metric": 3}}, "metric is a text in quotes, not 3"),
        (
            {"objective": {"goal": "sale"}},
            "is one of engagement, sales, satisfaction, not 'sale'; did you mean 'sales'?",
        ),
        ({"objective": {"goal": "fun"}}, "is one of engagement, sales, satisfaction, not 'fun'"),
        ({"evaluation": {"share": 1.5}}, "share is from 0.001 to 0.999, and 1.5 is not"),
        ({"evaluation": {"share": float("nan")}}, "share is a finite number"),
        ({"evaluation": {"seed": -1}}, "seed is at least 0"),
        ({"evaluation": {"split": "tme"}}, "did you mean 'time'?"),
        ({"evaluation": {"metrics": "ndcg@10"}}, "metrics is a list"),
        ({"evaluation": {"metrics": [True]}}, "each of here: [evaluation] metrics is a text in quotes, not True"),
        ({"interactions": {"weights": {"view": "x"}}}, "weights view is a number, not 'x'"),
        ({"interactions": {"use_values": 1}}, "use_values is true or false, not 1"),
        ({"training": {"hyperparameters": {"ease": 3}}}, "hyperparameters ease is a table, not 3"),
        (
            {"pipelines": {"home": {"retreive": []}}},
            "[pipelines.home] has no setting 'retreive'; did you mean 'retrieve'?",
        ),
        ({"pipelines": {"home": 3}}, "[pipelines.home] is a section"),
        ({"pipelines": []}, "[pipelines] holds a section for each name"),
        ({"serving": {"k": 0}}, "k is from 1 to 1000, and 0 is not"),
        ({"serving": {"k": True}}, "k is a whole number, not True"),
        ({"serving": {"port": 99999}}, "port is from 1 to 65535"),
    ],
)
def test_what_cannot_be_is_told(table, said):
    with pytest.raises(UserError) as error:
        parse(table, "here")
    assert said in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("body", [b"no toml", b"[a\n", b"\xff\xfe\x00", b"[data]\n[data]\n"])
def test_what_is_no_toml_is_told(tmp_path, body):
    path = tmp_path / "serendip.toml"
    path.write_bytes(body)
    with pytest.raises(UserError, match=r"serendip.toml is not"):
        read(path)
