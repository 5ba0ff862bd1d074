"""`serendip recommend`: a user's slate, or one for whoever likes some items, for a group, for an item's page."""

from typing import Annotated

from typer import Argument, Option

from serendip.cli.options import HERE, ContextOption, JsonOption, KOption, PipelineOption, ProjectOption


def command(
    user_id: Annotated[str | None, Argument(help="The user; an unknown one gets what a newcomer does.")] = None,
    history: Annotated[str | None, Option(help="Item ids separated by commas, the oldest first: a slate for whoever "
                       "chose them.")] = None,
    context: ContextOption = None,
    pipeline: PipelineOption = "default",
    item: Annotated[str | None, Option("--item", help="The item whose page the slate is for.")] = None,
    group: Annotated[str | None, Option("--group", help="A group of users, separated by commas.")] = None,
    aggregate: Annotated[str, Option("--aggregate", help="What a group's score is: average, least-misery or "
                         "most-pleasure.")] = "average",
    trace: Annotated[bool, Option("--trace", help="Tell what each stage left out, and why.")] = False,
    k: KOption = 10,
    project: ProjectOption = HERE,
    json: JsonOption = False,
) -> None:  # fmt: skip
    from serendip.cli import tables
    from serendip.cli.options import named, pair_of
    from serendip.errors import UserError
    from serendip.service.answer import Event, plain
    from serendip.service.open import opened
    from serendip.service.slate import How, slate, slate_for, slate_together

    if group is not None and (user_id is not None or history is not None or item is not None):
        raise UserError("a group is asked for alone: serendip recommend --group USER,USER")
    if user_id == "" or (group is None and item is None and (user_id is None) == (history is None)):
        raise UserError("name a user, or what someone chose: serendip recommend USER, or --history ITEM,ITEM")
    told = dict(pair_of(text) for text in context or [])
    live = opened(project)
    try:
        how = How(pipeline, trace)
        if group is not None:
            answer = slate_together(live, named(group) or [], k, aggregate, context=told, how=how)
        elif user_id is not None and item is None:
            answer = slate(live, user_id, k, context=told, with_history=True, how=how)
        else:
            items = named(history) or []
            for item_id in items:
                live.catalogue.find(item_id)
            past = [Event(item_id, "") for item_id in items]
            answer = slate_for(live, past, k, context=told, how=how, user_id=user_id, item_id=item)
    finally:
        live.store.close()
    if json:
        print(plain(answer))
    else:
        tables.slate(
            answer, "A group" if group is not None else "A newcomer" if item is None else f"On the page of {item}"
        )
        if trace:
            tables.trace(answer)
