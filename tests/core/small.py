"""Small applications of made-up modules, for tests of the core alone."""

import pytest

from erp import app as application
from erp import migrations
from erp.db import db
from erp.discovery import Found
from erp.manifest import Module


def make_module(name, *depends, setup=lambda core: None, **more):
    """Return a manifest that registers nothing but what `setup` does."""
    return Module(name=name, title=name.title(), version="1.0", depends=depends, setup=setup, **more)


@pytest.fixture
def small_app(tmp_path, monkeypatch):
    """Return a function that makes an application of these modules, each installed and on, with its context pushed."""
    contexts = []

    def make(*modules, shipped=True, broken=None, ini="", environment=None):
        manifests = {module.name: module for module in modules}
        found = Found(manifests, dict.fromkeys(manifests, "tests"), broken or {}, set(manifests) if shipped else set())
        monkeypatch.setattr(application.discovery, "find", lambda **_: found)
        (tmp_path / "erp.ini").write_text(ini)
        app = application.create_app(
            config_path=tmp_path / "erp.ini", environment={"ERP_INSTANCE": str(tmp_path), **(environment or {})}
        )
        contexts.append(app.app_context())
        contexts[-1].push()
        migrations.install_core()
        for name in app.extensions["erp"].modules:
            migrations.install(name)
        return app

    yield make
    for context in reversed(contexts):
        db.session.remove()
        db.engine.dispose()
        context.pop()
