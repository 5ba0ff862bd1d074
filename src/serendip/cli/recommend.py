"""`serendip recommend`: a user's slate, or one for whoever likes some items."""

from typing import Annotated

from typer import Argument, Option

from serendip.cli.options import HERE, JsonOption, KOption, ProjectOption


def command(
    user_id: Annotated[str | None, Argument(help="The user; an unknown one gets what a newcomer does.")] = None,
    history: Annotated[str | None, Option(help="Item ids separated by commas, the oldest first: a slate for whoever "
                       "chose them.")] = None,
    context: Annotated[list[str] | None, Option(metavar="NAME=VALUE", help="What is known of the request, as "
                       "device=phone; may be repeated.")] = None,
    k: KOption = 10,
    project: ProjectOption = HERE,
    json: JsonOption = False,
) -> None:  # fmt: skip
    from serendip.cli import tables
    from serendip.cli.options import named, pair_of
    from serendip.errors import UserError
    from serendip.service.answer import Event, plain
    from serendip.service.open import opened
    from serendip.service.slate import slate, slate_for

    if (user_id is None) == (history is None):
        raise UserError("name a user, or what someone chose: serendip recommend USER, or --history ITEM,ITEM")
    told = dict(pair_of(text) for text in context or [])
    live = opened(project)
    try:
        if user_id is not None:
            answer = slate(live, user_id, k, context=told, with_history=True)
        else:
            items = named(history) or []
            for item_id in items:
                live.catalogue.find(item_id)
            answer = slate_for(live, [Event(item_id, "") for item_id in items], k, context=told)
    finally:
        live.store.close()
    if json:
        print(plain(answer))
    else:
        tables.slate(answer)
