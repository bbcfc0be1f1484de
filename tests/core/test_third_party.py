"""Modules that do not ship with the product: from a folder, from a package, broken, and killed in the middle."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import dataclass

import pytest
from sqlalchemy import inspect

from erp.admin import Page
from erp.db import db
from erp.manifest import Permission
from erp.models import InstalledModule
from erp.registry import current_registry
from tests.conftest import browser_of, make_app
from tests.core.small import make_module
from tests.support.databases import TEMPLATES

MANIFEST = """
from erp.manifest import Module

def setup(core):
    {setup}

MODULE = Module(name={name!r}, title={name!r}, version="1.0", summary="Made up.", setup=setup)
"""
MIGRATION = """
import os, signal
from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0001", None

def upgrade():
    op.create_table("fragile_first", sa.Column("id", sa.Integer(), primary_key=True))
    if (Path(__file__).parent / "kill").exists():
        os.kill(os.getpid(), signal.SIGKILL)
    op.create_table("fragile_second", sa.Column("id", sa.Integer(), primary_key=True))
"""


def write_module(folder, name, setup="pass", text=MANIFEST):
    place = folder / name
    place.mkdir(parents=True)
    (place / "module.py").write_text(text.format(name=name, setup=setup))
    return place


MODELS = """
from sqlalchemy import Column, ForeignKey, Table
from sqlalchemy.orm import Mapped, mapped_column, relationship

from erp.db import Model

class First(Model):
    __tablename__ = "{name}_first"
    id: Mapped[int] = mapped_column(primary_key=True)
    other = relationship("Second")

Table("{name}_pair", Model.metadata, Column("first_id", ForeignKey("{name}_first.id")))
{last}
"""


@dataclass(frozen=True)
class Rang:
    """The bell rang."""


class Deployment:
    """A database with everything installed, a folder of modules, and the commands of another process."""

    def __init__(self, url, folder):
        self.url, self.folder, self.modules = url, folder, folder / "extra"
        self.modules.mkdir()

    def erp(self, *arguments, **settings):
        """Run a command line in a process of its own."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("ERP_")}
        own = {
            "ERP_DATABASE_URL": self.url,
            "ERP_INSTANCE": str(self.folder),
            "ERP_ERP__MODULE_PATH": str(self.modules),
        }
        command = [sys.executable, "-m", "erp", *arguments]
        return subprocess.run(command, env={**kept, **own, **settings}, capture_output=True, text=True)

    def app(self):
        """Return an application of this process on the same database."""
        return make_app(self.url, self.folder, self.modules)


@pytest.fixture
def deploy(all_databases, tmp_path, worker_name):
    """Return a function that gives a deployment on a kind of database."""

    def make(kind):
        template = TEMPLATES[kind](all_databases.shared, all_databases.install)
        return Deployment(template.copy(tmp_path, f"deployed_{worker_name}"), tmp_path)

    return make


def lines(printed):
    return {line.split()[0]: line for line in printed.splitlines()}


def test_modules_come_from_folders_and_packages_and_broken_ones_are_listed_with_their_error(deploy, tmp_path):
    deployment = deploy("sqlite")
    write_module(deployment.modules, "from_a_folder")
    write_module(deployment.modules, "without_library", text="import no_such_library\n")
    packages = tmp_path / "packages"
    write_module(packages, "from_a_package")
    (packages / "from_a_package-1.0.dist-info").mkdir()
    (packages / "from_a_package-1.0.dist-info" / "METADATA").write_text("Name: from-a-package\nVersion: 1.0\n")
    entry_points = "[erp.modules]\nfrom_a_package = from_a_package.module:MODULE\n"
    (packages / "from_a_package-1.0.dist-info" / "entry_points.txt").write_text(entry_points)
    done = deployment.erp("modules", "list", PYTHONPATH=str(packages))
    assert (done.returncode, done.stderr) == (0, "")
    found = lines(done.stdout)
    assert "available" in found["from_a_folder"] and "available" in found["from_a_package"]
    assert "broken" in found["without_library"]
    assert "ModuleNotFoundError: No module named 'no_such_library'" in found["without_library"]
    assert "enabled" in found["sales"]


