"""`erp serve --reload`: the server again after each change of a file."""

from __future__ import annotations

import signal
import subprocess

import pytest

from erp.cli import reloading


class FakeServer:
    """Stands for a server process; it notes what is done to it."""

    started: list[list[str]] = []
    ended = 0

    def __init__(self, command):
        FakeServer.started.append(command)

    def terminate(self):
        FakeServer.ended += 1

    def wait(self):
        return 0


def test_the_server_starts_again_after_a_change_and_ends_with_the_command(tmp_path, monkeypatch, capsys):
    place = tmp_path / "complaints"
    place.mkdir()
    file = place / "admin.py"
    file.write_text("a")
    turns = iter(
        [lambda: None, lambda: (place / "notes.md").write_text("n"), lambda: (place / "new.py").write_text("b")]
    )

    def pass_time(_seconds):
        turn = next(turns, None)
        if turn is None:
            raise KeyboardInterrupt
        turn()

    monkeypatch.setattr(subprocess, "Popen", FakeServer)
    monkeypatch.setattr(reloading.time, "sleep", pass_time)
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    with pytest.raises(KeyboardInterrupt):
        reloading.serve_again(["--port", "8100"], [tmp_path])
    assert [command[-4:] for command in FakeServer.started] == [["erp", "serve", "--port", "8100"]] * 2
    assert FakeServer.ended == 2
    assert capsys.readouterr().out == f"{place / 'new.py'} has changed: the server starts again.\n"
