"""`python -m hrpose.cli` is the console command `hrpose`, for where scripts are not on the path."""

from hrpose.cli.main import main

if __name__ == '__main__':
    main()
