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
from collections.abc import Mapping, Sequence
from pathlib import Path

import pygal
from pygal.style import Style

from bench.databases import KINDS
from erp import clock

PAGE = Path("docs/performance.md")
CURVES = Path("docs/performance")
NOTES = Path(__file__).parent / "notes.md"
# Each is run at every size; the pattern finds the number that the curve shows.
GROWING = {
    "allocate": ("Allocation of the whole book, lines a second", "lines/s", r"^allocation .* ([\d,]+) lines/s"),
    "atp": ("What can be promised of each product, days a second", "days/s", r"^atp .* ([\d,]+) days/s"),
    "import": ("Import of sales orders, lines a second", "lines/s", r"^import .* ([\d,]+) lines/s"),
    "preview": ("Preview of the whole book, seconds", "s", r"^preview +([\d.]+) s"),
    "rebalance": ("Rebalance of all purchase allocations, seconds", "s", r"^rebalance +([\d.]+) s"),
}
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
    parser.add_argument("--lines", type=int, nargs="+", default=[1_000, 10_000, 100_000, 1_000_000])
    parser.add_argument("--pages", type=int, default=1_000_000, help="how large the large book of `pages` is")
    parser.add_argument("--orders", type=int, nargs="+", default=[1, 4, 8, 16], help="processes of `orders`")
    parser.add_argument("--messages", type=int, default=10_000, help="messages of `emails`")
    parser.add_argument("--received", type=int, default=10_000, help="purchase order lines of `receive`")
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
            shown = _single(name, single[name]) if name in single else _growing(name, chosen.lines, chosen.turns)
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
        "start": [turns],
        "orders": [["--db", "postgres", "--processes", *map(str, chosen.orders)]],
        "what-if": [turns],
        "receive": on_both("--lines", str(chosen.received), *turns),
        "quotes": [["--http", "--lines", str(chosen.quotes), *turns]],
        "http": on_both("--lines", str(chosen.http)),
        "emails": on_both("--messages", str(chosen.messages)),
        "search": on_both("--lines", str(chosen.search), *turns),
        "pages": on_both("--lines", str(chosen.pages), *turns),
        # Last: without the network Tryton cannot be installed.
        "peers": [["--lines", str(chosen.peer)]],
    }


def _growing(name: str, lines: Sequence[int], turns: int) -> str:
    """Run a benchmark at every size on every database, draw its curve, and return its part of the page."""
    title, unit, pattern = GROWING[name]
    texts = {
        kind: [_run(name, "--db", kind, "--lines", str(each), "--turns", str(turns)) for each in lines]
        for kind in KINDS
    }
    found = {kind: [_number(pattern, text) for text in each] for kind, each in texts.items()}
    _draw(CURVES / f"{name}.svg", title, lines, found)
    blocks = "\n".join(_block(text) for each in texts.values() for text in each)
    return f"![{title} ({unit})](performance/{name}.svg)\n\n{blocks}"


def _single(name: str, runs: Runs) -> str:
    return "\n".join(_block(_run(name, *each)) for each in runs)


def _write(name: str, shown: str, names: Sequence[str]) -> None:
    """Put a benchmark's part in the page, whose others stay as they are."""
    parts = _parts()
    parts[_heading(name)] = f"Measured on {clock.today():%-d %B %Y}. The machine: {_machine()}.\n\n{shown}"
    written = [f"## {heading}\n\n{parts[heading]}" for heading in map(_heading, names) if heading in parts]
    PAGE.write_text("\n".join([HEAD, NOTES.read_text(encoding="utf-8"), *written]), encoding="utf-8")


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


def _draw(file: Path, title: str, sizes: Sequence[int], found: Mapping[str, Sequence[float]]) -> None:
    chart = pygal.XY(js=[], style=STYLE, width=640, height=360, logarithmic=True, title=title, x_title="lines")
    chart.x_value_formatter = lambda size: f"{size:,.0f}"
    for kind, numbers in found.items():
        chart.add(kind, list(zip(sizes, numbers, strict=True)))
    chart.render_to_file(str(file))


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
