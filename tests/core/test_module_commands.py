"""`erp modules`: each step with its plan, its refusals and its one line of error."""

from __future__ import annotations

import pytest
from sqlalchemy import inspect, select

from erp import migrations
from erp.db import db
from erp.models import HistoryEntry, InstalledModule
from erp.registry import current_registry
from tests.support.inventory_lots import make_product


@pytest.fixture
def modules(empty_app, command):
    """Return a function that carries out `erp modules ...` on a company with everything installed."""
    migrations.install_core()
    for name in current_registry().modules:
        migrations.install(name)
    return lambda *arguments: command(empty_app, "modules", *arguments)


def state_of(name):
    db.session.rollback()
    row = db.session.get(InstalledModule, name)
    return row.state.value if row is not None else None


def test_the_list_shows_every_module_with_its_state(modules):
    modules("disable", "backorder_email")
    code, shown, _ = modules("list")
    states = {line.split()[0]: line.split()[2] for line in shown.splitlines()[1:]}
    assert code == 0
    assert states == {
        "api": "enabled",
        "inventory_lots": "enabled",
        "procurement": "enabled",
        "sales": "enabled",
        "preorder": "enabled",
        "returns": "enabled",
        "backorder_email": "disabled",
    }


def test_switching_twice_is_no_problem(modules):
    for step, state in (("disable", "disabled"), ("disable", "disabled"), ("enable", "enabled"), ("enable", "enabled")):
        assert modules(step, "backorder_email")[0] == 0
        assert state_of("backorder_email") == state


def test_a_refusal_to_disable_names_every_enabled_dependent(modules):
    code, out, err = modules("disable", "inventory_lots")
    assert (code, out, len(err.splitlines())) == (1, "", 1)
    for name in ("backorder_email", "preorder", "procurement", "returns", "sales"):
        assert name in err
    modules("disable", "backorder_email")
    assert "backorder_email" not in modules("disable", "inventory_lots")[2]


def test_a_refusal_to_enable_names_what_is_off(modules):
    modules("disable", "backorder_email")
    modules("disable", "preorder")
    code, _, err = modules("enable", "backorder_email")
    assert code == 1
    assert "preorder" in err


def test_a_dry_run_prints_the_plan_and_changes_nothing(modules):
    assert "would be disabled" in modules("disable", "backorder_email", "--dry-run")[1]
    assert state_of("backorder_email") == "enabled"
    modules("disable", "backorder_email")
    assert "would be enabled" in modules("enable", "backorder_email", "--dry-run")[1]
    assert "destroyed" in modules("uninstall", "backorder_email", "--dry-run")[1]
    assert "up to date" in modules("upgrade", "backorder_email", "--dry-run")[1]
    assert state_of("backorder_email") == "disabled"
    modules("uninstall", "backorder_email", "--yes", "backorder_email")
    assert "backorder_email_message" in modules("install", "backorder_email", "--dry-run")[1]
    assert state_of("backorder_email") is None


def test_a_dry_run_is_refused_like_the_step_itself(modules):
    for arguments in (("disable", "sales"), ("install", "sales"), ("uninstall", "sales"), ("enable", "nowhere")):
        assert modules(*arguments, "--dry-run")[0] == 1


def test_uninstalling_wants_the_name_and_leaves_files(modules, tmp_path):
    modules("disable", "backorder_email")
    code, _, err = modules("uninstall", "backorder_email", "--yes", "preorder")
    assert (code, state_of("backorder_email")) == (1, "disabled")
    assert "not confirmed" in err
    files = tmp_path / "files"
    confirmed = ("--yes", "backorder_email", "--export", str(files))
    code, shown, _ = modules("uninstall", "backorder_email", *confirmed)
    assert (code, state_of("backorder_email")) == (0, None)
    assert str(files) in shown
    assert len(list(files.glob("backorder_email_*.csv"))) == 4
    assert not inspect(db.session.connection()).has_table("backorder_email_message")


def test_uninstalling_asks_for_the_name_after_showing_what_it_destroys(modules, monkeypatch):
    make_product(db.session(), sku="A")
    db.session.commit()
    for name in ("backorder_email", "returns", "preorder", "procurement", "sales"):
        modules("disable", name)
        modules("uninstall", name, "--yes", name)
    modules("disable", "inventory_lots")
    monkeypatch.setattr("click.prompt", lambda *_, **__: "something else")
    code, shown, _ = modules("uninstall", "inventory_lots")
    assert (code, state_of("inventory_lots")) == (1, "disabled")
    assert "inventory_lots_product: 1 row destroyed." in shown
    monkeypatch.setattr("click.prompt", lambda *_, **__: "inventory_lots")
    assert modules("uninstall", "inventory_lots")[0] == 0
    assert state_of("inventory_lots") is None


def test_an_unknown_module_is_a_problem_and_an_unknown_step_a_wrong_call(modules):
    for step in ("install", "enable", "disable", "upgrade", "uninstall"):
        code, out, err = modules(step, "nowhere")
        assert (code, out) == (1, "")
        assert len(err.splitlines()) == 1 and "nowhere" in err
    assert modules("paint", "sales")[0] == 2
    assert modules("install")[0] == 2


def test_every_step_keeps_its_reason_in_the_history(modules, tmp_path):
    steps = (("disable",), ("uninstall", "--yes", "backorder_email", "--export", str(tmp_path / "kept")), ("install",))
    for step, *more in steps:
        assert modules(step, "backorder_email", *more, "--why", f"To {step} it.")[0] == 0
    db.session.rollback()
    about = select(HistoryEntry).where(HistoryEntry.document_name == "backorder_email", HistoryEntry.why != "")
    recorded = [(entry.action, entry.why) for entry in db.session.scalars(about.order_by(HistoryEntry.id))]
    assert recorded == [
        ("switched", "To disable it."),
        ("uninstalled", "To uninstall it."),
        ("installed", "To install it."),
        ("switched", "To install it."),
    ]
