"""The promises, each kept by a test that can fail."""

import warehouse  # noqa: F401  before duckdb: it sets the memory that DuckDB starts with
