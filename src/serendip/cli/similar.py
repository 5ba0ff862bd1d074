"""`serendip similar`: the items most like an item."""

from typing import Annotated

from typer import Argument

from serendip.cli.options import HERE, JsonOption, KOption, ProjectOption


def command(
    item_id: Annotated[str, Argument(help="The item.")],
    k: KOption = 10,
    project: ProjectOption = HERE,
    json: JsonOption = False,
) -> None:
    from rich.text import Text

    from serendip.cli.tables import console, shown, table
    from serendip.service.answer import plain
    from serendip.service.open import opened
    from serendip.service.similar import similar

    live = opened(project)
    try:
        answer = similar(live, item_id, k)
    finally:
        live.store.close()
    if json:
        print(plain(answer))
        return
    if not answer.items:
        print(shown(f"Nothing is known to be like {answer.title} ({item_id})."))
        return
    print(shown(f"Like {answer.title} ({item_id}):"))
    made = table(("", "right"), ("item", "left"), ("title", "left"), ("score", "right"))
    for n, one in enumerate(answer.items):
        made.add_row(str(n + 1), Text(shown(one.item_id)), Text(shown(one.title)), f"{one.score:.3f}")
    console().print(made)
