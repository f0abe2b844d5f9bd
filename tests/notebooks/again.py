"""A reader goes back a page and runs a cell again: it must say the same. A plugin of pytest beside nbval::

    python -m pytest -o addopts="" -p tests.notebooks.again --nbval --nbval-current-env NOTEBOOK …

nbval runs each notebook from top to bottom and compares what it prints with what is stored. Then, in the same kernel,
every code cell is run once more, from the last to the first, and compared again: each meets what the cells below it have
left, a name that means something else by now, a generator that has been drawn from, a list that has grown. Cells whose
output nbval does not compare (a training run, a time) must run, but may print something else.

What the chapters' panels give of themselves on the way is kept for the book, which then need not run them.
"""

import os

from nbval.plugin import IPyNbCell

from book import living
from mmalign_nb.panels.instrument import FRAGMENT, LIVE


class Again(IPyNbCell):
    """A code cell, for the second time."""

    def reportinfo(self):
        path, line, said = super().reportinfo()
        return path, line, f"{said} ({self.cell.id}) again"


def pytest_configure(config):
    os.environ[LIVE] = "1"  # kernels inherit it: panels give what the book puts in their place


def pytest_collection_modifyitems(items):
    files = {}
    for item in items:
        files.setdefault(item.parent, []).append(item)
    items[:] = []
    for file, cells in files.items():
        file.skip_compare += (FRAGMENT,)
        items += cells
        items += [
            Again.from_parent(
                file, name=f"{x.name} again", cell_num=x.cell_num, cell=x.cell, options=x.options
            )
            for x in reversed(cells)
        ]


def pytest_runtest_teardown(item, nextitem):
    """After a chapter's last cell: keep what its panels gave, if nothing stopped on the way."""
    if isinstance(item, Again) or not isinstance(nextitem, Again):
        return
    if item.path.parent != living.ROOT / "notebooks":  # solutions have the names of their chapters
        return
    cells = [x for x in item.session.items if x.parent is item.parent and not isinstance(x, Again)]
    whole = all(x.test_outputs is not None for x in cells)
    if whole and not any(o.output_type == "error" for x in cells for o in x.test_outputs):
        living.keep(item.path, {x.cell.id: x.test_outputs for x in cells})
