"""The administrator's screens: modules, options, jobs, users, history, import and export."""

from __future__ import annotations

import io
import re
from datetime import timedelta

import pytest
from sqlalchemy import select

from erp import jobs, security
from erp.errors import ErpError
from erp.jobs import locks
from erp.models import HistoryEntry, InstalledModule, Job, JobRun, JobRunState, OptionValue, Role, User
from erp.options import options
from tests.conftest import add_user
from tests.support.forms import form_in
from tests.support.inventory_lots import make_product, make_stock
from tests.support.sales import make_order

SALES = "/settings/options/?section=sales"
SHIPPED = ("Administrator", "Auditor", "Merchandiser", "Sales clerk", "Warehouse clerk")


def states(session):
    return {row.name: row.state.value for row in session.scalars(select(InstalledModule))}


def step(browser, module, verb, **form):
    return browser.post(f"/settings/modules/{module}/{verb}/", data=form)


def file(text, name="file.csv"):
    return (io.BytesIO(text.encode() if isinstance(text, str) else text), name)


# Modules


def test_every_module_is_listed_with_its_state_and_what_it_needs(client):
    page = client.get("/settings/modules/").text
    row = re.search(r'<tr id="module-preorder">.*?</tr>', page, re.S)[0]
    assert "Enabled" in row and "procurement, sales" in row and "backorder_email" in row
    assert "/settings/modules/preorder/disable/" in row and "/settings/modules/preorder/uninstall/" not in row


def test_a_step_is_refused_when_it_would_do_something_else_than_was_shown(client, session):
    address = "/settings/modules/sales/disable/"
    product = make_product(session)
    make_stock(session, product, 5)
    make_order(session, [(product, 5)])
    for name in ("backorder_email", "returns", "preorder"):
        step(client, name, "disable")
    opened = form_in(client.get(address).text)
    make_stock(session, product, 4)
    make_order(session, [(product, 4)])
    late = client.post(address, data=opened | {"release": "1"})
    assert late.status_code == 409 and "what the module holds is now" in late.text
    assert states(session)["sales"] == "enabled"
    assert client.post(address, data=form_in(late.text) | {"release": "1"}).status_code == 302
    assert states(session)["sales"] == "disabled"


def test_a_step_shows_what_it_will_do_before_it_does_it(client, session):
    page = client.get("/settings/modules/backorder_email/disable/").text
    assert "Module backorder_email would be disabled and its data kept." in page
    assert "send-pending-emails" in page
    assert states(session)["backorder_email"] == "enabled"


def test_every_step_says_what_it_will_do_or_why_it_cannot(client):
    said = {
        "install": "Module sales is installed already; it is enabled.",
        "enable": "Module sales is enabled already.",
        "upgrade": "Module sales is up to date.",
        "disable": "Module sales is needed by backorder_email, preorder, returns, still enabled.",
        "uninstall": "Module sales is needed by backorder_email, preorder, returns, still installed.",
    }
    for verb, sentence in said.items():
        assert sentence in client.get(f"/settings/modules/sales/{verb}/").text


def test_a_step_keeps_the_reason_that_was_given(client, session):
    assert 'name="why"' in client.get("/settings/modules/backorder_email/disable/").text
    step(client, "backorder_email", "disable", why="The mail server moves.")
    entry = session.scalars(select(HistoryEntry).order_by(HistoryEntry.id.desc())).first()
    assert (entry.document_name, entry.new_value, entry.why) == (
        "backorder_email",
        "disabled",
        "The mail server moves.",
    )
    assert "The mail server moves." in client.get("/settings/modules/").text


def test_a_module_is_switched_off_and_on_again_at_once(client, session):
    assert step(client, "backorder_email", "disable").location == "/settings/modules/"
    assert states(session)["backorder_email"] == "disabled"
    page = client.get("/settings/modules/").text
    assert "Module backorder_email is disabled." in page and "switched" in page.lower()
    assert "backorder_email" not in client.get("/settings/jobs/").text
    assert step(client, "backorder_email", "enable").location == "/settings/modules/"
    assert "send-pending-emails" in client.get("/settings/jobs/").text


def test_a_module_that_others_need_is_not_switched_off_and_names_them(client, session):
    for answer in (client.get("/settings/modules/procurement/disable/"), step(client, "procurement", "disable")):
        assert "Module procurement is needed by backorder_email, preorder, still enabled." in answer.text
        assert '<button class="btn btn-danger">' not in answer.text
    assert states(session)["procurement"] == "enabled"


