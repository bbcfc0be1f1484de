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
from tests.support.backorder_email import make_messages, messages

pytestmark = pytest.mark.real_clock


# One process prepares the application; each line it reads lets it fork a worker that sends until nothing is left, or
# dies where the line says: at which call of, or return from, which function. It writes a note about that first.
FOREMAN = """
import os, signal, sys, traceback
from erp.app import create_app
from erp.db import db
from modules.backorder_email.delivery import send_pending

signal.signal(signal.SIGCHLD, signal.SIG_IGN)
notes = os.open(sys.argv[3], os.O_WRONLY | os.O_CREAT | os.O_APPEND)

def die_at(function, happening, count):
    left = int(count)
    def watch(frame, happens, _argument):
        nonlocal left
        if happens == happening and frame.f_code.co_qualname == function:
            left -= 1
            if not left:
                os.write(notes, f"{happening} {function}\\n".encode())
                os.kill(os.getpid(), signal.SIGKILL)
    sys.setprofile(watch)

app = create_app(database_url=sys.argv[1], environment={"ERP_INSTANCE": sys.argv[2]})
print("ready", flush=True)
for line in sys.stdin:
    pid = os.fork()
    if pid == 0:
        try:
            if line.strip():
                die_at(*line.split())
            with app.app_context():
                send_pending()
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(0)
    print(pid, flush=True)
"""


class Foreman:
    """Starts workers and knows which are alive."""

    def __init__(self, folder):
        url = db.engine.url.render_as_string(hide_password=False)
        others = {name: value for name, value in os.environ.items() if not name.startswith("ERP_")}
        self.notes = folder / "deaths"
        command = [sys.executable, "-c", FOREMAN, url, str(folder), str(self.notes)]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=others | {"PYTHONPATH": os.getcwd()}
        )
        assert self.process.stdout.readline() == "ready\n"

    @property
    def deaths(self):
        return self.notes.read_text().splitlines()

    def start_worker(self, dying_at=""):
        self.process.stdin.write(f"{dying_at}\n")
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
    assert len({message.taken_by for message in found}) == 4
    assert Counter(mailbox.message_ids.values()) == {1: 160}
    assert all(message.attempts == 1 for message in found)


COUNT = 400


@pytest.fixture
def many(session, mailbox, set_option):
    """A long queue whose workers count as dead after a second of silence."""
    set_option("backorder_email.batch_size", "10")
    set_option("backorder_email.worker_timeout", "1 s")
    mailbox.delay = 0.004
    make_messages(session, COUNT)


# The lifecycle of a message, from the queue to its last entry in the send log.
LIFECYCLE = (
    *("_Worker._take", "take_batch", "_Worker._envelope", "SmtpTransport.open", "_Worker._begin", "SendLog.advance"),
    *("SmtpTransport._address", "SmtpTransport._hand_over", "_PreparedMessages.prepare", "SmtpTransport._answer"),
    *("_Worker._deliver", "_Worker._settle", "settle"),
)


ONCE_A_BATCH = ("_Worker._take", "take_batch", "_Worker._settle", "settle")


def random_point(chance):
    """Return where a worker is to die, as the foreman reads it."""
    function = chance.choice(LIFECYCLE)
    count = chance.randint(1, 2 if function in ONCE_A_BATCH else 15)
    return f"{function} {chance.choice(('call', 'return'))} {count}"


def test_workers_killed_at_twenty_random_points_of_a_message_lose_nothing_and_send_nothing_twice(
    session, mailbox, many, foreman
):
    chance = random.Random(20261125)
    until = time.monotonic() + 60
    workers = [foreman.start_worker(random_point(chance)) for _ in range(4)]
    while len(foreman.deaths) < 20:
        assert time.monotonic() < until, "too few workers died"
        time.sleep(0.02)
        workers = [it if foreman.lives(it) else foreman.start_worker(random_point(chance)) for it in workers]
    foreman.wait_for(workers)
    assert len(set(foreman.deaths)) >= 10
    all_is_sent(session, mailbox, most_uncertain=len(foreman.deaths))


def test_workers_killed_at_twenty_random_instants_lose_nothing_and_send_nothing_twice(session, mailbox, many, foreman):
    chance = random.Random(20261123)
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
    all_is_sent(session, mailbox, most_uncertain=20)


def all_is_sent(session, mailbox, *, most_uncertain):
    """Let one more worker finish; each message was sent once or is uncertain, at most one for each death."""
    time.sleep(1.1)
    session.rollback()
    send_pending()
    found = messages(session)
    states = Counter(message.state for message in found)
    assert set(states) <= {MessageState.sent, MessageState.uncertain}
    assert states.total() == COUNT
    assert states[MessageState.uncertain] <= most_uncertain
    assert max(mailbox.message_ids.values()) == 1
    arrived = set(mailbox.recipients)
    assert {message.recipient for message in found if message.state is MessageState.sent} <= arrived
    services.recover(session)
    session.commit()
    assert Counter(message.state for message in messages(session)) == states
