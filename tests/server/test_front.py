"""The short way to a slate gives what the route gives."""

import pytest

VARYING = {"request_id", "timings_ms"}


def same(one, other):
    assert one.status_code == other.status_code
    left, right = ({k: v for k, v in answer.json().items() if k not in VARYING} for answer in (one, other))
    assert left == right
    assert one.headers["content-type"] == other.headers["content-type"]


@pytest.mark.parametrize("user", ["u14", "nobody", "a%2Fb", "%C3%BC%20x", "u%2014"])
@pytest.mark.parametrize(
    ("short", "long"),
    [
        ("", "?k=010"),
        ("?k=3", "?k=03"),
        ("?k=3&history=true", "?history=true&k=3"),
        ("?history=true", "?history=1"),
        ("?history=false", "?history=0"),
    ],
)
def test_both_ways_agree(client, user, short, long):
    path = f"/v1/users/{user}/recommendations"
    same(client.get(path + short), client.get(path + long))


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("u14/recommendations?k=0", 422),
        ("u14/recommendations?k=1001", 422),
        ("u14/recommendations?k=3&k=4", 200),
        ("%FF/recommendations", 200),
        ("%20/recommendations", 200),
        ("/recommendations", 422),
    ],
)
def test_what_is_unusual_is_left_to_the_route(client, path, status):
    assert client.get(f"/v1/users/{path}").status_code == status


def test_other_methods_are_left_to_the_route(client):
    assert client.post("/v1/users/u14/recommendations").status_code == 405
    assert client.options("/v1/users/u14/recommendations").status_code == 405
