"""What every module must keep to. A new module is covered by being there.

Modules in other folders are covered too when ERP_TEST_MODULES names their folders, as `[erp] module_path` does.
"""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

import pytest
from sqlalchemy import Date, Float, Numeric

from erp import core, discovery
from erp.db import Model, Scaled, UtcDateTime
from erp.manifest import SHIPPED_ROLES
from tests.conftest import more_modules

ROOT = Path(__file__).parents[2]
FOUND = discovery.find(folders=more_modules())
MODULES = sorted(FOUND.manifests)

# `delivery` talks to other machines, writing to the database before and after, and never while they answer.
NOUNS = {
    "domain",
    "models",
    "coverage",
    "planning",
    "rebalancing",
    "trial",
    "queries",
    "services",
    "delivery",
    "admin",
    "exchange",
    "api",
}
FILES = NOUNS | {
    "__init__",
    "module",
    "states",
    "events",
    "hooks",
    "errors",
    "handlers",
    "jobs",
    "forms",
    "commands",
}
# `rendering` is a process of its own; `http` answers programs.
FOLDERS = {"errors", "models", "http", "rendering", "templates", "static", "migrations", "translations", "__pycache__"}
ENTRY_POINTS = {
    "events",
    "hooks",
    "errors",
    "states",
    "domain",
    "coverage",
    "planning",
    "rebalancing",
    "models",
    "queries",
    "services",
}

LONGEST_FILE = 350
LONGEST_FUNCTION = 40
PARAMETERS = 6

CLOCKS = {("datetime", "now"), ("datetime", "utcnow"), ("date", "today"), ("time", "time"), ("datetime", "today")}


def folder_of(name):
    """Return the folder of a module."""
    return Path(sys.modules[FOUND.manifests[name].setup.__module__].__file__).parent


def sources(*folders):
    """Return the Python files below these folders, without migrations."""
    found = sorted((path, folder) for folder in folders for path in folder.rglob("*.py"))
    return [path for path, folder in found if not {"migrations", "revisions"} & set(path.relative_to(folder).parts)]


def nodes(path, *kinds):
    return [node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, kinds)]


def shown(path):
    """Return a path as messages name it."""
    return str(path.relative_to(ROOT) if path.is_relative_to(ROOT) else path)


def place(path, node):
    return f"{shown(path)}:{node.lineno}"


# Large libraries of which few processes make use.
RARELY_NEEDED = ("alembic.", "erp.db.sent_lists.", "psycopg.", "pygal.", "pyotp.", "segno.")
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
HOMES = [folder_of(name) for name in MODULES]
EVERYWHERE = [*sources(*HOMES), *(path for path in sources(ROOT / "erp") if path.name != "clock.py")]


def imports(name):
    """Yield (file, module, part of it) for each import from another module."""
    for path in sources(folder_of(name)):
        for node in nodes(path, ast.Import, ast.ImportFrom):
            for dotted in imported(node):
                top, other, part, *_ = [*dotted.split("."), "", ""]
                if top == "modules" and other not in ("", name):
                    yield shown(path), other, part


