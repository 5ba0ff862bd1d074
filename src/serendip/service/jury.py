"""People as judges: two models' slates side by side, without saying whose is whose.

A blinded paired comparison: which side is whose is drawn at random, half of each, and kept in the project alone. A
case is a user; cases, not answers, are what is counted, as two judges of one user are not independent.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Literal

import msgspec
import numpy as np
from jinja2 import Environment
from markupsafe import Markup

from serendip.data.dataset import Dataset
from serendip.errors import UserError, nearest
from serendip.models.contract import Run
from serendip.models.popular import Popular
from serendip.pipeline.pipeline import Pipeline
from serendip.plural import counted
from serendip.registry import ALGORITHMS
from serendip.service.answer import Event
from serendip.service.catalogue import Catalogue
from serendip.service.duel import AsItServes
from serendip.service.history import shown
from serendip.service.live import Live
from serendip.service.open import live
from serendip.service.portfolio import portfolio
from serendip.service.settings import excluded, learned, settings_of
from serendip.service.surfaces import Surfaces
from serendip.service.whole import write_whole
from serendip.stats.preference import Preference, preference
from serendip.store.artefacts import load
from serendip.store.project import Project

Choice = Literal["left", "right", "both", "neither"]
LAST = 12  # events of a history that a judge sees
LEAST = 3  # different items in the history of whoever is drawn


class Case(msgspec.Struct):
    """One user as a judge sees them, without a name: what they did last, and two slates of titles."""

    history: list[Event]
    left: list[str]
    right: list[str]


class Sheet(msgspec.Struct):
    """What is laid before judges. alike: users drawn whose slates were the same, and who are left out."""

    id: str
    cases: list[Case]
    alike: int


class Key(msgspec.Struct):
    """What the judges are not told: the two models, and of which the left slate of each case is."""

    sheet: str
    a: str
    b: str
    users: list[str]
    left: list[Literal["a", "b"]]
    alike: int


class Answer(msgspec.Struct):
    """What a judge says of a case, counted from 0."""

    case: int
    choice: Choice
    remark: str = ""


class Answers(msgspec.Struct):
    """What one judge says; the form of the file that comes back."""

    sheet: str
    answers: list[Answer]
    judge: str = ""


class Remark(msgspec.Struct):
    """A judge's words on a case, and what the choice came to: a, b, both or neither."""

    user_id: str
    choice: str
    remark: str
    judge: str = ""


class Verdict(msgspec.Struct):
    """What judges said. a, b, both, neither: answers; for_a, for_b, even: cases, by the majority of their answers."""

    model_a: str
    model_b: str
    judges: int
    a: int
    b: int
    both: int
    neither: int
    for_a: int
    for_b: int
    even: int
    alike: int
    preference: Preference
    remarks: list[Remark]


def drawn(project: Project, a: str, b: str, *, n: int = 20, k: int = 10, seed: int = 0, run: Run = Run()) -> Sheet:
    """Return a sheet on n users drawn at random, and keep its key in the project; the same seed, the same sheet.

    a, b: versions of the project's models, or names of algorithms, which are fitted on the project's data now.

    Raises:
        UserError: a name is neither, or there are no users to draw, or all slates are the same.
    """
    settings = settings_of(project)
    with project.store(create=False) as store:
        data = learned(store, settings)
        catalogue = Catalogue(store)
        seer = Live(store, "", Pipeline(Popular().fit(data)), Popular().fit(data), catalogue, Surfaces(store, {}))
        banned = excluded(store, settings)
        first, second = (contender(project, name, data, catalogue, run) for name in (a, b))
        random = np.random.default_rng(seed)
        sides = random.permutation(np.arange(n) % 2)
        enough = np.flatnonzero(np.diff(data.matrix.indptr) >= LEAST)
        enough = enough if len(enough) else np.flatnonzero(np.diff(data.offset))
        if not len(enough):
            raise UserError("there is nobody to judge for: no user has an event")
        cases: list[Case] = []
        key = Key("", a, b, [], [], 0)
        for user in random.permutation(enough).astype(np.int32):
            if len(cases) == n:
                break
            queries = data.queries(np.array([user], np.int32))
            seen = replace(queries.history.lists, item=np.append(queries.history.item, banned).astype(np.int32),
                           offset=np.array([0, len(queries.history.item) + len(banned)]))  # fmt: skip
            slates = [[catalogue.title(i) for i in one.recommend(queries, k, exclude=seen).item[0].tolist() if i >= 0]
                      for one in (first, second)]  # fmt: skip
            if slates[0] == slates[1]:
                key.alike += 1
                if key.alike > 20 * n:
                    break
                continue
            swapped = bool(sides[len(cases)])
            left, right = slates[::-1] if swapped else slates
            cases.append(Case(shown(seer, queries.history)[:LAST], left, right))
            key.users.append(data.users[int(user)])
            key.left.append("b" if swapped else "a")
    if not cases:
        raise UserError(f"{a} and {b} gave the same slate to all of {counted(key.alike, 'user')}: nothing to judge")
    key.sheet = f"{data.fingerprint[:6]}-{digest(key, cases)}"
    write_whole(where(project, key.sheet), msgspec.json.format(msgspec.json.encode(key), indent=1).decode())
    return Sheet(key.sheet, cases, key.alike)