def test_a_module_whose_tables_are_half_made_or_wrong_is_broken_and_the_others_work(deploy):
    deployment = deploy("sqlite")
    for name, last in (("halfway", "import no_such_library"), ("mistaken", "")):
        place = write_module(deployment.modules, name, setup=f"from modules.{name} import models")
        (place / "models.py").write_text(MODELS.format(name=name, last=last))
    write_module(deployment.modules, "sound")
    done = deployment.erp("modules", "list")
    assert (done.returncode, done.stderr) == (0, "")
    found = lines(done.stdout)
    assert "broken" in found["halfway"] and "No module named 'no_such_library'" in found["halfway"]
    assert "broken" in found["mistaken"] and "names 'Second', which is no model that is there" in found["mistaken"]
    assert "available" in found["sound"] and "enabled" in found["sales"]
    assert deployment.erp("modules", "install", "sound").returncode == 0
    assert deployment.erp("check").returncode == 0


def test_the_screen_shows_a_broken_module_with_its_error_and_the_others_go_on(deploy):
    deployment = deploy("sqlite")
    write_module(deployment.modules, "shy", setup='raise ImportError("not today")')
    with deployment.app().app_context():
        browser = browser_of(deployment.app(), "Administrator")
        page = browser.get("/settings/modules/").text
        row = page[page.index('id="module-shy"') :].partition("</tr>")[0]
        assert "Broken" in row and "ImportError: not today" in row
        assert f"from {deployment.modules}/shy" in row
        assert "Install" not in row
        assert browser.get("/settings/modules/shy/install/").status_code == 404
        assert browser.get("/sales/orders/").status_code == 200
        db.engine.dispose()


def test_a_module_with_a_screen_that_cannot_be_made_is_broken_with_those_that_need_it(small_app):
    class Lame(Page):
        view_name, title, url = "lame.page", "Lame", "/lame"

        def __init__(self, **names):
            raise TypeError("a leg is missing")

    def setup(core):
        core.add_view(Lame, menu="Lame", permission="lame.see")
        core.subscribe(Rang, print)

    lame = make_module("lame", setup=setup, permissions=(Permission("lame.see", "See it"),))
    small_app(lame, make_module("crutch", "lame"), make_module("bell"), shipped=False)
    registry = current_registry()
    assert list(registry.modules) == ["bell"]
    assert registry.found.broken == {
        "lame": "TypeError: a leg is missing",
        "crutch": "Module crutch needs lame, not found here.",
    }
    assert registry.handlers(Rang) == []
    with pytest.raises(TypeError, match="a leg is missing"):
        small_app(lame)


def test_a_module_that_takes_the_name_of_a_shipped_job_is_broken_and_the_shipped_one_runs(deploy):
    deployment = deploy("sqlite")
    taken = """
    def allocate_backorders(session):
        "Do something else."
    core.add_job(allocate_backorders, every="erp.check_every")
    """
    write_module(deployment.modules, "aaa", setup=taken)
    write_module(deployment.modules, "sound")
    done = deployment.erp("modules", "list")
    assert (done.returncode, done.stderr) == (0, "")
    found = lines(done.stdout)
    assert "broken" in found["aaa"] and "Two modules add a job allocate-backorders: aaa and sales." in found["aaa"]
    assert "available" in found["sound"] and "enabled" in found["sales"]
    assert "allocate-backorders" in deployment.erp("jobs", "list").stdout


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_an_installation_that_is_killed_is_named_and_can_be_ended(deploy, command, kind):
    deployment = deploy(kind)
    place = write_module(deployment.modules, "fragile")
    (place / "migrations").mkdir()
    (place / "migrations" / "0001_tables.py").write_text(MIGRATION)
    (place / "migrations" / "kill").touch()
    assert deployment.erp("modules", "install", "fragile").returncode == -signal.SIGKILL
    (place / "migrations" / "kill").unlink()

    app = deployment.app()
    with app.app_context():
        assert db.session.get(InstalledModule, "fragile").state == "installing"
        assert not inspect(db.session.connection()).has_table("fragile_first")
        assert "installing" in lines(command(app, "modules", "list")[1])["fragile"]
        assert command(app, "check")[0] == 0
        assert command(app, "modules", "enable", "fragile")[0] == 1
        assert command(app, "modules", "upgrade", "fragile")[0] == 0
        assert db.session.get(InstalledModule, "fragile").state == "enabled"
        tables = set(inspect(db.session.connection()).get_table_names())
        assert {"fragile_first", "fragile_second"} <= tables
        db.session.remove()
        db.engine.dispose()
