"""The command line on an empty database."""

import pytest

from erp import cli


@pytest.fixture
def erp(empty_database, tmp_path, monkeypatch, capsys):
    """Return a function that runs a command line on an empty database and returns what it prints."""
    monkeypatch.setenv("ERP_DATABASE_URL", empty_database)
    monkeypatch.setenv("ERP_INSTANCE", str(tmp_path))
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        assert cli.run([str(argument) for argument in arguments]) == 0, capsys.readouterr().err
        return capsys.readouterr().out

    return run
