"""The DuckDB store: migrations, views, checks and the published file. Imports schema only."""
