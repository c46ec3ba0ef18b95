"""How long each stage takes, from the image file to the metrics.

measure.py      times work, and finds the best rate that the machine computes at
stages.py       hrpose's work of each stage, built from a config; chain.py: the steps of inference
mmpose_side.py  mmpose's work of the same stages
report.py       a whole benchmark: measured, as a table and as JSON
cases.py        a generated COCO evaluation
"""
