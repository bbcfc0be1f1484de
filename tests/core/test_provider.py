"""Signing in at an OpenID Connect provider: who gets in, as whom, and what a provider that lies or is away can do."""

from __future__ import annotations

import hmac
import json
import subprocess
import sys
import threading
import time
from base64 import urlsafe_b64encode
from urllib.parse import parse_qsl, urlencode, urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey
from sqlalchemy import func, select
from werkzeug.serving import make_server

from erp import provider, security
from erp.app import create_app
from erp.db import db
from erp.errors import ConfigError
from erp.models import HistoryEntry, User
from erp.provider import Identity, NoAccount
from erp.sign_in_models import ProviderAccount
from tests.support import programs

pytestmark = pytest.mark.real_clock

CLIENT = "modular-erp"
SECRET = "a secret of the client"
CARLA = {"sub": "c-17", "email": "Carla@Example.com", "email_verified": True, "name": "Carla Diem"}
NEW = {
    "sub": "n-1",
    "email": "new@example.com",
    "email_verified": True,
    "preferred_username": "newcomer",
    "name": "New",
}
UNVERIFIED = {"sub": "u-1", "email": "carla@example.com", "email_verified": False}
VISITOR = {"sub": "v-1", "email": "visitor@example.com", "email_verified": True}


@pytest.fixture(scope="module")
def issuer(tmp_path_factory):
    """The address of a provider in a process of its own."""
    port = programs.free_port()
    command = [sys.executable, "-m", "oidc_provider_mock", "--port", str(port), "--require-nonce"]
    for identity in (CARLA, NEW, UNVERIFIED, VISITOR):
        command += ["--user-claims", json.dumps(identity)]
    log = tmp_path_factory.mktemp("provider") / "log"
    with programs.running(command, port, log):
        yield f"http://127.0.0.1:{port}"


@pytest.fixture(scope="module")
def sites():
    """The applications that tests have made: each test's database has the address of that of the test before."""
    return {}


@pytest.fixture
def make_site(app, sites, tmp_path):
    """Return a function that gives this test's database an application whose users sign in at a provider."""
    made = []

    def make(issuer, **options):
        url = db.engine.url.render_as_string(hide_password=False)
        key = (url, issuer, *sorted(options.items()))
        if key not in sites:
            sites[key] = new_site(url, issuer, options)
        site = sites[key]
        made.append(site)
        site.extensions["erp"].forget()
        if provider.EXTENSION in site.extensions:
            site.extensions[provider.EXTENSION].server_metadata.clear()
        return site

    def new_site(url, issuer, options):
        settings = {
            "ERP_INSTANCE": str(tmp_path),
            "ERP_ERP__OIDC_ISSUER": issuer,
            "ERP_ERP__OIDC_CLIENT_ID": CLIENT,
            provider.SECRET: SECRET,
            **{f"ERP_ERP__{name.upper()}": value for name, value in options.items()},
        }
        site = create_app(database_url=url, environment=settings, testing=True)
        site.config["WTF_CSRF_ENABLED"] = False
        return site

    yield make
    for site in made:
        with site.app_context():
            db.engine.dispose()


@pytest.fixture
def carla(session):
    """A clerk with an email address."""
    user = security.add_user(
        session, "carla", "correct horse battery", roles=["Sales clerk"], email="carla@example.com", must_change=True
    )
    session.commit()
    return user


