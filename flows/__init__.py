"""Prefect flows, the command line, clock, environment and reports. Imports every room."""
