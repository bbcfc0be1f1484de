"""An anonymous attacker behind nginx, with forged headers: others on other addresses sign in and work meanwhile."""

from __future__ import annotations

import getpass
import itertools
import os
import re
import sys
import threading
import time
from collections import Counter
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from sqlalchemy import func, select

from erp import security
from erp.db import db
from erp.sign_in_models import SignInAttempt
from modules.sales.models import Order
from modules.sales.states import OrderState
from tests.conftest import make_app
from tests.support import databases, programs
from tests.support.inventory_lots import make_product, make_stock
from tests.support.sales import make_draft

pytestmark = pytest.mark.real_clock

SECONDS = float(os.environ.get("ERP_TEST_ATTACK_SECONDS", "4"))  # 120 shows what docs/administrator.md promises
RATE = 50
ATTACKERS = 5
PASSWORD = "a-password-for-tests"
TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')
DEPLOYED = Path(__file__).parents[2] / "deploy" / "nginx.conf"
NGINX = """
{user}
daemon off;
pid {folder}/nginx.pid;
error_log stderr warn;
events {{ worker_connections 500; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/f;
    uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
    upstream erp {{ server 127.0.0.1:{behind}; keepalive 16; }}
    server {{
        listen 127.0.0.1:{port};
        client_max_body_size 100m;
        {location}
    }}
}}
"""


@pytest.fixture(params=["sqlite", "postgres"])
def company(request, all_databases, worker_name, tmp_path):
    """An application with orders to serve, an administrator and a clerk with passwords, and its address."""
    template = databases.TEMPLATES[request.param](all_databases.shared, all_databases.install)
    url = template.copy(tmp_path, f"attacked_{worker_name}")
    app = make_app(url, tmp_path)
    with app.app_context():
        session = db.session()
        security.set_password(session, security.find_user(session, "admin"), PASSWORD)
        security.add_user(session, "clerk", PASSWORD, roles=["Sales clerk"], must_change=False)
        products = [make_product(session) for _ in range(400 if SECONDS > 60 else 20)]
        for product in products:
            make_stock(session, product, 1)
        orders = [make_draft(session, [(product, 1)]).id for product in products]
        session.commit()
        yield url, orders
        db.session.remove()
        db.engine.dispose()


@contextmanager
def served(url, folder):
    """Serve the company behind nginx, as deploy/nginx.conf does; give the port."""
    nginx = programs.program("nginx")
    location = re.search(r"location / \{.*?\n    \}", DEPLOYED.read_text(), re.S)[0]
    behind, port = programs.free_port(), programs.free_port()
    others = {name: value for name, value in os.environ.items() if not name.startswith("ERP_")}
    settings = {"ERP_DATABASE_URL": url, "ERP_INSTANCE": str(folder), "ERP_TRUSTED_PROXIES": "1"}
    command = [sys.executable, "-m", "erp", "serve", "--port", str(behind)]
    with programs.open_folder() as place:
        user = f"user {getpass.getuser()};" if os.geteuid() == 0 else ""
        (place / "nginx.conf").write_text(
            NGINX.format(folder=place, behind=behind, port=port, location=location, user=user)
        )
        with (
            programs.running(command, behind, place / "erp.log", env={**others, **settings}),
            programs.running([nginx, "-c", place / "nginx.conf"], port, place / "nginx.log"),
        ):
            yield port


class Visitor:
    """A browser on an address of its own."""

    def __init__(self, port, address):
        transport = httpx.HTTPTransport(local_address=address)
        self.client = httpx.Client(base_url=f"http://127.0.0.1:{port}", transport=transport, timeout=60)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.client.close()

    def token(self, path):
        return TOKEN.search(self.client.get(path).text)[1]

    def sign_in(self, name, password=PASSWORD, **more):
        form = {"username": name, "password": password, "csrf_token": self.token("/login")}
        return self.client.post("/login", data=form, **more).status_code


class Attack:
    """Wrong sign-ins from one address at a steady rate, each with another forged address."""

    def __init__(self, port):
        self.port, self.answers, self.over = port, Counter(), threading.Event()
        self.numbers = itertools.count()
        self.threads = [threading.Thread(target=self._attack) for _ in range(ATTACKERS)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        for thread in self.threads:
            thread.join()

    def _attack(self):
        with Visitor(self.port, "127.0.0.66") as visitor:
            token, due = visitor.token("/login"), time.monotonic()
            while not self.over.is_set():
                self.answers[self._try(visitor, token)] += 1
                due += ATTACKERS / RATE
                self.over.wait(max(0, due - time.monotonic()))

    def _try(self, visitor, token):
        number = next(self.numbers)
        forged = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
        headers = {
            "X-Forwarded-For": f"{forged}, 127.0.0.2",
            "X-Real-IP": forged,
            "Forwarded": f"for={forged}",
            "X-Forwarded-Host": "evil.example",
        }
        name = ("admin", "clerk", f"guess{number}")[number % 3]
        form = {"username": name, "password": f"wrong {number}", "csrf_token": token}
        return visitor.client.post("/login", data=form, headers=headers).status_code


def work_of_administrator(port, until):
    """Sign in from a browser that is not known, look around and sign out, until the time is over."""
    rounds = 0
    while rounds == 0 or time.monotonic() < until:
        with Visitor(port, "127.0.0.2") as admin:
            assert admin.sign_in("admin") == 302
            pages = [admin.client.get(path).status_code for path in ("/", "/settings/users/", "/settings/options/")]
            assert pages == [200, 200, 200]
            assert admin.client.post("/logout", data={"csrf_token": admin.token("/")}).status_code == 302
        rounds += 1
    return rounds


def work_of_clerk(port, until, orders):
    """Sign in once and confirm one order after the other, until the time is over."""
    served = []
    with Visitor(port, "127.0.0.3") as clerk:
        assert clerk.sign_in("clerk") == 302
        for id_ in orders:
            path = f"/sales/orders/{id_}/"
            answer = clerk.client.post(f"{path}confirm/", data={"csrf_token": clerk.token(path)})
            assert answer.status_code in (200, 302), answer.text
            served.append(id_)
            if time.monotonic() > until:
                break
    return served


def test_others_sign_in_and_work_while_an_attacker_guesses_passwords_with_forged_headers(company, tmp_path):
    url, orders = company
    results = {}
    with served(url, tmp_path) as port, Attack(port) as attack:
        programs.wait_until(lambda: attack.answers[429])
        until = time.monotonic() + SECONDS
        workers = [
            threading.Thread(target=lambda: results.update(admin=work_of_administrator(port, until))),
            threading.Thread(target=lambda: results.update(clerk=work_of_clerk(port, until, orders))),
        ]
        for each in workers:
            each.start()
        for each in workers:
            each.join()
        while time.monotonic() < until:
            time.sleep(0.1)
    print(f"attacker: {dict(attack.answers)}; sign-ins meanwhile: {results['admin']}; orders: {len(results['clerk'])}")
    assert set(attack.answers) <= {401, 429, 503} and attack.answers[429] > 0
    session = db.session()
    session.rollback()
    places = session.scalars(select(SignInAttempt.key).where(SignInAttempt.key.startswith("place ")).distinct())
    assert set(places) == {"place 127.0.0.66"}
    confirmed = select(func.count(Order.id)).where(Order.state != OrderState.draft)
    assert session.scalar(confirmed) == len(results["clerk"]) > 0
