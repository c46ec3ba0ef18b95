"""How long each stage takes, from the image file to the metrics: stages.py has hrpose's, mmpose_side.py mmpose's."""
