"""What is written takes effect in the next answer, whoever writes it; a random walk never meets what is hidden."""

import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from serendip.config import Onboarding
from serendip.errors import NotFound
from serendip.models.als import ALS
from serendip.models.ease import EASE
from serendip.pipeline.onboarding import LIKE, UNKNOWN
from serendip.service import degrade
from serendip.service.answer import Event
from serendip.service.explain import explain
from serendip.service.find import find_items
from serendip.service.onboarding import Said, questionnaire
from serendip.service.record import record
from serendip.service.serving import Serving
from serendip.service.settings import learned, settings_of
from serendip.service.similar import similar
from serendip.service.slate import How
from serendip.service.train import fitted
from serendip.store.describe import Entry
from serendip.store.project import Project


def ids(slate):
    return [one.item_id for one in slate.items]


@pytest.fixture
def servings(either):
    """Two workers on one project."""
    made = [Serving(Project(Path("project"))) for _ in range(2)]
    yield made
    for one in made:
        one.close()


def test_what_another_worker_writes_changes_the_next_answer(servings):
    one, other = servings
    before = degrade.slate(other, "u14", 5)
    assert ids(degrade.slate(other, "u14", 5)) == ids(before) and other.cache.hits == 1
    record(one.live.store, [{"user_id": "u14", "item_id": ids(before)[0], "type": "purchase"}])
    after = degrade.slate(other, "u14", 5)
    assert ids(before)[0] not in ids(after) and after.timings_ms.keys() >= {"history"}
    one.live.store.hide(ids(after)[0])
    assert ids(after)[0] not in ids(degrade.slate(other, "u14", 5))
    one.live.store.opt_out("u14")
    stranger = degrade.slate(other, "u14", 5)
    assert not stranger.known and ids(stranger) == ids(degrade.slate(other, "nobody", 5))
    one.live.store.opt_out("u14", False)
    assert degrade.slate(other, "u14", 5).known


def test_an_event_of_one_user_leaves_the_slates_of_others_in_the_cache(servings):
    one, other = servings
    degrade.slate(other, "u14", 5), degrade.slate(other, "u15", 5)
    record(one.live.store, [{"user_id": "u14", "item_id": "i3", "type": "view"}])
    assert "cache" in degrade.slate(other, "u15", 5).timings_ms
    assert "cache" not in degrade.slate(other, "u14", 5).timings_ms


def test_a_slate_that_was_begun_before_the_event_is_not_kept(servings):
    serving = servings[0]
    clock = serving.cache.clock
    made = degrade.slate(serving, "u14", 5)
    record(serving.live.store, [{"user_id": "u14", "item_id": "i3", "type": "view"}])
    serving.now()
    serving.cache.put("u14", "late", made, clock)
    assert serving.cache.get("u14", "late") is None


def test_far_behind_everything_is_looked_at_anew(servings):
    one, other = servings
    first = ids(degrade.slate(other, "u14", 5))
    rows = [{"user_id": f"new{n}", "item_id": "i3", "type": "view"} for n in range(1500)]
    record(one.live.store, rows)  # more at once than are told one by one
    one.live.store.describe("items", [Entry(f"more{n}", {"category": "taste1"}) for n in range(1500)])
    one.live.store.hide(first[0])
    assert first[0] not in ids(degrade.slate(other, "u14", 5))
    assert other.live.catalogue.title(other.live.catalogue.find("more7")) == "more7"
    other.fresh.grow()
    assert {one_[:4] for one_ in ids(similar(other.live, "more7", 5))} <= {
        "more",
        "i10",
        "i11",
        "i12",
        "i13",
        "i14",
    } | {f"i1{n}" for n in range(10)}


