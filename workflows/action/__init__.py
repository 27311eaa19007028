"""Action models: trained, measured, asked."""
