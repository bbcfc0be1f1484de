"""`python -m bench emails`: the queue against a plain smtplib loop over one connection to the same server.

The peer is that loop as anyone would write it: for each message, from its address, subject and text, an EmailMessage
and `send_message`. The queue does the same, and writes its send log. The floor is what no queue can beat: `sendmail` of
bytes that were prepared before the clock started.
"""

from __future__ import annotations

import argparse
import json
import smtplib
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from pathlib import Path

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from bench import databases
from bench.memory import peak_megabytes
from erp import events, migrations
from erp.app import create_app
from erp.db import Model, bulk_insert, commit, db
from erp.models import RunKind
from erp.registry import current_registry

SERVER = """
import asyncio
from aiosmtpd.smtp import SMTP

class Taking:
    async def handle_DATA(self, server, session, envelope):
        return "250 taken"

async def main():
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(Taking(), hostname="bench"), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()

asyncio.run(main())
"""
BODY = (
    "Hello {{ customer.name }},\n\n"
    "your order {{ order.number }} of {{ order.ordered_at|date('%d %B %Y') }} is on its way:\n\n"
    "{% for line in lines %}- {{ line.quantity }} {{ line.unit }} {{ line.name }} ({{ line.sku }}), "
    "promised for {{ line.promise_date or 'soon' }}\n{% endfor %}\nKind regards\n{{ company.name }}\n"
)
SLICES = 10

Mail = tuple[str, str, str]


def main(arguments: Sequence[str]) -> None:
    """Measure and print messages per second of the queue, the peer and the floor, the ratios and peak memory."""
    parser = argparse.ArgumentParser(
        prog="python -m bench emails",
        description="The queue against a plain smtplib loop over one connection to the same server.",
    )
    parser.add_argument("--db", choices=sorted(databases.KINDS), default="sqlite")
    parser.add_argument("--size", type=int, default=10_000)
    parser.add_argument("--run", nargs=2, metavar=("URL", "PORT"), help=argparse.SUPPRESS)
    chosen = parser.parse_args(arguments)
    if chosen.run:
        _serve(*chosen.run)
        return
    with tempfile.TemporaryDirectory() as folder:
        bench = databases.KINDS[chosen.db](Path(folder))
        try:
            _measure(bench, chosen.db, chosen.size)
        finally:
            bench.stop()


def _measure(bench: databases.SqliteBench | databases.PostgresBench, kind: str, count: int) -> None:
    bench.create("queue")
    composing = _prepare(bench.url("queue"), count)
    messages = _messages(bench.url("queue"))
    peer = floor = queue = 0.0
    megabytes: list[float] = []
    with _server() as port, _Queue(bench.url("queue"), port) as worker, smtplib.SMTP("127.0.0.1", port) as connection:
        # In turns, so that other work of the machine slows all three alike.
        for part in _slices(messages):
            peer += _seconds(lambda part=part: _send_building(connection, part))
            queue += worker.send(len(part))
            data = [(to, _mail(to, subject, text).as_bytes()) for to, subject, text in part]
            floor += _seconds(lambda data=data: _send_ready(connection, data))
            megabytes.append(worker.megabytes)
    print(f"{kind}, {count:,} messages")
    print(f"composing   {composing:8.2f} s  {count / composing:10,.0f} messages/s")
    print(f"queue       {queue:8.2f} s  {count / queue:10,.0f} messages/s")
    print(f"peer        {peer:8.2f} s  {count / peer:10,.0f} messages/s  (EmailMessage and send_message)")
    print(f"floor       {floor:8.2f} s  {count / floor:10,.0f} messages/s  (ready bytes and sendmail)")
    print(f"ratio       {peer / queue:8.2f}  (to the peer; {floor / queue:.2f} to the floor)")
    print(f"peak memory {megabytes[-1]:8.0f} MB, after a tenth of the messages {megabytes[0]:.0f} MB")


