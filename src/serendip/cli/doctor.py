"""`serendip doctor`: check everything that a server needs; the status is 1 where there is a problem."""

from serendip.cli.options import HERE, JsonOption, ProjectOption


def command(project: ProjectOption = HERE, json: JsonOption = False) -> None:
    from dataclasses import asdict

    import msgspec

    from serendip.cli.tables import shown
    from serendip.errors import UserError
    from serendip.service.doctor import PROBLEM, examine
    from serendip.store.project import Project

    found = []
    for one in examine(Project(project)):
        found.append(one)
        if not json:
            do = f": {shown(one.do)}" if one.do else ""
            print(f"{one.state:<8} {one.check:<9} {shown(one.said)}{do}", flush=True)
    if json:
        print(msgspec.json.encode([asdict(one) for one in found]).decode(), flush=True)
    bad = [one.check for one in found if one.state == PROBLEM]
    if bad:
        raise UserError(f"{len(bad)} of {len(found)} checks found a problem: {', '.join(bad)}")