def imported(node):
    """Return the dotted names that an import brings in."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom) and node.level == 0:
        return [f"{node.module}.{alias.name}" for alias in node.names]
    return []


# The folder


@pytest.mark.parametrize("name", MODULES)
def test_a_module_holds_only_files_whose_names_are_known(name):
    folder = folder_of(name)
    assert {path.stem for path in folder.glob("*.py")} <= FILES
    assert {path.name for path in folder.iterdir() if path.is_dir()} <= NOUNS | FOLDERS


@pytest.mark.parametrize("name", MODULES)
def test_a_module_says_what_it_is_for(name):
    text = (folder_of(name) / "README.md").read_text(encoding="utf-8")
    assert text.startswith("# ")
    assert len(text.split()) > 60


@pytest.mark.parametrize("name", MODULES)
def test_templates_and_migrations_lie_below_the_modules_own_name(name):
    folder = folder_of(name)
    if (folder / "templates").exists():
        assert [path.name for path in (folder / "templates").iterdir()] == [name]
    assert any((folder / "migrations").glob("0*.py"))


def test_files_fit_in_the_head():
    lengths = {shown(path): len(path.read_text(encoding="utf-8").splitlines()) for path in EVERYWHERE}
    assert {path: length for path, length in lengths.items() if length > LONGEST_FILE} == {}


def from_its_own_face(path):
    """Yield the names that a file imports from the `__init__` of its own package, other than files next to it."""
    package, files = ".".join(Path(shown(path)).parent.parts), set(path.parent.iterdir())
    for node in nodes(path, ast.ImportFrom):
        names = [alias.name for alias in node.names if node.module == package]
        yield from (name for name in names if not {path.parent / name, path.parent / f"{name}.py"} & files)


def test_no_file_imports_the_face_of_its_own_package():
    inside = [path for path in EVERYWHERE if path.name != "__init__.py"]
    assert {shown(path): names for path in inside if (names := list(from_its_own_face(path)))} == {}


# The manifest


@pytest.mark.parametrize("name", MODULES)
def test_a_manifest_has_a_name_a_title_and_a_version(name):
    manifest = FOUND.manifests[name]
    assert manifest.name == name
    assert re.fullmatch(r"[a-z][a-z0-9_]*", name)
    assert manifest.title
    assert manifest.summary.endswith(".")
    assert re.fullmatch(r"\d+(\.\d+)+", manifest.version)
    assert (manifest.setup.__doc__ or "").endswith(".")


@pytest.mark.parametrize("name", MODULES)
def test_options_explain_themselves(name):
    options = FOUND.manifests[name].options
    by_name = {option.name: option for option in options}
    for option in options:
        assert re.fullmatch(r"[a-z][a-z0-9_]*", option.name)
        assert option.help.endswith(".")
        assert option.parse(option.format(option.default)) == option.default
        if option.only_if:
            needed, value = by_name[option.needs[0]], option.needs[1]
            assert needed.kind in ("switch", "choice")
            assert needed.format(needed.parse(value)) == value


@pytest.mark.parametrize("name", MODULES)
def test_rights_bear_their_modules_name_and_go_to_shipped_roles(name):
    rights = FOUND.manifests[name].permissions
    assert len({right.name for right in rights}) == len(rights)
    for right in (*rights, *core.PERMISSIONS):
        assert right.name.split(".")[0] in {name, core.NAME}
        assert right.title
        assert set(right.roles) <= set(SHIPPED_ROLES)


# Who imports whom


@pytest.mark.parametrize("name", MODULES)
def test_what_is_imported_is_declared(name):
    assert [found for found in imports(name) if found[1] not in needed(name)] == []


def needed(name):
    """Return what a module depends on, and what that depends on."""
    direct = set(FOUND.manifests[name].depends)
    return direct.union(*(needed(other) for other in direct))


@pytest.mark.parametrize("name", MODULES)
def test_other_modules_use_the_public_files(name):
    assert [found for found in imports(name) if found[2] not in ENTRY_POINTS] == []


@pytest.mark.parametrize("name", [name for name in MODULES if FOUND.manifests[name].depends])
def test_the_imports_of_a_module_that_needs_others_are_seen(name):
    assert list(imports(name))


def test_imports_stand_at_the_top_except_of_what_few_processes_need():
    late = [
        place(path, node)
        for path in EVERYWHERE
        for function in nodes(path, *FUNCTIONS)
        if not (path.name == "module.py" and function.name in ("setup", "screens")) and path.name != "app.py"
        for node in ast.walk(function)
        if isinstance(node, ast.Import | ast.ImportFrom)
        and not any(f"{name}.".startswith(RARELY_NEEDED) for name in imported(node))
    ]
    assert late == []


# The code


@pytest.mark.parametrize("path", EVERYWHERE, ids=shown)
def test_a_file_keeps_to_the_style(path):
    assert list(complaints(path)) == []


def complaints(path):
    """Yield what in a file is not as everywhere else."""
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)
    for node in ast.walk(tree):
        where = place(path, node) if hasattr(node, "lineno") else str(path)
        if isinstance(node, ast.FunctionDef):
            yield from function_complaints(node, where)
        # A drawing has no exact numbers.
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "float" and path.name != "chart.py":
            yield f"{where}: a float"
        if (
            isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and (node.value.id, node.attr) in CLOCKS
        ):
            yield f"{where}: the clock is read through erp.clock"
        if isinstance(node, ast.ExceptHandler) and [type(step) for step in node.body] == [ast.Pass]:
            yield f"{where}: an error is swallowed"
        if isinstance(node, ast.Name | ast.arg | ast.Attribute):
            name = getattr(node, "id", None) or getattr(node, "arg", None) or getattr(node, "attr", "")
            if re.search(r"(^|_)qty(_|$)", name):
                yield f"{where}: quantity is written in full"
    if re.search(r"\b(TODO|FIXME|XXX)\b", text):
        yield f"{path}: something is left to do"


def function_complaints(function, where):
    length = (function.end_lineno or 0) - function.lineno + 1
    if length > LONGEST_FUNCTION:
        yield f"{where}: {function.name} has {length} lines"
    positional = [*function.args.posonlyargs, *function.args.args]
    if len([arg for arg in positional if arg.arg not in ("self", "cls")]) > PARAMETERS:
        yield f"{where}: {function.name} takes more than {PARAMETERS} parameters by position"


@pytest.mark.parametrize("path", [path for path in EVERYWHERE if "errors" in (path.stem, path.parent.name)], ids=shown)
def test_every_refusal_is_a_sentence(path):
    for call in nodes(path, ast.Call):
        if isinstance(call.func, ast.Attribute) and call.func.attr == "__init__" and call.args:
            text = call.args[0]
            if isinstance(text, ast.Call) and getattr(text.func, "id", "") == "say":
                text = text.args[0]
            last = text.values[-1] if isinstance(text, ast.JoinedStr) else text
            if isinstance(last, ast.Constant) and not str(last.value).endswith("}"):
                assert str(last.value).rstrip().endswith((".", ":")), place(path, call)


def test_members_of_enums_are_called_as_their_values():
    for path in (path for path in EVERYWHERE if path.name != "demo.py"):
        for node in nodes(path, ast.ClassDef):
            if any(isinstance(base, ast.Name) and base.id == "StrEnum" for base in node.bases):
                for step in node.body:
                    if isinstance(step, ast.Assign) and isinstance(step.value, ast.Constant):
                        assert step.targets[0].id == step.value.value, place(path, step)


# The tables


def columns():
    return [column for table in Model.metadata.sorted_tables for column in table.columns]


def test_every_number_in_the_database_is_exact(app):
    assert [str(column) for column in columns() if isinstance(column.type, Float | Numeric)] == []


def test_names_of_columns_distinguish_instants_dates_and_ids(app):
    for column in columns():
        if column.name.endswith("_at"):
            assert isinstance(column.type, UtcDateTime), column
        if column.name.endswith("_on"):
            assert isinstance(column.type, Date), column
        if isinstance(column.type, UtcDateTime):
            assert column.name.endswith("_at") or column.name == "at", column
        if column.name in ("quantity", "allocated", "packed", "received", "cancelled", "on_hand"):
            assert isinstance(column.type, Scaled), column


def test_every_constraint_has_a_name(app):
    from sqlalchemy.schema import CheckConstraint

    for table in Model.metadata.sorted_tables:
        for constraint in table.constraints:
            assert not isinstance(constraint, CheckConstraint) or constraint.name, table


def test_every_foreign_key_is_indexed(app):
    """Without it, deleting or joining reads the whole table."""
    missing = []
    for table in Model.metadata.sorted_tables:
        leading = {index.columns[0].name for index in table.indexes if len(index.columns)}
        leading |= {next(iter(key.columns)).name for key in table.constraints if len(getattr(key, "columns", ()))}
        missing += [str(key.parent) for key in table.foreign_keys if key.parent.name not in leading]
    assert missing == []
