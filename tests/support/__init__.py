"""What tests share and no room needs."""
