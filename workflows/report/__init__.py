"""Report: runs side by side and data sets in figures, for the terminal, as JSON, and as one page."""
