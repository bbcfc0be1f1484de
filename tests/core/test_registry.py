"""What modules register, and what of it is live while which modules are on."""

from dataclasses import dataclass

import click
import pytest
from sqlalchemy import select

from erp import migrations
from erp.admin import ExtraColumn, Page
from erp.db import commit, db
from erp.errors import (
    BrokenModule,
    ErpError,
    MissingDependency,
    ModuleError,
    ModuleOff,
    NotFound,
    NotInstalled,
    StillNeeded,
    UnknownModule,
)
from erp.events import hook, publish
from erp.manifest import Permission
from erp.models import HistoryEntry
from erp.registry import current_registry
from tests.core.small import make_module


@dataclass(frozen=True)
class Rang:
    """The bell rang."""

    times: int


class Rope(Page):
    """A screen of the bell."""

    view_name, title, url = "bell.rope", "Rope", "/rope"


@hook
def who_is_there(session, entry_point):
    """Who is at the gate."""


def enable(name):
    commit(lambda session: current_registry().enable(session, name))


def disable(name, *, release=False):
    commit(lambda session: current_registry().disable(session, name, release=release))


@pytest.fixture
def heard():
    return []


@pytest.fixture
def house(small_app, heard):
    """Three modules: `bell` rings, `maid` and then `butler` listen and answer, `butler` needs `maid`."""

    def listens(name):
        def setup(core):
            core.subscribe(Rang, lambda session, event: heard.append((name, event.times)))
            core.implement(who_is_there, lambda session, entry_point: f"{name} at {entry_point}")
            core.add_command(click.Command(f"call-{name}"))
            core.extend_view("bell.rope", columns=[ExtraColumn(name, name, None)])

        return setup

    small_app(
        make_module("bell"),
        make_module("maid", "bell", setup=listens("maid")),
        make_module("butler", "maid", setup=listens("butler")),
    )
    return current_registry()


def test_handlers_and_answers_follow_the_dependency_order(house, heard):
    publish(db.session(), Rang(2))
    assert heard == [("maid", 2), ("butler", 2)]
    assert who_is_there(db.session(), "gate") == ["maid at gate", "butler at gate"]
    assert [column.name for column in house.contributed("bell.rope", "columns")] == ["maid", "butler"]


def test_a_module_that_is_off_neither_hears_nor_answers_nor_contributes(house, heard):
    disable("butler")
    publish(db.session(), Rang(1))
    assert heard == [("maid", 1)]
    assert who_is_there(db.session(), "gate") == ["maid at gate"]
    assert [column.name for column in house.contributed("bell.rope", "columns")] == ["maid"]


def test_no_subscriber_and_no_answer_is_a_normal_case(house, heard):
    disable("butler")
    disable("maid")
    publish(db.session(), Rang(1))
    assert (heard, who_is_there(db.session(), "gate")) == ([], [])


def test_a_thing_of_a_module_that_is_off_is_refused_by_the_module(house):
    disable("butler")
    assert house.live_thing(house.commands, "command", "call-maid").name == "call-maid"
    with pytest.raises(ModuleOff, match="Command call-butler belongs to module butler, which is off"):
        house.live_thing(house.commands, "command", "call-butler")
    with pytest.raises(NotFound, match="There is no command 'call-cook'"):
        house.live_thing(house.commands, "command", "call-cook")


def test_disabling_is_refused_by_the_names_of_those_that_need_it(house):
    with pytest.raises(StillNeeded, match="Module maid is needed by butler, still enabled") as refusal:
        disable("maid")
    assert refusal.value.facts["dependents"] == ["butler"]
    assert house.enabled() == {"bell", "maid", "butler"}


def test_enabling_is_refused_by_the_names_of_what_is_off(house):
    disable("butler")
    disable("maid")
    with pytest.raises(MissingDependency, match="Module butler needs maid, not enabled here"):
        enable("butler")
    enable("maid")
    enable("butler")
    assert house.enabled() == {"bell", "maid", "butler"}


def test_switching_twice_is_switching_once(house):
    disable("butler")
    disable("butler")
    enable("butler")
    enable("butler")
    switched = select(HistoryEntry.new_value).where(HistoryEntry.action == "switched").order_by(HistoryEntry.id.desc())
    assert db.session.scalars(switched.limit(2)).all() == ["enabled", "disabled"]


@pytest.mark.parametrize("switch", [enable, disable])
def test_a_module_that_was_never_found_is_unknown(house, switch):
    with pytest.raises(UnknownModule, match="There is no module 'cook'"):
        switch("cook")


