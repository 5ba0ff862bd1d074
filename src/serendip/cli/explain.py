"""`serendip explain`: why an item stands in a user's slate."""

from typing import Annotated

from typer import Argument

from serendip.cli.options import HERE, JsonOption, ProjectOption


def command(
    user_id: Annotated[str, Argument(help="The user.")],
    item_id: Annotated[str, Argument(help="The item.")],
    project: ProjectOption = HERE,
    json: JsonOption = False,
) -> None:
    from serendip.cli.tables import explanation
    from serendip.service.answer import plain
    from serendip.service.open import opened

    recommender = opened(project)
    try:
        answer = recommender.explain(user_id, item_id)
    finally:
        recommender.store.close()
    if json:
        print(plain(answer))
    else:
        explanation(answer)
