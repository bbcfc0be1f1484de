"""What is in `deploy/` fits the program: its commands, settings, limits and files."""

from __future__ import annotations

import configparser
import re
import shlex
from pathlib import Path

import click
import pytest

from erp.cli import CORE_COMMANDS
from erp.limits import LARGEST_BODY
from erp.options import OptionTable
from tests.core.test_option_behaviour import DECLARED

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
FILES = [path for path in sorted(DEPLOY.rglob("*")) if path.is_file()]
SETTING = re.compile(r"\bERP_[A-Z_]+")


def units():
    return [path for path in FILES if path.suffix == ".service"]


def parsed(name, arguments):
    """Parse a command line of `erp`; raises UsageError where it is called wrongly."""
    CORE_COMMANDS[name].make_context(name, list(arguments), resilient_parsing=False)


@pytest.mark.parametrize("path", units(), ids=lambda path: path.name)
def test_a_service_calls_a_command_that_there_is(path):
    unit = configparser.ConfigParser(interpolation=None, strict=False)
    unit.optionxform = str
    unit.read_string(path.read_text())
    program, name, *arguments = shlex.split(unit["Service"]["ExecStart"])
    assert program.endswith("/bin/erp")
    parsed(name, arguments)
    assert unit["Service"]["User"] == "erp"


def test_the_image_calls_commands_that_there_are():
    text = (DEPLOY / "Containerfile").read_text()
    name, *arguments = re.findall(r'"([^"]+)"', re.search(r"^CMD (.*)$", text, re.M)[1])
    parsed(name, arguments)
    for command in re.findall(r"^ +command: \[(\w+)\]$", (DEPLOY / "compose.yaml").read_text(), re.M):
        parsed(command, [])


def test_a_command_line_that_is_wrong_would_be_noticed():
    with pytest.raises(click.UsageError):
        parsed("serve", ["--colour", "red"])


def test_every_setting_is_an_option_or_in_the_administrators_guide():
    known = set(SETTING.findall((ROOT / "docs/administrator.md").read_text())) | {"ERP_TRUSTED_PROXIES"}
    for path in FILES:
        for name in SETTING.findall(path.read_text()):
            section, separator, option = name.removeprefix("ERP_").lower().partition("__")
            assert f"{section}.{option}" in DECLARED if separator else name in known, f"{path}: {name}"


def test_the_ini_file_has_options_that_there_are():
    table = OptionTable({"erp": [option for key, option in DECLARED.items() if key.startswith("erp.")]})
    assert table.read_ini((DEPLOY / "erp.ini").read_text())["erp.metrics"] is True


def test_proxies_take_as_much_as_the_server():
    megabytes = LARGEST_BODY // 1_000_000
    for name, limit in {"nginx.conf": "client_max_body_size {}m;", "compose-nginx.conf": "client_max_body_size {}m;",
                        "Caddyfile": "max_size {}MB"}.items():  # fmt: skip
        assert limit.format(megabytes) in (DEPLOY / name).read_text()


def test_the_guide_names_files_that_there_are():
    named = re.findall(r"deploy/[\w./-]*\w", (ROOT / "docs/deployment.md").read_text())
    assert len(set(named)) >= 6
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_an_installation_without_a_checkout_has_what_the_docs_name():
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    carried = {
        path
        for patterns in setup["options.data_files"].values()
        for pattern in patterns.split()
        for path in ROOT.glob(pattern)
    }
    named = [path for name in ("config", "deploy", "docs") for path in (ROOT / name).rglob("*") if path.is_file()]
    assert [path for path in named if path not in carried] == []
    assert all(path.is_file() for path in carried)
