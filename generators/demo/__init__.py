"""The documents of `demo`: invented products in two plain genres, small enough for a reader of a few million weights.

Its bytes are frozen, since bundled models learn from them: everything else goes into the configurations beside it.
"""
