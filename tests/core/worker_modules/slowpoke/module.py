"""Slowpoke: a module with one job that takes its time, writes when it begins and ends, and does each piece once."""

import os
import time
from datetime import timedelta
from pathlib import Path

from sqlalchemy import select

from erp import history
from erp.manifest import Module
from erp.models import HistoryEntry
from erp.options import Duration, Switch, options
from erp.registry import Core

PIECES = ("first", "second", "third")


def _say(word):
    with Path(os.environ["SLOWPOKE_FILE"]).open("a") as file:
        file.write(f"{word} {os.getpid()}\n")


def dawdle(session):
    """Do what is left of three pieces, each committed on its own; pause after the first, a minute if that is wanted."""
    names = select(HistoryEntry.document_name).where(HistoryEntry.document == "slowpoke.piece")
    left = [name for name in PIECES if name not in set(session.scalars(names))]
    session.rollback()
    for name in left[:1]:
        _do(session, name)
    _say("begin")
    time.sleep(60 if options.slowpoke.sleeps_long else 0.5)
    for name in left[1:]:
        _do(session, name)
    _say("end")
    return f"{len(left)} pieces done."


def _do(session, name):
    history.record(session, history.Subject("slowpoke.piece", None, name), "done")
    session.commit()


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
