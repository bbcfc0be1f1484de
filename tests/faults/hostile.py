"""Hostile input at every address, in every field, file and template: refused, or taken as text; never a failure."""

from __future__ import annotations

import io
import json
import logging
import random
import re
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import psycopg
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.routing import Rule

from erp import checks
from erp.app import create_app
from erp.db import db, reading
from erp.registry import current_registry
from tests.conftest import browser_of
from tests.core.addresses import OPEN
from tests.faults.company import Company
from tests.faults.report import Report
from tests.support.forms import _Forms
from tests.support.postgres import running

ROLES = ("Administrator", "Administrator", "Sales clerk", "Merchandiser", "Warehouse clerk", "Auditor", "")
ROUND = 400
SECRET = "HARBOUR"
LEAKS = ("Traceback (most recent", str(Path(__file__).parents[2]), "$argon2", "psycopg.errors", "sqlite3.")
TEXTS = (
    "", " ", "0", "-1", "1", "2", "007", "1e9", "1e309", "NaN", "-inf", "9" * 30, "0.00001", "1,5", "٣", "½", "0x10",
    "2026-02-30", "9999-12-31", "0000-00-00", "2026-11-23T25:61", "on", "true", "null", "None", "[]", "{}", "__None",
    "' OR 1=1 --", "\"; DROP TABLE sales_order; --", "%", "%s%n", "_", "\\", "../../etc/passwd", "file:///etc/passwd",
    "<script>alert(1)</script>", "javascript:alert(1)", "{{ 7*7 }}", "{% for i in range(10**9) %}x{% endfor %}",
    "{{ ''.__class__.__mro__ }}", "${7*7}", "=cmd|' /C calc'!A0", "@SUM(1)", "\r\nBcc: all@example.com", "a\0b",
    "\ud800", "\u202etxt", "\u200b", "𝕊" * 50, "ß" * 300, "x" * 70_000, "K\u0301" * 200, "\t\n", "SO00001", "PO00001/1",
    "LAMP-AURORA", "WH/STOCK", "admin", "sales.view", "2026-12-24", "10", "1000000001",
)  # fmt: skip
FILES = (
    b"", b"\xef\xbb\xbf", b"\xff\xfe\x00", b"\0" * 2000, b"PK\x03\x04" + b"\0" * 50, b"sku\n",
    b"sku,name\n" + b"x" * 90_000,
    b"sku,name,sku\nA,B,C\n", b'sku,name\n"A,B\n', b"sku;name\nA;B\n", b"number,customer,ordered_at,sku,quantity\n",
    b"sku,lot,location,quantity\nLAMP-AURORA,A-01,WH/STOCK,-5\n", b"\r\n" * 5000, b",".join([b"a"] * 5000),
    b"sku,name,unit\n=1+1,\xc3\x28,pcs\n", b"code,name,email\nX,Y,a@b@c\n", b"sep=;\nsku;name\nA;B",
    b"number,line,quantity,location\nPO00001,1,1e99,WH/STOCK\nPO00001,99,1,\xf0\x9f\x98\x80\n",
    b"name,subject,body\nT,{{ x,{% endfor %}\n", b"sku,name\n" + b"\n".join(b"H%d,%d" % (n, n) for n in range(3000)),
)  # fmt: skip
TEMPLATES = (
    "{{", "{% include '/etc/passwd' %}", "{{ lines.__class__ }}", "{{ self._TemplateReference__context }}",
    "{% for a in lines %}{% for b in lines %}{{ 'x' * 10**9 }}{% endfor %}{% endfor %}",
    "{{ cycler.__init__.__globals__ }}", "{{ order.number ** 99999999 }}", "{% set x = range(10**12) %}{{ x|list }}",
    "{{ (1).__class__.__base__.__subclasses__() }}",
    "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", "{{ customer.name|attr('__class__') }}", "\0", "{# " * 9000,
)  # fmt: skip


QUERY = ("search", "page", "sort", "desc", "page_size", "next", "flt0_0", "kind", "q", "id", "url", "state")


def without_halves(text: str) -> str:
    """Leave out halves of characters, which no browser can send in an address or a file."""
    return text.encode("utf-8", "ignore").decode()


