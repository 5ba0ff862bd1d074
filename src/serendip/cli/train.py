"""`serendip train`: fit one algorithm on everything and publish the model."""

from typing import Annotated

from typer import Argument, Option

from serendip.cli.options import HERE, JsonOption, ProjectOption, SeedOption, ThreadsOption


def command(
    algorithm: Annotated[str, Argument(help="Its name, as als.")],
    project: ProjectOption = HERE,
    set_: Annotated[
        list[str] | None, Option("--set", metavar="field=value", help="A hyperparameter; repeatable.")
    ] = None,
    threads: ThreadsOption = None,
    seed: SeedOption = 0,
    json: JsonOption = False,
) -> None:
    from serendip.cli.progress import Bar
    from serendip.models.contract import Run
    from serendip.service.evaluate import configured
    from serendip.service.settings import learned, settings_of
    from serendip.service.train import train
    from serendip.store.project import Project

    place = Project(project)
    settings = settings_of(place)
    given = [f"{name}={value}" for name, value in settings.training.hyperparameters.get(algorithm, {}).items()]
    (wanted,) = configured(algorithm, [f"{algorithm}.{one}" for one in [*given, *(set_ or [])]])
    with place.store(create=False) as store, Bar() as bar:
        data = learned(store, settings)
        version = train(place, wanted, data, run=Run(threads=threads, seed=seed, progress=bar))
    if json:
        import msgspec

        print(msgspec.json.encode({"model": version, "algorithm": wanted.name}).decode())
    else:
        print(f"Model {version} ({wanted.name}) is published. Write the slates anew with: serendip generate")
