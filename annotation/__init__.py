"""Codebooks, forms, sampling, Label Studio, agreement and adjudication. Imports schema only."""
