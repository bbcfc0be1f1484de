"""`python -m bench emails`: the queue against a plain smtplib loop over one connection to the same server."""

from __future__ import annotations

import argparse
import json
import os
import resource
import smtplib
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from pathlib import Path

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from bench import databases
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
PLAIN = "plain loop, EmailMessage and send_message"
READY = "plain loop, ready bytes and sendmail"


def main(arguments: Sequence[str]) -> None:
    """Measure and print messages per second of the queue and of the plain loops, their ratios and peak memory."""
    parser = argparse.ArgumentParser(prog="python -m bench emails", description=__doc__)
    parser.add_argument("--db", choices=sorted(databases.KINDS), default="sqlite")
    parser.add_argument("--messages", type=int, default=10_000)
    parser.add_argument("--run", nargs=2, metavar=("URL", "PORT"), help=argparse.SUPPRESS)
    chosen = parser.parse_args(arguments)
    if chosen.run:
        print(json.dumps(_run(*chosen.run)))
        return
    with tempfile.TemporaryDirectory() as folder:
        bench = databases.KINDS[chosen.db](Path(folder))
        try:
            _measure(bench, chosen.db, chosen.messages)
        finally:
            bench.stop()


def _measure(bench: databases.SqliteBench | databases.PostgresBench, kind: str, count: int) -> None:
    bench.create("queue")
    composing = _prepare(bench.url("queue"), count)
    bench.create("small")
    _prepare(bench.url("small"), count // 10)
    with _server() as port:
        small = _apart(bench.url("small"), port)
        plain, ready = _plain_loops(bench.url("queue"), port)
        queue = _apart(bench.url("queue"), port)
    print(f"{kind}, {count:,} messages")
    print(f"composing   {composing:8.2f} s  {count / composing:10,.0f} messages/s")
    print(f"queue       {queue['seconds']:8.2f} s  {count / queue['seconds']:10,.0f} messages/s")
    for name, seconds in ((PLAIN, plain), (READY, ready)):
        print(f"loop        {seconds:8.2f} s  {count / seconds:10,.0f} messages/s  ({name})")
    print(f"ratio       {plain / queue['seconds']:8.2f}  ({PLAIN})")
    print(f"ratio       {ready / queue['seconds']:8.2f}  ({READY})")
    print(f"peak memory {queue['megabytes']:8.0f} MB, for a tenth of the messages {small['megabytes']:.0f} MB")


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
    """Make a company in which one status tells `count` customers; return the seconds that composing took."""
    app = create_app(database_url=url, environment={})
    with app.app_context():
        migrations.install_core()
        for name in current_registry().modules:
            migrations.install(name)
        commit(lambda session: _write(session, count))
        began = time.perf_counter()
        with events.run(RunKind.command, "bench"):
            commit(_link)
        seconds = time.perf_counter() - began
        db.session.remove()
        db.engine.dispose()
    return seconds


def _write(session: Session, count: int) -> None:
    now, day, unit = datetime(2026, 11, 1, tzinfo=UTC).replace(tzinfo=None), date(2026, 12, 1), 10_000
    numbers = range(1, count + 1)
    tables: dict[str, tuple[str, list[tuple[object, ...]]]] = {
        "inventory_lots_product": (
            "id sku name unit unit_decimals tracking is_active row_version",
            [(1, "LAMP", "Desk lamp", "pcs", 0, "lot", True, 1)],
        ),
        "procurement_supplier": ("id code name email row_version", [(1, "S1", "Supplier", "", 1)]),
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
            "id code name email row_version",
            [(i, f"C{i}", f"Customer {i}", f"buyer{i}@customers.example", 1) for i in numbers],
        ),
        "sales_order": (
            "id number customer_id ordered_at priority shipping_policy state note row_version",
            [(i, f"SO{i:06d}", i, now, 0, "partial", "confirmed", "", 1) for i in numbers],
        ),
        "sales_order_line": (
            "id order_id position product_id quantity packed cancelled allocated promise_date "
            "is_promise_pinned is_preorder hold_allocation",
            [(i, i, 1, 1, unit, 0, 0, 0, day, False, False, False) for i in numbers],
        ),
        "erp_run": ("id kind name user_name started_at", [(1, "command", "bench", "", now)]),
        "preorder_link": (
            "id line_id purchase_line_id quantity received how run_id created_at user_name",
            [(i, i, 1, unit, 0, "automatic", 1, now, "") for i in numbers],
        ),
        "backorder_email_template": (
            "id name subject body html row_version",
            [(1, "On its way", "Your order {{ order.number }} is on its way", BODY, "", 1)],
        ),
        "backorder_email_status_template": ("status_id template_id", [(1, 1)]),
    }
    for name, (columns, rows) in tables.items():
        bulk_insert(session, Model.metadata.tables[name], columns.split(), rows)
    if session.get_bind().dialect.name == "postgresql":
        session.execute(select(func.setval("erp_run_id_seq", 10)))


def _link(session: Session) -> None:
    from modules.backorder_email.services import tell_of_links
    from modules.preorder.models import Link

    tell_of_links(session, list(session.scalars(select(Link.id))))


def _apart(url: str, port: int) -> dict[str, float]:
    """Send all in a process of its own, whose memory is nobody else's."""
    command = [sys.executable, "-m", "bench", "emails", "--run", url, str(port)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    measured: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return measured


def _run(url: str, port: str) -> dict[str, float]:
    from modules.backorder_email.delivery import send_pending

    options = {"TRANSPORT": "smtp", "HOST": "127.0.0.1", "PORT": port}
    environment = {f"ERP_BACKORDER_EMAIL__{name}": value for name, value in options.items()}
    app = create_app(database_url=url, environment=environment | {"ERP_INSTANCE": os.devnull + ".d"})
    with app.app_context():
        db.session.connection()
        db.session.rollback()
        began = time.perf_counter()
        tally = send_pending()
        seconds = time.perf_counter() - began
    print(tally, file=sys.stderr)
    return {"seconds": seconds, "megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


def _plain_loops(url: str, port: int) -> tuple[float, float]:
    """Return the seconds that a plain loop takes for the same messages: building each, and with ready bytes."""
    from modules.backorder_email.models import Message

    app = create_app(database_url=url, environment={})
    with app.app_context():
        columns = (Message.recipient, Message.subject, Message.text)
        messages = [tuple(row) for row in db.session.execute(select(*columns).order_by(Message.id))]
        db.session.remove()
        db.engine.dispose()
    ready = [(to, _mail(to, subject, text).as_bytes()) for to, subject, text in messages]
    with smtplib.SMTP("127.0.0.1", port, "bench") as connection:
        began = time.perf_counter()
        for to, subject, text in messages:
            connection.send_message(_mail(to, subject, text))
        built = time.perf_counter() - began
        began = time.perf_counter()
        for to, data in ready:
            connection.sendmail("erp@localhost", to, data)
        return built, time.perf_counter() - began


def _mail(to: str, subject: str, text: str) -> EmailMessage:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "erp@localhost", to, subject
    mail["Date"], mail["Message-ID"] = format_datetime(datetime.now(UTC)), make_msgid(domain="localhost")
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(text)
    return mail
