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

The machine: {machine}.

"""


def main(arguments: Sequence[str]) -> None:
    """Run everything, and write the page and its curves."""
    parser = argparse.ArgumentParser(prog="python -m bench all", description=__doc__)
    parser.add_argument("--lines", type=int, nargs="+", default=[1_000, 10_000, 100_000, 1_000_000])
    parser.add_argument("--pages", type=int, default=300_000, help="how large the large book of `pages` is")
    parser.add_argument("--orders", type=int, nargs="+", default=[1, 4, 8, 16], help="processes of `orders`")
    parser.add_argument("--messages", type=int, default=10_000, help="messages of `emails`")
    parser.add_argument("--received", type=int, default=10_000, help="purchase order lines of `receive`")
    parser.add_argument("--http", type=int, default=100_000, help="how large the book of `http` is")
    parser.add_argument("--peer", type=int, default=2_000, help="lines of the comparison with Tryton")
    parser.add_argument("--turns", type=int, default=3)
    chosen = parser.parse_args(arguments)
    CURVES.mkdir(exist_ok=True)
    turns = ["--turns", str(chosen.turns)]
    parts = [HEAD.format(machine=_machine()), NOTES.read_text(encoding="utf-8")]
    for name, (title, unit, pattern) in GROWING.items():
        texts = {
            kind: [_run(name, "--db", kind, "--lines", str(each), *turns) for each in chosen.lines] for kind in KINDS
        }
        found = {kind: [_number(pattern, text) for text in each] for kind, each in texts.items()}
        _draw(CURVES / f"{name}.svg", title, chosen.lines, found)
        blocks = "\n".join(_block(text) for each in texts.values() for text in each)
        _write(parts, f"## {name.capitalize()}\n\n![{title} ({unit})](performance/{name}.svg)\n\n{blocks}")
    for name, more in (
        ("start", turns),
        ("orders", ["--db", "postgres", "--processes", *map(str, chosen.orders)]),
        ("what-if", turns),
        *(("receive", ["--db", kind, "--lines", str(chosen.received), *turns]) for kind in KINDS),
        *(("http", ["--db", kind, "--lines", str(chosen.http)]) for kind in KINDS),
        ("emails", ["--messages", str(chosen.messages)]),
        ("pages", ["--db", "sqlite", "--lines", str(chosen.pages), *turns]),
        ("pages", ["--db", "postgres", "--lines", str(chosen.pages), *turns]),
    ):
        _write(parts, f"## {name.capitalize()}\n\n{_block(_run(name, *more))}")
    # Last: without the network Tryton cannot be installed, and all else stands by then.
    _write(parts, f"## Peers\n\n{_block(_run('peers', '--lines', str(chosen.peer)))}")
    print(f"{PAGE} is written")


def _write(parts: list[str], part: str) -> None:
    """Add a part to the page, which is there as far as it got when a benchmark fails."""
    parts.append(part)
    PAGE.write_text("\n".join(parts), encoding="utf-8")


def _run(name: str, *more: str) -> str:
    """Run a benchmark in a process of its own; return what it prints."""
    print(f"{name} {' '.join(more)}", flush=True)
    done = subprocess.run([sys.executable, "-m", "bench", name, *more], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    return done.stdout


def _block(text: str) -> str:
    return f"```text\n{text.strip()}\n```\n"


def _number(pattern: str, text: str) -> float:
    found = re.search(pattern, text, re.MULTILINE)
    if found is None:
        raise SystemExit(f"{pattern} is not in: {text}")
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
