"""`serendip onboard`: ask what a newcomer likes, and show the slate that comes of it."""

from typing import Annotated

from typer import Option

from serendip.cli.options import HERE, JsonOption, KOption, ProjectOption, named


def command(
    like: Annotated[str | None, Option(help="Items liked already, separated by commas.")] = None,
    dislike: Annotated[str | None, Option(help="Items not liked.")] = None,
    unknown: Annotated[str | None, Option(help="Items not known.")] = None,
    k: KOption = 10,
    project: ProjectOption = HERE,
    json: JsonOption = False,
) -> None:
    from dataclasses import replace

    from serendip.cli import tables
    from serendip.pipeline.onboarding import DISLIKE, LIKE, UNKNOWN
    from serendip.service.answer import Slate, plain
    from serendip.service.onboarding import Said, answers_of, questionnaire
    from serendip.service.open import opened
    from serendip.service.settings import settings_of
    from serendip.store.project import Project

    said = Said(answers_of(*(named(text) or [] for text in (like, dislike, unknown))))
    settings = settings_of(Project(project)).onboarding
    live = opened(project)
    try:
        for item_id in said.items:
            live.catalogue.find(item_id)
        made = questionnaire(live, said, settings, k=k)
        if json:
            print(plain(made))
            return
        while not made.done:
            one = made.questions[0]
            word = asked(made.answered + 1, tables.shown(one.title), one.about)
            if word == "q":
                break
            answer = {one.id: {"y": LIKE, "n": DISLIKE, "": UNKNOWN}[word]}
            if one.about == "item":
                said = replace(said, items={**said.items, **answer})
            else:
                said = replace(said, tags={**said.tags, **answer})
            made = questionnaire(live, said, settings, k=k)
        print(f"\n{made.reason[:1].upper()}{made.reason[1:]}." if made.reason else "")
        slate = Slate(made.items, made.model, "onboarding", made.request_id, known=bool(made.history))
        slate.history = made.history[::-1]
        tables.slate(slate)
    finally:
        live.store.close()


def asked(n: int, title: str, about: str) -> str:
    """Ask until there is an answer: y, n, q, or nothing for what is not known; the end of the input is q."""
    what = f"Do you like {title}?" if about == "item" else f"Do you like things that are {title}?"
    while True:
        try:
            word = input(f"{n}. {what} [y/n, Enter: don't know, q: that is enough] ").strip().lower()[:1]
        except EOFError:
            return "q"
        if word in ("y", "n", "q", ""):
            return word
        print("Please answer y or n, Enter where you do not know it, or q.")
