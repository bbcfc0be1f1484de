"""`erp modules new`, and the modules that are not the product's own: each keeps to what every module keeps to."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from erp.db import db

ROOT = Path(__file__).parents[2]
CONFORMANCE = (
    "tests/core/test_conformance.py",
    "tests/core/test_migrations.py::test_the_migrated_tables_are_those_of_the_models",
)


@pytest.fixture
def new(all_databases, command):
    """Return a function that carries out `erp modules new ...`."""
    app = all_databases.app("sqlite")
    with app.app_context():
        yield lambda *arguments: command(app, "modules", "new", *map(str, arguments))
        db.session.remove()


def test_a_new_module_and_the_sample_keep_to_what_every_module_keeps_to(new, tmp_path):
    assert new("spare_parts", tmp_path)[0] == 0
    folders = os.pathsep.join(map(str, (tmp_path, ROOT / "tests")))
    chosen = "(spare_parts or sample_module or sqlite) and not postgres"
    tests = [sys.executable, "-m", "pytest", "-v", "-p", "no:cacheprovider", "-k", chosen, *CONFORMANCE]
    environment = {**os.environ, "ERP_TEST_MODULES": folders, "TMPDIR": str(tmp_path)}
    done = subprocess.run(tests, env=environment, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-4000:]
    for name in ("spare_parts", "sample_module"):
        assert f"::test_a_module_says_what_it_is_for[{name}] PASSED" in done.stdout


def test_the_command_prints_where_a_new_module_is_and_what_comes_next(new, tmp_path):
    code, out, _ = new("spare_parts", tmp_path)
    assert code == 0
    assert out.splitlines() == [
        f"Module spare_parts is written to {tmp_path}/spare_parts.",
        f"Name {tmp_path} in option erp.module_path, then: erp modules install spare_parts",
    ]


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("Spare", "A module cannot be called 'Spare'"),
        ("spare-parts", "A module cannot be called 'spare-parts'"),
        ("9lives", "A module cannot be called '9lives'"),
        ("../spare", "A module cannot be called '../spare'"),
        ("class", "A module cannot be called 'class'"),
        ("erp", "A module cannot be called 'erp'"),
        ("s" * 31, "at most 30 characters"),
        ("sales", "There is a module sales already: modules.sales."),
    ],
)
def test_a_name_that_no_module_can_have_is_refused(new, tmp_path, name, complaint):
    code, out, err = new(name, tmp_path)
    assert (code, out, len(err.splitlines())) == (1, "", 1)
    assert complaint in err
    assert list(tmp_path.glob("**/module.py")) == []


def test_what_is_there_is_not_written_over(new, tmp_path):
    (tmp_path / "spare_parts").mkdir()
    code, _, err = new("spare_parts", tmp_path)
    assert (code, "is there already" in err) == (1, True)
    assert list((tmp_path / "spare_parts").iterdir()) == []