def test_attributes_that_are_read_piecemeal_are_those_of_the_store(servings):
    serving = servings[0]
    store, surfaces = serving.live.store, serving.live.surfaces
    for entries in (
        [Entry("i3", {"price": 1.0}), Entry("new", {"title": "New", "price": 2})],
        [Entry("i4", {"title": None}), Entry("newer", {})],
        [Entry("i5", {"another": True})],
    ):
        store.describe("items", entries)
        serving.now()
        surfaces.read()
        assert surfaces._frame.equals(store.item_features()) and surfaces._n_items == len(store.items())
    store.delete_items(["i6", "new"])
    serving.now()
    surfaces.read()
    assert surfaces._frame.equals(store.item_features())


def test_what_stands_in_for_the_model_is_the_recommendation_table(servings):
    serving = servings[0]
    table = [one.item_id for one in serving.live.store.recommendations("u14")]
    gone = table[1]
    record(serving.live.store, [{"user_id": "u14", "item_id": table[2], "type": "purchase"}])
    serving.live.store.hide(gone)
    serving.now()
    stood = degrade.instead(serving, 8, degrade.MODEL, "u14")
    shown = [one for one in table if one not in (gone, table[2])][:8]
    assert ids(stood)[: len(shown)] == shown and {one.source for one in stood.items[: len(shown)]} == {"table"}
    serving.live.store.opt_out("u14")
    serving.now()
    assert "table" not in {one.source for one in degrade.instead(serving, 8, degrade.MODEL, "u14").items}


@pytest.mark.parametrize("serves_later", [False, True])
def test_a_new_item_is_a_candidate_of_the_other_models_of_a_pipeline_too(shop, serves_later):
    with open("project/serendip.toml", "a") as out:
        out.write('\n[pipelines.home]\nretrieve = ["als:10"]\nrank = "als"\n')
    project, lamp = Project(Path("project")), Entry("lamp", {"category": "taste2", "title": "Lamp of taste 2"})
    with project.store() as store:
        fitted(project, ALS(rank=8, epochs=3), learned(store, settings_of(project)))
        if serves_later:  # what serves knows of the lamp, and the other model does not
            store.describe("items", [lamp])
            project.publish(fitted(project, EASE(), learned(store, settings_of(project))))
    serving = Serving(project)
    serving.live.store.describe("items", [lamp])
    serving.now()
    serving.fresh.grow()
    made = degrade.slate(serving, "u14", 8, how=How("home"))
    (found,) = [one for one in made.items if one.item_id == "lamp"]
    assert found.source == "model" and found.reason.startswith("because you bought")
    serving.live.store.hide("lamp")
    assert "lamp" not in ids(degrade.slate(serving, "u14", 8, how=How("home")))
    serving.close()


USERS = [f"u{n}" for n in range(0, 60, 7)]
HOME = How("home")
TOML = """
[pipelines.home]
retrieve = ["als:20", "model:30", "similar:10"]
rank = "als"
rerank = ["mmr:relevance=0.5", "explore:epsilon=0.5:slots=2"]
"""


