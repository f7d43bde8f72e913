"""Frame contracts, codebook and study models, errors. Imports no room."""