def _slices(messages: Sequence[Mail]) -> Iterator[Sequence[Mail]]:
    size = -(-len(messages) // SLICES)
    for start in range(0, len(messages), size):
        yield messages[start : start + size]


def _seconds(work: Callable[[], None]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


@contextmanager
def _server() -> Iterator[int]:
    process = subprocess.Popen([sys.executable, "-c", SERVER], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield int(process.stdout.readline())
    finally:
        process.kill()
        process.wait()


def _prepare(url: str, count: int) -> float:
    """Make a company in which one status sends `count` emails; return the seconds that composing took."""
    app = create_app(database_url=url, environment={})
    with app.app_context():
        migrations.install_core()
        for name in current_registry().modules:
            migrations.install(name)
        commit(lambda session: _write(session, count))
        began = time.perf_counter()
        with events.run(RunKind.command, "bench"):
            commit(_announce)
        seconds = time.perf_counter() - began
        db.session.remove()
        db.engine.dispose()
    return seconds


def _write(session: Session, count: int) -> None:
    now, day, unit = datetime(2026, 11, 1, tzinfo=UTC).replace(tzinfo=None), date(2026, 12, 1), 10_000
    numbers = range(1, count + 1)
    contact, nowhere = "id code name email street postcode city region country row_version", [""] * 5
    tables: dict[str, tuple[str, list[tuple[object, ...]]]] = {
        "inventory_lots_product": (
            "id sku name unit unit_decimals tracking is_active row_version",
            [(1, "LAMP", "Desk lamp", "pcs", 0, "lot", True, 1)],
        ),
        "procurement_supplier": (contact, [(1, "S1", "Supplier", "", *nowhere, 1)]),
        "procurement_purchase_line_status": ("id name position is_default", [(1, "Shipped", 1, False)]),
        "procurement_purchase_order": (
            "id number supplier_id ordered_on state note row_version",
            [(1, "PO1", 1, day, "ordered", "", 1)],
        ),
        "procurement_purchase_order_line": (
            "id order_id position product_id quantity received cancelled allocated expected_on status_id",
            [(1, 1, 1, 1, count * unit, 0, 0, count * unit, day, 1)],
        ),
        "sales_customer": (
            contact,
            [(i, f"C{i}", f"Customer {i}", f"buyer{i}@customers.example", *nowhere, 1) for i in numbers],
        ),
        "sales_order": (
            "id number customer_id ordered_at priority shipping_policy state note row_version",
            [(i, f"SO{i:06d}", i, now, 0, "partial", "confirmed", "", 1) for i in numbers],
        ),
        "sales_order_line": (
            "id order_id position product_id quantity packed cancelled allocated incoming last_incoming_on "
            "promise_date is_promise_pinned is_preorder hold_allocation",
            [(i, i, 1, 1, unit, 0, 0, 0, unit, day, day, False, False, False) for i in numbers],
        ),
        "erp_run": ("id kind name user_name started_at", [(1, "command", "bench", "", now)]),
        "preorder_purchase_allocation": (
            "id line_id purchase_line_id quantity received source run_id created_at user_name",
            [(i, i, 1, unit, 0, "automatic", 1, now, "") for i in numbers],
        ),
        "backorder_email_template": (
            "id name kind subject body html row_version",
            [(1, "On its way", "", "Your order {{ order.number }} is on its way", BODY, "", 1)],
        ),
        "backorder_email_status_template": ("status_id template_id", [(1, 1)]),
    }
    for name, (columns, rows) in tables.items():
        bulk_insert(session, Model.metadata.tables[name], columns.split(), rows)
    if session.get_bind().dialect.name == "postgresql":
        session.execute(select(func.setval("erp_run_id_seq", 10)))


def _announce(session: Session) -> None:
    from modules.backorder_email.services import write_allocation_news
    from modules.preorder.events import PurchaseAllocated
    from modules.preorder.models import PurchaseAllocation

    write_allocation_news(session, PurchaseAllocated(tuple(session.scalars(select(PurchaseAllocation.id)))))


class _Queue:
    """A worker in a process of its own, so that its memory can be measured."""

    def __init__(self, url: str, port: int) -> None:
        command = [sys.executable, "-m", "bench", "emails", "--run", url, str(port)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.megabytes = 0.0

    def send(self, count: int) -> float:
        """Send so many messages; return the seconds it took."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{count}\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise SystemExit("the worker has failed")
        measured = json.loads(answer)
        if measured["sent"] != count:
            raise SystemExit(f"{measured['sent']} of {count} messages were sent")
        self.megabytes = measured["megabytes"]
        return float(measured["seconds"])

    def __enter__(self) -> _Queue:
        return self

    def __exit__(self, *_error: object) -> None:
        self._process.kill()
        self._process.communicate()


def _serve(url: str, port: str) -> None:
    """For each line of stdin, send as many messages as it says."""
    from erp.deliveries import Ending
    from modules.backorder_email.delivery import send_pending

    options = {"TRANSPORT": "smtp", "HOST": "127.0.0.1", "PORT": port}
    app = create_app(
        database_url=url, environment={f"ERP_BACKORDER_EMAIL__{name}": value for name, value in options.items()}
    )
    with app.app_context():
        db.session.connection()
        db.session.rollback()
        for line in sys.stdin:
            began = time.perf_counter()
            summary = send_pending(limit=int(line))
            seconds = time.perf_counter() - began
            measured = {"seconds": seconds, "megabytes": peak_megabytes(), "sent": summary.endings[Ending.sent]}
            print(json.dumps(measured), flush=True)


def _messages(url: str) -> Sequence[Mail]:
    """Return the messages that the queue will send."""
    from modules.backorder_email.models import Message

    app = create_app(database_url=url, environment={})
    with app.app_context():
        columns = (Message.recipient, Message.subject, Message.text)
        messages = [(row[0], row[1], row[2]) for row in db.session.execute(select(*columns).order_by(Message.id))]
        db.session.remove()
        db.engine.dispose()
    return messages


def _send_building(connection: smtplib.SMTP, messages: Sequence[Mail]) -> None:
    for to, subject, text in messages:
        connection.send_message(_mail(to, subject, text))


def _send_ready(connection: smtplib.SMTP, messages: Sequence[tuple[str, bytes]]) -> None:
    for to, data in messages:
        connection.sendmail("erp@localhost", to, data)


def _mail(to: str, subject: str, text: str) -> EmailMessage:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "erp@localhost", to, subject
    mail["Date"], mail["Message-ID"] = format_datetime(datetime.now(UTC)), make_msgid(domain="localhost")
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(text)
    return mail
