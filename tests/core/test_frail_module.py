"""What a third party's module breaks while it is used: its own place on the page, its own action, and nothing else."""

from __future__ import annotations

import logging
import re

import pytest
from sqlalchemy import func, select

from erp import jobs, migrations
from erp.db import commit, db
from erp.failure_models import ModuleFailure
from erp.models import InstalledModule, JobRunState
from erp.options import store_option
from erp.registry import current_registry
from erp.third_parties import ModuleFailed
from erp.watch.troubles import queues, troubles
from modules.sales import services
from modules.sales.models import Pack
from modules.sales.states import OrderState
from tests.conftest import browser_of, make_app
from tests.core.frail_module import MODULE
from tests.support.databases import TEMPLATES
from tests.support.inventory_lots import make_product, make_stock
from tests.support.sales import allocate, make_draft, make_order

HERE = "Module frail failed here"


@pytest.fixture(params=["sqlite", "postgres"])
def installation(request, all_databases, tmp_path, worker_name):
    """An application with the frail module switched on, which is never suspended."""
    logging.getLogger("erp").setLevel(logging.CRITICAL)
    (tmp_path / "modules" / "frail").mkdir(parents=True)
    (tmp_path / "modules" / "frail" / "module.py").write_text(MODULE)
    url = TEMPLATES[request.param](all_databases.shared, all_databases.install).copy(tmp_path, f"frail_{worker_name}")
    app = make_app(url, tmp_path, tmp_path / "modules")
    app.config["PROPAGATE_EXCEPTIONS"] = False
    with app.app_context():
        migrations.install("frail")
        set_limit("0")
        yield app
        current_registry().mark_broken("frail", ValueError("It was for this test."))
        db.session.remove()
        db.engine.dispose()
    logging.getLogger("erp").setLevel(logging.NOTSET)


def set_limit(text):
    table = current_registry().option_table
    commit(lambda session: store_option(session, table, "erp.suspend_after_failures", text, user_name="test"))


def failures():
    db.session.rollback()
    return db.session.scalar(select(func.count(ModuleFailure.id)))


def packable(session, *, is_packed=False):
    """Return an order of which everything is allocated; the frail handler is not asked."""
    off = current_registry()
    commit(lambda session: off.disable(session, "frail"))
    product = make_product(session)
    make_stock(session, product, 2)
    order = make_order(session, [(product, 2)])
    allocate(session, product)
    if is_packed:
        commit(lambda session: services.pack_order(session, order.id))
    commit(lambda session: off.enable(session, "frail"))
    return order


@pytest.mark.option("erp.suspend_after_failures", "0")
def test_its_parts_say_so_in_their_place_and_the_page_is_shown(installation):
    order = packable(db.session())
    browser = browser_of(installation, "Administrator")
    dashboard = browser.get("/").text
    assert HERE in dashboard and "Installation" in dashboard
    assert re.search(rf"<h2>Frail chart.*?{HERE}", dashboard, re.DOTALL)
    page = browser.get(f"/sales/orders/{order.id}/").text
    assert (
        re.search(rf"<h2[^>]*>\s*Frail.*?{HERE}", page, re.DOTALL)
        and f"Ask: {HERE}" in page
        and f"Frail</strong>: {HERE}" in page
    )
    packed = packable(db.session(), is_packed=True)
    pack_id = db.session.scalar(select(Pack.id).where(Pack.order_id == packed.id))
    slip = browser.get(f"/sales/packs/{pack_id}/slip/").text
    assert re.search(rf"<h2>Frail.*?{HERE}.*?Packed by", slip, re.DOTALL)
    listed = browser.get("/sales/orders/").text
    assert HERE in listed and order.number in listed
    customer = browser.get(f"/sales/customers/{order.customer_id}/")
    assert customer.status_code == 200 and HERE in customer.text
    form = browser.get(f"/sales/customers/{order.customer_id}/edit/")
    assert form.status_code == 200 and f"Frail field: {HERE}" in form.text
    saved = {"code": order.customer.code, "name": "Renamed"}
    assert browser.post(f"/sales/customers/{order.customer_id}/edit/", data=saved).status_code == 302
    assert "Renamed" in browser.get(f"/sales/customers/{order.customer_id}/").text
    assert HERE in browser.get("/settings/export/customers.csv").text
    assert failures() >= 7
    assert page.count(f"Ask: {HERE}") == 1
    assert "failures within the last hour; the last in export column frail" in browser.get("/settings/modules/").text


