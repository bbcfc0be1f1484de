"""Mail servers and the options that point at them."""

import shutil

import pytest

from tests.backorder_email.servers import mail_server, make_certificate, server_context


@pytest.fixture
def point_at(set_option):
    """Return a function that lets the transport smtp use a port of this machine."""

    def point(port, **more):
        for name, value in {"transport": "smtp", "host": "127.0.0.1", "port": port, "timeout": "10 s", **more}.items():
            set_option(f"backorder_email.{name}", str(value))

    return point


@pytest.fixture
def mailbox(point_at):
    """The mailbox of an unencrypted mail server that the options point at."""
    with mail_server() as (box, port):
        point_at(port)
        yield box


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    """A self-signed certificate and its key."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed: no certificate can be made")
    return make_certificate(tmp_path_factory.mktemp("certificate"))


@pytest.fixture
def encryption(certificate):
    """The encryption settings of a mail server."""
    return server_context(*certificate)


@pytest.fixture
def password(app):
    """Return a function that sets the password in the environment."""
    environment = app.config["ENVIRONMENT"]

    def give(text):
        app.config["ENVIRONMENT"] = {**environment, "ERP_SMTP_PASSWORD": text}

    yield give
    app.config["ENVIRONMENT"] = environment