def test_what_a_module_holds_is_named_and_released_only_when_ticked(client, session, monkeypatch):
    def guard(session, *, release):
        if not release:
            raise ErpError("3 allocations on 2 orders are outstanding.")

    step(client, "backorder_email", "disable")
    client.application.extensions["erp"].guards["preorder"].append(guard)
    try:
        page = client.get("/settings/modules/preorder/disable/").text
        assert "3 allocations on 2 orders are outstanding." in page and 'name="release"' in page
        refused = step(client, "preorder", "disable")
        assert refused.status_code == 409 and states(session)["preorder"] == "enabled"
        step(client, "preorder", "disable", release="1")
        assert states(session)["preorder"] == "disabled"
    finally:
        client.application.extensions["erp"].guards["preorder"].remove(guard)


def test_uninstalling_shows_the_rows_asks_for_the_name_and_can_be_undone(client, session):
    step(client, "backorder_email", "disable")
    page = client.get("/settings/modules/backorder_email/uninstall/").text
    assert "destroyed" in page and 'name="name"' in page
    assert step(client, "backorder_email", "uninstall", name="something else").status_code == 409
    assert states(session)["backorder_email"] == "disabled"
    assert step(client, "backorder_email", "uninstall", name="backorder_email").location == "/settings/modules/"
    assert "backorder_email" not in states(session)
    assert "tables were written to" in client.get("/settings/modules/").text
    assert "would be installed and enabled" in client.get("/settings/modules/backorder_email/install/").text
    step(client, "backorder_email", "install")
    assert states(session)["backorder_email"] == "enabled"


def test_a_step_or_module_that_does_not_exist_is_not_found(client):
    for path in ("/settings/modules/nothing/disable/", "/settings/modules/sales/explode/"):
        assert client.get(path).status_code == client.post(path).status_code == 404


# Options


def test_options_show_value_bounds_help_and_where_the_value_comes_from(client):
    page = client.get("/settings/options/?section=sales").text
    row = re.search(r'<div class="erp-option" id="option-allocate_every".*?(?=<div class="erp-option")', page, re.S)[0]
    assert 'value="10 min"' in row and "How often the whole book is served." in row
    assert "from 1 s to 31 days" in row and "Default" in row


def test_a_changed_option_acts_at_once_and_says_who_set_it(client, session):
    answer = client.post(
        "/settings/options/?section=sales", data={"sales.backorders": "no", "sales.allocate_every": "10 min"}
    )
    assert answer.location == "/settings/options/?section=sales"
    assert options.sales.backorders is False
    assert [row.name for row in session.scalars(select(OptionValue))] == ["sales.backorders"]
    page = client.get(answer.location).text
    assert "Set here by admin" in page
    entry = session.scalars(select(HistoryEntry).where(HistoryEntry.document == "erp.option")).one()
    assert (entry.old_value, entry.new_value, entry.user_name) == ("yes", "no", "admin")


@pytest.mark.option("erp.company_name", "My Company", "Screws & Sons")
def test_the_companys_name_stands_on_every_page(client, set_option):
    assert "My Company" in client.get("/").text
    set_option("erp.company_name", "Screws & Sons")
    page = client.get("/settings/options/?section=sales").text
    assert "Screws &amp; Sons" in page and "My Company" not in page


def test_an_option_goes_back_to_its_default(client):
    client.post("/settings/options/?section=sales", data={"sales.backorders": "no"})
    client.post("/settings/options/?section=sales", data={"reset": "sales.backorders", "sales.backorders": "no"})
    assert options.sales.backorders is True


def test_one_bad_option_keeps_all_from_being_stored_and_says_what_is_allowed(client, session):
    form = {"sales.backorders": "no", "sales.allocate_every": "sometimes", "sales.backorder_cancellation_days": "-1"}
    answer = client.post("/settings/options/?section=sales", data=form)
    assert answer.status_code == 422
    assert answer.text.count("is-invalid") == 2 and 'value="sometimes"' in answer.text
    assert "A whole number from 0 to 3650 is allowed." in answer.text
    assert session.scalars(select(OptionValue)).all() == []