def test_its_actions_handlers_and_answers_undo_what_was_done_and_name_it(installation):
    session = db.session()
    order = packable(session)
    browser = browser_of(installation, "Administrator")
    acted = browser.post(f"/sales/orders/{order.id}/fail/")
    assert acted.status_code == 409
    assert (
        "Module frail failed here (screen sales.order.fail): ZeroDivisionError: frail (frail/module.py, line"
        in acted.text
    )
    many = browser.post("/sales/orders/action/", data={"action": "fail-all", "rowid": str(order.id)})
    assert (many.status_code, many.text.count(HERE)) == (409, 3), "its form, its change and its notes"
    packed = browser.post(f"/sales/orders/{order.id}/pack/")
    assert packed.status_code == 409
    assert "answer to pack_refusals): TypeError: it answered with a NoneType, and a Mapping is asked for" in packed.text
    draft = make_draft(session, [(make_product(session), 1)])
    with pytest.raises(ModuleFailed, match="handler of OrderConfirmed"):
        commit(lambda session: services.confirm(session, draft.id))
    assert (draft.state, order.lines[0].packed) == (OrderState.draft, 0)
    assert failures() >= 3


def test_its_page_that_fails_names_it_and_offers_the_modules_to_administrators(installation):
    page = browser_of(installation, "Administrator").get("/frail/")
    assert page.status_code == 500
    assert "Something went wrong in module frail" in page.text and "/settings/modules/" in page.text
    assert failures() == 1  # a page that cannot be shown counts once


def test_its_page_names_it_where_what_it_declares_fails_in_code_of_the_core(installation, monkeypatch):
    monkeypatch.setattr(type(current_registry()), "blame", lambda _self, _error: "")
    page = browser_of(installation, "Administrator").get("/frail/")
    assert page.status_code == 500 and "Something went wrong in module frail" in page.text


def test_its_job_command_check_and_queue_fail_alone(installation, command):
    assert jobs.run("break-down").state is JobRunState.failed
    assert jobs.run("allocate-backorders").state is JobRunState.done
    code, _, refusal = command(installation, "break-down")
    assert code == 1 and "Module frail failed here (command erp break-down)" in refusal
    code, printed, _ = command(installation, "check")
    assert code == 1 and HERE in printed
    assert "frail" not in queues(db.session()) and "emails" in queues(db.session())


@pytest.mark.option("erp.suspend_after_failures", "2")
def test_it_is_suspended_when_it_fails_too_often_and_can_be_switched_on_again(installation):
    set_limit("2")
    browser = browser_of(installation, "Administrator")
    browser.get("/frail/")
    assert db.session.get(InstalledModule, "frail", populate_existing=True).state == "enabled"
    browser.get("/frail/")
    db.session.rollback()
    current_registry().refresh()
    row = db.session.get(InstalledModule, "frail", populate_existing=True)
    assert (row.state, row.error[:10]) == ("suspended", "2 failures")
    assert browser.get("/frail/").status_code == 404
    assert "Module frail is suspended" in " ".join(trouble.text for trouble in troubles(db.session()))
    assert "2 failures within an hour" in browser.get("/settings/modules/").text
    commit(lambda session: current_registry().enable(session, "frail"))
    assert browser.get("/frail/").status_code == 500
    assert db.session.get(InstalledModule, "frail", populate_existing=True).state == "enabled"
