"""`serendip schedule`: train anew on time or on new events, and let the new model serve where it is no worse."""

from typing import Annotated

from typer import Option

from serendip.cli.options import HERE, JsonOption, ProjectOption, SeedOption, ThreadsOption


def command(
    project: ProjectOption = HERE,
    once: Annotated[bool, Option("--once", help="Do one round now, due or not, and end.")] = False,
    threads: ThreadsOption = None,
    seed: SeedOption = 0,
    json: JsonOption = False,
) -> None:
    import sys
    import time
    from dataclasses import asdict

    import msgspec

    from serendip.errors import UserError
    from serendip.models.contract import Run
    from serendip.service import schedule
    from serendip.service.settings import settings_of
    from serendip.store.project import Project

    place, run = Project(project), Run(threads=threads, seed=seed)
    schedule.seconds(settings_of(place).schedule.every)
    with place.store(create=False) as store:
        while True:
            settings = settings_of(place)
            try:
                made = schedule.once(place, store, settings, "asked for" if once else None, run)
            except UserError as error:
                if once:
                    raise
                print(f"serendip: {error}", file=sys.stderr, flush=True)
                made = None
            if made is not None:
                told = f"{time.strftime('%Y-%m-%d %H:%M:%S', time.gmtime(made.at))} {made.why}: {made.verdict}"
                print(msgspec.json.encode(asdict(made)).decode() if json else told, flush=True)
            if once:
                if made is None:
                    raise UserError("another scheduler is at work on this project: wait for it")
                return
            every = schedule.seconds(settings.schedule.every)
            time.sleep(min(10.0, (every or 3600.0) / 10))