def test_an_option_that_depends_on_another_hides_with_it(client):
    page = client.get("/settings/options/?section=sales").text
    row = re.search(r'<div class="erp-option" id="option-backorder_cancellation_days"[^>]*>', page)[0]
    assert 'data-only-if="sales.backorders"' in row and "hidden" not in row
    client.post("/settings/options/?section=sales", data={"sales.backorders": "no"})
    page = client.get("/settings/options/?section=sales").text
    assert "hidden" in re.search(r'<div class="erp-option" id="option-backorder_cancellation_days"[^>]*>', page)[0]


def test_an_option_that_depends_on_a_choice_appears_with_it(client, set_option):
    def is_hidden():
        page = client.get("/settings/options/?section=backorder_email").text
        return "hidden" in re.search(r'<div class="erp-option" id="option-host"[^>]*>', page)[0]

    assert is_hidden()
    set_option("backorder_email.transport", "smtp")
    assert not is_hidden()


def test_what_somebody_else_has_set_since_is_neither_lost_nor_undone(client, session, set_option):
    opened = form_in(client.get(SALES).text, SALES)
    set_option("sales.allocate_every", "5 min")
    assert client.post(SALES, data=opened | {"sales.backorders": "no"}).status_code == 302
    assert (options.sales.backorders, options.sales.allocate_every) == (False, timedelta(minutes=5))


def test_an_option_that_somebody_else_has_set_since_is_refused_and_what_was_typed_is_kept(client, session, set_option):
    opened = form_in(client.get(SALES).text, SALES)
    set_option("sales.allocate_every", "5 min")
    set_option("sales.backorders", "no")
    refused = client.post(SALES, data=opened | {"sales.allocate_every": "20 min"})
    assert refused.status_code == 409
    assert "sales.allocate_every is now 5 min, was 10 min when this page was opened" in refused.text
    again = form_in(refused.text, SALES)
    assert (again["sales.allocate_every"], again["sales.backorders"]) == ("20 min", "no")
    assert options.sales.allocate_every == timedelta(minutes=5)
    assert client.post(SALES, data=again).status_code == 302
    assert (options.sales.backorders, options.sales.allocate_every) == (False, timedelta(minutes=20))


def test_an_option_that_does_not_fit_keeps_the_version_of_the_page(client, session, set_option):
    opened = form_in(client.get(SALES).text, SALES)
    set_option("sales.allocate_every", "5 min")
    wrong = client.post(SALES, data=opened | {"sales.allocate_every": "soon"})
    assert wrong.status_code == 422
    again = form_in(wrong.text, SALES) | {"sales.allocate_every": "20 min"}
    assert client.post(SALES, data=again).status_code == 409


def test_going_back_to_a_default_that_is_none_any_more_is_refused(client, session, set_option):
    set_option("sales.allocate_every", "5 min")
    opened = form_in(client.get(SALES).text, SALES)
    set_option("sales.allocate_every", "7 min")
    refused = client.post(SALES, data=opened | {"reset": "sales.allocate_every"})
    assert refused.status_code == 409 and options.sales.allocate_every == timedelta(minutes=7)


def test_the_reason_of_a_change_stands_in_the_history(client, session):
    client.post(SALES, data={"sales.backorders": "no", "why": "The season is over."})
    entry = session.scalars(select(HistoryEntry).where(HistoryEntry.document == "erp.option")).one()
    assert (entry.document_name, entry.why) == ("sales.backorders", "The season is over.")
    assert "The season is over." in client.get(SALES).text
    assert "The season is over." in client.get("/settings/history/?search=sales.backorders").text


def test_options_of_a_module_that_is_off_are_not_shown(client):
    step(client, "backorder_email", "disable")
    assert "Backorder email" not in client.get("/settings/options/").text
    assert "backorder_email.transport" not in client.get("/settings/options/?section=backorder_email").text


def test_an_option_that_is_read_at_the_start_is_locked(client, session):
    page = client.get("/settings/options/?section=erp").text
    row = re.search(r'<div class="erp-option" id="option-module_path".*?</div>\s*</div>\s*</div>', page, re.S)[0]
    assert "disabled" in row and "file or environment" in row
    client.post("/settings/options/?section=erp", data={"erp.module_path": "/tmp"})
    assert session.get(OptionValue, "erp.module_path") is None


