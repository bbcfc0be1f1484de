"""Workers that send emails are killed and the mail server breaks off: each email is sent once or named as uncertain."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from pathlib import Path

from erp.app import create_app
from erp.db import db
from tests.backorder_email.servers import Mailbox, mail_server
from tests.faults.company import Company
from tests.faults.kills import SqliteStage
from tests.faults.report import Report
from tests.support.backorder_email import make_messages
from tests.support.postgres import running

WORKERS = 3
VERBS = ("MAIL", "RCPT", "DATA")
OPTIONS = """
[backorder_email]
transport = smtp
host = 127.0.0.1
port = {port}
batch_size = 10
worker_timeout = 1 s
retry_after = 1 s
max_attempts = 60
"""


class Sender(SqliteStage):
    """A foreman whose commands live in real time, on a database of any kind."""

    def __init__(self, folder: Path, company: Company) -> None:
        super().__init__(folder, company.environment)
        self.company, self.instance = company, company.folder / "instance"

    def url(self) -> str:
        return self.company.url


def run(folder: Path, report: Report, *, mails: int, kills: int) -> None:
    """Send `mails` emails on each kind of database while workers die and the server breaks off."""
    with running(folder / "server", {"fsync": "off"}) as server:
        server.create("company")
        urls = {"sqlite": f"sqlite:///{folder}/company.sqlite", "postgres": server.url("company")}
        for kind, url in urls.items():
            company = Company(folder / kind, url, FAULTS_REAL_CLOCK="yes")
            _send(company, report, kind, mails=-(-mails // 2), kills=-(-kills // 2))


def _send(company: Company, report: Report, kind: str, *, mails: int, kills: int) -> None:
    company.done("init")
    app = create_app(environment=company.environment)
    with app.app_context():
        make_messages(db.session(), mails)
        db.session.remove()
        db.engine.dispose()
    with mail_server() as (mailbox, port):
        ini = company.folder / "options.ini"
        ini.write_text(OPTIONS.format(port=port))
        company.done("options", "import", str(ini))
        mailbox.delay = 0.002
        drops = _kill_senders(company, report, mailbox, kills)
        _finish(company)
        _judge(company, report, mailbox, kind, mails, most_uncertain=kills + WORKERS + drops)


def _kill_senders(company: Company, report: Report, mailbox: Mailbox, kills: int) -> int:
    """Kill workers at random instants and points, and let the server break off now and then; return how often."""
    chance = random.Random(f"{report.seed} mails")
    killed, drops = Counter[str](), Counter[str]()

    def work(number: int) -> None:
        folder = company.folder / f"sender{number}"
        folder.mkdir()
        sender = Sender(folder, company)
        sender.open()
        while killed["all"] < kills:
            death = (
                {"die_at": chance.randint(5, 120)} if chance.random() < 0.5 else {"seconds": chance.uniform(0.02, 0.5)}
            )
            answer = sender.order("send-emails", "--limit", "60", **death)
            killed["all"] += answer["status"] == -9
            if chance.random() < 0.2:
                mailbox.drops_at[chance.choice(VERBS)] += 1
            elif chance.random() < 0.1:
                mailbox.drops_after_data += 1
                drops["all"] += 1
            if answer["status"] == 0 and not left_of(company):
                break
        sender.close()

    threads = [threading.Thread(target=work, args=[number]) for number in range(WORKERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    report.count("kills", killed["all"])
    return drops["all"]


def _finish(company: Company) -> None:
    """Let workers that nobody kills send what is left."""
    for _ in range(40):
        time.sleep(1.2)
        company.done("send-emails")
        if not left_of(company):
            return
    raise TimeoutError(f"{left_of(company)} emails were not sent")


def left_of(company: Company) -> int:
    """Return how many emails wait or are under way."""
    ended = "('sent', 'uncertain', 'failed')"
    return int(company.rows(f"SELECT count(*) FROM backorder_email_message WHERE state NOT IN {ended}")[0][0])


def _judge(company: Company, report: Report, mailbox: Mailbox, kind: str, mails: int, *, most_uncertain: int) -> None:
    states = Counter(row[0] for row in company.rows("SELECT state FROM backorder_email_message"))
    sent = {row[0] for row in company.rows("SELECT recipient FROM backorder_email_message WHERE state = 'sent'")}
    twice = [name for name, number in mailbox.message_ids.items() if number > 1]
    lost = sent - set(mailbox.recipients)
    for name, found in (("mails", mails), ("mails sent twice", len(twice)), ("mails lost", len(lost)),
                        ("mails uncertain", states["uncertain"])):  # fmt: skip
        report.count(name, found)
    report.note(f"{kind}: {dict(states)}, arrived {mailbox.message_ids.total()}")
    if twice or lost:
        report.fail(f"{kind}: sent twice {twice[:5]}, lost {sorted(lost)[:5]}")
    if set(states) - {"sent", "uncertain"} or states.total() != mails:
        report.fail(f"{kind}: the emails are {dict(states)}")
    if states["uncertain"] > most_uncertain:
        report.fail(f"{kind}: {states['uncertain']} emails are uncertain, after at most {most_uncertain} causes")
