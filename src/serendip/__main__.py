"""`python -m serendip` is `serendip`."""

from serendip.cli import main

main()
