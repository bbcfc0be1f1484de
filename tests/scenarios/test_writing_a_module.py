"""docs/writing-a-module.md, followed as a reader would: its files are written and its commands run, in order.

A file, or a diff of one, is below a line with nothing but its name; below a command is what it prints, with `...` for
anything.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "writing-a-module.md"
BLOCK = re.compile(r"(?:^\*\*`(?P<file>[^`]+)`\*\*\n\n)?^```(?P<language>\w+)\n(?P<text>.*?)^```$", re.M | re.S)


def blocks():
    """Return the page's blocks, each with the name of its file, its language and its text."""
    return [(found["file"], found["language"], found["text"]) for found in BLOCK.finditer(PAGE.read_text())]


def calls(text):
    """Yield each command of a block, and the output that the page shows."""
    for call in re.split(r"^\$ ", text, flags=re.M)[1:]:
        command, _, printed = call.partition("\n")
        yield command, printed


def changed(before, diff):
    """Return a file with the lines of a diff changed, which it must have once."""
    old, new = ("".join(line[1:] for line in diff.splitlines(True) if line[0] in (" ", sign)) for sign in "-+")
    assert before.count(old) == 1, old
    return before.replace(old, new)


def resembles(printed, shown):
    """Say whether the output is what the page shows."""
    pattern = ".*".join(re.escape(part) for part in shown.strip().split("..."))
    return re.fullmatch(pattern, printed.strip(), re.S) is not None


@pytest.fixture
def give(tmp_path):
    """Return a function that runs a command in the reader's folder, and returns what it printed."""
    folder = Path(sys.executable).parent
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ERP_", "PYTEST_"))}
    environment = {**kept, "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}", "TMPDIR": str(tmp_path)}

    def run(command):
        done = subprocess.run(shlex.split(command), cwd=tmp_path, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, (command, done.stdout[-3000:], done.stderr[-3000:])
        return done.stdout

    return run


@pytest.mark.real_clock
def test_a_reader_gets_what_the_page_shows(tmp_path, give):
    for file, language, text in blocks():
        if file:
            path = tmp_path / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(changed(path.read_text(), text) if language == "diff" else text)
        elif language == "console":
            for command, shown in calls(text):
                printed = give(command)
                assert resembles(printed, shown), (command, printed)


def test_the_page_goes_through_all_that_it_names():
    files = {Path(file).name for file, _, _ in blocks() if file}
    assert {"models.py", "admin.py", "jobs.py", "handlers.py", "module.py"} <= files
    commands = [command for _, language, text in blocks() if language == "console" for command, _ in calls(text)]
    assert any(command.startswith("erp modules new ") for command in commands)
    assert any("pytest" in command for command in commands)


@pytest.mark.parametrize(
    ("printed", "shown", "is_alike"),
    [("a\nb\n", "a\n...\n", True), ("b\n", "a\n", False), ("a\nb\n", "a\n", False), ("xa\n", "...a\n", True)],
)
def test_what_is_printed_is_compared_with_what_is_shown(printed, shown, is_alike):
    assert resembles(printed, shown) is is_alike
