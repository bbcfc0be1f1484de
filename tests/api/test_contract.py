"""Requests that are made of the document are answered as the document says, and none of them by a failure."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import CHECKS

from erp.db import commit, db
from erp.registry import current_registry
from modules.api.http import document

pytestmark = pytest.mark.needs("sales")
ROOT = Path(__file__).parents[2]
EXAMPLES = int(os.environ.get("ERP_TEST_EXAMPLES", "40"))
CHECKED = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
)


def test_the_document_is_kept(app):
    kept = (ROOT / "docs/openapi.json").read_text(encoding="utf-8")
    assert kept == f"{document()}\n", "run `erp openapi > docs/openapi.json` where every module is on"


@pytest.mark.parametrize("path", ["README.md", "docs/api.md"])
def test_the_document_is_named(path):
    assert "openapi.json" in (ROOT / path).read_text(encoding="utf-8")


def test_every_answer_is_as_the_document_says(app, set_option, program):
    set_option("api.requests_per_minute", "1000000")
    for load in current_registry().live(current_registry().demos):
        commit(load)
    db.session.remove()
    headers = {"Authorization": f"Bearer {program.secret}"}
    schema = schemathesis.openapi.from_wsgi("/api/v1/openapi.json", app, headers=headers)
    checks = [CHECKS.get_one(name) for name in CHECKED]
    quiet = settings(
        max_examples=EXAMPLES,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
        derandomize="ERP_TEST_EXAMPLES" not in os.environ,
    )

    @quiet
    @given(case=schema.as_strategy())
    def check(case):
        case.validate_response(case.call(headers=headers), checks=checks)

    check()
