"""The files of deploy/ against the program: each command, option, path, port and setting is one that there is."""

import json
import re
import shlex
import shutil
import subprocess
import tomllib
from importlib import import_module
from pathlib import Path

import pytest
import typer
import yaml

from serendip.cli import COMMANDS
from serendip.config import parse
from serendip.server.keys import OPEN
from serendip.server.workers import DRAIN

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
DOCKERFILE = (DEPLOY / "Dockerfile").read_text()
COMPOSE = (DEPLOY / "compose.yaml").read_text()
NGINX = (DEPLOY / "nginx.conf").read_text()
UNIT = (DEPLOY / "serendip.service").read_text()


def parsed(words):
    """Return what the command line makes of a command; what it does not know is an error."""
    assert words[0] in COMMANDS, words
    app = typer.Typer(add_completion=False)
    app.command(words[0])(import_module(f"serendip.cli.{words[0]}").command)
    return typer.main.get_command(app).make_context(words[0], list(words[1:])).params


def instruction(name):
    """Return the last instruction of a name in the Dockerfile."""
    return re.findall(rf"^{name} (.*)$", DOCKERFILE, re.MULTILINE)[-1]


def services():
    return yaml.safe_load(COMPOSE)["services"]


def test_the_image_serves_as_the_command_line_can():
    served = parsed(json.loads(instruction("CMD")))
    assert json.loads(instruction("ENTRYPOINT")) == ["serendip"]
    assert served["host"] == "0.0.0.0" and served["workers"] > 1 and served["log"] == "requests"
    assert str(served["project"]) == "." and instruction("WORKDIR") == instruction("VOLUME") == "/project"
    assert str(served["port"]) == instruction("EXPOSE")
    asked = re.search(r"http://127\.0\.0\.1:(\d+)(/[\w/]+)", instruction("HEALTHCHECK"))
    assert asked[1] == instruction("EXPOSE") and asked[2] in OPEN
    assert instruction("STOPSIGNAL") == "SIGTERM" and instruction("USER") == "serendip"


def test_the_image_is_built_from_what_is_there():
    for sources in re.findall(r"^COPY (?!--from)(.*) \S+$", DOCKERFILE, re.MULTILINE):
        for name in sources.split():
            assert (ROOT / name).exists(), name
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = re.search(r"'\.\[([\w,]+)\]'", DOCKERFILE)[1].split(",")
    assert set(extras) <= set(project["optional-dependencies"])
    assert len(set(re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE))) == 1


def test_the_settings_of_the_compose_file_are_settings_and_name_its_services():
    settings = parse(tomllib.loads((DEPLOY / "serendip.toml").read_text()), "serendip.toml")
    assert {re.search(r"[@/](\w+)[:/]", settings.storage.url)[1], re.search(r"//(\w+):", settings.cache.url)[1]} == {
        "postgres",
        "redis",
    }
    database = services()["postgres"]["environment"]
    assert settings.storage.url == f"postgresql://{database['POSTGRES_USER']}@postgres/{database['POSTGRES_DB']}"
    assert "PGPASSWORD" in services()["one"]["environment"]


def test_the_services_run_commands_that_there_are():
    made = services()
    assert made["one"] == made["two"] and "command" not in made["one"]
    assert parsed(made["schedule"]["command"])["once"] is False
    for name in ("one", "two", "schedule", "command"):
        assert any(volume.startswith("project:/project") for volume in made[name]["volumes"])
        assert int(made[name]["stop_grace_period"].rstrip("s")) > DRAIN
    for path in [p.partition(":")[0] for s in made.values() for p in s.get("volumes", []) if p.startswith("./")]:
        assert (DEPLOY / path).is_file()
    volumes = {v.partition(":")[0] for s in made.values() for v in s.get("volumes", []) if v[0] not in "./"}
    assert volumes == set(yaml.safe_load(COMPOSE)["volumes"])
    published = [port for service in made.values() for port in service.get("ports", [])]
    assert published == ["127.0.0.1:8080:8080"] and "listen 8080;" in NGINX
    assert set(re.findall(r"server (\w+):(\d+)", NGINX)) == {(n, instruction("EXPOSE")) for n in ("one", "two")}


def test_the_commands_in_the_comments_are_commands():
    told = re.findall(r"^# +docker compose -f (\S+) run --rm (\w+) *(.*?)(?: +#.*)?$", COMPOSE, re.MULTILINE)
    assert len(told) == 4
    for file, service, words in told:
        assert (ROOT / file).is_file() and "tools" in services()[service]["profiles"]
        if service == "command":
            parsed(shlex.split(words))


def test_the_unit_serves_as_the_command_line_can(tmp_path):
    words = shlex.split(re.search(r"^ExecStart=(.*)$", UNIT, re.MULTILINE)[1])
    assert parsed(words[1:])["workers"] == 2
    assert str(parsed(words[1:])["project"]) == "/var/lib/" + re.search(r"StateDirectory=(\S+)", UNIT)[1]
    assert int(re.search(r"TimeoutStopSec=(\d+)", UNIT)[1]) > DRAIN
    assert words[0] == re.search(r"venv (\S+)", UNIT)[1] + "/bin/serendip"


def test_systemd_understands_the_unit(tmp_path):
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("systemd-analyze is not installed")
    there = tmp_path / "serendip.service"
    there.write_text(UNIT.replace("/opt/serendip/bin/serendip", shutil.which("true") or ""))
    done = subprocess.run([analyze, "verify", there], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and str(there) not in done.stderr, done.stderr
    there.write_text(UNIT.replace("ProtectHome=yes", "ProtectHome=perhaps"))
    assert "perhaps" in subprocess.run([analyze, "verify", there], capture_output=True, text=True, timeout=60).stderr
