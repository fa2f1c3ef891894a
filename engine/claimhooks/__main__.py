"""``python -m claimhooks``."""

from claimhooks.cli import main

main(prog_name="claimhooks")
