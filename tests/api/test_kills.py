"""A process that dies between the commit and the answer leaves a change that is done once when it is sent again."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import func, select

from modules.sales.models import Order
from tests.support.inventory_lots import make_product
from tests.support.sales import make_customer

pytestmark = pytest.mark.needs("sales")
ROOT = Path(__file__).parents[2]
DIES = """
import json, os, signal, sys
from pathlib import Path
from tests.conftest import make_app
from modules.api.http import writing
writing.response_of = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
url, instance, headers, body = sys.argv[1:]
app = make_app(url, Path(instance))
with app.app_context():
    app.test_client().post("/api/v1/orders", headers=json.loads(headers), json=json.loads(body))
"""


def test_a_change_whose_answer_was_lost_is_done_once(app, session, program, tmp_path):
    make_customer(session, code="C1")
    make_product(session, sku="LAMP")
    session.commit()
    body = {"customer": "C1", "lines": [{"sku": "LAMP", "quantity": "2"}]}
    headers = {"Authorization": f"Bearer {program.secret}", "Idempotency-Key": "one"}
    url = app.config["SQLALCHEMY_DATABASE_URI"]
    given = [str(url), str(tmp_path), json.dumps(headers), json.dumps(body)]
    died = subprocess.run([sys.executable, "-c", DIES, *given], cwd=ROOT, capture_output=True, timeout=120)
    assert died.returncode == -signal.SIGKILL, died.stderr.decode()
    answer = program.post("/orders", body, 201, key="one")
    assert program.answer.headers["Idempotent-Replayed"] == "true"
    assert session.scalars(select(Order.id)).all() == [answer["id"]]
    assert session.scalar(select(func.count()).select_from(Order)) == 1
