"""`python -m bench all`: runs the benchmarks one after the other and writes docs/performance.md with curves.

What a goal misses, and why, is written by hand in bench/notes.md, which becomes a part of the page.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import sqlite3
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import pygal
from pygal.style import Style

from bench.databases import KINDS
from bench.goals import goals_met
from erp import clock

PAGE = Path("docs/performance.md")
CURVES = Path("docs/performance")
NOTES = Path(__file__).parent / "notes.md"
LINES = (1_000, 10_000, 100_000, 1_000_000)
FEWER = (100, 1_000, 10_000)


class Curve(NamedTuple):
    """A benchmark that is run at every size: the pattern finds the number that its curve shows."""

    title: str
    unit: str
    pattern: str
    sizes: Sequence[int] = LINES
    of: str = "lines"
    # What it is run with at every size but the largest.
    shorter: Sequence[str] = ()


GROWING = {
    "allocate": Curve("Allocation of the whole book, lines a second", "lines/s", r"^allocation .* ([\d,]+) lines/s"),
    "atp": Curve("What can be promised of each product, days a second", "days/s", r"^atp .* ([\d,]+) days/s"),
    "import": Curve("Import of sales orders, lines a second", "lines/s", r"^import .* ([\d,]+) lines/s"),
    "preview": Curve("Preview of the whole book, seconds", "s", r"^preview +([\d.]+) s"),
    "rebalance": Curve("Rebalance of all purchase allocations, seconds", "s", r"^rebalance +([\d.]+) s"),
    "receive": Curve(
        "Receipt, lines a second", "lines/s", r"^receive .* ([\d,]+) lines/s", FEWER, "purchase order lines"
    ),
    "emails": Curve(
        "Queued email, messages a second", "messages/s", r"^queue .* ([\d,]+) messages/s", FEWER, "messages"
    ),
    "pages": Curve("Median of all pages, ms", "ms", r"^median large +([\d.]+) ms", shorter=["--summary"]),
}
# What the curve of orders shows: orders that are allocated, of 200 products.
OF_ORDERS = r"200 products, (\d+) processes.*\n +allocate +([\d,]+) /s +by hand +([\d,]+)"
STYLE = Style(background="white", plot_background="white", colors=("#1f6feb", "#d9822b"))
HEAD = """# Performance

