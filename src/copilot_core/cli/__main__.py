"""`python -m copilot_core.cli`."""

import sys

from copilot_core.cli import main

sys.exit(main())
