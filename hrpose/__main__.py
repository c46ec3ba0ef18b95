"""`python -m hrpose` is `hrpose`, for environments whose scripts are not on PATH."""

from hrpose.cli.main import main

if __name__ == '__main__':
    main()