class _Stay(HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


def back_from(address, subject):
    """Sign in at the provider as `subject`, or refuse to; return the path and query that it leads back to."""
    form = urlencode({"action": "deny"} if subject is None else {"sub": subject}).encode()
    try:
        build_opener(_Stay).open(Request(address, form))
    except OSError as redirect:
        target = urlsplit(redirect.headers["Location"])
        return f"{target.path}?{target.query}"
    raise AssertionError("the provider led nowhere")


def sign_in(browser, subject, wanted=None):
    """Sign in by way of the provider."""
    answer = browser.get("/login/provider", query_string={"next": wanted} if wanted else {})
    return browser.get(back_from(answer.location, subject))


def is_in(browser):
    return browser.get("/").status_code == 200


@pytest.mark.option("erp.oidc_label", "single sign-on")
def test_a_user_signs_in_at_the_provider_and_gets_the_page_they_asked_for(make_site, issuer, carla, session):
    browser = make_site(issuer).test_client()
    assert "Sign in with single sign-on" in browser.get("/login").text
    asked = dict(parse_qsl(urlsplit(browser.get("/login/provider").location).query))
    assert {"state", "nonce", "code_challenge"} <= asked.keys() and asked["code_challenge_method"] == "S256"
    assert asked["redirect_uri"] == "http://localhost/login/provider/answer"
    answer = sign_in(browser, CARLA["sub"], "/sales/orders/?search=a")
    assert answer.location == "/sales/orders/?search=a"
    assert browser.get(answer.location).status_code == 200  # the password, which is to be changed, is not asked for
    assert session.scalars(select(ProviderAccount.subject)).all() == ["c-17"]


@pytest.mark.option("erp.oidc_issuer", "https://id.example.com")
@pytest.mark.option("erp.oidc_client_id", "modular-erp")
def test_with_an_issuer_there_is_a_way_to_it(make_site):
    with make_site("https://id.example.com").app_context():
        assert provider.is_on()


@pytest.mark.option("erp.oidc_issuer", "")
@pytest.mark.option("erp.oidc_client_id", "")
def test_without_one_there_is_none(app):
    assert not provider.is_on()
    assert app.test_client().get("/login/provider").status_code == 404
    assert "/login/provider" not in app.test_client().get("/login").text


def test_after_the_first_time_an_account_is_found_by_what_the_provider_calls_it(make_site, issuer, carla, session):
    site = make_site(issuer)
    assert sign_in(site.test_client(), CARLA["sub"]).status_code == 302
    session.get(User, carla.id).email = "married@example.com"
    session.commit()
    browser = site.test_client()
    assert sign_in(browser, CARLA["sub"]).status_code == 302 and is_in(browser)


@pytest.mark.option("erp.oidc_create", "no")
def test_who_has_no_account_does_not_get_in(make_site, issuer, carla, session):
    browser = make_site(issuer).test_client()
    answer = sign_in(browser, VISITOR["sub"])
    assert answer.status_code == 401
    assert "Nobody here has the address visitor@example.com. Ask an administrator." in answer.text
    assert not is_in(browser)
    assert session.scalar(select(func.count()).select_from(ProviderAccount)) == 0


@pytest.mark.option("erp.oidc_create", "yes")
@pytest.mark.option("erp.oidc_roles", "Auditor, Sales clerk")
def test_users_are_made_with_the_roles_that_the_options_name(make_site, issuer, session):
    site = make_site(issuer, oidc_create="yes", oidc_roles="Auditor, Sales clerk")
    browser = site.test_client()
    assert sign_in(browser, NEW["sub"]).status_code == 302 and is_in(browser)
    user = session.scalars(select(User).where(User.username == "newcomer")).one()
    assert (user.name, user.email) == ("New", "new@example.com")
    assert [role.name for role in user.roles] == ["Auditor", "Sales clerk"]
    session.rollback()  # on SQLite it keeps other writers waiting
    assert sign_in(site.test_client(), NEW["sub"]).status_code == 302
    assert session.scalar(select(func.count(User.id))) == 2


@pytest.mark.option("erp.oidc_roles", "Sales clark")
def test_nobody_is_made_with_a_role_that_there_is_not_or_with_anothers_name(make_site, issuer, session):
    answer = sign_in(make_site(issuer, oidc_create="yes", oidc_roles="Sales clark").test_client(), NEW["sub"])
    assert answer.status_code == 401 and "There is no role" in answer.text
    security.add_user(session, "newcomer", "correct horse battery")
    session.commit()
    answer = sign_in(make_site(issuer, oidc_create="yes").test_client(), NEW["sub"])
    assert answer.status_code == 401 and "There is another user" in answer.text
    assert session.scalar(select(func.count(User.id))) == 2


@pytest.mark.option("erp.oidc_unverified_email", "no")
def test_an_address_that_is_not_verified_opens_no_account(make_site, issuer, carla):
    answer = sign_in(make_site(issuer).test_client(), UNVERIFIED["sub"])
    assert answer.status_code == 401 and "has not verified your email address" in answer.text


@pytest.mark.option("erp.oidc_unverified_email", "yes")
def test_it_does_where_an_option_says_so(make_site, issuer, carla):
    browser = make_site(issuer, oidc_unverified_email="yes").test_client()
    assert sign_in(browser, UNVERIFIED["sub"]).status_code == 302 and is_in(browser)


def identity(**more):
    about = {"issuer": "https://i", "subject": "1", "email": "carla@example.com", "is_verified": True}
    return Identity(**{**about, "name": "", "username": "carla2", **more})


def test_an_address_that_was_given_to_somebody_else_or_that_two_have_opens_no_account(carla, session):
    assert provider.account_of(identity()).username == "carla"
    with pytest.raises(NoAccount, match="signs in with another account"):
        provider.account_of(identity(subject="2"))
    security.add_user(session, "double", "correct horse battery", email="carla@example.com")
    session.commit()
    with pytest.raises(NoAccount, match="Several users"):
        provider.account_of(identity(subject="3"))
    assert provider.account_of(identity()).username == "carla"
    with pytest.raises(NoAccount, match="no email address"):
        provider.account_of(identity(subject="4", email=""))


def test_a_user_who_is_kept_out_does_not_get_in_and_after_forgetting_the_address_counts_again(carla, session):
    provider.account_of(identity())
    provider.forget(session, session.get(User, carla.id))
    session.commit()
    assert provider.account_of(identity(subject="2")).username == "carla"
    security.set_active(session, session.get(User, carla.id), False)
    session.commit()
    with pytest.raises(NoAccount, match="deactivated"):
        provider.account_of(identity(subject="2"))
    actions = session.scalars(select(HistoryEntry.new_value).where(HistoryEntry.action == "sign-in service"))
    assert list(actions) == ["bound to 1 at https://i", "forgotten", "bound to 2 at https://i"]


def test_of_two_first_sign_ins_at_once_both_get_the_same_account(app, session, set_option):
    set_option("erp.oidc_create", "yes")
    found, start = [], threading.Barrier(2)

    def work():
        with app.app_context():
            start.wait()
            found.append(provider.account_of(identity(email="")).id)

    session.commit()
    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 2 and len(set(found)) == 1


@pytest.mark.option("erp.oidc_label", "Example ID")
def test_signing_out_ends_the_session_here_and_says_that_the_provider_may_still_know_the_user(make_site, issuer, carla):
    browser = make_site(issuer, oidc_label="Example ID").test_client()
    sign_in(browser, CARLA["sub"])
    browser.post("/logout")
    assert not is_in(browser)
    assert "At Example ID you may still be signed in" in browser.get("/login").text


def test_who_refuses_at_the_provider_and_who_forges_or_repeats_an_answer_does_not_get_in(make_site, issuer, carla):
    site = make_site(issuer)
    browser = site.test_client()
    answer = sign_in(browser, None)
    assert answer.status_code == 401 and "did not let you in" in answer.text
    back = back_from(browser.get("/login/provider").location, CARLA["sub"])
    assert site.test_client().get(back).status_code == 401  # another browser
    assert browser.get("/login/provider/answer?code=x&state=y").status_code == 401
    assert browser.get("/login/provider/answer?error=x&error_description=Send+money").text.count("Send money") == 0
    assert browser.get(back).status_code == 302
    browser.post("/logout")
    assert browser.get(back).status_code == 401  # the same answer again
    assert not is_in(browser)


@pytest.mark.parametrize("target", ["//evil.example/", "https://evil.example/", "/\\evil.example", "/a\nb"])
def test_coming_back_leads_nowhere_else(make_site, issuer, carla, target):
    assert sign_in(make_site(issuer).test_client(), CARLA["sub"], target).location == "/work/"


def test_many_sign_ins_that_were_begun_leave_the_cookie_small(make_site, issuer):
    browser = make_site(issuer).test_client()
    for _ in range(5):
        answer = browser.get("/login/provider")
    assert len(answer.headers["Set-Cookie"]) < 2000


class Liar:
    """A provider that answers whatever a test tells it to."""

    def __init__(self):
        self.honest()
        self.key, self.other = RSAKey.generate_key(2048, {"kid": "k"}), RSAKey.generate_key(2048, {"kid": "k"})
        self.server = make_server("127.0.0.1", 0, self, threaded=True)
        self.issuer = f"http://127.0.0.1:{self.server.server_port}"

    def honest(self):
        """Let it tell the truth."""
        self.signing, self.header = None, {"alg": "RS256", "kid": "k"}
        self.metadata, self.said, self.answers, self.wait = {}, {}, {}, 0

    def __call__(self, environ, start_response):
        time.sleep(self.wait)
        path = environ["PATH_INFO"]
        answer = self.answers.get(path) or json.dumps(self.usual(path)).encode()
        start_response("200 OK", [("Content-Type", "application/json")])
        return [answer]

    def usual(self, path):
        if path == "/jwks":
            return {"keys": [self.key.as_dict(private=False)]}
        if path == "/token":
            return {"access_token": "a", "token_type": "Bearer", "id_token": self.token()}
        places = {"authorization_endpoint": "/go", "token_endpoint": "/token", "jwks_uri": "/jwks"}
        known = {name: self.issuer + place for name, place in places.items()}
        return {"issuer": self.issuer, **known, **self.metadata}

    def token(self):
        now = int(time.time())
        usual = {"iss": self.issuer, "aud": CLIENT, "iat": now, "exp": now + 60, "nonce": self.nonce, **CARLA}
        said = {name: value for name, value in {**usual, **self.said}.items() if value is not None}
        if self.header["alg"] == "none":
            return f"{_base64(self.header)}.{_base64(said)}."
        if self.header["alg"] == "HS256":
            signed = f"{_base64(self.header)}.{_base64(said)}"
            key = self.key.as_pem(private=False)
            return f"{signed}.{_base64(hmac.digest(key, signed.encode(), 'sha256'))}"
        return jwt.encode(self.header, said, self.signing or self.key)


def _base64(said):
    content = said if isinstance(said, bytes) else json.dumps(said).encode()
    return urlsafe_b64encode(content).decode().rstrip("=")


@pytest.fixture
def liar(one_liar):
    """A provider in a thread, which tells the truth until a test changes that."""
    one_liar.honest()
    return one_liar


@pytest.fixture(scope="module")
def one_liar():
    """A provider in a thread."""
    one = Liar()
    thread = threading.Thread(target=one.server.serve_forever)
    thread.start()
    yield one
    one.server.shutdown()
    thread.join()
    one.server.server_close()


def come_back_from(liar, browser):
    """Begin to sign in, and come back with what the liar says."""
    begun = browser.get("/login/provider")
    if begun.status_code != 302:
        return begun
    asked = dict(parse_qsl(urlsplit(begun.location).query))
    liar.nonce = asked["nonce"]
    return browser.get("/login/provider/answer", query_string={"code": "c", "state": asked["state"]})


def test_a_provider_that_speaks_the_truth_is_believed_with_clocks_two_minutes_apart(make_site, liar, carla):
    now = int(time.time())
    liar.said = {"iat": now + 100, "exp": now - 100}
    assert come_back_from(liar, make_site(liar.issuer).test_client()).status_code == 302


LIES = {
    "another nonce": {"said": {"nonce": "another"}},
    "no nonce": {"said": {"nonce": None}},
    "another audience": {"said": {"aud": "another"}},
    "another issuer": {"said": {"iss": "https://evil.example"}},
    "long over": {"said": {"exp": 1}},
    "of the future": {"said": {"iat": 99999999999}},
    "no subject": {"said": {"sub": None}},
    "a subject that is a list": {"said": {"sub": ["c-17"]}},
    "no signature": {"header": {"alg": "none"}, "metadata": {"id_token_signing_alg_values_supported": ["none"]}},
    "the public key as a secret": {
        "header": {"alg": "HS256", "kid": "k"},
        "metadata": {"id_token_signing_alg_values_supported": ["HS256"]},
    },
    "another name of its own": {"metadata": {"issuer": "https://evil.example"}},
    "a script to sign in at": {"metadata": {"authorization_endpoint": "javascript:alert(1)"}},
    "no token": {"answers": {"/token": b'{"access_token": "a", "token_type": "Bearer"}'}},
    "a token that is none": {"answers": {"/token": b'{"id_token": 5, "access_token": "a", "token_type": "Bearer"}'}},
    "words": {"answers": {"/token": b"<html>"}},
    "keys that are none": {"answers": {"/jwks": b"[]"}},
    "a list about itself": {"answers": {"/.well-known/openid-configuration": b"[1]"}},
}


@pytest.mark.parametrize("app", ["sqlite"], indirect=True)  # no lie gets as far as a database
@pytest.mark.parametrize("lie", LIES)
def test_a_provider_that_lies_lets_nobody_in(make_site, liar, carla, lie):
    for name, value in LIES[lie].items():
        setattr(liar, name, value)
    browser = make_site(liar.issuer).test_client()
    answer = come_back_from(liar, browser)
    assert answer.status_code in (401, 503)
    assert "Traceback" not in answer.text and 'role="alert"' in answer.text
    assert not is_in(browser)


def test_somebody_elses_signature_lets_nobody_in(make_site, liar, carla):
    liar.signing = liar.other
    browser = make_site(liar.issuer).test_client()
    assert come_back_from(liar, browser).status_code == 401
    assert not is_in(browser)


def test_an_address_is_asked_for_where_the_token_has_none_and_is_of_the_same_user(make_site, liar, carla):
    liar.metadata = {"userinfo_endpoint": f"{liar.issuer}/who"}
    liar.said = {"email": None, "email_verified": None}
    liar.answers = {"/who": json.dumps({**CARLA, "sub": "somebody else"}).encode()}
    site = make_site(liar.issuer)
    assert come_back_from(liar, site.test_client()).status_code == 401
    liar.answers = {"/who": json.dumps(CARLA).encode()}
    assert come_back_from(liar, site.test_client()).status_code == 302


def test_a_provider_that_is_away_or_slow_keeps_nobody_out_who_has_a_password(make_site, liar, carla, monkeypatch):
    monkeypatch.setattr(provider, "TIMEOUT_SECONDS", 0.5)
    for issuer in (f"http://127.0.0.1:{programs.free_port()}", liar.issuer):
        liar.wait = 1
        browser = make_site(issuer, oidc_label="slow").test_client()
        answer = browser.get("/login/provider")
        assert answer.status_code == 503 and "does not answer" in answer.text
        form = {"username": "carla", "password": "correct horse battery"}
        assert browser.post("/login", data=form).status_code == 302
    liar.wait = 0
    assert come_back_from(liar, make_site(liar.issuer).test_client()).status_code == 302


def test_refusals_are_in_the_log_of_access_and_the_reason_in_that_of_the_program(make_site, liar, carla, caplog):
    caplog.set_level("INFO", "erp.access")
    liar.said = {"nonce": "another"}
    come_back_from(liar, make_site(liar.issuer).test_client())
    said = [record.getMessage() for record in caplog.records]
    assert "sign-in refused from 127.0.0.1 (sign-in service) as ''" in said
    assert any("nonce" in line and "OpenID Connect" in line for line in said)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"ERP_ERP__OIDC_ISSUER": "http://id.example.com", "ERP_ERP__OIDC_CLIENT_ID": "x"}, "https://"),
        ({"ERP_ERP__OIDC_ISSUER": "ftp://127.0.0.1", "ERP_ERP__OIDC_CLIENT_ID": "x"}, "https://"),
        ({"ERP_ERP__OIDC_ISSUER": "https://id.example.com"}, "oidc_client_id"),
    ],
)
def test_settings_that_cannot_work_are_refused_at_the_start(tmp_path, settings, message):
    with pytest.raises(ConfigError, match=message):
        create_app(environment={"ERP_INSTANCE": str(tmp_path), **settings}, database_url="sqlite://", testing=True)


def test_without_the_library_the_start_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setattr(provider, "find_spec", lambda name: None)
    settings = {"ERP_ERP__OIDC_ISSUER": "https://id.example.com", "ERP_ERP__OIDC_CLIENT_ID": "x"}
    with pytest.raises(ConfigError, match="extra `oidc`"):
        create_app(environment={"ERP_INSTANCE": str(tmp_path), **settings}, database_url="sqlite://", testing=True)


def test_where_it_is_off_the_library_is_not_imported(tmp_path):
    program = (
        "import sys; from erp.app import create_app;"
        f"create_app(environment={{'ERP_INSTANCE': {str(tmp_path)!r}}}, database_url='sqlite://');"
        "sys.exit(any(name in sys.modules for name in ('authlib', 'requests', 'joserfc')))"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
