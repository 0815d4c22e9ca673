"""Asks the pages: their commands are run in a fresh clone; tables, links, pictures and symptoms are
compared with the code."""
