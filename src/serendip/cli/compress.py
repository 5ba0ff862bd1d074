"""`serendip compress`: write a smaller version of a model, and say what it costs."""

from typing import Annotated

from typer import Option

from serendip.cli.options import HERE, JsonOption, ProjectOption, SeedOption
from serendip.plural import counted


def command(
    to: Annotated[
        str, Option("--to", help="float16, int8, pruned (item weights only) or ann (an index, needs the extra).")
    ],
    model: Annotated[
        str | None, Option("--model", help="Version of the model; the one that serves if not given.")
    ] = None,
    keep: Annotated[float, Option(help="Share of each item's weights that pruning keeps, the largest.")] = 0.1,
    publish: Annotated[bool, Option("--publish", help="Let the new version serve.")] = False,
    project: ProjectOption = HERE,
    seed: SeedOption = 0,
    json: JsonOption = False,
) -> None:
    from serendip.service.compress import K, compress
    from serendip.store.project import Project

    made = compress(Project(project), to, version=model, keep=keep, publish=publish, seed=seed)
    if json:
        import msgspec

        print(msgspec.json.encode(made).decode())
        return
    share = made.bytes_after / made.bytes_before
    print(f"Model {made.model} is {made.parent} in {to}: {made.bytes_after / 1e6:,.1f} MB on disk, {share:.0%} of "
          f"{made.bytes_before / 1e6:,.1f} MB.")  # fmt: skip
    if made.overlap is not None:
        whose = counted(made.n_users, "user")
        print(f"Of the first {K} items of {whose}, {made.overlap:.1%} are those of {made.parent}.")
    if made.published:
        print("It is published. Write the slates anew with: serendip generate")
    else:
        again = f"--to {to} --model {made.parent}" + (f" --keep {keep:g}" if to == "pruned" else "")
        print(f"It does not serve yet; to let it: serendip compress {again} --publish")
