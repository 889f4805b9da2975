"""From a prediction's text to numbers."""
