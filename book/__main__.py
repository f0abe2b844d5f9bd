"""Build the book: see build.py."""

import sys

from .build import main

sys.exit(main(sys.argv[1:]))
