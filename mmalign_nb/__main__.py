"""The same without a notebook: ``python -m mmalign_nb align FOLDER --out RESULTS``, then ``label RESULTS``."""

from __future__ import annotations

import argparse
import contextlib
import sys
import warnings
from collections.abc import Sequence
from typing import Any


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "python -m mmalign_nb",
        description="Find out which pictures, sounds and words of a folder belong together, and how sure that is.",
        epilog="Exit codes: 0 done, 1 could not (one sentence says why), 2 wrong usage, 130 interrupted (what is done is kept).",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    align = commands.add_parser("align", help="align a folder, and write tables and a report")
    align.add_argument(
        "path", metavar="PATH", help="a folder of pictures, sounds and captions, or a CSV table"
    )
    align.add_argument(
        "--out", required=True, metavar="DIR", help="where the results go; a second call goes on there"
    )
    align.add_argument(
        "--pairs", metavar="FILE", help="a CSV table of two columns of names: which belong together"
    )
    align.add_argument(
        "--encoder", default="auto", metavar="auto|own|pretrained|module:object",
        help="auto: try those that fit and take the best on held-out pairs (default)",
    )  # fmt: skip
    align.add_argument("--target", type=float, default=0.9, help="the precision that is wanted (default 0.9)")
    align.add_argument(
        "--a", metavar="KIND", help="one side: image, audio, video or text (default: as found)"
    )
    align.add_argument("--b", metavar="KIND", help="the other side")
    align.add_argument("--encoding", help="of texts that are not UTF-8, e.g. cp1252")
    align.add_argument("--quiet", action="store_true", help="no progress, and no summary at the end")

    label = commands.add_parser("label", help="say of pairs whether they are right, one at a time")
    label.add_argument("out", metavar="DIR", help="what align has written")
    label.add_argument(
        "--answers", metavar="FILE", help="take the answers of this CSV file, as the page saves them"
    )

    report = commands.add_parser("report", help="write the report again, after labels")
    report.add_argument("out", metavar="DIR", help="what align has written")

    start = commands.add_parser("start", help="copy the notebooks to a folder of your own")
    start.add_argument("folder", metavar="FOLDER", help="a new one: nothing is ever overwritten")

    commands.add_parser("doctor", help="say what is in order here, and what to mend")
    return parser


def _run(asked: Any) -> int:
    if asked.command == "start":
        from .start import start

        return int(start(asked.folder) or 0)
    if asked.command == "doctor":
        from .doctor import doctor

        return int(doctor() or 0)
    from .own import terminal

    return int(getattr(terminal, asked.command)(asked))


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says; return its exit code."""
    for stream in (sys.stdout, sys.stderr):  # a name that the terminal cannot show is no reason to end
        with contextlib.suppress(AttributeError):
            stream.reconfigure(errors="replace")  # type: ignore[union-attr]
    asked = _parser().parse_args(arguments)
    try:
        with warnings.catch_warnings():  # a sentence for the reader, without the place in the code
            warnings.showwarning = lambda message, *_: print(f"note: {message}", file=sys.stderr)
            return _run(asked)
    except KeyboardInterrupt:
        kept = getattr(asked, "out", None)
        print(
            f"\ninterrupted{f'; what is done is kept in {kept}: the same command goes on' if kept else ''}",
            file=sys.stderr,
        )
        return 130
    except (OSError, ValueError, TypeError, ImportError) as err:
        print(f"{asked.command}: {' '.join(str(err).split())}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
