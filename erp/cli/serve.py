"""`erp serve` and `erp worker`: the processes that run until they are stopped."""

from __future__ import annotations

import logging
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click
from flask import Flask, current_app
from gunicorn.app.base import BaseApplication

from erp import access_log
from erp.buffering import BufferedWorker
from erp.cli.reloading import serve_again
from erp.cli.wrapping import with_screens
from erp.db import db
from erp.errors import AddressTaken
from erp.jobs.worker import Worker
from erp.options import options

METRICS_FOLDER = "PROMETHEUS_MULTIPROC_DIR"


class Server(BaseApplication):  # type: ignore[misc]
    """Gunicorn with this application."""

    def __init__(self, app: Flask, settings: dict[str, Any]) -> None:
        self._app = app
        self._settings = settings
        super().__init__()

    def load_config(self) -> None:
        """Give gunicorn its settings; its own files and environment variables are ignored."""
        for name, value in self._settings.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        """Return the application; each process opens connections of its own."""
        return self._app


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen at.")
@click.option("--port", default=8069, show_default=True, type=click.IntRange(1, 65535), help="The port to listen at.")
@click.option("--workers", default=2, show_default=True, type=click.IntRange(1, 64), help="How many processes answer.")
@click.option("--worker", "with_worker", is_flag=True, help="Run the scheduled jobs too, in another process.")
@click.option("--reload", "is_reloading", is_flag=True, help="Start again after each change of a module's files.")
@with_screens
def serve(host: str, port: int, workers: int, with_worker: bool, is_reloading: bool) -> None:
    """Serve the web screens until Ctrl-C."""
    if is_reloading:
        arguments = ["--host", host, "--port", str(port), "--workers", str(workers), *["--worker"] * with_worker]
        serve_again(arguments, _folders_of_code(_disconnected_app()))
    # Whatever ERP_LOG_LEVEL says: who got in is worth as much as who did not.
    access_log.log.setLevel(logging.INFO)
    _check_address(host, port)
    app = _disconnected_app()
    click.echo(f"The screens are at http://{_shown(host)}:{port} (Ctrl-C stops them).")
    worker_process = _WorkerProcess() if with_worker else None
    settings = {
        "bind": f"{_shown(host)}:{port}",
        "workers": workers,
        "worker_class": BufferedWorker,
        "loglevel": "warning",
        "proc_name": "erp",
        "preload_app": True,
        "when_ready": worker_process.start if worker_process else _nothing,
        "on_exit": worker_process.stop if worker_process else _nothing,
    }
    with _counting_together():
        Server(app, settings).run()


def _folders_of_code(app: Flask) -> list[Path]:
    """Return the folders of the core, of the shipped modules and of those of other parties, broken ones included."""
    found = app.extensions["erp"].found
    shipped = [found.home(name) for name in found.shipped]
    return [Path(app.root_path), *shipped, *(place for name in found.packages if (place := found.folder_of(name)))]


@contextmanager
def _counting_together() -> Iterator[None]:
    """Give the processes of this server a folder in which they count requests together, where they count."""
    if not options.erp.metrics or METRICS_FOLDER in os.environ:
        yield
        return
    with TemporaryDirectory(prefix="erp-metrics-") as folder:
        os.environ[METRICS_FOLDER] = folder
        yield


def _check_address(host: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise AddressTaken(host, port, error.strerror or str(error)) from None


def _shown(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _disconnected_app() -> Flask:
    """Return the application with no transaction open and no connection that another process would inherit."""
    db.session.remove()
    db.engine.dispose()
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
    return app


def _nothing(_server: object) -> None:
    """Do nothing when gunicorn calls a hook."""


class _WorkerProcess:
    """The worker as a process of its own, which starts and ends with the server."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, _server: object) -> None:
        """Start it once the server answers."""
        self._process = subprocess.Popen([sys.executable, "-P", "-m", "erp", "worker"])

    def stop(self, _server: object) -> None:
        """Stop it; jobs that run are waited for."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait()


@click.command()
def worker() -> None:
    """Run the scheduled jobs until Ctrl-C; several may be started, one leads."""
    app = _disconnected_app()
    one = Worker(app)
    one.obey_signals()
    one.run()
