"""Platforms to collected posts, the shared rate budget, and the vault. Imports schema only."""
