"""A Gorse is taken over from its export, of old and new versions, and over its API.

No Gorse could be had to test against: the files are as its own tests expect them, and the API is one of our own that
answers as its documentation says.
"""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest

from serendip.errors import UserError
from serendip.service.gorse import take_over
from serendip.store.store import Store

ITEMS = (
    "item_id,is_hidden,categories,time_stamp,labels,description\r\n"
    '1,false,x,2020-01-01 01:01:01.000000001 +0000 UTC,a|b,"o,n,e"\r\n'
    '2,false,x|y,2021-01-01 01:01:01.000000001 +0000 UTC,"{""genre"":[""comedy""],""year"":1999}","t\r\nw\r\no"\r\n'
    '3,true,,0001-01-01 00:00:00 +0000 UTC,null,"""three"""\r\n'
)
USERS = 'user_id,labels\r\n1,a|b\r\n2,"{""gender"":""male""}"\r\n3,\r\n'
FEEDBACK = (
    "feedback_type,user_id,item_id,time_stamp\r\n"
    "star,1,2,2022-03-04 05:06:07.5 +0000 UTC\r\n"
    "read,2,3,0001-01-01 00:00:00 +0000 UTC\r\n"
    "like,7,9,2022-03-04 07:06:07 +0200 CEST\r\n"
)
ROWS = {
    "users": [{"UserId": "1", "Labels": {"gender": "male"}, "Comment": "zhenghao"}, {"UserId": "2", "Labels": None}],
    "items": [
        {"ItemId": "1", "IsHidden": True, "Categories": ["x"], "Timestamp": "2020-01-01T01:01:01.000000001Z",
         "Labels": {"topics": ["go"], "embedding": [0.1]}, "Comment": "one"},
        {"ItemId": "2", "IsHidden": False, "Categories": None, "Timestamp": "0001-01-01T00:00:00Z", "Labels": ["go"]},
    ],
    "feedback": [
        {"FeedbackType": "star", "UserId": "1", "ItemId": "2", "Value": 0, "Timestamp": "2022-03-04T05:06:07.5Z"},
        {"FeedbackType": "watch", "UserId": "1", "ItemId": "1", "Value": 0.5, "Timestamp": "2022-03-04T05:06:08Z"},
    ],
}  # fmt: skip


@pytest.fixture
def store(tmp_path):
    with Store.open(tmp_path / "store.db") as store:
        yield store


def test_files_of_commas_are_taken_over_once(tmp_path, store):
    for name, text in (("items", ITEMS), ("users", USERS), ("feedback", FEEDBACK)):
        (tmp_path / f"{name}.csv").write_bytes(text.encode())
    done = take_over(store, str(tmp_path))
    assert (done.users, done.items, done.feedback, done.hidden, done.new) == (3, 3, 3, 1, 3)
    two = store.about("items", "2")
    assert two.attributes["categories"] == ["x", "y"] and two.attributes["title"] == "t\r\nw\r\no"
    assert two.attributes["genre"] == ["comedy"] and two.attributes["year"] == 1999.0
    assert two.attributes["published"] == "2021-01-01T01:01:01Z"
    assert store.about("items", "1").attributes["labels"] == ["a", "b"]
    three = store.about("items", "3")
    assert three.hidden and three.attributes == {"title": '"three"'}
    assert store.about("users", "2").attributes == {"gender": "male"}
    events = store.events_since().sort("user_id")
    assert events["type"].to_list() == ["like", "view", "like"]
    assert events["timestamp"].to_list() == [1646370367500, None, 1646370367000]
    again = take_over(store, str(tmp_path))
    assert (again.feedback, again.new, store.counts().events) == (3, 0, 3)


def test_embeddings_among_labels_are_vectors(tmp_path, store):
    labels = [{"embedding": [0.1, 1, -2.5]}, {"embedding": ["a"], "ids": [1, 2]}]
    rows = [{"ItemId": str(n), "Labels": one} for n, one in enumerate(labels)]
    for name in ("users", "feedback"):
        (tmp_path / f"{name}.jsonl").touch()
    (tmp_path / "items.jsonl").write_text(json.dumps(rows[0]))
    take_over(store, str(tmp_path))
    assert store.item_features()["embedding"].to_list() == [pytest.approx([0.1, 1, -2.5])]
    (tmp_path / "items.jsonl").write_text("\n".join(map(json.dumps, rows)))
    take_over(store, str(tmp_path))
    assert store.item_features()["embedding"].to_list() == [["0.1", "1.0", "-2.5"], ["a"]]
    assert store.item_features()["ids"].to_list() == [None, ["1", "2"]]


def test_lines_of_json_are_taken_over(tmp_path, store):
    for name, rows in ROWS.items():
        (tmp_path / f"{name}.jsonl").write_text("\n".join(map(json.dumps, rows)) + "\n")
    assert take_over(store, str(tmp_path)).hidden == 1
    told(store)
    (tmp_path / "items.jsonl").write_text('{"ItemId": "1"}\n{"broken\n')
    with pytest.raises(UserError, match=r"items.jsonl, line 2: this is not JSON"):
        take_over(store, str(tmp_path))


def told(store):
    one = store.about("items", "1")
    assert one.hidden and one.attributes["topics"] == ["go"] and one.attributes["embedding"] == [0.1]
    assert store.about("users", "1").attributes == {"gender": "male", "title": "zhenghao"}
    events = store.events_since().sort("timestamp")
    assert events["type"].to_list() == ["like", "view"] and events["value"].to_list() == [None, 0.5]


class Answers(BaseHTTPRequestHandler):
    """The API's pages of one row each, for who has the key."""

    def do_GET(self):
        path, asked = urlsplit(self.path).path, parse_qs(urlsplit(self.path).query, keep_blank_values=True)
        kind = path.removeprefix("/api/")
        if self.headers["X-API-Key"] != "secret" or kind not in ROWS:
            self.send_error(401 if kind in ROWS else 404)
            return
        at = int(asked["cursor"][0] or 0)
        rows = ROWS[kind][at : at + 1]
        after = str(at + 1) if at + 1 < len(ROWS[kind]) else ""
        body = json.dumps({"Cursor": after, kind.capitalize(): rows}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *said):
        pass


@pytest.fixture
def address():
    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_one_that_runs_is_asked_page_by_page(address, store, answer, tmp_path):
    with pytest.raises(UserError, match=r"answers 401 to /api/users: give its key with --key"):
        take_over(store, address)
    done = take_over(store, address, "secret")
    assert (done.users, done.items, done.feedback, done.new) == (2, 2, 2, 2)
    told(store)
    said = answer("import", "gorse", address, "--key", "secret", "--project", tmp_path / "project")
    assert said == {"users": 2, "items": 2, "feedback": 2, "hidden": 1, "new": 2}


@pytest.mark.parametrize(
    ("system", "source", "sentence"),
    [
        ("gorze", ".", "there is no import from 'gorze'; did you mean 'gorse'?"),
        ("gorse", ".", "holds neither users.csv nor users.jsonl"),
        ("gorse", "http://127.0.0.1:9", "does not answer as a Gorse does"),
    ],
)
def test_what_cannot_be_taken_over_is_said(inside, tmp_path, monkeypatch, system, source, sentence):
    monkeypatch.chdir(tmp_path)
    done = inside("import", system, source)
    assert done.returncode == 1 and sentence in done.stderr
