"""Documents with gold records and the exact places of every fact."""
