"""The book: the notebooks, the glossary and the docstrings as pages that open from a disk, made by ``python -m book``."""
