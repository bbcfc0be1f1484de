"""Tables that grow while they have rows: the revision that is written for them, on both databases."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from erp import migrations
from erp.db import db
from erp.migrations import authoring
from erp.registry import current_registry
from tests.conftest import make_app
from tests.support.databases import TEMPLATES

GROWING = """
from erp.manifest import Module


def setup(core):
    from modules.growing import models

    core.add_models(models)


MODULE = Module(name="growing", title="Growing", version="{version}", setup=setup)
"""
FIRST_MODELS = """
from decimal import Decimal
from enum import StrEnum

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from erp.db import BigId, Model, Quantity
from erp.models import enum_column


class Size(StrEnum):
    small = "small"
    large = "large"


class Plant(Model):
    __tablename__ = "growing_plant"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    name: Mapped[str] = mapped_column(String(20))
"""
NEW_COLUMNS = """
    size: Mapped[Size] = mapped_column(enum_column(Size, "size"), default=Size.large)
    height: Mapped[Decimal] = mapped_column(Quantity, default=Decimal("1.5"))
    is_green: Mapped[bool]
    note: Mapped[str] = mapped_column(String(20))
    count: Mapped[int]
"""


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_a_revision_with_required_columns_is_written_so_that_old_rows_get_values(
    kind, make_empty_app, shared_folder, tmp_path, worker_name, all_databases
):
    folder = tmp_path / "modules" / "growing"
    folder.mkdir(parents=True)
    url = TEMPLATES[kind](shared_folder, all_databases.install).empty(tmp_path, f"growing_{worker_name}")
    warned = []

    def grow(version, models, step):
        (folder / "module.py").write_text(GROWING.format(version=version))
        (folder / "models.py").write_text(models)
        for address, work in ((f"sqlite:///{tmp_path}/scratch{version}.sqlite", write), (url, step)):
            app = make_app(address, tmp_path, tmp_path / "modules")
            with app.app_context():
                work()
                current_registry().mark_broken("growing", ValueError("Its next version comes."))
                db.session.remove()
                db.engine.dispose()

    def write():
        authoring.revise("growing", f"Grow in {worker_name}", warn=warned.append)

    def install():
        migrations.install_core()
        migrations.install("growing")
        db.session.execute(text("INSERT INTO growing_plant (name) VALUES ('Oak')"))
        db.session.commit()

    def upgrade():
        assert migrations.upgrade("growing")[0] == "version 1.0 to 1.1"
        plant = db.session.execute(text("SELECT size, height, is_green, note, count FROM growing_plant")).one()
        assert tuple(plant) == ("large", 15000, False, "", 0)
        assert list(migrations.schema_breaches(db.session.connection())) == []

    grow("1.0", FIRST_MODELS, install)
    assert warned == []
    grow("1.1", FIRST_MODELS + NEW_COLUMNS, upgrade)
    assert "Column growing_plant.height is 15000 in the rows that are there." in warned
