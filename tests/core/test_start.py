"""What a process imports before it does anything: time that each command waits, and memory that each process holds."""

import os
import subprocess
import sys

import pytest

# Each is needed by a few commands, or by processes that answer requests alone.
RARELY_NEEDED = (
    "alembic",
    "apscheduler",
    "authlib",
    "flask_admin",
    "gunicorn",
    "mako",
    "marshmallow",
    "prometheus_client",
    "psycopg",
    "pygal",
    "pyotp",
    "segno",
    "waitress",
)
PROGRAM = "import sys; from erp.cli import run; code = run(sys.argv[1:]); print(*sys.modules); sys.exit(code)"


def imported(environment, *arguments):
    """Return the names of the modules that a command line has imported by its end."""
    command = [sys.executable, "-c", PROGRAM, *arguments]
    return set(subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout.split())


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    own = {**os.environ, "ERP_INSTANCE": str(tmp_path_factory.mktemp("instance"))}
    own.pop("ERP_DATABASE_URL", None)
    imported(own, "init")
    return own


@pytest.mark.parametrize("arguments", [("options", "get", "sales.backorders"), ("allocate",), ("jobs", "list")])
def test_a_command_imports_nothing_that_only_others_need(environment, arguments):
    found = imported(environment, *arguments)
    assert [name for name in RARELY_NEEDED if name in found] == []
    assert [name for name in found if name.startswith("modules.") and ".admin" in name] == []


def test_an_application_imports_what_few_pages_need_when_one_asks_for_it(environment):
    program = "import sys; from erp.app import create_app; create_app(); print(*sys.modules)"
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    rare = ("alembic", "apscheduler", "authlib", "prometheus_client", "pygal", "pyotp", "segno")
    assert [name for name in rare if name in done.stdout.split()] == []


@pytest.mark.parametrize("arguments", [("get", "sales.backorders"), ("list",), ("export",), ("example",)])
def test_a_command_that_reads_options_imports_of_modules_only_what_they_declare(environment, arguments):
    found = [name.split(".") for name in imported(environment, "options", *arguments)]
    assert {name[2] for name in found if name[0] == "modules" and len(name) > 2} == {"module"}
