"""The processes of deploy/compose.yaml without containers, on ports of their own, from the same settings.

What stands in for a container: PostgreSQL servers that are started here for Patroni's, with a synchronous standby, and
an address with both of them for HAProxy, which finds the one that leads. etcd has nothing to decide then.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import yaml

from tests.faults import soak
from tests.faults.clerks import Ledger, audit, furnish
from tests.faults.company import PASSWORD, Company, answers, end, plain_environment, wait_until
from tests.faults.cuts import at_work
from tests.faults.failover import follow
from tests.faults.report import Report
from tests.support.postgres import Server, free_port, program

DEPLOY = Path(__file__).parents[2] / "deploy"
SECONDS_EACH = 4.0
VARIABLE = re.compile(r"\$\{(\w+):\?\}")


class Composed:
    """What compose.yaml says, with the variables that its .env would give, and each service's port here."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        given = {name: secrets.token_hex(16) for name in set(VARIABLE.findall(self._text()))}
        self.variables = {**given, "ERP_ADMIN_PASSWORD": PASSWORD}
        self.services: Mapping[str, Any] = yaml.safe_load(
            VARIABLE.sub(lambda found: self.variables[found[1]], self._text())
        )["services"]
        self.ports = {name: free_port() for name in self.services}

    @staticmethod
    def _text() -> str:
        return (DEPLOY / "compose.yaml").read_text()

    def environment(self, name: str, leader: Server, standby: Server) -> dict[str, str]:
        """Return the settings of a service, with addresses of this machine in place of containers."""
        given = {key: str(value) for key, value in self.services[name]["environment"].items()}
        url = given["ERP_DATABASE_URL"].replace("@pgbouncer:6432", f"@127.0.0.1:{self.ports['pgbouncer']}")
        hosts = f"host=127.0.0.1:{leader.port}&host=127.0.0.1:{standby.port}&target_session_attrs=read-write"
        url = re.sub(r"@haproxy:5000/(\w+)", rf"@/\1?{hosts}", url)
        instance = self.folder / "instance"
        backups = {
            key: value.replace("/var/lib/erp", str(instance)) for key, value in given.items() if "/var/lib" in value
        }
        return {**given, **backups, "ERP_DATABASE_URL": url, "ERP_INSTANCE": str(instance)}

    def company(self, name: str, leader: Server, standby: Server) -> Company:
        """Return an application service, whose command may be run or started."""
        settings = self.environment(name, leader, standby)
        return Company(self.folder / name, settings.pop("ERP_DATABASE_URL"), **settings)

    def serve_command(self, name: str) -> list[str]:
        """Return what the image runs, at a port of this machine."""
        image = (DEPLOY / "Containerfile").read_text()
        words = re.findall(r'"([^"]+)"', re.search(r"^CMD (.*)$", image, re.M)[1])  # type: ignore[index]
        words[words.index("--host") + 1] = "127.0.0.1"
        words[words.index("--port") + 1] = str(self.ports[name])
        words[words.index("--workers") + 1] = "1"
        return words


@contextmanager
def databases(composed: Composed) -> Iterator[tuple[Server, Server]]:
    """Run the two databases, the second as the synchronous standby of the first; make-database.sh fills the first."""
    leader = Server(composed.folder / "db1")
    leader.start()
    servers = [leader]
    try:
        bin_folder = str(Path(program("psql")).parent)
        environment = {
            **plain_environment(),
            "DB_PASSWORD": composed.variables["DB_PASSWORD"],
            "PATH": f"{bin_folder}:{os.environ['PATH']}",
        }
        script = ["sh", str(DEPLOY / "patroni/make-database.sh"), leader.url("postgres")]
        subprocess.run(script, env=environment, check=True, capture_output=True)
        servers.append(follow(leader, composed.folder / "db2"))
        yield leader, servers[1]
    finally:
        for server in reversed(servers):
            server.stop(signal.SIGKILL)


