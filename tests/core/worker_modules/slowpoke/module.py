"""Slowpoke: a module with one job that takes its time and tells when it begins and ends."""

import os
import time
from datetime import timedelta
from pathlib import Path

from erp.module import Core, Duration, Module, Switch
from erp.options import options


def _tell(word):
    with Path(os.environ["SLOWPOKE_FILE"]).open("a") as file:
        file.write(f"{word} {os.getpid()}\n")


def dawdle(session):
    """Take half a second, or a minute where that is asked for."""
    _tell("begin")
    time.sleep(60 if options.slowpoke.sleeps_long else 0.5)
    _tell("end")
    return "Dawdled."


def setup(core: Core) -> None:
    core.add_job(dawdle, every="slowpoke.dawdle_every")


MODULE = Module(
    name="slowpoke",
    title="Slowpoke",
    version="1.0",
    options=(
        Duration(name="dawdle_every", default=timedelta(seconds=1), help="How often it dawdles."),
        Switch(name="sleeps_long", default=False, help="Whether it takes a minute."),
    ),
    setup=setup,
)
