"""Every operation asks for its right: it answers each role, and nobody, as their rights say."""

from __future__ import annotations

import json

import pytest

from erp.api import Change, Report, Task
from erp.manifest import SHIPPED_ROLES
from erp.registry import current_registry
from modules.api.http import document
from modules.api.http.representation import Shape
from modules.api.http.rows import view_of
from tests.conftest import add_user

pytestmark = pytest.mark.needs("sales")


def wanted():
    """Yield the method and the address of each operation with the rights that it asks for."""
    registry = current_registry()
    for each in registry.live(registry.resources.values()):
        path = f"/{each.name}"
        if isinstance(each, Report | Task):
            yield "GET" if isinstance(each, Report) else "POST", path, {each.permission}
            continue
        shape = Shape(each, view_of(each))
        yield "GET", path, {shape.view.permission}
        yield "GET", f"{path}/{{id}}", {shape.view.permission}
        if each.file is not None:
            yield "GET", f"{path}/{{id}}/file", {shape.view.permission}
        for write in shape.writes:
            rights = {shape.view.permission, write.permission}
            if not isinstance(write, Change):
                yield "POST", path, rights
                if write.run_many is not None:
                    yield "POST", f"{path}/create", rights
                continue
            yield "POST", f"{path}/{{id}}/{write.name}", rights
            if write.run_many is not None:
                yield "POST", f"{path}/{write.name}", rights


def test_every_operation_of_the_document_is_known(app):
    paths = json.loads(document())["paths"]
    found = {(method.upper(), path.removeprefix("/api/v1")) for path, methods in paths.items() for method in methods}
    found -= {(method, path) for method, path in found if method == "PARAMETERS"}
    assert found == {(method, path) for method, path, _ in wanted()}


@pytest.mark.parametrize("role", [*SHIPPED_ROLES, "nobody"])
def test_an_operation_is_refused_to_who_has_no_right_to_it(app, set_option, program_of, role):
    set_option("api.requests_per_minute", "1000000")
    program = program_of("Auditor" if role == "nobody" else role)
    rights_of = add_user(name_of(role), role).may if role != "nobody" else lambda _right: False
    for number, (method, path, rights) in enumerate(wanted()):
        headers = {"Idempotency-Key": str(number)}
        if role != "nobody":
            headers["Authorization"] = f"Bearer {program.secret}"
        address = f"/api/v1{path.replace('{id}', '999999')}"
        status = program.client.open(address, method=method, headers=headers, json={}).status_code
        if role == "nobody":
            assert status == 401, (method, path)
        else:
            assert (status == 403) == (not all(map(rights_of, rights))), (method, path, status)
            assert status != 401 and status < 500, (method, path, status)


def name_of(role):
    return "admin" if role == "Administrator" else role.lower().replace(" ", "-")
