"""Kill each work at random points, on a copy of the company; what is left is whole, and a second call finishes it."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
import zipfile
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.faults.report import Report
from tests.faults.works import FILES, Work
from tests.support.postgres import Server

State = dict[str, Any]


class Stage:
    """A database that is put back for each kill, its instance, and the foreman who works on it."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self.folder, self.environment = folder, environment
        self.instance = folder / "instance"

    def url(self) -> str:
        """Return the address of the database that is worked on."""
        raise NotImplementedError

    def keep(self, name: str) -> None:
        """Keep the database as it is under a name."""
        raise NotImplementedError

    def put_back(self, name: str) -> None:
        """Let the database be as it was when it was kept; the name is empty for one without tables."""
        raise NotImplementedError

    def open(self) -> None:
        """Start the foreman."""
        command = [sys.executable, "-m", "tests.faults.foreman", self.url(), str(self.instance)]
        self._foreman = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=dict(self.environment),
            cwd=Path(__file__).parents[2],
        )
        if self._out.readline() != "ready\n":
            raise RuntimeError("the foreman did not start")

    @property
    def _out(self) -> Any:
        return self._foreman.stdout

    def close(self) -> None:
        """Stop the foreman."""
        self._foreman.communicate()

    def order(self, *arguments: str, **more: Any) -> dict[str, Any]:
        """Let a process carry out a command line; return how it ended, with what it printed."""
        output = self.folder / "output"
        line = json.dumps({"arguments": arguments, "output": str(output), **more})
        self._foreman.stdin.write(f"{line}\n")  # type: ignore[union-attr]
        self._foreman.stdin.flush()  # type: ignore[union-attr]
        answer: dict[str, Any] = json.loads(self._out.readline())
        return {**answer, "printed": output.read_text(errors="replace") if output.exists() else ""}

    def done(self, *arguments: str) -> dict[str, Any]:
        """Let a process carry out what must succeed."""
        answer = self.order(*arguments)
        if answer["status"]:
            raise RuntimeError(f"{' '.join(arguments)}: {answer}")
        return answer

    def contents(self, work: Work) -> State:
        """Return what the database holds; its tables are compared where the work makes some."""
        state: State = json.loads(self.done("look", *(["tables"] if work.moves_tables else []))["printed"])
        return state


class SqliteStage(Stage):
    """A file."""

    def _path(self, name: str) -> Path:
        return self.folder / f"{name}.sqlite"

    def url(self) -> str:
        return f"sqlite:///{self._path('work')}"

    def keep(self, name: str) -> None:
        for path in self.folder.glob("work.sqlite*"):
            shutil.copyfile(path, self.folder / path.name.replace("work", name, 1))

    def put_back(self, name: str) -> None:
        for path in self.folder.glob("work.sqlite*"):
            path.unlink()
        for path in self.folder.glob(f"{name}.sqlite*") if name else ():
            shutil.copyfile(path, self.folder / path.name.replace(name, "work", 1))


class PostgresStage(Stage):
    """A database of a server."""

    def __init__(self, folder: Path, environment: Mapping[str, str], server: Server) -> None:
        super().__init__(folder, environment)
        self.server = server

    def url(self) -> str:
        return self.server.url("work")

    def keep(self, name: str) -> None:
        self.server.create(name, of="work")

    def put_back(self, name: str) -> None:
        self.server.create("work", of=name or "template1")


