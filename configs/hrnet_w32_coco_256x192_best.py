# HRNet-W32 on COCO at 256x192, trained as well as is known: see _base_/recipe_best.py. Starts from scratch.
# Expected, not measured: AP .768, which is UDP's published .762 and AID's published gain of 0.6.
_base_ = ['_base_/recipe_best.py']