def test_options_of_another_section_cannot_be_set_on_the_side(client, session):
    client.post("/settings/options/?section=sales", data={"preorder.auto_allocate": "yes", "erp.company_name": "Evil"})
    assert session.scalars(select(OptionValue)).all() == []


def test_options_leave_and_come_as_ini_text(client, session):
    text = client.get("/settings/options/export/").text
    assert "[sales]\nbackorders = yes" in text
    changed = text.replace("backorders = yes", "backorders = no").replace(
        "company_name = My Company", "company_name = Ümläut"
    )
    client.post("/settings/options/import/", data={"file": file(changed, "erp.ini")})
    assert options.sales.backorders is False and options.erp.company_name == "Ümläut"
    assert "Ümläut" in client.get("/").text


@pytest.mark.parametrize("text", ["[sales]\nbackorders = perhaps", "[nothing]\na = b", "not ini", b"\xff\xfe"])
def test_ini_text_that_does_not_fit_changes_nothing(client, session, text):
    answer = client.post("/settings/options/import/", data={"file": file(text, "erp.ini")})
    assert "Nothing was changed." in client.get(answer.location).text
    assert session.scalars(select(OptionValue)).all() == []


# Jobs


def test_jobs_show_their_last_result_and_when_they_run_next(client, session):
    session.add(
        JobRun(job="allocate-backorders", state=JobRunState.failed, worker="w:1", error="No luck: stop\nTraceback x")
    )
    session.commit()
    page = client.get("/settings/jobs/").text
    row = re.search(r'<tr id="job-allocate-backorders">.*?</tr>', page, re.S)[0]
    assert "Failed" in row and "No luck: stop" in row and "Traceback" not in row and "10 min" in row
    details = client.get("/settings/jobs/allocate-backorders/").text
    assert "Traceback x" in details and "sales.allocate_every" in details


def test_a_run_that_died_is_not_shown_as_running_though_no_worker_is_left(client, session):
    session.add(JobRun(job="allocate-backorders", state=JobRunState.running, worker="gone:7"))
    session.commit()
    for path in ("/settings/jobs/", "/settings/jobs/allocate-backorders/"):
        page = client.get(path).text
        assert "The process gone:7 died." in page and "Lost" in page and "Running" not in page
    assert session.scalars(select(JobRun.state)).one() is JobRunState.lost


def test_jobs_show_whether_a_worker_runs_and_reload_until_what_was_asked_for_is_done(client, session):
    client.post("/settings/jobs/allocate-backorders/run/")
    alone = client.get("/settings/jobs/")
    assert "No worker is running" in alone.text and "Refresh" not in alone.headers
    lead = locks.lock("worker")
    assert lead.take()
    try:
        for path in ("/settings/jobs/", "/settings/jobs/allocate-backorders/"):
            led = client.get(path)
            assert "No worker is running" not in led.text and led.headers["Refresh"] == "2"
        jobs.run("allocate-backorders")
        assert "Refresh" not in client.get("/settings/jobs/").headers
    finally:
        lead.release()


def test_a_job_is_asked_for_paused_and_resumed(client, session):
    assert client.post("/settings/jobs/allocate-backorders/run/").location == "/settings/jobs/"
    assert jobs.status_of(session, "allocate-backorders").is_requested
    client.post("/settings/jobs/allocate-backorders/pause/", data={"back": "details"})
    assert session.get(Job, "allocate-backorders").is_paused
    assert "Resume" in client.get("/settings/jobs/allocate-backorders/").text
    client.post("/settings/jobs/allocate-backorders/resume/")
    session.expire_all()
    assert not session.get(Job, "allocate-backorders").is_paused
    assert client.get("/settings/jobs/allocate-backorders/run/").status_code == 405


def test_a_job_of_a_module_that_is_off_is_not_found(client):
    step(client, "backorder_email", "disable")
    assert client.get("/settings/jobs/send-pending-emails/").status_code == 404
    assert client.post("/settings/jobs/send-pending-emails/run/").status_code == 404
    assert client.get("/settings/jobs/nothing/").status_code == 404


# Users


def role_ids(session, *names):
    return [str(role.id) for role in session.scalars(select(Role).where(Role.name.in_(names)))]