class Kept(logging.Handler):
    """Keeps what the application logs as failures."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(logging.Formatter().format(record))


class Attacker:
    """Sends one hostile request after another."""

    def __init__(self, app: Flask, report: Report, chance: random.Random) -> None:
        self.app, self.report, self.chance = app, report, chance
        self.rules = [rule for rule in app.url_map.iter_rules() if not rule.endpoint.endswith("static")]
        self.log = Kept()
        logging.getLogger().addHandler(self.log)
        self.browsers: dict[str, FlaskClient] = {}

    def close(self) -> None:
        """Listen to the log no more."""
        logging.getLogger().removeHandler(self.log)

    def sign_in(self) -> None:
        """Give each role a browser."""
        with self.app.app_context():
            self.browsers = {role: browser_of(self.app, role) for role in set(ROLES) - {""}}
            db.session.remove()
        self.browsers[""] = self.app.test_client()

    def text(self) -> str:
        """Return a hostile value."""
        if self.chance.random() < 0.1:
            return "".join(chr(self.chance.randrange(1, 0x2FF)) for _ in range(self.chance.randrange(1, 40)))
        return self.chance.choice(TEXTS)

    def path(self, rule: Rule) -> str:
        """Return an address of a rule; numbers are mostly those of rows that there are."""
        parts = {}
        for name, converter in rule._converters.items():
            is_number = converter.__class__.__name__ == "IntegerConverter"
            number = self.chance.choice((1, 1, 2, 3, 5, 10**18, 2**63))
            parts[name] = number if is_number else self._name(name)
        _, path = rule.build(parts)
        return str(path)

    def _name(self, part: str) -> str:
        names = {"module_name": ("sales", "preorder", "erp"), "step_name": ("disable", "upgrade"),
                 "job_name": ("allocate-backorders", "check-invariants"), "kind_name": ("stock", "emails"),
                 "action": ("pause", "resume"), "name": ("confirm", "pack", "cancel", "allocate", "receive", "reverse",
                 "hold", "adjust", "send", "edit", "delete")}.get(part, ())  # fmt: skip
        known = self.chance.random() < 0.85 and names
        return self.chance.choice(names) if known else without_halves(self.text()[:200]).replace("/", "") or "x"

    def one(self) -> None:
        """Send one request, and judge its answer."""
        rule, role = self.chance.choice(self.rules), self.chance.choice(ROLES)
        browser, path = self.browsers[role], self.path(rule)
        method = self.chance.choice(sorted((rule.methods or {"GET"}) - {"OPTIONS", "HEAD"}))
        seen = len(self.log.texts)
        if method == "GET":
            names = [self.chance.choice((*QUERY, self.text()[:40])) for _ in range(self.chance.randrange(3))]
            query = {name: self.text()[:3000] for name in names}
            answer = browser.get(path, query_string=urlencode(query, errors="surrogatepass"))
        else:
            answer = self._post(browser, path)
        self.report.count("requests")
        self._judge(f"{method} {path[:120]} as {role or 'nobody'}", rule, role, answer, self.log.texts[seen:])

    def _post(self, browser: FlaskClient, path: str) -> Any:
        fields: dict[str, Any] = dict(self._fields(browser, path))
        for name in list(fields):
            if name != "csrf_token" and self.chance.random() < 0.5:
                fields[name] = self.chance.choice(TEMPLATES) if name in ("body", "subject", "html") else self.text()
        if self.chance.random() < 0.2:
            fields[self.text()[:50] or "x"] = self.text()
        if "file" in fields or "/import" in path:
            name = self.chance.choice(("a.csv", "../../a.csv", "\0.csv", "", "x" * 300))
            fields["file"] = (io.BytesIO(self.chance.choice(FILES)), name)
            fields["kind"] = self.chance.choice(("", "stock", "products", "sales_orders", "receipts", "nothing"))
            whole = {
                without_halves(key): value if key == "file" else without_halves(str(value))
                for key, value in fields.items()
            }
            return browser.post(path, data=whole, content_type="multipart/form-data")
        if self.chance.random() < 0.05:
            body = json.dumps(fields, default=str)
            return browser.post(path, data=body, content_type=self.chance.choice(("application/json", "text/xml", "x")))
        body = urlencode(fields, errors="surrogatepass")
        return browser.post(path, data=body, content_type="application/x-www-form-urlencoded")

    def _fields(self, browser: FlaskClient, path: str) -> Mapping[str, str]:
        """Return the fields of a form on the page, so that what is sent comes as far as the work."""
        answer = browser.get(path)
        self.report.count("requests")
        forms = _Forms()
        if answer.status_code == 200 and answer.mimetype == "text/html":
            forms.feed(answer.text)
        found: list[dict[str, str]] = [form["values"] for form in forms.forms if form["method"] == "post"]  # type: ignore[misc]
        return found[-1] if found else {"row_version": "1", "ids": "1", "value": "1", "why": "x", "pk": "1"}

    def _judge(self, what: str, rule: Rule, role: str, answer: Any, logged: list[str]) -> None:
        text = answer.get_data(as_text=True) if answer.status_code != 304 else ""
        if answer.status_code >= 500 and rule.endpoint != "ready":  # no worker runs here, and it says so
            sentence = re.sub(r"<style.*?</style>|<[^>]+>|\s+", " ", text, flags=re.S)[-200:]
            self.report.fail(f"{what}: {answer.status_code}{sentence} {''.join(logged)[-1200:]}")
        if found := [leak for leak in LEAKS if leak in text]:
            self.report.count("leaked")
            self.report.fail(f"{what}: the answer shows {found}")
        if not role and SECRET in text:
            self.report.count("leaked")
            self.report.fail(f"{what}: nobody sees a customer")
        if not role and answer.status_code == 200 and rule.endpoint not in OPEN | {"password"}:
            self.report.fail(f"{what}: nobody gets a page")


def run(folder: Path, report: Report, *, requests: int) -> None:
    """Attack an installation on each kind of database, at once."""
    with running(folder / "server", {"fsync": "off"}) as server:
        server.create("company")
        urls = {"sqlite": f"sqlite:///{folder}/company.sqlite", "postgres": server.url("company")}
        with ProcessPoolExecutor(len(urls), mp_context=get_context("spawn")) as pool:
            attacks = [
                pool.submit(_attack, str(folder / kind), url, server.url("postgres"), report.seed, requests // 2)
                for kind, url in urls.items()
            ]
            for attack in attacks:
                counted, failures = attack.result()
                report.counted.update(counted)
                report.failures.extend(failures)
    report.counted["leaked"] += 0


def _attack(folder: str, url: str, server: str, seed: int, requests: int) -> tuple[dict[str, int], list[str]]:
    """Attack one installation, in a process of its own; return what was counted and what failed."""
    company = Company(Path(folder), url)
    company.done("init", "--demo")
    report = Report(f"hostile {Path(folder).name}", seed)
    app = create_app(environment={**company.environment, "ERP_DATABASE_URL": _fresh(company, server)})
    app.config["WTF_CSRF_ENABLED"] = False
    attacker = Attacker(app, report, random.Random(f"{seed} {Path(folder).name}"))
    try:
        for _ in _rounds(app, lambda: _fresh(company, server), report, requests):
            attacker.sign_in()
            for _ in range(ROUND // 2):
                attacker.one()
    finally:
        attacker.close()
    return dict(report.counted), report.failures


def _fresh(company: Company, server: str) -> str:
    """Put the database that is attacked back as it was made; return its address."""
    if company.url.startswith("sqlite"):
        for path in company.folder.glob("work.sqlite*"):
            path.unlink()
        (company.folder / "work.sqlite").write_bytes(company.folder.with_name("company.sqlite").read_bytes())
        return f"sqlite:///{company.folder}/work.sqlite"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS work WITH (FORCE)")
        connection.execute("CREATE DATABASE work TEMPLATE company")
    return company.url.replace("/company", "/work")


def _rounds(app: Flask, fresh: Callable[[], str], report: Report, until: int) -> Iterator[int]:
    """Yield for each round, which begins with the company as it was; afterwards its books must be in order."""
    while report.counted["requests"] < until:
        with app.app_context():
            db.session.remove()
            db.engine.dispose()
            fresh()
            app.extensions["erp"].forget()
        yield report.counted["requests"]
        with app.app_context(), reading():
            current_registry().refresh()
            for breach in list(checks.breaches(db.session()))[:5]:
                report.fail(f"the books after a round: {breach}")
            db.session.remove()
            db.engine.dispose()
