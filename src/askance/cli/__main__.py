"""`python -m askance.cli` is `askance`."""

import sys

from askance.cli.main import main

sys.exit(main())
