"""`serendip recommend`: a user's slate, or one for whoever likes some items."""

from typing import Annotated

from typer import Argument, Option

from serendip.cli.options import HERE, JsonOption, KOption, ProjectOption


def command(
    user_id: Annotated[str | None, Argument(help="The user; an unknown one gets what a newcomer does.")] = None,
    history: Annotated[str | None, Option(help="Item ids separated by commas, the oldest first: a slate for whoever "
                       "chose them.")] = None,
    k: KOption = 10,
    project: ProjectOption = HERE,
    json: JsonOption = False,
) -> None:  # fmt: skip
    from serendip.cli.options import named
    from serendip.cli.tables import slate
    from serendip.errors import UserError
    from serendip.service.answer import Event, plain
    from serendip.service.open import opened

    if (user_id is None) == (history is None):
        raise UserError("name a user, or what someone chose: serendip recommend USER, or --history ITEM,ITEM")
    recommender = opened(project)
    try:
        if user_id is not None:
            answer = recommender.slate(user_id, k, with_history=True)
        else:
            items = named(history) or []
            for item_id in items:
                recommender.find_item(item_id)
            answer = recommender.slate_for([Event(item_id, "") for item_id in items], k)
    finally:
        recommender.store.close()
    if json:
        print(plain(answer))
    else:
        slate(answer)
