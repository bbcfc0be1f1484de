"""Who may open what: every registered address, as every role and as nobody, with its module on and off."""

from __future__ import annotations

import pytest

from erp import core, events, security
from erp.admin.settings.modules import ModulesPage
from erp.admin.site import current_site
from erp.db import commit, db
from erp.errors import ErpError
from erp.models import InstalledModule, Role
from erp.options import bump_revision
from erp.registry import current_registry
from tests.core.addresses import OPEN, ROLES, entry_points, lists


def switch_off(*names):
    session = db.session()
    for name in names:
        session.get(InstalledModule, name).state = "disabled"
    bump_revision(session)
    session.commit()


def holders(permission):
    roles = db.session.query(Role).all()
    return {role.name for role in roles if role.is_administrator or permission in {r.permission for r in role.rights}}


def declared_rights(role):
    """Return what a shipped role may do, as the core and the modules declare it."""
    modules = current_registry().modules.values()
    declared = [*core.PERMISSIONS, *(right for module in modules for right in module.permissions)]
    return {right.name for right in declared if role in ("Administrator", *right.roles)}


def test_every_address_outside_the_screens_is_known(app):
    rules = {rule.endpoint for rule in app.url_map.iter_rules()}
    views = {view.endpoint for view in current_site()._views}
    outside = {endpoint for endpoint in rules if endpoint.partition(".")[0] not in views}
    signing = {"language", "login", "login_code", "logout", "password", "second_factor", "session_state"}
    assert outside == {*signing, "static", "search", "health", "ready", "api_endpoint"}
    assert security.PUBLIC_ENDPOINTS == OPEN


def test_a_visitor_is_sent_to_sign_in_from_every_address(app):
    browser = app.test_client()
    for entry_point in entry_points(app):
        answer = browser.open(entry_point.path, method=entry_point.method, data=entry_point.form)
        assert answer.status_code == 302, (entry_point, answer.status_code)
        assert answer.location.startswith("/login"), entry_point


@pytest.fixture
def nothing_is_done(monkeypatch):
    """Refuse every action where it would begin, so that none changes what the next request finds."""

    def refuse(*_):
        raise Stopped

    monkeypatch.setattr(events, "run_once", refuse)
    monkeypatch.setattr(ModulesPage, "_take", refuse)


class Stopped(ErpError):
    """The action was allowed."""

    def __init__(self):
        super().__init__("The action would have run.")


@pytest.mark.parametrize(
    ("app", "role"), [*(("sqlite", role) for role in ROLES), ("postgres", "Administrator")], indirect=["app"]
)
def test_every_address_asks_for_its_rights_and_for_no_other(app, sign_in, nothing_is_done, role):
    browser, held, wrong = sign_in(role), declared_rights(role), []
    for entry_point in entry_points(app):
        status = browser.open(entry_point.path, method=entry_point.method, data=entry_point.form).status_code
        if status >= 500 or (status != 403) != (entry_point.rights <= held):
            wrong.append((entry_point, status))
    assert wrong == []


@pytest.mark.parametrize("role", ROLES)
def test_the_menu_shows_what_the_role_may_open_and_nothing_else(app, sign_in, role):
    page = sign_in(role).get("/").text
    for view in current_site()._views:
        if view.permission:
            assert (f'href="{view.url}/"' in page) == (role in holders(view.permission)), view.view_name


def test_a_new_and_an_edit_form_ask_for_the_right_to_edit(app, sign_in):
    for role in ROLES:
        browser = sign_in(role)
        for path, view in lists(app):
            if role in holders(view.permission) and view.can_create:
                expected = 200 if role in holders(view.edit_permission) else 403
                assert browser.get(f"{path}new/").status_code == expected, (role, path)


def test_a_list_is_exported_only_with_the_right_to_export(app, sign_in):
    for role in ROLES:
        browser = sign_in(role)
        for path, view in lists(app):
            if role in holders(view.permission) and view.can_export:
                status = browser.get(f"{path}export/csv/").status_code
                assert status == (200 if role in holders("erp.export") else 403), (role, path)


def test_what_belongs_to_a_disabled_module_does_not_exist_for_anybody(app, client):
    nobody = app.test_client()
    registry = current_registry()
    entries = [owned for owned in registry.views if owned.module != "erp"]
    assert entries
    switch_off(*registry.modules)
    for owned in entries:
        url = owned.thing.view.url
        for path in (
            url,
            f"{url}/",
            f"{url}/1/",
            f"{url}/1/edit/",
            f"{url}/new/",
            f"{url}/static/app.js",
            f"{url}/a.css",
        ):
            for browser in (client, nobody):
                for method in ("GET", "POST"):
                    assert browser.open(path, method=method).status_code == 404, (method, path)
        assert f'href="{url}/"' not in client.get("/").text


def test_a_module_that_is_on_again_is_there_again(app, client):
    names = list(current_registry().modules)
    url = current_registry().views[0].thing.view.url
    switch_off(*names)
    assert client.get(f"{url}/").status_code == 404
    for name in names:
        commit(lambda session, name=name: current_registry().enable(session, name))
    assert client.get(f"{url}/").status_code == 200


def test_an_address_that_does_not_exist_is_not_found(app, client):
    for browser in (client, app.test_client()):
        assert browser.get("/nothing/here/").status_code == 404
    assert client.get("/settings/users/1/nothing/").status_code == 404
