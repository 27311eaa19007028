"""One file a format that other programs write: each makes a data set of it, and touches no video."""
