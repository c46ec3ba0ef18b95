"""From an annotation file to its entries: files.py reads it, coco_entries.py says what of an entry can be used."""