def test_a_new_user_gets_a_password_that_is_shown_once_and_has_to_be_changed(client, app, session):
    form = {"username": "dora", "name": "Dora", "email": "dora@example.org", "roles": role_ids(session, "Sales clerk")}
    answer = client.post("/settings/users/new/", data=form)
    assert answer.status_code == 200
    password = re.search(r'id="given-password"[^>]*value="([^"]+)"', answer.text)[1]
    user = security.find_user(session, "dora")
    assert user.must_change_password and [role.name for role in user.roles] == ["Sales clerk"]
    assert password not in client.get(f"/settings/users/{user.id}/").text
    browser = app.test_client()
    assert browser.post("/login", data={"username": "dora", "password": password}).status_code == 302
    assert browser.get("/").location == "/password"


@pytest.mark.parametrize("form", [
    {"username": ""}, {"username": "admin"}, {"username": "x" * 81}, {"username": "a\x07b"},
    {"username": "dora", "email": "no address"}, {"username": "dora", "roles": "99999"},
    {"username": "dora", "name": "x" * 121},
    {"username": "dora", "roles": "abc"},
])  # fmt: skip
def test_a_user_who_cannot_be_stored_is_refused(client, session, form):
    assert client.post("/settings/users/new/", data=form).status_code == 422
    assert len(session.scalars(select(User)).all()) == 1


def test_roles_that_are_given_and_taken_act_at_once_and_stand_in_the_history(client, sign_in, session):
    browser = sign_in("Auditor")
    account = security.find_user(session, "auditor")
    assert browser.get("/settings/users/").status_code == 403
    client.post(
        f"/settings/users/{account.id}/edit/", data={"name": "", "email": "", "roles": role_ids(session, *SHIPPED)}
    )
    assert browser.get("/settings/users/").status_code == 200
    entry = session.scalars(select(HistoryEntry).where(HistoryEntry.action == "roles changed")).one()
    assert entry.old_value == "Auditor" and entry.new_value.startswith("Administrator, Auditor")


def test_the_last_administrator_stays_one(client, session):
    admin = security.find_user(session, "admin")
    answer = client.post(f"/settings/users/{admin.id}/edit/", data={"name": "", "roles": role_ids(session, "Auditor")})
    assert answer.status_code == 422 and "last active administrator" in answer.text
    assert client.post(f"/settings/users/{admin.id}/deactivate/").status_code == 409
    session.expire_all()
    assert security.find_user(session, "admin").may("erp.users")


def test_a_user_is_kept_out_and_let_in_again(client, sign_in, session):
    browser = sign_in("Auditor")
    account = security.find_user(session, "auditor")
    client.post(f"/settings/users/{account.id}/deactivate/")
    assert browser.get("/").status_code == 302
    assert "Deactivated" in client.get(f"/settings/users/{account.id}/").text
    client.post(f"/settings/users/{account.id}/activate/")
    session.expire_all()
    assert security.find_user(session, "auditor").is_active


def test_what_is_changed_of_a_user_is_in_the_history_with_its_reason(client, session):
    account = add_user("dora", "Auditor")
    session.commit()
    page = f"/settings/users/{account.id}/"
    roles = role_ids(session, "Sales clerk")
    form = {"name": "Dora", "email": "dora@example.org", "roles": roles, "why": "She moved to sales."}
    client.post(f"{page}edit/", data=form)
    client.post(f"{page}deactivate/", data={"why": "She left."})
    about = HistoryEntry.document == "erp.user", HistoryEntry.document_id == account.id
    entries = session.scalars(select(HistoryEntry).where(*about).order_by(HistoryEntry.id)).all()
    assert [(entry.action, entry.field, entry.old_value, entry.new_value, entry.why) for entry in entries] == [
        ("changed", "name", "", "Dora", "She moved to sales."),
        ("changed", "email", "", "dora@example.org", "She moved to sales."),
        ("roles changed", "roles", "Auditor", "Sales clerk", "She moved to sales."),
        ("deactivated", "", "", "", "She left."),
    ]
    assert {entry.user_name for entry in entries} == {"admin"}
    assert "She left." in client.get(page).text


def test_a_role_that_is_renamed_is_found_by_either_name(client, session):
    client.post("/settings/roles/new/", data={"name": "Buyer", "rights": ["procurement.view"]})
    role = session.scalars(select(Role).where(Role.name == "Buyer")).one()
    client.post(f"/settings/roles/{role.id}/edit/", data={"name": "Purchaser", "rights": ["procurement.view"]})
    about = select(HistoryEntry).where(HistoryEntry.document == "erp.role", HistoryEntry.field == "name")
    entries = session.scalars(about.order_by(HistoryEntry.id)).all()
    assert [(entry.action, entry.old_value, entry.new_value) for entry in entries] == [
        ("created", "", "Buyer"), ("changed", "Buyer", "Purchaser"),
    ]  # fmt: skip


