"""`python -m sentinel`: the command line."""

from sentinel.cli import main

main()