def digest(key: Key, cases: Sequence[Case]) -> str:
    """Return a name for what is asked."""
    from hashlib import blake2b

    return blake2b(msgspec.json.encode([key, cases]), digest_size=5).hexdigest()


def contender(project: Project, name: str, data: Dataset, catalogue: Catalogue, run: Run) -> Pipeline | AsItServes:
    """Return a version of the project's, or an algorithm fitted now, with popular behind it.

    Raises:
        UserError: it is neither.
    """
    if name in project.versions():
        live(project, name, catalogue)  # says where it is of other ids
        return AsItServes(load(project.model(name)))
    if name not in ALGORITHMS:
        known = [*project.versions(), *ALGORITHMS]
        raise UserError(f"{name!r} is neither a version of a model here nor an algorithm{nearest(name, known)}")
    algorithm = next(one for one in portfolio(settings_of(project), [name]) if one.name == name)
    return Pipeline(algorithm.fit(data, run=run), Popular().fit(data))


def where(project: Project, sheet: str) -> Path:
    """Return where the key of a sheet is kept."""
    return project.reports / "judged" / f"{sheet}.json"


def page(sheet: Sheet) -> str:
    """Return the sheet as one page that needs nothing else and hands back the answers as a file."""
    source = files("serendip.service").joinpath("jury.html.j2").read_text(encoding="utf-8")
    data = msgspec.json.encode(sheet).decode().replace("<", "\\u003c")  # nothing of the data's ends the script
    return Environment(autoescape=True).from_string(source).render(sheet=Markup(data), n=len(sheet.cases))


def read(path: Path) -> Answers:
    """Return the answers of a file.

    Raises:
        UserError: it cannot be read or is not of that form.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=Answers)
    except OSError as error:
        raise UserError(f"{path}: {error.strerror or error}") from None
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise UserError(f"{path} holds no answers of a judge: {error}") from None


def verdict(project: Project, given: Iterable[Answers]) -> Verdict:
    """Return what judges say, put together.

    Raises:
        UserError: there are no answers, or a judge answers a case twice, or they are of different sheets, or of one
            that is not known here.
    """
    every = list(given)
    if not any(one.answers for one in every):
        raise UserError("there are no answers: nothing was judged")
    once(every)
    sheets = {one.sheet for one in every}
    if len(sheets) > 1:
        raise UserError(f"the answers are of different sheets: {', '.join(sorted(sheets))}; count each alone")
    path = where(project, sheets.pop())
    if not path.is_file():
        raise UserError(f"there is no key in {path}: the sheet was drawn in another project")
    key = msgspec.json.decode(path.read_bytes(), type=Key)
    count: dict[str, int] = defaultdict(int)
    balance: dict[int, int] = defaultdict(int)
    remarks = []
    for one in every:
        for answer in one.answers:
            if not 0 <= answer.case < len(key.left):
                raise UserError(f"an answer is on case {answer.case} and the sheet has {len(key.left)}")
            meant = told(answer.choice, key.left[answer.case])
            count[meant] += 1
            balance[answer.case] += {"a": 1, "b": -1}.get(meant, 0)
            if answer.remark.strip():
                remarks.append(Remark(key.users[answer.case], meant, answer.remark.strip(), one.judge))
    for_a, for_b = (sum(sign * sum_ > 0 for sum_ in balance.values()) for sign in (1, -1))
    return Verdict(
        key.a, key.b, len(every), count["a"], count["b"], count["both"], count["neither"], for_a, for_b,
        len(balance) - for_a - for_b, key.alike, preference(for_a, for_b), remarks,
    )  # fmt: skip


def once(every: Sequence[Answers]) -> None:
    """Raise a UserError where somebody counts twice: one file, or the files of one name, answer a case again."""
    seen: set[tuple[object, int]] = set()
    for n, one in enumerate(every):
        who: object = one.judge.strip().casefold() or n
        for answer in one.answers:
            if (who, answer.case) in seen:
                name = f"the judge {one.judge.strip()!r}" if one.judge.strip() else "one judge"
                raise UserError(f"case {answer.case} is answered twice by {name}: give one file of each judge")
            seen.add((who, answer.case))


def told(choice: Choice, left: Literal["a", "b"]) -> str:
    """Return what a choice of a side means: a, b, both or neither."""
    if choice in ("both", "neither"):
        return choice
    return left if choice == "left" else {"a": "b", "b": "a"}[left]