def test_a_reset_password_is_shown_once(client, sign_in, session):
    browser = sign_in("Auditor")
    account = security.find_user(session, "auditor")
    answer = client.post(f"/settings/users/{account.id}/reset-password/")
    assert answer.status_code == 200 and 'id="given-password"' in answer.text
    assert browser.get("/").status_code == 302
    assert session.get(User, account.id).must_change_password


def test_a_role_holds_the_rights_that_are_ticked(client, sign_in, session):
    answer = client.post("/settings/roles/new/", data={"name": "Buyer", "rights": ["procurement.view", "erp.history"]})
    role = session.scalars(select(Role).where(Role.name == "Buyer")).one()
    assert answer.location == f"/settings/roles/{role.id}/"
    assert "procurement.view" in client.get(answer.location).text
    browser = sign_in("Buyer")
    assert browser.get("/settings/history/").status_code == 200
    client.post(f"/settings/roles/{role.id}/edit/", data={"name": "Buyer", "rights": ["procurement.view"]})
    assert browser.get("/settings/history/").status_code == 403
    taken = session.scalars(select(HistoryEntry).where(HistoryEntry.action == "right taken")).one()
    assert taken.field == "erp.history"


def test_a_right_that_no_module_declares_cannot_be_given(client, session):
    assert client.post("/settings/roles/new/", data={"name": "X", "rights": ["sales.everything"]}).status_code == 422
    assert client.post("/settings/roles/new/", data={"name": "  ", "rights": ["procurement.view"]}).status_code == 422
    assert session.scalars(select(Role).where(Role.name == "X")).all() == []


def test_the_administrators_role_and_a_role_in_use_stay(client, sign_in, session):
    sign_in("Auditor")
    roles = {role.name: role.id for role in session.scalars(select(Role))}
    admin, used, unused = (roles[name] for name in ("Administrator", "Auditor", "Merchandiser"))
    assert client.get(f"/settings/roles/{admin}/edit/").status_code == 403
    assert client.post(f"/settings/roles/{admin}/delete/").status_code == 403
    refused = client.post(f"/settings/roles/{used}/delete/")
    assert refused.status_code == 409 and "in use" in refused.text
    assert client.post(f"/settings/roles/{unused}/delete/").location == "/settings/roles/"
    assert {role.name for role in session.scalars(select(Role))} == set(SHIPPED) - {"Merchandiser"}


def test_the_later_of_two_who_reset_a_password_hears_of_the_other(client, session):
    account = add_user("petra", "Sales clerk")
    page, address = f"/settings/users/{account.id}/", f"/settings/users/{account.id}/reset-password/"
    one, two = (form_in(client.get(page).text, address) for _ in range(2))
    assert client.post(address, data=one).status_code == 200
    first = session.get_one(User, account.id).password_hash
    late = client.post(address, data=two)
    assert late.status_code == 409 and "the last change of the password is now" in late.text
    session.expire_all()
    assert session.get_one(User, account.id).password_hash == first


# Export


def test_exports_are_sent_to_those_with_the_right(client, session, sign_in):
    make_product(session, sku="A-1", name="Brass Screw")
    session.commit()
    answer = client.get("/settings/export/products.csv")
    assert answer.mimetype == "text/csv" and answer.text.splitlines()[1].startswith("A-1,Brass Screw")
    assert "products.csv" in answer.headers["Content-Disposition"]
    assert client.get("/settings/export/nothing.csv").status_code == 404
    assert sign_in("Auditor").get("/settings/export/products.csv").status_code == 200
    assert sign_in("Sales clerk").get("/settings/export/customers.csv").status_code == 200


def test_kinds_of_a_module_that_is_off_are_neither_listed_nor_served(client):
    step(client, "backorder_email", "disable")
    assert "emails.csv" not in client.get("/settings/export/").text
    assert client.get("/settings/export/emails.csv").status_code in (403, 404)
    assert "email_templates" not in client.get("/settings/import/").text
