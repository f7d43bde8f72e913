"""The DuckDB store: migrations, views, checks and the published file. Imports schema only."""

import os

# DuckDB writes whole blocks, and the unused end of a block is whatever its memory held before:
# a removed text could come back that way, and equal tables would differ byte by byte. Its
# allocator reads this once, when duckdb is first imported.
os.environ.setdefault("DUCKDB_JE_MALLOC_CONF", "zero:true")

from warehouse.corpus import Corpus, open_corpus

__all__ = ["Corpus", "open_corpus"]