def test_a_module_that_is_not_installed_cannot_be_switched(house, tmp_path):
    disable("butler")
    migrations.uninstall("butler", tmp_path)
    with pytest.raises(NotInstalled):
        enable("butler")


def test_a_switch_that_is_rolled_back_never_was(house):
    house.disable(db.session(), "butler")
    assert "butler" not in house.enabled()
    db.session.rollback()
    assert "butler" in house.enabled()
    house.refresh()
    assert "butler" in house.enabled()


def test_a_guard_may_refuse_unless_it_is_to_release(small_app):
    asked = []

    def guard(session, *, release):
        asked.append(release)
        if not release:
            raise ErpError("3 guests are still inside.")

    small_app(make_module("inn", setup=lambda core: core.before_disable(guard)))
    with pytest.raises(ErpError, match="3 guests"):
        disable("inn")
    assert "inn" in current_registry().enabled()
    disable("inn", release=True)
    assert (asked, current_registry().enabled()) == ([False, True], frozenset())


def test_a_module_catches_up_when_it_is_switched_on(small_app):
    caught = []
    small_app(make_module("inn", setup=lambda core: core.on_enable(lambda session: caught.append("up"))))
    disable("inn")
    enable("inn")
    assert caught[-1] == "up"


def test_a_third_party_setup_that_fails_is_broken_with_all_that_it_registered_and_all_that_need_it(small_app, heard):
    def setup(core):
        core.subscribe(Rang, lambda session, event: heard.append("ghost"))
        core.add_command(click.Command("haunt"))
        raise ImportError("No module named 'ectoplasm'")

    small_app(
        make_module("bell"), make_module("ghost", "bell", setup=setup), make_module("medium", "ghost"), shipped=False
    )
    registry = current_registry()
    publish(db.session(), Rang(1))
    assert (heard, registry.commands, list(registry.modules)) == ([], {}, ["bell"])
    assert registry.found.broken == {
        "ghost": "ImportError: No module named 'ectoplasm'",
        "medium": "Module medium needs ghost, not found here.",
    }
    with pytest.raises(BrokenModule, match="Module ghost is broken: ImportError"):
        enable("ghost")


def test_a_shipped_setup_that_fails_stops_the_start(small_app):
    def setup(core):
        raise ImportError("No module named 'ectoplasm'")

    with pytest.raises(ImportError, match="ectoplasm"):
        small_app(make_module("ghost", setup=setup))


def test_an_option_of_a_broken_module_in_the_ini_file_does_not_stop_the_others(small_app):
    said = {"ini": "[ghost]\nvolume = 11\n", "environment": {"ERP_GHOST__VOLUME": "12"}}
    small_app(make_module("bell"), broken={"ghost": "ImportError: gone"}, **said)
    assert current_registry().enabled() == {"bell"}


@pytest.mark.parametrize(
    ("setup", "complaint"),
    [
        (lambda core: core.add_view(Rope, menu="Bell", permission="bell.see"), "declares no permission 'bell.see'"),
        (lambda core: core.add_job(enable, every="bell.every"), "There is no option 'bell.every'"),
        (lambda core: [core.add_command(click.Command("ring")) for _ in "12"], "Two modules add a command ring"),
    ],
)
def test_a_registration_that_cannot_be_right_is_refused(small_app, setup, complaint):
    with pytest.raises(ErpError, match=complaint):
        small_app(make_module("bell", setup=setup))


def test_a_module_that_extends_what_it_does_not_depend_on_is_broken(small_app):
    small_app(make_module("bell", setup=lambda core: core.extend_view("nowhere.screen", columns=["x"])), shipped=False)
    assert (
        "It adds to the screen nowhere.screen of nowhere, which it does not need"
        in current_registry().found.broken["bell"]
    )


def test_all_rights_have_their_titles(small_app):
    small_app(make_module("bell", permissions=(Permission("bell.ring", "Ring the bell"),)))
    rights = current_registry().all_permissions()
    assert rights["bell.ring"] == "Ring the bell"
    assert "erp.users" in rights


def test_the_state_is_read_by_one_statement_when_nothing_changed(app, count_statements):
    registry = current_registry()
    registry.enabled()
    registry.refresh()
    with count_statements() as sent:
        registry.enabled()
        registry.enabled()
    assert len(sent) == 1


def test_tables_must_be_named_after_their_module(small_app):
    from modules.inventory_lots import models

    with pytest.raises(ModuleError, match=r"Table inventory_lots_\w+ must be named bell_"):
        small_app(make_module("bell", setup=lambda core: core.add_models(models)))