class Walk(RuleBasedStateMachine):
    """Random writes by one worker or the other, then every path of both: nothing hidden, nothing of who opted out."""

    def __init__(self, project, move):
        super().__init__()
        self.project, self.move = project, move

    @initialize()
    def start(self):
        self.folder = tempfile.mkdtemp(prefix="serendip-")
        shutil.copytree(self.project, self.folder, dirs_exist_ok=True)
        self.move(Path(self.folder))
        self.workers = [Serving(Project(Path(self.folder))) for _ in range(2)]
        self.versions = Project(Path(self.folder)).versions()
        self.hidden: set[str] = set()
        self.out: set[str] = set()
        self.items = [f"i{n}" for n in range(60)]

    def store(self, who):
        return self.workers[who].live.store

    who = st.integers(0, 1)

    @rule(who=who, n=st.integers(0, 79))
    def hide(self, who, n):
        item_id = self.items[n % len(self.items)]
        self.store(who).describe("items", [Entry(item_id, {}, hidden=True)])
        self.hidden.add(item_id)

    @rule(who=who, n=st.integers(0, 79))
    def unhide(self, who, n):
        hidden = sorted(self.hidden)
        if hidden:
            item_id = hidden[n % len(hidden)]
            self.store(who).describe("items", [Entry(item_id, {}, hidden=False)])
            self.hidden.discard(item_id)

    @rule(who=who, n=st.integers(0, 79))
    def delete(self, who, n):
        item_id = self.items[n % len(self.items)]
        self.store(who).delete_items([item_id])
        self.hidden.add(item_id)

    @rule(who=who, taste=st.integers(0, 5), hidden=st.booleans())
    def add(self, who, taste, hidden):
        item_id = f"new{len(self.items)}"
        about = {"title": f"New of taste {taste}", "category": f"taste{taste}", "price": 5.0}
        self.store(who).describe("items", [Entry(item_id, about, hidden=hidden)])
        self.items.append(item_id)
        if hidden:
            self.hidden.add(item_id)

    @rule(who=who, user=st.sampled_from(USERS), n=st.integers(0, 79))
    def event(self, who, user, n):
        record(self.store(who), [{"user_id": user, "item_id": self.items[n % len(self.items)], "type": "purchase"}])

    @rule(who=who, user=st.sampled_from(USERS))
    def opt_out(self, who, user):
        self.store(who).opt_out(user, user not in self.out)
        self.out ^= {user}

    @rule(who=who)
    def grow(self, who):
        self.workers[who].fresh.grow()

    @rule(who=who, n=st.integers(0, 1))
    def swap(self, who, n):
        self.workers[who].take_up(self.versions[n])

    @invariant()
    def nothing_hidden_on_any_path(self):
        for serving in getattr(self, "workers", []):
            for user in USERS[:3]:
                slate = degrade.slate(serving, user, 70)
                self.fine(slate.items, user, slate.known)
                self.fine(degrade.instead(serving, 70, degrade.MODEL, user).items, user)
            past = [Event("i20", ""), Event("i31", "")]
            self.fine(degrade.slate_for(serving, past, 70).items)
            self.fine(degrade.slate(serving, USERS[0], 70, how=HOME).items, USERS[0])
            self.fine(degrade.slate_for(serving, past, 70, how=HOME, user_id=USERS[1], item_id="i21").items)
            self.fine(degrade.slate_together(serving, USERS[:2], 70, "average").items)
            with serving.answering() as live:
                self.fine(similar(live, "i20", 70).items)
                self.fine(similar(live, self.items[-1], 70).items)
                asked = questionnaire(live, Said(items={"i20": LIKE, "i30": UNKNOWN}), Onboarding(worth=0), n=20, k=70)
                self.fine(asked.items)
                assert not self.hidden & {question.id for question in asked.questions}
                assert not self.hidden & {found.id for found in find_items(live, "taste", 70)}
                for user in sorted(self.out)[:1]:
                    with pytest.raises(NotFound):
                        explain(live, user, "i20")

    def fine(self, items, user=None, known=None):
        shown = [one.item_id for one in items]
        assert not self.hidden & set(shown) and len(set(shown)) == len(shown)
        if user in self.out:
            assert not known and not any(one.reason.startswith("because you") for one in items)

    def teardown(self):
        for serving in getattr(self, "workers", []):
            serving.close()
        shutil.rmtree(getattr(self, "folder", ""), ignore_errors=True)


@pytest.fixture(scope="module")
def project(prepared, tmp_path_factory):
    """A project with two versions, the second of factors."""
    folder = tmp_path_factory.mktemp("walk") / "project"
    shutil.copytree(prepared / "project", folder)
    made = Project(folder)
    with made.store() as store:
        fitted(made, ALS(rank=8, epochs=3), learned(store, settings_of(made)))
    with open(made.settings, "a") as out:
        out.write(TOML)
    return folder


@pytest.mark.parametrize("store", ["sqlite", "postgres"])
def test_in_any_order_of_writes_nothing_that_may_not_be_shown_is_shown(project, store, request):
    move = request.getfixturevalue("moved") if store == "postgres" else lambda folder: None
    settings_ = settings(
        max_examples=8 if store == "sqlite" else 4,
        stateful_step_count=10,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(lambda: Walk(project, move), settings=settings_)
