"""The desk: people label on a page, while a process behind it trains and asks."""
