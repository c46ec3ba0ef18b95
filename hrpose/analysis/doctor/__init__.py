"""What is wrong with a data set, found and explained before any training.

people.py    an annotation file as flat arrays, whatever is wrong with it
finding.py   what a check reports
annotations.py, bodies.py, sides.py, metainfo.py, images.py, detections.py, grid.py   the checks
examine.py   which checks run, in which order
sheet.py     the people that findings are about, drawn
"""
