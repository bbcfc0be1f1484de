"""Behind proxies: whom a request comes from, and pages below a path prefix."""

import re

import pytest
from sqlalchemy import select

from erp import proxies
from erp.db import db
from erp.errors import ConfigError
from erp.sign_in_models import SignInAttempt
from tests.conftest import browser_of
from tests.core.addresses import lists
from tests.support.backorder_email import allocate_all, make_supply

ATTRIBUTES = re.compile(r'(?:src|href|action|data-href|data-url|data-address)="([^"]*)"')


@pytest.fixture
def stand_behind(app, monkeypatch):
    """Return a function that puts proxies before the application."""

    def put(count):
        environment = {"ERP_TRUSTED_PROXIES": str(count)}
        monkeypatch.setattr(app, "wsgi_app", proxies.behind(app.wsgi_app, proxies.trusted_proxies(environment)))

    return put


def places_of_attempts(app, session, **headers):
    """Return the places that a failed sign-in with these headers is counted for."""
    app.test_client().post("/login", data={"username": "x", "password": "y"}, headers=headers)
    keys = session.scalars(select(SignInAttempt.key))
    return {key.removeprefix("place ") for key in keys if key.startswith("place ")}


FORGED = {"X-Forwarded-For": "6.6.6.6, 7.7.7.7"}


def test_forwarded_headers_are_ignored_without_a_proxy(app, session):
    assert places_of_attempts(app, session, **FORGED) == {"127.0.0.1"}


def test_only_what_the_trusted_proxies_said_counts(app, session, stand_behind):
    stand_behind(1)
    assert places_of_attempts(app, session, **FORGED) == {"7.7.7.7"}


def test_two_proxies_are_looked_through(app, session, stand_behind):
    stand_behind(2)
    assert places_of_attempts(app, session, **FORGED) == {"6.6.6.6"}


@pytest.mark.parametrize("text", ["-1", "ten", "10", "1.5", "127.0.0.1"])
def test_what_is_no_small_number_is_refused(text):
    with pytest.raises(ConfigError, match="ERP_TRUSTED_PROXIES is .* 0 to 9, is allowed"):
        proxies.trusted_proxies({"ERP_TRUSTED_PROXIES": text})


def test_no_number_is_no_proxy():
    assert proxies.trusted_proxies({}) == proxies.trusted_proxies({"ERP_TRUSTED_PROXIES": ""}) == 0


def test_every_address_on_every_page_is_below_the_prefix(app, session, stand_behind):
    allocate_all(make_supply(session, orders=2))
    stand_behind(1)
    client = browser_of(app, "Administrator")
    paths = ["/", "/password", "/sales/orders/1/", "/procurement/purchase-orders/1/", "/inventory/products/1/"]
    paths += [f"/settings/{name}/" for name in ("modules", "options", "jobs", "import", "export")] + ["/nothing/"]
    for path in [*paths, *(path for path, _ in lists(app))]:
        answer = client.get(path, headers={"X-Forwarded-Prefix": "/erp"})
        found = ATTRIBUTES.findall(answer.text)
        assert found, path
        outside = [each for each in found if each.startswith("/") and not re.match(r"/erp(/|$)", each)]
        assert outside == [], path
        assert not re.search(r'"/(?!erp/)[a-z]+/', "".join(re.findall(r"<script.*?</script>", answer.text, flags=re.S)))
        assert "'self'" in answer.headers["Content-Security-Policy"]


def test_redirects_and_cookies_stay_below_the_prefix(app, stand_behind):
    stand_behind(1)
    below = {"X-Forwarded-Prefix": "/erp", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "book.example"}
    visitor = app.test_client()
    assert (
        visitor.get("/sales/orders/?search=a", headers=below).location
        == "/erp/login?next=/erp/sales/orders/?search%3Da"
    )
    answer = browser_of(app, "Administrator").post("/logout", headers=below)
    assert answer.location == "/erp/login"
    assert "Path=/erp" in answer.headers["Set-Cookie"]
    assert "Secure" in answer.headers["Set-Cookie"]


@pytest.mark.parametrize("prefix", ["//evil.example", "/a b", "/<x>", "https://evil.example", "erp", "/a//b"])
def test_a_prefix_that_could_lead_elsewhere_is_dropped(app, stand_behind, prefix):
    stand_behind(1)
    answer = app.test_client().get("/", headers={"X-Forwarded-Prefix": prefix})
    assert answer.location == "/login"
    db.session.rollback()
