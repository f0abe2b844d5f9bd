"""A folder of the reader's own, from its files to a table of who belongs to whom, and how sure that is.

* ``align_folder``: read, embed, match, and say where the line is and what it promises: a ``FolderAlignment``;
* ``FolderAlignment``: all of it, to look at, to label on and to save.

The same from a terminal: ``python -m mmalign_nb align FOLDER --out RESULTS``.
"""

from ._align import align_folder
from ._result import FolderAlignment

__all__ = ["FolderAlignment", "align_folder"]
