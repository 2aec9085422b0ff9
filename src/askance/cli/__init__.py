"""The command line: thin doors to what the library does."""

from askance.cli.main import main as main
from askance.cli.main import parser as parser
