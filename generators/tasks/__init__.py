"""Samples of tasks other than Text2JSON, made here: needles, tracking, counting, web pages."""