Written by `python -m bench all`. Each benchmark compares the product with something that is measured in the same run,
in turns: on another machine the absolute numbers change, the ratios hardly. What is measured, and against what, says
[the list of benchmarks](../bench/README.md).
"""
# What benchmarks of one size are run with: more than once where there are more databases.
Runs = Sequence[Sequence[str]]


def main(arguments: Sequence[str]) -> None:
    """Run the benchmarks, and write the page and its curves."""
    parser = argparse.ArgumentParser(prog="python -m bench all", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="only these; the page keeps what it has of the others")
    parser.add_argument("--most", type=int, default=LINES[-1], help="the largest size of what is run at several")
    parser.add_argument("--orders", type=int, nargs="+", default=[1, 4, 8, 16], help="processes of `orders`")
    parser.add_argument("--http", type=int, default=100_000, help="how large the book of `http` is")
    parser.add_argument("--quotes", type=int, default=1_000_000, help="how large the book of `quotes` is")
    parser.add_argument("--search", type=int, default=1_000_000, help="how large the book of `search` is")
    parser.add_argument("--peer", type=int, default=2_000, help="lines of the comparison with Tryton")
    parser.add_argument("--turns", type=int, default=3)
    chosen = parser.parse_args(arguments)
    single = _of_one_size(chosen)
    names = [*GROWING, *single]
    if unknown := set(chosen.names).difference(names):
        raise SystemExit(f"there is no {', '.join(sorted(unknown))}: {', '.join(names)} are known")
    CURVES.mkdir(exist_ok=True)
    failed = []
    for name in chosen.names or names:
        try:
            shown = _single(name, single[name]) if name in single else _growing(GROWING[name], name, chosen)
        except BenchmarkFailed as error:
            # What was measured hours before this one stands on the page already; what comes after it may as well.
            print(f"{name} failed: {error}", file=sys.stderr, flush=True)
            failed.append(name)
            continue
        _write(name, shown, names)
    if failed:
        raise SystemExit(f"{', '.join(failed)} failed; the page keeps what it had of them")
    print(f"{PAGE} is written")


class BenchmarkFailed(Exception):
    """A benchmark that ended with an error, or printed no figure."""


def _of_one_size(chosen: argparse.Namespace) -> dict[str, Runs]:
    """Return what each benchmark of one size is run with, in the order of the page."""
    turns = ["--turns", str(chosen.turns)]

    def on_both(*more: str) -> Runs:
        return [["--db", kind, *more] for kind in KINDS]

    return {
        "start": on_both(*turns),
        "orders": [["--db", "postgres", "--processes", *map(str, chosen.orders)]],
        "what-if": on_both(*turns),
        "quotes": [["--http", "--size", str(chosen.quotes), *turns]],
        "http": on_both("--size", str(chosen.http)),
        "search": on_both("--size", str(chosen.search), *turns),
        # Last: without the network Tryton cannot be installed.
        "peers": [["--size", str(chosen.peer)]],
    }


def _growing(curve: Curve, name: str, chosen: argparse.Namespace) -> str:
    """Run a benchmark at every size on every database, draw its curve, and return its part of the page."""
    sizes = [each for each in curve.sizes if each <= chosen.most]
    more = [] if name == "emails" else ["--turns", str(chosen.turns)]

    def run(kind: str, size: int) -> str:
        return _run(name, "--db", kind, "--size", str(size), *more, *(curve.shorter if size < sizes[-1] else ()))

    texts = {kind: [run(kind, size) for size in sizes] for kind in KINDS}
    numbers = {kind: [_number(curve.pattern, text) for text in each] for kind, each in texts.items()}
    _draw(name, curve.title, curve.of, {kind: zip(sizes, each, strict=True) for kind, each in numbers.items()})
    blocks = "\n".join(_block(text) for each in texts.values() for text in each)
    return f"![{curve.title} ({curve.unit})](performance/{name}.svg)\n\n{blocks}"


def _single(name: str, runs: Runs) -> str:
    texts = [_run(name, *each) for each in runs]
    blocks = "\n".join(map(_block, texts))
    return f"{_draw_orders(texts[0])}\n\n{blocks}" if name == "orders" else blocks


def _draw_orders(text: str) -> str:
    """Draw the curve of orders by processes, and return what shows it."""
    title = "Orders allocated a second, each in its own transaction"
    rows = [[int(each.replace(",", "")) for each in row] for row in re.findall(OF_ORDERS, text)]
    _draw(
        "orders", title, "processes", {"product": [(x, y) for x, y, _ in rows], "by hand": [(x, y) for x, _, y in rows]}
    )
    return f"![{title}](performance/orders.svg)"


def _write(name: str, shown: str, names: Sequence[str]) -> None:
    """Put a benchmark's part in the page, whose others stay as they are."""
    parts = _parts()
    parts[_heading(name)] = f"Measured on {clock.today():%-d %B %Y}. The machine: {_machine()}.\n\n{shown}"
    written = [f"## {heading}\n\n{parts[heading]}" for heading in map(_heading, names) if heading in parts]
    goals = f"## Goals\n\n{goals_met(parts)}"
    PAGE.write_text("\n".join([HEAD, goals, NOTES.read_text(encoding="utf-8"), *written]), encoding="utf-8")


def _parts() -> dict[str, str]:
    """Return the parts of the page as it is, by their headings."""
    if not PAGE.exists():
        return {}
    parts = PAGE.read_text(encoding="utf-8").split("\n## ")[1:]
    return {heading: text.strip() + "\n" for heading, _, text in (part.partition("\n") for part in parts)}


def _heading(name: str) -> str:
    return name.capitalize()


def _run(name: str, *more: str) -> str:
    """Run a benchmark in a process of its own; return what it prints."""
    print(f"{name} {' '.join(more)}", flush=True)
    done = subprocess.run([sys.executable, "-m", "bench", name, *more], capture_output=True, text=True, check=False)
    if done.returncode:
        raise BenchmarkFailed(done.stderr)
    return done.stdout


def _block(text: str) -> str:
    return f"```text\n{text.strip()}\n```\n"


def _number(pattern: str, text: str) -> float:
    found = re.search(pattern, text, re.MULTILINE)
    if found is None:
        raise BenchmarkFailed(f"{pattern} is not in: {text}")
    return float(found[1].replace(",", ""))


def _draw(name: str, title: str, of: str, found: Mapping[str, Iterable[tuple[float, float]]]) -> None:
    chart = pygal.XY(js=[], style=STYLE, width=640, height=360, logarithmic=True, title=title, x_title=of)
    chart.x_value_formatter = lambda size: f"{size:,.0f}"
    for shown, points in found.items():
        chart.add(shown, list(points))
    chart.render_to_file(str(CURVES / f"{name}.svg"))


def _machine() -> str:
    """Name the processor, the memory and the versions that matter."""
    about = Path("/proc/cpuinfo")
    models = re.findall(r"^model name\s*: (.+)$", about.read_text(), re.MULTILINE) if about.exists() else []
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    model = models[0] if models else platform.machine()
    versions = f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}"
    return (
        f"{os.cpu_count()} cores of {model}, {memory:.0f} GB, {platform.system()}, {versions}, PostgreSQL from a wheel"
    )
