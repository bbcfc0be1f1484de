"""The command line: exit codes, one line for a problem, no traceback."""

import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import click
import pytest
from sqlalchemy import func, select, text

from erp import cli, security, sessions, throttling
from erp.cli import CORE_COMMANDS
from erp.db import commit, db
from erp.errors import ErpError
from erp.migrations import lifecycle
from erp.models import HistoryEntry, Role, RunEntry, User
from erp.registry import current_registry
from erp.sign_in_models import SignInAttempt
from tests.core.small import make_module

PRODUCTS = "sku,name\nTEA,Tea\nMILK,Milk\n"


@pytest.fixture
def erp(app, command):
    """Return a function that carries out a command line on the installed application."""
    return lambda *arguments: command(app, *arguments)


@pytest.fixture
def products(tmp_path):
    """A file of two products."""
    path = tmp_path / "products.csv"
    path.write_text(PRODUCTS)
    return str(path)


def problem(printed):
    """Return the one line that a refused command prints."""
    code, out, err = printed
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert err.endswith(".\n")
    return err


# Called wrongly: 2


@pytest.mark.parametrize(
    "arguments",
    [
        ["frobnicate"],
        ["check", "--frobnicate"],
        ["import", "products"],
        ["import", "gadgets", "file.csv"],
        ["import", "products", "file.csv", "--allocate"],
        ["export"],
        ["export", "gadgets"],
        ["options", "get"],
        ["users", "frobnicate"],
        ["serve", "--port", "many"],
    ],
    ids=" ".join,
)
def test_a_command_that_is_called_wrongly_exits_with_2(erp, arguments):
    code, out, err = erp(*arguments)
    assert (code, out) == (2, "")
    assert "Error: " in err
    assert "Traceback" not in err


