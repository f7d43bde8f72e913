"""Pure Polars: scrub, pseudonymize, deduplicate, language. Imports schema only."""
