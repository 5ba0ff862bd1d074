"""The main job on a real set with titles: MovieLens 100K, and only where no way to it works, the simulated shop."""

from serendip.data.catalogue import load
from serendip.data.shop import simulate
from serendip.data.tables import EVENT_SCHEMA, Tables
from serendip.errors import UserError
from serendip.models.contract import Run
from serendip.plural import counted
from serendip.service.ingest import ingest
from serendip.service.run import Ran, Say, from_store
from serendip.service.settings import settings_of, write_settings
from serendip.store.project import Project


def demo(project: Project, *, how: Run = Run(), say: Say = print) -> Ran:
    """Run the main job on the set; a second time goes on from what is there."""
    tables = real_or_simulated(say)
    project.make()
    settings = settings_of(project)
    with project.store() as store:
        (read,) = ingest(store, [tables.events.drop("event_id")], progress=how.progress)
        store.add(Tables(EVENT_SCHEMA.to_frame(), tables.items, tables.users))
        say(f"{counted(read.new_events, 'new event')}, {read.repeated_events:,} known before")
        write_settings(project, settings)
        return from_store(project, store, settings, (read,), None, how)


def real_or_simulated(say: Say) -> Tables:
    """Return MovieLens 100K with its source said, else the simulated shop with the reason said."""
    try:
        loaded = load("ml-100k")
    except UserError as error:
        say(f"MovieLens 100K cannot be had ({error}), so this is the simulated shop: made-up people and made-up things")
        return simulate(seed=0).tables
    say(str(loaded.source))
    return loaded