@contextmanager
def pgbouncer(composed: Composed, leader: Server) -> Iterator[None]:
    """Run PgBouncer with the settings of its service."""
    given = composed.services["pgbouncer"]["environment"]
    folder = composed.folder / "pooler"
    folder.mkdir()
    users = folder / "users.txt"
    users.write_text(f'"{given["DB_USER"]}" "{given["DB_PASSWORD"]}"\n')
    lines = {
        "listen_addr": "127.0.0.1", "listen_port": composed.ports["pgbouncer"], "auth_type": given["AUTH_TYPE"],
        "auth_file": users, "pool_mode": given["POOL_MODE"], "max_client_conn": given["MAX_CLIENT_CONN"],
        "default_pool_size": given["DEFAULT_POOL_SIZE"], "unix_socket_dir": "",
    }  # fmt: skip
    settings = "\n".join(f"{name} = {value}" for name, value in lines.items())
    database = f"{given['DB_NAME']} = host=127.0.0.1 port={leader.port}"
    (folder / "pgbouncer.ini").write_text(f"[databases]\n{database}\n[pgbouncer]\n{settings}\n")
    with soak.pooler_process(folder, leader.account):
        yield


@contextmanager
def nginx(composed: Composed) -> Iterator[int]:
    """Run nginx with the file of its service; give its port."""
    folder = composed.folder / "nginx"
    folder.mkdir()
    text = (DEPLOY / "compose-nginx.conf").read_text().replace("listen 8080", f"listen {composed.ports['nginx']}")
    for name in ("web1", "web2"):
        text = text.replace(f"{name}:8069", f"127.0.0.1:{composed.ports[name]}")
    paths = "".join(
        f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (folder / "nginx.conf").write_text(
        f"daemon off; pid {folder}/pid; error_log {folder}/error.log; events {{}}"
        f" http {{ access_log off; {paths} {text} }}"
    )
    process = subprocess.Popen(
        ["nginx", "-c", str(folder / "nginx.conf"), "-p", str(folder)], stderr=subprocess.DEVNULL
    )
    try:
        wait_until(lambda: answers(composed.ports["nginx"]))
        yield composed.ports["nginx"]
    finally:
        process.terminate()
        process.wait()


def run(folder: Path, report: Report) -> None:
    """Let clerks work through nginx while modules are switched, a web host and a worker die and come back."""
    if missing := [name for name in ("nginx", "pgbouncer") if shutil.which(name) is None]:
        report.measure("compose", f"not run, {' and '.join(missing)} not installed")
        return
    composed = Composed(folder)
    with ExitStack() as stack:
        leader, standby = stack.enter_context(databases(composed))
        stack.enter_context(pgbouncer(composed, leader))
        init = composed.company("init", leader, standby)
        furnish(init)
        hosts = {name: composed.company(name, leader, standby) for name in ("web1", "web2", "worker1", "worker2")}
        started = {name: host.start(*_command(composed, name)) for name, host in hosts.items()}
        stack.callback(lambda: [end(process) for process in started.values()])
        port = stack.enter_context(nginx(composed))
        wait_until(lambda: all(answers(composed.ports[name]) for name in ("web1", "web2")))
        ledger = Ledger()
        with at_work(init, port, ledger, report):
            _switch_and_kill(composed, hosts, started, init, report)
        audit(init, ledger, report)


def _command(composed: Composed, name: str) -> list[str]:
    return composed.serve_command(name) if name.startswith("web") else composed.services[name]["command"]


def _switch_and_kill(
    composed: Composed,
    hosts: Mapping[str, Company],
    started: dict[str, subprocess.Popen[bytes]],
    init: Company,
    report: Report,
) -> None:
    steps = {"web1": "disable", "worker1": "enable", "web2": "disable", "worker2": "enable"}
    for name, step in steps.items():
        time.sleep(SECONDS_EACH)
        init.done("modules", step, "backorder_email")
        report.count("modules switched")
        end(started[name])
        report.count("hosts killed")
        started[name] = hosts[name].start(*_command(composed, name))
        if name.startswith("web"):
            wait_until(lambda name=name: answers(composed.ports[name]))
