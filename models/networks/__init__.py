"""One file a network family, with the official attribute names."""
