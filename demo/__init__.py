"""The invented community, its loopback servers and its simulated coders. Imports schema only."""
