"""`python -m erp` is the `erp` command."""

from erp.cli import main

main()
