"""A folder of the reader's own, from its files to a table of who belongs to whom, and how sure that is.

* ``align_folder``: read, embed, match, and say where the line is and what it promises: a ``FolderAlignment``;
* ``FolderAlignment``: all of it, to look at, to label on and to save;
* ``write_report``: one page that opens anywhere; ``write_label_page``: one to answer on.

The same from a terminal: ``python -m mmalign_nb align FOLDER --out RESULTS``.
"""

from ._align import align_folder
from ._report import write_label_page, write_report
from ._result import FolderAlignment

__all__ = ["FolderAlignment", "align_folder", "write_label_page", "write_report"]
