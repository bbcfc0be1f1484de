"""Several workers share the queue, and any of them may die at any moment."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter

import pytest

from erp.db import db
from modules.backorder_email import services
from modules.backorder_email.delivery import send_pending
from modules.backorder_email.states import MessageState
from tests.factories.backorder_email import make_messages, messages

pytestmark = pytest.mark.real_clock

# One process prepares the application; each line it reads lets it fork a worker that sends until nothing is left.
FOREMAN = """
import os, signal, sys, traceback
from erp.app import create_app
from erp.db import db
from modules.backorder_email.delivery import send_pending

signal.signal(signal.SIGCHLD, signal.SIG_IGN)
app = create_app(database_url=sys.argv[1], environment={"ERP_INSTANCE": sys.argv[2]})
print("ready", flush=True)
for line in sys.stdin:
    pid = os.fork()
    if pid == 0:
        try:
            with app.app_context():
                send_pending()
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(0)
    print(pid, flush=True)
"""


class Foreman:
    """Starts workers and knows which still live."""

    def __init__(self, folder):
        url = db.engine.url.render_as_string(hide_password=False)
        others = {name: value for name, value in os.environ.items() if not name.startswith("ERP_")}
        command = [sys.executable, "-c", FOREMAN, url, str(folder)]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=others | {"PYTHONPATH": os.getcwd()}
        )
        assert self.process.stdout.readline() == "ready\n"

    def start_worker(self):
        self.process.stdin.write("go\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline())

    def lives(self, worker):
        try:
            os.kill(worker, 0)
        except ProcessLookupError:
            return False
        return True

    def wait_for(self, workers, seconds=60):
        until = time.monotonic() + seconds
        while any(map(self.lives, workers)):
            assert time.monotonic() < until, "the workers did not finish"
            time.sleep(0.05)

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait(20)


@pytest.fixture
def foreman(app, tmp_path):
    it = Foreman(tmp_path)
    yield it
    it.close()


def test_four_workers_send_each_message_once(session, mailbox, set_option, foreman):
    set_option("backorder_email.batch_size", "7")
    mailbox.delay = 0.002
    make_messages(session, 160)
    foreman.wait_for([foreman.start_worker() for _ in range(4)])
    found = messages(session)
    assert Counter(message.state for message in found) == {MessageState.sent: 160}
    assert len({message.claimed_by for message in found}) == 4
    assert Counter(mailbox.message_ids.values()) == {1: 160}
    assert all(message.attempts == 1 for message in found)


def test_workers_killed_at_twenty_random_points_lose_nothing_and_send_nothing_twice(
    session, mailbox, set_option, foreman
):
    chance = random.Random(20261123)
    set_option("backorder_email.batch_size", "10")
    set_option("backorder_email.claim_timeout", "1 s")
    mailbox.delay = 0.004
    count = 400
    make_messages(session, count)
    workers = [foreman.start_worker() for _ in range(4)]
    killed = 0
    while killed < 20:
        time.sleep(chance.uniform(0.0, 0.12))
        victim = chance.randrange(4)
        if foreman.lives(workers[victim]):
            os.kill(workers[victim], signal.SIGKILL)
            killed += 1
        workers[victim] = foreman.start_worker()
    foreman.wait_for(workers)
    time.sleep(1.1)
    session.rollback()
    send_pending()
    found = messages(session)
    states = Counter(message.state for message in found)
    assert set(states) <= {MessageState.sent, MessageState.uncertain}
    assert states[MessageState.uncertain] <= 20
    assert states[MessageState.sent] >= count - 20
    assert max(mailbox.message_ids.values()) == 1
    arrived = set(mailbox.recipients)
    assert {message.recipient for message in found if message.state is MessageState.sent} <= arrived
    services.recover(session)
    session.commit()
    assert Counter(message.state for message in messages(session)) == states
