"""The module is written with what every author may use, and with nothing else."""

from __future__ import annotations

import ast
from pathlib import Path

from erp.author_reference import SURFACE

FOLDER = Path(__file__).parents[2] / "modules" / "returns"


def imports_from_core():
    """Yield each (package, name) of the core that the module imports."""
    for path in sorted(FOLDER.rglob("*.py")):
        if path.parent.name == "migrations":
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "erp":
                yield from ((node.module, alias.name) for alias in node.names)
            if isinstance(node, ast.Import):
                yield from ((alias.name, "") for alias in node.names if alias.name.split(".")[0] == "erp")


def test_returns_imports_of_the_core_only_what_the_reference_for_authors_lists():
    public = {(package.__name__, name) for package, names in SURFACE.items() for name in names}
    whole = {("erp", package.__name__.removeprefix("erp.")) for package in SURFACE}
    found = set(imports_from_core())
    assert len(found) > 40
    assert found - public - whole == set()
