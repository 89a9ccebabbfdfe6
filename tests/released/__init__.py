"""Programs for the exchange's own released client, run in an environment of its own."""
