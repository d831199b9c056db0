"""`python -m normviz` is the command `normviz`."""

import sys

from normviz.cli.commands import main

sys.exit(main())
