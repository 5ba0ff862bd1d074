"""`serendip keys`: who may ask the server for what; make, list, rotate and revoke keys."""

from typing import TYPE_CHECKING, Annotated

from typer import Argument, Option

from serendip.cli.options import HERE, JsonOption, ProjectOption, named

if TYPE_CHECKING:
    from serendip.service.keys import Key, Made


def command(
    action: Annotated[str, Argument(help="list, create NAME, rotate NAME or revoke NAME.")] = "list",
    name: Annotated[str | None, Argument(help="The key's name, as web-shop.")] = None,
    scope: Annotated[
        str | None,
        Option(help="create: what it opens: events, read or admin (which opens all), or several: read,events."),
    ] = None,
    rate: Annotated[float, Option(min=0, help="create: requests a second that it may ask; 0: any number.")] = 0.0,
    grace: Annotated[float, Option(min=0, help="rotate: hours that the key before stays valid.")] = 24.0,
    project: ProjectOption = HERE,
    json: JsonOption = False,
) -> None:
    from serendip.errors import UserError, nearest
    from serendip.service import keys
    from serendip.store.project import Project

    place, actions = Project(project), ("list", "create", "rotate", "revoke")
    if action not in actions:
        raise UserError(f"keys can be listed, created, rotated or revoked, not {action!r}{nearest(action, actions)}")
    if action == "list":
        show(keys.listed(place), json)
        return
    if name is None:
        raise UserError(f"keys {action} takes the name of a key, as `serendip keys {action} web-shop`")
    if action == "create":
        told(keys.create(place, name, named(scope) or [], rate), json)
    elif action == "rotate":
        told(keys.rotate(place, name, grace * 3600), json)
    else:
        keys.revoke(place, name)
        if not json:
            print(f"The key {name} is revoked; servers refuse it within a second.")


def told(made: "Made", json: bool) -> None:
    """Print a key that was just made, the only time that it is seen."""
    import msgspec

    if json:
        print(msgspec.json.encode({"key": made.text, **plain(made.key)}).decode())
        return
    print(made.text)
    opens = " and ".join(made.key.scopes)
    print(f"Keep it now: only its hash is kept. It opens {opens}; servers know it within a second.")


def show(found: "list[Key]", json: bool) -> None:
    """Print the keys that are valid."""
    import time

    import msgspec

    from serendip.cli.tables import console, table

    if json:
        print(msgspec.json.encode([plain(key) for key in found]).decode())
        return
    if not found:
        print("There is no key: make one with `serendip keys create NAME --scope read`.")
        return
    made = table(("name", "left"), ("key", "left"), ("scopes", "left"), ("a second", "right"), ("made", "left"),
                 ("valid until", "left"))  # fmt: skip
    for key in found:
        when = [time.strftime("%Y-%m-%d %H:%M", time.gmtime(at)) if at else "for ever" for at in (key.made, key.until)]
        made.add_row(
            key.name, f"srd_{key.id}_...", ", ".join(key.scopes), f"{key.rate:g}" if key.rate else "any", *when
        )
    console().print(made)


def plain(key: "Key") -> dict[str, object]:
    """Return what may be told of a key."""
    return {
        "name": key.name,
        "id": key.id,
        "scopes": key.scopes,
        "rate": key.rate,
        "made": key.made,
        "until": key.until,
    }
