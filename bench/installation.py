"""An installed database with automatic allocation in part, and a book in it."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy.orm import Session

from erp import migrations
from erp.app import create_app
from erp.db import commit, db
from erp.options import store_option
from erp.registry import current_registry

OPTIONS = {"preorder.auto_allocate": "yes", "preorder.insufficient_supply": "partial"}


def install(url: str, write: Callable[[Session], None]) -> None:
    """Install every module into an empty database and let `write` fill it."""
    app = create_app(database_url=url, environment={})
    with app.app_context():
        migrations.install_core()
        for name in current_registry().modules:
            migrations.install(name)
        table = current_registry().option_table
        for option, value in OPTIONS.items():
            commit(lambda session, key=option, text=value: store_option(session, table, key, text, user_name="bench"))
        write(db.session())
        db.session.remove()
        db.engine.dispose()
