# mmpose's hourglass52 with one stack on MPII at 384x384: a larger input, all else as at 256x256.
_base_ = ['hourglass52_mpii_256x256.py']

codec = dict(input_size=(384, 384))
