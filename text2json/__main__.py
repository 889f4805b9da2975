"""`python -m text2json` is the command line."""

from __future__ import annotations

import sys

from text2json.cli import main

sys.exit(main())
