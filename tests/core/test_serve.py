"""`erp serve` as a process of its own, with the worker as another."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager, suppress

import pytest

from erp import migrations
from erp.app import create_app
from erp.db import db
from erp.jobs import locks

PATIENCE_SECONDS = 60

pytestmark = pytest.mark.real_clock


@pytest.fixture
def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def company(empty_database, tmp_path):
    """An application whose database has the core's tables, and the environment that names it."""
    settings = {"ERP_DATABASE_URL": empty_database, "ERP_INSTANCE": str(tmp_path)}
    app = create_app(environment=settings, testing=True)
    others = {name: value for name, value in os.environ.items() if not name.startswith("ERP_")}
    with app.app_context():
        migrations.install_core()
        yield {**others, **settings}
        db.session.remove()
        db.engine.dispose()


def wait_until(what, process):
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not what():
        assert process.poll() is None, "the server ended"
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.1)


def answers(port):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/login", timeout=10) as answer:
            return answer.status == 200
    except OSError:
        return False


@contextmanager
def served(environment, port, *arguments):
    """Start a server, and give its process when it answers."""
    command = [sys.executable, "-m", "erp", "serve", "--port", str(port), *arguments]
    server = subprocess.Popen(command, env=environment, start_new_session=True)
    try:
        wait_until(lambda: answers(port), server)
        yield server
    finally:
        with suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGKILL)
        server.wait()


def test_the_server_answers_with_its_worker_beside_it_and_both_end_together(company, free_port):
    with served(company, free_port, "--workers", "1", "--worker") as server:
        wait_until(lambda: not locks.is_free("worker"), server)
        db.session.rollback()
        server.send_signal(signal.SIGTERM)
        assert server.wait(PATIENCE_SECONDS) == 0
        assert locks.is_free("worker")
        with pytest.raises(ProcessLookupError):
            os.killpg(server.pid, signal.SIGKILL)


def test_an_address_that_is_taken_is_reported_in_one_line(company, free_port):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", free_port))
        taken.listen()
        command = [sys.executable, "-m", "erp", "serve", "--port", str(free_port)]
        done = subprocess.run(command, env=company, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert f"127.0.0.1:{free_port}" in done.stderr
