"""Write a part to start from: python tools/new_project.py my_net --kind backbone"""

from hrpose.cli.new_project import main
from hrpose.cli.run import run

if __name__ == '__main__':
    run(main)
