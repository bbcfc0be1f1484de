"""`python -m bench NAME [OPTIONS]`: run one benchmark."""

from __future__ import annotations

import gc
import importlib
import sys

from erp.cli.wrapping import COLLECT_AFTER

NAMES = (
    *("all", "allocate", "atp", "emails", "http", "import", "orders", "pages", "peers", "preview", "quotes"),
    *("rebalance", "receive", "search", "start", "what-if"),
)


def main() -> int:
    """Run the benchmark that the first argument names, with Python set up as by the `erp` command."""
    gc.set_threshold(COLLECT_AFTER)
    if len(sys.argv) < 2 or sys.argv[1] not in NAMES:
        print(f"usage: python -m bench {'|'.join(NAMES)} [--help]", file=sys.stderr)
        return 2
    # `import` is no name for a module.
    file = {"import": "imports", "peers": "peers.tryton"}.get(sys.argv[1], sys.argv[1].replace("-", "_"))
    importlib.import_module(f"bench.{file}").main(sys.argv[2:])
    return 0


if __name__ == "__main__":
    sys.exit(main())
