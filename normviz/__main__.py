"""`python -m normviz` is the command `normviz`."""

import sys

from normviz.cli import main

sys.exit(main())
