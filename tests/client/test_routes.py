"""Every route for clients has a method, in both Python clients and, where a page may ask, in JavaScript."""

import inspect
import re
from pathlib import Path

import pytest

import serendip
from serendip.client import AsyncClient, Client, Refused, routes
from serendip.client.ask import Ask
from serendip.server import ServerSettings, create_app
from serendip.server.keys import OPEN, needed

SAMPLE = {
    "user_id": "u1", "user_ids": ["u1"], "item_id": "i1", "text": "u", "name": "a", "version": "v", "other": "w",
    "attributes": {}, "rule": {"kind": "exclude"}, "events": [], "entries": [],
}  # fmt: skip
JAVASCRIPT = Path(__file__).parents[2] / "clients" / "javascript" / "serendip.js"


def methods():
    """The functions of routes.py that make a request."""
    return {
        name: one for name, one in vars(routes).items()
        if inspect.isfunction(one) and str(inspect.signature(one).return_annotation).startswith(f"{Ask.__module__}.Ask")
    }  # fmt: skip


def asked():
    """What each of them asks for: name -> (method, path)."""
    found = {}
    for name, one in methods().items():
        given = inspect.signature(one).parameters.values()
        made = one(**{p.name: SAMPLE[p.name] for p in given if p.default is p.empty})
        found[name] = (made.method, made.path.partition("?")[0])
    return found


@pytest.fixture(scope="module")
def document(prepared):
    return create_app(ServerSettings(prepared / "project")).openapi()


def operation(document, method, path):
    """The operation that answers a request: the one of the most literal path."""
    fitting = [
        template for template, operations in document["paths"].items()
        if method.lower() in operations and re.fullmatch(re.sub(r"\{[^}]*\}", "[^/]+", template), path)
    ]  # fmt: skip
    return method, min(fitting, key=lambda template: template.count("{"))


def test_every_route_for_clients_has_a_method(document):
    reached = {operation(document, *request) for request in asked().values()}
    there = {
        (method.upper(), path) for path, operations in document["paths"].items() for method in operations
        if path not in OPEN  # health is asked by what watches a server
    }  # fmt: skip
    assert there == reached


def test_both_clients_have_every_method_and_say_how_it_is_called():
    for kind in (Client, AsyncClient):
        for name, one in methods().items():
            method = getattr(kind, name)
            assert inspect.getdoc(method) == inspect.getdoc(one)
            assert [*inspect.signature(method).parameters] == ["self", *inspect.signature(one).parameters]


def test_javascript_has_what_a_page_may_ask(document):
    text = re.sub(r"\$\{[^}]*\}", "x", JAVASCRIPT.read_text())
    steps = re.findall(r'this\.#ask\("(\w+)", path\(\[([^\]]*)\]', text)
    reached = set()
    for method, said in steps:
        path = "/v1/" + "/".join(one.strip(' "') if '"' in one else "x" for one in said.split(","))
        reached.add(operation(document, method, path))
    public = {
        (method.upper(), path) for path, operations in document["paths"].items() for method in operations
        if needed(method.upper(), path) in ("read", "events") and path.split("/")[2] not in ("rules", "models")
        and path not in ("/v1/users", "/v1/users/{user_id}")  # no page looks into who there is
    }  # fmt: skip
    assert public == reached


def test_each_is_answered(address):
    with serendip.Client(address) as shop:
        first = shop.recommend("u14", 3, pipeline="default", trace=True, contributions=True, context={"weekend": True})
        assert first.trace and sum(part.weight for part in first.items[0].contributions) == pytest.approx(
            first.items[0].score, rel=1e-3
        )
        assert shop.explain("u14", first.items[0].item_id, pipeline="default").score == first.items[0].score
        assert [one.reason for one in shop.recommend_for(item_id="i30", k=2).items] == ["like Thing 30 of taste 3"] * 2
        session = shop.recommend_for(["i40", "i41"], 5, user_id="u14")
        assert session.user_id == "u14" and not {"i40", "i41"} & {one.item_id for one in session.items}
        assert len(shop.recommend_together(["u14", "u3"], 4, aggregate="least-misery", exclude=["i1"]).items) == 4
        asked = shop.onboarding(like=["i20"], unknown=["i30", "i31"], n=2, k=3)
        assert (asked.answered, len(asked.questions), len(asked.items)) == (3, 2, 3)

        assert shop.put_item("lamp/1", {"title": "Lamp", "price": 3}).status == "created"
        assert shop.item("lamp/1").attributes == {"title": "Lamp", "price": 3}
        assert shop.change_item("lamp/1", {"price": None}, hidden=True).status == "changed"
        assert shop.item("lamp/1").hidden and shop.item("lamp/1").attributes == {"title": "Lamp"}
        many = shop.put_items([{"item_id": "a", "attributes": {"price": 1}}, {"item_id": "lamp/1", "deleted": True}])
        assert [one.status for one in many] == ["created", "deleted"]
        assert shop.delete_item("a").status == "deleted"
        with pytest.raises(Refused, match="no item has the id 'a'"):
            shop.item("a")

        assert shop.put_user("new", {"age": 30}).status == "created"
        assert shop.change_user("new", {"age": 31}).status == "changed" and shop.user("new").attributes == {"age": 31}
        assert shop.put_users([{"user_id": "new", "attributes": {"age": 31}}])[0].status == "unchanged"
        assert shop.opt_out("u14").opted_out and not shop.recommend("u14").known
        assert not shop.opt_in("u14").opted_out and shop.recommend("u14").known
        assert shop.forget("new").user_id == "new" and not shop.users("new")

        assert shop.put_rule("dear", {"kind": "exclude", "when": "price > 10"}).holds
        assert [one.name for one in shop.rules()] == ["dear"]
        assert shop.delete_rule("dear").rule is None and len(shop.rule_history()) == 2 and not shop.rules()

        (version,) = [one.version for one in shop.models() if one.current]
        assert shop.promote(version).current and shop.compare(version, version).metrics


def test_going_back_is_asked_for_once(address):
    with serendip.Client(address) as shop, pytest.raises(Refused) as raised:
        shop.roll_back()  # there is nothing before the first
    assert raised.value.status in (404, 422)
    assert routes.roll_back().once