class Killing:
    """One work on one stage: how it ends when nobody kills it, and what is left when somebody does."""

    def __init__(self, stage: Stage, work: Work, report: Report, label: str) -> None:
        self.stage, self.work, self.report = stage, work, report
        self.label = f"{work.name} on {label}"
        self.paths = {
            "file": str(stage.folder / "file.csv"),
            "backup": str(stage.folder / "company.backup"),
            "folder": str(stage.folder),
        }
        self.left: Counter[str] = Counter()

    def _filled(self, arguments: tuple[str, ...]) -> list[str]:
        if arguments[0] == "post":
            return list(arguments)
        return [argument.format(**self.paths) for argument in arguments]

    def prepare(self) -> None:
        """Make the state before, and learn what the work does to it."""
        self.stage.put_back("" if self.work.starts_empty else "base")
        Path(self.paths["file"]).write_text("\n".join(self.work.rows))
        for arguments in self.work.before:
            self.stage.done(*self._filled(arguments))
        self.stage.keep("before")
        self.before = self.stage.contents(self.work)
        answer = self.stage.done(*self._filled(self.work.arguments))
        self.points, self.seconds = answer["points"], answer["seconds"]
        self.after = self.stage.contents(self.work)
        if self.before == self.after and self.work.name not in ("backup", "send emails"):
            self.report.fail(f"{self.label}: it changes nothing even when nobody kills it")

    def kill(self, chance: random.Random) -> None:
        """Kill it once, at a point or at an instant, and judge what is left."""
        self.stage.put_back("" if self.work.starts_empty else "before")
        death: dict[str, Any] = (
            {"die_at": chance.randint(1, self.points)}
            if chance.random() < 0.75
            else {"seconds": chance.uniform(0, self.seconds)}
        )
        answer = self.stage.order(*self._filled(self.work.arguments), **death)
        if answer["status"] not in (-9, 0):
            self.report.fail(f"{self.label}, {death}: it ended with {answer}")
            return
        if answer["status"] == 0:
            self.report.count("ended before they were killed")
            return
        self.report.count("kills")
        self._judge(death)

    def _judge(self, death: dict[str, Any]) -> None:
        left = self.stage.contents(self.work)
        what = "before" if left == self.before else "after" if left == self.after else "part"
        self.left[what] += 1
        if left.get("breaches"):
            self.report.fail(f"{self.label}, {death}: {left['breaches'][:5]}")
        if what == "part" and not self.work.in_parts:
            self.report.fail(f"{self.label}, {death}: it was done in part: {_difference(self.before, left)}")
        self._check_backup(death)
        if what == "after" and not self.work.in_parts:
            return
        answer = self.stage.order(*self._filled(self.work.arguments))
        finished = self.stage.contents(self.work)
        if self._end(finished) != self._end(self.after) or finished.get("breaches"):
            self.report.fail(
                f"{self.label}, {death}: done again it does not come to its end: {answer},"
                f" {_difference(self.after, finished)}"
            )

    def _end(self, state: State) -> dict[str, Any]:
        return {kind: rows for kind, rows in state.get("exports", {}).items() if kind != self.work.ends_otherwise}

    def _check_backup(self, death: dict[str, Any]) -> None:
        """Check that a backup is whole where there is one: the one before it, or the new one."""
        path = Path(self.paths["backup"])
        if self.work.name == "backup" and path.exists() and zipfile.ZipFile(path).testzip() is not None:
            self.report.fail(f"{self.label}, {death}: a damaged backup was left")


def _difference(one: State, other: State) -> dict[str, Any]:
    found = {}
    for part in ("exports", "counts"):
        a, b = one.get(part, {}), other.get(part, {})
        found |= {f"{part} {key}": (a.get(key), b.get(key)) for key in {*a, *b} if a.get(key) != b.get(key)}
    return found | {
        key: (one.get(key), other.get(key)) for key in ("modules", "breaches") if one.get(key) != other.get(key)
    }


def run(stage: Stage, label: str, report: Report, *, kills: int, seed: int, works: Sequence[Work]) -> None:
    """Kill the works in turn until `kills` processes died."""
    chance = random.Random(f"{seed} {label}")
    for kind, rows in {**FILES, "late": _late()}.items():
        (stage.folder / f"{kind}.csv").write_text("\n".join(rows))
    stage.put_back("")
    stage.open()
    try:
        stage.done("init", "--demo")
        stage.keep("base")
        each = -(-kills // len(works))
        for work in works:
            killing = Killing(stage, work, report, label)
            try:
                killing.prepare()
                for _ in range(each):
                    killing.kill(chance)
            except RuntimeError as error:
                report.fail(f"{killing.label}: {error}")
                continue
            report.note(f"{killing.label}: {killing.points} points, left {dict(killing.left)}")
    finally:
        stage.close()


def _late() -> tuple[str, ...]:
    """Return purchase orders that come later than those of FILES, so that there is something to exchange."""
    header, *rows = FILES["purchase_orders"]
    return (header, *(row.replace("KP-", "KL-").replace("2026-12", "2027-03") for row in rows))
