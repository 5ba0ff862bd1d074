"""`serendip explain`: why an item stands in a user's slate."""

from typing import Annotated

from typer import Argument

from serendip.cli.options import HERE, JsonOption, PipelineOption, ProjectOption


def command(
    user_id: Annotated[str, Argument(help="The user.")],
    item_id: Annotated[str, Argument(help="The item.")],
    pipeline: PipelineOption = "default",
    project: ProjectOption = HERE,
    json: JsonOption = False,
) -> None:
    from serendip.cli.tables import explanation
    from serendip.service.answer import plain
    from serendip.service.explain import explain
    from serendip.service.open import opened

    live = opened(project)
    try:
        answer = explain(live, user_id, item_id, pipeline)
    finally:
        live.store.close()
    if json:
        print(plain(answer))
    else:
        explanation(answer)
