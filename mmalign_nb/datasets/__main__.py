"""Downloads from a terminal, for a workshop's USB stick::

    python -m mmalign_nb.datasets list
    MMALIGN_NB_DATA=/media/stick/data python -m mmalign_nb.datasets fetch spoken_digits esc10

On the other machines set ``MMALIGN_NB_DATA`` to the folder, or to a copy of it, and nothing is downloaded there.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from . import _download
from .fetch import SETS


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says; return 0, or 1 if something could not be fetched."""
    parser = argparse.ArgumentParser(
        "python -m mmalign_nb.datasets",
        description=f"Real data sets, kept in the folder {_download.VARIABLE}.",
    )
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser(
        "list", help="say which sets there are, how large they are, and whether they are here"
    )
    fetch = commands.add_parser("fetch", help="download what is not here yet")
    fetch.add_argument("names", nargs="+", metavar="NAME", choices=SETS, help=", ".join(SETS))
    asked = parser.parse_args(arguments)
    if asked.command == "list":
        print(f"in {_download.folder()}:")
        for name, (parts, _) in SETS.items():
            for k, part in enumerate(parts):
                told, lacking = _download.registry()[part], len(_download.missing(part))
                state = f"{lacking:,} of {len(told.files):,} files missing" if lacking else "here"
                print(
                    f"{'' if k else name:15}{told.size / 1e6:6.1f} MB  {state}  {told.title}; {told.licence}"
                )
        return 0
    for name in asked.names:
        parts, otherwise = SETS[name]
        try:
            for part in parts:
                _download.load(part, name, otherwise, progress=True)
        except OSError as err:
            print(err, file=sys.stderr)
            return 1
        print(f"{name}: in {_download.folder()}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
