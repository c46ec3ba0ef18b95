"""The console command `hrpose`: a table of sub-commands in `main.py`, each a module that is imported when it is called.

A sub-command's module has `main(words=None, *, prog=None)`, which parses `words` (the process's own if None) with
`argparse.ArgumentParser(prog=prog)` and does the work; anything slow to import is imported after parsing. The script of
the same purpose in `tools/` calls that same `main`.
"""
