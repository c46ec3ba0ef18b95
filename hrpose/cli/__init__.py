"""The console command `hrpose`. `main.py` lists the subcommands; each is a module that is imported when it is called.

Such a module has `main(words=None, *, prog=None)`, which parses `words` (default: the process's own) and does the work,
`parser_of(prog=None)`, and `EXAMPLES`, command lines that its help ends with.
Slow imports come after parsing. A script of the same purpose in `tools/` calls the same `main`.
"""