# Problems: 1


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["import", "products", "/no/such/file.csv"], "/no/such/file.csv: No such file or directory"),
        (["import", "products", "/"], "Is a directory"),
        (["export", "products", "/no/such/folder/file.csv"], "/no/such/folder/file.csv: No such file"),
        (["options", "get", "sales.nothing"], "There is no option 'sales.nothing'"),
        (["options", "set", "sales.nothing", "yes"], "There is no option 'sales.nothing'"),
        (["options", "set", "sales.backorders", "maybe"], "'maybe' is refused; yes or no is allowed"),
        (["options", "set", "preorder.atp_horizon_days", "-5"], "'-5' is refused; a whole number"),
        (["options", "set", "erp.module_path", "/tmp"], "read at the start"),
        (["options", "unset", "sales.nothing"], "There is no option"),
        (["options", "import", "/no/such/file.ini"], "No such file"),
        (["modules", "enable", "nothing"], "There is no module 'nothing'"),
        (["jobs", "run", "nothing"], "nothing"),
        (["users", "password", "nobody"], "There is no user 'nobody'"),
        (["users", "password", "a\udcffb"], "There is no user"),
        (["users", "add", "anna", "--role", "a\udcffb"], "There is no role"),
        (["users", "deactivate", "nobody"], "There is no user 'nobody'"),
        (["users", "deactivate", "admin"], "admin is the last active administrator"),
        (["users", "add", "admin"], "There is a user 'admin' already"),
        (["users", "add", "anna", "--password", "short"], "at least 10 characters"),
        (["users", "add", "anna", "--role", "Boss"], "There is no role 'Boss'"),
        (["users", "add", " anna"], "no blanks around it"),
        (["users", "add", "a\udcffb"], "no blanks around it"),
        (["users", "add", "anna", "--name", "x" * 200], "at most 120 characters"),
        (["users", "add", "anna", "--name", "a\udcffb"], "one line"),
        (["users", "add", "anna", "--email", f"a@{'x' * 300}"], "is not a domain"),
        (["users", "add", "anna", "--email", "no address"], "is not of the form name@domain"),
        (["options", "set", "erp.company_name", "a\udcffb"], "is refused; one line of text is allowed"),
        (["allocate", "--sku", "NOTHING"], "There is no product 'NOTHING'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_problem_is_one_line_and_exits_with_1(erp, arguments, complaint):
    assert complaint in problem(erp(*arguments))


def test_output_that_cannot_be_written_is_a_problem_of_one_line(erp, monkeypatch):
    def fill_up(*_arguments, **_settings):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("erp.cli.exchange.show", fill_up)
    assert problem(erp("export", "products")) == "The output: No space left on device.\n"


def test_an_import_with_errors_prints_each_kind_once_with_its_rows(erp, tmp_path):
    path = tmp_path / "bad.csv"
    path.write_text("sku,name,unit_decimals\n" + "".join(f"P{n},Name,many\n" for n in range(13)))
    code, out, err = erp("import", "products", str(path))
    assert (code, out) == (1, "")
    assert err.splitlines() == [
        "Nothing was imported: 13 errors in the file.",
        "Rows 2–14, column unit_decimals: 'many' is not a whole number.",
    ]
    assert erp("export", "products")[1].count("\n") == 1


def test_an_import_with_errors_of_many_kinds_prints_ten_of_them_and_the_number_of_others(erp, tmp_path):
    rows = (
        *("P1,,0,lot,no,,", "P2,Name,many,lot,no,,", "P3,Name,9,lot,no,,", "P4,Name,0,box,no,,"),
        *("P5,Name,0,lot,maybe,,", "P6,Name,0,lot,no,soon,", "P7,Name,0,lot,no,,1e3", "P8,Name,0,lot,no,,-1"),
        *(",Name,0,lot,no,,", "P\x02,Name,0,lot,no,,", "P9,N\x02,0,lot,no,,", "P10,Name,0,lot,no,,ten"),
        "1E+05,Name,0,lot,no,,",
    )
    path = tmp_path / "bad.csv"
    header = "sku,name,unit_decimals,tracking,preorder_eligible,launch_date,preorder_limit"
    path.write_text("\n".join([header, *rows, ""]))
    code, out, err = erp("import", "products", str(path))
    lines = err.splitlines()
    assert (code, out, len(lines)) == (1, "", 12)
    assert lines[0].startswith("Nothing was imported: 1")
    assert lines[-1].startswith("and ")
    assert erp("export", "products")[1].count("\n") == 1


def test_a_breach_is_a_line_and_the_check_exits_with_1(app, erp, monkeypatch):
    checks = current_registry().checks
    broken = type(checks[0])("sales", lambda session: ["Order SO00001/1: 3 are open and 4 allocated."])
    monkeypatch.setattr(current_registry(), "checks", [*checks, broken])
    code, out, err = erp("check")
    assert (code, out) == (1, "Order SO00001/1: 3 are open and 4 allocated.\n")
    assert err == "1 breach found; each is printed above.\n"


def test_a_part_of_a_table_that_is_missing_is_a_breach(app, erp):
    with db.engine.begin() as connection:
        connection.execute(text("DROP INDEX ix_preorder_purchase_allocation_line"))
    line = "Table preorder_purchase_allocation: the index ix_preorder_purchase_allocation_line is missing."
    assert erp("check") == (1, f"{line}\n", "1 breach found; each is printed above.\n")


def test_a_sound_database_passes_its_check(erp):
    code, out, err = erp("check")
    assert (code, err) == (0, "")
    assert out.startswith("No breach found by ")


def test_a_command_of_a_module_that_is_off_says_so(app, erp):
    registry = current_registry()
    for name in ("backorder_email", "returns", "preorder", "sales"):
        commit(lambda session, name=name: registry.disable(session, name))
    assert problem(erp("allocate")) == "Command allocate belongs to module sales, which is off.\n"
    assert "allocate" not in erp("--help")[1]


# Done: 0


def test_every_command_has_its_help(erp):
    groups = [name for name, command in CORE_COMMANDS.items() if isinstance(command, click.Group)]
    below = [[group, name] for group in groups for name in CORE_COMMANDS[group].commands]
    own = [[name] for name in current_registry().commands]
    for path in [[name] for name in CORE_COMMANDS] + below + own:
        code, out, _ = erp(*path, "--help")
        assert (code, out.startswith(f"Usage: erp {' '.join(path)}")) == (0, True)


def test_the_help_lists_what_modules_add(erp):
    code, out, _ = erp("--help")
    assert code == 0
    assert "allocate" in out
    assert "send-emails" in out


def test_a_file_goes_in_and_comes_out(erp, products, tmp_path):
    assert erp("import", "products", products)[:2] == (0, "2 products: 2 new, 0 changed.\n")
    target = tmp_path / "out.csv"
    target.write_text("old")
    assert erp("export", "products", str(target)) == (0, "", "")
    text = target.read_text()
    assert text.startswith("sku,name,unit")
    assert erp("export", "products") == (0, text, "")
    assert [path.name for path in tmp_path.glob(".*")] == []


def test_a_dry_run_says_what_would_be_and_changes_nothing(erp, products):
    code, out, _ = erp("import", "products", products, "--dry-run")
    assert (code, out) == (0, "2 products: 2 new, 0 changed. Nothing was changed (dry run).\n")
    assert erp("export", "products")[1].count("\n") == 1


def test_a_command_that_changes_something_is_a_run_in_the_users_name(erp, session, monkeypatch):
    monkeypatch.setattr("getpass.getuser", lambda: "anna")

    @click.command("note")
    def note():
        from erp.events import current_run

        current_run(db.session()).id(db.session())

    monkeypatch.setitem(CORE_COMMANDS, "note", note)
    assert erp("note")[0] == 0
    entry = session.scalars(select(RunEntry).order_by(RunEntry.id.desc())).first()
    assert (entry.kind, entry.name, entry.user_name) == ("command", "erp note", "anna at the command line")
    assert entry.ended_at is not None


def test_a_refused_command_leaves_nothing_behind(erp, session, monkeypatch):
    @click.command("half")
    def half():
        db.session.add(User(username="half", password_hash="!"))
        db.session.flush()
        raise ErpError("That was\nonly half.")

    monkeypatch.setitem(CORE_COMMANDS, "half", half)
    assert problem(erp("half")) == "That was only half.\n"
    assert session.scalar(select(User).where(User.username == "half")) is None


def test_options_are_set_read_and_unset(erp):
    assert erp("options", "get", "sales.backorders") == (0, "yes\n", "")
    assert erp("options", "set", "sales.backorders", "off") == (0, "", "")
    assert erp("options", "get", "sales.backorders") == (0, "no\n", "")
    listed = [line.split() for line in erp("options", "list")[1].splitlines() if "sales.backorders" in line]
    assert listed == [["sales.backorders", "=", "no", "database"]]
    assert erp("options", "unset", "sales.backorders") == (0, "", "")
    assert erp("options", "unset", "sales.backorders") == (0, "", "")
    assert erp("options", "get", "sales.backorders") == (0, "yes\n", "")


def test_options_go_out_and_in_as_ini_text(erp, tmp_path):
    path = tmp_path / "options.ini"
    assert erp("options", "export", str(path))[0] == 0
    assert "[preorder]\nauto_allocate = no\n" in path.read_text()
    assert erp("options", "export")[1] == path.read_text()
    assert erp("options", "import", str(path)) == (0, "0 options changed.\n", "")
    path.write_text("[preorder]\nauto_allocate = yes\ninsufficient_supply = skip\n")
    assert erp("options", "import", str(path)) == (0, "1 option changed: preorder.auto_allocate.\n", "")
    path.write_text("[preorder]\nauto_allocate = no\ninsufficient_supply = some\n")
    assert "insufficient_supply" in problem(erp("options", "import", str(path)))
    assert erp("options", "get", "preorder.auto_allocate")[1] == "yes\n"


def test_the_example_explains_every_option(erp):
    code, out, _ = erp("options", "example")
    assert code == 0
    assert all(f"; {key.partition('.')[2]} =" in out for key in current_registry().option_table.declared)


def test_users_are_added_listed_and_kept_out(erp, session):
    code, out, _ = erp("users", "add", "anna", "--role", "Sales clerk", "--role", "Auditor")
    password = out.split()[3]
    assert code == 0
    anna = security.find_user(session, "anna")
    assert security.is_password(anna, password)
    assert anna.must_change_password
    assert "anna: Auditor, Sales clerk\n" in erp("users", "list")[1]
    sessions.start(session, anna, place="", device="")
    session.commit()
    assert erp("users", "password", "anna", "--password", "correct horse") == (0, "", "")
    assert security.is_password(anna, "correct horse")
    assert (anna.must_change_password, list(sessions.of_user(session, anna.id))) == (False, [])
    assert erp("users", "deactivate", "anna") == (0, "", "")
    assert "anna: Auditor, Sales clerk (deactivated)\n" in erp("users", "list")[1]
    assert erp("users", "activate", "anna", "--why", "she is back") == (0, "", "")
    assert erp("users", "roles", "anna", "--role", "Auditor") == (0, "", "")
    assert "anna: Auditor\n" in erp("users", "list")[1]
    assert erp("users", "roles", "anna") == (0, "", "")
    assert "anna: no role\n" in erp("users", "list")[1]


def test_commands_refuse_what_the_screens_refuse(erp, session):
    assert erp("users", "roles", "admin", "--role", "Auditor")[0] == 1
    assert "nobody" in problem(erp("users", "activate", "nobody"))
    assert "Emperor" in erp("users", "roles", "admin", "--role", "Emperor")[2]
    assert "admin: Administrator\n" in erp("users", "list")[1]


def test_a_name_is_unlocked(erp, session):
    for _ in range(5):
        throttling.count_failure(session, "Carla", "10.0.0.1")
    throttling.count_failure(session, "carlas", "10.0.0.2")
    session.commit()
    assert throttling.is_throttled(session, "carla", "10.0.0.1")
    assert erp("users", "unlock", "carla") == (0, "5 failed sign-ins of carla forgotten.\n", "")
    assert not throttling.is_throttled(session, "carla", "10.0.0.1")
    assert session.scalar(select(func.count()).select_from(SignInAttempt)) == 3


def test_what_the_database_refuses_is_one_line_without_the_values(erp, monkeypatch, session):
    monkeypatch.setattr("erp.cli.users._check_name", lambda *_: None)
    monkeypatch.setattr(security, "check_user", lambda **_: None)
    refusals = [erp("users", "add", "admin")[1:]]
    assert "has just made a record" in refusals[0][1]
    if session.get_bind().dialect.name == "postgresql":  # SQLite keeps a text that is too long
        refusals.append(erp("users", "add", "anna", "--name", "x" * 200)[1:])
        assert "value too long" in refusals[1][1]
    assert [(out, err.count("\n"), "argon2" in err) for out, err in refusals] == [("", 1, False)] * len(refusals)


def test_users_are_added_and_kept_out_with_a_reason(erp, session):
    assert erp("users", "add", "anna", "--password", "correct horse", "--why", "She starts today.")[0] == 0
    assert erp("users", "deactivate", "anna", "--why", "She left.")[0] == 0
    about = select(HistoryEntry).where(HistoryEntry.document_name == "anna").order_by(HistoryEntry.id)
    recorded = [(entry.action, entry.why) for entry in session.scalars(about)]
    assert recorded == [("created", "She starts today."), ("deactivated", "She left.")]


# A database from its first day on


def test_an_empty_database_is_reported_in_one_line(empty_app, command):
    for arguments in (["check"], ["users", "list"], ["allocate"], ["import", "products", "-"], ["modules", "list"]):
        assert problem(command(empty_app, *arguments)) == "The database is empty. Run `erp init` first.\n"
    code, out, _ = command(empty_app, "--help")
    assert code == 0
    assert "init" in out


def test_init_installs_everything_and_prints_a_password_once(empty_app, command):
    code, out, _ = command(empty_app, "init")
    assert code == 0
    assert "Installed and enabled: inventory_lots, procurement, sales, preorder, backorder_email." in out
    password = out.split("password: ")[1].split()[0]
    admin = security.find_user(db.session(), "admin")
    assert security.is_password(admin, password)
    assert admin.must_change_password
    code, out, _ = command(empty_app, "init")
    assert code == 0
    assert "password:" not in out
    assert "erp users password admin" in out
    assert command(empty_app, "check")[0] == 0


def test_init_leaves_modules_out_that_are_off_by_default_unless_others_need_them(empty_app, command, monkeypatch):
    modules = current_registry().modules
    for name in ("procurement", "preorder", "backorder_email"):
        monkeypatch.setitem(modules, name, replace(modules[name], on_by_default=name == "preorder"))
    code, out, _ = command(empty_app, "init")
    assert code == 0
    assert "Installed and enabled: inventory_lots, procurement, sales, preorder." in out
    assert "Not installed: api, returns, backorder_email. To install one: erp modules install NAME" in out
    assert command(empty_app, "check")[0] == 0
    assert command(empty_app, "modules", "install", "backorder_email")[0] == 0


def test_init_takes_a_given_password_and_enables_nothing_again(empty_app, command, monkeypatch):
    monkeypatch.setenv("ERP_ADMIN_PASSWORD", "correct horse")
    code, out, _ = command(empty_app, "init")
    assert (code, "correct horse" in out) == (0, False)
    admin = security.find_user(db.session(), "admin")
    assert security.is_password(admin, "correct horse")
    assert not admin.must_change_password
    assert command(empty_app, "modules", "disable", "backorder_email")[0] == 0
    monkeypatch.setenv("ERP_ADMIN_PASSWORD", "another horse")
    assert command(empty_app, "init")[0] == 0
    assert security.is_password(admin, "correct horse")
    assert "backorder_email" not in current_registry().enabled()


def test_init_refuses_a_short_password_before_it_makes_anything(empty_app, command, monkeypatch):
    monkeypatch.setenv("ERP_ADMIN_PASSWORD", "short")
    assert "at least 10 characters" in problem(command(empty_app, "init"))
    assert "The database is empty" in problem(command(empty_app, "check"))


def test_an_init_that_broke_off_goes_on_where_it_was(empty_app, command, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr("erp.cli.company._add_administrator", lambda *_: (_ for _ in ()).throw(ErpError("Power cut.")))
        assert command(empty_app, "init")[0] == 1
    assert "password: " in command(empty_app, "init")[1]


def test_init_ends_what_an_init_that_died_before_a_module_was_on_began(empty_app, command, monkeypatch):
    def die(name):
        if name == "procurement":
            raise OSError("No space left on device")
        enable(name)

    with monkeypatch.context() as patch:
        enable = lifecycle.enable
        patch.setattr(lifecycle, "enable", die)
        assert command(empty_app, "init")[0] == 1
    code, out, _ = command(empty_app, "init")
    assert (code, "Installed and enabled: " in out) == (0, True)
    assert current_registry().enabled() >= {"procurement", "sales", "preorder", "backorder_email"}


def test_the_demo_company_is_loaded_once_with_a_user_of_each_role(small_app, command):
    loads = []
    app = small_app(make_module("bell", setup=lambda core: core.add_demo(lambda session: loads.append("bell"))))
    first, *users = command(app, "demo")[1].splitlines()
    assert first == "The demo company is loaded."
    found = [
        re.fullmatch(r"(.+): (.+), password: .{16} \(to be changed at the first sign-in\)", each) for each in users
    ]
    named = {each[2]: each[1] for each in found}
    roles = set(db.session.scalars(select(Role.name).where(Role.is_administrator.is_(False))))
    assert set(named.values()) == roles
    assert all(f"{name}: {role}" in command(app, "users", "list")[1] for name, role in named.items())
    assert command(app, "demo") == (0, "The demo company is there already.\n", "")
    assert loads == ["bell"]


def test_a_demo_company_that_meets_its_own_codes_changes_nothing(app, erp, session, tmp_path):
    (tmp_path / "customers.csv").write_text("code,name\nANDERSEN,Mine\n")
    assert erp("import", "customers", str(tmp_path / "customers.csv"))[0] == 0
    code, _, err = erp("demo")
    assert (code, err.count("\n")) == (1, 1)
    assert "The demo company was not loaded" in err
    assert [name for (name,) in session.execute(text("SELECT name FROM sales_customer"))] == ["Mine"]
    assert session.execute(text("SELECT count(*) FROM inventory_lots_product")).scalar() == 0


def test_a_demo_company_that_broke_off_is_loaded_by_the_next_init(empty_app, command, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr("erp.cli.company._load_all", lambda _: (_ for _ in ()).throw(ErpError("Power cut.")))
        assert command(empty_app, "init", "--demo")[0] == 1
    out = command(empty_app, "init", "--demo")[1]
    assert "The demo company is loaded." in out
    assert "password: " in out
    assert command(empty_app, "check")[0] == 0


# As a process of its own


def carry_out(*arguments, **environment):
    """Return exit code, stdout and stderr of the installed command."""
    python = [sys.executable, "-m", "erp", *arguments]
    surroundings = {key: value for key, value in os.environ.items() if not key.startswith("ERP_")}
    done = subprocess.run(python, capture_output=True, text=True, timeout=120, env=surroundings | environment)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize(
    ("environment", "complaint"),
    [
        ({"ERP_DATABASE_URL": "postgresql://clerk:secret@localhost:1/book"}, "cannot be reached: connection"),
        ({"ERP_DATABASE_URL": "sqlite:////no/such/folder/book"}, "cannot be reached: unable to open database file"),
        ({"ERP_DATABASE_URL": f"sqlite:///{Path(__file__)}"}, "cannot be reached: file is not a database"),
        ({"ERP_DATABASE_URL": "nonsense"}, "ERP_DATABASE_URL is not a database URL"),
        ({"ERP_CONFIG": "/no/such/erp.ini"}, "There is no ini file /no/such/erp.ini"),
        ({"ERP_SALES__NOTHING": "1"}, "ERP_SALES__NOTHING"),
        ({"ERP_SECRET_KEY": "short"}, "ERP_SECRET_KEY is too short"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_deployment_that_cannot_work_is_reported_in_one_line(tmp_path, environment, complaint):
    code, out, err = carry_out("users", "list", ERP_INSTANCE=str(tmp_path), **environment)
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert complaint in err
    assert "secret" not in err.lower() or "ERP_SECRET_KEY" in err


def test_the_current_folder_is_not_searched_for_modules(tmp_path, monkeypatch):
    (tmp_path / "modules" / "sales").mkdir(parents=True)
    (tmp_path / "modules" / "sales" / "module.py").write_text("raise SystemExit('read from the current folder')")
    monkeypatch.chdir(tmp_path)
    console_script = Path(sys.executable).with_name("erp")
    done = subprocess.run([console_script, "--help"], capture_output=True, text=True, timeout=120)
    assert (done.returncode, "read from" in done.stderr) == (0, False)


def test_the_entry_point_exits_with_the_code(monkeypatch):
    monkeypatch.setattr(cli, "run", lambda: 2)
    with pytest.raises(SystemExit) as done:
        cli.main()
    assert done.value.code == 2
