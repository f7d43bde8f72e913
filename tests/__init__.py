"""The promises, each kept by a test that can fail."""
