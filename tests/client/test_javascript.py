"""The JavaScript client in a real browser, from a page of another site, against a real server."""

import shutil
import threading
import time
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from serendip.service.keys import create
from serendip.store.project import Project

FOLDER = Path(__file__).parents[2] / "clients" / "javascript"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


class Site(SimpleHTTPRequestHandler):
    """Serves the client's folder, and an empty page."""

    def do_GET(self):
        if self.path != "/":
            super().do_GET()
            return
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", "15")
        self.end_headers()
        self.wfile.write(b"<!doctype html>")

    def log_message(self, *_):
        pass


@pytest.fixture
def site():
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Site, directory=FOLDER)) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


@pytest.fixture
def page(site):
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine: the JavaScript client is not tried in a browser")
    sync = pytest.importorskip("playwright.sync_api", reason="playwright is not installed").sync_playwright
    with sync() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page()
        page.set_default_timeout(15_000)
        page.goto(site)
        page.evaluate("async () => { window.serendip = await import('/serendip.js'); }")
        yield page
        browser.close()


@pytest.fixture
def named(shop, site, served):
    """Give the address of a server whose settings name the site."""
    (shop / "project/serendip.toml").write_text(f'[serving]\norigins = ["{site}"]\n')
    with served() as (_, address):
        yield address


def history(page, address, user):
    slate = page.evaluate(
        "([address, user]) => new serendip.Client(address).recommend(user, {k: 1, history: true})", [address, user]
    )
    return [past["item_id"] for past in slate["history"]]


def until(what):
    end = time.monotonic() + 15
    while not what():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_it_asks_and_records(page, named):
    made = page.evaluate(
        """async (address) => {
            const client = new serendip.Client(address);
            const slate = await client.recommend("u14", {k: 3, context: {device: "phone"}});
            const basket = await client.recommendFor(["i33"], {k: 2, exclude: ["i34"]});
            const similar = await client.similar("i33", {k: 2});
            const page = await client.recommendFor([], {itemId: "i30", userId: "u14", k: 2, contributions: true});
            const group = await client.recommendTogether(["u14", "u3"], {k: 2, aggregate: "least-misery"});
            const told = await client.recommend("u14", {k: 2, pipeline: "default", trace: true});
            const why = await client.explain("u14", told.items[0].item_id, {pipeline: "default"});
            const asked = await client.onboarding({like: ["i20"], unknown: ["i30", "i31"], n: 2, k: 1});
            const found = await client.items("thing 33", {k: 1}), item = await client.item("i33");
            const event = {user_id: "ann/b ü", item_id: "i7", event_id: "mine"};
            const first = await client.record(event), second = await client.record([event]);
            const after = await client.recommend("ann/b ü", {history: true});
            let refused = null;
            try { await client.similar("nothing"); } catch (error) { refused = [error.name, error.status, error.code]; }
            return {
                slate, basket, similar, page, group, told, why, asked, found, item, first, second, after, refused,
            };
        }""",
        named,
    )
    assert len(made["slate"]["items"]) == 3 and len(made["basket"]["items"]) == 2
    assert made["similar"]["item_id"] == "i33"
    assert made["page"]["user_id"] == "u14" and made["page"]["items"][0]["contributions"]
    assert len(made["group"]["items"]) == 2 and made["told"]["trace"]
    assert made["why"]["score"] == made["told"]["items"][0]["score"]
    assert (made["asked"]["answered"], len(made["asked"]["questions"])) == (3, 2)
    assert (
        made["found"] == [{"id": "i33", "title": "Thing 33 of taste 3"}] and made["item"]["attributes"]["price"] == 38
    )
    assert made["first"]["new"] == 1 and made["second"]["repeated"] == 1
    assert [past["item_id"] for past in made["after"]["history"]] == ["i7"]
    assert made["refused"] == ["Refused", 404, "not_found"]


def test_events_are_gathered_and_sent(page, named):
    sent = []
    page.on("request", lambda request: sent.append(request.post_data) if request.method == "POST" else None)
    page.evaluate(
        """(address) => {
            const client = new serendip.Client(address, {every: 50});
            for (let n = 0; n < 5; n++) client.track({user_id: "ben", item_id: `i${n}`});
        }""",
        named,
    )
    until(lambda: len(history(page, named, "ben")) == 5)
    assert sum("ben" in one for one in sent) == 1


@pytest.mark.parametrize("keyed", [False, True])
def test_what_waits_is_sent_when_the_page_ends(page, named, shop, keyed, site):
    key = None
    if keyed:
        key = create(Project(shop / "project"), "page", ["events"]).text
        read = create(Project(shop / "project"), "own", ["read"]).text
        time.sleep(0.3)
    page.evaluate(
        """([address, key]) => {
            window.client = new serendip.Client(address, {key, every: 1e6});
            const event = {user_id: "cleo", item_id: "i1", context: {at: "the top of the home page"}};
            for (let n = 0; n < 400; n++) client.track({...event, item_id: `i${n % 60}`});
        }""",
        [named, key],
    )
    page.goto("about:blank")
    page.goto(site)
    page.evaluate("async () => { window.serendip = await import('/serendip.js'); }")
    if keyed:
        import serendip

        with serendip.Client(named, key=read) as client:
            until(lambda: len({past.item_id for past in client.recommend("cleo", history=True).history}) == 50)
    else:
        until(lambda: len(set(history(page, named, "cleo"))) == 50)


def test_an_event_is_sent_again_under_the_same_id(page, named):
    lost, bodies = [True, True], []

    def unreliable(route):
        bodies.append(route.request.post_data)
        if lost:
            lost.pop()
            route.fetch()  # it gets there; the answer does not
            route.abort()
        else:
            route.continue_()

    page.route("**/v1/events", unreliable)
    told = page.evaluate("(address) => new serendip.Client(address).record({user_id: 'dora', item_id: 'i1'})", named)
    assert told["repeated"] == 1 and len(set(bodies)) == 1 and len(bodies) == 3
    page.unroute("**/v1/events")
    assert history(page, named, "dora") == ["i1"]


def test_it_waits_when_it_is_told_to_and_gives_up_in_the_end(page, site):
    asked = []

    def busy(route):
        asked.append(time.monotonic())
        headers = {"retry-after": "1"} if len(asked) == 1 else {}
        route.fulfill(status=429, headers=headers, json={"code": "too_many", "message": "wait a moment"})

    page.route("**/v1/users/**", busy)
    said = page.evaluate(
        """async () => {
            try { await new serendip.Client("", {retries: 2}).recommend("u1"); }
            catch (error) { return [error.name, error.status, error.code, error.message]; }
        }"""
    )
    assert said == ["Refused", 429, "too_many", "wait a moment"]
    assert len(asked) == 3 and asked[1] - asked[0] >= 1.0


def test_a_site_that_is_not_named_reads_nothing(page, address):
    said = page.evaluate(
        """async (address) => {
            const client = new serendip.Client(address, {retries: 0});
            try { await client.recommend("u1"); } catch (error) { return error.name; }
        }""",
        address,
    )
    assert said == "Unanswered"
