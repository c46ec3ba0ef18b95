"""Write a part of one's own to start from: python tools/new_project.py my_net --kind backbone"""

from hrpose import errors
from hrpose.cli.new_project import main

if __name__ == '__main__':
    errors.run(main)
