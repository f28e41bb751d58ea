"""The command, started as `python -m seo_engine.cli`."""

from seo_engine.cli import main

main()
